/*
 * shown.h - what of a webhook's texts people may see, in messages and in what `kitehook explain` says.
 *
 * E-mail addresses are not for them, nor the credentials that a repository's URL may hold.
 */
#ifndef KH_SHOWN_H
#define KH_SHOWN_H

#include "language/names/names.h"

/* Names may be written as addresses are, "Jane <jane@example.com>", or be nothing but one: absent then. */
struct kh_str kh_shown_person(struct kh_str name);
/*
 * Appends to OUT what may be shown of TEXT, a value of NAME: of "Jane <jane@example.com>" the name, of a
 * repository the URL without user and password, of an address nothing. True when that is all of TEXT. OUT
 * keeps the error.
 */
bool kh_shown_add(const struct kh_name_info *name, struct kh_str text, struct kh_buf *out);

/* Is NAME the address of a person? */
bool kh_name_is_address(const struct kh_name_info *name);

#endif
