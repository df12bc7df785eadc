"""A stream of webhooks through real workers, held against the model of memory: for each webhook the names'
values, and the rules that speak."""
import collections
import contextlib
import hashlib
import hmac
import json
import os
import sqlite3
import subprocess
import sys
import time

import common

sys.path.insert(0, str(common.ROOT / "tests"))
from model.history_model import BUILD_RANKS, DAY_S, History, LISTS, NAMES, Seen, TIMES  # noqa: E402

TOKEN = b"history-token-0123456789"
PART = 2000  # webhooks that lie in the inbox at a time: looking through a long one takes its time
AGAIN = "done before"  # the verdict on an entry that a killed worker had worked, but not removed
PASS_S, PASSES_MAX, LEFT_OVER = 300, 2000, 4
KILLED_AFTER_S, KILLED_SHARE = (0.005, 0.2), 0.97
SHOWN = 8
STATES = {*BUILD_RANKS, "creating", "scheduled"}

# name, condition, the same in Python, whether it speaks once per build
RULES = (
    ("breaks", "pipeline.started_failing", lambda of, event: of["pipeline.started_failing"], True),
    ("mends", "pipeline.started_passing", lambda of, event: of["pipeline.started_passing"], True),
    ("fixed", 'build.fixed && event == "build.finished"',
     lambda of, event: of["build.fixed"] and event == "build.finished", True),
    ("thrice", "at_least(pipeline.consecutive_failures, 3)",
     lambda of, event: (of["pipeline.consecutive_failures"] or 0) >= 3, True),
    ("third", "pipeline.consecutive_failures == 3",
     lambda of, event: of["pipeline.consecutive_failures"] == 3, True),
    ("overtaken", "pipeline.next_finished_build_exists",
     lambda of, event: of["pipeline.next_finished_build_exists"], False),
    ("flaky", "build.mended_jobs includes /nit/",
     lambda of, event: any("nit" in name for name in of["build.mended_jobs"] or ()), False),
)


def config(keep):
    lines = ["webhook:", "  signature: [{name: sign, file: webhook-secret}]",
             "  token: [{name: token, file: webhook-token}]", "state: state", "worker: {mode: service}",
             f"memory: {{keep: {keep}}}", "notify:"]
    values = "|".join(f"{{{{#if {name} == null}}}}~{{{{else}}}}{{{{{name}}}}}{{{{/if}}}}" for name in NAMES)
    for name, condition, message in (("values", "", values + "."),
                                     *((rule[0], rule[1], "{{event}}") for rule in RULES)):
        lines += [f"  - name: {name}", f"    log: {{message: '{message}'}}", "    events: [build.*, job.*]",
                  *([f"    if: {condition}"] if condition else [])]
    return "\n".join(lines) + "\n"


def shown(value):
    if value is None:
        return "~"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, list) else str(value)


class Expected:
    """What the model says, one webhook after the other; and that no transition is told of two builds."""

    def __init__(self, keep_s):
        self.history, self.seen = History(keep_s), Seen()
        self.turns = collections.defaultdict(set)  # of a branch, a P and a direction: the builds

    def take(self, webhook):
        """What each rule says; None for a webhook that was seen before."""
        received_s = webhook.received_us // 1000000
        if not self.seen.is_new(webhook.raw, webhook.sent_s, received_s):
            return None
        body = json.loads(webhook.raw)
        values = self.history.take(body, webhook.sent_s, received_s)
        says = {"values": "|".join(shown(values[name]) for name in NAMES) + "."}
        for rule, _, matches, is_once in RULES:
            if matches(values, webhook.event) and (
                    not is_once or self.history.speaks(rule, body, received_s)):
                says[rule] = webhook.event
        for name in ("pipeline.started_failing", "pipeline.started_passing"):
            if values[name]:
                self.turns[body["pipeline"].get("id"), webhook.branch, values["P"], name].add(webhook.number)
        return says

    def doubled(self):
        return [(turn, builds) for turn, builds in self.turns.items() if len(builds) > 1]


def entry(webhook, number):
    """Its bytes in the inbox, as handler/inbox/entry.h has them."""
    members = {"v": 1, "received_us": webhook.received_us, "request_id": f"r-{number}", "transport": "cgi"}
    if webhook.sent_s is None:
        key = TOKEN
        members |= {"proof": "token", "secret": "token"}
    else:
        key = common.SECRET
        members |= {"proof": "signature", "secret": "sign", "timestamp_s": webhook.sent_s,
                    "signature": common.sign_quickly(key, webhook.sent_s, webhook.raw)}
    line = json.dumps({**members, "event": webhook.event}, separators=(",", ":")).encode()
    mac = hmac.new(key, b"kitehook-entry" + line + b"\n" + webhook.raw, hashlib.sha256).hexdigest()
    return line[:-1] + b',"mac":"' + mac.encode() + b'"}\n' + webhook.raw


class Place:
    """A state folder, its configuration, and workers that are started and, where KILLS is a generator of
    random numbers, killed."""

    def __init__(self, folder, program, keep="90d", kills=None):
        self.folder, self.program, self.kills, self.killed = folder, program, kills, 0
        self.new = folder / "state" / "inbox" / "new"
        for part in ("new", "tmp", "aside"):
            (self.new.parent / part).mkdir(mode=0o700, parents=True)
        for path in (folder / "state", folder / "state" / "inbox"):
            os.chmod(path, 0o700)
        for name, content in (("webhook-secret", common.SECRET), ("webhook-token", TOKEN),
                              ("kitehook.yml", config(keep).encode())):
            (folder / name).write_bytes(content)
            os.chmod(folder / name, 0o600)
            common.aged(folder / name)

    def keep(self, webhooks, first):
        """Puts them into the inbox; the number of each by its entry's name."""
        names = {}
        for number, webhook in enumerate(webhooks, first):
            content = entry(webhook, number)
            name = f"{webhook.received_us:016x}.1.{number & 0xffffffff:08x},S={len(content)}"
            (self.new / name).write_bytes(content)
            names[name] = number
        return names

    def run(self, *arguments):
        return subprocess.run([str(self.program), *arguments, "--config", str(self.folder / "kitehook.yml")],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PASS_S, check=False)

    def work(self):
        """What workers write until nothing is left. What a kill left on its way would wait for ten
        seconds."""
        written = b""
        for _ in range(PASSES_MAX):
            code, said = self.work_once()
            written += said
            if code == 0 and not os.listdir(self.new):
                return written
            if code == LEFT_OVER:
                self.run("outbox", "redrive", "--all", "--state", "waiting")
        raise RuntimeError(f"it never ends; exit code {code}: {said[-2000:].decode(errors='replace')}")

    def work_once(self):
        with subprocess.Popen([str(self.program), "worker", "--config", str(self.folder / "kitehook.yml"),
                               "--once"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
            try:
                _, said = child.communicate(timeout=self.kills.uniform(*KILLED_AFTER_S)
                                            if self.kills and self.kills.random() < KILLED_SHARE else PASS_S)
            except subprocess.TimeoutExpired:
                child.kill()
                self.killed += 1
                _, said = child.communicate()
        if child.returncode not in (0, LEFT_OVER, -9):
            raise RuntimeError(f"exit code {child.returncode}: {said[-2000:].decode(errors='replace')}")
        return child.returncode, said

    def shown(self):
        """`kitehook history --json`: of a pipeline and a branch what is remembered."""
        done = self.run("history", "--json")
        if done.returncode != 0:
            raise RuntimeError(f"history: exit code {done.returncode}: {done.stderr[-2000:]}")
        return {(one["pipeline_id"] or (one["organization"], one["pipeline"]), one["branch"]): one
                for one in json.loads(done.stdout)["branches"]}

    def rows(self):
        """Of branches, as they lie in the file."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/state/memory.sqlite?mode=ro",
                                                uri=True)) as db:
            return dict(db.execute("SELECT key, builds FROM branches"))


BUILD_MEMBERS = ("number", "outcome", "state", *TIMES)
BEFORE_MEMBERS = ("number", "outcome", "last_passed", "consecutive_failures", "failing_since", "failed_at")


def written(at_us):
    """A time of the model as --json has it."""
    if at_us is None:
        return None
    whole, part = divmod(at_us // 1000, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{part:03d}Z"


def branch_of_model(row, shown):
    """A branch of the model's, as branch_shown has one. SHOWN keeps the last state that it has heard of."""
    *before, failed_at = row["before"]
    states = {build[0]: build[2] for build in shown[1]}
    return ((*before, written(failed_at)),
            [(number, outcome, state if state in STATES else states.get(number), *map(written, times))
             for number, outcome, state, *times in row["builds"]])


def branch_shown(one):
    return (tuple(one["before"][name] for name in BEFORE_MEMBERS),
            [tuple(build[name] for name in BUILD_MEMBERS) for build in reversed(one["builds"])])


def lists_shown(one):
    """The lists of each build whose row is there, by its id."""
    return {build["id"]: {name: build[name.partition(".")[2]] for name in LISTS[:3]}
            for build in one["builds"] if build["id"]}


def differing_rows(run):
    """Where the rows of RUN are not what its model says."""
    shown, history = run.place.shown(), run.expected.history
    branches, builds = history.rows()
    for key, one in shown.items():
        theirs = None if one["damaged"] else branch_shown(one)
        ours = branch_of_model(branches[key], theirs) if theirs and key in branches else None
        if theirs is None or theirs != ours:
            yield "branch", key, theirs, ours
        for build_id, lists in lists_shown(one).items():
            ours = builds[build_id]["lists"] or dict.fromkeys(LISTS[:3])
            if lists != ours:
                yield "build", build_id, lists, ours
    heard_s = max(branch.heard_s for branch in history.branches.values())
    for key, branch in history.branches.items():
        if key not in shown and heard_s - branch.heard_s < history.keep_s:
            yield "branch", key, None, "remembered"


class Spoken:
    """The lines of workers: what each rule said of each webhook, and their verdicts."""

    def __init__(self, written, names):
        self.said, self.verdicts, self.doubles = collections.defaultdict(dict), {}, []
        deliveries = {}
        for line in written.split(b"\n"):
            if not line.endswith(b"}"):
                continue
            one = json.loads(line)
            if one["message"] == "notification":
                number = names[one["entry"]]
                rule, said = one["rule"], (one["text"], one["delivery"])
                if deliveries.setdefault((number, rule), said) != said:
                    self.doubles.append((number, rule))
                self.said[number][rule] = one["text"]
            elif one["message"] == "webhook handled":
                self.verdicts.setdefault(names[one["entry"]], one["verdict"])


def differences(number, webhook, expected, spoken):
    """Of one webhook, in words."""
    verdict, found = spoken.verdicts.get(number), spoken.said.get(number, {})
    if verdict != AGAIN and (expected is None) != (verdict in ("repeat", "replay")):
        yield f"verdict {verdict}, expected {'a repeat' if expected is None else 'a new one'}"
    expected = expected or {}
    if ("values" in found) and ("values" in expected):
        for name, theirs, ours in zip(NAMES, *(one["values"][:-1].split("|") for one in (found, expected))):
            if theirs != ours:
                yield f"{name} is {theirs}, the model says {ours}"
    for rule in sorted(found.keys() ^ expected.keys()):
        yield f"rule {rule} {'speaks' if rule in found else 'is silent'}"


class Run:
    """One stream through one place."""

    def __init__(self, report, about, place, keep_s=90 * DAY_S):
        self.report, self.about, self.place = report, about, place
        self.expected, self.count, self.differ = Expected(keep_s), 0, collections.Counter()

    def go(self, webhooks, part=PART):
        begun = time.monotonic()
        for first in range(0, len(webhooks), part):
            some = webhooks[first:first + part]
            names = self.place.keep(some, first)
            spoken = Spoken(self.place.work(), names)
            self.report.check(f"{self.about}: no delivery is two", not spoken.doubles, spoken.doubles[:SHOWN])
            for number, webhook in enumerate(some, first):
                self.compare(number, webhook, spoken)
        self.count = len(webhooks)
        self.report.check(f"{self.about}: {len(webhooks)} webhooks, as the model says",
                          not self.differ, f"{sum(self.differ.values())} differ: {dict(self.differ)}")
        doubled = self.expected.doubled()
        self.report.check(f"{self.about}: no transition is told of two builds", not doubled, doubled[:SHOWN])
        differ = list(differing_rows(self))
        self.report.check(f"{self.about}: the rows that history shows, as the model says", not differ,
                          (len(differ), differ[:SHOWN]))
        self.seconds = time.monotonic() - begun
        return self

    def compare(self, number, webhook, spoken):
        for difference in differences(number, webhook, self.expected.take(webhook), spoken):
            kind = difference.split(" ")[0] + (" " + difference.split(" ")[1] if difference[0] == "r" else "")
            self.differ[kind] += 1
            if self.differ[kind] <= SHOWN:
                print(f"{self.about}, webhook {number}, {webhook.event} of {webhook.branch} "
                      f"#{webhook.number}, sent {webhook.sent_s}: {difference}", flush=True)


def compare_rows(report, about, places):
    """What is left in PLACES, which had the same webhooks in different orders, is the same."""
    first, *others = [place.rows() for place in places]
    for other in others:
        differ = [key for key in first.keys() | other.keys() if first.get(key) != other.get(key)]
        report.check(f"{about}: the rows of branches do not depend on the order", first and not differ,
                     f"{len(differ)} of {len(first)} differ")
