"""What `kitehook diff` says of two configurations, held against real workers: each of both works the same
webhooks in a state folder of its own, where a trigger in its database records every message that it owes, and
a server what of those arrives."""
import base64
import collections
import contextlib
import copy
import dataclasses
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys

import common
from catcher import Catcher
from history_run import TOKEN, entry

sys.path.insert(0, str(common.ROOT / "tests"))
from model.history_stream import stream  # noqa: E402

ADDRESSES = ("mara@kites.example", "ole.berg+ci@kites.example")
MASK = "[address]"
BODY_WINDOW_US = 86400 * 1000000
PASS_S, LEFT_OVER, SHOWN = 600, 4, 3
HOOKS, PATHS = ("HOOK_A", "HOOK_B", "HOOK_C"), ("/a", "/b", "/c")
UNPACED = "SELECT count(*) FROM deliveries WHERE notifier = 'webhook'"
RECORDER = """
CREATE TABLE recorded (entry TEXT, rule TEXT, credential TEXT, place TEXT, body BLOB);
CREATE TRIGGER record AFTER INSERT ON deliveries BEGIN
  INSERT INTO recorded VALUES (NEW.entry, NEW.rule, NEW.credential, NEW.place, NEW.body);
END"""

# ---- webhooks


def decorated(webhook, number):
    """With what a rule may ask for and the journal does not keep, and what a state needs. The same build has
    the same."""
    body = json.loads(webhook.raw)
    build, pipeline = body.get("build"), body.get("pipeline")
    if isinstance(build, dict) and isinstance(build.get("id"), str):
        random_ = random.Random(f"decorated {build['id']}")
        name, address = random_.choice((("Mara", ADDRESSES[0]), ("Ole", ADDRESSES[1]), ("Nobody", None)))
        build["author"] = {"name": name, "email": address, "username": name.lower()}
        if random_.random() < 0.3:
            build["message"] = f"{build.get('message')}\n\nReviewed-by: {name} <{ADDRESSES[0]}>"
        elif random_.random() < 0.1:
            build["message"] = f"ask {ADDRESSES[1]} for it"
        if random_.random() < 0.5:
            build["env"] = {"DEPLOY": random_.choice(("yes", "no"))}
        if random_.random() < 0.3:
            build["meta_data"] = {"release": f"v{number % 7}"}
        if isinstance(pipeline, dict):
            pipeline["repository"] = "git@github.com:acme/kites.git"
    raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return dataclasses.replace(webhook, raw=raw)


def webhooks(seed, count):
    """COUNT of them or some less, in the order of their arrival. Not those that come as they were when no
    repeat is known any more: of such a one the notification of the first may still be owed, and once is
    enough."""
    found, seen = [], {}
    for number, webhook in enumerate(stream(seed, max(3, count // 9))):
        one = decorated(webhook, number)
        first_us = seen.setdefault(one.raw, one.received_us)
        if one.received_us - first_us < BODY_WINDOW_US:
            found.append(one)
    return found[:count]


# ---- configurations

# condition; asks for what may be withheld
CONDITIONS = (
    ("", False),
    ('build.state == "failed"', False),
    ('build.branch == pipeline.default_branch', False),
    ("pipeline.started_failing", False),
    ("pipeline.started_passing || build.fixed", False),
    ("at_least(pipeline.consecutive_failures, 2)", False),
    ("pipeline.consecutive_failures == 2", False),
    ('job.state == "failed" && job.soft_failed == false', False),
    ('build.author.name == "Mara"', False),
    ('build.message =~ /Kite [0-7]/', True),
    ('build.state == "failed" && build.author.email == "mara@kites.example"', True),
    ('build.author.email != null && build.state == "passed"', True),
    ('build.env("DEPLOY") == "yes"', True),
    ('pipeline.started_failing && build.env("DEPLOY") == "yes"', True),
    ('build.branch == "main" || build.author.email == "mara@kites.example"', True),
)
MESSAGES = (
    ("", False),
    ("{{pipeline.slug}} #{{build.number}} {{build.state}}", False),
    ("{{event}}: {{build.branch}} since {{pipeline.failing_since}}, {{build.failed_jobs}}", False),
    ("{{build.message}} by {{build.author.name}}", False),
    ("{{#if build.state == \"failed\"}}red{{else}}green{{/if}} {{job.name}}", False),
    ("{{#if build.env(\"DEPLOY\") == \"yes\"}}deploys{{else}}stays{{/if}}", True),
    ("{{build.author.email | table people | default \"somebody\"}}: {{build.state}}", True),
)
COLOURS = (("", False), ("effect: none", False), ("failed: {color: purple}", False))
EVENTS = ("build.finished", "[build.finished, build.failing]", "build.*", "[build.*, job.*]", "job.finished")
KINDS = ("webhook", "webhook", "slack", "slack", "log", "lifx", "github_commit_status", "ntfy")
PATTERNS = ("kite-*", "kite-1", "!kite-2", "kite-0 kite-3")
BRANCHES = ("main", "!main", "f*")


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


class Rule:
    """One entry of `notify`, drawn."""

    def __init__(self, random_, name):
        self.name, self.kind = name, random_.choice(KINDS)
        self.options = {"webhook": f"url: {{env: {random_.choice(HOOKS)}}}, secret: {{env: SIGNS}}",
                        "slack": "url: {env: SLACK_URL}", "log": "",
                        "ntfy": "topic: {env: TOPIC}, url: {env: NTFY_URL}",
                        "lifx": "token: {env: LIFX_TOKEN}, url: {env: LIFX_URL}",
                        "github_commit_status": random_.choice(("", "context: ci/kites"))}[self.kind]
        self.more = {"events": random_.choice(EVENTS)}
        if random_.random() < 0.3:
            self.more["pipelines"] = quoted(random_.choice(PATTERNS))
        if random_.random() < 0.3:
            self.more["branches"] = quoted(random_.choice(BRANCHES))
        self.draw_condition(random_)
        self.draw_message(random_)

    def draw_condition(self, random_):
        self.condition, self.asks = random_.choice(CONDITIONS) if random_.random() < 0.7 else ("", False)

    def draw_message(self, random_):
        drawn = {"lifx": COLOURS, "github_commit_status": (("", False),), "webhook": (("", False),)}
        self.message, self.also_asks = random_.choice(drawn.get(self.kind, MESSAGES))

    @property
    def asks_withheld(self):
        return self.asks or self.also_asks

    def text(self):
        message = "" if not self.message else self.message if self.kind == "lifx" else (
            f"message: {quoted(self.message)}")
        options = ", ".join(filter(None, (self.options, message)))
        condition = {"if": quoted(self.condition)} if self.condition else {}
        made = {"name": self.name, self.kind: f"{{{options}}}", **self.more, **condition}
        return "\n    ".join(f"{key}: {value}" for key, value in made.items())


HEAD = """webhook:
  signature: [{name: sign, file: webhook-secret}]
  token: [{name: token, file: webhook-token}]
env_file: env
state: state
worker: {mode: service}
memory: {keep: 90d}
journal: {max_entries: 100000, max_bytes: 1GB, keep: 3650d}
outbox: {max_entries: 1000000, max_bytes: 4GB}
services:
  github: {token: {env: GITHUB_TOKEN}, url: {env: GITHUB_URL}}
  email: {smtp: "smtp://127.0.0.1:9", from: ci@example.com}
"""


def written(rules, table="Mara"):
    return (f"{HEAD}tables: {{people: {{entries: {{{ADDRESSES[0]}: {table}}}}}}}\nnotify:"
            + "".join(f"\n  - {one.text()}" for one in rules) + ("" if rules else " []") + "\n")


def changed(random_, rule):
    """RULE as somebody might change it; None where it is left out."""
    fate, new = random_.random(), copy.copy(rule)
    if fate < 0.15:
        return None
    if fate < 0.25:
        return Rule(random_, rule.name)
    if fate < 0.45:
        new.draw_message(random_)
    elif fate < 0.6:
        new.draw_condition(random_)
    elif fate < 0.7:
        new.name += "-renamed"
    return new


def pair(seed):
    """Two configurations: the second is the first with rules changed, renamed, moved, left out and new."""
    random_ = random.Random(f"pair {seed}")
    old = [Rule(random_, f"rule-{number}") for number in range(random_.randrange(2, 7))]
    new = list(filter(None, (changed(random_, one) for one in old)))
    new += [Rule(random_, f"new-{number}") for number in range(random_.randrange(0, 3))]
    random_.shuffle(new)
    return (old, written(old)), (new, written(new, random_.choice(("Mara", "Mara", "M."))))


# ---- places


class Place:
    """A state folder with a configuration, and the messages that a worker owes there."""

    def __init__(self, folder, program, config, catcher=None):
        self.folder, self.program = folder, program
        self.new = folder / "state" / "inbox" / "new"
        for part in ("new", "tmp", "aside"):
            (self.new.parent / part).mkdir(mode=0o700, parents=True)
        for path in (folder / "state", folder / "state" / "inbox"):
            os.chmod(path, 0o700)
        url = catcher.url if catcher else lambda path: f"http://127.0.0.1:9{path}"
        env = "".join(f"{name}={url(path)}\n" for name, path in zip(HOOKS, PATHS))
        env += (f"SLACK_URL={url('/slack')}\nLIFX_TOKEN={'c' * 64}\nGITHUB_TOKEN=ghp_x\nTOPIC=kites-topic\n"
                f"SIGNS=whsec_{base64.b64encode(bytes(range(32))).decode()}\n"
                f"GITHUB_URL={url('/github/')}\nNTFY_URL={url('/ntfy')}\nLIFX_URL={url('/lifx/')}\n")
        for name, content in (("webhook-secret", common.SECRET), ("webhook-token", TOKEN),
                              ("env", env.encode())):
            self.write(name, content)
        self.config = self.write("kitehook.yml", config.encode())

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        os.chmod(path, 0o600)
        common.aged(path)
        return path

    def database(self):
        return contextlib.closing(sqlite3.connect(self.folder / "state" / "memory.sqlite", timeout=30))

    def keep(self, some, first=0):
        for number, webhook in enumerate(some, first):
            content = entry(webhook, number)
            name = f"{webhook.received_us:016x}.1.{number & 0xffffffff:08x},S={len(content)}"
            (self.new / name).write_bytes(content)

    def run(self, *arguments):
        return subprocess.run([str(self.program), *map(str, arguments)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PASS_S, check=False)

    def work_once(self):
        done = self.run("worker", "--config", self.config, "--once")
        if done.returncode not in (0, LEFT_OVER):
            raise RuntimeError(f"exit code {done.returncode}: {done.stderr[-2000:]}")

    @contextlib.contextmanager
    def worker(self):
        with subprocess.Popen([str(self.program), "worker", "--config", str(self.config)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            try:
                yield child
            finally:
                child.terminate()

    def is_done(self, child, delivers):
        if child.poll() is not None:
            raise RuntimeError(f"the worker ended: {child.returncode}")
        if os.listdir(self.new):
            return False
        with self.database() as db:
            return not delivers or db.execute(UNPACED).fetchone() == (0,)

    def work(self, some, part=2000, delivers=False):
        """All of SOME through workers; how much processor time it took."""
        self.work_once()
        with self.database() as db:
            db.executescript(RECORDER)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for first in range(0, len(some), part):
            self.keep(some[first:first + part], first)
            with self.worker() as child:
                if not common.wait_until(lambda: self.is_done(child, delivers), PASS_S, 0.05):
                    raise RuntimeError("the worker never ends")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def messages(self):
        """{number of the webhook: [(rule, credential, place, body)]}"""
        found = collections.defaultdict(list)
        with self.database() as db:
            for name, *message, body in db.execute(
                    "SELECT entry, rule, credential, place, body FROM recorded ORDER BY rowid"):
                found[int(name.split(".")[2].split(",")[0], 16)].append((*message, body_of(body)))
        return found

    def verdicts(self):
        with self.database() as db:
            return dict(db.execute("SELECT request_id, verdict FROM journal"))


def body_of(body):
    text = body.decode() if isinstance(body, bytes) else body
    for address in ADDRESSES:
        text = text.replace(address, MASK)
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return text


# ---- the oracle


def shown(credential, place):
    return f"{credential} {place}" if place else credential


def expected(old, new, unknown):
    """Of one webhook the differences, each (kind, destination, old body, new body), and how many are the
    same. UNKNOWN has of both sides the credentials of rules of which diff says that it does not know."""
    old, new, same, found = list(old), list(new), 0, []
    for message in list(old):
        twin = next((one for one in new if one[1:] == message[1:]), None)
        if twin:
            old.remove(message)
            new.remove(twin)
            same += 1
    for _, credential, place, body in old:
        other = next((one for one in new if one[1:3] == (credential, place)), None)
        if other:
            new.remove(other)
            found.append(("changed", shown(credential, place), body, other[3]))
        elif credential not in unknown["new"]:
            found.append(("lost", shown(credential, place), body, None))
    found += [("gained", shown(credential, place), None, body) for _, credential, place, body in new
              if credential not in unknown["old"]]
    return found, same


def key(difference):
    return json.dumps(difference, sort_keys=True)


def told(answer):
    """Of each webhook, by its number: what was gained, lost and changed, and what is not known."""
    differences, unknown = collections.defaultdict(list), collections.defaultdict(list)
    for one in answer["differences"]:
        number = int(one["webhook"]["request_id"].removeprefix("r-"))
        if one["kind"] == "not_kept":
            unknown[number].append((one["side"], one["rule"], one["destination"]))
        else:
            bodies = [one[side] and one[side]["body"] for side in ("old", "new")]
            differences[number].append((one["kind"], one["destination"], *bodies))
    return differences, unknown


class Pair:
    """One pair of configurations over the webhooks of the journal in JOURNAL's folder."""

    def __init__(self, report, about, journal, webhooks_):
        self.report, self.about, self.journal, self.webhooks = report, about, journal, webhooks_
        self.worker_s = self.diff_s = 0

    def diff(self, *more):
        paths = [self.journal.folder / f"{side}.yml" for side in ("old", "new")]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = self.journal.run("diff", *paths, "--json", *more)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.diff_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        good = done.returncode in (0, 1) and b"error" not in done.stderr
        self.report.check(f"{self.about}: diff ends well", good, (done.returncode, done.stderr[-500:]))
        return done.returncode, json.loads(done.stdout)

    def go(self, folder, seed, catch=False):
        sides = dict(zip(("old", "new"), pair(seed)))
        messages = {}
        for side, (_, text) in sides.items():
            self.journal.write(f"{side}.yml", text.encode())
            with (Catcher() if catch else contextlib.nullcontext()) as catcher:
                place = Place(folder / side, self.journal.program, text, catcher)
                self.worker_s += place.work(self.webhooks, delivers=catch)
                messages[side] = place.messages()
                self.check_arrived(side, place, catcher, messages[side])
        code, answer = self.diff()
        self.compare(sides, messages, code, answer)
        return answer

    def check_arrived(self, side, place, catcher, messages):
        """What nothing holds back has arrived, as it was owed."""
        if not catcher:
            return
        owed = collections.Counter()
        for some in messages.values():
            for _, credential, _, body in some:
                if credential.startswith("webhook "):
                    path, = (path for hook, path in zip(HOOKS, PATHS) if hook in credential)
                    owed[path, key(body)] += 1
        arrived = collections.Counter((one.path, key(body_of(one.body))) for one in catcher.caught
                                      if one.path in PATHS)
        self.report.check(f"{self.about}, {side}: what is owed arrives", owed == arrived,
                          (sum(owed.values()), sum(arrived.values()), list((owed - arrived).items())[:SHOWN]))

    def compare(self, sides, messages, code, answer):
        differences, unknown = told(answer)
        counts, wrong, same = collections.Counter(), [], 0
        for number in range(len(self.webhooks)):
            of = {side: [one for one in unknown[number] if one[0] == side] for side in sides}
            silent = {side: {rule for _, rule, _ in some} for side, some in of.items()}
            hidden = {side: {one[2] for one in some} for side, some in of.items()}
            theirs = [[one for one in messages[side][number] if one[0] not in silent[side]] for side in sides]
            found, equal = expected(*theirs, {side: credentials_of(some) for side, some in hidden.items()})
            same += equal
            counts.update(one[0] for one in found)
            if sorted(map(key, found)) != sorted(map(key, differences[number])):
                wrong.append((number, found, differences[number], unknown[number]))
        self.report.check(f"{self.about}: each message, as both workers owe it", not wrong,
                          (len(wrong), wrong[:1]))
        self.report.check(f"{self.about}: the counts",
                          [answer[kind] for kind in ("gained", "lost", "changed")] ==
                          [counts[kind] for kind in ("gained", "lost", "changed")], (counts, answer["same"]))
        self.report.check(f"{self.about}: the exit code", code == bool(answer["differences"]), code)
        self.check_unknown(sides, unknown)
        if not any(one.asks_withheld for rules, _ in sides.values() for one in rules):
            self.report.check(f"{self.about}: the same ones", same == answer["same"], (same, answer["same"]))

    def check_unknown(self, sides, unknown):
        """Only rules that ask for something that may be withheld, of webhooks that have it."""
        asking = {(side, one.name) for side, (rules, _) in sides.items() for one in rules
                  if one.asks_withheld}
        bad = [(number, one) for number, some in unknown.items() for one in some if one[:2] not in asking]
        self.report.check(f"{self.about}: what is not known asks for what is not kept", not bad, bad[:SHOWN])


def credentials_of(destinations):
    """A rule's destination is its credential, a notifier with references, and behind it perhaps a place."""
    return {" ".join([one.split(" ")[0], *(word for word in one.split(" ")[1:] if word.startswith("env:"))])
            for one in destinations}
