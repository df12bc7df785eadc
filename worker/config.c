#include "base/base.h"

#include "worker/parts.h"

#include <sys/signalfd.h>
#include <unistd.h>

enum { LOOK_EVERY_US = 1000000 };

void kh_worker_say(struct kh_worker *worker, enum kh_level level, const char *message, enum kh_err err,
                   const struct kh_diag *diag)
{
  struct kh_log_line line;

  kh_log_begin(&line, &worker->log, level, message);
  kh_log_text(&line, KH_LOG_TRANSPORT, KH_STR("worker"));
  kh_log_problem(&line, err, diag);
  kh_log_end(&line, &worker->log);
}

/* ---- the log ------------------------------------------------------------------------------- */

void kh_worker_open_log(struct kh_worker *worker, const struct kh_config *config)
{
  const char *named = config->worker_log;
  char path[KH_PATH_BYTES + 16] = "";
  struct kh_diag diag = {0};

  if (named[0] && strcmp(named, "stderr") != 0)
    snprintf(path, sizeof path, "%s", named);
  else if (!named[0] && worker->call->inherited_fd >= 0)
    snprintf(path, sizeof path, "%s/worker.log", config->state);
  if (kh_log_file_open(&worker->log_file, path, named[0] ? 0 : KH_LOG_FILE_MAX_BYTES, &diag) != KH_OK)
    (void)!kh_log_file_open(&worker->log_file, "", 0, NULL);
  worker->log = kh_log_file_lines(&worker->log_file, &kh_system_clock);
  if (diag.err)
    kh_worker_say(worker, KH_ERROR, "config broken", diag.err, &diag);
}

/* ---- the config ---------------------------------------------------------------------------- */

/* *SETUP is to be closed either way; NULL when there was no memory for it. */
static enum kh_err open_setup(const struct kh_worker *worker, struct kh_setup **setup, struct kh_diags *diags)
{
  enum kh_err err = kh_setup_open(setup, worker->call->config_path, KH_CONFIG_WHOLE,
                                  worker->call->environment, NULL, diags);

  if (!err && (*setup)->config.state[0] == '\0')
    err = kh_diags_add(diags, KH_ERR_CONFIG, (*setup)->config.path, 0, 0,
                       "without `state:` nothing is kept, and a worker has nothing to do");
  return err;
}

/*
 * A receiver reads no further than `notify:` and starts workers in spite of mistakes there; their standard
 * error is the null device. So the receiver's part of the config is read to find the log.
 */
static void log_broken_config(struct kh_worker *worker, const struct kh_diags *diags)
{
  struct kh_setup *part = NULL;
  struct kh_diag first = kh_diags_first(diags);

  if (kh_setup_open(&part, worker->call->config_path, KH_CONFIG_RECEIVER, worker->call->environment, NULL,
                    NULL) == KH_OK &&
      part->config.state[0]) {
    kh_worker_open_log(worker, &part->config);
    kh_worker_say(worker, KH_ERROR, "config broken", first.err, &first);
  }
  kh_setup_close(part);
}

enum kh_err kh_worker_load_config(struct kh_worker *worker, struct kh_diags *mistakes)
{
  enum kh_err err = open_setup(worker, &worker->setup, mistakes);

  if (worker->setup)
    worker->config = &worker->setup->config;
  if (!err) /* here they would stand between lines of JSON */
    kh_diags_release(mistakes);
  else if (worker->call->inherited_fd >= 0)
    log_broken_config(worker, mistakes);
  return err;
}

static void bound_queue(const struct kh_worker *worker)
{
  const struct kh_queue_bounds bounds = {worker->config->outbox_max_entries, worker->config->outbox_max_bytes,
                                         worker->config->outbox_keep_dead_s};

  kh_queue_bound(&worker->store.queue, &bounds);
}

/* Tells work and outbox of a new setup or store. */
static void wire(struct kh_worker *worker)
{
  worker->config = worker->work.config = &worker->setup->config;
  worker->work.rules = worker->outbox.rules = &worker->setup->rules;
  worker->work.store = worker->store;
  worker->outbox.queue = worker->store.queue;
  worker->outbox.batch = worker->store.batch;
  worker->store_knows = false;
  if (worker->store.ops)
    bound_queue(worker);
  kh_outbox_configure(&worker->transport, worker->config);
}

enum kh_err kh_worker_reopen_store(struct kh_worker *worker, struct kh_diag *diag)
{
  enum kh_err err = KH_OK;

  kh_store_close(&worker->store);
  err = kh_store_open_sqlite(&worker->store, worker->config->state, worker->config->freshness_s, diag);
  wire(worker);
  return err;
}

/* A worker holds the lock of one folder; another one is for another worker. */
static enum kh_err same_state(const struct kh_worker *worker, const struct kh_config *fresh,
                              struct kh_diags *diags)
{
  if (strcmp(worker->config->state, fresh->state) == 0)
    return KH_OK;
  return kh_diags_add(diags, KH_ERR_CONFIG, fresh->path, 0, 0,
                      "`state` is another folder now; restart the worker");
}

static void adopt(struct kh_worker *worker, struct kh_setup *setup)
{
  const struct kh_config *fresh = &setup->config;
  bool log_moved = strcmp(worker->config->worker_log, fresh->worker_log) != 0;
  bool window_changed = worker->config->freshness_s != fresh->freshness_s;

  kh_setup_close(worker->setup);
  worker->setup = setup;
  wire(worker);
  if (log_moved) {
    kh_log_file_close(&worker->log_file);
    kh_worker_open_log(worker, fresh);
    worker->work.log = worker->outbox.log = worker->log;
  }
  /* A failure shows, and is mended, at the next use. */
  if (window_changed)
    (void)!kh_worker_reopen_store(worker, NULL);
  kh_worker_say(worker, KH_INFO, "config reloaded", KH_OK, NULL);
}

static void reload(struct kh_worker *worker)
{
  struct kh_setup *fresh = NULL;
  struct kh_diags diags = {0};
  enum kh_err err = open_setup(worker, &fresh, &diags);

  if (!fresh)
    return;
  if (!err)
    err = same_state(worker, &fresh->config, &diags);
  kh_setup_close(worker->broken);
  worker->broken = NULL;
  if (err) {
    struct kh_diag first = kh_diags_first(&diags);

    worker->broken = fresh;
    kh_worker_say(worker, KH_ERROR, "config broken", err, &first);
  } else {
    adopt(worker, fresh);
  }
  kh_diags_release(&diags);
}

void kh_worker_refresh(struct kh_worker *worker)
{
  int64_t now_us = kh_worker_ticks_us();
  struct signalfd_siginfo hangup;

  if (worker->hangup_fd >= 0 && read(worker->hangup_fd, &hangup, sizeof hangup) > 0) {
    kh_service_reloading(&worker->service);
    reload(worker);
    kh_service_ready(&worker->service);
    return;
  }
  if (now_us - worker->looked_us < LOOK_EVERY_US)
    return;
  worker->looked_us = now_us;
  if (kh_config_is_outdated(&(worker->broken ? worker->broken : worker->setup)->config))
    reload(worker);
}
