/*
 * What makes an entry durable: which syncs happen, in which order, and what is left when one of the calls
 * fails. The linker gives us the calls (--wrap); each is noted, may be made to fail, and is then made.
 */
#include "base/base.h"

#include "support/inbox_case.h"
#include "support/suite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum call { FSYNC_FILE, FSYNC_FOLDER, RENAME, MKDIR, CALLS };
enum { NOTES_MAX = 64 };

struct note {
  enum call call;
  ino_t inode; /* of what is synced, of the folder renamed into, of the folder made in */
};

static struct {
  struct note at[NOTES_MAX];
  size_t count;
  size_t seen[CALLS];
  enum call fail_call;
  size_t fail_at; /* counted from 1; 0: none */
  int fail_errno;
} notes;

static bool note(enum call call, ino_t inode)
{
  if (notes.count < NOTES_MAX)
    notes.at[notes.count++] = (struct note){call, inode};
  notes.seen[call]++;
  if (notes.fail_at == 0 || call != notes.fail_call || notes.seen[call] != notes.fail_at)
    return true;
  errno = notes.fail_errno;
  return false;
}

static ino_t inode_of(int fd)
{
  struct stat about = {.st_ino = 0};

  (void)(fd == AT_FDCWD ? stat(".", &about) : fstat(fd, &about));
  return about.st_ino;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_renameat(int from, const char *old, int to, const char *new);
int __wrap_renameat(int from, const char *old, int to, const char *new);
int __real_mkdirat(int fd, const char *path, mode_t mode);
int __wrap_mkdirat(int fd, const char *path, mode_t mode);

static bool note_sync(int fd)
{
  struct stat about;

  ck_assert_int_eq(fstat(fd, &about), 0);
  return note(S_ISDIR(about.st_mode) ? FSYNC_FOLDER : FSYNC_FILE, about.st_ino);
}

int __wrap_fsync(int fd)
{
  return note_sync(fd) ? __real_fsync(fd) : -1;
}

int __wrap_fdatasync(int fd)
{
  return note_sync(fd) ? __real_fdatasync(fd) : -1;
}

int __wrap_renameat(int from, const char *old, int to, const char *new)
{
  return note(RENAME, inode_of(to)) ? __real_renameat(from, old, to, new) : -1;
}

int __wrap_mkdirat(int fd, const char *path, mode_t mode)
{
  return note(MKDIR, inode_of(fd)) ? __real_mkdirat(fd, path, mode) : -1;
}

static struct kh_inbox_case it;

static void open_inbox(void)
{
  memset(&notes, 0, sizeof notes);
  kh_inbox_case_open(&it);
}

static void close_inbox(void)
{
  kh_inbox_case_close(&it);
}

static ino_t folder_inode(const char *below_state)
{
  struct stat about;
  char path[1024];

  (void)snprintf(path, sizeof path, "%s%s", it.state, below_state);
  ck_assert_msg(stat(path, &about) == 0, "%s", path);
  return about.st_ino;
}

/* The place of the first such note from FROM on; ends the test when there is none. */
static size_t find(size_t from, enum call call, ino_t inode, const char *what)
{
  size_t i = from;

  while (i < notes.count && (notes.at[i].call != call || (inode != 0 && notes.at[i].inode != inode)))
    i++;
  ck_assert_msg(i < notes.count, "missing: %s", what);
  return i;
}

START_TEST(a_kept_entry_is_synced_before_and_after_it_shows)
{
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_inbox_load load;

  memset(&notes, 0, sizeof notes);
  ck_assert_int_eq(kh_inbox_keep(&it.inbox, &it.entry, name, &load, &it.diag), KH_OK);
  char path[1024];
  (void)snprintf(path, sizeof path, "/inbox/new/%s", name);
  size_t file = find(0, FSYNC_FILE, folder_inode(path), "the file is synced");
  size_t shown = find(file, RENAME, folder_inode("/inbox/new"), "then renamed into new/");
  (void)find(shown, FSYNC_FOLDER, folder_inode("/inbox/new"), "then new/ is synced");
}
END_TEST

/* Every folder that was just made is synced into the one that names it. */
START_TEST(made_folders_are_synced_into_their_parents)
{
  struct stat about;

  (void)find(0, FSYNC_FOLDER, folder_inode(""), "inbox into the state folder");
  size_t last = find(0, MKDIR, folder_inode("/inbox"), "a folder made in inbox/");
  for (size_t i = last + 1; i < notes.count; i++)
    if (notes.at[i].call == MKDIR)
      last = i;
  (void)find(last, FSYNC_FOLDER, folder_inode("/inbox"), "tmp, new and aside into inbox/");
  ck_assert_int_eq(stat(it.dir.path, &about), 0);
  (void)find(0, FSYNC_FOLDER, about.st_ino, "the state folder into its parent");
}
END_TEST

static const struct {
  enum call call;
  int cause;
  enum kh_err err;
} failures[] = {
    {FSYNC_FILE, EIO, KH_ERR_INBOX_IO},    {FSYNC_FILE, ENOSPC, KH_ERR_NO_SPACE},
    {FSYNC_FILE, EDQUOT, KH_ERR_NO_SPACE}, {RENAME, EIO, KH_ERR_INBOX_IO},
    {RENAME, ENOSPC, KH_ERR_NO_SPACE},     {FSYNC_FOLDER, EIO, KH_ERR_INBOX_IO},
};

START_TEST(a_failed_call_keeps_nothing)
{
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_inbox_load load;

  memset(&notes, 0, sizeof notes);
  it.diag = (struct kh_diag){.err = KH_OK};
  notes.fail_call = failures[_i].call;
  notes.fail_at = 1;
  notes.fail_errno = failures[_i].cause;
  enum kh_err err = kh_inbox_keep(&it.inbox, &it.entry, name, &load, &it.diag);
  ck_assert_msg(err == failures[_i].err, "%s", kh_err_token(err));
  ck_assert_ptr_nonnull(strstr(it.diag.text, strerror(failures[_i].cause)));
  ck_assert_int_eq(kh_inbox_case_count(&it, "tmp"), 0);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 0);
  notes.fail_at = 0;
  ck_assert_int_eq(kh_inbox_keep(&it.inbox, &it.entry, name, &load, &it.diag), KH_OK);
}
END_TEST

/* Setting aside: the entry is in new/ or in aside/, whatever fails. */
START_TEST(a_failed_set_aside_loses_nothing)
{
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_inbox_load load;

  ck_assert_int_eq(kh_inbox_keep(&it.inbox, &it.entry, name, &load, &it.diag), KH_OK);
  for (size_t i = 0; i < KH_COUNT(failures); i++)
    for (size_t at = 1; at <= 2; at++) {
      memset(&notes, 0, sizeof notes);
      notes.fail_call = failures[i].call;
      notes.fail_at = at;
      notes.fail_errno = failures[i].cause;
      (void)!kh_inbox_set_aside(&it.inbox, name, KH_ERR_ENTRY_MAC, NULL);
      notes.fail_at = 0;
      ck_assert_int_eq(kh_inbox_look(&it.inbox, &load), KH_OK);
      ck_assert_uint_eq(load.entries + load.aside, 1);
      ck_assert_int_eq(kh_inbox_case_count(&it, "tmp"), 0);
    }
}
END_TEST

/* A retry after a failure finds the reason already written, and must not be stopped by it. */
START_TEST(setting_aside_can_be_tried_again)
{
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_inbox_load load;

  ck_assert_int_eq(kh_inbox_keep(&it.inbox, &it.entry, name, &load, &it.diag), KH_OK);
  memset(&notes, 0, sizeof notes);
  notes.fail_call = RENAME;
  notes.fail_at = 2;
  notes.fail_errno = EIO;
  ck_assert_int_eq(kh_inbox_set_aside(&it.inbox, name, KH_ERR_ENTRY_MAC, NULL), KH_ERR_INBOX_IO);
  notes.fail_at = 0;
  ck_assert_int_eq(kh_inbox_set_aside(&it.inbox, name, KH_ERR_ENTRY_MAC, NULL), KH_OK);
  ck_assert_int_eq(kh_inbox_case_count(&it, "new"), 0);
  ck_assert_int_eq(kh_inbox_case_count(&it, "aside"), 2);
}
END_TEST

static Suite *inbox_sync_suite(void)
{
  Suite *suite = suite_create("inbox sync");
  TCase *sync = kh_test_case(suite, "sync");

  tcase_add_checked_fixture(sync, open_inbox, close_inbox);
  tcase_add_test(sync, a_kept_entry_is_synced_before_and_after_it_shows);
  tcase_add_test(sync, made_folders_are_synced_into_their_parents);
  tcase_add_loop_test(sync, a_failed_call_keeps_nothing, 0, (int)KH_COUNT(failures));
  tcase_add_test(sync, a_failed_set_aside_loses_nothing);
  tcase_add_test(sync, setting_aside_can_be_tried_again);
  return suite;
}

int main(void)
{
  return kh_test_main(inbox_sync_suite());
}
