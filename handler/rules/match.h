/*
 * match.h - which webhooks a rule speaks of: events, pipelines, branches.
 *
 * All that are given must hold. `events` is a name or a list of names, or `build.*` for a family; where it is absent
 * the notifier's defaults stand. `pipelines` matches pipeline.slug, `branches` build.branch; a webhook without the
 * field does not match a rule that asks for it.
 */
#ifndef KH_MATCH_H
#define KH_MATCH_H

#include "config/config.h"
#include "receive/event.h"

enum { KH_MATCH_EVENTS_MAX = 32 };

struct kh_match {
  const char *const *default_events;       /* of the notifier, NULL-terminated; used when count is 0 */
  const char *events[KH_MATCH_EVENTS_MAX]; /* borrowed from the config's tree */
  size_t event_count;
  const char *pipelines; /* borrowed, or NULL */
  const char *branches;  /* borrowed, or NULL */
};

/* The keys that kh_match_compile reads; `if` among them, which is refused by name until conditionals exist. */
extern const char *const kh_match_keys[];

/* Reads events, pipelines and branches of the mapping ENTRY. Every mistake goes to DIAGS. */
enum kh_err kh_match_compile(const struct kh_config *config, const json_t *entry,
                             const char *const *default_events, struct kh_match *match,
                             struct kh_diags *diags) KH_MUST_USE;
/* Does EVENT match? SCRATCH is for decoding; KH_ERR_LIMIT never escapes: what cannot be decided does not match. */
bool kh_match_event(const struct kh_match *match, const struct kh_event *event);

#endif
