/* What a notifier adds to an attempt, and what it knows better about an answer. */
#include "base/base.h"

#include "rules/outgoing.h"
#include "support/outbox_stage.h"
#include "support/suite.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CAPABILITY "planted_secret_\"topic"
#define BODY "{\"a\":1}"
#define ECHO "{\"error\":\"planted-secret-9a8b7c\",\"topic\":\"planted_secret_\\\"topic\"}"

static struct {
  struct kh_sent_headers headers; /* as they came to the transport */
  enum kh_verb verb;
  char body[256];
  enum kh_err refusal; /* of `request` */
  int64_t made_us, judged_us;
  struct kh_verdict found, given; /* by status, and what the judge makes of it */
} seen;

static enum kh_err request(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                           struct kh_outgoing *outgoing)
{
  ck_assert_uint_eq(outgoing->headers.count, 0);
  ck_assert(kh_str_equal(kh_secret_reveal(&outgoing->url), kh_secret_reveal(&rule->url)));
  seen.made_us = now_us;
  kh_outgoing_bearer(outgoing, &rule->secret);
  kh_outgoing_header(outgoing, "x-id", "%s", delivery->id);
  return seen.refusal ? seen.refusal : kh_outgoing_member(outgoing, "key", &rule->capability);
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

  seen.headers = request->headers;
  (void)snprintf(seen.body, sizeof seen.body, "%.*s", KH_FMT(request->body));
  seen.verb = request->verb;
  kh_fake_clock_advance(&stage->clock, KH_STAGE_SEND_US);
  answer->status = stage->answer.status;
  answer->retry_after_s = stage->answer.retry_after_s;
  (void)kh_buf_add(&answer->body, KH_STR(ECHO));
  return answer->status ? KH_OK : KH_ERR_DELIVERY_FAILED;
}

static const struct kh_notifier notifier = {.name = "slack", .request = request, .judge = judge};

static void open_stage(void)
{
  memset(&seen, 0, sizeof seen);
  kh_stage_open();
  kh_stage.rule[0].notifier = &notifier;
  kh_stage.rule[0].verb = KH_PUT;
  ck_assert_int_eq(kh_secret_set(&kh_stage.rule[0].secret, KH_STR("planted-secret-9a8b7c")), KH_OK);
  ck_assert_int_eq(kh_secret_set(&kh_stage.rule[0].capability, KH_STR(CAPABILITY)), KH_OK);
  kh_stage.sender.send = look_and_send;
}

static void close_stage(void)
{
  kh_secret_release(&kh_stage.rule[0].secret);
  kh_secret_release(&kh_stage.rule[0].capability);
  kh_stage_close();
}

START_TEST(a_request_is_made_at_its_moment)
{
  const int64_t now_us = KH_STAGE_NOW_S * KH_TEST_SECOND_US;

  seen.given = (struct kh_verdict){.err = KH_OK, .retry_after_s = -1};
  kh_stage_owe(ID_A, KH_STAGE_HOOK, BODY, 0, 86400);
  kh_fake_clock_advance(&kh_stage.clock, 77 * KH_TEST_SECOND_US);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_OK);
  ck_assert_int_eq(seen.made_us, now_us + 77 * KH_TEST_SECOND_US);
  ck_assert_int_eq(seen.judged_us, seen.made_us + KH_STAGE_SEND_US);
  ck_assert_int_eq(seen.verb, KH_PUT);
  ck_assert_str_eq(seen.body, "{\"key\":\"planted_secret_\\\"topic\",\"a\":1}");
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
    {{200, -1, NULL}, KH_OK, -1, {KH_OK, -1, false, ""}, KH_OK, "delivered", "INFO", "", 0},
    {{207, -1, NULL},
     KH_OK,
     -1,
     {KH_OK, -1, false, "1 of 2"},
     KH_OK,
     "delivered",
     "WARN",
     "HTTP 207: 1 of 2",
     0},
    {{207, -1, NULL},
     KH_OK,
     -1,
     {KH_ERR_DELIVERY_FAILED, -1, false, "0 of 2"},
     KH_ERR_DELIVERY_FAILED,
     "retry",
     "WARN",
     "HTTP 207: 0 of 2",
     10},
    {{429, 7, NULL},
     KH_ERR_DELIVERY_FAILED,
     7,
     {KH_ERR_DELIVERY_FAILED, 33, false, "slowly"},
     KH_ERR_DELIVERY_FAILED,
     "retry",
     "WARN",
     "HTTP 429: slowly",
     33},
    {{404, -1, NULL},
     KH_ERR_DESTINATION_REFUSED,
     -1,
     {KH_ERR_DELIVERY_REFUSED, -1, false, "nobody"},
     KH_ERR_DELIVERY_REFUSED,
     "dead",
     "ERROR",
     "HTTP 404: nobody",
     0},
    {{503, -1, NULL},
     KH_ERR_DELIVERY_FAILED,
     -1,
     {KH_ERR_DELIVERY_REFUSED, -1, false, ""},
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
  kh_stage_owe(ID_A, KH_STAGE_HOOK, BODY, 0, 86400);
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
  kh_stage_owe(ID_A, KH_STAGE_HOOK, BODY, 0, 86400);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_DELIVERY_FAILED);
  ck_assert_int_eq(seen.judged_us, 0);
}
END_TEST

/* `request` cannot: what is too little memory is tried again, and nothing else. */
static const struct {
  enum kh_err refusal, result;
  const char *reason;
} refusals[] = {{KH_ERR_NO_MEMORY, KH_ERR_DELIVERY_FAILED, "no memory"},
                {KH_ERR_RENDER, KH_ERR_RENDER, "no request can be made of it"},
                {KH_ERR_LIMIT, KH_ERR_RENDER, "no request can be made of it"}};

START_TEST(a_request_that_cannot_be_made_is_not_sent)
{
  seen.refusal = refusals[_i].refusal;
  kh_stage_owe(ID_A, KH_STAGE_HOOK, BODY, 0, 86400);
  ck_assert_str_eq(kh_err_token(kh_outbox_step(&kh_stage.outbox)), kh_err_token(refusals[_i].result));
  ck_assert_uint_eq(seen.headers.count, 0);
  ck_assert_int_eq(kh_stage_count_owed(), refusals[_i].result == KH_ERR_DELIVERY_FAILED);
  json_t *line = kh_recorder_line(&kh_stage.lines, 0);
  ck_assert_str_eq(kh_line_text(line, "detail"), refusals[_i].reason);
  json_decref(line);
}
END_TEST

/* Only an object that has a member can get another one. */
static const char *const others[] = {"", "[1]", "{}", "text"};

START_TEST(a_body_that_gets_no_member_is_dead)
{
  kh_stage_owe(ID_A, KH_STAGE_HOOK, others[_i], 0, 86400);
  ck_assert_int_eq(kh_outbox_step(&kh_stage.outbox), KH_ERR_RENDER);
  ck_assert_int_eq(kh_stage_count_owed(), 0);
}
END_TEST

START_TEST(headers_have_limits)
{
  struct kh_outgoing outgoing = {.verb = KH_POST};
  char text[sizeof outgoing.headers.at[0].text + 1] = "";

  memset(text, 'x', sizeof text - 1);
  kh_outgoing_header(&outgoing, "long", "%s", text + 1);
  ck_assert_uint_eq(outgoing.headers.count, 1);
  ck_assert_str_eq(outgoing.headers.at[0].text, text + 1);
  kh_outgoing_header(&outgoing, "longer", "%s", text);
  ck_assert_uint_gt(outgoing.headers.count, KH_HEADERS_MAX);

  outgoing.headers.count = 0;
  for (size_t i = 0; i <= KH_HEADERS_MAX; i++) {
    ck_assert_uint_eq(outgoing.headers.count, i);
    kh_outgoing_header(&outgoing, "one", "%zu", i);
  }
  ck_assert_uint_gt(outgoing.headers.count, KH_HEADERS_MAX);
  kh_outgoing_header(&outgoing, "one", "more");
  ck_assert_uint_gt(outgoing.headers.count, KH_HEADERS_MAX);
}
END_TEST

static Suite *outbox_verdict_suite(void)
{
  Suite *suite = suite_create("outbox_verdict");
  TCase *outbox = kh_test_case(suite, "outbox");

  tcase_add_checked_fixture(outbox, open_stage, close_stage);
  tcase_add_test(outbox, a_request_is_made_at_its_moment);
  tcase_add_loop_test(outbox, a_verdict_is_carried_out, 0, (int)KH_COUNT(verdicts));
  tcase_add_test(outbox, silence_is_not_judged);
  tcase_add_loop_test(outbox, a_request_that_cannot_be_made_is_not_sent, 0, (int)KH_COUNT(refusals));
  tcase_add_loop_test(outbox, a_body_that_gets_no_member_is_dead, 0, (int)KH_COUNT(others));
  tcase_add_test(outbox, headers_have_limits);
  return suite;
}

int main(void)
{
  return kh_test_main(outbox_verdict_suite());
}
