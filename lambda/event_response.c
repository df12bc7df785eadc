#include "base/base.h"

#include "base/json_write.h"
#include "lambda/event.h"

/* Each returns 0, or not when a member could not be made. */
static int add_header(json_t *headers, const char *name, const char *value, bool as_array)
{
  return json_object_set_new(headers, name, as_array ? json_pack("[s]", value) : json_string(value));
}

static int add_headers(json_t *answer, const struct kh_response *response, bool multi_value)
{
  json_t *headers = json_object();
  int failed = 0;

  failed |= add_header(headers, "Content-Type", response->content_type, multi_value);
  if (response->allow)
    failed |= add_header(headers, "Allow", response->allow, multi_value);
  failed |= add_header(headers, "Cache-Control", "no-store", multi_value);
  failed |= add_header(headers, "X-Content-Type-Options", "nosniff", multi_value);
  failed |= json_object_set_new(answer, multi_value ? "multiValueHeaders" : "headers", headers);
  return failed;
}

static int add_description(json_t *answer, int status)
{
  return json_object_set_new(answer, "statusDescription",
                             json_sprintf("%d %s", status, kh_status_phrase(status)));
}

enum kh_err kh_lambda_response_write(const struct kh_lambda_event *event, const struct kh_response *response,
                                     struct kh_buf *out)
{
  struct kh_str body = response->head ? KH_STR("") : kh_buf_view(&response->body);
  json_t *answer = json_object();
  int failed = json_object_set_new(answer, "statusCode", json_integer(response->status));

  if (event->source == KH_LAMBDA_ALB)
    failed |= add_description(answer, response->status);
  failed |= add_headers(answer, response, event->multi_value);
  /* An empty one is written too: REST APIs refuse an answer without it. */
  failed |= json_object_set_new(answer, "body", json_stringn(body.at, body.len));
  failed |= json_object_set_new(answer, "isBase64Encoded", json_false());
  enum kh_err err = failed ? KH_ERR_NO_MEMORY : kh_json_write(answer, out);
  json_decref(answer);
  return err;
}
