/* What came before, through the worker's half and both stores. */
#include "base/base.h"

#include "support/clock.h"
#include "support/recorder.h"
#include "support/rules.h"
#include "support/stores.h"
#include "support/suite.h"
#include "support/webhook.h"
#include "work.h"

#include <sqlite3.h>

enum { NOW_S = 1700000000, DAY_S = 86400 };

static const char notify[] =
    "  - { log: {}, name: broke, events: [build.failing, build.finished],"
    " if: pipeline.started_failing }\n"
    "  - { log: {}, name: mended, events: build.finished, if: pipeline.started_passing }\n"
    "  - { log: {}, name: jobs, events: [job.finished, build.finished],"
    " if: 'build.failed_jobs includes \"Lint\"' }\n"
    "  - { webhook: { env: SLACK_WEBHOOK_URL }, name: started, if: event == 'build.running' }\n"
    "  - { webhook: { env: SLACK_WEBHOOK_URL }, name: each, events: build.running }\n";

static struct kh_test_store test;
static struct kh_test_rules made;
static struct kh_work work;
static struct kh_fake_clock fake;
static struct kh_recorder recorder;
static size_t webhooks;

/* ---- statements are counted ---- */

static size_t statements;

int __real_sqlite3_reset(sqlite3_stmt *statement);
int __wrap_sqlite3_reset(sqlite3_stmt *statement);

int __wrap_sqlite3_reset(sqlite3_stmt *statement)
{
  statements++;
  return __real_sqlite3_reset(statement);
}

/* ---- a worker ---- */

static void open_kind(int kind)
{
  kh_test_rules_open(&made, notify, NULL);
  ck_assert_int_eq(made.err, KH_OK);
  kh_test_store_open(&test, kind);
  kh_fake_clock_init(&fake, NOW_S);
  kh_recorder_init(&recorder);
  kh_work_init(&work, &made.config, &made.rules, NULL, test.store, &fake.clock,
               kh_recorder_log(&recorder, &fake.clock));
  work.remembers = true;
  webhooks = 0;
}

static void open_sqlite(void)
{
  open_kind(KH_TEST_SQLITE);
}

static void close_case(void)
{
  kh_work_release(&work);
  kh_recorder_release(&recorder);
  kh_test_store_close(&test);
  kh_test_rules_close(&made);
}

static void reopen(void)
{
  kh_test_store_reopen(&test);
  work.store = test.store;
}

static void work_on(struct kh_str body, int64_t sent_s, const char *name, bool ends)
{
  struct kh_entry entry = {.received_us = fake.now_us, .transport = "cgi"};
  struct kh_diag diag = {0};

  entry.verified = (struct kh_verified){.body = body, .proof = KH_PROOF_SIGNATURE, .timestamp_s = sent_s};
  (void)snprintf(entry.verified.signature, sizeof entry.verified.signature, "%064zx", ++webhooks);
  ck_assert_int_eq(kh_batch_begin(&work.store.batch), KH_OK);
  kh_recorder_clear(&recorder);
  enum kh_err err = kh_work_webhook(&work, name, &entry, &diag);
  ck_assert_msg(err == KH_OK, "%s: %s", kh_err_token(err), diag.text);
  if (ends)
    ck_assert_int_eq(kh_batch_end(&work.store.batch), KH_OK);
  else
    kh_batch_drop(&work.store.batch);
  kh_work_release_lines(&work);
}

/* A webhook of build NUMBER; MORE are further members of the body. */
static void say(const char *event, int number, const char *state, const char *more, bool ends)
{
  struct kh_buf body;
  char name[32];

  kh_buf_init(&body, 64 * 1024);
  ck_assert_int_eq(
      kh_buf_printf(&body,
                    "{\"event\":\"%s\",\"build\":{\"id\":\"b%d\",\"number\":%d,\"branch\":\"main\","
                    "\"state\":\"%s\",\"created_at\":\"2026-01-01 10:00:00 UTC\"},\"pipeline\":{\"id\":"
                    "\"p\",\"slug\":\"web\"},\"nth\":%zu%s}",
                    event, number, number, state, webhooks, more),
      KH_OK);
  (void)snprintf(name, sizeof name, "entry-%zu", webhooks + 1);
  kh_fake_clock_advance(&fake, 1000000);
  work_on(kh_buf_view(&body), fake.now_us / 1000000, name, ends);
  kh_buf_release(&body);
}

static void finish(int number, const char *state)
{
  say("build.finished", number, state, "", true);
}

/* The only line of MESSAGE has it. */
static bool said(const char *message)
{
  return kh_text_contains(kh_buf_view(&recorder.text), kh_str_of(message));
}

static void expect_matched(const char *rules)
{
  char wanted[128];

  (void)snprintf(wanted, sizeof wanted, "\"rules_matched\":[%s]", rules);
  ck_assert_msg(*rules ? said(wanted) : !said("rules_matched"), "%s: %s", rules, kh_buf_text(&recorder.text));
}

/* ---- ---- */

START_TEST(a_rule_speaks_once_per_build)
{
  open_kind(_i);
  finish(5, "passed");
  expect_matched("");
  say("build.failing", 6, "running", "", true);
  expect_matched("\"broke\"");
  reopen();
  finish(6, "failed");
  expect_matched("");
  ck_assert(said("\"message\":\"rule said already\""));
  finish(7, "passed");
  expect_matched("\"mended\"");
  finish(7, "passed");
  expect_matched("");
  finish(8, "failed");
  expect_matched("\"broke\"");
  close_case();
}
END_TEST

/* Buildkite's `started`; who names the event hears of each. */
START_TEST(a_build_starts_once)
{
  open_kind(_i);
  say("build.running", 5, "running", "", true);
  expect_matched("\"started\",\"each\"");
  reopen();
  say("build.finished", 5, "passed", ",\"blocked\":true", true);
  say("build.running", 5, "running", "", true);
  expect_matched("\"each\"");
  say("build.running", 6, "running", "", true);
  expect_matched("\"started\",\"each\"");
  work.remembers = false;
  say("build.running", 6, "running", "", true);
  expect_matched("\"started\",\"each\"");
  close_case();
}
END_TEST

START_TEST(jobs_are_known_by_the_next_webhook)
{
  open_kind(_i);
  say("job.finished", 5, "running", ",\"job\":{\"id\":\"j\",\"name\":\"Lint\",\"state\":\"failed\"}", true);
  expect_matched("\"jobs\"");
  finish(5, "failed");
  expect_matched("\"jobs\"");
  close_case();
}
END_TEST

START_TEST(what_was_dropped_never_was)
{
  open_kind(_i);
  finish(5, "passed");
  say("build.finished", 6, "failed", "", false);
  finish(6, "failed");
  expect_matched("\"broke\"");
  say("build.finished", 7, "passed", "", false);
  finish(8, "failed");
  expect_matched("");
  close_case();
}
END_TEST

START_TEST(without_a_memory_nothing_is_known)
{
  open_kind(_i);
  work.remembers = false;
  finish(5, "passed");
  finish(6, "failed");
  expect_matched("");
  close_case();
}
END_TEST

static int64_t ask(const char *sql)
{
  return kh_test_sql_number(&test.dir, sql);
}

START_TEST(a_repeat_changes_nothing)
{
  static const char body[] = "{\"event\":\"build.finished\",\"build\":{\"id\":\"b\",\"number\":1,\"branch\":"
                             "\"m\",\"state\":\"failed\",\"created_at\":\"2026-01-01 10:00:00 UTC\"},"
                             "\"pipeline\":{\"id\":\"p\"}}";

  work_on(kh_str_of(body), NOW_S, "first", true);
  ck_assert_int_eq(ask("SELECT seen_us FROM branches"), fake.now_us);
  kh_fake_clock_advance(&fake, 5000000);
  work_on(kh_str_of(body), NOW_S + 5, "second", true);
  ck_assert(said("\"verdict\":\"repeat\""));
  ck_assert_int_eq(ask("SELECT seen_us FROM branches"), fake.now_us - 5000000);
  ck_assert_int_eq(ask("SELECT count(*) FROM builds"), 1);
}
END_TEST

/* However much is known. */
START_TEST(a_webhook_takes_as_many_statements_as_ever)
{
  size_t first = 0;

  finish(1, "failed");
  finish(2, "failed");
  for (int number = 3; number < 90; number++) {
    statements = 0;
    finish(number, number % 3 ? "failed" : "passed");
    if (number == 4)
      first = statements;
    else if (number > 4 && number % 3 == 1)
      ck_assert_uint_eq(statements, first);
  }
  ck_assert_uint_gt(first, 10);
  ck_assert_uint_lt(first, 40);
}
END_TEST

START_TEST(a_full_branch_fits_on_a_page)
{
  for (int number = 1; number < 120; number++) {
    say("build.running", number, "running", "", true);
    finish(number, number % 3 ? "failed" : "passed");
  }
  ck_assert_int_lt(ask("SELECT length(builds) + length(branch) FROM branches"), 4096 - 256);
}
END_TEST

START_TEST(what_is_damaged_begins_anew)
{
  finish(5, "passed");
  kh_test_sql(&test.dir, "UPDATE branches SET builds = x'01FF'");
  finish(6, "failed");
  expect_matched("");
  ck_assert(said("\"message\":\"memory damaged\""));
  finish(7, "passed");
  expect_matched("\"mended\"");
}
END_TEST

START_TEST(a_branch_is_kept_for_so_long)
{
  kh_memory_keep(&work.store.memory, 2 * DAY_S);
  finish(5, "passed");
  kh_fake_clock_advance(&fake, (2 * DAY_S - 10) * INT64_C(1000000));
  finish(6, "running");
  kh_fake_clock_advance(&fake, (2 * DAY_S - 10) * INT64_C(1000000));
  finish(7, "failed");
  expect_matched("\"broke\"");
  kh_fake_clock_advance(&fake, (2 * DAY_S + 1) * INT64_C(1000000));
  finish(8, "passed");
  expect_matched("");
  ck_assert_int_eq(ask("SELECT count(*) FROM branches"), 1);
}
END_TEST

START_TEST(what_is_past_its_time_goes)
{
  finish(5, "passed");
  finish(6, "failed");
  ck_assert_int_eq(ask("SELECT count(*) FROM told"), 1);
  kh_fake_clock_advance(&fake, 9 * DAY_S * INT64_C(1000000));
  say("build.finished", 7, "failed", "", true);
  ck_assert_int_eq(ask("SELECT count(*) FROM builds"), 1);
  ck_assert_int_eq(ask("SELECT count(*) FROM told"), 1);
  kh_fake_clock_advance(&fake, 23 * DAY_S * INT64_C(1000000));
  finish(8, "failed");
  ck_assert_int_eq(ask("SELECT count(*) FROM told"), 0);
  ck_assert_int_eq(ask("SELECT count(*) FROM branches"), 1);
  kh_fake_clock_advance(&fake, 92 * DAY_S * INT64_C(1000000));
  say("build.finished", 1, "passed", ",\"x\":1", true);
  ck_assert_int_eq(ask("SELECT count(*) FROM branches"), 1);
  ck_assert_int_eq(ask("SELECT number FROM builds"), 1);
}
END_TEST

START_TEST(it_follows_the_clock)
{
  const int64_t step_us = 40 * DAY_S * INT64_C(1000000);

  finish(5, "passed");
  finish(6, "failed");
  const struct kh_clock_step step = {
      .step_us = step_us, .earlier_us = step_us, .since_us = 0, .now_us = fake.now_us};
  ck_assert_int_eq(kh_store_follow_clock(&work.store, &step), KH_OK);
  ck_assert_int_eq(ask("SELECT seen_us FROM branches"), fake.now_us + step_us);
  ck_assert_int_eq(ask("SELECT day FROM branches"), (fake.now_us + step_us) / (DAY_S * INT64_C(1000000)));
  ck_assert_int_eq(ask("SELECT max(seen_us) FROM builds"), fake.now_us + step_us);
  ck_assert_int_eq(ask("SELECT seen_us FROM told"), fake.now_us + step_us);
}
END_TEST

static Suite *work_history_suite(void)
{
  Suite *suite = suite_create("work history");
  TCase *both = kh_test_case(suite, "both stores");
  TCase *sqlite = kh_test_case(suite, "sqlite");

  tcase_add_loop_test(both, a_rule_speaks_once_per_build, 0, KH_TEST_STORES);
  tcase_add_loop_test(both, a_build_starts_once, 0, KH_TEST_STORES);
  tcase_add_loop_test(both, jobs_are_known_by_the_next_webhook, 0, KH_TEST_STORES);
  tcase_add_loop_test(both, what_was_dropped_never_was, 0, KH_TEST_STORES);
  tcase_add_loop_test(both, without_a_memory_nothing_is_known, 0, KH_TEST_STORES);
  tcase_add_checked_fixture(sqlite, open_sqlite, close_case);
  tcase_add_test(sqlite, a_repeat_changes_nothing);
  tcase_add_test(sqlite, a_webhook_takes_as_many_statements_as_ever);
  tcase_add_test(sqlite, a_full_branch_fits_on_a_page);
  tcase_add_test(sqlite, what_is_damaged_begins_anew);
  tcase_add_test(sqlite, a_branch_is_kept_for_so_long);
  tcase_add_test(sqlite, what_is_past_its_time_goes);
  tcase_add_test(sqlite, it_follows_the_clock);
  return suite;
}

int main(void)
{
  return kh_test_main(work_history_suite());
}
