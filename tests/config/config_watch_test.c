#include "base/base.h"

#include "support/config_dir.h"
#include "support/suite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct kh_config_dir dir;

static void open_dir(void)
{
  kh_config_dir_open(&dir);
}

static void close_dir(void)
{
  kh_config_dir_close(&dir);
}

#define WEBHOOK "webhook: {signature: {file: webhook-secret}}\n"

static void read_well(const char *text, enum kh_config_depth depth)
{
  enum kh_err err = kh_config_dir_read(&dir, text, depth, NULL);

  ck_assert_msg(err == KH_OK, "%s", kh_config_dir_said(&dir));
}

static bool is_watched(const char *name)
{
  char path[KH_PATH_BYTES];

  kh_tempdir_path(&dir.dir, name, path, sizeof path);
  for (size_t i = 0; i < dir.config.watched_count; i++)
    if (strcmp(dir.config.watched[i].path, path) == 0)
      return true;
  return false;
}

static const char *const watched[] = {"kitehook.yml", "webhook-secret", "env"};

START_TEST(notices_when_a_file_changes)
{
  char path[KH_PATH_BYTES];
  char aside[KH_PATH_BYTES];

  kh_config_dir_put(&dir, "env", "A=b\n");
  read_well(WEBHOOK "env_file: env\n", KH_CONFIG_RECEIVER);
  ck_assert_uint_eq(dir.config.watched_count, KH_COUNT(watched));
  ck_assert(is_watched(watched[_i]));
  ck_assert(!kh_config_is_outdated(&dir.config));

  kh_tempdir_path(&dir.dir, watched[_i], path, sizeof path);
  kh_tempdir_path(&dir.dir, "aside", aside, sizeof aside);
  ck_assert_int_eq(rename(path, aside), 0);
  ck_assert(kh_config_is_outdated(&dir.config));
  kh_config_dir_put(&dir, watched[_i], "something else");
  ck_assert(kh_config_is_outdated(&dir.config));
}
END_TEST

/* Each of mtime, size, inode and ctime is enough. */
START_TEST(notices_a_change_of_one_thing_only)
{
  char path[KH_PATH_BYTES];
  char aside[KH_PATH_BYTES];
  struct stat seen;

  kh_config_dir_put(&dir, "aside", "12345678");
  kh_config_dir_put(&dir, "webhook-secret", "12345678");
  read_well(WEBHOOK, KH_CONFIG_RECEIVER);
  kh_tempdir_path(&dir.dir, "webhook-secret", path, sizeof path);
  kh_tempdir_path(&dir.dir, "aside", aside, sizeof aside);
  ck_assert_int_eq(stat(path, &seen), 0);
  const struct timespec same[2] = {seen.st_atim, seen.st_mtim};
  const struct timespec later[2] = {seen.st_atim, {seen.st_mtim.tv_sec, seen.st_mtim.tv_nsec ^ 1}};

  if (_i == 0)
    ck_assert_int_eq(utimensat(AT_FDCWD, path, later, 0), 0);
  if (_i == 1)
    kh_config_dir_put(&dir, "webhook-secret", "123456789");
  if (_i == 2)
    ck_assert_int_eq(rename(aside, path), 0);
  if (_i == 3) {
    ck_assert_int_eq(usleep(50000), 0); /* more than a tick of a file system's clock */
    kh_config_dir_put(&dir, "webhook-secret", "87654321");
  }
  if (_i > 0)
    ck_assert_int_eq(utimensat(AT_FDCWD, path, same, 0), 0);
  ck_assert(kh_config_is_outdated(&dir.config));
}
END_TEST

START_TEST(a_broken_config_is_watched_for_its_cure)
{
  ck_assert_int_eq(
      kh_config_dir_read(&dir, "webhook: {signature: {file: later}}\n", KH_CONFIG_RECEIVER, NULL),
      KH_ERR_CONFIG);
  ck_assert(is_watched("later"));
  ck_assert(!kh_config_is_outdated(&dir.config));
  kh_config_dir_put(&dir, "later", "here-it-is");
  ck_assert(kh_config_is_outdated(&dir.config));
}
END_TEST

START_TEST(a_missing_config_says_so)
{
  struct kh_config config;
  char path[KH_PATH_BYTES];

  kh_tempdir_path(&dir.dir, "absent.yml", path, sizeof path);
  ck_assert_int_eq(kh_config_read(&config, path, KH_CONFIG_WHOLE, NULL, &dir.diags), KH_ERR_CONFIG);
  ck_assert_str_eq(dir.diags.at[0].file, path);
  ck_assert_ptr_nonnull(strstr(dir.diags.at[0].text, "No such file"));
  ck_assert(!kh_config_is_outdated(&config));
  kh_config_release(&config);
}
END_TEST

/* A file of /proc has no size: like one that grows, it has more to read than was promised. */
static const char *const growing[] = {"webhook: {signature: {file: /proc/version}}\n",
                                      WEBHOOK "env_file: /proc/version\n"};

START_TEST(refuses_a_file_that_grows)
{
  ck_assert_int_eq(kh_config_dir_read(&dir, growing[_i], KH_CONFIG_RECEIVER, NULL), KH_ERR_CONFIG);
  ck_assert_msg(kh_config_dir_find(&dir, 0, 0, "it grew while it was read") != NULL, "%s",
                kh_config_dir_said(&dir));
  ck_assert_uint_eq(dir.config.signatures.count, 0);
}
END_TEST

START_TEST(refuses_a_config_that_grows)
{
  struct kh_config config;

  ck_assert_int_eq(kh_config_read(&config, "/proc/version", KH_CONFIG_WHOLE, NULL, &dir.diags),
                   KH_ERR_CONFIG);
  ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 0, 0, "it grew while it was read"));
  kh_config_release(&config);
}
END_TEST

static const char *const not_files[] = {"folder", "fifo"};

START_TEST(reads_only_regular_files)
{
  char path[KH_PATH_BYTES];
  char text[128];

  ck_assert_int_eq(mkdir(kh_tempdir_path(&dir.dir, "folder", path, sizeof path), 0700), 0);
  ck_assert_int_eq(mkfifo(kh_tempdir_path(&dir.dir, "fifo", path, sizeof path), 0600), 0);
  (void)snprintf(text, sizeof text, "webhook: {signature: {file: ./%s}}\n", not_files[_i]);
  ck_assert_int_eq(kh_config_dir_read(&dir, text, KH_CONFIG_RECEIVER, NULL), KH_ERR_CONFIG);
  ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 1, 23, "not a regular file"));
}
END_TEST

static Suite *watch_suite(void)
{
  Suite *suite = suite_create("config_watch");
  TCase *watch = kh_test_case(suite, "watch");

  tcase_add_checked_fixture(watch, open_dir, close_dir);
  tcase_add_loop_test(watch, notices_when_a_file_changes, 0, (int)KH_COUNT(watched));
  tcase_add_loop_test(watch, notices_a_change_of_one_thing_only, 0, 4);
  tcase_add_test(watch, a_broken_config_is_watched_for_its_cure);
  tcase_add_test(watch, a_missing_config_says_so);
  tcase_add_loop_test(watch, refuses_a_file_that_grows, 0, (int)KH_COUNT(growing));
  tcase_add_test(watch, refuses_a_config_that_grows);
  tcase_add_loop_test(watch, reads_only_regular_files, 0, (int)KH_COUNT(not_files));
  return suite;
}

int main(void)
{
  return kh_test_main(watch_suite());
}
