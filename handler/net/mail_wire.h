/*
 * mail_wire.h - one mail by one handle of libcurl. Private to net/: http_curl.h is the transport.
 */
#ifndef KH_MAIL_WIRE_H
#define KH_MAIL_WIRE_H

#include "net/http_wire.h"

/* As kh_wire_prepare and kh_wire_conclude, for a mail. Its connection is not kept. */
enum kh_err kh_mail_prepare(struct kh_wire *wire, const struct kh_http_options *options,
                            const struct kh_outgoing *request, struct kh_incoming *answer) KH_MUST_USE;
enum kh_err kh_mail_conclude(struct kh_wire *wire, CURLcode code) KH_MUST_USE;

#endif
