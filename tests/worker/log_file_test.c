#include "base/base.h"

#include "base/file.h"
#include "support/clock.h"
#include "support/suite.h"
#include "support/tempdir.h"
#include "worker/log.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static struct kh_tempdir dir;
static struct kh_fake_clock fake;
static struct kh_log_file file;
static struct kh_log log_;
static char path[512];

static void open_log(void)
{
  ck_assert_int_eq(kh_log_file_open(&file, path, KH_LOG_FILE_MAX_BYTES, NULL), KH_OK);
  log_ = kh_log_file_lines(&file, &fake.clock);
}

static void open_case(void)
{
  kh_tempdir_open(&dir);
  (void)kh_tempdir_path(&dir, "worker.log", path, sizeof path);
  kh_fake_clock_init(&fake, 1700000000);
  open_log();
}

static void close_case(void)
{
  kh_log_file_close(&file);
  kh_tempdir_close(&dir);
}

static void must_hold(const char *text)
{
  struct kh_buf got;

  kh_buf_init(&got, 10000);
  ck_assert_int_eq(kh_file_read(path, &got, NULL), KH_OK);
  ck_assert_str_eq(kh_buf_text(&got), text);
  kh_buf_release(&got);
}

/* A file that must not grow stands for a disk that is full. */
static void is_full_at(rlim_t bytes)
{
  struct rlimit limit;

  (void)signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes;
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_torn_line_is_ended_before_the_next)
{
  log_.write(log_.self, KH_STR("one\n"));
  is_full_at(6);
  log_.write(log_.self, KH_STR("two\n"));
  must_hold("one\ntw");
  is_full_at(RLIM_INFINITY);
  log_.write(log_.self, KH_STR("three\n"));
  must_hold("one\ntw\nthree\n");
}
END_TEST

START_TEST(the_next_worker_ends_it_too)
{
  is_full_at(2);
  log_.write(log_.self, KH_STR("one\n"));
  kh_log_file_close(&file);
  is_full_at(RLIM_INFINITY);
  open_log();
  log_.write(log_.self, KH_STR("two\n"));
  must_hold("on\ntwo\n");
}
END_TEST

START_TEST(a_file_of_somebody_else_is_looked_at_too)
{
  log_.write(log_.self, KH_STR("one\n"));
  ck_assert_int_eq(unlink(path), 0);
  kh_file_put(path, KH_STR("moved here"));
  log_.write(log_.self, KH_STR("two\n"));
  must_hold("moved here\ntwo\n");
}
END_TEST

static Suite *log_file_suite(void)
{
  Suite *suite = suite_create("log_file");
  TCase *torn = kh_test_case(suite, "torn");

  tcase_add_checked_fixture(torn, open_case, close_case);
  tcase_add_test(torn, a_torn_line_is_ended_before_the_next);
  tcase_add_test(torn, the_next_worker_ends_it_too);
  tcase_add_test(torn, a_file_of_somebody_else_is_looked_at_too);
  return suite;
}

int main(void)
{
  return kh_test_main(log_file_suite());
}
