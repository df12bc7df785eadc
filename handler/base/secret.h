/*
 * secret.h - struct kh_secret, the third kind of bytes, and all hashing.
 *
 * A secret owns its bytes and wipes them on release. No log or buffer function
 * takes one, so leaking it is a type error. kh_secret_reveal is the one way
 * out; the check in script/check counts its callers.
 *
 * Hashes are SHA-256 and HMAC-SHA256 (RFC 2104) over OpenSSL's SHA256_*
 * functions: the first EVP call of a process costs more than a whole CGI start.
 * Where a libcrypto lacks them the build uses EVP (KH_SHA256_EVP) and says so.
 * A message is given in parts, so that nothing is copied to join it.
 */
#ifndef KH_SECRET_H
#define KH_SECRET_H

struct kh_buf;

enum { KH_DIGEST_BYTES = 32, KH_SECRET_MAX_BYTES = 4096 };

struct kh_secret {
  unsigned char *at;
  size_t len;
};

/*
 * Copies TEXT. KH_ERR_LIMIT over KH_SECRET_MAX_BYTES, KH_ERR_NO_MEMORY. Replaces (and wipes) what was there.
 */
enum kh_err kh_secret_set(struct kh_secret *secret, struct kh_str text) KH_MUST_USE;
/* TO gets what FROM holds, as by kh_secret_set; without an error but KH_ERR_NO_MEMORY. */
enum kh_err kh_secret_copy(struct kh_secret *to, const struct kh_secret *from) KH_MUST_USE;
/* Wipes and frees; the secret is empty afterwards. {0} is empty too. */
void kh_secret_release(struct kh_secret *secret);
static inline bool kh_secret_is_empty(const struct kh_secret *secret)
{
  return secret->len == 0;
}
/* The bytes themselves, for the wire. Holds until release; always followed by a NUL. */
struct kh_str kh_secret_reveal(const struct kh_secret *secret);

/* Wipes LEN bytes so that the compiler cannot leave it out. */
void kh_wipe(void *at, size_t len);
/*
 * Wipes the bytes, then releases. Wipes all of them only where the buffer never moved: reserve its room
 * first.
 */
void kh_wipe_buf(struct kh_buf *buf);

/* HMAC-SHA256 of the parts joined, keyed by SECRET. */
void kh_secret_mac(const struct kh_secret *secret, const struct kh_str *parts, size_t count,
                   unsigned char mac[KH_DIGEST_BYTES]);
/* SHA-256 of the parts joined. */
void kh_sha256(const struct kh_str *parts, size_t count, unsigned char digest[KH_DIGEST_BYTES]);
/*
 * Compares in time that depends on neither digest. To compare secrets of any
 * length, compare their kh_sha256: the time then depends only on the lengths.
 */
bool kh_digest_equal(const unsigned char a[KH_DIGEST_BYTES], const unsigned char b[KH_DIGEST_BYTES]);

#endif
