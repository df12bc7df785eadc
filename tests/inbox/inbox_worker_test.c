#include "base/base.h"

#include "support/inbox_case.h"
#include "support/suite.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

static struct kh_inbox_case it;

static void open_inbox(void)
{
  kh_inbox_case_open(&it);
}

static void close_inbox(void)
{
  kh_inbox_case_close(&it);
}

START_TEST(remove_takes_one_away)
{
  char name[KH_ENTRY_NAME_BYTES], other[KH_ENTRY_NAME_BYTES];
  struct kh_buf bytes;

  kh_buf_init(&bytes, 10000);
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  ck_assert_int_eq(kh_inbox_case_keep(&it, other), KH_OK);
  ck_assert_int_eq(kh_inbox_remove(&it.inbox, name), KH_OK);
  ck_assert_int_eq(kh_inbox_read(&it.inbox, name, &bytes), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_inbox_read(&it.inbox, other, &bytes), KH_OK);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 1);
  kh_buf_release(&bytes);
}
END_TEST

START_TEST(read_refuses_what_is_larger_than_the_buffer)
{
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_buf bytes;

  kh_buf_init(&bytes, 50);
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  ck_assert_int_ne(kh_inbox_read(&it.inbox, name, &bytes), KH_OK);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 1);
  kh_buf_release(&bytes);
}
END_TEST

/* A link in the folder leads nowhere. */
START_TEST(read_follows_no_link)
{
  struct kh_buf bytes;
  char path[1024];

  kh_buf_init(&bytes, 10000);
  (void)snprintf(path, sizeof path, "%s/inbox/new/0000000000000001.1.00000000,S=5", it.state);
  ck_assert_int_eq(symlink("/etc/hostname", path), 0);
  ck_assert_int_ne(kh_inbox_read(&it.inbox, strrchr(path, '/') + 1, &bytes), KH_OK);
  kh_buf_release(&bytes);
}
END_TEST

static void must_have_reason(const char *name, const char *token, const char *detail)
{
  struct stat about;
  json_error_t error;
  char path[1024];

  (void)snprintf(path, sizeof path, "%s/inbox/aside/%s.reason", it.state, name);
  ck_assert_msg(stat(path, &about) == 0, "%s: %s", path, strerror(errno));
  ck_assert_int_eq(about.st_mode & 07777, 0600);
  json_t *reason = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  ck_assert_msg(reason, "%s: %s", path, error.text);
  ck_assert_str_eq(json_string_value(json_object_get(reason, "reason")), token);
  if (detail)
    ck_assert_str_eq(json_string_value(json_object_get(reason, "detail")), detail);
  json_decref(reason);
  path[strlen(path) - strlen(".reason")] = '\0';
  ck_assert_int_eq(stat(path, &about), 0);
  ck_assert_int_eq(about.st_mode & 07777, 0600);
}

START_TEST(set_aside_keeps_the_bytes_and_the_reason)
{
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_diag why = {.err = KH_OK};

  (void)kh_diag_set(&why, KH_ERR_ENTRY_MAC, "it was \"changed\"\nby hand");
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  ck_assert_int_eq(kh_inbox_set_aside(&it.inbox, name, KH_ERR_ENTRY_MAC, &why), KH_OK);
  must_have_reason(name, "entry_mac", "it was \"changed\"\nby hand");
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 0);
  ck_assert_int_eq(kh_inbox_case_count(&it, "tmp"), 0);
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 2);
}
END_TEST

START_TEST(set_aside_goes_on_where_one_was_killed)
{
  char name[KH_ENTRY_NAME_BYTES], left[1024];

  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  (void)snprintf(left, sizeof left, "%s/inbox/tmp/%s.reason", it.state, name);
  kh_file_put(left, KH_STR("{"));
  ck_assert_int_eq(kh_inbox_set_aside(&it.inbox, name, KH_ERR_ENTRY_MAC, NULL), KH_OK);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 0);
  ck_assert_int_eq(kh_inbox_case_count(&it, "tmp"), 0);
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 2);
}
END_TEST

START_TEST(keep_aside_never_shows_in_new)
{
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_diag why = {.err = KH_OK};

  (void)kh_diag_set(&why, KH_ERR_JSON_SYNTAX, "byte 3: a value was expected");
  ck_assert_int_eq(kh_inbox_keep_aside(&it.inbox, &it.entry, KH_ERR_JSON_SYNTAX, &why, name, &it.diag),
                   KH_OK);
  must_have_reason(name, "json_syntax", why.text);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 0);
  ck_assert_int_eq(kh_inbox_case_count(&it, "tmp"), 0);
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 2);
}
END_TEST

START_TEST(sweep_removes_only_what_is_old)
{
  const int64_t now_us = INT64_C(1700000000000000);
  const int64_t hour_us = INT64_C(3600000000);
  const int64_t made_us[] = {now_us, now_us - hour_us + 1000000, now_us - hour_us - 1000000, 1};
  char name[KH_ENTRY_NAME_BYTES];
  char path[1024];

  it.entry.received_us = 1;
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  for (size_t i = 0; i < KH_COUNT(made_us); i++) {
    (void)snprintf(path, sizeof path, "%s/inbox/tmp/%016" PRIx64 ".1.00000000,S=3", it.state,
                   (uint64_t)made_us[i]);
    kh_file_put(path, KH_STR("abc"));
  }
  kh_inbox_sweep(&it.inbox, now_us);
  ck_assert_int_eq(kh_inbox_case_count(&it, "tmp"), 2);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 1);
}
END_TEST

static Suite *inbox_worker_suite(void)
{
  Suite *suite = suite_create("inbox worker");
  TCase *worker = kh_test_case(suite, "worker");

  tcase_add_checked_fixture(worker, open_inbox, close_inbox);
  tcase_add_test(worker, remove_takes_one_away);
  tcase_add_test(worker, read_refuses_what_is_larger_than_the_buffer);
  tcase_add_test(worker, read_follows_no_link);
  tcase_add_test(worker, set_aside_keeps_the_bytes_and_the_reason);
  tcase_add_test(worker, set_aside_goes_on_where_one_was_killed);
  tcase_add_test(worker, keep_aside_never_shows_in_new);
  tcase_add_test(worker, sweep_removes_only_what_is_old);
  return suite;
}

int main(void)
{
  return kh_test_main(inbox_worker_suite());
}
