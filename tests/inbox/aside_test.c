#include "base/base.h"

#include "inbox/aside.h"
#include "support/inbox_case.h"
#include "support/suite.h"

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

static void set_one_aside(char name[KH_ENTRY_NAME_BYTES])
{
  struct kh_diag why = {.err = KH_OK};

  (void)kh_diag_set(&why, KH_ERR_ENTRY_SECRET_GONE, "there is no \"current\" any more");
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  ck_assert_int_eq(kh_inbox_set_aside(&it.inbox, name, KH_ERR_ENTRY_SECRET_GONE, &why), KH_OK);
}

static void put_aside(const char *name, struct kh_str text)
{
  char path[1024];

  (void)snprintf(path, sizeof path, "%s/inbox/aside/%s", it.state, name);
  kh_file_put(path, text);
}

static size_t count_listed(char first[KH_ENTRY_NAME_BYTES])
{
  char(*names)[KH_ENTRY_NAME_BYTES] = NULL;
  size_t count = 77;

  ck_assert_int_eq(kh_aside_list(&it.inbox, &names, &count), KH_OK);
  for (size_t i = 1; i < count; i++)
    ck_assert_int_lt(strcmp(names[i - 1], names[i]), 0);
  if (count > 0)
    memcpy(first, names[0], KH_ENTRY_NAME_BYTES);
  free(names);
  return count;
}

START_TEST(an_entry_tells_what_it_is)
{
  char name[KH_ENTRY_NAME_BYTES], listed[KH_ENTRY_NAME_BYTES];
  struct kh_aside entry;

  it.entry.verified.event_header = KH_STR("ping");
  ck_assert_uint_eq(count_listed(listed), 0);
  set_one_aside(name);
  ck_assert_uint_eq(count_listed(listed), 1);
  ck_assert_str_eq(listed, name);
  ck_assert_int_eq(kh_aside_read(&it.inbox, name, &entry), KH_OK);
  ck_assert_str_eq(entry.name, name);
  ck_assert_int_eq(entry.received_us, it.entry.received_us);
  ck_assert_str_eq(entry.reason, "entry_secret_gone");
  ck_assert_str_eq(entry.detail, "there is no \"current\" any more");
  ck_assert_str_eq(entry.request_id, "abc");
  ck_assert_str_eq(entry.event, "ping");
  ck_assert_str_eq(entry.transport, "cgi");
  ck_assert_str_eq(entry.proof, "signature");
  ck_assert_str_eq(entry.secret, it.entry.verified.by->name);
  ck_assert_uint_gt(entry.bytes, strlen(KH_INBOX_CASE_BODY));
}
END_TEST

START_TEST(a_hostile_entry_tells_nothing)
{
  static const char *const texts[] = {"",
                                      "nonsense",
                                      "{\"event\":\"no end of line\"}",
                                      "{\"event\":7,\"proof\":[]}\n{}",
                                      "{\"transport\":\"much longer than that may ever be\"}\n",
                                      "[]\n",
                                      "\n\n"};
  struct kh_aside entry;

  for (size_t i = 0; i < KH_COUNT(texts); i++) {
    put_aside("0000000000000001.1.00000000,S=5", kh_str_of(texts[i]));
    put_aside("0000000000000001.1.00000000,S=5.reason", kh_str_of(texts[i]));
    ck_assert_int_eq(kh_aside_read(&it.inbox, "0000000000000001.1.00000000,S=5", &entry), KH_OK);
    ck_assert_str_eq(entry.event, "");
    ck_assert_str_eq(entry.transport, "");
    ck_assert_str_eq(entry.proof, "");
    ck_assert_str_eq(entry.reason, "");
    ck_assert_uint_eq(entry.bytes, strlen(texts[i]));
    ck_assert_int_eq(entry.received_us, 1);
  }
}
END_TEST

START_TEST(retry_moves_it_back)
{
  char name[KH_ENTRY_NAME_BYTES], waiting[2][KH_ENTRY_NAME_BYTES];
  struct kh_buf before, after;
  size_t count = 0;

  kh_buf_init(&before, 10000);
  kh_buf_init(&after, 10000);
  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  ck_assert_int_eq(kh_inbox_read(&it.inbox, name, &before), KH_OK);
  ck_assert_int_eq(kh_inbox_set_aside(&it.inbox, name, KH_ERR_ENTRY_MAC, NULL), KH_OK);
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 2);
  ck_assert_int_eq(kh_aside_retry(&it.inbox, name), KH_OK);
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 0);
  ck_assert_int_eq(kh_inbox_list(&it.inbox, waiting, 2, &count), KH_OK);
  ck_assert_uint_eq(count, 1);
  ck_assert_str_eq(waiting[0], name);
  ck_assert_int_eq(kh_inbox_read(&it.inbox, name, &after), KH_OK);
  ck_assert(kh_str_equal(kh_buf_view(&before), kh_buf_view(&after)));
  ck_assert_int_eq(kh_aside_retry(&it.inbox, name), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 1);
  kh_buf_release(&before);
  kh_buf_release(&after);
}
END_TEST

START_TEST(drop_takes_the_reason_along)
{
  char name[KH_ENTRY_NAME_BYTES], other[KH_ENTRY_NAME_BYTES];

  set_one_aside(name);
  set_one_aside(other);
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 4);
  ck_assert_int_eq(kh_aside_drop(&it.inbox, name), KH_OK);
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 2);
  ck_assert_int_eq(kh_aside_drop(&it.inbox, name), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 2);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 0);
}
END_TEST

static const char *const no_names[] = {
    "",         ".",
    "..",       "../new/x",
    "a/b",      ".hidden",
    "x.reason", "01234567890123456789012345678901234567890123456789012345678901234567890123456789"};

START_TEST(what_is_no_name_reaches_no_file)
{
  struct kh_aside entry;
  char name[KH_ENTRY_NAME_BYTES];

  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  put_aside("x", KH_STR("x"));
  put_aside("x.reason", KH_STR("{}"));
  ck_assert(!kh_aside_is_name(no_names[_i]));
  ck_assert_int_eq(kh_aside_read(&it.inbox, no_names[_i], &entry), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_aside_retry(&it.inbox, no_names[_i]), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_aside_drop(&it.inbox, no_names[_i]), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 1);
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 2);
}
END_TEST

START_TEST(a_link_tells_nothing)
{
  struct kh_aside entry;
  char path[1024];

  (void)snprintf(path, sizeof path, "%s/inbox/aside/0000000000000001.1.00000000,S=5", it.state);
  ck_assert_int_eq(symlink("/etc/hostname", path), 0);
  ck_assert_int_eq(kh_aside_read(&it.inbox, strrchr(path, '/') + 1, &entry), KH_ERR_INBOX_IO);
  ck_assert_int_eq(kh_aside_drop(&it.inbox, strrchr(path, '/') + 1), KH_OK);
}
END_TEST

START_TEST(many_are_listed_in_order)
{
  char name[KH_ENTRY_NAME_BYTES], first[KH_ENTRY_NAME_BYTES];

  for (unsigned i = 0; i < 200; i++) {
    (void)snprintf(name, sizeof name, "%016x.1.00000000,S=1", (i * 7919u) % 4001u);
    put_aside(name, KH_STR("x"));
  }
  ck_assert_uint_eq(count_listed(first), 200);
  ck_assert_str_eq(first, "0000000000000000.1.00000000,S=1");
}
END_TEST

/* ---- finding an inbox makes nothing ---- */

START_TEST(an_inbox_is_found_only_where_one_is)
{
  struct kh_inbox found = kh_inbox_closed();
  struct kh_inbox_load load;
  char missing[600], name[KH_ENTRY_NAME_BYTES];

  (void)snprintf(missing, sizeof missing, "%s/nowhere", it.dir.path);
  ck_assert_int_eq(kh_inbox_find(&found, missing, &it.diag), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(found.fd_new, -1);
  ck_assert_int_eq(mkdir(missing, 0700), 0);
  ck_assert_int_eq(kh_inbox_find(&found, missing, &it.diag), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_dir_count(missing), 0);
  ck_assert_int_eq(chmod(missing, 0755), 0);
  ck_assert_int_eq(kh_inbox_find(&found, missing, &it.diag), KH_ERR_STATE_MODE);
  ck_assert_ptr_nonnull(strstr(it.diag.text, "chmod 700"));

  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  ck_assert_int_eq(kh_inbox_find(&found, it.state, NULL), KH_OK);
  ck_assert_int_eq(kh_inbox_look(&found, &load), KH_OK);
  ck_assert_uint_eq(load.entries, 1);
  kh_inbox_close(&found);
}
END_TEST

START_TEST(another_users_inbox_is_refused)
{
  struct kh_inbox found = kh_inbox_closed();

  if (geteuid() != 0)
    return;
  ck_assert_int_eq(chown(it.state, 65534, 65534), 0);
  ck_assert_int_eq(kh_inbox_find(&found, it.state, &it.diag), KH_ERR_STATE_OWNER);
  ck_assert_int_eq(chown(it.state, 0, 0), 0);
}
END_TEST

static Suite *aside_suite(void)
{
  Suite *suite = suite_create("aside");
  TCase *test_case = kh_test_case(suite, "aside");

  tcase_add_checked_fixture(test_case, open_inbox, close_inbox);
  tcase_add_test(test_case, an_entry_tells_what_it_is);
  tcase_add_test(test_case, a_hostile_entry_tells_nothing);
  tcase_add_test(test_case, retry_moves_it_back);
  tcase_add_test(test_case, drop_takes_the_reason_along);
  tcase_add_loop_test(test_case, what_is_no_name_reaches_no_file, 0, KH_COUNT(no_names));
  tcase_add_test(test_case, a_link_tells_nothing);
  tcase_add_test(test_case, many_are_listed_in_order);
  tcase_add_test(test_case, an_inbox_is_found_only_where_one_is);
  tcase_add_test(test_case, another_users_inbox_is_refused);
  return suite;
}

int main(void)
{
  return kh_test_main(aside_suite());
}
