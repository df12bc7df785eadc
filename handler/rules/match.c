#include "base/base.h"

#include "rules/branches.h"
#include "rules/event_names.h"
#include "rules/match.h"
#include "rules/names_event.h"

const char *const kh_match_keys[] = {"events", "pipelines", "branches", "if", NULL};

/* Letters, digits, '_', '-' and '.', at least one; at the end ".*" may stand for a family. */
static bool is_event_pattern(struct kh_str text)
{
  if (text.len > 2 && kh_str_ends(text, KH_STR(".*")))
    text.len -= 2;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.at[i];

    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
          c == '-' || c == '.'))
      return false;
  }
  return text.len > 0;
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

/* Where byte AT of NODE's text is. */
static void place_in_text(const struct kh_config *config, const json_t *node, size_t at, unsigned *line,
                          unsigned *column, unsigned *character)
{
  const char *text = kh_config_text(node);

  *character = 1;
  for (size_t i = 0; i < at && text[i]; i++)
    *character += ((unsigned char)text[i] & 0xC0) != 0x80;
  kh_yaml_text_place(&config->yaml, node, *character - 1, line, column);
}

/* Points at the wrong pattern inside the text. */
static enum kh_err pattern_mistake(const struct kh_config *config, const json_t *node, const char *key,
                                   const struct kh_diag *diag, struct kh_diags *diags)
{
  unsigned character = 0;
  unsigned line = 0;
  unsigned column = 0;

  place_in_text(config, node, diag->column ? diag->column - 1 : 0, &line, &column, &character);
  return kh_diags_add(diags, KH_ERR_CONFIG, config->yaml.file, line, column, "`%s`: %s (character %u)", key,
                      diag->text, character);
}

struct adviser {
  const struct kh_config *config;
  const json_t *node;
  struct kh_diags *diags;
};

static void advise(void *self, size_t at, size_t len, const char *text)
{
  const struct adviser *to = self;
  unsigned character = 0;
  unsigned line = 0;
  unsigned column = 0;

  (void)len;
  place_in_text(to->config, to->node, at, &line, &column, &character);
  (void)kh_diags_add(to->diags, KH_OK, to->config->yaml.file, line, column, "`if`: %s", text);
}

static enum kh_err compile_condition(const struct kh_config *config, const json_t *entry,
                                     struct kh_match *match, struct kh_diags *diags)
{
  const json_t *node = json_object_get(entry, "if");
  const char *text = kh_config_text(node);
  struct adviser adviser = {config, node, diags};
  const struct kh_advice advice = {&adviser, advise};
  struct kh_mistake mistake = {0};
  unsigned character = 0;
  unsigned line = 0;
  unsigned column = 0;

  if (!node)
    return KH_OK;
  if (!text)
    return kh_config_mistake(config, entry, "if", diags,
                             "`if` is one text, such as build.branch == \"main\"");
  enum kh_err err = kh_condition_compile(&match->condition, kh_str_of(text), KH_DIALECT_EXTENDED,
                                         KH_ENTRYPOINT_BUILD_NOTIFICATION, &mistake);
  if (!err) {
    kh_condition_advise(match->condition, &advice);
    return KH_OK;
  }
  place_in_text(config, node, mistake.at, &line, &column, &character);
  return kh_diags_add(diags, err, config->yaml.file, line, column, "`if`: %s%s%s%s",
                      err == KH_ERR_NO_MEMORY ? "no memory left" : mistake.text,
                      mistake.hint[0] ? "; did you mean `" : "", mistake.hint, mistake.hint[0] ? "`?" : "");
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
  if (text[strspn(text, " \t\r\n\v\f")] != '\0')
    *patterns = text;
  return KH_OK;
}

enum kh_err kh_match_compile(const struct kh_config *config, const json_t *entry,
                             const char *const *default_events, struct kh_match *match,
                             struct kh_diags *diags)
{
  enum kh_err err = KH_OK;

  *match = (struct kh_match){.default_events = default_events};
  if (compile_condition(config, entry, match, diags))
    err = KH_ERR_CONFIG;
  if (compile_events(config, entry, match, diags))
    err = KH_ERR_CONFIG;
  if (compile_patterns(config, entry, "pipelines", &match->pipelines, diags))
    err = KH_ERR_CONFIG;
  if (compile_patterns(config, entry, "branches", &match->branches, diags))
    err = KH_ERR_CONFIG;
  return err;
}

static bool event_matches(const char *pattern, struct kh_str name)
{
  struct kh_str text = kh_str_of(pattern);

  if (kh_str_ends(text, KH_STR(".*")))
    return kh_str_starts(name, kh_str(text.at, text.len - 1));
  return kh_str_equal(name, text);
}

static bool name_matches(const struct kh_match *match, struct kh_str name)
{
  for (size_t i = 0; i < match->event_count; i++)
    if (event_matches(match->events[i], name))
      return true;
  if (match->event_count > 0)
    return false;
  for (size_t i = 0; match->default_events[i]; i++)
    if (event_matches(match->default_events[i], name))
      return true;
  return false;
}

static bool field_matches(const char *patterns, const struct kh_event *event, struct kh_json_value field)
{
  struct kh_buf text;

  if (!patterns)
    return true;
  if (kh_json_type(field) != KH_JSON_STRING)
    return false;
  kh_buf_init(&text, event->body.len); /* decoding never lengthens */
  bool matches = !kh_json_text(field, &text) && kh_branches_match(kh_str_of(patterns), kh_buf_view(&text));
  kh_buf_release(&text);
  return matches;
}

void kh_match_release(struct kh_match *match)
{
  kh_condition_free(match->condition);
  match->condition = NULL;
}

static bool condition_holds(const struct kh_condition *condition, const struct kh_event *event,
                            struct kh_mistake *why)
{
  struct kh_names names = kh_names_event(event);

  return !condition || kh_condition_eval(condition, &names, NULL, why);
}

bool kh_match_event(const struct kh_match *match, const struct kh_event *event, struct kh_mistake *why)
{
  return name_matches(match, kh_str_of(event->name)) &&
         field_matches(match->pipelines, event, kh_json_get(event->pipeline, KH_STR("slug"))) &&
         field_matches(match->branches, event, kh_json_get(event->build, KH_STR("branch"))) &&
         condition_holds(match->condition, event, why);
}
