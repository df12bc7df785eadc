/*
 * spawn.h - starts a worker that inherits the lock and nothing else.
 */
#ifndef KH_SPAWN_H
#define KH_SPAWN_H

#include "config/config.h"

enum { KH_WAIT_BUDGET_MS = 4000 }; /* Buildkite has been seen to give up at 5 s */
enum { KH_PASS_LEFT_SOME = 4 };    /* how a pass exits that went well and left something for the next one */

/*
 * Runs `<worker_program> worker --config <path> --lock-fd 3` in a session of its own, with LOCK_FD as
 * descriptor 3, the null device as 0, 1 and 2, and PATH as its whole environment. Returns when the program
 * runs, or KH_ERR_IO with the reason when it could not be started.
 * With ONE_PASS it adds `--once --budget-ms …` and returns when that pass is over (*OVER), or the budget is;
 * KH_ERR_IO also when the pass failed. A pass that outlives its budget is reaped at the next one; otherwise
 * no zombie is left.
 */
enum kh_err kh_spawn_worker(const struct kh_config *config, int lock_fd, bool one_pass, bool *over,
                            struct kh_diag *diag) KH_MUST_USE;

#endif
