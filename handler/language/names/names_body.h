/*
 * names_body.h - where each name of a condition stands in a webhook's body. names_event.h is the way in.
 */
#ifndef KH_NAMES_BODY_H
#define KH_NAMES_BODY_H

#include "language/names/names.h"
#include "receive/event.h"

/*
 * NAME's value in EVENT; null where it has none, or one of another kind. Texts are the body's own or ARENA's.
 */
void kh_names_body_value(const struct kh_event *event, const struct kh_name_info *name,
                         struct kh_arena *arena, struct kh_value *value);

#endif
