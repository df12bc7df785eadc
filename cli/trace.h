/*
 * trace.h - the values of a condition's parts, written down while it is evaluated, without what is secret.
 */
#ifndef KH_TRACE_H
#define KH_TRACE_H

#include "language/condition/condition.h"

#include <jansson.h>

struct kh_noted {
  size_t at, len; /* in the source */
  unsigned depth;
  bool is_seen;   /* false: a name or function whose value nobody needed */
  bool is_hidden; /* made of the build's environment, or of what language/names/shown.h does not show */
  json_t *value;  /* owned; when hidden what is left to show, or null */
};

struct kh_notes {
  struct kh_str source; /* borrowed */
  struct kh_noted *at;  /* owned */
  size_t count, room;
  enum kh_err err;
};

/* Begun as {.source = …}. For a kh_trace: SELF is the notes. */
void kh_notes_see(void *self, const struct kh_traced *seen);
/*
 * After the evaluation: adds what of CONDITION was not looked at, and takes the notes over as an array in
 * reading order: [{"expression", "at", "depth", "seen", "hidden", "value"}]. NULL without memory.
 */
json_t *kh_notes_take(struct kh_notes *notes, const struct kh_condition *condition);

#endif
