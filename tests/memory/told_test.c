/* What was told, against a list that is looked through from its end: growing, told anew, growing old. */
#include "base/base.h"

#include "memory/told.h"
#include "support/suite.h"

enum { TELLINGS = 20000, WHATS = 3000 };

static const int64_t day_us = INT64_C(86400) * 1000000;

struct telling {
  unsigned number;
  int64_t value, at_us;
};

static void hash(unsigned number, unsigned char what[KH_DIGEST_BYTES])
{
  const struct kh_str text = kh_str((const char *)&number, sizeof number);

  kh_sha256(&text, 1, what);
}

static const struct telling *last_of(const struct telling *all, size_t count, unsigned number)
{
  while (count > 0)
    if (all[--count].number == number)
      return &all[count];
  return NULL;
}

static void check_one(const struct kh_memory *memory, const struct telling *all, size_t count,
                      unsigned number, int64_t now_us)
{
  const struct telling *last = last_of(all, count, number);
  const bool is_there = last && last->at_us >= now_us - KH_TOLD_AGE_S * INT64_C(1000000);
  unsigned char what[KH_DIGEST_BYTES];
  bool told = !is_there;
  int64_t value = -1;

  hash(number, what);
  ck_assert_int_eq(kh_memory_was_told(memory, what, now_us, &told), KH_OK);
  ck_assert_int_eq(kh_memory_told_value(memory, what, now_us, &value), KH_OK);
  ck_assert_int_eq(told, is_there);
  ck_assert_int_eq(value, is_there ? last->value : 0);
}

START_TEST(what_was_told_is_known_until_it_is_old)
{
  static struct telling all[TELLINGS];
  struct kh_told_rows told = {0};
  const struct kh_memory memory = kh_told_memory(&told);
  unsigned seed = 1;

  check_one(&memory, all, 0, 7, day_us);
  for (size_t i = 0; i < TELLINGS; i++) {
    unsigned char what[KH_DIGEST_BYTES];

    seed = seed * 1103515245U + 12345U;
    /* Over 90 days, so that two thirds have grown old; sooner or later all of WHATS come. */
    all[i] = (struct telling){(seed >> 16) % WHATS, (int64_t)i % 3,
                              (int64_t)(i + 1) * 90 * day_us / TELLINGS};
    hash(all[i].number, what);
    ck_assert_int_eq(kh_memory_tell(&memory, what, all[i].at_us, all[i].value), KH_OK);
    check_one(&memory, all, i + 1, all[i].number, all[i].at_us);
    check_one(&memory, all, i + 1, (seed >> 8) % (2 * WHATS), all[i].at_us);
  }
  for (unsigned number = 0; number < 2 * WHATS; number++)
    check_one(&memory, all, TELLINGS, number, 90 * day_us);
  ck_assert_uint_le(told.room, 8 * WHATS);
  kh_told_release(&told);
}
END_TEST

/* More than it holds: an error, and what was told stays told, until it has grown old. */
START_TEST(more_than_it_holds_is_an_error)
{
  struct kh_told_rows told = {0};
  const struct kh_memory memory = kh_told_memory(&told);
  unsigned char what[KH_DIGEST_BYTES];
  enum kh_err err = KH_OK;
  unsigned count = 0;
  bool is_told = false;

  for (; !err && count <= 4U * KH_TOLD_MAX; count++) {
    hash(count, what);
    err = kh_memory_tell(&memory, what, day_us, 0);
  }
  ck_assert_int_eq(err, KH_ERR_LIMIT);
  ck_assert_uint_ge(count, KH_TOLD_MAX);
  hash(0, what);
  ck_assert_int_eq(kh_memory_was_told(&memory, what, day_us, &is_told), KH_OK);
  ck_assert(is_told);
  ck_assert_int_eq(kh_memory_tell(&memory, what, 40 * day_us, 0), KH_OK);
  kh_told_release(&told);
}
END_TEST

static Suite *told_suite(void)
{
  Suite *suite = suite_create("told");
  TCase *told = kh_test_case(suite, "told");

  tcase_add_test(told, what_was_told_is_known_until_it_is_old);
  tcase_add_test(told, more_than_it_holds_is_an_error);
  return suite;
}

int main(void)
{
  return kh_test_main(told_suite());
}
