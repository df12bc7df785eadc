/*
 * renew.h - the webhook of one more build like the one it was about.
 */
#ifndef KH_RENEW_H
#define KH_RENEW_H

#include "base/buf.h"

enum { KH_UUID_BYTES = 37 };

/* A random UUID (RFC 9562, version 4). */
void kh_uuid(char uuid[KH_UUID_BYTES]);

/*
 * Appends BODY to OUT, where what it is about has other ids, everywhere in BODY, and the build has NUMBER,
 * also in URLs; all else is as it was, the times too. What outlives an event keeps its ids: organization,
 * pipeline and sender. KH_ERR_JSON_* when BODY is no JSON, KH_ERR_NOT_FOUND when nothing in it could be new;
 * else as kh_buf_ok.
 */
enum kh_err kh_renew(struct kh_str body, int64_t number, struct kh_buf *out) KH_MUST_USE;

#endif
