/*
 * outbox.h - what is owed goes out: take, send, and then done, again later, or dead.
 *
 * Up to KH_UNDER_WAY_MAX deliveries are on their way over the network at once, so that a destination that
 * hangs holds up no other; to one destination as many as its notifier allows, and one while it fails. Who
 * must wait for a token of its pace rests, so the queue gives the others and knows when to wake. policy.h
 * says what an answer means, pace.h how fast they follow one another.
 */
#ifndef KH_OUTBOX_H
#define KH_OUTBOX_H

#include "base/log.h"
#include "memory/batch.h"
#include "net/transport.h"
#include "rules/notifier.h"

struct kh_attempt;
struct kh_grants;
struct kh_paces;

/* One attempt, for who counts or shows them. All of it holds for the call; nothing has a secret in it. */
struct kh_attempted {
  const struct kh_delivery *delivery; /* as it was sent */
  enum kh_err result;                 /* as kh_outbox_step returns it */
  bool goes_on;                       /* it will be tried again */
  int status;                         /* of the answer; 0 when none came */
  const char *detail;                 /* "HTTP 500"; "" where there is nothing to tell */
  int64_t duration_us;
};

struct kh_attempts {
  struct kh_attempt *first, *last; /* NULL and NULL for none */
};

struct kh_outbox {
  const struct kh_rules *rules; /* where destinations become URLs, at the moment of sending */
  int64_t rules_since_us;       /* in the clock's ticks: since when it has these */
  struct kh_queue queue;
  struct kh_batch batch; /* of the queue */
  struct kh_transport transport;
  struct kh_log log;
  const struct kh_clock *clock;
  int64_t since_us; /* of the clock: nothing dies of age that was not tried after it; 0 for no such time */
  struct kh_paces *paces;   /* borrowed; NULL where nothing is paced (pace.h) */
  struct kh_grants *grants; /* borrowed; NULL where each attempt asks anew (grant.h) */
  uint64_t jitter;          /* any number to begin with (policy.h) */
  int64_t until_us; /* in the clock's ticks: no send may last longer or start later; 0 for no such end */
  bool once;        /* nobody comes back: what fails is dead, whatever trying again might help */
  void (*observe)(void *observer, const struct kh_attempted *attempted); /* or NULL */
  void *observer;

  struct kh_attempt *under_way[KH_UNDER_WAY_MAX]; /* owned */
  size_t under_way_count;
  struct kh_attempts ended; /* owned; whose outcome is not recorded yet, the oldest first */
  enum kh_err last;         /* what kh_outbox_step returns, of the outcome that was recorded last */
  int64_t paced_until_us;   /* no destination waits longer than that for its pace alone */
};

/* TRANSPORT goes by CONFIG's `http:` from its next request on; CONFIG outlives them. */
void kh_outbox_configure(const struct kh_transport *transport, const struct kh_config *config);

/*
 * Sends the next delivery that is due, waits for its answer and records what became of it, durably; one log
 * line an attempt. KH_ERR_NOT_FOUND when nothing is due, KH_ERR_STORE and KH_ERR_NO_SPACE when it could not
 * be counted or recorded, else the outcome: KH_OK, KH_ERR_DELIVERY_FAILED and
 * KH_ERR_DESTINATION_REFUSED (will be tried again), or why it is dead: KH_ERR_DELIVERY_REFUSED (an answer
 * that trying again will not change), KH_ERR_DELIVERY_EXPIRED (too many attempts or too old),
 * KH_ERR_NOTIFIER_GONE (the config no longer has the destination; before it has been without for KH_GONE_S
 * it will be tried again), KH_ERR_RENDER (a body that cannot be read).
 */
enum kh_err kh_outbox_step(struct kh_outbox *outbox) KH_MUST_USE;

/*
 * One turn, which does not wait: in one transaction it records what has ended since the last one and counts
 * the attempts of up to MAX deliveries that are due, which it then sends. So a crash is an attempt, and what
 * was answered is not sent again by this process, whether or not that could be recorded. *MADE says how many
 * moved on; fewer than MAX does not mean that nothing more is due. No batch may be open. KH_ERR_STORE and
 * KH_ERR_NO_SPACE: nothing was sent; wait before the next call. KH_ERR_NO_MEMORY.
 */
enum kh_err kh_outbox_run(struct kh_outbox *outbox, size_t max, size_t *made) KH_MUST_USE;
/* True while something is under way, or has ended and is not recorded. */
static inline bool kh_outbox_is_busy(const struct kh_outbox *outbox)
{
  return outbox->under_way_count > 0 || outbox->ended.first;
}

/*
 * When there is something to record, or to start beside what is under way; KH_ERR_NOT_FOUND for never,
 * KH_ERR_STORE, KH_ERR_NO_SPACE.
 */
enum kh_err kh_outbox_next_due(struct kh_outbox *outbox, int64_t *at_us) KH_MUST_USE;
/*
 * For while something is under way: until one may have ended, or one of the COUNT descriptors FDS can be
 * read.
 */
void kh_outbox_wait(struct kh_outbox *outbox, const int *fds, size_t count, int timeout_ms);
/* The clock was set by STEP_US: what has ended and is not recorded moves with it; see since_us. */
void kh_outbox_follow_clock(struct kh_outbox *outbox, int64_t step_us);
/* Gives up what is under way, or could not be recorded: it will be sent again, but not at once. */
void kh_outbox_cancel(struct kh_outbox *outbox);

#endif
