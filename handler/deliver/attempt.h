/*
 * attempt.h - one try of one delivery, and what came of it. Private to deliver/: outbox.h is the way in.
 *
 * attempt.c makes the request and reads what its answer means, attempt_pace.c says when it may start,
 * attempt_log.c tells of it, outbox.c has the order.
 */
#ifndef KH_ATTEMPT_H
#define KH_ATTEMPT_H

#include "deliver/outbox.h"

struct kh_attempt {
  struct kh_delivery delivery; /* owned */
  const struct kh_rule *rule;  /* NULL when the destination is gone; only until it is on its way */
  unsigned number;             /* from 1; of one that was never sent, how many there were */
  int64_t started_us;          /* ticks */
  int64_t duration_us;         /* once it has ended */
  struct kh_attempt *next;     /* of those that have */

  /* over the network: owned, since the rules may be others when the answer comes */
  const struct kh_notifier *by;
  /* The rule's, or a recipient's name in place of the second: nothing of them is kept of the answer. */
  struct kh_secret secret, capability;
  struct kh_secret grant, proof; /* what lets it in, and what the call for that had */
  struct kh_told told;           /* what it goes on with; its text is "" for nothing */
  char said[KH_TOLD_BYTES];      /* what its place said, once it has arrived; "" for nothing */
  struct kh_exchange exchange;
  bool asks_grant;      /* the exchange is the call for its grant */
  bool looks;           /* the exchange asks its place for what it could go on with */
  bool has_looked;      /* and that was answered, or need not be asked any more */
  bool waits_for_grant; /* there is no exchange: another one of its credential makes that call */

  /* the outcome */
  /*
   * KH_OK: delivered; KH_ERR_DELIVERY_FAILED, KH_ERR_DESTINATION_REFUSED and, with a retry_at_us,
   * KH_ERR_NOTIFIER_GONE: again later; else dead
   */
  enum kh_err result;
  int64_t retry_at_us;   /* when it is tried again; 0 for no such time */
  unsigned failures;     /* of the destination, in a row; 0 when this one says nothing about that */
  int64_t rest_until_us; /* when the next one may go to the destination; 0 for any time */
  char detail[256];
  bool remarkable;       /* although it was delivered */
  bool is_of_credential; /* what failed is so for all its places: they wait as long */
  char answer[KH_ANSWER_KEPT_BYTES];
};

/* ---- attempt.c ---- */

/* What its place said before, to go on with; inside a batch. KH_ERR_STORE, KH_ERR_NO_SPACE. */
enum kh_err kh_attempt_recall(const struct kh_outbox *outbox, struct kh_attempt *attempt) KH_MUST_USE;
/* Remembers what its place said; in the batch that records it, whatever else became of it. As above. */
enum kh_err kh_attempt_tell(const struct kh_outbox *outbox, const struct kh_attempt *attempt) KH_MUST_USE;
/*
 * Fills attempt->exchange: what it sends, or what it must ask first: for a grant, then for what it could go
 * on with. IS_ASKED: another one of its credential asks for the grant, so it only waits. False when it cannot
 * be sent, for want of time, say, which is its outcome.
 */
bool kh_attempt_prepare(const struct kh_outbox *outbox, struct kh_attempt *attempt,
                        bool is_asked) KH_MUST_USE;
/*
 * Its exchange has ended. True: that was only a step, and it is to be prepared again. False: it is to be
 * concluded.
 */
bool kh_attempt_take_step(const struct kh_outbox *outbox, struct kh_attempt *attempt) KH_MUST_USE;
/* The outcome of one that waited for the call of another one, in vain. */
void kh_attempt_miss_grant(struct kh_outbox *outbox, struct kh_attempt *attempt);
/* The outcome, of what attempt->exchange got, which is released. */
void kh_attempt_conclude(struct kh_outbox *outbox, struct kh_attempt *attempt);
/* The outcome of one that no rule sends any more. */
void kh_attempt_wait_for_rule(const struct kh_outbox *outbox, struct kh_attempt *attempt);
/* The outcome of one whose notifier delivers on this machine. */
void kh_attempt_deliver(const struct kh_outbox *outbox, struct kh_attempt *attempt);
/* What it holds; not the attempt itself. */
void kh_attempt_release(struct kh_attempt *attempt);
/* True when it will be tried again. */
bool kh_attempt_goes_on(const struct kh_outbox *outbox, const struct kh_attempt *attempt);

/* ---- attempt_pace.c ---- */

/*
 * True: it has taken a token of its pace, if there is one. False: its destination is to rest until
 * attempt->rest_until_us.
 */
bool kh_attempt_may_start(struct kh_outbox *outbox, struct kh_attempt *attempt) KH_MUST_USE;
/* What its answer says of the pace, and how long that makes its destination rest. */
void kh_attempt_learn_pace(struct kh_outbox *outbox, struct kh_attempt *attempt);

/* ---- attempt_log.c ---- */

/* The line of every attempt; RECORDED is KH_OK when the store knows of the outcome. */
void kh_attempt_log(struct kh_outbox *outbox, const struct kh_attempt *attempt, enum kh_err recorded);

#endif
