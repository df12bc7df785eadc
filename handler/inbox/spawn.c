#include "base/base.h"

#include "inbox/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOCK_AT = 3, REPORT_AT = 4, FD_MAX = 4096 };

/* What the child runs; made before the fork, so that the child only makes system calls. */
struct command {
  const char *program;
  const char *arguments[10];
  char path[4096];
  const char *environment[2];
  char budget[16];
};

static void make_command(const struct kh_config *config, bool one_pass, struct command *command)
{
  const char *path = "PATH=/usr/local/bin:/usr/bin:/bin";
  size_t n = 0;

  for (size_t i = 0; config->environment && config->environment[i]; i++)
    if (kh_str_starts(kh_str_of(config->environment[i]), KH_STR("PATH=")))
      path = config->environment[i];
  (void)snprintf(command->path, sizeof command->path, "%s", path);
  (void)snprintf(command->budget, sizeof command->budget, "%d", KH_WAIT_BUDGET_MS);
  command->environment[0] = command->path;
  command->environment[1] = NULL;

  command->program = config->worker_program;
  command->arguments[n++] = "kitehook";
  command->arguments[n++] = "worker";
  command->arguments[n++] = "--config";
  command->arguments[n++] = config->path;
  command->arguments[n++] = "--lock-fd";
  command->arguments[n++] = "3";
  if (one_pass) {
    command->arguments[n++] = "--once";
    command->arguments[n++] = "--budget-ms";
    command->arguments[n++] = command->budget;
  }
  command->arguments[n] = NULL;
}

/* Moves LOCK_FD and REPORT_FD to their places without one overwriting the other. */
static bool place_descriptors(int lock_fd, int report_fd)
{
  int null_fd = open("/dev/null", O_RDWR);
  int lock_copy = fcntl(lock_fd, F_DUPFD, REPORT_AT + 1);
  int report_copy = fcntl(report_fd, F_DUPFD, REPORT_AT + 1);

  if (null_fd < 0 || lock_copy < 0 || report_copy < 0)
    return false;
  for (int fd = 0; fd <= 2; fd++)
    if (dup2(null_fd, fd) < 0)
      return false;
  if (dup2(lock_copy, LOCK_AT) < 0 || dup2(report_copy, REPORT_AT) < 0)
    return false;
  (void)fcntl(REPORT_AT, F_SETFD,
              FD_CLOEXEC); /* closed by a successful exec: that is how the parent learns of it */
  /* Kernels before 5.9 lack it, and musl its name. */
  if (syscall(SYS_close_range, REPORT_AT + 1U, ~0U, 0U))
    for (int fd = REPORT_AT + 1; fd < FD_MAX; fd++)
      (void)close(fd);
  return true;
}

static void restore_signals(void)
{
  sigset_t none;

  (void)sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
  (void)signal(SIGPIPE, SIG_DFL);
  (void)signal(SIGCHLD, SIG_DFL);
  (void)signal(SIGTERM, SIG_DFL);
  (void)signal(SIGUSR1, SIG_DFL);
}

static _Noreturn void become_worker(const struct command *command, int lock_fd, int report_fd)
{
  int cause = 0;

  restore_signals();
  if (place_descriptors(lock_fd, report_fd)) {
    report_fd = REPORT_AT;
    /* execve takes pointers to non-const for history's sake and changes nothing. */
    union {
      const char *const *given;
      char *const *wanted;
    } arguments = {command->arguments}, environment = {command->environment};
    (void)execve(command->program, arguments.wanted, environment.wanted);
    cause = errno;
    (void)close(LOCK_AT); /* whoever reads the report may try the lock at once */
  } else {
    cause = errno;
  }
  (void)!write(report_fd, &cause, sizeof cause);
  _exit(127);
}

/*
 * Forks into a new session. Unless it is waited for, the worker is a grandchild, so that init reaps it and
 * not we.
 */
static pid_t start(const struct command *command, int lock_fd, int report_fd, bool waited_for)
{
  pid_t child = fork();

  if (child != 0)
    return child;
  (void)setsid();
  if (!waited_for) {
    pid_t grandchild = fork();

    if (grandchild > 0)
      _exit(0);
    if (grandchild < 0) {
      int cause = errno;
      (void)!write(report_fd, &cause, sizeof cause);
      _exit(127);
    }
  }
  become_worker(command, lock_fd, report_fd);
}

static int64_t ticks_ms(void)
{
  return kh_clock_ticks_us(&kh_system_clock) / 1000;
}

/*
 * A pass that outlives its budget goes on by itself; in a long-lived receiver it is reaped at the next one.
 */
static enum kh_err wait_for_pass(pid_t child, bool *over, struct kh_diag *diag)
{
  const struct timespec pause = {0, 2000000};
  int64_t until = ticks_ms() + KH_WAIT_BUDGET_MS;

  int status = 0;
  pid_t ended;

  while ((ended = waitpid(child, &status, WNOHANG)) == 0 && ticks_ms() < until)
    (void)nanosleep(&pause, NULL);
  *over = ended != 0;
  if (ended != child ||
      (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == KH_PASS_LEFT_SOME)))
    return KH_OK;
  return kh_diag_set(diag, KH_ERR_IO, "the worker's pass failed with status %d; its log says why",
                     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

enum kh_err kh_spawn_worker(const struct kh_config *config, int lock_fd, bool one_pass, bool *over,
                            struct kh_diag *diag)
{
  struct command command;
  int report[2];
  int cause = 0;

  make_command(config, one_pass, &command);
  if (pipe2(report, O_CLOEXEC))
    return kh_diag_set(diag, KH_ERR_IO, "cannot start a worker: %s", strerror(errno));
  while (one_pass && waitpid(-1, NULL, WNOHANG) > 0)
    continue;

  pid_t child = start(&command, lock_fd, report[1], one_pass);
  int fork_cause = errno;
  (void)close(report[1]);
  if (child < 0) {
    (void)close(report[0]);
    return kh_diag_set(diag, KH_ERR_IO, "cannot start a worker: %s", strerror(fork_cause));
  }
  if (!one_pass)
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
      continue;
  ssize_t told = read(report[0], &cause, sizeof cause);
  (void)close(report[0]);
  if (told == (ssize_t)sizeof cause)
    (void)kh_diag_set(diag, KH_ERR_IO, "cannot run %s: %s; set worker.program", config->worker_program,
                      strerror(cause));
  enum kh_err err = one_pass ? wait_for_pass(child, over, diag) : KH_OK;
  return told == (ssize_t)sizeof cause ? KH_ERR_IO : err;
}
