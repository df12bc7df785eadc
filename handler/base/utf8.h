/*
 * utf8.h - which bytes are UTF-8 (The Unicode Standard, table 3-7: no overlong forms, no surrogates, at most U+10FFFF).
 */
#ifndef KH_UTF8_H
#define KH_UTF8_H

#include "base/base.h"

/* The bytes of the character at AT, 1 to 4; 0 when it is not well-formed or goes beyond END. AT is before END. */
int kh_utf8_length(const char *at, const char *end);
bool kh_utf8_valid(struct kh_str text);

#endif
