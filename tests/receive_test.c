#include "base/base.h"

#include "support/receiver_case.h"
#include "support/suite.h"
#include "support/vectors.h"

#include <sys/stat.h>

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

START_TEST(a_genuine_webhook_is_kept)
{
  char names[2][KH_ENTRY_NAME_BYTES];
  struct kh_buf bytes, event_text;
  struct kh_entry entry;
  size_t found = 0;

  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  kh_webhook_make(&it.webhook, KH_TEST_PREVIOUS, KH_NEAR_MISS_NOW_S - 2, KH_STR(FINISHED));
  kh_request_add_header(&it.webhook.request, KH_HEADER_EVENT, KH_STR("build.finished"));
  kh_request_add_header(&it.webhook.request, KH_HEADER_REQUEST, KH_STR("req-1"));
  kh_receiver_case_receive(&it, &it.webhook.request);
  kh_receiver_case_must_answer(
      &it, 200,
      "{\"verdict\":\"accepted\",\"event\":\"build.finished\",\"request_id\":\"req-1\",\"kept\":true,"
      "\"worker\":\"absent\",\"oldest_entry_s\":0}");

  ck_assert_int_eq(kh_inbox_list(&it.sink.inbox, names, 2, &found), KH_OK);
  ck_assert_uint_eq(found, 1);
  kh_buf_init(&bytes, 10000);
  kh_buf_init(&event_text, 200);
  ck_assert_int_eq(kh_inbox_read(&it.sink.inbox, names[0], &bytes), KH_OK);
  ck_assert_int_eq(kh_entry_open(kh_buf_view(&bytes), &it.config->signatures, &it.config->tokens, &event_text,
                                 &entry, NULL),
                   KH_OK);
  ck_assert(kh_str_equal(entry.verified.body, KH_STR(FINISHED)));
  ck_assert(kh_str_equal(entry.verified.event_header, KH_STR("build.finished")));
  ck_assert_str_eq(entry.verified.by->name, "previous");
  ck_assert_int_eq(entry.received_us, KH_NEAR_MISS_NOW_S * 1000000);
  ck_assert_str_eq(entry.request_id, "req-1");
  ck_assert_str_eq(entry.transport, "cgi");
  ck_assert(!kh_text_contains(kh_buf_view(&bytes), KH_STR("planted")));
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);

  kh_receiver_case_must_log(&it, "WARN", "accepted", ""); /* for nobody will handle it */
  ck_assert_str_eq(kh_line_text(it.line, "worker"), "absent");
  ck_assert_str_eq(kh_line_text(it.line, "entry"), names[0]);
  ck_assert_str_eq(kh_line_text(it.line, "request_id"), "req-1");
  ck_assert_str_eq(kh_line_text(it.line, "event"), "build.finished");
  ck_assert_str_eq(kh_line_text(it.line, "organization"), "acme");
  ck_assert_str_eq(kh_line_text(it.line, "pipeline"), "kites");
  ck_assert_str_eq(kh_line_text(it.line, "branch"), "main");
  ck_assert_str_eq(kh_line_text(it.line, "state"), "blocked");
  ck_assert_int_eq(kh_line_number(it.line, "build_number"), 7);
  ck_assert_str_eq(kh_line_text(it.line, "proof"), "signature");
  ck_assert_str_eq(kh_line_text(it.line, "secret_name"), "previous");
  ck_assert_int_eq(kh_line_number(it.line, "signature_age_s"), 2);
  ck_assert_str_eq(kh_line_text(it.line, "timestamp"), "2023-11-14T22:13:20.000Z");
}
END_TEST

START_TEST(a_listening_worker_is_woken)
{
  struct kh_worker_lock lock;

  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(mkdir(it.state, 0700), 0);
  ck_assert_int_eq(kh_worker_lock_take(&lock, it.state, -1, NULL), KH_OK);
  kh_webhook_make(&it.webhook, KH_TEST_CURRENT, KH_NEAR_MISS_NOW_S, KH_STR("{\"event\":\"ping\"}"));
  kh_request_add_header(&it.webhook.request, KH_HEADER_REQUEST, KH_STR("req-2"));
  kh_receiver_case_receive(&it, &it.webhook.request);
  kh_receiver_case_must_answer(
      &it, 200,
      "{\"verdict\":\"accepted\",\"event\":\"ping\",\"request_id\":\"req-2\",\"kept\":true,"
      "\"worker\":\"woken\"}");
  kh_receiver_case_must_log(&it, "INFO", "accepted", "");
  ck_assert_str_eq(kh_line_text(it.line, "worker"), "woken");
  kh_worker_lock_leave(&lock);
}
END_TEST

START_TEST(the_oldest_entry_tells_how_long_nobody_worked)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  kh_fake_clock_advance(&it.fake, INT64_C(90) * 1000000);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":2}");
  json_t *json = kh_receiver_case_answer(&it);
  ck_assert_int_eq(json_integer_value(json_object_get(json, "oldest_entry_s")), 90);
  ck_assert_int_eq(kh_line_number(it.line, "oldest_entry_s"), 90);
  json_decref(json);
}
END_TEST

/* The clock was ahead when it came. */
START_TEST(an_entry_from_ahead_of_now_has_no_age)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  kh_fake_clock_step(&it.fake, INT64_C(-100) * 1000000);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":2}");
  ck_assert_int_eq(kh_line_number(it.line, "oldest_entry_s"), 0);
}
END_TEST

START_TEST(a_worker_that_gets_nowhere_is_told)
{
  struct kh_worker_lock lock;

  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(mkdir(it.state, 0700), 0);
  ck_assert_int_eq(kh_worker_lock_take(&lock, it.state, -1, NULL), KH_OK);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  kh_fake_clock_advance(&it.fake, INT64_C(59) * 1000000);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":2}");
  kh_receiver_case_must_log(&it, "INFO", "accepted", "");
  kh_fake_clock_advance(&it.fake, INT64_C(1) * 1000000);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":3}");
  kh_receiver_case_must_log(&it, "WARN", "accepted", "");
  ck_assert_str_eq(kh_line_text(it.line, "worker"), "woken");
  json_t *json = kh_receiver_case_answer(&it);
  ck_assert_int_eq(json_integer_value(json_object_get(json, "oldest_entry_s")), 60);
  json_decref(json);
  kh_worker_lock_leave(&lock);
}
END_TEST

START_TEST(without_a_state_folder_nothing_is_kept)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, false);
  kh_webhook_make(&it.webhook, KH_TEST_CURRENT, KH_NEAR_MISS_NOW_S, KH_STR("{\"event\":\"ping\"}"));
  kh_request_add_header(&it.webhook.request, KH_HEADER_REQUEST, KH_STR("req-3"));
  kh_receiver_case_receive(&it, &it.webhook.request);
  kh_receiver_case_must_answer(
      &it, 200, "{\"verdict\":\"accepted\",\"event\":\"ping\",\"request_id\":\"req-3\",\"kept\":false}");
  kh_receiver_case_must_log(&it, "INFO", "accepted", "");
  ck_assert_ptr_null(json_object_get(it.line, "worker"));
  ck_assert_ptr_null(json_object_get(it.line, "entry"));
  ck_assert_int_eq(kh_dir_count(it.dir.path), 0);
}
END_TEST

START_TEST(a_token_is_the_weaker_proof)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_TOKENS, false);
  kh_webhook_make_with_token(&it.webhook, KH_TEST_TOKEN, KH_STR("{\"event\":\"ping\"}"));
  kh_receiver_case_receive(&it, &it.webhook.request);
  ck_assert_int_eq(it.response.status, 200);
  kh_receiver_case_must_log(&it, "WARN", "accepted", "");
  ck_assert_str_eq(kh_line_text(it.line, "proof"), "token");
  ck_assert_str_eq(kh_line_text(it.line, "secret_name"), "token");
  ck_assert_ptr_null(json_object_get(it.line, "signature_age_s"));
}
END_TEST

START_TEST(known_answers_pass)
{
  const struct kh_vector *vector = &kh_vectors[_i];
  char header[128];
  int64_t timestamp_s = 0;

  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(kh_secret_set(&it.config->signatures.at[0].secret, kh_str_of(vector->token)), KH_OK);
  ck_assert(kh_str_i64(kh_str_of(vector->timestamp), &timestamp_s));
  kh_fake_clock_init(&it.fake, timestamp_s + 300);
  (void)snprintf(header, sizeof header, "timestamp=%s,signature=%s", vector->timestamp, vector->signature);
  struct kh_request request = {.method = KH_METHOD_POST, .body = vector->body, .transport = "cgi"};
  kh_request_add_header(&request, KH_HEADER_CONTENT_TYPE, KH_STR("application/json"));
  kh_request_add_header(&request, KH_HEADER_SIGNATURE, kh_str_of(header));
  kh_receiver_case_receive(&it, &request);
  bool is_empty = vector->body.len == 0;
  ck_assert_msg(it.response.status == (is_empty ? 400 : 200), "%s: %s", vector->name,
                kh_buf_text(&it.response.body));
  kh_receiver_case_must_log(&it, "WARN", is_empty ? "refused" : "accepted", is_empty ? "json_syntax" : "");
  ck_assert_int_eq(kh_line_number(it.line, "signature_age_s"), 300);
  ck_assert_int_eq(kh_receiver_case_count(&it, "new"), is_empty ? 0 : 1);
  ck_assert_int_eq(kh_receiver_case_count(&it, "aside"), is_empty ? 2 : 0);
}
END_TEST

static Suite *receive_suite(void)
{
  Suite *suite = suite_create("receive");
  TCase *accepted = kh_test_case(suite, "accepted");

  tcase_add_checked_fixture(accepted, open_case, close_case);
  tcase_add_test(accepted, a_genuine_webhook_is_kept);
  tcase_add_test(accepted, a_listening_worker_is_woken);
  tcase_add_test(accepted, the_oldest_entry_tells_how_long_nobody_worked);
  tcase_add_test(accepted, an_entry_from_ahead_of_now_has_no_age);
  tcase_add_test(accepted, a_worker_that_gets_nowhere_is_told);
  tcase_add_test(accepted, without_a_state_folder_nothing_is_kept);
  tcase_add_test(accepted, a_token_is_the_weaker_proof);
  tcase_add_loop_test(accepted, known_answers_pass, 0, KH_VECTORS);
  return suite;
}

int main(void)
{
  return kh_test_main(receive_suite());
}
