"""Parts of github_test.py: check runs that go on, in a fake GitHub that keeps them."""
import json
import sqlite3

from catcher import Catcher
from cli_worker import drop, entry, ring, Worker
from common import wait_until
from github_api import GitHub, refused
from github_run import APP, body_of, COMMIT, config, kept_in, key, send, START, work

EVERY = "  - github_check:\n    events: [build.*, job.*]\n".replace("check:", "check: {}")
OTHER = "0" * 40
LINT = {"path": "a.c", "start_line": 3, "end_line": 4, "annotation_level": "warning", "message": "Hm"}


def at(number, state, event=None, **build):
    """A webhook of build NUMBER in STATE; a build has the same id in all of them."""
    events = {"scheduled": "build.scheduled", "running": "build.running", "failing": "build.failing"}
    return body_of(number, state=state, event=event or events.get(state, "build.finished"),
                   started_at="2026-11-22T01:02:05.000Z" if state != "scheduled" else None, **build)


def of_job(number, job, state, step, **more):
    body = json.loads(at(number, "running"))
    body["event"] = "job.started" if state == "running" else "job.finished"
    body["job"] = {"id": f"j-{job}", "type": "script", "name": step.title(), "step_key": step, "state": state,
                   "started_at": "2026-11-22T01:02:06.000Z", **more}
    return json.dumps(body).encode()


class Live:
    """A worker that stays: one that comes anew begins with an empty bucket, and waits for its pace."""

    def __init__(self, cli, report):
        self.cli, self.report, self.worker = cli, report, Worker(cli)
        self.count = 0

    def __enter__(self):
        self.worker.said("worker started")
        return self

    def __exit__(self, *more):
        self.worker.__exit__(*more)

    def is_done(self):
        handled = self.worker.lines("webhook handled")
        ended = [line for line in self.worker.lines("delivery attempt") if line["attempt"] == 1]
        return len(handled) == self.count and len(ended) == sum(line["deliveries"] for line in handled)

    def tell(self, *bodies):
        """Each, (seconds after START, body), once the one before it was told."""
        for after, body in bodies:
            self.count += 1
            drop(self.cli.path("state"), entry(body, at=START + after, number=self.count,
                                               event=json.loads(body)["event"]))
            wait_until(lambda: ring(self.cli.path("state")), 5)
            self.report.check("it is told", wait_until(self.is_done, 20), self.worker.text()[-900:])


def called(api):
    return ",".join(api.script.calls)


def test_a_run_goes_on(cli, report):
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, EVERY, api.url(""), APP)
        with Live(cli, report) as live:
            live.tell(*enumerate(at(7, state) for state in ("scheduled", "running", "failing", "failed")))
        (number, run), = api.script.runs.items()
        report.check("one run, from the queue to the end",
                     run["states"] == ["queued", "in_progress", "failure", "failure"], run["states"])
        report.check("made once, then changed", called(api) == "POST,PATCH,PATCH,PATCH", called(api))
        report.check("it ends as it should", run["status"] == "completed" and run["head_sha"] == COMMIT and
                     run["external_id"] == "b-7" and run["started_at"] == "2026-11-22T01:02:05.000Z" and
                     "failed" in run["output"]["title"], run)
        changes = [one for one in api.caught if one.method == "PATCH"]
        report.check("a change has the name, and no commit", all(
            one.path.endswith(f"/check-runs/{number}") and one.json["name"] == "Kite Frame" and
            "head_sha" not in one.json for one in changes), [one.json for one in changes])
        with Live(cli, report) as live:
            live.tell((20, at(7, "running", message="retried")), (21, at(7, "passed")))
        report.check("one that is completed does not go back: a retried build has another one",
                     api.script.told()[1:] == [("Kite Frame", ["in_progress", "success"])], api.script.told())


def test_one_pass_over_all(cli, report):
    """In one transaction: what waits is replaced by the newest."""
    key(cli)
    with Catcher(GitHub()) as api:
        path = config(cli, EVERY, api.url(""), APP)
        states = ("scheduled", "running", "failing", "failed")
        work(cli, path, [(after, at(7, state)) for after, state in enumerate(states)], report)
        told = api.script.told()
        report.check("one run that ends well", len(told) == 1 and told[0][1][-1] == "failure", told)


def test_by_default_as_buildkite(cli, report):
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, "  - github_check\n", api.url(""), APP)
        with Live(cli, report) as live:
            live.tell(*enumerate(at(7, state) for state in ("scheduled", "running", "failing", "failed")))
        report.check("a build that fails, and its end, in one run",
                     api.script.told() == [("Kite Frame", ["failure", "failure"])], api.script.told())


def test_jobs_have_runs_of_their_steps(cli, report):
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, EVERY, api.url(""), APP)
        with Live(cli, report) as live:
            live.tell(*enumerate((
                of_job(7, 1, "running", "lint"), of_job(7, 2, "running", "unit"),
                of_job(7, 1, "passed", "lint"), of_job(7, 2, "failed", "unit", retried=True),
                of_job(7, 3, "running", "unit"), of_job(7, 3, "passed", "unit"))))
        report.check("a run for each step; a retry goes on in it", api.script.told() == [
            ("lint", ["in_progress", "success"]), ("unit", ["in_progress", "in_progress", "success"])],
                     api.script.told())


def test_late_ones_are_dropped(cli, report):
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, EVERY, api.url(""), APP)
        with Live(cli, report) as live:
            live.tell((9, at(7, "passed")), (5, at(7, "running")), (4, at(6, "failed")))
            dropped = live.worker.lines("rule superseded")
        report.check("what comes late changes nothing", api.script.told() == [("Kite Frame", ["success"])] and
                     len(dropped) == 2, api.script.told())


def test_a_rebuild_has_a_run_of_its_own(cli, report):
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, EVERY, api.url(""), APP)
        with Live(cli, report) as live:
            live.tell(*enumerate((at(7, "running"), at(7, "failed"), at(8, "running"), at(8, "passed"),
                                  at(9, "passed"), at(9, "running", commit=OTHER))))
        said = [(run["external_id"], run["head_sha"], run["states"]) for run in api.script.runs.values()]
        report.check("each build of a commit", said == [
            ("b-7", COMMIT, ["in_progress", "failure"]), ("b-8", COMMIT, ["in_progress", "success"]),
            ("b-9", COMMIT, ["success"]), ("b-9", OTHER, ["in_progress"])], said)
        api.script.runs.clear()
        with Live(cli, report) as live:
            live.tell(*enumerate((at(17, "running"), at(18, "running"), at(17, "failed"), at(18, "passed")),
                                 20))
        report.check("two at once of a commit: no run is left open, and the last word counts",
                     [run["status"] for run in api.script.runs.values()] == ["completed"] * 2 and
                     api.script.told()[-1][1][-1] == "success", api.script.told())


def test_a_run_that_is_gone_is_made_anew(cli, report):
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, EVERY, api.url(""), APP)
        with Live(cli, report) as live:
            live.tell((1, at(7, "running")))
            api.script.runs.clear()
            live.tell((2, at(7, "failing")))
            report.check("404: at once", called(api) == "POST,PATCH,POST" and
                         api.script.told() == [("Kite Frame", ["failure"])], called(api))
            api.script.app = 654321
            live.tell((3, at(7, "failed")))
            report.check("of another app: likewise", called(api) == "POST,PATCH,POST,PATCH,POST" and
                         len(api.script.runs) == 2, called(api))
            live.tell((4, at(7, "failed", message="again")))
            report.check("and it is that one which goes on", called(api).endswith("POST,PATCH"), called(api))


UNREADABLE = [b'{"id":"7","status":"in_progress"}', b'{"id":7}', b'{"id":7,"status":"a b"}', b"{", b"[]",
              b'{"id":-7,"status":"queued"}', b'{"id":7.5,"status":"queued"}', b"null", b"",
              b'{"id":12345678901234567890,"status":"queued"}',
              b'{"id":7,"status":"queued","x":"' + b"x" * (600 * 1024) + b'"}']


def test_an_answer_that_cannot_be_read(cli, report):
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, EVERY, api.url(""), APP)
        with Live(cli, report) as live:
            for number, answer in enumerate(UNREADABLE, 1):
                api.script.calls.clear()
                api.script.answers["POST"] = 201, {}, answer
                live.tell((1, at(number, "running", commit=f"{number:040x}")),
                          (2, at(number, "passed", commit=f"{number:040x}")))
                report.check(f"{answer[:40]}: the next one makes a run", called(api) == "POST,POST",
                             called(api))


def test_long_outputs(cli, report):
    """GitHub's answer repeats the output."""
    key(cli)
    with Catcher(GitHub()) as api:
        api.script.long = "é\"<\n" * 16383
        config(cli, EVERY, api.url(""), APP)
        with Live(cli, report) as live:
            live.tell((0, at(7, "running")), (1, at(7, "failed")))
        report.check("in a worker", called(api) == "POST,PATCH", called(api))
        api.script.runs.clear()
        for state in ("running", "failed"):
            send(cli, at(7, state))
        report.check("without memory", called(api) == "POST,PATCH,GET,POST,GET,PATCH", called(api))


def test_annotations_are_sent_once(cli, report):
    """GitHub adds those of each request to those that it has."""
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, "  - github_check:\n      output:\n        annotations:\n"
               f"          - {json.dumps(LINT)}\n    events: [build.*]\n", api.url(""), APP)
        with Live(cli, report) as live:
            live.tell(*enumerate(at(7, state) for state in ("running", "failing", "failed")))
        run, = api.script.runs.values()
        report.check("once", run["annotations"] == [LINT] and run["states"][-1] == "failure", run)


# ---- what goes wrong in between

def redriven(cli, report, state, condition):
    """A worker by which what waits is tried again, until CONDITION; its text."""
    with Worker(cli) as worker:
        worker.said("worker started")
        cli.run("outbox", "redrive", "--state", state, "--config", cli.path("kitehook.yml"))
        report.check("it is tried again", wait_until(condition, 30), worker.text()[-900:])
        wait_until(lambda: worker.lines("delivery attempt"), 10)
        return worker.text()


def test_killed_before_the_answer(cli, report):
    """GitHub has made the run, and nobody heard of it: the next attempt looks for it first."""
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, EVERY, api.url(""), APP)
        drop(cli.path("state"), entry(at(7, "running"), at=START + 1, event="build.running"))
        api.script.hold_s = 3
        with Worker(cli) as worker:
            report.check("the run is made", wait_until(lambda: api.script.runs, 20), worker.text())
            worker.child.kill()
            worker.child.wait()
        api.script.hold_s = 0
        redriven(cli, report, "waiting", lambda: len(api.script.calls) == 3)
        with Live(cli, report) as live:
            live.tell((2, at(7, "passed")))
        report.check("killed between answer and record: it is found, and goes on", api.script.told() == [
            ("Kite Frame", ["in_progress", "in_progress", "success"])] and
                     called(api) == "POST,GET,PATCH,PATCH", (called(api), api.script.told()))


def test_an_attempt_that_failed_looks_first(cli, report):
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, EVERY, api.url(""), APP)
        api.script.answers["POST"] = 502, {}, b""
        with Live(cli, report) as live:
            live.tell((1, at(7, "running")))
        api.script.answers = {"GET": (503, {}, b"")}
        log = redriven(cli, report, "waiting", lambda: len(api.script.calls) == 2)
        report.check("where that fails, nothing is sent", called(api) == "POST,GET" and
                     "in the look for what is there already" in log, (called(api), log))
        api.script.answers = {}
        redriven(cli, report, "waiting", lambda: len(api.script.calls) == 4)
        report.check("where nothing is, it is made", called(api) == "POST,GET,GET,POST", called(api))


# ---- without memory

def test_without_memory(cli, report):
    """A function has none; `invoke --send` works like one."""
    key(cli)
    for app in ("123456", "Iv23planted"):
        with Catcher(GitHub()) as api:
            config(cli, "  - github_check:\n      name: 'a/b? &ü {{build.branch}}'\n    events: [build.*]\n",
                   api.url(""), APP.replace("123456", app))
            for state in ("scheduled", "running", "failing", "failed"):
                send(cli, at(7, state, branch="x"))
            told = api.script.told()
            report.check(f"{app}: one run", told == [
                ("a/b? &ü x", ["queued", "in_progress", "failure", "failure"])], told)
            report.check(f"{app}: each looks first",
                         called(api) == "GET,POST,GET,PATCH,GET,PATCH,GET,PATCH", called(api))
            looks = [one for one in api.caught if one.method == "GET"]
            report.check(f"{app}: a GET has no body, and is let in", all(
                not one.body and "Content-Type" not in one.headers and
                one.headers["Authorization"].startswith("Bearer ghs_") for one in looks),
                         [one.headers for one in looks])
            send(cli, at(8, "running", branch="x"))
            api.script.app, api.script.client_id = 7, "Iv23other"
            send(cli, at(8, "passed", branch="x"))
            states = [states for _, states in api.script.told()[1:]]
            report.check(f"{app}: a rebuild, and what is another app's", states == [
                ["in_progress"], ["success"]], states)


LOOKS = [
    ((200, {}, b'{"total_count":0,"check_runs":[]}'), "ok"), ((200, {}, b"{}"), "ok"),
    ((200, {}, b'{"check_runs":[{"id":"7"},7,null,{"id":7,"app":null}]}'), "ok"),
    ((200, {}, b"{"), "ok"), ((200, {}, b'{"x":"' + b"x" * (600 * 1024) + b'"}'), "ok"),
    ((200, {"Content-Type": "text/html"}, b"<html>"), "delivery_failed"),
    (refused(401, "Bad credentials"), "destination_refused"),
    (refused(403, "Resource not accessible by integration"), "destination_refused"),
    (refused(403, "API rate limit exceeded"), "delivery_failed"),
    (refused(404, "Not Found"), "destination_refused"), (refused(301, "Moved"), "destination_refused"),
    (refused(422, "No commit found for SHA: " + COMMIT), "delivery_refused"),
    (refused(429, "slowly"), "delivery_failed"), (refused(500, "x"), "delivery_failed"),
    (refused(502, "x"), "delivery_failed"), (refused(503, "x"), "delivery_failed"),
]


def test_what_a_look_is_answered(cli, report):
    key(cli)
    with Catcher(GitHub()) as api:
        config(cli, "  - github_check\n", api.url(""), APP)
        for answer, reason in LOOKS:
            api.script.calls.clear()
            api.script.answers["GET"] = answer
            one, = send(cli, at(7, "passed"))["deliveries"]
            result = one["result"]
            good = called(api) == "GET,POST" if reason == "ok" else called(api) == "GET" and \
                "in the look for what is there already" in result.get("detail", "")
            report.check(f"{answer[0]} {answer[2][:40]}: {reason}", good and
                         result.get("reason", "ok") == reason, (called(api), result))


# ---- what is kept

def test_what_is_kept(cli, report):
    key(cli)
    with Catcher(GitHub()) as api:
        path = config(cli, EVERY, api.url(""), APP)
        with Live(cli, report) as live:
            live.tell((0, at(7, "running")), (1, at(7, "failed")))
        number, = api.script.runs
        with sqlite3.connect(cli.path("state/memory.sqlite")) as memory:
            rows = memory.execute("SELECT subject, notifier, place, said FROM messages").fetchall()
        memory.close()
        report.check("one row", rows == [("b-7", "github_check", f"acme/web {COMMIT} Kite Frame",
                                          f"{number} completed")], rows)
        report.check("no token", b"ghs_" not in kept_in(cli), "")
        told = json.loads(cli.run("history", "kite-frame", "main", "--json", "--config", path).out)
        build, = told["branches"][0]["builds"]
        report.check("history tells of it", [(one["notifier"], one["place"], one["said"]) for one in
                                             build["told"]] == [rows[0][1:]], build)
        people = cli.run("history", "kite-frame", "main", "--told", "--config", path).out
        report.check("and people, who ask for it", f"{number} completed" in people and
                     "github_check" in people, people)
        done = cli.run("forget", "kite-frame", "--config", path)
        report.check("it is forgotten", done.code == 0 and str(number).encode() not in kept_in(cli), done)


TESTS = [test_a_run_goes_on, test_one_pass_over_all, test_by_default_as_buildkite,
         test_jobs_have_runs_of_their_steps, test_late_ones_are_dropped,
         test_a_rebuild_has_a_run_of_its_own, test_a_run_that_is_gone_is_made_anew,
         test_an_answer_that_cannot_be_read, test_long_outputs, test_annotations_are_sent_once,
         test_killed_before_the_answer, test_an_attempt_that_failed_looks_first, test_without_memory,
         test_what_a_look_is_answered, test_what_is_kept]
