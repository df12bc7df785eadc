"""Power cuts: only what was synced by then is sure to be left, and it suffices for all that was answered
200."""
import collections
import re
import time

import common
import disk
from stage import LATER_S, RULES, Arrivals, Stage, Webhook

ANSWERED = re.compile(rb"Status: 200 .*\"request_id\":\"r-(\d+)\"", re.S)
PARALLEL = 16  # notifications that may be under way


def filmed(stage, arrivals, webhooks):
    """A while of work, on record: CGI and FastCGI receivers, a worker that stays and one that comes and
    goes."""
    half = len(webhooks) // 2
    for webhook in webhooks[:2]:
        stage.post(webhook)
    stage.work()
    for webhook in webhooks[2:half]:
        stage.post(webhook)
    stage.work()
    worker, receiver = stage.worker(), stage.receiver()
    try:
        for number, webhook in enumerate(webhooks[half:]):
            if number % 2:
                stage.post(webhook)
            else:
                receiver.ask(webhook.variables(stage.config).items(), webhook.body)
        common.wait_until(lambda: not stage.waiting and len(set(arrivals.ids)) == len(webhooks) * len(RULES),
                          3)
        worker.terminate()
        worker.wait()
    finally:
        receiver.close()
        if worker.poll() is None:
            worker.kill()
            worker.wait()


class Cuts:
    """Looks at what each cut leaves, and whether a worker makes it good."""

    def __init__(self, stage, arrivals, webhooks, chance):
        self.stage, self.arrivals, self.webhooks, self.chance = stage, arrivals, webhooks, chance
        self.problems, self.again = [], 0
        self.answered, self.came, self.done, self.seen, self.counts = (
            [], [], set(), set(), collections.Counter())
        self.by_number = {webhook.request_id: webhook for webhook in webhooks}

    def problem(self, *what):
        self.problems.append(what)

    def note(self, record):
        """What the world knows by RECORD."""
        answer = ANSWERED.search(record.two) if record.kind == "O" else None
        if answer:
            self.answered.append(self.by_number[f"r-{answer.group(1).decode()}"])
        if record.kind == "N":
            one, status = record.name.split()
            self.came.append(one)
            if status == "200":
                self.done.add(one)

    def look(self, what, found):
        """FOUND is what the disk holds; what was looked at before with the same promises given is not looked
        at again."""
        key = (disk.digest(found), len(self.answered), len(self.came))
        if key in self.seen:
            return
        self.seen.add(key)
        self.counts[what[0]] += 1
        disk.write(found, self.stage.disk)
        self.arrivals.ids.clear()
        if self.stage.work(ahead_s=LATER_S) != 0 or self.stage.waiting:
            self.problem(*what, "did not recover", self.stage.waiting)
        recovered = list(self.arrivals.ids)
        if len(set(recovered)) != len(recovered):
            self.problem(*what, "sent twice after the cut", recovered)
        again = len(self.done & set(recovered))
        self.again = max(self.again, again)
        if again > PARALLEL:
            self.problem(*what, "more sent again than were under way", again)
        self.account(what, self.answered, self.came + recovered)
        if self.chance.random() < 0.1:  # whoever got no 200 tries again, and so does somebody who got one
            now = time.time()
            answers = [self.stage.post(webhook, now=now + 1, traced=False)[0] for webhook in self.webhooks]
            self.stage.work(ahead_s=LATER_S)
            if answers != [200] * len(self.webhooks):
                self.problem(*what, "refused after the cut", answers)
            if len(set(self.arrivals.ids)) != len(self.arrivals.ids):
                self.problem(*what, "sent twice after the cut, for a repeat", self.arrivals.ids)
            self.account(what, self.webhooks, self.came + self.arrivals.ids)

    def account(self, what, answered, came):
        wanted = {one for webhook in answered for one in webhook.ids}
        known = {one for webhook in self.webhooks for one in webhook.ids}
        if wanted - set(came):
            self.problem(*what, "lost", len(wanted - set(came)), "of", len(wanted))
        if set(came) - known:
            self.problem(*what, "unknown ids", set(came) - known)


def power_cuts(report, folder, chosen):
    webhooks = [Webhook(number) for number in range(1, chosen.filmed + 1)]
    trace = folder / "cuts" / "trace"
    with Arrivals(lambda path, body: chosen.random.choice((200, 200, 200, 503)), trace) as arrivals:
        stage = Stage(folder / "cuts", chosen.dynamic, chosen.shims, url=arrivals.url(""))
        now = disk.Disk(stage.disk.stat().st_ino)
        filmed(stage, arrivals, webhooks)
        records = disk.read_trace(trace)
        left = disk.read(stage.disk)
    with Arrivals() as arrivals:
        stage.send_to({rule: arrivals.url(f"/{rule}") for rule in RULES})
        cuts = Cuts(stage, arrivals, webhooks, chosen.random)
        chances = [(f"chance {number}", disk.by_chance(chosen.random)) for number in range(chosen.chances)]
        variants = [("strict", disk.strict), ("names", disk.only_names), ("contents", disk.only_contents),
                    *chances]
        for number, record in enumerate(records):
            now.apply(record)
            cuts.note(record)
            if record.kind in "ON" or chosen.random.randrange(chosen.stride) == 0:
                for name, keep in variants:
                    cuts.look((name, number, record.kind), now.after(keep))
        missed = {path for path in {*left, *now.after(disk.everything)}
                  if left.get(path) != now.after(disk.everything).get(path)}
        report.check("power cuts: the film shows everything that was done", left and not missed,
                     sorted(missed)[:5])
        report.check("power cuts: all were answered 200, some notified, some in vain",
                     len(cuts.answered) == len(webhooks) and
                     cuts.done and len(cuts.came) > len(cuts.done),
                     (len(cuts.answered), len(cuts.came), len(cuts.done)))
    print(f"power cuts: {len(records)} changes, {sum(cuts.counts.values())} different disks: "
          f"{dict(cuts.counts)}; "
          f"at most {cuts.again} sent again that had been answered 200")
    report.check("power cuts: enough of them to mean something",
                 sum(cuts.counts.values()) >= chosen.least_cuts, cuts.counts)
    report.check("power cuts: what was synced sufficed", not cuts.problems,
                 f"{len(cuts.problems)}: {cuts.problems[:5]}")
