#include "base/base.h"

#include "base/utf8.h"
#include "lambda/event_parts.h"
#include "receive/partner.h"

/* What an event that is no request looks like, for the person who connected it. */
static const char *const looks[KH_LAMBDA_SOURCE__COUNT] = {
    [KH_LAMBDA_SQS] = "an SQS batch",
    [KH_LAMBDA_SNS] = "an SNS notification",
    [KH_LAMBDA_SCHEDULE] = "a scheduled event",
    [KH_LAMBDA_UNKNOWN] = "none that is known here",
};

bool kh_lambda_source_is_http(enum kh_lambda_source source)
{
  return source <= KH_LAMBDA_DIRECT;
}

/* ---- who sent it ---- */

static bool contains(struct kh_str text, struct kh_str part)
{
  return text.len > 0 && memmem(text.at, text.len, part.at, part.len) != NULL;
}

static bool has_object(struct kh_json_value value, struct kh_str key)
{
  return kh_json_type(kh_json_get(value, key)) == KH_JSON_OBJECT;
}

static bool has_string(struct kh_json_value value, struct kh_str key)
{
  return kh_json_type(kh_json_get(value, key)) == KH_JSON_STRING;
}

static struct kh_json_value first_record(struct kh_json_value root)
{
  struct kh_json_walk walk = kh_json_walk(kh_json_get(root, KH_STR("Records")));

  if (!walk.object)
    (void)kh_json_next(&walk);
  return walk.value;
}

static enum kh_lambda_source source_of_http(struct kh_json_value root)
{
  struct kh_json_value context = kh_json_get(root, KH_STR("requestContext"));

  if (has_object(context, KH_STR("elb")))
    return KH_LAMBDA_ALB;
  if (kh_json_text_is(kh_json_get(root, KH_STR("version")), KH_STR("2.0")) &&
      has_object(context, KH_STR("http")))
    return contains(kh_json_raw(kh_json_get(context, KH_STR("domainName"))), KH_STR(".lambda-url."))
               ? KH_LAMBDA_FUNCTION_URL
               : KH_LAMBDA_HTTP_API;
  if (has_string(root, KH_STR("httpMethod")) && kh_json_type(context) == KH_JSON_OBJECT)
    return KH_LAMBDA_REST_API;
  return KH_LAMBDA_UNKNOWN;
}

static bool is_direct(struct kh_json_value root)
{
  return kh_json_type(kh_lambda_method(root)) == KH_JSON_STRING &&
         (has_object(root, KH_STR("headers")) || has_object(root, KH_STR("multiValueHeaders")));
}

static enum kh_lambda_source source_of(struct kh_json_value root)
{
  struct kh_json_value record = first_record(root);
  enum kh_lambda_source source = source_of_http(root);

  if (source != KH_LAMBDA_UNKNOWN)
    return source;
  if (kh_json_text_is(kh_json_get(record, KH_STR("eventSource")), KH_STR("aws:sqs")))
    return KH_LAMBDA_SQS;
  if (kh_json_text_is(kh_json_get(record, KH_STR("EventSource")), KH_STR("aws:sns")))
    return KH_LAMBDA_SNS;
  if (kh_partner_is_one(root))
    return kh_json_text_is(kh_json_get(root, KH_STR("detail-type")), KH_STR("Scheduled Event"))
               ? KH_LAMBDA_SCHEDULE
               : KH_LAMBDA_EVENTBRIDGE;
  return is_direct(root) ? KH_LAMBDA_DIRECT : KH_LAMBDA_UNKNOWN;
}

/* ---- what it is not ---- */

/* A key that could hold anything but a name is not shown. */
static bool is_plain(struct kh_str key)
{
  return key.len <= 32 && kh_str_is_word(key, "-_");
}

static enum kh_err refuse(struct kh_json_value root, enum kh_lambda_source source, struct kh_diag *diag)
{
  struct kh_json_walk walk = kh_json_walk(root);
  char keys[256] = "";
  size_t len = 0;

  for (int shown = 0; shown < 6 && kh_json_next(&walk); shown++) {
    struct kh_str key = kh_json_raw(walk.key);

    if (!is_plain(key))
      key = KH_STR("?");
    len += (size_t)snprintf(keys + len, sizeof keys - len, "%s%.*s", len > 0 ? ", " : "", KH_FMT(key));
  }
  if (kh_json_next(&walk))
    (void)snprintf(keys + len, sizeof keys - len, ", ...");
  return kh_diag_set(
      diag, KH_ERR_NOT_FOUND,
      "the event is no HTTP request but %s (keys: %s); send webhooks through an API Gateway, a "
      "Function URL or a load balancer, or invoke with method, headers and body",
      looks[source], keys[0] ? keys : "none");
}

enum kh_err kh_lambda_event_read(struct kh_str payload, struct kh_json *doc, struct kh_buf *body,
                                 struct kh_lambda_event *event, struct kh_diag *diag)
{
  *event = (struct kh_lambda_event){.source = KH_LAMBDA_UNKNOWN, .request = {.transport = "lambda"}};
  kh_buf_clear(body);
  enum kh_err err = kh_json_read(doc, payload, diag);
  if (err)
    return err;
  struct kh_json_value root = kh_json_root(doc);
  if (kh_json_type(root) != KH_JSON_OBJECT)
    return kh_diag_set(diag, KH_ERR_NOT_AN_OBJECT, "the event is no JSON object; it carries no HTTP request");
  event->source = source_of(root);
  if (event->source == KH_LAMBDA_EVENTBRIDGE)
    return KH_OK;
  if (!kh_lambda_source_is_http(event->source))
    return refuse(root, event->source, diag);

  /* No text grows when it is decoded: with this room the buffer never moves, and views into it hold. */
  if (!kh_buf_reserve(body, payload.len))
    return kh_diag_set(diag, kh_buf_ok(body), "no room for an event of %zu bytes", payload.len);
  return kh_lambda_request_read(root, body, event, diag);
}
