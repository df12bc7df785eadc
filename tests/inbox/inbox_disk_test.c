#include "base/base.h"

#include "support/inbox_case.h"
#include "support/suite.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
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

/* Runs WHAT in a child with limits or mounts of its own; what it changes ends with it. */
static void in_a_child(void (*what)(void))
{
  int status = 1;
  pid_t child = fork();

  ck_assert_int_ge(child, 0);
  if (child == 0) {
    what();
    _exit(0);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %#x", status);
}

static void fail_child(const char *what, enum kh_err err)
{
  (void)fprintf(stderr, "%s: %s %s\n", what, kh_err_token(err), it.diag.text);
  _exit(1);
}

static void keep_over_the_file_limit(void)
{
  const struct rlimit limit = {100, 100};
  char name[KH_ENTRY_NAME_BYTES];

  (void)signal(SIGXFSZ, SIG_IGN);
  if (setrlimit(RLIMIT_FSIZE, &limit))
    _exit(2);
  enum kh_err err = kh_inbox_case_keep(&it, name);
  if (err != KH_ERR_INBOX_IO || it.diag.err != err || kh_inbox_case_count(&it, "tmp") != 0 ||
      kh_inbox_case_count(&it, "new") != 0)
    fail_child("file limit", err);
}

/* A write that stops half-way (EFBIG): nothing of it is left. */
START_TEST(a_cut_write_leaves_nothing)
{
  in_a_child(keep_over_the_file_limit);
  ck_assert_int_eq(kh_inbox_case_count(&it, "tmp"), 0);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 0);
}
END_TEST

enum { TMPFS_BYTES = 65536 };

static void keep_until_the_disk_is_full(void)
{
  static char big[TMPFS_BYTES / 4];
  char name[KH_ENTRY_NAME_BYTES];
  enum kh_err err = KH_OK;
  int kept = 0;

  if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mkdir(it.state, 0700) ||
      mount("none", it.state, "tmpfs", 0, "size=65536,mode=0700")) {
    kh_test_skip("inbox: a full disk", "a tmpfs cannot be mounted here");
    return;
  }
  if (kh_inbox_open(&it.inbox, it.state, &(struct kh_inbox_bounds){1000, UINT64_MAX / 2, 0}, &it.diag))
    fail_child("open", it.diag.err);
  memset(big, 'x', sizeof big);
  it.entry.verified.body = kh_str(big, sizeof big);
  for (kept = 0; kept < 10 && !err; kept += !err)
    err = kh_inbox_case_keep(&it, name);
  if (err != KH_ERR_NO_SPACE || it.diag.err != err || kept < 1 || kh_inbox_case_count(&it, "tmp") != 0 ||
      kh_inbox_case_count(&it, "new") != kept)
    fail_child("full disk", err);
  /* Room again: the next one is kept. */
  char listed[1][KH_ENTRY_NAME_BYTES];
  size_t found = 0;
  if (kh_inbox_list(&it.inbox, listed, 1, &found) || found != 1 || kh_inbox_remove(&it.inbox, listed[0]))
    fail_child("list", KH_OK);
  err = kh_inbox_case_keep(&it, name);
  if (err || kh_inbox_case_count(&it, "new") != kept)
    fail_child("room again", err);
  kh_inbox_close(&it.inbox);
}

START_TEST(a_full_disk_is_no_space)
{
  in_a_child(keep_until_the_disk_is_full);
}
END_TEST

static void keep_on_a_read_only_disk(void)
{
  char name[KH_ENTRY_NAME_BYTES];

  if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mkdir(it.state, 0700) ||
      mount("none", it.state, "tmpfs", 0, "size=65536,mode=0700")) {
    kh_test_skip("inbox: a read-only disk", "a tmpfs cannot be mounted here");
    return;
  }
  if (kh_inbox_open(&it.inbox, it.state, &(struct kh_inbox_bounds){1000, 100000, 0}, &it.diag) ||
      kh_inbox_case_keep(&it, name))
    fail_child("open", it.diag.err);
  kh_inbox_close(&it.inbox);
  if (mount("none", it.state, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=65536,mode=0700"))
    fail_child("remount", KH_OK);
  if (kh_inbox_open(&it.inbox, it.state, &(struct kh_inbox_bounds){1000, 100000, 0}, &it.diag))
    fail_child("open read-only", it.diag.err);
  enum kh_err err = kh_inbox_case_keep(&it, name);
  if (err != KH_ERR_INBOX_IO || kh_inbox_case_count(&it, "new") != 1 || kh_inbox_case_count(&it, "tmp") != 0)
    fail_child("keep read-only", err);
  kh_inbox_close(&it.inbox);
}

START_TEST(a_read_only_disk_is_an_error)
{
  in_a_child(keep_on_a_read_only_disk);
}
END_TEST

/* Root passes every mode, so this is done as somebody else. */
static void keep_in_a_read_only_folder(void)
{
  char path[1024];

  if (geteuid() == 0 && (chown(it.dir.path, 65534, 65534) || seteuid(65534)))
    _exit(2);
  if (kh_inbox_open(&it.inbox, it.state, &kh_inbox_case_bounds, &it.diag))
    fail_child("open", it.diag.err);
  (void)snprintf(path, sizeof path, "%s/inbox/tmp", it.state);
  char name[KH_ENTRY_NAME_BYTES];
  if (chmod(path, 0500))
    _exit(3);
  enum kh_err err = kh_inbox_case_keep(&it, name);
  if (err != KH_ERR_INBOX_IO || kh_inbox_case_count(&it, "new") != 0 || kh_inbox_case_count(&it, "tmp") != 0)
    fail_child("tmp read-only", err);
  if (chmod(path, 0700))
    _exit(3);
  (void)snprintf(path, sizeof path, "%s/inbox/new", it.state);
  if (chmod(path, 0500))
    _exit(3);
  err = kh_inbox_case_keep(&it, name);
  if (err != KH_ERR_INBOX_IO || kh_inbox_case_count(&it, "new") != 0 || kh_inbox_case_count(&it, "tmp") != 0)
    fail_child("new read-only", err);
  kh_inbox_close(&it.inbox);
}

START_TEST(a_read_only_folder_is_an_error)
{
  in_a_child(keep_in_a_read_only_folder);
}
END_TEST

static Suite *inbox_disk_suite(void)
{
  Suite *suite = suite_create("inbox disk");
  TCase *limit = kh_test_case(suite, "limit");
  TCase *disk = kh_test_case(suite, "disk");

  tcase_add_checked_fixture(limit, open_inbox, close_inbox);
  tcase_add_test(limit, a_cut_write_leaves_nothing);

  tcase_add_checked_fixture(disk, prepare, close_inbox);
  tcase_add_test(disk, a_full_disk_is_no_space);
  tcase_add_test(disk, a_read_only_disk_is_an_error);
  tcase_add_test(disk, a_read_only_folder_is_an_error);
  return suite;
}

int main(void)
{
  return kh_test_main(inbox_disk_suite());
}
