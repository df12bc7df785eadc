/*
 * asked.h - a webhook out of the journal that rules are asked about anew: which one it is, in answers, and
 * whether it can be asked about at all.
 */
#ifndef KH_ASKED_H
#define KH_ASKED_H

#include "kept/kept.h"
#include "memory/sqlite/look.h"
#include "setup.h"

#include <jansson.h>

/* Prints "webhook 4711  2026-11-29T10:00:00Z  build.finished acme/kite #812 main failed" and a line end. */
void kh_asked_print(const json_t *webhook);

/* Why nothing can be asked about it: a sentence; NULL where it can. */
const char *kh_asked_cannot(const struct kh_look_webhook *webhook);

/* The rule of that name, and its place in `notify`; NULL where there is none. */
const struct kh_rule *kh_asked_rule(const struct kh_setup *setup, const char *name, size_t *place);
/* Where DELIVERY, made by a rule of SETUP, goes, as people may see it. */
json_t *kh_asked_destination(const struct kh_setup *setup, const struct kh_delivery *delivery);

#endif
