"""Webhooks that no Buildkite would send: everything is drawn, from so little that all of it meets. What
history_stream.py rarely does, such as two webhooks of one second that differ, is the rule here."""
import datetime
import json
import random

from model.history_stream import API, EPOCH, START_S, Webhook

STATES = ("creating", "scheduled", "running", "started", "failing", "passed", "failed", "passed", "failed",
          "canceling", "canceled", "skipped", "not_run", "blocked", "waiting", None)
JOB_STATES = ("scheduled", "running", "canceling", "passed", "passed", "passed", "failed", "failed", "failed",
              "timed_out", "expired", "canceled", "broken", "skipped", "finished", None)
EVENTS = ("build.scheduled", "build.running", "build.finished", "build.failing", "build.promoted",
          "job.finished", "job.finished", "job.finished", "job.started", "job.activated")
PIPELINES, NUMBERS, JOBS = 4, 100, 4
LATE_BUILDS = 48, 70  # about where they fall out of a branch's row
WITHOUT_ID, TOKEN, EITHER = 0, 2, 3  # some of the pipelines; the rest is as it should be


class Tangle:
    def __init__(self, seed):
        self.random = random.Random(f"tangle {seed}")
        self.draw = self.random.choice

    def seldom(self, value, otherwise=None, of=6):
        return value if self.random.randrange(of) == 0 else otherwise

    def time(self, base_s, missing_of=3):
        when = EPOCH + datetime.timedelta(seconds=base_s + self.random.randrange(5),
                                          milliseconds=self.draw((0, 0, 400)))
        text = self.draw((when.strftime("%Y-%m-%d %H:%M:%S UTC"), when.isoformat(timespec="seconds") + "Z",
                          when.isoformat(timespec="milliseconds") + "Z"))
        return self.seldom(None, text, missing_of)

    def build(self, pipeline, number):
        branch, base_s = self.draw(("main", "main", "main", "dev")), START_S + number * 60
        steps = [{"type": self.draw(("trigger", "trigger", "script")), "async": self.draw((True, False, 1)),
                  "label": self.draw("ab")} for _ in range(self.random.randrange(4))]
        return {"id": f"b-{pipeline}-{branch}-{number}", "number": number, "state": self.draw(STATES),
                "blocked": self.draw((False, False, False, False, True, None)), "branch": branch,
                "url": f"{API}/kites/pipelines/tangle-{pipeline}/builds/{number}",
                "created_at": self.time(base_s, 9), "started_at": self.time(base_s),
                "failing_at": self.time(base_s + 3, 2), "finished_at": self.time(base_s + 4),
                **self.seldom({"steps": steps}, {})}

    def job(self, build, base_s):
        """Its place says which one it is a retry of, in every third build in a circle, else in pairs; it may
        keep that to itself."""
        place = self.random.randrange(JOBS)
        before, mine, behind = (f"{build['id']}-{(place + step) % JOBS}" for step in (-1, 0, 1))
        if build["number"] % 3:
            before, behind = (None, behind) if place % 2 == 0 else (before, None)
        return {"id": mine, "state": self.draw(JOB_STATES),
                "name": self.draw(("A\nmore", "A", "B", "C", "", None)),
                "soft_failed": self.draw((True, False, False, None)), "label": self.draw((None, None, "L")),
                "command": self.draw((None, "make\nall", "make\r\nall")),
                "retried": self.seldom(True, False, 12),
                "retries_count": self.draw((None, 0, 1)), "retried_in_job_id": self.seldom(behind, of=3),
                "retry_source": self.seldom(self.seldom({}, before and {"job_id": before}), of=2),
                "finished_at": self.time(base_s)}

    def webhook(self, place, count):
        at_s, pipeline, event = START_S + place // 2, self.random.randrange(PIPELINES), self.draw(EVENTS)
        late = self.draw((0, 0, 1, 2, 3, -1, self.random.randrange(*LATE_BUILDS), self.random.randrange(50)))
        number = max(1, place * NUMBERS // count - late)
        build = self.build(pipeline, number)
        body = {"event": event, "nonce": place, "build": build, "pipeline": {"slug": f"tangle-{pipeline}"}}
        if pipeline != WITHOUT_ID:
            body["pipeline"]["id"] = f"t-{pipeline}"
        if event.startswith("job."):
            body["job"] = self.seldom(None, self.job(build, START_S + number * 60), 30)
        is_token = pipeline == TOKEN or (pipeline == EITHER and self.seldom(True, of=2))
        return Webhook(event, json.dumps(body, separators=(",", ":")).encode(),
                       None if is_token else at_s - self.random.randrange(4),
                       (f"tangle-{pipeline}", build["branch"]), number,
                       received_us=at_s * 1000000 + place)


def tangle(seed, count):
    """COUNT webhooks, in the order in which they arrive. One pipeline is both signed and in token mode: what
    is newest there depends on that order."""
    made = Tangle(seed)
    return [made.webhook(place, count) for place in range(count)]
