#include "base/base.h"

#include "base/json_put.h"
#include "lambda/event.h"

static void put_header(struct kh_buf *out, const char *name, const char *value, bool as_array)
{
  kh_json_put_key(out, name);
  if (as_array)
    (void)kh_buf_add_byte(out, '[');
  kh_json_put_text(out, kh_str_of(value));
  if (as_array)
    (void)kh_buf_add_byte(out, ']');
}

static void put_headers(struct kh_buf *out, const struct kh_response *response, bool multi_value)
{
  kh_json_put_key(out, multi_value ? "multiValueHeaders" : "headers");
  (void)kh_buf_add_byte(out, '{');
  put_header(out, "Content-Type", response->content_type, multi_value);
  if (response->allow)
    put_header(out, "Allow", response->allow, multi_value);
  put_header(out, "Cache-Control", "no-store", multi_value);
  put_header(out, "X-Content-Type-Options", "nosniff", multi_value);
  (void)kh_buf_add_byte(out, '}');
}

static void put_description(struct kh_buf *out, int status)
{
  char text[64];

  (void)snprintf(text, sizeof text, "%d %s", status, kh_status_phrase(status));
  kh_json_put_text_member(out, "statusDescription", kh_str_of(text));
}

enum kh_err kh_lambda_response_write(const struct kh_lambda_event *event, const struct kh_response *response,
                                     struct kh_buf *out)
{
  if (event->source == KH_LAMBDA_EVENTBRIDGE)
    return kh_buf_add(out, kh_buf_view(&response->body));
  (void)kh_buf_add_byte(out, '{');
  kh_json_put_int_member(out, "statusCode", response->status);
  if (event->source == KH_LAMBDA_ALB)
    put_description(out, response->status);
  put_headers(out, response, event->multi_value);
  /* An empty one is written too: REST APIs refuse an answer without it. */
  kh_json_put_text_member(out, "body", response->head ? KH_STR("") : kh_buf_view(&response->body));
  kh_json_put_bool_member(out, "isBase64Encoded", false);
  return kh_buf_add_byte(out, '}');
}
