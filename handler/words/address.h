/*
 * address.h - e-mail addresses: which are good, and which are read.
 *
 * Of what RFC 5321 has only a dot-string at a domain, in ASCII: no quotes, comments, groups or literals, so
 * that an address can stand in a header or a command as it is.
 */
#ifndef KH_ADDRESS_H
#define KH_ADDRESS_H

#include "base/base.h"

/* At most KH_ADDRESS_MAX_BYTES (net/transport.h). */
bool kh_address_is_good(struct kh_str text);
/* The same, and somebody reads what is sent there. */
bool kh_address_is_read(struct kh_str text);

#endif
