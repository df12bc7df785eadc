#include "base/base.h"

#include "base/file.h"
#include "support/suite.h"
#include "support/tempdir.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kh_tempdir dir;

static void open_dir(void)
{
  kh_tempdir_open(&dir);
}

static void close_dir(void)
{
  kh_tempdir_close(&dir);
}

/* A text of LEN bytes in which every byte depends on its place. */
static void fill(struct kh_buf *buf, size_t len)
{
  char *to = kh_buf_reserve(buf, len);

  ck_assert_ptr_nonnull(to);
  for (size_t i = 0; i < len; i++)
    to[i] = (char)(i * 31 + i / 251);
  buf->len += len;
}

static const size_t lengths[] = {0, 1, 4095, 4096, 4097, 8192, 100000};

START_TEST(reads_what_is_there)
{
  struct kh_buf want, got;
  struct kh_diag diag = {.err = KH_OK};
  char path[512];

  kh_buf_init(&want, 200000);
  kh_buf_init(&got, lengths[_i] + 3);
  fill(&want, lengths[_i]);
  kh_file_put(kh_tempdir_path(&dir, "file", path, sizeof path), kh_buf_view(&want));
  ck_assert_int_eq(kh_buf_add(&got, KH_STR("abc")), KH_OK);
  ck_assert_int_eq(kh_file_read(path, &got, &diag), KH_OK);
  ck_assert_int_eq(diag.err, KH_OK);
  ck_assert_uint_eq(got.len, lengths[_i] + 3);
  ck_assert(kh_str_equal(kh_str(got.at, 3), KH_STR("abc")));
  ck_assert(kh_str_equal(kh_str(got.at + 3, got.len - 3), kh_buf_view(&want)));
  ck_assert_int_eq(got.at[got.len], '\0');
  kh_buf_release(&want);
  kh_buf_release(&got);
}
END_TEST

START_TEST(refuses_a_file_over_the_ceiling)
{
  struct kh_buf want, got;
  struct kh_diag diag = {.err = KH_OK};
  char path[512];

  if (lengths[_i] == 0)
    return;
  kh_buf_init(&want, 200000);
  kh_buf_init(&got, lengths[_i] - 1);
  fill(&want, lengths[_i]);
  kh_file_put(kh_tempdir_path(&dir, "file", path, sizeof path), kh_buf_view(&want));
  ck_assert_int_eq(kh_file_read(path, &got, &diag), KH_ERR_LIMIT);
  ck_assert_int_eq(diag.err, KH_ERR_LIMIT);
  ck_assert_ptr_nonnull(strstr(diag.text, path));
  kh_buf_release(&want);
  kh_buf_release(&got);
}
END_TEST

START_TEST(names_the_path_and_the_cause)
{
  struct kh_buf got;
  struct kh_diag missing = {.err = KH_OK};
  struct kh_diag folder = {.err = KH_OK};
  char path[512];

  kh_buf_init(&got, 100);
  ck_assert_int_eq(kh_file_read(kh_tempdir_path(&dir, "none", path, sizeof path), &got, &missing),
                   KH_ERR_NOT_FOUND);
  ck_assert_int_eq(missing.err, KH_ERR_NOT_FOUND);
  ck_assert_ptr_nonnull(strstr(missing.text, path));
  ck_assert_ptr_nonnull(strstr(missing.text, "No such file"));
  ck_assert_int_eq(kh_file_read(dir.path, &got, &folder), KH_ERR_IO);
  ck_assert_ptr_nonnull(strstr(folder.text, dir.path));
  ck_assert_ptr_nonnull(strstr(folder.text, "directory"));
  ck_assert_int_eq(kh_file_read(path, &got, NULL), KH_ERR_NOT_FOUND);
  kh_buf_release(&got);
}
END_TEST

START_TEST(tells_whether_a_path_is_what_is_open)
{
  char path[512], other[512];
  const struct kh_str same = KH_STR("the same bytes");

  kh_file_put(kh_tempdir_path(&dir, "file", path, sizeof path), same);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ck_assert(kh_fd_is_at(fd, path));
  ck_assert_int_eq(rename(path, kh_tempdir_path(&dir, "moved", other, sizeof other)), 0);
  ck_assert(!kh_fd_is_at(fd, path));
  ck_assert(kh_fd_is_at(fd, other));
  kh_file_put(path, same);
  ck_assert(!kh_fd_is_at(fd, path));
  (void)close(fd);
  ck_assert(!kh_fd_is_at(-1, path));
}
END_TEST

START_TEST(reads_a_stream_that_comes_in_drops)
{
  struct kh_buf got;
  int ends[2];

  kh_buf_init(&got, 100);
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    for (int i = 0; i < 10; i++) {
      (void)!write(ends[1], "drop ", 5);
      (void)usleep(2000);
    }
    _exit(0);
  }
  (void)close(ends[1]);
  ck_assert_int_eq(kh_fd_read(ends[0], &got), KH_OK);
  ck_assert_uint_eq(got.len, 50);
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
  (void)close(ends[0]);
  kh_buf_release(&got);
}
END_TEST

static void on_alarm(int number)
{
  (void)number;
}

/* Interrupted every millisecond: short writes, and EINTR before the first byte. */
static int write_while_interrupted(int fd, struct kh_str text)
{
  const struct sigaction action = {.sa_handler = on_alarm};
  const struct itimerval each_ms = {{0, 1000}, {0, 1000}};

  if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &each_ms, NULL))
    return 2;
  return kh_fd_write(fd, text) == KH_OK ? 0 : 1;
}

START_TEST(writes_all_over_short_writes_and_signals)
{
  struct kh_buf want, got;
  int ends[2];
  int status = 1;

  kh_buf_init(&want, 1 << 20);
  kh_buf_init(&got, 1 << 20);
  fill(&want, 1 << 20);
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  pid_t writer = fork();
  ck_assert_int_ge(writer, 0);
  if (writer == 0) {
    (void)close(ends[0]);
    _exit(write_while_interrupted(ends[1], kh_buf_view(&want)));
  }
  (void)close(ends[1]);
  (void)usleep(20000);
  ck_assert_int_eq(kh_fd_read(ends[0], &got), KH_OK);
  ck_assert_int_eq(waitpid(writer, &status, 0), writer);
  ck_assert_int_eq(status, 0);
  ck_assert(kh_str_equal(kh_buf_view(&want), kh_buf_view(&got)));
  (void)close(ends[0]);
  kh_buf_release(&want);
  kh_buf_release(&got);
}
END_TEST

START_TEST(tells_a_full_disk_from_other_trouble)
{
  int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  int read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);

  ck_assert_int_ge(full, 0);
  ck_assert_int_eq(kh_fd_write(full, KH_STR("x")), KH_ERR_NO_SPACE);
  ck_assert_int_eq(kh_fd_write(full, KH_STR("")), KH_OK);
  ck_assert_int_eq(kh_fd_write(read_only, KH_STR("x")), KH_ERR_IO);
  ck_assert_int_eq(kh_fd_write(-1, KH_STR("x")), KH_ERR_IO);
  (void)close(full);
  (void)close(read_only);
}
END_TEST

static void may_be_as_long_as(rlim_t bytes)
{
  struct rlimit limit;

  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes;
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_torn_line_is_ended_before_the_next)
{
  static const char *const contents[] = {"one\ntw", "one\ntw", "one\ntw\n", "one\ntw\nfour\n"};
  static const rlim_t limits[] = {6, 6, 7, RLIM_INFINITY};
  static const struct kh_str lines[] = {{"two\n", 4}, {"three\n", 6}, {"four\n", 5}, {"four\n", 5}};
  static const bool torn[] = {true, true, false, false};
  bool is_torn = false;
  struct kh_buf got;
  char path[512];

  (void)signal(SIGXFSZ, SIG_IGN);
  kh_buf_init(&got, 100);
  int fd = open(kh_tempdir_path(&dir, "log", path, sizeof path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                0600);
  ck_assert_int_eq(kh_fd_write_line(fd, KH_STR("one\n"), &is_torn), KH_OK);
  for (size_t i = 0; i < KH_COUNT(lines); i++) {
    may_be_as_long_as(limits[i]);
    ck_assert_int_eq(kh_fd_write_line(fd, lines[i], &is_torn) == KH_OK, limits[i] == RLIM_INFINITY);
    ck_assert_int_eq(is_torn, torn[i]);
    ck_assert_int_eq(kh_fd_is_torn(fd, path), torn[i]);
    kh_buf_clear(&got);
    ck_assert_int_eq(kh_file_read(path, &got, NULL), KH_OK);
    ck_assert_str_eq(kh_buf_text(&got), contents[i]);
  }
  (void)close(fd);
  kh_buf_release(&got);
}
END_TEST

START_TEST(only_a_file_is_torn)
{
  char path[512];
  int ends[2];
  int fd = open(kh_tempdir_path(&dir, "log", path, sizeof path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  ck_assert_int_eq(pipe(ends), 0);
  ck_assert(!kh_fd_is_torn(fd, path)); /* empty */
  ck_assert(!kh_fd_is_torn(ends[1], path));
  ck_assert(!kh_fd_is_torn(-1, path));
  ck_assert_int_eq(kh_fd_write(fd, KH_STR("x")), KH_OK);
  ck_assert(kh_fd_is_torn(fd, path));
  ck_assert(!kh_fd_is_torn(fd, "/nowhere/log"));
  (void)close(fd);
  (void)close(ends[0]);
  (void)close(ends[1]);
}
END_TEST

static Suite *file_suite(void)
{
  Suite *suite = suite_create("file");
  TCase *file = kh_test_case(suite, "file");

  tcase_add_checked_fixture(file, open_dir, close_dir);
  tcase_add_loop_test(file, reads_what_is_there, 0, (int)KH_COUNT(lengths));
  tcase_add_loop_test(file, refuses_a_file_over_the_ceiling, 0, (int)KH_COUNT(lengths));
  tcase_add_test(file, names_the_path_and_the_cause);
  tcase_add_test(file, tells_whether_a_path_is_what_is_open);
  tcase_add_test(file, reads_a_stream_that_comes_in_drops);
  tcase_add_test(file, writes_all_over_short_writes_and_signals);
  tcase_add_test(file, tells_a_full_disk_from_other_trouble);
  tcase_add_test(file, a_torn_line_is_ended_before_the_next);
  tcase_add_test(file, only_a_file_is_torn);
  return suite;
}

int main(void)
{
  return kh_test_main(file_suite());
}
