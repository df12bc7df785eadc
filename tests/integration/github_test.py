#!/usr/bin/env python3
"""Statuses of commits and check runs at GitHub over real HTTP: where each goes, what it says, that an older
one never overwrites a newer, and how an app gets in.

usage: github_test.py --build DIR [--only REGEX] [--keep] [--verbose]

The oracle is docs.github.com/en/rest as this file has it: paths, headers, and words of states; of signatures
by RS256 the openssl command line.
"""
import base64
import datetime
import json
import pathlib
import subprocess
import sys
import time

import check_runs
import cli_run
from catcher import Catcher
from cli_worker import of_message
from common import ROOT
from github_run import APP, body_of, COMMIT, config, kept_in, key, made, of_commits, send, TOKEN, work

STATUS = {"build_failing": "failure", "build_finished_failed": "failure", "build_finished_passed": "success",
          "blocked_build": "success", "build_finished_canceled": "error", "build_finished_not_run": "error"}


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
        work(cli, path, of_commits(range(1, 60)), report, 4)
        report.check("those that were not under way when it came are not tried", len(api.caught) <= 16,
                     len(api.caught))
        report.check("the token is nowhere", TOKEN.encode() not in kept_in(cli), "")


# ---- apps and check runs

GRANT = "ghs_plantedGrant"
CONCLUSIONS = {"build_failing": "failure", "build_finished_failed": "failure",
               "build_finished_passed": "success",
               "build_finished_canceled": "cancelled", "build_finished_not_run": "skipped"}


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def is_signed(cli, jwt):
    """By the key, as openssl has it."""
    head, claims, signature = jwt.split(".")
    cli.file("signature", decoded(signature))
    done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", cli.path("public.pem"), "-signature",
                           cli.path("signature")], input=f"{head}.{claims}".encode(), capture_output=True,
                          check=False)
    return done.returncode == 0


class App:
    """GitHub for an app: tokens of an hour, and what is let in by them."""

    def __init__(self, minutes=60):
        self.minutes, self.grants, self.refuse, self.slow = minutes, 0, None, False

    def __call__(self, path, sent):
        if not path.endswith("/access_tokens"):
            return made() if sent else (200, {}, b'{"check_runs":[]}')
        self.grants += 1
        if self.slow:
            time.sleep(0.3)
        if self.refuse:
            return self.refuse
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=self.minutes)
        body = {"token": f"{GRANT}{self.grants}", "expires_at": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "permissions": {"checks": "write"}}
        return 201, {"Content-Type": "application/json"}, json.dumps(body).encode()


def token_of(one):
    return one.headers["Authorization"].removeprefix("Bearer ")


def test_checks(cli, report):
    key(cli)
    with Catcher(App()) as api:
        config(cli, "  - github_check\n", api.url("/api/v3"), APP)
        for fixture, conclusion in CONCLUSIONS.items():
            api.caught.clear()
            told = send(cli, fixture)
            asked, looked, run = api.caught
            head, claims = (json.loads(decoded(part)) for part in token_of(asked).split(".")[:2])
            report.check(f"{fixture}: asks for a token",
                         asked.path == "/api/v3/app/installations/7890/access_tokens",
                         asked.path)
            report.check(f"{fixture}: as RFC 7519 and GitHub have it",
                         head == {"alg": "RS256", "typ": "JWT"} and
                         claims["iss"] == "123456" and claims["exp"] - claims["iat"] == 600, (head, claims))
            report.check(f"{fixture}: signed by the app's key", is_signed(cli, token_of(asked)),
                         asked.headers)
            report.check(f"{fixture}: looks for one that is there", looked.method == "GET" and looked.path ==
                         f"/api/v3/repos/acme-kites/kite-frame/commits/{COMMIT}/check-runs?filter=latest&"
                         "check_name=Kite%20Frame&app_id=123456", looked.path)
            report.check(f"{fixture}: the run",
                         run.path == "/api/v3/repos/acme-kites/kite-frame/check-runs" and
                         token_of(run) == f"{GRANT}{api.script.grants}" and
                         run.json["head_sha"] == COMMIT and run.json["name"] == "Kite Frame" and
                         run.json["status"] == "completed" and run.json["conclusion"] == conclusion,
                         (run.path, run.json))
            report.check(f"{fixture}: no secret is told", "ghs_" not in json.dumps(told) and
                         token_of(asked) not in json.dumps(told), told)
        api.caught.clear()
        send(cli, body_of(1))
        claims, now = json.loads(decoded(token_of(api.caught[0]).split(".")[1])), time.time()
        report.check("good from a minute ago until in nine", now - 75 < claims["iat"] < now - 55 and
                     now + 500 < claims["exp"] <= now + 540, (now, claims))
        api.caught.clear()
        send(cli, "build_running")
        send(cli, "blocked_build")
        report.check("nothing by default of what goes on", not api.caught, [one.body for one in api.caught])


def test_check_output(cli, report):
    key(cli)
    with Catcher(App()) as api:
        config(cli, "  - github_check:\n      name: 'Lint {{pipeline.slug}}'\n      output:\n"
               "        title: 'of ${BUILDKITE_BRANCH}'\n        summary: '**{{build.branch}}**'\n"
               "        text: |\n          - a\n          - b\n        annotations:\n"
               "          - { path: a.c, start_line: 3, end_line: 4, annotation_level: warning,"
               " message: 'Hm' }\n",
               api.url(""), APP)
        send(cli, body_of(1, branch="x_[y](z)"))
        run = api.caught[-1].json
        report.check("the name", run["name"] == "Lint kite-frame", run)
        report.check("the output", run["output"] == {
            "title": "of x_[y](z)", "summary": "**x\\_\\[y\\]\\(z\\)**", "text": "- a\n- b", "annotations": [
                {"path": "a.c", "start_line": 3, "end_line": 4, "annotation_level": "warning",
                 "message": "Hm"}]},
            run["output"])


def test_one_token_for_all(cli, report):
    """One call for many that go at once, and none again until it ends; what it yields lies nowhere."""
    key(cli)
    app = App()
    app.slow = True
    with Catcher(app) as api:
        path = config(cli, "  - github_check\n", api.url(""), APP)
        log = work(cli, path, of_commits(range(1, 31)), report)
        runs = [one for one in api.caught if one.path.endswith("/check-runs")]
        report.check("all are made, by one token", len(runs) == 30 and app.grants == 1 and
                     {token_of(one) for one in runs} == {f"{GRANT}1"}, (len(runs), app.grants))
        kept = kept_in(cli)
        report.check("the token is nowhere", GRANT.encode() not in kept and GRANT not in log, "")


def test_a_token_that_ended(cli, report):
    key(cli)
    app = App(minutes=0)
    with Catcher(app) as api:
        path = config(cli, "  - github_check\n", api.url(""), APP)
        work(cli, path, of_commits(range(40, 43)), report)
        report.check("one that has ended is asked for anew", app.grants == 3, app.grants)


def test_a_refused_token_is_the_deliverys_failure(cli, report):
    key(cli)
    expected = [((401, {}, b'{"message":"A JSON web token could not be decoded"}'), "destination_refused"),
                ((404, {}, b'{"message":"Not Found"}'), "destination_refused"),
                ((503, {}, b""), "delivery_failed"), ((201, {}, b'{"token":7}'), "delivery_failed"),
                ((201, {}, b"<html>"), "delivery_failed"), ((429, {}, b""), "delivery_failed")]
    app = App()
    with Catcher(app) as api:
        config(cli, "  - github_check\n", api.url(""), APP)
        for answer, reason in expected:
            api.caught.clear()
            app.refuse = answer
            one, = send(cli, "build_finished_failed")["deliveries"]
            report.check(f"{answer}: {reason}", one["result"].get("reason") == reason and
                         "token" in one["result"].get("detail", "") and len(api.caught) == 1, one["result"])


def test_statuses_by_an_app(cli, report):
    key(cli)
    with Catcher(App()) as api:
        config(cli, "  - github_commit_status\n", api.url(""), APP)
        send(cli, "build_finished_failed")
        report.check("by its token", [token_of(one) for one in api.caught][1:] == [f"{GRANT}1"], api.caught)
        config(cli, "  - github_commit_status\n", api.url(""), "token: { env: TOKEN }, " + APP)
        api.caught.clear()
        send(cli, "build_finished_failed")
        report.check("a token beside it goes first", [token_of(one) for one in api.caught] == [TOKEN],
                     api.caught)


def test_mistakes(cli, report):
    key(cli)
    cli.file("other.pem", "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----\n")
    for service, notify, words in (
            ("url: { env: URL }", "github_commit_status", "needs `token: {env: GITHUB_TOKEN}`, or an app"),
            ("token: { env: TOKEN }", "github_check", "services.github needs `app`"),
            ("app: 1, private_key: { file: app.pem }", "github_check",
             "services.github needs `installation`"),
            ("app: 'a b', installation: 1, private_key: { file: app.pem }", "github_check",
             "the client id of an app"),
            (APP.replace("app.pem", "other.pem"), "github_check", "must hold an RSA key in PEM"),
            (APP, "github_check: { output: { annotations: [{ path: a.c }] } }",
             "an annotation needs `start_line`"),
            (APP, "github_check: { output: { annotations: 7 } }", "annotations are a list"),
            (APP, "github_check: { output: { titel: x } }", "did you mean `title`")):
        path = config(cli, f"  - {notify}\n", "http://127.0.0.1:9", service)
        done = cli.run("check", "--config", path)
        report.check(f"{service} {notify}", done.code == 1 and words in done.out and
                     "planted" not in done.out, done)


TESTS = [test_older_is_superseded, test_checks, test_check_output, test_one_token_for_all,
         test_a_token_that_ended, test_a_refused_token_is_the_deliverys_failure,
         test_statuses_by_an_app, test_mistakes, test_states, test_options, test_jobs, test_where,
         test_a_newer_one_replaces_what_waits, test_limits_are_of_the_account] + check_runs.TESTS

if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, TESTS))
