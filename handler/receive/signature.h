/*
 * signature.h - the grammar of X-Buildkite-Signature.
 *
 * Source: buildkite/docs pages/apis/webhooks, "Webhook signature": the sample splits on ",", each part on
 * its first "=", trims blanks and looks the parts up by name. So order does not matter, unknown names are
 * skipped and values may hold "=". Stricter here: no empty part, no part without "=", each of the two names
 * exactly once, 1 to 12 digits of timestamp, exactly 64 lower-case hexadecimal digits, no control character
 * (a tab is a blank), 1,024 bytes in all; and no blank behind a comma: Buildkite sends none, and servers
 * join there what came in two header lines.
 */
#ifndef KH_SIGNATURE_H
#define KH_SIGNATURE_H

#include "base/secret.h"

enum { KH_SIGNATURE_HEADER_MAX_BYTES = 1024 };

struct kh_signature {
  struct kh_str timestamp; /* exactly as received: this text is signed */
  int64_t timestamp_s;
  unsigned char mac[KH_DIGEST_BYTES];
};

/*
 * KH_ERR_HEADER_TOO_LONG, _HEADER_CONTROL, _CREDENTIAL_REPEATED, _FIELD_*, _TIMESTAMP_*, _SIGNATURE_*: one
 * error for each rule.
 */
enum kh_err kh_signature_parse(struct kh_str header, struct kh_signature *signature) KH_MUST_USE;

#endif
