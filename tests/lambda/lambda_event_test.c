#include "base/base.h"

#include "base/file.h"
#include "lambda/event.h"
#include "support/guard.h"
#include "support/lambda_source.h"
#include "support/suite.h"

#include <dirent.h>
#include <jansson.h>

enum { FIXTURES_AT_LEAST = 49 };

/* An event with everything that it borrows from. */
struct reading {
  struct kh_guard guard;
  struct kh_json doc;
  struct kh_buf body;
  struct kh_lambda_event event;
  struct kh_diag diag;
  enum kh_err err;
};

static void reading_open(struct reading *reading, struct kh_str payload)
{
  memset(reading, 0, sizeof *reading);
  memset(&reading->event, 0xA5, sizeof reading->event);
  kh_json_init(&reading->doc, kh_json_default_limits);
  kh_buf_init(&reading->body, payload.len); /* the least that is promised to do */
  reading->err = kh_lambda_event_read(kh_guard_end(&reading->guard, payload), &reading->doc, &reading->body,
                                      &reading->event, &reading->diag);
}

static void reading_close(struct reading *reading)
{
  kh_buf_release(&reading->body);
  kh_json_release(&reading->doc);
  kh_guard_release(&reading->guard);
}

/* ---- fixtures ---- */

static struct kh_str text_of(const json_t *text)
{
  return json_is_string(text) ? kh_str(json_string_value(text), json_string_length(text)) : KH_NO_STR;
}

static const char *method_name(enum kh_method method)
{
  static const char *const names[] = {"other", "GET", "HEAD", "POST"};

  return names[method];
}

static void check_headers(const char *name, const struct kh_request *request, const json_t *expect)
{
  static const char *const names[KH_HEADER__COUNT] = {
      [KH_HEADER_CONTENT_TYPE] = "content-type", [KH_HEADER_CONTENT_ENCODING] = "content-encoding",
      [KH_HEADER_EVENT] = "x-buildkite-event",   [KH_HEADER_REQUEST] = "x-buildkite-request",
      [KH_HEADER_TOKEN] = "x-buildkite-token",   [KH_HEADER_SIGNATURE] = "x-buildkite-signature"};
  const json_t *wanted = json_object_get(expect, "headers"), *repeated = json_object_get(expect, "repeated");
  size_t sent = 0, index;
  const json_t *item;

  for (enum kh_header header = 0; header < KH_HEADER__COUNT; header++) {
    struct kh_header_value value = request->headers[header];
    bool listed = false;

    json_array_foreach(repeated, index, item)
        listed = listed || strcmp(json_string_value(item), names[header]) == 0;
    ck_assert_msg(value.repeated == listed, "%s: %s repeated: %d", name, names[header], value.repeated);
    ck_assert_msg(kh_str_equal(value.text, text_of(json_object_get(wanted, names[header]))) &&
                      !value.text.at == !json_object_get(wanted, names[header]),
                  "%s: %s is \"%.*s\"", name, names[header], KH_FMT(value.text));
    sent += value.text.at != NULL;
  }
  ck_assert_uint_eq(sent, json_object_size(wanted));
}

static void check_body(const char *name, const struct kh_request *request, const json_t *expect)
{
  const json_t *hex = json_object_get(expect, "body_hex"), *err = json_object_get(expect, "body_err");
  struct kh_buf digits;

  kh_buf_init(&digits, 1 << 20);
  (void)kh_buf_add_hex(&digits, (const unsigned char *)request->body.at, request->body.len);
  if (hex)
    ck_assert_msg(kh_str_equal(kh_buf_view(&digits), text_of(hex)), "%s: %s", name, kh_buf_text(&digits));
  else
    ck_assert_msg(kh_str_equal(request->body, text_of(json_object_get(expect, "body"))), "%s: body \"%.*s\"",
                  name, KH_FMT(request->body));
  ck_assert_ptr_nonnull(request->body.at);
  ck_assert_str_eq(kh_err_token(request->body_err), err ? json_string_value(err) : "ok");
  kh_buf_release(&digits);
}

static void check_reading(const char *name, const struct reading *reading, const json_t *expect)
{
  const struct kh_request *request = &reading->event.request;
  const json_t *err = json_object_get(expect, "error"), *says = json_object_get(expect, "says");

  ck_assert_msg(strcmp(kh_err_token(reading->err), err ? json_string_value(err) : "ok") == 0, "%s: %s, %s",
                name, kh_err_token(reading->err), reading->diag.text);
  ck_assert_str_eq(kh_lambda_source_name(reading->event.source),
                   json_string_value(json_object_get(expect, "source")));
  ck_assert_str_eq(request->transport, "lambda");
  ck_assert_msg(!says == !reading->diag.err, "%s: \"%s\"", name, reading->diag.text);
  ck_assert_msg(!says || strstr(reading->diag.text, json_string_value(says)), "%s: \"%s\"", name,
                reading->diag.text);
  ck_assert_msg(!strstr(reading->diag.text, "planted-secret"), "%s: \"%s\"", name, reading->diag.text);
  ck_assert_int_eq(reading->diag.err, err ? reading->err : request->body_err);
  if (err || reading->event.source == KH_LAMBDA_EVENTBRIDGE)
    return;
  ck_assert(kh_lambda_source_is_http(reading->event.source));
  ck_assert_str_eq(method_name(request->method), json_string_value(json_object_get(expect, "method")));
  ck_assert_int_eq(reading->event.multi_value, json_is_true(json_object_get(expect, "multi_value")));
  ck_assert_msg(kh_str_equal(request->platform_id, text_of(json_object_get(expect, "platform_id"))), "%s: id",
                name);
  check_headers(name, request, expect);
  check_body(name, request, expect);
}

static void check_fixture(const char *name)
{
  struct reading reading;
  struct kh_buf payload;
  char path[512];

  (void)snprintf(path, sizeof path, KH_SOURCE_DIR "/fixtures/lambda/%s/expect.json", name);
  json_t *expect = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
  ck_assert_msg(expect != NULL, "%s", path);
  (void)snprintf(path, sizeof path, KH_SOURCE_DIR "/fixtures/lambda/%s/event.json", name);
  kh_buf_init(&payload, KH_LAMBDA_PAYLOAD_MAX_BYTES);
  ck_assert_int_eq(kh_file_read(path, &payload, NULL), KH_OK);
  reading_open(&reading, kh_buf_view(&payload));
  check_reading(name, &reading, expect);
  reading_close(&reading);
  kh_buf_release(&payload);
  json_decref(expect);
}

START_TEST(every_fixture_reads_as_it_says)
{
  DIR *dir = opendir(KH_SOURCE_DIR "/fixtures/lambda");
  size_t count = 0;

  ck_assert_ptr_nonnull(dir);
  for (const struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.')
      continue;
    check_fixture(entry->d_name);
    count++;
  }
  (void)closedir(dir);
  ck_assert_uint_ge(count, FIXTURES_AT_LEAST);
}
END_TEST

/* ---- what stays between two events ---- */

START_TEST(nothing_of_an_event_stays_in_the_next)
{
  const struct kh_str first = KH_STR("{\"method\":\"POST\",\"headers\":{\"X-Buildkite-Token\":\"a\\u0062\"},"
                                     "\"body\":\"first\\n\"}");
  const struct kh_str second = KH_STR("{\"method\":\"GET\",\"headers\":{}}");
  struct reading reading;

  reading_open(&reading, first);
  ck_assert(kh_str_equal(reading.event.request.headers[KH_HEADER_TOKEN].text, KH_STR("ab")));
  ck_assert(kh_str_equal(reading.event.request.body, KH_STR("first\n")));
  ck_assert_int_eq(kh_lambda_event_read(second, &reading.doc, &reading.body, &reading.event, NULL), KH_OK);
  ck_assert_ptr_null(reading.event.request.headers[KH_HEADER_TOKEN].text.at);
  ck_assert_uint_eq(reading.event.request.body.len, 0);
  ck_assert_int_eq(reading.event.request.method, KH_METHOD_GET);
  reading_close(&reading);
}
END_TEST

START_TEST(a_buffer_that_is_too_small_is_an_error)
{
  const struct kh_str payload = KH_STR("{\"method\":\"POST\",\"headers\":{},\"body\":\"a\"}");
  struct reading reading;

  reading_open(&reading, payload);
  ck_assert_int_eq(reading.err, KH_OK);
  kh_buf_release(&reading.body);
  kh_buf_init(&reading.body, payload.len - 1);
  ck_assert_int_eq(kh_lambda_event_read(payload, &reading.doc, &reading.body, &reading.event, &reading.diag),
                   KH_ERR_LIMIT);
  ck_assert_int_eq(reading.diag.err, KH_ERR_LIMIT);
  reading_close(&reading);
}
END_TEST

/* ---- answers ---- */

#define FIELDS "\"Allow\":\"GET\",\"Cache-Control\":\"no-store\",\"X-Content-Type-Options\":\"nosniff\""
#define LISTS "\"Allow\":[\"GET\"],\"Cache-Control\":[\"no-store\"],\"X-Content-Type-Options\":[\"nosniff\"]"

static const struct {
  enum kh_lambda_source source;
  bool multi_value, head;
  const char *answer;
} answers[] = {
    {KH_LAMBDA_HTTP_API, false, false,
     "{\"statusCode\":405,\"headers\":{\"Content-Type\":\"application/json\"," FIELDS
     "},\"body\":\"{\\\"error\\\":\\\"no\\\"}\\n\",\"isBase64Encoded\":false}"},
    {KH_LAMBDA_FUNCTION_URL, false, true,
     "{\"statusCode\":405,\"headers\":{\"Content-Type\":\"application/json\"," FIELDS
     "},\"body\":\"\",\"isBase64Encoded\":false}"},
    {KH_LAMBDA_REST_API, false, false,
     "{\"statusCode\":405,\"headers\":{\"Content-Type\":\"application/json\"," FIELDS
     "},\"body\":\"{\\\"error\\\":\\\"no\\\"}\\n\",\"isBase64Encoded\":false}"},
    {KH_LAMBDA_DIRECT, false, false,
     "{\"statusCode\":405,\"headers\":{\"Content-Type\":\"application/json\"," FIELDS
     "},\"body\":\"{\\\"error\\\":\\\"no\\\"}\\n\",\"isBase64Encoded\":false}"},
    {KH_LAMBDA_ALB, false, false,
     "{\"statusCode\":405,\"statusDescription\":\"405 Method Not Allowed\",\"headers\":{\"Content-Type\":"
     "\"application/json\"," FIELDS
     "},\"body\":\"{\\\"error\\\":\\\"no\\\"}\\n\",\"isBase64Encoded\":false}"},
    {KH_LAMBDA_ALB, true, false,
     "{\"statusCode\":405,\"statusDescription\":\"405 Method Not Allowed\",\"multiValueHeaders\":{"
     "\"Content-Type\":[\"application/json\"]," LISTS
     "},\"body\":\"{\\\"error\\\":\\\"no\\\"}\\n\",\"isBase64Encoded\":false}"},
};

START_TEST(answers_have_the_form_of_their_source)
{
  const struct kh_lambda_event event = {.source = answers[_i].source, .multi_value = answers[_i].multi_value};
  struct kh_response response = {
      .status = 405, .content_type = "application/json", .allow = "GET", .head = answers[_i].head};
  struct kh_buf out;

  kh_buf_init(&response.body, KH_RESPONSE_MAX_BYTES);
  kh_buf_init(&out, KH_LAMBDA_ANSWER_MAX_BYTES);
  ck_assert_int_eq(kh_buf_add(&response.body, KH_STR("{\"error\":\"no\"}\n")), KH_OK);
  ck_assert_int_eq(kh_lambda_response_write(&event, &response, &out), KH_OK);
  ck_assert_str_eq(kh_buf_text(&out), answers[_i].answer);
  kh_buf_release(&out);
  kh_buf_release(&response.body);
}
END_TEST

/* The worst body there can be still fits; one byte less room is an error, not half an answer. */
START_TEST(an_answer_is_whole_or_refused)
{
  const struct kh_lambda_event event = {.source = KH_LAMBDA_ALB, .multi_value = true};
  struct kh_response response = {.status = 200, .content_type = "application/json"};
  struct kh_buf out;

  kh_buf_init(&response.body, KH_RESPONSE_MAX_BYTES);
  for (int i = 0; i < KH_RESPONSE_MAX_BYTES; i++)
    ck_assert_int_eq(kh_buf_add_byte(&response.body, '\x01'), KH_OK);
  kh_buf_init(&out, KH_LAMBDA_ANSWER_MAX_BYTES);
  ck_assert_int_eq(kh_lambda_response_write(&event, &response, &out), KH_OK);
  const size_t length = out.len;
  kh_buf_release(&out);
  kh_buf_init(&out, length - 1);
  ck_assert_int_eq(kh_lambda_response_write(&event, &response, &out), KH_ERR_LIMIT);
  ck_assert_uint_eq(out.len, 0);
  kh_buf_release(&out);
  kh_buf_release(&response.body);
}
END_TEST

START_TEST(every_status_has_its_phrase)
{
  const struct kh_lambda_event event = {.source = KH_LAMBDA_ALB};

  for (enum kh_err err = 0; err < KH_ERR__COUNT; err++) {
    struct kh_response response = {.status = kh_err_status(err), .content_type = "text/plain"};
    struct kh_buf out;

    kh_buf_init(&response.body, KH_RESPONSE_MAX_BYTES);
    kh_buf_init(&out, KH_LAMBDA_ANSWER_MAX_BYTES);
    ck_assert_int_eq(kh_lambda_response_write(&event, &response, &out), KH_OK);
    ck_assert_msg(response.status == 500 || !strstr(kh_buf_text(&out), "Internal"), "%d", response.status);
    kh_buf_release(&out);
  }
}
END_TEST

static Suite *make_suite(void)
{
  Suite *suite = suite_create("lambda_event");
  TCase *reads = kh_test_case(suite, "reads");
  TCase *writes = kh_test_case(suite, "answers");

  tcase_add_test(reads, every_fixture_reads_as_it_says);
  tcase_add_test(reads, nothing_of_an_event_stays_in_the_next);
  tcase_add_test(reads, a_buffer_that_is_too_small_is_an_error);
  tcase_add_loop_test(writes, answers_have_the_form_of_their_source, 0, (int)KH_COUNT(answers));
  tcase_add_test(writes, an_answer_is_whole_or_refused);
  tcase_add_test(writes, every_status_has_its_phrase);
  return suite;
}

int main(void)
{
  return kh_test_main(make_suite());
}
