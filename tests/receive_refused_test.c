#include "base/base.h"

#include "support/receiver_case.h"
#include "support/suite.h"

#define UNAUTHORIZED "{\"error\":\"unauthorized\"}"

static struct kh_receiver_case it;

static void open_case(void)
{
  kh_receiver_case_open(&it);
}

static void close_case(void)
{
  kh_receiver_case_close(&it);
}

START_TEST(near_misses_look_alike_from_outside)
{
  const struct kh_near_miss *miss = &kh_near_misses[_i];
  struct kh_near_miss_request made;

  kh_receiver_case_configure(&it, miss->accepts ? miss->accepts : KH_ACCEPTS_SIGNATURES, true);
  kh_near_miss_make(miss, &made);
  kh_receiver_case_receive(&it, &made.request);
  kh_receiver_case_must_answer(&it, kh_err_status(miss->err), UNAUTHORIZED);
  ck_assert_ptr_null(it.response.allow);
  kh_receiver_case_must_log(&it, "WARN", "refused", kh_err_token(miss->err));
  bool was_proven = miss->err == KH_ERR_STALE || miss->err == KH_ERR_FUTURE;
  ck_assert_int_eq(json_object_get(it.line, "secret_name") != NULL, was_proven);
  ck_assert_ptr_null(json_object_get(it.line, "event"));
  ck_assert_ptr_null(json_object_get(it.line, "entry"));
  ck_assert_int_eq(kh_dir_count(it.state), -1); /* nothing was even opened */
  kh_near_miss_release(&made);
}
END_TEST

static const struct {
  const char *what;
  enum kh_method method;
  const char *content_type;
  enum kh_err body_err;
  int status;
  const char *error;
} wrong[] = {
    {"another method", KH_METHOD_OTHER, "application/json", KH_OK, 405, "method_not_allowed"},
    {"a form", KH_METHOD_POST, "application/x-www-form-urlencoded", KH_OK, 415, "media_type_not_json"},
    {"too large", KH_METHOD_POST, "application/json", KH_ERR_TOO_LARGE, 413, "body_too_large"},
    {"cut", KH_METHOD_POST, "application/json", KH_ERR_BODY_CUT, 400, "body_cut"},
    {"a lying length", KH_METHOD_POST, "application/json", KH_ERR_CONTENT_LENGTH, 400,
     "content_length_malformed"},
    {"late", KH_METHOD_POST, "application/json", KH_ERR_BODY_LATE, 408, "body_late"},
};

/* Right secrets do not help: nothing is hashed. */
START_TEST(what_is_wrong_on_the_wire_is_said)
{
  char body[64];

  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  kh_webhook_make(&it.webhook, KH_TEST_CURRENT, KH_NEAR_MISS_NOW_S, KH_STR("{\"event\":\"ping\"}"));
  it.webhook.request.method = wrong[_i].method;
  it.webhook.request.body_err = wrong[_i].body_err;
  it.webhook.request.headers[KH_HEADER_CONTENT_TYPE].text = kh_str_of(wrong[_i].content_type);
  kh_receiver_case_receive(&it, &it.webhook.request);
  (void)snprintf(body, sizeof body, "{\"error\":\"%s\"}", wrong[_i].error);
  kh_receiver_case_must_answer(&it, wrong[_i].status, body);
  kh_receiver_case_must_log(&it, "WARN", "refused", wrong[_i].error);
  if (wrong[_i].status == 405)
    ck_assert_str_eq(it.response.allow, "GET, HEAD, POST");
  else
    ck_assert_ptr_null(it.response.allow);
  ck_assert_ptr_null(json_object_get(it.line, "secret_name"));
  ck_assert_int_eq(kh_dir_count(it.state), -1);
}
END_TEST

START_TEST(a_body_over_the_limit_is_refused)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  it.config->max_body_bytes = sizeof "{\"event\":\"ping\"}" - 2;
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  kh_receiver_case_must_answer(&it, 413, "{\"error\":\"body_too_large\"}");
  it.config->max_body_bytes++;
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  ck_assert_int_eq(it.response.status, 200);
}
END_TEST

START_TEST(people_who_open_the_address_learn_what_lives_here)
{
  const enum kh_method methods[] = {KH_METHOD_GET, KH_METHOD_HEAD};

  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  for (size_t i = 0; i < KH_COUNT(methods); i++) {
    struct kh_request request = {.method = methods[i], .transport = "cgi"};

    kh_buf_release(&it.response.body);
    kh_receive(&it.receiver, &request, &it.response);
    ck_assert_int_eq(it.response.status, 200);
    ck_assert_int_eq(strncmp(it.response.content_type, "text/plain", 10), 0);
    ck_assert_str_eq(kh_buf_text(&it.response.body),
                     "kitehook: Buildkite webhooks are received here by POST\n");
    ck_assert_int_eq(it.response.head, methods[i] == KH_METHOD_HEAD);
  }
  ck_assert_int_eq(kh_dir_count(it.state), -1);
}
END_TEST

static Suite *receive_refused_suite(void)
{
  Suite *suite = suite_create("receive refused");
  TCase *refused = kh_test_case(suite, "refused");

  tcase_add_checked_fixture(refused, open_case, close_case);
  tcase_add_loop_test(refused, near_misses_look_alike_from_outside, 0, (int)kh_near_miss_count());
  tcase_add_loop_test(refused, what_is_wrong_on_the_wire_is_said, 0, (int)KH_COUNT(wrong));
  tcase_add_test(refused, a_body_over_the_limit_is_refused);
  tcase_add_test(refused, people_who_open_the_address_learn_what_lives_here);
  return suite;
}

int main(void)
{
  return kh_test_main(receive_refused_suite());
}
