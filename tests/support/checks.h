/*
 * checks.h - what must hold of texts in notifications, whatever was in the payload.
 *
 * Without our own text functions: JSON by jansson, characters by iconv. Each ends the test, with WHY.
 */
#ifndef KH_TEST_CHECKS_H
#define KH_TEST_CHECKS_H

#include "base/base.h"

#include <check.h>
#include <jansson.h>

/* NODE is a text of 1 to MAX harmless characters of UTF-8. */
void kh_check_text(const char *why, const json_t *node, size_t max);
/* NODE is a text of harmless characters of UTF-8, of any length; it may have a line feed. */
void kh_check_harmless(const char *why, const json_t *node);
/* OBJECT is an object and has no key but these, '|' around each. */
void kh_check_keys(const char *why, json_t *object, const char *known);
/* NODE is a URL that nothing can be hidden in. */
void kh_check_url(const char *why, const json_t *node);
/* BODY is JSON; the caller releases it. */
json_t *kh_check_read(const char *why, struct kh_str body);

#endif
