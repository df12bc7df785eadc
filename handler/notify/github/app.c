#include "base/base.h"

#include "base/clock.h"
#include "base/json.h"
#include "net/jwt.h"
#include "notify/github/github.h"
#include "rules/outgoing.h"

enum kh_err kh_github_ask_app(const struct kh_rule *rule, int64_t now_us, struct kh_secret *proof,
                              struct kh_outgoing *outgoing)
{
  char path[128];

  enum kh_err err = kh_jwt_make(&rule->capability, kh_account_text(rule, "app"), now_us / 1000000, proof);
  (void)snprintf(path, sizeof path, "app/installations/%s/access_tokens",
                 kh_account_text(rule, "installation"));
  outgoing->content_type = KH_STR("application/json");
  outgoing->body = KH_STR("{}");
  return err ? err : kh_github_address(rule, path, proof, outgoing);
}

/* A token beside the app is for what needs none. */
enum kh_err kh_github_ask_grant(const struct kh_rule *rule, int64_t now_us, struct kh_secret *proof,
                                struct kh_outgoing *outgoing)
{
  return kh_secret_is_empty(&rule->secret) ? kh_github_ask_app(rule, now_us, proof, outgoing)
                                           : KH_ERR_NOT_FOUND;
}

static bool take_text(struct kh_json_value object, struct kh_str key, struct kh_str *text)
{
  const struct kh_json_value value = kh_json_get(object, key);

  *text = kh_json_raw(value);
  return kh_json_type(value) == KH_JSON_STRING && text->len > 0 && kh_option_is_token(*text);
}

bool kh_github_take_grant(struct kh_str body, struct kh_secret *grant, int64_t *until_us)
{
  struct kh_str token, ends;
  struct kh_json json;
  bool good = false;

  kh_json_init(&json, kh_json_default_limits);
  if (kh_json_read(&json, body, NULL) == KH_OK && take_text(kh_json_root(&json), KH_STR("token"), &token) &&
      take_text(kh_json_root(&json), KH_STR("expires_at"), &ends) && kh_time_parse(ends, until_us))
    good = kh_secret_set(grant, token) == KH_OK;
  kh_json_release(&json);
  return good;
}
