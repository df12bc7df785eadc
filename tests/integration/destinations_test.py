#!/usr/bin/env python3
"""What the worker does when several destinations are in different health, beside one another: the pace, the
hold, what another configuration releases, an authority and a proxy of one's own.

usage: destinations_test.py --build DIR [--only REGEX] [--keep] [--verbose]
"""
import base64
import email.utils
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

import cli_run
from catcher import Catcher
from cli_worker import drop, entry, of_message, ring
from common import ROOT, SECRET, wait_until, webhook, whole_text

sys.path.insert(0, str(ROOT / "tests" / "support"))
import http_peer as peer  # noqa: E402

TIMEOUT_S = 10
LATE_S = 0.25  # a thread of a catcher may see a request that much later than it came
KEY = base64.b64encode(b"planted-key-of-twenty-four").decode()
NOWHERE = "http://127.0.0.1:9/planted"
HEAD_TOO_LONG = "the answer's headers are longer than 64 KiB"
NOT_FOLDED = "A libcurl function was given a bad argument"  # so libcurl 8.18 refuses to unfold a trailer


def place(cli, notify, http="", **variables):
    """Writes a config whose URLs and keys are VARIABLES; the state folder."""
    cli.file("webhook-secret", SECRET)
    cli.file("env", "".join(f"{name}={value}\n" for name, value in variables.items()))
    head = "webhook:\n  signature: { file: webhook-secret }\nenv_file: env\nstate: state\nworker: service\n"
    cli.config_path = cli.file("kitehook.yml", f"{head}{http}notify:\n{notify}")
    return pathlib.Path(cli.path("state"))


def hook(name, variable):
    return f"  - name: {name}\n    webhook: {{ url: {{ env: {variable} }}, secret: {{ env: KEY }} }}\n"


def slack(name, variable):
    return f"  - name: {name}\n    slack: {{ url: {{ env: {variable} }} }}\n"


class Served:
    """`worker --serve` over a folder, with its lines."""

    def __init__(self, cli, state, **environment):
        self.cli, self.state, self.environment = cli, state, environment

    def __enter__(self):
        self.log = open(self.cli.path("worker.stderr"), "ab")
        self.child = subprocess.Popen(
            [self.cli.program, "worker", "--serve", "--config", self.cli.config_path],
            stdin=subprocess.DEVNULL,
                                      stdout=self.log, stderr=self.log,
                                      env={"PATH": os.environ["PATH"], **self.environment})
        return self

    def text(self):
        return whole_text(pathlib.Path(self.cli.path("worker.stderr")))

    def lines(self, rule=None, message="delivery attempt"):
        return [line for line in of_message(self.text(), message) if rule in (None, line.get("rule"))]

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.code = self.child.wait(2 * TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.code = self.child.wait()
        self.log.close()
        self.cli.lines += of_message(self.text())


def put(state, *numbers):
    for number in numbers:
        drop(state, entry(webhook(number), number=number))
    ring(state)


# ---- the pace


def deliver_beside(cli, hangs, count):
    """Seconds until COUNT deliveries to a fast destination arrived, while the other one hangs or not; and
    what the other had got by then."""
    release = threading.Event()
    with Catcher(
        lambda *_: (release.wait(2 * TIMEOUT_S) if hangs else True) and 200) as other, Catcher() as fast:
        state = place(cli, slack("other", "OTHER") + hook("fast", "FAST"), KEY=KEY,
                      OTHER=other.url("/other"), FAST=fast.url("/fast"))
        put(state, *range(1, count + 1))
        began = time.monotonic()
        with Served(cli, state) as served:
            arrived = wait_until(lambda: len(fast.at("/fast")) == count, TIMEOUT_S - 1)
            took = time.monotonic() - began
            finished = len(served.lines("other"))
            release.set()
    return took if arrived else None, finished, len(fast.at("/fast"))


def test_one_that_hangs_holds_up_no_other(cli, report):
    count = 50
    calm, _, _ = deliver_beside(cli, False, count)
    again = cli_run.Cli(cli.program, pathlib.Path(cli.path("hanging")))
    pathlib.Path(cli.path("hanging")).mkdir()
    again.lines, again.said = cli.lines, cli.said
    took, finished, arrived = deliver_beside(again, True, count)
    report.check(f"{count} deliveries arrive while the other destination hangs",
                 took is not None and finished == 0 and arrived == count, (took, finished, arrived))
    if calm and took:
        print(f"      {count} deliveries to a fast destination: {1000 * calm:.0f} ms with both well, "
              f"{1000 * took:.0f} ms beside one that hangs")


def test_several_at_once(cli, report):
    """The webhook notifier has four under way; slack has one, so that messages stay in order."""
    gate, lock = threading.Event(), threading.Lock()
    now, most = {"/hook": 0, "/slack": 0}, {"/hook": 0, "/slack": 0}

    def script(path, _body):
        with lock:
            now[path] += 1
            most[path] = max(most[path], now[path])
        gate.wait(2)
        with lock:
            now[path] -= 1
        return 200

    with Catcher(script) as catcher:
        state = place(cli, hook("hook", "HOOK") + slack("slack", "SLACK"), KEY=KEY, HOOK=catcher.url("/hook"),
                      SLACK=catcher.url("/slack"))
        put(state, *range(1, 9))
        with Served(cli, state):
            report.check("four and one are under way",
                         wait_until(lambda: now == {"/hook": 4, "/slack": 1}, 10), now)
            gate.set()
            report.check("all arrive",
                         wait_until(lambda: len(catcher.at("/hook")) == len(catcher.at("/slack")) == 8, 10),
                         len(catcher.caught))
        report.check("there were never more", most == {"/hook": 4, "/slack": 1}, most)
        builds = [int(re.search(r"/builds/(\d+)", one.body.decode()).group(1))
                  for one in catcher.at("/slack")]
        report.check("slack's are in order", builds == list(range(1, 9)), builds)


def test_a_failed_destination_rests(cli, report):
    """What comes while it rests is not sent before its time is over, not even across a restart; the others go
    on."""
    with Catcher(lambda path,
                 _: (429, {"Retry-After": "40"}, b"slowly") if path == "/limited" else 200) as catcher:
        state = place(cli, slack("limited", "LIMITED") + slack("well", "WELL"),
                      LIMITED=catcher.url("/limited"), WELL=catcher.url("/well"))
        put(state, 1)
        with Served(cli, state) as served:
            wait_until(lambda: served.lines("limited") and served.lines("well"), 10)
            put(state, 2, 3)
            report.check("the others go on", wait_until(lambda: len(catcher.at("/well")) == 3, 10),
                         catcher.caught)
        with Served(cli, state) as served:
            put(state, 4)
            report.check("after a restart too", wait_until(lambda: len(catcher.at("/well")) == 4, 10),
                         catcher.caught)
            time.sleep(0.3)
        limited = [one for one in catcher.caught if one.path == "/limited"]
        report.check("one request was all that it got", len(limited) == 1, len(limited))
        done = cli.run("status", "--config", cli.config_path, "--json")
        row = next(one for one in json.loads(done.out)["destinations"]
                   if one["destination"].endswith("LIMITED"))
        report.check("status tells of the hold",
                     row["held_until"] is not None and row["waiting"] + row["due"] == 4, row)
        done = cli.run("status", "--config", cli.config_path)
        report.check("status tells people", "on hold for" in done.out, done)


class OneASecond:
    """A place that takes one message a second, and says so."""

    def __init__(self):
        self.lock, self.taken, self.refused = threading.Lock(), [], 0

    def __call__(self, _path, _body):
        with self.lock:
            now = time.monotonic()
            if self.taken and now - self.taken[-1] < 1 - LATE_S:
                self.refused += 1
                return 429, {"Retry-After": "1"}, b"rate_limited"
            self.taken.append(now)
            return 200


def test_one_a_second_gets_one_a_second(cli, report):
    """Who owes it more waits for its time, through a restart too, and holds up no other."""
    count, script = 8, OneASecond()
    with Catcher(script) as slow, Catcher() as fast:
        state = place(cli, slack("slow", "SLOW") + hook("fast", "FAST"), KEY=KEY, SLOW=slow.url("/slow"),
                      FAST=fast.url("/fast"))
        put(state, *range(1, count + 1))
        with Served(cli, state):
            report.check("the other place has its own",
                         wait_until(lambda: len(fast.at("/fast")) == count, TIMEOUT_S) and
                         len(script.taken) < count, (len(fast.at("/fast")), len(script.taken)))
            wait_until(lambda: len(script.taken) >= 4, TIMEOUT_S)
        with Served(cli, state):
            wait_until(lambda: len(script.taken) == count, 2 * TIMEOUT_S)
    report.check("all arrive", len(script.taken) == count, (len(script.taken), script.refused))
    report.check("hardly one of them was too early", script.refused <= 1, script.refused)


def test_one_that_fails_now_and_then(cli, report):
    """One in twenty is answered 503. That one waits, and the others go on."""
    count, chance, lock = 300, random.Random(12), threading.Lock()

    def script(*_):
        with lock:
            return 503 if chance.random() < 0.05 else 200

    with Catcher(script) as catcher:
        state = place(cli, hook("hook", "HOOK"), KEY=KEY, HOOK=catcher.url("/hook"))
        put(state, *range(1, count + 1))
        with Served(cli, state):
            tried = lambda: {one.headers.get("webhook-id") for one in catcher.caught}
            report.check("each is tried soon", wait_until(lambda: len(tried()) == count, 2 * TIMEOUT_S),
                         (len(tried()), len(catcher.caught)))


def test_a_worker_that_dies_in_the_middle(cli, report):
    """Each time, before an answer came: that was an attempt, and no start is a reason to try at once."""
    gate, came = threading.Event(), []

    def hang(path, _body):
        came.append(path)
        gate.wait(TIMEOUT_S)
        return 200

    with Catcher(hang) as catcher:
        state = place(cli, slack("slow", "SLOW"), SLOW=catcher.url("/slow"))
        put(state, 1)
        for _ in range(5):
            with Served(cli, state) as served:
                wait_until(lambda: came, 10)
                time.sleep(0.2)
                served.child.kill()
                served.child.wait()
        gate.set()
        rows = json.loads(cli.run("outbox", "list", "--config", cli.config_path, "--json").out)["deliveries"]
        report.check("it was sent once", len(came) == 1, came)
        report.check("it is owed, tried once, and waits",
                     [(row["state"], row["attempts"]) for row in rows] == [("waiting", 1)], rows)
        done = cli.run("outbox", "redrive", rows[0]["id"], "--config", cli.config_path)
        with Served(cli, state) as served:
            report.check("it can be sent at once",
                         done.code == 0 and wait_until(lambda: served.lines("slow"), 10), served.text())
            report.check("as its second attempt", served.lines("slow")[0]["attempt"] == 2, served.text())


def test_retry_after_as_a_date(cli, report):
    asked = time.time() + 300
    date = email.utils.formatdate(asked, usegmt=True)
    with Catcher(lambda *_: (503, {"Retry-After": date}, b"")) as catcher:
        state = place(cli, slack("dated", "DATED"), DATED=catcher.url("/dated"))
        put(state, 1)
        with Served(cli, state) as served:
            wait_until(lambda: served.lines("dated"), 10)
        line = (served.lines("dated") + [{}])[0]
        at = email.utils.parsedate_to_datetime(date).timestamp()
        told = (
            time.mktime(
                time.strptime(line.get("retry_at", "1970-01-01T00:00:00.000Z")[:19], "%Y-%m-%dT%H:%M:%S")) -
            time.timezone)
        report.check("a date is obeyed", abs(told - at) <= 2, line)


# ---- the outbox is bounded


def outbox_of(cli, *more):
    done = cli.run("outbox", "list", "--config", cli.config_path, "--json", *more)
    return json.loads(done.out)["deliveries"]


def test_who_refuses_everything_fills_nothing(cli, report):
    """Its dead ones stay within a quarter, and nobody else suffers."""
    with Catcher(lambda path, _: 422 if path == "/bad" else 200) as catcher:
        state = place(cli, hook("bad", "BAD") + hook("well", "WELL"), "outbox: {max_entries: 40}\n",
                      KEY=KEY, BAD=catcher.url("/bad"), WELL=catcher.url("/well"))
        with Served(cli, state) as served:
            for first in range(1, 61, 10):
                put(state, *range(first, first + 10))
                wait_until(lambda first=first: len(served.lines("bad")) == first + 9 and
                           len(catcher.at("/well")) == first + 9, 20)
            report.check("the others get all", len(catcher.at("/well")) == 60, len(catcher.at("/well")))
            report.check("and it was asked each time", len(catcher.caught) == 120, len(catcher.caught))
            rows = outbox_of(cli)
            report.check("ten of its dead ones are kept, the newest",
                         len(rows) == 10 and {row["rule"] for row in rows} == {"bad"} and
                         {row["state"] for row in rows} == {"dead"}, rows)
            report.check("nothing stalls", not served.lines(message="worker stalled"), served.text()[-2000:])


def test_a_full_outbox_leaves_webhooks_where_they_are(cli, report):
    answers = {"status": 503}
    with Catcher(lambda *_: answers["status"]) as catcher:
        names = ("one", "two", "three", "four")
        state = place(cli, "".join(hook(name, name.upper()) for name in names),
                      "outbox: {max_entries: 8}\n", KEY=KEY,
                      **{name.upper(): catcher.url(f"/{name}") for name in names})
        new = state / "inbox" / "new"
        with Served(cli, state) as served:
            put(state, 1, 2, 3)
            report.check("it takes what there is room for",
                         wait_until(lambda: len(outbox_of(cli, "--state", "waiting")) == 8, 20),
                         outbox_of(cli))
            rows = outbox_of(cli)
            report.check("two of each are owed, and nothing else is there",
                         sorted(row["rule"] for row in rows) == sorted(2 * names) and
                         "dead" not in {row["state"] for row in rows}, rows)
            put(state, 4, 5)
            time.sleep(1)
            report.check("the rest stays in the inbox", len(list(new.iterdir())) == 2, list(new.iterdir()))
            told = served.lines(message="outbox fills")
            report.check("it says so, and that some died",
                         {(line["level"], line.get("reason")) for line in told} ==
                         {("WARN", None), ("ERROR", "outbox_full")}, told)
        answers["status"] = 200
        cli.run("outbox", "redrive", "--state", "waiting", "--config", cli.config_path)
        with Served(cli, state) as served:
            report.check("when there is room again, it goes on",
                         wait_until(lambda: not list(new.iterdir()) and not outbox_of(cli, "--state", "due")
                                    and not outbox_of(cli, "--state", "waiting"), 20),
                         served.text()[-1500:])
            came = {name: "".join(one.body.decode() for one in catcher.at(f"/{name}")) for name in names}
            report.check("all have what stayed in the inbox",
                         all(f"/builds/{number}" in text for text in came.values() for number in (4, 5)),
                         came)


# ---- another configuration


def test_a_refusal_waits_for_the_config(cli, report):
    """A revoked URL: nothing is lost, and the new one gets it at once."""
    with Catcher(lambda path, _: 404 if path == "/revoked" else 200) as catcher:
        state = place(cli, slack("moved", "MOVED"), MOVED=catcher.url("/revoked"))
        put(state, 1)
        with Served(cli, state) as served:
            report.check("it is refused", wait_until(lambda: served.lines("moved"), 10), served.text())
            line = served.lines("moved")[0]
            report.check("and said so",
                         (line["result"], line["reason"], line["level"]) ==
                         ("retry", "destination_refused", "ERROR"), line)
            cli.file("env", f"MOVED={catcher.url('/new')}\n")
            served.child.send_signal(signal.SIGHUP)
            report.check("the new address gets it at once", wait_until(lambda: catcher.at("/new"), 10),
                         served.text())
        ids = {line["delivery"] for line in served.lines("moved")}
        report.check("under the same id", len(ids) == 1, ids)
    with Catcher(lambda *_: 401) as catcher:
        state = place(cli, slack("moved", "MOVED"), MOVED=catcher.url("/revoked"))
        put(state, 2)
        for round_ in range(3):
            with Served(cli, state) as served:
                wait_until(lambda: [line for line in served.lines("moved") if line["status"] == 401],
                           10 if round_ == 0 else 0.5)
        report.check("a restart with the same files is no reason to try again", len(catcher.caught) == 1,
                     catcher.caught)


def test_slack_says_ok_or_a_word(cli, report):
    """A webhook that was switched off is a 400, and a page with 200 is no delivery."""
    answers = {"/off": (400, {}, b"no_active_hooks"), "/page": (200, {}, b"<html>sign in</html>"),
               "/bad": (400, {}, b"invalid_payload")}
    expected = {"off": ("retry", "HTTP 400: no_active_hooks, the webhook was removed or switched off"),
                "page": ("retry", "HTTP 200: without the `ok` that Slack says"),
                "bad": ("dead", "HTTP 400: invalid_payload")}
    with Catcher(lambda path, _: answers.get(path, 200)) as catcher:
        state = place(cli, "".join(slack(name, name.upper()) for name in expected),
                      **{name.upper(): catcher.url(f"/{name}") for name in expected})
        put(state, 1)
        with Served(cli, state) as served:
            report.check("each is tried", wait_until(lambda: len(served.lines()) == 3, 10), served.text())
            for name, told in expected.items():
                line = (served.lines(name) + [{}])[0]
                report.check(f"slack: {name}", (line.get("result"), line.get("detail")) == told, line)
            cli.file("env", "".join(f"{name.upper()}={catcher.url('/new-' + name)}\n" for name in expected))
            served.child.send_signal(signal.SIGHUP)
            report.check("a new webhook gets what the old one refused",
                         wait_until(lambda: catcher.at("/new-off"), 10), served.text())


# ---- in between


def test_a_late_webhook_is_not_left_behind(cli, report):
    """A pass whose budget is over waits for a destination that hangs; who comes meanwhile is told that a
    worker is there."""
    release = threading.Event()
    with Catcher(lambda path,
                 _: (release.wait(2 * TIMEOUT_S) if path == "/hangs" else True) and 200) as catcher:
        state = place(cli, slack("hangs", "HANGS") + hook("well", "WELL"), KEY=KEY,
                      HANGS=catcher.url("/hangs"), WELL=catcher.url("/well"))
        put(state, 1)
        with subprocess.Popen(
            [cli.program, "worker", "--once", "--budget-ms", "300", "--config", cli.config_path],
            stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"]}) as child:
            wait_until(lambda: catcher.at("/well"), 10)
            time.sleep(0.6)
            drop(state, entry(webhook(2), number=2))
            report.check("a worker is there", ring(state))
            release.set()
            child.wait(2 * TIMEOUT_S)
        report.check("and does it", wait_until(lambda: len(catcher.at("/well")) == 2, 1), catcher.caught)


def test_an_inbox_in_trouble_stops_no_delivery(cli, report):
    """An entry that cannot even be set aside stalls the inbox; the answer to what is under way is heard all
    the same."""
    slow = threading.Event()
    with Catcher(lambda *_: (slow.wait(1.5) or True) and 200) as catcher:
        state = place(cli, slack("slow", "SLOW"), SLOW=catcher.url("/slow"))
        put(state, 1)
        with Served(cli, state) as served:
            report.check("it is under way", wait_until(lambda: served.lines(message="webhook handled"), 10),
                         served.text())
            (state / "inbox" / "aside").rmdir()
            (state / "inbox" / "aside").write_bytes(b"")
            drop_raw = state / "inbox" / "new" / f"{time.time_ns() // 1000:016x}.1.00000001,S=3"
            drop_raw.write_bytes(b"odd")
            ring(state)
            report.check("the inbox stalls", wait_until(lambda: served.lines(message="worker stalled"), 10),
                         served.text())
            report.check("the answer is heard", wait_until(lambda: served.lines("slow"), 5), served.text())
            attempts = served.lines("slow")
            report.check("and is what it was", [line["result"] for line in attempts] == ["delivered"],
                         attempts)


# ---- an authority and a proxy of one's own


def certificate(cli):
    key, cert = cli.path("key.pem"), cli.path("cert.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out",
         cert, "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return cert, key


def test_an_authority_of_ones_own(cli, report):
    cert, key = certificate(cli)
    server = peer.Peer({"*": peer.answer("200 OK")}, (cert, key))
    try:
        url = f"https://127.0.0.1:{server.port}/hook"
        state = place(cli, slack("own", "OWN"), OWN=url)
        put(state, 1)
        with Served(cli, state) as served:
            wait_until(lambda: served.lines("own"), 10)
            line = (served.lines("own") + [{}])[0]
            report.check("a stranger's certificate is not believed",
                         line.get("result") == "retry" and not server.requests, line)
            place(cli, slack("own", "OWN"), "http:\n  ca_file: cert.pem\n", OWN=url)
            wait_until(lambda: served.lines(message="config reloaded"), 10)
            report.check("http.ca_file is what counts", wait_until(lambda: server.requests, 2 * TIMEOUT_S),
                         served.text())
        report.check("HTTP/2 is not asked for",
                     server.alpn <= {"http/1.1", None} and "http/1.1" in server.alpn, server.alpn)
        place(cli, slack("own", "OWN"), "http:\n  ca_file: nowhere.pem\n", OWN=url)
        done = cli.run("check", "--config", cli.config_path)
        report.check("check: a file that cannot be read",
                     done.code == 1 and "http.ca_file: cannot read" in done.out + done.err, done)
    finally:
        server.close()


def test_a_proxy(cli, report):
    """The proxy gets the request in the form that proxies get; its credential may stand in a file."""
    proxy = peer.Peer({"*": peer.answer("200 OK")})
    try:
        cli.file("proxy", f"http://planted-user:planted-secret@127.0.0.1:{proxy.port}\n")
        for number, (name,
                     value) in enumerate(
                         {"a plain URL": f"'http://127.0.0.1:{proxy.port}'",
                          "one in a file": "{ file: proxy }"}.items(), 1):
            state = place(cli, slack("far", "FAR"), f"http: {{ proxy: {value} }}\n", FAR=NOWHERE)
            put(state, number)
            with Served(cli, state) as served:
                report.check(f"{name}: it is used", wait_until(lambda: len(proxy.requests) == number, 10),
                             served.text())
        targets = {one["target"] for one in proxy.requests}
        report.check("it is asked for the whole URL", targets == {NOWHERE}, targets)
        credentials = [value for one in proxy.requests for key, value in one["headers"]
                       if key.lower() == "proxy-authorization"]
        report.check("the credential is sent to the proxy",
                     credentials == ["Basic cGxhbnRlZC11c2VyOnBsYW50ZWQtc2VjcmV0"], credentials)
        report.check("and is not told", "planted" not in served.text(), served.text())
        place(cli, slack("far", "FAR"), "http: { proxy: 'http://user:planted-secret@127.0.0.1:1' }\n",
              FAR=NOWHERE)
        done = cli.run("check", "--config", cli.config_path)
        report.check("check: no credential in the file itself",
                     done.code == 1 and "http.proxy: a credential does not belong" in done.out + done.err and
                     "planted-secret" not in done.out + done.err, done)
    finally:
        proxy.close()


# ---- answers without end


def peak_mib(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) // 1024


def test_answers_without_end(cli, report):
    """A ceiling ends each; a final status that came counts, and without one it is tried again."""
    lines = b"".join(b"X-%03d: %b\r\n" % (i, b"y" * 1000) for i in range(60))
    chunked = b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    plays = {"/taken": (b"HTTP/1.1 200 OK" + chunked, lines),
             "/folded": (b"HTTP/1.1 200 OK" + chunked + b"X: y\r\n", b" y\r\n" * 16000),
             "/busy": (b"HTTP/1.1 503 No" + chunked, lines), "/header": (b"HTTP/1.1 200 OK\r\n", lines),
             "/interim": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2500)}
    expected = {"taken": ("delivered", 200), "folded": ("delivered", 200), "busy": ("retry", 503),
                "header": ("retry", None), "interim": ("retry", None)}
    hostile = peer.Peer({path: peer.endless(*words) for path, words in plays.items()})
    with Catcher() as well:
        rules = "".join(hook(name, name.upper()) for name in [*expected, "well"])
        state = place(cli, rules, KEY=KEY, WELL=well.url("/well"),
                      **{name.upper(): hostile.url(f"/{name}") for name in expected})
        put(state, 1)
        with Served(cli, state, ASAN_OPTIONS="quarantine_size_mb=1") as served:
            ended = wait_until(lambda: len(served.lines()) == 6, 2 * TIMEOUT_S)
            report.check("each attempt ends", ended, served.text())
            peak = peak_mib(served.child.pid)
    hostile.close()
    report.check("the memory is bounded", peak < 256, peak)
    for name, (result, status) in expected.items():
        line = (served.lines(name) + [{}])[0]
        details = [f"HTTP {status}, then {why}" if status else why
                   for why in (HEAD_TOO_LONG, *([NOT_FOLDED] if name == "folded" else []))]
        told = line.get("result"), line.get("status")
        report.check(f"{name}: {result}, and why",
                     told == (result, status) and line.get("detail") in details, line)
    rows = json.loads(cli.run("outbox", "list", "--config", cli.config_path, "--json").out)
    rows = rows if isinstance(rows, list) else rows["deliveries"]
    report.check("what was not taken is owed", len(rows) == 3, rows)


# ---- lamps


def test_a_newer_lamp_replaces_an_older(cli, report):
    """While the API cannot be reached the lamp's colours pile up; what counts is the last one."""
    broken = threading.Event()
    broken.set()
    with Catcher(
        lambda *_: 503 if broken.is_set()
        else (200, {"Content-Type": "application/json"}, b'{"results":[]}')) as catcher:
        catcher._server.RequestHandlerClass.do_PUT = catcher._server.RequestHandlerClass.do_POST
        state = place(cli, "  - lifx: { token: { env: TOKEN }, url: { env: API } }\n", TOKEN="planted-token",
                      API=catcher.url(""))
        put(state, 1)
        with Served(cli, state) as served:
            wait_until(lambda: served.lines(), 10)
            put(state, 2)
            time.sleep(0.5)
            put(state, 3)
            wait_until(lambda: len(served.lines(message="webhook handled")) == 3, 10)
            rows = json.loads(cli.run("outbox", "list", "--config", cli.config_path, "--json").out)
            report.check("only the last one is owed",
                         len(rows if isinstance(rows, list) else rows["deliveries"]) == 1, rows)


# ---- secrets


# Entries that go by a service, by its kind, and what of that is no secret.
BY_SERVICE = {"slack": '  - slack: "#builds"\n', "webhook": "  - webhook: { env: webhook_url }\n",
              "email": "  - email: jane@kite.example\n"}
NO_SECRETS = {"email": "smtp: 'smtp://127.0.0.1:1', from: ci@kite.example, user: ci, "}


def planted_rules(address):
    """A rule for each notifier and each kind of service, with every secret that they may have: rules,
    variables, and the names of those that send something."""
    definitions = json.loads((ROOT / "docs/kitehook.schema.json").read_text(encoding="utf-8"))["definitions"]
    rules, services, variables, senders = "", "services:\n", {}, []

    def plant(definition, notifier):
        options = definitions.get(definition, {}).get("properties", {})
        names = [option for option, made in options.items()
                 if made.get("allOf") == [{"$ref": "#/definitions/secret"}]]
        for option in names:
            variables[f"{definition}_{option}"] = f"{address}/planted/{notifier}" if option == "url" else \
                f"planted{len(variables):025}"
        return ", ".join(f"{option}: {{ env: {definition}_{option} }}" for option in names)

    for name in (one["required"][0] for one in definitions["rule"]["oneOf"]):
        references = plant(name, name)
        rules += f"  - {name}: {{ {references} }}\n" if references else ""
        senders += [name] if references else []
    for kind, entry_of_kind in BY_SERVICE.items():
        services += f"  {kind}: {{ {NO_SECRETS.get(kind, '')}{plant(f'service_{kind}', kind)} }}\n"
        rules += entry_of_kind
        senders.append(kind)
    return rules + services, variables, senders


def test_no_secret_lies_in_the_outbox(cli, report):
    """The places fail, and echo what they get."""
    with Catcher(lambda _, body: (503, {}, body)) as catcher:
        catcher._server.RequestHandlerClass.do_PUT = catcher._server.RequestHandlerClass.do_POST
        rules, variables, senders = planted_rules(catcher.url(""))
        state = place(cli, rules, **variables)
        put(state, 1)
        with Served(cli, state) as served:
            wait_until(lambda: len(served.lines()) > len(senders), 10)
        paths = [caught.path for caught in catcher.caught]
        report.check("a request of each notifier came", len(senders) >= 3 and all(
            any(path.startswith(f"/planted/{name}") for path in paths)
            for name in senders if name != "email"), paths)
    rows = json.loads(cli.run("outbox", "list", "--config", cli.config_path, "--json").out)["deliveries"]
    report.check("each is owed", sorted(row["notifier"] for row in rows) == sorted(senders), rows)
    shown = [cli.run("outbox", *words, "--config", cli.config_path).out
             for words in (["list"], ["list", "--json"],
                           *(["show", *more, row["id"]] for row in rows for more in ([], ["--json"])))]
    kept = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    report.check("no secret is kept", b"planted" not in kept and rows[0]["id"].encode() in kept,
                 sorted(path.name for path in state.rglob("*")))
    report.check("none is shown", all(shown) and "planted" not in "".join(shown), shown)
    report.check("none is logged", served.lines() and "planted" not in served.text(), served.text())


TESTS = [test_no_secret_lies_in_the_outbox, test_one_that_hangs_holds_up_no_other, test_several_at_once,
         test_a_failed_destination_rests, test_a_worker_that_dies_in_the_middle,
         test_one_a_second_gets_one_a_second, test_one_that_fails_now_and_then, test_retry_after_as_a_date,
         test_who_refuses_everything_fills_nothing, test_a_full_outbox_leaves_webhooks_where_they_are,
         test_a_refusal_waits_for_the_config, test_slack_says_ok_or_a_word,
         test_a_late_webhook_is_not_left_behind, test_an_inbox_in_trouble_stops_no_delivery,
         test_an_authority_of_ones_own, test_a_proxy, test_answers_without_end,
         test_a_newer_lamp_replaces_an_older]

if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, TESTS))
