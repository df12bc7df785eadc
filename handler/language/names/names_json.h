/*
 * names_json.h - names given as JSON: an object of variable name to value, with the environment under the key
 * `env`.
 *
 * For `kitehook eval` and for tests. `build.meta_data` is an object of key to text. A value of the wrong type
 * counts as null here; `eval` refuses it before.
 * Which parts the event has follows from `event`, or, where that is not given, it is a build event; the parts
 * of names that are given are there as well, those in the array `without` are not.
 */
#ifndef KH_NAMES_JSON_H
#define KH_NAMES_JSON_H

#include "language/names/names.h"

#include <jansson.h>

struct kh_names_json {
  json_t *object;        /* borrowed; NULL: nothing is known */
  const json_t *without; /* borrowed; names of roots, or NULL */
};

/* SELF must outlive the result. */
struct kh_names kh_names_json(struct kh_names_json *self);

#endif
