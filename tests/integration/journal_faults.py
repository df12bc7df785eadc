"""What the journal says when a worker met a fault at one of the calls that change its state folder, or was
killed: held against what was put into the inbox, what the log was told, and what destinations answered."""
import collections
import json
import re
import time

import common
import disk
from cli_worker import drop, entry, ring
from failpoints import FAILING, FATAL, in_turn
from journal_account import DELIVERED, look_at_copy
from stage import Arrivals, id_of, LATER_S, Stage, Webhook

NUMBER = re.compile(rb'"number":(\d+)')
RULES = ("first", "second", "journal")  # the last writes into the log
# Of so many webhooks one is refused by `second`, or taken by `first` only when it comes again.
REFUSED, TRIED_TWICE = 3, 4
PASSES_MAX = 6
COPIES_MAX = 2   # of what was taken: one more for a fault between the answer and its record
MANY_A_ROUND, ALIVE_S = 12, 0.25
UNLUCKY_MAX = 6  # with so many kills one delivery may meet several
SHOWN = 4


class Destinations(Arrivals):
    """What they answered, by the delivery's id."""

    def __init__(self):
        super().__init__(self.answer)
        self.answers, self.seen = collections.defaultdict(list), set()

    def answer(self, path, body):
        number, again = int(NUMBER.search(body)[1]), (path, body) in self.seen
        self.seen.add((path, body))
        if path == "/second" and number % REFUSED == 0:
            return 400
        return 500 if path == "/first" and number % TRIED_TWICE == 0 and not again else 200

    def take(self, path, headers, body, method="POST"):
        said = super().take(path, headers, body, method)
        self.answers[self.ids[-1]].append(said[0])
        return said

    def clear(self):
        self.ids.clear()
        self.answers.clear()
        self.seen.clear()

    def answered(self, status):
        return {one for one, said in self.answers.items() if status in said}


class Truth:
    """Of one state folder: what was put into its inbox, and what must be true of its journal then."""

    def __init__(self, stage, fakes):
        self.stage, self.fakes, self.problems = stage, fakes, []
        self.state = stage.disk / "state"
        self.done, self.repeats, self.broken = {}, set(), set()  # names of entries; of a webhook, its ids

    def feed(self, webhook):
        name = drop(self.state, entry(webhook.body, number=webhook.number))
        self.done[name] = {id_of(webhook.body, rule) for rule in RULES}

    def feed_again(self, webhook):
        """Under another signature, so that it is a repeat."""
        self.repeats.add(drop(self.state, entry(webhook.body, number=webhook.number, at=time.time() - 5)))

    def feed_broken(self):
        self.broken.add(drop(self.state, b"damaged"))

    @property
    def ids(self):
        return set().union(*self.done.values())

    def expect(self, what, good, *more):
        if not good:
            self.problems.append((what, *more))

    def said(self, message):
        """Lines of the log: a kill may have cut one."""
        lines = common.whole_text(self.stage.folder / "worker.log").splitlines()
        found = [json.loads(line) for line in lines if line.endswith("}") and f'"{message}"' in line]
        return [line for line in found if line["message"] == message]

    def lies(self, part):
        return {path.name for path in (self.state / "inbox" / part).iterdir() if path.suffix != ".reason"}

    # ---- at any moment

    def look(self):
        """Whatever has just happened. None when there is no memory yet."""
        seen = look_at_copy(self.state, self.stage.folder / "copy")
        handled = {line["entry"] for line in self.said("webhook handled")}
        names = {line.entry for line in seen.lines} if seen else set()
        self.expect("worked, and not in the journal", handled <= names, handled - names)
        lost = {*self.done, *self.repeats} - names - self.lies("new")
        self.expect("neither in the journal nor in the inbox", not lost, lost)
        if seen:
            self.problems += seen.faults()
            self.look_at_lines(seen)
            self.look_at_fates(seen)
        return seen

    def look_at_lines(self, seen):
        """What is in the journal was worked: each of its deliveries is owed, or has a fate."""
        found = collections.defaultdict(list)
        for one in (*seen.fates, *seen.owed):
            found[one.webhook].append(one.id)
        for line in seen.lines:
            ids = sorted(found[line.seq])
            wanted = sorted(self.done.get(line.entry, ()))
            verdict = ("done" if line.entry in self.done else "repeat" if line.entry in self.repeats
                       else "aside" if line.entry in self.broken else None)
            self.expect("a line of another verdict", line.verdict == verdict, line, verdict)
            self.expect("a line that was not worked", ids == wanted, line, ids, wanted)
            if verdict == "aside":
                self.expect("aside, and not there", line.entry in self.lies("aside"), line)

    def look_at_fates(self, seen):
        spoken = {line["delivery"] for line in self.said("notification")}
        taken = self.fakes.answered(200) | spoken
        delivered = {one.id for one in seen.fates if one.reason == DELIVERED}
        dead = {one.id for one in seen.owed if one.is_dead}
        owed = {one.id for one in seen.owed if not one.is_dead}
        self.expect("a fate that this cannot have", len(delivered) == len(seen.fates), seen.fates[:SHOWN])
        self.expect("delivered, and not taken", delivered <= taken, delivered - taken)
        self.expect("dead, and not refused", dead <= self.fakes.answered(400), dead)
        self.expect("taken, and forgotten", taken <= delivered | owed, taken - delivered - owed)

    # ---- in the end

    def finish(self, is_whole=False):
        """Later workers, for what waits for another try. IS_WHOLE: nothing went wrong."""
        for late in range(1, PASSES_MAX):
            if self.stage.work(traced=False, ahead_s=late * LATER_S) == 0:
                break
        self.expect("something waits", not self.lies("new"), self.lies("new"))
        seen = self.look()
        if not seen:
            self.expect("no memory", False)
            return
        names = {line.entry for line in seen.lines}
        self.expect("not in the journal", {*self.done, *self.repeats} <= names,
                    {*self.done, *self.repeats} - names)
        refused = {one for one in self.fakes.answered(400) if one in self.ids}
        dead = {one.id for one in seen.owed if one.is_dead and one.status == 400}
        delivered = {one.id for one in seen.fates if one.reason == DELIVERED}
        self.expect("refused, and not dead", dead == refused, dead ^ refused)
        self.expect("not delivered in the end", delivered == self.ids - refused,
                    delivered ^ (self.ids - refused))
        failed = {one.id: one.tries.count(" 500 ") for one in seen.fates if " 500 " in one.tries}
        answered = {one: said.count(500) for one, said in self.fakes.answers.items() if 500 in said}
        self.expect("tries that were not failed", failed == answered if is_whole else
                    failed.items() <= answered.items(), failed, answered)
        self.expect("owed in the end", len(seen.owed) == len(dead), seen.owed[:SHOWN])

    def copies(self, most):
        """How many came again, of what was taken or refused before; none more than MOST times altogether."""
        came = [len(said) - said.count(500) for said in self.fakes.answers.values()]
        self.expect("came too often", max(came, default=0) <= most, collections.Counter(came))
        return sum(one > 1 for one in came)


def failpoints(report, folder, dynamic, random_, stride):
    """Each call of a worker, or every STRIDE-th, goes wrong in every way; then the next ones go on."""
    hits, problems, copies, count = collections.Counter(), [], 0, 0
    with Destinations() as fakes:
        stage = Stage(folder / "failpoints", dynamic, dynamic / "tests", url=fakes.url(""))

        def one(number, how):
            nonlocal copies
            stage.clean()
            fakes.clear()
            truth = Truth(stage, fakes)
            some = [Webhook(1 + each) for each in range(TRIED_TWICE)]
            for webhook in some:
                truth.feed(webhook)
            truth.feed_again(some[0])
            truth.feed_broken()
            stage.work(at=number, how=how)
            fault = next((record for record in disk.read_trace(stage.trace) if record.kind == "K"), None)
            seen = truth.look()
            if fault:
                hits[how, fault.two.decode()] += 1
            elif how not in FAILING and how != "half":
                truth.expect("no fault, and set aside without a line", seen and truth.broken <= {
                    line.entry for line in seen.lines})
            truth.finish(is_whole=not fault)
            again = truth.copies(COPIES_MAX)
            truth.expect("came again without a fault", fault or not again, again)
            copies += again
            problems.extend((how, number, fault and fault.two, problem) for problem in truth.problems)
            return fault

        for how in (*FATAL, *FAILING):
            chosen = _Chosen(random_, stride)
            # Only writes can be done by halves, so there it is no sign of the end that nothing happened.
            made = in_turn(chosen, count if how == "half" else 0, lambda number, how=how: one(number, how))
            count = max(count, made)
    print(f"journal, failpoints: {sum(hits.values())} faults of up to {count} calls: {dict(hits)}; "
          f"{copies} deliveries came again", flush=True)
    report.check("journal, failpoints: enough went wrong to mean something",
                 sum(hits.values()) >= 600 // stride, hits)
    report.check("journal, failpoints: it tells the truth", not problems,
                 f"{len(problems)}: {problems[:SHOWN]}")


class _Chosen:
    """What in_turn asks for."""

    def __init__(self, random_, stride):
        self.random, self.stride = random_, stride


def kills(report, folder, dynamic, random_, count):
    """Worker after worker is killed while webhooks come; the journal is looked at after each."""
    number = dead = 0
    with Destinations() as fakes:
        stage = Stage(folder / "kills", dynamic, dynamic / "tests", url=fakes.url(""))
        truth = Truth(stage, fakes)
        while dead < count and not truth.problems:
            worker = stage.worker(traced=False)
            end = time.monotonic() + random_.random() * ALIVE_S
            try:
                for _ in range(random_.randrange(MANY_A_ROUND)):
                    number += 1
                    truth.feed(Webhook(number))
                    if random_.random() < 0.1:
                        truth.feed_again(Webhook(number))
                    ring(stage.disk / "state")
                    time.sleep(max(0, min(end - time.monotonic(), random_.random() * 0.02)))
                time.sleep(max(0, end - time.monotonic()))
            finally:
                dead += worker.poll() is None
                worker.kill()
                worker.wait()
            truth.look()
        truth.finish()
        again = truth.copies(UNLUCKY_MAX)
    print(f"journal, kills: {dead} workers, {number} webhooks, {again} deliveries came again", flush=True)
    report.check("journal, kills: webhooks came", number > count, number)
    report.check("journal, kills: it tells the truth", not truth.problems,
                 f"{len(truth.problems)}: {truth.problems[:SHOWN]}")
