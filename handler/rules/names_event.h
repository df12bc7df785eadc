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

#endif
