"""A second implementation of memory, made from docs/memory.md alone: rows as dictionaries, every name counted
anew for each webhook.

A time of a body is an int of microseconds since 1970. None is null, or not known.
"""
import bisect
import datetime
import functools
import hashlib
import re
import statistics

BUILDS_MAX, JOBS_MAX, NAME_MAX_BYTES = 50, 200, 200
USUAL_OF, USUAL_LEAST = 20, 5
DAY_S = 86400
BUILD_KEPT_S, TOLD_KEPT_S, KEEP_S = 7 * DAY_S, 30 * DAY_S, 90 * DAY_S
SECOND = 1000000
PASSED, FAILED, SOFT, NO_RESULT = "passed", "failed", "failed softly", "none"

BUILD_RANKS = {"running": 1, "started": 1, "canceling": 1, "failing": 2, "blocked": 3, "passed": 4,
               "failed": 4, "canceled": 4, "skipped": 4, "not_run": 4}
TIES = {"failed": 3, "failing": 2, "passed": 1}
JOB_RANKS = {"running": 1, "canceling": 1, "passed": 2, "failed": 2, "canceled": 2, "timed_out": 2,
             "expired": 2, "skipped": 2, "broken": 2, "finished": 2}
JOB_FAILURES = {"failed", "timed_out", "expired"}
TIMES = ("created_at", "started_at", "failing_at", "finished_at")
LISTS = ("build.failed_jobs", "build.soft_failed_jobs", "build.mended_jobs", "build.async_triggers")
OF_BRANCH = ("pipeline.started_failing", "pipeline.started_passing", "build.fixed",
             "pipeline.consecutive_failures", "pipeline.failing_since", "pipeline.failing_for",
             "pipeline.last_passed", "pipeline.usual_duration")
NAMES = (*OF_BRANCH, "pipeline.next_finished_build_exists", *LISTS)


# ---- what a body says

@functools.lru_cache(1 << 16)
def read_time(text):
    """Both of Buildkite's forms, with a fraction or without."""
    if not isinstance(text, str):
        return None
    if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", text):
        text = text[:-4] + "Z"
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(
        microseconds=1)


def member(value, name, kind=dict):
    """What is missing, null or of another kind is all the same: None, or an object without members."""
    found = value.get(name)
    if isinstance(found, kind) and not (kind is int and isinstance(found, bool)):
        return found
    return {} if kind is dict else None


def organization_of(body):
    for part in ("build", "pipeline"):
        found = re.search(r"/organizations/([^/?#]+)", member(member(body, part), "url", str) or "")
        if found:
            return found.group(1)
    return None


class Said:
    """What one webhook says of its build."""

    def __init__(self, body, sent_s):
        self.event = member(body, "event", str) or ""
        build, pipeline = member(body, "build"), member(body, "pipeline")
        self.id = member(build, "id", str) or None
        self.number = member(build, "number", int) or 0
        self.branch = member(build, "branch", str) or None
        self.state = self.read_state(build)
        self.times = {name: read_time(build.get(name)) for name in TIMES}
        self.age = (sent_s, BUILD_RANKS.get(self.state, 0),
                    -1 if self.times["finished_at"] is None else self.times["finished_at"],
                    TIES.get(self.state, 0))
        self.outcome = self.read_outcome(build)
        slug, organization = member(pipeline, "slug", str) or None, organization_of(body)
        self.pipeline = member(pipeline, "id", str) or (
            (organization, slug) if slug and organization else None)

    def read_state(self, build):
        state = member(build, "state", str)
        if build.get("blocked") is True and state not in ("canceled", "canceling"):
            return "blocked"
        if self.event == "build.failing" and BUILD_RANKS.get(state, 0) < BUILD_RANKS["failing"]:
            return "failing"
        return state

    def read_outcome(self, build):
        state = member(build, "state", str)
        if build.get("blocked") is True and state not in ("canceled", "canceling"):
            return None
        if self.event == "build.failing" and BUILD_RANKS.get(state, 0) < BUILD_RANKS["passed"]:
            return FAILED
        return {"passed": PASSED, "failed": FAILED, "failing": FAILED}.get(state)

    @property
    def is_remembered(self):
        return bool(self.event.startswith(("build.", "job.")) and self.pipeline and self.id and
                    self.number > 0 and self.branch)


def is_newer(age, than):
    if age[0] is not None and than[0] is not None and age[0] != than[0]:
        return age[0] > than[0]
    return age[1:] > than[1:]


def is_newer_of_job(age, than):
    """A job never goes back."""
    return age[1] > than[1] if age[1] != than[1] else is_newer(age, than)


class Newest:
    """A value that the newest of some webhooks said; where nothing tells which is newer, the greater one, as
    ORDER has them."""

    def __init__(self, order=(), newer=is_newer):
        self.value, self.age, self.order, self.is_newer = None, None, order, newer

    def hear(self, value, age):
        if value is None:
            return
        if self.age is None or self.is_newer(age, self.age) or (
                not self.is_newer(self.age, age) and self.place(value) > self.place(self.value)):
            self.value, self.age = value, age

    def place(self, value):
        return self.order.index(value) if self.order else value


def latest_time(body):
    found = [read_time(value) for part in ("build", "job") for name, value in member(body, part).items()
             if name.endswith("_at") and isinstance(value, str)]
    return max((moment for moment in found if moment is not None), default=None)


def async_triggers(body):
    steps = member(member(body, "build"), "steps", list)
    if not steps:
        return None
    return [step.get("label") or step.get("name") for step in steps
            if isinstance(step, dict) and step.get("type") == "trigger" and step.get("async") is True]


def in_order(names):
    return sorted({name for name in names if name}, key=str.encode)


# ---- the row of a branch

class Build:
    """As its branch remembers it."""

    def __init__(self):
        self.state, self.outcome = Newest(), Newest((PASSED, FAILED))
        self.times = {name: Newest() for name in TIMES}

    def hear(self, said):
        self.state.hear(said.state, said.age)
        self.outcome.hear(said.outcome, said.age)
        for name, value in said.times.items():
            self.times[name].hear(value, said.age)

    @property
    def failed_at(self):
        failing = self.times["failing_at"].value
        return self.times["finished_at"].value if failing is None else failing

    @property
    def took_s(self):
        start, end = self.times["started_at"].value, self.times["finished_at"].value
        return None if start is None or end is None or end < start else (end - start) // SECOND


class Line:
    """What came before the last 50: the failures are those it ends with."""

    def __init__(self):
        self.last = self.last_outcome = self.last_passed = None
        self.failures, self.first, self.first_failed_at = 0, None, None
        self.fallen = 0  # the last that went into it, also one without an outcome

    def add(self, number, build):
        outcome = build.outcome.value
        self.fallen = number
        if outcome is None:
            return
        self.last, self.last_outcome = number, outcome
        if outcome == PASSED:
            self.last_passed = number
            self.failures, self.first, self.first_failed_at = 0, None, None
        else:
            if not self.failures:
                self.first, self.first_failed_at = number, build.failed_at
            self.failures += 1

    def row(self):
        return (self.last, self.last_outcome, self.last_passed, self.failures, self.first,
                self.first_failed_at)


class Branch:
    def __init__(self):
        self.numbers, self.builds, self.line, self.heard_s = [], {}, Line(), None

    def hear(self, said):
        if said.number not in self.builds:
            if said.number <= self.line.fallen:
                return
            self.builds[said.number] = Build()
            bisect.insort(self.numbers, said.number)
        self.builds[said.number].hear(said)
        if len(self.numbers) > BUILDS_MAX:
            oldest = self.numbers.pop(0)
            self.line.add(oldest, self.builds.pop(oldest))

    def down_from(self, number):
        """(number, build) of those with an outcome up to and including NUMBER, the highest first."""
        for at in range(bisect.bisect_right(self.numbers, number) - 1, -1, -1):
            build = self.builds[self.numbers[at]]
            if build.outcome.value:
                yield self.numbers[at], build

    def higher_has_outcome(self, number):
        return (self.line.last or 0) > number or any(
            self.builds[one].outcome.value for one in reversed(self.numbers) if one > number)

    def before(self, number):
        """The outcome of P, and its number."""
        for one, build in self.down_from(number - 1):
            return build.outcome.value, one
        return self.line.last_outcome, self.line.last

    def run(self, number):
        """How many, the first, when that one failed."""
        count, first, when = 0, None, None
        for one, build in self.down_from(number):
            if build.outcome.value == PASSED:
                return count, first, when
            count, first, when = count + 1, one, build.failed_at
        if self.line.failures:
            return count + self.line.failures, self.line.first, self.line.first_failed_at
        return count, first, when

    def last_passed(self, number):
        for one, build in self.down_from(number):
            if build.outcome.value == PASSED:
                return one
        return self.line.last_passed

    def usual_duration(self, number):
        took = []
        for _, build in self.down_from(number):
            if build.outcome.value == PASSED and build.took_s is not None:
                took.append(build.took_s)
                if len(took) == USUAL_OF:
                    break
        return int(statistics.median(took)) if len(took) >= USUAL_LEAST else None

    def names(self, number, now):
        """Those of the table that are about the branch; NOW is the latest time in the webhook."""
        values = dict.fromkeys(OF_BRANCH)
        higher = values["pipeline.next_finished_build_exists"] = self.higher_has_outcome(number)
        if number not in self.builds:
            return values
        mine, before = self.builds[number].outcome.value, self.before(number)[0]
        if before:
            values["pipeline.started_failing"] = mine == FAILED and before == PASSED and not higher
            values["pipeline.started_passing"] = mine == PASSED and before == FAILED and not higher
            values["build.fixed"] = values["pipeline.started_passing"]
        if mine or before:
            count, first, when = self.run(number)
            values["pipeline.consecutive_failures"] = count
            values["pipeline.failing_since"] = first
            if when is not None and now is not None:
                values["pipeline.failing_for"] = max(0, (now - when) // SECOND)
        values["pipeline.last_passed"] = self.last_passed(number)
        values["pipeline.usual_duration"] = self.usual_duration(number)
        return values

    def row(self):
        return {"before": self.line.row(),
                "builds": [(number, one.outcome.value, one.state.value,
                            *(one.times[name].value for name in TIMES))
                           for number, one in sorted(self.builds.items())]}


# ---- the row of a build

class Job:
    def __init__(self):
        self.result = Newest((NO_RESULT, PASSED, SOFT, FAILED), is_newer_of_job)
        self.name = Newest(newer=is_newer_of_job)
        self.retried, self.next = False, None

    def row(self):
        return self.name.value, self.result.value, self.retried, self.next


def result_of(job):
    state = member(job, "state", str)
    if state in JOB_FAILURES:
        return SOFT if job.get("soft_failed") is True else FAILED
    return PASSED if state == "passed" else NO_RESULT


def name_of(job):
    text = next(filter(None, (member(job, key, str) for key in ("name", "label", "command"))), "")
    line = text.split("\n")[0].removesuffix("\r")
    return line.encode()[:NAME_MAX_BYTES].decode(errors="ignore") or None


class Jobs:
    """What is remembered of one build beside its branch's row."""

    def __init__(self):
        self.state, self.outcome = Newest(), Newest((PASSED, FAILED))
        self.jobs, self.retries, self.more, self.came, self.heard_s = {}, {}, 0, False, None

    def hear(self, said, job):
        self.state.hear(said.state, said.age)
        self.outcome.hear(said.outcome, said.age)
        if said.event.startswith("job."):
            self.came = True
            if member(job, "id", str):
                self.hear_job(job, said.age[0])

    def hear_job(self, job, sent_s):
        source = job.get("retry_source")
        was_retried = job.get("retried") is True or bool(member(job, "retried_in_job_id", str))
        is_retry = isinstance(source, dict) or (member(job, "retries_count", int) or 0) > 0
        result, name = result_of(job), job["id"]
        if name not in self.jobs:
            if not (was_retried or is_retry or result in (FAILED, SOFT) or name in self.retries):
                return
            if len(self.jobs) >= JOBS_MAX:
                self.more += 1
                return
            self.jobs[name] = Job()
        mine, age = self.jobs[name], (sent_s, JOB_RANKS.get(job.get("state"), 0))
        mine.result.hear(result, age)
        mine.name.hear(name_of(job), age)
        mine.retried |= was_retried
        mine.next = member(job, "retried_in_job_id", str) or mine.next
        if member(member(job, "retry_source"), "job_id", str):
            self.retries.setdefault(source["job_id"], name)

    def next_of(self, job_id):
        """Whether it was retried, and in which job, None where that is not known."""
        job, retry = self.jobs[job_id], self.retries.get(job_id)
        return job.retried or bool(retry), job.next if job.next in self.jobs else retry

    def passes_in_the_end(self, job_id):
        """The last job of its chain of retries; one that leads back to itself has none."""
        for _ in range(JOBS_MAX + 1):
            if job_id is None:
                return False
            was_retried, retry = self.next_of(job_id)
            if not was_retried:
                return self.jobs[job_id].result.value == PASSED
            job_id = retry
        return False

    def names(self):
        if not self.came:
            return {}
        lists = {name: [] for name in LISTS[:3]}
        for job_id, job in self.jobs.items():
            result = job.result.value
            if result not in (FAILED, SOFT):
                continue
            if not self.next_of(job_id)[0]:
                lists["build.failed_jobs" if result == FAILED else "build.soft_failed_jobs"].append(
                    job.name.value)
            elif self.passes_in_the_end(job_id):
                lists["build.mended_jobs"].append(job.name.value)
        return {name: in_order(jobs) for name, jobs in lists.items()}

    def row(self):
        return {"state": self.state.value, "outcome": self.outcome.value, "lists": self.names(),
                "jobs": {job_id: job.row() for job_id, job in sorted(self.jobs.items())}}


# ---- memory

class History:
    """All rows. KEEP_S is `memory: {keep: …}`."""

    def __init__(self, keep_s=KEEP_S):
        self.keep_s = keep_s
        self.branches, self.builds, self.told = {}, {}, {}

    @staticmethod
    def row_of(rows, key, make, kept_s, now_s):
        """A row that is past its time is gone, whether or not it was removed already."""
        row = rows.get(key)
        if row is None or now_s - row.heard_s > kept_s:
            row = rows[key] = make()
        row.heard_s = now_s
        return row

    def take(self, body, sent_s, received_s):
        """Works one webhook that is neither a replay nor a repeat; SENT_S is None in token mode. The values
        of all names, and of "P" its number."""
        values = dict.fromkeys(NAMES)
        values["build.async_triggers"] = async_triggers(body)
        values["P"] = None
        said = Said(body, sent_s)
        if not said.is_remembered:
            return values
        branch = self.row_of(self.branches, (said.pipeline, said.branch), Branch, self.keep_s, received_s)
        branch.hear(said)
        build = self.row_of(self.builds, said.id, Jobs, BUILD_KEPT_S, received_s)
        build.hear(said, member(body, "job"))
        values.update(branch.names(said.number, latest_time(body)))
        values.update(build.names())
        values["P"] = branch.before(said.number)[1]
        return values

    def speaks(self, rule, body, received_s):
        """Whether RULE, which speaks once per build and matches, does so: it is then told."""
        key = rule, member(member(body, "build"), "id", str)
        told_s = self.told.get(key)
        if told_s is not None and received_s - told_s <= TOLD_KEPT_S:
            return False
        self.told[key] = received_s
        return True

    def rows(self):
        return ({key: branch.row() for key, branch in self.branches.items()},
                {key: build.row() for key, build in self.builds.items()})


class Seen:
    """Which webhooks came before, as docs/delivery.md has it; all have a time of their event."""

    def __init__(self):
        self.bodies, self.signed = {}, set()

    def is_new(self, raw, sent_s, received_s):
        body = hashlib.sha256(raw).digest()
        known_s = self.bodies.get(body)
        if (sent_s is not None and (body, sent_s) in self.signed) or (
                known_s is not None and received_s - known_s < DAY_S):
            return False
        self.bodies[body] = received_s
        self.signed.add((body, sent_s))
        return True
