#include "base/base.h"

#include "check.h"
#include "notify/notifiers.h"

/* ---- what has no meaning there ---- */

static void warn_of_keys(const struct kh_config *config, struct kh_diags *diags)
{
  static const struct {
    const char *key, *why;
  } keys[] = {
      {"state", "nothing is kept on Lambda; 200 means delivered"},
      {"inbox", "there is no inbox on Lambda"},
      {"outbox", "there is no outbox on Lambda: each delivery is tried once"},
      {"worker", "there is no worker on Lambda: deliveries are made before the answer"},
      {"log", "lines go to the function's log group"},
      {"env_file", "this file is not packed with the function; write {ssm: NAME} where a secret is named"},
  };

  for (size_t i = 0; i < KH_COUNT(keys); i++)
    if (json_object_get(config->yaml.root, keys[i].key))
      kh_config_warning(config, config->yaml.root, keys[i].key, diags, "%s: %s", keys[i].key, keys[i].why);
}

/* ---- what is not there ---- */

static const char *absence_of(const char *source)
{
  if (strcmp(source, "file") == 0)
    return "this file is not packed with the function; write {ssm: NAME}";
  if (strcmp(source, "credential") == 0)
    return "there is no systemd on Lambda; write {ssm: NAME}";
  return strcmp(source, "env") == 0 ? "set it under Environment in template.yaml, where everybody who may "
                                      "look at the function reads it; or write {ssm: NAME}"
                                    : NULL;
}

/* Every reference to a secret, at whatever depth it stands. */
static void warn_of_sources(const struct kh_config *config, json_t *node, struct kh_diags *diags)
{
  const char *name = NULL, *key = NULL;
  const char *source = json_is_object(node) ? kh_config_secret_source(node, &name) : NULL;
  json_t *item = NULL;
  size_t i = 0;

  if (source && absence_of(source))
    kh_config_warning(config, node, source, diags, "%s: %s", source, absence_of(source));
  json_object_foreach(node, key, item) warn_of_sources(config, item, diags);
  json_array_foreach(node, i, item) warn_of_sources(config, item, diags);
}

/* By what ENTRY sends mail, or NULL: a key, or a bare word. */
static const char *mail_in(json_t *entry)
{
  const char *key = json_string_value(entry);
  json_t *value = NULL;
  const struct kh_notifier *notifier = key ? kh_notifier_named(kh_str_of(key)) : NULL;

  if (notifier)
    return notifier->by_mail ? key : NULL;
  json_object_foreach(entry, key, value)
  {
    notifier = kh_notifier_named(kh_str_of(key));
    if (notifier && notifier->by_mail)
      return key;
  }
  return NULL;
}

static enum kh_err refuse_mail(const struct kh_config *config, struct kh_diags *diags)
{
  json_t *entry = NULL;
  size_t i = 0;
  enum kh_err err = KH_OK;

  json_array_foreach(config->notify, i, entry)
  {
    const char *key = mail_in(entry);

    if (key)
      err = kh_config_mistake(config, entry, json_is_object(entry) ? key : NULL, diags,
                              "%s: a function sends no mail, for its libcurl has no SMTP; send by a place of "
                              "HTTP, or from a host of your own",
                              key);
  }
  return err;
}

static void warn_of_included(const struct kh_config *config, struct kh_diags *diags)
{
  if (config->expanded)
    kh_config_warning(config, config->yaml.root, "notify", diags,
                      "notify: files that it includes are not packed with the function; add them in "
                      "script/pack-lambda, or write their rules here");
}

static void warn_of_tables(const struct kh_config *config, struct kh_diags *diags)
{
  const char *name = NULL;
  json_t *table = NULL;

  json_object_foreach(json_object_get(config->yaml.root, "tables"), name, table)
  {
    if (json_object_get(table, "file"))
      kh_config_warning(config, table, "file", diags,
                        "tables.%s: this file is not packed with the function; add it in script/pack-lambda, "
                        "or write {entries: {…}}",
                        name);
  }
}

enum kh_err kh_check_lambda(const struct kh_config *config, struct kh_diags *diags)
{
  warn_of_keys(config, diags);
  warn_of_sources(config, json_object_get(config->yaml.root, "webhook"), diags);
  warn_of_sources(config, json_object_get(config->yaml.root, "http"), diags);
  warn_of_sources(config, config->services, diags);
  warn_of_sources(config, config->notify, diags);
  warn_of_included(config, diags);
  warn_of_tables(config, diags);
  return refuse_mail(config, diags);
}

/* ---- what will happen ---- */

static bool is_told(const struct kh_rules *rules, size_t i)
{
  for (size_t before = 0; before < i; before++)
    if (rules->at[before].notifier == rules->at[i].notifier)
      return true;
  return false;
}

static void tell_of(const struct kh_notifier *notifier, json_t *notes)
{
  const struct kh_rate *rate = &notifier->rate;
  const unsigned burst = rate->burst ? rate->burst : 1;

  if (rate->every_ms)
    json_array_append_new(
        notes, json_sprintf("%s: %u at once, then one each %u.%02u s, counted by each function for itself; "
                            "what has no time left for that goes at once, and may be refused (429)",
                            notifier->name, burst, rate->every_ms / 1000, rate->every_ms % 1000 / 10));
  if (notifier->replaces)
    json_array_append_new(notes, json_sprintf("%s: two webhooks at once have no order; the older one may "
                                              "come last, and stay",
                                              notifier->name));
}

static void tell_of_eventbridge(const struct kh_eventbridge *origin, json_t *notes)
{
  if (!origin->source[0])
    return;
  json_array_append_new(
      notes,
      json_sprintf("eventbridge: what comes from %s in account %s counts, and nothing proves it: who may "
                   "invoke the function may send it",
                   origin->source, origin->account));
  json_array_append_new(notes, json_string("eventbridge: where a delivery fails, Lambda has all of that "
                                           "event's made again, twice at most"));
}

json_t *kh_check_lambda_notes(const struct kh_config *config, const struct kh_rules *rules)
{
  json_t *notes = json_array();

  json_array_append_new(notes, json_string("no memory: a webhook that is sent again notifies again"));
  json_array_append_new(notes, json_string("no retry: a delivery that fails is lost, and the answer is 502"));
  json_array_append_new(notes, json_string("no order: two webhooks at once are two functions at once"));
  for (size_t i = 0; i < rules->count; i++)
    if (!is_told(rules, i))
      tell_of(rules->at[i].notifier, notes);
  tell_of_eventbridge(&config->eventbridge, notes);
  return notes;
}
