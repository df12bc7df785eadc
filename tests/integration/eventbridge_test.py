#!/usr/bin/env python3
"""Buildkite's events from EventBridge: on a Lambda function, and by hand.

twins      every webhook of fixtures/events as the event that tells the same, through `invoke`: the log lines
           and the notifications of a webhook that tells no more than the event, and the values of all names
function   fixtures/eventbridge as invocations: what counts is told, what does not is an error that says why,
           and a delivery that fails is one too, which Lambda's second try mends
by hand    `invoke`, `explain`, `send` and `check`
"""
import json
import pathlib
import re
import subprocess
import sys

import common
from catcher import Catcher
from lambda_test import Function
from logs import Logs

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import partner_events  # noqa: E402

SOURCES = ("sources:\n  eventbridge:\n"
           f"    source: {partner_events.SOURCE}\n    account: \"{partner_events.ACCOUNT}\"\n")
WEBHOOK = f"webhook:\n  signature:\n    file: {common.FIXTURES / 'webhook-secret'}\n"
# Those that an event can tell, and some that it cannot.
NAMES = """event build.id build.number build.state build.blocked build.blocked_state build.branch build.commit
  build.message build.source build.started_at build.finished_at build.duration build.url build.tag
  build.author.name build.creator.name build.pull_request.id pipeline.id pipeline.slug pipeline.name
  pipeline.repository pipeline.default_branch organization.slug organization.id sender.name job.id job.type
  job.name job.step_key job.state job.command job.signal_reason job.broken_reason job.exit_status
  job.soft_failed job.agent.name job.started_at job.finished_at job.duration job.promised_exit_status
  job.promised_exit_status_reason agent.id agent.name agent.hostname agent.ip_address agent.version
  agent.queue agent.connection_state agent.priority blocked_ip cluster_token.id
  cluster_token.description""".split()
EVENTS = "[build.*, job.*, agent.*, cluster_token.*]"
# What a proof says, what is of the request, and what is new each time.
OF_PROOF = {"transport", "request_id", "proof", "secret_name", "signature_age_s", "bytes", "duration_us",
            "entry", "requestId", "timestamp"}
KEY = "whsec_a2l0ZXMgYXJlIGZsb3duIGluIGF1dHVtbiBtb3N0bHk="
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "A_URL": "http://127.0.0.1:9/hook", "A_TOPIC": "kites-of-acme-4711",
               "A_SECRET": KEY}
HOOK = "{url: {env: %s}, secret: {env: A_SECRET}}"


def notify(known):
    told = " ".join(f"{name}={{{{{name}}}}}" for name in known)
    return ("notify:\n"
            f"  - {{name: slack, slack: {{url: {{env: A_URL}}}}, events: {EVENTS}}}\n"
            f"  - {{name: webhook, webhook: {HOOK % 'A_URL'}, events: {EVENTS}}}\n"
            f"  - {{name: ntfy, ntfy: {{topic: {{env: A_TOPIC}}}}, events: {EVENTS}}}\n"
            f"  - {{name: log, log: {{}}, events: {EVENTS}}}\n"
            f"  - name: names\n    log: {{message: '{told}'}}\n    events: {EVENTS}\n"
            "  - name: red\n    log: {}\n    events: build.finished\n    if: build.state == \"failed\"\n"
            "  - name: blocked\n    log: {}\n    events: build.finished\n    if: build.blocked\n"
            f"  - name: failed-step\n    log: {{}}\n    events: job.finished\n"
            "    if: step.outcome == \"hard_failed\"\n")


class Kitehook:
    def __init__(self, build, folder):
        self.program, self.folder = build / "kitehook", folder

    def run(self, *words, text=None, **environment):
        return subprocess.run([str(self.program), *map(str, words)], cwd=self.folder, input=text,
                              stdin=None if text is not None else subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False, env={**ENVIRONMENT, **environment})

    def config(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


def without(line, left_out):
    return {key: value for key, value in line.items() if key not in left_out}


def outcome(kitehook, config, text):
    done = kitehook.run("invoke", "--config", config, "--json", "--now", "1760000182", "-", text=text)
    said = json.loads(done.stdout) if done.stdout else {}
    return (done.returncode,
            [without(line, OF_PROOF) for line in said.get("log", [])],
            [without(made, {"id"}) for made in said.get("deliveries", [])], done.stderr)


def first_apart(ours, theirs):
    """Where two lists of deliveries differ."""
    return next(((one, other) for one, other in zip(ours, theirs) if one != other),
                (len(ours), len(theirs)))


def test_twins(kitehook, report):
    config = kitehook.config("names.yml", WEBHOOK + SOURCES + notify(NAMES))
    done = kitehook.run("check", "--lambda", "--config", config)
    report.check("the names are known", done.returncode == 0, done)
    twins = 0
    for fixture in common.fixtures():
        try:
            body = json.loads(fixture.body)
        except ValueError:
            continue
        if not isinstance(body, dict) or not partner_events.has_twin(body):
            continue
        twins += 1
        ours = outcome(kitehook, config, json.dumps(partner_events.partner(body)))
        theirs = outcome(kitehook, config, json.dumps(partner_events.cut(body)))
        report.check(f"{fixture.name}: accepted", ours[0] == theirs[0] == 0, (ours[3], theirs[3]))
        report.check(f"{fixture.name}: the log lines of its twin", ours[1] == theirs[1] and len(ours[1]) > 1,
                     f"{ours[1]}\n{theirs[1]}")
        report.check(f"{fixture.name}: the notifications of its twin",
                     ours[2] == theirs[2] and len(ours[2]) > 2, first_apart(ours[2], theirs[2]))
        report.check(f"{fixture.name}: no secret", "planted-secret" not in json.dumps(ours[2]), ours[2])
    report.check("there are twins", twins > 50, twins)


def cases():
    for folder in sorted((common.FIXTURES / "eventbridge").iterdir()):
        yield (folder, (folder / "event.json").read_bytes(),
               json.loads((folder / "expect.json").read_text(encoding="utf-8")))


def wanted_line(expect):
    """Of the line of a webhook what an event has of it too."""
    twin = expect.get("twin")
    log = (json.loads((common.FIXTURES / "events" / twin / "expect.json").read_text(encoding="utf-8"))["log"]
           if twin else expect["log"])
    return without(log, OF_PROOF | {"level", "verdict", "status"})


LOOKED_AT = ("event", "organization", "pipeline", "build_number", "branch", "state", "job", "agent")


def check_one(report, function, folder, payload, expect):
    seen = len(function.lines())
    kind, event = function.call(payload)
    lines = function.lines()[seen:]
    name = folder.name
    if "error" in expect:
        said = json.loads(event.body)
        report.check(f"{name}: an error of the invocation",
                     kind == "error" and said["errorType"] == "Function.EventRefused", (kind, said))
        report.check(f"{name}: one line, with the reason",
                     [(line["message"], line["reason"], line["detail"]) for line in lines]
                     == [("event refused", expect["error"], said["errorMessage"])], lines)
        report.check(f"{name}: no value is told", b"planted" not in event.body, event.body)
        return
    received = [line for line in lines if line["message"] == "webhook received"]
    report.check(f"{name}: counts", kind == "response" and len(received) == 1 and
                 json.loads(event.body)["verdict"] == "accepted", (kind, event.body, lines))
    line = received[0] if received else {}
    told = {key: line[key] for key in LOOKED_AT if key in line}
    report.check(f"{name}: the line", told == wanted_line(expect), f"{told} {wanted_line(expect)}")
    report.check(f"{name}: nothing proves it",
                 line.get("transport") == "eventbridge" and not set(line) & {"proof", "secret_name"}, line)
    report.check(f"{name}: EventBridge's id", line.get("request_id") == json.loads(payload)["id"], line)
    report.check(f"{name}: notified",
                 [one["result"] for one in lines if one["message"] == "delivery attempt"] == ["delivered"],
                 lines)


def test_function(build, report, folder, logs):
    rule = f"notify:\n  - name: all\n    webhook: {HOOK % 'A_URL'}\n    events: {EVENTS}\n"
    with Catcher(lambda path, got: 200) as catcher:
        here = folder / "function"
        here.mkdir()
        config = here / "kitehook.yml"
        config.write_text(WEBHOOK + SOURCES + rule, encoding="utf-8")
        with Function(here, build, config, A_SECRET=KEY,
                      A_URL=catcher.url("/hook")) as function:
            for case in cases():
                check_one(report, function, *case)
            accepted = [case for case in cases() if "error" not in case[2]]
            report.check("each that counts was told", len(catcher.at("/hook")) == len(accepted),
                         len(catcher.at("/hook")))
            logs.add_objects(function.lines(), "function")


def test_hostile(build, report, folder, logs):
    """Read as strictly as a webhook is."""
    good = (common.FIXTURES / "eventbridge/partner_build_failed/event.json").read_text(encoding="utf-8")
    hostile = {
        "a key twice": good.replace('"uuid": ', '"uuid": 1, "uuid": ', 1),
        "a key twice, by an escape": good.replace('"uuid": ', '"\\u0075uid": 1, "uuid": ', 1),
        "the account twice": good.replace('"account"', '"account": "999999999999", "account"', 1),
        "too deep": good.replace('"main"', "[" * 130 + "]" * 130, 1),
        "ten thousand levels": good.replace('"main"', "[" * 10000 + "]" * 10000, 1),
        "a huge number": good.replace('"number": 102', '"number": 1' + "0" * 400, 1),
        "cut": good[:-40],
        "no UTF-8": good.encode().replace(b'"main"', b'"\xff"', 1),
        "a request that says it is from EventBridge": json.dumps(
            {**json.loads(good), "requestContext": {"elb": {}}, "httpMethod": "POST",
             "headers": {"content-type": "application/json"}, "body": "{}"}),
    }
    here = folder / "hostile"
    here.mkdir()
    config = here / "kitehook.yml"
    config.write_text(WEBHOOK + SOURCES, encoding="utf-8")
    with Function(here, build, config) as function:
        for name, payload in hostile.items():
            kind, event = function.call(payload if isinstance(payload, bytes) else payload.encode())
            is_request = name.startswith("a request")
            report.check(f"hostile: {name}",
                         kind == "response" and json.loads(event.body)["statusCode"] == 401 if is_request
                         else kind == "error", (kind, event.body))
        odd = good.replace('"number": 102', '"number": 1e400', 1)
        report.check("hostile: a number beyond all", function.call(odd.encode())[0] == "error", "")
        report.check("hostile: it goes on", function.call(good.encode())[0] == "response", "")
        logs.add_objects(function.lines(), "hostile")


def test_without_sources(build, report, folder):
    here = folder / "without"
    here.mkdir()
    config = here / "kitehook.yml"
    config.write_text(WEBHOOK, encoding="utf-8")
    payload = (common.FIXTURES / "eventbridge/partner_build_failed/event.json").read_bytes()
    with Function(here, build, config) as function:
        kind, event = function.call(payload)
        report.check("without `sources` it is refused, and says what to write",
                     kind == "error" and b"sources: {eventbridge:" in event.body, event.body)


def test_tries(build, report, folder, logs):
    """Lambda itself makes an invocation again that failed, twice, with the same payload."""
    payload = (common.FIXTURES / "eventbridge/partner_build_failed/event.json").read_bytes()
    rule = "".join(f"  - name: rule-{n}\n    webhook: {HOOK % f'URL_{n}'}\n    events: build.finished\n"
                   for n in (1, 2))
    answers = {"/one": [200, 200], "/two": [500, 200]}
    with Catcher(lambda path, got: answers[path].pop(0)) as catcher:
        here = folder / "tries"
        here.mkdir()
        config = here / "kitehook.yml"
        config.write_text(WEBHOOK + SOURCES + "notify:\n" + rule, encoding="utf-8")
        with Function(here, build, config, A_SECRET=KEY, URL_1=catcher.url("/one"),
                      URL_2=catcher.url("/two")) as function:
            kind, event = function.call(payload)
            said = json.loads(event.body)
            report.check("a delivery that fails is an error of the invocation",
                         kind == "error" and said["errorType"] == "Function.DeliveryFailed" and
                         said["errorMessage"] == "rule-2 (webhook): HTTP 500", (kind, said))
            lines = function.lines()
            received = [line for line in lines if line["message"] == "webhook received"]
            report.check("one line says so",
                         [(line["verdict"], line["reason"]) for line in received]
                         == [("refused", "delivery_failed")] and
                         not any(line["message"] == "event refused" for line in lines), lines)
            kind, event = function.call(payload)
            report.check("the second try mends it", kind == "response", (kind, event.body))
            attempts = [line for line in function.lines() if line["message"] == "delivery attempt"]
            ids = sorted(line["delivery"] for line in attempts)
            report.check("both tries make the same deliveries",
                         len(ids) == 4 and ids[0] == ids[1] and ids[2] == ids[3], ids)
            logs.add_objects(function.lines(), "tries")


def test_by_hand(kitehook, report):
    config = common.FIXTURES / "eventbridge.yml"
    more = {"SLACK_WEBHOOK_URL": "http://127.0.0.1:9/slack"}
    failed = common.FIXTURES / "eventbridge" / "partner_build_failed"
    for what in (failed, "partner_build_failed", failed / "event.json"):
        done = kitehook.run("invoke", "--config", config, "--json", what, **more)
        report.check(f"invoke {pathlib.Path(what).name}",
                     done.returncode == 0 and json.loads(done.stdout)["log"][0]["state"] == "failed" and
                     len(json.loads(done.stdout)["deliveries"]) == 2, done)
        done = kitehook.run("explain", "--config", config, "--json", what, **more)
        report.check(f"explain {pathlib.Path(what).name}",
                     done.returncode == 0 and
                     [rule["matches"] for rule in json.loads(done.stdout)["rules"]] == [True, True], done)
    for folder, _, expect in cases():
        done = kitehook.run("invoke", "--config", config, "--json", folder, **more)
        said = json.loads(done.stdout)
        want = expect.get("error")
        report.check(f"invoke {folder.name}",
                     (done.returncode, said["log"][0].get("reason")) == (1 if want else 0, want), done)
    done = kitehook.run("invoke", "--config", config, "--sign", "partner_refused_source", **more)
    report.check("invoke --sign takes any source", done.returncode == 0, done)
    done = kitehook.run("invoke", "--config", config, "partner_refused_source", **more)
    report.check("invoke says what --sign would do", "--sign takes it" in done.stdout, done)
    done = kitehook.run("invoke", "--config", common.FIXTURES / "kitehook.yml", "partner_build_failed")
    report.check("invoke where no source is named", done.returncode == 1 and "sources:" in done.stdout, done)
    done = kitehook.run("explain", "--config", config, "partner_refused_type", **more)
    report.check("explain of what no webhook tells", done.returncode == 2 and "partner_type" in done.stderr,
                 done)
    done = kitehook.run("send", "--config", common.FIXTURES / "kitehook.yml", "http://127.0.0.1:9/",
                        "partner_build_failed")
    report.check("send takes none", done.returncode == 2 and "EventBridge" in done.stderr, done)
    done = kitehook.run("invoke", "--config", config, "partner_build_faild", **more)
    report.check("nearly a name", "did you mean 'partner_build_failed'" in done.stderr, done)


def test_check(kitehook, report):
    good = kitehook.config("good.yml", WEBHOOK + SOURCES)
    done = kitehook.run("check", "--lambda", "--config", good)
    report.check("check --lambda tells who is let in",
                 done.returncode == 0 and partner_events.SOURCE in done.stdout, done)
    done = kitehook.run("check", "--config", good)
    report.check("check says that only Lambda has them",
                 done.returncode == 0 and "good.yml:4:1: warning: sources: only a Lambda" in done.stderr +
                 done.stdout, done)
    source, account = f"source: {partner_events.SOURCE}", f"account: \"{partner_events.ACCOUNT}\""
    for name, text, line, word in (
            ("a list", "sources: [eventbridge]\n", 4, "mapping"),
            ("nothing", "sources: {}\n", 4, "mapping"),
            ("another", "sources: {sqs: {}}\n", 4, "sqs"),
            ("text", "sources: {eventbridge: text}\n", 4, "mapping"),
            ("no account", f"sources: {{eventbridge: {{{source}}}}}\n", 4, "twelve digits"),
            ("no source", f"sources: {{eventbridge: {{{account}}}}}\n", 4, "Partner Event Source Name"),
            ("a short account", f"sources:\n  eventbridge:\n    {source}\n    account: 12345\n", 7, "twelve"),
            ("letters", f"sources:\n  eventbridge:\n    {source}\n    account: 11112222333a\n", 7, "twelve"),
            ("AWS's own", f"sources:\n  eventbridge:\n    source: aws.s3\n    {account}\n", 6, "Partner"),
            ("another partner", "sources:\n  eventbridge:\n    source: aws.partner/example.com/a/b\n"
                                f"    {account}\n", 6, "Partner"),
            ("the prefix alone", "sources:\n  eventbridge:\n    source: aws.partner/buildkite.com/\n"
                                 f"    {account}\n", 6, "Partner"),
            ("too long", f"sources:\n  eventbridge:\n    source: aws.partner/buildkite.com/{'a' * 231}\n"
                         f"    {account}\n", 6, "Partner"),
            ("a pattern", "sources:\n  eventbridge:\n    source: aws.partner/buildkite.com/*\n"
                          f"    {account}\n", 6, "Partner"),
            ("another key", f"sources:\n  eventbridge:\n    {source}\n    {account}\n    region: eu\n", 8,
             "region")):
        done = kitehook.run("check", "--lambda", "--json", "--config", kitehook.config("bad.yml",
                                                                                       WEBHOOK + text))
        found = [(one["line"], one["message"]) for one in json.loads(done.stdout)["mistakes"]
                 if one["severity"] == "error"]
        report.check(f"check: {name}", done.returncode == 1 and
                     any(place == line and word in said for place, said in found), found)
    done = kitehook.run("check", "--receiver", "--config", kitehook.config("bad.yml",
                                                                           WEBHOOK + "sources: {}\n"))
    report.check("a receiver does not look at them", done.returncode == 0, done)
    unquoted = SOURCES.replace('"', "")
    report.check("an account without quotes",
                 kitehook.run("check", "--lambda", "--config",
                              kitehook.config("bare.yml", WEBHOOK + unquoted)).returncode == 0, "")
    long = partner_events.SOURCE.replace("0106", "a" * 200)[:256]
    report.check("256 characters are the most",
                 kitehook.run("check", "--lambda", "--config", kitehook.config(
                     "long.yml", WEBHOOK + SOURCES.replace(partner_events.SOURCE, long))).returncode == 0, "")


def test_fixtures(report):
    """fixtures/eventbridge is what the generator makes."""
    with common.Workspace() as folder:
        partner_events.main(folder)
        made = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.json")}
    kept = {path.relative_to(common.FIXTURES / "eventbridge"): path.read_bytes()
            for path in (common.FIXTURES / "eventbridge").rglob("*.json")}
    report.check("fixtures/eventbridge is what tests/support/partner_events.py makes", made == kept,
                 sorted(map(str, {path for path in made.keys() | kept.keys()
                                  if made.get(path) != kept.get(path)})))


def main():
    chosen = common.arguments(__doc__.split("\n", maxsplit=1)[0])
    report = common.Report(chosen.verbose)
    logs = Logs(report)
    with common.Workspace(chosen.keep) as folder:
        kitehook = Kitehook(chosen.build, folder)
        for name, test, given in (
                ("fixtures", test_fixtures, (report,)), ("twins", test_twins, (kitehook, report)),
                ("function", test_function, (chosen.build, report, folder, logs)),
                ("hostile", test_hostile, (chosen.build, report, folder, logs)),
                ("without", test_without_sources, (chosen.build, report, folder)),
                ("tries", test_tries, (chosen.build, report, folder, logs)),
                ("hand", test_by_hand, (kitehook, report)), ("check", test_check, (kitehook, report))):
            if re.search(chosen.only, name):
                test(*given)
        if logs.lines:
            logs.settle()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
