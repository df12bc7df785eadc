#!/usr/bin/env python3
"""What 0.1 left (tests/upgrade/0.1, made by tests/upgrade/make) goes on with today's programs, as
docs/compatibility.md promises it: configuration, state folder, the keys of logs and of --json. Once as if it
had been left just now, and once as if a week ago."""
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time

import common
from catcher import Catcher
from logs import BRANCHES, problem_of
from stage import KEY, id_of

FIRST = common.ROOT / "tests" / "upgrade" / "0.1"
URLS = {"CHAT_URL": "/chat", "HOOK_URL": "/hook", "LAMP_URL": "/lamp", "GONE_URL": "/gone"}
PLACES = {"chat": "/chat", "hook": "/hook", "gone": "/gone", "lamp": "/lamp/lights/group%3AOffice/state"}
FAILED, WAITING = (11, 12), range(11, 16)  # builds of the webhooks in the inbox
PATIENCE_S = 60
WEEK_US = 7 * 86400 * 10**6


def takes(path, _):
    return (207, {"Content-Type": "application/json"}, b'{"results":[{"id":"d1","status":"ok"}]}') \
        if path.startswith("/lamp") else 200


def memory_of_first(path, is_fresh):
    """The memory.sqlite of 0.1: all that was to be done later is due now, or was a week ago."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as memory:
        memory.executescript((FIRST / "memory.sql").read_text(encoding="utf-8"))
        late = memory.execute("SELECT max(not_before_us) FROM deliveries").fetchone()[0]
        later = int(time.time() * 1e6) - late - (0 if is_fresh else WEEK_US)
        for table in ("bodies", "signatures", "deliveries", "destinations", "journal"):
            for column in [row[1] for row in memory.execute(f"PRAGMA table_info({table})")]:
                if column.endswith("_us"):
                    memory.execute(f"UPDATE {table} SET {column} = {column} + ? WHERE {column} > 0", (later,))
    path.chmod(0o600)


def owed_of_first(dead):
    """{id: (rule, body)} of what 0.1 still had, by its own file."""
    with contextlib.closing(sqlite3.connect(":memory:")) as memory:
        memory.executescript((FIRST / "memory.sql").read_text(encoding="utf-8"))
        rows = memory.execute("SELECT id, rule, body FROM deliveries WHERE (dead_us IS NOT NULL) = ?",
                              (dead,)).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


class Upgraded:
    """FOLDER as 0.1 left it, with today's programs beside it."""

    def __init__(self, folder, build, catcher, is_fresh):
        self.folder, self.build, self.state = folder, build, folder / "state"
        shutil.copytree(FIRST / "config", folder)
        (folder / "env").write_text(
            f"OLD_SECRET=another-secret-of-16\nHOOK_KEY={KEY}\nLAMP_TOKEN=planted-token\n" +
            "".join(f"{name}={catcher.url(path)}\n" for name, path in URLS.items()), encoding="utf-8")
        for path in folder.iterdir():
            path.chmod(0o600)
            common.aged(path)
        self.state.mkdir(mode=0o700)
        shutil.copytree(FIRST / "inbox", self.state / "inbox")
        (self.state / "inbox" / "tmp").mkdir()
        for path in (self.state / "inbox", *(self.state / "inbox").iterdir()):
            path.chmod(0o700)
        memory_of_first(self.state / "memory.sqlite", is_fresh)

    def kitehook(self, *words):
        return subprocess.run([self.build / "kitehook", *words, "--config", self.folder / "kitehook.yml"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=PATIENCE_S, env={"PATH": os.environ["PATH"]})

    def post(self, number, **build):
        body = common.webhook(number, **build)
        headers = common.post_headers(body, f"r-{number}")
        variables = common.cgi_variables(self.folder / "kitehook.yml", "POST", common.URL, headers, len(body))
        return common.run_cgi(self.build / "kitehook.cgi", variables, body)[0]

    def lines(self):
        return [json.loads(line) for name in ("receiver.log", "worker.log")
                for line in common.whole_text(self.folder / name).splitlines()]

    def memory(self, statement):
        with contextlib.closing(sqlite3.connect(self.state / "memory.sqlite")) as memory:
            return memory.execute(statement).fetchall()


def lost_keys(old, new, place=""):
    """The keys of OLD that NEW has not, or has with another kind of value. Of lists the first items count."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [one for name, value in old.items()
                for one in ([f"{place}.{name}"] if name not in new
                            else lost_keys(value, new[name], f"{place}.{name}"))]
    if isinstance(old, list) and isinstance(new, list):
        return lost_keys(old[0], new[0], f"{place}[0]") if old and new else []
    return [] if None in (old, new) or type(old) is type(new) else [f"{place}: {old!r} is {new!r}"]


def check_said(report, name, upgraded, commands, exits=0):
    """COMMANDS have the keys that they had in 0.1."""
    said = json.loads((FIRST / "said.json").read_text(encoding="utf-8"))
    for words in commands:
        done = upgraded.kitehook(*words.split(), "--json")
        report.check(f"{name}: {words}: exits {exits}", done.returncode == exits,
                     (done.returncode, done.stderr))
        lost = lost_keys(said[words]["json"], json.loads(done.stdout or "null"))
        report.check(f"{name}: {words} --json has the keys of 0.1", done.stdout and not lost, lost)


def check_before(report, name, upgraded):
    check_said(report, name, upgraded, ("check", "inbox list"))
    check_said(report, name, upgraded, ("status",), exits=1)  # something waits, and nobody works
    done = upgraded.kitehook("outbox", "list")
    report.check(f"{name}: outbox says what it waits for",
                 done.returncode == 5 and "the next worker brings it up to date" in done.stderr, done.stderr)


def expected():
    """{rule: [(id, the bytes that 0.1 had made or None)]}, in no order."""
    owed = owed_of_first(False)
    found = {rule: [(id_, body) for id_, (its, body) in owed.items() if its == rule] for rule in PLACES}
    for number in WAITING:
        body = common.webhook(number, state="failed" if number in FAILED else "passed")
        for rule in ("chat", "hook", *(("gone", "lamp") if number in FAILED else ())):
            found[rule].append((id_of(body, rule), None))
    found["lamp"] = found["lamp"][-1:]  # a newer colour takes the place of one that waits
    return found


def check_arrived(report, name, catcher, wanted):
    """Each came once. By its id where it has one, and what was owed with the bytes that 0.1 had made."""
    for rule, owed in wanted.items():
        came = catcher.at(PLACES[rule])
        report.check(f"{name}: {rule}: all came, and once", len(came) == len(owed),
                     (len(came), len(owed), [one.path for one in catcher.caught]))
        bodies = [one.body for one in came]
        report.check(f"{name}: {rule}: what was owed came as it was",
                     all(bodies.count(body) >= 1 for _, body in owed if body), bodies)
        if rule in ("hook", "gone"):
            ids = sorted({key.lower(): value for key, value in one.headers.items()}["webhook-id"]
                         for one in came)
            report.check(f"{name}: {rule}: under the ids that 0.1 gave",
                         ids == sorted(id_ for id_, _ in owed), ids)


def check_lines(report, name, upgraded):
    """What 0.1 logged of such a thing, today's line has, too."""
    lines = upgraded.lines()
    wrong = [(problem_of(line), line) for line in lines if problem_of(line)]
    report.check(f"{name}: every line is as the schema has it", lines and not wrong, wrong[:2])
    told = [line["build_number"] for line in lines if line["message"] == "notification"]
    report.check(f"{name}: the log told of each webhook", sorted(told)[:len(WAITING)] == list(WAITING), told)
    like = lambda line: (line["message"], line.get("verdict"), line.get("result"), line.get("notifier"))
    compared = 0
    for text in (FIRST / "lines.jsonl").read_text(encoding="utf-8").splitlines():
        old = json.loads(text)
        same = [line for line in lines if like(line) == like(old)]
        compared += bool(same)
        absent = set(old) - set().union(*same) if same else set()
        report.check(f"{name}: the keys of 0.1's {like(old)}", absent <= {"oldest_entry_s", "detail"}, absent)
    report.check(f"{name}: there were such lines", compared >= 5, compared)


def check_schema(report):
    for message, keys in json.loads((FIRST / "keys.json").read_text(encoding="utf-8")).items():
        lost = sorted(set(keys) - set(BRANCHES[message].schema["properties"] if message in BRANCHES else ()))
        report.check(f"log.schema.json has the keys of 0.1: {message}", not lost, lost)
    for text in (FIRST / "lines.jsonl").read_text(encoding="utf-8").splitlines():
        problem = problem_of(json.loads(text))
        report.check("a line of 0.1 is right by today's schema", not problem, (problem, text))


def go_on(report, name, folder, build, is_fresh):
    with Catcher(takes) as catcher:
        upgraded = Upgraded(folder, build, catcher, is_fresh)
        check_before(report, name, upgraded)
        before = upgraded.memory("PRAGMA user_version")[0][0]
        done = upgraded.kitehook("worker", "--once")
        report.check(f"{name}: the worker did all", done.returncode == 0, (done.returncode, done.stderr))
        wanted = expected()
        check_arrived(report, name, catcher, wanted)
        report.check(f"{name}: nothing waits", not common.waiting(folder), common.waiting(folder))
        after = upgraded.memory("PRAGMA user_version")[0][0]
        page = (common.ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
        report.check(f"{name}: memory is of the version that docs/compatibility.md has",
                     before < after == int(re.findall(r"^\| [\d.]+ \| (\d+) \|$", page, re.M)[-1]), after)
        report.check(f"{name}: memory is whole", upgraded.memory("PRAGMA integrity_check") == [("ok",)])
        listed = json.loads(upgraded.kitehook("outbox", "list", "--json").stdout)["deliveries"]
        dead = owed_of_first(True)
        report.check(f"{name}: what was dead is there, and nothing else",
                     {one["id"]: one["state"] for one in listed} == dict.fromkeys(dead, "dead"), listed)
        check_said(report, name, upgraded, ("outbox list",))
        check_after(report, name, upgraded, catcher, wanted, dead)
        if is_fresh:
            check_repeat(report, name, upgraded, catcher)
        check_lines(report, name, upgraded)


def check_after(report, name, upgraded, catcher, wanted, dead):
    """What was dead can be sent, what was set aside can be seen."""
    done = upgraded.kitehook("outbox", "redrive", "--all")
    report.check(f"{name}: redrive", done.returncode == 0, done.stderr)
    upgraded.kitehook("worker", "--once")
    for id_, (rule, body) in dead.items():
        wanted[rule].append((id_, body))
    check_arrived(report, f"{name}, redriven", catcher, wanted)
    aside = json.loads(upgraded.kitehook("inbox", "list", "--json").stdout)["aside"]
    report.check(f"{name}: what was aside still is", [one["name"] for one in aside] == ["no-entry"], aside)


def check_repeat(report, name, upgraded, catcher):
    """A body that 0.1 had notified of is a repeat today; another one is not."""
    before = len(catcher.caught)
    report.check(f"{name}: takes a webhook", upgraded.post(1, state="failed").status == 200)
    upgraded.kitehook("worker", "--once")
    report.check(f"{name}: one of 0.1's is a repeat", len(catcher.caught) == before,
                 [one.path for one in catcher.caught[before:]])
    report.check(f"{name}: takes a new one", upgraded.post(99, branch="feature").status == 200)
    upgraded.kitehook("worker", "--once")
    report.check(f"{name}: it is notified of", [one.path for one in catcher.caught[before:]] == ["/hook"],
                 [one.path for one in catcher.caught[before:]])


def main():
    chosen = common.arguments(__doc__.splitlines()[0])
    report = common.Report(chosen.verbose)
    check_schema(report)
    with common.Workspace(chosen.keep) as folder, concurrent.futures.ThreadPoolExecutor(2) as lanes:
        reports = [common.Report(chosen.verbose, report.so_far) for _ in range(2)]
        running = [lanes.submit(go_on, reports[0], "left just now", folder / "fresh", chosen.build, True),
                   lanes.submit(go_on, reports[1], "left a week ago", folder / "old", chosen.build, False)]
        for one, its in zip(running, reports):
            one.result()
            report.add(its)
    return report.close()


common.main(main)
