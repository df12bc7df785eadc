#include "base/base.h"

#include "support/outbox_stage.h"
#include "support/suite.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define GONE "notifier_gone: no rule of `notify` sends there; bring it back"

/* ---- one attempt: what comes of each answer, written down by hand ---- */

static const struct outcome {
  unsigned before; /* attempts made */
  struct kh_stage_answer answer;
  enum kh_err err;
  const char *result;
  const char *level;
  const char *reason; /* and detail: as kept and as logged */
  const char *detail;
  int64_t delay_s; /* of a retry, before the jitter */
} outcomes[] = {
    {0, {200, -1, NULL}, KH_OK, "delivered", "INFO", "", "", 0},
    {0, {201, -1, NULL}, KH_OK, "delivered", "INFO", "", "", 0},
    {0, {204, -1, NULL}, KH_OK, "delivered", "INFO", "", "", 0},
    {0,
     {200, -1, "Transferred a partial file"},
     KH_OK,
     "delivered",
     "INFO",
     "",
     "HTTP 200, then Transferred a partial file",
     0},
    {11, {200, -1, NULL}, KH_OK, "delivered", "INFO", "", "", 0},
    {0,
     {301, -1, NULL},
     KH_ERR_DESTINATION_REFUSED,
     "retry",
     "ERROR",
     "destination_refused",
     "HTTP 301",
     3600},
    {0,
     {302, 60, NULL},
     KH_ERR_DESTINATION_REFUSED,
     "retry",
     "ERROR",
     "destination_refused",
     "HTTP 302",
     3600},
    {0, {400, -1, NULL}, KH_ERR_DELIVERY_REFUSED, "dead", "ERROR", "delivery_refused", "HTTP 400", 0},
    {0,
     {401, -1, NULL},
     KH_ERR_DESTINATION_REFUSED,
     "retry",
     "ERROR",
     "destination_refused",
     "HTTP 401",
     3600},
    {0,
     {403, -1, NULL},
     KH_ERR_DESTINATION_REFUSED,
     "retry",
     "ERROR",
     "destination_refused",
     "HTTP 403",
     3600},
    {0,
     {404, -1, NULL},
     KH_ERR_DESTINATION_REFUSED,
     "retry",
     "ERROR",
     "destination_refused",
     "HTTP 404",
     3600},
    {3,
     {410, -1, NULL},
     KH_ERR_DESTINATION_REFUSED,
     "retry",
     "ERROR",
     "destination_refused",
     "HTTP 410",
     3600},
    {0,
     {407, -1, NULL},
     KH_ERR_DESTINATION_REFUSED,
     "retry",
     "ERROR",
     "destination_refused",
     "HTTP 407",
     3600},
    {0, {424, -1, NULL}, KH_ERR_DELIVERY_REFUSED, "dead", "ERROR", "delivery_refused", "HTTP 424", 0},
    {0, {408, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 408", 10},
    {0, {425, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 425", 10},
    {0, {429, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 429", 10},
    {0, {500, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 500", 10},
    {0, {502, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 502", 10},
    {0, {599, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 599", 10},
    {0,
     {500, -1, "Transferred a partial file"},
     KH_ERR_DELIVERY_FAILED,
     "retry",
     "WARN",
     "delivery_failed",
     "HTTP 500, then Transferred a partial file",
     10},
    {0,
     {0, -1, "Could not connect to server"},
     KH_ERR_DELIVERY_FAILED,
     "retry",
     "WARN",
     "delivery_failed",
     "Could not connect to server",
     10},
    {0, {0, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "no answer", 10},
    {1, {503, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 503", 20},
    {2, {503, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 503", 40},
    {5, {503, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 503", 320},
    {8, {503, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 503", 2560},
    {9, {503, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 503", 3600},
    {10, {503, -1, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 503", 3600},
    {11, {503, -1, NULL}, KH_ERR_DELIVERY_EXPIRED, "dead", "ERROR", "delivery_expired", "HTTP 503", 0},
    {0, {429, 5, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 429", 10},
    {0, {429, 11, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 429", 10},
    {1, {429, 15, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 429", 20},
    {0, {503, 3600, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 503", 10},
    {0, {503, 86400, NULL}, KH_ERR_DELIVERY_FAILED, "retry", "WARN", "delivery_failed", "HTTP 503", 10},
};

/* SplitMix64's first number from the state 0, as its authors published it. */
#define FIRST_RANDOM UINT64_C(0xE220A8397B1DCDAF)

static int64_t delay_us(const struct outcome *want)
{
  const int64_t whole_us = want->delay_s * KH_TEST_SECOND_US;
  const int64_t own_us = whole_us * 3 / 4 + (int64_t)(FIRST_RANDOM % ((uint64_t)whole_us / 2 + 1));
  const int64_t asked_s = want->answer.retry_after_s < 3600 ? want->answer.retry_after_s : 3600;

  return asked_s * KH_TEST_SECOND_US > own_us ? asked_s * KH_TEST_SECOND_US : own_us;
}

static void expect_line(const struct outcome *want)
{
  json_t *line = kh_recorder_line(&kh_stage.lines, 0);
  char retry_at[KH_TIME_TEXT_BYTES] = "";

  if (want->delay_s > 0)
    kh_time_format(KH_STAGE_NOW_S * KH_TEST_SECOND_US + KH_STAGE_SEND_US + delay_us(want), retry_at);
  ck_assert_uint_eq(kh_stage.lines.count, 1);
  ck_assert_str_eq(kh_line_text(line, "message"), "delivery attempt");
  ck_assert_str_eq(kh_line_text(line, "level"), want->level);
  ck_assert_str_eq(kh_line_text(line, "entry"), "entry-aaaa");
  ck_assert_str_eq(kh_line_text(line, "event"), "build.finished");
  ck_assert_str_eq(kh_line_text(line, "delivery"), ID_A);
  ck_assert_str_eq(kh_line_text(line, "rule"), "rule-aaaa");
  ck_assert_str_eq(kh_line_text(line, "notifier"), "slack");
  ck_assert_int_eq(kh_line_number(line, "attempt"), want->before + 1);
  ck_assert_int_eq(kh_line_number(line, "status"), want->answer.status ? want->answer.status : INT64_MIN);
  ck_assert_str_eq(kh_line_text(line, "result"), want->result);
  ck_assert_str_eq(kh_line_text(line, "reason"), want->reason);
  ck_assert_str_eq(kh_line_text(line, "detail"), want->detail);
  ck_assert_int_eq(kh_line_number(line, "duration_us"), KH_STAGE_SEND_US);
  ck_assert_str_eq(kh_line_text(line, "retry_at"), retry_at);
  ck_assert(!kh_text_contains(kh_buf_view(&kh_stage.lines.text), KH_STR("planted")));
  json_decref(line);
}

START_TEST(an_answer_leads_to_its_outcome)
{
  const struct outcome *want = &outcomes[_i];
  int64_t due_us = 0;
  char reason[128];

  kh_stage.answer = want->answer;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, want->before, 86400);
  enum kh_err err = kh_outbox_step(&kh_stage.outbox);
  ck_assert_msg(err == want->err, "got %s, want %s", kh_err_token(err), kh_err_token(want->err));
  ck_assert_str_eq(kh_stage.sent_url, KH_STAGE_URL);
  ck_assert_str_eq(kh_stage.sent_body, KH_STAGE_BODY);
  ck_assert_str_eq(kh_stage.sent_type, "application/of-notifier"); /* not what is stored */
  expect_line(want);

  (void)snprintf(reason, sizeof reason, "%s: %s", want->reason, want->detail);
  bool is_retry = want->delay_s > 0;
  ck_assert_int_eq(kh_stage_count_owed(), is_retry ? 1 : 0);
  ck_assert_int_eq(kh_stage_count_dead(reason), !is_retry && want->err ? 1 : 0);
  err = kh_queue_next_due(&kh_stage.outbox.queue, NULL, &due_us);
  ck_assert_int_eq(err, is_retry ? KH_OK : KH_ERR_NOT_FOUND);
  if (is_retry) {
    struct kh_delivery delivery;

    ck_assert_int_ge(delay_us(want),
                     10 * KH_TEST_SECOND_US); /* or the hold of the destination would be longer */
    ck_assert_int_eq(due_us, KH_STAGE_NOW_S * KH_TEST_SECOND_US + KH_STAGE_SEND_US + delay_us(want));
    ck_assert_int_eq(kh_queue_take(&kh_stage.outbox.queue, due_us, NULL, &delivery), KH_OK);
    ck_assert_uint_eq(delivery.attempt, want->before + 1);
    kh_delivery_release(&delivery);
  }
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_NOT_FOUND);
}
END_TEST

/* As on Lambda: it is lost, and must be heard of like every other one that is dead. */
START_TEST(where_nobody_comes_back_each_dead_one_is_an_error)
{
  kh_stage.outbox.once = true;
  kh_stage.answer = (struct kh_stage_answer){_i ? 503 : 0, -1, NULL};
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_DELIVERY_FAILED);
  json_t *line = kh_recorder_line(&kh_stage.lines, 0);
  ck_assert_str_eq(kh_line_text(line, "result"), "dead");
  ck_assert_str_eq(kh_line_text(line, "level"), "ERROR");
  ck_assert_str_eq(kh_line_text(line, "reason"), "delivery_failed");
  json_decref(line);
}
END_TEST

/* ---- what is never sent ---- */

static void expect_dead_unsent(const char *reason, const char *kept)
{
  json_t *line = kh_recorder_line(&kh_stage.lines, 0);

  ck_assert_str_eq(kh_line_text(line, "result"), "dead");
  ck_assert_str_eq(kh_line_text(line, "reason"), reason);
  ck_assert_int_eq(kh_line_number(line, "status"), INT64_MIN);
  ck_assert_int_eq(kh_stage_count_dead(kept), 1);
  ck_assert_ptr_null(strchr(kh_stage.trace, 's'));
  json_decref(line);
}

START_TEST(a_rule_that_is_gone_is_waited_for_an_hour)
{
  char retry_at[KH_TIME_TEXT_BYTES];

  kh_stage.outbox.rules_since_us = kh_clock_ticks_us(&kh_stage.clock.clock);
  kh_fake_clock_advance(&kh_stage.clock, 600 * KH_TEST_SECOND_US);
  kh_stage_owe(ID_A, "slack env:OTHER_HOOK", KH_STAGE_BODY, 3, 86400);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_NOTIFIER_GONE);
  json_t *line = kh_recorder_line(&kh_stage.lines, 0);
  kh_time_format((KH_STAGE_NOW_S + 3600) * KH_TEST_SECOND_US, retry_at);
  ck_assert_str_eq(kh_line_text(line, "result"), "retry");
  ck_assert_str_eq(kh_line_text(line, "reason"), "notifier_gone");
  ck_assert_str_eq(kh_line_text(line, "level"), "ERROR");
  ck_assert_str_eq(kh_line_text(line, "retry_at"), retry_at);
  ck_assert_int_eq(kh_line_number(line, "attempt"), 3);
  json_decref(line);
  ck_assert_int_eq(kh_stage_count_owed(), 1);
  ck_assert_int_eq(
      kh_test_sql_number(&kh_stage.test.dir, "SELECT count(*) FROM deliveries WHERE reason = '" GONE "'"), 1);

  kh_fake_clock_advance(&kh_stage.clock, 3000 * KH_TEST_SECOND_US - 1);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_NOT_FOUND);
  kh_fake_clock_advance(&kh_stage.clock, 1);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_NOTIFIER_GONE);
  ck_assert_int_eq(kh_stage_count_dead(GONE), 1);
  ck_assert_ptr_null(strchr(kh_stage.trace, 's'));
}
END_TEST

/* An hour of the clock that never goes back: a wrong time of day ends no wait. */
START_TEST(an_hour_by_the_right_clock)
{
  kh_stage.outbox.rules_since_us = kh_clock_ticks_us(&kh_stage.clock.clock);
  kh_stage_owe(ID_A, "slack env:OTHER_HOOK", KH_STAGE_BODY, 0, 86400);
  kh_stage.clock.now_us += 7200 * KH_TEST_SECOND_US;
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_NOTIFIER_GONE);
  ck_assert_int_eq(kh_stage_count_owed(), 1);
}
END_TEST

START_TEST(a_rule_that_comes_back_delivers_at_once)
{
  const unsigned char one[KH_DIGEST_BYTES] = {1}, two[KH_DIGEST_BYTES] = {2};
  const struct kh_queue *queue = &kh_stage.outbox.queue;

  ck_assert_int_eq(kh_queue_know_config(queue, one, kh_clock_now_us(&kh_stage.clock.clock)), KH_OK);
  kh_stage.rules.count = 0;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_NOTIFIER_GONE);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_NOT_FOUND);
  kh_stage.rules.count = 2;
  ck_assert_int_eq(kh_queue_know_config(queue, two, kh_clock_now_us(&kh_stage.clock.clock)), KH_OK);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_OK);
  ck_assert_str_eq(kh_stage.trace, "bebesbde");
}
END_TEST

START_TEST(its_time_may_end_before_the_hour)
{
  kh_stage_owe(ID_A, "slack env:OTHER_HOOK", KH_STAGE_BODY, 0, 100);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_NOTIFIER_GONE);
  kh_fake_clock_advance(&kh_stage.clock, 3600 * KH_TEST_SECOND_US);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_DELIVERY_EXPIRED);
  ck_assert_int_eq(kh_stage_count_dead("delivery_expired; before: " GONE), 1);
}
END_TEST

START_TEST(nobody_waits_for_it_where_nobody_comes_back)
{
  kh_stage.outbox.once = true;
  kh_stage_owe(ID_A, "slack env:OTHER_HOOK", KH_STAGE_BODY, 0, 86400);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_NOTIFIER_GONE);
  expect_dead_unsent("notifier_gone", GONE);
}
END_TEST

START_TEST(one_that_is_too_old)
{
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 2, 100);
  kh_fake_clock_advance(&kh_stage.clock, 100 * KH_TEST_SECOND_US);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_DELIVERY_EXPIRED);
  expect_dead_unsent("delivery_expired", "delivery_expired");
}
END_TEST

START_TEST(one_that_is_almost_too_old_has_its_last_try)
{
  kh_stage.answer.status = 503;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 20);
  kh_fake_clock_advance(&kh_stage.clock, 20 * KH_TEST_SECOND_US - 1);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_DELIVERY_EXPIRED);
  ck_assert_str_eq(kh_stage.trace, "besbe");
  ck_assert_int_eq(kh_stage_count_dead("delivery_expired: HTTP 503"), 1);
}
END_TEST

/* It waited for a worker, or the clock was set meanwhile. */
START_TEST(nothing_dies_of_age_that_was_not_tried_since)
{
  kh_stage.outbox.since_us = kh_stage.clock.now_us;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 3, -1);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_OK);
  ck_assert_str_eq(kh_stage.sent_url, KH_STAGE_URL);
}
END_TEST

START_TEST(to_wait_for_a_rule_is_no_try)
{
  const unsigned char one[KH_DIGEST_BYTES] = {1}, two[KH_DIGEST_BYTES] = {2};
  const struct kh_queue *queue = &kh_stage.outbox.queue;

  kh_stage.outbox.since_us = kh_stage.clock.now_us;
  ck_assert_int_eq(kh_queue_know_config(queue, one, kh_stage.clock.now_us), KH_OK);
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 3, 60);
  kh_stage.rules.count = 0;
  kh_fake_clock_advance(&kh_stage.clock, KH_TEST_SECOND_US);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_NOTIFIER_GONE);
  kh_fake_clock_advance(&kh_stage.clock, 60 * KH_TEST_SECOND_US);
  kh_stage.rules.count = 2;
  ck_assert_int_eq(kh_queue_know_config(queue, two, kh_stage.clock.now_us), KH_OK);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_OK);
}
END_TEST

START_TEST(one_that_is_too_old_is_tried_once_and_dies)
{
  kh_stage.outbox.since_us = kh_stage.clock.now_us;
  kh_stage.answer.status = 503;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, -1);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_DELIVERY_EXPIRED);
  ck_assert_str_eq(kh_stage.trace, "besbe");
  ck_assert_int_eq(kh_stage_count_dead("delivery_expired: HTTP 503"), 1);
}
END_TEST

/* It waited for another configuration until its time was over. */
START_TEST(one_that_was_tried_since_dies_of_age_unsent)
{
  kh_stage.outbox.since_us = kh_stage.clock.now_us;
  kh_stage.answer.status = 404;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 60);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_DESTINATION_REFUSED);
  kh_fake_clock_advance(&kh_stage.clock, 61 * KH_TEST_SECOND_US);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_DELIVERY_EXPIRED);
  ck_assert_str_eq(kh_stage.trace, "besbebe");
}
END_TEST

static Suite *outbox_suite(void)
{
  Suite *suite = suite_create("outbox");
  TCase *outbox = kh_test_case(suite, "outbox");

  tcase_add_checked_fixture(outbox, kh_stage_open, kh_stage_close);
  tcase_add_loop_test(outbox, an_answer_leads_to_its_outcome, 0, (int)KH_COUNT(outcomes));
  tcase_add_test(outbox, a_rule_that_is_gone_is_waited_for_an_hour);
  tcase_add_test(outbox, an_hour_by_the_right_clock);
  tcase_add_test(outbox, a_rule_that_comes_back_delivers_at_once);
  tcase_add_test(outbox, its_time_may_end_before_the_hour);
  tcase_add_test(outbox, nobody_waits_for_it_where_nobody_comes_back);
  tcase_add_loop_test(outbox, where_nobody_comes_back_each_dead_one_is_an_error, 0, 2);
  tcase_add_test(outbox, one_that_is_too_old);
  tcase_add_test(outbox, one_that_is_almost_too_old_has_its_last_try);
  tcase_add_test(outbox, nothing_dies_of_age_that_was_not_tried_since);
  tcase_add_test(outbox, to_wait_for_a_rule_is_no_try);
  tcase_add_test(outbox, one_that_is_too_old_is_tried_once_and_dies);
  tcase_add_test(outbox, one_that_was_tried_since_dies_of_age_unsent);
  return suite;
}

int main(void)
{
  return kh_test_main(outbox_suite());
}
