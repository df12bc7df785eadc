#!/usr/bin/env python3
"""Every fixture of events/ through every way in: the same answer, the same log line, the same notifications.

The ways in: `kitehook invoke`, kitehook.cgi without a server, and the servers of servers.py with their
recipes.
"""
import json
import os
import re
import subprocess
import time

import common
import servers
from catcher import Catcher
from logs import Logs, by_request

# What may differ from one way in to the other.
OWN = {"timestamp", "transport", "entry", "worker", "oldest_entry_s", "duration_us", "signature_age_s",
       "level", "detail"}
OF_ANSWER = {"kept", "worker", "oldest_entry_s"}
FACTS = ("event", "organization", "pipeline", "build_number", "branch", "state", "job", "agent", "reason")


class Way:
    """One way in: its folder, its config, and what came of each fixture."""

    def __init__(self, name, folder, build, catcher):
        self.name, self.folder, self.build = name, folder, build
        self.path = "/" + name
        self.config = common.write_config(folder, build, catcher=catcher.url(self.path))
        self.answers = {}

    def start(self):
        pass

    def stop(self):
        pass

    def crashes(self):
        return []

    def collect(self, logs):
        common.wait_until(lambda: not common.waiting(self.folder) and common.worker_is_gone(self.folder), 20)
        self.left = common.waiting(self.folder)
        return logs.add_folder(self.folder)


class Direct(Way):
    transport = "cgi"

    def send(self, fixture, headers):
        variables = common.cgi_variables(self.config, "POST", common.URL, headers, len(fixture.body))
        answer, err, code = common.run_cgi(self.build / "kitehook.cgi", variables, fixture.body)
        if code != 0 or err:
            answer.body = b"exit code %r, standard error %r" % (code, err[:200]) + answer.body
        return answer


class Served(Way):
    def __init__(self, server, *rest):
        super().__init__(server.name, *rest)
        self.server, self.transport = server, server.transport

    def start(self):
        self.server.start(self.folder / "server", self.build, self.config)

    def stop(self):
        self.server.stop()

    def crashes(self):
        return self.server.crashes()

    def send(self, fixture, headers):
        return common.exchange(self.server.port, [fixture.message(common.with_close(headers))])


class Invoked(Way):
    transport = "invoke"

    def __init__(self, *rest):
        super().__init__(*rest)
        self.lines, self.wanted = [], {}
        self.left = []

    def send(self, fixture, headers):
        copy = self.folder / "fixtures" / fixture.name
        copy.mkdir(parents=True)
        (copy / "request.http").write_bytes(fixture.message(headers))
        (copy / "expect.json").write_text(json.dumps({**fixture.expect, "now": self.now}), encoding="utf-8")
        done = subprocess.run(
            [self.build / "kitehook", "invoke", "--config", self.config, "--send", "--json", copy],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"]}, timeout=30)
        if done.returncode != 0:
            return common.Answer(0, (),
                                 b"exit code %d, %s%s" %
                                 (done.returncode, done.stdout[:300], done.stderr[:300]))
        said = json.loads(done.stdout)
        self.lines += said["log"]
        self.wanted[fixture.name] = said["deliveries"]
        return common.Answer(said["answer"]["status"], (), json.dumps(said["answer"]["body"]).encode())

    def collect(self, logs):
        return logs.add_objects(self.lines, "invoke")


def check_answer(report, way, fixture):
    answer, expect = way.answers[fixture.name], fixture.expect
    wrong = {key: (answer.json or {}).get(key) for key, value in expect["answer"].items()
             if (answer.json or {}).get(key) != value}
    report.check(f"{way.name} {fixture.name}: the answer", answer.status == expect["status"] and not wrong,
                 f"{answer}, expected {expect['status']} {expect['answer']}")


def check_line(report, way, fixture, lines):
    if not report.check(f"{way.name} {fixture.name}: one line", len(lines) == 1, f"{len(lines)} lines"):
        return
    line, expect = lines[0], dict(fixture.expect["log"])
    expect.pop("signature_age_s")
    expect.pop("level")  # WARN when no worker could be had, which is for another test
    wrong = {key: (line.get(key), value) for key, value in expect.items() if line.get(key) != value}
    wrong.update({key: (line[key], None) for key in FACTS if key in line and key not in expect})
    report.check(f"{way.name} {fixture.name}: the line", not wrong and line["transport"] == way.transport,
                 wrong)


def check_handled(report, way, fixture, lines):
    good = (len(lines) == 1 and lines[0]["verdict"] == "done" and
            lines[0].get("rules_matched", []) == fixture.expect["notify"])
    report.check(f"{way.name} {fixture.name}: the worker's line", good,
                 [(line.get("verdict"), line.get("rules_matched")) for line in lines])


def check_messages(report, way, chosen, catcher):
    """The catcher is the oracle: each webhook that the rule `builds` matches arrives once, as JSON that
    says what it is."""
    wanted = sum("builds" in fixture.expect["notify"] for fixture in chosen)
    common.wait_until(lambda: len(catcher.at(way.path)) >= wanted, 10)
    caught = catcher.at(way.path)
    report.check(f"{way.name}: the notifications arrive", len(caught) == wanted,
                 f"{len(caught)} instead of {wanted}")
    for one in caught:
        body = one.json
        report.check(f"{way.name}: a message", isinstance(body.get("type"), str) and body["type"] and
                     one.headers.get("Content-Type", "").startswith("application/json"), one.body[:200])
    return [one.json for one in caught]


def told(messages, with_history):
    """In one order; without what memory adds, also to the words, which `invoke` has not."""
    if not with_history:
        messages = [{**one, "data": {key: value for key, value in one["data"].items()
                                     if key not in ("history", "text")}} for one in messages]
    return sorted(json.dumps(one, sort_keys=True) for one in messages)


def compare(report, chosen, ways, lines_of):
    """What each way answered and logged, against the first way."""
    first = ways[0]
    for way in ways[1:]:
        for fixture in chosen:
            ours, theirs = (
                ({key: value for key, value in (w.answers[fixture.name].json or {}).items()
                  if key not in OF_ANSWER})
                            for w in (first, way))
            report.check(f"{way.name} {fixture.name}: the answer of {first.name}", ours == theirs,
                         f"{ours} {theirs}")
            ours, theirs = ([{key: value for key, value in line.items() if key not in OWN}
                             for line in lines_of[w.name].get(fixture.request_id, [])] for w in (first, way))
            report.check(f"{way.name} {fixture.name}: the line of {first.name}", ours == theirs,
                         f"{ours} {theirs}")


def check_static(report, fixture, build, first):
    """The folder as it is, at its own time: openssl and `kitehook verify` agree with what is signed in it.
    More for the FIRST."""
    now = fixture.expect["now"]
    report.check(f"{fixture.name}: openssl makes the signature that is in the fixture",
                 fixture.signed(now) == fixture.headers, fixture.headers)
    words = [build / "kitehook", "verify", "--secret-file", common.FIXTURES / "webhook-secret", "--now",
             str(now)]
    for name, value in fixture.headers:
        words += ["--header", f"{name}: {value}"]
    for seconds, code in ((0, 0), (1000, 1)) if first else ((0, 0),):
        words[5] = str(now + seconds)
        done = subprocess.run([*words, "-"], input=fixture.body, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=30)
        report.check(f"{fixture.name}: kitehook verify, {seconds} s later", done.returncode == code,
                     f"{done.returncode} {done.stdout[:300]}")
    if not first:
        return
    done = subprocess.run(
        [build / "kitehook", "invoke", "--config", common.FIXTURES / "kitehook.yml", fixture.folder],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
    report.check(f"{fixture.name}: kitehook invoke", done.returncode == 0,
                 f"{done.returncode} {done.stdout[:300]}")


def run():
    chosen = common.arguments(__doc__, cases="")
    report = common.Report(chosen.verbose)
    cases = common.fixtures(chosen.cases)
    if re.search(chosen.only, "static"):
        for number, fixture in enumerate(cases):
            check_static(report, fixture, chosen.build, number == 0)
    with common.Workspace(chosen.keep) as folder, Catcher() as catcher:
        now = int(time.time())
        signed = {fixture.name: fixture.signed(now) for fixture in cases}
        ways = [Invoked("invoke", folder / "invoke", chosen.build, catcher),
                Direct("cgi-direct", folder / "cgi-direct", chosen.build, catcher)]
        for kind in servers.ALL:
            server = kind()
            if server.missing():
                report.skip(server.name, server.missing())
            else:
                ways.append(Served(server, folder / server.name, chosen.build, catcher))
        ways = [way for way in ways if re.search(chosen.only, way.name)]
        if not ways:
            return report.close()
        logs, lines_of, sent = Logs(report), {}, {}
        for way in ways:
            way.now = now
            way.start()
            try:
                for fixture in cases:
                    way.answers[fixture.name] = way.send(fixture, signed[fixture.name])
                lines = way.collect(logs)
                sent[way.name] = check_messages(report, way, cases, catcher)
            finally:
                way.stop()
            report.check(f"{way.name}: the inbox is empty", not way.left, way.left)
            report.check(f"{way.name}: nothing crashed", not way.crashes(), way.crashes())
            lines_of[way.name] = by_request(lines, "webhook received")
            handled = by_request(lines, "webhook handled")
            for fixture in cases:
                check_answer(report, way, fixture)
                check_line(report, way, fixture, lines_of[way.name].get(fixture.request_id, []))
                check_handled(report, way, fixture, handled.get(fixture.request_id, []))
        compare(report, cases, ways, lines_of)
        for way in ways[1:]:
            for other, with_history in ((ways[0], False), (ways[1], True)):
                report.check(f"{way.name}: the messages of {other.name}",
                             told(sent[way.name], with_history) == told(sent[other.name], with_history),
                             "they differ")
        logs.settle()
    return report.close()


if __name__ == "__main__":
    common.main(run)
