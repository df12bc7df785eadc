/*
 * names_event.h - the names of a condition, filled from a webhook.
 *
 * What Buildkite's documentation says a webhook has, and nothing guessed: the rest is null, history too, until memory
 * across webhooks knows it. A value of the wrong type counts as null. The build's environment may be used in a condition
 * and must not be shown.
 */
#ifndef KH_NAMES_EVENT_H
#define KH_NAMES_EVENT_H

#include "receive/event.h"
#include "rules/names.h"

/* EVENT must outlive the result. */
struct kh_names kh_names_event(const struct kh_event *event);

/* Where the names of one event were found: many rules ask for the same few, and one search is enough. */
struct kh_names_found {
  const struct kh_event *event;
  uint32_t at[KH_NAME__COUNT]; /* 0 until somebody asks; not for callers */
  bool offers[KH_ROOT__COUNT];
};

/* The same names for many conditions about EVENT. FOUND, which need not be set up, and EVENT must outlive the result. */
struct kh_names kh_names_event_once(const struct kh_event *event, struct kh_names_found *found);

#endif
