#include "base/base.h"

#include "log_follow.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAUSE_NS = 500 * 1000 * 1000, FAILURES_MAX = 3 };

static volatile sig_atomic_t is_interrupted;

static void interrupt(int signal_number)
{
  (void)signal_number;
  is_interrupted = 1;
}

struct follower {
  const struct kh_state_folder *folder;
  struct kh_look *look; /* owned; NULL while there is none */
  struct stat file;     /* the memory that it looks into; all 0 where there was none */
  int64_t after_seq;
  unsigned failures; /* in a row */
  struct kh_diag diag;
};

/* ---- the file ---- */

static void stat_memory(const struct follower *follower, struct stat *file)
{
  char path[KH_PATH_BYTES + 32];

  (void)snprintf(path, sizeof path, "%s/memory.sqlite", follower->folder->config->state);
  if (stat(path, file))
    *file = (struct stat){.st_ino = 0};
}

/*
 * A journal that was begun anew is told whole; of one that was brought back only what comes. Where there is
 * none yet, the file is opened again, since it may be in the making.
 */
static enum kh_err begin_again(struct follower *follower)
{
  struct kh_look_span span;
  enum kh_err err = kh_look_span(follower->look, &span, &follower->diag);

  if (!err && span.webhooks == 0)
    follower->file = (struct stat){.st_ino = 0};
  if (!err && span.last_seq < follower->after_seq)
    follower->after_seq = span.first_us >= follower->folder->now_us ? 0 : span.last_seq;
  return err;
}

/* A worker makes memory, and somebody may bring back an old one. */
static enum kh_err look_at_file(struct follower *follower)
{
  struct stat file;

  stat_memory(follower, &file);
  if (follower->look && file.st_ino == follower->file.st_ino && file.st_dev == follower->file.st_dev)
    return KH_OK;
  kh_look_close(follower->look);
  follower->look = NULL;
  enum kh_err err = kh_look_open(&follower->look, follower->folder->config->state, KH_LOOK_ONLY,
                                 &follower->diag);
  follower->file = file;
  return err ? err : begin_again(follower);
}

/* ---- the loop ---- */

/* False once it is to end. */
static bool wait(void)
{
  struct pollfd output = {.fd = STDOUT_FILENO};
  const struct timespec pause = {.tv_nsec = PAUSE_NS};
  sigset_t both, before;

  (void)sigemptyset(&both);
  (void)sigaddset(&both, SIGINT);
  (void)sigaddset(&both, SIGTERM);
  (void)sigprocmask(SIG_BLOCK, &both, &before);
  if (!is_interrupted)
    (void)ppoll(&output, 1, &pause, &before);
  (void)sigprocmask(SIG_SETMASK, &before, NULL);
  return !is_interrupted && !(output.revents & (POLLERR | POLLHUP | POLLNVAL));
}

static void catch_signals(void)
{
  struct sigaction action = {.sa_handler = interrupt}; /* no SA_RESTART: a write that waits must end, too */

  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGTERM, &action, NULL);
}

int kh_log_follow(const struct kh_state_folder *folder, int64_t after_seq,
                  bool (*tell)(void *self, struct kh_look *look, int64_t *after_seq, struct kh_diag *diag),
                  void *self)
{
  struct follower follower = {.folder = folder, .after_seq = after_seq};

  catch_signals();
  while (fflush(stdout) == 0 && follower.failures < FAILURES_MAX && wait()) {
    follower.diag = (struct kh_diag){0};
    if (look_at_file(&follower) == KH_OK && tell(self, follower.look, &follower.after_seq, &follower.diag)) {
      follower.failures = 0;
      continue;
    }
    follower.failures++;
    follower.file = (struct stat){.st_ino = 0};
  }
  kh_look_close(follower.look);
  if (follower.failures == FAILURES_MAX)
    return kh_cli_fail(folder->self, KH_EXIT_STATE, "%s", follower.diag.text);
  return is_interrupted && !ferror(stdout) ? KH_EXIT_OK : KH_EXIT_STATE;
}
