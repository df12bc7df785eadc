#include "base/base.h"

#include "support/command.h"
#include "support/openssl.h"

#include <check.h>

enum { MESSAGE_MAX_BYTES = 64 << 20, CACHE_ROWS = 256, CACHED_MAX_BYTES = 4096 };

/* KEY, a length and MESSAGE joined name a row; a hash has the absent key. */
struct row {
  char *name;
  size_t len;
  unsigned char digest[KH_DIGEST_BYTES];
};

static struct {
  struct row rows[CACHE_ROWS];
  size_t count;
} cache;

static void row_name(struct kh_buf *name, struct kh_str key, struct kh_str message)
{
  kh_buf_init(name, MESSAGE_MAX_BYTES);
  (void)kh_buf_printf(name, "%s%zu:", key.at ? "mac" : "hash", key.len);
  (void)kh_buf_add(name, key);
  (void)kh_buf_add(name, message);
  ck_assert_int_eq(kh_buf_ok(name), KH_OK);
}

static void run(struct kh_str key, struct kh_str message, unsigned char digest[KH_DIGEST_BYTES])
{
  const char *const hash[] = {"openssl", "dgst", "-sha256", "-binary", NULL};
  struct kh_buf option, out;

  kh_buf_init(&option, 2 * KH_SECRET_MAX_BYTES + 16);
  kh_buf_init(&out, KH_DIGEST_BYTES);
  (void)kh_buf_add(&option, KH_STR("hexkey:"));
  (void)kh_buf_add_hex(&option, (const unsigned char *)key.at, key.len);
  ck_assert_int_eq(kh_buf_ok(&option), KH_OK);
  const char *const mac[] = {"openssl", "mac", "-digest", "SHA256", "-macopt", kh_buf_text(&option),
                             "-binary", "-in", "-",       "HMAC",   NULL};

  ck_assert_int_eq(kh_command(key.at ? mac : hash, message, &out), 0);
  ck_assert_uint_eq(out.len, KH_DIGEST_BYTES);
  memcpy(digest, out.at, KH_DIGEST_BYTES);
  kh_buf_release(&option);
  kh_buf_release(&out);
}

static void look_up(struct kh_str key, struct kh_str message, unsigned char digest[KH_DIGEST_BYTES])
{
  struct kh_buf name;

  row_name(&name, key, message);
  for (size_t i = 0; i < cache.count; i++)
    if (kh_str_equal(kh_buf_view(&name), kh_str(cache.rows[i].name, cache.rows[i].len))) {
      memcpy(digest, cache.rows[i].digest, KH_DIGEST_BYTES);
      kh_buf_release(&name);
      return;
    }

  run(key, message, digest);
  if (cache.count == CACHE_ROWS || name.len > CACHED_MAX_BYTES) {
    kh_buf_release(&name);
    return;
  }
  struct row *row = &cache.rows[cache.count++];
  row->name = name.at;
  row->len = name.len;
  memcpy(row->digest, digest, KH_DIGEST_BYTES);
}

void kh_openssl_hmac(struct kh_str key, struct kh_str message, unsigned char mac[KH_DIGEST_BYTES])
{
  look_up(kh_str(key.at ? key.at : "", key.len), message, mac);
}

void kh_openssl_sha256(struct kh_str message, unsigned char digest[KH_DIGEST_BYTES])
{
  look_up(KH_NO_STR, message, digest);
}

void kh_hex_write(const unsigned char digest[KH_DIGEST_BYTES], char hex[KH_HEX_BYTES])
{
  for (size_t i = 0; i < KH_DIGEST_BYTES; i++)
    (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void kh_openssl_sign(struct kh_str key, struct kh_str timestamp, struct kh_str body, char hex[KH_HEX_BYTES])
{
  unsigned char mac[KH_DIGEST_BYTES];
  struct kh_buf message;

  kh_buf_init(&message, MESSAGE_MAX_BYTES);
  (void)kh_buf_add(&message, timestamp);
  (void)kh_buf_add_byte(&message, '.');
  (void)kh_buf_add(&message, body);
  ck_assert_int_eq(kh_buf_ok(&message), KH_OK);
  kh_openssl_hmac(key, kh_buf_view(&message), mac);
  kh_hex_write(mac, hex);
  kh_buf_release(&message);
}
