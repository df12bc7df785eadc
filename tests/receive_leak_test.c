#include "base/base.h"

#include "support/receiver_case.h"
#include "support/suite.h"

#define UNAUTHORIZED "{\"error\":\"unauthorized\"}"
#define FINISHED                                                                                        \
  "{\"event\":\"build.finished\",\"build\":{\"url\":\"https://api.buildkite.com/v2/organizations/acme/" \
  "pipelines/kites/builds/7\",\"number\":7,\"state\":\"passed\",\"blocked\":true,\"branch\":\"main\"}," \
  "\"pipeline\":{\"slug\":\"kites\"}}"

static struct kh_receiver_case it;

static void open_case(void)
{
  kh_receiver_case_open(&it);
}

static void close_case(void)
{
  kh_receiver_case_close(&it);
}

START_TEST(no_secret_of_payload_or_config_shows)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_BOTH, true);
  kh_receiver_case_receive_signed(
      &it, "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"passed\",\"branch\":\"main\","
           "\"env\":{\"API_KEY\":\"planted-env\"},\"author\":\"planted@example.com\","
           "\"creator\":{\"name\":\"x\",\"email\":\"planted-creator@example.com\"}},"
           "\"pipeline\":{\"slug\":\"kites\",\"env\":{\"T\":\"planted-pipeline-env\"},"
           "\"configuration\":\"env:\\n  T: planted-configuration\","
           "\"provider\":{\"webhook_url\":\"https://webhook.buildkite.com/deliver/planted-url\"},"
           "\"steps\":[{\"env\":{\"T\":\"planted-step\"}}]},"
           "\"sender\":{\"name\":\"planted-sender@example.com\"}}");
  ck_assert_int_eq(it.response.status, 200);

  /* A secret where it does not belong: in headers that are looked at, and in the query's place. */
  kh_webhook_release(&it.webhook);
  kh_webhook_make(&it.webhook, KH_TEST_CURRENT, KH_NEAR_MISS_NOW_S, KH_STR("{\"event\":\"ping\"}"));
  it.webhook.request.headers[KH_HEADER_SIGNATURE].text = KH_STR(KH_TEST_CURRENT);
  kh_receiver_case_receive(&it, &it.webhook.request);
  ck_assert_int_eq(it.response.status, 401);
  it.webhook.request.headers[KH_HEADER_SIGNATURE].text = KH_STR("timestamp=" KH_TEST_CURRENT
                                                                ",signature=" KH_TEST_TOKEN);
  kh_receiver_case_receive(&it, &it.webhook.request);
  ck_assert_int_eq(it.response.status, 401);
  it.webhook.request.headers[KH_HEADER_TOKEN].text = KH_STR(KH_TEST_TOKEN);
  kh_receiver_case_receive(&it, &it.webhook.request);
  ck_assert_int_eq(it.response.status, 401);
  it.webhook.request.headers[KH_HEADER_SIGNATURE].text = KH_NO_STR;
  it.webhook.request.headers[KH_HEADER_CONTENT_TYPE].text = KH_STR("planted/type");
  it.webhook.request.headers[KH_HEADER_REQUEST].text = KH_STR("planted id");
  it.webhook.request.headers[KH_HEADER_EVENT].text = KH_STR("planted event");
  kh_receiver_case_receive(&it, &it.webhook.request);
  ck_assert_int_eq(it.response.status, 415);
}
END_TEST

START_TEST(an_unverified_event_name_is_not_shown)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  kh_webhook_make(&it.webhook, "somebody else's", KH_NEAR_MISS_NOW_S, KH_STR("{\"event\":\"forged\"}"));
  kh_request_add_header(&it.webhook.request, KH_HEADER_EVENT, KH_STR("forged"));
  kh_receiver_case_receive(&it, &it.webhook.request);
  kh_receiver_case_must_answer(&it, 401, UNAUTHORIZED);
  ck_assert(!kh_text_contains(kh_buf_view(&it.recorder.text), KH_STR("forged")));
}
END_TEST

/* A long-lived receiver: nothing of one webhook shows in the line or the answer of the next. */
START_TEST(nothing_leaks_from_one_request_to_the_next)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  kh_receiver_case_receive_signed(&it, FINISHED);
  json_t *first = json_copy(it.line);
  kh_webhook_release(&it.webhook);
  kh_webhook_make(&it.webhook, "somebody else's", KH_NEAR_MISS_NOW_S, KH_STR("{\"event\":\"forged\"}"));
  kh_receiver_case_receive(&it, &it.webhook.request);
  kh_receiver_case_must_answer(&it, 401, UNAUTHORIZED);
  ck_assert_ptr_null(json_object_get(it.line, "pipeline"));
  ck_assert_ptr_null(json_object_get(it.line, "worker"));
  ck_assert_str_ne(kh_line_text(it.line, "request_id"), kh_line_text(first, "request_id"));
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  ck_assert_ptr_null(json_object_get(it.line, "pipeline"));
  ck_assert_ptr_null(json_object_get(it.line, "build_number"));
  ck_assert_ptr_null(json_object_get(it.line, "state"));
  kh_receiver_case_receive_signed(&it, "[]");
  ck_assert_ptr_null(json_object_get(it.line, "event"));
  kh_receiver_case_must_log(&it, "WARN", "refused", "not_an_object");
  json_decref(first);
}
END_TEST

/* What the answer says was kept is what the worker will read, whatever the header held. */
START_TEST(the_event_that_was_answered_is_the_one_kept)
{
  static const struct kh_str headers[] = {{"a\xFF"
                                           "b",
                                           3},
                                          {"a\xE2\x9C", 3},
                                          {"q\"uote\\", 7},
                                          {"Gr\xC3\xB6\xC3\x9F"
                                           "e",
                                           7}};
  char names[1][KH_ENTRY_NAME_BYTES];
  struct kh_buf bytes, event_text;
  struct kh_entry entry;
  size_t found = 0;

  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  kh_webhook_make(&it.webhook, KH_TEST_CURRENT, KH_NEAR_MISS_NOW_S,
                  KH_STR("{\"type\":\"no event in here\"}"));
  kh_request_add_header(&it.webhook.request, KH_HEADER_EVENT, headers[_i]);
  kh_receiver_case_receive(&it, &it.webhook.request);
  if (it.response.status != 200)
    return;
  kh_buf_init(&bytes, 10000);
  kh_buf_init(&event_text, 200);
  ck_assert_int_eq(kh_inbox_list(&it.sink.inbox, names, 1, &found), KH_OK);
  ck_assert_uint_eq(found, 1);
  ck_assert_int_eq(kh_inbox_read(&it.sink.inbox, names[0], &bytes), KH_OK);
  ck_assert_int_eq(kh_entry_open(kh_buf_view(&bytes), &it.config->signatures, &it.config->tokens, &event_text,
                                 &entry, NULL),
                   KH_OK);
  ck_assert(kh_str_equal(entry.verified.event_header, headers[_i]));
  json_t *json = kh_receiver_case_answer(&it);
  ck_assert_str_eq(json_string_value(json_object_get(json, "event")), kh_line_text(it.line, "event"));
  json_decref(json);
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);
}
END_TEST

static Suite *receive_leak_suite(void)
{
  Suite *suite = suite_create("receive leak");
  TCase *leaks = kh_test_case(suite, "leaks");

  tcase_add_checked_fixture(leaks, open_case, close_case);
  tcase_add_test(leaks, no_secret_of_payload_or_config_shows);
  tcase_add_test(leaks, an_unverified_event_name_is_not_shown);
  tcase_add_test(leaks, nothing_leaks_from_one_request_to_the_next);
  tcase_add_loop_test(leaks, the_event_that_was_answered_is_the_one_kept, 0, 4);
  return suite;
}

int main(void)
{
  return kh_test_main(receive_leak_suite());
}
