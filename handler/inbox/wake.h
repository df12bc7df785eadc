/*
 * wake.h - one worker a state folder, and how it learns that there is work.
 *
 * The lock (flock on <state>/worker.lock) says who works; it dies with its holder, so there is no
 * pid file; its modification time is when its holder took it, its access time when receivers last woke or
 * started somebody for want of room. The FIFO <state>/worker.wake carries one byte a webhook. The worker
 * opens it O_RDWR (read-only would spin on hang-up) before its first look at the inbox; the receiver
 * O_WRONLY|O_NONBLOCK. Leaving: close the FIFO, unlock, look once more, lock again if anything is there.
 * (Closing, looking and then exiting strands about one entry in 15,000.)
 */
#ifndef KH_WAKE_H
#define KH_WAKE_H

#include "config/config.h"

enum kh_worker_seen {
  KH_WORKER_UNKNOWN, /* there is no state folder */
  KH_WORKER_WOKEN,
  KH_WORKER_STARTED,
  KH_WORKER_BUSY,  /* somebody holds the lock and will look again */
  KH_WORKER_RAN,   /* mode wait: one pass was made before the answer */
  KH_WORKER_ABSENT /* mode service and nobody listens, or it could not be started */
};

const char *kh_worker_seen_token(enum kh_worker_seen seen);

/*
 * The receiver's side, after an entry was kept. SIGPIPE must be ignored. Never fails: what cannot be done is
 * KH_WORKER_ABSENT, with DIAG.
 */
enum kh_worker_seen kh_wake(const struct kh_config *config, struct kh_diag *diag);
/*
 * The same after a webhook that found no room: only the worker can make some. At most once a second for all
 * receivers of the folder; KH_WORKER_UNKNOWN where that was done a moment ago.
 */
enum kh_worker_seen kh_wake_for_room(const struct kh_config *config, int64_t now_us, struct kh_diag *diag);

/*
 * Makes lock and FIFO in the folder STATE_FD, where they are missing; the caller syncs it. KH_ERR_NO_SPACE,
 * KH_ERR_INBOX_IO.
 */
enum kh_err kh_worker_lock_make(int state_fd, struct kh_diag *diag) KH_MUST_USE;

/*
 * True when a worker holds the lock; *SINCE_US is when it took it. Touches neither the lock nor the FIFO's
 * bytes, so that it cannot make a worker that is starting believe that there is another one.
 */
bool kh_worker_lock_is_held(const char *state, int64_t *since_us);

/* The worker's side. */
struct kh_worker_lock {
  char state[KH_PATH_BYTES];
  int lock_fd; /* -1 while not held */
  int wake_fd; /* -1 while closed */
};

/*
 * Takes the lock (LOCK_FD >= 0: inherited from a receiver, already locked) and opens the FIFO.
 * KH_ERR_LOCKED when another worker holds it; KH_ERR_STATE_OWNER, KH_ERR_NO_SPACE, KH_ERR_IO with DIAG.
 */
enum kh_err kh_worker_lock_take(struct kh_worker_lock *lock, const char *state, int lock_fd,
                                struct kh_diag *diag) KH_MUST_USE;
/* False when lock or FIFO was moved or removed: others would find no worker here, and start another one. */
bool kh_worker_lock_is_there(const struct kh_worker_lock *lock);
/*
 * Sleeps until a byte arrives (all waiting ones are read), TIMEOUT_MS passes (-1: for ever) or a signal
 * comes.
 */
void kh_worker_lock_wait(struct kh_worker_lock *lock, int64_t timeout_ms);
/*
 * Closes the FIFO, then unlocks. The caller looks once more and, if anything is there, takes the lock again.
 */
void kh_worker_lock_leave(struct kh_worker_lock *lock);

#endif
