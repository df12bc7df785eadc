#!/usr/bin/env python3
"""Drives `kitehook history` and `kitehook forget`: what they show and remove is written here by hand; what is
left in the file Python's sqlite3 and the bytes themselves say.

usage: history_command_test.py --build DIR [--only REGEX] [--keep] [--verbose]
"""
import json
import os
import pathlib
import re
import sqlite3
import sys
import threading
import time

import cli_run
from catcher import Catcher
from cli_run import HOOK
from cli_worker import drop, entry, once, ring, STATE, Worker
from common import webhook

HOUR, MINUTE = 3600, 60
LOG = "  - name: breaks\n    log:\n    if: pipeline.started_failing\n"
HOSTILE = "feature/\x1b]0;owned\x07\r\nkite‮"
HOSTILE_JOB = "Lint \x1b[31m\n⁦x"


def rfc3339(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))


class Buildkite:
    """Sends webhooks, one after the other, into the inbox of CLI."""

    def __init__(self, cli):
        self.cli, self.count = cli, 0
        self.now = int(time.time()) - MINUTE

    def send(self, number, state, branch="main", ago=0, took=4 * MINUTE, event="build.finished",
             slug="kite-frame", job=None, **build):
        """AGO is when it ended, TOOK how long it took; without an end it started TOOK before AGO."""
        self.count += 1
        ended = self.now - ago
        body = json.loads(webhook(number, state, branch, event, **{
            "id": f"{slug}-{number}", "created_at": rfc3339(ended - took - 5),
            "started_at": rfc3339(ended - took),
            "finished_at": rfc3339(ended) if state in ("passed", "failed", "canceled") else None, **build}))
        body["pipeline"]["slug"] = slug
        body["sender"]["name"] = "Ida Example"
        for key in ("url", "web_url"):
            body["build"][key] = body["build"][key].replace("kite-frame", slug)
        if job:
            body["job"] = {"id": f"job-{number}-{job}", "name": job, "state": "failed", "type": "script"}
        content = json.dumps(body, ensure_ascii=False).encode()
        drop(self.cli.path("state"), entry(content, number=self.count, event=event,
                                           at=self.now + self.count // 20))

    def fail(self, number, *jobs, **more):
        for job in jobs:
            self.send(number, "failed", event="job.finished", job=job, **more)
        self.send(number, "failed", **more)


def story(cli):
    """#806 to #811 passed, #812 to #814 failed, #815 runs; and two other branches."""
    buildkite = Buildkite(cli)
    for number in range(806, 812):
        buildkite.send(number, "passed", ago=10 * HOUR - (number - 806) * HOUR)
    for number, ago in ((812, 2 * HOUR + 30), (813, HOUR), (814, 10 * MINUTE + 5)):
        buildkite.fail(number, "Unit tests", "Lint", ago=ago)
    buildkite.send(3, "passed", branch=HOSTILE, ago=3 * HOUR)
    buildkite.send(4, "canceled", branch="ux", slug="kite-tail", ago=HOUR)
    buildkite.send(815, "running", took=90, event="build.running")
    return buildkite


def ask(cli, *arguments):
    return cli.run(*arguments, "--config", cli.path("kitehook.yml"))


def answer(cli, *arguments):
    return json.loads(ask(cli, *arguments, "--json").out)


def rows(cli, table):
    with sqlite3.connect(f"file:{cli.path('state')}/memory.sqlite?mode=ro", uri=True) as db:
        found = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    db.close()
    return found


def shares_are_right(cli):
    """The account of each credential is what the deliveries themselves add up to."""
    with sqlite3.connect(f"file:{cli.path('state')}/memory.sqlite?mode=ro", uri=True) as db:
        kept = set(db.execute("SELECT * FROM shares WHERE owed + dead > 0"))
        counted = set(db.execute(
            "SELECT credential, sum(dead_us IS NULL), sum(iif(dead_us IS NULL, length(body), 0)),"
            " sum(dead_us IS NOT NULL), sum(iif(dead_us IS NULL, 0, length(body)))"
            " FROM deliveries GROUP BY credential"))
    db.close()
    return kept == counted


def occurrences(cli, text):
    """In the files of memory, in any case."""
    return sum(path.read_bytes().lower().count(text.lower().encode())
               for path in pathlib.Path(cli.path("state")).glob("memory.sqlite*"))


# ---- what is called wrongly, and where there is nothing


def test_misuse(cli, report):
    cli.config(top=STATE)
    for arguments, hint in [
        (["history", "a", "b", "c"], "'c' is too much"), (["history", "-n"], "needs a value"),
        (["history", ""], "is empty"), (["history", "a", ""], "is empty"),
        (["history", "-n", "0"], "'0'"), (["history", "--limit", "x"], "'x'"),
        (["history", "--lmit", "3"], "did you mean --limit?"), (["outbox", "list", "-n", "3"], "option -n"),
        (["forget"], "either a PIPELINE or --person"), (["forget", ""], "is empty"),
        (["forget", "x", "--person", "Mara"], "either"), (["forget", "x", "y"], "'y' is too much"),
        (["forget", "--person", "ma"], "too short"), (["forget", "--person", ""], "too short"),
    ]:
        done = cli.run(*arguments)
        report.check(f"misuse: {arguments}", done.code == 2 and hint in done.err and done.out == "", done)


def test_nothing(cli, report):
    cli.config(top=STATE, rules=LOG)
    commands = (["history"], ["history", "kite-frame"], ["history", "kite-frame", "main"],
                ["forget", "kite-frame"], ["forget", "--person", "Mara"])
    for command in commands:
        done = ask(cli, *command)
        report.check(f"{command}: no state folder", done.code == 1 and "does not exist" in done.err and
                     done.out == "" and not os.path.exists(cli.path("state")), done)
    os.mkdir(cli.path("state"), 0o700)
    for command in commands[:4]:
        done = ask(cli, *command)
        report.check(f"{command}: no memory", done.code == 1 and "`kitehook status` says" in done.err, done)
    report.check("and none is made", os.listdir(cli.path("state")) == [], os.listdir(cli.path("state")))
    report.check("history --json", answer(cli, "history") == {"branches": []}, "")
    cli.config(rules=LOG)
    for command in commands:
        done = ask(cli, *command)
        report.check(f"{command}: no `state:`", done.code == 3 and "add `state: /" in done.err, done)


# ---- what is shown


def test_branches(cli, report):
    cli.config(top=STATE, rules=LOG)
    story(cli)
    report.check("the worker works", once(cli).code == 0, "")
    done = ask(cli, "history", "kite-frame")
    main, feature = done.out.splitlines()
    report.check("a line for each branch", main.startswith(
        "main                       failing since #812, third in a row, for 2h, by Lint and Unit tests; "
        "last passed #811; usually 4m; last heard of ") and done.code == 0, done)
    report.check("nothing that a terminal obeys", feature.startswith(
        "feature/?]0;owned?  kite?  passing, last #3; last heard of "), done)
    done = ask(cli, "history")
    report.check("of all pipelines", len(done.out.splitlines()) == 3 and
                 "acme-kites/kite-tail  ux" in done.out and "nothing passed or failed yet" in done.out, done)
    report.check("-n 1", len(ask(cli, "history", "-n", "1").out.splitlines()) == 1, "")
    for name, word in (("acme-kites/kite-frame", "main"), ("kite-tail", "ux")):
        report.check(f"by {name}", word in ask(cli, "history", name).out, ask(cli, "history", name))


def test_builds(cli, report):
    cli.config(top=STATE, rules=LOG)
    story(cli)
    once(cli)
    done = ask(cli, "history", "kite-frame", "main")
    head, *lines = done.out.splitlines()
    report.check("the head", head.startswith(
        "acme-kites/kite-frame main: failing since #812, third in a row, for 2h, by Lint and Unit tests; "
        "last passed #811; usually 4m; "), done)
    report.check("a line for each build", [line.split()[0] for line in lines] ==
                 [f"#{number}" for number in range(815, 805, -1)], lines)
    number, state, _, *rest = lines[1].split()
    report.check("that fails", (number, state, " ".join(rest)) ==
                 ("#814", "failed", "ago took 4m by Lint and Unit tests"), lines[1])
    report.check("that passed", lines[4].split() == "#811 passed 5h ago took 4m".split(), lines[4])
    report.check("that runs", lines[0].split()[1] == "running" and "took" not in lines[0], lines[0])
    report.check("no blanks at the end", not [line for line in lines if line != line.rstrip()], lines)
    report.check("-n 2", len(ask(cli, "history", "kite-frame", "main", "-n", "2").out.splitlines()) == 3, "")


def test_json(cli, report):
    cli.config(top=STATE, rules=LOG)
    now = story(cli).now
    once(cli)
    branches = answer(cli, "history", "acme-kites/kite-frame", "main")["branches"]
    main = branches[0]
    failing_for = main.pop("failing_for")
    builds = {build["number"]: build for build in main.pop("builds")}
    seen_at = main.pop("seen_at")
    report.check("one branch", len(branches) == 1 and main == {
        "organization": "acme-kites", "pipeline": "kite-frame", "pipeline_id": None, "branch": "main",
        "damaged": False, "outcome": "failed", "consecutive_failures": 3, "failing_since": 812,
        "last_passed": 811, "usual_duration": 240,
        "before": {"number": None, "outcome": None, "last_passed": None, "consecutive_failures": 0,
                   "failing_since": None, "failed_at": None}}, main)
    report.check("for how long", failing_for >= 2 * HOUR + 30, failing_for)
    report.check("when", seen_at.endswith("Z") and len(seen_at) == 24, seen_at)
    report.check("its builds", list(builds) == list(range(815, 805, -1)), list(builds))
    failed = now - 10 * MINUTE - 5
    report.check("one that failed", builds[814] == {
        "number": 814, "id": "kite-frame-814", "state": "failed", "outcome": "failed",
        "created_at": rfc3339(failed - 245), "started_at": rfc3339(failed - 240), "failing_at": None,
        "finished_at": rfc3339(failed), "duration": 240, "failed_jobs": ["Lint", "Unit tests"],
        "soft_failed_jobs": [], "mended_jobs": [], "told": []}, builds[814])
    report.check("one that runs", builds[815] == {
        "number": 815, "id": "kite-frame-815", "state": "running", "outcome": None,
        "created_at": rfc3339(now - 95), "started_at": rfc3339(now - 90), "failing_at": None,
        "finished_at": None, "duration": None, "failed_jobs": None, "soft_failed_jobs": None,
        "mended_jobs": None, "told": []}, builds[815])
    report.check("a name as it is", HOSTILE in [one["branch"] for one in answer(cli, "history")["branches"]],
                 "")


def test_before(cli, report):
    """Of 60 builds 50 are left, and a line: #8 passed, #9 failed, and all after it."""
    cli.config(top=STATE, rules=LOG)
    buildkite = Buildkite(cli)
    for number in range(1, 61):
        buildkite.send(number, "failed" if number > 8 else "passed", ago=(60 - number) * HOUR)
    once(cli)
    main = answer(cli, "history", "kite-frame", "main")["branches"][0]
    report.check("the line", main["before"] == {
        "number": 10, "outcome": "failed", "last_passed": 8, "consecutive_failures": 2, "failing_since": 9,
        "failed_at": rfc3339(buildkite.now - 51 * HOUR)}, main["before"])
    report.check("it counts", (main["consecutive_failures"], main["failing_since"], main["last_passed"],
                               main["usual_duration"], len(main["builds"])) == (52, 9, 8, None, 50), main)
    done = ask(cli, "history", "kite-frame", "main")
    report.check("in words",
                 "failing since #9, 52 in a row, for 2d; last passed #8; last heard" in done.out and
                 len(done.out.splitlines()) == 21, done)


def test_hostile_jobs(cli, report):
    cli.config(top=STATE, rules=LOG)
    Buildkite(cli).fail(7, HOSTILE_JOB, branch=HOSTILE)
    once(cli)
    for arguments in (["history"], ["history", "kite-frame"], ["history", "kite-frame", HOSTILE],
                      ["history", "kite-frame", "kite"], ["history", HOSTILE]):
        done = ask(cli, *arguments)
        said = done.out + done.err
        report.check(f"{arguments}: nothing that a terminal obeys",
                     not [sign for sign in "\x1b\x07\r‮⁦" if sign in said] and
                     "feature/" in said and len(said.splitlines()) <= 2, done)
    report.check("the job", "by Lint ?[31m; last" in ask(cli, "history", "kite-frame").out,
                 ask(cli, "history", "kite-frame"))


def test_unknown(cli, report):
    cli.config(top=STATE, rules=LOG)
    story(cli)
    once(cli)
    for arguments, hints in (
        (["history", "kite-fram"], ("'kite-fram'; did you mean 'kite-frame'?", "kite-tail")),
        (["history", "nothing-like-it"], ("'nothing-like-it'; there is kite-frame, kite-tail",)),
        (["history", "kite-frame", "mian"], ("a branch 'mian'; did you mean 'main'?",)),
        (["history", "kite-fram", "main"], ("a pipeline 'kite-fram'; did you mean 'kite-frame'?",)),
        (["forget", "kite-fram"], ("did you mean 'kite-frame'?",)),
        (["forget", "--person", "Mara"], ("has 'Mara'",)),
    ):
        done = ask(cli, *arguments)
        report.check(f"{arguments}", done.code == 1 and done.out == "" and
                     not [hint for hint in hints if hint not in done.err], done)


# ---- what is forgotten


def test_forget_pipeline(cli, report):
    cli.config(top=STATE, rules=LOG)
    story(cli)
    once(cli)
    report.check("it has spoken once", rows(cli, "told") == 1, rows(cli, "told"))
    tables = ("branches", "builds", "told", "journal")
    kept = [rows(cli, table) for table in tables]
    done = ask(cli, "forget", "acme-kites/kite-frame", "--dry-run")
    expected = "2 branches, 11 builds, 1 told row, 17 lines of the journal\n"
    report.check("--dry-run", done.code == 0 and done.out == f"would forget: {expected}", done)
    report.check("removes nothing",
                 kept == [rows(cli, table) for table in tables], kept)
    done = ask(cli, "forget", "acme-kites/kite-frame")
    report.check("it is forgotten", done.code == 0 and done.out == f"forgot: {expected}", done)
    report.check("and the other is not",
                 [rows(cli, table) for table in tables] == [1, 1, 0, 1], "")
    report.check("no byte is left", occurrences(cli, "kite-frame") == 0 and occurrences(cli, "kite-tail") > 0,
                 occurrences(cli, "kite-frame"))
    done = ask(cli, "forget", "acme-kites/kite-frame")
    report.check("only once", done.code == 1 and "there is kite-tail" in done.err, done)
    told = answer(cli, "forget", "kite-tail")
    report.check("--json", told == {
        "forgotten": {"branches": 1, "builds": 1, "told": 0, "job_names": 0, "journal_lines": 1, "dead": 0},
        "dry_run": False, "owed": []}, told)


def test_forget_beside_mistakes(cli, report):
    cli.config(top=STATE, rules=LOG)
    story(cli)
    once(cli)
    cli.config(top=STATE, rules="  - log:\n    evnts: x\n")
    done = ask(cli, "forget", "kite-frame")
    report.check("a broken rule keeps nobody from forgetting", done.code == 0 and "2 branches" in done.out and
                 "`kitehook check` says why" in done.err and rows(cli, "told") == 1, done)


def test_forget_person(cli, report):
    """MARA in a branch, in the name of a job, and in notifications: dead ones and owed ones."""
    def refuse(path, body):
        return (400, {}, b"not for Mara") if re.search(rb"builds/[12]\b", body) else (503, {}, b"")

    with Catcher(refuse) as catcher:
        cli.config(top=STATE, url=catcher.url(HOOK))
        buildkite = Buildkite(cli)
        buildkite.fail(1, "Lint", branch="mara/kite", message="Fly")
        buildkite.fail(2, "Ask Mara", "Lint", message="by Märá")
        buildkite.fail(3, "Lint", author={"name": "Mara \"Kite\" Example"})
        buildkite.fail(4, "Lint")
        once(cli)
        dead, owed = rows(cli, "deliveries WHERE dead_us IS NOT NULL"), rows(
            cli, "deliveries WHERE dead_us IS NULL")
        report.check("the scene", (dead, owed) == (2, 2), (dead, owed))
        report.check("the name is there", occurrences(cli, "mara") >= 6, occurrences(cli, "mara"))
        done = ask(cli, "forget", "--person", "MARA", "--dry-run")
        listed = [one["id"] for one in answer(cli, "outbox", "list", "--state", "waiting")["deliveries"]]
        report.check("--dry-run", done.code == 0 and done.out.startswith(
            "would forget: 1 branch, 1 build, 1 name of a job, 7 lines of the journal, 2 dead notifications\n"
            "left: 1 that is still owed, and has the name; to drop it, type: kitehook outbox drop "), done)
        report.check("removes nothing", rows(cli, "deliveries") == 4 and rows(cli, "branches") == 2, "")
        told = answer(cli, "forget", "--person", "MARA")
        report.check("--json", told["forgotten"] == {
            "branches": 1, "builds": 1, "told": 0, "job_names": 1, "journal_lines": 7, "dead": 2} and
            len(told["owed"]) == 1 and told["owed"][0] in listed, told)
        report.check("the account is right", shares_are_right(cli), "")
        second = answer(cli, "history", "kite-frame", "main")["branches"][0]["builds"][2]
        report.check("a job without a name", (second["number"], second["failed_jobs"]) == (2, ["Lint"]),
                     second)
        done = ask(cli, "outbox", "drop", *told["owed"])
        report.check("by the command that it names", done.code == 0 and done.out == "dropped: 1\n", done)
        report.check("no byte is left", occurrences(cli, "mara") == 0 and occurrences(cli, "lint") > 0,
                     occurrences(cli, "mara"))
        done = ask(cli, "forget", "--person", "Mara")
        report.check("only once", done.code == 1 and done.out == "", done)
        report.check("the account is right", shares_are_right(cli), "")


def test_forget_written_as_json(cli, report):
    with Catcher(lambda path, body: (400, {}, b"")) as catcher:
        cli.config(top=STATE, url=catcher.url(HOOK))
        Buildkite(cli).fail(1, "Lint", message='say "Jöhn" to it')
        once(cli)
        done = ask(cli, "forget", "--person", '"Jöhn"')
        report.check("a body has it as JSON writes it", done.code == 0 and
                     done.out == "forgot: 2 lines of the journal, 1 dead notification\n" and
                     rows(cli, "deliveries") == 0, done)


def test_beside_a_worker(cli, report):
    """While a worker works on webhook after webhook, every command is answered, and nothing is lost."""
    cli.config(top=STATE + "worker: service\n", rules=LOG)
    buildkite, asked, stop = Buildkite(cli), [], threading.Event()
    drop(cli.path("state"), entry(webhook(1, "passed"), number=0))

    def look():
        while not stop.is_set():
            asked.append(ask(cli, "history", "kite-frame", "main"))
            asked.append(ask(cli, "forget", "kite-tail"))

    with Worker(cli) as worker:
        worker.said("webhook handled")
        looks = threading.Thread(target=look)
        looks.start()
        for number in range(100, 1500):
            buildkite.send(number, "passed", slug="kite-tail" if number % 3 == 0 else "kite-frame")
            ring(cli.path("state"))
            time.sleep(0.02)
            if number >= 200 and len(asked) >= 6:
                break
        handled = worker.said("webhook handled", seconds=60, count=number - 98)
        stop.set()
        looks.join()
        report.check("all are worked on", handled, len(worker.lines("webhook handled")))
        report.check("without a trouble", not [line for line in worker.lines() if line["level"] == "ERROR"],
                     worker.text()[-500:])
        ask(cli, "forget", "kite-tail")
        report.check("what was forgotten is in no file of memory", occurrences(cli, "kite-tail") == 0,
                     occurrences(cli, "kite-tail"))
    bad = [done for done in asked if done.code not in (0, 1)]
    report.check("all are answered", len(asked) >= 6 and not bad, (len(asked), bad[:3]))
    main = answer(cli, "history", "kite-frame", "main")["branches"][0]
    last = number - (number % 3 == 0)
    report.check("the others are all there", len(main["builds"]) == 50 and
                 main["builds"][0]["number"] == main["last_passed"] == last, main["builds"][0])


TESTS = [test_misuse, test_nothing, test_branches, test_builds, test_json, test_before, test_hostile_jobs,
         test_unknown, test_forget_pipeline, test_forget_beside_mistakes, test_forget_person,
         test_forget_written_as_json, test_beside_a_worker]


sys.exit(cli_run.main(__doc__, TESTS))
