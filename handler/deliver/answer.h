/*
 * answer.h - what may be kept of a destination's answer. Pure.
 *
 * An answer may echo what it was sent: the URL's secret path, a token. So only words are kept, and only such
 * that no credential looks like: letters of one case (the first may be a capital) with '_', '-' or '.' in
 * between, at most 24 bytes; capitals alone up to 5; numbers up to 4 digits; a mail server's code such as
 * "5.7.1"; and the punctuation of JSON and of sentences. Everything else becomes '*', and so does a word of 5
 * bytes or more that is part of a secret or holds one, and a shorter one that is a secret. "Cannot POST
 * /hooks/x7f" is kept as "Cannot POST *".
 */
#ifndef KH_ANSWER_H
#define KH_ANSWER_H

#include "base/secret.h"
#include "memory/queue.h"

/*
 * SECRETS are the COUNT credentials that the request had, its URL among them. KEPT is ASCII, "" when nothing
 * came.
 */
void kh_answer_keep(struct kh_str body, const struct kh_secret *const *secrets, size_t count,
                    char kept[KH_ANSWER_KEPT_BYTES]);

#endif
