#include "base/base.h"

#include "base/secret.h"
#include "support/guard.h"
#include "support/openssl.h"
#include "support/suite.h"

static const size_t lengths[] = {0, 1, 55, 56, 63, 64, 65, 127, 128, 1000};

/* Bytes in which NUL, 0xFF and everything between occur, different for each SEED. */
static void fill(char *at, size_t len, unsigned seed)
{
  for (size_t i = 0; i < len; i++)
    at[i] = (char)(i * 37 + seed * 101 + i / 256);
}

START_TEST(hashes_as_openssl_does)
{
  struct kh_guard guard = {NULL, 0};
  unsigned char got[KH_DIGEST_BYTES], want[KH_DIGEST_BYTES];
  char bytes[1000];

  fill(bytes, sizeof bytes, 1);
  struct kh_str text = kh_guard_end(&guard, kh_str(bytes, lengths[_i]));
  kh_openssl_sha256(text, want);
  kh_sha256(&text, 1, got);
  ck_assert_mem_eq(got, want, sizeof want);
  kh_guard_release(&guard);
}
END_TEST

/* Key and message lengths around the hash's block of 64 bytes and the padding's edge at 56. */
START_TEST(macs_as_openssl_does)
{
  struct kh_secret secret = {NULL, 0};
  struct kh_guard guard = {NULL, 0};
  unsigned char got[KH_DIGEST_BYTES], want[KH_DIGEST_BYTES];
  char key[1000], message[1000];

  fill(key, sizeof key, 2);
  fill(message, sizeof message, 3);
  ck_assert_int_eq(kh_secret_set(&secret, kh_str(key, lengths[_i])), KH_OK);
  for (size_t i = 0; i < KH_COUNT(lengths); i++) {
    struct kh_str text = kh_guard_end(&guard, kh_str(message, lengths[i]));

    kh_openssl_hmac(kh_str(key, lengths[_i]), text, want);
    kh_secret_mac(&secret, &text, 1, got);
    ck_assert_msg(memcmp(got, want, sizeof want) == 0, "key of %zu, message of %zu", lengths[_i], lengths[i]);
    kh_guard_release(&guard);
  }
  kh_secret_release(&secret);
}
END_TEST

/* Any split of a message into parts gives the same; absent and empty parts count for nothing. */
START_TEST(parts_are_joined)
{
  struct kh_secret secret = {NULL, 0};
  unsigned char got[KH_DIGEST_BYTES], mac[KH_DIGEST_BYTES], digest[KH_DIGEST_BYTES];
  char message[130];

  fill(message, sizeof message, 4);
  const struct kh_str whole = kh_str(message, sizeof message);
  ck_assert_int_eq(kh_secret_set(&secret, KH_STR("key")), KH_OK);
  kh_openssl_hmac(KH_STR("key"), whole, mac);
  kh_openssl_sha256(whole, digest);
  for (size_t a = 0; a <= sizeof message; a++) {
    size_t b = a + (sizeof message - a) / 2;
    const struct kh_str parts[] = {kh_str(message, a), KH_NO_STR, kh_str(message + a, b - a), KH_STR(""),
                                   kh_str(message + b, sizeof message - b)};

    kh_secret_mac(&secret, parts, KH_COUNT(parts), got);
    ck_assert_mem_eq(got, mac, sizeof mac);
    kh_sha256(parts, KH_COUNT(parts), got);
    ck_assert_mem_eq(got, digest, sizeof digest);
  }

  kh_openssl_hmac(KH_STR("key"), KH_STR(""), mac);
  kh_secret_mac(&secret, NULL, 0, got);
  ck_assert_mem_eq(got, mac, sizeof mac);
  kh_secret_release(&secret);
}
END_TEST

START_TEST(an_empty_secret_has_no_bytes)
{
  struct kh_secret secret = {NULL, 0};
  unsigned char got[KH_DIGEST_BYTES], want[KH_DIGEST_BYTES];
  const struct kh_str message = KH_STR("m");

  ck_assert(kh_secret_is_empty(&secret));
  ck_assert_uint_eq(kh_secret_reveal(&secret).len, 0);
  ck_assert_ptr_nonnull(kh_secret_reveal(&secret).at);
  kh_openssl_hmac(KH_STR(""), message, want);
  kh_secret_mac(&secret, &message, 1, got);
  ck_assert_mem_eq(got, want, sizeof want);
  kh_secret_release(&secret);
}
END_TEST

START_TEST(set_replaces_and_release_empties)
{
  struct kh_secret secret = {NULL, 0};
  char long_text[KH_SECRET_MAX_BYTES + 1];

  memset(long_text, 'k', sizeof long_text);
  ck_assert_int_eq(kh_secret_set(&secret, kh_str("a\0b", 3)), KH_OK);
  ck_assert(kh_str_equal(kh_secret_reveal(&secret), kh_str("a\0b", 3)));
  ck_assert_int_eq(kh_secret_reveal(&secret).at[3], '\0');
  ck_assert_int_eq(kh_secret_set(&secret, kh_str(long_text, KH_SECRET_MAX_BYTES)), KH_OK);
  ck_assert_uint_eq(kh_secret_reveal(&secret).len, KH_SECRET_MAX_BYTES);
  ck_assert_int_eq(kh_secret_set(&secret, kh_str(long_text, sizeof long_text)), KH_ERR_LIMIT);
  kh_secret_release(&secret);
  ck_assert(kh_secret_is_empty(&secret));
  kh_secret_release(&secret);
}
END_TEST

START_TEST(set_takes_a_part_of_itself)
{
  struct kh_secret secret = {NULL, 0};

  ck_assert_int_eq(kh_secret_set(&secret, KH_STR("0123456789")), KH_OK);
  struct kh_str own = kh_secret_reveal(&secret);
  ck_assert_int_eq(kh_secret_set(&secret, kh_str(own.at + 2, 4)), KH_OK);
  ck_assert(kh_str_equal(kh_secret_reveal(&secret), KH_STR("2345")));
  kh_secret_release(&secret);
}
END_TEST

START_TEST(equal_looks_at_every_bit)
{
  unsigned char a[KH_DIGEST_BYTES], b[KH_DIGEST_BYTES];

  for (size_t i = 0; i < sizeof a; i++)
    a[i] = b[i] = (unsigned char)(i * 9);
  ck_assert(kh_digest_equal(a, b));
  for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
    b[bit / 8] = (unsigned char)(b[bit / 8] ^ 1U << bit % 8);
    ck_assert(!kh_digest_equal(a, b));
    ck_assert(!kh_digest_equal(b, a));
    b[bit / 8] = a[bit / 8];
  }
}
END_TEST

START_TEST(wipe_clears_what_it_was_given)
{
  char bytes[] = "0123456789";

  kh_wipe(bytes + 2, 3);
  ck_assert_mem_eq(bytes,
                   "01\0\0\0"
                   "56789",
                   10);
  kh_wipe(bytes, 0);
  ck_assert_int_eq(bytes[0], '0');
}
END_TEST

static Suite *secret_suite(void)
{
  Suite *suite = suite_create("secret");
  TCase *hash = kh_test_case(suite, "hash");
  TCase *secret = kh_test_case(suite, "secret");

  tcase_add_loop_test(hash, hashes_as_openssl_does, 0, (int)KH_COUNT(lengths));
  tcase_add_loop_test(hash, macs_as_openssl_does, 0, (int)KH_COUNT(lengths));
  tcase_add_test(hash, parts_are_joined);
  tcase_add_test(hash, equal_looks_at_every_bit);
  tcase_add_test(secret, an_empty_secret_has_no_bytes);
  tcase_add_test(secret, set_replaces_and_release_empties);
  tcase_add_test(secret, set_takes_a_part_of_itself);
  tcase_add_test(secret, wipe_clears_what_it_was_given);
  return suite;
}

int main(void)
{
  return kh_test_main(secret_suite());
}
