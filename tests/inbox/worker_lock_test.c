#include "base/base.h"

#include "support/suite.h"
#include "support/worker_case.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kh_worker_case it;

static void open_case(void)
{
  kh_worker_case_open(&it);
}

static void close_case(void)
{
  kh_worker_case_close(&it);
}

START_TEST(tokens_are_the_documented_ones)
{
  ck_assert_str_eq(kh_worker_seen_token(KH_WORKER_WOKEN), "woken");
  ck_assert_str_eq(kh_worker_seen_token(KH_WORKER_STARTED), "started");
  ck_assert_str_eq(kh_worker_seen_token(KH_WORKER_BUSY), "busy");
  ck_assert_str_eq(kh_worker_seen_token(KH_WORKER_RAN), "ran");
  ck_assert_str_eq(kh_worker_seen_token(KH_WORKER_ABSENT), "absent");
}
END_TEST

START_TEST(one_worker_a_state_folder)
{
  struct kh_worker_lock second = {.lock_fd = -1, .wake_fd = -1};
  int before = kh_test_open_descriptors();

  kh_worker_case_take(&it);
  ck_assert_int_ge(it.lock.lock_fd, 0);
  ck_assert_int_ge(it.lock.wake_fd, 0);
  ck_assert(!kh_worker_case_lock_is_free(&it));
  ck_assert_int_eq(kh_worker_lock_take(&second, it.state, -1, &it.diag), KH_ERR_LOCKED);
  ck_assert_int_eq(it.diag.err, KH_ERR_LOCKED);
  ck_assert_int_eq(second.lock_fd, -1);
  ck_assert_int_eq(second.wake_fd, -1);
  kh_worker_lock_leave(&it.lock);
  ck_assert_int_eq(it.lock.lock_fd, -1);
  ck_assert_int_eq(it.lock.wake_fd, -1);
  ck_assert(kh_worker_case_lock_is_free(&it));
  ck_assert_int_eq(kh_worker_lock_take(&second, it.state, -1, NULL), KH_OK);
  kh_worker_lock_leave(&second);
  kh_worker_lock_leave(&second);
  ck_assert_int_eq(kh_test_open_descriptors(), before);
}
END_TEST

START_TEST(a_held_lock_is_seen_from_beside)
{
  struct kh_worker_lock second = {.lock_fd = -1, .wake_fd = -1};
  int64_t since_us = -1, now_us = kh_clock_now_us(&kh_system_clock);
  char byte;

  ck_assert(!kh_worker_lock_is_held(it.state, &since_us));
  ck_assert_int_eq(since_us, 0);
  kh_worker_case_take(&it);
  for (int round = 0; round < 100; round++)
    ck_assert(kh_worker_lock_is_held(it.state, &since_us));
  ck_assert_int_le(llabs(since_us - now_us), 5 * INT64_C(1000000));
  ck_assert_int_eq(read(it.lock.wake_fd, &byte, 1), -1);
  kh_worker_lock_leave(&it.lock);
  ck_assert(!kh_worker_lock_is_held(it.state, &since_us));
  ck_assert_int_eq(kh_worker_lock_take(&second, it.state, -1, NULL), KH_OK);
  kh_worker_lock_leave(&second);
}
END_TEST

START_TEST(the_lock_is_held_since_it_was_taken)
{
  const struct timespec old[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  int64_t since_us = 0;
  char path[1024];

  kh_worker_case_take(&it);
  (void)snprintf(path, sizeof path, "%s/worker.lock", it.state);
  ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
  ck_assert(kh_worker_lock_is_held(it.state, &since_us));
  ck_assert_int_eq(since_us, 1000 * INT64_C(1000000));
  kh_worker_lock_leave(&it.lock);
  kh_worker_case_take(&it);
  ck_assert(kh_worker_lock_is_held(it.state, &since_us));
  ck_assert_int_gt(since_us, 1000 * INT64_C(1000000));
}
END_TEST

START_TEST(a_lock_or_fifo_that_was_moved_is_seen)
{
  static const char *const files[] = {"state/worker.lock", "state/worker.wake"};
  char path[600], moved[600];

  (void)kh_tempdir_path(&it.dir, "moved", moved, sizeof moved);
  for (size_t i = 0; i < KH_COUNT(files); i++) {
    kh_worker_case_take(&it);
    ck_assert(kh_worker_lock_is_there(&it.lock));
    ck_assert_int_eq(rename(kh_tempdir_path(&it.dir, files[i], path, sizeof path), moved), 0);
    ck_assert(!kh_worker_lock_is_there(&it.lock));
    kh_file_put(path, KH_STR("")); /* something else of that name */
    ck_assert(!kh_worker_lock_is_there(&it.lock));
    ck_assert_int_eq(rename(moved, path), 0);
    ck_assert(kh_worker_lock_is_there(&it.lock));
    kh_worker_lock_leave(&it.lock);
    ck_assert(!kh_worker_lock_is_there(&it.lock));
  }
}
END_TEST

START_TEST(its_files_are_private)
{
  const char *const names[] = {"worker.lock", "worker.wake"};
  mode_t was = umask(0);

  kh_worker_case_take(&it);
  (void)umask(was);
  for (size_t i = 0; i < KH_COUNT(names); i++) {
    struct stat about;
    char path[600];

    (void)snprintf(path, sizeof path, "%s/%s", it.state, names[i]);
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_eq(about.st_mode & 07777, 0600);
    ck_assert_int_eq(S_ISFIFO(about.st_mode), i == 1);
  }
}
END_TEST

START_TEST(an_inherited_lock_is_taken_over)
{
  struct kh_worker_lock second = {.lock_fd = -1, .wake_fd = -1};
  char path[600];

  (void)snprintf(path, sizeof path, "%s/worker.lock", it.state);
  int fd = open(path, O_RDWR | O_CREAT, 0600);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
  ck_assert_int_eq(kh_worker_lock_take(&it.lock, it.state, fd, &it.diag), KH_OK);
  ck_assert_int_eq(it.lock.lock_fd, fd);
  ck_assert_int_eq(kh_worker_lock_take(&second, it.state, -1, NULL), KH_ERR_LOCKED);
  kh_worker_case_must_see(&it, KH_WORKER_WOKEN);
  kh_worker_lock_leave(&it.lock);
  ck_assert(kh_worker_case_lock_is_free(&it));
}
END_TEST

/* flock dies with its holder, so there is nothing to clean up after a kill. */
START_TEST(a_killed_holder_leaves_no_lock)
{
  int ready[2];
  char byte;

  ck_assert_int_eq(pipe(ready), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    if (kh_worker_lock_take(&it.lock, it.state, -1, NULL) || write(ready[1], "r", 1) != 1)
      _exit(1);
    (void)pause();
    _exit(0);
  }
  ck_assert_int_eq(read(ready[0], &byte, 1), 1);
  ck_assert_int_eq(kh_worker_lock_take(&it.lock, it.state, -1, NULL), KH_ERR_LOCKED);
  ck_assert_int_eq(kill(child, SIGKILL), 0);
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
  kh_worker_case_take(&it);
  (void)close(ready[0]);
  (void)close(ready[1]);
}
END_TEST

START_TEST(a_lock_of_others_is_refused)
{
  ck_assert_int_eq(chmod(it.state, 0755), 0);
  ck_assert_int_ne(kh_worker_lock_take(&it.lock, it.state, -1, &it.diag), KH_OK);
  ck_assert_int_eq(it.lock.lock_fd, -1);
  ck_assert_int_eq(chmod(it.state, 0700), 0);
  if (geteuid() != 0) {
    kh_test_skip("wake: another owner", "only root can make a folder of somebody else's");
    return;
  }
  ck_assert_int_eq(chown(it.state, 65534, 65534), 0);
  it.diag = (struct kh_diag){.err = KH_OK};
  ck_assert_int_eq(kh_worker_lock_take(&it.lock, it.state, -1, &it.diag), KH_ERR_STATE_OWNER);
  ck_assert_ptr_nonnull(strstr(it.diag.text, it.state));
  ck_assert_int_eq(kh_dir_count(it.state), 0);
}
END_TEST

START_TEST(what_is_no_fifo_is_refused)
{
  char path[600];

  (void)snprintf(path, sizeof path, "%s/worker.wake", it.state);
  kh_file_put(path, KH_STR(""));
  ck_assert_int_eq(kh_worker_lock_take(&it.lock, it.state, -1, &it.diag), KH_ERR_IO);
  ck_assert_ptr_nonnull(strstr(it.diag.text, "worker.wake"));
  ck_assert(kh_worker_case_lock_is_free(&it));
}
END_TEST

START_TEST(ringing_wakes_a_worker)
{
  kh_worker_case_take(&it);
  kh_worker_case_must_see(&it, KH_WORKER_WOKEN);
  int64_t from = kh_test_now_ms();
  kh_worker_lock_wait(&it.lock, KH_TEST_PATIENCE_MS);
  ck_assert_int_lt(kh_test_now_ms() - from, KH_TEST_PATIENCE_MS / 2);
}
END_TEST

START_TEST(all_waiting_bytes_are_read_at_once)
{
  int waiting = -1;

  kh_worker_case_take(&it);
  for (int i = 0; i < 1000; i++)
    kh_worker_case_must_see(&it, KH_WORKER_WOKEN);
  kh_worker_lock_wait(&it.lock, KH_TEST_PATIENCE_MS);
  ck_assert_int_eq(ioctl(it.lock.wake_fd, FIONREAD, &waiting), 0);
  ck_assert_int_eq(waiting, 0);
}
END_TEST

START_TEST(a_full_fifo_has_woken_enough)
{
  int waiting = -1;

  kh_worker_case_take(&it);
  int room = fcntl(it.lock.wake_fd, F_SETPIPE_SZ, 4096);
  ck_assert_int_ge(room, 4096);
  for (int i = 0; i < room + 10; i++)
    kh_worker_case_must_see(&it, KH_WORKER_WOKEN);
  ck_assert_int_eq(ioctl(it.lock.wake_fd, FIONREAD, &waiting), 0);
  ck_assert_int_ge(waiting, 1);
  kh_worker_lock_wait(&it.lock, KH_TEST_PATIENCE_MS);
  ck_assert_int_eq(ioctl(it.lock.wake_fd, FIONREAD, &waiting), 0);
  ck_assert_int_eq(waiting, 0);
}
END_TEST

/* A ringer that has gone must not make the wait return at once for ever. */
START_TEST(a_wait_does_not_spin_after_a_ring)
{
  kh_worker_case_take(&it);
  kh_worker_case_must_see(&it, KH_WORKER_WOKEN);
  kh_worker_lock_wait(&it.lock, KH_TEST_PATIENCE_MS);
  int64_t from = kh_test_now_ms();
  kh_worker_lock_wait(&it.lock, 100);
  ck_assert_int_ge(kh_test_now_ms() - from, 95);
  from = kh_test_now_ms();
  kh_worker_lock_wait(&it.lock, 0);
  ck_assert_int_lt(kh_test_now_ms() - from, 1000);
}
END_TEST

static void on_alarm(int number)
{
  (void)number;
}

START_TEST(a_signal_ends_the_wait)
{
  struct sigaction action = {.sa_handler = on_alarm};

  kh_worker_case_take(&it);
  ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
  (void)ualarm(50000, 0);
  kh_worker_lock_wait(&it.lock, -1);
}
END_TEST

START_TEST(a_ring_before_the_wait_is_not_lost)
{
  kh_worker_case_take(&it);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0)
    _exit(kh_wake(it.config, NULL) == KH_WORKER_WOKEN ? 0 : 1);
  int status = 1;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  int64_t from = kh_test_now_ms();
  kh_worker_lock_wait(&it.lock, KH_TEST_PATIENCE_MS);
  ck_assert_int_lt(kh_test_now_ms() - from, KH_TEST_PATIENCE_MS / 2);
}
END_TEST

static Suite *worker_lock_suite(void)
{
  Suite *suite = suite_create("worker_lock");
  TCase *taking = kh_test_case(suite, "taking");
  TCase *ringing = kh_test_case(suite, "ringing");

  tcase_add_checked_fixture(taking, open_case, close_case);
  tcase_add_test(taking, tokens_are_the_documented_ones);
  tcase_add_test(taking, one_worker_a_state_folder);
  tcase_add_test(taking, a_held_lock_is_seen_from_beside);
  tcase_add_test(taking, the_lock_is_held_since_it_was_taken);
  tcase_add_test(taking, a_lock_or_fifo_that_was_moved_is_seen);
  tcase_add_test(taking, its_files_are_private);
  tcase_add_test(taking, an_inherited_lock_is_taken_over);
  tcase_add_test(taking, a_killed_holder_leaves_no_lock);
  tcase_add_test(taking, a_lock_of_others_is_refused);
  tcase_add_test(taking, what_is_no_fifo_is_refused);

  tcase_add_checked_fixture(ringing, open_case, close_case);
  tcase_add_test(ringing, ringing_wakes_a_worker);
  tcase_add_test(ringing, all_waiting_bytes_are_read_at_once);
  tcase_add_test(ringing, a_full_fifo_has_woken_enough);
  tcase_add_test(ringing, a_wait_does_not_spin_after_a_ring);
  tcase_add_test(ringing, a_signal_ends_the_wait);
  tcase_add_test(ringing, a_ring_before_the_wait_is_not_lost);
  return suite;
}

int main(void)
{
  return kh_test_main(worker_lock_suite());
}
