#include "base/base.h"

#include "support/inbox_case.h"
#include "support/suite.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kh_inbox_case it;

static void prepare(void)
{
  kh_inbox_case_prepare(&it);
}

static void open_inbox(void)
{
  kh_inbox_case_open(&it);
}

static void close_inbox(void)
{
  kh_inbox_case_close(&it);
}

/* ---- the folders ---- */

static void must_be_private(const char *name)
{
  struct stat about;
  char path[1024];

  (void)snprintf(path, sizeof path, "%s%s", it.state, name);
  ck_assert_msg(stat(path, &about) == 0, "%s: %s", path, strerror(errno));
  ck_assert(S_ISDIR(about.st_mode));
  ck_assert_msg((about.st_mode & 07777) == 0700, "%s has mode %o", path, about.st_mode & 07777);
}

START_TEST(folders_are_made_and_private)
{
  mode_t was = umask(0);

  ck_assert_int_eq(kh_inbox_open(&it.inbox, it.state, &kh_inbox_case_bounds, &it.diag), KH_OK);
  must_be_private("");
  must_be_private("/inbox");
  must_be_private("/inbox/tmp");
  must_be_private("/inbox/new");
  must_be_private("/inbox/aside");
  (void)umask(was);
}
END_TEST

/* A worker that starts on a full disk could not make them. */
START_TEST(what_a_worker_needs_is_made_first)
{
  char path[600];
  struct stat about;

  ck_assert_int_eq(kh_inbox_open(&it.inbox, it.state, &kh_inbox_case_bounds, &it.diag), KH_OK);
  (void)snprintf(path, sizeof path, "%s/worker.lock", it.state);
  ck_assert_int_eq(lstat(path, &about), 0);
  ck_assert(S_ISREG(about.st_mode) && (about.st_mode & 07777) == 0600);
  ck_assert_int_eq(about.st_atim.tv_sec, 0); /* nobody was woken yet */
  (void)snprintf(path, sizeof path, "%s/worker.wake", it.state);
  ck_assert_int_eq(lstat(path, &about), 0);
  ck_assert(S_ISFIFO(about.st_mode) && (about.st_mode & 07777) == 0600);
}
END_TEST

START_TEST(others_may_not_enter)
{
  static const mode_t open_modes[] = {0701, 0710, 0704, 0740, 0750, 0755, 0777};

  ck_assert_int_eq(mkdir(it.state, 0700), 0);
  for (size_t i = 0; i < KH_COUNT(open_modes); i++) {
    it.diag = (struct kh_diag){.err = KH_OK};
    ck_assert_int_eq(chmod(it.state, open_modes[i]), 0);
    ck_assert_msg(kh_inbox_open(&it.inbox, it.state, &kh_inbox_case_bounds, &it.diag) == KH_ERR_STATE_MODE,
                  "mode %o", open_modes[i]);
    ck_assert_ptr_nonnull(strstr(it.diag.text, "chmod 700"));
    ck_assert_ptr_nonnull(strstr(it.diag.text, it.state));
    ck_assert_int_eq(it.inbox.fd_new, -1);
    ck_assert_int_eq(kh_dir_count(it.state), 0);
  }
}
END_TEST

/* In a child, since a test that gave up root could not tidy up. */
static int run_as(uid_t uid, int (*what)(void))
{
  int status = 1;
  pid_t child = fork();

  ck_assert_int_ge(child, 0);
  if (child == 0)
    _exit(uid != geteuid() && seteuid(uid) ? 99 : what());
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int open_is_refused_for_the_owner(void)
{
  enum kh_err err = kh_inbox_open(&it.inbox, it.state, &kh_inbox_case_bounds, &it.diag);

  if (err != KH_ERR_STATE_OWNER || it.diag.err != KH_ERR_STATE_OWNER || !strstr(it.diag.text, it.state))
    (void)fprintf(stderr, "%s: %s\n", kh_err_token(err), it.diag.text);
  return err == KH_ERR_STATE_OWNER && it.diag.err == err && strstr(it.diag.text, it.state) ? 0 : 1;
}

START_TEST(another_user_is_refused)
{
  const uid_t nobody = 65534;

  if (geteuid() != 0) {
    kh_test_skip("inbox: another owner", "only root can make a folder of somebody else's");
    return;
  }
  /* Root may enter what belongs to nobody, and is refused all the same. */
  ck_assert_int_eq(mkdir(it.state, 0700), 0);
  ck_assert_int_eq(chown(it.state, nobody, nobody), 0);
  ck_assert_int_eq(run_as(0, open_is_refused_for_the_owner), 0);
  ck_assert_int_eq(kh_dir_count(it.state), 0);

  /* A user who can look at root's folder, but does not own it. */
  ck_assert_int_eq(chown(it.state, 0, 0), 0);
  ck_assert_int_eq(chmod(it.state, 0755), 0);
  ck_assert_int_eq(chmod(it.dir.path, 0755), 0);
  ck_assert_int_eq(run_as(nobody, open_is_refused_for_the_owner), 0);
  ck_assert_int_eq(kh_dir_count(it.state), 0);
}
END_TEST

START_TEST(a_state_that_is_no_folder_is_refused)
{
  kh_file_put(it.state, KH_STR("a file"));
  ck_assert_int_eq(kh_inbox_open(&it.inbox, it.state, &kh_inbox_case_bounds, &it.diag), KH_ERR_INBOX_IO);
  ck_assert_ptr_nonnull(strstr(it.diag.text, it.state));
  it.diag = (struct kh_diag){.err = KH_OK};
  ck_assert_int_eq(kh_inbox_open(&it.inbox, "/nonexistent/folder/state", &kh_inbox_case_bounds, &it.diag),
                   KH_ERR_INBOX_IO);
  ck_assert_uint_gt(strlen(it.diag.text), 0);
}
END_TEST

START_TEST(opening_again_finds_what_is_there)
{
  char name[KH_ENTRY_NAME_BYTES];

  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  kh_inbox_close(&it.inbox);
  ck_assert_int_eq(it.inbox.fd_tmp, -1);
  ck_assert_int_eq(it.inbox.fd_new, -1);
  ck_assert_int_eq(it.inbox.fd_aside, -1);
  kh_inbox_close(&it.inbox);
  ck_assert_int_eq(kh_inbox_open(&it.inbox, it.state, &kh_inbox_case_bounds, &it.diag), KH_OK);
  ck_assert_int_eq(kh_inbox_look(&it.inbox, &it.load), KH_OK);
  ck_assert_uint_eq(it.load.entries, 1);
}
END_TEST

/* ---- entries ---- */

START_TEST(an_entry_is_one_private_file)
{
  char name[KH_ENTRY_NAME_BYTES];
  char path[1024];
  struct stat about;
  struct kh_buf bytes, event_text;
  struct kh_entry back;
  mode_t was = umask(0);

  ck_assert_msg(kh_inbox_case_keep(&it, name) == KH_OK, "%s", it.diag.text);
  (void)umask(was);
  (void)snprintf(path, sizeof path, "%s/inbox/new/%s", it.state, name);
  ck_assert_int_eq(stat(path, &about), 0);
  ck_assert_int_eq(about.st_mode & 07777, 0600);
  ck_assert(S_ISREG(about.st_mode));
  ck_assert_int_eq(kh_inbox_case_count(&it, "tmp"), 0);

  kh_buf_init(&bytes, 10000);
  kh_buf_init(&event_text, 200);
  ck_assert_int_eq(kh_inbox_read(&it.inbox, name, &bytes), KH_OK);
  ck_assert_int_eq(about.st_size, (off_t)bytes.len);
  ck_assert(kh_str_ends(kh_buf_view(&bytes), KH_STR("\"}\n" KH_INBOX_CASE_BODY)));
  ck_assert_int_eq(kh_entry_open(kh_buf_view(&bytes), &it.config->signatures, &it.config->tokens, &event_text,
                                 &back, NULL),
                   KH_OK);
  ck_assert_int_eq(back.received_us, it.entry.received_us);
  ck_assert(kh_str_equal(back.verified.body, KH_STR(KH_INBOX_CASE_BODY)));
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);
}
END_TEST

/* <16 hex digits of µs>.<pid>.<8 random hex>,S=<bytes> */
START_TEST(a_name_tells_time_process_and_size)
{
  char name[KH_ENTRY_NAME_BYTES];
  char path[1024];
  char want[64];
  struct stat about;

  ck_assert_int_eq(kh_inbox_case_keep(&it, name), KH_OK);
  (void)snprintf(path, sizeof path, "%s/inbox/new/%s", it.state, name);
  ck_assert_int_eq(stat(path, &about), 0);
  struct kh_str rest = kh_str_of(name);
  (void)snprintf(want, sizeof want, "%016" PRIx64, (uint64_t)it.entry.received_us);
  ck_assert(kh_str_equal(kh_str_cut(&rest, '.'), kh_str_of(want)));
  (void)snprintf(want, sizeof want, "%ld", (long)getpid());
  ck_assert(kh_str_equal(kh_str_cut(&rest, '.'), kh_str_of(want)));
  struct kh_str random = kh_str_cut(&rest, ',');
  ck_assert_uint_eq(random.len, 8);
  ck_assert_uint_eq(strspn(random.at, "0123456789abcdef"), 8);
  (void)snprintf(want, sizeof want, "S=%lld", (long long)about.st_size);
  ck_assert(kh_str_equal(rest, kh_str_of(want)));
}
END_TEST

START_TEST(names_differ_though_the_clock_stands)
{
  char first[KH_ENTRY_NAME_BYTES], second[KH_ENTRY_NAME_BYTES];

  ck_assert_int_eq(kh_inbox_case_keep(&it, first), KH_OK);
  ck_assert_int_eq(kh_inbox_case_keep(&it, second), KH_OK);
  ck_assert_str_ne(first, second);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 2);
}
END_TEST

START_TEST(names_sort_by_arrival)
{
  /* Around digits that carry in decimal and in hexadecimal. */
  static const int64_t arrivals_us[] = {INT64_C(1700000000999999), INT64_C(1), INT64_C(1700000001000000),
                                        INT64_C(0xFFFFFFF), INT64_C(0x10000000)};
  static const size_t order[] = {1, 3, 4, 0, 2};
  char kept[5][KH_ENTRY_NAME_BYTES], listed[5][KH_ENTRY_NAME_BYTES];
  size_t found = 0;

  for (size_t i = 0; i < 5; i++) {
    it.entry.received_us = arrivals_us[i];
    ck_assert_int_eq(kh_inbox_case_keep(&it, kept[i]), KH_OK);
  }
  ck_assert_int_eq(kh_inbox_list(&it.inbox, listed, 5, &found), KH_OK);
  ck_assert_uint_eq(found, 5);
  for (size_t i = 0; i < 5; i++)
    ck_assert_str_eq(listed[i], kept[order[i]]);
  ck_assert_int_eq(kh_inbox_list(&it.inbox, listed, 2, &found), KH_OK);
  ck_assert_uint_eq(found, 2);
  ck_assert_str_eq(listed[0], kept[1]);
  ck_assert_str_eq(listed[1], kept[3]);
  ck_assert_int_eq(kh_inbox_list(&it.inbox, listed, 0, &found), KH_OK);
  ck_assert_uint_eq(found, 0);
}
END_TEST

enum { RECEIVERS = 4, EACH = 20 };

/* Several receivers at once, under one clock that stands. */
START_TEST(receivers_do_not_disturb_each_other)
{
  char listed[RECEIVERS * EACH][KH_ENTRY_NAME_BYTES];
  pid_t receivers[RECEIVERS];
  struct kh_buf bytes, event_text;
  size_t found = 0;

  it.inbox.bounds.max_entries = sizeof listed;
  for (int i = 0; i < RECEIVERS; i++) {
    receivers[i] = fork();
    ck_assert_int_ge(receivers[i], 0);
    for (int n = 0; receivers[i] == 0 && n <= EACH; n++) {
      char name[KH_ENTRY_NAME_BYTES];

      if (n == EACH || kh_inbox_case_keep(&it, name))
        _exit(n == EACH ? 0 : 1);
    }
  }
  for (int i = 0; i < RECEIVERS; i++) {
    int status = 1;
    ck_assert_int_eq(waitpid(receivers[i], &status, 0), receivers[i]);
    ck_assert_int_eq(status, 0);
  }
  ck_assert_int_eq(kh_inbox_list(&it.inbox, listed, KH_COUNT(listed), &found), KH_OK);
  ck_assert_uint_eq(found, RECEIVERS * EACH);
  kh_buf_init(&bytes, 10000);
  kh_buf_init(&event_text, 200);
  for (size_t i = 0; i < found; i++) {
    struct kh_entry back;

    kh_buf_clear(&bytes);
    ck_assert_int_eq(kh_inbox_read(&it.inbox, listed[i], &bytes), KH_OK);
    ck_assert_int_eq(kh_entry_open(kh_buf_view(&bytes), &it.config->signatures, &it.config->tokens,
                                   &event_text, &back, NULL),
                     KH_OK);
    ck_assert(i == 0 || strcmp(listed[i - 1], listed[i]) < 0);
  }
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);
}
END_TEST

static Suite *inbox_suite(void)
{
  Suite *suite = suite_create("inbox");
  TCase *folders = kh_test_case(suite, "folders");
  TCase *entries = kh_test_case(suite, "entries");

  tcase_add_checked_fixture(folders, prepare, close_inbox);
  tcase_add_test(folders, folders_are_made_and_private);
  tcase_add_test(folders, what_a_worker_needs_is_made_first);
  tcase_add_test(folders, others_may_not_enter);
  tcase_add_test(folders, another_user_is_refused);
  tcase_add_test(folders, a_state_that_is_no_folder_is_refused);

  tcase_add_checked_fixture(entries, open_inbox, close_inbox);
  tcase_add_test(entries, opening_again_finds_what_is_there);
  tcase_add_test(entries, an_entry_is_one_private_file);
  tcase_add_test(entries, a_name_tells_time_process_and_size);
  tcase_add_test(entries, names_differ_though_the_clock_stands);
  tcase_add_test(entries, names_sort_by_arrival);
  tcase_add_test(entries, receivers_do_not_disturb_each_other);
  return suite;
}

int main(void)
{
  return kh_test_main(inbox_suite());
}
