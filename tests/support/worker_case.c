#include "base/base.h"

#include "base/file.h"
#include "support/worker_case.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t kh_test_now_ms(void)
{
  struct timespec now;

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int kh_test_open_descriptors(void)
{
  return kh_dir_count("/proc/self/fd");
}

void kh_worker_case_open(struct kh_worker_case *it)
{
  *it = (struct kh_worker_case){.lock = {.lock_fd = -1, .wake_fd = -1}};
  kh_tempdir_open(&it->dir);
  (void)kh_tempdir_path(&it->dir, "state", it->state, sizeof it->state);
  ck_assert_int_eq(mkdir(it->state, 0700), 0);
  it->config = calloc(1, sizeof *it->config);
  ck_assert_ptr_nonnull(it->config);
  (void)snprintf(it->config->state, sizeof it->config->state, "%s", it->state);
  (void)kh_tempdir_path(&it->dir, "kitehook.yml", it->config->path, sizeof it->config->path);
  (void)kh_tempdir_path(&it->dir, "worker", it->config->worker_program, sizeof it->config->worker_program);
  it->config->worker_mode = KH_WORKER_START;
  (void)signal(SIGPIPE, SIG_IGN);
}

void kh_worker_case_close(struct kh_worker_case *it)
{
  kh_worker_lock_leave(&it->lock);
  if (it->worker > 0)
    (void)kill(it->worker, SIGKILL);
  free(it->config);
  kh_tempdir_close(&it->dir);
}

void kh_worker_case_take(struct kh_worker_case *it)
{
  ck_assert_msg(kh_worker_lock_take(&it->lock, it->state, -1, &it->diag) == KH_OK, "%s", it->diag.text);
}

enum kh_worker_seen kh_worker_case_wake(struct kh_worker_case *it)
{
  it->diag = (struct kh_diag){.err = KH_OK};
  return kh_wake(it->config, &it->diag);
}

void kh_worker_case_must_see(struct kh_worker_case *it, enum kh_worker_seen want)
{
  enum kh_worker_seen seen = kh_worker_case_wake(it);

  ck_assert_msg(seen == want, "%s, not %s: %s", kh_worker_seen_token(seen), kh_worker_seen_token(want),
                it->diag.text);
}

/* By a description of our own: flock belongs to descriptions, not to processes. */
bool kh_worker_case_lock_is_free(const struct kh_worker_case *it)
{
  char path[600];

  (void)snprintf(path, sizeof path, "%s/worker.lock", it->state);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ck_assert_int_ge(fd, 0);
  bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
  (void)close(fd);
  return is_free;
}

void kh_worker_case_put_script(const struct kh_worker_case *it, const char *then)
{
  char text[2048];

  (void)snprintf(text, sizeof text,
                 "#!/bin/sh\n"
                 "echo $$ > '%s/pid.new' && mv '%s/pid.new' '%s/pid'\n"
                 "%s\n",
                 it->dir.path, it->dir.path, it->dir.path, then);
  kh_file_put(it->config->worker_program, kh_str_of(text));
  ck_assert_int_eq(chmod(it->config->worker_program, 0700), 0);
}

void kh_worker_case_put_patient_script(const struct kh_worker_case *it)
{
  char then[1024];

  (void)snprintf(then, sizeof then,
                 "n=0; while [ -e '%s/pid' ] && [ ! -e '%s/release' ] && [ $n -lt 1500 ]; do "
                 "n=$((n+1)); sleep 0.02; done",
                 it->dir.path, it->dir.path);
  kh_worker_case_put_script(it, then);
}

pid_t kh_worker_case_wait(const struct kh_worker_case *it)
{
  int64_t until = kh_test_now_ms() + KH_TEST_PATIENCE_MS;
  struct kh_buf text;
  char path[600];
  uint64_t pid = 0;

  (void)kh_tempdir_path(&it->dir, "pid", path, sizeof path);
  while (access(path, F_OK) != 0 && kh_test_now_ms() < until)
    (void)usleep(5000);
  kh_buf_init(&text, 100);
  ck_assert_msg(kh_file_read(path, &text, NULL) == KH_OK, "the worker did not start");
  struct kh_str rest = kh_buf_view(&text);
  ck_assert(kh_str_u64(kh_str_cut(&rest, '\n'), &pid));
  kh_buf_release(&text);
  return (pid_t)pid;
}

void kh_worker_case_release(struct kh_worker_case *it)
{
  int64_t until = kh_test_now_ms() + KH_TEST_PATIENCE_MS;
  char path[600];

  kh_file_put(kh_tempdir_path(&it->dir, "release", path, sizeof path), KH_STR(""));
  while (!kh_worker_case_lock_is_free(it) && kh_test_now_ms() < until)
    (void)usleep(5000);
  ck_assert(kh_worker_case_lock_is_free(it));
  it->worker = 0;
}
