"""A simulated month of Buildkite: what happens to builds and their jobs, and the webhooks that tell of it,
with all that goes wrong on the way.

What is true of a build or job is a list of moments; a webhook shows one of them, not always that of its
event. The same seed and size make the same webhooks.
"""
import bisect
import dataclasses
import datetime
import json
import random

START_S = 1772323200  # 2026-03-01 00:00 UTC
DAYS, DAY_S = 30, 86400
BUILDS = 20000
BUILDS_A_PIPELINE, PIPELINES_LEAST, PIPELINES_MAX = 200, 3, 50
LATE_S, SHUFFLED_S = 45 * 60, 180
API = "https://api.buildkite.com/v2/organizations"
EPOCH = datetime.datetime(1970, 1, 1)
JOB_NAMES = ("Lint", "Unit tests", ":docker: Image", "Grüße", "Integration", "a/b", "Z", "z")
LONG_NAME = "Prüfstand 🪁 " * 20  # above 200 bytes, and the 200th is inside a character


@dataclasses.dataclass
class Webhook:
    event: str
    raw: bytes
    sent_s: int  # None in token mode
    branch: tuple  # with its pipeline
    number: int
    is_crowded: bool = False  # what is remembered of its build's jobs depends on the order
    received_us: int = 0


class Truth:
    """What its members are, from one moment on to the next."""

    def __init__(self, at, **members):
        self.moments, self.members = [at], [members]

    def change(self, at, **members):
        at = max(at, self.moments[-1])
        self.moments.append(at)
        self.members.append({**self.members[-1], **members})

    def at(self, moment):
        return self.members[max(0, bisect.bisect_right(self.moments, moment) - 1)]


class Pipeline:
    def __init__(self, random_, number, organization, is_token):
        self.organization, self.is_token = organization, is_token
        self.slug = f"kite-{number}"
        self.id = None if random_.random() < 0.1 else uuid(random_)
        self.forgets_id = 0.02 if random_.random() < 0.1 else 0
        self.is_old = random_.random() < 0.3  # its times have no fraction
        self.tells_jobs = random_.random() < 0.9
        self.tells_failing = random_.random() < 0.8
        self.lists_steps = random_.random() < 0.3
        self.number = random_.randrange(1, 3000)
        self.speed = random_.choice((0.3, 1, 3))
        self.days = random_.choice((30, 8, 1, 1))  # in which all its builds are made
        self.broken = set()  # its branches that fail
        self.mends = random_.choice((0.3, 0.3, 0.3, 0.02))  # what fails, with each build
        self.features = []

    def time(self, moment):
        if moment is None:
            return None
        when = EPOCH + datetime.timedelta(milliseconds=int(moment * 1000))
        if self.is_old:
            return when.strftime("%Y-%m-%d %H:%M:%S UTC")
        return when.isoformat(timespec="milliseconds") + "Z"

    def body(self, with_id):
        return {**({"id": self.id} if self.id and with_id else {}), "slug": self.slug,
                "url": f"{API}/{self.organization}/pipelines/{self.slug}",
                "name": self.slug.title(), "default_branch": "main"}


def uuid(random_):
    text = f"{random_.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Job:
    def __init__(self, build, at, name, source=None, retry_type="automatic", **more):
        self.build, self.random = build, build.random
        self.id = uuid(self.random)
        self.name, self.source = name, source
        self.retries = source.retries + 1 if source else 0
        shown = {"id": self.id, "type": "script", "name": name, "step_key": None,
                 "retries_count": self.retries or None, **more}
        if source and self.random.random() < 0.7:
            shown["retry_source"] = {"job_id": source.id, "retry_type": retry_type, "retried_by": None}
        else:
            shown["retry_source"] = None
        self.truth = Truth(at, **shown, state="scheduled", soft_failed=False, exit_status=None,
                           retried=False, retried_in_job_id=None, created_at=at, scheduled_at=at,
                           runnable_at=at, started_at=None, finished_at=None)
        self.build.tell(at, "job.scheduled", self)

    def run(self, at, seconds, state, soft=False):
        """Starts at AT and ends; when it has."""
        self.truth.change(at, state="running", started_at=at)
        self.build.tell(at, "job.started", self)
        end = at + seconds
        if self.random.random() < 0.1:
            self.truth.change(end, state="canceling")
        self.truth.change(end, state=state, soft_failed=soft, finished_at=end,
                          exit_status={"passed": 0, "failed": 1}.get(state, None))
        self.build.tell(end, "job.finished", self)
        return end

    def retry(self, at, retry_type="automatic"):
        """Its retry, which it tells of, or not."""
        again = Job(self.build, at, self.name, self, retry_type)
        told = {"retried": True}
        if self.random.random() < 0.8:
            told["retried_in_job_id"] = again.id
        self.truth.change(at + 0.05, **told)
        return again


class Build:
    """One build: its truth, and what is to be told of it."""

    def __init__(self, random_, pipeline, branch, at):
        self.random, self.pipeline, self.branch = random_, pipeline, branch
        self.number = pipeline.number
        pipeline.number += 1
        self.id, self.commit = uuid(random_), f"{random_.getrandbits(160):040x}"
        self.truth = Truth(at, state=random_.choice(("scheduled", "scheduled", "creating")), blocked=False,
                           created_at=at, scheduled_at=at, started_at=None, failing_at=None,
                           finished_at=None)
        self.told = []
        self.is_crowded = False
        self.steps = None
        if pipeline.lists_steps:
            self.steps = random_.choice((
                [], [{"type": "script", "label": "Unit"}],
                [{"type": "trigger", "async": True, "label": "Deploy"},
                 {"type": "trigger", "async": False, "label": "Wait for it"},
                 {"type": "trigger", "async": True, "label": "Announce"}]))
        self.tell(at, "build.scheduled")

    def tell(self, at, event, job=None):
        if event == "build.failing" and not self.pipeline.tells_failing:
            return
        if job and not self.pipeline.tells_jobs:
            return
        self.told.append((at, event, job))

    def pause(self, least, most):
        return self.random.uniform(least, most) * self.pipeline.speed

    # ---- its life

    def live(self, at, fails):
        """FAILS: as its branch is. Returns when all of it is over."""
        chance = self.random.random()
        if chance < 0.03:
            return self.end(at + self.pause(1, 30), "skipped", "build.skipped")
        if chance < 0.04:
            return self.end(at + self.pause(1, 10), "not_run")
        at += self.pause(1, 60)
        self.start(at)
        if chance < 0.05:
            return self.cancel(at + self.pause(0, 100))
        if chance < 0.11:
            return self.block(at, fails)
        end, lost_job = self.run_jobs(at, fails)
        if chance < 0.13:
            return self.cancel(end + self.pause(0, 20))
        end = self.end(end + self.pause(0, 2), "failed" if fails else "passed")
        if lost_job and self.random.random() < 0.3:
            return self.retry_by_hand(end, lost_job)
        return end

    def start(self, at):
        first = self.truth.members[-1]["started_at"]
        self.truth.change(at, state=self.random.choice(("running", "running", "started")), blocked=False,
                          started_at=first or at)
        self.tell(at, "build.running")

    def end(self, at, state, event="build.finished"):
        self.truth.change(at, state=state, finished_at=at)
        self.tell(at, event)
        return at

    def cancel(self, at):
        """Perhaps after it failed, perhaps at once."""
        if self.random.random() < 0.5:
            self.truth.change(at, state="canceling")
            at += self.pause(1, 20)
        return self.end(at, "canceled")

    def fail_soon(self, at):
        self.truth.change(at, state="failing", failing_at=self.truth.members[-1]["failing_at"] or at)
        self.tell(at, "build.failing")

    def run_jobs(self, at, fails):
        """When the last ends, and the job that lost the build, if one did."""
        end, lost_job, losers = at, None, self.random.randrange(1, 3) if fails else 0
        for place in range(max(losers, self.random.choice((1, 1, 2, 2, 3)))):
            job = Job(self, at, *self.job_name())
            start = at + self.pause(0, 20)
            if place < losers:
                for _ in range(self.random.choice((0, 0, 0, 1, 2))):
                    start = job.run(start, self.pause(1, 200), "failed")
                    job = job.retry(start + self.pause(0, 2))
                over = job.run(start + self.pause(0, 3), self.pause(1, 300),
                               self.random.choice(("failed", "failed", "failed", "timed_out", "expired")))
                if not lost_job:
                    self.fail_soon(over)
                lost_job = job
            else:
                over = self.run_good(job, start)
            end = max(end, over)
        return end, lost_job

    def run_good(self, job, at):
        """A job that does its build no harm."""
        kind = self.random.random()
        if kind < 0.1:
            over = job.run(at, self.pause(1, 200), "failed")
            job = job.retry(over + self.pause(0, 2))
            return job.run(over + self.pause(2, 5), self.pause(1, 200), "passed")
        if kind < 0.17:
            over = job.run(at, self.pause(1, 200), "failed", soft=True)
            if self.random.random() < 0.5:
                job = job.retry(over + 1)
                over = job.run(over + 2, self.pause(1, 200), self.random.choice(("passed", "failed")), True)
            return over
        if kind < 0.2:
            return job.run(at, self.pause(1, 50), self.random.choice(("canceled", "broken", "skipped")))
        return job.run(at, self.pause(1, 300), "passed")

    def job_name(self):
        return (None if self.random.random() < 0.1 else
                LONG_NAME if self.random.random() < 0.003 else self.random.choice(JOB_NAMES),)

    def block(self, at, fails):
        """Once or twice, and for ever sometimes."""
        for _ in range(self.random.choice((1, 1, 2))):
            end, _ = self.run_jobs(at, False)
            self.truth.change(end, state=self.random.choice(("passed", "passed", "running")), blocked=True,
                              finished_at=end if self.random.random() < 0.5 else None)
            self.tell(end, "build.finished")
            kind = self.random.random()
            if kind < 0.2:
                return end
            at = end + self.pause(10, 20000)
            if kind < 0.3:
                return self.end(at, "canceled")
            self.unblock(at)
        end, lost_job = self.run_jobs(at, fails)
        end = self.end(end + 1, "failed" if fails else "passed")
        return self.retry_by_hand(end, lost_job) if lost_job and self.random.random() < 0.3 else end

    def unblock(self, at):
        gate = Job.__new__(Job)
        gate.id = uuid(self.random)
        gate.truth = Truth(at, id=gate.id, type="manual", label="Release?", state="unblocked",
                           unblocked_at=at)
        self.start(at)
        self.tell(at, "job.activated", gate)

    def retry_by_hand(self, at, job):
        """Once or more; what ended runs again, and passes in the end, or not."""
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            wait = 8 * DAY_S if self.random.random() < 0.01 else self.pause(30, 20000)
            at += wait
            self.truth.change(at, state="running",
                              **({"finished_at": None} if self.random.random() < 0.5 else {}))
            if self.random.random() < 0.5:
                self.tell(at, "build.running")
            job = job.retry(at, "manual")
            good = self.random.random() < 0.6
            at = job.run(at + self.pause(1, 60), self.pause(1, 300), "passed" if good else "failed")
            if not good:
                self.fail_soon(at)
            at = self.end(at + self.pause(0, 2), "passed" if good else "failed")
            if good and self.random.random() < 0.9:
                break
        return at

    def crowd(self, at):
        """More jobs fail than are remembered."""
        self.is_crowded = True
        for number in range(210):
            job = Job(self, at, JOB_NAMES[number % len(JOB_NAMES)] if number < 190 else f"More {number}")
            job.run(at, 1 + number, "failed")

    # ---- what is told of it

    def body(self, event, moment, job):
        pipeline, shown = self.pipeline, self.truth.at(moment)
        build = {"id": self.id, "number": self.number,
                 "url": f"{API}/{pipeline.organization}/pipelines/{pipeline.slug}/builds/{self.number}",
                 "state": shown["state"], "blocked": shown["blocked"], "message": f"Kite {self.commit[:7]}",
                 "commit": self.commit, "branch": self.branch, "source": "webhook"}
        for name in ("created_at", "scheduled_at", "started_at", "failing_at", "finished_at"):
            build[name] = pipeline.time(shown[name])
        if event == "build.finished" and self.steps is not None:
            build["steps"] = self.steps
        body = {"event": event, "build": build,
                "pipeline": pipeline.body(self.random.random() >= pipeline.forgets_id),
                "sender": {"id": "u-1", "name": "Mara Example"}}
        if job:
            body["job"] = {name: pipeline.time(value) if name.endswith("_at") else value
                           for name, value in job.truth.at(moment).items()}
            if body["job"].get("name") is None and body["job"]["type"] == "script":
                body["job"]["command"] = "make test\r\nmake lint"
        return body

    def webhooks(self):
        """(when it arrives, Webhook) of each that is not lost."""
        random_ = self.random
        for at, event, job in self.told:
            if random_.random() < 0.02:
                continue
            kind = random_.random()
            shown_at = at + (random_.uniform(1, 120) if kind < 0.08 else
                             -random_.uniform(1, 30) if kind < 0.12 else 0)
            body = self.body(event, shown_at, job)
            if random_.random() < 0.002:
                spoil(random_, body)
            yield from self.send(at, event, json.dumps(body, separators=(",", ":"), ensure_ascii=False))

    def send(self, at, event, text):
        """Sent once or more; each sent one arrives once or more."""
        random_, raw = self.random, text.encode()
        sent = at + random_.uniform(0, 3)
        if random_.random() < 0.01:
            sent += random_.uniform(0, LATE_S)
        for _ in range(2 if random_.random() < 0.03 else 1):
            arrived = sent + random_.uniform(0.01, 2)
            if random_.random() < 0.15:
                arrived += random_.uniform(0, SHUFFLED_S)
            elif random_.random() < 0.005:
                arrived += random_.uniform(0, LATE_S)
            for _ in range(2 if random_.random() < 0.01 else 1):
                yield arrived, Webhook(event, raw, None if self.pipeline.is_token else int(sent),
                                       (self.pipeline.slug, self.branch), self.number, self.is_crowded)
                arrived += random_.uniform(0.1, 250)
            sent += random_.uniform(0, 600)


def spoil(random_, body):
    """Something that Buildkite does not send today."""
    build = body["build"]
    random_.choice((
        lambda: build.pop("branch"), lambda: build.update(number=0), lambda: build.pop("id"),
        lambda: build.update(state="waiting_failed"), lambda: build.update(state=None),
        lambda: build.update(blocked="yes"), lambda: build.update(finished_at="soon"),
        lambda: body.update(job=[]), lambda: body.pop("pipeline"),
        lambda: build.update(number=str(build["number"])), lambda: build.update(started_at=7)))()


def branch_of(random_, pipeline):
    kind = random_.random()
    if kind < 0.6:
        return "main"
    if kind < 0.7:
        return "release/1"
    if not pipeline.features or random_.random() < 0.25:
        pipeline.features.append(f"feature/{len(pipeline.features)}-grün")
    if kind < 0.72:
        return random_.choice(pipeline.features)
    return random_.choice(pipeline.features[-3:])


def builds_of(random_, pipeline, count, start_s):
    """All builds of a pipeline, in the order of their numbers."""
    first = random_.uniform(0, DAYS - pipeline.days)
    moments = sorted(random_.uniform(first, first + pipeline.days) * DAY_S for _ in range(count))
    crowded = random_.randrange(count) if random_.random() < 0.15 else -1
    pushed = None  # a branch to which somebody pushes again
    for place, moment in enumerate(moments):
        at = start_s + moment
        branch = branch_of(random_, pipeline)
        if pushed:
            before, branch, pushed = pushed, pushed.branch, None
            at = before.truth.moments[0] + 20
            build = Build(random_, pipeline, branch, at)
        else:
            before, build = None, Build(random_, pipeline, branch, at)
        if random_.random() < (pipeline.mends if branch in pipeline.broken else 0.12):
            pipeline.broken ^= {branch}
        if place == crowded:
            build.crowd(at + 1)
        if branch.startswith("feature") and not before and random_.random() < 0.25 and place + 1 < count:
            pushed = build
            build.start(at + 5)
            build.cancel(at + 25)
        else:
            build.live(at, branch in pipeline.broken)
        yield build


def stream(seed, builds=BUILDS, start_s=START_S):
    """All webhooks of the month that begins at START_S, in the order in which they arrive; received_us
    differs for each."""
    random_ = random.Random(f"history {seed} {builds}")
    count = min(PIPELINES_MAX, max(PIPELINES_LEAST, builds // BUILDS_A_PIPELINE))
    arriving = []
    for number in range(count):
        token = number % 7 == 3 or (number == count - 1 and count < 4)
        pipeline = Pipeline(random_, number, "token-kites" if token else f"kites-{number % 2}", token)
        for build in builds_of(random_, pipeline, builds // count, start_s):
            arriving += build.webhooks()
    arriving.sort(key=lambda one: one[0])
    last_us = 0
    for arrived, webhook in arriving:
        last_us = webhook.received_us = max(last_us + 1, int(arrived * 1000000))
    return [webhook for _, webhook in arriving]


def reordered(webhooks, seed, lateness=45):
    """The same in another order: one is late by up to LATENESS builds of its branch. Of one body only the
    first is left, since a repeat counts for nothing, whichever of both was sent later; and nothing of builds
    with too many jobs."""
    random_ = random.Random(f"reordered {seed}")
    branches, bodies = {}, set()
    for webhook in webhooks:
        if not webhook.is_crowded and webhook.raw not in bodies:
            branches.setdefault(webhook.branch, {}).setdefault(webhook.number, []).append(webhook)
        bodies.add(webhook.raw)
    keyed = []
    for numbers in branches.values():
        for rank, number in enumerate(sorted(numbers)):
            keyed += [((rank + random_.uniform(0, lateness)) / (len(numbers) + lateness), webhook)
                      for webhook in numbers[number]]
    keyed.sort(key=lambda one: one[0])
    found = [dataclasses.replace(webhook) for _, webhook in keyed]
    for place, webhook in enumerate(found):
        webhook.received_us = (START_S + DAYS * DAY_S) * 1000000 + place
    return found
