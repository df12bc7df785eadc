#include "base/base.h"

#include "kept/kept_list.h"
#include "language/names/withheld.h"

#define ROW(key, form, name, ...)                             \
  {                                                           \
    {key, sizeof(key) - 1}, KH_KEPT_##form, name, __VA_ARGS__ \
  }
#define TEXT(key, name) ROW(key, TEXT, name, NULL, NULL)
#define PERSON(key, name) ROW(key, PERSON, name, NULL, NULL)
#define OBJECT(key, inside) ROW(key, OBJECT, NULL, NULL, &(inside))
#define MEMBERS(name, has_times) \
  static const struct kh_kept_members name = {name##_rows, KH_COUNT(name##_rows), has_times}

/* ---- build ---- */

static const struct kh_kept_member creator_rows[] = {
    TEXT("id", "build.creator.id"),
    PERSON("name", "build.creator.name"),
    ROW("email", NOTHING, "build.creator.email", NULL, NULL),
};
MEMBERS(creator, false);

static const struct kh_kept_member author_rows[] = {
    PERSON("name", "build.author.name"),
    ROW("email", NOTHING, "build.author.email", NULL, NULL),
};
MEMBERS(author, false);

static const struct kh_kept_member pull_request_rows[] = {
    TEXT("id", "build.pull_request.id"),
    TEXT("base", "build.pull_request.base_branch"),
    ROW("repository", URL, "build.pull_request.repository", NULL, NULL),
    TEXT("using_merge_refspec", NULL),
};
MEMBERS(pull_request, false);

static const struct kh_kept_member merge_queue_rows[] = {
    TEXT("base_branch", "build.merge_queue.base_branch"),
    TEXT("base_commit", "build.merge_queue.base_commit"),
};
MEMBERS(merge_queue, false);

static const struct kh_kept_member triggered_from_rows[] = {
    TEXT("build_id", "build.triggered_from.build_id"),
    TEXT("build_number", NULL),
    TEXT("build_pipeline_slug", "build.triggered_from.build_pipeline_slug"),
    TEXT("job_id", "build.triggered_from.job_id"),
};
MEMBERS(triggered_from, false);

static const struct kh_kept_member rebuilt_from_rows[] = {
    TEXT("id", "build.rebuilt_from.id"),
    TEXT("number", NULL),
};
MEMBERS(rebuilt_from, false);

static const struct kh_kept_member build_rows[] = {
    TEXT("id", "build.id"),
    TEXT("number", NULL),
    ROW("state", TEXT, "build.state", "build.blocked_state", NULL),
    TEXT("blocked", NULL),
    TEXT("branch", "build.branch"),
    TEXT("commit", "build.commit"),
    TEXT("message", "build.message"),
    TEXT("tag", "build.tag"),
    TEXT("source", "build.source"),
    ROW("web_url", URL, "build.url", NULL, NULL),
    TEXT("created_at", "build.created_at"),
    TEXT("scheduled_at", "build.scheduled_at"),
    TEXT("started_at", "build.started_at"),
    TEXT("finished_at", "build.finished_at"),
    OBJECT("creator", creator),
    ROW("author", AUTHOR, "build.author.email", NULL, &author),
    OBJECT("pull_request", pull_request),
    OBJECT("merge_queue", merge_queue),
    OBJECT("triggered_from", triggered_from),
    OBJECT("rebuilt_from", rebuilt_from),
    TEXT("blocked_state", "build.blocked_state"),
    TEXT("cancel_reason", "build.cancel_reason"),
    TEXT("source_event", "build.source_event"),
    TEXT("source_action", "build.source_action"),
    ROW("steps", STEPS, "build.async_triggers", NULL, NULL),
    ROW("env", BUILD_ENV, KH_WITHHELD_BUILD_ENV, NULL, NULL),
    ROW("meta_data", NOTHING, KH_WITHHELD_META_DATA, NULL, NULL),
};
MEMBERS(build, true);

/* ---- job ---- */

static const struct kh_kept_member job_agent_rows[] = {
    TEXT("id", NULL),
    TEXT("name", "job.agent.name"),
    TEXT("hostname", NULL),
    ROW("web_url", URL, NULL, NULL, NULL),
};
MEMBERS(job_agent, false);

static const struct kh_kept_member retry_source_rows[] = {TEXT("job_id", NULL)};
MEMBERS(retry_source, false);

static const struct kh_kept_member step_rows[] = {TEXT("id", "step.id")};
MEMBERS(step, false);

static const struct kh_kept_member job_rows[] = {
    TEXT("id", "job.id"),
    TEXT("type", "job.type"),
    ROW("name", TEXT, "job.name", "step.label", NULL),
    ROW("label", TEXT, "job.name", "step.label", NULL),
    ROW("step_key", TEXT, "job.step_key", "step.key", NULL),
    TEXT("group_key", "job.group_key"),
    TEXT("state", "job.state"),
    TEXT("command", "job.command"),
    TEXT("exit_status", NULL),
    TEXT("soft_failed", NULL),
    TEXT("signal", "job.signal"),
    TEXT("signal_reason", "job.signal_reason"),
    TEXT("broken_reason", "job.broken_reason"),
    TEXT("retried", NULL),
    TEXT("retried_in_job_id", NULL),
    TEXT("retries_count", NULL),
    TEXT("retry_type", "job.retry_type"),
    OBJECT("retry_source", retry_source),
    TEXT("parallel_group_index", NULL),
    TEXT("parallel_group_total", NULL),
    TEXT("promised_exit_status", NULL),
    TEXT("async", NULL),
    ROW("agent_query_rules", TEXTS, "job.agent_query_rules", NULL, NULL),
    OBJECT("agent", job_agent),
    OBJECT("step", step),
    ROW("web_url", URL, "job.url", NULL, NULL),
    TEXT("created_at", "job.created_at"),
    TEXT("scheduled_at", "job.scheduled_at"),
    TEXT("started_at", "job.started_at"),
    TEXT("finished_at", "job.finished_at"),
};
MEMBERS(job, true);

/* ---- the others ---- */

static const struct kh_kept_member settings_rows[] = {TEXT("repository", NULL)};
MEMBERS(settings, false);

static const struct kh_kept_member provider_rows[] = {
    TEXT("id", NULL),
    OBJECT("settings", settings),
};
MEMBERS(provider, false);

static const struct kh_kept_member pipeline_rows[] = {
    TEXT("id", "pipeline.id"),
    TEXT("slug", "pipeline.slug"),
    TEXT("name", "pipeline.name"),
    TEXT("default_branch", "pipeline.default_branch"),
    ROW("repository", URL, "pipeline.repository", "build.pull_request.url", NULL),
    OBJECT("provider", provider),
    ROW("env", NOTHING, KH_WITHHELD_PIPELINE_ENV, NULL, NULL),
};
MEMBERS(pipeline, false);

static const struct kh_kept_member agent_rows[] = {
    TEXT("id", "agent.id"),
    TEXT("name", "agent.name"),
    TEXT("hostname", "agent.hostname"),
    TEXT("ip_address", "agent.ip_address"),
    TEXT("version", "agent.version"),
    TEXT("os_id", "agent.os_id"),
    TEXT("arch", "agent.arch"),
    TEXT("queue", "agent.queue"),
    TEXT("connection_state", "agent.connection_state"),
    TEXT("priority", NULL),
    ROW("meta_data", NOTHING, "agent.meta_data", NULL, NULL),
    ROW("web_url", URL, NULL, NULL, NULL),
};
MEMBERS(agent, true);

static const struct kh_kept_member sender_rows[] = {
    TEXT("id", "sender.id"),
    PERSON("name", "sender.name"),
};
MEMBERS(sender, false);

static const struct kh_kept_member cluster_token_rows[] = {
    TEXT("id", "cluster_token.id"),
    TEXT("description", "cluster_token.description"),
};
MEMBERS(cluster_token, false);

static const struct kh_kept_members package = {NULL, 0, true};

static const struct kh_kept_member root_rows[] = {
    OBJECT("build", build),
    OBJECT("job", job),
    OBJECT("pipeline", pipeline),
    ROW("sender", SENDER, "sender.name", NULL, &sender),
    OBJECT("agent", agent),
    OBJECT("cluster_token", cluster_token),
    OBJECT("package", package),
    TEXT("blocked_ip", "blocked_ip"),
    TEXT("promised_exit_status_reason", "job.promised_exit_status_reason"),
};
const struct kh_kept_members kh_kept_root = {root_rows, KH_COUNT(root_rows), false};
