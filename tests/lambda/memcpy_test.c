#include "base/base.h"

#include "support/suite.h"

/* lambda/memcpy.c under another name, since here the compiler's and the sanitizers' one stays. */
void *kh_memcpy(void *restrict to, const void *restrict from, size_t length);

enum { ROOM = 2048, EDGE = 32 };

/* Every length around the borders of its branches, at odd addresses, against a loop over bytes. */
START_TEST(copies_just_what_it_should)
{
  unsigned char from[ROOM + EDGE], to[ROOM + EDGE], wanted[ROOM + EDGE];

  for (size_t i = 0; i < sizeof from; i++)
    from[i] = (unsigned char)(i * 7 + i / 251);
  for (size_t length = 0; length <= 1100; length += length < 600 ? 1 : 37)
    for (size_t shift = 0; shift < 4; shift++) {
      memset(to, 0xEE, sizeof to);
      memset(wanted, 0xEE, sizeof wanted);
      for (size_t i = 0; i < length; i++)
        wanted[shift + 1 + i] = from[3 * shift + i];
      ck_assert_ptr_eq(kh_memcpy(to + shift + 1, from + 3 * shift, length), to + shift + 1);
      ck_assert_msg(memcmp(to, wanted, sizeof to) == 0, "%zu bytes, shifted by %zu", length, shift);
    }
}
END_TEST

static Suite *memcpy_suite(void)
{
  Suite *suite = suite_create("memcpy");
  TCase *cases = tcase_create("memcpy");

  tcase_add_test(cases, copies_just_what_it_should);
  suite_add_tcase(suite, cases);
  return suite;
}

int main(void)
{
  return kh_test_main(memcpy_suite());
}
