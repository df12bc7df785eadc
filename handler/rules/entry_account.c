#include "base/base.h"

#include "rules/entry_parts.h"

static enum kh_err miss_service(const struct kh_entry_reader *from, const struct kh_account *account)
{
  struct kh_buf usage;

  kh_buf_init(&usage, 512);
  kh_account_usage(account, from->form->account_needs, &usage);
  enum kh_err err = kh_config_mistake(
      from->config, from->entry, json_is_object(from->entry) ? from->rule->notifier->name : NULL, from->diags,
      "%s has no service that it goes by; add `%s` above `notify`", from->rule->notifier->name,
      kh_buf_text(&usage));
  kh_buf_release(&usage);
  return err;
}

/* "has no `third`; it has: acme, other" */
static void say_none(const struct kh_accounts *accounts, struct kh_str name, struct kh_buf *said)
{
  char text[KH_ACCOUNT_NAME_BYTES];

  (void)snprintf(text, sizeof text, "%.*s", (int)(name.len < sizeof text ? name.len : sizeof text - 1),
                 name.at);
  const struct kh_shown shown = kh_config_shown(text);
  (void)kh_buf_printf(said, "has %s%s", shown.text[0] == '`' ? "no " : "none of that name",
                      shown.text[0] == '`' ? shown.text : "");
  if (!accounts->at[0].name[0])
    (void)kh_buf_add(said, KH_STR(", but one without a name; take `service` out"));
  for (size_t i = 0; i < accounts->count && accounts->at[0].name[0]; i++)
    (void)kh_buf_printf(said, "%s%s", i > 0 ? ", " : "; it has: ", accounts->at[i].name);
}

static enum kh_err refuse_name(const struct kh_entry_reader *from, const json_t *at, const char *key,
                               struct kh_str name, const struct kh_accounts *accounts)
{
  struct kh_buf said;

  kh_buf_init(&said, 2048);
  say_none(accounts, name, &said);
  enum kh_err err = kh_config_mistake(from->config, at, key, from->diags, "services.%s %s",
                                      from->form->account->kind, kh_buf_text(&said));
  kh_buf_release(&said);
  return err;
}

static enum kh_err ask_which(const struct kh_entry_reader *from, const struct kh_accounts *accounts)
{
  struct kh_buf known;

  kh_buf_init(&known, 2048);
  for (size_t i = 0; i < accounts->count; i++)
    (void)kh_buf_printf(&known, "%s%s", i > 0 ? ", " : "", accounts->at[i].name);
  enum kh_err err = kh_config_mistake(from->config, from->given ? from->given : from->entry, NULL,
                                      from->diags,
                                      "services.%s has several: say by `service: NAME` which: %s",
                                      from->form->account->kind, kh_buf_text(&known));
  kh_buf_release(&known);
  return err;
}

static bool is_there(const struct kh_accounts *accounts, struct kh_str name)
{
  for (size_t i = 0; i < accounts->count; i++)
    if (kh_str_equal(kh_str_of(accounts->at[i].name), name))
      return true;
  return false;
}

/* Every place that names a service names one that is there, and that of the entry where it names ONE, too. */
static enum kh_err check_teams(const struct kh_entry_reader *from, json_t *places, const char *one,
                               const struct kh_accounts *accounts)
{
  enum kh_err err = KH_OK;

  for (size_t i = 0; kh_entry_place(places, i) && accounts->at[0].name[0]; i++) {
    json_t *place = kh_entry_place(places, i);
    struct kh_str text = kh_str_of(kh_config_text(place));
    const struct kh_str team = text.at ? from->form->account_of(&text) : KH_NO_STR;

    if (team.len > 0 && !is_there(accounts, team))
      err = refuse_name(from, place, NULL, team, accounts);
    else if (team.len > 0 && one && !kh_str_equal(team, kh_str_of(one)))
      err = kh_config_mistake(from->config, place, NULL, from->diags,
                              "it names another service than `service: %s`; take `service` out", one);
  }
  return err;
}

static bool any_goes_by(const struct kh_entry_reader *from, json_t *places, const char *name)
{
  for (size_t i = 0; kh_entry_place(places, i); i++)
    if (kh_config_text(kh_entry_place(places, i)) && kh_entry_goes_by(from, kh_entry_place(places, i), name))
      return true;
  return false;
}

/* RULE, or a new sibling of it, goes by number I of SERVICES. */
static enum kh_err go_by(const struct kh_entry_reader *from, const struct kh_accounts *accounts, size_t i,
                         struct kh_rule **last)
{
  struct kh_rule *rule = *last;

  if (rule->account) {
    rule = calloc(1, sizeof *rule);
    if (!rule)
      return KH_ERR_NO_MEMORY;
    rule->notifier = from->rule->notifier;
    rule->form = from->form;
    memcpy(rule->name, from->rule->name, sizeof rule->name);
    (void)snprintf(rule->credential, sizeof rule->credential, "%s", rule->notifier->name);
    (*last)->also = rule;
    *last = rule;
  }
  return kh_account_read(from->config, from->form->account, accounts, i, rule, from->diags);
}

static enum kh_err choose(const struct kh_entry_reader *from, const struct kh_accounts *accounts)
{
  json_t *places = kh_entry_places(from);
  const json_t *node = json_object_get(from->given, "service");
  const char *name = kh_config_text(node);
  const bool by_place = !node && from->form->account_of && accounts->count > 1;
  struct kh_rule *last = from->rule;
  enum kh_err err = KH_OK;

  if (node && (!name || !is_there(accounts, kh_str_of(name))))
    return refuse_name(from, from->given, "service", kh_str_of(name ? name : ""), accounts);
  if (!node && !by_place && accounts->count > 1)
    return ask_which(from, accounts);
  if (from->form->account_of && check_teams(from, places, name, accounts))
    return KH_ERR_CONFIG;
  for (size_t i = 0; i < accounts->count; i++) {
    const char *one = accounts->at[i].name;

    if (by_place ? any_goes_by(from, places, one) : !node || strcmp(name, one) == 0)
      err = go_by(from, accounts, i, &last) ? KH_ERR_CONFIG : err;
  }
  return err;
}

enum kh_err kh_entry_read_accounts(const struct kh_entry_reader *from)
{
  const struct kh_account *account = from->form ? from->form->account : NULL;
  struct kh_accounts accounts;

  if (!account)
    return KH_OK;
  kh_accounts_of(from->config, account, &accounts);
  if (accounts.count > 0)
    return choose(from, &accounts);
  return account->optional ? KH_OK : miss_service(from, account);
}
