"""docs/memory.md sentence by sentence: webhooks, and what the names are after the last of them. Written by
hand, so that tests/model/history_model.py is worth comparing with."""
import datetime
import json

from model.history_model import BUILD_KEPT_S, BUILDS_MAX, DAY_S, History, JOBS_MAX, KEEP_S, Seen, TOLD_KEPT_S

START = datetime.datetime(2026, 3, 1)
START_S = 1772323200
ENDS = ("passed", "failed", "canceled", "skipped", "not_run")
STARTED_FAILING, STARTED_PASSING = "pipeline.started_failing", "pipeline.started_passing"
HIGHER, COUNT = "pipeline.next_finished_build_exists", "pipeline.consecutive_failures"
SINCE, FOR, LAST = "pipeline.failing_since", "pipeline.failing_for", "pipeline.last_passed"
USUAL, FIXED = "pipeline.usual_duration", "build.fixed"
FAILED, SOFT, MENDED, ASYNC = ("build.failed_jobs", "build.soft_failed_jobs", "build.mended_jobs",
                               "build.async_triggers")


def time(second, old=False):
    moment = START + datetime.timedelta(milliseconds=int(second * 1000))
    if old:
        return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return moment.isoformat(timespec="milliseconds") + "Z"


def webhook(number, state, event=None, sent=None, branch="main", pipeline="p-1", got=None, old=False,
            job=None, **build):
    """One of build NUMBER, which began at NUMBER * 1000 s and took 100 s; SENT when it ended."""
    begun, ended = number * 1000, number * 1000 + 100
    times = {"created_at": begun - 10, "started_at": begun, "failing_at": None,
             "finished_at": ended if state in ENDS else None}
    times.update({name: build.pop(name) for name in tuple(build) if name in times})
    body = {
        "event": event or ("job.finished" if job else "build.finished"),
        "build": {"id": f"b-{branch}-{number}", "number": number, "state": state, "blocked": False,
                  "branch": branch,
                  "url": f"https://api.buildkite.com/v2/organizations/kites/pipelines/p/builds/{number}",
                  **{name: None if value is None else time(value, old) for name, value in times.items()},
                  **build},
        "pipeline": {"id": pipeline, "slug": "p"},
    }
    if job:
        body["job"] = job
    sent = ended if sent is None else sent
    return body, None if sent == "token" else START_S + sent, START_S + (got if got is not None else
                                                                       ended if sent == "token" else sent)


def passed(number, **more):
    return webhook(number, "passed", **more)


def failed(number, **more):
    return webhook(number, "failed", **more)


def job(number, job_id, state, name="Lint", build="running", **more):
    """One about a job of build NUMBER."""
    of_build = {key: more.pop(key) for key in ("sent", "got", "event") if key in more}
    return webhook(number, build, job={"id": job_id, "name": name, "state": state, **more}, **of_build)


def retry_of(job_id):
    return {"retry_source": {"job_id": job_id, "retry_type": "automatic"}}


def many(states, first=1):
    return [webhook(number, {"P": "passed", "F": "failed", "C": "canceled"}[state])
            for number, state in enumerate(states, first)]


def without(part, name, one):
    del one[0][part][name]
    return one


ALL_FALSE = {STARTED_FAILING: False, STARTED_PASSING: False, FIXED: False}
NOTHING = {STARTED_FAILING: None, STARTED_PASSING: None, FIXED: None, COUNT: None, SINCE: None, FOR: None,
           LAST: None, USUAL: None}
J = "running"

CASES = [
    # what, webhooks, names after the last one

    # ---- transitions
    ("no P: null, and a first failure counts", [failed(5)],
     {**NOTHING, HIGHER: False, COUNT: 1, SINCE: 5, FOR: 0}),
    ("no P: a first pass", [passed(5)], {**NOTHING, HIGHER: False, COUNT: 0, LAST: 5}),
    ("neither this one nor P", [webhook(5, "running")], {**NOTHING, HIGHER: False}),
    ("it failed, P passed", [passed(1), failed(2)],
     {STARTED_FAILING: True, STARTED_PASSING: False, FIXED: False, COUNT: 1, SINCE: 2, FOR: 0, LAST: 1}),
    ("it passed, P failed", [failed(1), passed(2)],
     {STARTED_FAILING: False, STARTED_PASSING: True, FIXED: True, COUNT: 0, SINCE: None, FOR: None, LAST: 2}),
    ("failed again", [passed(1), failed(2), failed(3)],
     {**ALL_FALSE, COUNT: 2, SINCE: 2, FOR: 1000, LAST: 1}),
    ("passed again", [passed(1), passed(2)], {**ALL_FALSE, COUNT: 0, LAST: 2}),
    ("numbers in between do not matter", [passed(10), failed(40)], {STARTED_FAILING: True}),
    ("another branch is another story", [passed(1, branch="dev"), failed(2)],
     {STARTED_FAILING: None, COUNT: 1}),
    ("another pipeline, too", [passed(1, pipeline="p-2"), failed(2)], {STARTED_FAILING: None}),
    ("a pipeline without an id is known by its slug",
     [without("pipeline", "id", passed(1)), without("pipeline", "id", failed(2))], {STARTED_FAILING: True}),
    ("and is another than the one with an id", [without("pipeline", "id", passed(1)), failed(2)],
     {STARTED_FAILING: None}),
    ("a build that runs: P passed", [passed(1), webhook(2, "running")],
     {**ALL_FALSE, COUNT: 0, SINCE: None, LAST: 1}),
    ("a build that runs: P failed", [failed(1), webhook(2, "running")],
     {**ALL_FALSE, COUNT: 1, SINCE: 1, FOR: 900, LAST: None}),

    # ---- what counts
    ("canceled, skipped and not_run change nothing",
     [passed(1), webhook(2, "canceled"), webhook(3, "skipped", "build.skipped"), webhook(4, "not_run"),
      failed(5)],
     {STARTED_FAILING: True, COUNT: 1}),
    ("nor do they interrupt a run", [failed(1), webhook(2, "canceled"), failed(3)],
     {**ALL_FALSE, COUNT: 2, SINCE: 1}),
    ("blocked says nothing", [failed(1), webhook(2, "passed", blocked=True)], {**ALL_FALSE, COUNT: 1}),
    ("blocked and failed says nothing", [passed(1), webhook(2, "failed", blocked=True)],
     {**ALL_FALSE, COUNT: 0}),
    ("the state `blocked` neither", [passed(1), webhook(2, "blocked")], {**ALL_FALSE, COUNT: 0}),
    ("blocked, then passed", [failed(1), webhook(2, "passed", blocked=True), passed(2, sent=2500)],
     {STARTED_PASSING: True}),
    ("one that passed and waits at a block has passed",
     [failed(1), passed(2, sent=2100), webhook(2, "passed", blocked=True, sent=2500)],
     {STARTED_PASSING: True}),
    ("failing counts at once", [passed(1), webhook(2, "failing")], {STARTED_FAILING: True, COUNT: 1}),
    ("build.failing, whose state lags, counts", [passed(1), webhook(2, "running", "build.failing")],
     {STARTED_FAILING: True}),
    ("build.failing of a build that passed is a pass", [failed(1), webhook(2, "passed", "build.failing")],
     {STARTED_PASSING: True}),
    ("build.failing of a canceled one says nothing", [passed(1), webhook(2, "canceled", "build.failing")],
     {**ALL_FALSE, COUNT: 0}),
    ("build.failing of one that is canceling says so, too",
     [passed(1), webhook(2, "canceling", "build.failing")], {STARTED_FAILING: True}),
    ("blocked does not count for it", [passed(1), webhook(2, "canceling", "build.failing", blocked=True)],
     {STARTED_FAILING: True}),
    ("build.failing of a blocked one says nothing",
     [passed(1), webhook(2, "failing", "build.failing", blocked=True)], ALL_FALSE),
    ("failed, then canceled: it failed",
     [passed(1), webhook(2, "failing", sent=2050), webhook(2, "canceled", sent=2100)],
     {STARTED_FAILING: True, COUNT: 1}),
    ("failed, and runs again: it failed", [passed(1), failed(2), webhook(2, "running", sent=2300)],
     {STARTED_FAILING: True, COUNT: 1}),
    ("failed, then it passes when retried: it passed",
     [failed(1), failed(2), webhook(2, "running", sent=2300), passed(2, sent=2400)],
     {STARTED_PASSING: True, COUNT: 0, LAST: 2}),
    ("passed, then failed when retried", [passed(1), passed(2), failed(2, sent=2400)],
     {STARTED_FAILING: True, COUNT: 1}),
    ("a job's webhook tells of its build, too", [passed(1), job(2, "j", "failed", build="failed")],
     {STARTED_FAILING: True}),
    ("other events are not remembered", [passed(1), webhook(2, "failed", "agent.lost")],
     {**NOTHING, HIGHER: None}),
    ("nor what has no number", [passed(1), failed(0)], {**NOTHING, HIGHER: None}),
    ("no id of the build", [passed(1), without("build", "id", failed(2))], {**NOTHING, HIGHER: None}),
    ("no branch", [passed(1), without("build", "branch", failed(2))], {**NOTHING, HIGHER: None}),
    ("and no pipeline", [passed(1), without("pipeline", "slug", without("pipeline", "id", failed(2)))],
     {**NOTHING, HIGHER: None}),

    # ---- order
    ("an older webhook overwrites nothing", [passed(1), failed(2, sent=2200), passed(2, sent=2100)],
     {STARTED_FAILING: True}),
    ("sent later is newer, whatever the state",
     [passed(1), passed(2, sent=2200), webhook(2, "failing", sent=2201)],
     {STARTED_FAILING: True}),
    ("in one second the state that is further on is newer",
     [passed(1), passed(2, sent=2200), webhook(2, "failing", sent=2200)], {**ALL_FALSE, LAST: 2}),
    ("blocked is further on than failing",
     [webhook(2, "failing", blocked=True, sent=2200), webhook(2, "failing", sent=2200)],
     {"state": "blocked"}),
    ("canceled is, whatever the block", [webhook(2, "canceled", blocked=True)], {"state": "canceled"}),
    ("and canceling is not blocked", [webhook(2, "canceling", blocked=True)], {"state": "canceling"}),
    ("of two that are the same in all of that the later time, the first one",
     [failed(2, failing_at=2050), failed(2, failing_at=2040), failed(3)], {FOR: 1050}),
    ("and the second", [failed(2, failing_at=2040), failed(2, failing_at=2050), failed(3)], {FOR: 1050}),
    ("of two ends the later", [passed(1), passed(2, sent=2200, finished_at=2150), failed(2, sent=2200)],
     {**ALL_FALSE, LAST: 2}),
    ("one without an end is older", [passed(1), failed(2, sent=2200, finished_at=None), passed(2, sent=2200)],
     {**ALL_FALSE, LAST: 2}),
    ("failed is newer than passed where nothing else tells", [passed(1), failed(2), passed(2)],
     {STARTED_FAILING: True}),
    ("the same the other way round", [passed(1), passed(2), failed(2)], {STARTED_FAILING: True}),
    ("token mode: the state that is further on",
     [passed(1, sent="token"), failed(2, sent="token"), webhook(2, "running", sent="token"),
      webhook(2, "failing", sent="token")], {STARTED_FAILING: True, SINCE: 2}),
    ("token mode: a retry ends later",
     [failed(1, sent="token"), passed(2, sent="token", finished_at=2300), failed(2, sent="token")],
     {STARTED_PASSING: True}),
    ("an older one says what was missing",
     [passed(1), webhook(2, "running", sent=2300, started_at=None), failed(2, sent=2200)],
     {STARTED_FAILING: True}),
    ("the outcome is what the newest that says one said",
     [passed(1), webhook(2, "running", sent=2400), passed(2, sent=2200), failed(2, sent=2300),
      passed(2, sent=2100)], {STARTED_FAILING: True}),
    ("a late one below changes P", [passed(1), failed(3), failed(2), webhook(3, "failed", sent=3500)],
     {**ALL_FALSE, COUNT: 2, SINCE: 2}),
    ("a higher outcome: both false", [passed(1), failed(3), failed(2)],
     {**ALL_FALSE, HIGHER: True, COUNT: 1}),
    ("a higher one without an outcome is none", [passed(1), webhook(3, "canceled"), failed(2)],
     {STARTED_FAILING: True, HIGHER: False}),
    ("it counts for both", [failed(1), passed(3), passed(2)], {**ALL_FALSE, HIGHER: True, LAST: 2}),

    # ---- runs, and how long
    ("a run goes over what has no outcome, down to a pass", many("FPFCFF"), {COUNT: 3, SINCE: 3, LAST: 2}),
    ("when it failed is failing_at first",
     [passed(1), webhook(2, "failed", failing_at=2040), webhook(3, "running", finished_at=None)],
     {COUNT: 1, FOR: 3000 - 2040}),
    ("for how long: to the latest time of build and job",
     [failed(2), webhook(3, J, job={"id": "j", "state": "passed", "finished_at": time(3050)})], {FOR: 950}),
    ("down to whole seconds", [failed(2, finished_at=2099.5), failed(3, finished_at=3000.25)], {FOR: 900}),
    ("not below 0", [failed(9, finished_at=99999), failed(10)], {FOR: 0}),
    ("both forms of time", [failed(2, old=True), failed(3)], {FOR: 1000}),
    ("no time in the webhook",
     [failed(2), webhook(3, "failed", created_at=None, started_at=None, finished_at=None)],
     {COUNT: 2, FOR: None}),
    ("nobody knows when it failed", [failed(2, finished_at=None), failed(3)],
     {COUNT: 2, SINCE: 2, FOR: None}),
    ("usual: not below five", many("PPPP"), {USUAL: None}),
    ("usual: the middle of five", [passed(number, finished_at=number * 1000 + number) for number in
                                   (9, 1, 7, 3, 5)], {USUAL: None}),
    ("usual: those up to this one",
     [passed(number, finished_at=number * 1000 + number) for number in (1, 3, 5, 7, 11, 9)], {USUAL: 5}),
    ("usual: of six the mean of two, rounded down",
     [passed(number, finished_at=number * 1000 + number) for number in (1, 2, 3, 4, 5, 6)], {USUAL: 3}),
    ("usual: of the last twenty",
     [passed(number, finished_at=number * 1000 + number) for number in range(1, 41)], {USUAL: 30}),
    ("usual: not of twenty-one",
     [passed(number, finished_at=number * 1000 + 2 ** number // 2) for number in range(1, 22)],
     {USUAL: 1536}),
    ("usual: whole seconds", [passed(number, finished_at=number * 1000 + 7.9) for number in range(1, 6)],
     {USUAL: 7}),
    ("usual: failed ones do not count, nor what began after its end",
     [*many("FPFPPP"), passed(7, finished_at=6999), webhook(8, "failed")], {USUAL: None}),

    # ---- beyond the 50
    ("the run reaches beyond the 50", many("P" + "F" * (BUILDS_MAX + 5)),
     {COUNT: BUILDS_MAX + 5, SINCE: 2, LAST: 1, FOR: 1000 * (BUILDS_MAX + 4)}),
    ("P does", many("P" + "C" * BUILDS_MAX) + [failed(BUILDS_MAX + 2)], {STARTED_FAILING: True, LAST: 1}),
    ("a build without an outcome just goes", many("PC" + "F" * BUILDS_MAX),
     {COUNT: BUILDS_MAX, SINCE: 3, LAST: 1}),
    ("one without an outcome interrupts no run there", many("PFC" + "F" * BUILDS_MAX),
     {COUNT: BUILDS_MAX + 1, SINCE: 2}),
    ("a pass ends a run there", many("FFP" + "F" * BUILDS_MAX), {COUNT: BUILDS_MAX, SINCE: 4, LAST: 3}),
    ("the line knows higher ones, too",
     many("CF" + "C" * BUILDS_MAX) + [webhook(1, "running", sent=200000)], {**NOTHING, HIGHER: True}),
    ("one that fell out is not taken up again",
     many("F" + "P" * BUILDS_MAX) + [passed(1, sent=200000)], {**NOTHING, HIGHER: True}),
    ("and changes nothing", many("PF" + "C" * (BUILDS_MAX - 1)) + [failed(1, sent=90000), failed(60)],
     {**ALL_FALSE, COUNT: 2, SINCE: 2, LAST: 1}),
    ("one that was never there and is lower falls at once",
     many("P" * BUILDS_MAX, 10) + [failed(2)], {**NOTHING, HIGHER: True}),
    ("as it is then", many("F" * BUILDS_MAX, 10) + [failed(2), webhook(10, "running", sent=90000)],
     {**ALL_FALSE, COUNT: 2, SINCE: 2}),
    ("a branch is forgotten", [passed(1), failed(2, sent=KEEP_S + 2000)], {STARTED_FAILING: None, COUNT: 1}),
    ("but not too early", [passed(1), failed(2, sent=KEEP_S)], {STARTED_FAILING: True}),

    # ---- jobs
    ("no job's webhook: no lists", [passed(1)], {FAILED: None, SOFT: None, MENDED: None, ASYNC: None}),
    ("a job that passed: empty ones", [job(1, "a", "passed")], {FAILED: [], SOFT: [], MENDED: []}),
    ("the next build has its own", [job(1, "a", "failed"), passed(2)], {FAILED: None}),
    ("a failed job, also at its build's webhook", [job(1, "a", "failed"), failed(1)], {FAILED: ["Lint"]}),
    ("timed out and expired are failures, canceled is none",
     [job(1, "a", "timed_out", "A"), job(1, "b", "expired", "B"), job(1, "c", "canceled", "C"),
      job(1, "d", "broken", "D")], {FAILED: ["A", "B"]}),
    ("softly", [job(1, "a", "failed", soft_failed=True), job(1, "b", "timed_out", "B", soft_failed=True)],
     {FAILED: [], SOFT: ["B", "Lint"]}),
    ("names once, in the order of their bytes",
     [job(1, str(number), "failed", name) for number, name in enumerate(("z", "ä", "Z", "z", "🪁", "a"))],
     {FAILED: ["Z", "a", "z", "ä", "🪁"]}),
    ("named by label", [job(1, "a", "failed", None, label="Block")], {FAILED: ["Block"]}),
    ("or by command", [job(1, "a", "failed", "", command="make test\r\nmake lint")], {FAILED: ["make test"]}),
    ("cut to 200 bytes", [job(1, "a", "failed", "x" + "ä" * 150)], {FAILED: ["x" + "ä" * 99]}),
    ("retried by itself: failed no more", [job(1, "a", "failed", retried=True)], {FAILED: [], MENDED: []}),
    ("retried in another: the same", [job(1, "a", "failed", retried_in_job_id="b")],
     {FAILED: [], MENDED: []}),
    ("retried, as its retry says", [job(1, "a", "failed"), job(1, "b", "scheduled", **retry_of("a"))],
     {FAILED: [], MENDED: []}),
    ("mended", [job(1, "a", "failed"), job(1, "b", "passed", **retry_of("a"))],
     {FAILED: [], MENDED: ["Lint"]}),
    ("mended, its retry came first", [job(1, "b", "passed", **retry_of("a")), job(1, "a", "failed", "Old")],
     {FAILED: [], MENDED: ["Old"]}),
    ("mended, by the first one's word alone",
     [job(1, "a", "failed", retried=True, retried_in_job_id="b"), job(1, "b", "passed", retries_count=1)],
     {FAILED: [], MENDED: ["Lint"]}),
    ("a soft failure is mended, too",
     [job(1, "a", "failed", soft_failed=True), job(1, "b", "passed", **retry_of("a"))],
     {SOFT: [], MENDED: ["Lint"]}),
 
       ("the retry failed: it alone", [job(1, "a", "failed", "First"),
      job(1, "b", "failed", "Second", **retry_of("a"))],
     {FAILED: ["Second"], MENDED: []}),
    ("the last of three passed: both before it",
     [job(1, "a", "failed", "1"), job(1, "b", "failed", "2", **retry_of("a")),
      job(1, "c", "passed", "3", **retry_of("b"))], {FAILED: [], MENDED: ["1", "2"]}),
    ("a passed job that is retried is not mended",
     [job(1, "a", "passed"), job(1, "b", "passed", **retry_of("a"))], {MENDED: []}),
    ("never taken back",
     [job(1, "a", "failed", retried=True), job(1, "a", "failed", retried=False, sent=1900)],
     {FAILED: []}),
    ("an older webhook of a job overwrites nothing",
     [job(1, "a", "failed", "New", sent=1200), job(1, "a", "running", "Old", sent=1100)], {FAILED: ["New"]}),
    ("but what failed does not run again", [job(1, "a", "failed"), job(1, "a", "running", "Late", sent=1200)],
     {FAILED: ["Lint"]}),
    ("in one second the further state",
     [job(1, "a", "failed", sent=1200), job(1, "a", "running", sent=1200)], {FAILED: ["Lint"]}),
    ("more than can be remembered",
     [job(1, str(number), "failed", "Many" if number < JOBS_MAX else "More")
      for number in range(JOBS_MAX + 1)],
     {FAILED: ["Many"]}),
    ("forgotten a week after", [job(1, "a", "failed"), passed(1, sent=BUILD_KEPT_S + 2000)], {FAILED: None}),

    # ---- from the body itself
    ("asynchronous triggers, as the body has them",
     [passed(1, steps=[{"type": "trigger", "async": True, "label": "B"}, {"type": "script", "label": "C"},
                       {"type": "trigger", "async": False, "label": "D"},
                       {"type": "trigger", "async": True, "label": "A"}])], {ASYNC: ["B", "A"]}),
    ("another kind of step", [passed(1, steps=[{"type": "script", "async": True, "label": "A"}])],
     {ASYNC: []}),
    ("no steps", [passed(1, steps=[])], {ASYNC: None}),
    ("steps, but no such", [passed(1, steps=[{"type": "script"}])], {ASYNC: []}),
    ("also where nothing is remembered",
     [without("build", "id", passed(1, steps=[{"type": "trigger", "async": True, "label": "A"}]))],
     {ASYNC: ["A"]}),
]


def check_names(report):
    for about, webhooks, expected in CASES:
        history = History()
        for one in webhooks:
            values = history.take(*one)
            values["state"] = next((row["state"] for row in history.rows()[1].values()), None)
        found = {name: values[name] for name in expected}
        report.check(f"the model: {about}", found == expected, f"{found}, not {expected}")


def check_once(report):
    """What speaks once per build."""
    history, body = History(), failed(2)[0]
    says = [history.speaks(rule, body, START_S + at)
            for rule, at in (("a", 0), ("a", 1), ("b", 2), ("a", 3), ("a", TOLD_KEPT_S + 1))]
    report.check("the model: a rule speaks once per build", says == [True, False, True, False, True], says)
    report.check("the model: of the next build again", history.speaks("a", failed(3)[0], START_S), "")


def check_seen(report):
    """Replays and repeats, as docs/delivery.md has them."""
    seen, raw = Seen(), json.dumps(failed(2)[0]).encode()
    for about, one, sent_s, at, expected in (
            ("the first time", raw, 7, 0, True), ("a replay", raw, 7, 1, False),
            ("a repeat", raw, 8, 2, False),
            ("another body", raw + b" ", 7, 3, True), ("a day later", raw, 9, DAY_S, True),
            ("token mode", raw, None, DAY_S + 1, False), ("a late replay", raw, 7, 3 * DAY_S, False),
            ("a late repeat", raw, None, 3 * DAY_S, True)):
        found = seen.is_new(one, sent_s, START_S + at)
        report.check(f"the model, seen: {about}", found == expected, found)


def check_cases(report):
    check_names(report)
    check_once(report)
    check_seen(report)
