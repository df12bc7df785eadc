#!/usr/bin/env python3
"""emf_test LAMBDA_METRICS_TEST: every line of embedded metrics is one that CloudWatch takes, and is true.

The Check program writes its lines to a file. They are held against the rules of the "Specification: Embedded
metric format" of the CloudWatch user guide, against the closed sets of docs/lambda.md, and, for the fixtures,
against times worked out here. Then each rule is broken once, and must be noticed.
"""
import copy
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile

from common import ROOT, Report, fixtures

UNITS = {"Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes",
         "Terabytes", "Bits",
         "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second",
         "Kilobytes/Second",
         "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second", "Bits/Second", "Kilobits/Second",
         "Megabits/Second", "Gigabits/Second", "Terabits/Second", "Count/Second", "None"}
TOKENS = set(
    re.findall(r'\bX\(\w+, "([a-z0-9_]+)", \d', (ROOT / "handler/base/err.h").read_text(encoding="utf-8")))
NOTIFIERS = set(
    re.findall(r"\bNOTIFIER\(([a-z0-9_]+)\)",
               (ROOT / "handler/notify/notifiers.h").read_text(encoding="utf-8")))
STATES = {"passed", "failed", "canceled", "skipped", "not_run", "blocked", "other"}
CLOSED = {"verdict": (TOKENS - {"ok"}) | {"accepted"}, "notifier": NOTIFIERS,
          "result": {"delivered", "failed"}, "state": STATES}
SERIES = {"webhooks": (["verdict"], "Count"), "build_ms": (["state"], "Milliseconds"),
          "job_wait_ms": ([], "Milliseconds"),
          "deliveries": (["notifier", "result"], "Count"),
          "delivery_ms": (["notifier", "result"], "Milliseconds")}
ALWAYS = {"_aws", "timestamp", "level", "message"}
DAYS_31 = 31 * 24 * 3600 * 1000


class Wrong(Exception):
    """What is wrong with a line."""


def need(good, problem):
    if not good:
        raise Wrong(problem)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_text(value, most):
    return isinstance(value, str) and 1 <= len(value) <= most


def check_metric(metric, root):
    need(isinstance(metric, dict) and set(metric) <= {"Name", "Unit", "StorageResolution"},
         "odd keys in a metric")
    name = metric.get("Name")
    need(is_text(name, 1024), "a metric without a name")
    need(metric.get("Unit", "None") in UNITS, f"unit {metric.get('Unit')}")
    need(metric.get("StorageResolution", 60) in (1, 60), "StorageResolution")
    value = root.get(name)
    values = value if isinstance(value, list) else [value]
    need(1 <= len(values) <= 100, f"{name} has {len(values)} values")
    need(all(is_number(one) for one in values), f"{name} is not a number")
    return name


def check_directive(directive, root):
    need(isinstance(directive, dict) and set(directive) == {"Namespace", "Dimensions", "Metrics"},
         "odd keys in a directive")
    need(is_text(directive["Namespace"], 1024), "Namespace")
    sets = directive["Dimensions"]
    need(isinstance(sets, list) and sets, "Dimensions needs a set")
    for keys in sets:
        need(isinstance(keys, list) and len(keys) <= 30 and len(set(keys)) == len(keys),
             "a set of dimensions")
        for key in keys:
            need(is_text(key, 250), "a dimension's name")
            need(is_text(root.get(key), 1024), f"dimension {key} is no text at the root")
    metrics = directive["Metrics"]
    need(isinstance(metrics, list) and 1 <= len(metrics) <= 100, "Metrics")
    names = [check_metric(metric, root) for metric in metrics]
    need(len(set(names)) == len(names), "a metric twice")


def check_format(text):
    """What CloudWatch wants. The line as a dict."""
    need(len(text.encode()) <= 256 * 1024, "longer than an event may be")
    pairs_seen = []

    def no_twins(pairs):
        pairs_seen.append(len({key for key, _ in pairs}) == len(pairs))
        return dict(pairs)

    try:
        root = json.loads(text, object_pairs_hook=no_twins)
    except ValueError as error:
        raise Wrong(f"no JSON: {error}") from error
    need(isinstance(root, dict) and all(pairs_seen), "no object, or a key twice")
    aws = root.get("_aws")
    need(isinstance(aws, dict) and set(aws) == {"Timestamp", "CloudWatchMetrics"}, "_aws")
    need(isinstance(aws["Timestamp"], int) and 10 ** 12 < aws["Timestamp"] < 10 ** 13,
         "Timestamp is not in milliseconds")
    need(isinstance(aws["CloudWatchMetrics"], list) and aws["CloudWatchMetrics"], "no directive")
    for directive in aws["CloudWatchMetrics"]:
        check_directive(directive, root)
    return root


def check_ours(root, any_notifier=False):
    """What docs/lambda.md says on top: this namespace, these metrics, these values, nothing else."""
    need(root.get("level") == "INFO", "level")
    need(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(root.get("timestamp"))), "timestamp")
    told = set()
    for directive in root["_aws"]["CloudWatchMetrics"]:
        need(directive["Namespace"] == "kitehook", "Namespace")
        for metric in directive["Metrics"]:
            name = metric["Name"]
            need(name in SERIES, f"metric {name}")
            need((directive["Dimensions"], metric.get("Unit")) == ([SERIES[name][0]], SERIES[name][1]),
                 f"{name}'s dimensions or unit")
            need("StorageResolution" not in metric, "high resolution costs more")
            need(name not in told, f"{name} twice")
            told |= {name, *SERIES[name][0]}
    for key, values in CLOSED.items():
        if key in root and not (key == "notifier" and any_notifier):
            need(root[key] in values, f"{key} {root[key]} is not of the closed set")
    need(set(root) == ALWAYS | told, f"members {set(root) ^ (ALWAYS | told)}")
    return root


def moment(text):
    for form in ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ"):
        try:
            return datetime.datetime.strptime(text, form)
        except (TypeError, ValueError):
            pass
    return None


def span(thing, first, last):
    thing = thing if isinstance(thing, dict) else {}
    begin, end = moment(thing.get(first)), moment(thing.get(last))
    if begin is None or end is None:
        return None
    length = (end - begin) // datetime.timedelta(milliseconds=1)
    return length if 0 <= length <= DAYS_31 else None


def expected_of(fixture):
    body = json.loads(fixture.body)
    header = next((value for name, value in fixture.headers if name.lower() == "x-buildkite-event"), "")
    event = body.get("event") if isinstance(body.get("event"), str) else header
    build = body.get("build") if isinstance(body.get("build"), dict) else {}
    told = {"verdict": "accepted", "webhooks": 1}
    if event == "build.finished" and span(build, "started_at", "finished_at") is not None:
        waits = build.get("blocked") is True and build.get("state") not in ("canceled", "canceling")
        state = "blocked" if waits else build.get("state")
        told["state"] = state if state in STATES else "other"
        told["build_ms"] = span(build, "started_at", "finished_at")
    if event == "job.started" and span(body.get("job"), "runnable_at", "started_at") is not None:
        told["job_wait_ms"] = span(body.get("job"), "runnable_at", "started_at")
    return told


def lines_of(program):
    with tempfile.TemporaryDirectory(prefix="kh-emf-") as folder:
        path = os.path.join(folder, "lines")
        done = subprocess.run([program], env={**os.environ, "KH_TEST_METRICS": path},
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=250,
                              cwd=ROOT, check=False)
        if done.returncode:
            sys.exit(done.stdout[-4000:])
        with open(path, encoding="utf-8") as file:
            return [line.rstrip("\n").split("\t", 1) for line in file]


def breakages(line):
    """(what, text) of LINE broken in one way each. LINE has all directives."""
    def changed(what, change):
        root = copy.deepcopy(line)
        change(root, root["_aws"]["CloudWatchMetrics"])
        return what, json.dumps(root)

    yield "no JSON", json.dumps(line)[:-1]
    yield "a key twice", json.dumps(line)[:-1] + ', "level": "INFO"}'
    yield changed("no _aws", lambda root, _: root.pop("_aws"))
    yield changed("seconds", lambda root, _: root["_aws"].update(Timestamp=1760000000))
    yield changed("a real timestamp", lambda root, _: root["_aws"].update(Timestamp=1760000000123.5))
    yield changed("no directive", lambda _, them: them.clear())
    yield changed("no set of dimensions", lambda _, them: them[0].update(Dimensions=[]))
    yield changed("31 dimensions", lambda _, them: them[0].update(Dimensions=[[str(n) for n in range(31)]]))
    yield changed("a dimension that is not there", lambda root, _: root.pop("verdict"))
    yield changed("a dimension that is a number", lambda root, _: root.update(verdict=7))
    yield changed("an empty dimension", lambda root, _: root.update(verdict=""))
    yield changed("a dimension of 1,025 bytes", lambda root, _: root.update(verdict="x" * 1025))
    yield changed("a metric that is not there", lambda root, _: root.pop("webhooks"))
    yield changed("a metric that is text", lambda root, _: root.update(webhooks="1"))
    yield changed("a metric that is true", lambda root, _: root.update(webhooks=True))
    yield changed("a nested metric", lambda root, _: root.update(webhooks={"webhooks": 1}))
    yield changed("101 values", lambda root, _: root.update(delivery_ms=[1] * 101))
    yield changed("no value", lambda root, _: root.update(delivery_ms=[]))
    yield changed("an odd unit", lambda _, them: them[0]["Metrics"][0].update(Unit="ms"))
    yield changed("101 metrics", lambda _, them: them[0].update(Metrics=them[0]["Metrics"] * 101))
    yield changed("no namespace", lambda _, them: them[0].pop("Namespace"))
    yield changed("another namespace", lambda _, them: them[0].update(Namespace="AWS/Lambda"))
    yield changed("another level", lambda root, _: root.update(level="DEBUG"))
    yield changed("a metric of no list", lambda root,
                  them: (root.update(branches=1), them[0]["Metrics"].append({"Name": "branches"})))
    yield changed("a dimension of no list", lambda root,
                  them: (root.update(pipeline="kites"), them[0]["Dimensions"][0].append("pipeline")))
    yield changed("an open set", lambda root, _: root.update(state="invented"))
    yield changed("a member that nobody refers to", lambda root, _: root.update(request_id="0193"))


def main():
    report = Report("--verbose" in sys.argv)
    lines = lines_of(sys.argv[1])
    report.check("there are lines", len(lines) > 150, f"{len(lines)}")
    report.check("the closed sets were found", len(TOKENS) > 40 and len(NOTIFIERS) >= 2,
                 f"{TOKENS} {NOTIFIERS}")
    wanted = {f"fixture {fixture.name}": expected_of(fixture) for fixture in fixtures()}
    seen, whole = set(), None
    for name, text in lines:
        try:
            root = check_ours(check_format(text), any_notifier=name == "many pairs")
        except Wrong as wrong:
            report.check(name, False, f"{wrong}: {text[:400]}")
            continue
        told = {key: value for key, value in root.items() if key not in ALWAYS}
        report.check(name, name not in wanted or told == wanted.pop(name), f"other values: {told}")
        seen |= set(told)
        if name == "everything":
            whole = root
    report.check("every fixture was told", not wanted, ", ".join(wanted))
    report.check("every metric was seen", seen == set(SERIES) | set(CLOSED), f"{seen}")
    if report.check("a line with everything", whole is not None, "missing"):
        for what, text in breakages(whole):
            try:
                check_ours(check_format(text))
                report.check(f"refuses {what}", False, "taken")
            except Wrong:
                report.check(f"refuses {what}", True)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
