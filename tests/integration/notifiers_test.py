#!/usr/bin/env python3
"""The notifiers webhook and lifx over real HTTP, driven by `kitehook invoke --send` and by a receiver with
its worker.

usage: notifiers_test.py --build DIR [--only REGEX] [--keep] [--verbose]

The oracle for signatures is Python's hmac, and the npm package standardwebhooks where it can be had; for
bodies docs/webhook.schema.json; for lamps the table of Buildkite's example apps.
"""
import base64
import calendar
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import jsonschema

from catcher import Catcher
from common import (FIXTURES, ROOT, SECRET, Report, Workspace, arguments, aged, cgi_variables, fixtures,
                    post_headers, run_cgi, webhook)
from lifx_api import Lamp, LifxApi
from logs import problem_of

KEY = "whsec_" + base64.b64encode(b"planted-key-of-thirty-two-bytes!").decode()
TOKEN = "c0ffee" + "planted0token0" * 4
HOOK = "/hooks/planted-path"
SCHEMA = json.loads((ROOT / "docs" / "webhook.schema.json").read_text(encoding="utf-8"))
HEX_ID = re.compile(r"[0-9a-f]{32}")

# Section "The four LIFX example apps" of Buildkite's lamps: what each of them sent.
EXAMPLE_LAMPS = {
    "running": {"color": "yellow brightness:5%", "from_color": "yellow brightness:35%", "period": 5,
                "cycles": 9999, "persist": True, "power_on": False},
    "passed": {"color": "green brightness:75%", "from_color": "green brightness:10%", "period": 0.45,
               "cycles": 3, "persist": True, "power_on": False, "peak": 0.2},
    "failed": {"color": "red brightness:60%", "from_color": "red brightness:25%", "period": 0.1, "cycles": 20,
               "persist": True, "power_on": False, "peak": 0.2},
}


class Kitehook:
    """The built programs, a folder for their files, and all that they ever said."""

    def __init__(self, build, folder, report):
        self.build, self.folder, self.report, self.said = build, folder, report, ""

    def config(self, rules, top="", **environment):
        folder = self.folder
        (folder / "webhook-secret").write_bytes(SECRET)
        (folder / "env").write_text("".join(f"{name}={value}\n" for name, value in environment.items()),
                                    encoding="utf-8")
        for name in ("webhook-secret", "env"):
            os.chmod(folder / name, 0o600)
        path = folder / "kitehook.yml"
        path.write_text(
            f"webhook: {{signature: {{file: webhook-secret}}}}\nenv_file: env\n{top}notify:\n{rules}",
            encoding="utf-8")
        for name in ("webhook-secret", "env", "kitehook.yml"):
            aged(folder / name)
        return path

    def run(self, *words, given=b""):
        done = subprocess.run([str(self.build / "kitehook"), *map(str, words)], input=given,
                              capture_output=True, timeout=60, env={"PATH": os.environ["PATH"]}, check=False)
        self.said += done.stdout.decode() + done.stderr.decode()
        return done

    def send(self, config, what):
        """`invoke --send` of a body or a fixture's folder: exit code, deliveries, log lines of the
        attempts."""
        given = what if isinstance(what, bytes) else b""
        done = self.run("invoke", "--send", "--json", "--config", config, "-" if given else what, given=given)
        try:
            told = json.loads(done.stdout)
        except ValueError:
            self.report.check("invoke answers by JSON", False, done)
            return done.returncode, [], []
        for line in told["log"]:
            problem = problem_of(line)
            if problem:
                self.report.check("a log line is as the schema says", False, f"{problem}: {line}")
        attempts = [line for line in told["log"] if line.get("message") == "delivery attempt"]
        return done.returncode, told["deliveries"], attempts


# ---- webhook

def headers_of(caught):
    return {name.lower(): value for name, value in caught.headers.items()}


def signature_of(headers, body, key=KEY):
    secret = base64.b64decode(key.removeprefix("whsec_"))
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, message, hashlib.sha256).digest()).decode()


def check_webhook(report, name, caught, delivery, key=KEY):
    headers = headers_of(caught)
    report.check(f"{name}: the id is the delivery's",
                 headers.get("webhook-id") == delivery["id"] and HEX_ID.fullmatch(delivery["id"]),
                 f"{headers} {delivery['id']}")
    report.check(f"{name}: the timestamp is now",
                 abs(int(headers.get("webhook-timestamp", 0)) - time.time()) < 30, headers)
    report.check(f"{name}: the signature is hmac's",
                 headers.get("webhook-signature") == signature_of(headers, caught.body, key), headers)
    report.check(f"{name}: JSON", headers.get("content-type") == "application/json" and caught.path == HOOK,
                 headers)
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(SCHEMA).iter_errors(caught.json))
    report.check(f"{name}: the body is as the schema says", not error, error and error.message)


def reference_says(report, requests, folder):
    """What the reference implementation makes of REQUESTS, (secret, caught) each."""
    lines = [
        json.dumps(
            {"secret": key, "headers": headers_of(caught), "body": base64.b64encode(caught.body).decode()})
             for key, caught in requests]
    done = subprocess.run([sys.executable, "-B", str(ROOT / "tests/standardwebhooks/check"), str(folder)],
                          input="\n".join(lines), capture_output=True, text=True, timeout=260, check=False)
    said = done.stdout.strip()
    if done.returncode == 0 and said.startswith("not run: "):
        report.skip("standardwebhooks verifies", said.removeprefix("not run: "))
    else:
        report.check("standardwebhooks verifies all",
                     done.returncode == 0 and said == f"{len(lines)} verified", said + done.stderr[-800:])


def test_webhook(kitehook, report, npm):
    bare = KEY.removeprefix("whsec_")
    rule = "  - {name: %s, webhook: {url: {env: HOOK_URL}, secret: {env: %s}%s}}\n"
    rules = rule % ("one", "KEY", "") + rule % ("two", "BARE_KEY", r', message: "{{build.state}} on '
                                                                   r'{{build.branch}}\n{{build.message}}"')
    with Catcher() as catcher:
        config = kitehook.config(rules, HOOK_URL=catcher.url(HOOK), KEY=KEY, BARE_KEY=bare)
        bodies = [webhook(1), webhook(2, state="failed", branch="h\u00e9llo/\u2713 \u202e"),
                  webhook(3, message="a\n\"b\"\\ <c>")]
        messages = ["passed on main\nBuild 1", "failed on h\u00e9llo/\u2713\nBuild 2", "passed on main\na"]
        ids, requests = {}, []
        for number, body in enumerate(bodies):
            for again in (False, True):
                catcher.caught.clear()
                code, deliveries, _ = kitehook.send(config, body)
                name = f"webhook {number}{' again' if again else ''}"
                if not report.check(f"{name}: both are sent", (code, len(catcher.caught)) == (0, 2),
                                    (code, catcher.caught)):
                    continue
                for caught, delivery in zip(catcher.caught, deliveries):
                    check_webhook(report, f"{name}, {delivery['rule']}", caught, delivery)
                    requests.append((KEY if delivery["rule"] == "one" else bare, caught))
                    message = caught.json["data"].get("message")
                    report.check(f"{name}, {delivery['rule']}: its message",
                                 message == (None if delivery["rule"] == "one" else messages[number]),
                                 message)
                    ids.setdefault((number, delivery["rule"]), set()).add(headers_of(caught)["webhook-id"])
        report.check("webhook: a repeat has the same id, and nothing else has",
                     len(ids) == 6 and all(len(found) == 1 for found in ids.values()) and
                     len(set.union(*ids.values())) == 6, ids)
        reference_says(report, requests, npm)


def test_webhook_outcomes(kitehook, report):
    """Redirects, refusals and trouble are told like those of any other notifier."""
    rules = "  - webhook: {url: {env: HOOK_URL}, secret: {env: KEY}}\n"
    cases = [(200, "delivered", 0), (202, "delivered", 0), (410, "retry", 4), (307, "retry", 4),
             (413, "dead", 4), (500, None, 4), (429, None, 4)]
    for status, outcome, wanted in cases:
        answer = (status, {"Location": "/elsewhere"}, b"planted-answer " + KEY.encode())
        with Catcher(lambda path, body, answer=answer: answer) as catcher:
            config = kitehook.config(rules, HOOK_URL=catcher.url(HOOK), KEY=KEY)
            code, deliveries, attempts = kitehook.send(config, webhook(status))
            result = deliveries[0]["result"]
            good = (code == wanted and result["status"] == status and
                    result["outcome"] in ([outcome] if outcome else ["retry", "dead"]))
            report.check(f"webhook: HTTP {status}", good and len(catcher.caught) == 1 and len(attempts) == 1,
                         (code, result))


def test_golden_bodies(report):
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    files = sorted(FIXTURES.glob("*/*/webhook.json"))
    report.check("there are golden bodies", len(files) > 50, len(files))
    for file in files:
        body = json.loads(file.read_text(encoding="utf-8"))
        error = jsonschema.exceptions.best_match(validator.iter_errors(body))
        report.check(f"{file.parent.name}: webhook.json is as the schema says", not error,
                     error and error.message)
        text = file.read_text(encoding="utf-8")
        report.check(f"{file.parent.name}: no address and no secret",
                     not re.search(
                         r"[\w.+-]+@[\w-]+\.\w|planted-secret|webhook\.buildkite\.com|api\.buildkite\.com",
                         text), text[:500])
    for bad in ({}, {"data": {}}, {"data": {"text": ""}}, {"data": {"text": "x", "build": {}}},
                {"data": {"text": "x"}, "more": 1}):
        report.check(f"the schema refuses {bad}", list(validator.iter_errors(bad)))


# ---- lifx

def lamps():
    return [Lamp(1, "Desk", "Office"), Lamp(2, "K\u00fcche /?#%&", "Home"), Lamp(3, "Door", "Office")]


def lifx_config(kitehook, api, options="", token=TOKEN):
    rules = f"  - lifx: {{token: {{env: LIFX_ACCESS_TOKEN}}, url: {{env: LIFX_URL}}{options}}}\n"
    return kitehook.config(rules, LIFX_ACCESS_TOKEN=token, LIFX_URL=api.url)


def test_lamps_of_the_examples(kitehook, report):
    shown = {}
    for state, event, blocked in [("running", "build.running", False), ("passed", "build.finished", False),
                                  ("failed", "build.finished", False), ("blocked", "build.finished", False),
                                  ("passed", "build.finished", True), ("canceled", "build.finished", False),
                                  ("skipped", "build.finished", False), ("not_run", "build.finished", False)]:
        name = "passed but blocked" if blocked else state
        with LifxApi(TOKEN, lamps()) as api:
            code, _, attempts = kitehook.send(lifx_config(kitehook, api),
                                              webhook(1, state=state, event=event, blocked=blocked))
            call, = api.calls or [None]
            good = (code == 0 and call and
                    (call.method, call.target, call.status) ==
                    ("POST", "/v1/lights/all/effects/breathe", 207))
            report.check(f"lifx: {name} is sent",
                         good and attempts[0]["level"] == "INFO" and "detail" not in attempts[0],
                         (code, attempts, call and vars(call)))
            report.check(f"lifx: {name} reaches every lamp",
                         all(lamp.shows == ("effects/breathe", json.loads(call.body)) for lamp in api.lamps))
            shown[name] = json.loads(call.body)
    for state, expected in EXAMPLE_LAMPS.items():
        report.check(f"lifx: {state} is what the example lamps send", shown[state] == expected, shown[state])
    report.check("lifx: blocked is told apart whatever the state says",
                 shown["blocked"] == shown["passed but blocked"], shown)
    report.check("lifx: the others are none of these and differ from each other",
                 len({look["color"] for look in shown.values()}) == 7,
                 {name: look["color"] for name, look in shown.items()})


def test_lifx_requests(kitehook, report):
    cases = [
        ("a group", ", selector: 'group:Office'", "POST", "/v1/lights/group%3AOffice/effects/breathe",
         [1, 3]),
        ("a label that is anything but a path", ", selector: \"label:K\u00fcche /?#%&\"", "POST",
         "/v1/lights/label%3AK%C3%BCche%20%2F%3F%23%25%26/effects/breathe", [2]),
        ("two selectors", ", selector: 'id:d073d5000001,label:Door'", "POST",
         "/v1/lights/id%3Ad073d5000001%2Clabel%3ADoor/effects/breathe", [1, 3]),
        ("pulse", ", effect: pulse", "POST", "/v1/lights/all/effects/pulse", [1, 2, 3]),
        ("no effect", ", effect: none, passed: {color: blue, power_on: true}", "PUT", "/v1/lights/all/state",
         [1, 2, 3]),
    ]
    for name, options, method, target, expected in cases:
        with LifxApi(TOKEN, lamps()) as api:
            code, _, _ = kitehook.send(lifx_config(kitehook, api, options), webhook(1))
            call, = api.calls
            headers = [key.lower() for key, _ in call.headers]
            report.check(f"lifx: {name}",
                         (code, call.method, call.target, call.status) == (0, method, target, 207),
                         vars(call))
            report.check(f"lifx: {name}, no header twice", len(headers) == len(set(headers)) and
                         set(headers) ==
                         {"host", "user-agent", "accept", "content-type", "content-length", "authorization"},
                         headers)
            report.check(f"lifx: {name}, the right lamps",
                         [lamp.id[-1] for lamp in api.lamps if lamp.shows] ==
                         [str(number) for number in expected], [lamp.shows for lamp in api.lamps])


def test_lifx_answers(kitehook, report):
    """name, what is the matter, exit code, outcomes, level, a word of the detail, requests"""
    def offline(*numbers, status="offline"):
        def change(api):
            for number in numbers:
                api.lamps[number - 1].status = status
        return change

    def limit(api):
        api.reset_at = int(time.time()) + 45

    cases = [
        ("one lamp is offline", offline(2), "", TOKEN, 0, ["delivered"], "WARN",
         "2 of 3 lamps: d073d5000002 offline"),
        ("two do not answer", offline(1, 3, status="timed_out"), "", TOKEN, 0, ["delivered"], "WARN",
         "1 of 3 lamps: d073d5000001 timed out, d073d5000003 timed out"),
        ("none is there", offline(1, 2, 3), "", TOKEN, 4, ["retry", "dead"], "WARN", "0 of 3 lamps"),
        ("no lamp of that name", None, ", selector: 'label:Nobody'", TOKEN, 4, ["retry"], "ERROR",
         "lifx.selector matches no lamp"),
        ("another token", None, "", "planted-other-token", 4, ["retry"], "ERROR",
         "lifx.token is not accepted"),
        ("too many requests", limit, "", TOKEN, 4, ["retry", "dead"], "WARN", "too many requests"),
    ]
    for name, change, options, token, wanted, outcomes, level, words in cases:
        with LifxApi(TOKEN, lamps()) as api:
            if change:
                change(api)
            code, deliveries, attempts = kitehook.send(lifx_config(kitehook, api, options, token), webhook(1))
            result, attempt = deliveries[0]["result"], attempts[0]
            report.check(f"lifx: {name}",
                         code == wanted and result["outcome"] in outcomes and len(api.calls) == 1,
                         (code, result))
            report.check(f"lifx: {name} is told",
                         attempt["level"] == level and words in attempt.get("detail", ""), attempt)
            if change is limit:
                at = calendar.timegm(time.strptime(attempt["retry_at"][:19], "%Y-%m-%dT%H:%M:%S"))
                report.check("lifx: the limit's window is waited for", 0 <= at + 1 - api.reset_at < 5,
                             attempt)


def test_hostile_texts(kitehook, report):
    """Whatever is in a webhook, a lamp's request is one of eight, and a webhook's is well signed."""
    with LifxApi(TOKEN, lamps()) as api, Catcher() as catcher:
        rules = ("  - {events: [build.*, job.*, agent.*], lifx: {token: {env: LIFX_ACCESS_TOKEN}, url: {env: "
                 "LIFX_URL}}}\n"
                 "  - {events: [build.*, job.*, agent.*], webhook: {url: {env: HOOK_URL}, secret: {env: "
                 "KEY}}}\n")
        config = kitehook.config(rules, LIFX_ACCESS_TOKEN=TOKEN, LIFX_URL=api.url, HOOK_URL=catcher.url(HOOK),
                                 KEY=KEY)
        cases = fixtures("^(hostile_|lone_|branch_|nul_)")
        report.check("there are hostile fixtures", len(cases) >= 8, len(cases))
        for case in cases:
            kitehook.send(config, case.folder)
        names = {tuple(sorted(name.lower() for name, _ in call.headers)) for call in api.calls}
        targets = {(call.method, call.target) for call in api.calls}
        looks = {call.body for call in api.calls}
        report.check("lifx: hostile texts change no request",
                     len(api.calls) == len(cases) and len(names) == 1 and
                     targets == {("POST", "/v1/lights/all/effects/breathe")} and len(looks) <= 8,
                     (len(api.calls), targets, names))
        report.check("webhook: all hostile ones are sent", len(catcher.caught) == len(cases),
                     len(catcher.caught))
        for case, caught in zip(cases, catcher.caught):
            headers = headers_of(caught)
            report.check(f"webhook: {case.name} is signed",
                         headers["webhook-signature"] == signature_of(headers, caught.body), headers)
            report.check(f"webhook: {case.name} has no header more", len(headers) == 8, headers)


# ---- receiver and worker

def test_nothing_secret_stays(kitehook, report):
    """A webhook through receiver, inbox, outbox and worker: on the disk there is no token, key or URL."""
    with LifxApi(TOKEN, lamps()) as api, Catcher(lambda path, body: 500) as catcher:
        rules = ("  - lifx: {token: {env: LIFX_ACCESS_TOKEN}, url: {env: LIFX_URL}}\n"
                 "  - webhook: {url: {env: HOOK_URL}, secret: {env: KEY}}\n")
        top = "state: state\nworker: service\nlog: receiver.log\n"
        config = kitehook.config(rules, top, LIFX_ACCESS_TOKEN=TOKEN, LIFX_URL=api.url,
                                 HOOK_URL=catcher.url(HOOK), KEY=KEY)
        body = webhook(77)
        answer, _, _ = run_cgi(kitehook.build / "kitehook.cgi",
                               cgi_variables(config, "POST", "/buildkite", post_headers(body, "req-77"),
                                             len(body)), body)
        report.check("the receiver keeps it", answer.status == 200 and answer.json["kept"], answer)
        done = kitehook.run("worker", "--once", "--config", config)
        report.check("the worker passes, and one is left to try again", done.returncode == 4, done)
        report.check("the lamp is told, the webhook tried", (len(api.calls), len(catcher.caught)) == (1, 1),
                     (len(api.calls), len(catcher.caught)))
        files = [path for path in (kitehook.folder / "state").rglob("*") if path.is_file()]
        kept = b"".join(path.read_bytes() for path in files)
        report.check("the delivery that failed is owed", b"webhook env:HOOK_URL env:KEY" in kept, files)
        key = base64.b64decode(KEY.removeprefix("whsec_"))
        for secret in (TOKEN.encode(), KEY.encode(), key, HOOK.encode(), b"Bearer", b"v1,"):
            report.check(f"no {secret[:8]}… on the disk", secret not in kept)
        kitehook.said += kept.decode("latin-1")


def main():
    chosen = arguments(__doc__.split("\n", maxsplit=1)[0])
    report = Report(chosen.verbose)
    npm = chosen.build / "standardwebhooks"
    with Workspace(chosen.keep) as folder:
        kitehook = Kitehook(chosen.build, pathlib.Path(folder), report)
        tests = {
            "golden": lambda: test_golden_bodies(report),
            "webhook": lambda: test_webhook(kitehook, report, npm),
            "outcomes": lambda: test_webhook_outcomes(kitehook, report),
            "lamps": lambda: test_lamps_of_the_examples(kitehook, report),
            "requests": lambda: test_lifx_requests(kitehook, report),
            "answers": lambda: test_lifx_answers(kitehook, report),
            "hostile": lambda: test_hostile_texts(kitehook, report),
            "secrets": lambda: test_nothing_secret_stays(kitehook, report),
        }
        for name, test in tests.items():
            if re.search(chosen.only, name):
                test()
        for secret in (TOKEN, "planted-other-token", KEY, KEY.removeprefix("whsec_"), HOOK, "planted-answer"):
            report.check(f"{secret[:8]}… was never said", secret not in kitehook.said)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
