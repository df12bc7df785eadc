#include "base/base.h"

#include "base/base64.h"
#include "notify/notifiers.h"
#include "notify/webhook/body.h"
#include "rules/message.h"
#include "rules/outgoing.h"
#include "words/member.h"

/* Source: standardwebhooks.com, the specification's "Signature scheme". */
enum { KEY_MIN_BYTES = 24, KEY_MAX_BYTES = 64 };
#define PREFIX KH_STR("whsec_")

/* The signature has the moment of the attempt in it, so it is made anew for each one; the id stays. */
static enum kh_err request(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                           struct kh_outgoing *outgoing)
{
  unsigned char mac[KH_DIGEST_BYTES];
  char timestamp[24], signature[KH_BASE64_CHARACTERS(KH_DIGEST_BYTES) + 1];

  if (kh_secret_is_empty(&rule->secret)) /* as Buildkite's own */
    return KH_OK;
  (void)snprintf(timestamp, sizeof timestamp, "%" PRId64, now_us / 1000000);
  const struct kh_str parts[] = {kh_str_of(delivery->id), KH_STR("."), kh_str_of(timestamp), KH_STR("."),
                                 outgoing->body};
  kh_secret_mac(&rule->secret, parts, KH_COUNT(parts), mac);
  kh_base64_encode(mac, sizeof mac, signature);
  kh_outgoing_header(outgoing, "webhook-id", "%s", delivery->id);
  kh_outgoing_header(outgoing, "webhook-timestamp", "%s", timestamp);
  kh_outgoing_header(outgoing, "webhook-signature", "v1,%s", signature);
  return KH_OK;
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  json_t *json = NULL;
  struct kh_buf message;

  kh_buf_init(&message, KH_MESSAGE_BYTES);
  enum kh_err err = kh_message_render(rule, rendering, &kh_message_plain, &message);
  if (!err)
    err = kh_webhook_body(rendering->event, &rendering->facts->history, &json);
  if (!err && !kh_member_set(json_object_get(json, "data"), "message", kh_buf_view(&message)))
    err = KH_ERR_NO_MEMORY;
  kh_buf_release(&message);
  if (!err)
    err = kh_notify_write_json(json_incref(json), body);
  json_decref(json);
  return err;
}

/* The key out of the text that people pass around. False when it is none. */
static bool decode_key(struct kh_str text, char key[KEY_MAX_BYTES + 2], size_t *len)
{
  if (kh_str_starts(text, PREFIX))
    text = kh_str(text.at + PREFIX.len, text.len - PREFIX.len);
  return text.len <= KH_BASE64_CHARACTERS(KEY_MAX_BYTES) && !kh_base64_decode(text, key, len) &&
         *len >= KEY_MIN_BYTES && *len <= KEY_MAX_BYTES;
}

static bool is_key(struct kh_str text)
{
  char key[KEY_MAX_BYTES + 2];
  size_t len = 0;
  bool good = decode_key(text, key, &len);

  kh_wipe(key, sizeof key);
  return good;
}

#define URL_OPTION                                                                                   \
  {                                                                                                  \
    .name = "url", .type = KH_OPTION_URL, .required = true, .offset = offsetof(struct kh_rule, url), \
    .words = "A secret that holds the URL.", .example = "HOOK_URL"                                   \
  }
#define SECRET_OPTION                                                                                        \
  {                                                                                                          \
    .name = "secret", .type = KH_OPTION_SECRET, .required = true,                                            \
    .offset = offsetof(struct kh_rule, secret),                                                              \
    .words = "A secret that holds the key: 24 to 64 bytes in base64, with or without `whsec_` before them. " \
             "`openssl rand -base64 32` makes one.",                                                         \
    .example = "HOOK_SECRET", .is_good = is_key,                                                             \
    .form =                                                                                                  \
        "24 to 64 bytes in base64, with or without `whsec_` before them; `openssl rand -base64 32` makes "   \
        "them"                                                                                               \
  }

static const struct kh_option form_options[] = {URL_OPTION, {.name = NULL}};
static const struct kh_option account_options[] = {SECRET_OPTION, {.name = NULL}};

static const struct kh_account account = {
    .kind = "webhook",
    .words = "What signs the form of Buildkite, which has no key of its own",
    .options = account_options,
    .optional = true};

static const char *const form_events[] = {"build.scheduled", "build.running", "build.finished", NULL};

static const struct kh_form form = {
    .alone = "url", .options = form_options, .default_events = form_events, .account = &account};

static const struct kh_option options[] = {
    URL_OPTION,
    SECRET_OPTION,
    {.name = "message", .type = KH_OPTION_MESSAGE, .words = "What `data.message` of the body says."},
    {.name = NULL},
};

static enum kh_err configure(struct kh_config *config, const json_t *given, struct kh_rule *rule,
                             struct kh_diags *diags)
{
  char key[KEY_MAX_BYTES + 2];
  size_t len = 0;
  enum kh_err err = KH_OK;

  (void)config;
  (void)given;
  (void)diags;
  if (decode_key(kh_secret_reveal(&rule->secret), key, &len))
    err = kh_secret_set(&rule->secret, kh_str(key, len));
  kh_wipe(key, sizeof key);
  return err;
}

static const char *const default_events[] = {"build.*", NULL};

const struct kh_notifier kh_notifier_webhook = {
    .name = "webhook",
    .words = "Posts signed JSON to any URL (Standard Webhooks)",
    .content_type = "application/json",
    .default_events = default_events,
    .options = options,
    .form = &form,
    .at_once = 4,
    .configure = configure,
    .render = render,
    .request = request,
};
