#include "base/base.h"

#include "base/base64.h"
#include "base/buf.h"
#include "net/jwt.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

enum { BEFORE_S = 60, AFTER_S = 540, SIGNATURE_MAX_BYTES = 1024, CLAIMS_MAX_BYTES = 256 };
enum { LEAST_BITS = 2048 };

/* Nobody is there to type one. */
static int no_password(char *to, int room, int writing, void *self)
{
  (void)to;
  (void)room;
  (void)writing;
  (void)self;
  return -1;
}

/* NULL when KEY holds none. */
static EVP_PKEY *read_key(const struct kh_secret *key)
{
  const struct kh_str text = kh_secret_reveal(key);
  BIO *from = BIO_new_mem_buf(text.at, (int)text.len);
  EVP_PKEY *read = from ? PEM_read_bio_PrivateKey(from, NULL, no_password, NULL) : NULL;

  BIO_free(from);
  ERR_clear_error();
  if (read && EVP_PKEY_base_id(read) == EVP_PKEY_RSA && EVP_PKEY_bits(read) >= LEAST_BITS)
    return read;
  EVP_PKEY_free(read);
  return NULL;
}

bool kh_jwt_is_key(const struct kh_secret *key)
{
  EVP_PKEY *read = read_key(key);

  EVP_PKEY_free(read);
  return read != NULL;
}

/* Appends BYTES in the alphabet for URLs, without padding (RFC 4648, section 5). */
static void add_base64(struct kh_buf *out, struct kh_str bytes)
{
  char text[KH_BASE64_CHARACTERS(SIGNATURE_MAX_BYTES) + 1];

  kh_base64_encode((const unsigned char *)bytes.at, bytes.len, text);
  for (const char *c = text; *c && *c != '='; c++)
    (void)kh_buf_add_byte(out, *c == '+' ? '-' : *c == '/' ? '_' : *c);
  kh_wipe(text, sizeof text);
}

static bool sign(EVP_PKEY *key, struct kh_str text, unsigned char *signature, size_t *len)
{
  EVP_MD_CTX *signing = EVP_MD_CTX_new();
  const bool good = signing && EVP_DigestSignInit(signing, NULL, EVP_sha256(), NULL, key) == 1 &&
                    EVP_DigestSign(signing, signature, len, (const unsigned char *)text.at, text.len) == 1;

  EVP_MD_CTX_free(signing);
  ERR_clear_error();
  return good;
}

enum kh_err kh_jwt_make(const struct kh_secret *key, const char *issuer, int64_t now_s,
                        struct kh_secret *token)
{
  unsigned char signature[SIGNATURE_MAX_BYTES];
  size_t len = sizeof signature;
  char claims[CLAIMS_MAX_BYTES];
  struct kh_buf text;
  EVP_PKEY *read = read_key(key);
  enum kh_err err = KH_ERR_CONFIG;
  const int wrote = snprintf(claims, sizeof claims,
                             "{\"iat\":%" PRId64 ",\"exp\":%" PRId64 ",\"iss\":\"%s\"}", now_s - BEFORE_S,
                             now_s + AFTER_S, issuer);

  kh_buf_init(&text, KH_SECRET_MAX_BYTES);
  (void)kh_buf_reserve(&text, KH_SECRET_MAX_BYTES); /* moved, what it holds could not be wiped */
  if (!read || wrote < 0 || (size_t)wrote >= sizeof claims)
    goto done;
  add_base64(&text, KH_STR("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"));
  (void)kh_buf_add_byte(&text, '.');
  add_base64(&text, kh_str_of(claims));
  err = kh_buf_ok(&text);
  if (!err && !sign(read, kh_buf_view(&text), signature, &len))
    err = KH_ERR_CONFIG;
  if (err)
    goto done;
  (void)kh_buf_add_byte(&text, '.');
  add_base64(&text, kh_str((const char *)signature, len));
  err = kh_buf_ok(&text);
  if (!err)
    err = kh_secret_set(token, kh_buf_view(&text));

done:
  kh_wipe_buf(&text);
  EVP_PKEY_free(read);
  return err;
}
