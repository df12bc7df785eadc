#!/usr/bin/env python3
"""The Lambda function behind a strict Runtime API: every fixture through every event source, and what only a
function does.

matrix   every fixture of events/ through each source: the answer and the log line of kitehook.cgi, and the
         same notifications
wire     what a gateway can carry of fixtures/wire: each case states what comes of it
alone    deliveries that fail or hang, events that are no request, starts that fail, levels of log lines
"""
import json
import pathlib
import re
import subprocess
import sys
import time

import common
import emf_test
import wire_test
from catcher import Catcher
from github_api import GitHub
from github_run import body_of
from logs import Logs, by_request
from matrix_test import OF_ANSWER, OWN, Direct, check_answer, check_handled, check_line, check_messages, told
from runtime_api import Api, Bootstrap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lambda_envelopes  # noqa: E402

OWN_HERE = OWN | {"requestId"}


class Function:
    """One bootstrap with its Runtime API and its config."""

    def __init__(self, folder, build, config, **environment):
        self.folder, self.api = folder, Api()
        self.bootstrap = Bootstrap(self.api, [build / "bootstrap"], folder / "output.jsonl",
                                   KITEHOOK_CONFIG=str(config), LAMBDA_TASK_ROOT=str(folder), **environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bootstrap.close()
        self.api.close()

    def call(self, payload, **more):
        """What the platform made of it, and the body."""
        event = self.api.submit(payload, **more)
        return event.wait(), event

    def answer(self, payload, **more):
        """The HTTP answer that a gateway would give."""
        kind, event = self.call(payload, **more)
        if kind != "response":
            return common.Answer(0, (), b"%s: %s" % (kind.encode(), event.body[:500]))
        said = json.loads(event.body)
        headers = (said.get("headers") or
                   {name: values[0] for name, values in said.get("multiValueHeaders", {}).items()})
        return common.Answer(said["statusCode"], tuple(headers.items()), said.get("body", "").encode())

    def lines(self):
        """Log lines; `metrics` has the others, which are written behind the answer."""
        has_ended = lambda: self.bootstrap.process.poll() is not None
        common.wait_until(lambda: self.api.is_waiting() or has_ended(), 5)
        said = [json.loads(line) for line in self.bootstrap.lines()]
        self.metrics = [line for line in said if "_aws" in line]
        return [line for line in said if "_aws" not in line]


def check_clean(report, name, function, logs):
    """The function still runs, did nothing that the Runtime API forbids, and wrote nothing but log lines."""
    common.wait_until(function.api.is_waiting, 5)  # metrics are written behind the answer
    report.check(f"{name}: it still runs", function.bootstrap.process.poll() is None,
                 function.bootstrap.process.returncode)
    report.check(f"{name}: the Runtime API was used as it should be", not function.api.problems,
                 function.api.problems[:5])
    report.check(f"{name}: one connection", function.api.connections == 1, function.api.connections)
    lines = logs.add_objects(function.lines(), name)
    check_metrics(report, name, function.metrics, lines)
    return lines


def check_metrics(report, name, metrics, lines):
    """As many as the log lines tell of, each as CloudWatch takes it."""
    wrong = []
    for metric in metrics:
        try:
            emf_test.check_format(json.dumps(metric))
        except emf_test.Wrong as error:
            wrong.append((str(error), metric))
    report.check(f"{name}: the metrics are as CloudWatch takes them", not wrong, wrong[:3])
    for member, message in (("webhooks", "webhook received"), ("deliveries", "delivery attempt")):
        counted, told = (sum(metric.get(member, 0) for metric in metrics),
                         sum(line["message"] == message for line in lines))
        report.check(f"{name}: {member} are counted", counted == told or name == "level",
                     f"{counted} counted, {told} told")


class FromSource:
    """A way in, as matrix_test has them."""
    transport = "lambda"

    def __init__(self, source, variant, catcher):
        self.source, self.variant, self.catcher = source, variant, catcher
        self.name, self.path = f"lambda-{source}-{variant}", f"/{source}-{variant}"
        self.answers, self.lines_of = {}, {}

    def pass_through(self, report, logs, cases, signed, folder, build):
        folder.mkdir()
        config = common.write_config(folder, build, catcher=self.catcher.url(self.path))
        with Function(folder, build, config) as function:
            for fixture in cases:
                payload = lambda_envelopes.envelope(self.source, "POST", signed[fixture.name], fixture.body,
                                                    self.variant)
                self.answers[fixture.name] = function.answer(payload)
            self.sent = check_messages(report, self, cases, self.catcher)
            lines = check_clean(report, self.name, function, logs)
        self.lines_of = by_request(lines, "webhook received")
        handled = by_request(lines, "webhook handled")
        for fixture in cases:
            check_answer(report, self, fixture)
            check_line(report, self, fixture, self.lines_of.get(fixture.request_id, []))
            check_handled(report, self, fixture, handled.get(fixture.request_id, []))
        report.check(f"{self.name}: each line has the invocation's id",
                     all(line.get("requestId") for line in lines), "")


def check_matrix(report, logs, chosen, folder, catcher):
    cases = common.fixtures(chosen.cases)
    now = int(time.time())
    signed = {fixture.name: fixture.signed(now) for fixture in cases}
    cgi = Direct("cgi-direct", folder / "cgi-direct", chosen.build, catcher)
    for fixture in cases:
        cgi.answers[fixture.name] = cgi.send(fixture, signed[fixture.name])
    cgi_lines = by_request(cgi.collect(Logs(report)), "webhook received")
    messages = check_messages(report, cgi, cases, catcher)
    for number, source in enumerate(lambda_envelopes.SOURCES):
        way = FromSource(source, ("plain", "base64", "escaped")[number % 3], catcher)
        way.pass_through(report, logs, cases, signed, folder / way.name, chosen.build)
        report.check(f"{way.name}: the messages of the CGI", told(way.sent, False) == told(messages, False),
                     "they differ")
        for fixture in cases:
            ours, theirs = (
                {key: value for key, value in (w.answers[fixture.name].json or {}).items()
                 if key not in OF_ANSWER}
                            for w in (cgi, way))
            report.check(f"{way.name} {fixture.name}: the answer of the CGI", ours == theirs,
                         f"{ours} {theirs}")
            ours, theirs = ([{key: value for key, value in line.items() if key not in OWN_HERE}
                             for line in lines.get(fixture.request_id, [])]
                            for lines in (cgi_lines, way.lines_of))
            report.check(f"{way.name} {fixture.name}: the line of the CGI", ours == theirs,
                         f"{ours} {theirs}")


def without_inbox(case):
    """Where nothing is kept, no answer can say so."""
    expect = {**case.expected("lambda")}
    if isinstance(expect.get("answer"), dict):
        expect["answer"] = {key: value for key, value in expect["answer"].items() if key not in OF_ANSWER}
    case.expect = {"all": expect}
    return case


def check_wire(report, logs, chosen, folder):
    cases = [wire_test.Case(path) for path in sorted((common.FIXTURES / "wire").iterdir())
             if path.is_dir() and re.search(chosen.cases, path.name)]
    for accepts, text in wire_test.ACCEPTS.items():
        here = folder / f"wire-{accepts}"
        here.mkdir()
        config = common.write_config(here, chosen.build, "wire.yml", ACCEPTS=text)
        (here / "webhook-token").write_text(wire_test.TOKEN, encoding="utf-8")
        with Function(here, chosen.build, config) as function:
            for case in cases:
                if case.accepts != accepts or "skip" in case.expected("lambda"):
                    continue
                seen = len(function.lines())
                headers = case.headers()
                payload = lambda_envelopes.envelope("http_api_v1", case.send.get("method", "POST"), headers,
                                                    case.body, "base64")
                answer = function.answer(payload)
                lines = [line for line in function.lines()[seen:] if line["message"] == "webhook received"]
                wire_test.check(report, "lambda", without_inbox(case), answer, lines)
            check_clean(report, f"wire-{accepts}", function, logs)


def signed_event(source="function_url", body=None, path="/", secret=common.SECRET, name="build.finished",
                 **event):
    body = body or common.webhook(1)
    now = int(time.time())
    headers = [("Content-Type", "application/json"), ("X-Buildkite-Event", name),
               ("X-Buildkite-Signature",
                common.signature_header(now, common.sign_quickly(secret, now, body)))]
    return lambda_envelopes.envelope(source, "POST", headers, body, "plain")


def rules(*urls):
    """`notify:` with one Slack rule for each URL."""
    return ("notify:\n" +
            "".join(f"  - name: rule-{n}\n    slack: {{url: {{env: URL_{n}}}}}\n    events: build.finished\n"
                    for n, _ in enumerate(urls, 1)), {f"URL_{n}": url for n, url in enumerate(urls, 1)})


def write(folder, notify):
    folder.mkdir()
    secret = folder / "webhook-secret"
    secret.write_bytes(common.SECRET)
    secret.chmod(0o600)
    (folder / "kitehook.yml").write_text("webhook: {signature: {file: webhook-secret}}\n" + notify,
                                         encoding="utf-8")
    return folder / "kitehook.yml"


def script(path, _):
    """What the catcher says to whom."""
    if path == "/slow":
        time.sleep(10)
    return 500 if path == "/broken" else 200


def check_deliveries(report, logs, chosen, folder, catcher):
    """An answer waits for its notifications: one that fails is told, and the others go out all the same."""
    notify, environment = rules(catcher.url("/fine"), catcher.url("/broken"), catcher.url("/fine-too"))
    here = folder / "deliveries"
    with Function(here, chosen.build, write(here, notify), **environment) as function:
        answer = function.answer(signed_event())
        report.check("a delivery that fails: 502 that names rule and notifier", answer.status == 502 and
                     answer.json.get("error") == "delivery_failed" and
                     answer.json.get("detail") == "rule-2 (slack): HTTP 500", answer)
        report.check("the others are delivered",
                     len(catcher.at("/fine")) == 1 and len(catcher.at("/fine-too")) == 1, "")
        function.answer(signed_event())
        ids = [line["delivery"] for line in function.lines() if line["message"] == "delivery attempt"]
        report.check("sent again it is the same delivery",
                     len(ids) == 6 and sorted(ids[:3]) == sorted(ids[3:]), ids)
        check_clean(report, "deliveries", function, logs)

    notify, environment = rules(catcher.url("/slow"), catcher.url("/fine-3"))
    here = folder / "slow"
    with Function(here, chosen.build, write(here, notify), **environment) as function:
        start = time.monotonic()
        answer = function.answer(signed_event(), timeout_s=2.0)
        took = time.monotonic() - start
        report.check("a destination that hangs stops no other", len(catcher.at("/fine-3")) == 1, "")
        report.check("a destination that hangs: 502 before the deadline",
                     answer.status == 502 and took < 2.0 and
                     answer.json.get("detail", "").startswith("rule-1 (slack): "), f"{took:.2f} s {answer}")
        answer = function.answer(signed_event(), deadline_ms=5000)
        report.check("a deadline in 1970 is clamped", answer.status == 502, answer)
        check_clean(report, "slow", function, logs)


def check_events(report, logs, chosen, folder):
    """What is no HTTP request is an error that says what it looked like; what is one and not signed is
    refused like any."""
    here = folder / "events"
    with Function(here, chosen.build, write(here, "")) as function:
        for payload, word in ((b'{"Records":[{"eventSource":"aws:sqs","body":"x"}]}', "sqs"),
                              (b'{"a":1}', ""), (b"[]", ""), (b"", ""),
                              (b'{"detail-type":"x","source":"aws.events"}', "")):
            kind, event = function.call(payload)
            report.check(f"no request {payload[:20]}: an error",
                         kind == "error" and word in event.body.decode().lower(), (kind, event.body))
            last = function.lines()[-1]
            report.check(f"no request {payload[:20]}: a line",
                         last["message"] == "event refused" and last["requestId"] == event.request_id, last)
        unsigned = json.dumps(
            {"method": "POST", "headers": {"content-type": "application/json"}, "body": "{}"}).encode()
        report.check("a direct invoke without a signature", function.answer(unsigned).status == 401, "")
        cut = json.dumps(
            {"method": "POST", "headers": {"content-type": "application/json"}, "body": "@",
             "isBase64Encoded": True}).encode()
        report.check("a body that is no base64",
                     function.answer(cut).status == 400 and
                     "base64" in function.lines()[-1].get("detail", ""), function.lines()[-1])
        report.check("a signed direct invoke", function.answer(signed_event("direct")).status == 200, "")
        health = json.dumps(
            {"requestContext": {"elb": lambda_envelopes.ELB}, "httpMethod": "GET", "path": "/", "headers":
             {"user-agent": "ELB-HealthChecker/2.0"}, "body": "", "isBase64Encoded": False}).encode()
        answer = function.answer(health)
        report.check("a load balancer's health check", answer.status == 200 and b"kitehook" in answer.body,
                     answer)
        check_clean(report, "events", function, logs)


def golden_events(source):
    """One event for each kind of answer."""
    body, now = common.webhook(1), time.time()
    post = common.post_headers(body, "golden-1", now=now)
    forged = common.post_headers(body, "golden-2", secret=b"another secret", now=now)
    cut = common.post_headers(body[:-1], "golden-3", now=now)
    return {"accepted": lambda_envelopes.envelope(source, "POST", post, body),
            "unauthorized": lambda_envelopes.envelope(source, "POST", forged, body),
            "json_syntax": lambda_envelopes.envelope(source, "POST", cut, body[:-1]),
            "get": lambda_envelopes.envelope(source, "GET", [], b""),
            "head": lambda_envelopes.envelope(source, "HEAD", [], b""),
            "method": lambda_envelopes.envelope(source, "PUT", post, body)}


def check_golden(report, logs, chosen, folder):
    """The whole answer in each source's form; tests/types/check holds the same file against the types of
    AWS."""
    golden = json.loads((common.FIXTURES / "lambda-answers.json").read_text(encoding="utf-8"))
    here = folder / "golden"
    with Function(here, chosen.build, write(here, "")) as function:
        for source in lambda_envelopes.SOURCES:
            for name, payload in golden_events(source).items():
                kind, event = function.call(payload)
                said = json.loads(event.body) if kind == "response" else kind
                report.check(f"golden {source} {name}", said == golden[source][name], said)
        check_clean(report, "golden", function, logs)


def check_starts(report, logs, chosen, folder):
    here = folder / "broken"
    with Function(here, chosen.build, write(here, "notify: 3\n")) as function:
        status = function.bootstrap.exit_status()
        error = json.loads(function.api.init_error.body) if function.api.init_error else {}
        report.check("a broken config is an init error with its place",
                     status == 1 and error.get("errorType") == "Function.BadConfig" and
                     "kitehook.yml:2:" in error.get("errorMessage", ""), (status, error))
        lines = logs.add_objects(function.lines(), "broken")
        report.check("a broken config is logged",
                     [line["message"] for line in lines if line["level"] == "ERROR"] == ["config broken"],
                     lines)
    here = folder / "level"
    with Function(here, chosen.build, write(here, ""), AWS_LAMBDA_LOG_LEVEL="WARN") as function:
        function.answer(signed_event())
        function.answer(signed_event(secret=b"another secret"))
        lines = check_clean(report, "level", function, logs)
        report.check("AWS_LAMBDA_LOG_LEVEL is obeyed", [line["level"] for line in lines] == ["WARN"], lines)


def check_runs_go_on(report, logs, chosen, folder):
    """A function remembers nothing: it looks for the run, and goes on with it."""
    here = folder / "checks"
    config = write(here, "services: {github: {app: 123456, installation: 7, private_key: {file: app.pem}, "
                         "url: {env: URL}}}\nnotify:\n  - github_check: {}\n    events: build.*\n")
    subprocess.run(["openssl", "genrsa", "-out", str(here / "app.pem"), "2048"], capture_output=True,
                   check=True)
    with Catcher(GitHub()) as github, \
            Function(here, chosen.build, config, URL=github.url("")) as function:
        for state, name in (("running", "build.running"), ("failing", "build.failing"),
                            ("failed", "build.finished")):
            answer = function.answer(signed_event(body=body_of(7, state=state, event=name), name=name))
            report.check(f"checks, {state}: 200", answer.status == 200, answer)
        report.check("one run goes on", github.script.told() == [
            ("Kite Frame", ["in_progress", "failure", "failure"])], github.script.told())
        report.check("each looks first; one token for all", github.script.calls == [
            "GET", "POST", "GET", "PATCH", "GET", "PATCH"] and github.script.grants == 1,
                     github.script.calls)
        check_clean(report, "checks", function, logs)


def run():
    chosen = common.arguments(__doc__, cases="")
    report = common.Report(chosen.verbose)
    logs = Logs(report)
    with common.Workspace(chosen.keep) as folder, Catcher(script) as catcher:
        if re.search(chosen.only, "matrix"):
            check_matrix(report, logs, chosen, folder, catcher)
        if re.search(chosen.only, "wire"):
            check_wire(report, logs, chosen, folder)
        if re.search(chosen.only, "alone"):
            check_deliveries(report, logs, chosen, folder, catcher)
            check_runs_go_on(report, logs, chosen, folder)
            check_events(report, logs, chosen, folder)
            check_golden(report, logs, chosen, folder)
            check_starts(report, logs, chosen, folder)
        logs.settle()
    return report.close()


if __name__ == "__main__":
    common.main(run)
