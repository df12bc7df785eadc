#include "base/base.h"

#include "worker/worker.h"

#include <sys/signalfd.h>
#include <unistd.h>

enum { LOOK_EVERY_US = 1000000 };

void kh_shift_say(struct kh_shift *shift, enum kh_level level, const char *message, enum kh_err err,
                  const struct kh_diag *diag)
{
  struct kh_log_line line;

  kh_log_begin(&line, &shift->log, level, message);
  kh_log_text(&line, KH_LOG_TRANSPORT, KH_STR("worker"));
  kh_log_problem(&line, err, diag);
  kh_log_end(&line, &shift->log);
}

/* ---- the log ------------------------------------------------------------------------------- */

static void place_of_log(const struct kh_shift *shift, const struct kh_config *config,
                         struct kh_worker_log *place)
{
  bool by_receiver = shift->inherited_fd >= 0;

  *place = (struct kh_worker_log){.fd = -1};
  if (strcmp(config->worker_log, "stderr") == 0)
    return;
  if (config->worker_log[0])
    snprintf(place->path, sizeof place->path, "%s", config->worker_log);
  else if (by_receiver)
    snprintf(place->path, sizeof place->path, "%s/worker.log", config->state);
  place->max_bytes = config->worker_log[0] ? 0 : KH_WORKER_LOG_MAX_BYTES;
}

void kh_shift_open_log(struct kh_shift *shift, const struct kh_config *config)
{
  struct kh_worker_log place;
  struct kh_diag diag = {0};

  place_of_log(shift, config, &place);
  if (kh_worker_log_open(&shift->log_file, place.path, place.max_bytes, &diag) != KH_OK)
    (void)!kh_worker_log_open(&shift->log_file, "", 0, NULL);
  shift->log = kh_worker_log_lines(&shift->log_file, &kh_system_clock);
  if (diag.err)
    kh_shift_say(shift, KH_ERROR, "config broken", diag.err, &diag);
}

/* ---- the config ---------------------------------------------------------------------------- */

/* *SETUP is to be closed either way; NULL when there was no memory for it. */
static enum kh_err open_setup(const struct kh_shift *shift, struct kh_setup **setup, struct kh_diags *diags)
{
  enum kh_err err = kh_setup_open(setup, shift->config_path, KH_CONFIG_WHOLE, kh_cli_environment(), NULL,
                                  diags);

  if (!err && (*setup)->config.state[0] == '\0')
    err = kh_diags_add(diags, KH_ERR_CONFIG, (*setup)->config.path, 0, 0,
                       "without `state:` nothing is kept, and a worker has nothing to do");
  return err;
}

/*
 * A receiver reads no further than `notify:` and starts workers in spite of mistakes there; their standard
 * error is the null device. So the receiver's part of the config is read to find the log.
 */
static void log_broken_config(struct kh_shift *shift, const struct kh_diags *diags)
{
  struct kh_setup *part = NULL;
  struct kh_diag first = kh_diags_first(diags);

  if (kh_setup_open(&part, shift->config_path, KH_CONFIG_RECEIVER, kh_cli_environment(), NULL, NULL) ==
          KH_OK &&
      part->config.state[0]) {
    kh_shift_open_log(shift, &part->config);
    kh_shift_say(shift, KH_ERROR, "config broken", first.err, &first);
  }
  kh_setup_close(part);
}

enum kh_err kh_shift_load_config(struct kh_shift *shift)
{
  struct kh_diags diags = {0};
  enum kh_err err = open_setup(shift, &shift->setup, &diags);

  if (shift->setup)
    shift->config = &shift->setup->config;
  if (err) /* warnings are for `kitehook check`: here they would stand between lines of JSON */
    kh_cli_print_diags(stderr, &diags);
  if (err && shift->inherited_fd >= 0)
    log_broken_config(shift, &diags);
  kh_diags_release(&diags);
  return err;
}

void kh_shift_wire(struct kh_shift *shift)
{
  shift->config = shift->worker.config = &shift->setup->config;
  shift->worker.rules = shift->outbox.rules = &shift->setup->rules;
  shift->worker.store = shift->store;
  shift->outbox.queue = shift->store.queue;
  shift->outbox.batch = shift->store.batch;
  shift->store_knows = false;
  kh_outbox_configure(&shift->transport, shift->config);
}

/* A worker holds the lock of one folder; another one is for another worker. */
static enum kh_err same_state(const struct kh_shift *shift, const struct kh_config *fresh,
                              struct kh_diags *diags)
{
  if (strcmp(shift->config->state, fresh->state) == 0)
    return KH_OK;
  return kh_diags_add(diags, KH_ERR_CONFIG, fresh->path, 0, 0,
                      "`state` is another folder now; restart the worker");
}

static void adopt(struct kh_shift *shift, struct kh_setup *setup)
{
  const struct kh_config *fresh = &setup->config;
  bool log_moved = strcmp(shift->config->worker_log, fresh->worker_log) != 0;
  bool window_changed = shift->config->freshness_s != fresh->freshness_s;

  kh_setup_close(shift->setup);
  shift->setup = setup;
  kh_shift_wire(shift);
  if (log_moved) {
    kh_worker_log_close(&shift->log_file);
    kh_shift_open_log(shift, fresh);
    shift->worker.log = shift->outbox.log = shift->log;
  }
  /* A failure shows, and is mended, at the next use. */
  if (window_changed)
    (void)!kh_shift_reopen_store(shift, NULL);
  kh_shift_say(shift, KH_INFO, "config reloaded", KH_OK, NULL);
}

static void reload(struct kh_shift *shift)
{
  struct kh_setup *fresh = NULL;
  struct kh_diags diags = {0};
  enum kh_err err = open_setup(shift, &fresh, &diags);

  if (!fresh)
    return;
  if (!err)
    err = same_state(shift, &fresh->config, &diags);
  kh_setup_close(shift->broken);
  shift->broken = NULL;
  if (err) {
    struct kh_diag first = kh_diags_first(&diags);

    shift->broken = fresh;
    kh_shift_say(shift, KH_ERROR, "config broken", err, &first);
  } else {
    adopt(shift, fresh);
  }
  kh_diags_release(&diags);
}

void kh_shift_refresh(struct kh_shift *shift)
{
  int64_t now_us = kh_clock_ticks_us(&kh_system_clock);
  struct signalfd_siginfo hangup;

  if (shift->hangup_fd >= 0 && read(shift->hangup_fd, &hangup, sizeof hangup) > 0) {
    kh_service_reloading(&shift->service);
    reload(shift);
    kh_service_ready(&shift->service);
    return;
  }
  if (now_us - shift->looked_us < LOOK_EVERY_US)
    return;
  shift->looked_us = now_us;
  if (kh_config_is_outdated(&(shift->broken ? shift->broken : shift->setup)->config))
    reload(shift);
}
