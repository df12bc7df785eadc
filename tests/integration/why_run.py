"""`kitehook why` of many builds of a month (why_world.py), held against tests/model/why_model.py. What each
destination answered is what it recorded itself, by the id of the delivery."""
import collections
import json
import random
import re
import sys
import time

import common
from journal_cases import table
from logs import jsonschema
from why_world import AGED, Month, Place, World, ask_all, check_secrets, moment

sys.path.insert(0, str(common.ROOT / "tests"))
from model.why_model import Journal, RULES, fates  # noqa: E402

SHOWN, OF_A_KIND, RULE_EACH, HANGS_MAX = 4, 8, 5, 3
HINDERED = ("deploys", "team", "red-jobs", "slow")  # rules whose destination fails at times

SCHEMA = json.loads((common.ROOT / "docs" / "journal.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator({"$ref": "#/$defs/why", "$defs": SCHEMA["$defs"]})
PARTS = {"not_event": "events", "build_blocked": "events", "not_pipeline": "pipelines",
         "not_branch": "branches", "condition_false": "if", "undecided": "if"}

def same_moment(text, seconds):
    """As --json has it, in milliseconds."""
    return (text is None) == (seconds is None) and (text is None or abs(moment(text) - seconds) < 0.002)


class Attempts:
    """What destinations recorded: by a delivery's id, or, where a notifier sends none, by what it says."""

    def __init__(self, catcher):
        self.by_id, self.texts = collections.defaultdict(list), collections.defaultdict(list)
        self.was_busy = any(one.status == 503 for one in catcher.caught)
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
        return sum(bool(name in text and re.search(rf"build #{number}\b", text)) for text in map(
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
            key = (about.get("organization"), member_text(about, "pipeline", "slug"),
                   about["build"].get("number"))
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
        self.hold(build, "the build", (told["organization"], told["pipeline"], told["build"]), build)
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
        self.hold(build, "not seen by --rule", {one["event"]: one for one in told["not_seen"]}, {
            one["event"]: {**one, "rules": [rule]} for one in whole["not_seen"] if rule in one["rules"]})

    def compare_webhook(self, build, told, fact):
        self.hold(build, "event", told["event"], fact.webhook.event)
        self.hold(build, "proof", (told["proof"], told["secret"]), fact.proof)
        self.hold(build, "verdict", told["verdict"], fact.verdict)
        self.hold(build, "branch", told["branch"], fact.branch)
        self.hold(build, "bytes", told["bytes"], len(fact.webhook.raw))
        for name, ours in (("received", fact.received_s), ("sent", fact.webhook.sent_s)):
            if not same_moment(told[name], ours):
                self.note(build, name, told[name], ours)
        self.compare_rules(build, told, fact)

    def compare_rules(self, build, told, fact):
        theirs = [(one["rule"], one["reason"]) for one in told["rules"]]
        ours = [(rule.name, reason or dict(theirs).get(rule.name)) for rule, reason in fact.decisions]
        for one in told["rules"]:
            part = one["part"] and one["part"]["name"]
            self.hold(build, f"the part of {one['reason']}", part, PARTS.get(one["reason"]))
        for one in (*told["rules"], *told["deliveries"]):
            _, says, cure = self.sentences[one["reason"]]
            self.hold(build, "the sentences", (one["says"], one["do"] or "-"), (says, cure))
        for one, other in zip(theirs, ours):
            self.hold(build, f"rule {other[0]}", (one[1], fact.webhook.event), (other[1], fact.webhook.event))
            self.reasons[one[1]] += 1
        self.hold(build, "rules", [one[0] for one in theirs], [one[0] for one in ours])
        self.hold(build, "rules of today", [one["today"] for one in told["rules"]], ["same"] * len(ours))
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
        return "surely" if rule.name == "deploys" and self.attempts.was_busy else rule.name in HINDERED

    def compare_not_seen(self, build, told, facts):
        missing = self.journal.not_seen(build[0], build[1], facts)
        theirs = {one["event"]: (one["rules"], one["ever"], one["last"] and one["last"][:10])
                  for one in told["not_seen"]}
        ours = {event: (rules, ever, last and time.strftime("%Y-%m-%d", time.gmtime(last)))
                for event, (rules, ever, last) in missing.items()}
        self.reasons.update("not seen, but ever" if ever else "never seen" for _, ever, _ in ours.values())
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
        self.report.check(f"why, seed {self.seed}: {len(chosen)} builds, as the model says",
                          not compared.differ, dict(compared.differ))
        decided = [reason for fact in compared.journal.facts for _, reason in fact.decisions]
        self.report.check("the model has an opinion of next to all decisions",
                          decided.count(None) * 1000 < len(decided), (decided.count(None), len(decided)))
        few = [kind for kind in WANTED if not counted.get(kind) and not compared.reasons.get(kind)]
        self.report.check("each kind is among them", not few, few)
        check_secrets(self.report, place)


WANTED = ("nothing of it came", "lost", "late", "out of order", "done", "replay", "repeat", "notified",
          "not_event", "build_blocked", "not_pipeline", "not_branch", "condition_false", "undecided",
          "said_already", "superseded", "no_place", "not_there", "delivered", "waiting", "resting", "refused",
          "dead", "expired", "replaced", "not seen, but ever", "never seen")
