#include "base/base.h"

#include "base/nearest.h"
#include "base/utf8.h"
#include "rules/account.h"
#include "rules/notifier.h"

enum { WHERE_BYTES = 64 };

/* A mapping of a kind is that of the only one, unless no key of it is an option, or was meant to be one. */
static bool is_single(const struct kh_account *account, json_t *mapping)
{
  const char *key = NULL;
  const char *name = NULL;
  json_t *value = NULL;

  json_object_foreach(mapping, key, value)
  {
    if (kh_option_named(account->options, key) || !json_is_object(value) ||
        kh_config_secret_source(value, &name))
      return true;
  }
  return json_object_size(mapping) == 0;
}

static bool is_name(const char *text)
{
  return strlen(text) < KH_ACCOUNT_NAME_BYTES && kh_str_is_word(kh_str_of(text), "_-");
}

void kh_accounts_of(const struct kh_config *config, const struct kh_account *account,
                    struct kh_accounts *accounts)
{
  json_t *mapping = json_object_get(config->services, account->kind);
  const char *key = NULL;
  json_t *value = NULL;

  *accounts = (struct kh_accounts){0};
  if (!json_is_object(mapping))
    return;
  if (is_single(account, mapping)) {
    accounts->count = 1;
    accounts->at[0].name = "";
    accounts->at[0].options = mapping;
    return;
  }
  json_object_foreach(mapping, key, value)
  {
    if (!is_name(key))
      continue;
    if (accounts->count == KH_ACCOUNTS_MAX)
      return;
    accounts->at[accounts->count].name = key;
    accounts->at[accounts->count++].options = value;
  }
}

/* ---- mistakes ---- */

enum { KINDS_MAX = 16 };

/* All there are, by name, and their names; both end with NULL. */
struct kinds {
  const char *names[KINDS_MAX + 1];
  const struct kh_account *at[KINDS_MAX + 1];
};

static void find_kinds(const struct kh_notifier *const *notifiers, struct kinds *kinds)
{
  size_t count = 0;

  *kinds = (struct kinds){{NULL}, {NULL}};
  for (; *notifiers && count < KINDS_MAX; notifiers++) {
    const struct kh_account *account = (*notifiers)->form ? (*notifiers)->form->account : NULL;

    if (account && !kinds->names[kh_word_place(kh_str_of(account->kind), kinds->names)]) {
      kinds->names[count] = account->kind;
      kinds->at[count++] = account;
    }
  }
}

static void name_options(const char *kind, const char *name, char where[WHERE_BYTES])
{
  (void)snprintf(where, WHERE_BYTES, "services.%s%s%.32s", kind, name[0] ? "." : "", name);
}

static enum kh_err check_one(struct kh_config *config, const struct kh_account *account, const char *name,
                             const json_t *given, struct kh_diags *diags)
{
  const json_t *kind = json_object_get(config->services, account->kind);
  char where[WHERE_BYTES];

  name_options(account->kind, name, where);
  const struct kh_options options = {.table = account->options, .given = given, .name = where, .at = kind};
  return kh_options_keys(config, &options, diags);
}

/* A bad one is not repeated: it could be a credential. */
static enum kh_err check_names(const struct kh_config *config, const struct kh_account *account,
                               json_t *mapping, struct kh_diags *diags)
{
  enum kh_err err = KH_OK;
  const char *name = NULL;
  json_t *value = NULL;

  if (is_single(account, mapping))
    return KH_OK;
  json_object_foreach(mapping, name, value)
  {
    if (!is_name(name))
      err = kh_config_mistake(config, mapping, name, diags,
                              "services.%s: a name has 1 to %d letters, digits, \"_\" and \"-\"",
                              account->kind, KH_ACCOUNT_NAME_BYTES - 1);
  }
  return err;
}

static enum kh_err check_kind(struct kh_config *config, const struct kh_account *account, json_t *mapping,
                              struct kh_diags *diags)
{
  struct kh_accounts accounts;
  enum kh_err err = KH_OK;

  if (!json_is_object(mapping)) {
    struct kh_buf usage;

    kh_buf_init(&usage, 512);
    kh_account_usage(account, NULL, &usage);
    err = kh_config_mistake(config, config->services, account->kind, diags, "write `%s`",
                            kh_buf_text(&usage));
    kh_buf_release(&usage);
    return err;
  }
  err = check_names(config, account, mapping, diags);
  kh_accounts_of(config, account, &accounts);
  if (accounts.count < json_object_size(mapping) && accounts.count == KH_ACCOUNTS_MAX)
    err = kh_config_mistake(config, config->services, account->kind, diags, "services.%s: more than %d",
                            account->kind, KH_ACCOUNTS_MAX);
  for (size_t i = 0; i < accounts.count; i++)
    if (check_one(config, account, accounts.at[i].name, accounts.at[i].options, diags))
      err = KH_ERR_CONFIG;
  return err;
}

enum kh_err kh_accounts_check(struct kh_config *config, const struct kh_notifier *const *notifiers,
                              struct kh_diags *diags)
{
  struct kinds kinds;

  find_kinds(notifiers, &kinds);
  enum kh_err err = kh_config_known_keys(config, config->services, kinds.names, diags);
  for (size_t i = 0; kinds.names[i]; i++) {
    json_t *mapping = json_object_get(config->services, kinds.names[i]);

    if (mapping && check_kind(config, kinds.at[i], mapping, diags))
      err = KH_ERR_CONFIG;
  }
  return err;
}

/* ---- a rule's ---- */

enum kh_err kh_account_read(struct kh_config *config, const struct kh_account *account,
                            const struct kh_accounts *accounts, size_t i, struct kh_rule *rule,
                            struct kh_diags *diags)
{
  const char *name = accounts->at[i].name;
  const size_t len = strlen(rule->credential);
  char where[WHERE_BYTES];

  name_options(account->kind, name, where);
  rule->account = accounts->at[i].options;
  (void)snprintf(rule->account_name, sizeof rule->account_name, "%s", name);
  if (name[0])
    (void)snprintf(rule->credential + len, sizeof rule->credential - len, " service:%.32s", name);
  return kh_options_read(
      config,
      &(struct kh_options){
          .table = account->options, .given = rule->account, .name = where, .at = rule->account},
      rule, diags);
}

const char *kh_account_text(const struct kh_rule *rule, const char *name)
{
  const struct kh_account *account = rule->form ? rule->form->account : NULL;

  return account ? kh_option_text_by(account->options, rule->account, name) : NULL;
}

void kh_account_usage(const struct kh_account *account, const char *const *needs, struct kh_buf *out)
{
  (void)kh_buf_add(out, KH_STR("services: {"));
  kh_options_usage_by(account->options, needs, account->kind, out);
  (void)kh_buf_add_byte(out, '}');
}
