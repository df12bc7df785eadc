#include "base/base.h"

#include "base/nearest.h"
#include "language/names/names.h"

#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct kh_enumeration enum_BUILD_STATE = {
    "build.state", VALUES("creating", "scheduled", "started", "running", "passed", "failing", "failed",
                          "blocked", "canceling", "canceled", "skipped", "not_run")};
static const struct kh_enumeration enum_BLOCKED_STATE = {"build.blocked_state",
                                                         VALUES("failed", "passed", "running")};
static const struct kh_enumeration enum_BUILD_SOURCE = {
    "build.source", VALUES("api", "ui", "webhook", "trigger_job", "schedule", "pipeline_trigger")};
static const struct kh_enumeration enum_STEP_TYPE = {"step.type",
                                                     VALUES("command", "wait", "input", "trigger", "group")};
static const struct kh_enumeration enum_STEP_STATE = {
    "step.state", VALUES("ignored", "waiting_for_dependencies", "ready", "waiting_for_input", "running",
                         "failing", "canceled", "finished")};
static const struct kh_enumeration enum_STEP_OUTCOME = {
    "step.outcome", VALUES("neutral", "passed", "soft_failed", "hard_failed", "errored")};

#define enum_of_NONE NULL
#define enum_of_BUILD_STATE &enum_BUILD_STATE
#define enum_of_BLOCKED_STATE &enum_BLOCKED_STATE
#define enum_of_BUILD_SOURCE &enum_BUILD_SOURCE
#define enum_of_STEP_TYPE &enum_STEP_TYPE
#define enum_of_STEP_STATE &enum_STEP_STATE
#define enum_of_STEP_OUTCOME &enum_STEP_OUTCOME

#define ROW(id, text, kind, root, enumeration, flags) \
  {KH_NAME_##id, text, KH_KIND_##kind, KH_ROOT_##root, enum_of_##enumeration, flags},
static const struct kh_name_info table[KH_NAME__COUNT] = {KH_NAMES_STRICT(ROW) KH_NAMES_EXTENDED(ROW)
                                                              KH_NAMES_HIDDEN(ROW)};

const struct kh_name_info *kh_name_info(enum kh_name name)
{
  return &table[name];
}

const char *kh_name_why_null(const struct kh_name_info *name, bool remembers)
{
  if (name->flags & KH_NAME_UNFILLED)
    return "no webhook carries it";
  if (remembers || !(name->flags & KH_NAME_HISTORY))
    return NULL;
  return name->flags & KH_NAME_JOBS
             ? "nothing is remembered without `state`; add `state: /var/lib/kitehook`, "
               "and tick the job events in Buildkite"
             : "nothing is remembered without `state`; add `state: /var/lib/kitehook`";
}

const struct kh_name_info *kh_name_find(struct kh_str text)
{
  for (size_t i = 0; i < KH_COUNT(table); i++)
    if (kh_str_equal(text, kh_str_of(table[i].text)))
      return &table[i];
  return NULL;
}

/* WITH: flags of names that are else left out. */
static const char *nearest(struct kh_str text, unsigned with, bool with_step)
{
  const char *best = NULL;
  size_t best_distance = SIZE_MAX;

  for (size_t i = 0; i < KH_COUNT(table); i++) {
    const struct kh_name_info *name = &table[i];
    struct kh_str known = kh_str_of(name->text);
    struct kh_str tail = known;
    size_t distance = kh_word_distance(text, known);
    bool hidden = (name->flags & KH_NAME_HIDDEN) && !(name->flags & with & KH_NAME_MESSAGE);

    if (hidden || (name->flags & ~with & KH_NAME_EXTENDED) || (!with_step && name->root == KH_ROOT_STEP))
      continue;
    /* `branch` for build.branch. */
    (void)kh_str_cut(&tail, '.');
    if (tail.at && kh_str_equal(tail, text))
      distance = 1;
    if (kh_word_is_near(distance, known) && distance < best_distance) {
      best = name->text;
      best_distance = distance;
    }
  }
  return best;
}

const char *kh_name_nearest(struct kh_str text, bool with_extended, bool with_step)
{
  return nearest(text, with_extended ? KH_NAME_EXTENDED : 0, with_step);
}

const char *kh_name_nearest_in_message(struct kh_str text)
{
  return nearest(text, KH_NAME_EXTENDED | KH_NAME_MESSAGE, true);
}

const char *kh_root_name(enum kh_root root)
{
#define NAME(id, text) [KH_ROOT_##id] = text,
  static const char *const names[KH_ROOT__COUNT] = {KH_ROOTS(NAME)};

  return names[root];
}

bool kh_root_is_of_event(enum kh_root root, struct kh_str event)
{
  const struct kh_str blocked_token = KH_STR("cluster_token.registration_blocked");

  switch (root) {
  case KH_ROOT_BUILD:
  case KH_ROOT_PIPELINE:
    return kh_str_starts(event, KH_STR("build.")) || kh_str_starts(event, KH_STR("job."));
  case KH_ROOT_JOB:
  case KH_ROOT_STEP:
    return kh_str_starts(event, KH_STR("job."));
  case KH_ROOT_AGENT:
    return kh_str_starts(event, KH_STR("agent."));
  case KH_ROOT_BLOCKED_IP:
  case KH_ROOT_CLUSTER_TOKEN:
    return kh_str_equal(event, blocked_token) || kh_str_equal(event, KH_STR("agent.blocked"));
  case KH_ROOT_ORGANIZATION:
    return !kh_str_equal(event, blocked_token);
  default:
    return true;
  }
}
