/*
 * parts.h - a worker at work: what it holds, and what its files do for each other.
 *
 * worker.c opens it, lets loop.c work and closes it; loop.c waits by wait.c, and sees by look.c whether all
 * that it stands on is still there; config.c, which all of them use, reads the configuration and reads it
 * again.
 */
#ifndef KH_WORKER_PARTS_H
#define KH_WORKER_PARTS_H

#include "deliver/grant.h"
#include "deliver/pace.h"
#include "net/http_curl.h"
#include "settling.h"
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
  struct kh_settling settling;    /* what may become the setup */
  struct kh_setup *received;      /* what a receiver reads of files that are newer than the setup; or NULL */
  struct kh_setup *before;        /* the setup before this one, while webhooks may come that it proves */
  struct kh_log_file log_file;
  struct kh_log log;
  int state_fd; /* of the state folder, to see whether that is still there */
  struct kh_inbox inbox;
  struct kh_worker_lock lock;
  struct kh_store store;
  struct kh_transport transport;
  struct kh_work work;
  struct kh_paces paces;
  struct kh_grants grants;
  struct kh_outbox outbox;
  struct kh_service service;

  struct kh_steady_clock time;                                           /* all but log lines goes by it */
  int64_t started_us, looked_us, looked_around_us, swept_us, adopted_us; /* ticks */
  size_t deliver_max;   /* outcomes in one transaction; fewer after a full disk */
  int64_t warned_us;    /* ticks; that the outbox fills; 0 for never */
  int64_t died_told_us; /* likewise, that something died for want of room */
  uint64_t died_told;
  bool stop;
  bool store_knows;   /* which config is in use; told again each hour */
  bool owes_look;     /* the last one would have come too soon */
  bool is_evicted;    /* its folder is gone, or another worker has it: it must leave */
  bool did_overtime;  /* a second pass, when the budget of the first was over */
  bool told_restless; /* that the configuration is not left alone */
};

static inline int64_t kh_worker_now_us(const struct kh_worker *worker)
{
  return kh_clock_now_us(&worker->time.clock);
}

/* Of the monotonic clock. */
static inline int64_t kh_worker_ticks_us(void)
{
  return kh_clock_ticks_us(&kh_system_clock);
}

/* ---- config.c ------------------------------------------------------------------------ */

/*
 * Reads config and rules for the first time, once their files are still or patience is at its end, with their
 * MISTAKES, which a receiver's worker also logs.
 * Without an error MISTAKES is empty: warnings are for `kitehook check`.
 */
enum kh_err kh_worker_load_config(struct kh_worker *worker, struct kh_diags *mistakes) KH_MUST_USE;
/*
 * Reads the config again when it has changed and is still (settling.h), for which it looks at most once a
 * second, or when SIGHUP asked for it. A broken one is logged, the old one kept.
 */
void kh_worker_refresh(struct kh_worker *worker);
/*
 * For struct kh_work, whose owner a worker is: a receiver may have looked at the files later than the worker,
 * or just before it.
 */
const struct kh_config *kh_worker_also_proves(void *owner, unsigned n);
/* True when webhooks are to wait a moment for a configuration that has just changed. */
bool kh_worker_holds_webhooks(const struct kh_worker *worker);
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

/* ---- look.c -------------------------------------------------------------------------- */

enum { KH_LOOK_AROUND_EVERY_MS = 1000 };

/*
 * Was the wall clock set? Then what is stored is moved with it. At most once a second, or else soon: was
 * anything that is open moved or removed beside the worker? Inbox and store are closed then, for the next use
 * to open them again. It says so. An error with DIAG, and worker->is_evicted: the state folder is gone, or
 * the place in it.
 */
enum kh_err kh_worker_look_around(struct kh_worker *worker, struct kh_diag *diag) KH_MUST_USE;

/* ---- loop.c -------------------------------------------------------------------------- */

/* Works until there is no reason to stay; PROBLEM with KH_WORKER_END_NO_STATE. */
enum kh_worker_end kh_worker_work(struct kh_worker *worker, struct kh_diag *problem);

#endif
