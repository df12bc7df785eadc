/*
 * names_event.h - the names of a condition, filled from a webhook.
 *
 * What Buildkite's documentation says a webhook has, and nothing guessed, and what memory knows of the builds
 * before: the rest is null. A value of the wrong type counts as null. The build's environment may be used in
 * a condition and must not be shown.
 */
#ifndef KH_NAMES_EVENT_H
#define KH_NAMES_EVENT_H

#include "language/names/names.h"
#include "memory/history/history.h"
#include "receive/event.h"

/* EVENT must outlive the result. Nothing of what came before is known. */
struct kh_names kh_names_event(const struct kh_event *event);

/* The names of one event that somebody asked for: many rules ask for the same few. Not for callers. */
struct kh_names_found {
  const struct kh_event *event;
  const struct kh_history *history;
  struct kh_arena arena; /* of the values */
  struct kh_value values[KH_NAME__COUNT];
  bool is_known[KH_NAME__COUNT];
  bool offers[KH_ROOT__COUNT];
};

/*
 * The same names for many conditions about EVENT, each read once, with those of HISTORY, which may be
 * NULL. FOUND need not be set up; it, EVENT and HISTORY must outlive the result, and the caller releases it.
 */
struct kh_names kh_names_event_once(const struct kh_event *event, const struct kh_history *history,
                                    struct kh_names_found *found);
void kh_names_found_release(struct kh_names_found *found);

#endif
