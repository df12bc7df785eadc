/* What a notifier adds to an attempt, and what it knows better about an answer. */
#include "base/base.h"

#include "support/outbox_stage.h"
#include "support/suite.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ECHO "{\"error\":\"planted-secret-9a8b7c\"}"

static struct {
  struct kh_sent_headers headers; /* as they came to the transport */
  enum kh_verb verb;
  int64_t signed_us, judged_us;
  struct kh_verdict found, given; /* by status, and what the judge makes of it */
} seen;

static void sign(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                 struct kh_sent_headers *headers)
{
  ck_assert_uint_eq(headers->count, 0);
  seen.signed_us = now_us;
  headers->at[0] = (struct kh_sent_header){
      .name = "Authorization", .text = "Bearer ", .secret = &rule->secret};
  headers->at[1] = (struct kh_sent_header){.name = "x-id"};
  (void)snprintf(headers->at[1].text, sizeof headers->at[1].text, "%s", delivery->id);
  headers->count = 2;
}

static void judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict)
{
  ck_assert_int_eq(answer->rate_reset_s, -1);
  seen.judged_us = now_us;
  seen.found = *verdict;
  *verdict = seen.given;
}

static enum kh_err look_and_send(void *self, const struct kh_outgoing *request, struct kh_incoming *answer)
{
  struct kh_stage *stage = self;

  seen.headers = *request->headers;
  seen.verb = request->verb;
  kh_fake_clock_advance(&stage->clock, KH_STAGE_SEND_US);
  answer->status = stage->answer.status;
  answer->retry_after_s = stage->answer.retry_after_s;
  (void)kh_buf_add(&answer->body, KH_STR(ECHO));
  return answer->status ? KH_OK : KH_ERR_DELIVERY_FAILED;
}

static const struct kh_notifier notifier = {
    .name = "slack", .via = KH_VIA_HTTP, .sign = sign, .judge = judge};

static void open_stage(void)
{
  memset(&seen, 0, sizeof seen);
  kh_stage_open();
  kh_stage.rule[0].notifier = &notifier;
  kh_stage.rule[0].verb = KH_PUT;
  ck_assert_int_eq(kh_secret_set(&kh_stage.rule[0].secret, KH_STR("planted-secret-9a8b7c")), KH_OK);
  kh_stage.sender.send = look_and_send;
}

static void close_stage(void)
{
  kh_secret_release(&kh_stage.rule[0].secret);
  kh_stage_close();
}

START_TEST(an_attempt_is_signed_at_its_moment)
{
  const int64_t now_us = KH_STAGE_NOW_S * KH_TEST_SECOND_US;

  seen.given = (struct kh_verdict){.err = KH_OK, .retry_after_s = -1};
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  kh_fake_clock_advance(&kh_stage.clock, 77 * KH_TEST_SECOND_US);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_OK);
  ck_assert_int_eq(seen.signed_us, now_us + 77 * KH_TEST_SECOND_US);
  ck_assert_int_eq(seen.judged_us, seen.signed_us + KH_STAGE_SEND_US);
  ck_assert_int_eq(seen.verb, KH_PUT);
  ck_assert_uint_eq(seen.headers.count, 2);
  ck_assert_str_eq(seen.headers.at[1].text, ID_A);
  ck_assert(kh_str_equal(kh_secret_reveal(seen.headers.at[0].secret), KH_STR("planted-secret-9a8b7c")));
  ck_assert_uint_eq(kh_test_count_in_files(&kh_stage.test.dir, "planted-secret"), 0);
}
END_TEST

static const struct {
  struct kh_stage_answer answer;
  enum kh_err found; /* what the status says */
  int64_t found_s;
  struct kh_verdict given;
  enum kh_err err;
  const char *result, *level, *detail;
  int64_t delay_s;
} verdicts[] = {
    {{200, -1, NULL}, KH_OK, -1, {KH_OK, -1, ""}, KH_OK, "delivered", "INFO", "", 0},
    {{207, -1, NULL}, KH_OK, -1, {KH_OK, -1, "1 of 2"}, KH_OK, "delivered", "WARN", "HTTP 207: 1 of 2", 0},
    {{207, -1, NULL},
     KH_OK,
     -1,
     {KH_ERR_DELIVERY_FAILED, -1, "0 of 2"},
     KH_ERR_DELIVERY_FAILED,
     "retry",
     "WARN",
     "HTTP 207: 0 of 2",
     10},
    {{429, 7, NULL},
     KH_ERR_DELIVERY_FAILED,
     7,
     {KH_ERR_DELIVERY_FAILED, 33, "slowly"},
     KH_ERR_DELIVERY_FAILED,
     "retry",
     "WARN",
     "HTTP 429: slowly",
     33},
    {{404, -1, NULL},
     KH_ERR_DESTINATION_REFUSED,
     -1,
     {KH_ERR_DELIVERY_REFUSED, -1, "nobody"},
     KH_ERR_DELIVERY_REFUSED,
     "dead",
     "ERROR",
     "HTTP 404: nobody",
     0},
    {{503, -1, NULL},
     KH_ERR_DELIVERY_FAILED,
     -1,
     {KH_ERR_DELIVERY_REFUSED, -1, ""},
     KH_ERR_DELIVERY_REFUSED,
     "dead",
     "ERROR",
     "HTTP 503",
     0},
};

START_TEST(a_verdict_is_carried_out)
{
  kh_stage.answer = verdicts[_i].answer;
  seen.given = verdicts[_i].given;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  ck_assert_str_eq(kh_err_token(kh_outbox_step(&kh_stage.outbox)), kh_err_token(verdicts[_i].err));
  ck_assert_int_eq(seen.found.err, verdicts[_i].found);
  ck_assert_int_eq(seen.found.retry_after_s, verdicts[_i].found_s);
  ck_assert_str_eq(seen.found.note, "");

  json_t *line = kh_recorder_line(&kh_stage.lines, 0);
  ck_assert_str_eq(kh_line_text(line, "result"), verdicts[_i].result);
  ck_assert_str_eq(kh_line_text(line, "level"), verdicts[_i].level);
  ck_assert_str_eq(kh_line_text(line, "detail"), verdicts[_i].detail);
  ck_assert(!kh_text_contains(kh_buf_view(&kh_stage.lines.text), KH_STR("planted")));
  json_decref(line);
  if (verdicts[_i].delay_s > 0) {
    int64_t due_us = 0;

    ck_assert_int_eq(kh_queue_next_due(&kh_stage.outbox.queue, NULL, &due_us), KH_OK);
    /* with the jitter that a state of 0 leads to */
    const int64_t most_us = verdicts[_i].delay_s * KH_TEST_SECOND_US * 5 / 4;
    ck_assert_int_ge(due_us, seen.judged_us + verdicts[_i].delay_s * KH_TEST_SECOND_US);
    ck_assert_int_le(due_us, seen.judged_us + most_us);
  }
  ck_assert_uint_eq(kh_test_count_in_files(&kh_stage.test.dir, "planted-secret"), 0);
}
END_TEST

START_TEST(silence_is_not_judged)
{
  kh_stage.answer.status = 0;
  seen.given = (struct kh_verdict){.err = KH_OK};
  kh_stage_owe(ID_A, KH_STAGE_HOOK, KH_STAGE_BODY, 0, 86400);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_DELIVERY_FAILED);
  ck_assert_int_eq(seen.judged_us, 0);
}
END_TEST

static Suite *outbox_verdict_suite(void)
{
  Suite *suite = suite_create("outbox_verdict");
  TCase *outbox = kh_test_case(suite, "outbox");

  tcase_add_checked_fixture(outbox, open_stage, close_stage);
  tcase_add_test(outbox, an_attempt_is_signed_at_its_moment);
  tcase_add_loop_test(outbox, a_verdict_is_carried_out, 0, (int)KH_COUNT(verdicts));
  tcase_add_test(outbox, silence_is_not_judged);
  return suite;
}

int main(void)
{
  return kh_test_main(outbox_verdict_suite());
}
