#include "base/base.h"

#include "base/utf8.h"
#include "import.h"
#include "notify/notifiers.h"
#include "rules/cannot.h"

enum { VARIABLE_BYTES = 64 };

/* Buildkite's words. */
static const struct word {
  const char *name;
  bool is_secret;   /* what stands behind it is for nobody else */
  bool is_of_steps; /* a step takes it, too */
  bool is_bare;     /* it may stand alone */
} words[] = {
    {"slack", false, true, false},
    {"email", false, false, false},
    {"webhook", true, false, false},
    {"basecamp_campfire", true, true, false},
    {"pagerduty_change_event", true, false, false},
    {"github_commit_status", false, true, true},
    {"github_check", false, true, true},
};

static const struct word *word_named(const char *name)
{
  for (size_t i = 0; i < KH_COUNT(words); i++)
    if (strcmp(words[i].name, name) == 0)
      return &words[i];
  return NULL;
}

/* An entry while it becomes a rule. */
struct taking {
  const struct kh_import_scope *scope;
  const struct word *word;
  json_t *options;               /* borrowed: what stands behind the word; or NULL */
  json_t *condition;             /* borrowed: its `if`; or NULL */
  json_t *remarks;               /* owned: what is to be said beside the rule */
  json_t *rule;                  /* owned */
  char variable[VARIABLE_BYTES]; /* for a secret; or "" */
  char why[KH_IMPORT_WHY_BYTES];
};

static bool refuse(struct taking *taking, const char *format, ...) KH_PRINTF(2, 3);

static bool refuse(struct taking *taking, const char *format, ...)
{
  va_list values;

  va_start(values, format);
  (void)vsnprintf(taking->why, sizeof taking->why, format, values);
  va_end(values);
  return false;
}

/* ---- what an entry says ---- */

static bool find_word(struct taking *taking, json_t *entry)
{
  const char *text = kh_config_text(entry);
  const char *key = NULL;
  json_t *value = NULL;

  if (text) {
    taking->word = word_named(text);
    return (taking->word && taking->word->is_bare) || refuse(taking, "no word that may stand alone");
  }
  if (!json_is_object(entry))
    return refuse(taking, "neither a mapping nor a word");
  taking->condition = json_object_get(entry, "if");
  json_object_foreach(entry, key, value)
  {
    if (strcmp(key, "if") == 0)
      continue;
    if (taking->word)
      return refuse(taking, "two words in one entry; make two entries of it");
    taking->word = word_named(key);
    taking->options = value;
    if (!taking->word)
      return refuse(taking, "%s is no word of Buildkite's `notify`", kh_config_shown(key).text);
  }
  return taking->word || refuse(taking, "it says no word");
}

static bool has_level(struct taking *taking)
{
  switch (taking->scope->level) {
  case KH_IMPORT_BUILD:
    return true;
  case KH_IMPORT_GROUP:
    return refuse(taking, "no webhook tells that a group has ended, nor how many jobs it has; move the "
                          "entry to its steps, or to the build");
  case KH_IMPORT_OTHER_STEP:
    return refuse(taking, "Buildkite takes `notify` of builds, groups and command steps only");
  default:
    return taking->word->is_of_steps ||
           refuse(taking, "Buildkite takes no `%s` of a step, only of a build", taking->word->name);
  }
}

/* ---- options ---- */

static json_t *take_node(struct taking *taking, const json_t *node);

static json_t *take_text(struct taking *taking, const json_t *node)
{
  struct kh_buf text;
  json_t *taken = NULL;

  kh_buf_init(&text, KH_IMPORT_TEXT_BYTES);
  if (!kh_config_text(node))
    (void)refuse(taking, "a NUL byte in a text");
  else if (kh_import_text(kh_str_of(kh_config_text(node)), &text, taking->why))
    taken = json_stringn(kh_buf_text(&text), text.len);
  kh_buf_release(&text);
  return taken;
}

static json_t *take_list(struct taking *taking, const json_t *node)
{
  json_t *taken = json_array();
  const json_t *item = NULL;
  size_t i = 0;

  json_array_foreach(node, i, item)
  {
    if (json_array_append_new(taken, take_node(taking, item))) {
      json_decref(taken);
      return NULL;
    }
  }
  return taken;
}

static json_t *take_mapping(struct taking *taking, const json_t *node)
{
  json_t *taken = json_object();
  const char *key = NULL;
  json_t *value = NULL;

  json_object_foreach((json_t *)(uintptr_t)node, key, value)
  {
    if (json_object_set_new(taken, key, take_node(taking, value))) {
      json_decref(taken);
      return NULL;
    }
  }
  return taken;
}

/* NULL, and taking->why has the reason, when a text cannot be taken over. */
static json_t *take_node(struct taking *taking, const json_t *node)
{
  if (json_is_array(node))
    return take_list(taking, node);
  return json_is_object(node) ? take_mapping(taking, node) : take_text(taking, node);
}

/* As the notifier itself calls it in examples. Of a word that is none here no rule comes. */
static const char *example_of(const struct word *word)
{
  const struct kh_notifier *notifier = kh_notifier_named(kh_str_of(word->name));
  const struct kh_form *form = notifier ? notifier->form : NULL;
  const struct kh_option *option = NULL;

  if (form && form->alone)
    option = kh_option_named(form->options ? form->options : notifier->options, form->alone);
  return option && option->example ? option->example : "SECRET";
}

/* The name of the variable for VALUE: the same value has the same. */
static void name_variable(const struct kh_import *import, const struct word *word, const char *value,
                          char name[VARIABLE_BYTES])
{
  const char *known = json_string_value(json_object_get(import->values, value));

  (void)snprintf(name, VARIABLE_BYTES, "%s", known ? known : example_of(word));
  for (unsigned i = 2; !known && json_object_get(import->variables, name); i++)
    (void)snprintf(name, VARIABLE_BYTES, "%s_%u", example_of(word), i);
}

static json_t *take_secret(struct taking *taking)
{
  const char *text = kh_config_text(taking->options);

  if (!text || !*text) {
    (void)refuse(taking, "what stands behind `%s` is no text", taking->word->name);
    return NULL;
  }
  name_variable(taking->scope->import, taking->word, text, taking->variable);
  return json_pack("{s:s}", "env", taking->variable);
}

/* Once the entry is a rule. */
static void keep_variable(const struct taking *taking)
{
  struct kh_import *import = taking->scope->import;
  const struct kh_place place = kh_yaml_place(taking->scope->yaml, taking->options);

  if (!taking->variable[0] || json_object_get(import->variables, taking->variable))
    return;
  json_object_set_new(
      import->variables, taking->variable,
      json_sprintf("%s:%u, behind `%s`", taking->scope->yaml->file, place.line, taking->word->name));
  json_object_set_new(import->values, kh_config_text(taking->options), json_string(taking->variable));
}

static bool take_options(struct taking *taking)
{
  const char *text = kh_config_text(taking->options);
  const bool nothing = !taking->options || (text && !*text);
  json_t *taken = NULL;

  if (nothing && taking->word->is_bare)
    taken = json_object();
  else if (taking->word->is_secret)
    taken = take_secret(taking);
  else if (!nothing)
    taken = take_node(taking, taking->options);
  else
    (void)refuse(taking, "nothing stands behind `%s`", taking->word->name);
  return taken && json_object_set_new(taking->rule, taking->word->name, taken) == 0;
}

/* ---- conditions ---- */

static bool add_step(struct taking *taking, struct kh_str condition, struct kh_buf *whole)
{
  if (!kh_import_step(taking->scope->step, whole, taking->why))
    return false;
  if (condition.len == 0)
    return true;
  /* A comment would hide the bracket. */
  const char *end = memmem(condition.at, condition.len, "//", 2) ? "\n)" : ")";
  (void)kh_buf_printf(whole, " && (%.*s%s", KH_FMT(condition), end);
  return true;
}

static struct kh_str trimmed(struct kh_str text)
{
  while (text.len > 0 && kh_is_blank(text.at[0]))
    text = kh_str(text.at + 1, text.len - 1);
  while (text.len > 0 && kh_is_blank(text.at[text.len - 1]))
    text.len--;
  return text;
}

static bool take_condition(struct taking *taking)
{
  const bool of_step = taking->scope->level == KH_IMPORT_STEP;
  const char *text = taking->condition ? kh_config_text(taking->condition) : "";
  struct kh_buf taken;
  struct kh_buf whole;
  bool is_taken = false;

  kh_buf_init(&taken, KH_IMPORT_TEXT_BYTES);
  kh_buf_init(&whole, 2 * KH_IMPORT_TEXT_BYTES);
  if (!text) {
    (void)refuse(taking, "its `if` is no text");
    goto done;
  }
  if (!kh_import_condition(kh_str_of(text), of_step, &taken, taking->why))
    goto done;
  if (of_step)
    is_taken = add_step(taking, trimmed(kh_buf_view(&taken)), &whole);
  else
    is_taken = kh_buf_add(&whole, trimmed(kh_buf_view(&taken))) == KH_OK;
  if (is_taken && whole.len > 0)
    json_object_set_new(taking->rule, "if", json_stringn(kh_buf_text(&whole), whole.len));
done:
  kh_buf_release(&whole);
  kh_buf_release(&taken);
  return is_taken;
}

static void take_events(struct taking *taking)
{
  if (taking->scope->level == KH_IMPORT_STEP)
    json_object_set_new(taking->rule, "events",
                        json_pack("[s,s]", "job.finished", "job.promised_exit_status"));
}

/* ---- the rule ---- */

/* What `check` would warn of, such as an `if` that no webhook makes true. */
static void take_warnings(struct taking *taking, const struct kh_diags *diags)
{
  for (size_t i = 0; i < diags->count; i++) {
    char text[sizeof diags->at[i].text];

    (void)snprintf(text, sizeof text, "%s", diags->at[i].text);
    kh_import_make_utf8(text);
    if (diags->at[i].err == KH_OK)
      json_array_append_new(taking->remarks, json_string(text));
  }
}

/* What kitehook itself would refuse of it, in its own words. */
static bool compiles(struct taking *taking)
{
  struct kh_config config = {.depth = KH_CONFIG_DRY};
  struct kh_rules rules;
  struct kh_diags diags = {0};
  json_t *noted = json_object();

  kh_import_note_service(noted, taking->word->name, json_object_get(taking->rule, taking->word->name));
  config.services = kh_import_services(noted);
  config.notify = json_pack("[O]", taking->rule);
  enum kh_err err = kh_rules_compile(&config, &rules, &diags);
  const struct kh_diag first = kh_diags_first(&diags);

  if (!err)
    kh_cannot_advise(&config, taking->rule, &rules.at[0].match, diags.count > 0, &diags);
  take_warnings(taking, &diags);
  kh_rules_release(&rules);
  kh_diags_release(&diags);
  json_decref(config.notify);
  json_decref(config.services);
  json_decref(noted);
  kh_config_release(&config);
  return !err || refuse(taking, "%s", first.text[0] ? first.text : "no memory left");
}

static json_t *entry_at(const struct kh_import_scope *scope, const json_t *node)
{
  const struct kh_place place = kh_yaml_place(scope->yaml, node);
  const char *name = scope->step ? kh_import_step_name(scope->step) : NULL;
  json_t *told = json_object();

  json_object_set_new(told, "place", json_sprintf("%s:%u", scope->yaml->file, place.line));
  if (scope->step)
    json_object_set_new(told, "of", json_string(name ? name : ""));
  json_array_append_new(scope->import->entries, told);
  return told;
}

static void remark(struct taking *taking, const char *text)
{
  json_array_append_new(taking->remarks, json_string(text));
}

static void remark_on_step(struct taking *taking)
{
  const json_t *step = taking->scope->step;

  if (taking->scope->level != KH_IMPORT_STEP)
    return;
  if (json_object_get(step, "parallelism") || json_object_get(step, "matrix"))
    remark(taking, "one message at Buildkite, when all of its jobs ended; here one for each job");
  if (kh_import_step_is_by_command(step))
    remark(taking, "it has neither key nor label, so its command stands here: is that a secret?");
}

static bool has_room(struct taking *taking)
{
  return taking->scope->import->rules < KH_RULES_MAX ||
         refuse(taking, "kitehook takes %d rules at most", KH_RULES_MAX);
}

void kh_import_entry(const struct kh_import_scope *scope, json_t *entry)
{
  struct taking taking = {.scope = scope, .rule = json_object(), .remarks = json_array()};
  json_t *told = entry_at(scope, entry);

  bool is_taken = find_word(&taking, entry) && has_level(&taking) && has_room(&taking) &&
                  take_options(&taking);
  if (is_taken) {
    json_object_set_new(taking.rule, "pipelines", json_string(scope->pipeline));
    take_events(&taking);
    is_taken = take_condition(&taking) && compiles(&taking);
  }
  if (is_taken) {
    json_object_set(told, "rule", taking.rule);
    keep_variable(&taking);
    kh_import_note_service(scope->import->services, taking.word->name,
                           json_object_get(taking.rule, taking.word->name));
    remark_on_step(&taking);
    json_object_set(told, "remarks", taking.remarks);
    scope->import->rules++;
  } else {
    kh_import_make_utf8(taking.why);
    json_object_set_new(told, "refused", json_string(taking.why[0] ? taking.why : "no memory left"));
  }
  json_decref(taking.remarks);
  json_decref(taking.rule);
}

void kh_import_refuse(const struct kh_import_scope *scope, const json_t *at, const char *why)
{
  json_object_set_new(entry_at(scope, at), "refused", json_string(why));
}
