/*
 * shift.h - a worker at its post: what it holds, and how it works until it leaves.
 *
 * shift.c opens, renews and closes; shift_work.c is the loop.
 */
#ifndef KH_SHIFT_H
#define KH_SHIFT_H

#include "cli/cli.h"
#include "cli/worker_log.h"
#include "deliver/http_curl.h"
#include "work.h"

struct kh_shift {
  /* how it was called */
  const struct kh_command *self;
  const char *config_path;
  int inherited_fd;  /* --lock-fd: the lock that a receiver took for us; -1: none */
  bool once, serve;  /* one pass; never leave */
  int64_t linger_s;  /* -1: as configured */
  int64_t budget_ms; /* of --once; -1: none */
  int signal_fd;     /* readable once SIGTERM or SIGINT came */

  /* what it holds */
  struct kh_config *config;
  struct kh_config *broken; /* the last one that did not load, to see when its files change; or NULL */
  struct kh_rules rules;
  struct kh_worker_log log_file;
  struct kh_log log;
  struct kh_inbox inbox;
  struct kh_worker_post post;
  struct kh_store store;
  struct kh_transport transport;
  struct kh_worker worker;
  struct kh_outbox outbox;

  int64_t started_us, looked_us, swept_us; /* ticks */
  bool stop, has_worker;
};

/* Takes the post and opens all the rest. KH_EXIT_OK, or what to exit with, after a complaint. */
int kh_shift_open(struct kh_shift *shift);
/* Leaves the post if it is still held. */
void kh_shift_close(struct kh_shift *shift);

/* Reads the config again when it has changed; looks at most once a second. A broken one is logged, the old one kept. */
void kh_shift_refresh(struct kh_shift *shift);
/* After KH_ERR_STORE: closes and opens memory, so that a cure from outside is seen. */
enum kh_err kh_shift_reopen_store(struct kh_shift *shift, struct kh_diag *diag) KH_MUST_USE;
/* One line about the worker itself. */
void kh_shift_say(struct kh_shift *shift, enum kh_level level, const char *message, enum kh_err err,
                  const struct kh_diag *diag);

/* Works until there is no reason to stay. Returns an exit code. */
int kh_shift_work(struct kh_shift *shift);

#endif
