#include "base/base.h"

#include "language/template/upload.h"
#include "rules/entry_parts.h"
#include "rules/message.h"

/* The option of places that is given; none given, the first of the table. */
static const struct kh_option *option_of_places(const struct kh_entry_reader *from)
{
  const struct kh_option *first = NULL;

  for (const struct kh_option *option = from->table; option->name; option++) {
    if (option->type != KH_OPTION_PLACE)
      continue;
    if (json_object_get(from->given, option->name))
      return option;
    first = first ? first : option;
  }
  return first;
}

json_t *kh_entry_places(const struct kh_entry_reader *from)
{
  const struct kh_option *option = option_of_places(from);

  return option ? json_object_get(from->given, option->name) : NULL;
}

bool kh_entry_goes_by(const struct kh_entry_reader *from, const json_t *place, const char *name)
{
  struct kh_str text = kh_str_of(kh_config_text(place));
  const struct kh_str team = from->form && from->form->account_of ? from->form->account_of(&text) : KH_NO_STR;

  return team.len == 0 || !name[0] || kh_str_equal(team, kh_str_of(name));
}

static bool is_template(struct kh_str text)
{
  return memmem(text.at, text.len, "{{", 2) || kh_upload_has_variable(text);
}

static enum kh_err check_place(const struct kh_entry_reader *from, const struct kh_option *option,
                               const json_t *place, const char *where)
{
  const char *text = kh_config_text(place);

  if (!text || kh_message_is_none(text))
    return kh_config_mistake(from->config, place, NULL, from->diags, "%s is one text%s, such as %s", where,
                             option->many ? ", or a list of them" : "", option->example);
  if (is_template(kh_str_of(text)) || !option->is_good || option->is_good(kh_str_of(text)))
    return KH_OK;
  return kh_config_mistake(from->config, place, NULL, from->diags, "%s is %s", where, option->form);
}

static void show_place(struct kh_rule *rule, struct kh_str written)
{
  const size_t len = strlen(rule->place);
  struct kh_buf shown;

  kh_buf_init(&shown, sizeof rule->place);
  if (rule->notifier->show_place)
    rule->notifier->show_place(written, &shown);
  else
    (void)kh_buf_add(&shown, written);
  (void)snprintf(rule->place + len, sizeof rule->place - len, "%s%s", len > 0 ? ", " : "",
                 kh_buf_text(&shown));
  kh_buf_release(&shown);
}

/* PLACE, without the service that it names. */
static enum kh_err add_place(const struct kh_entry_reader *from, struct kh_rule *rule, json_t *place,
                             const char *where)
{
  struct kh_template **places = kh_grown(rule->places, rule->place_count, &rule->place_room, 1,
                                         sizeof *places);
  json_t *text = place;
  enum kh_err err = KH_OK;

  if (!places)
    return KH_ERR_NO_MEMORY;
  rule->places = places;
  show_place(rule, kh_str_of(kh_config_text(place)));
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

/* ---- which there must be ---- */

static enum kh_err miss_places(const struct kh_entry_reader *from, const struct kh_option *option)
{
  const struct kh_notifier *notifier = from->rule->notifier;
  struct kh_buf other;

  kh_buf_init(&other, 512);
  if (from->table != notifier->options) {
    (void)kh_buf_add(&other, KH_STR(", or `"));
    kh_options_usage_by(notifier->options, NULL, notifier->name, &other);
    (void)kh_buf_add_byte(&other, '`');
  }
  enum kh_err err = kh_config_mistake(from->config, from->given ? from->given : from->entry, NULL,
                                      from->diags, "%s needs `%s: %s`%s", notifier->name, option->name,
                                      option->example, kh_buf_text(&other));
  kh_buf_release(&other);
  return err;
}

static enum kh_err refuse_second(const struct kh_entry_reader *from, const struct kh_option *option)
{
  for (const struct kh_option *other = option + 1; other->name; other++)
    if (other->type == KH_OPTION_PLACE && json_object_get(from->given, other->name))
      return kh_config_mistake(from->config, from->given, other->name, from->diags,
                               "%s has `%s` and `%s`; remove one of them", from->rule->notifier->name,
                               option->name, other->name);
  return KH_OK;
}

static enum kh_err check_each(const struct kh_entry_reader *from, const struct kh_option *option,
                              json_t *node)
{
  enum kh_err err = KH_OK;
  char where[64];

  (void)snprintf(where, sizeof where, "%s.%s", from->rule->notifier->name, option->name);
  if (json_is_array(node) &&
      (!option->many || json_array_size(node) == 0 || json_array_size(node) > KH_PLACES_MAX))
    return option->many ? kh_config_mistake(from->config, from->given, option->name, from->diags,
                                            "%s is one text, or a list of 1 to %d, such as [%s]", where,
                                            KH_PLACES_MAX, option->example)
                        : kh_config_mistake(from->config, from->given, option->name, from->diags,
                                            "%s is one text, no list; make an entry of each, such as %s",
                                            where, option->example);
  for (size_t i = 0; kh_entry_place(node, i); i++)
    if (check_place(from, option, kh_entry_place(node, i), where))
      err = KH_ERR_CONFIG;
  return err;
}

enum kh_err kh_entry_check_places(const struct kh_entry_reader *from)
{
  const struct kh_option *option = option_of_places(from);
  json_t *node = kh_entry_places(from);

  if (!node)
    return option && option->required ? miss_places(from, option) : KH_OK;
  if (refuse_second(from, option))
    return KH_ERR_CONFIG;
  return check_each(from, option, node);
}

/* ---- what they are ---- */

enum kh_err kh_entry_read_places(const struct kh_entry_reader *from)
{
  const struct kh_option *option = option_of_places(from);
  json_t *node = kh_entry_places(from);
  enum kh_err err = KH_OK;
  char where[64];

  for (size_t i = 0; kh_entry_place(node, i); i++) {
    json_t *place = kh_entry_place(node, i);

    (void)snprintf(where, sizeof where, "%s.%s", from->rule->notifier->name, option->name);
    for (struct kh_rule *rule = from->rule; rule; rule = rule->also)
      if (kh_entry_goes_by(from, place, rule->account_name) && add_place(from, rule, place, where))
        err = KH_ERR_CONFIG;
  }
  return err;
}
