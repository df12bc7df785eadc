#!/usr/bin/env python3
"""The Lambda function for a long time: many events of all kinds in one process, then many faults of the
Runtime API.

steady  --invocations events (100,000) through one process: every answer right, memory flat, no descriptor
        leaked
faults  --faults events (10,000), most with something wrong on the wire: no wrong answer, and the process
        leaves with status 1 exactly where it has to (403, 500, no whole answer to a post, a second failure of
        next); it is then started again

--program names the bootstrap (default: build/release/bootstrap). Everything is on loopback. Takes about five
minutes; the seed is printed, and --seed repeats a run but for the clock.
"""
import argparse
import base64
import collections
import json
import pathlib
import random
import re
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "support")]
import common  # noqa: E402
from catcher import Catcher  # noqa: E402
from lambda_mix import Mix  # noqa: E402
from runtime_api import PLAIN, Api, Bootstrap, Wire  # noqa: E402

GROWTH_MAX_KIB = 512  # from the end of the warm-up to the end; allocators are never quite flat
WARM_UP = 2000  # or a third, where there are few
AHEAD = 32      # events that wait in the queue
PATIENCE_S = 20
SHOWN = 10      # wrong answers that are printed
# glibc then gives back what is free: a leak cannot hide in it, and what the largest events needed is not
# counted
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": "4096", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TOP_PAD_": "0"}

TOLD_KEY = base64.b64encode(b"told-key-of-twenty-four!").decode()
CONFIG = """\
webhook:
  signature: {file: webhook-secret}
  max_body: 64KB   # lambda_mix.MAX_BODY
notify:
  - log:
  - name: told
    webhook: {url: {env: TOLD_URL}, secret: {env: TOLD_KEY}}
    branches: told
"""


# ---- the process

class Function:
    """The bootstrap behind its Runtime API; started again after it has left."""

    def __init__(self, folder, program, told_url):
        self.folder, self.program, self.told_url = folder, program, told_url
        self.api, self.starts, self.wrong = Api(), 0, []
        (folder / "webhook-secret").write_bytes(common.SECRET)
        (folder / "webhook-secret").chmod(0o600)
        (folder / "kitehook.yml").write_text(CONFIG, encoding="utf-8")
        self.bootstrap = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.bootstrap.close()
        self.api.close()

    def start(self):
        if self.bootstrap:
            self.bootstrap.close()
        self.starts += 1
        self.bootstrap = Bootstrap(self.api, [self.program], self.folder / "output.jsonl",
                                   LAMBDA_TASK_ROOT=str(self.folder), TOLD_URL=self.told_url,
                                   TOLD_KEY=TOLD_KEY, **ALLOCATOR)

    def has_left(self):
        return self.bootstrap.process.poll() is not None

    def settled(self, seconds=PATIENCE_S):
        """Waits until it asks for an event that is not there. False when it has left, or does neither."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self.api.lock:
                if self.api.lock.wait_for(self.api.is_waiting, 0.005):
                    return True
            if self.has_left():
                return False
        return False

    def judge(self, invocation, expected):
        problem = expected.problem(invocation)
        if problem:
            self.wrong.append(problem)

    def memory_kib(self):
        text = pathlib.Path(f"/proc/{self.bootstrap.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1))

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.bootstrap.process.pid}/fd").iterdir()))


def check_output(report, name, function, webhooks):
    """The log has a line for each of WEBHOOKS (None where that is not known), and never the secret."""
    received, broken, leaks = 0, 0, 0
    with open(function.folder / "output.jsonl", "rb") as lines:
        for line in lines:
            leaks += common.SECRET in line
            try:
                received += json.loads(line).get("message") == "webhook received"
            except (ValueError, AttributeError):
                broken += 1
    if webhooks is not None:
        report.check(f"{name}: a log line for each webhook", received == webhooks,
                     f"{received} for {webhooks}")
    report.check(f"{name}: the output is log lines", not broken and received > 0, f"{broken} are not")
    report.check(f"{name}: the secret is in none", not leaks, leaks)


def check_end(report, name, function):
    report.check(f"{name}: every answer is right", not function.wrong, f"{len(function.wrong)} are not")
    for problem in function.wrong[:SHOWN]:
        print(f"      {problem}")
    report.check(f"{name}: the Runtime API was used as it should be", not function.api.problems,
                 function.api.problems[:SHOWN])


# ---- steady

def pour(function, events):
    """All EVENTS, some ahead; true when the last is answered and another one asked for."""
    under_way = collections.deque()
    for payload, expected in events:
        under_way.append((function.api.submit(payload), expected))
        if len(under_way) > AHEAD and not take(function, under_way, AHEAD // 2):
            return False
    return take(function, under_way, 0) and function.settled()


def take(function, under_way, left):
    """Looks at answers until only LEFT are missing."""
    while len(under_way) > left:
        invocation, expected = under_way.popleft()
        if not invocation.wait(PATIENCE_S):
            function.wrong.append(f"{expected.kind}: no answer")
            return False
        function.judge(invocation, expected)
    return True


def steady(report, folder, chosen):
    mix = Mix(chosen.seed)
    count, samples = chosen.invocations, []
    warm_up = min(WARM_UP, count // 3)
    with Catcher() as catcher, Function(folder, chosen.program, catcher.url("/told")) as function:
        start = time.monotonic()
        alive = pour(function, mix.first()) and pour(function, mix.some(warm_up))
        before = alive and (function.memory_kib(), function.descriptors())
        for part in range(10):
            if alive:
                alive = pour(function,
                             mix.some((count - warm_up) * (part + 1) // 10 - (count - warm_up) * part // 10))
                samples += [function.memory_kib()] if alive else []
        took = time.monotonic() - start
        report.check("steady: one process answers everything", alive, function.bootstrap.process.returncode)
        if alive:
            after = (samples[-1], function.descriptors())
            print(f"steady: {sum(mix.counts.values())} events in {took:.0f} s, "
                  f"{sum(mix.counts.values()) / took:.0f} a second; "
                  f"{dict(sorted(mix.counts.items()))}\n"
                  f"steady: VmRSS {before[0]} KiB after {warm_up} events, then {samples}; {after[1]} "
                  f"descriptors")
            if b"__asan_init" in chosen.program.read_bytes():
                report.skip("steady: memory", "AddressSanitizer keeps what is freed")
            else:
                report.check(f"steady: memory grows by at most {GROWTH_MAX_KIB} KiB",
                             after[0] - before[0] <= GROWTH_MAX_KIB, f"{before[0]} to {after[0]}")
            report.check("steady: no descriptor is leaked", after[1] == before[1],
                         f"{before[1]} to {after[1]}")
        report.check("steady: one connection", function.api.connections == 1, function.api.connections)
        report.check("steady: each notification is sent once",
                     len(catcher.at("/told")) == len(catcher.caught) == mix.counts["told"],
                     f"{len(catcher.caught)} for {mix.counts['told']}")
        check_end(report, "steady", function)
        check_output(report, "steady", function,
                     sum(mix.counts.values()) - mix.counts["no_request"] - mix.counts["get"])


# ---- faults

STAYS, LEAVES, EITHER = "stays", "leaves", "either"
NEXT_HEAD, POST_HEAD, POST_BODY = 200, 60, 10  # answers have at least so many bytes


class Fault:
    def __init__(self, name, outcome, on_next=(), on_post=PLAIN, late=False):
        self.name, self.outcome, self.on_next, self.on_post, self.late = (
            name, outcome, list(on_next), on_post, late)


class Faults:
    """What goes wrong with an event, by chance. `is_dubious`: next may already have failed once without
    anyone seeing it."""
    WEIGHTS = {"harmless": 45, "closes": 12, "cut_once": 12, "cut_twice": 4, "garbage": 4, "next_status": 4,
               "post_concerns_one": 8, "post_ends": 5, "post_cut": 5, "late": 3}

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.counts = collections.Counter()
        self.is_dubious = False

    def make(self, size):
        name, = self.chance.choices(list(self.WEIGHTS), self.WEIGHTS.values())
        self.counts[name] += 1
        fault = getattr(self, name)(size)
        if (self.is_dubious and fault.on_next and fault.name in ("cut_once", "garbage") and
            fault.outcome == STAYS):
            fault.outcome = EITHER
        self.is_dubious = fault.on_post.close == "silent"
        return fault

    def wire(self, size, **more):
        """A form in which an answer may travel."""
        chance = self.chance
        return Wire(
            **{"chunks": chance.choice((0, 0, 1, 17, 5000)),
               "pieces": chance.choice((0, 0, max(size // 4, 1), max(size // 9, 1))),
               "spelling": chance.choice(("", "odd", "upper", "lower")), "length": chance.random() > 0.1,
               "interim": chance.choice((b"", b"", b"HTTP/1.1 102 Processing\r\n\r\n")), **more})

    def cut(self, head, body):
        """An answer that is not whole; HEAD and BODY are bytes that it surely has. Not a form that ends by
        the connection's end."""
        in_body = self.chance.random() < 0.5
        return self.wire(head + body, length=True, interim=b"",
                         cut=self.chance.randrange(body if in_body else head), cut_in_body=in_body,
                         reset=self.chance.random() < 0.4)

    def harmless(self, size):
        return Fault("harmless", STAYS, [self.wire(size)], self.wire(POST_HEAD))

    def closes(self, size):
        on_next = self.wire(size, length=True, close=self.chance.choice(("", "said", "silent")))
        on_post = self.wire(POST_HEAD, length=True, close=self.chance.choice(("said", "silent")))
        return Fault("closes", EITHER if on_next.close == "silent" else STAYS, [on_next], on_post)

    def cut_once(self, size):
        return Fault("cut_once", STAYS, [self.cut(NEXT_HEAD, size), self.wire(size)], self.wire(POST_HEAD))

    def cut_twice(self, size):
        return Fault("cut_twice", LEAVES, [self.cut(NEXT_HEAD, size), self.cut(NEXT_HEAD, size)])

    def garbage(self, size):
        times = self.chance.choice((1, 2))
        wires = [Wire(instead=self.chance.randbytes(self.chance.randrange(300)), close="silent")
                 for _ in range(times)]
        return Fault("garbage", LEAVES if times == 2 else STAYS, wires)

    def next_status(self, size):
        return Fault("next_status", LEAVES,
                     [self.wire(POST_HEAD, status=self.chance.choice((403, 500, 500, 404, 503)))])

    def post_concerns_one(self, size):
        return Fault("post_concerns_one", STAYS, [self.wire(size)],
                     self.wire(POST_HEAD, status=self.chance.choice((400, 410, 413))))

    def post_ends(self, size):
        return Fault("post_ends", LEAVES, [self.wire(size)],
                     self.wire(POST_HEAD, status=self.chance.choice((403, 500))))

    def post_cut(self, size):
        return Fault("post_cut", LEAVES, [self.wire(size)], self.cut(POST_HEAD, POST_BODY))

    def late(self, size):
        return Fault("late", STAYS, [self.wire(size)], late=True)


def one_fault(function, mix, faults):
    """One event with its fault; "" or what was not as it has to be."""
    payload, expected = mix.make()
    fault = faults.make(len(payload))
    story = f"{fault.name} {fault.on_next} {fault.on_post}"
    invocation = function.api.submit(payload, on_next=list(fault.on_next), on_post=fault.on_post,
                                     late=fault.late)
    stays = function.settled()
    if stays and fault.outcome == LEAVES:
        return f"stays: {story}"
    if not stays:
        faults.is_dubious = False
        status = function.bootstrap.exit_status(0.1)
        function.start()
        if status is None:
            return f"hangs: {story}"
        if status != 1:
            return f"leaves with {status}: {story}"
        if fault.outcome == STAYS:
            return f"leaves: {story}"
    if invocation.kind in ("response", "error", "Sandbox.Timedout"):
        function.judge(invocation, expected)
    elif stays or invocation.kind != "Runtime.ExitError" or fault.on_post.status or fault.on_post.cut >= 0:
        return f"ends as {invocation.kind!r}: {story}"
    return ""


def run_faults(report, folder, chosen):
    mix, faults, bad = Mix(chosen.seed + 1), Faults(chosen.seed + 2), []
    start = time.monotonic()
    with Catcher() as catcher, Function(folder, chosen.program, catcher.url("/told")) as function:
        report.check("faults: it starts", function.settled(), function.bootstrap.lines()[-3:])
        for _ in range(chosen.faults):
            problem = one_fault(function, mix, faults)
            bad += [problem] if problem else []
            if len(bad) > SHOWN:
                break
        descriptors = function.descriptors() if function.settled() else -1
        took = time.monotonic() - start
        print(f"faults: {sum(faults.counts.values())} events in {took:.0f} s, {function.starts} processes; "
              f"{dict(sorted(faults.counts.items()))}")
        report.check("faults: it stays and leaves where it has to", not bad, "")
        for problem in bad[:SHOWN]:
            print(f"      {problem}")
        report.check("faults: no descriptor is leaked", 0 < descriptors <= 8, descriptors)
        check_end(report, "faults", function)
        check_output(report, "faults", function, None)


def read_arguments():
    parser = argparse.ArgumentParser(prog="soak lambda", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invocations", type=int, default=100000, metavar="N")
    parser.add_argument("--faults", type=int, default=10000, metavar="N")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6), metavar="S")
    parser.add_argument("--program", type=lambda text: pathlib.Path(text).resolve(),
                        default=common.ROOT / "build/release/bootstrap")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder, and say where it is")
    chosen = parser.parse_args()
    if not chosen.program.is_file():
        parser.error(f"{chosen.program} does not exist; build it first")
    return chosen


def run():
    chosen = read_arguments()
    report = common.Report()
    print(f"soak lambda: seed {chosen.seed}, {chosen.program}", flush=True)
    with common.Workspace(chosen.keep) as folder:
        for name, count, part in (("steady", chosen.invocations, steady),
                                  ("faults", chosen.faults, run_faults)):
            (folder / name).mkdir()
            if count > 0:
                part(report, folder / name, chosen)
    return report.close()


if __name__ == "__main__":
    common.main(run)
