#include "base/base.h"

#include "history_rows.h"
#include "output.h"

enum { BUILD_KEY_BYTES = 2 * KH_DIGEST_BYTES + 24 };

struct rows {
  json_t *branches;
  json_t *builds; /* by key: what only the row of a build has */
  json_t *told;   /* by a build's id: what places answered */
  const struct kh_history_most *most;
  int64_t now_us;
};

/* Of a branch's key and a number; no two builds of a branch have the same. */
static void build_key(struct kh_str branch_key, int64_t number, char key[BUILD_KEY_BYTES])
{
  size_t at = 0;

  for (size_t i = 0; i < branch_key.len && i < KH_DIGEST_BYTES; i++)
    at += (size_t)snprintf(key + at, BUILD_KEY_BYTES - at, "%02x", (unsigned char)branch_key.at[i]);
  snprintf(key + at, BUILD_KEY_BYTES - at, ":%" PRId64, number);
}

static json_t *number_or_null(int64_t number, int64_t none)
{
  return number == none ? json_null() : json_integer(number);
}

static json_t *outcome_json(enum kh_build_outcome outcome)
{
  return outcome == KH_OUTCOME_NONE ? json_null()
                                    : json_string(outcome == KH_OUTCOME_PASSED ? "passed" : "failed");
}

/* ---- the rows of builds ---- */

static json_t *list_json(const struct kh_str *names, size_t count)
{
  json_t *list = json_array();

  for (size_t i = 0; i < count; i++)
    json_array_append_new(list, json_stringn(names[i].at, names[i].len));
  return list;
}

static const char *const lists[] = {"failed_jobs", "soft_failed_jobs", "mended_jobs"};

static bool add_build(void *self, const struct kh_look_build *build)
{
  struct rows *rows = self;
  struct kh_history history;
  char key[BUILD_KEY_BYTES];
  json_t *json = json_pack("{s:o}", "id", kh_output_text(build->id));

  kh_history_none(&history, KH_HISTORY_NOT_TOLD);
  if (build->jobs)
    kh_history_take_jobs(&history, build->jobs);
  if (history.has_jobs) {
    json_object_set_new(json, lists[0], list_json(history.failed_jobs, history.failed_count));
    json_object_set_new(json, lists[1], list_json(history.soft_failed_jobs, history.soft_failed_count));
    json_object_set_new(json, lists[2], list_json(history.mended_jobs, history.mended_count));
  }
  build_key(build->branch_key, build->number, key);
  return json_object_set_new(rows->builds, key, json) == 0;
}

/* ---- what places answered ---- */

/* The build's and, of a job, behind a blank, the job's. */
static void add_message(void *self, const struct kh_look_message *message)
{
  struct rows *rows = self;
  struct kh_str rest = message->subject;
  const struct kh_str build = kh_str_cut(&rest, ' ');
  char id[KH_BUILD_ID_BYTES + 1];

  (void)snprintf(id, sizeof id, "%.*s", KH_FMT(build));
  json_t *list = json_object_get(rows->told, id);
  if (!list) {
    list = json_array();
    (void)json_object_set_new(rows->told, id, list);
  }
  json_array_append_new(
      list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "notifier", kh_output_text(message->notifier), "rule",
                      kh_output_text(message->rule), "place", kh_output_text(message->place), "job",
                      kh_output_text(rest), "said", kh_output_text(message->said), "at",
                      kh_output_time(message->seen_us)));
}

/* ---- the rows of branches ---- */

static json_t *build_json(const struct rows *rows, const struct kh_past_build *build,
                          struct kh_str branch_key)
{
  static const char *const times[KH_BUILD_TIMES] = {"created_at", "started_at", "failing_at", "finished_at"};
  const int64_t from_us = build->times_us[KH_AT_STARTED], to_us = build->times_us[KH_AT_FINISHED];
  char key[BUILD_KEY_BYTES];

  build_key(branch_key, build->number, key);
  const json_t *more = json_object_get(rows->builds, key);
  json_t *json = json_pack("{s:I}", "number", (json_int_t)build->number);
  json_t *id = json_object_get(more, "id");
  json_object_set(json, "id", id ? id : json_null());
  json_object_set_new(json, "state", kh_output_text(kh_str_of(kh_build_state_name(build->state))));
  json_object_set_new(json, "outcome", outcome_json(build->outcome));
  for (size_t i = 0; i < KH_BUILD_TIMES; i++)
    json_object_set_new(json, times[i], kh_output_time(build->times_us[i]));
  json_object_set_new(json, "duration",
                      from_us && to_us >= from_us ? json_integer((to_us - from_us) / 1000000) : json_null());
  for (size_t i = 0; i < KH_COUNT(lists); i++) {
    json_t *list = json_object_get(more, lists[i]);

    json_object_set(json, lists[i], list ? list : json_null());
  }
  json_t *told = json_object_get(rows->told, id ? json_string_value(id) : "");
  json_object_set_new(json, "told", told ? json_incref(told) : json_array());
  return json;
}

static json_t *before_json(const struct kh_before *before)
{
  const enum kh_build_outcome outcome = !before->last           ? KH_OUTCOME_NONE
                                        : before->run.count > 0 ? KH_OUTCOME_FAILED
                                                                : KH_OUTCOME_PASSED;
  json_t *json = json_object();

  json_object_set_new(json, "number", number_or_null(before->last, 0));
  json_object_set_new(json, "outcome", outcome_json(outcome));
  json_object_set_new(json, "last_passed", number_or_null(before->last_passed, 0));
  json_object_set_new(json, "consecutive_failures", json_integer(before->run.count));
  json_object_set_new(json, "failing_since", number_or_null(before->run.first, 0));
  json_object_set_new(json, "failed_at", kh_output_time(before->run.since_us));
  return json;
}

/* What the names of docs/memory.md say now, of the newest build. */
static void add_names(json_t *json, const struct kh_branch *branch, int64_t now_us)
{
  struct kh_history history;

  kh_history_none(&history, KH_HISTORY_NOT_TOLD);
  if (branch->count > 0)
    kh_history_at(branch, branch->count - 1, now_us, &history);
  const int64_t count = history.consecutive_failures;
  json_object_set_new(json, "outcome",
                      outcome_json(count == KH_UNKNOWN_NUMBER ? KH_OUTCOME_NONE
                                   : count > 0                ? KH_OUTCOME_FAILED
                                                              : KH_OUTCOME_PASSED));
  json_object_set_new(json, "consecutive_failures", number_or_null(count, KH_UNKNOWN_NUMBER));
  json_object_set_new(json, "failing_since", number_or_null(history.failing_since, KH_UNKNOWN_NUMBER));
  json_object_set_new(json, "failing_for", number_or_null(history.failing_for_s, KH_UNKNOWN_NUMBER));
  json_object_set_new(json, "last_passed", number_or_null(history.last_passed, KH_UNKNOWN_NUMBER));
  json_object_set_new(json, "usual_duration", number_or_null(history.usual_duration_s, KH_UNKNOWN_NUMBER));
}

static void add_builds(const struct rows *rows, json_t *json, const struct kh_look_branch *branch)
{
  const bool are_all = !rows->most->is_of_builds || rows->most->most == 0;
  json_t *builds = json_array();

  for (size_t i = branch->builds->count; i-- > 0;)
    if (are_all || (int64_t)json_array_size(builds) < rows->most->most)
      json_array_append_new(builds, build_json(rows, &branch->builds->builds[i], branch->key));
  json_object_set_new(json, "builds", builds);
}

static bool add_branch(void *self, const struct kh_look_branch *branch)
{
  struct rows *rows = self;
  json_t *json = json_object();

  json_object_set_new(json, "organization", kh_output_text(branch->organization));
  json_object_set_new(json, "pipeline", kh_output_text(branch->pipeline));
  json_object_set_new(json, "pipeline_id", kh_output_text(branch->pipeline_id));
  json_object_set_new(json, "branch", kh_output_text(branch->branch));
  json_object_set_new(json, "seen_at", kh_output_time(branch->seen_us));
  json_object_set_new(json, "damaged", json_boolean(!branch->builds));
  if (branch->builds) {
    add_names(json, branch->builds, rows->now_us);
    json_object_set_new(json, "before", before_json(&branch->builds->before));
    add_builds(rows, json, branch);
  }
  json_array_append_new(rows->branches, json);
  return rows->most->is_of_builds || rows->most->most == 0 ||
         (int64_t)json_array_size(rows->branches) < rows->most->most;
}

enum kh_err kh_history_rows(struct kh_look *look, const struct kh_look_at *at,
                            const struct kh_history_most *most, int64_t now_us, json_t **branches,
                            struct kh_diag *diag)
{
  struct rows rows = {json_array(), json_object(), json_object(), most, now_us};
  enum kh_err err = kh_look_builds(look, at, add_build, &rows, diag);

  if (!err)
    err = kh_look_messages(look, add_message, &rows, diag);
  if (!err)
    err = kh_look_branches(look, at, add_branch, &rows, diag);
  json_decref(rows.builds);
  json_decref(rows.told);
  *branches = rows.branches;
  return err;
}
