#include "base/base.h"

#include "shift.h"

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

/* Reads config and rules into CONFIG and RULES, which the caller releases either way. */
static enum kh_err read_config(const struct kh_shift *shift, struct kh_config *config, struct kh_rules *rules,
                               struct kh_diags *diags)
{
  enum kh_err err = kh_config_read(config, shift->config_path, KH_CONFIG_WHOLE, kh_cli_environment(), diags);

  if (!err)
    err = kh_rules_compile(config, rules, diags);
  if (!err && config->state[0] == '\0')
    err = kh_diags_add(diags, KH_ERR_CONFIG, config->path, 0, 0,
                       "without `state:` nothing is kept, and a worker has nothing to do");
  return err;
}

void kh_shift_free_config(struct kh_config *config)
{
  if (config)
    kh_config_release(config);
  free(config);
}

/*
 * A receiver reads no further than `notify:` and starts workers in spite of mistakes there; their standard error is
 * the null device. So the receiver's part of the config is read to find the log.
 */
static void log_broken_config(struct kh_shift *shift, const struct kh_diags *diags)
{
  struct kh_config *part = calloc(1, sizeof *part);
  struct kh_diag first = kh_diags_first(diags);

  if (!part)
    return;
  if (kh_config_read(part, shift->config_path, KH_CONFIG_RECEIVER, kh_cli_environment(), NULL) == KH_OK &&
      part->state[0]) {
    kh_shift_open_log(shift, part);
    kh_shift_say(shift, KH_ERROR, "config broken", first.err, &first);
  }
  kh_shift_free_config(part);
}

enum kh_err kh_shift_load_config(struct kh_shift *shift)
{
  struct kh_diags diags = {0};
  enum kh_err err = KH_ERR_NO_MEMORY;

  shift->config = calloc(1, sizeof *shift->config);
  if (shift->config)
    err = read_config(shift, shift->config, &shift->rules, &diags);
  if (err) /* warnings are for `kitehook check`: here they would stand between lines of JSON */
    kh_cli_print_diags(stderr, &diags);
  if (err && shift->inherited_fd >= 0)
    log_broken_config(shift, &diags);
  kh_diags_release(&diags);
  return err;
}

void kh_shift_wire(struct kh_shift *shift)
{
  shift->worker.config = shift->config;
  shift->worker.store = shift->store;
  shift->outbox.store = shift->store;
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

static void adopt(struct kh_shift *shift, struct kh_config *fresh, struct kh_rules *rules)
{
  bool log_moved = strcmp(shift->config->worker_log, fresh->worker_log) != 0;
  bool window_changed = shift->config->freshness_s != fresh->freshness_s;

  kh_rules_release(&shift->rules);
  kh_shift_free_config(shift->config);
  shift->config = fresh;
  shift->rules = *rules;
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
  struct kh_config *fresh = NULL;
  struct kh_rules rules = {0};
  struct kh_diags diags = {0};
  enum kh_err err = KH_OK;

  fresh = calloc(1, sizeof *fresh);
  if (!fresh)
    return;
  err = read_config(shift, fresh, &rules, &diags);
  if (!err)
    err = same_state(shift, fresh, &diags);
  kh_shift_free_config(shift->broken);
  shift->broken = NULL;
  if (err) {
    struct kh_diag first = kh_diags_first(&diags);

    kh_rules_release(&rules);
    shift->broken = fresh;
    kh_shift_say(shift, KH_ERROR, "config broken", err, &first);
  } else {
    adopt(shift, fresh, &rules);
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
  if (kh_config_is_outdated(shift->broken ? shift->broken : shift->config))
    reload(shift);
}
