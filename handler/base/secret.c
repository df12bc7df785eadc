#include "base/base.h"

#include "base/buf.h"
#include "base/secret.h"

/* SHA256_* are deprecated in OpenSSL 3 in favour of EVP, whose set-up is what we cannot afford. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#ifdef KH_SHA256_EVP
#include <openssl/evp.h>
#else
#include <openssl/sha.h>
#endif

enum { BLOCK_BYTES = 64 };

#ifdef KH_SHA256_EVP
struct hash {
  EVP_MD_CTX *state;
};

static void hash_start(struct hash *hash)
{
  hash->state = EVP_MD_CTX_new();
  if (!hash->state || EVP_DigestInit_ex(hash->state, EVP_sha256(), NULL) != 1)
    abort(); /* without SHA-256 nothing can be proven, and nothing may be accepted */
}

static void hash_add(struct hash *hash, const void *at, size_t len)
{
  if (EVP_DigestUpdate(hash->state, at, len) != 1)
    abort();
}

static void hash_end(struct hash *hash, unsigned char digest[KH_DIGEST_BYTES])
{
  if (EVP_DigestFinal_ex(hash->state, digest, NULL) != 1)
    abort();
  EVP_MD_CTX_free(hash->state);
}
#else
struct hash {
  SHA256_CTX state;
};

static void hash_start(struct hash *hash)
{
  (void)SHA256_Init(&hash->state);
}

static void hash_add(struct hash *hash, const void *at, size_t len)
{
  (void)SHA256_Update(&hash->state, at, len);
}

static void hash_end(struct hash *hash, unsigned char digest[KH_DIGEST_BYTES])
{
  (void)SHA256_Final(digest, &hash->state);
  kh_wipe(hash, sizeof *hash);
}
#endif

enum kh_err kh_secret_set(struct kh_secret *secret, struct kh_str text)
{
  if (text.len > KH_SECRET_MAX_BYTES)
    return KH_ERR_LIMIT;

  unsigned char *copy = malloc(text.len + 1);
  if (!copy)
    return KH_ERR_NO_MEMORY;
  if (text.len > 0)
    memcpy(copy, text.at, text.len);
  copy[text.len] = '\0';
  kh_secret_release(secret);
  secret->at = copy;
  secret->len = text.len;
  return KH_OK;
}

enum kh_err kh_secret_copy(struct kh_secret *to, const struct kh_secret *from)
{
  return kh_secret_set(to, kh_str((const char *)from->at, from->len));
}

void kh_secret_release(struct kh_secret *secret)
{
  if (secret->at)
    kh_wipe(secret->at, secret->len);
  free(secret->at);
  *secret = (struct kh_secret){NULL, 0};
}

struct kh_str kh_secret_reveal(const struct kh_secret *secret)
{
  return kh_str(secret->at ? (const char *)secret->at : "", secret->len);
}

void kh_wipe(void *at, size_t len)
{
  OPENSSL_cleanse(at, len);
}

void kh_wipe_buf(struct kh_buf *buf)
{
  if (buf->at)
    kh_wipe(buf->at, buf->len);
  kh_buf_release(buf);
}

static void hash_parts(struct hash *hash, const struct kh_str *parts, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (parts[i].len > 0)
      hash_add(hash, parts[i].at, parts[i].len);
}

void kh_sha256(const struct kh_str *parts, size_t count, unsigned char digest[KH_DIGEST_BYTES])
{
  struct hash hash;

  hash_start(&hash);
  hash_parts(&hash, parts, count);
  hash_end(&hash, digest);
}

void kh_secret_mac(const struct kh_secret *secret, const struct kh_str *parts, size_t count,
                   unsigned char mac[KH_DIGEST_BYTES])
{
  unsigned char key[BLOCK_BYTES] = {0};
  unsigned char pad[BLOCK_BYTES];
  unsigned char inner[KH_DIGEST_BYTES];
  struct hash hash;
  struct kh_str text = kh_secret_reveal(secret);

  if (text.len > BLOCK_BYTES)
    kh_sha256(&text, 1, key);
  else
    memcpy(key, text.at, text.len);

  for (size_t i = 0; i < BLOCK_BYTES; i++)
    pad[i] = key[i] ^ 0x36;
  hash_start(&hash);
  hash_add(&hash, pad, sizeof pad);
  hash_parts(&hash, parts, count);
  hash_end(&hash, inner);

  for (size_t i = 0; i < BLOCK_BYTES; i++)
    pad[i] = key[i] ^ 0x5c;
  hash_start(&hash);
  hash_add(&hash, pad, sizeof pad);
  hash_add(&hash, inner, sizeof inner);
  hash_end(&hash, mac);

  kh_wipe(key, sizeof key);
  kh_wipe(pad, sizeof pad);
  kh_wipe(inner, sizeof inner);
}

bool kh_digest_equal(const unsigned char a[KH_DIGEST_BYTES], const unsigned char b[KH_DIGEST_BYTES])
{
  return CRYPTO_memcmp(a, b, KH_DIGEST_BYTES) == 0;
}
