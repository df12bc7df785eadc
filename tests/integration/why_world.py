"""What tests/integration/why_run.py works with: the webhooks of a month, with what is lost of them and with
planted secrets; destinations that deliver, rest, refuse, hang and let die; a state folder with a worker.

The month ends now, so that some of it is younger than the 24 hours after which a notification is dead.
"""
import base64
import bisect
import contextlib
import dataclasses
import datetime
import hashlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import time

import common
from catcher import Catcher
from history_run import TOKEN, entry

sys.path.insert(0, str(common.ROOT / "tests"))
from model.history_stream import stream  # noqa: E402
from model.why_model import RULES  # noqa: E402

PASS_S, QUIET_S = 600, 1.5
PASSES_MAX = 60  # of a destination that failed one goes ahead in each
YOUNG_S, LATE_S = 22 * 3600, 600
LOST_SHARE, LOST_BUILDS = 0.03, 0.02
LATE_SHARE, LATE_US = 0.04, 45 * 60 * 1000000
AGED, UNHINDERED = ("red-jobs", "slow"), ("everything", "plain", "thrice", "linux")  # rules
HANG_S, RETRY_AFTER_S = 10.5, 3600
PATHS = {"HOOK_GOOD": "/good", "HOOK_PICKY": "/picky", "HOOK_GONE": "/gone", "HOOK_BUSY": "/busy",
         "HOOK_SLOW": "/slow", "HOOK_PLAIN": "/plain"}
# What of it must be nowhere. An address in a text that somebody chose may stand in a message that is owed.
ADDRESS, TEXT_ADDRESS = "mara.planted@kites.example", "trailer.planted@kites.example"
PLANTED = {
    "the author's address": ADDRESS, "the creator's address": "creator.planted@kites.example",
    "the sender's address": "sender.planted@kites.example",
    "a value of the build's environment": "planted-env-value",
    "one of the pipeline's": "planted-pipeline-env", "meta-data": "planted-meta-value",
    "the provider's webhook": "webhook.example/deliver/planted-provider",
    "the user of a repository": "planted-user", "the password of a repository": "planted-password",
    "a token in the webhook": "bkua_planted0123456789", "an agent's meta-data": "planted-agent-meta",
    "a step's environment": "planted-step-env",
    "a destination's path": "planted-path", "GitHub's token": "ghp_planted0123456789",
    "Slack's token": "xoxb-planted-0123456789", "the campfire's key": "planted-path-campfire",
    "a webhook's key": base64.b64encode(b"planted-key-of-32-bytes-12345678").decode(),
    "the webhook's secret": common.SECRET.decode(), "the webhook's token": TOKEN.decode()}
HIDDEN_TEXTS = {"an address in a message": TEXT_ADDRESS,
                "an address in a command": "command.planted@kites.example"}


# ---- webhooks

def decorated(webhook):
    """With what rules ask for, a commit that two builds share, and planted secrets; of one build the same."""
    body = json.loads(webhook.raw)
    build, pipeline, job = body.get("build"), body.get("pipeline"), body.get("job")
    random_ = random.Random(f"why {build.get('url')}")
    build["commit"] = hashlib.sha1(f"{webhook.branch} {webhook.number // 2}".encode()).hexdigest()
    build["message"] = f"Kite {build['commit'][:7]}\n\nReviewed-by: Mara <{TEXT_ADDRESS}>"
    build["author"] = {"name": "Mara", "email": random_.choice((ADDRESS, None)), "username": "mara"}
    build["creator"] = {"id": "u-2", "name": "Ole", "email": PLANTED["the creator's address"]}
    build["env"] = {"DEPLOY": random_.choice(("yes", "no")), "API": PLANTED["a token in the webhook"],
                    "KEY": PLANTED["a value of the build's environment"]}
    build["meta_data"] = {"release": PLANTED["meta-data"]}
    if random_.random() < 0.1:
        build["tag"] = f"v1.{webhook.number % 5}"
    if isinstance(pipeline, dict):
        pipeline["repository"] = (
            "git@github.com:acme/web.git" if int(webhook.branch[0][-1]) % 3 < 2 else
            f"https://{PLANTED['the user of a repository']}:{PLANTED['the password of a repository']}"
            "@kites.example/acme/web.git")
        pipeline["provider"] = {"id": "github", "webhook_url": "https://" + PLANTED["the provider's webhook"]}
        pipeline["env"] = {"KEY": PLANTED["one of the pipeline's"]}
        pipeline["steps"] = [{"type": "script", "env": {"KEY": PLANTED["a step's environment"]}}]
    if isinstance(job, dict) and job.get("command"):
        job["command"] += f"\nmail {HIDDEN_TEXTS['an address in a command']}"
        job["agent"] = {"name": "linux-1", "meta_data": ["key=" + PLANTED["an agent's meta-data"]]}
    body["sender"]["email"] = PLANTED["the sender's address"]
    raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return dataclasses.replace(webhook, raw=raw)


def ends_well(seed, builds):
    """The moment of the month, in seconds, before which most comes within a day."""
    times = sorted(one.received_us / 1e6 for one in stream(seed, builds, 0))
    candidates = times[len(times) * 2 // 3::5]
    return max(candidates, key=lambda end: bisect.bisect(times, end) - bisect.bisect(times, end - YOUNG_S))


class Month:
    """The webhooks that arrive, and what was lost: single ones, and builds of which nothing came."""

    def __init__(self, seed, builds, now_s):
        random_ = random.Random(f"lost {seed}")
        some = stream(seed, builds, now_s - 120 - int(ends_well(seed, builds)))
        some = [decorated(one) for one in some if one.received_us < (now_s - 60) * 1000000]
        of = sorted({self.build_of(one) for one in some})
        self.gone = set(random_.sample(of, max(3, int(len(of) * LOST_BUILDS))))
        self.webhooks, self.lost, self.late = [], set(), set()
        for one in some:
            build = self.build_of(one)
            if build in self.gone:
                continue
            if random_.random() < LOST_SHARE:
                self.lost.add(build)
                continue
            if random_.random() < LATE_SHARE:
                one.received_us = min(one.received_us + random_.randrange(LATE_US), now_s * 1000000)
            if one.sent_s is not None and one.received_us / 1e6 - one.sent_s > LATE_S:
                self.late.add(build)
            self.webhooks.append(one)
        self.webhooks.sort(key=lambda one: one.received_us)
        for before, one in zip(self.webhooks, self.webhooks[1:]):
            one.received_us = max(one.received_us, before.received_us + 1)

    @staticmethod
    def build_of(webhook):
        return webhook.branch[0], webhook.number


# ---- destinations

def moment(text):
    return None if text is None else datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class World:
    """What answers."""

    def __init__(self, now_s, hangs_max):
        self.now_s, self.hangs_max, self.catcher = now_s, hangs_max, Catcher(self.answer)
        self.hung, self.hanging, self.heard = set(), 0, time.monotonic()

    def answer(self, path, body):
        if path.startswith("/slack"):
            return 200, {"Content-Type": "application/json"}, b'{"ok":true,"channel":"C1","ts":"1.2"}'
        if path.startswith(("/github", "/campfire")):
            return 201, {"Content-Type": "application/json"}, b"{}"
        self.heard, told = time.monotonic(), json.loads(body)
        when = told.get("timestamp") or told["data"]["build"]["created_at"]
        age_s = self.now_s - moment(when)
        answer = getattr(self, path.split("/")[1])(told["data"]["build"].get("number", 1), age_s)
        return answer if isinstance(answer, tuple) else (answer, {}, b"")

    @staticmethod
    def good(*_):
        return 204

    plain = good

    @staticmethod
    def picky(number, _):
        return 400 if number % 3 == 0 else 502 if number % 29 == 1 else 200

    @staticmethod
    def gone(number, age_s):
        return (404, 401, 410, 403)[number % 4] if age_s < YOUNG_S else 200

    @staticmethod
    def busy(_, age_s):
        return (503, {"Retry-After": str(RETRY_AFTER_S)}, b"") if age_s < YOUNG_S else 200

    def slow(self, number, _):
        """Some hang, and fail later; 0 is an answer that nobody waited for."""
        if number in self.hung:
            return 500
        if len(self.hung) >= self.hangs_max:
            return 200
        self.hung.add(number)
        self.hanging += 1
        time.sleep(HANG_S)
        self.hanging -= 1
        return 0

    def is_quiet(self):
        return not self.hanging and time.monotonic() - self.heard > QUIET_S


# ---- the worker

HEAD = """webhook:
  signature: [{name: sign, file: webhook-secret}]
  token: [{name: token, file: webhook-token}]
env_file: env
state: state
worker: {mode: service}
memory: {keep: 90d}
journal: {max_entries: 1000000, max_bytes: 4GB, keep: 3650d}
outbox: {max_entries: 1000000, max_bytes: 4GB}
services:
  slack: {token: {env: SLACK_TOKEN}, url: {env: SLACK_API}}
  github: {token: {env: GITHUB_TOKEN}, url: {env: GITHUB_API}}
  webhook: {secret: {env: SIGNS}}
notify:
"""


class Place:
    def __init__(self, folder, program, catcher):
        self.folder, self.program, self.said = folder, program, b""
        self.new = folder / "state" / "inbox" / "new"
        for part in ("new", "tmp", "aside"):
            (self.new.parent / part).mkdir(mode=0o700, parents=True)
        for path in (folder / "state", folder / "state" / "inbox"):
            os.chmod(path, 0o700)
        planted = PLANTED["a destination's path"]
        env = "".join(f"{name}={catcher.url(path)}/{planted}\n" for name, path in PATHS.items())
        names = {"SIGNS": "whsec_" + PLANTED["a webhook's key"], "SLACK_TOKEN": PLANTED["Slack's token"],
                 "GITHUB_TOKEN": PLANTED["GitHub's token"], "SLACK_API": catcher.url("/slack"),
                 "GITHUB_API": catcher.url("/github"),
                 "CAMPFIRE": catcher.url(f"/campfire/{planted}-campfire/lines")}
        env += "".join(f"{name}={value}\n" for name, value in names.items())
        config = HEAD + "\n".join(rule.text() for rule in RULES) + "\n"
        for name, content in (("webhook-secret", common.SECRET), ("webhook-token", TOKEN),
                              ("env", env.encode()), ("kitehook.yml", config.encode())):
            path = folder / name
            path.write_bytes(content)
            os.chmod(path, 0o600)
            common.aged(path)

    def keep(self, webhooks):
        for number, webhook in enumerate(webhooks):
            content = entry(webhook, number)
            name = f"{webhook.received_us:016x}.1.{number & 0xffffffff:08x},S={len(content)}"
            (self.new / name).write_bytes(content)

    def run_plain(self, *arguments):
        return subprocess.run([str(self.program), *map(str, arguments)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PASS_S, check=False)

    def run(self, *arguments):
        return self.run_plain(*arguments, "--config", self.folder / "kitehook.yml")

    def ask(self, *arguments):
        """What a command says; all of it is looked through for secrets later."""
        done = self.run(*arguments)
        self.said += done.stdout + done.stderr
        return done

    def work(self, world):
        self.began_s = int(time.time())
        self.work_until(lambda: not os.listdir(self.new) and world.is_quiet() and not self.owes_unhindered())
        for _ in range(PASSES_MAX):
            if not self.age():
                break
            self.work_until(world.is_quiet)

    def owes_unhindered(self):
        """Is something owed to a place that takes all, at once?"""
        with contextlib.closing(sqlite3.connect(self.folder / "state" / "memory.sqlite", timeout=30)) as db:
            return db.execute(f"SELECT count(*) FROM deliveries WHERE rule IN {UNHINDERED}").fetchone()[0]

    def work_until(self, is_over):
        """Not until nothing is owed: a pace may be slow."""
        begun = time.monotonic()
        with subprocess.Popen([str(self.program), "worker", "--config", str(self.folder / "kitehook.yml")],
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            common.wait_until(lambda: time.monotonic() - begun > QUIET_S and is_over() or
                              child.poll() is not None, PASS_S, 0.05)
            if child.poll() is not None:
                raise RuntimeError(f"the worker ended: {child.returncode}")
            child.terminate()

    def age(self):
        """What failed at two destinations is a day old, for which no test waits. How many there are."""
        with contextlib.closing(sqlite3.connect(self.folder / "state" / "memory.sqlite")) as db, db:
            count = db.execute("UPDATE deliveries SET expires_us = created_us + 1, not_before_us = created_us"
                       f" WHERE rule IN {AGED} AND dead_us IS NULL").rowcount
            db.execute("UPDATE destinations SET held_until_us = 0 WHERE held_until_us < ?",
                       ((self.began_s + RETRY_AFTER_S // 2) * 1000000,))
        return count


# ---- secrets

def check_secrets(report, place):
    """What was planted is in no byte of the database, and in nothing that was said."""
    path = place.folder / "state" / "memory.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    said = [("memory.sqlite", path.read_bytes(), PLANTED),
            ("what commands say", place.said, PLANTED | HIDDEN_TEXTS)]
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM deliveries")
        db.commit()
        db.execute("VACUUM")
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    said.append(("memory.sqlite without what is owed", path.read_bytes(), PLANTED | HIDDEN_TEXTS))
    for about, content, planted in said:
        report.check(f"{about}: there is something", len(content) > 10000, len(content))
        found = [kind for kind, text in planted.items() if text.encode() in content]
        report.check(f"{about}: none of {len(planted)} kinds of secrets", not found, found)


def ask_all(place, builds, webhooks):
    """Each command in each form, so that what it says can be looked through."""
    new = place.folder / "other.yml"
    text = (place.folder / "kitehook.yml").read_text(encoding="utf-8")
    new.write_text(text.replace("build.env(", "env("), encoding="utf-8")
    os.chmod(new, 0o600)
    common.aged(new)
    for more in ((), ("--json",)):
        place.ask("log", "-n", "100000", *more)
        for number in range(1, webhooks, max(1, webhooks // 12)):
            place.ask("show", number, *more)
            place.ask("replay", number, *more)
        for build in builds[:12]:
            place.ask("why", "/".join(map(str, build)), *more)
            place.ask("why", "/".join(map(str, build)), "--rule", "status", *more)
        done = place.run_plain("diff", place.folder / "kitehook.yml", new, *more)
        place.said += done.stdout + done.stderr
