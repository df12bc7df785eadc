#include "base/base.h"

#include "rules/branches.h"
#include "rules/match.h"
#include "rules/names_event.h"

const char *const kh_match_keys[] = {[KH_MATCH_EVENTS] = "events",
                                     [KH_MATCH_PIPELINES] = "pipelines",
                                     [KH_MATCH_BRANCHES] = "branches",
                                     [KH_MATCH_IF] = "if",
                                     [KH_MATCH__PARTS] = NULL};

static bool event_matches(const char *pattern, struct kh_str name)
{
  size_t same = 0;

  while (same < name.len && pattern[same] == name.at[same])
    same++;
  if (same == name.len && !pattern[same])
    return true;
  /* "build.*": all of it but the star */
  return same > 0 && pattern[same - 1] == '.' && strcmp(pattern + same, "*") == 0;
}

bool kh_match_name(const struct kh_match *match, struct kh_str name)
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

/* PATTERNS against the member KEY of OBJECT, a part of EVENT. */
static bool field_matches(const char *patterns, const struct kh_event *event, struct kh_json_value object,
                          struct kh_str key)
{
  struct kh_buf text;

  if (!patterns)
    return true;
  struct kh_json_value field = kh_json_get(object, key);
  if (kh_json_type(field) != KH_JSON_STRING)
    return false;
  struct kh_str raw = kh_json_raw(field);
  if (!memchr(raw.at, '\\', raw.len))
    return kh_branches_match(kh_str_of(patterns), raw);
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

const char *kh_match_part_name(enum kh_match_part part)
{
  return kh_match_keys[part];
}

static bool part_holds(const struct kh_match *match, enum kh_match_part part, const struct kh_event *event,
                       const struct kh_names *names, const struct kh_trace *trace, struct kh_mistake *why)
{
  switch (part) {
  case KH_MATCH_EVENTS:
    return kh_match_name(match, kh_str_of(event->name));
  case KH_MATCH_PIPELINES:
    return field_matches(match->pipelines, event, event->pipeline, KH_STR("slug"));
  case KH_MATCH_BRANCHES:
    return field_matches(match->branches, event, event->build, KH_STR("branch"));
  case KH_MATCH_IF:
    return !match->condition || kh_condition_eval(match->condition, names, trace, why);
  case KH_MATCH__PARTS:
    break;
  }
  return false;
}

bool kh_match_part(const struct kh_match *match, enum kh_match_part part, const struct kh_event *event,
                   const struct kh_trace *trace, struct kh_mistake *why)
{
  const struct kh_names names = kh_names_event(event);

  return part_holds(match, part, event, &names, trace, why);
}

bool kh_match_names(const struct kh_match *match, const struct kh_event *event, const struct kh_names *names,
                    struct kh_mistake *why)
{
  bool matches = true;

  for (int part = 0; matches && part < KH_MATCH__PARTS; part++)
    matches = part_holds(match, (enum kh_match_part)part, event, names, NULL, why);
  return matches;
}

bool kh_match_event(const struct kh_match *match, const struct kh_event *event, struct kh_mistake *why)
{
  const struct kh_names names = kh_names_event(event);

  return kh_match_names(match, event, &names, why);
}
