/*
 * queue.h - the deliveries that are owed: told in a batch (batch.h), taken when due, until an outcome is
 * recorded.
 *
 * An attempt is counted before it is sent, so that a crash is an attempt; what nobody recorded an outcome of
 * is sent again under the same id. Both are durable when their call returns; inside a batch, when that ends.
 * KH_ERR_NOT_FOUND then says that the delivery is not owed: somebody dropped it meanwhile, or a newer one
 * replaced it.
 */
#ifndef KH_QUEUE_H
#define KH_QUEUE_H

#include "base/buf.h"
#include "base/secret.h"

enum { KH_DELIVERY_ID_BYTES = 33, KH_DELIVERY_MAX_BYTES = 256 * 1024 };
enum { KH_CREDENTIAL_BYTES = 257, KH_PLACE_BYTES = 1025, KH_NOTIFIER_BYTES = 25 };
enum { KH_SUBJECT_BYTES = 258, KH_TOLD_BYTES = 129 };

/*
 * A notification that is owed. No URL and no secret: those are resolved when it is sent. Its destination is
 * credential and place together: order, rests and "full" go by both, rule and secrets by the credential.
 */
struct kh_delivery {
  char id[KH_DELIVERY_ID_BYTES];        /* 32 hexadecimal digits: a hash of event, rule and place */
  char rule[KH_DELIVERY_ID_BYTES];      /* at most 32 bytes */
  char notifier[KH_NOTIFIER_BYTES];     /* "slack" */
  char credential[KH_CREDENTIAL_BYTES]; /* a reference: "slack env:SLACK_WEBHOOK_URL" */
  char place[KH_PLACE_BYTES];           /* inside of it, such as a selector; "" where that is all */
  char entry[96];                       /* the webhook it came from */
  char event[101];
  /*
   * What it tells of, where the place's answer is to be remembered: a build's id, and behind a blank a job's,
   * of at most 128 bytes each. "" elsewhere.
   */
  char subject[KH_SUBJECT_BYTES];
  /* what an earlier webhook made for the same destination, and still waits, is no longer owed */
  bool replaces;
  struct kh_buf body; /* owned */
  unsigned attempt;   /* how many were made already */
  int64_t not_before_us, expires_us, created_us;
  int64_t since_us;  /* of a taken one: when it was made or, after an attempt, last tried */
  unsigned failures; /* of a taken one: so many attempts in a row failed to reach its destination */
};

void kh_delivery_release(struct kh_delivery *delivery);

/* What a place said of something that it was told, so that a later delivery can go on with it. */
struct kh_told {
  char text[KH_TOLD_BYTES];       /* the notifier's own (rules/notifier.h): an id; "" where there is none */
  char subject[KH_SUBJECT_BYTES]; /* of the delivery that told it last */
};

enum { KH_ANSWER_KEPT_BYTES = 201 };

/* Why an attempt failed. It is kept and shown: no URL and no credential may be in it. */
struct kh_failure {
  const char *reason;    /* "delivery_refused: HTTP 404" */
  int status;            /* of the answer; 0 when none came, and then the one before is remembered */
  const char *answer;    /* what may be kept of its body (deliver/answer.h); NULL or "" when nothing */
  bool is_untried;       /* no attempt failed now; of a dead one, why the last one did is kept beside it */
  bool is_refusal;       /* of the destination as such: a changed configuration is reason to try at once */
  unsigned failures;     /* of the destination, in a row, with this one; 0: it says nothing about that */
  int64_t now_us;        /* when it failed: a wait and a rest begin */
  int64_t rest_until_us; /* until then the destination rests; 0 for no such time */
};

enum { KH_UNDER_WAY_MAX = 16 };

/* What has been taken and not been recorded yet. All borrowed. */
struct kh_under_way {
  size_t count;
  struct {
    const char *id;
    const char *credential, *place;
    bool is_full; /* the destination gets no further one meanwhile */
  } at[KH_UNDER_WAY_MAX];
};

/*
 * How much may lie in the queue. One credential has a quarter of it for what is owed, and as much for what is
 * dead. Beyond that its oldest that are owed die with the reason outbox_full, and its oldest dead ones are
 * forgotten; so are dead ones where they take room from what is owed.
 */
struct kh_queue_bounds {
  size_t max_entries;
  uint64_t max_bytes; /* of bodies */
  int64_t keep_dead_s;
};

/* Where nobody says so. */
enum { KH_QUEUE_ENTRIES = 40000, KH_QUEUE_BYTES = 256 * 1024 * 1024, KH_QUEUE_KEEP_DEAD_S = 30 * 86400 };

struct kh_queue_use {
  bool is_full;                         /* of what is owed: take no more */
  unsigned percent;                     /* of all, or of its quarter what the fullest credential has */
  char credential[KH_CREDENTIAL_BYTES]; /* that one */
  uint64_t died;                        /* for want of room, since the queue was opened */
  char died_last[KH_CREDENTIAL_BYTES];  /* the credential of the last of them */
};

/*
 * From delivered on they are NULL where a queue ends with its process: it is small, no destination rests
 * there after a failure, and no answer is remembered.
 */
struct kh_queue_ops {
  enum kh_err (*owe)(void *self, const struct kh_delivery *delivery);
  enum kh_err (*take)(void *self, int64_t now_us, const struct kh_under_way *under_way,
                      struct kh_delivery *delivery);
  enum kh_err (*count)(void *self, const char *id, unsigned attempt, int64_t now_us, int64_t again_us);
  enum kh_err (*done)(void *self, const char *id, unsigned failures, int64_t now_us, int64_t rest_until_us);
  enum kh_err (*retry)(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                       const struct kh_failure *why);
  enum kh_err (*bury)(void *self, const char *id, unsigned attempt, int64_t now_us,
                      const struct kh_failure *why);
  enum kh_err (*next_due)(void *self, const struct kh_under_way *under_way, int64_t *at_us);
  enum kh_err (*rest)(void *self, const char *credential, const char *place, int64_t now_us,
                      int64_t until_us);
  enum kh_err (*delivered)(void *self, const char *credential, int64_t *at_us);
  enum kh_err (*know_config)(void *self, const unsigned char digest[KH_DIGEST_BYTES], int64_t now_us);
  void (*bound)(void *self, const struct kh_queue_bounds *bounds);
  enum kh_err (*use)(void *self, struct kh_queue_use *use);
  enum kh_err (*told)(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                      struct kh_told *told);
  enum kh_err (*tell)(void *self, const unsigned char what[KH_DIGEST_BYTES],
                      const struct kh_delivery *delivery, const char *text, int64_t now_us);
};

struct kh_queue {
  const struct kh_queue_ops *ops;
  void *self;
};

/*
 * Inside a batch. A delivery whose id is owed already is not owed twice; one that is dead is owed again.
 * After `done` it is the body that memory has seen that keeps an id from coming back for a day; a ping may
 * bring it back at once.
 */
KH_MUST_USE static inline enum kh_err kh_queue_owe(const struct kh_queue *queue,
                                                   const struct kh_delivery *delivery)
{
  return queue->ops->owe(queue->self, delivery);
}

/*
 * The delivery that is due for the longest time and neither under way nor for a destination that is full or
 * rests; KH_ERR_NOT_FOUND when there is none. The caller releases it, counts its attempt and records one of
 * done, retry, bury; until then it is under way, or would be given again. UNDER_WAY may be NULL.
 */
KH_MUST_USE static inline enum kh_err kh_queue_take(const struct kh_queue *queue, int64_t now_us,
                                                    const struct kh_under_way *under_way,
                                                    struct kh_delivery *delivery)
{
  return queue->ops->take(queue->self, now_us, under_way, delivery);
}

/*
 * Before its attempt number ATTEMPT is sent. Where no outcome comes to be recorded, it is due again at
 * AGAIN_US.
 */
KH_MUST_USE static inline enum kh_err kh_queue_count(const struct kh_queue *queue, const char *id,
                                                     unsigned attempt, int64_t now_us, int64_t again_us)
{
  return queue->ops->count(queue->self, id, attempt, now_us, again_us);
}

/*
 * Its body is overwritten. The destination was well, and rests until REST_UNTIL_US if it asked for that,
 * else 0. FAILURES is what the delivery was taken with: of those that came since, this success is no end.
 */
KH_MUST_USE static inline enum kh_err kh_queue_done(const struct kh_queue *queue, const char *id,
                                                    unsigned failures, int64_t now_us, int64_t rest_until_us)
{
  return queue->ops->done(queue->self, id, failures, now_us, rest_until_us);
}

KH_MUST_USE static inline enum kh_err kh_queue_retry(const struct kh_queue *queue, const char *id,
                                                     unsigned attempt, int64_t not_before_us,
                                                     const struct kh_failure *why)
{
  return queue->ops->retry(queue->self, id, attempt, not_before_us, why);
}

/* It is dead, and kept for people to look at. */
KH_MUST_USE static inline enum kh_err kh_queue_bury(const struct kh_queue *queue, const char *id,
                                                    unsigned attempt, int64_t now_us,
                                                    const struct kh_failure *why)
{
  return queue->ops->bury(queue->self, id, attempt, now_us, why);
}

/*
 * Nothing goes to that destination before UNTIL_US. PLACE may be NULL: to none of CREDENTIAL's places that
 * are owed something and could get it now. Durable like an outcome. KH_ERR_NOT_FOUND: there is none.
 */
KH_MUST_USE static inline enum kh_err kh_queue_rest(const struct kh_queue *queue, const char *credential,
                                                    const char *place, int64_t now_us, int64_t until_us)
{
  return queue->ops->rest(queue->self, credential, place, now_us, until_us);
}

/* When one last arrived anywhere by CREDENTIAL; 0 for never. It looks at each place of it. */
KH_MUST_USE static inline enum kh_err kh_queue_delivered(const struct kh_queue *queue, const char *credential,
                                                         int64_t *at_us)
{
  *at_us = 0;
  return queue->ops->delivered ? queue->ops->delivered(queue->self, credential, at_us) : KH_OK;
}

/*
 * When the next delivery can be taken: KH_ERR_NOT_FOUND when nothing is owed but what is under way or must
 * wait for that.
 */
KH_MUST_USE static inline enum kh_err kh_queue_next_due(const struct kh_queue *queue,
                                                        const struct kh_under_way *under_way, int64_t *at_us)
{
  return queue->ops->next_due(queue->self, under_way, at_us);
}

/*
 * DIGEST says which configuration is in use. When it is another one than last time, what was refused is due,
 * no destination rests any more, and those of which nothing was heard for a month are forgotten. In any case
 * what began ahead of NOW_US, when the clock was wrong, begins now: no wait, rest or life lies further ahead
 * than it is long; and what is dead for too long is forgotten. For every hour or so, outside a batch.
 */
KH_MUST_USE static inline enum kh_err kh_queue_know_config(const struct kh_queue *queue,
                                                           const unsigned char digest[KH_DIGEST_BYTES],
                                                           int64_t now_us)
{
  return queue->ops->know_config ? queue->ops->know_config(queue->self, digest, now_us) : KH_OK;
}

/* From the next batch on; until then it has the bounds of a configuration that says nothing of them. */
static inline void kh_queue_bound(const struct kh_queue *queue, const struct kh_queue_bounds *bounds)
{
  if (queue->ops->bound)
    queue->ops->bound(queue->self, bounds);
}

KH_MUST_USE static inline enum kh_err kh_queue_use(const struct kh_queue *queue, struct kh_queue_use *use)
{
  *use = (struct kh_queue_use){0};
  return queue->ops->use ? queue->ops->use(queue->self, use) : KH_OK;
}

/* Does it remember what places answered? */
static inline bool kh_queue_remembers(const struct kh_queue *queue)
{
  return queue->ops->told != NULL;
}

/*
 * TOLD becomes what kh_queue_tell was given for WHAT, a hash (rules/decision.h), within KH_MESSAGE_AGE_S, or
 * earlier in this batch. KH_ERR_NOT_FOUND.
 */
KH_MUST_USE static inline enum kh_err kh_queue_told(const struct kh_queue *queue,
                                                    const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                                                    struct kh_told *told)
{
  *told = (struct kh_told){0};
  return queue->ops->told ? queue->ops->told(queue->self, what, now_us, told) : KH_ERR_NOT_FOUND;
}

enum { KH_MESSAGE_AGE_S = 30 * 86400 };

/*
 * Inside a batch: DELIVERY, owed or not any more, has arrived, and the place said TEXT of it; in place of
 * what was said for WHAT before.
 */
KH_MUST_USE static inline enum kh_err kh_queue_tell(const struct kh_queue *queue,
                                                    const unsigned char what[KH_DIGEST_BYTES],
                                                    const struct kh_delivery *delivery, const char *text,
                                                    int64_t now_us)
{
  return queue->ops->tell ? queue->ops->tell(queue->self, what, delivery, text, now_us) : KH_OK;
}

#endif
