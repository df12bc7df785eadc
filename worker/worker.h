/*
 * worker.h - a worker at work: what it holds, and how it works until it leaves.
 *
 * worker.c opens and closes, config.c reads the configuration and reads it again, wait.c waits,
 * loop.c is the loop.
 */
#ifndef KH_WORKER_H
#define KH_WORKER_H

#include "cli/cli.h"
#include "net/http_curl.h"
#include "work.h"
#include "worker/log.h"
#include "worker/service.h"

struct kh_worker {
  /* how it was called */
  const struct kh_command *self;
  const char *config_path;
  int inherited_fd;  /* --lock-fd: the lock that a receiver took for us; -1: none */
  bool once, serve;  /* one pass; never leave */
  int64_t linger_s;  /* -1: as configured */
  int64_t budget_ms; /* of --once; -1: none */
  int signal_fd;     /* readable once SIGTERM or SIGINT came */
  int hangup_fd;     /* of --serve: readable once SIGHUP came; -1: none */

  /* what it holds */
  struct kh_setup *setup;
  const struct kh_config *config; /* of the setup */
  struct kh_setup *broken;        /* the last one that did not load, to see when its files change; or NULL */
  struct kh_log_file log_file;
  struct kh_log log;
  struct kh_inbox inbox;
  struct kh_worker_lock lock;
  struct kh_store store;
  struct kh_transport transport;
  struct kh_work work;
  struct kh_outbox outbox;
  struct kh_service service;

  int64_t started_us, looked_us, swept_us; /* ticks */
  size_t deliver_max;                      /* outcomes in one transaction; fewer after a full disk */
  bool stop, has_work;
  bool store_knows;  /* which config is in use; told again each hour */
  bool did_overtime; /* a second pass, when the budget of the first was over */
};

/* ---- config.c ------------------------------------------------------------------------ */

/*
 * Reads config and rules for the first time; mistakes go to standard error and, from a receiver's worker, to
 * the log.
 */
enum kh_err kh_worker_load_config(struct kh_worker *worker) KH_MUST_USE;
/*
 * Reads the config again when it has changed, for which it looks at most once a second, or when SIGHUP asked
 * for it. A broken one is logged, the old one kept.
 */
void kh_worker_refresh(struct kh_worker *worker);
/* Opens the log that CONFIG asks for; standard error when that fails. */
void kh_worker_open_log(struct kh_worker *worker, const struct kh_config *config);
/* One line about the worker itself. */
void kh_worker_say(struct kh_worker *worker, enum kh_level level, const char *message, enum kh_err err,
                   const struct kh_diag *diag);
/* Tells worker and outbox of a new setup or store. */
void kh_worker_wire(struct kh_worker *worker);

/* ---- worker.c ------------------------------------------------------------------------------- */

/* Takes the lock and opens all the rest. KH_EXIT_OK, or what to exit with, after a complaint. */
int kh_worker_open(struct kh_worker *worker);
/* Gives the lock up if it is still held. */
void kh_worker_close(struct kh_worker *worker);

/* After KH_ERR_STORE: closes and opens memory, so that a cure from outside is seen. */
enum kh_err kh_worker_reopen_store(struct kh_worker *worker, struct kh_diag *diag) KH_MUST_USE;
/* ---- wait.c -------------------------------------------------------------------------- */

/* A receiver may be killed between keeping a webhook and waking the worker. */
enum { KH_LOOK_ANYWAY_MS = 60 * 1000 };

/*
 * Until a signal, an answer of what is under way or, FOR_WEBHOOKS, a receiver; TIMEOUT_MS or
 * KH_LOOK_ANYWAY_MS at most.
 */
void kh_worker_wait(struct kh_worker *worker, int64_t timeout_ms, bool for_webhooks);
/*
 * For TIMEOUT_MS while the inbox or the store is in trouble: what is under way still comes to its end. Until
 * a signal at most.
 */
void kh_worker_sit_out(struct kh_worker *worker, int64_t timeout_ms);
/* Logs DIAG and sits out a pause that grows from call to call: *BACKOFF_MS is 0 before the first one. */
void kh_worker_stall(struct kh_worker *worker, int64_t *backoff_ms, const struct kh_diag *diag);
/* True once a signal asked for it. */
bool kh_worker_must_stop(struct kh_worker *worker);
/* Waits for what is under way, which is no longer than one time-out. */
void kh_worker_drain(struct kh_worker *worker);

/* ---- loop.c -------------------------------------------------------------------------- */

/* Works until there is no reason to stay. Returns an exit code. */
int kh_worker_work(struct kh_worker *worker);

#endif
