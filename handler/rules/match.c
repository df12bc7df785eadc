#include "base/base.h"

#include "rules/branches.h"
#include "rules/match.h"

enum { FIRST_BYTES = 256, ARENA_BYTES = 64 * 1024 * 1024 };

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
  const char *const *events = kh_match_events(match);

  while (*events && !event_matches(*events, name))
    events++;
  return *events != NULL;
}

static bool name_matches(const char *patterns, const struct kh_names *names, enum kh_name name,
                         struct kh_mistake *why)
{
  char storage[FIRST_BYTES];
  struct kh_arena arena;
  struct kh_value value = kh_value_null();

  if (!patterns)
    return true;
  kh_arena_init(&arena, ARENA_BYTES, storage, sizeof storage);
  kh_names_ask_anew(names);
  names->value(names->self, kh_name_info(name), &arena, &value);
  bool matches = value.kind == KH_KIND_STRING && kh_branches_match(kh_str_of(patterns), value.text);
  kh_arena_release(&arena);
  if (kh_names_lack(names))
    return kh_mistake_set(why, KH_MISTAKE_NOT_KEPT, 0, 0, KH_NOT_KEPT_FORMAT, kh_names_lack(names));
  return matches;
}

void kh_match_release(struct kh_match *match)
{
  kh_condition_free(match->condition);
  match->condition = NULL;
}

bool kh_match_part(const struct kh_match *match, enum kh_match_part part, const struct kh_event *event,
                   const struct kh_names *names, const struct kh_trace *trace, struct kh_mistake *why)
{
  switch (part) {
  case KH_MATCH_EVENTS:
    return kh_match_name(match, kh_str_of(event->name)) &&
           !(match->not_blocked && match->event_count == 0 && event->build_blocked);
  case KH_MATCH_PIPELINES:
    return name_matches(match->pipelines, names, KH_NAME_PIPELINE_SLUG, why);
  case KH_MATCH_BRANCHES:
    return name_matches(match->branches, names, KH_NAME_BUILD_BRANCH, why);
  case KH_MATCH_IF:
    return !match->condition || kh_condition_eval(match->condition, names, trace, why);
  case KH_MATCH__PARTS:
    break;
  }
  return false;
}
