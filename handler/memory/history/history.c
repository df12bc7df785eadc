#include "base/base.h"

#include "memory/history/history.h"

enum { DURATIONS_MIN = 5, DURATIONS_MAX = 20 };

void kh_history_none(struct kh_history *history, enum kh_history_state state)
{
  history->state = state;
  history->started_failing = history->started_passing = history->next_finished = KH_UNKNOWN;
  history->consecutive_failures = history->failing_since = history->failing_for_s = KH_UNKNOWN_NUMBER;
  history->last_passed = history->usual_duration_s = history->ended_for_s = KH_UNKNOWN_NUMBER;
  history->run = history->ended = (struct kh_run){0};
  history->has_jobs = false;
  history->failed_jobs = history->soft_failed_jobs = history->mended_jobs = history->names;
  history->failed_count = history->soft_failed_count = history->mended_count = 0;
}

/* Of the last of the first COUNT that has one, or of what came before them. */
static enum kh_build_outcome last_outcome(const struct kh_branch *branch, size_t count)
{
  while (count > 0 && branch->builds[count - 1].outcome == KH_OUTCOME_NONE)
    count--;
  if (count > 0)
    return branch->builds[count - 1].outcome;
  return !branch->before.last           ? KH_OUTCOME_NONE
         : branch->before.run.count > 0 ? KH_OUTCOME_FAILED
                                        : KH_OUTCOME_PASSED;
}

/* The failures that the first COUNT end with. */
static struct kh_run run_of(const struct kh_branch *branch, size_t count)
{
  struct kh_run run = branch->before.run;
  size_t first = count;

  while (first > 0 && branch->builds[first - 1].outcome != KH_OUTCOME_PASSED)
    first--;
  if (first > 0)
    run = (struct kh_run){0};
  for (; first < count; first++)
    if (branch->builds[first].outcome == KH_OUTCOME_FAILED)
      kh_run_add(&run, &branch->builds[first]);
  return run;
}

static bool has_outcome_from(const struct kh_branch *branch, size_t at)
{
  while (at < branch->count && branch->builds[at].outcome == KH_OUTCOME_NONE)
    at++;
  return at < branch->count;
}

static int64_t last_passed(const struct kh_branch *branch, size_t count)
{
  while (count > 0 && branch->builds[count - 1].outcome != KH_OUTCOME_PASSED)
    count--;
  if (count > 0)
    return branch->builds[count - 1].number;
  return branch->before.last_passed ? branch->before.last_passed : KH_UNKNOWN_NUMBER;
}

static int compare_numbers(const void *one, const void *other)
{
  const int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

  return (a > b) - (a < b);
}

static int64_t usual_duration_s(const struct kh_branch *branch, size_t count)
{
  int64_t took_s[DURATIONS_MAX];
  size_t known = 0;

  for (; count > 0 && known < DURATIONS_MAX; count--) {
    const struct kh_past_build *build = &branch->builds[count - 1];
    const int64_t from_us = build->times_us[KH_AT_STARTED], to_us = build->times_us[KH_AT_FINISHED];

    if (build->outcome == KH_OUTCOME_PASSED && from_us && to_us >= from_us)
      took_s[known++] = (to_us - from_us) / 1000000;
  }
  if (known < DURATIONS_MIN)
    return KH_UNKNOWN_NUMBER;
  qsort(took_s, known, sizeof *took_s, compare_numbers);
  return known % 2 ? took_s[known / 2] : (took_s[known / 2 - 1] + took_s[known / 2]) / 2;
}

static int64_t lasted_s(const struct kh_run *run, int64_t latest_us)
{
  if (run->count == 0 || run->since_us == 0 || latest_us == 0)
    return KH_UNKNOWN_NUMBER;
  return latest_us > run->since_us ? (latest_us - run->since_us) / 1000000 : 0;
}

static enum kh_known known(bool truth)
{
  return truth ? KH_YES : KH_NO;
}

void kh_history_at(const struct kh_branch *branch, size_t at, int64_t latest_us, struct kh_history *history)
{
  const enum kh_build_outcome outcome = branch->builds[at].outcome;
  const enum kh_build_outcome before = last_outcome(branch, at);
  const bool is_last = !has_outcome_from(branch, at + 1);

  history->state = KH_HISTORY_THERE;
  history->next_finished = known(!is_last);
  history->run = run_of(branch, at + 1);
  if (before != KH_OUTCOME_NONE) {
    history->started_failing = known(outcome == KH_OUTCOME_FAILED && before == KH_OUTCOME_PASSED && is_last);
    history->started_passing = known(outcome == KH_OUTCOME_PASSED && before == KH_OUTCOME_FAILED && is_last);
  }
  if (outcome != KH_OUTCOME_NONE || before != KH_OUTCOME_NONE)
    history->consecutive_failures = history->run.count;
  if (history->run.count > 0)
    history->failing_since = history->run.first;
  history->failing_for_s = lasted_s(&history->run, latest_us);
  history->last_passed = last_passed(branch, at + 1);
  history->usual_duration_s = usual_duration_s(branch, at + 1);
  if (history->started_passing == KH_YES)
    history->ended = run_of(branch, at);
  history->ended_for_s = lasted_s(&history->ended, latest_us);
}

void kh_history_of(const struct kh_past *past, const struct kh_sighting *sighting, struct kh_history *history)
{
  const struct kh_branch *branch = &past->branch;
  size_t at = 0;

  kh_history_none(history, KH_HISTORY_FALLEN);
  kh_history_take_jobs(history, &past->jobs);
  while (at < branch->count && branch->builds[at].number < sighting->number)
    at++;
  if (at < branch->count && branch->builds[at].number == sighting->number)
    kh_history_at(branch, at, sighting->latest_us, history);
  else
    history->next_finished = known(branch->before.last > sighting->number || has_outcome_from(branch, at));
}
