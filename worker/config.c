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

static bool is_asked_to_reload(const struct kh_worker *worker)
{
  struct signalfd_siginfo hangup;

  return worker->hangup_fd >= 0 && read(worker->hangup_fd, &hangup, sizeof hangup) > 0;
}

/*
 * Somebody may be about to write it: then it is read again when that is over, or, if it never is, when half
 * the time is over that whoever waits for this worker has.
 */
static enum kh_err open_when_still(struct kh_worker *worker, struct kh_diags *mistakes)
{
  const int64_t budget_ms = worker->call->budget_ms;
  const bool is_in_haste = budget_ms >= 0 && budget_ms / 2 < KH_SETTLE_PATIENCE_MS;
  const int64_t until_us = worker->started_us +
                           1000 * (is_in_haste ? budget_ms / 2 : (int64_t)KH_SETTLE_PATIENCE_MS);

  for (;;) {
    int64_t wait_ms = 0;
    enum kh_err err = kh_settling_open(&worker->settling, &worker->setup, &wait_ms, mistakes);
    const int64_t left_ms = (until_us - kh_worker_ticks_us()) / 1000;

    if (wait_ms == 0 || left_ms <= 0 || kh_worker_must_stop(worker) || is_asked_to_reload(worker))
      return err;
    kh_worker_wait(worker, wait_ms < left_ms ? wait_ms : left_ms, false);
    kh_setup_close(worker->setup);
    kh_diags_release(mistakes);
  }
}

enum kh_err kh_worker_load_config(struct kh_worker *worker, struct kh_diags *mistakes)
{
  worker->settling = (struct kh_settling){
      .path = worker->call->config_path, .environment = worker->call->environment, .clock = &kh_system_clock};
  enum kh_err err = open_when_still(worker, mistakes);

  if (worker->setup)
    worker->config = &worker->setup->config;
  if (!err) /* here they would stand between lines of JSON */
    kh_diags_release(mistakes);
  else if (worker->call->inherited_fd >= 0)
    log_broken_config(worker, mistakes);
  return err;
}

static void bound_store(const struct kh_worker *worker)
{
  const struct kh_queue_bounds bounds = {worker->config->outbox_max_entries, worker->config->outbox_max_bytes,
                                         worker->config->outbox_keep_dead_s};
  const struct kh_journal_bounds journal = {
      worker->config->journal_max_entries, worker->config->journal_max_bytes, worker->config->journal_keep_s};

  kh_queue_bound(&worker->store.queue, &bounds);
  kh_memory_keep(&worker->store.memory, worker->config->memory_keep_s, &journal);
}

/* Tells work and outbox of a new setup or store. */
static void wire(struct kh_worker *worker)
{
  worker->config = &worker->setup->config;
  kh_work_configure(&worker->work, worker->config, &worker->setup->rules);
  worker->outbox.rules = &worker->setup->rules;
  worker->work.store = worker->store;
  worker->outbox.queue = worker->store.queue;
  worker->outbox.batch = worker->store.batch;
  worker->store_knows = false;
  if (worker->store.ops)
    bound_store(worker);
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

static void adopt(struct kh_worker *worker, struct kh_setup *setup)
{
  const struct kh_config *fresh = &setup->config;
  bool log_moved = strcmp(worker->config->worker_log, fresh->worker_log) != 0;
  bool window_changed = worker->config->freshness_s != fresh->freshness_s;

  kh_setup_close(worker->received);
  worker->received = NULL;
  kh_setup_close(worker->before);
  worker->before = worker->setup;
  worker->adopted_us = kh_worker_ticks_us();
  worker->setup = setup;
  worker->outbox.rules_since_us = kh_clock_ticks_us(worker->outbox.clock);
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

/* Once for each time that webhooks no longer wait for it. */
static void tell_restless(struct kh_worker *worker)
{
  const bool is_restless = kh_settling_for_ms(&worker->settling) >= KH_SETTLE_PATIENCE_MS;
  struct kh_diag detail = {0};

  if (is_restless && !worker->told_restless) {
    snprintf(detail.text, sizeof detail.text,
             "%.300s is written again and again; the configuration before is used until its files are left "
             "alone for %d s, or at SIGHUP",
             worker->settling.changed, KH_SETTLE_MS / 1000);
    kh_worker_say(worker, KH_WARN, "config restless", KH_OK, &detail);
  }
  worker->told_restless = is_restless;
}

static void look(struct kh_worker *worker, bool at_once)
{
  struct kh_setup *fresh = NULL;
  struct kh_diags diags = {0};
  enum kh_settled found = kh_settling_look(&worker->settling, worker->setup, at_once, &fresh, &diags);
  struct kh_diag first = kh_diags_first(&diags);

  if (found == KH_SETTLED_WRONG)
    kh_worker_say(worker, KH_ERROR, "config broken", first.err, &first);
  else if (fresh)
    adopt(worker, fresh);
  else
    tell_restless(worker);
  kh_diags_release(&diags);
}

void kh_worker_refresh(struct kh_worker *worker)
{
  int64_t now_us = kh_worker_ticks_us();

  if (is_asked_to_reload(worker)) {
    kh_service_reloading(&worker->service);
    look(worker, true);
    kh_service_ready(&worker->service);
    return;
  }
  if (now_us - worker->looked_us < LOOK_EVERY_US)
    return;
  worker->looked_us = now_us;
  if (now_us - worker->adopted_us > (int64_t)KH_SETTLE_PATIENCE_MS * 1000) {
    kh_setup_close(worker->before);
    worker->before = NULL;
  }
  look(worker, false);
}

/* Read anew when the files are other ones than those of the newest reading. */
static const struct kh_config *receivers_config(struct kh_worker *worker)
{
  const struct kh_setup *newest = worker->received ? worker->received : worker->setup;

  if (kh_config_is_outdated(&newest->config)) {
    kh_setup_close(worker->received);
    /* What has mistakes has no secrets, and so proves nothing. */
    (void)!kh_setup_open(&worker->received, worker->call->config_path, KH_CONFIG_RECEIVER,
                         worker->call->environment, NULL, NULL);
  }
  return worker->received ? &worker->received->config : NULL;
}

const struct kh_config *kh_worker_also_proves(void *owner, unsigned n)
{
  struct kh_worker *worker = owner;
  const struct kh_config *const received = receivers_config(worker);
  const struct kh_config *const before = worker->before ? &worker->before->config : NULL;

  if (n == 0)
    return received ? received : before;
  return n == 1 && received ? before : NULL;
}

/* Whoever saves rules and starts a build means these; a file that is never left alone stops nothing. */
bool kh_worker_holds_webhooks(const struct kh_worker *worker)
{
  return worker->settling.is_waiting && !worker->call->once &&
         kh_settling_for_ms(&worker->settling) < KH_SETTLE_PATIENCE_MS;
}
