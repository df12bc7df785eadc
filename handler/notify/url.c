#include "base/base.h"

#include "notify/notifier.h"

/* http://, a loopback host, a port of digits if any, and then a path, a query or the end. */
static bool is_loopback_url(struct kh_str url)
{
  static const struct kh_str hosts[] = {
      {"http://127.0.0.1", 16}, {"http://localhost", 16}, {"http://[::1]", 12}};

  for (size_t i = 0; i < KH_COUNT(hosts); i++) {
    if (!kh_str_starts(url, hosts[i]))
      continue;
    struct kh_str rest = kh_str(url.at + hosts[i].len, url.len - hosts[i].len);
    if (kh_str_starts(rest, KH_STR(":")))
      do
        rest = kh_str(rest.at + 1, rest.len - 1);
      while (rest.len > 0 && rest.at[0] >= '0' && rest.at[0] <= '9');
    return rest.len == 0 || rest.at[0] == '/' || rest.at[0] == '?';
  }
  return false;
}

static bool is_good_url(struct kh_str url)
{
  const struct kh_str https = KH_STR("https://");

  for (size_t i = 0; i < url.len; i++)
    if ((unsigned char)url.at[i] <= ' ' || (unsigned char)url.at[i] >= 0x7F || url.at[i] == '\\')
      return false;
  if (kh_str_starts(url, https))
    return url.len > https.len && url.at[https.len] != '/';
  return is_loopback_url(url);
}

bool kh_notify_name(struct kh_rule *rule, struct kh_str word)
{
  size_t len = strlen(rule->destination);
  int wrote = snprintf(rule->destination + len, sizeof rule->destination - len, " %.*s", KH_FMT(word));

  return wrote > 0 && (size_t)wrote < sizeof rule->destination - len;
}

static bool name_reference(struct kh_rule *rule, const json_t *reference)
{
  const char *name = NULL;
  const char *source = kh_config_secret_source(reference, &name);
  const char *member = kh_config_text(json_object_get(reference, "key"));
  char word[sizeof rule->destination];
  int wrote = snprintf(word, sizeof word, "%s:%s%s%s", source, name, member ? "#" : "", member ? member : "");

  return wrote > 0 && (size_t)wrote < sizeof word && kh_notify_name(rule, kh_str_of(word));
}

enum kh_err kh_notify_secret(struct kh_config *config, const json_t *options, const char *key,
                             const struct kh_notifier *notifier, struct kh_rule *rule,
                             struct kh_secret *secret, struct kh_diags *diags)
{
  const json_t *reference = json_object_get(options, key);
  char where[64];

  if (!reference)
    return kh_config_mistake(config, options, NULL, diags, "%s needs `%s: {env: NAME}` or `%s: {file: PATH}`",
                             notifier->name, key, key);
  (void)snprintf(where, sizeof where, "%s.%s", notifier->name, key);
  enum kh_err err = kh_config_secret(config, reference, where, secret, diags);
  if (err)
    return err;
  if (!rule->destination[0])
    (void)snprintf(rule->destination, sizeof rule->destination, "%s", notifier->name);
  if (!name_reference(rule, reference))
    return kh_config_mistake(config, options, key, diags, "the name behind %s is too long", where);
  return KH_OK;
}

enum kh_err kh_notify_url(struct kh_config *config, const json_t *options, const char *key,
                          const struct kh_notifier *notifier, struct kh_rule *rule, struct kh_diags *diags)
{
  enum kh_err err = kh_notify_secret(config, options, key, notifier, rule, &rule->url, diags);

  if (err || kh_secret_is_empty(&rule->url) || is_good_url(kh_secret_reveal(&rule->url)))
    return err;
  return kh_config_mistake(config, options, key, diags,
                           "%s.%s must hold one https:// URL (http:// only to 127.0.0.1, localhost or [::1])",
                           notifier->name, key);
}
