#include "base/base.h"

#include "support/outbox_stage.h"
#include "support/suite.h"

#define URL_TWO "https://hooks.example/services/planted-url-two"
#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccc"
#define ID_D "dddddddddddddddddddddddddddddddd"

/* ---- one after the other ---- */

START_TEST(the_url_is_the_one_of_the_moment)
{
  kh_stage.answer.status = 500;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_DELIVERY_FAILED);
  ck_assert_str_eq(kh_stage.sent_url, KH_STAGE_URL);
  ck_assert_int_eq(kh_secret_set(&kh_stage.rule[0].url, KH_STR(URL_TWO)), KH_OK);
  kh_fake_clock_advance(&kh_stage.clock, 13 * KH_TEST_SECOND_US);
  kh_stage.answer.status = 200;
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_OK);
  ck_assert_str_eq(kh_stage.sent_url, URL_TWO);
  ck_assert_uint_eq(kh_test_count_in_files(&kh_stage.test.dir, "planted-url"), 0);
}
END_TEST

START_TEST(what_could_not_be_recorded_is_not_sent_again)
{
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  kh_stage.done_fails = true;
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_STORE);
  kh_stage.done_fails = false;
  ck_assert_uint_eq(kh_stage.lines.count, 0);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_OK);
  ck_assert_str_eq(kh_stage.trace, "besbdbde");
  json_t *line = kh_recorder_line(&kh_stage.lines, 0);
  ck_assert_str_eq(kh_line_text(line, "result"), "delivered");
  ck_assert_str_eq(kh_line_text(line, "level"), "INFO");
  json_decref(line);
}
END_TEST

START_TEST(what_could_never_be_recorded_is_told)
{
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  kh_stage.done_fails = true;
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_STORE);
  kh_outbox_cancel(&kh_stage.outbox);
  json_t *line = kh_recorder_line(&kh_stage.lines, 0);
  ck_assert_str_eq(kh_line_text(line, "result"), "delivered");
  ck_assert_str_eq(kh_line_text(line, "reason"), "store");
  ck_assert_str_eq(kh_line_text(line, "level"), "ERROR");
  json_decref(line);
}
END_TEST

/* Each transaction counts what begins and records what the turn before ended. */
START_TEST(a_turn_is_one_transaction_and_waits_for_no_answer)
{
  size_t made = 9;

  kh_stage_owe(ID_A, "log", KH_STAGE_BODY, 0, 86400);
  kh_stage_owe(ID_B, "log", KH_STAGE_BODY, 0, 86400);
  kh_stage_owe(ID_C, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  kh_stage_owe(ID_D, "log", KH_STAGE_BODY, 0, 86400);
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 1, &made), KH_OK);
  ck_assert_uint_eq(made, 1);
  ck_assert_str_eq(kh_stage.trace, "be");
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  ck_assert_uint_eq(made, 4);
  ck_assert_str_eq(kh_stage.trace, "bebdes");
  ck_assert_int_eq(kh_stage_count_owed(), 3);
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  ck_assert_uint_eq(made, 3);
  ck_assert_str_eq(kh_stage.trace, "bebdesbddde");
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  ck_assert_uint_eq(made, 0);
  ck_assert_str_eq(kh_stage.trace, "bebdesbddde");
  ck_assert_int_eq(kh_stage_count_owed(), 0);
}
END_TEST

START_TEST(a_turn_whose_end_fails_did_nothing)
{
  size_t made = 0;

  kh_stage_owe(ID_A, "log", KH_STAGE_BODY, 0, 86400);
  kh_stage_owe(ID_B, "log", KH_STAGE_BODY, 0, 86400);
  kh_stage.end_fails = true;
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_ERR_STORE);
  ck_assert_int_eq(kh_stage_count_owed(), 2);
  ck_assert_uint_eq(kh_stage.lines.count, 0);
  kh_stage.end_fails = false;
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  ck_assert_uint_eq(made, 2);
  kh_stage.end_fails = true;
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_ERR_STORE);
  ck_assert_int_eq(kh_stage_count_owed(), 2);
  kh_stage.end_fails = false;
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  ck_assert_uint_eq(made, 2);
  ck_assert_uint_eq(kh_stage.lines.count, 4); /* each has its own, and that of its attempt */
  ck_assert_int_eq(kh_stage_count_owed(), 0);
}
END_TEST

/* ---- the log as a destination ---- */

static void set_clock(int64_t step_us)
{
  const struct kh_clock_step step = {
      .step_us = step_us, .earlier_us = step_us, .now_us = kh_stage.clock.now_us};

  ck_assert_int_eq(kh_store_follow_clock(&kh_stage.test.store, &step), KH_OK);
  kh_fake_clock_step(&kh_stage.clock, step_us);
  kh_outbox_follow_clock(&kh_stage.outbox, step_us);
}

/* The disk was full when it ended, and the clock is set before there is room. */
START_TEST(what_is_not_recorded_yet_moves_with_the_clock)
{
  const int64_t step_us = INT64_C(-48) * 3600 * KH_TEST_SECOND_US;
  size_t made = 0;

  kh_stage.answer.status = 503;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  kh_stage.end_fails = true;
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_ERR_STORE);
  kh_stage.end_fails = false;
  set_clock(step_us);
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  const int64_t waits_us = kh_test_sql_number(&kh_stage.test.dir, "SELECT not_before_us FROM deliveries") -
                           kh_stage.clock.now_us;
  ck_assert_int_gt(waits_us, 0);
  ck_assert_int_le(waits_us, 13 * KH_TEST_SECOND_US);
}
END_TEST

/* Its life is as long as before, also by what the attempt on it read of it. */
START_TEST(what_is_under_way_moves_with_the_clock)
{
  const int64_t step_us = INT64_C(48) * 3600 * KH_TEST_SECOND_US;
  size_t made = 0;

  kh_stage.answer.status = 503;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  ck_assert_uint_eq(kh_stage.outbox.under_way_count, 1);
  set_clock(step_us);
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  ck_assert_int_eq(kh_stage_count_owed(), 1);
}
END_TEST

START_TEST(a_notification_is_a_line_of_its_own)
{
  kh_stage_owe(
      ID_A, "log",
      "{\"text\":\"web #7 failed "
      "\\u00e9\\n\",\"event\":\"build.finished\",\"organization\":\"acme\",\"pipeline\":"
      "\"web\",\"branch\":\"main\",\"state\":\"failed\",\"build_number\":7,\"url\":\"https://buildkite.com/"
      "x\","
      "\"token\":\"planted\",\"level\":\"DEBUG\"}",
      0, 86400);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_OK);
  ck_assert_uint_eq(kh_stage.lines.count, 2);
  json_t *line = kh_recorder_line(&kh_stage.lines, 0);
  json_t *want = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:O}", "level",
                           "INFO", "message", "notification", "entry", "entry-aaaa", "delivery", ID_A, "rule",
                           "rule-aaaa", "text", "web #7 failed \xC3\xA9\n", "event", "build.finished",
                           "organization", "acme", "pipeline", "web", "branch", "main", "state", "failed",
                           "build_number", 7, "url", "https://buildkite.com/x", "timestamp",
                           json_object_get(line, "timestamp"));
  ck_assert(json_equal(line, want));
  json_decref(want);
  json_decref(line);
  line = kh_recorder_line(&kh_stage.lines, 1);
  ck_assert_str_eq(kh_line_text(line, "message"), "delivery attempt");
  ck_assert_str_eq(kh_line_text(line, "notifier"), "log");
  ck_assert_str_eq(kh_line_text(line, "result"), "delivered");
  ck_assert_int_eq(kh_line_number(line, "attempt"), 1);
  ck_assert_int_eq(kh_line_number(line, "status"), INT64_MIN);
  json_decref(line);
  ck_assert_str_eq(kh_stage.trace, "bebde");
}
END_TEST

static const char *const unreadable[] = {
    "", "{", "[]", "{}", "{\"text\":7}", "{\"text\":\"a\",\"text\":\"b\"}"};

START_TEST(a_body_that_cannot_be_read_is_dead)
{
  kh_stage_owe(ID_A, "log", unreadable[_i], 0, 86400);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_RENDER);
  ck_assert_uint_eq(kh_stage.lines.count, 1);
  ck_assert_int_eq(kh_stage_count_owed(), 0);
  ck_assert_int_eq(kh_test_sql_number(&kh_stage.test.dir,
                                      "SELECT count(*) FROM deliveries WHERE reason LIKE 'not_rendered: %'"),
                   1);
}
END_TEST

static Suite *outbox_run_suite(void)
{
  Suite *suite = suite_create("outbox_run");
  TCase *outbox = kh_test_case(suite, "outbox");

  tcase_add_checked_fixture(outbox, kh_stage_open, kh_stage_close);
  tcase_add_test(outbox, the_url_is_the_one_of_the_moment);
  tcase_add_test(outbox, what_could_not_be_recorded_is_not_sent_again);
  tcase_add_test(outbox, what_could_never_be_recorded_is_told);
  tcase_add_test(outbox, a_turn_is_one_transaction_and_waits_for_no_answer);
  tcase_add_test(outbox, a_turn_whose_end_fails_did_nothing);
  tcase_add_test(outbox, what_is_not_recorded_yet_moves_with_the_clock);
  tcase_add_test(outbox, what_is_under_way_moves_with_the_clock);
  tcase_add_test(outbox, a_notification_is_a_line_of_its_own);
  tcase_add_loop_test(outbox, a_body_that_cannot_be_read_is_dead, 0, (int)KH_COUNT(unreadable));
  return suite;
}

int main(void)
{
  return kh_test_main(outbox_run_suite());
}
