#include "base/base.h"

#include "base/nearest.h"
#include "language/names/expected.h"

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- values ---- */

/* Where the names have values of their own, or Buildkite's language knows more than webhooks say. */
static const struct {
  enum kh_name name;
  const char *const *values;
} ever[] = {
    {KH_NAME_BUILD_STATE, WORDS("creating", "scheduled", "running", "passed", "failing", "failed", "blocked",
                                "canceling", "canceled", "skipped", "not_run")},
    {KH_NAME_STEP_TYPE, WORDS("command", "wait", "input", "trigger")},
    {KH_NAME_STEP_STATE, WORDS("ready", "running", "canceled", "ignored", "finished")},
    {KH_NAME_JOB_TYPE, WORDS("script", "trigger", "manual", "waiter")},
    {KH_NAME_JOB_STATE,
     WORDS("pending", "waiting", "waiting_failed", "blocked", "blocked_failed", "unblocked",
           "unblocked_failed", "limiting", "limited", "platform_limiting", "platform_limited", "scheduled",
           "reserved", "assigned", "accepted", "running", "passed", "failed", "canceling", "canceled",
           "expired", "timing_out", "timed_out", "skipped", "broken")},
    {KH_NAME_JOB_RETRY_TYPE, WORDS("automatic", "manual")},
    {KH_NAME_JOB_SIGNAL_REASON, WORDS("agent_stop", "cancel", "process_run_error", "agent_refused",
                                      "signature_rejected", "stack_error", "agent_incompatible")},
    {KH_NAME_AGENT_CONNECTION_STATE,
     WORDS("never_connected", "connected", "disconnected", "stopping", "stopped", "lost")},
};

/* What other pages of Buildkite, or other systems, call it. */
static const struct {
  enum kh_name name;
  const char *never;
  const char *instead;
} mistaken[] = {
    {KH_NAME_BUILD_STATE, "started", "running"}, {KH_NAME_JOB_STATE, "finished", "passed"},
    {KH_NAME_JOB_STATE, "success", "passed"},    {KH_NAME_JOB_STATE, "failure", "failed"},
    {KH_NAME_JOB_STATE, "started", "running"},   {KH_NAME_JOB_TYPE, "command", "script"},
    {KH_NAME_JOB_TYPE, "wait", "waiter"},        {KH_NAME_JOB_TYPE, "block", "manual"},
    {KH_NAME_JOB_TYPE, "input", "manual"},
};

/* What an event does not come with: what comes before it, or has an event of its own. */
static const struct {
  const char *event;
  enum kh_name name;
  const char *const *values;
} never_at[] = {
    {"build.scheduled", KH_NAME_BUILD_STATE,
     WORDS("running", "passed", "failing", "failed", "skipped", "not_run")},
    {"build.running", KH_NAME_BUILD_STATE,
     WORDS("creating", "scheduled", "passed", "failing", "failed", "skipped", "not_run")},
    {"build.failing", KH_NAME_BUILD_STATE,
     WORDS("creating", "scheduled", "running", "passed", "skipped", "not_run")},
    {"build.finished", KH_NAME_BUILD_STATE,
     WORDS("creating", "scheduled", "running", "failing", "canceling")},
    {"build.skipped", KH_NAME_BUILD_STATE,
     WORDS("creating", "scheduled", "running", "passed", "failing", "failed", "blocked", "canceling")},
    {"job.scheduled", KH_NAME_JOB_STATE, WORDS("running", "passed", "failed", "timing_out", "timed_out")},
    {"job.started", KH_NAME_JOB_STATE,
     WORDS("pending", "waiting", "passed", "failed", "timed_out", "expired", "skipped", "broken")},
    {"job.finished", KH_NAME_JOB_STATE,
     WORDS("pending", "waiting", "limiting", "limited", "platform_limiting", "platform_limited", "scheduled",
           "reserved", "assigned", "accepted", "running")},
};

static bool is_among(struct kh_str text, const char *const *words)
{
  return words[kh_word_place(text, words)] != NULL;
}

static const char *const *ever_of(enum kh_name name)
{
  for (size_t i = 0; i < KH_COUNT(ever); i++)
    if (ever[i].name == name)
      return ever[i].values;
  return NULL;
}

static bool is_branch_or_tag(enum kh_name name)
{
  return name == KH_NAME_BUILD_BRANCH || name == KH_NAME_BUILD_TAG ||
         name == KH_NAME_PULL_REQUEST_BASE_BRANCH || name == KH_NAME_MERGE_QUEUE_BASE_BRANCH ||
         name == KH_NAME_PIPELINE_DEFAULT_BRANCH;
}

bool kh_value_is_expected(enum kh_name name, struct kh_str event, struct kh_str text)
{
  const char *const *values = ever_of(name);
  size_t at = 0;

  if (values && !is_among(text, values))
    return false;
  if (name == KH_NAME_PIPELINE_SLUG || name == KH_NAME_ORGANIZATION_SLUG)
    return text.len > 0 && !kh_slug_fault((struct kh_piece){text, true, true}, &at);
  if (is_branch_or_tag(name))
    return !kh_branch_fault((struct kh_piece){text, true, true}, &at) && kh_ref_prefix(text) == 0;
  if (!event.at)
    return true;
  if (name == KH_NAME_STEP_OUTCOME)
    return kh_str_equal(event, KH_STR("job.finished"));
  for (size_t i = 0; i < KH_COUNT(never_at); i++)
    if (never_at[i].name == name && kh_str_equal(event, kh_str_of(never_at[i].event)) &&
        is_among(text, never_at[i].values))
      return false;
  return true;
}

const char *kh_value_meant(enum kh_name name, struct kh_str text)
{
  const char *const *values = ever_of(name);

  for (size_t i = 0; i < KH_COUNT(mistaken); i++)
    if (mistaken[i].name == name && kh_str_equal(text, kh_str_of(mistaken[i].never)))
      return mistaken[i].instead;
  return values ? kh_word_nearest(text, values) : NULL;
}

/* ---- branches and slugs ---- */

static bool finds(struct kh_piece piece, const char *text, size_t *at)
{
  const char *found = memmem(piece.text.at, piece.text.len, text, strlen(text));

  if (found)
    *at = (size_t)(found - piece.text.at);
  return found != NULL;
}

static const char *character_fault(struct kh_piece piece, size_t *at)
{
  for (*at = 0; *at < piece.text.len; ++*at) {
    const unsigned char c = (unsigned char)piece.text.at[*at];

    if (c < ' ' || c == 0x7f)
      return "git allows no control character in a branch";
    if (c == '^')
      return "git allows no `^` in a branch, and this is no regular expression";
    if (c == '?' || c == '[' || c == '\\' || c == '*')
      return "git allows no `?`, `[`, `\\` or `*` in a branch, and nothing but `*` is special in a pattern";
    if (c == ' ' || c == '~')
      return "git allows no blank and no `~` in a branch";
  }
  return NULL;
}

const char *kh_branch_fault(struct kh_piece piece, size_t *at)
{
  const struct kh_str text = piece.text;
  const char *fault = character_fault(piece, at);

  if (fault)
    return fault;
  *at = 0;
  if (finds(piece, "..", at) || finds(piece, "//", at) || finds(piece, "@{", at))
    return "git allows no `..`, `//` or `@{` in a branch";
  if (finds(piece, "/.", at))
    return "git allows no `.` behind a `/` in a branch";
  if (finds(piece, ".lock/", at))
    return "git allows no `.lock` at the end of a part of a branch";
  if (piece.begins && text.len > 0 && strchr("/.-", text.at[0]))
    return "git lets no branch begin with `/`, `.` or `-`";
  *at = text.len > 0 ? text.len - 1 : 0;
  if (piece.ends && (kh_str_ends(text, KH_STR("/")) || kh_str_ends(text, KH_STR(".")) ||
                     kh_str_ends(text, KH_STR(".lock"))))
    return "git lets no branch end with `/`, `.` or `.lock`";
  return NULL;
}

size_t kh_ref_prefix(struct kh_str name)
{
  static const char *const prefixes[] = {"refs/heads/", "refs/tags/"};

  for (size_t i = 0; i < KH_COUNT(prefixes); i++)
    if (kh_str_starts(name, kh_str_of(prefixes[i])))
      return strlen(prefixes[i]);
  return 0;
}

const char *kh_slug_fault(struct kh_piece piece, size_t *at)
{
  for (*at = 0; *at < piece.text.len; ++*at) {
    const char c = piece.text.at[*at];

    if (c == '/')
      return "a slug has no `/`, and no organization before it";
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-')
      return "a slug has only a-z, 0-9 and `-`";
  }
  return NULL;
}
