#include "base/base.h"

#include "base/json_write.h"
#include "rules/notifier.h"

enum kh_err kh_notify_write_json(json_t *json, struct kh_buf *body)
{
  enum kh_err err = json ? kh_json_write(json, body) : KH_ERR_RENDER;

  json_decref(json);
  return err;
}

/* It survives a repeat, so that a store can know it again. */
static void write_id(const unsigned char event_digest[KH_DIGEST_BYTES], struct kh_str rule,
                     char id[KH_DELIVERY_ID_BYTES])
{
  const struct kh_str parts[] = {kh_str((const char *)event_digest, KH_DIGEST_BYTES), rule};
  unsigned char digest[KH_DIGEST_BYTES];

  kh_sha256(parts, KH_COUNT(parts), digest);
  kh_hex(digest, KH_DELIVERY_ID_BYTES / 2, id);
}

enum kh_err kh_rule_render(const struct kh_rule *rule, struct kh_rendering *rendering,
                           const unsigned char event_digest[KH_DIGEST_BYTES], int64_t now_us,
                           struct kh_delivery *delivery)
{
  const int64_t age_max_s = rule->notifier->age_max_s ? rule->notifier->age_max_s : KH_DELIVERY_AGE_MAX_S;

  *delivery = (struct kh_delivery){.replaces = rule->notifier->replaces,
                                   .not_before_us = now_us,
                                   .created_us = now_us,
                                   .expires_us = now_us + age_max_s * 1000000};
  write_id(event_digest, kh_str_of(rule->name), delivery->id);
  (void)snprintf(delivery->rule, sizeof delivery->rule, "%s", rule->name);
  (void)snprintf(delivery->notifier, sizeof delivery->notifier, "%s", rule->notifier->name);
  (void)snprintf(delivery->destination, sizeof delivery->destination, "%s", rule->destination);
  (void)snprintf(delivery->event, sizeof delivery->event, "%s", rendering->event->name);

  kh_mistake_init(&rendering->undecided);
  kh_buf_init(&delivery->body, KH_DELIVERY_MAX_BYTES);
  enum kh_err err = rule->notifier->render(rule, rendering, &delivery->body);
  if (!err)
    err = kh_buf_ok(&delivery->body);
  if (err)
    kh_buf_release(&delivery->body);
  return err;
}
