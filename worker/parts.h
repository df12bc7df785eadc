/*
 * parts.h - a worker at work: what it holds, and what its files do for each other.
 *
 * worker.c opens it, lets loop.c work and closes it; loop.c waits by wait.c; config.c, which all of them use,
 * reads the configuration and reads it again.
 */
#ifndef KH_WORKER_PARTS_H
#define KH_WORKER_PARTS_H

#include "deliver/pace.h"
#include "net/http_curl.h"
#include "setup.h"
#include "work.h"
#include "worker/log.h"
#include "worker/service.h"
#include "worker/worker.h"

struct kh_worker {
  const struct kh_worker_call *call;
  int signal_fd; /* readable once SIGTERM or SIGINT came */
  int hangup_fd; /* of call->serve: readable once SIGHUP came; -1: none */

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
  struct kh_paces paces;
  struct kh_outbox outbox;
  struct kh_service service;

  int64_t started_us, looked_us, swept_us; /* ticks */
  size_t deliver_max;                      /* outcomes in one transaction; fewer after a full disk */
  int64_t warned_us;                       /* ticks; that the outbox fills; 0 for never */
  int64_t died_told_us;                    /* likewise, that something died for want of room */
  uint64_t died_told;
  bool stop;
  bool store_knows;  /* which config is in use; told again each hour */
  bool did_overtime; /* a second pass, when the budget of the first was over */
};

/* Of the monotonic clock. */
static inline int64_t kh_worker_ticks_us(void)
{
  return kh_clock_ticks_us(&kh_system_clock);
}

/* ---- config.c ------------------------------------------------------------------------ */

/*
 * Reads config and rules for the first time, with their MISTAKES, which a receiver's worker also logs.
 * Without an error MISTAKES is empty: warnings are for `kitehook check`.
 */
enum kh_err kh_worker_load_config(struct kh_worker *worker, struct kh_diags *mistakes) KH_MUST_USE;
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
/* Opens memory; after KH_ERR_STORE it closes it first, so that a cure from outside is seen. */
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
 * The inbox or the store is in trouble: logs DIAG and sits out a pause that grows from call to call, until a
 * signal at most; *BACKOFF_MS is 0 before the first one. What is under way still comes to its end.
 */
void kh_worker_stall(struct kh_worker *worker, int64_t *backoff_ms, const struct kh_diag *diag);
/* True once a signal asked for it. */
bool kh_worker_must_stop(struct kh_worker *worker);
/* Waits for what is under way, which is no longer than one time-out. */
void kh_worker_drain(struct kh_worker *worker);

/* ---- loop.c -------------------------------------------------------------------------- */

/* Works until there is no reason to stay; PROBLEM with KH_WORKER_END_NO_STATE. */
enum kh_worker_end kh_worker_work(struct kh_worker *worker, struct kh_diag *problem);

#endif
