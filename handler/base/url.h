/*
 * url.h - http and https URLs inside of texts: where one begins and ends, and what may be added to it.
 *
 * Source: RFC 3986.
 */
#ifndef KH_URL_H
#define KH_URL_H

#include "base/buf.h"

/* The length of the "https://" or "http://" that TEXT begins with; 0 when it does with neither. */
size_t kh_url_scheme(struct kh_str text);
/* May C stand in a URL? Printable ASCII, but no quote and none of <>\^`{|}. */
bool kh_url_takes(char c);
/*
 * Appends VALUE as one part of a URL, percent-encoded. Slashes stay, as paths of branches need them, but not
 * in a text with "..", which could lead to another path.
 */
void kh_url_add(struct kh_buf *url, struct kh_str value);
/*
 * True for an http or https URL of printable ASCII, without user or password, that can safely be made a link.
 */
bool kh_url_is_link(struct kh_str url);
/*
 * SCHEME, 127.0.0.1, localhost or [::1], maybe a colon and digits, and then a path, a query or the end: such
 * a URL leads to this machine.
 */
bool kh_url_is_loopback(struct kh_str url, struct kh_str scheme);

#endif
