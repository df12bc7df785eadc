#include "base/base.h"

#include "base/base64.h"
#include "lambda/event_parts.h"

/* The text of VALUE, "" when it is none. Taken from the payload where it stands there as it is. */
static enum kh_err text_of(struct kh_json_value value, struct kh_buf *buf, struct kh_str *text)
{
  const size_t start = buf->len;

  *text = KH_STR("");
  if (kh_json_type(value) != KH_JSON_STRING)
    return KH_OK;
  struct kh_str raw = kh_json_raw(value);
  if (!memchr(raw.at, '\\', raw.len)) {
    *text = raw;
    return KH_OK;
  }
  enum kh_err err = kh_json_text(value, buf);
  if (!err)
    *text = kh_str(buf->at + start, buf->len - start);
  return err;
}

/* ---- headers ---- */

/* True when a name of a signature's fields, or with SINGLE any field at all, comes a second time. */
static bool is_joined(struct kh_str text, bool single)
{
  size_t fields = 0, timestamps = 0, signatures = 0;

  while (text.at) {
    struct kh_str value = kh_str_cut(&text, ',');
    struct kh_str name = kh_str_trim(kh_str_cut(&value, '='));

    fields++;
    timestamps += kh_str_equal(name, KH_STR("timestamp"));
    signatures += kh_str_equal(name, KH_STR("signature"));
  }
  return single ? fields > 1 : timestamps > 1 || signatures > 1;
}

/*
 * API Gateway joins the values of a header that was sent twice. No token and no event's name has a comma in
 * it.
 */
static void note_joined(struct kh_request *request)
{
  const enum kh_header single[] = {KH_HEADER_TOKEN, KH_HEADER_EVENT};
  struct kh_header_value *signature = &request->headers[KH_HEADER_SIGNATURE];

  for (size_t i = 0; i < KH_COUNT(single); i++) {
    struct kh_header_value *header = &request->headers[single[i]];

    header->repeated = header->repeated || is_joined(header->text, true);
  }
  signature->repeated = signature->repeated || is_joined(signature->text, false);
}

static enum kh_err add_value(struct kh_request *request, enum kh_header header, struct kh_json_value value,
                             struct kh_buf *buf)
{
  struct kh_str text;
  enum kh_err err = text_of(value, buf, &text);

  if (!err)
    kh_request_add_header(request, header, text);
  return err;
}

/* A text, or an array of them. */
static enum kh_err add_header(struct kh_request *request, enum kh_header header, struct kh_json_value value,
                              struct kh_buf *buf)
{
  struct kh_json_walk walk = kh_json_walk(value);
  enum kh_err err = KH_OK;

  if (kh_json_is_missing_or_null(value))
    return KH_OK;
  if (kh_json_type(value) != KH_JSON_ARRAY)
    return add_value(request, header, value, buf);
  while (!err && kh_json_next(&walk))
    err = add_value(request, header, walk.value, buf);
  return err;
}

static enum kh_err read_headers(struct kh_json_value headers, struct kh_buf *buf, struct kh_request *request)
{
  struct kh_json_walk walk = kh_json_walk(headers);
  enum kh_err err = KH_OK;

  while (!err && kh_json_next(&walk)) {
    struct kh_str name;
    const size_t mark = buf->len;

    err = text_of(walk.key, buf, &name);
    if (err)
      break;
    enum kh_header header = kh_header_by_name(name);
    buf->len = mark;
    if (header < KH_HEADER__COUNT)
      err = add_header(request, header, walk.value, buf);
  }
  return err;
}

/* ---- body ---- */

static enum kh_err refuse_body(struct kh_request *request, struct kh_diag *diag, const char *problem)
{
  request->body_err = kh_diag_set(diag, KH_ERR_BODY_CUT, "the event's %s", problem);
  request->body_problem = problem;
  return KH_OK;
}

static enum kh_err read_body(struct kh_json_value root, struct kh_buf *buf, struct kh_request *request,
                             struct kh_diag *diag)
{
  const struct kh_json_value body = kh_json_get(root, KH_STR("body"));
  const struct kh_json_value encoded = kh_json_get(root, KH_STR("isBase64Encoded"));
  const size_t start = buf->len;
  bool base64 = false;
  size_t length = 0;

  request->body = KH_STR("");
  if (!kh_json_is_missing_or_null(encoded) && !kh_json_bool(encoded, &base64))
    return refuse_body(request, diag, "isBase64Encoded is neither true nor false");
  if (kh_json_is_missing_or_null(body))
    return KH_OK;
  if (kh_json_type(body) != KH_JSON_STRING)
    return refuse_body(request, diag,
                       "body is not a string; the signature is over its bytes, so send them as one");
  if (kh_json_has_lone_surrogate(body))
    return refuse_body(request, diag, "body holds half of a surrogate pair, which no bytes can have become");

  enum kh_err err = text_of(body, buf, &request->body);
  if (err || !base64)
    return err;
  buf->len = start; /* where the text stands already if it had escapes: the bytes may overwrite it */
  char *to = kh_buf_reserve(buf, request->body.len);
  if (!to)
    return kh_buf_ok(buf);
  if (kh_base64_decode(request->body, to, &length)) {
    request->body = KH_STR("");
    return refuse_body(request, diag, "body is not base64, although isBase64Encoded says so");
  }
  buf->len += length;
  request->body = kh_str(to, length);
  return KH_OK;
}

/* ---- the request ---- */

struct kh_json_value kh_lambda_method(struct kh_json_value root)
{
  struct kh_json_value http = kh_json_get(kh_json_get(root, KH_STR("requestContext")), KH_STR("http"));
  struct kh_json_value method = kh_json_get(http, KH_STR("method"));

  if (kh_json_is_missing_or_null(method))
    method = kh_json_get(root, KH_STR("httpMethod"));
  return kh_json_is_missing_or_null(method) ? kh_json_get(root, KH_STR("method")) : method;
}

static enum kh_err read_id(struct kh_json_value root, struct kh_buf *buf, struct kh_request *request)
{
  struct kh_json_value id = kh_json_get(kh_json_get(root, KH_STR("requestContext")), KH_STR("requestId"));
  struct kh_str text;

  if (kh_json_type(id) != KH_JSON_STRING)
    return KH_OK;
  enum kh_err err = text_of(id, buf, &text);
  while (!err && text.len > 0 && text.at[text.len - 1] == '=')
    text.len--;
  if (!err)
    request->platform_id = text;
  return err;
}

enum kh_err kh_lambda_request_read(struct kh_json_value root, struct kh_buf *body,
                                   struct kh_lambda_event *event, struct kh_diag *diag)
{
  struct kh_request *request = &event->request;
  struct kh_json_value headers = kh_json_get(root, KH_STR("multiValueHeaders"));

  event->multi_value = event->source == KH_LAMBDA_ALB && kh_json_type(headers) == KH_JSON_OBJECT;
  /* REST APIs send both: `headers` has only the last of several. */
  if (kh_json_length(headers) == 0)
    headers = kh_json_get(root, KH_STR("headers"));
  struct kh_str method;
  enum kh_err err = text_of(kh_lambda_method(root), body, &method);
  request->method = err ? KH_METHOD_OTHER : kh_method_by_name(method);
  if (!err)
    err = read_headers(headers, body, request);
  if (!err)
    err = read_id(root, body, request);
  if (!err)
    err = read_body(root, body, request, diag);
  note_joined(request);
  return err;
}
