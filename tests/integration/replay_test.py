#!/usr/bin/env python3
"""`kitehook replay`: what it shows is what the worker made of the same webhook; with --send it arrives, under
a new id, beside a running worker, as often as asked for, neither more nor less where somebody is killed."""
import json
import os
import random
import signal
import subprocess
import sys
import time

import common
from catcher import Catcher
from common import Report, Workspace, arguments
from diff_run import ADDRESSES, Place, key, webhooks, written
from model.history_stream import Webhook  # diff_run.py has put it within reach

RULES = """notify:
  - name: all
    webhook: {url: {env: HOOK_A}, secret: {env: SIGNS}}
    events: [build.*, job.*]
  - name: breaks
    webhook: {url: {env: HOOK_B}, secret: {env: SIGNS}}
    events: build.*
    if: pipeline.started_failing
  - name: asks
    webhook: {url: {env: HOOK_C}, secret: {env: SIGNS}}
    events: build.*
    if: build.author.email == "mara@kites.example"
  - name: mail
    email: {to: [author, ci@kites.example]}
    events: build.finished
  - name: state
    github_commit_status: {}
    events: build.finished
"""
ADDRESSED = "ci@kites.example"
NEWER = """  - name: newer
    slack: {url: {env: SLACK_URL}}
    events: [build.*, job.*]
"""
KILLED_LEAST, KILLS_MAX = 5, 300  # on either side of the transaction


def config(rules=RULES):
    return written([]).replace("notify: []\n", rules)


class Replayed:
    def __init__(self, place, *arguments, own=None):
        env = {**os.environ, "KITEHOOK_CONFIG": str(own)} if own else None
        self.done = subprocess.run([str(place.program), "replay", *map(str, arguments)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   timeout=60, check=False, env=env)
        self.code, self.error = self.done.returncode, self.done.stderr.decode()
        self.answer = json.loads(self.done.stdout) if "--json" in arguments and self.done.stdout else None

    def messages(self):
        return sorted((rule["rule"], message["destination"], key(message["body"]))
                      for webhook in self.answer["webhooks"] for rule in webhook["rules"]
                      for message in rule["messages"])


def rows(place, statement, *values):
    with place.database() as db:
        return db.execute(statement, values).fetchall()


def decisions(place):
    """Of each new webhook, by its number in the journal: the numbers of its rules' reasons."""
    return {seq: (request_id, list(found)) for seq, request_id, found in rows(
        place, "SELECT seq, request_id, decisions FROM journal WHERE verdict = 'done'")}


def test_shows(report, place):
    """As the worker decided it, but for what it does not keep; and what it owed."""
    owed, wrong, unknown = place.messages(), [], 0
    words = ("all", "breaks", "asks", "mail", "state")
    some = random.Random(1).sample(sorted(decisions(place).items()), 60)
    replayed = Replayed(place, *(seq for seq, _ in some), "--config", place.config, "--json")
    report.check("each has an answer", len(replayed.answer["webhooks"]) == len(some), replayed.error)
    for (seq, (request_id, found)), told in zip(some, replayed.answer["webhooks"]):
        silent = {rule["rule"] for rule in told["rules"] if rule["reason"] == "not_kept"}
        unknown += len(silent)
        theirs = sorted((rule, " ".join(filter(None, (credential, target))), key(body)) for
                        rule, credential, target, body in owed[int(request_id[2:])] if rule not in silent)
        # Of both what depends on what was told before, which a person who asks again is not kept from.
        free = {words[at] for at, reason in enumerate(found) if reason in (24, 25)}
        ours = sorted((rule["rule"], message["destination"], key(message["body"])) for rule in told["rules"]
                      if rule["rule"] not in free | {"mail", "state"} for message in rule["messages"])
        if told["webhook"]["id"] != seq or ours != [
                one for one in theirs if one[0] not in free | {"mail", "state"}]:
            wrong.append((seq, ours, theirs))
    report.check("what it shows is what the worker owed", not wrong, (len(wrong), wrong[:1]))
    report.check("of some it does not know", 0 < unknown < len(some), unknown)
    text = replayed.done.stdout.decode()
    report.check("no address is in it", not any(address in text for address in ADDRESSES))
    report.check("nothing was sent", replayed.answer["sent"] is None and
                 not rows(place, "SELECT * FROM journal WHERE verdict = 'replayed'"))


def arrived(catcher, path, count):
    """What came to PATH, once there are COUNT of them."""
    common.wait_until(lambda: sum(one.path == path for one in catcher.caught) >= count, 20)
    return [one for one in catcher.caught if one.path == path]


def test_sends(report, place, catcher):
    """Twice, beside a worker that runs; what is not known is not sent, and says so."""
    seq, = next(one for one in rows(
        place, "SELECT seq FROM journal WHERE verdict = 'done' AND event = 'build.finished'"
        " AND branch = 'main' AND CAST(kept AS TEXT) LIKE '%build.author.email%'"))
    log = place.folder / "worker.log"
    with log.open("wb") as lines, subprocess.Popen(
            [str(place.program), "worker", "--config", str(place.config)], stdin=subprocess.DEVNULL,
            stderr=lines) as child:
        common.wait_until(lambda: place.is_done(child, True), 60)
        before, all_before = len(arrived(catcher, "/a", 0)), len(catcher.caught)
        shown = Replayed(place, seq, "--config", place.config, "--json").messages()
        sent = [Replayed(place, seq, "--send", "--json", "--config", place.config) for _ in range(2)]
        report.check("it is sent", all(one.code == 0 and one.answer["worker"] == "woken" for one in sent),
                     [(one.code, one.error, one.answer and one.answer["worker"]) for one in sent])
        came = arrived(catcher, "/a", before + 2)[before:]
        common.wait_until(lambda: log.read_bytes().count(b'"verdict":"replayed"') >= 2, 10)
        child.terminate()
    expected = [body for rule, _, body in shown if rule == "all"]
    report.check("both arrive, as shown", [key(one.json) for one in came] == 2 * expected, came[:1])
    ids = {{name.lower(): value for name, value in one.headers.items()}["webhook-id"] for one in came}
    first = {name.lower(): value for one in catcher.caught[:all_before]
             for name, value in one.headers.items() if name.lower() == "webhook-id"}
    report.check("under ids of their own", len(ids) == 2 and not ids & set(first.values()), ids)
    reasons = [rule["reason"] for one in sent for rule in one.answer["webhooks"][0]["rules"]
               if rule["rule"] == "asks"]
    report.check("what is not known is not sent, and says so", reasons == ["not_kept"] * 2 and
                 not any(one.path == "/c" for one in catcher.caught[all_before:]), reasons)
    lines = [json.loads(line) for line in common.whole_text(log).splitlines() if "replayed" in line]
    logged = {line["delivery"] for line in lines if line["rule"] == "all"}
    report.check("the worker's log says so", logged == ids and all(
                 line["verdict"] == "replayed" for line in lines), lines[:1])
    journal = rows(place, "SELECT seq, verdict, event, deliveries, length(kept) > 0 FROM journal"
                   " WHERE verdict = 'replayed' ORDER BY seq")
    mails = rows(place, "SELECT entry, place FROM recorded WHERE rule = 'mail' AND entry LIKE 'replayed-%'")
    shown_mails = [(message["destination"].rpartition(" ")[2], message["is_kept"])
                   for rule in sent[0].answer["webhooks"][0]["rules"] if rule["rule"] == "mail"
                   for message in rule["messages"]]
    report.check("an address that is not kept gets nothing", [one[1] for one in mails] == 2 * [ADDRESSED] and
                 shown_mails == [("author", False), ("c…@kites.example", True)], (mails, shown_mails))
    report.check("the journal says so", [row[0] for row in journal] ==
                 [one.answer["webhooks"][0]["replayed_as"] for one in sent] and
                 all(row[2] == "build.finished" and row[4] for row in journal), journal)
    again = Replayed(place, journal[0][0], "--config", place.config, "--json")
    report.check("a replayed one can be replayed", again.messages() == shown, again.error)


def state_reasons(replayed):
    return [rule["reason"] for one in replayed.answer["webhooks"] for rule in one["rules"]
            if rule["rule"] == "state"]


def of_one_commit(states):
    """Ends of builds of one commit, each newer than the one before."""
    commit = "3f9c1a7be2d04c8896a5f00d1b2c3d4e5f607182"
    some = []
    for number, state in enumerate(states, 7):
        body = json.loads(common.webhook(number, state, commit=commit))
        body["pipeline"]["repository"] = "git@github.com:acme/kites.git"
        now = int(time.time()) + number
        some.append(Webhook("build.finished", json.dumps(body).encode(), now, (), number,
                            received_us=now * 1000000))
    return some


def test_state(report, folder, program):
    """A place keeps what a newer webhook has told it."""
    place = Place(folder / "state", program, config())
    place.work(of_one_commit(("failed", "passed")))
    found = state_reasons(Replayed(place, 1, 2, "--config", place.config, "--json"))
    report.check("an older state is superseded", found == ["superseded", "notified"], found)


def test_state_of_a_replay(report, folder, program):
    """Also what a newer one has told it by a replay, whoever comes next."""
    place = Place(folder / "replayed-state", program, config("notify: []\n"))
    first, middle, last = of_one_commit(("failed", "passed", "failed"))
    place.work([first, last])
    place.write("kitehook.yml", config().encode())
    found = state_reasons(Replayed(place, 2, 1, "--send", "--config", place.config, "--json"))
    report.check("by the same call", found == ["notified", "superseded"], found)
    found = state_reasons(Replayed(place, 1, "--send", "--config", place.config, "--json"))
    report.check("by one before", found == ["superseded"], found)
    place.keep([middle], 2)
    with place.worker() as child:
        common.wait_until(lambda: place.is_done(child, False), 60)
    states = rows(place, "SELECT count(*) FROM recorded WHERE rule = 'state'")
    report.check("before the worker got an older one", states == [(1,)], states)


def test_refused(report, place):
    """What the worker could not send. Nothing is owed then."""
    new = place.write("new.yml", config(RULES + NEWER).encode())
    before = rows(place, "SELECT count(*) FROM journal")
    shown = Replayed(place, 1, "--config", new, "--json", own=place.config)
    report.check("it can be looked at", shown.code == 0 and
                 any(one[0] == "newer" for one in shown.messages()), shown.error)
    refused = Replayed(place, 1, "--config", new, "--send", own=place.config)
    report.check("it is refused", refused.code == 3 and "has no rule newer" in refused.error,
                 (refused.code, refused.error))
    report.check("nothing is owed", before == rows(place, "SELECT count(*) FROM journal"))
    for about, arguments_, code in (("no ID", (), 2), ("not there", (999999,), 1), ("a repeat", (
            rows(place, "SELECT seq FROM journal WHERE verdict = 'repeat'")[0][0],), 1)):
        done = Replayed(place, *arguments_, "--config", place.config)
        report.check(f"{about}: exit code {code}", done.code == code, (done.code, done.error))


def test_kills(report, place, catcher):
    """kill -9 while it owes or before it wakes: what has a line in the journal is owed, whole, and once."""
    random_, last = random.Random(2), rows(place, "SELECT max(seq) FROM journal")[0][0]
    seq, = rows(place, "SELECT seq FROM journal WHERE verdict = 'done' AND event = 'build.finished'")[0]
    before, killed, count = len(arrived(catcher, "/a", 0)), 0, 0
    begun = time.monotonic()
    Replayed(place, seq, "--config", place.config)
    takes_s = time.monotonic() - begun
    while min(count, killed - count) < KILLED_LEAST and killed < KILLS_MAX:
        with subprocess.Popen([str(place.program), "replay", str(seq), "--send", "--config",
                               str(place.config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as child:
            time.sleep(random_.uniform(0, 2 * takes_s))
            child.send_signal(signal.SIGKILL)
        killed += 1
        count, = rows(place, "SELECT count(*) FROM journal WHERE seq > ? AND verdict = 'replayed'", last)[0]
    lines = rows(place, "SELECT entry, deliveries FROM journal WHERE seq > ? AND verdict = 'replayed'", last)
    owed = rows(place, "SELECT entry, count(*) FROM recorded WHERE entry IN (SELECT entry FROM journal WHERE"
                " seq > ?) GROUP BY entry", last)
    report.check("a line and what it owes, or neither", sorted(lines) == sorted(owed), (lines, owed))
    report.check("some were killed before, some after", min(count, killed - count) >= KILLED_LEAST,
                 (count, killed))
    with place.worker() as child:
        common.wait_until(lambda: place.is_done(child, True), 60)
    report.check("each arrives once", len(arrived(catcher, "/a", before + len(lines))) == before + len(lines),
                 (len(lines), len(arrived(catcher, "/a", 0)) - before))


def run():
    chosen = arguments(__doc__, seed=1, webhooks=250)
    report, program = Report(chosen.verbose), chosen.build / "kitehook"
    with Workspace() as folder, Catcher() as catcher:
        place = Place(folder / "place", program, config(), catcher)
        place.work(webhooks(chosen.seed, chosen.webhooks), delivers=True)
        test_shows(report, place)
        test_sends(report, place, catcher)
        test_state(report, folder, program)
        test_state_of_a_replay(report, folder, program)
        test_refused(report, place)
        test_kills(report, place, catcher)
    return report.close()


if __name__ == "__main__":
    sys.exit(run())
