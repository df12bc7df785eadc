#include "base/base.h"

#include "base/file.h"
#include "support/suite.h"
#include "support/worker_case.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
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

START_TEST(without_a_state_folder_nothing_is_known)
{
  it.config->state[0] = '\0';
  kh_worker_case_must_see(&it, KH_WORKER_UNKNOWN);
}
END_TEST

START_TEST(a_service_is_never_started)
{
  it.config->worker_mode = KH_WORKER_SERVICE;
  kh_worker_case_must_see(&it, KH_WORKER_ABSENT);
  ck_assert_uint_gt(strlen(it.diag.text), 0);
  ck_assert(kh_worker_case_lock_is_free(&it));
  ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
  kh_worker_case_take(&it);
  kh_worker_case_must_see(&it, KH_WORKER_WOKEN);
  kh_worker_lock_leave(&it.lock);
  kh_worker_case_must_see(&it, KH_WORKER_ABSENT);
}
END_TEST

/* Starting, or leaving: whoever holds the lock looks once more before it goes. */
START_TEST(a_held_lock_is_busy)
{
  char path[600];

  (void)snprintf(path, sizeof path, "%s/worker.lock", it.state);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
  kh_worker_case_must_see(&it, KH_WORKER_BUSY);
  it.config->worker_mode = KH_WORKER_WAIT;
  kh_worker_case_must_see(&it, KH_WORKER_BUSY);
  (void)close(fd);
}
END_TEST

/* The process that could not become a worker goes a moment after it has said so. */
static void lock_must_come_free(void)
{
  int64_t until = kh_test_now_ms() + KH_TEST_PATIENCE_MS;

  while (!kh_worker_case_lock_is_free(&it) && kh_test_now_ms() < until)
    (void)usleep(1000);
  ck_assert(kh_worker_case_lock_is_free(&it));
}

START_TEST(a_program_that_cannot_run_is_absent)
{
  const enum kh_worker_mode modes[] = {KH_WORKER_START, KH_WORKER_WAIT};
  int before = kh_test_open_descriptors();

  for (size_t i = 0; i < KH_COUNT(modes); i++) {
    it.config->worker_mode = modes[i];
    kh_worker_case_must_see(&it, KH_WORKER_ABSENT);
    ck_assert_ptr_nonnull(strstr(it.diag.text, it.config->worker_program));
    lock_must_come_free();
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
  }
  kh_file_put(it.config->worker_program, KH_STR("not a program"));
  kh_worker_case_must_see(&it, KH_WORKER_ABSENT);
  lock_must_come_free();
  ck_assert_int_eq(kh_test_open_descriptors(), before);
}
END_TEST

/* ---- for want of room ---- */

static const int64_t now_us = INT64_C(1700000000) * 1000000;
static const int64_t second_us = 1000000;

static void must_see_for_room(int64_t at_us, enum kh_worker_seen want)
{
  it.diag = (struct kh_diag){.err = KH_OK};
  enum kh_worker_seen seen = kh_wake_for_room(it.config, at_us, &it.diag);

  ck_assert_msg(seen == want, "%s, not %s: %s", kh_worker_seen_token(seen), kh_worker_seen_token(want),
                it.diag.text);
}

static size_t count_pokes(void)
{
  char bytes[64];
  ssize_t count = read(it.lock.wake_fd, bytes, sizeof bytes);

  return count < 0 ? 0 : (size_t)count;
}

START_TEST(for_room_it_is_woken_once_a_second)
{
  kh_worker_case_take(&it);
  must_see_for_room(now_us, KH_WORKER_WOKEN);
  must_see_for_room(now_us, KH_WORKER_UNKNOWN);
  must_see_for_room(now_us + second_us - 1, KH_WORKER_UNKNOWN);
  ck_assert_uint_eq(count_pokes(), 1);
  must_see_for_room(now_us + second_us, KH_WORKER_WOKEN);
  must_see_for_room(now_us + second_us, KH_WORKER_UNKNOWN);
  /* A clock that was set back does not keep it from being woken. */
  must_see_for_room(now_us, KH_WORKER_WOKEN);
  /* Whoever keeps a webhook wakes it whenever. */
  kh_worker_case_must_see(&it, KH_WORKER_WOKEN);
  ck_assert_uint_eq(count_pokes(), 3);
}
END_TEST

START_TEST(for_room_it_is_started_once_a_second)
{
  kh_worker_case_put_script(&it, "");
  must_see_for_room(now_us, KH_WORKER_STARTED);
  must_see_for_room(now_us + second_us / 2, KH_WORKER_UNKNOWN);
  lock_must_come_free();
  must_see_for_room(now_us + second_us, KH_WORKER_STARTED);
  lock_must_come_free();
}
END_TEST

START_TEST(for_room_who_could_not_be_had_is_tried_again)
{
  must_see_for_room(now_us, KH_WORKER_ABSENT); /* there is no such program */
  lock_must_come_free();
  kh_worker_case_put_script(&it, "");
  must_see_for_room(now_us, KH_WORKER_STARTED);
  lock_must_come_free();
  it.config->worker_mode = KH_WORKER_SERVICE;
  must_see_for_room(now_us + second_us, KH_WORKER_ABSENT);
  kh_worker_case_take(&it);
  must_see_for_room(now_us + second_us, KH_WORKER_WOKEN);
}
END_TEST

START_TEST(wait_makes_one_pass)
{
  char path[600];
  int before = kh_test_open_descriptors();

  kh_worker_case_put_script(&it,
                            "for a; do echo \"$a\"; done > \"$0.argv.new\"; mv \"$0.argv.new\" \"$0.argv\"");
  it.config->worker_mode = KH_WORKER_WAIT;
  kh_worker_case_must_see(&it, KH_WORKER_RAN);
  /* It is over when kh_wake returns: its traces are there, its lock and its process gone. */
  struct kh_buf text;
  (void)snprintf(path, sizeof path, "%s.argv", it.config->worker_program);
  kh_buf_init(&text, 65536);
  ck_assert_int_eq(kh_file_read(path, &text, NULL), KH_OK);
  ck_assert_ptr_nonnull(strstr(kh_buf_text(&text), "--once\n"));
  kh_buf_release(&text);
  ck_assert(kh_worker_case_lock_is_free(&it));
  ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
  ck_assert_int_eq(errno, ECHILD);
  ck_assert_int_eq(kh_test_open_descriptors(), before);
}
END_TEST

/* Buildkite gives up after 5 s: the answer must go out before that. */
START_TEST(wait_is_bounded)
{
  kh_worker_case_put_patient_script(&it);
  it.config->worker_mode = KH_WORKER_WAIT;
  int64_t from = kh_test_now_ms();
  (void)kh_worker_case_wake(&it);
  int64_t took = kh_test_now_ms() - from;
  it.worker = kh_worker_case_wait(&it);
  ck_assert_msg(took < 5000, "took %" PRId64 " ms", took);
  ck_assert_int_eq(kill(it.worker, 0), 0);
  kh_worker_case_must_see(&it, KH_WORKER_BUSY);
  kh_worker_case_release(&it);
}
END_TEST

/* In a long-lived receiver, a pass that outlived its budget is reaped by and by. */
START_TEST(a_late_pass_is_no_zombie_for_ever)
{
  kh_worker_case_put_patient_script(&it);
  it.config->worker_mode = KH_WORKER_WAIT;
  (void)kh_worker_case_wake(&it);
  it.worker = kh_worker_case_wait(&it);
  kh_worker_case_release(&it);
  (void)usleep(100000);
  kh_worker_case_put_script(&it, "exit 0");
  kh_worker_case_must_see(&it, KH_WORKER_RAN);
  ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
  ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static Suite *wake_suite(void)
{
  Suite *suite = suite_create("wake");
  TCase *absent = kh_test_case(suite, "absent");
  TCase *for_room = kh_test_case(suite, "for_room");
  TCase *waiting = kh_test_case(suite, "waiting");

  tcase_add_checked_fixture(absent, open_case, close_case);
  tcase_add_test(absent, without_a_state_folder_nothing_is_known);
  tcase_add_test(absent, a_service_is_never_started);
  tcase_add_test(absent, a_held_lock_is_busy);
  tcase_add_test(absent, a_program_that_cannot_run_is_absent);

  tcase_add_checked_fixture(for_room, open_case, close_case);
  tcase_add_test(for_room, for_room_it_is_woken_once_a_second);
  tcase_add_test(for_room, for_room_it_is_started_once_a_second);
  tcase_add_test(for_room, for_room_who_could_not_be_had_is_tried_again);

  tcase_add_checked_fixture(waiting, open_case, close_case);
  tcase_add_test(waiting, wait_makes_one_pass);
  tcase_add_test(waiting, wait_is_bounded);
  tcase_add_test(waiting, a_late_pass_is_no_zombie_for_ever);
  return suite;
}

int main(void)
{
  return kh_test_main(wake_suite());
}
