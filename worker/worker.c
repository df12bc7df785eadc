#include "base/base.h"

#include "inbox/state.h"
#include "worker/parts.h"

#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pass waits at least so long for a place that the one before it left to its pace. */
enum { PACE_LEFT_US = 1100 * 1000 };

/* The signals stay blocked, so that none can come between looking for one and going to sleep. */
static int take_signals(int one, int other)
{
  sigset_t taken;

  sigemptyset(&taken);
  sigaddset(&taken, one);
  sigaddset(&taken, other);
  if (sigprocmask(SIG_BLOCK, &taken, NULL) != 0)
    return -1;
  return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* SIGHUP means "read your configuration" to a service, and "your terminal has gone" to anything else. */
static enum kh_err prepare(struct kh_worker *worker, struct kh_diag *problem)
{
  const bool serve = worker->call->serve;

  worker->signal_fd = take_signals(SIGTERM, SIGINT);
  if (serve)
    worker->hangup_fd = take_signals(SIGHUP, SIGHUP);
  if (worker->signal_fd < 0 || (serve && worker->hangup_fd < 0))
    return kh_diag_set(problem, KH_ERR_IO, "signals: %s", strerror(errno));
  if (!kh_service_open(&worker->service, worker->signal_fd))
    return kh_diag_set(problem, KH_ERR_IO, "the service manager: %s", strerror(errno));
  return KH_OK;
}

/* ---- opening ------------------------------------------------------------------------------- */

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

/* Somebody who types --lock-fd must not end up as a second worker. */
static enum kh_err check_inherited_lock(const struct kh_worker *worker, struct kh_diag *diag)
{
  char path[KH_PATH_BYTES + 16];
  struct stat held, named;

  if (worker->call->inherited_fd < 0)
    return KH_OK;
  snprintf(path, sizeof path, "%s/worker.lock", worker->config->state);
  if (fstat(worker->call->inherited_fd, &held) != 0 || stat(path, &named) != 0 ||
      held.st_ino != named.st_ino || held.st_dev != named.st_dev ||
      flock(worker->call->inherited_fd, LOCK_EX | LOCK_NB) != 0)
    return kh_diag_set(diag, KH_ERR_LOCKED, "--lock-fd %d is not the lock of %s", worker->call->inherited_fd,
                       path);
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

  while (err == KH_ERR_NO_SPACE && !worker->call->once && !kh_worker_must_stop(worker)) {
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

  if (err != KH_ERR_NO_SPACE || worker->call->once)
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
    err = kh_state_find(worker->config->state, &worker->state_fd, diag);
  if (!err)
    err = kh_worker_lock_take(&worker->lock, worker->config->state, worker->call->inherited_fd, diag);
  if (!err)
    err = kh_http_curl_open(&worker->transport, NULL);
  if (!err)
    err = open_store(worker, diag);
  return err;
}

/* For people at a terminal, and for the log where that is a file. */
static enum kh_err fail(struct kh_worker *worker, enum kh_err err, struct kh_diag *problem)
{
  (void)kh_diag_set(problem, err, "%s", kh_err_token(err));
  if (worker->log.write && worker->log_file.path[0])
    kh_worker_say(worker, kh_err_level(err), "worker left", err, problem);
  return err;
}

static enum kh_err open_all(struct kh_worker *worker, struct kh_diag *problem)
{
  enum kh_err err = check_owner(worker, problem);

  if (err)
    return fail(worker, err, problem);
  kh_worker_open_log(worker, worker->config);
  err = take_lock(worker, problem);
  if (err)
    return worker->stop ? KH_OK : fail(worker, err, problem);
  kh_work_init(&worker->work, worker->config, &worker->setup->rules, &worker->inbox, worker->store,
               &worker->time.clock, worker->log);
  worker->work.also_proves = kh_worker_also_proves;
  worker->work.owner = worker;
  worker->deliver_max = KH_WORK_BATCH;
  worker->outbox = (struct kh_outbox){.jitter = (uint64_t)kh_worker_ticks_us() ^ (uint64_t)getpid(),
                                      .rules = &worker->setup->rules,
                                      .queue = worker->store.queue,
                                      .batch = worker->store.batch,
                                      .transport = worker->transport,
                                      .paces = &worker->paces,
                                      .grants = &worker->grants,
                                      .log = worker->log,
                                      .clock = &worker->time.clock,
                                      .since_us = kh_worker_now_us(worker),
                                      .paced_until_us = kh_worker_now_us(worker) + PACE_LEFT_US};
  worker->outbox.rules_since_us = kh_clock_ticks_us(worker->outbox.clock);
  return KH_OK;
}

/* Gives the lock up if it is still held. */
static void close_all(struct kh_worker *worker)
{
  kh_work_release(&worker->work);
  kh_outbox_cancel(&worker->outbox);
  kh_grants_release(&worker->grants);
  kh_http_curl_close(&worker->transport);
  kh_store_close(&worker->store);
  if (worker->inbox.fd_new >= 0)
    kh_inbox_close(&worker->inbox);
  kh_worker_lock_leave(&worker->lock);
  kh_log_file_close(&worker->log_file);
  kh_setup_close(worker->setup);
  kh_setup_close(worker->received);
  kh_setup_close(worker->before);
  kh_settling_close(&worker->settling);
  kh_service_close(&worker->service);
  if (worker->state_fd >= 0)
    close(worker->state_fd);
  close(worker->signal_fd);
  if (worker->hangup_fd >= 0)
    close(worker->hangup_fd);
}

/* ---- from start to end --------------------------------------------------------------------- */

static void say_started(struct kh_worker *worker)
{
  const struct kh_config *config = worker->config;
  int64_t linger_s = worker->call->linger_s >= 0 ? worker->call->linger_s : config->worker_linger_s;
  struct kh_diag detail = {0};

  if (worker->call->once)
    snprintf(detail.text, sizeof detail.text, "for one pass");
  else if (worker->call->serve || config->worker_mode == KH_WORKER_SERVICE)
    snprintf(detail.text, sizeof detail.text, "as a service");
  else
    snprintf(detail.text, sizeof detail.text, "leaves when idle for %" PRId64 " s", linger_s);
  kh_worker_say(worker, KH_INFO, "worker started", KH_OK, &detail);
}

static void say_left(struct kh_worker *worker, const struct kh_diag *problem)
{
  struct kh_log_line line;

  kh_log_begin(&line, &worker->log, worker->is_evicted ? KH_ERROR : KH_INFO, "worker left");
  kh_log_text(&line, KH_LOG_TRANSPORT, KH_STR("worker"));
  if (worker->is_evicted)
    kh_log_problem(&line, problem->err, problem);
  else
    kh_log_text(&line, KH_LOG_DETAIL, worker->stop ? KH_STR("asked to by a signal") : KH_NO_STR);
  kh_log_number(&line, KH_LOG_DURATION_US, kh_worker_ticks_us() - worker->started_us);
  kh_log_end(&line, &worker->log);
}

static enum kh_worker_end work(struct kh_worker *worker, struct kh_diag *problem)
{
  say_started(worker);
  kh_service_ready(&worker->service);
  enum kh_worker_end end = kh_worker_work(worker, problem);

  say_left(worker, problem);
  return end;
}

enum kh_worker_end kh_worker_run(const struct kh_worker_call *call, struct kh_diags *mistakes,
                                 struct kh_diag *problem)
{
  const int64_t now_us = kh_worker_ticks_us();
  struct kh_worker worker = {.call = call,
                             .signal_fd = -1,
                             .hangup_fd = -1,
                             .log_file = {.fd = -1},
                             .state_fd = -1,
                             .inbox = {.fd_tmp = -1, .fd_new = -1, .fd_aside = -1},
                             .lock = {.lock_fd = -1, .wake_fd = -1},
                             .started_us = now_us,
                             .looked_us = now_us,
                             .looked_around_us = now_us};
  enum kh_worker_end end = KH_WORKER_END_NO_STATE;

  umask(077);
  kh_steady_clock_init(&worker.time, &kh_system_clock);
  if (prepare(&worker, problem) != KH_OK)
    return end;
  if (kh_worker_load_config(&worker, mistakes) != KH_OK)
    end = KH_WORKER_END_NO_CONFIG;
  else if (open_all(&worker, problem) == KH_OK)
    end = work(&worker, problem);
  close_all(&worker);
  return end;
}
