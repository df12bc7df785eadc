"""What `kitehook why` must answer of a build: a second implementation of docs/why.md, made from that page,
docs/rules.md, docs/notifiers.md, docs/memory.md and docs/delivery.md alone.

The rules are those of the run (RULES); memory is history_model's, conditions are condition_model's.
"""
import collections
import dataclasses
import json
import re

from model.condition_model import branch_matches, evaluate
from model.history_model import History, Said, Seen, latest_time, member, organization_of
from model.names import ConditionError, NoOpinion
from model.notify_model import _names as names_of_notify

HOUR_S, ATTEMPTS_MAX, SIGNED_S = 3600, 12, 2 * 300
SECOND_US = 1000000
JOB_TEXTS = "id type name step_key group_key state command signal signal_reason retry_type".split()
JOB_OTHERS = "exit_status retries_count soft_failed retried async".split()
OF_BUILDS = ("build.scheduled", "build.running", "build.finished")
OF_ENDS = ("build.failing", "build.finished")


@dataclasses.dataclass
class Rule:
    """EVENTS: as written, or the notifier's own. LEAVES_BLOCKED: by default it leaves blocked builds out.
    ONCE: of which events it speaks once per build ("*": of all). PLACE: what its place is made of."""
    name: str
    yaml: str
    events: tuple
    condition: str = ""
    pipelines: str = ""
    branches: str = ""
    leaves_blocked: bool = False
    once: tuple = ()
    place: str = None
    has_own_events: bool = False

    def text(self):
        lines = [f"  - name: {self.name}", f"    {self.yaml}"]
        if self.has_own_events:
            lines.append(f"    events: [{', '.join(self.events)}]")
        for key, value in (("pipelines", self.pipelines), ("branches", self.branches),
                           ("if", self.condition)):
            if value:
                lines.append(f"    {key}: {json.dumps(value)}")
        return "\n".join(lines)

    def hears(self, event):
        return any(event == one or (one == "build.*" and event.startswith("build.")) for one in self.events)


def _hook(name):
    return f"webhook: {{url: {{env: {name}}}, secret: {{env: SIGNS}}}}"


RULES = (
    Rule("everything", _hook("HOOK_GOOD"), ("build.*",)),
    Rule("breaks", _hook("HOOK_GOOD"), OF_ENDS,
         "pipeline.started_failing && build.branch == pipeline.default_branch", once=("*",),
         has_own_events=True),
    Rule("thrice", "log: {message: thrice}", ("build.*", "job.finished"),
         "at_least(pipeline.consecutive_failures, 3)", once=("*",), has_own_events=True),
    Rule("mended", _hook("HOOK_GOOD"), ("build.finished",), "build.fixed && build.branch != 'main'",
         pipelines="!kite-1", once=("*",), has_own_events=True),
    Rule("red-jobs", _hook("HOOK_PICKY"), ("job.finished", "job.promised_exit_status"),
         'job.state == "failed" && !job.soft_failed', has_own_events=True),
    Rule("team", _hook("HOOK_GONE"), ("build.finished",), pipelines="kite-0 kite-2 kite-4*",
         branches="main release/* !release/2", has_own_events=True),
    Rule("linux", "log: {message: linux}", ("build.finished", "job.finished"),
         'build.state == "passed" || agent.name == "linux-1"', has_own_events=True),
    Rule("deploys", _hook("HOOK_BUSY"), ("build.finished", "build.failing"), 'build.env("DEPLOY") == "yes"',
         has_own_events=True),
    Rule("lost-agents", "log: {message: lost}", ("job.finished", "build.canceling", "agent.lost"),
         'event == "agent.lost" || job.exit_status == -1', has_own_events=True),
    Rule("status", "github_commit_status:", OF_ENDS, place="status"),
    Rule("tagged", 'slack: {channels: "#{{build.tag}}"}', OF_ENDS, branches="main", leaves_blocked=True,
         place="tag"),
    Rule("slow", _hook("HOOK_SLOW"), ("build.finished",), 'build.state == "canceled"', branches="!main",
         has_own_events=True),
    Rule("fire", "basecamp_campfire: {env: CAMPFIRE}", (*OF_BUILDS, "build.skipped"), pipelines="kite-2",
         once=("build.running",)),
    Rule("plain", "webhook: {env: HOOK_PLAIN}", OF_BUILDS, once=("build.running",)),
    Rule("mentions", 'slack: {channels: "#all", message: "{{pipeline.name}} build #{{build.number}} "}',
         ("build.finished",), 'build.message =~ /Kite 0/ && build.author.email =~ /^mara/',
         has_own_events=True),
    Rule("blocked-too", 'log: {message: "{{build.state}}"}', ("build.finished",),
         'build.state == "blocked" && pipeline.next_finished_build_exists != true', has_own_events=True),
)


def names_of(body, history):
    """What a condition may name: of the body and of memory."""
    names, job = names_of_notify(body), body.get("job")
    names["event"] = body.get("event")
    names["build.blocked"] = (body.get("build") or {}).get("blocked")
    if isinstance(job, dict):
        names.update({f"job.{key}": job.get(key) for key in (*JOB_TEXTS, *JOB_OTHERS)})
    names.update({name: value for name, value in history.items() if name != "P"})
    return names


def is_blocked(build):
    return build.get("blocked") is True and build.get("state") not in ("canceled", "canceling")


class Fact:
    """One webhook, as it was worked: what `why` has to say of it. DECISIONS: [(rule, reason, or None where
    nobody says)], in the order of the rules."""

    def __init__(self, webhook, body, verdict):
        self.webhook, self.body, self.verdict, self.decisions = webhook, body, verdict, []
        self.organization = organization_of(body)
        self.pipeline = member(member(body, "pipeline"), "slug", str)
        self.branch = member(member(body, "build"), "branch", str) or None

    @property
    def proof(self):
        return ("token", "token") if self.webhook.sent_s is None else ("signature", "sign")

    @property
    def received_s(self):
        return self.webhook.received_us / SECOND_US


class Journal:
    """All that came, in the order of work, and what the rules said of it."""

    def __init__(self, rules=RULES):
        self.rules, self.history, self.seen = rules, History(), Seen()
        self.facts, self.told, self.came = [], {}, {}
        self.signed = {}

    def take(self, webhook):
        body, received_s = json.loads(webhook.raw), webhook.received_us // SECOND_US
        key = webhook.sent_s, webhook.raw
        is_replay = webhook.sent_s is not None and received_s - self.signed.get(key, 0) <= SIGNED_S
        is_new = self.seen.is_new(webhook.raw, webhook.sent_s, received_s)
        if is_new:
            self.signed[key] = received_s
        fact = Fact(webhook, body, "done" if is_new else "replay" if is_replay else "repeat")
        self.facts.append(fact)
        if fact.organization:
            self.came[fact.organization, webhook.event] = received_s
        if is_new:
            values = self.history.take(body, webhook.sent_s, received_s)
            fact.decisions = [(rule, self.decide(rule, fact, values, received_s)) for rule in self.rules]
        return fact

    # ---- a rule

    def decide(self, rule, fact, values, received_s):
        event, build = fact.webhook.event, member(fact.body, "build")
        if not rule.hears(event):
            return "not_event"
        if rule.leaves_blocked and is_blocked(build):
            return "build_blocked"
        if rule.pipelines and not (fact.pipeline and branch_matches(rule.pipelines, fact.pipeline)):
            return "not_pipeline"
        if rule.branches and not (fact.branch and branch_matches(rule.branches, fact.branch)):
            return "not_branch"
        if rule.condition:
            try:
                if not evaluate({"expression": rule.condition, "names": names_of(fact.body, values)}):
                    return "condition_false"
            except ConditionError:
                return "undecided"
            except NoOpinion:
                return None
        if "*" in rule.once or event in rule.once:
            if not Said(fact.body, None).is_remembered:
                return None
            if not self.history.speaks(rule.name, fact.body, received_s):
                return "said_already"
        return self.look_for_place(rule, fact)

    def look_for_place(self, rule, fact):
        build = member(fact.body, "build")
        if rule.place == "tag":
            return "notified" if (member(build, "tag", str) or "").strip() else "no_place"
        if rule.place == "status":
            return self.place_status(fact, build)
        return "notified"

    def place_status(self, fact, build):
        """The newest one stays: what was sent later, or where nothing is signed, what has the latest time in
        it; and of the same second what is further on."""
        repository = member(member(fact.body, "pipeline"), "repository", str) or ""
        commit = member(build, "commit", str) or ""
        if not repository.startswith("git@github.com:") or not re.fullmatch(r"[0-9a-f]{40}", commit):
            return "not_there"
        said, latest = Said(fact.body, fact.webhook.sent_s), latest_time(fact.body)
        at_s = fact.webhook.sent_s or (latest or 0) // SECOND_US
        if not said.is_remembered or not at_s:
            return "notified"
        place, order = (commit, fact.pipeline), (at_s, said.age[1], said.age[3])
        if self.told.get(place, order) > order:
            return "superseded"
        self.told[place] = order
        return "notified"

    # ---- a build

    def of_build(self, organization, pipeline, number):
        """Its webhooks, in the order of work."""
        return [fact for fact in self.facts if (fact.organization, fact.pipeline) == (organization, pipeline)
                and member(member(fact.body, "build"), "number", int) == number]

    def not_seen(self, organization, pipeline, facts):
        """{event: (rules, whether one ever came, when the last)}"""
        branch = next((fact.branch for fact in reversed(facts) if fact.branch), None)
        came, missing = {fact.webhook.event for fact in facts}, {}
        for rule in self.rules:
            if rule.pipelines and not branch_matches(rule.pipelines, pipeline):
                continue
            if rule.branches and branch and not branch_matches(rule.branches, branch):
                continue
            for event in rule.events:
                if event.startswith(("build.", "job.")) and event not in came and not (
                        event == "build.*" and any(one.startswith("build.") for one in came)):
                    missing.setdefault(event, []).append(rule.name)
        return {event: (rules, *self.ever(organization, event)) for event, rules in missing.items()}

    def ever(self, organization, event):
        if event == "build.*":
            found = [last for (of, one), last in self.came.items()
                     if of == organization and one.startswith("build.")]
            return bool(found), max(found, default=None)
        last = self.came.get((organization, event))
        return last is not None, last

    def neighbours(self, organization, pipeline, number):
        """Of its pipeline how many webhooks, the last, and (number, first, last) of the builds around it."""
        times = collections.defaultdict(list)
        count, last = 0, None
        for fact in self.facts:
            if (fact.organization, fact.pipeline) == (organization, pipeline):
                count, last = count + 1, max(last or 0, fact.received_s)
                one = member(member(fact.body, "build"), "number", int)
                if one and one > 0:
                    times[one].append(fact.received_s)
        around = [max((one for one in times if one < number), default=None),
                  min((one for one in times if one > number), default=None)]
        return count, last, *(one and (one, min(times[one]), max(times[one])) for one in around)

    def span(self, organization, pipeline, number, facts, now_s):
        """The beginning of the first and the end of the last of the hours in which refused webhooks count."""
        if facts:
            first, last = (choose(fact.received_s for fact in facts) for choose in (min, max))
        else:
            _, _, before, after = self.neighbours(organization, pipeline, number)
            first, last = before[1] if before else self.facts[0].received_s, after[2] if after else now_s
        return hour(first), hour(min(last + HOUR_S, now_s)) + HOUR_S


def hour(moment_s):
    return int(moment_s) // HOUR_S * HOUR_S


# ---- what becomes of a notification

def fates(answers, is_old, may_rest):
    """The reasons that one may have whose attempts a destination answered by ANSWERS, each a status, or 0
    where none came. IS_OLD: a day. MAY_REST: its destination has failed, or keeps a pace."""
    if not answers:
        return {"resting"} if may_rest == "surely" else {"resting", "due"} if may_rest else {"due"}
    last = answers[-1]
    if 200 <= last < 300:
        return {"delivered"}
    if last not in (0, 408, 425, 429) and last < 500 and last not in (401, 403, 404, 407, 410):
        return {"dead"}
    if is_old or len(answers) >= ATTEMPTS_MAX:
        return {"expired"}
    return {"refused"} if last in (401, 403, 404, 407, 410) else {"waiting"}
