/*
 * verify.h - the border: a request becomes a proven webhook here or nowhere.
 *
 * The mode is configured, never guessed from what arrives. Signature mode:
 * HMAC-SHA256(secret, timestamp "." body), then freshness. All named secrets
 * are tried. docs/SECURITY-MODEL.md says what is signed and what is not.
 */
#ifndef KH_VERIFY_H
#define KH_VERIFY_H

#include "config/config.h"
#include "receive/request.h"

/* The last: no secret proves it, but its sender is one that the config names (partner.h). */
enum kh_proof_kind { KH_PROOF_SIGNATURE, KH_PROOF_TOKEN, KH_PROOF_PARTNER };

/*
 * A webhook whose bytes are proven. Only kh_verify, kh_entry_open and, on Lambda, kh_partner_admit make one,
 * and everything behind them takes one: that is how a step cannot be skipped.
 */
struct kh_verified {
  struct kh_str body;
  struct kh_str event_header; /* absent or X-Buildkite-Event; not signed */
  enum kh_proof_kind proof;
  const struct kh_named_secret *by;        /* borrowed from the config; NULL of a partner's event */
  int64_t timestamp_s;                     /* of the signature, or the partner's event; 0 in token mode */
  char signature[2 * KH_DIGEST_BYTES + 1]; /* lower-case hexadecimal; "" without one */
};

struct kh_verifier {
  const struct kh_secret_list *signatures;
  const struct kh_secret_list *tokens;
  int64_t freshness_s;
};

/*
 * KH_OK on exactly one path. Otherwise the reason, for the log only. KH_ERR_STALE and _FUTURE come only after
 * the signature matched; VERIFIED is then filled too (by, timestamp_s), for the log line, but must not be
 * passed on.
 */
enum kh_err kh_verify(const struct kh_verifier *verifier, const struct kh_request *request, int64_t now_s,
                      struct kh_verified *verified) KH_MUST_USE;

#endif
