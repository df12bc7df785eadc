/*
 * names_past.h - the names of what came before: those with KH_NAME_HISTORY. names_event.h is the way in.
 */
#ifndef KH_NAMES_PAST_H
#define KH_NAMES_PAST_H

#include "language/names/names.h"
#include "memory/history/history.h"

/* NAME's value, which borrows from HISTORY; null where that, or NULL, does not know it. */
struct kh_value kh_names_past_value(const struct kh_history *history, enum kh_name name);

#endif
