/*
 * Target: lambda/event.c, event_request.c, event_response.c and base64.c. Aborts where a request's body is
 * not what jansson finds in the same event, where base64 that was accepted does not encode to the same text
 * again, where a message shows a value, or where an answer is out of form.
 *
 * The input is an event.
 */
#include "base/base.h"

#include "fuzz/replay.h"
#include "lambda/event.h"
#include "support/guard.h"

#include <jansson.h>

static struct kh_str text_of(const json_t *text)
{
  return kh_str(json_string_value(text), json_string_length(text));
}

/* Compares digit by digit with what BYTES encode to. */
static void must_encode_to(struct kh_str bytes, struct kh_str text)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  if (text.len != (bytes.len + 2) / 3 * 4)
    abort();
  for (size_t i = 0; i < text.len; i++) {
    const size_t at = i / 4 * 3;
    uint32_t bits = 0;

    for (size_t j = 0; j < 3; j++)
      bits = bits << 8 | (at + j < bytes.len ? (unsigned char)bytes.at[at + j] : 0);
    char digit = i % 4 > bytes.len - at ? '=' : digits[bits >> (18 - 6 * (i % 4)) & 63];
    if (text.at[i] != digit)
      abort();
  }
}

static void compare_body(const struct kh_request *request, const json_t *seen)
{
  const json_t *body = json_object_get(seen, "body");

  if (request->body_err) {
    if (request->body_err != KH_ERR_BODY_CUT || request->body.len > 0)
      abort();
  } else if (!json_is_string(body)) {
    if (request->body.len > 0)
      abort();
  } else if (json_is_true(json_object_get(seen, "isBase64Encoded"))) {
    must_encode_to(request->body, text_of(body));
  } else if (!kh_str_equal(request->body, text_of(body))) {
    abort();
  }
}

/* A header is there when a value of its name is, and repeated when several are. */
static void compare_headers(const struct kh_request *request, const json_t *seen)
{
  json_t *headers = json_object_get(seen, "multiValueHeaders");
  size_t counts[KH_HEADER__COUNT + 1] = {0};
  const char *name;
  json_t *value;

  if (json_object_size(headers) == 0)
    headers = json_object_get(seen, "headers");
  json_object_foreach(headers, name, value)
  {
    if (!json_is_null(value))
      counts[kh_header_by_name(kh_str_of(name))] += json_is_array(value) ? json_array_size(value) : 1;
  }
  for (enum kh_header header = 0; header < KH_HEADER__COUNT; header++) {
    struct kh_header_value found = request->headers[header];

    if (!found.text.at != (counts[header] == 0) || (counts[header] > 1 && !found.repeated))
      abort();
  }
}

static void write_answer(const struct kh_lambda_event *event)
{
  struct kh_response response = {.status = 200, .content_type = "application/json"};
  struct kh_buf out;
  json_error_t error;

  kh_buf_init(&response.body, KH_RESPONSE_MAX_BYTES);
  kh_buf_init(&out, KH_LAMBDA_ANSWER_MAX_BYTES);
  if (kh_buf_add(&response.body, KH_STR("{\"verdict\":\"accepted\"}")) ||
      kh_lambda_response_write(event, &response, &out))
    abort();
  json_t *answer = json_loadb(kh_buf_text(&out), out.len, JSON_REJECT_DUPLICATES, &error);
  const char *headers = event->multi_value ? "multiValueHeaders" : "headers";
  if (json_integer_value(json_object_get(answer, "statusCode")) != 200 ||
      !json_is_object(json_object_get(answer, headers)) ||
      !json_is_false(json_object_get(answer, "isBase64Encoded")) ||
      !kh_str_equal(text_of(json_object_get(answer, "body")), kh_buf_view(&response.body)) ||
      json_is_string(json_object_get(answer, "statusDescription")) != (event->source == KH_LAMBDA_ALB))
    abort();
  json_decref(answer);
  kh_buf_release(&out);
  kh_buf_release(&response.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};
  struct kh_lambda_event event;
  struct kh_diag diag = {.err = KH_OK};
  struct kh_json doc;
  struct kh_buf body;
  json_error_t error;

  struct kh_str payload = kh_guard_end(&guard, kh_str((const char *)data, size));
  kh_json_init(&doc, kh_json_default_limits);
  kh_buf_init(&body, payload.len);
  enum kh_err err = kh_lambda_event_read(payload, &doc, &body, &event, &diag);
  if (diag.err != (err ? err : event.request.body_err) || err == KH_ERR_LIMIT)
    abort();
  /* A key may be named; none with a dot in it, so that only a value can show this one. */
  if (strstr(diag.text, "planted.secret"))
    abort();
  if (!err && event.source != KH_LAMBDA_EVENTBRIDGE) {
    /* Where jansson is the stricter one there is nothing to compare: a lone surrogate, a NUL in a key. */
    json_t *seen = json_loadb(payload.at, payload.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (!kh_lambda_source_is_http(event.source))
      abort();
    if (seen) {
      compare_body(&event.request, seen);
      compare_headers(&event.request, seen);
    }
    json_decref(seen);
    write_answer(&event);
  }
  kh_buf_release(&body);
  kh_json_release(&doc);
  kh_guard_release(&guard);
  return 0;
}
