/*
 * lifx_look.h - what a lamp does for each outcome of a build, as LIFX wants to be told.
 */
#ifndef KH_LIFX_LOOK_H
#define KH_LIFX_LOOK_H

#include "config/config.h"

/* How a lamp changes. KH_LIFX_NONE: it just takes the colour. */
enum kh_lifx_effect { KH_LIFX_BREATHE, KH_LIFX_PULSE, KH_LIFX_NONE };

/*
 * Reads `effect` and the looks of OPTIONS over the defaults into LOOKS: an object with the body of a request for each of
 * running, passed, failed, blocked, canceled, skipped, not_run and other. All mistakes in OPTIONS, unknown keys
 * included, go to DIAGS: KH_ERR_CONFIG. KH_ERR_NO_MEMORY. The caller releases *LOOKS either way.
 */
enum kh_err kh_lifx_looks(const struct kh_config *config, const json_t *options, enum kh_lifx_effect *effect,
                          json_t **looks, struct kh_diags *diags) KH_MUST_USE;

#endif
