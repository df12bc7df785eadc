#include "base/base.h"

#include "inbox/refusals.h"
#include "support/suite.h"
#include "support/tempdir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_US INT64_C(86400000000)
#define NOW_US (INT64_C(19675) * DAY_US + 5)

static struct kh_tempdir dir;
static char path[512];

static void set_up(void)
{
  kh_tempdir_open(&dir);
  (void)kh_tempdir_path(&dir, "refused", path, sizeof path);
}

static void tear_down(void)
{
  kh_tempdir_close(&dir);
}

static void refuse(struct kh_refusals *refusals, enum kh_err verdict, int times)
{
  for (int i = 0; i < times; i++)
    kh_refusals_count(refusals, verdict);
}

static void expect(enum kh_err verdict, int64_t now_us, uint64_t today, uint64_t all)
{
  struct kh_refusal_counts counts;

  ck_assert_int_eq(kh_refusals_read(dir.path, now_us, &counts), KH_OK);
  ck_assert_uint_eq(counts.today[verdict], today);
  ck_assert_uint_eq(counts.all[verdict], all);
}

static off_t size_of_file(void)
{
  struct stat about;

  ck_assert_int_eq(stat(path, &about), 0);
  ck_assert_uint_eq(about.st_mode & 07777, 0600);
  return about.st_size;
}

START_TEST(several_receivers_add_up_in_a_file_that_does_not_grow)
{
  struct kh_refusals one = {.has_any = false}, other = {.has_any = false};

  refuse(&one, KH_ERR_SIGNATURE_MISMATCH, 3);
  refuse(&one, KH_OK, 5);
  kh_refusals_write(&one, dir.path, NOW_US);
  const off_t size = size_of_file();
  ck_assert(!one.has_any);
  refuse(&other, KH_ERR_SIGNATURE_MISMATCH, 2);
  refuse(&other, KH_ERR_STALE, 1);
  kh_refusals_write(&other, dir.path, NOW_US + DAY_US / 2);
  expect(KH_ERR_SIGNATURE_MISMATCH, NOW_US, 5, 5);
  expect(KH_ERR_STALE, NOW_US, 1, 1);
  expect(KH_ERR_SIGNATURE_MISMATCH, NOW_US + DAY_US, 0, 5);
  refuse(&one, KH_ERR_STALE, 1);
  kh_refusals_write(&one, dir.path, NOW_US + DAY_US);
  expect(KH_ERR_STALE, NOW_US + DAY_US, 1, 2);
  expect(KH_ERR_SIGNATURE_MISMATCH, NOW_US + DAY_US, 0, 5);
  ck_assert_int_eq(size_of_file(), size);
}
END_TEST

START_TEST(nothing_is_made_where_nothing_was_refused)
{
  struct kh_refusals none = {.has_any = false};
  struct kh_refusal_counts counts;

  kh_refusals_write(&none, dir.path, NOW_US);
  ck_assert_int_ne(access(path, F_OK), 0);
  ck_assert_int_eq(kh_refusals_read(dir.path, NOW_US, &counts), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_refusals_read("/nonexistent", NOW_US, &counts), KH_ERR_NOT_FOUND);
}
END_TEST

START_TEST(what_cannot_be_written_stays_for_later)
{
  struct kh_refusals some = {.has_any = false};
  int fd = open(path, O_RDWR | O_CREAT, 0600);

  refuse(&some, KH_ERR_METHOD, 4);
  ck_assert_int_eq(flock(fd, LOCK_EX), 0);
  kh_refusals_write(&some, dir.path, NOW_US);
  ck_assert(some.has_any);
  (void)close(fd);
  ck_assert_int_eq(chmod(dir.path, 0755), 0); /* no receiver keeps anything there either */
  kh_refusals_write(&some, dir.path, NOW_US);
  ck_assert(some.has_any);
  ck_assert_int_eq(chmod(dir.path, 0700), 0);
  kh_refusals_write(&some, dir.path, NOW_US);
  expect(KH_ERR_METHOD, NOW_US, 4, 4);
}
END_TEST

START_TEST(what_others_left_there_does_no_harm)
{
  struct kh_refusals some = {.has_any = false};
  char rubbish[20000];

  memset(rubbish, 'x', sizeof rubbish);
  kh_file_put(path, kh_str(rubbish, sizeof rubbish));
  refuse(&some, KH_ERR_METHOD, 4);
  kh_refusals_write(&some, dir.path, NOW_US);
  expect(KH_ERR_METHOD, NOW_US, 4, 4);
  ck_assert_int_lt(size_of_file(), 65536);
}
END_TEST

#define HOUR_US INT64_C(3600000000)

static void expect_span(int64_t from_us, int64_t to_us, int64_t now_us, const struct kh_refusal_span *want)
{
  struct kh_refusal_counts counts;
  struct kh_refusal_span span;

  ck_assert_int_eq(kh_refusals_read(dir.path, now_us, &counts), KH_OK);
  kh_refusals_between(&counts, from_us, to_us, now_us, &span);
  ck_assert_int_eq(span.from_us, want->from_us);
  ck_assert_int_eq(span.to_us, want->to_us);
  ck_assert_int_eq(span.since_us, want->since_us);
  ck_assert_uint_eq(span.all, want->all);
  ck_assert_uint_eq(span.unkept, want->unkept);
}

/* NOW_US is five microseconds behind midnight. */
START_TEST(an_hour_has_its_own_count)
{
  const int64_t midnight_us = NOW_US - 5;
  struct kh_refusals some = {.has_any = false};

  refuse(&some, KH_ERR_SIGNATURE_MISMATCH, 3);
  kh_refusals_write(&some, dir.path, NOW_US);
  refuse(&some, KH_ERR_INBOX_FULL, 2);
  refuse(&some, KH_ERR_STALE, 5);
  kh_refusals_write(&some, dir.path, NOW_US + HOUR_US - 6);
  refuse(&some, KH_ERR_METHOD, 1);
  kh_refusals_write(&some, dir.path, NOW_US + 3 * HOUR_US);
  expect_span(NOW_US, NOW_US, NOW_US,
              &(struct kh_refusal_span){midnight_us, midnight_us + HOUR_US, midnight_us, 10, 2});
  expect_span(NOW_US + HOUR_US, NOW_US + 2 * HOUR_US, NOW_US + 3 * HOUR_US,
              &(struct kh_refusal_span){midnight_us + HOUR_US, midnight_us + 3 * HOUR_US,
                                        midnight_us + HOUR_US, 0, 0});
  expect_span(
      NOW_US - HOUR_US, NOW_US + 3 * HOUR_US, NOW_US + 3 * HOUR_US,
      &(struct kh_refusal_span){midnight_us - HOUR_US, midnight_us + 4 * HOUR_US, midnight_us, 11, 2});
  expect_span(NOW_US - 2 * HOUR_US, NOW_US - HOUR_US, NOW_US,
              &(struct kh_refusal_span){midnight_us - 2 * HOUR_US, midnight_us, 0, 0, 0});
}
END_TEST

START_TEST(an_hour_is_forgotten_after_thirty_days)
{
  const int64_t midnight_us = NOW_US - 5, later_us = NOW_US + 30 * DAY_US;
  struct kh_refusals some = {.has_any = false};

  refuse(&some, KH_ERR_METHOD, 3);
  kh_refusals_write(&some, dir.path, NOW_US);
  const off_t size = size_of_file();
  expect_span(NOW_US, NOW_US, later_us,
              &(struct kh_refusal_span){midnight_us, midnight_us + HOUR_US, 0, 0, 0});
  refuse(&some, KH_ERR_METHOD, 4);
  kh_refusals_write(&some, dir.path, later_us);
  ck_assert_int_eq(size_of_file(), size);
  expect_span(NOW_US, later_us, later_us,
              &(struct kh_refusal_span){midnight_us, midnight_us + 30 * DAY_US + HOUR_US,
                                        midnight_us + 30 * DAY_US, 4, 0});
}
END_TEST

/* A version that did not count them. */
START_TEST(a_table_without_hours_is_read)
{
  struct kh_refusals some = {.has_any = false};

  kh_file_put(path, KH_STR("method_not_allowed                            0              12\n"));
  ck_assert_int_eq(size_of_file(), 64);
  expect(KH_ERR_METHOD, NOW_US, 0, 12);
  expect_span(NOW_US, NOW_US, NOW_US, &(struct kh_refusal_span){NOW_US - 5, NOW_US - 5 + HOUR_US, 0, 0, 0});
  refuse(&some, KH_ERR_METHOD, 1);
  kh_refusals_write(&some, dir.path, NOW_US);
  expect(KH_ERR_METHOD, NOW_US, 1, 13);
  expect_span(NOW_US, NOW_US, NOW_US,
              &(struct kh_refusal_span){NOW_US - 5, NOW_US - 5 + HOUR_US, NOW_US - 5, 1, 0});
}
END_TEST

START_TEST(a_link_is_not_followed)
{
  struct kh_refusals some = {.has_any = false};
  struct kh_refusal_counts counts;

  ck_assert_int_eq(symlink("elsewhere", path), 0);
  refuse(&some, KH_ERR_METHOD, 4);
  kh_refusals_write(&some, dir.path, NOW_US);
  ck_assert(some.has_any);
  ck_assert_int_eq(kh_refusals_read(dir.path, NOW_US, &counts), KH_ERR_IO);
}
END_TEST

static Suite *refusals_suite(void)
{
  Suite *suite = suite_create("refusals");
  TCase *test_case = kh_test_case(suite, "refusals");

  tcase_add_checked_fixture(test_case, set_up, tear_down);
  tcase_add_test(test_case, several_receivers_add_up_in_a_file_that_does_not_grow);
  tcase_add_test(test_case, nothing_is_made_where_nothing_was_refused);
  tcase_add_test(test_case, what_cannot_be_written_stays_for_later);
  tcase_add_test(test_case, what_others_left_there_does_no_harm);
  tcase_add_test(test_case, a_link_is_not_followed);
  tcase_add_test(test_case, an_hour_has_its_own_count);
  tcase_add_test(test_case, an_hour_is_forgotten_after_thirty_days);
  tcase_add_test(test_case, a_table_without_hours_is_read);
  return suite;
}

int main(void)
{
  return kh_test_main(refusals_suite());
}
