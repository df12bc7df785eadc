#include "base/base.h"

#include "base/clock.h"
#include "base/json_text.h"
#include "base/secret.h"
#include "memory/history/sighting.h"

enum { TEXTS_MAX_BYTES = 64 * 1024 * 1024 };

/* ---- the build's state ---- */

static const struct {
  struct kh_str word;
  unsigned char step, rank;
} states[] = {
#define STATE(id, word, step, rank) [KH_BUILD_##id] = {{word, sizeof(word) - 1}, step, rank},
    KH_BUILD_STATES(STATE)
#undef STATE
};

const char *kh_build_state_name(enum kh_build_state state)
{
  return states[state].word.at;
}

static enum kh_build_state state_in_body(const struct kh_event *event)
{
  if (event->build_blocked)
    return KH_BUILD_BLOCKED;
  for (unsigned i = KH_BUILD_UNKNOWN + 1; i < KH_BUILD_STATE__COUNT; i++)
    if (kh_json_text_is(event->build_state, states[i].word))
      return (enum kh_build_state)i;
  return KH_BUILD_UNKNOWN;
}

static bool is_failing_event(const struct kh_event *event)
{
  return strcmp(event->name, "build.failing") == 0;
}

/* What STATE, which stands in the body, says of the outcome. */
static enum kh_build_outcome outcome_of(const struct kh_event *event, enum kh_build_state state)
{
  if (event->build_blocked)
    return KH_OUTCOME_NONE;
  if (state == KH_BUILD_PASSED)
    return KH_OUTCOME_PASSED;
  if (state == KH_BUILD_FAILED || state == KH_BUILD_FAILING)
    return KH_OUTCOME_FAILED;
  return is_failing_event(event) && states[state].step < KH_STEP_END ? KH_OUTCOME_FAILED : KH_OUTCOME_NONE;
}

/* ---- times ---- */

static void take_time(struct kh_sighting *sighting, struct kh_str key, int64_t at_us)
{
  static const struct kh_str keys[KH_BUILD_TIMES] = {[KH_AT_CREATED] = {"created_at", 10},
                                                     [KH_AT_STARTED] = {"started_at", 10},
                                                     [KH_AT_FAILING] = {"failing_at", 10},
                                                     [KH_AT_FINISHED] = {"finished_at", 11}};

  for (size_t i = 0; i < KH_BUILD_TIMES; i++)
    if (kh_str_equal(key, keys[i]))
      sighting->times_us[i] = at_us;
}

static void take_times(struct kh_sighting *sighting, struct kh_json_value object, bool is_build)
{
  for (struct kh_json_walk walk = kh_json_walk(object); kh_json_next(&walk);) {
    const struct kh_str key = kh_json_raw(walk.key);
    int64_t at_us = 0;

    if (!kh_str_ends(key, KH_STR("_at")) || kh_json_type(walk.value) != KH_JSON_STRING ||
        !kh_time_parse(kh_json_raw(walk.value), &at_us) || at_us <= 0)
      continue;
    if (is_build)
      take_time(sighting, key, at_us);
    if (at_us > sighting->latest_us)
      sighting->latest_us = at_us;
  }
}

/* ---- the job ---- */

static struct kh_str text_of(struct kh_json_value object, struct kh_str key, struct kh_arena *arena)
{
  const struct kh_str text = kh_json_text_in(kh_json_get(object, key), arena);

  return text.at ? text : KH_STR("");
}

static struct kh_job_id job_id_of(struct kh_str text)
{
  unsigned char digest[KH_DIGEST_BYTES];
  struct kh_job_id id = {{0}};

  if (text.len > 0) {
    kh_sha256(&text, 1, digest);
    memcpy(id.at, digest, sizeof id.at);
  }
  return id;
}

static bool is_true(struct kh_json_value object, struct kh_str key)
{
  bool truth = false;

  return kh_json_bool(kh_json_get(object, key), &truth) && truth;
}

static bool is_one_of(struct kh_json_value value, const char *const *words)
{
  while (*words && !kh_json_text_is(value, kh_str_of(*words)))
    words++;
  return *words != NULL;
}

static void take_job_state(struct kh_json_value job, struct kh_job_sighting *to)
{
  static const char *const failures[] = {"failed", "timed_out", "expired", NULL};
  static const char *const other_ends[] = {"canceled", "skipped", "broken", "unblocked", "finished", NULL};
  static const char *const under_way[] = {"running", "canceling", NULL};
  const struct kh_json_value state = kh_json_get(job, KH_STR("state"));

  if (kh_json_text_is(state, KH_STR("passed")))
    to->result = KH_JOB_PASSED;
  else if (is_one_of(state, failures))
    to->result = is_true(job, KH_STR("soft_failed")) ? KH_JOB_SOFT_FAILED : KH_JOB_FAILED;
  to->rank.step = to->result != KH_JOB_NONE || is_one_of(state, other_ends) ? 2 : is_one_of(state, under_way);
}

static struct kh_str job_name_of(struct kh_json_value job, struct kh_arena *arena)
{
  static const struct kh_str keys[] = {{"name", 4}, {"label", 5}, {"command", 7}};
  struct kh_str name = KH_STR("");

  for (size_t i = 0; i < KH_COUNT(keys) && name.len == 0; i++)
    name = text_of(job, keys[i], arena);
  struct kh_str rest = name;
  name = kh_str_cut(&rest, '\n');
  name.len -= kh_str_ends(name, KH_STR("\r"));
  return kh_str(name.at, kh_str_utf8_cut(name, KH_JOB_NAME_BYTES));
}

static void take_job(const struct kh_event *event, struct kh_sighting *sighting)
{
  const struct kh_json_value source = kh_json_get(event->job, KH_STR("retry_source"));
  struct kh_job_sighting *job = &sighting->job;
  struct kh_arena *arena = &sighting->arena;
  int64_t retries = 0;

  job->id = job_id_of(text_of(event->job, KH_STR("id"), arena));
  job->rank.sent_s = sighting->rank.sent_s;
  take_job_state(event->job, job);
  job->next = job_id_of(text_of(event->job, KH_STR("retried_in_job_id"), arena));
  job->is_retried = is_true(event->job, KH_STR("retried")) || kh_job_id_is_set(&job->next);
  job->source = job_id_of(text_of(source, KH_STR("job_id"), arena));
  job->is_retry = kh_json_type(source) == KH_JSON_OBJECT ||
                  (kh_json_int(kh_json_get(event->job, KH_STR("retries_count")), &retries) && retries > 0);
  job->name = job_name_of(event->job, arena);
}

/* ---- the whole ---- */

static bool name_branch(const struct kh_event *event, struct kh_sighting *sighting)
{
  struct kh_arena *arena = &sighting->arena;

  sighting->pipeline_id = text_of(event->pipeline, KH_STR("id"), arena);
  sighting->organization = kh_str_of(event->organization);
  sighting->pipeline = text_of(event->pipeline, KH_STR("slug"), arena);
  sighting->branch = text_of(event->build, KH_STR("branch"), arena);
  if (sighting->branch.len == 0 ||
      (sighting->pipeline_id.len == 0 && (sighting->organization.len == 0 || sighting->pipeline.len == 0)))
    return false;
  const bool has_id = sighting->pipeline_id.len > 0;
  const struct kh_str end = kh_str("", 1);
  const struct kh_str parts[] = {has_id ? sighting->pipeline_id : sighting->organization, end,
                                 has_id ? KH_STR("") : sighting->pipeline, end, sighting->branch};
  kh_sha256(parts, KH_COUNT(parts), sighting->branch_key);
  return true;
}

static void take_build(const struct kh_event *event, int64_t sent_s, struct kh_sighting *sighting)
{
  enum kh_build_state state = state_in_body(event);

  sighting->outcome = outcome_of(event, state);
  if (is_failing_event(event) && states[state].step < states[KH_BUILD_FAILING].step)
    state = KH_BUILD_FAILING;
  sighting->state = state;
  take_times(sighting, event->build, true);
  if (sighting->is_of_job)
    take_times(sighting, event->job, false);
  sighting->rank = (struct kh_rank){.sent_s = sent_s > 0 ? sent_s : 0,
                                    .finished_us = sighting->times_us[KH_AT_FINISHED],
                                    .step = states[state].step,
                                    .word = states[state].rank};
}

bool kh_sighting_take(const struct kh_event *event, int64_t sent_s, struct kh_sighting *sighting)
{
  *sighting = (struct kh_sighting){.number = event->build_number, .is_of_job = event->kind == KH_EVENT_JOB};
  kh_arena_init(&sighting->arena, TEXTS_MAX_BYTES, NULL, 0);
  if ((event->kind != KH_EVENT_BUILD && event->kind != KH_EVENT_JOB) || event->build_number <= 0)
    return false;
  sighting->build_id = text_of(event->build, KH_STR("id"), &sighting->arena);
  if (sighting->build_id.len == 0 || sighting->build_id.len > KH_BUILD_ID_BYTES ||
      !name_branch(event, sighting))
    return false;
  take_build(event, sent_s, sighting);
  if (sighting->is_of_job)
    take_job(event, sighting);
  return true;
}

void kh_sighting_release(struct kh_sighting *sighting)
{
  kh_arena_release(&sighting->arena);
}

int64_t kh_sighting_order(const struct kh_sighting *sighting)
{
  const struct kh_rank *rank = sighting->is_of_job ? &sighting->job.rank : &sighting->rank;
  const int64_t at_s = rank->sent_s > 0 ? rank->sent_s : sighting->latest_us / 1000000;

  return at_s > 0 && at_s < INT64_MAX >> 8 ? at_s << 8 | rank->step << 4 | rank->word : 0;
}
