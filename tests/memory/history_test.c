/*
 * What docs/memory.md says, by hand: each case is a few webhooks, in whatever order, and what is known after
 * the last one.
 */
#include "base/base.h"

#include "memory/history/history.h"
#include "support/rules.h"
#include "support/suite.h"

enum { WEBHOOKS_MAX = 400 };

static struct kh_past past;
static struct kh_history history;

/* What one webhook of build NUMBER says. SENT_S is 0 in token mode. */
struct webhook {
  int number;
  const char *state;
  int64_t sent_s;
  const char *event; /* NULL: build.finished */
  const char *more;  /* members of the build; NULL for none */
  const char *job;   /* members of a job; NULL for none */
};

static struct kh_test_event made;
static struct kh_sighting sighting;

static void release_webhook(void)
{
  kh_sighting_release(&sighting);
  kh_test_event_release(&made);
}

static void see(const struct webhook *webhook)
{
  struct kh_buf body;

  kh_buf_init(&body, 64 * 1024);
  ck_assert_int_eq(
      kh_buf_printf(&body,
                    "{\"event\":\"%s\",\"build\":{\"id\":\"b%d\",\"number\":%d,\"branch\":\"main\",\"state\":"
                    "\"%s\"%s%s},\"pipeline\":{\"id\":\"p\",\"slug\":\"web\"}%s%s%s}",
                    webhook->event ? webhook->event
                    : webhook->job ? "job.finished"
                                   : "build.finished",
                    webhook->number, webhook->number, webhook->state, webhook->more ? "," : "",
                    webhook->more ? webhook->more : "", webhook->job ? ",\"job\":{" : "",
                    webhook->job ? webhook->job : "", webhook->job ? "}" : ""),
      KH_OK);
  kh_test_event_read(&made, kh_buf_view(&body));
  kh_buf_release(&body);
  ck_assert(kh_sighting_take(&made.event, webhook->sent_s, &sighting));
}

/* As a store does: the rows go through their bytes each time. BUILD_ROW: of another build, there is none. */
static void learn(const struct webhook *webhook, bool is_new_build)
{
  struct kh_buf branch, build;

  see(webhook);
  kh_buf_init(&branch, KH_PAST_ROW_MAX_BYTES);
  kh_buf_init(&build, KH_PAST_ROW_MAX_BYTES);
  (void)kh_buf_add(&branch, kh_buf_view(&past.branch_bytes));
  if (!is_new_build)
    (void)kh_buf_add(&build, kh_buf_view(&past.build_bytes));
  kh_past_clear(&past);
  (void)kh_buf_add(&past.branch_bytes, kh_buf_view(&branch));
  (void)kh_buf_add(&past.build_bytes, kh_buf_view(&build));
  kh_buf_release(&branch);
  kh_buf_release(&build);
  kh_past_read(&past);
  ck_assert_ptr_null(past.damaged);
  kh_past_learn(&past, &sighting);
  kh_history_of(&past, &sighting, &history);
  ck_assert_int_eq(kh_past_write(&past), KH_OK);
}

static void learn_all(const struct webhook *webhooks)
{
  for (size_t i = 0; webhooks[i].number; i++) {
    learn(&webhooks[i], i == 0 || webhooks[i].number != webhooks[i - 1].number);
    if (webhooks[i + 1].number)
      release_webhook();
  }
}

static void set_up(void)
{
  kh_past_init(&past);
}

static void tear_down(void)
{
  kh_past_release(&past);
}

/* "started_failing started_passing next_finished failures since for last_passed"; "-" is null. */
static void tell(char text[128])
{
  static const char *const known[] = {"-", "no", "yes"};
  const int64_t numbers[] = {history.consecutive_failures, history.failing_since, history.failing_for_s,
                             history.last_passed};
  size_t len = (size_t)snprintf(text, 128, "%s %s %s", known[history.started_failing],
                                known[history.started_passing], known[history.next_finished]);

  for (size_t i = 0; i < KH_COUNT(numbers); i++)
    len += numbers[i] == KH_UNKNOWN_NUMBER
               ? (size_t)snprintf(text + len, 128 - len, " -")
               : (size_t)snprintf(text + len, 128 - len, " %lld", (long long)numbers[i]);
}

#define SAYS(number, state, sent_s)         \
  {                                         \
    number, state, sent_s, NULL, NULL, NULL \
  }
#define HAS(number, state, sent_s, more)    \
  {                                         \
    number, state, sent_s, NULL, more, NULL \
  }
#define TELLS(event, number, state, sent_s)  \
  {                                          \
    number, state, sent_s, event, NULL, NULL \
  }
#define AT(minute) "\"finished_at\":\"2026-01-01 10:" #minute ":00 UTC\""

static const struct {
  const char *why;
  struct webhook webhooks[9];
  const char *told;
} cases[] = {
    {"the first one that is known has nothing before it", {SAYS(5, "failed", 1)}, "- - no 1 5 - -"},
    {"the first one that passes", {SAYS(5, "passed", 1)}, "- - no 0 - - 5"},
    {"one that only runs", {SAYS(5, "running", 1)}, "- - no - - - -"},
    {"it started failing", {SAYS(5, "passed", 1), SAYS(6, "failed", 2)}, "yes no no 1 6 - 5"},
    {"it goes on failing",
     {SAYS(5, "passed", 1), SAYS(6, "failed", 2), SAYS(7, "failed", 3)},
     "no no no 2 6 - 5"},
    {"it started passing", {SAYS(5, "failed", 1), SAYS(6, "passed", 2)}, "no yes no 0 - - 6"},
    {"what has no outcome does not interrupt a run",
     {SAYS(5, "passed", 1), SAYS(6, "failed", 2), SAYS(7, "canceled", 3), SAYS(8, "failed", 4)},
     "no no no 2 6 - 5"},
    {"one that runs tells of the run before it",
     {SAYS(5, "passed", 1), SAYS(6, "failed", 2), SAYS(7, "failed", 3), SAYS(8, "running", 4)},
     "no no no 2 6 - 5"},
    {"one that runs behind one that passed",
     {SAYS(5, "passed", 1), SAYS(6, "running", 2)},
     "no no no 0 - - 5"},
    {"one that ends late changes nothing",
     {SAYS(5, "passed", 1), SAYS(7, "failed", 2), SAYS(6, "failed", 3)},
     "no no yes 1 6 - 5"},
    {"what came in the meantime counts for those behind it",
     {SAYS(5, "passed", 1), SAYS(7, "failed", 2), SAYS(6, "passed", 3), SAYS(7, "failed", 2)},
     "yes no no 1 7 - 6"},
    {"failing is failed at once",
     {SAYS(5, "passed", 1), TELLS("build.failing", 6, "running", 2)},
     "yes no no 1 6 - 5"},
    {"and what comes later may change it",
     {SAYS(5, "passed", 1), SAYS(6, "failing", 2), SAYS(6, "passed", 3)},
     "no no no 0 - - 6"},
    {"a late failing changes nothing",
     {SAYS(5, "passed", 1), SAYS(6, "passed", 3), SAYS(6, "failing", 2)},
     "no no no 0 - - 6"},
    {"canceling is not ended, so the event counts",
     {SAYS(5, "passed", 1), TELLS("build.failing", 6, "canceling", 2)},
     "yes no no 1 6 - 5"},
    {"an end is an end, whatever the event is called",
     {SAYS(5, "passed", 1), TELLS("build.failing", 6, "canceled", 2)},
     "no no no 0 - - 5"},
    {"a blocked one says nothing",
     {SAYS(5, "passed", 1), HAS(6, "failed", 2, "\"blocked\":true")},
     "no no no 0 - - 5"},
    {"but what it said before stays",
     {SAYS(5, "passed", 1), SAYS(6, "failed", 2), HAS(6, "passed", 3, "\"blocked\":true")},
     "yes no no 1 6 - 5"},
    {"one that was canceled where it was blocked",
     {SAYS(5, "passed", 1), HAS(6, "canceled", 2, "\"blocked\":true")},
     "no no no 0 - - 5"},
    {"one that failed and was canceled has failed",
     {SAYS(5, "failed", 1), SAYS(5, "canceled", 2)},
     "- - no 1 5 - -"},
    {"one that failed and runs again has failed",
     {SAYS(5, "failed", 1), SAYS(5, "running", 2)},
     "- - no 1 5 - -"},
    {"of the same second the one that is further on is newer",
     {SAYS(5, "passed", 1), SAYS(5, "failing", 1)},
     "- - no 0 - - 5"},
    {"without a signature too",
     {SAYS(5, "failed", 0), TELLS("build.failing", 5, "running", 0), SAYS(5, "passed", 0)},
     "- - no 1 5 - -"},
    {"then the later finished_at",
     {HAS(5, "passed", 1, AT(02)), HAS(5, "failed", 1, AT(01))},
     "- - no 0 - - 5"},
    {"one that has none is older", {HAS(5, "passed", 1, AT(02)), SAYS(5, "failed", 1)}, "- - no 0 - - 5"},
    {"then failed is newer", {SAYS(5, "failed", 1), SAYS(5, "passed", 1)}, "- - no 1 5 - -"},
    {"one of a signature and one without", {SAYS(5, "passed", 9), SAYS(5, "failed", 0)}, "- - no 1 5 - -"},
    {"how long it fails", {HAS(5, "failed", 1, AT(01)), HAS(6, "failed", 2, AT(03))}, "no no no 2 5 120 -"},
    {"it counts from when it was failing",
     {HAS(5, "failed", 1, AT(02) ",\"failing_at\":\"2026-01-01 10:01:00 UTC\"")},
     "- - no 1 5 60 -"},
    {"to the job's time",
     {{5, "failed", 1, NULL, AT(01), "\"id\":\"j\",\"started_at\":\"2026-01-01T10:02:30.9Z\""}},
     "- - no 1 5 90 -"},
    {"not below 0", {HAS(5, "failed", 1, AT(05)), HAS(6, "failed", 2, AT(03))}, "no no no 2 5 0 -"},
    {"a job tells of the build as well",
     {SAYS(5, "passed", 1), {6, "failed", 2, NULL, NULL, "\"id\":\"j\""}},
     "yes no no 1 6 - 5"},
};

START_TEST(names_are_as_documented)
{
  char text[128];

  learn_all(cases[_i].webhooks);
  tell(text);
  ck_assert_msg(strcmp(text, cases[_i].told) == 0, "%s: %s, not %s", cases[_i].why, text, cases[_i].told);
  release_webhook();
}
END_TEST

/* Rows are the same whatever order their webhooks came in. */
static void learn_in_order(const struct webhook *webhooks, const size_t *order, size_t count,
                           struct kh_buf *rows)
{
  struct webhook ordered[10];

  for (size_t i = 0; i < count; i++)
    ordered[i] = webhooks[order[i]];
  kh_past_clear(&past);
  for (size_t i = 0; i < count; i++) {
    learn(&ordered[i], false); /* one build, whatever number the rows have: they only have to be the same */
    release_webhook();
  }
  (void)kh_buf_add(rows, kh_buf_view(&past.branch_bytes));
}

static bool next_order(size_t *order, size_t count)
{
  size_t at = count - 1, other = count - 1;

  while (at > 0 && order[at - 1] >= order[at])
    at--;
  if (at == 0)
    return false;
  while (order[other] <= order[at - 1])
    other--;
  size_t swapped = order[other];
  order[other] = order[at - 1];
  order[at - 1] = swapped;
  for (size_t i = at, j = count - 1; i < j; i++, j--) {
    swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  return true;
}

START_TEST(any_order_leads_to_the_same_rows)
{
  static const struct webhook webhooks[] = {
      HAS(5, "passed", 10, AT(01)),
      {6, "running", 11, "build.running", "\"started_at\":\"2026-01-01 10:01:00 UTC\"", NULL},
      {6, "running", 12, "build.failing", "\"failing_at\":\"2026-01-01 10:02:00 UTC\"", NULL},
      HAS(6, "failed", 13, AT(03)),
      HAS(6, "passed", 13, AT(03)),
      HAS(7, "canceled", 14, AT(04)),
  };
  size_t order[] = {0, 1, 2, 3, 4, 5};
  struct kh_buf first, rows;

  kh_buf_init(&first, KH_PAST_ROW_MAX_BYTES);
  kh_buf_init(&rows, KH_PAST_ROW_MAX_BYTES);
  learn_in_order(webhooks, order, KH_COUNT(order), &first);
  while (next_order(order, KH_COUNT(order))) {
    kh_buf_clear(&rows);
    learn_in_order(webhooks, order, KH_COUNT(order), &rows);
    ck_assert(kh_str_equal(kh_buf_view(&first), kh_buf_view(&rows)));
  }
  kh_buf_release(&first);
  kh_buf_release(&rows);
}
END_TEST

/* ---- more than 50 ---- */

static void learn_numbers(int from, int to, const char *state)
{
  for (int number = from; number <= to; number++) {
    char times[128];
    const struct webhook webhook = HAS(number, state, 1000 + number, times);

    (void)snprintf(times, sizeof times,
                   "\"started_at\":\"2026-01-01 10:00:00 UTC\",\"finished_at\":\"2026-01-01 10:00:%02d UTC\"",
                   number % 60);
    learn(&webhook, true);
    if (number < to)
      release_webhook();
  }
}

START_TEST(fifty_builds_and_what_came_before_them)
{
  char text[128];

  learn_numbers(1, 3, "passed");
  release_webhook();
  learn_numbers(4, 59, "failed");
  ck_assert_uint_eq(past.branch.count, KH_BRANCH_BUILDS);
  ck_assert_int_eq(past.branch.before.fallen, 9);
  ck_assert_int_eq(past.branch.before.run.count, 6);
  tell(text);
  ck_assert_str_eq(text, "no no no 56 4 55 3");
  ck_assert_uint_lt(past.branch_bytes.len, 4096 - 256);
  release_webhook();

  const struct webhook fallen = SAYS(9, "passed", 9999);
  learn(&fallen, true);
  ck_assert_int_eq(history.state, KH_HISTORY_FALLEN);
  tell(text);
  ck_assert_str_eq(text, "- - yes - - - -");
  ck_assert_int_eq(past.branch.before.run.count, 6);
  release_webhook();
}
END_TEST

START_TEST(a_lower_one_falls_at_once)
{
  learn_numbers(101, 150, "passed");
  release_webhook();
  const struct webhook late = SAYS(40, "failed", 9999);
  learn(&late, true);
  ck_assert_int_eq(history.state, KH_HISTORY_FALLEN);
  ck_assert_int_eq(past.branch.before.fallen, 40);
  ck_assert_int_eq(past.branch.before.last, 40);
  ck_assert_uint_eq(past.branch.count, KH_BRANCH_BUILDS);
  release_webhook();
}
END_TEST

START_TEST(the_usual_duration_is_a_median)
{
  static const struct {
    int passed;
    int64_t usual_s;
  } medians[] = {{4, KH_UNKNOWN_NUMBER}, {5, 3}, {6, 3}, {20, 10}, {21, 11}, {30, 20}};

  learn_numbers(1, medians[_i].passed, "passed");
  ck_assert_int_eq(history.usual_duration_s, medians[_i].usual_s);
  release_webhook();
}
END_TEST

/* ---- jobs ---- */

#define JOB(id, state, more) "\"id\":\"" id "\",\"name\":\"job " id "\",\"state\":\"" state "\"" more
#define RETRY_OF(id) ",\"retry_source\":{\"job_id\":\"" id "\"}"
#define RETRIED_IN(id) ",\"retried\":true,\"retried_in_job_id\":\"" id "\""

static const struct {
  const char *why;
  const char *jobs[8];
  const char *lists; /* failed / soft failed / mended */
} job_cases[] = {
    {"one that passed is nobody's", {JOB("a", "passed", "")}, "//"},
    {"failures have three names",
     {JOB("c", "failed", ""), JOB("a", "timed_out", ""), JOB("b", "expired", ""), JOB("d", "canceled", "")},
     "job a,job b,job c//"},
    {"soft ones are apart",
     {JOB("a", "failed", ",\"soft_failed\":true"), JOB("b", "failed", "")},
     "job b/job a/"},
    {"a retry speaks for it", {JOB("a", "failed", ""), JOB("b", "failed", RETRY_OF("a"))}, "job b//"},
    {"and mends it", {JOB("a", "failed", ""), JOB("b", "passed", RETRY_OF("a"))}, "//job a"},
    {"in any order", {JOB("b", "passed", RETRY_OF("a")), JOB("a", "failed", "")}, "//job a"},
    {"a chain",
     {JOB("c", "passed", RETRY_OF("b")), JOB("b", "failed", RETRY_OF("a")), JOB("a", "failed", "")},
     "//job a,job b"},
    {"a chain that ends badly",
     {JOB("c", "failed", RETRY_OF("b")), JOB("b", "failed", RETRY_OF("a")), JOB("a", "failed", "")},
     "job c//"},
    {"one whose retry is not known is neither", {JOB("a", "failed", RETRIED_IN("x"))}, "//"},
    {"the retry is known by what was retried",
     {JOB("a", "failed", RETRIED_IN("b")), JOB("b", "passed", ",\"retries_count\":1")},
     "//job a"},
    {"a retry that still runs", {JOB("a", "failed", ""), JOB("b", "running", RETRY_OF("a"))}, "//"},
    {"a name is told once",
     {JOB("a", "failed", ""), "\"id\":\"b\",\"name\":\"job a\",\"state\":\"failed\""},
     "job a//"},
    {"other names",
     {"\"id\":\"a\",\"label\":\"Label\",\"state\":\"failed\"",
      "\"id\":\"b\",\"name\":\"\",\"label\":null,\"command\":\"make\\r\\ntest\",\"state\":\"failed\""},
     "Label,make//"},
    {"what failed does not run again", {JOB("a", "failed", ""), JOB("a", "running", "")}, "job a//"},
    {"nor did it, when that is told first", {JOB("a", "running", ""), JOB("a", "failed", "")}, "job a//"},
    {"a ring of retries ends", {JOB("a", "failed", RETRY_OF("b")), JOB("b", "failed", RETRY_OF("a"))}, "//"},
};

static void add_names(char *text, size_t room, const struct kh_str *names, size_t count, const char *end)
{
  for (size_t i = 0; i < count; i++) {
    const size_t len = strlen(text);

    (void)snprintf(text + len, room - len, "%s%.*s", i ? "," : "", KH_FMT(names[i]));
  }
  const size_t len = strlen(text);
  (void)snprintf(text + len, room - len, "%s", end);
}

START_TEST(jobs_are_as_documented)
{
  char text[256] = "";

  for (size_t i = 0; job_cases[_i].jobs[i]; i++) {
    const struct webhook webhook = {5, "running", (int64_t)i + 1, NULL, NULL, job_cases[_i].jobs[i]};

    learn(&webhook, i == 0);
    if (job_cases[_i].jobs[i + 1])
      release_webhook();
  }
  ck_assert(history.has_jobs);
  add_names(text, sizeof text, history.failed_jobs, history.failed_count, "/");
  add_names(text, sizeof text, history.soft_failed_jobs, history.soft_failed_count, "/");
  add_names(text, sizeof text, history.mended_jobs, history.mended_count, "");
  ck_assert_msg(strcmp(text, job_cases[_i].lists) == 0, "%s: %s, not %s", job_cases[_i].why, text,
                job_cases[_i].lists);
  release_webhook();
}
END_TEST

START_TEST(two_hundred_jobs_and_a_count)
{
  char job[128];

  for (int i = 0; i < 203; i++) {
    const struct webhook webhook = {5, "running", 1, NULL, NULL, job};

    (void)snprintf(job, sizeof job, "\"id\":\"%d\",\"name\":\"%d\",\"state\":\"failed\"", i, i);
    learn(&webhook, i == 0);
    release_webhook();
  }
  ck_assert_uint_eq(past.jobs.count, KH_BUILD_JOBS);
  ck_assert_int_eq(past.jobs.more, 3);
  ck_assert_uint_eq(history.failed_count, KH_BUILD_JOBS);
}
END_TEST

/* ---- damage ---- */

START_TEST(damaged_rows_count_as_none)
{
  const struct webhook webhooks[] = {{5, "failed", 1, NULL, AT(01), JOB("a", "failed", RETRIED_IN("b"))},
                                     {5, "passed", 2, NULL, AT(02), JOB("b", "passed", RETRY_OF("a"))},
                                     {.number = 0}};
  struct kh_buf rows[2];

  learn_all(webhooks);
  release_webhook();
  for (int row = 0; row < 2; row++) {
    struct kh_buf *const bytes = row ? &past.build_bytes : &past.branch_bytes;

    kh_buf_init(&rows[row], KH_PAST_ROW_MAX_BYTES);
    (void)kh_buf_add(&rows[row], kh_buf_view(bytes));
  }
  for (int row = 0; row < 2; row++)
    for (size_t len = 1; len < rows[row].len; len++) {
      kh_past_clear(&past);
      (void)kh_buf_add(row ? &past.build_bytes : &past.branch_bytes, kh_str(rows[row].at, len));
      kh_past_read(&past);
      ck_assert_str_eq(past.damaged, row ? "build" : "branch");
      ck_assert_uint_eq(past.branch.count + past.jobs.count, 0);
    }
  for (int row = 0; row < 2; row++)
    kh_buf_release(&rows[row]);
}
END_TEST

/* ---- what is not remembered ---- */

START_TEST(some_webhooks_are_not_remembered)
{
  static const char *const bodies[] = {
      "{\"event\":\"agent.lost\"}",
      "{\"event\":\"build.finished\",\"build\":{\"id\":\"b\",\"number\":0,\"branch\":\"m\"},\"pipeline\":{"
      "\"id\":"
      "\"p\"}}",
      "{\"event\":\"build.finished\",\"build\":{\"number\":1,\"branch\":\"m\"},\"pipeline\":{\"id\":\"p\"}}",
      "{\"event\":\"build.finished\",\"build\":{\"id\":\"b\",\"number\":1},\"pipeline\":{\"id\":\"p\"}}",
      "{\"event\":\"build.finished\",\"build\":{\"id\":\"b\",\"number\":1,\"branch\":\"m\"},\"pipeline\":{"
      "\"slug\":"
      "\"p\"}}",
  };

  kh_test_event_read(&made, kh_str_of(bodies[_i]));
  ck_assert(!kh_sighting_take(&made.event, 1, &sighting));
  release_webhook();
}
END_TEST

static Suite *history_suite(void)
{
  Suite *suite = suite_create("history");
  TCase *branch = kh_test_case(suite, "branch");
  TCase *jobs = kh_test_case(suite, "jobs");
  TCase *rows = kh_test_case(suite, "rows");

  tcase_add_checked_fixture(branch, set_up, tear_down);
  tcase_add_loop_test(branch, names_are_as_documented, 0, (int)KH_COUNT(cases));
  tcase_add_test(branch, any_order_leads_to_the_same_rows);
  tcase_add_test(branch, fifty_builds_and_what_came_before_them);
  tcase_add_test(branch, a_lower_one_falls_at_once);
  tcase_add_loop_test(branch, the_usual_duration_is_a_median, 0, 6);
  tcase_add_checked_fixture(jobs, set_up, tear_down);
  tcase_add_loop_test(jobs, jobs_are_as_documented, 0, (int)KH_COUNT(job_cases));
  tcase_add_test(jobs, two_hundred_jobs_and_a_count);
  tcase_add_checked_fixture(rows, set_up, tear_down);
  tcase_add_test(rows, damaged_rows_count_as_none);
  tcase_add_loop_test(rows, some_webhooks_are_not_remembered, 0, 5);
  return suite;
}

int main(void)
{
  return kh_test_main(history_suite());
}
