#include "base/base.h"

#include "base/base64.h"
#include "notify/member.h"
#include "notify/message.h"
#include "notify/notifier.h"
#include "notify/webhook_body.h"

/* Source: standardwebhooks.com, the specification's "Signature scheme". */
enum { KEY_MIN_BYTES = 24, KEY_MAX_BYTES = 64 };
#define PREFIX KH_STR("whsec_")

/* The signature has the moment of the attempt in it, so it is made anew for each one; the id stays. */
static void sign(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                 struct kh_sent_headers *headers)
{
  struct kh_sent_header *id = &headers->at[0];
  struct kh_sent_header *timestamp = &headers->at[1];
  struct kh_sent_header *signature = &headers->at[2];
  unsigned char mac[KH_DIGEST_BYTES];
  char text[KH_BASE64_CHARACTERS(KH_DIGEST_BYTES) + 1];

  *id = (struct kh_sent_header){.name = "webhook-id"};
  (void)snprintf(id->text, sizeof id->text, "%s", delivery->id);
  *timestamp = (struct kh_sent_header){.name = "webhook-timestamp"};
  (void)snprintf(timestamp->text, sizeof timestamp->text, "%" PRId64, now_us / 1000000);

  const struct kh_str parts[] = {kh_str_of(id->text), KH_STR("."), kh_str_of(timestamp->text), KH_STR("."),
                                 kh_buf_view(&delivery->body)};
  kh_secret_mac(&rule->secret, parts, KH_COUNT(parts), mac);
  kh_base64_encode(mac, sizeof mac, text);
  *signature = (struct kh_sent_header){.name = "webhook-signature"};
  (void)snprintf(signature->text, sizeof signature->text, "v1,%s", text);
  headers->count = 3;
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  json_t *json = NULL;
  struct kh_buf message;

  kh_buf_init(&message, KH_MESSAGE_BYTES);
  enum kh_err err = kh_message_render(rule, rendering, &kh_message_plain, &message);
  if (!err)
    err = kh_webhook_body(rendering->event, &json);
  if (!err && !kh_member_set(json_object_get(json, "data"), "message", kh_buf_view(&message)))
    err = KH_ERR_NO_MEMORY;
  kh_buf_release(&message);
  if (!err)
    err = kh_notify_write_json(json_incref(json), body);
  json_decref(json);
  return err;
}

/* The key out of the text that people pass around. False when it is none. */
static bool decode_key(struct kh_secret *secret)
{
  struct kh_str text = kh_secret_reveal(secret);
  char key[KEY_MAX_BYTES + 2];
  size_t len = 0;

  if (kh_str_starts(text, PREFIX))
    text = kh_str(text.at + PREFIX.len, text.len - PREFIX.len);
  bool good = text.len <= KH_BASE64_CHARACTERS(KEY_MAX_BYTES) && !kh_base64_decode(text, key, &len) &&
              len >= KEY_MIN_BYTES && len <= KEY_MAX_BYTES && !kh_secret_set(secret, kh_str(key, len));
  kh_wipe(key, sizeof key);
  return good;
}

static enum kh_err configure(struct kh_config *config, const json_t *options, struct kh_rule *rule,
                             struct kh_diags *diags)
{
  static const char *const keys[] = {"url", "secret", "message", NULL};
  const struct kh_notifier *self = &kh_notifier_webhook;
  enum kh_err err = kh_config_known_keys(config, options, keys, diags);

  if (kh_message_compile(config, options, rule, diags))
    err = KH_ERR_CONFIG;
  if (kh_notify_url(config, options, "url", self, rule, diags))
    err = KH_ERR_CONFIG;
  if (kh_notify_secret(config, options, "secret", self, rule, &rule->secret, diags))
    return KH_ERR_CONFIG;
  if (!kh_secret_is_empty(&rule->secret) && !decode_key(&rule->secret))
    err = kh_config_mistake(
        config, options, "secret", diags,
        "webhook.secret must hold %d to %d bytes in base64, with or without `whsec_` before "
        "them; `openssl rand -base64 32` makes them",
        KEY_MIN_BYTES, KEY_MAX_BYTES);
  return err;
}

static const char *const default_events[] = {"build.*", NULL};

const struct kh_notifier kh_notifier_webhook = {
    .name = "webhook",
    .via = KH_VIA_HTTP,
    .content_type = "application/json",
    .default_events = default_events,
    .usage = "webhook: {url: {env: HOOK_URL}, secret: {env: HOOK_SECRET}}",
    .needs_options = true,
    .at_once = 4,
    .configure = configure,
    .render = render,
    .sign = sign,
};
