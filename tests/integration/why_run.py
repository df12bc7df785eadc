"""A month of webhooks through real workers and destinations that deliver, rest, refuse, time out and die; then
`kitehook why` is asked of many builds, and held against tests/model/why_model.py.

The month ends now, so that some of it is younger than the 24 hours after which a notification is dead. What
each destination answered is what it recorded itself, by the id of the delivery.
"""
import base64
import bisect
import collections
import contextlib
import dataclasses
import datetime
import hashlib
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import time

import common
from catcher import Catcher
from history_run import TOKEN, entry
from journal_cases import table
from logs import jsonschema

sys.path.insert(0, str(common.ROOT / "tests"))
from model.history_stream import stream  # noqa: E402
from model.why_model import Journal, RULES, fates  # noqa: E402

PASS_S, QUIET_S, SHOWN = 600, 1.5, 4
YOUNG_S, LATE_S = 22 * 3600, 600
LOST_SHARE, LOST_BUILDS = 0.03, 0.02
LATE_SHARE, LATE_US = 0.04, 45 * 60 * 1000000
OF_A_KIND, RULE_EACH = 8, 5
AGED = ("red-jobs", "slow")  # rules
HANGS_MAX, HANG_S, RETRY_AFTER_S = 3, 10.5, 3600
PASSES_MAX = 60  # of a destination that failed one goes ahead in each
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
HIDDEN_TEXTS = {"an address in a message": TEXT_ADDRESS, "an address in a command": "command.planted@kites.example"}


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
    build["env"] = {"DEPLOY": random_.choice(("yes", "no")), "KEY": PLANTED["a value of the build's environment"],
                    "API": PLANTED["a token in the webhook"]}
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
        self.work_until(lambda: not os.listdir(self.new) and world.is_quiet())
        for _ in range(PASSES_MAX):
            if not self.age():
                break
            self.work_until(world.is_quiet)

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
            count = db.execute("UPDATE deliveries SET expires_us = created_us + 1, not_before_us = 0"
                       f" WHERE rule IN {AGED} AND dead_us IS NULL").rowcount
            db.execute("UPDATE destinations SET held_until_us = 0 WHERE held_until_us < ?",
                       ((self.began_s + RETRY_AFTER_S // 2) * 1000000,))
        return count


# ---- the comparison

SCHEMA = json.loads((common.ROOT / "docs" / "journal.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator({"$ref": "#/$defs/why", "$defs": SCHEMA["$defs"]})
PARTS = {"not_event": "events", "build_blocked": "events", "not_pipeline": "pipelines",
         "not_branch": "branches", "condition_false": "if", "undecided": "if"}

def moment(text):
    return None if text is None else datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def same_moment(text, seconds):
    """As --json has it, in milliseconds."""
    return (text is None) == (seconds is None) and (text is None or abs(moment(text) - seconds) < 0.002)


class Attempts:
    """What destinations recorded: by a delivery's id, or, where a notifier sends none, by what it says."""

    def __init__(self, catcher):
        self.by_id, self.texts = collections.defaultdict(list), collections.defaultdict(list)
        for one in catcher.caught:
            name = one.headers.get("webhook-id")
            if name:
                self.by_id[name].append(one)
            else:
                self.texts[one.path].append(one.json)

    def arrived(self, rule, fact):
        """How many notifications that RULE owes of FACT's build and state may have arrived."""
        build, number = fact.body["build"], fact.body["build"].get("number")
        if rule.name == "status":
            return len(self.texts.get(f"/github/repos/acme/web/statuses/{build.get('commit')}", ()))
        name = member_text(fact.body, "pipeline", "name")
        path = "/slack" if rule.yaml.startswith("slack") else next(
            (path for path in self.texts if path.startswith("/campfire")), "")
        return sum(name in text and f"build #{number} " in text for text in map(
            lambda one: re.sub("</?strong>", "", json.dumps(one, ensure_ascii=False)), self.texts[path]))


def member_text(body, *names):
    for name in names:
        body = body.get(name) or {}
    return body if isinstance(body, str) else ""


class Comparison:
    """`why` of one build after the other, against the model."""

    def __init__(self, report, month, now_s):
        self.report, self.month, self.now_s = report, month, now_s
        self.journal = Journal()
        for webhook in month.webhooks:
            self.journal.take(webhook)
        self.differ, self.reasons, self.sentences = collections.Counter(), collections.Counter(), table()
        self.facts_of = collections.defaultdict(list)
        self.numbers = {id(fact): number for number, fact in enumerate(self.journal.facts)}
        for fact in self.journal.facts:
            number = (fact.body.get("build") or {}).get("number")
            if fact.pipeline and isinstance(number, int) and number > 0:
                self.facts_of[fact.organization, fact.pipeline, number].append(fact)

    def worked(self, place, catcher):
        self.place, self.attempts = place, Attempts(catcher)
        self.ended_s = time.time()

    # ---- which builds

    def kinds(self):
        """{kind: builds of which `why` must be asked}"""
        found = collections.defaultdict(list)
        organizations = {pipeline: organization for organization, pipeline, _ in self.facts_of}
        for build in sorted(self.month.gone):
            if build[0] in organizations:
                found["nothing of it came"].append((organizations[build[0]], *build))
        for build, facts in self.facts_of.items():
            if build[1:] in self.month.lost:
                found["lost"].append(build)
            if build[1:] in self.month.late:
                found["late"].append(build)
            if len({fact.webhook.sent_s for fact in facts} - {None}) > 1 and any(
                    one.webhook.sent_s and two.webhook.sent_s and one.webhook.sent_s > two.webhook.sent_s
                    for one, two in zip(facts, facts[1:])):
                found["out of order"].append(build)
            for word in {fact.verdict for fact in facts} | {
                    reason for fact in facts for _, reason in fact.decisions}:
                found[word].append(build)
        for some in self.attempts.by_id.values():
            about = some[-1].json["data"]
            key = (about.get("organization"), member_text(about, "pipeline", "slug"), about["build"].get("number"))
            is_old = some[-1].path.split("/")[1] in ("picky", "slow")
            for word in fates([one.status for one in some], is_old, False):
                if key in self.facts_of:
                    found[word].append(key)
        return found

    def choose(self, count, seed):
        """Of each kind some, and others at random."""
        random_, kinds = random.Random(f"asked {seed}"), self.kinds()
        chosen = {}
        for kind in sorted(map(str, kinds)):
            some = sorted(set(kinds.get(kind, ())))
            chosen.update(dict.fromkeys(random_.sample(some, min(OF_A_KIND, len(some)))))
        rest = [build for build in sorted(self.facts_of) if build not in chosen]
        chosen.update(dict.fromkeys(random_.sample(rest, min(len(rest), max(0, count - len(chosen))))))
        counted = {kind: len(set(some) & chosen.keys()) for kind, some in kinds.items() if kind}
        return list(chosen), counted

    # ---- one build

    def note(self, build, kind, theirs, ours):
        self.differ[kind] += 1
        if self.differ[kind] <= SHOWN:
            print(f"{'/'.join(map(str, build))}: {kind}: {theirs}, the model says {ours}", flush=True)

    def hold(self, build, kind, theirs, ours):
        if theirs != ours:
            self.note(build, kind, theirs, ours)

    def ask(self, build):
        done = self.place.ask("why", "/".join(map(str, build)), "--json")
        if done.returncode != 0 and not done.stdout:
            self.note(build, "exit code", (done.returncode, done.stderr[-300:]), 0)
            return
        told = json.loads(done.stdout)
        self.hold(build, "the schema", [str(one)[:200] for one in VALIDATOR.iter_errors(told)], [])
        if build[2] % RULE_EACH == 0:
            self.ask_of_rule(build, told, RULES[build[2] // RULE_EACH % len(RULES)].name)
        facts = self.facts_of.get(build, [])
        self.hold(build, "organization and pipeline", (told["organization"], told["pipeline"], told["build"]), build)
        self.hold(build, "webhooks", [one["request_id"] for one in told["webhooks"]],
                  [f"r-{self.numbers[id(fact)]}" for fact in facts])
        self.hold(build, "journal", told["journal"]["webhooks"], len(self.journal.facts))
        for one, fact in zip(told["webhooks"], facts):
            self.compare_webhook(build, one, fact)
        missing = self.compare_not_seen(build, told, facts)
        self.compare_neighbours(build, told, facts)
        self.compare_refused(build, told, facts, missing)
        self.hold(build, "inbox", told["inbox"], {"waiting": 0, "aside": 0})

    def ask_of_rule(self, build, whole, rule):
        """`--rule` leaves what is of that rule."""
        told = json.loads(self.place.ask("why", "/".join(map(str, build)), "--rule", rule, "--json").stdout)
        for one, other in zip(told["webhooks"], whole["webhooks"]):
            for part in ("rules", "deliveries"):
                self.hold(build, f"{part} by --rule", [(of["rule"], of["reason"]) for of in one[part]],
                          [(of["rule"], of["reason"]) for of in other[part] if of["rule"] == rule])
        self.hold(build, "not seen by --rule", told["not_seen"], [
            {**one, "rules": [rule]} for one in whole["not_seen"] if rule in one["rules"]])

    def compare_webhook(self, build, told, fact):
        self.hold(build, "event", told["event"], fact.webhook.event)
        self.hold(build, "proof", (told["proof"], told["secret"]), fact.proof)
        self.hold(build, "verdict", told["verdict"], fact.verdict)
        self.hold(build, "branch", told["branch"], fact.branch)
        self.hold(build, "bytes", told["bytes"], len(fact.webhook.raw))
        if not same_moment(told["received"], fact.received_s) or not same_moment(told["sent"], fact.webhook.sent_s):
            self.note(build, "times", (told["received"], told["sent"]), (fact.received_s, fact.webhook.sent_s))
        theirs = [(one["rule"], one["reason"]) for one in told["rules"]]
        ours = [(rule.name, reason or dict(theirs).get(rule.name)) for rule, reason in fact.decisions]
        for one in told["rules"]:
            part = one["part"] and one["part"]["name"]
            self.hold(build, f"the part of {one['reason']}", part, PARTS.get(one["reason"]))
        for one in (*told["rules"], *told["deliveries"]):
            _, says, cure = self.sentences[one["reason"]]
            self.hold(build, "the sentences", (one["says"], one["do"] or "-"), (says, cure))
        for one, other in zip(theirs, ours):
            self.hold(build, f"rule {other[0]}", f"{one[1]} of {fact.webhook.event}", f"{other[1]} of {fact.webhook.event}")
            self.reasons[one[1]] += 1
        self.hold(build, "rules", [one[0] for one in theirs], [one[0] for one in ours])
        self.hold(build, "rules of today", {one["today"] for one in told["rules"]}, {"same"} if theirs else set())
        owed = [name for name, reason in ours if reason == "notified"]
        self.hold(build, "deliveries", sorted(one["rule"] for one in told["deliveries"]), sorted(owed))
        self.hold(build, "owed", told["owed"], len(owed))
        rules = {rule.name: rule for rule, _ in fact.decisions}
        for one in told["deliveries"]:
            if one["rule"] in rules:
                self.compare_delivery(build, one, rules[one["rule"]], fact)

    def compare_delivery(self, build, told, rule, fact):
        self.reasons[told["reason"]] += 1
        about = f"delivery of {rule.name}"
        if rule.yaml.startswith("log"):
            self.hold(build, about, told["reason"], "delivered")
            return
        if not rule.yaml.startswith("webhook"):
            arrived = self.attempts.arrived(rule, fact)
            allowed = {"resting", "due"} | ({"delivered"} if arrived else set()) | (
                {"replaced"} if rule.name == "status" else set())
            if told["reason"] not in allowed:
                self.note(build, about, told["reason"], allowed)
            return
        some = self.attempts.by_id.get(told["id"], [])
        said = {(one.json["type"], one.json["data"]["build"].get("number")) for one in some}
        self.hold(build, f"{about}: the id", said - {(fact.webhook.event, build[2])}, set())
        statuses = [one.status for one in some]
        allowed = fates(statuses, rule.name in AGED, self.may_rest(rule))
        if told["reason"] not in allowed:
            self.note(build, about, (told["reason"], told["attempts"], told["failed"]), (allowed, statuses))
        self.hold(build, f"{about}: attempts", told["attempts"], len(statuses))
        failed = [status or None for status in statuses if not 200 <= status < 300]
        self.hold(build, f"{about}: what failed", [one["status"] for one in told["failed"]], failed)
        self.hold(build, f"{about}: status", told["status"], failed[-1] if failed else None)
        is_over = told["reason"] in ("delivered", "dead", "expired")
        self.hold(build, f"{about}: still owed, ended, next attempt",
                  (told["still_owed"], told["ended"] is None, told["next_attempt"] is None),
                  (not is_over, not is_over, is_over))

    def may_rest(self, rule):
        return "surely" if rule.name == "deploys" else rule.name in ("team", "red-jobs", "slow")

    def compare_not_seen(self, build, told, facts):
        missing = self.journal.not_seen(build[0], build[1], facts)
        theirs = {one["event"]: (one["rules"], one["ever"], one["last"] and one["last"][:10])
                  for one in told["not_seen"]}
        ours = {event: (rules, ever, last and time.strftime("%Y-%m-%d", time.gmtime(last)))
                for event, (rules, ever, last) in missing.items()}
        self.hold(build, "not seen", {event: one for event, one in theirs.items() if ours.get(event) != one},
                  {event: one for event, one in ours.items() if theirs.get(event) != one})
        return missing

    def compare_neighbours(self, build, told, facts):
        theirs = told["neighbours"]
        if facts:
            self.hold(build, "neighbours", theirs, None)
            return
        count, last, *around = self.journal.neighbours(*build)
        if theirs is None:
            self.note(build, "neighbours", None, (count, last))
            return
        self.hold(build, "webhooks of the pipeline", theirs["webhooks"], count)
        if not same_moment(theirs["last"], last):
            self.note(build, "the pipeline's last", theirs["last"], last)
        for name, ours in zip(("before", "after"), around):
            one = theirs[name]
            if (one is None) != (ours is None) or (one and not (
                    one["build"] == ours[0] and same_moment(one["first"], ours[1])
                    and same_moment(one["last"], ours[2]))):
                self.note(build, f"the build {name} it", one, ours)

    def compare_refused(self, build, told, facts, missing):
        theirs = told["refused"]
        if facts and not missing:
            self.hold(build, "refused", theirs, None)
            return
        if theirs is None:
            self.note(build, "refused", None, missing)
            return
        self.hold(build, "nobody counted", (theirs["count"], theirs["unkept"], theirs["since"]), (None,) * 3)
        from_s, to_s = self.journal.span(*build, facts, time.time())
        self.hold(build, "refused, from", moment(theirs["from"]), from_s)
        self.hold(build, "refused, to", moment(theirs["to"]), to_s)


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


# ---- all of it

class Run:
    def __init__(self, report, program, seed, builds, asked, hangs_max=HANGS_MAX):
        self.report, self.program, self.seed, self.hangs_max = report, program, seed, hangs_max
        self.builds, self.asked = builds, asked

    def go(self, folder):
        now_s = int(time.time())
        month, world = Month(self.seed, self.builds, now_s), World(now_s, self.hangs_max)
        place, compared = Place(folder, self.program, world.catcher), Comparison(self.report, month, now_s)
        place.keep(month.webhooks)
        with world.catcher:
            place.work(world)
            compared.worked(place, world.catcher)
            chosen, counted = compared.choose(self.asked, self.seed)
            for build in chosen:
                compared.ask(build)
        ask_all(place, chosen, len(month.webhooks))
        print(f"{len(month.webhooks)} webhooks; {len(chosen)} builds were asked for: "
              + ", ".join(f"{count} {kind}" for kind, count in sorted(counted.items())))
        print("reasons: " + ", ".join(f"{count} {word}" for word, count in compared.reasons.most_common()))
        self.report.check(f"why, seed {self.seed}: {len(chosen)} builds, as the model says", not compared.differ,
                          f"{sum(compared.differ.values())} differ: {dict(compared.differ)}")
        few = [kind for kind in WANTED if not counted.get(kind) and not compared.reasons.get(kind)]
        self.report.check("each kind is among them", not few, few)
        check_secrets(self.report, place)


WANTED = ("nothing of it came", "lost", "late", "out of order", "done", "replay", "repeat", "notified",
          "not_event", "build_blocked", "not_pipeline", "not_branch", "condition_false", "undecided",
          "said_already", "superseded", "no_place", "not_there", "delivered", "waiting", "resting", "refused",
          "dead", "expired", "replaced")
