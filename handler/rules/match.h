/*
 * match.h - which webhooks a rule speaks of: events, pipelines, branches, if.
 *
 * All that are given must hold. `events` is a name or a list of names, or `build.*` for a family; where it is
 * absent the notifier's defaults stand. `pipelines` matches pipeline.slug, `branches` build.branch, both by
 * the patterns of branches.h; a webhook without the field does not match a rule that asks for it. Empty
 * patterns ask for nothing. `if` is a condition in the extended dialect (condition.h); what cannot be decided
 * does not match.
 */
#ifndef KH_MATCH_H
#define KH_MATCH_H

#include "config/config.h"
#include "language/condition/condition.h"
#include "receive/event.h"

enum { KH_MATCH_EVENTS_MAX = 32 };

struct kh_match {
  const char *const *default_events; /* of the notifier, NULL-terminated; used when event_count is 0 */
  const char *events[KH_MATCH_EVENTS_MAX + 1]; /* borrowed from the config's tree; NULL-terminated */
  size_t event_count;
  bool not_blocked;               /* by default_events no build that is blocked */
  const char *pipelines;          /* borrowed, or NULL */
  const char *branches;           /* borrowed, or NULL */
  struct kh_condition *condition; /* owned, or NULL */
  bool is_once_per_build;         /* it names what several webhooks of a build say (docs/memory.md) */
};

/* The keys that kh_match_compile reads, by their place in kh_match_part; NULL-terminated. */
extern const char *const kh_match_keys[];

/*
 * Reads these keys of ENTRY, a mapping or the bare word of a notifier. Every mistake goes to DIAGS; names of
 * events that Buildkite does not document, and advice about a condition, are warnings there. The caller
 * releases, after an error too.
 */
enum kh_err kh_match_compile(const struct kh_config *config, const json_t *entry,
                             const char *const *default_events, struct kh_match *match,
                             struct kh_diags *diags) KH_MUST_USE;
void kh_match_release(struct kh_match *match);
/* The events that count, NULL-terminated: those of the rule, or the defaults. */
static inline const char *const *kh_match_events(const struct kh_match *match)
{
  return match->event_count > 0 ? match->events : match->default_events;
}
/* Is a rule for events of this NAME, by its `events` or by default? */
bool kh_match_name(const struct kh_match *match, struct kh_str name);
/* Has an event that a rule is for ROOT? Of those that Buildkite does not document, nobody knows: true. */
bool kh_match_offers(const struct kh_match *match, enum kh_root root);

/* What a match is made of, in the order in which it is decided. */
enum kh_match_part { KH_MATCH_EVENTS, KH_MATCH_PIPELINES, KH_MATCH_BRANCHES, KH_MATCH_IF, KH_MATCH__PARTS };
/*
 * Does PART hold for EVENT, which NAMES are of? What is not given holds. `if` alone asks for TRACE and WHY,
 * which may be NULL: what cannot be decided does not hold, and then WHY says what is in the way.
 */
bool kh_match_part(const struct kh_match *match, enum kh_match_part part, const struct kh_event *event,
                   const struct kh_names *names, const struct kh_trace *trace, struct kh_mistake *why);

#endif
