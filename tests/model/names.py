"""What a condition can name: kinds, enums, the environment. Written from the language's specification, not
from handler/language."""


class ConditionError(Exception):
    """A mistake of one of the four kinds: parse, validation, result, evaluation."""

    def __init__(self, kind, why=""):
        super().__init__(why)
        self.kind = kind


class NoOpinion(Exception):
    """The specification, or Python, does not say."""


ENUMS = {
    "build.state": "creating scheduled started running passed failing failed blocked canceling canceled "
                   "skipped not_run",
    "build.blocked_state": "failed passed running",
    "build.source": "api ui webhook trigger_job schedule pipeline_trigger",
    "step.type": "command wait input trigger group",
    "step.state": "ignored waiting_for_dependencies ready waiting_for_input running failing canceled "
                  "finished",
    "step.outcome": "neutral passed soft_failed hard_failed errored",
}
ENUMS = {name: values.encode().split() for name, values in ENUMS.items()}

STRICT = {
    "string": """build.id build.branch build.commit build.tag build.message build.source_event
        build.source_action build.creator.id build.creator.name build.creator.email build.author.id
        build.author.name build.author.email build.scm.author.name build.scm.author.email
        build.scm.committer.name build.scm.committer.email build.pull_request.id
        build.pull_request.base_branch build.pull_request.repository build.pull_request.label
        build.merge_queue.base_branch build.merge_queue.base_commit pipeline.id pipeline.slug
        pipeline.default_branch pipeline.repository organization.id organization.slug step.id step.key
        step.label""",
    "number": "build.number",
    "boolean": """build.fixed build.creator.verified build.pull_request.draft
        build.pull_request.repository.fork pipeline.started_passing pipeline.started_failing
        pipeline.next_finished_build_exists""",
    "list": "build.creator.teams build.author.teams build.pull_request.labels",
    "enum": " ".join(ENUMS),
}
EXTENDED = {
    "string": """event sender.id sender.name build.cancel_reason job.id job.type job.name job.step_key
        job.group_key job.state job.command job.signal job.signal_reason job.broken_reason job.retry_type
        job.promised_exit_status_reason job.agent.name agent.id agent.name agent.hostname agent.ip_address
        agent.version agent.os_id agent.arch agent.queue agent.connection_state blocked_ip cluster_token.id
        cluster_token.description""",
    "number": """job.exit_status job.retries_count job.parallel_group_index job.parallel_group_total
        job.promised_exit_status agent.priority pipeline.consecutive_failures""",
    "boolean": "build.blocked job.soft_failed job.retried job.async",
    "list": "job.agent_query_rules agent.meta_data",
}
KINDS = {
    "strict": {name: kind for kind, names in STRICT.items() for name in names.split()},
    "extended": {name: kind for table in (STRICT, EXTENDED) for kind, names in table.items()
                 for name in names.split()},
}
FUNCTIONS = {
    "strict": {"env": ("string", ["string"]), "build.env": ("string", ["string"])},
    "extended": {"env": ("string", ["string"]), "build.env": ("string", ["string"]),
                 "at_least": ("boolean", ["number", "number"]), "build.meta_data": ("string", ["string"])},
}
BLANK_IS_NULL = {"build.tag", "build.message", "build.author.name", "build.author.email",
                 "pipeline.default_branch", "pipeline.repository"}

ALLOWED = """BRANCH TAG MESSAGE COMMIT PIPELINE_SLUG PIPELINE_NAME PIPELINE_ID ORGANIZATION_SLUG
    TRIGGERED_FROM_BUILD_ID TRIGGERED_FROM_BUILD_NUMBER TRIGGERED_FROM_BUILD_PIPELINE_SLUG
    TRIGGERED_FROM_BUILD_JOB_ID REBUILT_FROM_BUILD_ID REBUILT_FROM_BUILD_NUMBER REPO PULL_REQUEST
    PULL_REQUEST_BASE_BRANCH PULL_REQUEST_REPO PULL_REQUEST_USING_MERGE_REFSPEC MERGE_QUEUE_BASE_BRANCH
    MERGE_QUEUE_BASE_COMMIT GIT_DIFF_BASE GITHUB_ACTION GITHUB_COMMENT_ID GITHUB_DEPLOYMENT_ID
    GITHUB_DEPLOYMENT_TASK GITHUB_DEPLOYMENT_ENVIRONMENT GITHUB_DEPLOYMENT_PAYLOAD GITHUB_EVENT
    GITHUB_REVIEW_ID GITHUB_CHECK_RUN_CONCLUSION GITHUB_CHECK_RUN_NAME GITHUB_DEPLOYMENT_STATUS_ENVIRONMENT
    GITHUB_DEPLOYMENT_STATUS_STATE GITHUB_RELEASE_DRAFT GITHUB_RELEASE_PRERELEASE GITHUB_RELEASE_TAG
    GITHUB_REVIEW_STATE"""
ALLOWED = {b"BUILDKITE_" + name for name in ALLOWED.encode().split()}
LABELS = b"BUILDKITE_PULL_REQUEST_LABELS"

UNSET_WHEN_UNKNOWN = {"BRANCH": "build.branch", "COMMIT": "build.commit", "REPO": "pipeline.repository",
                      "PIPELINE_SLUG": "pipeline.slug",
                      "PIPELINE_NAME": "pipeline.name", "PIPELINE_ID": "pipeline.id",
                      "ORGANIZATION_SLUG": "organization.slug"}
EMPTY_WHEN_UNKNOWN = {
    "TAG": "build.tag", "MESSAGE": "build.message",
    "PULL_REQUEST_BASE_BRANCH": "build.pull_request.base_branch",
    "PULL_REQUEST_REPO": "build.pull_request.repository",
    "MERGE_QUEUE_BASE_BRANCH": "build.merge_queue.base_branch",
    "MERGE_QUEUE_BASE_COMMIT": "build.merge_queue.base_commit",
    "TRIGGERED_FROM_BUILD_ID": "build.triggered_from.build_id",
    "TRIGGERED_FROM_BUILD_NUMBER": "build.triggered_from.build_number",
    "TRIGGERED_FROM_BUILD_PIPELINE_SLUG": "build.triggered_from.build_pipeline_slug",
    "TRIGGERED_FROM_BUILD_JOB_ID": "build.triggered_from.job_id",
    "REBUILT_FROM_BUILD_ID": "build.rebuilt_from.id",
    "REBUILT_FROM_BUILD_NUMBER": "build.rebuilt_from.number"}

EVENT_ROOTS = [  # longest match first
    ("agent.blocked", "event sender agent organization blocked_ip cluster_token"),
    ("cluster_token.registration_blocked", "event sender cluster_token blocked_ip"),
    ("ping", "event sender organization"),
    ("build.", "event sender build pipeline organization"),
    ("job.", "event sender build pipeline organization job step"),
    ("agent.", "event sender agent organization"),
]


def _typed(kind, value):
    """VALUE as the language has it, or None when it has another type."""
    if kind in ("string", "enum"):
        return value.encode() if isinstance(value, str) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "number":
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return [one.encode() for one in value]
    if isinstance(value, list):
        raise NoOpinion("a list with more than texts")
    return None


def is_blank(text):
    return not text.decode(errors="replace").strip()


class World:
    """The values of one question: `names` (the build's environment under `env`), `without`, the dialect."""

    def __init__(self, names, without, dialect):
        self.given = names or {}
        self.without = without or []
        self.strict = dialect == "strict"
        self.environment = self._environment()

    def require(self, root):
        """In the extended dialect, reading what the event does not have is an error."""
        if self.strict:
            return
        if root in self.without:
            raise ConditionError("evaluation", f"the event has no {root}")
        if any(name.split(".")[0] == root for name in self.given if name != "env"):
            return
        event = self.given.get("event", "build.finished")
        if not isinstance(event, str):
            raise NoOpinion("an event that is no text")
        for prefix, roots in EVENT_ROOTS:
            if event == prefix or (prefix.endswith(".") and event.startswith(prefix)):
                if root in roots.split():
                    return
                if root == "build" and "env" in self.given:
                    raise NoOpinion("an environment without a build")
                raise ConditionError("evaluation", f"the event has no {root}")
        raise NoOpinion("an event that the specification does not know")

    def _raw(self, name, kind="string"):
        return _typed(kind, self.given.get(name))

    def _environment(self):
        env = {}
        for name, value in (self.given.get("env") or {}).items():
            if isinstance(value, str):
                env[name.encode()] = value.encode()
        env = {name: value for name, value in env.items() if not name.startswith(b"BUILDKITE_") or
               name in ALLOWED}
        self.build_env = dict(env)

        def put(name, value):
            env[b"BUILDKITE_" + name.encode()] = value

        for name, source in UNSET_WHEN_UNKNOWN.items():
            value = self._raw(source)
            if value is not None:
                put(name, value)
        for name, source in EMPTY_WHEN_UNKNOWN.items():
            value = self.given.get(source)
            put(name,
                b"%d" % value if source.endswith("number") and isinstance(value, int)
                else self._raw(source) or b"")
        put("PULL_REQUEST", self._raw("build.pull_request.id") or b"false")
        put("PULL_REQUEST_USING_MERGE_REFSPEC",
            b"true" if self.given.get("build.pull_request.using_merge_refspec") is True else b"")
        put("GIT_DIFF_BASE", self._raw("build.merge_queue.base_branch") or b"")
        labels = self._raw("build.pull_request.labels", "list")
        if labels is not None:
            env[LABELS] = b",".join(labels)
        return env

    def variable(self, name):
        self.require(name.split(".")[0])
        value = _typed(KINDS["strict" if self.strict else "extended"][name], self.given.get(name))
        if name in BLANK_IS_NULL and value is not None and is_blank(value):
            return None
        if name in ("build.source_event", "build.source_action"):
            if self._raw("build.source") != b"webhook":
                return None
            return (value if value is not None
                    else self.build_env.get(b"BUILDKITE_GITHUB_" + name[13:].upper().encode()))
        if name == "build.pull_request.label" and self.variable("build.source_event") != b"pull_request":
            return None
        return value

    def env(self, name):
        """An environment variable, or None when it is unset."""
        self.require("build")
        if name == LABELS and name not in self.environment:
            raise NoOpinion("no labels: unset or empty")
        if name == b"BUILDKITE_REPO" and is_blank(self.environment.get(name, b"x")):
            raise NoOpinion("a blank repository in the environment")
        return self.environment.get(name)

    def meta_data(self, key):
        self.require("build")
        if key is None:
            raise NoOpinion("meta-data of a null key")
        value = (self.given.get("build.meta_data") or {}).get(key.decode(errors="replace"))
        return value.encode() if isinstance(value, str) else None
