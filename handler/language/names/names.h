/*
 * names.h - every variable that a condition can use: one table.
 *
 * Sources: github.com/buildkite/conditional assignments.go (the 49 of Buildkite, strict) and buildkite/docs
 * pages/apis/webhooks/pipelines (kitehook's own, extended). The flags say where a variable exists and when it
 * is null.
 *
 * The folder: value.h is what a name may hold, names.c the table. names_event.c fills it from a webhook, by
 * names_body.c what stands in its body and by names_past.c what came before it; names_json.c from JSON.
 * shown.c says what people may see of it.
 * event_names.c is a list of its own.
 */
#ifndef KH_NAMES_H
#define KH_NAMES_H

#include "base/arena.h"
#include "language/names/value.h"

/* The first segment of a name: the part of a webhook that it speaks of. */
#define KH_ROOTS(X)                        \
  X(NONE, "") /* nothing of the webhook */ \
  X(EVENT, "event")                        \
  X(SENDER, "sender")                      \
  X(BUILD, "build")                        \
  X(PIPELINE, "pipeline")                  \
  X(ORGANIZATION, "organization")          \
  X(JOB, "job")                            \
  X(STEP, "step")                          \
  X(AGENT, "agent")                        \
  X(BLOCKED_IP, "blocked_ip")              \
  X(CLUSTER_TOKEN, "cluster_token")

#define KH_ROOT_ID(id, text) KH_ROOT_##id,
enum kh_root { KH_ROOTS(KH_ROOT_ID) KH_ROOT__COUNT };
#undef KH_ROOT_ID

enum {
  KH_NAME_BLANK_IS_NULL = 1, /* empty or white space counts as no value */
  KH_NAME_EXTENDED = 2,      /* only in the extended dialect */
  KH_NAME_UNFILLED = 4,      /* no webhook carries it */
  KH_NAME_HIDDEN = 8,        /* not a variable: a source of the built-in environment, or of messages only */
  KH_NAME_MESSAGE = 16,      /* of messages, though hidden from conditions */
  KH_NAME_HISTORY = 32,      /* of what came before: memory knows it (memory/history/history.h) */
  KH_NAME_JOBS = 64          /* beside it: only where job.* webhooks come */
};

/* X(identifier, text, kind, root, enumeration, flags) */
#define KH_NAMES_STRICT(X)                                                                                   \
  X(BUILD_ID, "build.id", STRING, BUILD, NONE, 0)                                                            \
  X(BUILD_BRANCH, "build.branch", STRING, BUILD, NONE, 0)                                                    \
  X(BUILD_COMMIT, "build.commit", STRING, BUILD, NONE, 0)                                                    \
  X(BUILD_NUMBER, "build.number", NUMBER, BUILD, NONE, 0)                                                    \
  X(BUILD_TAG, "build.tag", STRING, BUILD, NONE, KH_NAME_BLANK_IS_NULL)                                      \
  X(BUILD_MESSAGE, "build.message", STRING, BUILD, NONE, KH_NAME_BLANK_IS_NULL)                              \
  X(BUILD_STATE, "build.state", STRING, BUILD, BUILD_STATE, 0)                                               \
  X(BUILD_BLOCKED_STATE, "build.blocked_state", STRING, BUILD, BLOCKED_STATE, 0)                             \
  X(BUILD_FIXED, "build.fixed", BOOLEAN, BUILD, NONE, KH_NAME_HISTORY)                                       \
  X(BUILD_SOURCE, "build.source", STRING, BUILD, BUILD_SOURCE, 0)                                            \
  X(BUILD_SOURCE_EVENT, "build.source_event", STRING, BUILD, NONE, 0)                                        \
  X(BUILD_SOURCE_ACTION, "build.source_action", STRING, BUILD, NONE, 0)                                      \
  X(BUILD_CREATOR_ID, "build.creator.id", STRING, BUILD, NONE, 0)                                            \
  X(BUILD_CREATOR_NAME, "build.creator.name", STRING, BUILD, NONE, 0)                                        \
  X(BUILD_CREATOR_EMAIL, "build.creator.email", STRING, BUILD, NONE, 0)                                      \
  X(BUILD_CREATOR_TEAMS, "build.creator.teams", LIST, BUILD, NONE, KH_NAME_UNFILLED)                         \
  X(BUILD_CREATOR_VERIFIED, "build.creator.verified", BOOLEAN, BUILD, NONE, KH_NAME_UNFILLED)                \
  X(BUILD_AUTHOR_ID, "build.author.id", STRING, BUILD, NONE, KH_NAME_UNFILLED)                               \
  X(BUILD_AUTHOR_NAME, "build.author.name", STRING, BUILD, NONE, KH_NAME_BLANK_IS_NULL)                      \
  X(BUILD_AUTHOR_EMAIL, "build.author.email", STRING, BUILD, NONE, KH_NAME_BLANK_IS_NULL)                    \
  X(BUILD_AUTHOR_TEAMS, "build.author.teams", LIST, BUILD, NONE, KH_NAME_UNFILLED)                           \
  X(BUILD_SCM_AUTHOR_NAME, "build.scm.author.name", STRING, BUILD, NONE, KH_NAME_UNFILLED)                   \
  X(BUILD_SCM_AUTHOR_EMAIL, "build.scm.author.email", STRING, BUILD, NONE, KH_NAME_UNFILLED)                 \
  X(BUILD_SCM_COMMITTER_NAME, "build.scm.committer.name", STRING, BUILD, NONE, KH_NAME_UNFILLED)             \
  X(BUILD_SCM_COMMITTER_EMAIL, "build.scm.committer.email", STRING, BUILD, NONE, KH_NAME_UNFILLED)           \
  X(PULL_REQUEST_ID, "build.pull_request.id", STRING, BUILD, NONE, 0)                                        \
  X(PULL_REQUEST_BASE_BRANCH, "build.pull_request.base_branch", STRING, BUILD, NONE, 0)                      \
  X(PULL_REQUEST_REPOSITORY, "build.pull_request.repository", STRING, BUILD, NONE, 0)                        \
  X(PULL_REQUEST_DRAFT, "build.pull_request.draft", BOOLEAN, BUILD, NONE, KH_NAME_UNFILLED)                  \
  X(PULL_REQUEST_FORK, "build.pull_request.repository.fork", BOOLEAN, BUILD, NONE, KH_NAME_UNFILLED)         \
  X(PULL_REQUEST_LABEL, "build.pull_request.label", STRING, BUILD, NONE, KH_NAME_UNFILLED)                   \
  X(PULL_REQUEST_LABELS, "build.pull_request.labels", LIST, BUILD, NONE, KH_NAME_UNFILLED)                   \
  X(MERGE_QUEUE_BASE_BRANCH, "build.merge_queue.base_branch", STRING, BUILD, NONE, 0)                        \
  X(MERGE_QUEUE_BASE_COMMIT, "build.merge_queue.base_commit", STRING, BUILD, NONE, 0)                        \
  X(PIPELINE_ID, "pipeline.id", STRING, PIPELINE, NONE, 0)                                                   \
  X(PIPELINE_SLUG, "pipeline.slug", STRING, PIPELINE, NONE, 0)                                               \
  X(PIPELINE_DEFAULT_BRANCH, "pipeline.default_branch", STRING, PIPELINE, NONE, KH_NAME_BLANK_IS_NULL)       \
  X(PIPELINE_REPOSITORY, "pipeline.repository", STRING, PIPELINE, NONE, KH_NAME_BLANK_IS_NULL)               \
  X(PIPELINE_STARTED_PASSING, "pipeline.started_passing", BOOLEAN, PIPELINE, NONE, KH_NAME_HISTORY)          \
  X(PIPELINE_STARTED_FAILING, "pipeline.started_failing", BOOLEAN, PIPELINE, NONE, KH_NAME_HISTORY)          \
  X(PIPELINE_NEXT_FINISHED, "pipeline.next_finished_build_exists", BOOLEAN, PIPELINE, NONE, KH_NAME_HISTORY) \
  X(ORGANIZATION_ID, "organization.id", STRING, ORGANIZATION, NONE, 0)                                       \
  X(ORGANIZATION_SLUG, "organization.slug", STRING, ORGANIZATION, NONE, 0)                                   \
  X(STEP_ID, "step.id", STRING, STEP, NONE, 0)                                                               \
  X(STEP_KEY, "step.key", STRING, STEP, NONE, 0)                                                             \
  X(STEP_LABEL, "step.label", STRING, STEP, NONE, 0)                                                         \
  X(STEP_TYPE, "step.type", STRING, STEP, STEP_TYPE, 0)                                                      \
  X(STEP_STATE, "step.state", STRING, STEP, STEP_STATE, 0)                                                   \
  X(STEP_OUTCOME, "step.outcome", STRING, STEP, STEP_OUTCOME, 0)

#define KH_NAMES_EXTENDED(X)                                                                               \
  X(EVENT, "event", STRING, EVENT, NONE, KH_NAME_EXTENDED)                                                 \
  X(SENDER_ID, "sender.id", STRING, SENDER, NONE, KH_NAME_EXTENDED)                                        \
  X(SENDER_NAME, "sender.name", STRING, SENDER, NONE, KH_NAME_EXTENDED)                                    \
  X(BUILD_BLOCKED, "build.blocked", BOOLEAN, BUILD, NONE, KH_NAME_EXTENDED)                                \
  X(BUILD_CANCEL_REASON, "build.cancel_reason", STRING, BUILD, NONE, KH_NAME_EXTENDED)                     \
  X(JOB_ID, "job.id", STRING, JOB, NONE, KH_NAME_EXTENDED)                                                 \
  X(JOB_TYPE, "job.type", STRING, JOB, NONE, KH_NAME_EXTENDED)                                             \
  X(JOB_NAME, "job.name", STRING, JOB, NONE, KH_NAME_EXTENDED)                                             \
  X(JOB_STEP_KEY, "job.step_key", STRING, JOB, NONE, KH_NAME_EXTENDED)                                     \
  X(JOB_GROUP_KEY, "job.group_key", STRING, JOB, NONE, KH_NAME_EXTENDED)                                   \
  X(JOB_STATE, "job.state", STRING, JOB, NONE, KH_NAME_EXTENDED)                                           \
  X(JOB_COMMAND, "job.command", STRING, JOB, NONE, KH_NAME_EXTENDED)                                       \
  X(JOB_SIGNAL, "job.signal", STRING, JOB, NONE, KH_NAME_EXTENDED)                                         \
  X(JOB_SIGNAL_REASON, "job.signal_reason", STRING, JOB, NONE, KH_NAME_EXTENDED)                           \
  X(JOB_BROKEN_REASON, "job.broken_reason", STRING, JOB, NONE, KH_NAME_EXTENDED)                           \
  X(JOB_RETRY_TYPE, "job.retry_type", STRING, JOB, NONE, KH_NAME_EXTENDED)                                 \
  X(JOB_EXIT_STATUS, "job.exit_status", NUMBER, JOB, NONE, KH_NAME_EXTENDED)                               \
  X(JOB_RETRIES_COUNT, "job.retries_count", NUMBER, JOB, NONE, KH_NAME_EXTENDED)                           \
  X(JOB_PARALLEL_INDEX, "job.parallel_group_index", NUMBER, JOB, NONE, KH_NAME_EXTENDED)                   \
  X(JOB_PARALLEL_TOTAL, "job.parallel_group_total", NUMBER, JOB, NONE, KH_NAME_EXTENDED)                   \
  X(JOB_PROMISED_STATUS, "job.promised_exit_status", NUMBER, JOB, NONE, KH_NAME_EXTENDED)                  \
  X(JOB_PROMISED_REASON, "job.promised_exit_status_reason", STRING, JOB, NONE, KH_NAME_EXTENDED)           \
  X(JOB_SOFT_FAILED, "job.soft_failed", BOOLEAN, JOB, NONE, KH_NAME_EXTENDED)                              \
  X(JOB_RETRIED, "job.retried", BOOLEAN, JOB, NONE, KH_NAME_EXTENDED)                                      \
  X(JOB_ASYNC, "job.async", BOOLEAN, JOB, NONE, KH_NAME_EXTENDED)                                          \
  X(JOB_AGENT_QUERY_RULES, "job.agent_query_rules", LIST, JOB, NONE, KH_NAME_EXTENDED)                     \
  X(JOB_AGENT_NAME, "job.agent.name", STRING, JOB, NONE, KH_NAME_EXTENDED)                                 \
  X(AGENT_ID, "agent.id", STRING, AGENT, NONE, KH_NAME_EXTENDED)                                           \
  X(AGENT_NAME, "agent.name", STRING, AGENT, NONE, KH_NAME_EXTENDED)                                       \
  X(AGENT_HOSTNAME, "agent.hostname", STRING, AGENT, NONE, KH_NAME_EXTENDED)                               \
  X(AGENT_IP_ADDRESS, "agent.ip_address", STRING, AGENT, NONE, KH_NAME_EXTENDED)                           \
  X(AGENT_VERSION, "agent.version", STRING, AGENT, NONE, KH_NAME_EXTENDED)                                 \
  X(AGENT_OS_ID, "agent.os_id", STRING, AGENT, NONE, KH_NAME_EXTENDED)                                     \
  X(AGENT_ARCH, "agent.arch", STRING, AGENT, NONE, KH_NAME_EXTENDED)                                       \
  X(AGENT_QUEUE, "agent.queue", STRING, AGENT, NONE, KH_NAME_EXTENDED)                                     \
  X(AGENT_CONNECTION_STATE, "agent.connection_state", STRING, AGENT, NONE, KH_NAME_EXTENDED)               \
  X(AGENT_PRIORITY, "agent.priority", NUMBER, AGENT, NONE, KH_NAME_EXTENDED)                               \
  X(AGENT_META_DATA, "agent.meta_data", LIST, AGENT, NONE, KH_NAME_EXTENDED)                               \
  X(BLOCKED_IP, "blocked_ip", STRING, BLOCKED_IP, NONE, KH_NAME_EXTENDED)                                  \
  X(CLUSTER_TOKEN_ID, "cluster_token.id", STRING, CLUSTER_TOKEN, NONE, KH_NAME_EXTENDED)                   \
  X(CLUSTER_TOKEN_DESCRIPTION, "cluster_token.description", STRING, CLUSTER_TOKEN, NONE, KH_NAME_EXTENDED) \
  X(PIPELINE_CONSECUTIVE_FAILURES, "pipeline.consecutive_failures", NUMBER, PIPELINE, NONE,                \
    KH_NAME_EXTENDED | KH_NAME_HISTORY)                                                                    \
  X(PIPELINE_FAILING_SINCE, "pipeline.failing_since", NUMBER, PIPELINE, NONE,                              \
    KH_NAME_EXTENDED | KH_NAME_HISTORY)                                                                    \
  X(PIPELINE_FAILING_FOR, "pipeline.failing_for", NUMBER, PIPELINE, NONE,                                  \
    KH_NAME_EXTENDED | KH_NAME_HISTORY)                                                                    \
  X(PIPELINE_LAST_PASSED, "pipeline.last_passed", NUMBER, PIPELINE, NONE,                                  \
    KH_NAME_EXTENDED | KH_NAME_HISTORY)                                                                    \
  X(PIPELINE_USUAL_DURATION, "pipeline.usual_duration", NUMBER, PIPELINE, NONE,                            \
    KH_NAME_EXTENDED | KH_NAME_HISTORY)                                                                    \
  X(BUILD_FAILED_JOBS, "build.failed_jobs", LIST, BUILD, NONE,                                             \
    KH_NAME_EXTENDED | KH_NAME_HISTORY | KH_NAME_JOBS)                                                     \
  X(BUILD_SOFT_FAILED_JOBS, "build.soft_failed_jobs", LIST, BUILD, NONE,                                   \
    KH_NAME_EXTENDED | KH_NAME_HISTORY | KH_NAME_JOBS)                                                     \
  X(BUILD_MENDED_JOBS, "build.mended_jobs", LIST, BUILD, NONE,                                             \
    KH_NAME_EXTENDED | KH_NAME_HISTORY | KH_NAME_JOBS)                                                     \
  X(BUILD_ASYNC_TRIGGERS, "build.async_triggers", LIST, BUILD, NONE, KH_NAME_EXTENDED)

#define KH_NAMES_HIDDEN(X)                                                                                \
  X(PIPELINE_NAME, "pipeline.name", STRING, PIPELINE, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)             \
  X(TRIGGERED_FROM_ID, "build.triggered_from.build_id", STRING, BUILD, NONE, KH_NAME_HIDDEN)              \
  X(TRIGGERED_FROM_NUMBER, "build.triggered_from.build_number", NUMBER, BUILD, NONE, KH_NAME_HIDDEN)      \
  X(TRIGGERED_FROM_SLUG, "build.triggered_from.build_pipeline_slug", STRING, BUILD, NONE, KH_NAME_HIDDEN) \
  X(TRIGGERED_FROM_JOB_ID, "build.triggered_from.job_id", STRING, BUILD, NONE, KH_NAME_HIDDEN)            \
  X(REBUILT_FROM_ID, "build.rebuilt_from.id", STRING, BUILD, NONE, KH_NAME_HIDDEN)                        \
  X(REBUILT_FROM_NUMBER, "build.rebuilt_from.number", NUMBER, BUILD, NONE, KH_NAME_HIDDEN)                \
  X(USING_MERGE_REFSPEC, "build.pull_request.using_merge_refspec", BOOLEAN, BUILD, NONE, KH_NAME_HIDDEN)  \
  X(BUILD_URL, "build.url", STRING, BUILD, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)                        \
  X(PULL_REQUEST_URL, "build.pull_request.url", STRING, BUILD, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)    \
  X(BUILD_CREATED_AT, "build.created_at", STRING, BUILD, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)          \
  X(BUILD_SCHEDULED_AT, "build.scheduled_at", STRING, BUILD, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)      \
  X(BUILD_STARTED_AT, "build.started_at", STRING, BUILD, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)          \
  X(BUILD_FINISHED_AT, "build.finished_at", STRING, BUILD, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)        \
  X(BUILD_DURATION, "build.duration", NUMBER, BUILD, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)              \
  X(JOB_URL, "job.url", STRING, JOB, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)                              \
  X(JOB_CREATED_AT, "job.created_at", STRING, JOB, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)                \
  X(JOB_SCHEDULED_AT, "job.scheduled_at", STRING, JOB, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)            \
  X(JOB_STARTED_AT, "job.started_at", STRING, JOB, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)                \
  X(JOB_FINISHED_AT, "job.finished_at", STRING, JOB, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)              \
  X(JOB_DURATION, "job.duration", NUMBER, JOB, NONE, KH_NAME_HIDDEN | KH_NAME_MESSAGE)

#define KH_NAME_ID(id, text, kind, root, enumeration, flags) KH_NAME_##id,
enum kh_name {
  KH_NAMES_STRICT(KH_NAME_ID) KH_NAMES_EXTENDED(KH_NAME_ID) KH_NAMES_HIDDEN(KH_NAME_ID) KH_NAME__COUNT
};
#undef KH_NAME_ID

struct kh_enumeration {
  const char *name;          /* of the variable */
  const char *const *values; /* NULL-terminated */
};

struct kh_name_info {
  enum kh_name name;
  const char *text;
  enum kh_kind kind;
  enum kh_root root;
  const struct kh_enumeration *enumeration; /* or NULL */
  unsigned flags;
};

/* Where an environment variable may come from; a later one wins. */
enum kh_environment { KH_ENVIRONMENT_PIPELINE, KH_ENVIRONMENT_BUILD };

/*
 * Where values come from: a webhook, or JSON on a command line. What is not known is left null or answered
 * false. Texts are borrowed, or taken from the arena; they must live as long as the evaluation. Any function
 * may be NULL. Values are as they came: names.h says which blanks are null, resolve.h does it.
 */
struct kh_names {
  void *self;
  void (*value)(void *self, const struct kh_name_info *name, struct kh_arena *arena, struct kh_value *value);
  bool (*environment)(void *self, enum kh_environment part, struct kh_str name, struct kh_arena *arena,
                      struct kh_str *value);
  bool (*meta_data)(void *self, struct kh_str key, struct kh_arena *arena, struct kh_str *value);
  /* Does the webhook have this part? NULL: it has all. Only the extended dialect asks. */
  bool (*offers)(void *self, enum kh_root root);
  /*
   * What regular expressions may still take (language/condition/regex.h), of all conditions together. NULL:
   * only each has its limit.
   */
  size_t *steps_left;
  /*
   * Of a webhook out of the journal: what was asked for and is not kept there (withheld.h), or NULL. Its
   * values are null, or not what they were. NULL for all others.
   */
  const char **not_kept;
};

/* What was asked of NAMES since kh_names_ask_anew and is not kept, or NULL. NAMES may be NULL. */
static inline const char *kh_names_lack(const struct kh_names *names)
{
  return names && names->not_kept ? *names->not_kept : NULL;
}
static inline void kh_names_ask_anew(const struct kh_names *names)
{
  if (names && names->not_kept)
    *names->not_kept = NULL;
}

const struct kh_name_info *kh_name_info(enum kh_name name);
/*
 * Why NAME is null for every webhook, where REMEMBERS says whether there is a memory; NULL where it need not
 * be.
 */
const char *kh_name_why_null(const struct kh_name_info *name, bool remembers);
/* Hidden ones included; NULL when there is none of that text. */
const struct kh_name_info *kh_name_find(struct kh_str text);
/*
 * The variable that was probably meant by TEXT, extended ones only where asked for; NULL when none is near.
 */
const char *kh_name_nearest(struct kh_str text, bool with_extended, bool with_step);
/* The same for a message: with extended ones and those of messages, without step. */
const char *kh_name_nearest_in_message(struct kh_str text);
/* "build", "job", …; "" for KH_ROOT_NONE. */
const char *kh_root_name(enum kh_root root);
/*
 * Does a webhook of this event have ROOT, as Buildkite documents it? Unknown events: only event, sender,
 * organization.
 */
bool kh_root_is_of_event(enum kh_root root, struct kh_str event);

#endif
