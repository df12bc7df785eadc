#include "base/base.h"

#include "language/template/upload.h"
#include "rules/entry.h"
#include "rules/message.h"

/* What is read, and who hears of it. */
struct reader {
  struct kh_config *config;
  const json_t *entry;
  const struct kh_form *form; /* or NULL */
  const struct kh_option *table;
  json_t *given; /* the mapping of options; or NULL */
  struct kh_rule *rule;
  struct kh_diags *diags;
};

/* ---- forms ---- */

/* What stands behind the word; NULL where nothing does: `- log:` reads as an empty text. */
static json_t *written_in(const json_t *entry, const struct kh_notifier *notifier)
{
  json_t *written = json_object_get(entry, notifier->name);
  const char *text = kh_config_text(written);

  return text && !*text ? NULL : written;
}

static bool has_required(const struct kh_option *table, const json_t *mapping)
{
  for (; table->name; table++)
    if (table->required && json_object_get(mapping, table->name))
      return true;
  return false;
}

static const struct kh_option *table_of(const struct kh_form *form, const struct kh_notifier *notifier)
{
  return form && form->options ? form->options : notifier->options;
}

/* `webhook: {env: NAME}`, where a secret stands alone. */
static bool is_reference(const struct kh_form *form, const struct kh_notifier *notifier,
                         const json_t *written)
{
  const struct kh_option *alone = form->alone ? kh_option_named(table_of(form, notifier), form->alone) : NULL;
  const char *name = NULL;

  return alone && (alone->type == KH_OPTION_URL || alone->type == KH_OPTION_SECRET) &&
         json_is_object(written) && kh_config_secret_source(written, &name);
}

const struct kh_form *kh_entry_form(const json_t *entry, const struct kh_notifier *notifier)
{
  const struct kh_form *form = notifier->form;
  const json_t *written = written_in(entry, notifier);

  if (!form || !form->options)
    return form;
  if (is_reference(form, notifier, written))
    return form;
  if (json_is_object(written))
    return form->takes_mapping && !has_required(notifier->options, written) ? form : NULL;
  return written || form->is_word ? form : NULL;
}

static enum kh_err refuse_form(const struct reader *from)
{
  const struct kh_notifier *notifier = from->rule->notifier;
  struct kh_buf usage;

  kh_buf_init(&usage, 1024);
  kh_options_usage(notifier, &usage);
  enum kh_err err = kh_config_mistake(
      from->config, from->entry, json_is_object(from->entry) ? notifier->name : NULL, from->diags,
      "write `- %s`; a credential never stands in this file itself", kh_buf_text(&usage));
  kh_buf_release(&usage);
  return err;
}

/* {ALONE: WRITTEN}, which the config's tree keeps. */
static enum kh_err stand_alone(struct reader *from, json_t *written)
{
  json_t *made = json_object();
  enum kh_err err = json_object_set(made, from->form->alone, written) ? KH_ERR_NO_MEMORY : KH_OK;

  if (!err)
    err = kh_config_stands_for(from->config, made, written);
  json_decref(made);
  from->given = err ? NULL : made;
  return err;
}

static enum kh_err read_form(struct reader *from)
{
  const struct kh_notifier *notifier = from->rule->notifier;
  json_t *written = written_in(from->entry, notifier);
  const bool alone = from->form && from->form->alone &&
                     (is_reference(from->form, notifier, written) || (written && !json_is_object(written)));

  from->table = table_of(from->form, notifier);
  if (alone)
    return stand_alone(from, written);
  const bool needs_more = from->form ? !from->form->is_word : kh_options_are_needed(notifier);
  if (written ? !json_is_object(written) : needs_more)
    return refuse_form(from);
  from->given = written;
  return KH_OK;
}

/* ---- places ---- */

/* The places under NODE, a text or a list of them, are told apart by I. NULL behind the last one. */
static json_t *place_at(json_t *node, size_t i)
{
  return json_is_array(node) ? json_array_get(node, i) : i == 0 ? node : NULL;
}

static const struct kh_option *option_of_places(const struct kh_option *table)
{
  while (table->name && table->type != KH_OPTION_PLACE)
    table++;
  return table->name ? table : NULL;
}

/* Does PLACE, as it stands in the file, go by the service NAME? */
static bool goes_by(const struct reader *from, const json_t *place, const char *name)
{
  struct kh_str text = kh_str_of(kh_config_text(place));
  const struct kh_str team = from->form && from->form->account_of ? from->form->account_of(&text) : KH_NO_STR;

  return team.len == 0 || !name[0] || kh_str_equal(team, kh_str_of(name));
}

static bool is_template(struct kh_str text)
{
  return memmem(text.at, text.len, "{{", 2) || kh_upload_has_variable(text);
}

static enum kh_err check_place(const struct reader *from, const struct kh_option *option, const json_t *place,
                               const char *where)
{
  const char *text = kh_config_text(place);

  if (!text || !*text)
    return kh_config_mistake(from->config, place, NULL, from->diags, "%s is one text%s, such as %s", where,
                             option->many ? ", or a list of them" : "", option->example);
  if (is_template(kh_str_of(text)) || !option->is_good || option->is_good(kh_str_of(text)))
    return KH_OK;
  return kh_config_mistake(from->config, place, NULL, from->diags, "%s is %s", where, option->form);
}

static void show_place(struct kh_rule *rule, const char *text)
{
  const size_t len = strlen(rule->place);

  (void)snprintf(rule->place + len, sizeof rule->place - len, "%s%s", len > 0 ? ", " : "", text);
}

/* PLACE, without the service that it names. */
static enum kh_err add_place(const struct reader *from, struct kh_rule *rule, json_t *place,
                             const char *where)
{
  struct kh_template **places = kh_grown(rule->places, rule->place_count, &rule->place_room, 1,
                                         sizeof *places);
  json_t *text = place;
  enum kh_err err = KH_OK;

  if (!places)
    return KH_ERR_NO_MEMORY;
  rule->places = places;
  show_place(rule, kh_config_text(place));
  struct kh_str rest = kh_str_of(kh_config_text(place));
  if (from->form && from->form->account_of && from->form->account_of(&rest).len > 0) {
    text = json_stringn(rest.at, rest.len);
    err = kh_config_stands_for(from->config, text, place);
    json_decref(text);
    if (!err)
      err = kh_config_is_template(from->config, place);
  }
  if (!err)
    err = kh_template_of(from->config, text, where, &from->rule->match, &rule->places[rule->place_count],
                         from->diags);
  rule->place_count += !err;
  return err;
}

static enum kh_err read_places(const struct reader *from)
{
  const struct kh_option *option = option_of_places(from->table);
  json_t *node = option ? json_object_get(from->given, option->name) : NULL;
  enum kh_err err = KH_OK;
  char where[64];

  if (option && !node && option->required)
    return kh_config_mistake(from->config, from->given ? from->given : from->entry, NULL, from->diags,
                             "%s needs `%s`, such as %s", from->rule->notifier->name, option->name,
                             option->example);
  if (!node)
    return KH_OK;
  (void)snprintf(where, sizeof where, "%s.%s", from->rule->notifier->name, option->name);
  if (json_is_array(node) &&
      (!option->many || json_array_size(node) == 0 || json_array_size(node) > KH_PLACES_MAX))
    return kh_config_mistake(from->config, from->given, option->name, from->diags,
                             option->many ? "%s is one text, or a list of up to %d" : "%s is one text", where,
                             KH_PLACES_MAX);
  for (size_t i = 0; place_at(node, i); i++) {
    json_t *place = place_at(node, i);

    if (check_place(from, option, place, where)) {
      err = KH_ERR_CONFIG;
      continue;
    }
    for (struct kh_rule *rule = from->rule; rule; rule = rule->also)
      if (goes_by(from, place, rule->account_name) && add_place(from, rule, place, where))
        err = KH_ERR_CONFIG;
  }
  return err;
}

/* ---- services ---- */

static enum kh_err miss_service(const struct reader *from, const struct kh_account *account)
{
  struct kh_buf usage;

  kh_buf_init(&usage, 512);
  kh_account_usage(account, &usage);
  enum kh_err err = kh_config_mistake(
      from->config, from->entry, json_is_object(from->entry) ? from->rule->notifier->name : NULL, from->diags,
      "%s has no service that it goes by; add `%s` above `notify`", from->rule->notifier->name,
      kh_buf_text(&usage));
  kh_buf_release(&usage);
  return err;
}

static enum kh_err refuse_name(const struct reader *from, const json_t *at, const char *key,
                               struct kh_str name, const struct kh_accounts *accounts)
{
  struct kh_buf known;
  char text[40];

  kh_buf_init(&known, 2048);
  for (size_t i = 0; i < accounts->count; i++)
    (void)kh_buf_printf(&known, "%s%s", i > 0 ? ", " : "", accounts->at[i].name);
  (void)snprintf(text, sizeof text, "%.*s", (int)(name.len < 39 ? name.len : 39),
                 name.len > 0 ? name.at : "");
  enum kh_err err = kh_config_mistake(
      from->config, at, key, from->diags,
      name.len > 0 ? "services.%s has no %s; it has: %s" : "services.%s has several: say by %s which: %s",
      from->form->account->kind, name.len > 0 ? kh_config_shown(text).text : "`service: NAME`",
      kh_buf_text(&known));
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

/* Every place that names a service names one that is there. */
static enum kh_err check_teams(const struct reader *from, json_t *places, const struct kh_accounts *accounts)
{
  enum kh_err err = KH_OK;

  for (size_t i = 0; place_at(places, i) && accounts->at[0].name[0]; i++) {
    json_t *place = place_at(places, i);
    struct kh_str text = kh_str_of(kh_config_text(place));
    const struct kh_str team = text.at ? from->form->account_of(&text) : KH_NO_STR;

    if (team.len > 0 && !is_there(accounts, team))
      err = refuse_name(from, place, NULL, team, accounts);
  }
  return err;
}

static bool any_goes_by(const struct reader *from, json_t *places, const char *name)
{
  for (size_t i = 0; place_at(places, i); i++)
    if (kh_config_text(place_at(places, i)) && goes_by(from, place_at(places, i), name))
      return true;
  return false;
}

/* RULE, or a new sibling of it, goes by number I of SERVICES. */
static enum kh_err go_by(const struct reader *from, const struct kh_accounts *accounts, size_t i,
                         struct kh_rule **last)
{
  struct kh_rule *rule = *last;

  if (rule->account) {
    rule = calloc(1, sizeof *rule);
    if (!rule)
      return KH_ERR_NO_MEMORY;
    rule->notifier = from->rule->notifier;
    memcpy(rule->name, from->rule->name, sizeof rule->name);
    (void)snprintf(rule->credential, sizeof rule->credential, "%s", rule->notifier->name);
    (*last)->also = rule;
    *last = rule;
  }
  return kh_account_read(from->config, from->form->account, accounts, i, rule, from->diags);
}

static enum kh_err choose(const struct reader *from, const struct kh_accounts *accounts)
{
  const struct kh_option *option = option_of_places(from->table);
  json_t *places = option ? json_object_get(from->given, option->name) : NULL;
  const json_t *node = json_object_get(from->given, "service");
  const char *name = kh_config_text(node);
  const bool by_place = !node && from->form->account_of && accounts->count > 1;
  struct kh_rule *last = from->rule;
  enum kh_err err = KH_OK;

  if (node && (!name || !is_there(accounts, kh_str_of(name))))
    return refuse_name(from, from->given, "service", kh_str_of(name ? name : "?"), accounts);
  if (!node && !by_place && accounts->count > 1)
    return refuse_name(from, from->given ? from->given : from->entry, NULL, KH_NO_STR, accounts);
  if (from->form->account_of && !node && check_teams(from, places, accounts))
    return KH_ERR_CONFIG;
  for (size_t i = 0; i < accounts->count; i++) {
    const char *one = accounts->at[i].name;

    if (by_place ? any_goes_by(from, places, one) : !node || strcmp(name, one) == 0)
      err = go_by(from, accounts, i, &last) ? KH_ERR_CONFIG : err;
  }
  return err;
}

static enum kh_err read_service(const struct reader *from)
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

/* ---- all of it ---- */

static enum kh_err read_options(const struct reader *from)
{
  struct kh_rule *rule = from->rule;

  (void)snprintf(rule->credential, sizeof rule->credential, "%s", rule->notifier->name);
  return kh_options_read(
      from->config,
      &(struct kh_options){.table = from->table,
                           .given = from->given,
                           .name = rule->notifier->name,
                           .at = from->entry,
                           .may_hold_values = from->form && !json_is_object(json_object_get(
                                                                from->entry, rule->notifier->name)),
                           .may_name_account = from->form && from->form->account},
      rule, from->diags);
}

static enum kh_err configure(const struct reader *from)
{
  enum kh_err err = KH_OK;

  for (struct kh_rule *rule = from->rule; rule && rule->notifier->configure; rule = rule->also)
    if (rule->notifier->configure(from->config, from->given, rule, from->diags))
      err = KH_ERR_CONFIG;
  return err;
}

enum kh_err kh_entry_read(struct kh_config *config, const json_t *entry, const struct kh_form *form,
                          struct kh_rule *rule, struct kh_diags *diags)
{
  struct reader from = {.config = config, .entry = entry, .form = form, .rule = rule, .diags = diags};
  enum kh_err err = read_form(&from);

  if (err)
    return err;
  err = read_options(&from);
  if (read_service(&from))
    err = KH_ERR_CONFIG;
  if (read_places(&from))
    err = KH_ERR_CONFIG;
  return err ? err : configure(&from);
}
