#include "base/base.h"

#include "receive/signature.h"
#include "receive/verify.h"

/* Sent twice, and a server joined the lines by SIGN (RFC 9110 section 5.3). */
static bool is_joined(struct kh_str text, const char *sign)
{
  return text.len > 0 && memmem(text.at, text.len, sign, strlen(sign));
}

/* Which of the two headers counts: exactly one, of a configured kind, sent once. */
static enum kh_err choose_proof(const struct kh_verifier *verifier, const struct kh_request *request,
                                enum kh_proof_kind *kind)
{
  struct kh_header_value signature = request->headers[KH_HEADER_SIGNATURE];
  struct kh_header_value token = request->headers[KH_HEADER_TOKEN];
  struct kh_header_value event = request->headers[KH_HEADER_EVENT];

  if (signature.repeated || token.repeated)
    return KH_ERR_CREDENTIAL_REPEATED;
  if (event.repeated || is_joined(event.text, ","))
    return KH_ERR_EVENT_REPEATED;
  if (signature.text.at && token.text.at)
    return KH_ERR_CREDENTIALS_BOTH;
  if (!signature.text.at && !token.text.at)
    return KH_ERR_CREDENTIAL_ABSENT;
  *kind = signature.text.at ? KH_PROOF_SIGNATURE : KH_PROOF_TOKEN;
  if (*kind == KH_PROOF_SIGNATURE && verifier->signatures->count == 0)
    return KH_ERR_SIGNATURE_NOT_ACCEPTED;
  if (*kind == KH_PROOF_TOKEN && verifier->tokens->count == 0)
    return KH_ERR_TOKEN_NOT_ACCEPTED;
  return KH_OK;
}

/*
 * The secret whose MAC of timestamp "." body is the one sent, or NULL. Every secret is tried, match or not.
 */
static const struct kh_named_secret *signed_by(const struct kh_secret_list *secrets,
                                               const struct kh_signature *signature, struct kh_str body)
{
  const struct kh_named_secret *match = NULL;
  const struct kh_str parts[] = {signature->timestamp, KH_STR("."), body};
  unsigned char mac[KH_DIGEST_BYTES];

  for (size_t i = 0; i < secrets->count; i++) {
    const struct kh_named_secret *candidate = &secrets->at[i];

    if (kh_secret_is_empty(&candidate->secret))
      continue;
    kh_secret_mac(&candidate->secret, parts, KH_COUNT(parts), mac);
    if (kh_digest_equal(mac, signature->mac) && !match)
      match = candidate;
  }
  kh_wipe(mac, sizeof mac);
  return match;
}

static const struct kh_named_secret *token_of(const struct kh_secret_list *secrets, struct kh_str sent)
{
  const struct kh_named_secret *match = NULL;
  unsigned char sent_digest[KH_DIGEST_BYTES];
  unsigned char own_digest[KH_DIGEST_BYTES];

  kh_sha256(&sent, 1, sent_digest);
  for (size_t i = 0; i < secrets->count; i++) {
    const struct kh_named_secret *candidate = &secrets->at[i];
    struct kh_str own = kh_secret_reveal(&candidate->secret);

    if (own.len == 0)
      continue;
    kh_sha256(&own, 1, own_digest);
    if (kh_digest_equal(sent_digest, own_digest) && !match)
      match = candidate;
  }
  kh_wipe(own_digest, sizeof own_digest);
  kh_wipe(sent_digest, sizeof sent_digest);
  return match;
}

static enum kh_err check_freshness(int64_t timestamp_s, int64_t now_s, int64_t freshness_s)
{
  if (now_s - timestamp_s > freshness_s)
    return KH_ERR_STALE;
  return timestamp_s - now_s > freshness_s ? KH_ERR_FUTURE : KH_OK;
}

static enum kh_err verify_signature(const struct kh_verifier *verifier, struct kh_str header, int64_t now_s,
                                    struct kh_verified *verified)
{
  struct kh_signature signature;
  enum kh_err err = kh_signature_parse(header, &signature);

  if (err)
    return err;
  verified->timestamp_s = signature.timestamp_s;
  verified->by = signed_by(verifier->signatures, &signature, verified->body);
  if (!verified->by)
    return KH_ERR_SIGNATURE_MISMATCH;
  kh_hex(signature.mac, sizeof signature.mac, verified->signature);
  return check_freshness(signature.timestamp_s, now_s, verifier->freshness_s);
}

static enum kh_err verify_token(const struct kh_verifier *verifier, struct kh_str header,
                                struct kh_verified *verified)
{
  if (header.len > KH_SECRET_MAX_BYTES)
    return KH_ERR_HEADER_TOO_LONG;
  verified->by = token_of(verifier->tokens, header);
  if (verified->by)
    return KH_OK;
  /* Only now: a token may hold such a sign itself. */
  return is_joined(header, ", ") ? KH_ERR_CREDENTIAL_REPEATED : KH_ERR_TOKEN_MISMATCH;
}

enum kh_err kh_verify(const struct kh_verifier *verifier, const struct kh_request *request, int64_t now_s,
                      struct kh_verified *verified)
{
  enum kh_err result = KH_ERR_SIGNATURE_MISMATCH;

  *verified = (struct kh_verified){.body = request->body,
                                   .event_header = request->headers[KH_HEADER_EVENT].text};
  enum kh_err err = choose_proof(verifier, request, &verified->proof);
  if (!err && verified->proof == KH_PROOF_SIGNATURE)
    err = verify_signature(verifier, request->headers[KH_HEADER_SIGNATURE].text, now_s, verified);
  else if (!err)
    err = verify_token(verifier, request->headers[KH_HEADER_TOKEN].text, verified);

  if (err)
    result = err;
  else if (verified->by)
    result = KH_OK;
  return result;
}
