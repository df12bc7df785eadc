#include "base/base.h"

#include "base/utf8.h"
#include "language/template/template.h"
#include "rules/branches.h"
#include "rules/tables.h"

static bool is_pattern(struct kh_str key)
{
  return kh_str_starts(key, KH_STR("!")) || (key.len > 0 && memchr(key.at, '*', key.len));
}

static enum kh_err check_entry(const struct kh_config *config, const json_t *table, const char *name,
                               const char *key, const json_t *value, struct kh_diags *diags)
{
  const char *text = kh_config_text(value);
  struct kh_diag why = {0};

  if (strlen(key) > KH_TEMPLATE_KEY_BYTES)
    return kh_config_mistake(config, table, key, diags, "tables.%s: this is longer than %d bytes", name,
                             KH_TEMPLATE_KEY_BYTES);
  if (is_pattern(kh_str_of(key)) && kh_branches_check(kh_str_of(key), &why))
    return kh_config_mistake(config, table, key, diags, "tables.%s: %s", name, why.text);
  if (!text || !*text)
    return kh_config_mistake(config, table, key, diags,
                             "tables.%s: this stands for no text; put one in quotes", name);
  if (kh_str_has_control(kh_str_of(text), false) ||
      kh_utf8_count(kh_str_of(text)) > KH_TEMPLATE_VALUE_CHARACTERS)
    return kh_config_mistake(config, table, key, diags,
                             "tables.%s: the text for this is one line of up to %d characters", name,
                             KH_TEMPLATE_VALUE_CHARACTERS);
  return KH_OK;
}

enum kh_err kh_tables_read(struct kh_config *config, struct kh_diags *diags)
{
  enum kh_err err = kh_config_tables(config, diags) ? KH_ERR_CONFIG : KH_OK;
  const char *name = NULL;
  const char *key = NULL;
  json_t *table = NULL;
  json_t *value = NULL;

  json_object_foreach(config->tables, name, table) json_object_foreach(table, key, value)
  {
    if (check_entry(config, table, name, key, value, diags))
      err = KH_ERR_CONFIG;
  }
  return err;
}

/* Servers take addresses in any case, and so do GitHub and Slack, who know people by them. */
static bool is_address(struct kh_str key)
{
  const char *at = key.len > 0 ? memchr(key.at, '@', key.len) : NULL;

  return at && at > key.at;
}

static void to_lower(struct kh_str text, char *lower)
{
  for (size_t i = 0; i < text.len; i++)
    lower[i] = text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] - 'A' + 'a') : text.at[i];
}

static struct kh_str find_address(json_t *table, struct kh_str key)
{
  char lower_key[KH_TEMPLATE_KEY_BYTES] = "", lower[KH_TEMPLATE_KEY_BYTES];
  const struct kh_str wanted = kh_str(lower_key, key.len);
  struct kh_str by_pattern = KH_NO_STR;
  const char *name = NULL;
  json_t *value = NULL;

  to_lower(key, lower_key);
  json_object_foreach(table, name, value)
  {
    const struct kh_str entry = kh_str(lower, strlen(name));

    to_lower(kh_str_of(name), lower);
    if (!is_pattern(entry) && kh_str_equal(entry, wanted))
      return kh_str_of(kh_config_text(value));
    if (!by_pattern.at && is_pattern(entry) && kh_branches_match(entry, wanted))
      by_pattern = kh_str_of(kh_config_text(value));
  }
  return by_pattern;
}

struct kh_str kh_table_find(const json_t *table, struct kh_str key)
{
  json_t *tree = (json_t *)(uintptr_t)table; /* jansson's iterators take no const */
  const char *name = NULL;
  json_t *value = NULL;

  if (key.len == 0 || key.len > KH_TEMPLATE_KEY_BYTES)
    return KH_NO_STR;
  const json_t *exact = json_object_getn(table, key.at, key.len);
  if (exact)
    return kh_str_of(kh_config_text(exact));
  if (is_address(key))
    return find_address(tree, key);
  json_object_foreach(tree, name, value)
  {
    if (is_pattern(kh_str_of(name)) && kh_branches_match(kh_str_of(name), key))
      return kh_str_of(kh_config_text(value));
  }
  return KH_NO_STR;
}
