#include "base/base.h"

#include "base/json_put.h"
#include "rules/notifier.h"
#include "rules/outgoing.h"

#include <stdarg.h>

void kh_outgoing_header(struct kh_outgoing *outgoing, const char *name, const char *format, ...)
{
  struct kh_sent_headers *headers = &outgoing->headers;
  const bool has_room = headers->count < KH_HEADERS_MAX;
  struct kh_sent_header header = {.name = name};
  va_list values;

  va_start(values, format);
  const int wrote = vsnprintf(header.text, sizeof header.text, format, values);
  va_end(values);
  if (has_room)
    headers->at[headers->count] = header;
  headers->count = has_room && wrote >= 0 && (size_t)wrote < sizeof header.text ? headers->count + 1
                                                                                : KH_HEADERS_MAX + 1;
}

void kh_outgoing_bearer(struct kh_outgoing *outgoing, const struct kh_secret *token)
{
  if (kh_secret_is_empty(token))
    return;
  kh_outgoing_header(outgoing, "Authorization", "Bearer ");
  if (outgoing->headers.count <= KH_HEADERS_MAX)
    outgoing->headers.at[outgoing->headers.count - 1].secret = token;
}

enum kh_err kh_outgoing_text(struct kh_outgoing *outgoing, const char *key, struct kh_str value)
{
  enum { LONGEST_ESCAPE = 6, PUNCTUATION = 8 };
  const struct kh_str body = outgoing->body;
  const size_t room = strlen(key) + LONGEST_ESCAPE * value.len + body.len + PUNCTUATION;
  struct kh_buf whole;

  if (!kh_str_starts(body, KH_STR("{\"")))
    return KH_ERR_RENDER;
  kh_buf_init(&whole, room);
  (void)kh_buf_reserve(&whole, room); /* moved, what it holds could not be wiped */
  (void)kh_buf_add_byte(&whole, '{');
  kh_json_put_text_member(&whole, key, value);
  (void)kh_buf_add_byte(&whole, ',');
  (void)kh_buf_add(&whole, kh_str(body.at + 1, body.len - 1));
  enum kh_err err = kh_buf_ok(&whole);
  kh_wipe_buf(&outgoing->own_body);
  outgoing->own_body = whole;
  outgoing->body = kh_buf_view(&outgoing->own_body);
  return err;
}

enum kh_err kh_outgoing_member(struct kh_outgoing *outgoing, const char *key, const struct kh_secret *secret)
{
  return kh_outgoing_text(outgoing, key, kh_secret_reveal(secret));
}

enum kh_err kh_rule_request(const struct kh_rule *rule, const struct kh_delivery *delivery,
                            const struct kh_secret *grant, const struct kh_told *told, int64_t now_us,
                            struct kh_outgoing *outgoing)
{
  *outgoing = (struct kh_outgoing){.verb = rule->verb,
                                   .content_type = kh_str_of(rule->notifier->content_type),
                                   .body = kh_buf_view(&delivery->body),
                                   .grant = grant,
                                   .told = told};
  enum kh_err err = kh_secret_copy(&outgoing->url, &rule->url);
  if (!err && rule->notifier->request)
    err = rule->notifier->request(rule, delivery, now_us, outgoing);
  return !err && outgoing->headers.count > KH_HEADERS_MAX ? KH_ERR_LIMIT : err;
}
