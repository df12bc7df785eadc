#include "base/base.h"

#include "base/file.h"
#include "support/suite.h"
#include "support/worker_case.h"

#include <fcntl.h>
#include <signal.h>
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

static void read_file(const char *path, struct kh_buf *text)
{
  kh_buf_init(text, 65536);
  ck_assert_msg(kh_file_read(path, text, &it.diag) == KH_OK, "%s", it.diag.text);
}

static void start_worker(void)
{
  kh_worker_case_put_patient_script(&it);
  kh_worker_case_must_see(&it, KH_WORKER_STARTED);
  it.worker = kh_worker_case_wait(&it);
}

/* What descriptor NUMBER of the worker is; "" when it is closed. */
static const char *worker_descriptor(int number, char *target, size_t room)
{
  char path[64];

  (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)it.worker, number);
  ssize_t length = readlink(path, target, room - 1);
  target[length > 0 ? length : 0] = '\0';
  return target;
}

START_TEST(the_worker_holds_the_lock)
{
  start_worker();
  ck_assert(!kh_worker_case_lock_is_free(&it));
  kh_worker_case_must_see(&it, KH_WORKER_BUSY);
  kh_worker_case_release(&it);
  kh_worker_case_take(&it);
  kh_worker_case_must_see(&it, KH_WORKER_WOKEN);
}
END_TEST

START_TEST(the_worker_inherits_the_lock_and_nothing_else)
{
  char target[1024], lock[600];
  int ends[2];
  int found = 0;

  /* What a receiver may have open: the client's connection, the listening socket, low and high. */
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_eq(dup2(ends[0], 50), 50);
  ck_assert_int_eq(dup2(ends[1], 1000), 1000);
  (void)snprintf(lock, sizeof lock, "%s/worker.lock", it.state);
  start_worker();
  for (int number = 0; number < 2000; number++) {
    const char *is = worker_descriptor(number, target, sizeof target);

    if (number <= 2)
      ck_assert_msg(strcmp(is, "/dev/null") == 0, "%d is %s", number, is);
    else if (strcmp(is, lock) == 0)
      found++;
    else /* the shell reads its script through a descriptor of its own */
      ck_assert_msg(*is == '\0' || strcmp(is, it.config->worker_program) == 0, "%d is %s", number, is);
  }
  ck_assert_int_eq(found, 1);
  kh_worker_case_release(&it);
}
END_TEST

static void read_proc(const char *name, struct kh_buf *text)
{
  char path[64];

  (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)it.worker, name);
  read_file(path, text);
}

START_TEST(the_worker_has_path_as_its_whole_environment)
{
  static const char *const environment[] = {"SECRET=planted", "PATH=/usr/bin:/bin", "LD_PRELOAD=/planted.so",
                                            "HTTP_X_BUILDKITE_TOKEN=planted", NULL};
  struct kh_buf text;

  it.config->environment = environment;
  ck_assert_int_eq(setenv("KH_PLANTED", "planted", 1), 0);
  start_worker();
  read_proc("environ", &text);
  ck_assert_msg(kh_str_equal(kh_buf_view(&text), kh_str("PATH=/usr/bin:/bin", 19)), "%s", kh_buf_text(&text));
  kh_buf_release(&text);
  kh_worker_case_release(&it);
}
END_TEST

START_TEST(a_worker_has_a_path_though_the_receiver_has_none)
{
  static const char *const environment[] = {"X=1", NULL};
  struct kh_buf text;

  it.config->environment = environment;
  start_worker();
  read_proc("environ", &text);
  ck_assert(kh_str_starts(kh_buf_view(&text), KH_STR("PATH=/")));
  ck_assert_uint_eq(strlen(kh_buf_text(&text)) + 1, text.len);
  kh_buf_release(&text);
  kh_worker_case_release(&it);
}
END_TEST

/* argv: worker, --config and the file, --lock-fd and the descriptor's number. */
START_TEST(the_worker_is_told_its_config_and_its_lock)
{
  char target[1024], lock[600];
  struct kh_buf text;
  bool has_worker = false, has_config = false, has_lock = false;

  (void)snprintf(lock, sizeof lock, "%s/worker.lock", it.state);
  start_worker();
  read_proc("cmdline", &text);
  const char *before = "";
  for (const char *at = text.at; at < text.at + text.len; at += strlen(at) + 1) {
    uint64_t number = 0;

    has_worker |= strcmp(at, "worker") == 0;
    has_config |= strcmp(before, "--config") == 0 && strcmp(at, it.config->path) == 0;
    if (strcmp(before, "--lock-fd") == 0 && kh_str_u64(kh_str_of(at), &number))
      has_lock = strcmp(worker_descriptor((int)number, target, sizeof target), lock) == 0;
    before = at;
  }
  ck_assert(has_worker);
  ck_assert(has_config);
  ck_assert(has_lock);
  kh_buf_release(&text);
  kh_worker_case_release(&it);
}
END_TEST

/* A receiver answers and goes; the worker is nobody's child but init's, and in a session of its own. */
START_TEST(the_worker_is_on_its_own)
{
  struct kh_buf text;

  start_worker();
  ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
  ck_assert_int_eq(errno, ECHILD);
  ck_assert_int_ne(getsid(it.worker), getsid(0));
  ck_assert_int_ge(getsid(it.worker), 0);
  read_proc("status", &text);
  char parent[32];
  (void)snprintf(parent, sizeof parent, "\nPPid:\t%d\n", (int)getpid());
  ck_assert_ptr_null(strstr(kh_buf_text(&text), parent));
  kh_buf_release(&text);
  kh_worker_case_release(&it);
}
END_TEST

/* What a receiver ignores or blocks is its own affair: SIGPIPE must still end a worker's pipeline. */
START_TEST(the_worker_starts_with_ordinary_signals)
{
  char self[PATH_MAX];
  struct kh_buf text;
  sigset_t blocked;

  (void)sigemptyset(&blocked);
  (void)sigaddset(&blocked, SIGTERM);
  (void)sigaddset(&blocked, SIGUSR2);
  ck_assert_int_eq(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGUSR1, SIG_IGN);
  /* No shell: those change signals of their own accord. */
  ck_assert_ptr_nonnull(realpath("/proc/self/exe", self));
  ck_assert_uint_lt(strlen(self), KH_PATH_BYTES);
  memcpy(it.config->worker_program, self, strlen(self) + 1);
  kh_worker_case_must_see(&it, KH_WORKER_STARTED);
  it.worker = kh_worker_case_wait(&it);
  read_proc("status", &text);
  const char *mask = strstr(kh_buf_text(&text), "\nSigBlk:\t");
  const char *ignored = strstr(kh_buf_text(&text), "\nSigIgn:\t");
  ck_assert(mask && ignored);
  ck_assert_msg(strtoull(mask + 9, NULL, 16) == 0, "%.30s", mask);
  unsigned long long bits = strtoull(ignored + 9, NULL, 16);
  ck_assert_msg((bits & (1ULL << (SIGPIPE - 1) | 1ULL << (SIGUSR1 - 1))) == 0, "%.30s", ignored);
  kh_buf_release(&text);
}
END_TEST

START_TEST(starting_leaves_no_descriptor_open)
{
  int before = kh_test_open_descriptors();

  start_worker();
  ck_assert_int_eq(kh_test_open_descriptors(), before);
  kh_worker_case_release(&it);
}
END_TEST

static Suite *wake_start_suite(void)
{
  Suite *suite = suite_create("wake start");
  TCase *started = kh_test_case(suite, "started");

  tcase_add_checked_fixture(started, open_case, close_case);
  tcase_add_test(started, the_worker_holds_the_lock);
  tcase_add_test(started, the_worker_inherits_the_lock_and_nothing_else);
  tcase_add_test(started, the_worker_has_path_as_its_whole_environment);
  tcase_add_test(started, a_worker_has_a_path_though_the_receiver_has_none);
  tcase_add_test(started, the_worker_is_told_its_config_and_its_lock);
  tcase_add_test(started, the_worker_is_on_its_own);
  tcase_add_test(started, the_worker_starts_with_ordinary_signals);
  tcase_add_test(started, starting_leaves_no_descriptor_open);
  return suite;
}

/*
 * This program as a worker: tells its process id beside the config, and stays half a minute or until it is
 * killed.
 */
static int be_worker(const char *config_path)
{
  const char *slash = strrchr(config_path, '/');
  char path[600], new_path[600], pid[32];

  if (!slash)
    return 2;
  (void)snprintf(path, sizeof path, "%.*s/pid", (int)(slash - config_path), config_path);
  (void)snprintf(new_path, sizeof new_path, "%.500s.new", path);
  (void)snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
  int fd = open(new_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || kh_fd_write(fd, kh_str_of(pid)) || rename(new_path, path))
    return 1;
  (void)alarm(30);
  return pause();
}

int main(int argc, char **argv)
{
  if (argc >= 4 && strcmp(argv[1], "worker") == 0 && strcmp(argv[2], "--config") == 0)
    return be_worker(argv[3]);
  return kh_test_main(wake_start_suite());
}
