"""The journal's bounds while webhooks of every size pass a worker that never rests: beside it somebody counts
the lines and the pages of the file, and holds the lines against what the worker's log says."""
import base64
import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import time

import common
import journal_account as account
from catcher import Catcher
from cli_worker import ring
from history_run import TOKEN, entry

sys.path.insert(0, str(common.ROOT / "tests"))
from model.history_stream import stream  # noqa: E402

OVER, UNDER = 1.05, 0.95
BESIDE_MAX = 512 << 10  # lists of rules and kinds of events: not in the bound, and never many
PART, LEFT_ENOUGH, LOOK_S = 500, 1000, 1.0
PASS_S, KEPT_ALIVE_S, SHOWN = 600, 60, 3
SEASONS = 12     # in which the configuration's rules change
# How many are as they come, longer, longest: by turns the count and the bytes are what binds.
WAVES, WAVES_A_RUN = ((0.97, 0.02, 0.01), (0.6, 0.3, 0.1), (0.2, 0.6, 0.2)), 8
LETTERS = ("abcdefghijklmnopqrstuvwxyz ", "äöüß€ñ漢字🪁 ", "\"\\\n\t<>&@x ")
TEXT_MAX = 6000  # characters; 4 KiB of each text are kept
TROUBLE = (b'"message":"config broken"', b'"message":"worker stalled"')
BROKEN = 400     # one of so many is no JSON

# name, notifier, what else
RULES = (
    ("breaks", "webhook: {url: {env: GOOD}, secret: {env: SIGNS}}", "if: pipeline.started_failing"),
    ("all", "log: {message: '{{event}} {{build.number}}'}", "events: build.finished"),
    ("jobs", "log:", "events: job.finished\n    if: job.state == 'failed'"),
    ("flaky", "webhook: {url: {env: FLAKY}, secret: {env: SIGNS}}", "if: pipeline.started_passing"),
    ("dead", "webhook: {url: {env: DEAD}, secret: {env: SIGNS}}",
     "if: build.state == 'failed'\n    branches: main"),
    ("nowhere", "slack: '#{{build.tag}}'", "events: build.finished"),
    ("undecided", "log:", "events: [build.*, job.*]\n    if: agent.name == 'x' && at_least(build.number, 1)"),
    ("mail", "email: ci@example.com", "pipelines: nothing-*"),
    ("other", "webhook: {url: {env: GOOD}, secret: {env: SIGNS}}", "events: job.finished\n    branches: f*"),
    ("last", "log:", "events: build.skipped"),
)

CONFIG = """\
webhook:
  signature: [{{name: sign, file: webhook-secret}}]
  token: [{{name: token, file: webhook-token}}]
env_file: env
state: state
worker: {{mode: service}}
journal: {bounds}
services:
  slack: {{token: {{env: SIGNS}}}}
  email: {{smtp: "smtp://127.0.0.1:9", from: ci@example.com}}
notify:
{rules}
"""


# ---- webhooks

def text(random_, most):
    letters = random_.choice(LETTERS)
    count = random_.randrange(most)
    piece = "".join(random_.choices(letters, k=min(count, 200)))
    return (piece * (count // 200 + 1))[:count]


def enlarge(random_, body, is_longest):
    """Texts that a person or a step wrote, some of them or all, up to and beyond what is kept of them."""
    build, job = (body.get(name) for name in ("build", "job"))
    places = [(body.get("pipeline"), name) for name in ("name", "description", "repository")]
    places += [(build, name) for name in ("message", "tag", "cancel_reason", "commit")]
    places += [(job, name) for name in ("name", "label", "command", "step_key")]
    places += [(body.get("sender"), "name")]
    if isinstance(build, dict):
        build.update({name: {"name": text(random_, TEXT_MAX), "email": "mara@example.com"}
                      for name in ("author", "creator") if is_longest})
    if isinstance(job, dict) and is_longest:
        job["agent"] = {name: text(random_, TEXT_MAX) for name in ("name", "hostname", "version")}
        job["agent"]["id"] = "a-1"
    for holder, name in places:
        if isinstance(holder, dict) and (is_longest or random_.random() < 0.3):
            holder[name] = text(random_, TEXT_MAX)


def webhooks(seed, count):
    """COUNT entries, in the order of their arrival: (name, bytes, whether it can be understood)."""
    random_, seen, number = random.Random(f"journal {seed}"), set(), 0
    wave = count // WAVES_A_RUN + 1
    for webhook in stream(seed, max(200, count // 8)):
        if webhook.raw in seen:  # of a late one the first may still be owed
            continue
        seen.add(webhook.raw)
        shares = WAVES[number // wave % len(WAVES)]
        size, good = random_.choices(range(3), shares)[0], random_.randrange(BROKEN) > 0
        if size > 0:
            body = json.loads(webhook.raw)
            enlarge(random_, body, size == 2)
            webhook.raw = json.dumps(body, ensure_ascii=bool(number % 2)).encode()
        if not good:
            webhook.raw = webhook.raw[:-1]
        content = entry(webhook, number)
        yield f"{webhook.received_us:016x}.1.{number:08x},S={len(content)}", content, good
        number += 1
        if number == count:
            return


# ---- a place

class Fakes(Catcher):
    """A destination that takes all, one that takes nothing, one that takes what comes again."""

    def __init__(self):
        super().__init__()
        self.taken, self.refused, self.tried = set(), set(), set()

    def take(self, path, headers, body, method="POST"):
        one = {name.lower(): value for name, value in headers.items()}["webhook-id"]
        again, status = one in self.tried, {"/dead": 400, "/flaky": 500}.get(path, 200)
        self.tried.add(one)
        status = 200 if path == "/flaky" and again else status
        {200: self.taken, 400: self.refused}.get(status, set()).add(one)
        return status, {}, b"ok"


class Place:
    """A state folder, its configuration, a worker, and what its log says of the webhooks, in order."""

    def __init__(self, report, folder, program, name, bounds):
        self.report, self.folder, self.program, self.name, self.bounds = report, folder, program, name, bounds
        self.state, self.log, self.read_to = folder / "state", folder / "log", 0
        self.handled, self.aside, self.at, self.trouble = [], set(), {}, []
        self.looks = self.most_lines = self.most_bytes = self.largest = self.bound_by_bytes = 0
        for part in ("new", "tmp", "aside"):
            (self.state / "inbox" / part).mkdir(mode=0o700, parents=True)
        for path in (self.state, self.state / "inbox"):
            os.chmod(path, 0o700)

    def check(self, what, good, problem=""):
        return self.report.check(f"{self.name}: {what}", good, problem)

    def write(self, name, content):
        """At once, for a worker may look."""
        path = self.folder / f"{name}.new"
        path.write_bytes(content)
        path.chmod(0o600)
        common.aged(path)
        os.rename(path, self.folder / name)

    def configure(self, fakes, rules):
        entries, size = self.bounds
        self.write("webhook-secret", common.SECRET)
        self.write("webhook-token", TOKEN)
        signs = "whsec_" + base64.b64encode(bytes(range(32))).decode()
        self.write("env", (f"SIGNS={signs}\n" + "".join(
            f"{name}={fakes.url('/' + name.lower())}\n" for name in ("GOOD", "FLAKY", "DEAD"))).encode())
        self.write("kitehook.yml", CONFIG.format(
            bounds=f"{{max_entries: {entries}, max_bytes: {size >> 20}MB}}", rules="\n".join(
                f"  - name: {name}\n    {notifier}\n    {more}" for name, notifier, more in rules)).encode())

    @contextlib.contextmanager
    def worker(self):
        with open(self.log, "wb") as log, subprocess.Popen(
                [str(self.program), "worker", "--serve", "--config", str(self.folder / "kitehook.yml")],
                stdin=subprocess.DEVNULL, stderr=log) as child:
            try:
                yield child
            finally:
                child.terminate()
                try:
                    child.wait(KEPT_ALIVE_S)
                except subprocess.TimeoutExpired:
                    child.kill()

    def waiting(self):
        return len(os.listdir(self.state / "inbox" / "new"))

    def feed(self, some):
        for name, content, _ in some:
            (self.state / "inbox" / "tmp" / name).write_bytes(content)
            os.rename(self.state / "inbox" / "tmp" / name, self.state / "inbox" / "new" / name)
        ring(self.state)

    def read_log(self):
        """A line that is being written belongs to the next time."""
        with open(self.log, "rb") as file:
            file.seek(self.read_to)
            whole = file.read().rpartition(b"\n")[0]
        self.read_to += len(whole) + 1 if whole else 0
        for line in whole.splitlines():
            if b'"message":"webhook handled"' in line:
                said = json.loads(line)
                self.at[said["entry"]] = len(self.handled)
                self.handled.append((said["entry"], said["verdict"], said["deliveries"]))
            elif b'"message":"inbox aside"' in line:
                self.aside.add(json.loads(line)["entry"])
            elif any(word in line for word in TROUBLE):
                self.trouble.append(line)

    def has_read(self, entry_):
        self.read_log()
        return entry_ in self.at

    # ---- a look

    def look(self):
        self.read_log()
        before = len(self.handled)
        seen = account.look(self.state)
        self.looks += 1
        self.most_lines = max(self.most_lines, len(seen.lines))
        self.most_bytes = max(self.most_bytes, seen.bytes)
        self.largest = max(self.largest, (self.state / "memory.sqlite").stat().st_size)
        self.check_bounds(seen)
        self.check("what is in it fits together", not seen.faults(), seen.faults()[:SHOWN])
        self.check_lines(seen, before)
        return seen

    def check_bounds(self, seen):
        entries, size = self.bounds
        self.check(f"not more than {entries} lines", len(seen.lines) <= entries * OVER, len(seen.lines))
        self.check(f"not more than {size} bytes of pages", seen.bytes <= size * OVER, seen.pages)
        beside = sum(seen.pages[name] for name in account.BESIDE)
        self.check("what is beside it is small", beside <= BESIDE_MAX, seen.pages)
        if seen.lines and seen.lines[0].seq > 1:
            is_full = len(seen.lines) >= entries * UNDER
            self.bound_by_bytes += not is_full
            self.check("not less than may be kept", is_full or seen.bytes >= size * UNDER,
                       (len(seen.lines), seen.pages))

    def check_lines(self, seen, before):
        """They are the last that were worked, and all of those: BEFORE were logged when somebody looked."""
        good = [line for line in seen.lines if line.verdict != "aside"]
        aside = {line.entry for line in seen.lines if line.verdict == "aside"}
        if not good:
            self.check("there is a line of what was worked", before == 0, before)
            return
        last = good[-1].entry
        if not self.check("the log was told of the newest line", common.wait_until(
                lambda: self.has_read(last), KEPT_ALIVE_S), last):
            return
        end = self.at[last] + 1
        self.check("what the log was told of is in it", end >= before, (end, before))
        wanted = self.handled[end - len(good):end]
        found = [(line.entry, line.verdict, line.deliveries) for line in good]
        self.check("the lines are those of the last webhooks, in order", found == wanted,
                   [pair for pair in zip(found, wanted) if pair[0] != pair[1]][:SHOWN])
        self.check("aside is what the log says was set aside", aside <= self.aside, aside - self.aside)

    def check_fates(self, seen, fakes):
        """The worker has left in order: what was answered is recorded."""
        kept = {line.seq for line in seen.lines}
        fates = [one for one in seen.fates if one.rule in FAKED]
        delivered = {one.id for one in fates if one.reason == account.DELIVERED}
        dead = {one.id for one in seen.owed if one.is_dead and one.webhook in kept and one.rule in FAKED and
                one.status == 400}
        owed = {one.id for one in seen.owed if not one.is_dead}
        mine = {one.id for one in (*fates, *seen.owed) if one.webhook in kept}
        self.check("delivered is what its destination took",
                   delivered == fakes.taken & mine, (len(delivered ^ (fakes.taken & mine)), len(delivered)))
        self.check("dead is what it refused", dead <= fakes.refused, list(dead - fakes.refused)[:SHOWN])
        self.check("what was answered is owed no more", not owed & (fakes.taken | fakes.refused),
                   list(owed & (fakes.taken | fakes.refused))[:SHOWN])

    # ---- all of it

    def go(self, some, count, seed):
        """COUNT of SOME, with looks in between."""
        random_, begun, season, fed, broken = random.Random(f"rules {seed}"), time.monotonic(), -1, 0, 0
        with Fakes() as fakes:
            self.configure(fakes, RULES[:2])
            with self.worker() as child:
                common.wait_until((self.state / "worker.wake").exists, KEPT_ALIVE_S)
                looked = time.monotonic()
                for part in parts(some, count):
                    if fed * SEASONS // count > season:
                        season = fed * SEASONS // count
                        chosen = random_.sample(RULES, random_.randrange(1, len(RULES) + 1))
                        self.configure(fakes, chosen)
                    self.feed(part)
                    fed, broken = fed + len(part), broken + sum(not good for *_, good in part)
                    if not self.keep_up(child, LEFT_ENOUGH):
                        return
                    if time.monotonic() - looked > LOOK_S:
                        self.look()
                        looked = time.monotonic()
                if not self.keep_up(child, 0):
                    return
                self.look()
                child.terminate()
                self.check("the worker leaves in order", child.wait(KEPT_ALIVE_S) == 0, child.returncode)
                seconds = time.monotonic() - begun
            seen = self.look()
            self.check_fates(seen, fakes)
        self.check("each webhook was worked once", (len(self.handled), len(self.at), len(self.aside)) ==
                   (fed - broken, fed - broken, broken), (fed, broken, len(self.handled), len(self.aside)))
        self.check("nothing is in its way", not self.trouble, self.trouble[:SHOWN])
        print(f"{self.name}: {fed} webhooks in {seconds:.0f} s, {self.looks} looks, {self.bound_by_bytes} of "
              f"them at the bound of bytes; most {self.most_lines} lines, {self.most_bytes / 2**20:.2f} MiB "
              f"of pages, a file of {self.largest / 2**20:.1f} MiB; {len(fakes.tried)} deliveries to fakes, "
              f"{len(fakes.taken)} taken", flush=True)

    def keep_up(self, child, most):
        """Until at most MOST wait."""
        common.wait_until(lambda: self.waiting() <= most or child.poll() is not None, PASS_S, 0.02)
        return self.check("the worker works on", child.poll() is None and self.waiting() <= most,
                          (child.returncode, self.waiting()))


FAKED = {name for name, notifier, _ in RULES if notifier.startswith("webhook")}


def parts(some, count):
    """Lists of at most PART, COUNT altogether."""
    while count > 0:
        part = list(itertools.islice(some, min(PART, count)))
        if not part:
            raise ValueError(f"{count} webhooks are missing")
        count -= len(part)
        yield part


def run(report, folder, program, bounds, count, seed):
    """COUNT webhooks under BOUNDS: lines, and bytes in whole MiB."""
    place = Place(report, folder, program, f"{bounds[0]} lines, {bounds[1] >> 20} MB", bounds)
    place.go(webhooks(seed, count), count, seed)
