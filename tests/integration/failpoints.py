"""Receivers and workers meet a fault at each call in turn that changes the state folder, or answers.

The promise: what was answered 200 leads to each of its notifications, each under the one id that its
webhook's body gives it; what was not answered 200 may be sent again, re-signed, and leads to no second
notification.
"""
import collections
import contextlib
import os
import signal
import time

import disk
from stage import LATER_S, Arrivals, Stage, Webhook

KILLED = -signal.SIGKILL
KINDS = {"C": "create", "D": "mkdir", "P": "mkfifo", "W": "write", "T": "truncate", "S": "sync",
         "R": "rename", "U": "unlink", "F": "wake", "O": "answer"}
FATAL, FAILING = ("before", "after", "half"), ("28", "5")  # how a call goes wrong: SIGKILL; ENOSPC, EIO
MANY = 1000  # calls, more than any program here makes


class Tally:
    """What was hit how often, and what went wrong."""

    def __init__(self):
        self.hits, self.problems, self.again = collections.Counter(), [], 0

    def hit(self, who, fault):
        self.hits[who, fault.one.decode(), KINDS[fault.two.decode()]] += 1

    def count(self, place):
        """By WHO (0), HOW (1) or KIND (2)."""
        found = collections.Counter()
        for what, count in self.hits.items():
            found[what[place]] += count
        return found

    def problem(self, *what):
        self.problems.append(what)


@contextlib.contextmanager
def listening(stage):
    """As if a worker were at its post, which is to be woken."""
    path = stage.disk / "state" / "worker.wake"
    if not path.parent.exists():
        yield
        return
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield
    finally:
        os.close(reader)


class Victims:
    """HOW and at which call, and what has to hold afterwards."""

    def __init__(self, tally, stage, arrivals, how):
        self.tally, self.stage, self.arrivals, self.how = tally, stage, arrivals, how
        self.what = ()

    def begin(self, who, number):
        self.what = (who, self.how, number)
        self.stage.clean()
        self.arrivals.ids.clear()

    def problem(self, *what):
        self.tally.problem(*self.what, *what)

    def fault(self):
        """What the last run met; None when it came to no such call."""
        fault = next((record for record in disk.read_trace(self.stage.trace) if record.kind == "K"), None)
        if fault:
            self.tally.hit(self.what[0], fault)
            self.what += (KINDS[fault.two.decode()],)
        return fault

    def expect(self, webhooks, at_most):
        """WEBHOOKS were all answered 200 in the end: what came is theirs, each notification once, up to
        AT_MOST times."""
        came, wanted = (collections.Counter(self.arrivals.ids),
                        {one for webhook in webhooks for one in webhook.ids})
        self.tally.again += sum(came.values()) - len(came)
        if wanted - set(came):
            self.problem("lost", len(wanted - set(came)), "of", len(wanted))
        if set(came) - wanted:
            self.problem("unknown ids", set(came) - wanted)
        if max(came.values(), default=0) > at_most:
            self.problem("sent again", came)
        if not {webhook.number for webhook in webhooks} <= set(self.stage.spoken()):
            self.problem("the log was not told", self.stage.spoken())

    def judge_answer(self, fault, status, code, good, waited):
        """What the victim itself said."""
        if fault and self.how in FATAL and code != KILLED:
            self.problem("was not killed", code)
        if not fault and self.how in FATAL and status != good:
            self.problem("no fault, and no good answer", status)
        if fault and self.how in FAILING and status not in (good, 503, 0):
            self.problem("answered", status)
        if self.how in FAILING and status == 503 and len(self.stage.waiting) != waited:
            self.problem("refused, and kept all the same", self.stage.waiting)

    def receiver(self, who, number):
        """A receiver is hit; the sender tries again until it is answered 200, and once more, with a new
        signature each time."""
        first, second, stage = Webhook(1), Webhook(2), self.stage
        self.begin(who, number)
        waited = who != "first receiver"
        if waited:
            stage.post(second, traced=False)
        with listening(stage):
            status, code = (stage.ask if who == "fcgi receiver"
                            else stage.post)(first, at=number, how=self.how)
        fault = self.fault()
        self.judge_answer(fault, status, code, 200, waited)
        if number % 2:  # a worker may look in between, or later
            stage.work(traced=False)
        if status != 200:
            status, _ = stage.post(first, now=time.time() + 1, traced=False)
        again, _ = stage.post(first, now=time.time() + 2, traced=False)
        stage.post(second, now=time.time() + 2, traced=False)
        if (status, again) != (200, 200) or stage.work(traced=False) != 0 or stage.waiting:
            self.problem("did not recover", status, again, stage.waiting)
        self.expect([first, second], 1)
        return fault

    def aside(self, who, number):
        """A receiver is hit while it keeps what is proven and no JSON; everybody else goes on."""
        broken, second, stage = Webhook(1), Webhook(2), self.stage
        broken.body = b'{"event":'
        self.begin(who, number)
        stage.post(second, traced=False)
        status, code = stage.post(broken, at=number, how=self.how)
        fault = self.fault()
        self.judge_answer(fault, status, code, 400, 1)
        if status != 400:
            status, _ = stage.post(broken, now=time.time() + 1, traced=False)
        kept = [name for name in os.listdir(stage.disk / "state" / "inbox" / "aside")
                if not name.endswith(".reason")]
        if status != 400 or not kept or stage.work(traced=False) != 0 or stage.waiting:
            self.problem("did not recover", status, kept, stage.waiting)
        self.expect([second], 1)
        return fault

    def worker(self, who, number):
        """A worker is hit; the next one finishes, later, since what was under way counts as an attempt."""
        webhooks, stage = [Webhook(one) for one in range(1, 4)], self.stage
        self.begin(who, number)
        kept = [stage.post(webhook, traced=False)[0] for webhook in webhooks]
        kept.append(stage.post(webhooks[0], now=time.time() + 1, traced=False)[0])
        (stage.disk / "state" / "inbox" / "new" / "00").write_bytes(b"damaged")
        stage.work(at=number, how=self.how)
        fault = self.fault()
        code = stage.work(traced=False, ahead_s=LATER_S)
        aside = sorted(name.name for name in (stage.disk / "state" / "inbox" / "aside").iterdir())
        if kept != [200] * 4 or code != 0 or stage.waiting or aside != ["00", "00.reason"]:
            self.problem("did not recover", kept, code, stage.waiting, aside)
        self.expect(webhooks, 2)
        return fault


def in_turn(chosen, calls, run):
    """RUN(number) for every call, or every CHOSEN.stride-th from a random one on; CALLS of them, or 0: until
    it comes to none. How many."""
    number = 1 + chosen.random.randrange(chosen.stride)
    while number <= (calls or MANY) and (run(number) or calls):
        number += chosen.stride
    return number - 1


def failpoints(report, folder, chosen):
    tally, calls = Tally(), {}
    with Arrivals() as arrivals:
        stage = Stage(folder / "failpoints", chosen.dynamic, chosen.shims, url=arrivals.url(""))
        for how in (*FATAL, *FAILING):
            victims = Victims(tally, stage, arrivals, how)
            for who, run in {"first receiver": victims.receiver, "receiver": victims.receiver,
                             "fcgi receiver": victims.receiver,
                             "aside receiver": victims.aside, "worker": victims.worker}.items():
                # Only writes can be done by halves, so there it is no sign of the end that nothing happened.
                made = in_turn(chosen, calls[who] if how == "half" else 0, lambda number, who=who,
                               run=run: run(who, number))
                calls.setdefault(who, made)
                report.check(f"failpoints: {who}, {how}: came to the last call", made < MANY, made)
    print(f"failpoints: {sum(tally.hits.values())} faults: "
          f"{', '.join(str(dict(tally.count(place))) for place in range(3))}; "
          f"{tally.again} notifications sent again")
    report.check("failpoints: enough went wrong to mean something",
                 sum(tally.hits.values()) >= 900 // chosen.stride)
    if chosen.stride == 1:
        report.check("failpoints: every kind of call was hit", {*tally.count(2)} == {*KINDS.values()},
                     tally.count(2))
    report.check("failpoints: nothing was lost, nothing got a second id", not tally.problems,
                 f"{len(tally.problems)}: {tally.problems[:5]}")
