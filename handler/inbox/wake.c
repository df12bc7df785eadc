#include "base/base.h"

#include "base/file.h"
#include "inbox/spawn.h"
#include "inbox/state.h"
#include "inbox/wake.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAKE_FOR_ROOM_EVERY_US = 1000000 };

static const char lock_file[] = "worker.lock";
static const char wake_file[] = "worker.wake";

const char *kh_worker_seen_token(enum kh_worker_seen seen)
{
  static const char *const tokens[] = {
      [KH_WORKER_UNKNOWN] = "unknown", [KH_WORKER_WOKEN] = "woken", [KH_WORKER_STARTED] = "started",
      [KH_WORKER_BUSY] = "busy",       [KH_WORKER_RAN] = "ran",     [KH_WORKER_ABSENT] = "absent",
  };

  return tokens[seen];
}

static void state_path(const char *state, const char *file, char path[KH_PATH_BYTES + 16])
{
  (void)snprintf(path, KH_PATH_BYTES + 16, "%s/%s", state, file);
}

static enum kh_err failure(const char *path, struct kh_diag *diag)
{
  int cause = errno;

  return kh_diag_set(diag, kh_is_full(cause) ? KH_ERR_NO_SPACE : KH_ERR_IO, "%s: %s", path, strerror(cause));
}

static int64_t microseconds(const struct timespec *time)
{
  return (int64_t)time->tv_sec * 1000000 + time->tv_nsec / 1000;
}

/* The end of the FIFO that somebody listens to; -1 when nobody does: no FIFO, or no reader. */
static int open_listened_fifo(const char *state)
{
  char path[KH_PATH_BYTES + 16];
  struct stat about;

  state_path(state, wake_file, path);
  int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0 && fstat(fd, &about) == 0 && S_ISFIFO(about.st_mode))
    return fd;
  if (fd >= 0)
    (void)close(fd);
  return -1;
}

/* One byte to whoever listens. False when nobody does, or the reader just left. */
static bool poke(const char *state)
{
  int fd = open_listened_fifo(state);

  if (fd < 0)
    return false;
  /* A full FIFO means that the worker has been told often enough. */
  bool told = write(fd, "w", 1) == 1 || errno == EAGAIN;
  (void)close(fd);
  return told;
}

bool kh_worker_lock_is_held(const char *state, int64_t *since_us)
{
  char path[KH_PATH_BYTES + 16];
  struct stat lock;
  int fd = open_listened_fifo(state);

  *since_us = 0;
  if (fd < 0)
    return false;
  (void)close(fd);
  state_path(state, lock_file, path);
  if (stat(path, &lock) == 0)
    *since_us = microseconds(&lock.st_mtim);
  return true;
}

/* -1 when somebody else holds the lock; -2, with DIAG, when it cannot be had at all. */
static int try_lock(const char *state, struct kh_diag *diag)
{
  char path[KH_PATH_BYTES + 16];

  state_path(state, lock_file, path);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    (void)failure(path, diag);
    return -2;
  }
  if (flock(fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  bool held = errno == EWOULDBLOCK;
  if (!held)
    (void)failure(path, diag);
  (void)close(fd);
  return held ? -1 : -2;
}

enum kh_worker_seen kh_wake(const struct kh_config *config, struct kh_diag *diag)
{
  if (config->state[0] == '\0')
    return KH_WORKER_UNKNOWN;
  if (poke(config->state))
    return KH_WORKER_WOKEN;
  if (config->worker_mode == KH_WORKER_SERVICE) {
    (void)kh_diag_set(diag, KH_ERR_NOT_FOUND,
                      "no worker listens; type `systemctl start kitehook-worker`, or run `kitehook worker "
                      "--serve` as the user who owns the state folder");
    return KH_WORKER_ABSENT;
  }

  int lock_fd = try_lock(config->state, diag);
  if (lock_fd == -1)
    return KH_WORKER_BUSY; /* it is starting and will look, or leaving and will look once more */
  if (lock_fd < 0)
    return KH_WORKER_ABSENT;
  bool wait = config->worker_mode == KH_WORKER_WAIT;
  bool over = false;
  enum kh_err err = kh_spawn_worker(config, lock_fd, wait, &over, diag);
  /* Only our copy of the descriptor goes: the lock lives on in the worker, which inherited it. */
  (void)close(lock_fd);
  if (err)
    return KH_WORKER_ABSENT;
  return over ? KH_WORKER_RAN : KH_WORKER_STARTED;
}

enum kh_worker_seen kh_wake_for_room(const struct kh_config *config, int64_t now_us, struct kh_diag *diag)
{
  const struct timespec now[] = {{.tv_sec = now_us / 1000000, .tv_nsec = now_us % 1000000 * 1000},
                                 {.tv_nsec = UTIME_OMIT}};
  char path[KH_PATH_BYTES + 16];
  struct stat lock;

  state_path(config->state, lock_file, path);
  if (stat(path, &lock) == 0) {
    int64_t since_us = now_us - microseconds(&lock.st_atim);

    if (since_us >= 0 && since_us < WAKE_FOR_ROOM_EVERY_US)
      return KH_WORKER_UNKNOWN;
  }
  enum kh_worker_seen seen = kh_wake(config, diag);
  if (seen == KH_WORKER_WOKEN || seen == KH_WORKER_STARTED || seen == KH_WORKER_RAN)
    (void)utimensat(AT_FDCWD, path, now, 0);
  return seen;
}

/* With times of long ago: nobody was woken for want of room yet. */
static bool make_lock(int state_fd)
{
  const struct timespec long_ago[2] = {{0, 0}, {0, 0}};
  int fd = openat(state_fd, lock_file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  if (fd < 0)
    return errno == EEXIST;
  (void)futimens(fd, long_ago);
  (void)close(fd);
  return true;
}

enum kh_err kh_worker_lock_make(int state_fd, struct kh_diag *diag)
{
  bool is_made = make_lock(state_fd) && (mkfifoat(state_fd, wake_file, 0600) == 0 || errno == EEXIST);

  return is_made ? KH_OK : kh_state_failure("worker.lock and worker.wake", diag);
}

static enum kh_err take_lock(struct kh_worker_lock *lock, int lock_fd, struct kh_diag *diag)
{
  if (lock_fd >= 0) {
    (void)fcntl(lock_fd, F_SETFD, FD_CLOEXEC);
    lock->lock_fd = lock_fd;
    return KH_OK;
  }
  lock->lock_fd = try_lock(lock->state, diag);
  if (lock->lock_fd >= 0)
    return KH_OK;
  enum kh_err err = lock->lock_fd == -1 ? KH_ERR_LOCKED : KH_ERR_IO;
  lock->lock_fd = -1;
  return kh_diag_set(diag, err,
                     "another worker holds %s/%s; `fuser -v %s/%s` names it: stop that one, or let "
                     "it work",
                     lock->state, lock_file, lock->state, lock_file);
}

/* O_RDWR: a FIFO without a writer would otherwise report hang-up for ever, and poll would spin. */
static enum kh_err open_fifo(struct kh_worker_lock *lock, struct kh_diag *diag)
{
  char path[KH_PATH_BYTES + 16];
  struct stat about;

  state_path(lock->state, wake_file, path);
  if (mkfifo(path, 0600) && errno != EEXIST)
    return failure(path, diag);
  lock->wake_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (lock->wake_fd < 0)
    return failure(path, diag);
  if (fstat(lock->wake_fd, &about) || !S_ISFIFO(about.st_mode))
    return kh_diag_set(diag, KH_ERR_IO, "%s is no FIFO; remove it", path);
  return KH_OK;
}

enum kh_err kh_worker_lock_take(struct kh_worker_lock *lock, const char *state, int lock_fd,
                                struct kh_diag *diag)
{
  const struct timespec now[] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
  int state_fd = -1;
  enum kh_err err = kh_state_open(state, &state_fd, diag);

  *lock = (struct kh_worker_lock){.lock_fd = -1, .wake_fd = -1};
  (void)snprintf(lock->state, sizeof lock->state, "%s", state);
  if (!err)
    err = take_lock(lock, lock_fd, diag);
  /* Before anybody can find us listening: from here on this is when we took the lock. */
  if (!err && futimens(lock->lock_fd, now) && !kh_is_full(errno))
    err = kh_diag_set(diag, KH_ERR_IO, "%s/%s: %s", lock->state, lock_file, strerror(errno));
  if (!err)
    err = open_fifo(lock, diag);
  if (err)
    kh_worker_lock_leave(lock);
  if (state_fd >= 0)
    (void)close(state_fd);
  return err;
}

bool kh_worker_lock_is_there(const struct kh_worker_lock *lock)
{
  char path[KH_PATH_BYTES + 16];

  state_path(lock->state, lock_file, path);
  if (!kh_fd_is_at(lock->lock_fd, path))
    return false;
  state_path(lock->state, wake_file, path);
  return kh_fd_is_at(lock->wake_fd, path);
}

void kh_worker_lock_wait(struct kh_worker_lock *lock, int64_t timeout_ms)
{
  struct pollfd wake = {.fd = lock->wake_fd, .events = POLLIN};
  char bytes[256];

  if (poll(&wake, 1, timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms) <= 0)
    return;
  while (read(lock->wake_fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes)
    continue;
}

void kh_worker_lock_leave(struct kh_worker_lock *lock)
{
  if (lock->wake_fd >= 0)
    (void)close(lock->wake_fd);
  lock->wake_fd = -1;
  if (lock->lock_fd >= 0) {
    (void)flock(lock->lock_fd, LOCK_UN);
    (void)close(lock->lock_fd);
  }
  lock->lock_fd = -1;
}
