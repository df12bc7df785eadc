/*
 * worker.h - the worker's program, from its start until it leaves: `kitehook worker` calls it.
 *
 * It takes over the process: signals are blocked, the umask is 077, and its log lines may go to standard
 * error. What else people should hear goes to the caller.
 */
#ifndef KH_WORKER_H
#define KH_WORKER_H

#include "config/config.h"

/* How it is called. All borrowed. */
struct kh_worker_call {
  const char *config_path;
  const char *const *environment; /* for the secrets of the configuration, as kh_config_read takes it */
  int inherited_fd;               /* the lock that a receiver took for us; -1: none */
  bool once, serve;               /* one pass; never leave */
  int64_t linger_s;               /* -1: as configured */
  int64_t budget_ms;              /* of ONCE; -1: none */
};

enum kh_worker_end {
  KH_WORKER_END_DONE,      /* nothing was left, or a signal asked for it */
  KH_WORKER_END_LEFT_SOME, /* of ONCE: something waits or is owed */
  KH_WORKER_END_NO_CONFIG, /* MISTAKES says why */
  KH_WORKER_END_NO_STATE,  /* PROBLEM says why the state folder cannot be had, or how memory fails */
};

/* Works until there is no reason to stay. The caller releases MISTAKES. */
enum kh_worker_end kh_worker_run(const struct kh_worker_call *call, struct kh_diags *mistakes,
                                 struct kh_diag *problem);

#endif
