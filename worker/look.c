#include "base/base.h"

#include "base/file.h"
#include "worker/parts.h"

#include <sys/stat.h>

enum { LOOK_EVERY_US = 1000000 };

/* ---- folders and files --------------------------------------------------------------------- */

static void say_moved(struct kh_worker *worker, const char *what)
{
  struct kh_diag detail = {0};

  (void)kh_diag_set(&detail, KH_ERR_IO, "%s/%s was moved or removed; it is opened again",
                    worker->config->state, what);
  kh_worker_say(worker, KH_WARN, "state moved", KH_OK, &detail);
}

/* Passing trouble to look at it is no reason to leave. */
static enum kh_err look_at_state(struct kh_worker *worker, struct kh_diag *diag)
{
  const char *state = worker->config->state;
  struct stat held, named;
  const bool is_named = stat(state, &named) == 0;

  if (!is_named && errno != ENOENT && errno != ENOTDIR)
    return KH_OK;
  if (is_named && fstat(worker->state_fd, &held) == 0 && held.st_ino == named.st_ino &&
      held.st_dev == named.st_dev)
    return KH_OK;
  worker->is_evicted = true;
  return kh_diag_set(diag, KH_ERR_IO,
                     "%s was moved or removed; what was kept and is owed is where it went: put it back while "
                     "no worker runs",
                     state);
}

static enum kh_err look_at_lock(struct kh_worker *worker, struct kh_diag *diag)
{
  if (kh_worker_lock_is_there(&worker->lock))
    return KH_OK;
  kh_worker_lock_leave(&worker->lock);
  enum kh_err err = kh_worker_lock_take(&worker->lock, worker->config->state, -1, diag);
  worker->is_evicted = err != KH_OK;
  if (!err)
    say_moved(worker, "worker.lock or worker.wake");
  return err;
}

/* What cannot be opened must not keep what is owed from going out: take_and_deliver opens both. */
static void look_at_inbox_and_store(struct kh_worker *worker)
{
  if (worker->inbox.fd_new >= 0 && !kh_inbox_is_there(&worker->inbox)) {
    kh_inbox_close(&worker->inbox);
    say_moved(worker, "inbox");
  }
  if (kh_store_has_moved(&worker->store)) {
    kh_store_close(&worker->store);
    say_moved(worker, "memory.sqlite");
  }
}

static enum kh_err look_at_folders(struct kh_worker *worker, struct kh_diag *diag)
{
  const int64_t now_us = kh_worker_ticks_us();

  if (now_us - worker->looked_around_us < LOOK_EVERY_US)
    return KH_OK;
  worker->looked_around_us = now_us;
  enum kh_err err = look_at_state(worker, diag);
  if (!err)
    err = look_at_lock(worker, diag);
  if (!err)
    look_at_inbox_and_store(worker);
  return err;
}

enum kh_err kh_worker_look_around(struct kh_worker *worker, struct kh_diag *diag)
{
  return look_at_folders(worker, diag);
}
