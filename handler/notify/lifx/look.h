/*
 * look.h - what a lamp does for each outcome of a build: the body of one request of the LIFX HTTP API.
 */
#ifndef KH_LIFX_LOOK_H
#define KH_LIFX_LOOK_H

#include "rules/options.h"

/* In the order of kh_lifx_effects. */
enum kh_lifx_effect { KH_LIFX_BREATHE, KH_LIFX_PULSE, KH_LIFX_NONE };
extern const char *const kh_lifx_effects[];

/* What may stand under an outcome. */
extern const struct kh_option kh_lifx_look_members[];

/*
 * *LOOKS, owned by the caller: the body for each outcome, "passed": {…}, as OPTIONS, which were checked,
 * have them under their names, and our own for what is not there. KH_ERR_NO_MEMORY.
 */
enum kh_err kh_lifx_looks(const json_t *options, enum kh_lifx_effect effect, json_t **looks) KH_MUST_USE;

#endif
