#!/usr/bin/env python3
"""What `kitehook status` counts, what --prometheus says to a parser not ours, and when --alive says yes.

usage: status_test.py --build DIR [--only REGEX] [--keep] [--verbose]

Why something stands still, and what to type then, is in faults_test.py.
"""
import json
import os
import sqlite3
import sys
import time

import cli_run
import fcgi
from catcher import Catcher
from cli_worker import drop, entry, once, Worker
from common import cgi_variables, post_headers, SECRET, wait_until, webhook

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, where another python3 comes first
try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

SERVICE = "state: state\nworker: service\n"
NOTHING = {"accepted": 0, "repeated": 0, "delivered": 0, "failed": 0, "dead": 0}


def run(cli, *more):
    return cli.run("status", "--config", cli.path("kitehook.yml"), *more)


def told(cli):
    return json.loads(run(cli, "--json").out)


def test_counts(cli, report):
    """Today is UTC's: where midnight passes meanwhile, only what is in all is known."""
    answers = {"code": 500}
    with Catcher(lambda path, body: answers["code"]) as catcher:
        cli.config(top=SERVICE, url=catcher.url("/planted"))
        os.mkdir(cli.path("state"), 0o700)
        report.check("nothing was counted yet", told(cli)["counts"] == {"today": NOTHING, "all": NOTHING},
                     told(cli))
        day = time.time() // 86400
        body = webhook(1, "failed")
        drop(cli.path("state"), entry(body, number=1))
        once(cli)
        drop(cli.path("state"), entry(body, number=2, at=time.time() - 5))
        once(cli)
        answers["code"] = 400
        drop(cli.path("state"), entry(webhook(2, "failed"), number=3))
        cli.run("outbox", "redrive", "--state", "waiting", "--config", cli.path("kitehook.yml"))
        once(cli)
        answers["code"] = 200
        drop(cli.path("state"), entry(webhook(3, "failed"), number=4))
        once(cli)
        counts = told(cli)["counts"]
        want = {"accepted": 3, "repeated": 1, "delivered": 1, "failed": 1, "dead": 2}
        report.check("in all", counts["all"] == want, counts)
        if day == time.time() // 86400:
            report.check("today", counts["today"] == want, counts)
        said = run(cli).out
        line = "in all  3 accepted, 1 repeated, 1 delivered, 1 failed, 2 dead\n"
        report.check("for people", line in said and said.count("accepted") == 2, said)


def test_many_places(cli, report):
    """Each commit at GitHub is a place of its own, and is known for a month."""
    cli.config(top=SERVICE, url="http://127.0.0.1:1/planted")
    drop(cli.path("state"), entry(webhook(1, "failed")))
    once(cli)
    of_github = "github_commit_status env:TOKEN env:URL"
    cli.run("outbox", "drop", "--state", "waiting", "--config", cli.path("kitehook.yml"))

    def know(name, ids, **row):
        with sqlite3.connect(f"{cli.path('state')}/memory.sqlite") as db:
            db.executemany("INSERT INTO destinations (credential, place, delivered_us) VALUES (?, ?, ?)",
                           [(name, f"acme/web {i:040x} ci", 1767225600000000 + i * 1000000) for i in ids])
            db.executemany(
                "INSERT INTO deliveries (id, rule, notifier, credential, place, entry, event, body,"
                " attempt, not_before_us, expires_us, created_us, reason, since_us) VALUES (?, 'rule 1',"
                " 'n', ?, ?, 'e', 'ping', x'00', 1, 1, 9000000000000000, 1790000000000000,"
                " 'delivery_failed: HTTP 503', 1790000000000000)",
                [(f"{name}{i}", name, f"acme/web {i:040x} ci") for i in ids if i in row.get("failing", ())])

    def of(destinations, name):
        return {one["destination"]: one for one in destinations if one["destination"].startswith(name)}

    know(of_github, range(40000), failing=(7, 9))
    know("few", range(16), failing=(3,))
    know("seventeen", range(17))
    know("broken", range(300), failing=range(300))
    destinations = told(cli)["destinations"]
    github, few = of(destinations, of_github), of(destinations, "few ")
    report.check("many places: those in trouble and one for all others", set(github) ==
                 {of_github, f"{of_github} acme/web {7:040x} ci", f"{of_github} acme/web {9:040x} ci"},
                 list(github)[:9])
    report.check("many places: the sum says of how many, and when one last arrived",
                 github[of_github]["places"] == 39998 and
                 github[of_github]["last_success"] == "2026-01-01T11:06:39.000Z" and
                 github[of_github]["due"] == 0, github[of_github])
    report.check("many places: the trouble is due", github[f"{of_github} acme/web {7:040x} ci"]["due"] == 1)
    report.check("few places: each by itself", len(few) == 16 and
                 not any("places" in one for one in few.values()), list(few))
    report.check("seventeen places: one", list(of(destinations, "seventeen").values())[0]["places"] == 17,
                 of(destinations, "seventeen"))
    broken = of(destinations, "broken")
    report.check("many in trouble: one", list(broken) == ["broken"] and broken["broken"]["places"] == 300 and
                 broken["broken"]["due"] == 300 and broken["broken"]["failing"], broken)
    said = run(cli).out
    report.check("for people: the places are counted", len(said.split("\n")) < 60 and
                 "39998 places" in said and "some of 300 places of broken" in said, said)
    if text_string_to_metric_families:
        found = families(cli, report, "many places")["kitehook_destination_refused"]
        report.check("many places: few series", len(found) < 30, list(found)[:5])


def test_trouble_of_two_kinds(cli, report):
    """What is said of many places is so of one of them."""
    cli.config(top=SERVICE, url="http://127.0.0.1:1/planted")
    drop(cli.path("state"), entry(webhook(1, "failed")))
    once(cli)
    with sqlite3.connect(f"{cli.path('state')}/memory.sqlite") as db:
        for i in range(18):
            db.execute("INSERT INTO destinations (credential, place, delivered_us) VALUES"
                       " ('slack env:SLACK_WEBHOOK_URL', ?, 0)", (f"p{i:02}",))
            db.execute("INSERT INTO deliveries (id, rule, notifier, credential, place, entry, event, body,"
                       " attempt, not_before_us, expires_us, created_us, reason, since_us, is_refused) VALUES"
                       " (?, 'rule 1', 'slack', 'slack env:SLACK_WEBHOOK_URL', ?, 'e', 'ping', x'00', 1,"
                       " 1,"
                       " 9000000000000000, 1790000000000000, ?, 1790000000000000, ?)",
                       (f"x{i}", f"p{i:02}", "delivery_refused: HTTP 404" if i == 9 else
                        "delivery_failed: HTTP 503", i == 9))
    why = [one["why"] for one in told(cli)["why"] if "slack" in one["why"]]
    report.check("what refuses says 404", len(why) == 1 and
                 "refuses (delivery_refused: HTTP 404)" in why[0], why)


def test_two_persons_that_look_the_same(cli, report):
    """One of them gets nothing."""
    cli.config(top=SERVICE, url="http://127.0.0.1:1/planted")
    drop(cli.path("state"), entry(webhook(1, "failed")))
    once(cli)
    with sqlite3.connect(f"{cli.path('state')}/memory.sqlite") as db:
        db.executemany("INSERT INTO destinations (credential, place, delivered_us) VALUES"
                       " ('email env:MAIL', ?, ?)",
                       [("jane@example.com", 1795000000000000), ("john@example.com", 0)])
        db.execute("INSERT INTO deliveries (id, rule, notifier, credential, place, entry, event, body,"
                   " attempt, not_before_us, expires_us, created_us, reason, since_us) VALUES ('x', 'rule 1',"
                   " 'email', 'email env:MAIL', 'john@example.com', 'e', 'ping', x'00', 1, 1,"
                   " 9000000000000000, 1790000000000000, 'delivery_failed: SMTP 450', 1790000000000000)")
    named = [one["destination"] for one in told(cli)["destinations"]]
    report.check("two persons are one", len(set(named)) == len(named), named)
    families(cli, report, "two persons")


def test_a_time_of_a_damaged_row(cli, report):
    """Which no clock has."""
    cli.config(top=SERVICE, url="http://127.0.0.1:1/planted")
    drop(cli.path("state"), entry(webhook(1, "failed")))
    once(cli)
    with sqlite3.connect(f"{cli.path('state')}/memory.sqlite") as db:
        db.execute("PRAGMA ignore_check_constraints = 1")
        db.execute("UPDATE deliveries SET created_us = -9223372036854775808")
    said = run(cli)
    report.check("is not told", "1 waiting" in said.out and "oldest" not in said.out, said)


def ask(cli, process, *bodies):
    """The statuses of POSTs, each a secret and a body."""
    found = []
    for secret, body in bodies:
        variables = cgi_variables(cli.path("kitehook.yml"), "POST", "/buildkite",
                                  post_headers(body, "one", secret=secret), len(body)).items()
        found.append(process.ask([pair for pair in variables if pair[0] != b"KITEHOOK_CONFIG"], body).status)
    return found


def test_refused(cli, report):
    cli.config(top=SERVICE, rules="  - log\n")
    os.mkdir(cli.path("state"), 0o700)
    report.check("unknown, as behind CGI",
                 told(cli)["refused"] is None and "\nrefused unknown" in run(cli).out, run(cli))
    file = cli.folder / "state" / "refused"
    process = fcgi.Process(cli.program.parent, cli.folder, cli.path("kitehook.yml"))
    try:
        got = ask(cli, process, (b"wrong", b"{}"), (SECRET, b"["), (b"wrong", b"{}"), (SECRET, webhook(1)))
        report.check("what is asked is answered", got == [401, 400, 401, 200], got)
        report.check("they come into the file by themselves",
                     wait_until(lambda: (told(cli)["refused"] or {}).get("all") ==
                                {"signature_mismatch": 2, "json_syntax": 1}, 20), told(cli)["refused"])
        size = file.stat().st_size
        before = file.stat().st_mtime_ns
        many = ask(cli, process, *[(b"wrong", b"{}")] * 300)
        report.check("many", many == [401] * 300, many[:5])
        process.child.terminate()
        report.check("it ends well", process.child.wait(20) == 0, "")
    finally:
        process.close()
    counts = told(cli)["refused"]
    report.check("all are there when it has ended", counts["all"]["signature_mismatch"] == 302, counts)
    report.check("and the file has its size", file.stat().st_size == size and before > 0, file.stat())
    report.check("and only the owner reads it", file.stat().st_mode & 0o777 == 0o600, "")


def families(cli, report, name):
    """What the parser of Prometheus' own client makes of it: {name: {labels: value}}."""
    done = run(cli, "--prometheus")
    report.check(f"{name}: told", done.code == 0 and done.err == "" and done.out.endswith("\n"), done)
    found = {}
    for family in text_string_to_metric_families(done.out):
        report.check(f"{name}: {family.name} has type and help, once",
                     family.type in ("gauge", "counter") and family.documentation and
                     family.name not in found, family)
        found[family.name] = {tuple(sorted(one.labels.items())): one.value for one in family.samples}
        report.check(f"{name}: no series twice", len(found[family.name]) == len(family.samples), family)
        names = {one.name for one in family.samples}
        report.check(f"{name}: counters end in _total, and only they",
                     all(one.endswith("_total") == (family.type == "counter") for one in names), names)
    return found


def test_prometheus(cli, report):
    if not text_string_to_metric_families:
        report.skip("--prometheus", "python3-prometheus-client is missing: script/setup test")
        return
    with Catcher(lambda path, body: 404) as catcher:
        cli.config(top=SERVICE, url=catcher.url("/planted"))
        drop(cli.path("state"), entry(webhook(1, "failed"), number=1))
        once(cli)
    drop(cli.path("state"), entry(webhook(2, "failed"), number=2))
    found = families(cli, report, "waiting")
    destination = (("destination", "slack env:SLACK_WEBHOOK_URL"),)
    for name, labels, value in [
        ("kitehook_config_ok", (), 1), ("kitehook_worker_alive", (), 0),
        ("kitehook_inbox_webhooks", (), 1), ("kitehook_inbox_aside", (), 0),
        ("kitehook_stands_still", (("what", "worker"),), 1),
        ("kitehook_stands_still", (("what", "refused"),), 1),
        ("kitehook_stands_still", (("what", "room"),), 0),
        ("kitehook_outbox_notifications", (("state", "waiting"),), 1),
        ("kitehook_webhooks", (("result", "accepted"),), 1),
        ("kitehook_failed_attempts", (), 1),
        ("kitehook_destination_refused", destination, 1),
        ("kitehook_destination_last_success_timestamp_seconds", destination, 0),
        ("kitehook_destination_notifications", (*destination, ("state", "waiting")), 1),
    ]:
        report.check(f"prometheus: {name} {labels}", found.get(name, {}).get(labels) == value,
                     found.get(name))
    words = {row["what"] for row in told(cli)["why"]}
    report.check("prometheus: each why has its series",
                 words <= {dict(labels)["what"] for labels in found["kitehook_stands_still"]}, words)

    cli.config(top=SERVICE,
               rules="  - lifx: { token: { env: TOKEN }, selector: 'label:\"a\\b\"' }\n")
    cli.file("env", "TOKEN=planted\n")
    once(cli)
    labels = list(families(cli, report, "odd names")["kitehook_destination_refused"])
    report.check("prometheus: a name with quotes and a backslash",
                 any('label:"a\\b"' in dict(one)["destination"] for one in labels), labels)
    cli.file("kitehook.yml", "webhook: [\n")
    done = run(cli, "--prometheus")
    report.check("prometheus: a broken configuration",
                 done.code == 0 and done.out.endswith("\nkitehook_config_ok 0\n") and
                 len(list(text_string_to_metric_families(done.out))) == 1, done)


def alive(cli):
    done = run(cli, "--alive")
    return done.code, done.out


def test_alive(cli, report):
    for mode, want in (("start", 0), ("wait", 0), ("service", 1)):
        cli.config(top=f"state: state\nworker: {mode}\n", rules="  - log\n")
        code, out = alive(cli)
        report.check(f"alive: {mode}, before there is a folder", code == want, out)
    os.makedirs(cli.path("state"), mode=0o700, exist_ok=True)
    cli.config(top="state: state\nworker: start\n", rules="  - log\n")
    report.check("alive: none is needed", alive(cli) == (0, "alive\n"), alive(cli))
    drop(cli.path("state"), entry(webhook(1)))
    code, out = alive(cli)
    report.check("alive: one is needed", code == 1 and out.startswith("not alive: no worker is at work") and
                 "; type: sudo -u " in out, out)
    cli.config(top=SERVICE, rules="  - log\n")
    with Worker(cli, "--serve") as worker:
        worker.said("worker started")
        report.check("alive: one is there", wait_until(lambda: alive(cli) == (0, "alive\n"), 20), alive(cli))
        report.check("and all moves", wait_until(lambda: run(cli).code == 0, 20), run(cli))
        cli.config(top=SERVICE + "inbox: { max_entries: 1 }\n", rules="  - log\n")
        os.makedirs(cli.path("state/inbox/aside"), exist_ok=True)
        cli.file("state/inbox/aside/0006616801020304.1.00000000,S=5", b"aside")
        code, out = alive(cli)
        report.check("alive: the inbox takes nothing", code == 1 and "the inbox is full" in out, out)
    cli.file("kitehook.yml", "webhook: [\n")
    code, out = alive(cli)
    report.check("alive: receivers answer 500", code == 1 and "kitehook check" in out, out)
    done = run(cli, "--json")
    answer = json.loads(done.out)
    report.check("and so says --json", done.code == 1 and answer["state"] is None and
                 [why["what"] for why in answer["why"]] == ["config"] and "kitehook.yml:" in done.err, done)
    done = run(cli, "--alive", "--json")
    report.check("one way to tell is enough", done.code == 2 and "one of" in done.err, done)


if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, [test_counts, test_trouble_of_two_kinds,
                                     test_two_persons_that_look_the_same, test_many_places,
                                     test_a_time_of_a_damaged_row, test_refused, test_prometheus,
                                     test_alive]))
