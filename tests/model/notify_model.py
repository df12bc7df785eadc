"""What Buildkite's `notify:` does, as far as webhooks tell: for which webhooks an entry fires. Written from
Buildkite's documents, to compare kitehook's rules with.

An entry of a build hears of `created` (build.scheduled), `started` (build.running), `blocked`
(build.finished with `blocked`), `finished` (build.finished without), `failing` and `skipped`; each word of
some by default; a status of a commit is told of blocked builds, too. An entry of a step hears of the end of
its jobs, and of a failure that is promised before.
"""
import re

import yaml

from model.condition_model import evaluate
from model.names import NoOpinion

ON_BUILDS = {
    "slack": "finished failing",
    "email": "finished failing",
    "basecamp_campfire": "created started blocked finished skipped",
    "webhook": "created started blocked finished",
    "pagerduty_change_event": "finished",
    "github_commit_status": "finished failing blocked",
    "github_check": "finished failing",
}
ON_STEPS = ("slack", "basecamp_campfire", "github_commit_status", "github_check")
OTHER_STEPS = ("wait", "waiter", "block", "input", "manual", "trigger", "group")
OUTCOMES = {"passed": "passed", "canceled": "errored", "timed_out": "errored", "expired": "errored"}
STATES = {"scheduled": "ready", "assigned": "ready", "accepted": "ready", "running": "running",
          "canceled": "canceled", "broken": "ignored", "passed": "finished", "failed": "finished",
          "timed_out": "finished", "expired": "finished"}


class Entry:
    """One entry: `word`, `options` (what stands behind it), `condition`, and the `step` that it is of, or
    None. `level` is build, group or step; `of_any` is true where nothing says of which step it is."""

    def __init__(self, written, level, step):
        self.level, self.step, self.of_any = level, step, False
        self.condition = ""
        if isinstance(written, str):
            self.word, self.options = written, None
            return
        self.word = next(key for key in written if key != "if")
        self.options = written[self.word]
        condition = written.get("if", "")
        self.condition = {True: "true", False: "false"}.get(condition, condition)


# ---- pipelines


def _entries_of(steps):
    for step in steps:
        if not isinstance(step, dict):
            continue
        level = "group" if "group" in step else "step"
        for written in step.get("notify") or []:
            yield Entry(written, level, step)
        yield from _entries_of(step.get("steps") or [])


def entries(text):
    """Those of the pipeline TEXT: the build's, then the steps', in the file's order."""
    pipeline = yaml.safe_load(text)
    if isinstance(pipeline, list):
        pipeline = {"steps": pipeline}
    yield from (Entry(written, "build", None) for written in pipeline.get("notify") or [])
    yield from _entries_of(pipeline.get("steps") or [])


# ---- webhooks

def _is_blocked(build):
    """One that was canceled where it was blocked waits for nobody any more."""
    return build.get("blocked") is True and build.get("state") != "canceled"


def _told(webhook):
    """The build's events that WEBHOOK is, by its name and state."""
    event, build = webhook.get("event"), webhook.get("build") or {}
    return {
        "build.scheduled": "created", "build.running": "started", "build.failing": "failing",
        "build.skipped": "skipped",
        "build.finished": "blocked" if _is_blocked(build) else "finished",
    }.get(event)


def _names(webhook):
    """What `if` may name, by names.py."""
    build, pipeline, job = (webhook.get(key) or {} for key in ("build", "pipeline", "job"))
    names = {f"build.{key}": build.get(key) for key in ("id", "branch", "commit", "number", "tag", "message",
                                                        "state", "source")}
    if _is_blocked(build):
        names["build.state"] = "blocked"
    for person in ("creator", "author"):
        told = build.get(person)
        told = {"email": told} if isinstance(told, str) else told if isinstance(told, dict) else {}
        names.update({f"build.{person}.{key}": told.get(key) for key in ("name", "email")})
    request = (build.get("pull_request") or {}).get("id")
    names["build.pull_request.id"] = str(request) if isinstance(request, int) else request
    names.update({f"pipeline.{key}": pipeline.get(key) for key in ("slug", "default_branch")})
    if job:
        names |= {"step.key": job.get("step_key"), "step.label": job.get("name") or job.get("label"),
                  "step.state": "running" if job.get("retried") else STATES.get(job.get("state")),
                  "step.outcome": _outcome(webhook)}
    names = {name: re.sub("[\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) else value
             for name, value in names.items()}
    names["env"] = build.get("env") if isinstance(build.get("env"), dict) else {}
    return names


def _outcome(webhook):
    job = webhook["job"]
    if webhook["event"] != "job.finished" or job.get("retried"):
        return None
    if job.get("state") == "failed":
        return "soft_failed" if job.get("soft_failed") else "hard_failed"
    return OUTCOMES.get(job.get("state"))


def _is_of(step, job):
    """Whether JOB is one of STEP's."""
    for key in ("key", "id", "identifier"):
        if key in step:
            return job.get("step_key") == step[key]
    for key in ("label", "name"):
        if key in step:
            return job.get("name") == step[key].replace("$$", "$")
    for key in ("command", "commands"):
        if key in step:
            lines = step[key] if isinstance(step[key], list) else [step[key]]
            return job.get("command") == "\n".join(lines)
    return False


def _step_hears(entry, webhook):
    """A step's end, or its failing: at a hard failure, even of a job that is then retried, or a promise."""
    job = webhook.get("job") or {}
    if entry.word not in ON_STEPS or entry.level != "step" or any(key in entry.step for key in OTHER_STEPS):
        return False
    if not entry.of_any and not _is_of(entry.step, job):
        return False
    if webhook.get("event") == "job.promised_exit_status":
        return job.get("promised_exit_status") != 0
    return webhook.get("event") == "job.finished" and not (job.get("retried") and job.get("soft_failed"))


def _build_hears(entry, webhook):
    told = _told(webhook)
    hears = ON_BUILDS[entry.word].split()
    if '"blocked"' in entry.condition:  # who asks for them gets them
        hears.append("blocked")
    return told in hears


def fires(entry, webhook):
    """Whether ENTRY fires at WEBHOOK, a body; None where nobody says."""
    hears = _build_hears if entry.level == "build" else _step_hears
    if not isinstance(webhook.get("build"), dict) or not hears(entry, webhook):
        return False
    condition = entry.condition.replace("$$", "$")
    try:
        return evaluate({"expression": condition, "names": _names(webhook), "dialect": "strict",
                         "entrypoint": "build-notification" if entry.level == "build"
                         else "step-notification"})
    except NoOpinion:
        return None
