#include "base/base.h"

#include "base/nearest.h"
#include "rules/entry_parts.h"

/* ---- forms ---- */

/* What stands behind the word; NULL where nothing does: `- log:` reads as an empty text. */
static json_t *written_in(const json_t *entry, const struct kh_notifier *notifier)
{
  json_t *written = json_object_get(entry, notifier->name);
  const char *text = kh_config_text(written);

  return text && !*text ? NULL : written;
}

/* Also misspelt, unless the form has an option of that name. */
static bool has_required(const struct kh_option *table, const struct kh_form *form, json_t *mapping)
{
  for (; table->name; table++) {
    const char *only[] = {table->name, NULL};
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(mapping, key, value)
    {
      if (table->required && !kh_option_named(form->options, key) && kh_word_nearest(kh_str_of(key), only))
        return true;
    }
  }
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
  json_t *written = written_in(entry, notifier);

  if (!form || !form->options)
    return form;
  if (is_reference(form, notifier, written))
    return form;
  if (json_object_get(written, "service") && form->account)
    return form;
  if (json_is_object(written))
    return form->takes_mapping && !has_required(notifier->options, form, written) ? form : NULL;
  return written || form->is_word ? form : NULL;
}

static enum kh_err refuse_form(const struct kh_entry_reader *from)
{
  const struct kh_notifier *notifier = from->rule->notifier;
  struct kh_buf usage;

  kh_buf_init(&usage, 1024);
  kh_options_usages(notifier, &usage);
  enum kh_err err = kh_config_mistake(
      from->config, from->entry, json_is_object(from->entry) ? notifier->name : NULL, from->diags,
      "write %s%s", kh_buf_text(&usage),
      notifier->form ? "" : "; a credential never stands in this file itself");
  kh_buf_release(&usage);
  return err;
}

/* {ALONE: WRITTEN}, which the config's tree keeps. */
static enum kh_err stand_alone(struct kh_entry_reader *from, json_t *written)
{
  json_t *made = json_object();
  enum kh_err err = json_object_set(made, from->form->alone, written) ? KH_ERR_NO_MEMORY : KH_OK;

  if (!err)
    err = kh_config_stands_for(from->config, made, written);
  json_decref(made);
  from->given = err ? NULL : made;
  return err;
}

static enum kh_err read_form(struct kh_entry_reader *from)
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

/* ---- all of it ---- */

static enum kh_err read_options(const struct kh_entry_reader *from)
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

static enum kh_err configure(const struct kh_entry_reader *from)
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
  struct kh_entry_reader from = {
      .config = config, .entry = entry, .form = form, .rule = rule, .diags = diags};
  enum kh_err err = read_form(&from);

  if (err)
    return err;
  err = read_options(&from);
  if (kh_entry_check_places(&from))
    return KH_ERR_CONFIG;
  if (kh_entry_read_accounts(&from))
    err = KH_ERR_CONFIG;
  if (kh_entry_read_places(&from))
    err = KH_ERR_CONFIG;
  return err ? err : configure(&from);
}
