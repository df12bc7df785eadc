#include "base/base.h"

#include "notify/github/github.h"

/*
 * Sources: buildkite.com/docs, "GitHub commit status" for blocked builds, "Source control: GitHub" for
 * skipped ones; what they do not say of builds that were canceled or not run is ours.
 */
static const struct {
  struct kh_str state;
  enum kh_github_state means;
} states[] = {
    {{"passed", 6}, KH_GITHUB_PASSED},       {{"failed", 6}, KH_GITHUB_FAILED},
    {{"failing", 7}, KH_GITHUB_FAILING},     {{"started_failing", 15}, KH_GITHUB_FAILING},
    {{"blocked", 7}, KH_GITHUB_BLOCKED},     {{"blocked_failed", 14}, KH_GITHUB_FAILED},
    {{"canceled", 8}, KH_GITHUB_CANCELED},   {{"skipped", 7}, KH_GITHUB_SKIPPED},
    {{"not_run", 7}, KH_GITHUB_NOT_RUN},     {{"broken", 6}, KH_GITHUB_NOT_RUN},
    {{"timed_out", 9}, KH_GITHUB_TIMED_OUT}, {{"expired", 7}, KH_GITHUB_TIMED_OUT},
    {{"unblocked", 9}, KH_GITHUB_PASSED},    {{"unblocked_failed", 16}, KH_GITHUB_FAILED},
    {{"creating", 8}, KH_GITHUB_QUEUED},     {{"scheduled", 9}, KH_GITHUB_QUEUED},
    {{"waiting", 7}, KH_GITHUB_QUEUED},      {{"limiting", 8}, KH_GITHUB_QUEUED},
    {{"limited", 7}, KH_GITHUB_QUEUED},      {{"assigned", 8}, KH_GITHUB_QUEUED},
    {{"accepted", 8}, KH_GITHUB_QUEUED},     {{"running", 7}, KH_GITHUB_RUNNING},
    {{"started", 7}, KH_GITHUB_RUNNING},     {{"canceling", 9}, KH_GITHUB_RUNNING},
    {{"timing_out", 10}, KH_GITHUB_RUNNING},
};

static enum kh_github_state meaning_of(struct kh_json_value state)
{
  for (size_t i = 0; i < KH_COUNT(states); i++)
    if (kh_json_text_is(state, states[i].state))
      return states[i].means;
  return KH_GITHUB_PENDING;
}

static bool is_true(struct kh_json_value object, struct kh_str key)
{
  bool truth = false;

  return kh_json_bool(kh_json_get(object, key), &truth) && truth;
}

static bool goes_on(enum kh_github_state state)
{
  return state == KH_GITHUB_PENDING || state == KH_GITHUB_QUEUED || state == KH_GITHUB_RUNNING;
}

/* One that is retried goes on, and one that may fail has not failed its step. */
static enum kh_github_state state_of_job(const struct kh_event *event)
{
  const enum kh_github_state means = meaning_of(kh_json_get(event->job, KH_STR("state")));
  int64_t status = 0;

  if (kh_json_int(kh_json_get(event->job, KH_STR("promised_exit_status")), &status) && goes_on(means))
    return status == 0 ? KH_GITHUB_PENDING : KH_GITHUB_FAILING;
  if (is_true(event->job, KH_STR("retried")))
    return KH_GITHUB_PENDING;
  if (means == KH_GITHUB_FAILED && is_true(event->job, KH_STR("soft_failed")))
    return KH_GITHUB_PASSED;
  return means;
}

enum kh_github_state kh_github_state_of(const struct kh_event *event)
{
  if (event->kind == KH_EVENT_JOB)
    return state_of_job(event);
  const enum kh_github_state means = meaning_of(event->build_state);
  if (event->build_blocked)
    return means == KH_GITHUB_FAILED || means == KH_GITHUB_FAILING ? KH_GITHUB_FAILED : KH_GITHUB_BLOCKED;
  return strcmp(event->name, "build.failing") == 0 && goes_on(means) ? KH_GITHUB_FAILING : means;
}
