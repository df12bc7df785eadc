#include "base/base.h"

#include "base/file.h"
#include "worker/parts.h"

#include <sys/stat.h>

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

/* ---- the clock ----------------------------------------------------------------------------- */

static void say_stepped(struct kh_worker *worker, int64_t step_us)
{
  struct kh_diag detail = {0};

  (void)kh_diag_set(&detail, KH_ERR_IO,
                    "the clock was set %s by %.3f s; what waits, rests or expires is moved with it",
                    step_us > 0 ? "forwards" : "backwards", (double)(step_us > 0 ? step_us : -step_us) / 1e6);
  kh_worker_say(worker, KH_WARN, "clock stepped", KH_OK, &detail);
}

/* Until what is stored could be moved, time goes on as before. */
static void look_at_clock(struct kh_worker *worker)
{
  const int64_t step_us = kh_steady_clock_look(&worker->time);
  const struct kh_clock_step step = kh_steady_clock_step(&worker->time, step_us);

  if (step_us == 0 || !worker->store.ops || kh_store_follow_clock(&worker->store, &step))
    return;
  kh_steady_clock_follow(&worker->time, step_us);
  kh_outbox_follow_clock(&worker->outbox, step_us);
  worker->swept_us = kh_worker_ticks_us(); /* by the new time what receivers write just now looks old */
  say_stepped(worker, step_us);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static enum kh_err look_at_folders(struct kh_worker *worker, struct kh_diag *diag)
{
  const int64_t now_us = kh_worker_ticks_us();

  worker->owes_look = now_us - worker->looked_around_us < KH_LOOK_AROUND_EVERY_MS * INT64_C(1000);
  if (worker->owes_look)
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
  enum kh_err err = look_at_folders(worker, diag);

  /* Each time: a webhook that is taken by the wrong one of two times would not be known again. */
  if (!err)
    look_at_clock(worker);
  return err;
}
