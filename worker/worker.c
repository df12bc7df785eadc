#include "base/base.h"

#include "worker/worker.h"

#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* For people at a terminal, and for the log where that is a file. */
static int fail(struct kh_worker *worker, int code, enum kh_err err, const struct kh_diag *diag)
{
  if (worker->log.write && worker->log_file.path[0])
    kh_worker_say(worker, kh_err_level(err), "worker left", err, diag);
  return kh_cli_fail(worker->self, code, "%s", diag->text[0] ? diag->text : kh_err_token(err));
}

/* Before anything is made in the folder: a file of another user's there would lock its owner out. */
static enum kh_err check_owner(const struct kh_worker *worker, struct kh_diag *diag)
{
  const char *state = worker->config->state;
  struct stat about;
  const struct passwd *owner = NULL;
  char name[64] = "";

  if (stat(state, &about) != 0 || about.st_uid == geteuid())
    return KH_OK; /* what else may be wrong, kh_worker_lock_take knows better */
  owner = getpwuid(about.st_uid);
  if (owner)
    snprintf(name, sizeof name, "%s", owner->pw_name);
  else
    snprintf(name, sizeof name, "'#%u'", (unsigned)about.st_uid);
  return kh_diag_set(diag, KH_ERR_STATE_OWNER,
                     "%s belongs to another user; type: sudo -u %s kitehook worker --config %s", state, name,
                     worker->config->path);
}

enum kh_err kh_worker_reopen_store(struct kh_worker *worker, struct kh_diag *diag)
{
  enum kh_err err = KH_OK;

  if (worker->store.ops)
    worker->store.ops->close(worker->store.self);
  worker->store = (struct kh_store){0};
  err = kh_store_open_sqlite(&worker->store, worker->config->state, worker->config->freshness_s, diag);
  if (err)
    worker->store = (struct kh_store){0};
  kh_worker_wire(worker);
  return err;
}

/* Somebody who types --lock-fd must not end up as a second worker. */
static enum kh_err check_inherited_lock(const struct kh_worker *worker, struct kh_diag *diag)
{
  char path[KH_PATH_BYTES + 16];
  struct stat held, named;

  if (worker->inherited_fd < 0)
    return KH_OK;
  snprintf(path, sizeof path, "%s/worker.lock", worker->config->state);
  if (fstat(worker->inherited_fd, &held) != 0 || stat(path, &named) != 0 || held.st_ino != named.st_ino ||
      held.st_dev != named.st_dev || flock(worker->inherited_fd, LOCK_EX | LOCK_NB) != 0)
    return kh_diag_set(diag, KH_ERR_LOCKED, "--lock-fd %d is not the lock of %s", worker->inherited_fd, path);
  return KH_OK;
}

/*
 * It makes all that a full disk could keep from being made. A worker that stays waits for room; it is ready
 * all the same.
 */
static enum kh_err open_inbox(struct kh_worker *worker, struct kh_diag *diag)
{
  const struct kh_inbox_bounds bounds = kh_inbox_bounds_of(worker->config);
  int64_t backoff_ms = 0;
  enum kh_err err = kh_inbox_open(&worker->inbox, worker->config->state, &bounds, diag);

  while (err == KH_ERR_NO_SPACE && !worker->once && !kh_worker_must_stop(worker)) {
    kh_service_ready(&worker->service);
    kh_worker_stall(worker, &backoff_ms, diag);
    *diag = (struct kh_diag){0};
    err = kh_inbox_open(&worker->inbox, worker->config->state, &bounds, diag);
  }
  return err;
}

/* A full disk is met again, and sat out, by whoever stays. */
static enum kh_err open_store(struct kh_worker *worker, struct kh_diag *diag)
{
  enum kh_err err = kh_worker_reopen_store(worker, diag);

  if (err != KH_ERR_NO_SPACE || worker->once)
    return err;
  *diag = (struct kh_diag){0};
  return KH_OK;
}

static enum kh_err take_lock(struct kh_worker *worker, struct kh_diag *diag)
{
  enum kh_err err = check_inherited_lock(worker, diag);

  if (!err)
    err = open_inbox(worker, diag);
  if (!err)
    err = kh_worker_lock_take(&worker->lock, worker->config->state, worker->inherited_fd, diag);
  if (!err)
    err = kh_http_curl_open(&worker->transport, NULL);
  if (!err)
    err = open_store(worker, diag);
  return err;
}

int kh_worker_open(struct kh_worker *worker)
{
  struct kh_diag diag = {0};
  enum kh_err err = KH_OK;

  worker->started_us = worker->looked_us = kh_clock_ticks_us(&kh_system_clock);
  worker->lock = (struct kh_worker_lock){.lock_fd = -1, .wake_fd = -1};
  worker->inbox = (struct kh_inbox){.fd_tmp = -1, .fd_new = -1, .fd_aside = -1};
  worker->log_file.fd = -1;
  if (kh_worker_load_config(worker) != KH_OK)
    return KH_EXIT_CONFIG;
  err = check_owner(worker, &diag);
  if (err)
    return fail(worker, KH_EXIT_STATE, err, &diag);
  kh_worker_open_log(worker, worker->config);
  err = take_lock(worker, &diag);
  if (err)
    return worker->stop ? KH_EXIT_OK : fail(worker, KH_EXIT_STATE, err, &diag);
  kh_work_init(&worker->work, worker->config, &worker->setup->rules, &worker->inbox, worker->store,
               &kh_system_clock, worker->log);
  worker->has_work = true;
  worker->deliver_max = KH_WORK_BATCH;
  worker->outbox = (struct kh_outbox){.jitter = (uint64_t)kh_clock_ticks_us(&kh_system_clock) ^
                                                (uint64_t)getpid(),
                                      .rules = &worker->setup->rules,
                                      .store = worker->store,
                                      .transport = worker->transport,
                                      .log = worker->log,
                                      .clock = &kh_system_clock};
  return KH_EXIT_OK;
}

void kh_worker_close(struct kh_worker *worker)
{
  if (worker->has_work)
    kh_work_release(&worker->work);
  kh_outbox_cancel(&worker->outbox);
  kh_http_curl_close(&worker->transport);
  if (worker->store.ops)
    worker->store.ops->close(worker->store.self);
  if (worker->inbox.fd_new >= 0)
    kh_inbox_close(&worker->inbox);
  kh_worker_lock_leave(&worker->lock);
  kh_log_file_close(&worker->log_file);
  kh_setup_close(worker->setup);
  kh_setup_close(worker->broken);
}
