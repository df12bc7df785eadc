#include "base/base.h"

#include "base/json_put.h"
#include "base/json_text.h"
#include "kept/kept_history.h"
#include "kept/kept_text.h"

static const char *const states[] = {[KH_HISTORY_NO_MEMORY] = "no_memory",
                                     [KH_HISTORY_NOT_TOLD] = "not_told",
                                     [KH_HISTORY_FALLEN] = "fallen",
                                     [KH_HISTORY_THERE] = "there"};

/* ---- writing ---- */

static void put_known(struct kh_buf *out, const char *key, enum kh_known known)
{
  if (known != KH_UNKNOWN)
    kh_json_put_bool_member(out, key, known == KH_YES);
}

static void put_number(struct kh_buf *out, const char *key, int64_t number)
{
  if (number != KH_UNKNOWN_NUMBER)
    kh_json_put_int_member(out, key, number);
}

static void put_run(struct kh_buf *out, const char *key, const struct kh_run *run)
{
  if (run->count == 0)
    return;
  kh_json_put_key(out, key);
  (void)kh_buf_add_byte(out, '[');
  kh_json_put_int(out, run->count);
  (void)kh_buf_add_byte(out, ',');
  kh_json_put_int(out, run->first);
  (void)kh_buf_add_byte(out, ',');
  kh_json_put_int(out, run->since_us);
  (void)kh_buf_add_byte(out, ']');
}

/* False where it is not what it was. */
static bool put_names(struct kh_buf *out, const char *key, const struct kh_str *names, size_t count,
                      size_t end)
{
  const size_t before = out->len;
  bool same = true, links = true;

  kh_json_put_key(out, key);
  (void)kh_buf_add_byte(out, '[');
  for (size_t i = 0; i < count && out->len <= end; i++) {
    if (i > 0)
      (void)kh_buf_add_byte(out, ',');
    same = kh_kept_put_text(names[i], KH_KEPT_TEXT, &links, out) && same;
  }
  (void)kh_buf_add_byte(out, ']');
  if (out->len <= end)
    return same;
  out->len = before;
  kh_json_put_key(out, key);
  (void)kh_buf_add(out, KH_STR("[]"));
  return false;
}

void kh_kept_history_write(const struct kh_history *history, size_t max_bytes, struct kh_buf *out,
                           struct kh_kept_altered *altered)
{
  const size_t end = out->len + max_bytes;

  (void)kh_buf_add_byte(out, '{');
  kh_json_put_text_member(out, "state", kh_str_of(states[history->state]));
  put_known(out, "started_failing", history->started_failing);
  put_known(out, "started_passing", history->started_passing);
  put_known(out, "next_finished_build_exists", history->next_finished);
  put_number(out, "consecutive_failures", history->consecutive_failures);
  put_number(out, "failing_since", history->failing_since);
  put_number(out, "failing_for", history->failing_for_s);
  put_number(out, "last_passed", history->last_passed);
  put_number(out, "usual_duration", history->usual_duration_s);
  put_run(out, "run", &history->run);
  put_run(out, "ended", &history->ended);
  put_number(out, "ended_for", history->ended_for_s);
  if (history->has_jobs) {
    altered->failed_jobs = !put_names(out, "failed_jobs", history->failed_jobs, history->failed_count, end);
    altered->soft_failed_jobs = !put_names(out, "soft_failed_jobs", history->soft_failed_jobs,
                                           history->soft_failed_count, end);
    altered->mended_jobs = !put_names(out, "mended_jobs", history->mended_jobs, history->mended_count, end);
  }
  (void)kh_buf_add_byte(out, '}');
}

/* ---- reading ---- */

static enum kh_known known_of(struct kh_json_value history, struct kh_str key)
{
  bool truth = false;

  if (!kh_json_bool(kh_json_get(history, key), &truth))
    return KH_UNKNOWN;
  return truth ? KH_YES : KH_NO;
}

static int64_t number_of(struct kh_json_value history, struct kh_str key)
{
  int64_t number = KH_UNKNOWN_NUMBER;

  return kh_json_int(kh_json_get(history, key), &number) && number >= 0 ? number : KH_UNKNOWN_NUMBER;
}

static struct kh_run run_of(struct kh_json_value list)
{
  int64_t numbers[3] = {0, 0, 0};
  size_t count = 0;

  for (struct kh_json_walk walk = kh_json_walk(list); count < KH_COUNT(numbers) && kh_json_next(&walk);)
    if (kh_json_int(walk.value, &numbers[count]) && numbers[count] >= 0)
      count++;
  if (count < KH_COUNT(numbers) || numbers[0] == 0)
    return (struct kh_run){0};
  return (struct kh_run){.count = numbers[0], .first = numbers[1], .since_us = numbers[2]};
}

/* Names into history->names, behind the *USED that are there. */
static size_t take_names(struct kh_json_value list, struct kh_arena *arena, struct kh_history *history,
                         size_t *used)
{
  const size_t begin = *used;

  for (struct kh_json_walk walk = kh_json_walk(list); *used < KH_BUILD_JOBS && kh_json_next(&walk);) {
    const struct kh_str name = kh_json_text_in(walk.value, arena);

    if (name.at)
      history->names[(*used)++] = name;
  }
  return *used - begin;
}

static void read_names(struct kh_json_value value, struct kh_arena *arena, struct kh_history *history)
{
  const struct kh_json_value failed = kh_json_get(value, KH_STR("failed_jobs"));
  size_t used = 0;

  history->has_jobs = kh_json_type(failed) == KH_JSON_ARRAY;
  if (!history->has_jobs)
    return;
  history->failed_jobs = history->names;
  history->failed_count = take_names(failed, arena, history, &used);
  history->soft_failed_jobs = history->names + used;
  history->soft_failed_count = take_names(kh_json_get(value, KH_STR("soft_failed_jobs")), arena, history,
                                          &used);
  history->mended_jobs = history->names + used;
  history->mended_count = take_names(kh_json_get(value, KH_STR("mended_jobs")), arena, history, &used);
}

void kh_kept_history_read(struct kh_json_value value, struct kh_arena *arena, struct kh_history *history)
{
  const struct kh_json_value state = kh_json_get(value, KH_STR("state"));

  kh_history_none(history, KH_HISTORY_NO_MEMORY);
  for (unsigned i = 0; i < KH_COUNT(states); i++)
    if (kh_json_text_is(state, kh_str_of(states[i])))
      history->state = (enum kh_history_state)i;
  history->started_failing = known_of(value, KH_STR("started_failing"));
  history->started_passing = known_of(value, KH_STR("started_passing"));
  history->next_finished = known_of(value, KH_STR("next_finished_build_exists"));
  history->consecutive_failures = number_of(value, KH_STR("consecutive_failures"));
  history->failing_since = number_of(value, KH_STR("failing_since"));
  history->failing_for_s = number_of(value, KH_STR("failing_for"));
  history->last_passed = number_of(value, KH_STR("last_passed"));
  history->usual_duration_s = number_of(value, KH_STR("usual_duration"));
  history->run = run_of(kh_json_get(value, KH_STR("run")));
  history->ended = run_of(kh_json_get(value, KH_STR("ended")));
  history->ended_for_s = number_of(value, KH_STR("ended_for"));
  read_names(value, arena, history);
}
