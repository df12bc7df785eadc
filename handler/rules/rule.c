#include "base/base.h"

#include "base/nearest.h"
#include "base/utf8.h"
#include "language/template/template.h"
#include "rules/entry.h"
#include "rules/tables.h"

/* All keys that an entry may have, and the notifiers for messages: as much as the list of notifiers needs. */
struct vocabulary {
  const struct kh_notifier *const *notifiers;
  const char **names; /* of the notifiers; this and the next owned, NULL-terminated */
  const char **keys;  /* the names, too; with room for one more */
  size_t key_count;
  struct kh_buf words;
};

static size_t length_of(const char *const *texts)
{
  size_t count = 0;

  while (texts[count])
    count++;
  return count;
}

static void vocabulary_release(struct vocabulary *vocabulary)
{
  free(vocabulary->names);
  free(vocabulary->keys);
  kh_buf_release(&vocabulary->words);
}

/* Release VOCABULARY either way. */
static enum kh_err vocabulary_init(struct vocabulary *vocabulary, const struct kh_notifier *const *notifiers)
{
  /* Such an item is no rule: `include` is for a misspelt one. */
  static const char *const own_keys[] = {"name", "include"};
  size_t count = 0;

  while (notifiers[count])
    count++;
  *vocabulary = (struct vocabulary){
      .notifiers = notifiers,
      .names = calloc(count + 1, sizeof *vocabulary->names),
      .keys = calloc(count + KH_COUNT(own_keys) + length_of(kh_match_keys) + 2, sizeof *vocabulary->keys)};
  kh_buf_init(&vocabulary->words, count * (KH_NOTIFIER_BYTES + 1));
  if (!vocabulary->names || !vocabulary->keys)
    return KH_ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++) {
    vocabulary->names[i] = vocabulary->keys[vocabulary->key_count++] = notifiers[i]->name;
    (void)kh_buf_printf(&vocabulary->words, "%s%s", i ? ", " : "", notifiers[i]->name);
  }
  for (size_t i = 0; i < KH_COUNT(own_keys); i++)
    vocabulary->keys[vocabulary->key_count++] = own_keys[i];
  for (size_t i = 0; kh_match_keys[i]; i++)
    vocabulary->keys[vocabulary->key_count++] = kh_match_keys[i];
  return kh_buf_ok(&vocabulary->words);
}

/* True when a key of ENTRY is a misspelt notifier: then that is the mistake, and it is told already. */
static bool names_one_wrongly(json_t *entry, const struct vocabulary *vocabulary)
{
  const char *key = NULL;
  json_t *value = NULL;

  json_object_foreach(entry, key, value)
  {
    if (kh_word_nearest(kh_str_of(key), vocabulary->names))
      return true;
  }
  return false;
}

/*
 * What is written where a notifier should stand: the first key that ENTRY cannot have, nor one that is near;
 * or NULL.
 */
static const char *foreign_key(json_t *entry, const struct vocabulary *vocabulary)
{
  const char *key = NULL;
  json_t *value = NULL;

  for (size_t i = 0; vocabulary->names[i]; i++)
    if (json_object_get(entry, vocabulary->names[i]))
      return NULL;
  json_object_foreach(entry, key, value)
  {
    if (!kh_word_nearest(kh_str_of(key), vocabulary->keys))
      return key;
  }
  return NULL;
}

static enum kh_err check_keys(const struct kh_config *config, json_t *entry, struct vocabulary *vocabulary,
                              struct kh_diags *diags)
{
  if (!names_one_wrongly(entry, vocabulary))
    vocabulary->keys[vocabulary->key_count] = foreign_key(entry, vocabulary); /* pick() speaks of it */
  enum kh_err err = kh_config_known_keys(config, entry, vocabulary->keys, diags);
  vocabulary->keys[vocabulary->key_count] = NULL;
  return err;
}

static void refuse_foreign(const struct kh_config *config, const json_t *entry, const char *key,
                           const struct vocabulary *vocabulary, struct kh_diags *diags)
{
  const char *text = kh_config_text(json_object_get(entry, key));
  bool may_be_secret = text && !*text; /* as in kh_config_known_keys */

  (void)kh_config_mistake(config, entry, key, diags, "%s is no notifier; this version knows: %s",
                          kh_config_shown(may_be_secret ? NULL : key).text, kh_buf_text(&vocabulary->words));
}

/*
 * The notifier that ENTRY names, by a key or as a bare word; NULL, with the mistake noted, unless it is just
 * one.
 */
static const struct kh_notifier *pick(const struct kh_config *config, json_t *entry,
                                      const struct vocabulary *vocabulary, struct kh_diags *diags)
{
  const char *word = kh_config_text(entry);
  const struct kh_notifier *picked = NULL;
  size_t count = 0;

  for (size_t i = 0; vocabulary->names[i]; i++) {
    const char *name = vocabulary->names[i];

    if (word ? strcmp(word, name) == 0 : json_object_get(entry, name) != NULL) {
      picked = vocabulary->notifiers[i];
      count++;
    }
  }
  if (count == 1)
    return picked;
  if (count == 0 && !word && names_one_wrongly(entry, vocabulary))
    return NULL;
  const char *meant = count == 0 && word ? kh_word_nearest(kh_str_of(word), vocabulary->names) : NULL;
  if (meant) {
    (void)kh_config_mistake(config, entry, NULL, diags, "no notifier; did you mean `%s`?", meant);
    return NULL;
  }
  const char *foreign = count == 0 && !word ? foreign_key(entry, vocabulary) : NULL;
  if (foreign) {
    refuse_foreign(config, entry, foreign, vocabulary, diags);
    return NULL;
  }
  (void)kh_config_mistake(
      config, entry, NULL, diags,
      count ? "an entry of `notify` names one notifier, not several; make an entry of each: "
              "%s"
            : "an entry of `notify` names one notifier; this version knows: %s",
      kh_buf_text(&vocabulary->words));
  return NULL;
}

static enum kh_err compile_name(const struct kh_config *config, const json_t *entry,
                                const struct kh_rules *before, struct kh_rule *rule, struct kh_diags *diags)
{
  const json_t *node = json_object_get(entry, "name");
  const char *name = kh_config_text(node);

  if (node && (!name || strlen(name) > 32 || !kh_str_is_word(kh_str_of(name), "_-")))
    return kh_config_mistake(config, entry, "name", diags,
                             "a rule's name has 1 to 32 letters, digits, \"_\" and \"-\"");
  if (name)
    (void)snprintf(rule->name, sizeof rule->name, "%.32s", name);
  else
    (void)snprintf(rule->name, sizeof rule->name, "%.24s-%zu", rule->notifier->name, before->count + 1);

  for (size_t i = 0; i < before->count; i++)
    if (strcmp(before->at[i].name, rule->name) == 0)
      return kh_config_mistake(config, entry, name ? "name" : NULL, diags,
                               "entry %zu of `notify` is named %s already; names are unique", i + 1,
                               kh_config_shown(rule->name).text);
  return KH_OK;
}

static void note_step(void *self, const struct kh_use *use)
{
  bool *found = self;

  *found = *found || use->root == KH_ROOT_STEP;
}

/* Does the `if` of ENTRY name `step.…`? Only a step's entry may, at Buildkite. */
static bool is_of_step(const json_t *entry)
{
  const char *text = kh_config_text(json_object_get(entry, "if"));
  struct kh_condition *condition = NULL;
  struct kh_mistake mistake = {0};
  bool found = false;

  if (!text || !strstr(text, "step.") || json_object_get(entry, "events"))
    return false;
  if (!kh_condition_compile(&condition, kh_str_of(text), KH_DIALECT_EXTENDED, KH_ENTRYPOINT_STEP_NOTIFICATION,
                            &mistake))
    kh_condition_uses(condition, &(struct kh_uses){&found, note_step});
  kh_condition_free(condition);
  return found;
}

static const char *const *default_events(const struct kh_notifier *notifier, const struct kh_form *form,
                                         bool of_step)
{
  static const char *const none[] = {NULL};
  static const char *const of_steps[] = {"job.finished", "job.promised_exit_status", NULL};

  if (!notifier)
    return none;
  if (of_step)
    return of_steps;
  return form && form->default_events ? form->default_events : notifier->default_events;
}

/* Whoever asks for a state wants to be asked about it. */
static bool speaks_of_blocked(const json_t *entry)
{
  const char *condition = kh_config_text(json_object_get(entry, "if"));

  return condition && strstr(condition, "blocked");
}

static enum kh_err compile_rule(struct kh_config *config, json_t *entry, struct vocabulary *vocabulary,
                                const struct kh_rules *before, struct kh_rule *rule, struct kh_diags *diags)
{
  enum kh_err err = KH_OK;

  if (!json_is_object(entry) && !kh_config_text(entry))
    return kh_config_mistake(config, entry, NULL, diags,
                             "an entry of `notify` is a mapping, or the bare word of a notifier: %s",
                             kh_buf_text(&vocabulary->words));
  if (json_is_object(entry) && check_keys(config, entry, vocabulary, diags))
    err = KH_ERR_CONFIG;
  rule->notifier = pick(config, entry, vocabulary, diags);

  const struct kh_form *form = rule->notifier ? kh_entry_form(entry, rule->notifier) : NULL;
  const bool of_step = form && is_of_step(entry);
  if (kh_match_compile(config, entry, default_events(rule->notifier, form, of_step), &rule->match, diags))
    err = KH_ERR_CONFIG;
  if (of_step && config->depth == KH_CONFIG_CHECK)
    kh_config_warning(config, entry, "if", diags,
                      "`if` names `step`, so this entry is for jobs, each for itself; write "
                      "`events: [job.finished, job.promised_exit_status]` to say so");
  rule->form = form;
  rule->match.not_blocked = form && form->not_blocked && !of_step && !speaks_of_blocked(entry);
  if (!rule->notifier)
    return KH_ERR_CONFIG;
  if (compile_name(config, entry, before, rule, diags))
    err = KH_ERR_CONFIG;
  if (kh_entry_read(config, entry, form, rule, diags))
    err = KH_ERR_CONFIG;
  return err;
}

enum kh_err kh_rules_compile_with(struct kh_config *config, const struct kh_notifier *const *notifiers,
                                  struct kh_rules *rules, struct kh_diags *diags)
{
  struct vocabulary vocabulary;
  enum kh_err err = kh_config_include(config, diags);
  size_t count = json_array_size(config->notify);

  *rules = (struct kh_rules){0};
  if (err != KH_ERR_NO_MEMORY && kh_accounts_check(config, notifiers, diags))
    err = KH_ERR_CONFIG;
  if (err != KH_ERR_NO_MEMORY && kh_tables_read(config, diags))
    err = KH_ERR_CONFIG;
  if (count == 0 || err == KH_ERR_NO_MEMORY)
    return err;
  if (count > KH_RULES_MAX)
    return kh_config_mistake(config, config->yaml.root, "notify", diags, "`notify` has more than %d entries",
                             KH_RULES_MAX);
  rules->at = calloc(count, sizeof *rules->at);
  if (vocabulary_init(&vocabulary, notifiers) || !rules->at) {
    err = KH_ERR_NO_MEMORY;
    goto done;
  }
  for (; rules->count < count; rules->count++)
    if (compile_rule(config, json_array_get(config->notify, rules->count), &vocabulary, rules,
                     &rules->at[rules->count], diags))
      err = KH_ERR_CONFIG;
done:
  vocabulary_release(&vocabulary);
  if (err)
    kh_rules_release(rules);
  return err;
}

/* But for the struct itself. */
static void release_rule(struct kh_rule *rule)
{
  kh_match_release(&rule->match);
  kh_secret_release(&rule->url);
  kh_secret_release(&rule->secret);
  kh_secret_release(&rule->capability);
  json_decref(rule->made);
  kh_template_free(rule->message);
  for (size_t i = 0; i < KH_RULE_PARTS; i++)
    kh_template_free(rule->parts[i]);
  for (size_t i = 0; i < rule->place_count; i++)
    kh_template_free(rule->places[i]);
  free(rule->places);
}

void kh_rules_release(struct kh_rules *rules)
{
  for (size_t i = 0; i < rules->count; i++)
    for (struct kh_rule *rule = &rules->at[i], *also = NULL; rule; rule = also) {
      also = rule->also;
      release_rule(rule);
      if (rule != &rules->at[i])
        free(rule);
    }
  free(rules->at);
  *rules = (struct kh_rules){0};
}

const struct kh_rule *kh_rules_for(const struct kh_rules *rules, const char *credential)
{
  for (size_t i = 0; i < rules->count; i++)
    for (const struct kh_rule *rule = &rules->at[i]; rule; rule = rule->also)
      if (strcmp(rule->credential, credential) == 0)
        return rule;
  return NULL;
}
