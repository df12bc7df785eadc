/*
 * options_probe.c - the notifiers and their options as JSON, for script/options:
 *
 *   [{"name", "words", "events": […], "burst", "every_ms", "options": [{"name", "type", "words", "example",
 *     "required", "many", "by_default", "form", "pattern", "max", "above_0", "choices": […], "beside",
 *     "members": […]}],
 *     "form": {"alone", "is_word", "takes_mapping", "not_blocked", "events": […], "options": […],
 *              "account": {"kind", "words", "optional", "options": […]}}}]
 *
 * Texts that an option does not have are left out, and so are `form` and what a form does not have. Its
 * options are its own; else it has the notifier's.
 */
#include "base/base.h"

#include "notify/notifiers.h"

static const char *const types[] = {
    [KH_OPTION_URL] = "url",       [KH_OPTION_SECRET] = "secret", [KH_OPTION_MESSAGE] = "message",
    [KH_OPTION_TEXT] = "text",     [KH_OPTION_PLACE] = "place",   [KH_OPTION_CHOICE] = "choice",
    [KH_OPTION_NUMBER] = "number", [KH_OPTION_TRUTH] = "truth",   [KH_OPTION_MAPPING] = "mapping",
    [KH_OPTION_LIST] = "list"};

static json_t *list_of(const char *const *texts)
{
  json_t *list = json_array();

  for (size_t i = 0; texts && texts[i]; i++)
    json_array_append_new(list, json_string(texts[i]));
  return list;
}

static void put_text(json_t *json, const char *key, const char *text)
{
  if (text)
    json_object_set_new(json, key, json_string(text));
}

static json_t *table_of(const struct kh_option *options)
{
  json_t *table = json_array();

  for (; options && options->name; options++) {
    json_t *json = json_object();

    put_text(json, "name", options->name);
    put_text(json, "type", types[options->type]);
    put_text(json, "words", options->words);
    put_text(json, "by_default", options->by_default);
    put_text(json, "form", options->form);
    put_text(json, "pattern", options->pattern);
    put_text(json, "example", options->example);
    json_object_set_new(json, "required", json_boolean(options->required));
    json_object_set_new(json, "many", json_boolean(options->many));
    json_object_set_new(json, "max", json_real(options->max));
    json_object_set_new(json, "above_0", json_boolean(options->above_0));
    json_object_set_new(json, "beside", json_integer(options->beside));
    json_object_set_new(json, "choices", list_of(options->choices));
    json_object_set_new(json, "members", table_of(options->members));
    json_array_append_new(table, json);
  }
  return table;
}

static json_t *account_of(const struct kh_account *account)
{
  json_t *json = json_object();

  put_text(json, "kind", account->kind);
  put_text(json, "words", account->words);
  json_object_set_new(json, "optional", json_boolean(account->optional));
  json_object_set_new(json, "options", table_of(account->options));
  return json;
}

static json_t *form_of(const struct kh_notifier *notifier)
{
  const struct kh_form *form = notifier->form;
  json_t *json = json_object();

  put_text(json, "alone", form->alone);
  json_object_set_new(json, "is_word", json_boolean(form->is_word));
  json_object_set_new(json, "takes_mapping", json_boolean(!form->options || form->takes_mapping));
  json_object_set_new(json, "not_blocked", json_boolean(form->not_blocked));
  json_object_set_new(json, "events",
                      list_of(form->default_events ? form->default_events : notifier->default_events));
  if (form->options)
    json_object_set_new(json, "options", table_of(form->options));
  if (form->account)
    json_object_set_new(json, "account", account_of(form->account));
  return json;
}

int main(void)
{
  json_t *all = json_array();

  for (size_t i = 0; kh_notifiers[i]; i++) {
    json_t *json = json_object();

    put_text(json, "name", kh_notifiers[i]->name);
    put_text(json, "words", kh_notifiers[i]->words);
    json_object_set_new(json, "events", list_of(kh_notifiers[i]->default_events));
    json_object_set_new(json, "burst", json_integer(kh_notifiers[i]->rate.burst));
    json_object_set_new(json, "every_ms", json_integer(kh_notifiers[i]->rate.every_ms));
    json_object_set_new(json, "options", table_of(kh_notifiers[i]->options));
    if (kh_notifiers[i]->form)
      json_object_set_new(json, "form", form_of(kh_notifiers[i]));
    json_array_append_new(all, json);
  }
  int failed = json_dumpf(all, stdout, JSON_INDENT(1));
  json_decref(all);
  return failed || fflush(stdout) ? 1 : 0;
}
