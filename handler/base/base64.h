/*
 * base64.h - RFC 4648 section 4, read strictly: one text for each sequence of bytes and no other.
 */
#ifndef KH_BASE64_H
#define KH_BASE64_H

#include "base/base.h"

/* How many characters COUNT bytes become. */
#define KH_BASE64_CHARACTERS(count) (((count) + 2) / 3 * 4)

/*
 * Decodes TEXT to TO, which has room for TEXT.len / 4 * 3 bytes and may be TEXT.at itself. KH_ERR_BODY_CUT,
 * and *LENGTH untouched, when padding is missing, a character is not of the alphabet (white space included),
 * or bits are left over.
 */
enum kh_err kh_base64_decode(struct kh_str text, char *to, size_t *length) KH_MUST_USE;
/* TEXT has room for KH_BASE64_CHARACTERS(COUNT) and a NUL. */
void kh_base64_encode(const unsigned char *bytes, size_t count, char *text);

#endif
