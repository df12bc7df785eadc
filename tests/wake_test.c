#include "base/base.h"

#include "base/file.h"
#include "receive/wake.h"
#include "support/suite.h"
#include "support/tempdir.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

static struct kh_tempdir dir;
static char state[512];
static struct kh_config *config;
static struct kh_worker_post post;
static struct kh_diag diag;
static pid_t worker; /* one that a test started, or 0 */

static int64_t now_ms(void)
{
  struct timespec now;

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void open_state(void)
{
  kh_tempdir_open(&dir);
  (void)kh_tempdir_path(&dir, "state", state, sizeof state);
  ck_assert_int_eq(mkdir(state, 0700), 0);
  config = calloc(1, sizeof *config);
  ck_assert_ptr_nonnull(config);
  (void)snprintf(config->state, sizeof config->state, "%s", state);
  (void)kh_tempdir_path(&dir, "kitehook.yml", config->path, sizeof config->path);
  (void)kh_tempdir_path(&dir, "worker", config->worker_program, sizeof config->worker_program);
  config->worker_mode = KH_WORKER_START;
  post = (struct kh_worker_post){.lock_fd = -1, .wake_fd = -1};
  diag = (struct kh_diag){.err = KH_OK};
  worker = 0;
  (void)signal(SIGPIPE, SIG_IGN); /* as every receiver does */
}

static void close_state(void)
{
  kh_post_leave(&post);
  if (worker > 0)
    (void)kill(worker, SIGKILL);
  free(config);
  kh_tempdir_close(&dir);
}

static void take(void)
{
  ck_assert_msg(kh_post_take(&post, state, -1, &diag) == KH_OK, "%s", diag.text);
}

static enum kh_worker_seen wake(void)
{
  diag = (struct kh_diag){.err = KH_OK};
  return kh_wake(config, &diag);
}

static void must_see(enum kh_worker_seen want)
{
  enum kh_worker_seen seen = wake();

  ck_assert_msg(seen == want, "%s, not %s: %s", kh_worker_seen_token(seen), kh_worker_seen_token(want),
                diag.text);
}

/* True when nobody holds worker.lock, by a description of our own. */
static bool lock_is_free(void)
{
  char path[600];

  (void)snprintf(path, sizeof path, "%s/worker.lock", state);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ck_assert_int_ge(fd, 0);
  bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
  (void)close(fd);
  return is_free;
}

static int open_descriptors(void)
{
  return kh_dir_count("/proc/self/fd");
}

/* ---- the post ---- */

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
  struct kh_worker_post second = {.lock_fd = -1, .wake_fd = -1};
  int before = open_descriptors();

  take();
  ck_assert_int_ge(post.lock_fd, 0);
  ck_assert_int_ge(post.wake_fd, 0);
  ck_assert(!lock_is_free());
  ck_assert_int_eq(kh_post_take(&second, state, -1, &diag), KH_ERR_LOCKED);
  ck_assert_int_eq(diag.err, KH_ERR_LOCKED);
  ck_assert_int_eq(second.lock_fd, -1);
  ck_assert_int_eq(second.wake_fd, -1);
  kh_post_leave(&post);
  ck_assert_int_eq(post.lock_fd, -1);
  ck_assert_int_eq(post.wake_fd, -1);
  ck_assert(lock_is_free());
  ck_assert_int_eq(kh_post_take(&second, state, -1, NULL), KH_OK);
  kh_post_leave(&second);
  kh_post_leave(&second);
  ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

START_TEST(its_files_are_private)
{
  const char *const names[] = {"worker.lock", "worker.wake"};
  mode_t was = umask(0);

  take();
  (void)umask(was);
  for (size_t i = 0; i < KH_COUNT(names); i++) {
    struct stat about;
    char path[600];

    (void)snprintf(path, sizeof path, "%s/%s", state, names[i]);
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_eq(about.st_mode & 07777, 0600);
    ck_assert_int_eq(S_ISFIFO(about.st_mode), i == 1);
  }
}
END_TEST

START_TEST(an_inherited_lock_is_taken_over)
{
  struct kh_worker_post second = {.lock_fd = -1, .wake_fd = -1};
  char path[600];

  (void)snprintf(path, sizeof path, "%s/worker.lock", state);
  int fd = open(path, O_RDWR | O_CREAT, 0600);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
  ck_assert_int_eq(kh_post_take(&post, state, fd, &diag), KH_OK);
  ck_assert_int_eq(post.lock_fd, fd);
  ck_assert_int_eq(kh_post_take(&second, state, -1, NULL), KH_ERR_LOCKED);
  must_see(KH_WORKER_WOKEN);
  kh_post_leave(&post);
  ck_assert(lock_is_free());
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
    if (kh_post_take(&post, state, -1, NULL) || write(ready[1], "r", 1) != 1)
      _exit(1);
    (void)pause();
    _exit(0);
  }
  ck_assert_int_eq(read(ready[0], &byte, 1), 1);
  ck_assert_int_eq(kh_post_take(&post, state, -1, NULL), KH_ERR_LOCKED);
  ck_assert_int_eq(kill(child, SIGKILL), 0);
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
  take();
  (void)close(ready[0]);
  (void)close(ready[1]);
}
END_TEST

START_TEST(a_post_of_others_is_refused)
{
  ck_assert_int_eq(chmod(state, 0755), 0);
  ck_assert_int_ne(kh_post_take(&post, state, -1, &diag), KH_OK);
  ck_assert_int_eq(post.lock_fd, -1);
  ck_assert_int_eq(chmod(state, 0700), 0);
  if (geteuid() != 0) {
    kh_test_skip("wake: another owner", "only root can make a folder of somebody else's");
    return;
  }
  ck_assert_int_eq(chown(state, 65534, 65534), 0);
  diag = (struct kh_diag){.err = KH_OK};
  ck_assert_int_eq(kh_post_take(&post, state, -1, &diag), KH_ERR_STATE_OWNER);
  ck_assert_ptr_nonnull(strstr(diag.text, state));
  ck_assert_int_eq(kh_dir_count(state), 0);
}
END_TEST

START_TEST(what_is_no_fifo_is_refused)
{
  char path[600];

  (void)snprintf(path, sizeof path, "%s/worker.wake", state);
  kh_file_put(path, KH_STR(""));
  ck_assert_int_eq(kh_post_take(&post, state, -1, &diag), KH_ERR_IO);
  ck_assert_ptr_nonnull(strstr(diag.text, "worker.wake"));
  ck_assert(lock_is_free());
}
END_TEST

/* ---- ringing and waiting ---- */

START_TEST(ringing_wakes_a_worker)
{
  take();
  must_see(KH_WORKER_WOKEN);
  int64_t from = now_ms();
  kh_post_wait(&post, PATIENCE_MS);
  ck_assert_int_lt(now_ms() - from, PATIENCE_MS / 2);
}
END_TEST

START_TEST(all_waiting_bytes_are_read_at_once)
{
  int waiting = -1;

  take();
  for (int i = 0; i < 1000; i++)
    must_see(KH_WORKER_WOKEN);
  kh_post_wait(&post, PATIENCE_MS);
  ck_assert_int_eq(ioctl(post.wake_fd, FIONREAD, &waiting), 0);
  ck_assert_int_eq(waiting, 0);
}
END_TEST

START_TEST(a_full_fifo_has_woken_enough)
{
  int waiting = -1;

  take();
  int room = fcntl(post.wake_fd, F_SETPIPE_SZ, 4096);
  ck_assert_int_ge(room, 4096);
  for (int i = 0; i < room + 10; i++)
    must_see(KH_WORKER_WOKEN);
  ck_assert_int_eq(ioctl(post.wake_fd, FIONREAD, &waiting), 0);
  ck_assert_int_ge(waiting, 1);
  kh_post_wait(&post, PATIENCE_MS);
  ck_assert_int_eq(ioctl(post.wake_fd, FIONREAD, &waiting), 0);
  ck_assert_int_eq(waiting, 0);
}
END_TEST

/* A ringer that has gone must not make the wait return at once for ever. */
START_TEST(a_wait_does_not_spin_after_a_ring)
{
  take();
  must_see(KH_WORKER_WOKEN);
  kh_post_wait(&post, PATIENCE_MS);
  int64_t from = now_ms();
  kh_post_wait(&post, 100);
  ck_assert_int_ge(now_ms() - from, 95);
  from = now_ms();
  kh_post_wait(&post, 0);
  ck_assert_int_lt(now_ms() - from, 1000);
}
END_TEST

static void on_alarm(int number)
{
  (void)number;
}

START_TEST(a_signal_ends_the_wait)
{
  struct sigaction action = {.sa_handler = on_alarm};

  take();
  ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
  (void)ualarm(50000, 0);
  kh_post_wait(&post, -1);
}
END_TEST

START_TEST(a_ring_before_the_wait_is_not_lost)
{
  take();
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0)
    _exit(kh_wake(config, NULL) == KH_WORKER_WOKEN ? 0 : 1);
  int status = 1;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  int64_t from = now_ms();
  kh_post_wait(&post, PATIENCE_MS);
  ck_assert_int_lt(now_ms() - from, PATIENCE_MS / 2);
}
END_TEST

/* ---- nobody listens ---- */

START_TEST(without_a_state_folder_nothing_is_known)
{
  config->state[0] = '\0';
  must_see(KH_WORKER_UNKNOWN);
}
END_TEST

START_TEST(a_service_is_never_started)
{
  config->worker_mode = KH_WORKER_SERVICE;
  must_see(KH_WORKER_ABSENT);
  ck_assert_uint_gt(strlen(diag.text), 0);
  ck_assert(lock_is_free());
  ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
  take();
  must_see(KH_WORKER_WOKEN);
  kh_post_leave(&post);
  must_see(KH_WORKER_ABSENT);
}
END_TEST

/* Starting, or leaving: whoever holds the lock looks once more before it goes. */
START_TEST(a_held_lock_is_busy)
{
  char path[600];

  (void)snprintf(path, sizeof path, "%s/worker.lock", state);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
  must_see(KH_WORKER_BUSY);
  config->worker_mode = KH_WORKER_WAIT;
  must_see(KH_WORKER_BUSY);
  (void)close(fd);
}
END_TEST

START_TEST(a_program_that_cannot_run_is_absent)
{
  const enum kh_worker_mode modes[] = {KH_WORKER_START, KH_WORKER_WAIT};
  int before = open_descriptors();

  for (size_t i = 0; i < KH_COUNT(modes); i++) {
    config->worker_mode = modes[i];
    must_see(KH_WORKER_ABSENT);
    ck_assert_ptr_nonnull(strstr(diag.text, config->worker_program));
    ck_assert(lock_is_free());
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
  }
  kh_file_put(config->worker_program, KH_STR("not a program"));
  must_see(KH_WORKER_ABSENT);
  ck_assert(lock_is_free());
  ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* ---- a started worker ---- */

/* A worker that tells its process id, and stays until it is released or DIR is gone. */
static void put_script(const char *then)
{
  char text[2048];

  (void)snprintf(text, sizeof text,
                 "#!/bin/sh\n"
                 "echo $$ > '%s/pid.new' && mv '%s/pid.new' '%s/pid'\n"
                 "%s\n",
                 dir.path, dir.path, dir.path, then);
  kh_file_put(config->worker_program, kh_str_of(text));
  ck_assert_int_eq(chmod(config->worker_program, 0700), 0);
}

static void put_patient_script(void)
{
  char then[1024];

  (void)snprintf(then, sizeof then, "while [ -e '%s/pid' ] && [ ! -e '%s/release' ]; do sleep 0.02; done",
                 dir.path, dir.path);
  put_script(then);
}

static void read_file(const char *path, struct kh_buf *text)
{
  kh_buf_init(text, 65536);
  ck_assert_msg(kh_file_read(path, text, &diag) == KH_OK, "%s", diag.text);
}

static pid_t wait_for_worker(void)
{
  char path[600];
  uint64_t pid = 0;

  (void)kh_tempdir_path(&dir, "pid", path, sizeof path);
  for (int64_t until = now_ms() + PATIENCE_MS; access(path, F_OK) != 0 && now_ms() < until;)
    (void)usleep(5000);
  struct kh_buf text;
  read_file(path, &text);
  struct kh_str rest = kh_buf_view(&text);
  ck_assert(kh_str_u64(kh_str_cut(&rest, '\n'), &pid));
  kh_buf_release(&text);
  return (pid_t)pid;
}

static void start_worker(void)
{
  put_patient_script();
  must_see(KH_WORKER_STARTED);
  worker = wait_for_worker();
}

static void release_worker(void)
{
  char path[600];

  kh_file_put(kh_tempdir_path(&dir, "release", path, sizeof path), KH_STR(""));
  for (int64_t until = now_ms() + PATIENCE_MS; !lock_is_free() && now_ms() < until;)
    (void)usleep(5000);
  ck_assert(lock_is_free());
  worker = 0;
}

/* What descriptor NUMBER of the worker is; "" when it is closed. */
static const char *worker_descriptor(int number, char *target, size_t room)
{
  char path[64];

  (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)worker, number);
  ssize_t length = readlink(path, target, room - 1);
  target[length > 0 ? length : 0] = '\0';
  return target;
}

START_TEST(the_worker_holds_the_lock)
{
  start_worker();
  ck_assert(!lock_is_free());
  must_see(KH_WORKER_BUSY);
  release_worker();
  take();
  must_see(KH_WORKER_WOKEN);
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
  (void)snprintf(lock, sizeof lock, "%s/worker.lock", state);
  start_worker();
  for (int number = 0; number < 2000; number++) {
    const char *is = worker_descriptor(number, target, sizeof target);

    if (number <= 2)
      ck_assert_msg(strcmp(is, "/dev/null") == 0, "%d is %s", number, is);
    else if (strcmp(is, lock) == 0)
      found++;
    else /* the shell reads its script through a descriptor of its own */
      ck_assert_msg(*is == '\0' || strcmp(is, config->worker_program) == 0, "%d is %s", number, is);
  }
  ck_assert_int_eq(found, 1);
  release_worker();
}
END_TEST

static void read_proc(const char *name, struct kh_buf *text)
{
  char path[64];

  (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)worker, name);
  read_file(path, text);
}

START_TEST(the_worker_has_path_as_its_whole_environment)
{
  static const char *const environment[] = {"SECRET=planted", "PATH=/usr/bin:/bin", "LD_PRELOAD=/planted.so",
                                            "HTTP_X_BUILDKITE_TOKEN=planted", NULL};
  struct kh_buf text;

  config->environment = environment;
  ck_assert_int_eq(setenv("KH_PLANTED", "planted", 1), 0);
  start_worker();
  read_proc("environ", &text);
  ck_assert_msg(kh_str_equal(kh_buf_view(&text), kh_str("PATH=/usr/bin:/bin", 19)), "%s", kh_buf_text(&text));
  kh_buf_release(&text);
  release_worker();
}
END_TEST

START_TEST(a_worker_has_a_path_though_the_receiver_has_none)
{
  static const char *const environment[] = {"X=1", NULL};
  struct kh_buf text;

  config->environment = environment;
  start_worker();
  read_proc("environ", &text);
  ck_assert(kh_str_starts(kh_buf_view(&text), KH_STR("PATH=/")));
  ck_assert_uint_eq(strlen(kh_buf_text(&text)) + 1, text.len);
  kh_buf_release(&text);
  release_worker();
}
END_TEST

/* argv: worker, --config and the file, --lock-fd and the descriptor's number. */
START_TEST(the_worker_is_told_its_config_and_its_lock)
{
  char target[1024], lock[600];
  struct kh_buf text;
  bool has_worker = false, has_config = false, has_lock = false;

  (void)snprintf(lock, sizeof lock, "%s/worker.lock", state);
  start_worker();
  read_proc("cmdline", &text);
  const char *before = "";
  for (const char *at = text.at; at < text.at + text.len; at += strlen(at) + 1) {
    uint64_t number = 0;

    has_worker |= strcmp(at, "worker") == 0;
    has_config |= strcmp(before, "--config") == 0 && strcmp(at, config->path) == 0;
    if (strcmp(before, "--lock-fd") == 0 && kh_str_u64(kh_str_of(at), &number))
      has_lock = strcmp(worker_descriptor((int)number, target, sizeof target), lock) == 0;
    before = at;
  }
  ck_assert(has_worker);
  ck_assert(has_config);
  ck_assert(has_lock);
  kh_buf_release(&text);
  release_worker();
}
END_TEST

/* A receiver answers and goes; the worker is nobody's child but init's, and in a session of its own. */
START_TEST(the_worker_is_on_its_own)
{
  struct kh_buf text;

  start_worker();
  ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
  ck_assert_int_eq(errno, ECHILD);
  ck_assert_int_ne(getsid(worker), getsid(0));
  ck_assert_int_ge(getsid(worker), 0);
  read_proc("status", &text);
  char parent[32];
  (void)snprintf(parent, sizeof parent, "\nPPid:\t%d\n", (int)getpid());
  ck_assert_ptr_null(strstr(kh_buf_text(&text), parent));
  kh_buf_release(&text);
  release_worker();
}
END_TEST

static void wait_for_exec(void)
{
  for (int64_t until = now_ms() + PATIENCE_MS; now_ms() < until; (void)usleep(2000)) {
    struct kh_buf text;

    read_proc("comm", &text);
    bool done = kh_str_equal(kh_buf_view(&text), KH_STR("sleep\n"));
    kh_buf_release(&text);
    if (done)
      return;
  }
  ck_abort_msg("the worker did not become sleep");
}

/* What a receiver ignores or blocks is its own affair: SIGPIPE must still end a worker's pipeline. */
START_TEST(the_worker_starts_with_ordinary_signals)
{
  struct kh_buf text;
  sigset_t blocked;

  (void)sigemptyset(&blocked);
  (void)sigaddset(&blocked, SIGTERM);
  (void)sigaddset(&blocked, SIGUSR2);
  ck_assert_int_eq(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGUSR1, SIG_IGN);
  put_script("exec sleep 60"); /* a shell that waits blocks signals of its own accord */
  must_see(KH_WORKER_STARTED);
  worker = wait_for_worker();
  wait_for_exec();
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
  int before = open_descriptors();

  start_worker();
  ck_assert_int_eq(open_descriptors(), before);
  release_worker();
}
END_TEST

/* ---- mode wait ---- */

START_TEST(wait_makes_one_pass)
{
  char path[600];
  int before = open_descriptors();

  put_script("for a; do echo \"$a\"; done > \"$0.argv.new\"; mv \"$0.argv.new\" \"$0.argv\"");
  config->worker_mode = KH_WORKER_WAIT;
  must_see(KH_WORKER_RAN);
  /* It is over when kh_wake returns: its traces are there, its lock and its process gone. */
  struct kh_buf text;
  (void)snprintf(path, sizeof path, "%s.argv", config->worker_program);
  read_file(path, &text);
  ck_assert_ptr_nonnull(strstr(kh_buf_text(&text), "--once\n"));
  kh_buf_release(&text);
  ck_assert(lock_is_free());
  ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
  ck_assert_int_eq(errno, ECHILD);
  ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* Buildkite gives up after 5 s: the answer must go out before that. */
START_TEST(wait_is_bounded)
{
  put_patient_script();
  config->worker_mode = KH_WORKER_WAIT;
  int64_t from = now_ms();
  (void)wake();
  int64_t took = now_ms() - from;
  worker = wait_for_worker();
  ck_assert_msg(took < 5000, "took %" PRId64 " ms", took);
  ck_assert_int_eq(kill(worker, 0), 0);
  must_see(KH_WORKER_BUSY);
  release_worker();
}
END_TEST

/* In a long-lived receiver, a pass that outlived its budget is reaped by and by. */
START_TEST(a_late_pass_is_no_zombie_for_ever)
{
  put_patient_script();
  config->worker_mode = KH_WORKER_WAIT;
  (void)wake();
  worker = wait_for_worker();
  release_worker();
  (void)usleep(100000);
  put_script("exit 0");
  must_see(KH_WORKER_RAN);
  ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
  ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static Suite *wake_suite(void)
{
  Suite *suite = suite_create("wake");
  TCase *taking = kh_test_case(suite, "post");
  TCase *ringing = kh_test_case(suite, "ring");
  TCase *absent = kh_test_case(suite, "absent");
  TCase *started = kh_test_case(suite, "start");
  TCase *waited = kh_test_case(suite, "wait");
  TCase *const all[] = {taking, ringing, absent, started, waited};

  for (size_t i = 0; i < KH_COUNT(all); i++)
    tcase_add_checked_fixture(all[i], open_state, close_state);
  tcase_add_test(taking, tokens_are_the_documented_ones);
  tcase_add_test(taking, one_worker_a_state_folder);
  tcase_add_test(taking, its_files_are_private);
  tcase_add_test(taking, an_inherited_lock_is_taken_over);
  tcase_add_test(taking, a_killed_holder_leaves_no_lock);
  tcase_add_test(taking, a_post_of_others_is_refused);
  tcase_add_test(taking, what_is_no_fifo_is_refused);
  tcase_add_test(ringing, ringing_wakes_a_worker);
  tcase_add_test(ringing, all_waiting_bytes_are_read_at_once);
  tcase_add_test(ringing, a_full_fifo_has_woken_enough);
  tcase_add_test(ringing, a_wait_does_not_spin_after_a_ring);
  tcase_add_test(ringing, a_signal_ends_the_wait);
  tcase_add_test(ringing, a_ring_before_the_wait_is_not_lost);
  tcase_add_test(absent, without_a_state_folder_nothing_is_known);
  tcase_add_test(absent, a_service_is_never_started);
  tcase_add_test(absent, a_held_lock_is_busy);
  tcase_add_test(absent, a_program_that_cannot_run_is_absent);
  tcase_add_test(started, the_worker_holds_the_lock);
  tcase_add_test(started, the_worker_inherits_the_lock_and_nothing_else);
  tcase_add_test(started, the_worker_has_path_as_its_whole_environment);
  tcase_add_test(started, a_worker_has_a_path_though_the_receiver_has_none);
  tcase_add_test(started, the_worker_is_told_its_config_and_its_lock);
  tcase_add_test(started, the_worker_is_on_its_own);
  tcase_add_test(started, the_worker_starts_with_ordinary_signals);
  tcase_add_test(started, starting_leaves_no_descriptor_open);
  tcase_add_test(waited, wait_makes_one_pass);
  tcase_add_test(waited, wait_is_bounded);
  tcase_add_test(waited, a_late_pass_is_no_zombie_for_ever);
  return suite;
}

int main(void)
{
  return kh_test_main(wake_suite());
}
