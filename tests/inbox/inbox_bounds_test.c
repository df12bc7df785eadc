#include "base/base.h"

#include "support/inbox_case.h"
#include "support/suite.h"

#include <sys/stat.h>

static struct kh_inbox_case it;

static void open_inbox(void)
{
  kh_inbox_case_open(&it);
}

static void close_inbox(void)
{
  kh_inbox_case_close(&it);
}

START_TEST(a_look_counts_and_finds_the_oldest)
{
  char name[KH_ENTRY_NAME_BYTES];
  uint64_t bytes = 0;

  ck_assert_int_eq(kh_inbox_look(&it.inbox, &it.load), KH_OK);
  ck_assert_uint_eq(it.load.entries, 0);
  ck_assert_uint_eq(it.load.bytes, 0);
  ck_assert_uint_eq(it.load.aside, 0);
  ck_assert_int_eq(it.load.oldest_us, 0);
  for (int i = 0; i < 3; i++) {
    struct stat about;
    char path[1024];

    it.entry.received_us = INT64_C(1700000000000000) - i;
    ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
    (void)snprintf(path, sizeof path, "%s/inbox/new/%s", it.state, name);
    ck_assert_int_eq(stat(path, &about), 0);
    bytes += (uint64_t)about.st_size;
  }
  ck_assert_int_eq(kh_inbox_look(&it.inbox, &it.load), KH_OK);
  ck_assert_uint_eq(it.load.entries, 3);
  ck_assert_uint_eq(it.load.bytes, bytes);
  ck_assert_int_eq(it.load.oldest_us, INT64_C(1700000000000000) - 2);
  ck_assert_int_eq(kh_inbox_set_aside(&it.inbox, name, KH_ERR_ENTRY_MAC, NULL), KH_OK);
  ck_assert_int_eq(kh_inbox_look(&it.inbox, &it.load), KH_OK);
  ck_assert_uint_eq(it.load.entries, 2);
  ck_assert_uint_eq(it.load.aside, 1);
  ck_assert_int_eq(it.load.oldest_us, INT64_C(1700000000000000) - 1);
}
END_TEST

START_TEST(the_number_of_entries_is_bounded)
{
  char name[KH_ENTRY_NAME_BYTES];

  for (int i = 0; i < KH_INBOX_CASE_ENTRIES; i++)
    ck_assert_msg(kh_inbox_case_keep(&it, name) == KH_OK, "%s", it.diag.text);
  kh_inbox_case_refuse(&it, KH_ERR_INBOX_FULL, KH_INBOX_CASE_ENTRIES);
  ck_assert_uint_eq(it.load.entries, KH_INBOX_CASE_ENTRIES);
  ck_assert_int_eq(kh_inbox_remove(&it.inbox, name), KH_OK);
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  kh_inbox_case_refuse(&it, KH_ERR_INBOX_FULL, KH_INBOX_CASE_ENTRIES);
}
END_TEST

START_TEST(the_bytes_are_bounded_exactly)
{
  char name[KH_ENTRY_NAME_BYTES];

  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  ck_assert_int_eq(kh_inbox_look(&it.inbox, &it.load), KH_OK);
  const uint64_t one = it.load.bytes;
  ck_assert_uint_gt(one, sizeof KH_INBOX_CASE_BODY);

  it.inbox.bounds.max_bytes = 2 * one - 1;
  kh_inbox_case_refuse(&it, KH_ERR_INBOX_FULL, 1);
  it.inbox.bounds.max_bytes = 2 * one;
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  kh_inbox_case_refuse(&it, KH_ERR_INBOX_FULL, 2);
}
END_TEST

/*
 * Or a bound as small as one body would keep out the largest ones, whose entries have a line, too, for ever.
 */
START_TEST(an_empty_inbox_takes_one_of_any_size)
{
  char name[KH_ENTRY_NAME_BYTES];

  it.inbox.bounds.max_bytes = sizeof KH_INBOX_CASE_BODY - 1;
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  kh_inbox_case_refuse(&it, KH_ERR_INBOX_FULL, 1);
  ck_assert_int_eq(kh_inbox_remove(&it.inbox, name), KH_OK);
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
}
END_TEST

START_TEST(what_is_set_aside_counts_too)
{
  char name[KH_ENTRY_NAME_BYTES];

  for (int i = 0; i < KH_INBOX_CASE_ENTRIES; i++) {
    ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
    if (i > 1)
      ck_assert_int_eq(kh_inbox_set_aside(&it.inbox, name, KH_ERR_ENTRY_MAC, NULL), KH_OK);
  }
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_ERR_INBOX_FULL);
  ck_assert_int_eq(kh_inbox_keep_aside(&it.inbox, &it.entry, KH_ERR_JSON_SYNTAX, NULL, name, &it.diag),
                   KH_ERR_INBOX_FULL);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 2);
  ck_assert_int_eq(kh_inbox_case_count(&it, "tmp"), 0);
  ck_assert_int_eq(kh_inbox_look(&it.inbox, &it.load), KH_OK);
  ck_assert_uint_eq(it.load.entries, 2);
  ck_assert_uint_eq(it.load.aside, 3);

  it.inbox.bounds.max_entries = 100;
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  ck_assert_int_eq(kh_inbox_look(&it.inbox, &it.load), KH_OK);
  it.inbox.bounds.max_bytes = it.load.bytes * 2;
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_ERR_INBOX_FULL);
}
END_TEST

static Suite *inbox_bounds_suite(void)
{
  Suite *suite = suite_create("inbox bounds");
  TCase *bounds = kh_test_case(suite, "bounds");

  tcase_add_checked_fixture(bounds, open_inbox, close_inbox);
  tcase_add_test(bounds, a_look_counts_and_finds_the_oldest);
  tcase_add_test(bounds, the_number_of_entries_is_bounded);
  tcase_add_test(bounds, the_bytes_are_bounded_exactly);
  tcase_add_test(bounds, an_empty_inbox_takes_one_of_any_size);
  tcase_add_test(bounds, what_is_set_aside_counts_too);
  return suite;
}

int main(void)
{
  return kh_test_main(inbox_bounds_suite());
}
