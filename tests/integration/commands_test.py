#!/usr/bin/env python3
"""Drives `kitehook status`, `outbox`, `inbox` and `send`: beside a worker that runs, and while none does.

usage: commands_test.py --build DIR [--only REGEX] [--keep] [--verbose]

What is in the file Python's sqlite3 says, what arrived a catcher. What --help and the man page say of the
commands is in cli_test.py.
"""
import base64
import http.server
import json
import os
import pathlib
import random
import re
import sqlite3
import stat
import sys
import threading
import time

import cli_run
from catcher import Catcher
from cli_run import Cli, HOOK
from cli_worker import drop, entry, lock, of_message, once, ring, STATE, verdicts, waiting, Worker
from common import cgi_variables, fixtures, run_cgi, SECRET, wait_until, webhook, whole_text

SERVICE = STATE + "worker: service\n"
DAY_US = 86400 * 1000000


def told(cli, *arguments, config="kitehook.yml"):
    """The answer of a command that has --json, with what `run` returns as .done."""
    done = cli.run(*arguments, "--config", cli.path(config), "--json")

    class Told(dict):
        pass

    answer = Told(json.loads(done.out or "{}"))
    answer.done = done
    return answer


def rows(state, where="1"):
    """The deliveries as SQLite itself sees them, by id."""
    with sqlite3.connect(f"file:{state}/memory.sqlite?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        found = {row["id"]: dict(row)
                 for row in db.execute(f"SELECT * FROM deliveries WHERE {where} ORDER BY seq")}
    db.close()
    return found


def listing(folder):
    """Every name below FOLDER, with what changes when somebody writes."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        about = path.lstat()
        found[str(path)] = (about.st_mode, about.st_size, about.st_mtime_ns if path.is_file() else 0)
    return found


def rfc3339(at_us):
    whole, part = divmod(at_us // 1000, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{part:03d}Z"


def undeliverable(cli, catcher, count=1, first=0, event="build.finished"):
    """COUNT dead deliveries: the catcher refuses, and one pass is made. Their ids, oldest first."""
    for number in range(first, first + count):
        drop(cli.path("state"), entry(webhook(number, "failed", event=event), number=number))
    done = once(cli)
    return [line["delivery"] for line in done.lines if line["message"] == "delivery attempt" and
            line["result"] == "dead"]


# ---- what is called wrongly, and where there is nothing


def test_misuse(cli, report):
    cli.config(top=STATE)
    for arguments, hint in [
        (["outbox"], "list, show, redrive and drop"), (["outbox", "lst"], "'lst' is none of"),
        (["outbox", "list", "x"], "'x' is too much"),
        (["outbox", "list", "--all"], "--all is for"), (["outbox", "list", "--state", "gone"], "'gone'"),
        (["outbox", "list", "--older-than", "soon"], "'soon'"), (["outbox", "show"], "one ID"),
        (["outbox", "show", "a", "b"], "one ID"),
        (["outbox", "show", "a", "--state", "dead"], "no filter"),
        (["outbox", "redrive"], "IDs, filters or --all"),
        (["outbox", "drop"], "IDs, filters or --all"),
        (["outbox", "redrive", "a", "--all"], "either IDs or filters"),
        (["outbox", "drop", "a", "--notifier", "slack"], "either IDs or filters"),
        (["outbox", "--notifer", "x"], "did you mean --notifier?"),
        (["inbox"], "list, show, retry and drop"), (["inbox", "lst"], "'lst' is none of"),
        (["inbox", "list", "x"], "'x' is too much"),
        (["inbox", "show"], "one NAME"), (["inbox", "list", "--all"], "--all is for"),
        (["inbox", "retry"], "NAMEs or --all"),
        (["inbox", "drop"], "NAMEs or --all"), (["inbox", "drop", "a", "--all"], "NAMEs or --all"),
        (["status", "x"], "'x' is too much"),
        (["send"], "missing"), (["send", "http://127.0.0.1:9/"], "missing"),
        (["send", "http://127.0.0.1:9/", "a", "b"], "'b' is too much"),
        (["send", "body.json", "http://127.0.0.1:9/"], "comes first"),
        (["send", "ftp://127.0.0.1/", "f"], "comes first"),
        (["send", "--mode", "both", "http://127.0.0.1:9/", "f"], "'both'"),
        (["send", "--secret", "x", "--secret-file", "y", "http://127.0.0.1:9/", "f"],
         "either --secret or --secret-file"),
        (["send", "--secret", "x", "http://127.0.0.1:9/", "/nonexistent"], "/nonexistent"),
    ]:
        done = cli.run(*arguments)
        report.check(f"misuse: {' '.join(arguments)}", done.code == 2 and hint in done.err and done.out == "",
                     done)
    report.check("misuse touches nothing", not os.path.exists(cli.path("state")), "")


LOOKS = [["status"], ["outbox", "list"], ["inbox", "list"]]


def test_nothing_is_made(cli, report):
    cli.config(top=STATE)
    before = listing(cli.folder)
    for command in [*LOOKS, ["outbox", "redrive", "--all"], ["outbox", "drop", "--all"],
                    ["inbox", "retry", "--all"], ["inbox", "drop", "--all"]]:
        for how in ([], ["--json"]):
            done = cli.run(*command, "--config", cli.path("kitehook.yml"), *how)
            report.check(f"{' '.join(command)} {how}: no state folder",
                         done.code == 0 and "does not exist" in done.err, done)
    for command in (["outbox", "show", "x"], ["outbox", "redrive", "x"], ["outbox", "drop", "x"],
                    ["inbox", "show", "x"], ["inbox", "drop", "x"], ["inbox", "retry", "x"]):
        done = cli.run(*command, "--config", cli.path("kitehook.yml"))
        report.check(f"{' '.join(command)}: no state folder", done.code == 1 and "'x'" in done.err, done)
    report.check("and none is made", listing(cli.folder) == before, "")
    os.mkdir(cli.path("state"), 0o700)
    status = told(cli, "status")
    report.check("status of an empty folder",
                 status["exists"] and status["inbox"]["waiting"] == 0 and status["outbox"]["dead"] == 0 and
                 status["outbox"]["oldest"] is None and not status["worker"]["alive"] and
                 status["destinations"] == [], status)
    for command in LOOKS:
        cli.run(*command, "--config", cli.path("kitehook.yml"))
    report.check("and nothing is made in it", os.listdir(cli.path("state")) == [],
                 os.listdir(cli.path("state")))

    cli.config(rules="")
    for command in LOOKS:
        done = cli.run(*command, "--config", cli.path("kitehook.yml"))
        report.check(f"{' '.join(command)}: without `state:`",
                     done.code == 3 and "`state:`" in done.err and done.out == "", done)
        report.check(f"{' '.join(command)}: no config",
                     cli.run(*command, "--config", "nowhere.yml").code == 3, "")
    cli.config(top=STATE, rules="  - teams: {}\n")
    report.check("a broken rule keeps nobody from looking",
                 cli.run("outbox", "list", "--config", cli.path("kitehook.yml")).code == 0, "")


def test_status_of_the_config(cli, report):
    """Receivers start workers in spite of a rule that none can start with."""
    config = cli.config(top=STATE, rules="  - log\n  - slack: { url: { env: NOT_SET } }\n")
    os.mkdir(cli.path("state"), 0o700)
    done = cli.run("status", "--config", config)
    report.check("status: a variable that no worker will find",
                 "NOT_SET" in told(cli, "status")["config"]["message"] and done.code == 1 and
                 "NOT_SET is set neither in `env_file` nor" in done.out, done)
    cli.config(top=STATE, rules="  - log\n  - log:\n    if: build.brnch == 'x'\n    evnts: y\n")
    with open(config, encoding="utf-8") as file:
        place = [(number, line.index("build.brnch") + 1) for number, line in enumerate(file, 1)
                 if "build.brnch" in line][0]
    found = told(cli, "status")["config"]
    report.check("status: the first mistake of a rule",
                 found and found["file"] == config and (found["line"], found["column"]) == place and
                 "did you mean `build.branch`?" in found["message"] and
                 sorted(found) == ["column", "file", "line", "message"], found)
    done = cli.run("status", "--config", config)
    report.check("status, for people: it is broken", done.code == 1 and "no worker can start" in done.out and
                 f"{config}:{place[0]}:{place[1]}: `if`: " in done.out and done.out.count("\nwhy ") == 1 and
                 f"type: kitehook check --config {config}\n" in done.out, done)
    cli.config(top=STATE, rules="  - include: nowhere.yml\n")
    report.check("status: an include that is not there",
                 "cannot read" in told(cli, "status")["config"]["message"], told(cli, "status"))
    report.check("status makes nothing of it", os.listdir(cli.path("state")) == [], "")


def test_owner(cli, report):
    cli.config(top=STATE)
    os.mkdir(cli.path("state"), 0o755)
    done = cli.run("status", "--config", cli.path("kitehook.yml"))
    report.check("a folder that is open to others", done.code == 5 and "chmod 700" in done.err, done)
    os.chmod(cli.path("state"), 0o700)
    if os.geteuid() != 0:
        report.skip("another user's folder", "only root can give one away")
        return
    os.chown(cli.path("state"), 65534, 65534)
    for command in [*LOOKS, ["outbox", "redrive", "--all"], ["inbox", "drop", "--all"]]:
        done = cli.run(*command, "--config", cli.path("kitehook.yml"))
        report.check(f"{' '.join(command)}: another user's folder",
                     done.code == 5 and "belongs to user 65534" in done.err and done.out == "", done)
    report.check("and nothing is made there", os.listdir(cli.path("state")) == [],
                 os.listdir(cli.path("state")))


# ---- a delivery that dies, and rises


def test_burial(cli, report):
    echo = b"Cannot POST " + HOOK.encode() + b"\nno_service for token xoxb-1234-abcdEFGH"
    with Catcher(lambda path, body: (400, {}, echo)) as catcher:
        cli.config(top=SERVICE, url=catcher.url(HOOK))
        state = cli.path("state")
        drop(state, entry(webhook(1, "failed"), number=1))
        done = once(cli)
        line = next((line for line in done.lines if line["message"] == "delivery attempt"), {})
        report.check("a burial has its line",
                     line.get("result") == "dead" and line.get("level") == "ERROR" and
                     line.get("status") == 400 and
                     line.get("reason") == "delivery_refused" and line.get("rule") and line.get("entry"),
                     done)
        row = next(iter(rows(state).values()), {})
        listed = told(cli, "outbox", "list")["deliveries"]
        report.check("outbox list has it", len(listed) == 1 and listed[0] == {
            "id": row["id"], "state": "dead", "rule": row["rule"], "notifier": "slack",
            "pipeline": "kite-frame", "build": 1,
            "destination": "slack env:SLACK_WEBHOOK_URL", "credential": "slack env:SLACK_WEBHOOK_URL",
            "place": None, "event": "build.finished", "entry": row["entry"], "attempts": 1,
            "reason": "delivery_refused: HTTP 400", "status": 400,
            "answer": "Cannot POST * no_service for token *", "created": rfc3339(row["created_us"]),
            "next_attempt": None,
            "expires": rfc3339(row["expires_us"]), "died": rfc3339(row["dead_us"]),
            "content_type": "application/json", "bytes": len(row["body"])}, listed)
        report.check("its id is that of the log", listed[0]["id"] == line.get("delivery"), (listed, line))
        shown = told(cli, "outbox", "show", row["id"])
        report.check("outbox show has its body",
                     shown.done.code == 0 and shown["body"] == json.loads(row["body"]) ==
                     catcher.caught[0].json and {**listed[0], "body": shown["body"]} == shown, shown)
        done = cli.run("outbox", "list", "--config", cli.path("kitehook.yml"))
        report.check("outbox list, for people",
                     done.code == 0 and row["id"] in done.out and
                     f"build.finished kite-frame #1 -> slack env:SLACK_WEBHOOK_URL ({row['rule']})" in
                     done.out and
                     "1 tried: delivery_refused: HTTP 400" in done.out, done)
        done = cli.run("outbox", "show", "--config", cli.path("kitehook.yml"), row["id"])
        report.check("outbox show, for people",
                     done.code == 0 and "Cannot POST * no_service" in done.out and "Build 1" in done.out,
                     done)
        done = cli.run("outbox", "show", "nobody", "--config", cli.path("kitehook.yml"))
        report.check("outbox show: nobody", done.code == 1 and "'nobody'" in done.err and done.out == "",
                     done)
        status = told(cli, "status")
        report.check("status counts it",
                     status["outbox"]["dead"] == 1 and status["outbox"]["due"] == 0 and
                     status["outbox"]["oldest"] is None and
                     status["destinations"] ==
                     [{"destination": "slack env:SLACK_WEBHOOK_URL", "last_success": None, "held_until": None,
                       "due": 0, "waiting": 0, "dead": 1, "refused": False, "failing": False, "dying": True,
                       "reason": "delivery_refused: HTTP 400"}] and
                     status["counts"]["all"] == {"accepted": 1, "repeated": 0, "delivered": 0, "failed": 0,
                                                 "dead": 1}, status)
        with sqlite3.connect(f"{state}/memory.sqlite") as db:
            everything = "\n".join(db.iterdump())
        db.close()
        report.check("no URL and no token is kept",
                     "T0PLANTED" not in everything and "secret-path" not in everything and
                     "xoxb" not in everything and "no_service" in everything, "")
        modes = {name: stat.S_IMODE(os.stat(f"{state}/{name}").st_mode) for name in os.listdir(state)}
        report.check("nobody else can read what a look leaves",
                     all(mode & 0o077 == 0 for mode in modes.values()), modes)


def test_redrive_without_a_worker(cli, report):
    answers = {"status": 400}
    with Catcher(lambda path, body: answers["status"]) as catcher:
        cli.config(top=SERVICE, url=catcher.url(HOOK))
        state = cli.path("state")
        ids = undeliverable(cli, catcher, 3)
        before = rows(state)
        answers["status"] = 200
        started_us = time.time_ns() // 1000
        answer = told(cli, "outbox", "redrive", ids[0], "nobody")
        report.check("redrive: an id, and one that is not there",
                     answer.done.code == 1 and answer["redriven"] == 1 and
                     answer["missing"] == ["nobody"] and answer["worker"] == "absent" and
                     "'nobody'" in answer.done.err, answer.done)
        after = rows(state)
        row, was = after[ids[0]], before[ids[0]]
        report.check("redrive: the row begins anew",
                     row["dead_us"] is None and row["attempt"] == 0 and row["not_before_us"] >= started_us and
                     row["expires_us"] == row["not_before_us"] + DAY_US and row["status"] == 400, row)
        changed = ("dead_us", "attempt", "not_before_us", "expires_us", "since_us")
        report.check("redrive: and is the same",
                     all(row[key] == was[key] for key in row if key not in changed), row)
        report.check("redrive: the others stay dead", all(after[one] == before[one] for one in ids[1:]),
                     after)
        report.check("redrive: nobody sends without a worker", len(catcher.caught) == 3, catcher.caught)
        done = once(cli)
        report.check("redrive: the next worker does, once and under the same id",
                     len(catcher.at(HOOK)) == 1 and
                     catcher.at(HOOK)[0].body == was["body"] == catcher.caught[0].body and
                     [(line["delivery"], line["result"], line["attempt"]) for line in done.lines
                      if line["message"] == "delivery attempt"] ==
                     [(ids[0], "delivered", 1)], done)
        status = told(cli, "status")
        report.check("status: the last success",
                     status["destinations"][0]["last_success"] and status["destinations"][0]["dead"] == 2,
                     status)
        answer = told(cli, "outbox", "redrive", "--all")
        report.check("redrive --all",
                     answer.done.code == 0 and answer["redriven"] == 2 and answer["missing"] == [], answer)
        once(cli)
        report.check("redrive --all: each once",
                     sorted(one.body for one in catcher.at(HOOK)) ==
                     sorted(row["body"] for row in before.values()) and
                     rows(state) == {}, catcher.caught)
        answer = told(cli, "outbox", "redrive", "--all")
        report.check("redrive --all with none",
                     answer.done.code == 0 and answer["redriven"] == 0 and answer["worker"] is None, answer)


def test_redrive_beside_a_worker(cli, report):
    answers = {"status": 400}
    with Catcher(lambda path, body: answers["status"]) as catcher:
        cli.config(top=SERVICE, url=catcher.url(HOOK))
        state = cli.path("state")
        with Worker(cli) as worker:
            worker.said("worker started")
            drop(state, entry(webhook(1, "failed"), number=1))
            wait_until(lambda: ring(state), 5)
            report.check("beside: it died", worker.said("delivery attempt"), worker.text())
            identity = worker.lines("delivery attempt")[0]["delivery"]
            wait_until(lambda: rows(state, "dead_us IS NOT NULL"), 5)
            answers["status"] = 200
            answer = told(cli, "outbox", "redrive", identity)
            report.check("beside: the worker is woken", answer.done.code == 0 and answer["worker"] == "woken",
                         answer.done)
            report.check("beside: it arrives at once", wait_until(lambda: len(catcher.at(HOOK)) == 1, 5),
                         worker.text())
            report.check("beside: the same id, once", worker.said("delivery attempt", count=2) and
                         [line["delivery"] for line in worker.lines("delivery attempt")] == [identity] * 2,
                         worker.text())

            answers["status"] = 503
            drop(state, entry(webhook(2, "failed"), number=2))
            ring(state)
            report.check("beside: one waits", wait_until(lambda: rows(state, "attempt = 1"), 5),
                         worker.text())
            status = told(cli, "status")
            report.check("beside: status says so",
                         status["outbox"]["waiting"] == 1 and status["outbox"]["next_attempt"] and
                         status["worker"]["alive"] and status["destinations"][0]["last_success"], status)
            answers["status"] = 200
            started = time.monotonic()
            answer = told(cli, "outbox", "redrive", "--state", "waiting")
            report.check("beside: it need not wait",
                         answer["redriven"] == 1 and wait_until(lambda: len(catcher.at(HOOK)) == 2, 5) and
                         time.monotonic() - started < 5, worker.text())
            time.sleep(0.5)
            report.check("beside: each arrived once", len(catcher.at(HOOK)) == 2 and rows(state) == {},
                         catcher.caught)
            report.check("beside: the worker is undisturbed", worker.lines("worker stalled") == [],
                         worker.text())


def test_redrive_starts_a_worker(cli, report):
    answers = {"status": 400}
    with Catcher(lambda path, body: answers["status"]) as catcher:
        cli.config(top=SERVICE, url=catcher.url(HOOK))
        undeliverable(cli, catcher, 1)
        answers["status"] = 200
        cli.config(top=STATE + f"worker: {{ mode: start, program: {cli.program}, linger: 1s }}\n",
                   url=catcher.url(HOOK))
        answer = told(cli, "outbox", "redrive", "--all")
        report.check("worker: start: one is started",
                     answer.done.code == 0 and answer["worker"] in ("started", "woken", "busy"), answer.done)
        report.check("and delivers", wait_until(lambda: len(catcher.at(HOOK)) == 1, 15), catcher.caught)

        def gone():
            fd = lock(cli.path("state"))
            return fd is not None and os.close(fd) is None

        report.check("and leaves", wait_until(gone, 15, 0.05), "")
        cli.said.append((["worker"], whole_text(pathlib.Path(cli.path("state/worker.log")))))


# ---- filters, against a model


def test_a_file_that_cannot_shrink(cli, report):
    """As an older version made it. The next worker writes it anew."""
    cli.config(top=SERVICE, rules="  - log\n")
    state = cli.path("state")
    once(cli)
    with sqlite3.connect(f"{state}/memory.sqlite") as db:
        db.execute("PRAGMA auto_vacuum = NONE")
    db.execute("VACUUM")
    db.close()
    status = told(cli, "status")
    done = cli.run("status", "--config", cli.path("kitehook.yml"))
    report.check("status says so", status["outbox"]["can_shrink"] is False and "keeps its size" in done.out,
                 (status, done))
    once(cli)
    status = told(cli, "status")
    done = cli.run("status", "--config", cli.path("kitehook.yml"))
    report.check("a worker mends it", status["outbox"]["can_shrink"] is True and
                 "keeps its size" not in done.out, (status, done))


def fill(state, rng, count):
    """COUNT random deliveries, written by SQLite itself."""
    now_us = time.time_ns() // 1000
    with sqlite3.connect(f"{state}/memory.sqlite") as db:
        for number in range(count):
            dead = rng.choice([None, now_us - rng.randrange(10**9)])
            db.execute("INSERT INTO deliveries (id, rule, notifier, credential, place, entry, event, "
                       "body, attempt, not_before_us,"
                       " expires_us, created_us, reason, dead_us, status, answer) VALUES "
                       "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                       (f"{rng.getrandbits(128):032x}", "r", rng.choice(["slack", "log", "webhook"]),
                        rng.choice(["slack env:A", "slack env:B", "log", "it's \"odd\""]),
                        rng.choice(["", "#ci", "room 7"]), f"e-{number}",
                        rng.choice(["build.finished", "ping", "job.started"]), b"{}",
                        rng.randrange(12),
                        now_us + rng.choice([-1, 1]) * rng.randrange(10**9, 10**10), now_us + DAY_US,
                        now_us - rng.choice([30, 600, 7200, 90000]) * 1000000, "", dead, 0, ""))
    db.close()


def state_of(row, now_us):
    return "dead" if row["dead_us"] is not None else "due" if row["not_before_us"] <= now_us else "waiting"


def names_of(row, option):
    """What ROW may be asked for by."""
    if option != "destination":
        return [row[option]]
    return [row["credential"], row["credential"] + (" " if row["place"] else "") + row["place"]]


def random_filter(rng):
    """Arguments, and what they mean."""
    arguments, tests = [], []
    if rng.random() < 0.4:
        state = rng.choice(["dead", "due", "waiting"])
        arguments += ["--state", state]
        tests.append(lambda row, now_us: state_of(row, now_us) == state)
    for option, values in (("notifier", ["slack", "log", "email"]),
                           ("destination", ["slack env:A", "slack env:A #ci", "it's \"odd\""]),
                           ("event", ["ping", "build.finished"])):
        if rng.random() < 0.3:
            value = rng.choice(values)
            arguments += [f"--{option}", value]
            tests.append(lambda row, now_us, option=option, value=value: value in names_of(row, option))
    if rng.random() < 0.4:
        text, seconds = rng.choice([("60", 60), ("5m", 300), ("1h", 3600), ("1d", 86400)])
        arguments += ["--older-than", text]
        tests.append(lambda row, now_us: row["created_us"] <= now_us - seconds * 1000000)
    return arguments, lambda row, now_us: all(test(row, now_us) for test in tests)


def test_filters(cli, report):
    rng = random.Random(4)
    cli.config(top=SERVICE, rules="  - log\n")
    state = cli.path("state")
    once(cli)
    fill(state, rng, 150)
    sizes = []
    for _ in range(40):
        arguments, asked = random_filter(rng)
        now_us, there = time.time_ns() // 1000, rows(state)
        want = [row["id"] for row in there.values() if asked(row, now_us)]
        sizes.append(len(want))
        got = told(cli, "outbox", "list", *arguments)
        report.check(f"outbox list {arguments}", [row["id"] for row in got["deliveries"]] == want,
                     (len(got["deliveries"]), len(want)))
    report.check("the filters were worth it", len([size for size in sizes if 0 < size < 150]) > 15, sizes)
    for _ in range(25):
        arguments, asked = random_filter(rng)
        if not arguments:
            arguments = ["--all"]
        verb = rng.choice(["redrive", "redrive", "drop"])
        now_us, before = time.time_ns() // 1000, rows(state)
        chosen = {one for one, row in before.items() if asked(row, now_us) and
                  ("--state" in arguments or row["dead_us"] is not None)}
        answer = told(cli, "outbox", verb, *arguments)
        after = rows(state)
        name = f"outbox {verb} {arguments}: {len(chosen)}"
        report.check(f"{name} counts", answer["redriven" if verb == "redrive" else "dropped"] == len(chosen),
                     answer)
        report.check(f"{name}, and leaves the others",
                     all(after.get(one) == row for one, row in before.items() if one not in chosen), "")
        if verb == "drop":
            report.check(f"{name} are gone", not chosen & set(after), "")
        else:
            report.check(f"{name} are due",
                         all(after[one]["dead_us"] is None and
                             after[one]["not_before_us"] <= time.time_ns() // 1000
                             for one in chosen), "")
            with sqlite3.connect(f"{state}/memory.sqlite") as db:  # so that some are dead again
                db.executemany("UPDATE deliveries SET dead_us = ? WHERE id = ?",
                               [(now_us, one) for one in list(chosen)[::2]])
            db.close()
        if len(after) < 60:
            fill(state, rng, 60)


# ---- beside a worker


def test_drop_while_it_is_sent(cli, report):
    begun, go = threading.Event(), threading.Event()

    def slowly(path, body):
        begun.set()
        go.wait(10)
        return 200

    with Catcher(slowly) as catcher:
        cli.config(top=SERVICE, url=catcher.url(HOOK))
        state = cli.path("state")
        with Worker(cli) as worker:
            worker.said("worker started")
            for number in (1, 2):
                drop(state, entry(webhook(number, "failed"), number=number))
            wait_until(lambda: ring(state), 5)
            report.check("one is being sent", begun.wait(10), worker.text())
            first = next(iter(rows(state)))
            answer = told(cli, "outbox", "drop", first)
            report.check("drop: while it is sent",
                         answer.done.code == 0 and answer["dropped"] == 1 and first not in rows(state),
                         answer.done)
            go.set()
            report.check("drop: the other is sent all the same",
                         wait_until(lambda: len(catcher.at(HOOK)) == 2 and rows(state) == {}, 10),
                         worker.text())
            time.sleep(0.3)
            report.check("drop: and the worker does not mind",
                         worker.lines("worker stalled") == [] and len(catcher.caught) == 2, worker.text())


def test_looks_beside_a_busy_worker(cli, report):
    """Whoever looks gets an answer, and nothing is lost, done twice or held up by it."""
    cli.file("key", base64.b64encode(SECRET * 2).decode())
    with Catcher() as catcher:
        cli.config(top=SERVICE, url=catcher.url(HOOK),
                   rules="  - webhook: { url: { env: SLACK_WEBHOOK_URL }, secret: { file: key } }\n  - log\n")
        state = cli.path("state")
        over, trouble, looks = threading.Event(), [], [0]

        def look(seed):
            rng = random.Random(seed)
            while not over.is_set():
                command = rng.choice([*LOOKS, ["outbox", "redrive", "--all"], ["outbox", "drop", "--all"]])
                done = cli.run(*command, "--config", cli.path("kitehook.yml"), "--json")
                looks[0] += 1
                if done.code != 0 or done.err:
                    trouble.append((command, done))

        once(cli)
        with Worker(cli) as worker:
            worker.said("worker started")
            lookers = [threading.Thread(target=look, args=(seed,)) for seed in range(2)]
            for looker in lookers:
                looker.start()
            try:
                for number in range(300):
                    drop(state, entry(webhook(number, "failed"), number=number))
                    if number % 10 == 0:
                        ring(state)
                        time.sleep(0.02)
                ring(state)
                report.check("busy: all arrives",
                             wait_until(lambda: len(catcher.at(HOOK)) >= 300 and rows(state) == {}, 60, 0.1),
                             len(catcher.caught))
            finally:
                over.set()
                for looker in lookers:
                    looker.join()
            report.check(f"busy: {looks[0]} looks were answered", looks[0] > 4 and trouble == [],
                         trouble[:2])
            report.check("busy: each arrived once",
                         len({one.body for one in catcher.caught}) == len(catcher.caught) == 300,
                         len(catcher.caught))
            report.check("busy: the worker never stalled",
                         worker.lines("worker stalled") == [] and waiting(state) == [], worker.text()[-500:])


def test_status_of_the_worker(cli, report):
    cli.config(top=SERVICE, rules="  - log\n")
    state = cli.path("state")
    once(cli)
    os.utime(f"{state}/worker.lock", (1000, 1000))  # of a worker long ago
    before = time.time()
    with Worker(cli) as worker:
        worker.said("worker started")
        wait_until(lambda: ring(state), 5)
        status = told(cli, "status")
        since = status["worker"]["since"] or ""
        report.check("status: a worker is at work",
                     status["worker"]["alive"] and status["worker"]["mode"] == "service" and
                     rfc3339(int((before - 1) * 1e6)) <= since <= rfc3339(int((time.time() + 1) * 1e6)),
                     status)
        time.sleep(1.2)
        report.check("status: since is since", told(cli, "status")["worker"]["since"] == since, since)
        done = cli.run("status", "--config", cli.path("kitehook.yml"))
        report.check("status, for people",
                     done.code == 0 and "worker  at work" in done.out and "waiting" in done.out, done)
        worker.child.kill()
        worker.child.wait()
    status = told(cli, "status")
    report.check("status: a killed one is not",
                 not status["worker"]["alive"] and status["worker"]["since"] is None, status)

    # A look must never make a worker that starts believe that there is another one.
    over, codes = threading.Event(), []

    def look():
        while not over.is_set():
            cli.run("status", "--config", cli.path("kitehook.yml"))

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        codes = [once(cli).code for _ in range(25)]
    finally:
        over.set()
        for looker in lookers:
            looker.join()
    report.check("status never takes the lock", codes == [0] * 25, codes)


def test_memory_that_is_taken(cli, report):
    cli.config(top=SERVICE, rules="  - log\n")
    state = cli.path("state")
    once(cli)
    fill(state, random.Random(1), 5)
    held = sqlite3.connect(f"{state}/memory.sqlite", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    report.check("a writer keeps nobody from looking", len(told(cli, "outbox", "list")["deliveries"]) == 5,
                 "")
    done = cli.run("outbox", "drop", "--state", "dead", "--config", cli.path("kitehook.yml"))
    report.check("but from writing, after a while", done.code == 5 and "locked" in done.err, done)
    held.execute("ROLLBACK")
    held.close()
    report.check("and nothing was dropped", len(rows(state)) == 5, "")
    pathlib.Path(f"{state}/memory.sqlite").write_bytes(b"not a database, and long enough to see that" * 99)
    for command in (["outbox", "list"], ["status"], ["outbox", "drop", "--all"]):
        done = cli.run(*command, "--config", cli.path("kitehook.yml"))
        report.check(f"{' '.join(command)}: memory that is none",
                     done.code == 5 and "memory.sqlite" in done.err, done)


# ---- entries that were set aside


def test_inbox(cli, report):
    cli.config(top=SERVICE, rules="  - log\n")
    state = cli.path("state")
    gone = [drop(state, entry(webhook(number), name="previous", number=number)) for number in (1, 2, 3)]
    bad = drop(state, entry(webhook(4)).replace(b'"number":4', b'"number":5'))
    strange = drop(state, b"\x1b[31mnonsense")
    once(cli)
    listed = told(cli, "inbox", "list")["aside"]
    on_disk = {name: json.loads(pathlib.Path(f"{state}/inbox/aside/{name}.reason").read_text())
               for name in waiting(state, "aside")}
    report.check("inbox list: what is aside, and why",
                 [one["name"] for one in listed] == sorted([*gone, bad, strange]) == sorted(on_disk) and
                 all(one["reason"] == on_disk[one["name"]]["reason"] and
                     one["detail"] == on_disk[one["name"]].get("detail") and
                     one["bytes"] == os.path.getsize(one["file"]) for one in listed), listed)
    one = told(cli, "inbox", "show", gone[0])
    report.check("inbox show",
                 one.done.code == 0 and one["event"] == "build.finished" and one["request_id"] == "r-1" and
                 one["secret_name"] == "previous" and one["proof"] == "signature" and
                 one["reason"] == "entry_secret_gone" and
                 one["received"] == rfc3339(int(gone[0][:16], 16)) and "Build 1" not in one.done.out, one)
    one = told(cli, "inbox", "show", strange)
    report.check("inbox show: nonsense",
                 one.done.code == 0 and one["event"] is None and one["reason"] == "entry_malformed", one)
    done = cli.run("inbox", "list", "--config", cli.path("kitehook.yml"))
    report.check("inbox list, for people",
                 done.code == 0 and all(name in done.out for name in on_disk) and "\x1b" not in done.out,
                 done)
    done = cli.run("inbox", "show", bad, "--config", cli.path("kitehook.yml"))
    report.check("inbox show, for people",
                 done.code == 0 and "entry_mac" in done.out and f"{state}/inbox/aside/{bad}" in done.out,
                 done)
    for name in ("nobody", "../new/x", f"{bad}.reason", ""):
        for verb in ("show", "retry", "drop"):
            done = cli.run("inbox", verb, name, "--config", cli.path("kitehook.yml"))
            report.check(f"inbox {verb} '{name}'", done.code == 1 and len(waiting(state, "aside")) == 5, done)
    status = told(cli, "status")
    report.check("status counts them", status["inbox"]["aside"] == 5 and status["inbox"]["waiting"] == 0 and
                 status["inbox"]["aside_bytes"] ==
                 sum(os.path.getsize(f"{state}/inbox/aside/{name}") for name in on_disk), status)

    # The secret comes back, and with it what it proved.
    content = pathlib.Path(f"{state}/inbox/aside/{gone[0]}").read_bytes()
    answer = told(cli, "inbox", "retry", gone[0])
    report.check("inbox retry: without a worker it waits",
                 answer.done.code == 0 and answer["retried"] == 1 and answer["worker"] == "absent" and
                 waiting(state) == [gone[0]] and
                 pathlib.Path(f"{state}/inbox/new/{gone[0]}").read_bytes() == content and
                 f"{gone[0]}.reason" not in os.listdir(f"{state}/inbox/aside"), answer.done)
    done = once(cli)
    report.check("inbox retry: it is set aside again while nothing changed",
                 gone[0] in waiting(state, "aside") and
                 f"{gone[0]}.reason" in os.listdir(f"{state}/inbox/aside"), done)
    config = pathlib.Path(cli.path("kitehook.yml"))
    config.write_text(config.read_text().replace("signature: { file: webhook-secret }",
                                                 "signature: [{ name: previous, file: webhook-secret }]"))
    with Worker(cli) as worker:
        worker.said("worker started")
        wait_until(lambda: ring(state), 5)
        answer = told(cli, "inbox", "retry", *gone)
        report.check("inbox retry: the worker is woken",
                     answer.done.code == 0 and answer["retried"] == 3 and answer["worker"] == "woken",
                     answer.done)
        report.check("inbox retry: and takes them",
                     worker.said("notification", 5, count=3) and waiting(state) == [], worker.text())
        report.check("inbox retry: each once",
                     sorted(line["entry"] for line in worker.lines("webhook handled")) == sorted(gone),
                     worker.text())
        answer = told(cli, "inbox", "drop", bad)
        report.check("inbox drop", answer.done.code == 0 and answer["dropped"] == 1 and
                     sorted(os.listdir(f"{state}/inbox/aside")) == [strange, f"{strange}.reason"],
                     answer.done)
        answer = told(cli, "inbox", "drop", "--all")
        report.check("inbox drop --all", answer["dropped"] == 1 and os.listdir(f"{state}/inbox/aside") == [],
                     answer.done)
        report.check("inbox list: nothing", told(cli, "inbox", "list")["aside"] == [], "")


# ---- send


class Endpoint:
    """A deployed receiver: an HTTP server on loopback that starts kitehook.cgi for each request."""

    def __init__(self, program, config):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                variables = cgi_variables(config, "POST", self.path, self.headers.items(), len(body))
                answer, _, _ = run_cgi(program, variables, body)
                self.server.seen.append((dict(self.headers.items()), body))
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.seen = []
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/buildkite"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def renewed(old, new):
    """What --new made of the body OLD: the ids it replaced, and whether nothing else differs."""
    before, after = json.loads(old), json.loads(new)
    ids = {before[key]["id"]: after[key]["id"] for key in before
           if isinstance(before[key], dict) and before[key].get("id") != after[key].get("id")}
    text = old.decode()
    for was, now in ids.items():
        text = text.replace(was, now)
    number = before.get("build", {}).get("number")
    if number:
        text = re.sub(rf'(?<=/builds/){number}(?!\d)', str(after["build"]["number"]), text)
        text = text.replace(f'"number":{number},', f'"number":{after["build"]["number"]},', 1)
    return ids, text == new.decode()


def test_send_new(cli, report):
    """One webhook twice: a repeat as it is, and two builds with --new. What is new Python says."""
    cli.config(top=SERVICE, rules="  - log: {}\n    events: [build.*, job.*, agent.*, package.*, ping]\n")
    cases = {case.name: case for case in fixtures()}
    uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    with Endpoint(cli.program.parent / "kitehook.cgi", cli.path("kitehook.yml")) as endpoint:
        for more, done_count in (([], 1), (["--new"], 2)):
            for _ in range(2):
                done = cli.run("send", "--config", cli.path("kitehook.yml"), *more, endpoint.url,
                               "build_finished_failed")
                report.check(f"send {' '.join(more)}: a fixture by its name, and what a repeat is",
                             done.code == 0 and ("repeat" in done.out) == (not more), done)
            said = verdicts(once(cli).lines)
            report.check(f"send {' '.join(more)}: twice",
                         len(said) == 2 and said.count("done") == done_count, said)
        for name, kept in (("build_finished_failed", {"organization", "pipeline", "sender"}),
                           ("job_finished_failed", {"pipeline", "sender"}), ("agent_lost", {"sender"}),
                           ("package_created", {"sender"}), ("ping", {"organization", "sender"})):
            answer = told(cli, "send", "--new", endpoint.url, name)
            body = endpoint.server.seen[-1][1]
            ids, is_same = renewed(cases[name].body, body)
            after = json.loads(body)
            report.check(f"send --new: {name} has new ids, and is the same else",
                         answer.done.code == 0 and is_same and ids and
                         all(uuid.fullmatch(one) for one in ids.values()) and
                         uuid.fullmatch(answer["request_id"]) and
                         answer["answer"]["request_id"] == answer["request_id"] and
                         all(after[key] == json.loads(cases[name].body).get(key) for key in kept
                             if key in after and key != "pipeline"), (answer.done, ids))
            number = after.get("build", {}).get("number", 2 * 10**9)
            report.check(f"send --new: {name} has a number above all others", number > 10**9, number)
        sent = len(endpoint.server.seen)
        for body, hint in ((b'{"event":"x"}', "no object has an `id`"), (b"not json", "json_syntax")):
            done = cli.run("send", "--config", cli.path("kitehook.yml"), "--new", endpoint.url, "-",
                           input=body)
            report.check(f"send --new: {body} is not sent",
                         done.code == 2 and hint in done.err and len(endpoint.server.seen) == sent, done)


def test_send(cli, report):
    program = cli.program.parent / "kitehook.cgi"
    if not program.exists():
        report.skip("send", "kitehook.cgi is not built")
        return
    cli.config(top=SERVICE, rules="  - log\n")
    state, body = cli.path("state"), webhook(1, "failed")
    file = cli.file("body.json", body)
    with Endpoint(program, cli.path("kitehook.yml")) as endpoint:
        answer = told(cli, "send", endpoint.url, file)
        report.check("send: a body",
                     answer.done.code == 0 and answer["status"] == 200 and
                     answer["answer"]["verdict"] == "accepted" and
                     answer["event"] == "build.finished" and answer["bytes"] == len(body) and
                     answer["answer"]["request_id"] == answer["request_id"], answer.done)
        report.check("send: byte for byte, and it is kept",
                     endpoint.server.seen[0][1] == body and len(waiting(state)) == 1, endpoint.server.seen)
        done = cli.run("send", "--config", cli.path("kitehook.yml"), endpoint.url, "-", input=webhook(2))
        report.check("send: standard input, for people",
                     done.code == 0 and "answer: 200 after" in done.out and '"accepted"' in done.out, done)
        case = next(case for case in fixtures() if case.expect["status"] == 200 and
                    case.expect["answer"].get("verdict") == "accepted")
        answer = told(cli, "send", endpoint.url, str(case.folder))
        report.check(f"send: an old fixture is signed anew ({case.name})",
                     answer.done.code == 0 and answer["request_id"] == case.request_id and
                     answer["answer"]["event"] == case.expect["answer"]["event"] and
                     endpoint.server.seen[-1][1] == case.body, answer.done)
        report.check("send: a raw request",
                     told(cli, "send", endpoint.url, str(case.folder / "request.http")).done.code == 0, "")
        secret = cli.file("other-secret", "another")
        answer = json.loads(
            cli.run("send", "--secret-file", secret, "--json", endpoint.url, file,
                    env={"KITEHOOK_CONFIG": "/nowhere"}).out)
        report.check("send: another secret",
                     answer["status"] == 401 and answer["answer"] == {"error": "unauthorized"}, answer)
        done = cli.run("send", "--secret-file", secret, endpoint.url, file)
        report.check("send: refused is exit 1", done.code == 1 and "answer: 401" in done.out, done)
        done = cli.run("send", "--secret-file", cli.path("webhook-secret"), endpoint.url, file)
        report.check("send: the right one, from a file", done.code == 0, done)
        done = cli.run("send", "--secret-file", cli.path("webhook-secret"), "--mode", "token", endpoint.url,
                       file)
        report.check("send --mode token: not accepted", done.code == 1, done)
        done = cli.run("send", "--config", cli.path("kitehook.yml"), "--mode", "token", endpoint.url, file)
        report.check("send --mode token: the config has none", done.code == 3 and "webhook.token" in done.err,
                     done)
        report.check("send: no config",
                     cli.run("send", "--config", "nowhere.yml", endpoint.url, file).code == 3, "")
        sent = len(endpoint.server.seen)
        for name, message in [("GET", b"GET / HTTP/1.1\r\n\r\n"),
                              ("a cut one", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}"),
                              ("a long event",
                               b"POST / HTTP/1.1\r\nX-Buildkite-Event: " + b"e" * 96 + b"\r\n\r\n{}")]:
            done = cli.run("send", "--config", cli.path("kitehook.yml"), endpoint.url, "-", input=message)
            report.check(f"send: {name} is not sent", done.code == 2 and len(endpoint.server.seen) == sent,
                         done)
        done = cli.run("send", "--config", cli.path("kitehook.yml"), endpoint.url, "-", input=b"not json")
        report.check("send: verified but unusable",
                     done.code == 1 and "answer: 400" in done.out and "json_syntax" in done.out, done)

        cli.config(top=SERVICE, rules="  - log\n", proof="token")
        answer = told(cli, "send", endpoint.url, file)
        report.check("send: a config with tokens",
                     answer.done.code == 0 and "X-Buildkite-Token" in endpoint.server.seen[-1][0] and
                     "X-Buildkite-Signature" not in endpoint.server.seen[-1][0], answer.done)
    cli.config()
    answer = told(cli, "send", endpoint.url, file)
    report.check("send: nobody answers",
                 answer.done.code == 4 and answer["status"] is None and answer["problem"], answer.done)
    with Catcher(lambda path,
                 got: (302, {"Location": "http://127.0.0.1:9/"}, b"\x1b[31mmoved\x07")) as catcher:
        done = cli.run("send", "--config", cli.path("kitehook.yml"), catcher.url("/x"), file)
        report.check("send: redirects are shown, not followed",
                     done.code == 1 and "answer: 302" in done.out and "\x1b" not in done.out and
                     len(catcher.caught) == 1, done)


# ---- over all


def test_nothing_leaks(cli, report):
    """Runs last, over all that was said by then."""
    report.check("something was said", len(cli.said) > 100, len(cli.said))
    for arguments, text in cli.said:
        found = [secret for secret in ("T0PLANTED", "secret-path", SECRET.decode()) if secret in text]
        if found:
            report.check(f"no secret in what {' '.join(arguments)} said", False, found)
    report.check("no secret in the lines", "T0PLANTED" not in json.dumps(cli.lines), "")


TESTS = [test_misuse, test_nothing_is_made, test_status_of_the_config, test_owner, test_burial,
         test_redrive_without_a_worker, test_redrive_beside_a_worker,
         test_redrive_starts_a_worker, test_filters, test_a_file_that_cannot_shrink,
         test_drop_while_it_is_sent,
         test_looks_beside_a_busy_worker, test_status_of_the_worker,
         test_memory_that_is_taken, test_inbox, test_send, test_send_new]


sys.exit(cli_run.main(__doc__, TESTS, [test_nothing_leaks]))
