#include "base/base.h"

#include "worker/worker.h"

#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* For people at a terminal, and for the log where that is a file. */
static int fail(struct kh_shift *shift, int code, enum kh_err err, const struct kh_diag *diag)
{
  if (shift->log.write && shift->log_file.path[0])
    kh_shift_say(shift, kh_err_level(err), "worker left", err, diag);
  return kh_cli_fail(shift->self, code, "%s", diag->text[0] ? diag->text : kh_err_token(err));
}

/* Before anything is made in the folder: a file of another user's there would lock its owner out. */
static enum kh_err check_owner(const struct kh_shift *shift, struct kh_diag *diag)
{
  const char *state = shift->config->state;
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
                     shift->config->path);
}

enum kh_err kh_shift_reopen_store(struct kh_shift *shift, struct kh_diag *diag)
{
  enum kh_err err = KH_OK;

  kh_store_close(&shift->store);
  err = kh_store_open_sqlite(&shift->store, shift->config->state, shift->config->freshness_s, diag);
  kh_shift_wire(shift);
  return err;
}

/* Somebody who types --lock-fd must not end up as a second worker. */
static enum kh_err check_inherited_lock(const struct kh_shift *shift, struct kh_diag *diag)
{
  char path[KH_PATH_BYTES + 16];
  struct stat held, named;

  if (shift->inherited_fd < 0)
    return KH_OK;
  snprintf(path, sizeof path, "%s/worker.lock", shift->config->state);
  if (fstat(shift->inherited_fd, &held) != 0 || stat(path, &named) != 0 || held.st_ino != named.st_ino ||
      held.st_dev != named.st_dev || flock(shift->inherited_fd, LOCK_EX | LOCK_NB) != 0)
    return kh_diag_set(diag, KH_ERR_LOCKED, "--lock-fd %d is not the lock of %s", shift->inherited_fd, path);
  return KH_OK;
}

/*
 * It makes all that a full disk could keep from being made. A worker that stays waits for room; it is ready
 * all the same.
 */
static enum kh_err open_inbox(struct kh_shift *shift, struct kh_diag *diag)
{
  const struct kh_inbox_bounds bounds = kh_inbox_bounds_of(shift->config);
  int64_t backoff_ms = 0;
  enum kh_err err = kh_inbox_open(&shift->inbox, shift->config->state, &bounds, diag);

  while (err == KH_ERR_NO_SPACE && !shift->once && !kh_shift_must_stop(shift)) {
    kh_service_ready(&shift->service);
    kh_shift_stall(shift, &backoff_ms, diag);
    *diag = (struct kh_diag){0};
    err = kh_inbox_open(&shift->inbox, shift->config->state, &bounds, diag);
  }
  return err;
}

/* A full disk is met again, and sat out, by whoever stays. */
static enum kh_err open_store(struct kh_shift *shift, struct kh_diag *diag)
{
  enum kh_err err = kh_shift_reopen_store(shift, diag);

  if (err != KH_ERR_NO_SPACE || shift->once)
    return err;
  *diag = (struct kh_diag){0};
  return KH_OK;
}

static enum kh_err take_lock(struct kh_shift *shift, struct kh_diag *diag)
{
  enum kh_err err = check_inherited_lock(shift, diag);

  if (!err)
    err = open_inbox(shift, diag);
  if (!err)
    err = kh_worker_lock_take(&shift->lock, shift->config->state, shift->inherited_fd, diag);
  if (!err)
    err = kh_http_curl_open(&shift->transport, NULL);
  if (!err)
    err = open_store(shift, diag);
  return err;
}

int kh_shift_open(struct kh_shift *shift)
{
  struct kh_diag diag = {0};
  enum kh_err err = KH_OK;

  shift->started_us = shift->looked_us = kh_clock_ticks_us(&kh_system_clock);
  shift->lock = (struct kh_worker_lock){.lock_fd = -1, .wake_fd = -1};
  shift->inbox = (struct kh_inbox){.fd_tmp = -1, .fd_new = -1, .fd_aside = -1};
  shift->log_file.fd = -1;
  if (kh_shift_load_config(shift) != KH_OK)
    return KH_EXIT_CONFIG;
  err = check_owner(shift, &diag);
  if (err)
    return fail(shift, KH_EXIT_STATE, err, &diag);
  kh_shift_open_log(shift, shift->config);
  err = take_lock(shift, &diag);
  if (err)
    return shift->stop ? KH_EXIT_OK : fail(shift, KH_EXIT_STATE, err, &diag);
  kh_worker_init(&shift->worker, shift->config, &shift->setup->rules, &shift->inbox, shift->store,
                 &kh_system_clock, shift->log);
  shift->has_worker = true;
  shift->deliver_max = KH_WORK_BATCH;
  shift->outbox = (struct kh_outbox){.jitter = (uint64_t)kh_clock_ticks_us(&kh_system_clock) ^
                                               (uint64_t)getpid(),
                                     .rules = &shift->setup->rules,
                                     .queue = shift->store.queue,
                                     .batch = shift->store.batch,
                                     .transport = shift->transport,
                                     .log = shift->log,
                                     .clock = &kh_system_clock};
  return KH_EXIT_OK;
}

void kh_shift_close(struct kh_shift *shift)
{
  if (shift->has_worker)
    kh_worker_release(&shift->worker);
  kh_outbox_cancel(&shift->outbox);
  kh_http_curl_close(&shift->transport);
  kh_store_close(&shift->store);
  if (shift->inbox.fd_new >= 0)
    kh_inbox_close(&shift->inbox);
  kh_worker_lock_leave(&shift->lock);
  kh_worker_log_close(&shift->log_file);
  kh_setup_close(shift->setup);
  kh_setup_close(shift->broken);
}
