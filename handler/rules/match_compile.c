#include "base/base.h"

#include "base/utf8.h"
#include "language/names/event_names.h"
#include "rules/branches.h"
#include "rules/cannot.h"
#include "rules/match.h"

/* Letters, digits, '_', '-' and '.', at least one; at the end ".*" may stand for a family. */
static bool is_event_pattern(struct kh_str text)
{
  if (text.len > 2 && kh_str_ends(text, KH_STR(".*")))
    text.len -= 2;
  return kh_str_is_word(text, "_-.");
}

static void warn_unknown(const struct kh_config *config, const json_t *node, const char *name,
                         struct kh_diags *diags)
{
  if (kh_event_name_is_known(kh_str_of(name)))
    return;
  const char *hint = kh_event_name_hint(name);
  if (hint)
    kh_config_warning(config, node, NULL, diags, "Buildkite documents no event %s; did you mean `%s`?",
                      kh_config_shown(name).text, hint);
  else
    kh_config_warning(config, node, NULL, diags, "Buildkite documents no event %s",
                      kh_config_shown(name).text);
}

static enum kh_err add_event(const struct kh_config *config, const json_t *node, struct kh_match *match,
                             struct kh_diags *diags)
{
  const char *name = kh_config_text(node);

  if (!name || !is_event_pattern(kh_str_of(name)))
    return kh_config_mistake(config, node, NULL, diags,
                             "each item of `events` is the name of one event, such as build.finished, or of "
                             "a family, such as build.*");
  if (match->event_count == KH_MATCH_EVENTS_MAX)
    return kh_config_mistake(config, node, NULL, diags, "at most %d events can be named; use families",
                             KH_MATCH_EVENTS_MAX);
  warn_unknown(config, node, name, diags);
  match->events[match->event_count++] = name;
  return KH_OK;
}

static enum kh_err compile_events(const struct kh_config *config, const json_t *entry, struct kh_match *match,
                                  struct kh_diags *diags)
{
  const json_t *events = json_object_get(entry, "events");
  enum kh_err err = KH_OK;

  if (!events)
    return KH_OK;
  if (!json_is_array(events))
    return add_event(config, events, match, diags);
  if (json_array_size(events) == 0)
    return kh_config_mistake(config, entry, "events", diags,
                             "an empty list of events never matches; leave `events` out for the defaults");
  for (size_t i = 0; i < json_array_size(events); i++)
    if (add_event(config, json_array_get(events, i), match, diags))
      err = KH_ERR_CONFIG;
  return err;
}

/* Points at the wrong pattern inside the text. */
static enum kh_err pattern_mistake(const struct kh_config *config, const json_t *node, const char *key,
                                   const struct kh_diag *diag, struct kh_diags *diags)
{
  const size_t at = diag->column ? diag->column - 1 : 0;
  const char *text = kh_config_text(node);
  const size_t character = 1 + kh_utf8_count(kh_str(text, strnlen(text, at)));

  return kh_config_say_in_text(config, node, at, KH_ERR_CONFIG, diags, "`%s`: %s (character %zu)", key,
                               diag->text, character);
}

/* ---- advice ---- */

bool kh_match_offers(const struct kh_match *match, enum kh_root root)
{
  const char *const *names = kh_event_names();

  for (size_t i = 0; i < match->event_count; i++)
    if (!kh_event_name_is_known(kh_str_of(match->events[i])))
      return true;
  for (; *names; names++)
    if (kh_match_name(match, kh_str_of(*names)) && kh_root_is_of_event(root, kh_str_of(*names)))
      return true;
  return !*kh_match_events(match);
}

struct adviser {
  const struct kh_config *config;
  const json_t *node;
  struct kh_diags *diags;
  const struct kh_match *match;
};

static void advise(void *self, size_t at, size_t len, const char *text)
{
  const struct adviser *to = self;

  (void)len;
  (void)kh_config_say_in_text(to->config, to->node, at, KH_OK, to->diags, "`if`: %s", text);
}

static bool may_be(void *self, struct kh_str event)
{
  const struct kh_match *match = ((const struct adviser *)self)->match;

  return kh_match_name(match, event) || !*kh_match_events(match);
}

static void advise_use(void *self, const struct kh_use *use)
{
  const struct adviser *to = self;

  if (!kh_match_offers(to->match, use->root))
    (void)kh_config_say_in_text(to->config, to->node, use->at, KH_OK, to->diags,
                                "`if`: the events of this rule have no %s; name others by `events`",
                                kh_root_name(use->root));
}

static void advise_patterns(const struct adviser *to, const json_t *entry, enum kh_match_part part,
                            const char *patterns, enum kh_root root)
{
  if (patterns && !kh_match_offers(to->match, root))
    kh_config_warning(to->config, entry, kh_match_keys[part], to->diags,
                      "the events of this rule have no %s, so it never matches; name others by `events`",
                      kh_root_name(root));
}

static size_t said(const struct kh_diags *diags)
{
  return diags ? diags->count + diags->more : 0;
}

/* Once `events` is known. SAID_BEFORE: how much there was to say before `if`. */
static void advise_match(const struct kh_config *config, const json_t *entry, const struct kh_match *match,
                         size_t said_before, struct kh_diags *diags)
{
  struct adviser adviser = {config, json_object_get(entry, "if"), diags, match};

  if (match->condition)
    kh_condition_uses(match->condition, &(struct kh_uses){&adviser, advise_use});
  advise_patterns(&adviser, entry, KH_MATCH_PIPELINES, match->pipelines, KH_ROOT_PIPELINE);
  advise_patterns(&adviser, entry, KH_MATCH_BRANCHES, match->branches, KH_ROOT_BUILD);
  if (config->depth == KH_CONFIG_CHECK)
    kh_cannot_advise(config, entry, match, said(diags) > said_before, diags);
}

static bool is_blank(const char *text)
{
  return text[strspn(text, " \t\r\n\v\f")] == '\0';
}

static void warn_empty(const struct kh_config *config, const json_t *entry, const char *key,
                       struct kh_diags *diags)
{
  kh_config_warning(config, entry, key, diags,
                    "`%s` is empty, so it holds for every event; remove the key, or write what it should "
                    "be, in quotes if it begins with #",
                    key);
}

static void note_once(void *self, const struct kh_use *use)
{
  struct kh_match *match = self;
  const enum kh_name name = use->name ? use->name->name : KH_NAME__COUNT;

  if (name == KH_NAME_PIPELINE_STARTED_FAILING || name == KH_NAME_PIPELINE_STARTED_PASSING ||
      name == KH_NAME_BUILD_FIXED || name == KH_NAME_PIPELINE_CONSECUTIVE_FAILURES)
    match->is_once_per_build = true;
}

static enum kh_err compile_condition(const struct kh_config *config, const json_t *entry,
                                     struct kh_match *match, struct kh_diags *diags)
{
  const json_t *node = json_object_get(entry, "if");
  const char *text = kh_config_text(node);
  struct adviser adviser = {config, node, diags, match};
  const struct kh_advice advice = {
      .self = &adviser, .remembers = config->state[0] != '\0', .tell = advise, .may_be = may_be};
  struct kh_mistake mistake = {0};

  if (!node)
    return KH_OK;
  if (!text)
    return kh_config_mistake(config, entry, "if", diags,
                             "`if` is one text, such as build.branch == \"main\"");
  enum kh_err err = kh_condition_compile(&match->condition, kh_str_of(text), KH_DIALECT_EXTENDED,
                                         KH_ENTRYPOINT_STEP_NOTIFICATION, &mistake);
  if (!err) {
    if (is_blank(text))
      warn_empty(config, entry, "if", diags);
    kh_condition_advise(match->condition, &advice);
    kh_condition_uses(match->condition, &(struct kh_uses){match, note_once});
    return KH_OK;
  }
  return kh_config_say_in_text(config, node, mistake.at, err, diags, "`if`: %s%s%s%s",
                               err == KH_ERR_NO_MEMORY ? "no memory left" : mistake.text,
                               mistake.hint[0] ? "; did you mean `" : "", mistake.hint,
                               mistake.hint[0] ? "`?" : "");
}

static enum kh_err compile_patterns(const struct kh_config *config, const json_t *entry, const char *key,
                                    const char **patterns, struct kh_diags *diags)
{
  const json_t *node = json_object_get(entry, key);
  const char *text = kh_config_text(node);
  struct kh_diag diag = {0};

  if (!node)
    return KH_OK;
  if (!text)
    return kh_config_mistake(config, entry, key, diags,
                             "`%s` is one text with blanks between the patterns, such as \"main v* !v1.*\"",
                             key);
  if (kh_branches_check(kh_str_of(text), &diag))
    return pattern_mistake(config, node, key, &diag, diags);
  if (is_blank(text))
    warn_empty(config, entry, key, diags);
  else
    *patterns = text;
  return KH_OK;
}

enum kh_err kh_match_compile(const struct kh_config *config, const json_t *entry,
                             const char *const *default_events, struct kh_match *match,
                             struct kh_diags *diags)
{
  enum kh_err err = KH_OK;

  *match = (struct kh_match){.default_events = default_events};
  if (compile_events(config, entry, match, diags))
    err = KH_ERR_CONFIG;
  const size_t said_before = said(diags);
  if (compile_condition(config, entry, match, diags))
    err = KH_ERR_CONFIG;
  if (compile_patterns(config, entry, "pipelines", &match->pipelines, diags))
    err = KH_ERR_CONFIG;
  if (compile_patterns(config, entry, "branches", &match->branches, diags))
    err = KH_ERR_CONFIG;
  if (!err)
    advise_match(config, entry, match, said_before, diags);
  return err;
}
