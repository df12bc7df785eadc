#!/usr/bin/env python3
"""partner_events: the webhooks of fixtures/events as Buildkite's events from EventBridge, which are twins.

  partner_events.py FOLDER   writes FOLDER/<case>/event.json and expect.json: what fixtures/eventbridge has

Read from Buildkite's page on EventBridge, apart from the code: `partner` makes the event of a webhook's body,
`cut` the webhook that tells no more than that event does. Both must lead to the same.
"""
import copy
import datetime
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
EVENTS = ROOT / "fixtures" / "events"
SOURCE, ACCOUNT = "aws.partner/buildkite.com/acme-kites/0106-187c-12cd4fe", "111122223333"
ORGANIZATION_ID = "019a74b9-0000-7218-931a-c5eaa0f34b38"  # which no webhook has
TYPES = {
    "build.scheduled": "Build Created", "build.running": "Build Started", "build.finished": "Build Finished",
    "build.failing": "Build Failing", "job.scheduled": "Job Scheduled", "job.started": "Job Started",
    "job.finished": "Job Finished", "job.activated": "Job Activated",
    "job.promised_exit_status": "Job Promised Exit Status", "agent.connected": "Agent Connected",
    "agent.lost": "Agent Lost", "agent.disconnected": "Agent Disconnected",
    "agent.stopping": "Agent Stopping", "agent.stopped": "Agent Stopped", "agent.blocked": "Agent Blocked",
    "cluster_token.registration_blocked": "Cluster Token Registration Blocked",
}
# What an event has of each object, by the webhook's names.
KEPT = {
    "build": "id graphql_id number commit message branch state blocked_state source started_at failing_at "
             "finished_at meta_data",
    "job": "id graphql_id type name label step_key command agent_query_rules exit_status signal_reason "
           "soft_failed state broken_reason runnable_at started_at finished_at unblocked_by "
           "retried_in_job_id promised_exit_status promised_exit_status_at",
    "pipeline": "id graphql_id slug repository",
    "agent": "id graphql_id connection_state name version ip_address hostname pid priority meta_data "
             "connected_at disconnected_at lost_at stopped_at",
    "cluster_token": "id description allowed_ip_addresses",
    "person": "id graphql_id name",
}


def time_there(text):
    """Whole seconds, as events have them; what is no time stays."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z| UTC)", text)
    return f"{found.group(1)} {found.group(2)} UTC" if found else text


def pick(kind, thing):
    if not isinstance(thing, dict):
        return copy.deepcopy(thing)
    kept = {key: copy.deepcopy(thing[key]) for key in KEPT[kind].split() if key in thing}
    return {key: time_there(value) if key.endswith("_at") and isinstance(value, str) else value
            for key, value in kept.items()}


def organization_of(body):
    """The slug, out of the first URL of the API that has one."""
    for key in ("build", "pipeline", "agent", "cluster_token"):
        found = isinstance(body.get(key), dict) and re.search("/organizations/([^/]+)",
                                                              str(body[key].get("url")))
        if found:
            return found.group(1)
    return None


def is_blocked(build):
    return build.get("blocked") is True and build.get("state") not in ("canceled", "canceling")


def has_twin(body):
    """Is there an event that tells of this, and would it name the thing?"""
    kind = body.get("event", "").split(".")[0]
    return (body.get("event") in TYPES and isinstance(body.get(kind), dict) and
            isinstance(body[kind].get("id"), str))


def cut(body):
    """The webhook that tells no more than its event."""
    told = {"event": body["event"]}
    for key in ("job", "build", "pipeline", "agent", "cluster_token"):
        if key in body:
            told[key] = pick(key, body[key])
    if isinstance(told.get("build"), dict) and is_blocked(body["build"]):
        told["build"].pop("state", None)
        told["build"]["blocked"] = True
    if "job" in told:
        person = told["job"].get("unblocked_by")
        told["job"]["unblocked_by"] = pick("person", person)
        agent = body["job"].get("agent")
        if isinstance(agent, dict):
            told["job"]["agent"] = {"id": agent.get("id")}
    told["organization"] = {"id": ORGANIZATION_ID, "slug": organization_of(body)}
    for key in ("blocked_ip", "promised_exit_status_reason"):
        if key in body:
            told[key] = body[key]
    return told


def renamed(thing, **words):
    words = {"id": "uuid", **words}
    return {words.get(key, key): value for key, value in thing.items()} if isinstance(thing, dict) else thing


def partner_build(body):
    build = renamed(pick("build", body["build"]))
    if is_blocked(body["build"]):
        build["state"] = "blocked"
    elif build.get("state") == "running":
        build["state"] = "started"
    return build


def partner_job(body):
    """Of a job that ran the state is only that it finished; `passed` has the rest."""
    job = renamed(pick("job", body["job"]), name="label")
    has_run = job.get("type") not in ("manual", "waiter")
    job["passed"] = job.get("state") == "passed"
    if job.get("state") in ("passed", "failed") and has_run:
        job["state"] = "finished"
    elif job.get("state") == "running":
        job["state"] = "started"
    job["unblocked_by"] = renamed(pick("person", job.get("unblocked_by")))
    if "promised_exit_status_reason" in body:
        job["promised_exit_status_reason"] = body["promised_exit_status_reason"]
    return job


def partner(body, event_id="0d2a372b-df6b-97a9-8c2f-e561ef705bc5", time="2025-10-09T08:56:20Z"):
    """The event whose twin BODY is."""
    detail = {"version": 1}
    if "job" in body:
        detail["job"] = partner_job(body)
    if "build" in body:
        detail["build"] = partner_build(body) if isinstance(body["build"], dict) else body["build"]
    if "pipeline" in body:
        detail["pipeline"] = renamed(pick("pipeline", body["pipeline"]), repository="repo")
    for key in ("blocked_ip", "cluster_token", "agent"):
        if key in body:
            detail[key] = renamed(pick(key, body[key])) if key in KEPT else body[key]
    detail["organization"] = {"uuid": ORGANIZATION_ID, "graphql_id": "T3Jn",
                              "slug": organization_of(body)}
    if "job" in body and isinstance(body["job"].get("agent"), dict):
        detail["agent"] = {"uuid": body["job"]["agent"].get("id")}
    if body["event"].startswith("agent.") and body["event"] != "agent.blocked":
        detail["token"] = {"uuid": "019a74b9-1111-7218-931a-c5eaa0f34b38",
                           "created_at": "2025-10-01 00:00:00 UTC", "description": "Default agent token"}
    return {"version": "0", "id": event_id, "detail-type": TYPES[body["event"]], "source": SOURCE,
            "account": ACCOUNT, "time": time, "region": "eu-central-1", "resources": [], "detail": detail}


# ---- fixtures/eventbridge

def body_of(case):
    return json.loads((EVENTS / case / "request.http").read_bytes().partition(b"\r\n\r\n")[2])


def changed(event, path, value):
    """A copy of EVENT with VALUE at PATH; ... takes the member out."""
    event = copy.deepcopy(event)
    *way, last = path.split("/")
    place = event
    for key in way:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return event


TWINS = {  # name: (the webhook that is its twin, about)
    "build_created": ("build_scheduled", "Build Created is what a webhook calls build.scheduled."),
    "build_started": ("build_running", "Build Started: `started` is what a webhook calls running."),
    "build_passed": ("build_finished_passed", "Build Finished, green."),
    "build_failed": ("build_finished_failed", "Build Finished, red."),
    "build_canceled": ("build_finished_canceled", "Build Finished, canceled."),
    "build_failing": ("build_failing", "Build Failing."),
    "build_blocked_as_finished": ("blocked_build", "A blocked build as Buildkite's page shows it: Build "
                                                   "Finished, and `blocked` is the state."),
    "job_scheduled": ("job_scheduled", "Job Scheduled."),
    "job_started": ("job_started", "Job Started: `started` is what a webhook calls running."),
    "job_passed": ("job_finished_passed", "Job Finished: the state is `finished`, and `passed` says how. The "
                                          "agent stands beside the job."),
    "job_failed": ("job_finished_failed", "Job Finished, and `passed` is false."),
    "job_activated": ("job_activated_manual", "Job Activated. It has no result; `passed` is false."),
    "job_waiter": ("job_waiter", "A wait step has no result either."),
    "job_promised_exit_status": ("job_promised_exit_status", "Job Promised Exit Status; the reason stands in "
                                                             "the job."),
    "agent_connected": ("agent_connected", "Agent Connected; the token beside it goes nowhere."),
    "agent_lost": ("agent_lost", "Agent Lost."),
    "agent_disconnected": ("agent_disconnected", "Agent Disconnected."),
    "agent_stopping": ("agent_stopping", "Agent Stopping."),
    "agent_stopped": ("agent_stopped", "Agent Stopped."),
    "agent_blocked": ("agent_blocked", "Agent Blocked."),
    "token_blocked": ("cluster_token_registration_blocked", "Cluster Token Registration Blocked."),
    "message_multiline": ("message_multiline", "A message of several lines."),
    "emoji": ("emoji", "Text beyond ASCII."),
    "meta_data": ("meta_data_map", "With meta-data, which come only where the rule's pattern asks for them."),
}


def traps():
    """What has no twin of its own, or is to be refused: name, event, about, what must come of it."""
    build = partner(body_of("build_finished_failed"))
    job = partner(body_of("job_scheduled"))
    yield ("build_blocked", changed(partner(body_of("blocked_build")), "detail-type", "Build Blocked"),
           "Build Blocked, which is no name of a webhook: there it is build.finished.",
           {"twin": "blocked_build"})
    yield ("job_assigned", changed(job, "detail/job/state", "assigned"),
           "Job Scheduled of a job that an agent was chosen for meanwhile.",
           {"log": {"event": "job.scheduled", "organization": "acme-kites", "pipeline": "kite-frame",
                    "branch": "main", "state": "running",
                    "build_number": job["detail"]["build"]["number"],
                    "job": job["detail"]["job"]["label"]}})
    small = changed(build, "detail", {"version": 1, "build": {"uuid": build["detail"]["build"]["uuid"],
                                                              "number": 7, "state": "failed"}})
    yield ("cut_down", small, "Nothing but the least: what is missing is null.",
           {"log": {"event": "build.finished", "build_number": 7, "state": "failed"}})
    wide = changed(changed(build, "detail/build/id", "9"), "detail/pipeline/name", "Kite Frame")
    yield ("new_fields", wide, "Fields that Buildkite may add one day stay what they are.",
           {"log": {"event": "build.finished", "organization": "acme-kites", "pipeline": "kite-frame",
                    "branch": "main", "build_number": 102, "state": "failed"}})
    for name, path, value, error, about in (
            ("source", "source", "aws.partner/buildkite.com/other/planted-secret-source", "partner_source",
             "Another partner source: somebody else's Buildkite."),
            ("source_prefix", "source", SOURCE + "4", "partner_source", "A source that begins with ours."),
            ("source_of_aws", "source", "aws.s3", "partner_source", "An event of AWS's own."),
            ("account", "account", "999999999999", "partner_account", "Another account."),
            ("account_number", "account", int(ACCOUNT), "partner_account", "The account as a number."),
            ("account_missing", "account", ..., "partner_account", "No account."),
            ("audit", "detail-type", "Audit Event Logged", "partner_type",
             "An audit event: no webhook tells of it, and it holds what is said of persons."),
            ("type", "detail-type", "planted-secret-type", "partner_type",
             "A detail-type that Buildkite does not have."),
            ("type_case", "detail-type", "build finished", "partner_type", "Nearly a detail-type."),
            ("version", "version", "1", "partner_shape", "Another envelope."),
            ("id", "id", "planted-secret id", "partner_shape", "An id that is none."),
            ("id_missing", "id", ..., "partner_shape", "No id."),
            ("time", "time", "planted-secret-time", "partner_shape", "A time that is none."),
            ("detail", "detail", "text", "partner_shape", "A detail that is no object."),
            ("detail_missing", "detail", ..., "partner_shape", "No detail."),
            ("detail_version", "detail/version", 2, "partner_shape", "Another form of detail."),
            ("subject", "detail/build", ..., "partner_shape", "A build event without a build."),
            ("subject_list", "detail/build", [], "partner_shape", "A build that is a list."),
            ("uuid", "detail/build/uuid", None, "partner_shape", "A build that nobody can tell from others."),
    ):
        yield "refused_" + name, changed(build, path, value), about, {"error": error}


def write(folder, name, event, about, expect):
    target = folder / ("partner_" + name)
    target.mkdir(parents=True, exist_ok=True)
    now = int(datetime.datetime(2025, 10, 9, 8, 56, 22, tzinfo=datetime.timezone.utc).timestamp())
    (target / "event.json").write_text(json.dumps(event, ensure_ascii=False) + "\n", encoding="utf-8")
    (target / "expect.json").write_text(
        json.dumps({"about": about, "now": now, **expect}, indent=2, ensure_ascii=False) + "\n",
        encoding="utf-8")


def main(folder):
    for name, (twin, about) in TWINS.items():
        write(folder, name, partner(body_of(twin)), about, {"twin": twin})
    for name, event, about, expect in traps():
        write(folder, name, event, about, expect)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
