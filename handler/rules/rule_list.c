#include "base/base.h"

#include "base/json_put.h"
#include "base/json_write.h"
#include "rules/rule_list.h"

/* What is not in ENTRY: the defaults of its notifier, which may be others in another version. */
static json_t *defaults_of(const struct kh_match *match)
{
  json_t *names = match->event_count > 0 ? NULL : json_array();

  for (const char *const *name = match->default_events; names && name && *name; name++)
    json_array_append_new(names, json_string(*name));
  return names ? json_pack("{so sb}", "events", names, "not_blocked", match->not_blocked) : json_null();
}

enum kh_err kh_rule_digest(const struct kh_rule *rule, const json_t *entry, char digest[KH_RULE_DIGEST_BYTES])
{
  json_t *asks = json_pack("{ss ss ss ss so}", "name", rule->name, "notifier", rule->notifier->name,
                           "credential", rule->credential, "place", rule->place, "default",
                           defaults_of(&rule->match));
  unsigned char bytes[KH_DIGEST_BYTES];
  struct kh_buf text;

  kh_buf_init(&text, KH_RULE_LIST_MAX_BYTES);
  for (const char *const *key = kh_match_keys; asks && *key; key++)
    json_object_set(asks, *key, json_object_get(entry, *key));
  enum kh_err err = asks ? kh_json_write(asks, &text) : KH_ERR_NO_MEMORY;
  if (!err) {
    const struct kh_str part = kh_buf_view(&text);

    kh_sha256(&part, 1, bytes);
    kh_hex(bytes, KH_RULE_DIGEST_BYTES / 2, digest);
  }
  kh_buf_release(&text);
  json_decref(asks);
  return err;
}

/* Where RULE sends to, as people may see it. */
static void put_destination(const struct kh_rule *rule, struct kh_buf *json)
{
  struct kh_buf shown;

  kh_buf_init(&shown, KH_CREDENTIAL_BYTES + 2 * KH_PLACE_BYTES);
  (void)kh_buf_add(&shown, kh_str_of(rule->credential));
  if (rule->place[0])
    (void)kh_buf_add_byte(&shown, ' ');
  if (rule->place_count == 0 && rule->notifier->show_place)
    rule->notifier->show_place(kh_str_of(rule->place), &shown);
  else
    (void)kh_buf_add(&shown, kh_str_of(rule->place));
  kh_json_put_text_member(json, "destination", kh_buf_view(&shown));
  kh_buf_release(&shown);
}

static enum kh_err put_rule(const struct kh_rule *rule, const json_t *entry, struct kh_buf *json)
{
  char digest[KH_RULE_DIGEST_BYTES];
  enum kh_err err = kh_rule_digest(rule, entry, digest);

  if (err)
    return err;
  (void)kh_buf_add_byte(json, '{');
  kh_json_put_text_member(json, "name", kh_str_of(rule->name));
  kh_json_put_text_member(json, "notifier", kh_str_of(rule->notifier->name));
  put_destination(rule, json);
  kh_json_put_text_member(json, "digest", kh_str_of(digest));
  (void)kh_buf_add_byte(json, '}');
  return kh_buf_ok(json);
}

enum kh_err kh_rules_list(const struct kh_config *config, const struct kh_rules *rules,
                          struct kh_rules_listed *listed)
{
  struct kh_buf *json = &listed->json;
  enum kh_err err = KH_OK;

  kh_buf_init(json, KH_RULE_LIST_MAX_BYTES);
  (void)kh_buf_add_byte(json, '[');
  for (size_t i = 0; i < rules->count && !err; i++) {
    if (i > 0)
      (void)kh_buf_add_byte(json, ',');
    err = put_rule(&rules->at[i], json_array_get(config->notify, i), json);
  }
  (void)kh_buf_add_byte(json, ']');
  if (!err)
    err = kh_buf_ok(json);
  listed->list.json = kh_buf_view(json);
  if (!err)
    kh_sha256(&listed->list.json, 1, listed->list.digest);
  return err;
}

void kh_rules_listed_release(struct kh_rules_listed *listed)
{
  kh_buf_release(&listed->json);
  *listed = (struct kh_rules_listed){0};
}
