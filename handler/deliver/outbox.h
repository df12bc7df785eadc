/*
 * outbox.h - what is owed goes out: take, send, and then done, again later, or dead.
 */
#ifndef KH_OUTBOX_H
#define KH_OUTBOX_H

#include "base/log.h"
#include "base/transport.h"
#include "notify/notifier.h"

/* One attempt, for who counts them. The texts hold for the call; none has a secret in it. */
struct kh_attempted {
  const char *rule, *notifier;
  const char *detail; /* "HTTP 500"; "" where there is nothing to tell */
  enum kh_err result; /* as kh_outbox_step returns it */
  int64_t duration_us;
};

struct kh_outbox {
  const struct kh_rules *rules; /* where destinations become URLs, at the moment of sending */
  struct kh_store store;
  struct kh_transport transport;
  struct kh_log log;
  const struct kh_clock *clock;
  int64_t until_us; /* in the clock's ticks: no send may last longer or start later; 0 for no such end */
  bool once;        /* nobody comes back: what fails is dead, whatever trying again might help */
  void (*observe)(void *observer, const struct kh_attempted *attempted); /* or NULL */
  void *observer;
};

enum { KH_ATTEMPTS_MAX = 12, KH_SEND_TIMEOUT_MS = 10000 };

/*
 * Sends the next delivery that is due and records what became of it, durably; one log line an attempt.
 * KH_ERR_NOT_FOUND when nothing is due, KH_ERR_STORE when it could not be recorded (it is then sent again), else
 * the outcome: KH_OK, KH_ERR_DELIVERY_FAILED (will be retried), or why it is dead: KH_ERR_DELIVERY_REFUSED (an
 * answer that trying again will not change), KH_ERR_DELIVERY_EXPIRED (too many attempts or too old),
 * KH_ERR_NOTIFIER_GONE (the config no longer has the destination), KH_ERR_RENDER (a body that cannot be read).
 */
enum kh_err kh_outbox_step(struct kh_outbox *outbox) KH_MUST_USE;

/*
 * Up to MAX deliveries that stay on this machine, whose outcomes become durable together at the end, or one over the
 * network, whose outcome is durable at once; whichever comes first. *MADE says how many were tried; fewer than MAX
 * does not mean that nothing more is due. No batch of the store may be open. KH_ERR_STORE, which may bring again
 * what was tried: wait before the next call.
 */
enum kh_err kh_outbox_run(struct kh_outbox *outbox, size_t max, size_t *made) KH_MUST_USE;

/* policy.c: the plain retry. How long to wait after attempt number ATTEMPT (from 1) failed: 10 s, doubled, to 1 h. */
int64_t kh_retry_delay_us(unsigned attempt);
/* The same, or what Retry-After asks for if that is longer; at most 1 h. RETRY_AFTER_S is -1 without one. */
int64_t kh_retry_delay_asked_us(unsigned attempt, int64_t retry_after_s);
/* True when the answer means that trying again may help: none at all (0), 408, 425, 429, 5xx. */
bool kh_retry_may_help(int status);

#endif
