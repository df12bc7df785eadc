/*
 * event_names.h - the names of events that Buildkite documents, for `events:`.
 *
 * Only for advice: a name that is not here still matches, since Buildkite adds events without notice.
 * Sources: buildkite/docs pages/apis/webhooks/pipelines.md and its subpages, package_registries.md,
 * test_engine.md.
 */
#ifndef KH_EVENT_NAMES_H
#define KH_EVENT_NAMES_H

#include "base/base.h"

/* True for a documented name, or the `build.*` form of a documented family. */
bool kh_event_name_is_known(struct kh_str name);
/* All documented names, NULL-terminated. */
const char *const *kh_event_names(void);
/* The documented name that was probably meant by the unknown NAME; NULL when none is near. */
const char *kh_event_name_hint(const char *name);

#endif
