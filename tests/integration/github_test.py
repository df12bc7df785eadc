#!/usr/bin/env python3
"""Statuses of commits at GitHub over real HTTP: where each goes, what it says, and that an older one never
overwrites a newer.

usage: github_test.py --build DIR [--only REGEX] [--keep] [--verbose]

The oracle is docs.github.com/en/rest as this file has it: paths, headers, and words of states.
"""
import json
import pathlib
import sys
import time

import cli_run
from catcher import Catcher
from cli_worker import drop, entry, of_message
from common import ROOT, webhook

COMMIT = "3f9c1a7be2d04c8896a5f00d1b2c3d4e5f607182"
TOKEN = "ghp_plantedPlantedPlanted0123456789"
STATUS = {"build_failing": "failure", "build_finished_failed": "failure", "build_finished_passed": "success",
          "blocked_build": "success", "build_finished_canceled": "error", "build_finished_not_run": "error"}


def config(cli, notify, url, service="token: { env: TOKEN }, url: { env: URL }"):
    cli.file("webhook-secret", cli_run.SECRET)
    cli.file("env", f"TOKEN={TOKEN}\nURL={url}\n")
    return cli.file("kitehook.yml",
                    "webhook:\n  signature: { file: webhook-secret }\nenv_file: env\nstate: state\n"
                    f"worker: service\nservices: {{ github: {{ {service} }} }}\nnotify:\n{notify}")


def body_of(number, repository="git@github.com:acme/web.git", provider=None, **build):
    """A webhook whose pipeline has REPOSITORY."""
    made = json.loads(webhook(number, **{"commit": COMMIT, **build}))
    made["pipeline"]["repository"] = repository
    if provider:
        made["pipeline"]["provider"] = provider
    return json.dumps(made).encode()


def send(cli, what):
    given, name = (what, "-") if isinstance(what, bytes) else (b"", str(ROOT / "fixtures/events" / what))
    done = cli.run("invoke", "--send", "--sign", "--json", "--config", cli.path("kitehook.yml"), name,
                   input=given)
    return json.loads(done.out)


def made(*_):
    return 201, {"Content-Type": "application/json"}, b'{"id":1}'


# ---- what it says

def test_states(cli, report):
    with Catcher(made) as api:
        config(cli, "  - github_commit_status\n", api.url("/api/v3/"))
        for fixture, state in STATUS.items():
            api.caught.clear()
            send(cli, fixture)
            one, = api.caught
            headers = {name.lower(): value for name, value in one.headers.items()}
            report.check(f"{fixture}: the state", one.json["state"] == state, one.json)
            report.check(f"{fixture}: where",
                         one.path == f"/api/v3/repos/acme-kites/kite-frame/statuses/{COMMIT}", one.path)
            report.check(f"{fixture}: the context", one.json["context"] == "buildkite/kite-frame", one.json)
            report.check(f"{fixture}: no more than GitHub knows", set(one.json) <= {
                "state", "context", "description", "target_url"} and len(one.json["description"]) <= 140,
                         one.json)
            report.check(f"{fixture}: the headers", headers["authorization"] == f"Bearer {TOKEN}" and
                         headers["accept"] == "application/vnd.github+json" and
                         headers["x-github-api-version"] == "2022-11-28" and
                         headers["user-agent"].startswith("kitehook/"), headers)


def test_options(cli, report):
    with Catcher(made) as api:
        config(cli, "  - github_commit_status:\n      context: 'ci/{{build.branch}}'\n"
               "      blocked_builds_as_pending: true\n", api.url(""))
        send(cli, "blocked_build")
        send(cli, body_of(1, state="failed", blocked=True))
        send(cli, body_of(2, branch="x\u202ey" + "z" * 400))
        said = [(one.json["context"], one.json["state"]) for one in api.caught]
        report.check("a blocked build is pending, unless it has failed", said[:2] == [
            ("ci/main", "pending"), ("ci/main", "failure")], said)
        report.check("a hostile branch is a line that GitHub takes", said[2][1] == "success" and
                     len(said[2][0]) == 255 and said[2][0].startswith("ci/xyzz"), said)


def test_jobs(cli, report):
    with Catcher(made) as api:
        config(cli, "  - github_commit_status\n    events: [job.finished]\n".replace(
            "  - github_commit_status\n", "  - github_commit_status: {}\n"), api.url(""))
        send(cli, "job_finished_failed")
        job = json.loads(pathlib.Path(ROOT / "fixtures/events/job_finished_failed/request.http").read_bytes()
                         .partition(b"\r\n\r\n")[2])["job"]
        step = job.get("step_key") or job["name"]
        contexts = [one.json["context"] for one in api.caught]
        report.check("a job's status has a context of its step",
                     contexts == [f"buildkite/kite-frame/{step}"], contexts)


# ---- where it goes

WHERE = [
    ("git@github.com:acme/web.git", None, "acme/web"),
    ("https://github.com/acme/web.git", None, "acme/web"),
    ("https://user:planted@github.com/acme/web", None, "acme/web"),
    ("ssh://git@github.com/acme/web.git", None, "acme/web"),
    ("ssh://git@ssh.github.com:443/acme/web.git", None, "acme/web"),
    ("git://GitHub.com/acme/we.b_-1/", None, "acme/we.b_-1"),
    ("git@work:acme/web.git", {"id": "github", "settings": {"repository": "acme/web"}}, "acme/web"),
    ("git@work:acme/web.git", {"id": "gitlab", "settings": {"repository": "acme/web"}}, None),
    ("git@work:acme/web.git", {"id": "github", "settings": {"repository": "../../x"}}, None),
    ("git@gitlab.com:acme/web.git", None, None),
    ("git@github.com.evil.example:acme/web.git", None, None),
    ("https://github.com/acme/web/../../other", None, None),
    ("https://github.com/acme", None, None),
    ("https://github.com/acme/..", None, None),
    ("https://github.com/acme/web?x=1", None, None),
    ("git@github.com:acme/w b.git", None, None),
    ("", None, None),
    (None, None, None),
]


def test_where(cli, report):
    with Catcher(made) as api:
        config(cli, "  - github_commit_status\n", api.url(""))
        for number, (repository, provider, expected) in enumerate(WHERE):
            api.caught.clear()
            told = send(cli, body_of(number + 1, repository, provider))
            got = [one.path for one in api.caught]
            report.check(f"{repository}",
                         got == ([f"/repos/{expected}/statuses/{COMMIT}"] if expected else []), got)
            silent = [line for line in told["log"] if line.get("message") == "rule has no place"]
            errors = [line for line in told["log"] if line["level"] == "ERROR"]
            report.check(f"{repository}: no mistake", not errors and bool(silent) == (expected is None),
                         told["log"])
        api.caught.clear()
        for commit in ("HEAD", COMMIT[:7], COMMIT.upper(), COMMIT + "0", COMMIT[:-1] + "/", None):
            send(cli, body_of(50, commit=commit))
        report.check("only a whole commit has a status", not api.caught, [one.path for one in api.caught])


# ---- the order

START = int(time.time()) - 100


def work(cli, path, bodies, report, code=0):
    """A worker's single pass over BODIES, (seconds after START, body) each, as they came. Its log."""
    state = pathlib.Path(cli.path("state"))
    for number, (after, body) in enumerate(bodies):
        drop(state, entry(body, at=START + after, number=number, event=json.loads(body)["event"]))
    done = cli.run("worker", "--once", "--config", path, seconds=60)
    report.check("the worker ends as it should", done.code == code, done)
    return done.out + done.err


def test_older_is_superseded(cli, report):
    """What comes late does not overwrite what was told, of whichever build it is; another commit does not
    matter."""
    other = "0" * 40
    failing = dict(state="failing", event="build.failing")
    with Catcher(made) as api:
        path = config(cli, "  - github_commit_status\n", api.url(""))
        log = work(cli, path, [(9, body_of(7))], report)
        log += work(cli, path, [
            (5, body_of(7, **failing)),           # late
            (9, body_of(7, **failing, message="the same second")),
            (4, body_of(6, state="failed")),      # another build of that commit, late
            (3, body_of(5, state="failed", commit=other)),
        ], report)
        log += work(cli, path, [(12, body_of(6, state="failed", message="retried"))], report)
        said = [(one.path[-40:], one.json["state"]) for one in api.caught]
        report.check("only what is newer is told", said == [(COMMIT, "success"), (other, "failure"),
                                                            (COMMIT, "failure")], said)
        superseded = of_message(log, "rule superseded")
        report.check("the others say why", len(superseded) == 3, superseded)


def test_a_newer_one_replaces_what_waits(cli, report):
    with Catcher(lambda *_: answer) as api:
        path = config(cli, "  - github_commit_status\n", api.url(""))
        answer = 503, {}, b""
        work(cli, path, [(1, body_of(7, state="failing", event="build.failing"))], report, 4)
        report.check("it was tried", len(api.caught) == 1, api.caught)
        work(cli, path, [(2, body_of(7)), (3, body_of(8, commit="0" * 40))], report, 4)
        rows = json.loads(cli.run("outbox", "list", "--json", "--config", path).out)["deliveries"]
        report.check("the newer one waits in its place, and that of another commit beside it",
                     len(rows) == 2, rows)


# ---- the limits are the account's

def test_limits_are_of_the_account(cli, report):
    """A 403 that speaks of the limit stops all commits, not only this one."""
    said = b'{"message":"You have exceeded a secondary rate limit."}'
    with Catcher(lambda *_: (403, {"Retry-After": "120"}, said)) as api:
        path = config(cli, "  - github_commit_status\n", api.url(""))
        work(cli, path, [(number, body_of(number, commit=f"{number:040x}")) for number in range(1, 60)],
             report, 4)
        report.check("those that were not under way when it came are not tried", len(api.caught) <= 16,
                     len(api.caught))
        report.check("the token is nowhere", TOKEN.encode() not in b"".join(
            one.read_bytes() for one in pathlib.Path(cli.path("state")).rglob("*") if one.is_file()), "")


TESTS = [test_states, test_options, test_jobs, test_where, test_older_is_superseded,
         test_a_newer_one_replaces_what_waits, test_limits_are_of_the_account]

if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, TESTS))
