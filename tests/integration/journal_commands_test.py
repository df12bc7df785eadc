#!/usr/bin/env python3
"""Drives `kitehook log`, `show` and `why`: every reason of docs/why.md comes about as its example says, with
a real worker; what they say is held against the page, against what was sent, and against
docs/journal.schema.json.

usage: journal_commands_test.py --build DIR [--only REGEX] [--keep] [--verbose]
"""
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

import cli_run
import fcgi
from catcher import Catcher
from cli_worker import drop, entry, once, ring, STATE, Worker
from common import cgi_variables, post_headers, ROOT, SECRET, wait_until, webhook
from journal_cases import BY_NOBODY, Case, examples, MAKE, PAGE, STAGES, table, TOP
from logs import jsonschema

SCHEMA = json.loads((ROOT / "docs" / "journal.schema.json").read_text(encoding="utf-8"))
# What a terminal would obey, and what turns the direction of writing, but for the end of a line.
REFUSED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
                     "\ufff9-\ufffb\U000e0000-\U000e007f]")
HOSTILE = "x\x1b]0;owned\x07\r\n\x9b31m\u202ekite\u2066"
HOUR_S = 3600
SERVICE = STATE + "worker: service\n"


def fits(report, kind, answer):
    validator = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": SCHEMA["$defs"]})
    error = jsonschema.exceptions.best_match(validator.iter_errors(answer))
    report.check(f"{kind} --json is as docs/journal.schema.json says", error is None, error)


def ask(cli, *arguments):
    return cli.run(*arguments, "--config", cli.path("kitehook.yml"))


def answer(cli, report, kind, *arguments):
    done = ask(cli, kind, *arguments, "--json")
    told = json.loads(done.out) if done.out else {}
    fits(report, kind, told)
    return told


def lines(cli, report, *arguments):
    told = [json.loads(line) for line in ask(cli, "log", *arguments, "--json").out.splitlines()]
    for line in told[:1]:
        fits(report, "log", line)
    return told


def reasons_of(webhooks, stage):
    if stage == "webhook":
        return {one["verdict"] for one in webhooks}
    return {row["reason"] for one in webhooks for row in one[STAGES[stage]]}


# ---- every reason


def bring_about(cli, word, rule):
    """What `show` then says of each webhook, and what `why` says of the build that WORD is said of."""
    with Catcher() as catcher:
        case = Case(cli, word, rule, catcher, TOP.get(word, ""))
        case.seen = None
        case.answers(200)
        made = MAKE[word](case)
        if word == "not_kept":
            return made, None
        listed = [json.loads(line) for line in case.run("log", "--json").out.splitlines()]
        shown = [json.loads((case.seen or [case.run("show", str(one["id"]), "--json")])[0].out)["webhooks"][0]
                 for one in listed]
        if shown[0]["build"] is None:
            return shown, None
        number = of_build(shown, table()[word][0], word)
        return shown, case.seen[1] if case.seen else case.run("why", f"kite-frame/{number}")


def check_reason(report, word, stage, says, cure, shown, told):
    if word == "not_kept":
        report.check("not_kept: replay says so", '"not_kept"' in shown.out, shown)
        return
    fits(report, "show", {"webhooks": shown})
    came = reasons_of(shown, stage)
    report.check(f"{word}: it comes about", word in came, (came, told))
    rows = shown if stage == "webhook" else [row for one in shown for row in one[STAGES[stage]]]
    mine = [row for row in rows if row.get("reason", row.get("verdict")) == word]
    report.check(f"{word}: with its sentence", mine and all(row["says"] == says for row in mine), mine)
    report.check(f"{word}: with what to do", stage == "webhook" or
                 all((row["do"] or "-") == cure for row in mine), mine)
    report.check(f"{word}: why says it",
                 not told or (f"{says} ({word})" in told.out and told.code == 0), told)


def of_build(shown, stage, word):
    """The number of the build that WORD is said of."""
    return next((one["build"] for one in shown if word in reasons_of([one], stage)), 12)


def test_every_reason(cli, report):
    known, rules = table(), examples()
    report.check("the page has every reason once", set(known) == {*MAKE, *BY_NOBODY} == set(rules) and
                 len(known) > 30, set(known) ^ {*MAKE, *BY_NOBODY} ^ set(rules))
    words = list(MAKE)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        came = pool.map(lambda word: bring_about(cli, word, rules[word]), words)
        for word, (shown, told) in zip(words, came):
            check_reason(report, word, *known[word], shown, told)


def test_explain_says_the_same(cli, report):
    """Of the same webhook, from the same rules."""
    known, rules = table(), examples()
    words = [word for word, row in known.items() if row[0] == "rule" and
             word not in ("not_kept", "said_already", "superseded", *BY_NOBODY)]
    for word in words:
        with Catcher() as catcher:
            case = Case(cli, word, rules[word], catcher)
            build = {"build_blocked": dict(state="passed", blocked=True),
                     "not_there": dict(repository="")}.get(word, {})
            body = case.body(**{"number": 12, "state": "failed", "event": "build.finished", **build})
            done = case.cli.run("explain", "--config", case.config, "-", input=body)
            told = json.loads(case.cli.run("explain", "--json", "--config", case.config, "-", input=body).out)
            rule, = told["rules"]
            report.check(f"explain says {word}",
                         (rule["reason"], rule["says"]) == (word, known[word][1]) and
                         f"{known[word][1]} ({word})" in done.out, (rule, done))


def masked(text):
    """TEXT without what is another each time."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z", "TIME", re.sub(r"\b[0-9a-f]{32}\b", "ID", text))


def test_the_page(cli, report):
    """Its commands run, and its answers are what is answered to its rules."""
    page = PAGE.read_text(encoding="utf-8")
    section = page.partition("## An answer\n")[2].partition("\n## ")[0]
    with Catcher(lambda *_: (200, {}, b'{"ok":false,"error":"channel_not_found"}')) as catcher:
        case = Case(cli, "page", re.search(r"```yaml\n(.*?)```", section, re.S).group(1), catcher)
        case.send(811, "passed", ago=600)
        case.send(812, "failed", ago=60)
        case.work()
        case.send(813, "failed")
        case.work()
    answers = re.findall(r"```console\n\$ kitehook (.*?)\n(.*?)```", section, re.S)
    for command, said in answers:
        done = case.run(*command.split())
        wanted, is_cut, _ = masked(said).partition("…\n")
        got = masked(done.out)
        report.check(f"why.md: {command}", got.startswith(wanted) if is_cut else got == wanted, (got, wanted))
    commands = re.findall(r"^\$ kitehook ([^#\n]*)", page.partition("## What the journal")[0], re.M)
    for command in commands:
        if "--follow" in command:
            continue  # test_follow
        done = case.run(*command.split())
        report.check(f"why.md: {command}", done.code == 0 and done.out, done)
    report.check("why.md has answers and commands", (len(answers), len(commands)) == (2, 5),
                 (answers, commands))


# ---- what is called wrongly, and where there is nothing


def test_misuse(cli, report):
    cli.config(top=STATE)
    for arguments, hint in [
        (["log", "x"], "'x' is too much"), (["log", "-n", "-1"], "'-1'"), (["log", "--build", "0"], "'0'"),
        (["log", "--verdict", "not_event"], "is of a rule, not of a webhook"),
        (["log", "--reason", "dead"], "`kitehook outbox list`"), (["log", "--reason", "nope"], "docs/why.md"),
        (["log", "--since", "soon"], "not a duration"),
        (["log", "--since", "9223372036854775807s"], "not a duration"),
        (["diff", "a.yml", "b.yml", "--since", "106751991167300d"], "not a duration"),
        (["log", "--pipeline", ""], "is empty"),
        (["show"], "ID is missing"), (["show", ""], "is empty"), (["show", "1", "2"], "'2' is too much"),
        (["why"], "PIPELINE/NUMBER is missing"), (["why", "kite-frame"], "is no build"),
        (["why", "kite-frame/0"], "is no build"), (["why", "/12"], "is no build"),
        (["why", "https://buildkite.com/acme/kite"], "is no build"),
        (["why", "kite/1", "--rle", "x"], "--rule?"),
    ]:
        done = cli.run(*arguments)
        report.check(f"misuse: {arguments}", done.code == 2 and hint in done.err and done.out == "", done)


COMMANDS = (["log"], ["log", "--json"], ["show", "1"], ["why", "kite-frame/1"])


def test_nothing(cli, report):
    cli.config(top=STATE, rules="  - log\n")
    for command in COMMANDS:
        done = ask(cli, *command)
        report.check(f"{command}: no state folder", done.code == 1 and "does not exist" in done.err and
                     "kitehook status" in done.err and done.out == "", done)
    os.mkdir(cli.path("state"), 0o700)
    for command in COMMANDS:
        done = ask(cli, *command)
        report.check(f"{command}: no memory", done.code == 1 and "the journal is empty" in done.err, done)
    report.check("and none is made", os.listdir(cli.path("state")) == [], os.listdir(cli.path("state")))
    cli.config(top=SERVICE + "journal: { max_entries: 0 }\n", rules="  - log\n")
    work(cli, 1)
    for command in COMMANDS:
        done = ask(cli, *command)
        report.check(f"{command}: it is switched off", done.code == 1 and "max_entries: 0" in done.err and
                     done.out == "", done)
    cli.config(rules="  - log\n")
    for command in COMMANDS:
        done = ask(cli, *command)
        report.check(f"{command}: no `state:`", done.code == 3 and "add `state: /" in done.err, done)


# ---- log


def fill(cli, count=30):
    """Builds 1 to COUNT; every third on a branch of its own, every fifth of another pipeline, and of each the
    beginning and the end."""
    sent = []
    for number in range(1, count + 1):
        for event, state in (("build.running", "running"),
                             ("build.finished", "passed" if number % 2 else "failed")):
            body = json.loads(webhook(number, state, "ux" if number % 3 == 0 else "main", event))
            if number % 5 == 0:
                body["pipeline"]["slug"] = "kite-tail"
                body["build"]["url"] = body["build"]["url"].replace("kite-frame", "kite-tail")
            sent.append((number, event, body["build"]["branch"], body["pipeline"]["slug"]))
            drop(cli.path("state"), entry(json.dumps(body).encode(), number=len(sent), event=event,
                                          at=int(time.time()) - 2 * HOUR_S + 60 * number))
    once(cli)
    return sent


def test_log(cli, report):
    cli.config(top=SERVICE, rules="  - log:\n    branches: main\n    events: build.finished\n")
    sent = fill(cli)

    def told(*arguments):
        return [(one["build"], one["event"], one["branch"], one["pipeline"])
                for one in lines(cli, report, *arguments)]

    for arguments, keep in [
        ([], lambda one: True), (["--branch", "ux"], lambda one: one[2] == "ux"),
        (["--pipeline", "kite-tail"], lambda one: one[3] == "kite-tail"),
        (["--pipeline", "acme-kites/kite-frame"], lambda one: one[3] == "kite-frame"),
        (["--build", "7"], lambda one: one[0] == 7),
        (["--event", "build.running"], lambda one: "run" in one[1]),
        (["--reason", "not_branch"], lambda one: "fin" in one[1] and one[2] != "main"),
        (["--reason", "notified", "--pipeline", "kite-tail"],
         lambda one: "fin" in one[1] and one[2] == "main" and one[3] == "kite-tail"),
        (["--verdict", "repeat"], lambda one: False),
        (["--since", "91m"], lambda one: one[0] >= 30),
    ]:
        want = [one for one in sent if keep(one)]
        report.check(f"log {arguments}", told(*arguments) == want, (told(*arguments), want))
        last = told(*arguments, "-n", "3")
        report.check(f"log -n 3 {arguments}", last == want[-3:], last)
    done = ask(cli, "log")
    report.check("for people the last 20", len(done.out.splitlines()) == 20 and done.code == 0 and
                 done.out.splitlines()[-1].endswith(" #30 ux failed: done, 1 not_branch"), done)
    done = ask(cli, "log", "--branch", "no-such")
    report.check("none like this",
                 done.code == 1 and "of the 60 webhooks" in done.err and done.out == "", done)
    status = json.loads(ask(cli, "status", "--json").out)
    report.check("status points to it", status["journal"]["webhooks"] == 60 and
                 "`kitehook log`" in ask(cli, "status").out, status)


class Follower:
    """`log --follow --json`, and what it said."""

    def __init__(self, cli, *arguments, stdout=None):
        self.out = cli.path("followed")
        self.file = open(self.out, "wb")
        self.child = subprocess.Popen(
            [str(cli.program), "log", "--follow", "--json", *arguments, "--config", cli.path("kitehook.yml")],
            stdin=subprocess.DEVNULL, stdout=stdout or self.file, stderr=subprocess.DEVNULL,
            env=cli.environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.file.close()

    def builds(self):
        with open(self.out, encoding="utf-8") as file:
            return [json.loads(line)["build"] for line in file if line.endswith("\n")]

    def has(self, builds):
        return wait_until(lambda: self.builds() == builds, 15)


def work(cli, *numbers):
    for number in numbers:
        drop(cli.path("state"), entry(webhook(number, "failed"), number=number))
    once(cli)


def test_follow(cli, report):
    cli.config(top=SERVICE, rules="  - log\n")
    os.mkdir(cli.path("state"), 0o700)
    with Follower(cli) as follower:
        work(cli, 1, 2)
        report.check("a memory that appears is told from its beginning", follower.has([1, 2]),
                     follower.builds())
        work(cli, 3)
        report.check("a worker may leave and come back", follower.has([1, 2, 3]), follower.builds())
        forgotten = ask(cli, "forget", "kite-frame")
        work(cli, 8)
        report.check("what comes behind a line that was forgotten is told", follower.has([1, 2, 3, 8]),
                     (follower.builds(), forgotten))
        for name in ("memory.sqlite", "memory.sqlite-wal", "memory.sqlite-shm"):
            if os.path.exists(f"{cli.path('state')}/{name}"):
                os.remove(f"{cli.path('state')}/{name}")
        work(cli, 4)
        report.check("so does one that is made anew", follower.has([1, 2, 3, 8, 4]), follower.builds())
        follower.child.send_signal(signal.SIGINT)
        report.check("SIGINT ends it well", follower.child.wait(10) == 0, follower.child.returncode)
    with Follower(cli, "-n", "0", "--build", "6") as follower:
        time.sleep(0.3)
        work(cli, 5, 6, 7)
        report.check("filters count, and what was there is not told", follower.has([6]), follower.builds())
        follower.child.terminate()
        report.check("SIGTERM ends it well", follower.child.wait(10) == 0, follower.child.returncode)
    reading, writing = os.pipe()
    with Follower(cli, stdout=writing) as follower:
        os.close(writing)
        report.check("a pipe has what there is", os.read(reading, 10) != b"", "")
        os.close(reading)
        report.check("a reader that goes away ends it", follower.child.wait(10) == 5,
                     follower.child.returncode)


# ---- show


def test_show(cli, report):
    with Catcher(lambda *_: (503, {}, b"busy")) as catcher:
        cli.config(top=SERVICE, url=catcher.url("/planted"))
        body = webhook(7, "failed")
        sent = int(time.time()) - 3
        name = drop(cli.path("state"), entry(body, number=7, at=sent))
        once(cli)
        shown, = answer(cli, report, "show", "1")["webhooks"]
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(sent))
        report.check("the request", (shown["entry"], shown["request_id"], shown["bytes"], shown["sent"],
                                     shown["proof"], shown["secret"], shown["answer"], shown["build"]) ==
                     (name, "r-7", len(body), stamp, "signature", "default", 200, 7), shown)
        report.check("its values", shown["kept"]["build"]["number"] == 7 and
                     shown["kept"]["pipeline"]["slug"] == "kite-frame", shown["kept"])
        one, = shown["deliveries"]
        report.check("its delivery", (one["reason"], one["attempts"], one["status"], one["still_owed"],
                                      [attempt["status"] for attempt in one["failed"]]) ==
                     ("waiting", 1, 503, True, [503]) and "planted" not in json.dumps(shown), one)
        for other in ("r-7", name):
            report.check(f"by {other}", answer(cli, report, "show", other)["webhooks"][0]["id"] == 1, other)
        done = ask(cli, "show", "1")
        report.check("for people", all(text in done.out for text in (
            "webhook 1: build.finished acme-kites/kite-frame #7 main failed\n", "\nanswer   200\n",
            "slack-1 -> slack env:SLACK_WEBHOOK_URL: it matches, and a notification is owed (notified)",
            "it failed, and is tried again later (waiting): delivery_failed: HTTP 503; 1 tried, next at ",
            " failed: delivery_failed: HTTP 503\n")), done)
        done = ask(cli, "show", "no\x1bsuch")
        report.check("none", done.code == 1 and "no webhook 'no?such'" in done.err and done.out == "", done)


# ---- why


RULES = """\
  - name: breaks
    log:
    if: build.branch == "main" && build.state == "failed"
  - name: ux
    log:
    branches: ux
  - name: jobs
    log:
    events: [build.failing, job.finished]
"""


def test_why(cli, report):
    cli.config(top=SERVICE, rules=RULES)
    fill(cli, 6)
    for organization, event in (("other", "job.finished"), ("acme-kites", "build.failing")):
        body = webhook(99, "failing", event=event).replace(b"acme-kites", organization.encode())
        drop(cli.path("state"), entry(body, number=99, event=event))
    once(cli)
    told = answer(cli, report, "why", "kite-frame/1")
    report.check("each webhook, in order", [one["event"] for one in told["webhooks"]] ==
                 ["build.running", "build.finished"] and told["organization"] == "acme-kites" and
                 told["branch"] == "main", told)
    decided = {rule["rule"]: rule for rule in told["webhooks"][1]["rules"]}
    report.check("each rule", {name: rule["reason"] for name, rule in decided.items()} ==
                 {"breaks": "condition_false", "ux": "not_branch", "jobs": "not_event"} and
                 all(rule["today"] == "same" for rule in decided.values()), decided)
    parts = {part["expression"]: part["value"] for part in decided["breaks"]["part"]["parts"]}
    report.check("the part that does not hold", decided["breaks"]["part"]["name"] == "if" and
                 parts["build.state"] == "passed" and parts['build.branch == "main"'] is True and
                 decided["ux"]["part"] == {"name": "branches", "given": "ux", "value": "main",
                                           "matches": False}, decided)
    missing = {one["event"]: one for one in told["not_seen"]}
    report.check("what was not seen", missing == {
        "build.failing": {"event": "build.failing", "rules": ["jobs"], "ever": True,
                          "last": missing["build.failing"]["last"]},
        "job.finished": {"event": "job.finished", "rules": ["jobs"], "ever": False, "last": None}}, missing)
    done = ask(cli, "why", "kite-frame/1")
    report.check("for people", all(text in done.out for text in (
        "acme-kites/kite-frame #1, branch main: 2 webhooks came; the journal has 14 since ",
        "        build.branch is \"main\", build.state is \"passed\"\n", "ux; branch is main\n",
        "build.failing, asked for by jobs: not seen; others came, last on " +
        missing["build.failing"]["last"][:10],
        "job.finished, asked for by jobs: not seen, and none ever came from acme-kites: is it ticked",
        ": not known; only kitehook.fcgi counts")), done)
    url = "https://buildkite.com/acme-kites/kite-frame/builds/1"
    for build in ("acme-kites/kite-frame/1", "kite-frame/#1", url, url + "/summary#abc"):
        report.check(f"by {build}", answer(cli, report, "why", build)["webhooks"] == told["webhooks"], build)
    report.check("of another organization nothing", ask(cli, "why", "acme/kite-frame/1").code == 1, "")


def test_why_of_a_rule(cli, report):
    cli.config(top=SERVICE, rules=RULES)
    work(cli, 2)
    cli.config(top=SERVICE,
               rules=RULES.replace("branches: ux", "branches: main").replace("name: jobs", "name: other"))
    for rule, today, reason in (("breaks", "same", "notified"), ("ux", "changed", "not_branch"),
                                ("jobs", "gone", "not_event")):
        told = answer(cli, report, "why", "kite-frame/2", "--rule", rule)["webhooks"][0]
        said = [(one["rule"], one["today"], one["reason"]) for one in told["rules"]]
        report.check(f"--rule {rule}", said == [(rule, today, reason)] and
                     all(one["rule"] == rule for one in told["deliveries"]) and
                     (today == "same" or told["rules"][0]["part"] is None), told)
    done = ask(cli, "why", "kite-frame/2", "--rule", "ux")
    report.check("what to do, and that it changed", "to do: look at the rule's `branches`" in done.out and
                 "the rule has changed since" in done.out, done)
    done = ask(cli, "why", "kite-frame/2", "--rule", "other")
    report.check("one that is new", done.code == 0 and "this rule was not there then" in done.out, done)
    done = ask(cli, "why", "kite-frame/2", "--rule", "braeks")
    report.check("one that never was", done.code == 2 and "did you mean 'breaks'?" in done.err, done)
    cli.config(top=STATE, rules="  - log:\n    evnts: x\n")
    done = ask(cli, "why", "kite-frame/2", "--rule", "breaks")
    report.check("a broken configuration keeps nobody from asking", done.code == 0 and
                 "(notified)" in done.out and "`kitehook check` says why" in done.err, done)
    told = answer(cli, report, "why", "kite-frame/2")
    report.check("and what is not known is null", told["not_seen"] is None and
                 {rule["today"] for rule in told["webhooks"][0]["rules"]} == {None}, told)


def test_why_of_nothing(cli, report):
    cli.config(top=SERVICE, rules="  - log\n")
    now = int(time.time())
    for number, ago in ((1, 7200), (2, 7000), (4, 3800), (7, 60)):
        drop(cli.path("state"), entry(webhook(number, "failed"), number=number, at=now - ago))
    once(cli)
    drop(cli.path("state"), entry(webhook(9, "failed"), number=9))
    told = answer(cli, report, "why", "kite-frame/3")
    around = told["neighbours"]
    report.check("what came around it", (told["webhooks"], around["webhooks"], around["before"]["build"],
                                         around["after"]["build"], around["meant"]) == ([], 4, 2, 4, None) and
                 told["inbox"] == {"waiting": 1, "aside": 0}, told)
    hour = [time.strftime("%Y-%m-%dT%H:00:00.000Z", time.gmtime(at))
            for at in (now - 7000, now - 3800 + HOUR_S + HOUR_S)]
    report.check("in these hours something may have been refused", [told["refused"][key] for key in (
        "from", "to", "since", "count", "unkept")] == [*hour, None, None, None], (told["refused"], hour))
    missing, = told["not_seen"]
    report.check("others came", missing["event"] == "build.*" and missing["ever"] is True and
                 missing["last"], missing)
    done = ask(cli, "why", "kite-frame/3")
    report.check("for people", done.code == 1 and all(text in done.out for text in (
        "kite-frame #3: nothing of it is in the journal; the journal has 4 since ",
        "of this pipeline 4 came, the last at ", "before it #2 at ", "behind it #4 at ",
        "build.*, asked for by log-1: not seen; others came, last on ",
        "1 in the inbox wait for a worker")), done)
    told = answer(cli, report, "why", "kite-farme/3")
    report.check("a pipeline that was meant", told["neighbours"] == {
        "webhooks": 0, "last": None, "before": None, "after": None, "meant": "kite-frame"} and
        "did you mean kite-frame?" in ask(cli, "why", "kite-farme/3").out, told)


def test_refused_in_that_hour(cli, report):
    cli.config(top=SERVICE + "inbox: { max_entries: 2 }\n",
               rules="  - log:\n    events: [build.finished, build.failing]\n")
    os.mkdir(cli.path("state"), 0o700)
    began = time.time()
    process = fcgi.Process(cli.program.parent, cli.folder, cli.path("kitehook.yml"))
    try:
        good = [(SECRET, webhook(number)) for number in (1, 2, 3)]
        for secret, body in [(b"wrong", webhook(1))] * 3 + good:
            variables = cgi_variables(cli.path("kitehook.yml"), "POST", "/buildkite",
                                      post_headers(body, "one", secret=secret), len(body)).items()
            process.ask([pair for pair in variables if pair[0] != b"KITEHOOK_CONFIG"], body)
        process.child.terminate()
        process.child.wait(20)
    finally:
        process.close()
    once(cli)
    refused = answer(cli, report, "why", "kite-frame/3")["refused"]
    report.check("counted, and what was not kept apart",
                 (refused["count"], refused["unkept"]) == (4, 1), refused)
    hour = time.strftime("%Y-%m-%dT%H:00:00.000Z", time.gmtime(began))
    report.check("since that hour", refused["since"] == hour, refused)
    done = ask(cli, "why", "kite-frame/3")
    report.check("for people", "4 webhooks, 1 of them because they could not be kept" in done.out, done)


# ---- beside a worker, and what strangers wrote


def test_beside_a_worker(cli, report):
    cli.config(top=SERVICE, rules=RULES)
    drop(cli.path("state"), entry(webhook(1, "failed"), number=1))
    with Worker(cli, "--linger", "20") as worker:
        worker.said("notification")
        asked = []
        for number in range(2, 42):
            drop(cli.path("state"), entry(webhook(number, "failed"), number=number))
            ring(cli.path("state"))
            if number % 4 == 0:
                asked += [ask(cli, *command) for command in (["log", "--json"], ["why", "kite-frame/1"],
                                                             ["show", "1"])]
        report.check("all answers come", all(done.code == 0 and done.err == "" for done in asked),
                     [done for done in asked if done.code or done.err][:2])
        report.check("and the worker goes on", worker.said("webhook handled", count=41), worker.text()[-800:])
        trouble = [line for line in worker.lines() if line["level"] in ("WARN", "ERROR")]
        report.check("without trouble", not trouble, trouble[:3])
    report.check("all are there", [one["build"] for one in lines(cli, report)] == list(range(1, 42)), "")


SECRETS = ("planted-address@example.com", "PLANTED_ENV_VALUE", "planted-meta", "planted-token")


def test_strangers(cli, report):
    """Nothing that a terminal obeys, and nothing secret, in any of the answers."""
    with Catcher(lambda *_: (400, {}, HOSTILE.encode())) as catcher:
        cli.config(top=SERVICE, url=catcher.url("/planted-token"),
                   rules="  - slack: { url: { env: SLACK_WEBHOOK_URL } }\n    events: [build.*, job.*]\n"
                         "  - name: env\n    log:\n    if: build.env(\"X\") == \"y\" ||"
                         " build.message == \"z\" || build.author.email == \"a\"\n")
        body = json.loads(webhook(3, "failed", HOSTILE, message=HOSTILE + " planted-address@example.com",
                                  env={"X": "PLANTED_ENV_VALUE"}, meta_data={"a": "planted-meta"},
                                  author={"name": HOSTILE, "email": "planted-address@example.com"}))
        body["job"] = {"id": "j-1" + HOSTILE, "type": "script", "name": HOSTILE, "state": "failed",
                       "command": "echo planted-address@example.com"}
        body["pipeline"]["name"] = HOSTILE
        body["pipeline"]["repository"] = "https://user:planted-token@git.example/x.git"
        for number, event in enumerate(("build.finished", "job.finished")):
            body["event"] = event
            made = dict(body) if event == "job.finished" else {key: body[key] for key in body if key != "job"}
            drop(cli.path("state"), entry(json.dumps(made).encode(), number=number, event=event))
        once(cli)
        report.check("they came", len(lines(cli, report)) == 2, "")
        for command in (["log"], ["show", "1"], ["show", "2"], ["why", "kite-frame/3"],
                        ["why", "kite-frame/3", "--rule", "env"], ["why", f"{HOSTILE}/3"],
                        ["why", "kite-frame/3", "--rule", HOSTILE], ["show", HOSTILE],
                        ["log", "--branch", HOSTILE], ["status"]):
            done = ask(cli, *command)
            found = REFUSED.search(done.out + done.err)
            report.check(f"{command}: nothing that a terminal obeys",
                         not found and done.code in (0, 1, 2), done)
            machine = ask(cli, *command, "--json").out
            leaked = [secret for secret in SECRETS if secret in done.out + done.err + machine]
            report.check(f"{command}: nothing secret", not leaked, (leaked, done))
        told = answer(cli, report, "why", "kite-frame/3")
        env = {rule["rule"]: rule for rule in told["webhooks"][0]["rules"]}["env"]
        report.check("what was not kept is not guessed", "not kept" in (env["part"]["undecided"] or ""), env)
        report.check("an answer is cleaned", told["webhooks"][0]["deliveries"][0]["reason"] == "dead", told)


MAILED = "- email: [author, \"planted.kite+{{pipeline.slug}}@example.com\", \"{{build.tag}}@example.com\"]"


def test_whom_a_rule_writes_to(cli, report):
    """Of an address with a place for a value no more is shown, and kept with the rules, than of others."""
    with Catcher() as catcher:
        case = Case(cli, "mailed", MAILED, catcher)
        case.send(tag="v1")
        case.work()
        with contextlib.closing(sqlite3.connect(case.cli.path("state/memory.sqlite"))) as db:
            (rules,), = db.execute("SELECT rules FROM rule_lists").fetchall()
        report.check("not in the list of rules", "planted" not in rules and "p…@example.com" in rules, rules)
        report.check("one that is a value is", "{{build.tag}}@example.com" in rules, rules)
        for command in (("show", "1"), ("why", "kite-frame/12"), ("replay", "1"), ("check",)):
            said = case.run(*command)
            report.check(f"{command}: no address", "planted" not in said.out + said.err and said.out, said)


if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, [value for name, value in list(globals().items())
                                    if name.startswith("test_")]))
