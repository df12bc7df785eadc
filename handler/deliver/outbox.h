/*
 * outbox.h - what is owed goes out: take, send, and then done, again later, or dead.
 */
#ifndef KH_OUTBOX_H
#define KH_OUTBOX_H

#include "base/log.h"
#include "base/transport.h"
#include "notify/notifier.h"

struct kh_outbox {
  const struct kh_rules *rules; /* where destinations become URLs, at the moment of sending */
  struct kh_store store;
  struct kh_transport transport;
  struct kh_log log;
  const struct kh_clock *clock;
};

/*
 * Sends the next delivery that is due and records what became of it; one log line an attempt.
 * KH_ERR_NOT_FOUND when nothing is due, KH_ERR_STORE when it could not be recorded (it is then sent again), else
 * the outcome: KH_OK, KH_ERR_DELIVERY_FAILED (will be retried), or why it is dead.
 */
enum kh_err kh_outbox_step(struct kh_outbox *outbox) KH_MUST_USE;

/* policy.c: the plain retry. How long to wait after attempt number ATTEMPT (from 1) failed. */
int64_t kh_retry_delay_us(unsigned attempt);
/* True when the answer means that trying again may help: none at all, 408, 425, 429, 5xx. */
bool kh_retry_may_help(int status);

enum { KH_ATTEMPTS_MAX = 12 };

#endif
