#include "base/base.h"

#include "cli/shift.h"

#include <pwd.h>
#include <sys/stat.h>
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

/* For people at a terminal, and for the log where that is a file. */
static int fail(struct kh_shift *shift, int code, enum kh_err err, const struct kh_diag *diag)
{
  if (shift->log.write && shift->log_file.path[0])
    kh_shift_say(shift, kh_err_level(err), "worker left", err, diag);
  return kh_cli_fail(shift->self, code, "%s", diag->text[0] ? diag->text : kh_err_token(err));
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

static void open_log(struct kh_shift *shift, const struct kh_config *config)
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

static void free_config(struct kh_config *config)
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
    open_log(shift, part);
    kh_shift_say(shift, KH_ERROR, "config broken", first.err, &first);
  }
  free_config(part);
}

static enum kh_err load_config(struct kh_shift *shift)
{
  struct kh_diags diags = {0};
  enum kh_err err = KH_ERR_NO_MEMORY;

  shift->config = calloc(1, sizeof *shift->config);
  if (shift->config)
    err = read_config(shift, shift->config, &shift->rules, &diags);
  kh_cli_print_diags(stderr, &diags);
  if (err && shift->inherited_fd >= 0)
    log_broken_config(shift, &diags);
  kh_diags_release(&diags);
  return err;
}

static void wire(struct kh_shift *shift)
{
  shift->worker.config = shift->config;
  shift->worker.store = shift->store;
  shift->outbox.store = shift->store;
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
  free_config(shift->config);
  shift->config = fresh;
  shift->rules = *rules;
  wire(shift);
  if (log_moved) {
    kh_worker_log_close(&shift->log_file);
    open_log(shift, fresh);
    shift->worker.log = shift->outbox.log = shift->log;
  }
  /* A failure shows, and is mended, at the next use. */
  if (window_changed)
    (void)!kh_shift_reopen_store(shift, NULL);
  kh_shift_say(shift, KH_INFO, "config reloaded", KH_OK, NULL);
}

void kh_shift_refresh(struct kh_shift *shift)
{
  int64_t now_us = kh_clock_ticks_us(&kh_system_clock);
  struct kh_config *fresh = NULL;
  struct kh_rules rules = {0};
  struct kh_diags diags = {0};
  enum kh_err err = KH_OK;

  if (now_us - shift->looked_us < LOOK_EVERY_US)
    return;
  shift->looked_us = now_us;
  if (!kh_config_is_outdated(shift->broken ? shift->broken : shift->config))
    return;
  fresh = calloc(1, sizeof *fresh);
  if (!fresh)
    return;
  err = read_config(shift, fresh, &rules, &diags);
  if (!err)
    err = same_state(shift, fresh, &diags);
  free_config(shift->broken);
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

/* ---- the rest ------------------------------------------------------------------------------ */

/* Before anything is made in the folder: a file of another user's there would lock its owner out. */
static enum kh_err check_owner(const struct kh_shift *shift, struct kh_diag *diag)
{
  const char *state = shift->config->state;
  struct stat about;
  const struct passwd *owner = NULL;
  char name[64] = "";

  if (stat(state, &about) != 0 || about.st_uid == geteuid())
    return KH_OK; /* what else may be wrong, kh_post_take knows better */
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

  if (shift->store.ops)
    shift->store.ops->close(shift->store.self);
  shift->store = (struct kh_store){0};
  err = kh_store_open_sqlite(&shift->store, shift->config->state, shift->config->freshness_s, diag);
  if (err)
    shift->store = (struct kh_store){0};
  wire(shift);
  return err;
}

static enum kh_err take_post(struct kh_shift *shift, struct kh_diag *diag)
{
  const struct kh_config *config = shift->config;
  enum kh_err err = kh_post_take(&shift->post, config->state, shift->inherited_fd, diag);

  if (!err)
    err = kh_inbox_open(&shift->inbox, config->state, config->inbox_max_entries, config->inbox_max_bytes,
                        diag);
  if (!err)
    err = kh_http_curl_open(&shift->transport);
  if (!err)
    err = kh_shift_reopen_store(shift, diag);
  return err;
}

int kh_shift_open(struct kh_shift *shift)
{
  struct kh_diag diag = {0};
  enum kh_err err = KH_OK;

  shift->started_us = shift->looked_us = kh_clock_ticks_us(&kh_system_clock);
  shift->post = (struct kh_worker_post){.lock_fd = -1, .wake_fd = -1};
  shift->inbox = (struct kh_inbox){.fd_tmp = -1, .fd_new = -1, .fd_aside = -1};
  shift->log_file.fd = -1;
  if (load_config(shift) != KH_OK)
    return KH_EXIT_CONFIG;
  err = check_owner(shift, &diag);
  if (err)
    return fail(shift, KH_EXIT_STATE, err, &diag);
  open_log(shift, shift->config);
  err = take_post(shift, &diag);
  if (err)
    return fail(shift, KH_EXIT_STATE, err, &diag);
  kh_worker_init(&shift->worker, shift->config, &shift->rules, &shift->inbox, shift->store, &kh_system_clock,
                 shift->log);
  shift->has_worker = true;
  shift->outbox = (struct kh_outbox){.rules = &shift->rules,
                                     .store = shift->store,
                                     .transport = shift->transport,
                                     .log = shift->log,
                                     .clock = &kh_system_clock};
  return KH_EXIT_OK;
}

void kh_shift_close(struct kh_shift *shift)
{
  if (shift->has_worker)
    kh_worker_release(&shift->worker);
  if (shift->transport.send)
    kh_http_curl_close(&shift->transport);
  if (shift->store.ops)
    shift->store.ops->close(shift->store.self);
  if (shift->inbox.fd_new >= 0)
    kh_inbox_close(&shift->inbox);
  kh_post_leave(&shift->post);
  kh_worker_log_close(&shift->log_file);
  kh_rules_release(&shift->rules);
  free_config(shift->config);
  free_config(shift->broken);
}
