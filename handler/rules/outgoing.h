/*
 * outgoing.h - for `request` functions of notifiers (notifier.h): what most need for one attempt beside the
 * body from the outbox. What is borrowed must hold until the request is on its way.
 */
#ifndef KH_OUTGOING_H
#define KH_OUTGOING_H

#include "net/transport.h"

/*
 * Adds a header. Its text has at most 95 bytes; a longer one, and more than KH_HEADERS_MAX headers, fail the
 * request.
 */
void kh_outgoing_header(struct kh_outgoing *outgoing, const char *name, const char *format, ...)
    KH_PRINTF(3, 4);
/* Adds "Authorization: Bearer TOKEN", unless TOKEN, which is borrowed, is empty. */
void kh_outgoing_bearer(struct kh_outgoing *outgoing, const struct kh_secret *token);
/*
 * The body, an object with a member, gets KEY with TEXT as its first one. KH_ERR_RENDER for another body,
 * KH_ERR_NO_MEMORY.
 */
enum kh_err kh_outgoing_text(struct kh_outgoing *outgoing, const char *key, struct kh_str text) KH_MUST_USE;
/*
 * The body, an object with a member, gets KEY with the text of SECRET as its first one: so a capability is
 * sent, and never lies in the outbox. KH_ERR_RENDER for another body, KH_ERR_NO_MEMORY.
 */
enum kh_err kh_outgoing_member(struct kh_outgoing *outgoing, const char *key,
                               const struct kh_secret *secret) KH_MUST_USE;

#endif
