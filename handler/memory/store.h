/*
 * store.h - what is remembered, and what is owed. The grain is a webhook, not a table.
 *
 * sqlite/ keeps it in <state>/memory.sqlite (only the worker opens it so; people look by sqlite/look.h);
 * process/ keeps it in this process, for `kitehook invoke` and Lambda; it puts no destination on hold.
 *
 * A batch is one transaction and carries many webhooks, or many outcomes of deliveries, or both:
 *   batch_begin, then for each entry: begin, commit; then batch_end. After batch_end
 *   returns KH_OK everything is durable and the entries may be removed; on any error nothing of the batch
 *   happened.
 * The batch is also the lease of its claims: a crash half-way rolls all of it back, so no retry is swallowed.
 *
 * Every error is KH_ERR_STORE, or KH_ERR_NO_SPACE where the disk (or a quota) is full; kh_store_problem says
 * more.
 */
#ifndef KH_STORE_H
#define KH_STORE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/secret.h"

enum { KH_DELIVERY_ID_BYTES = 33, KH_DELIVERY_MAX_BYTES = 256 * 1024, KH_CONTENT_TYPE_BYTES = 129 };
enum { KH_BODY_WINDOW_S = 24 * 3600 }; /* how long a body counts as seen */
enum { KH_WAIT_MAX_S = 2 * 3600 };     /* longer than any delivery or destination is made to wait at once */

/* Who a webhook is, for memory. */
struct kh_claim {
  struct kh_str entry; /* its name in the inbox */
  unsigned char body_digest[KH_DIGEST_BYTES];
  struct kh_str signature; /* hexadecimal; empty in token mode */
  bool is_ping;            /* pings are never repeats */
  int64_t now_us;          /* when it was received: a replay that waited in the inbox is still one */
};

/* Looked at in this order; the edges of both windows are inside. */
enum kh_seen {
  KH_SEEN_NEVER,
  KH_SEEN_DONE,   /* this very entry was committed before: a crash came between commit and removal */
  KH_SEEN_REPLAY, /* the signature was seen within twice the freshness window */
  KH_SEEN_REPEAT  /* the body was seen within a day, under another signature */
};

/* What memory knows that a webhook cannot say itself. Room for history (rules issue). */
struct kh_facts {
  enum kh_seen seen;
};

/* One line of the journal: what came and what became of it. Nothing here is secret. */
struct kh_journal {
  struct kh_str entry, request_id, event, organization, pipeline, branch, state, verdict;
  int64_t build_number, received_us, done_us;
  size_t deliveries;
};

/* A notification that is owed. No URL and no credential: those are resolved when it is sent. */
struct kh_delivery {
  char id[KH_DELIVERY_ID_BYTES];   /* 32 hexadecimal digits: a hash of body digest and rule name */
  char rule[KH_DELIVERY_ID_BYTES]; /* at most 32 bytes */
  char notifier[17];               /* "slack" */
  char destination[257];           /* where to, without a secret: "slack env:SLACK_WEBHOOK_URL" */
  char entry[96];                  /* the webhook it came from */
  char event[101];
  /* what an earlier webhook made for the same destination, and still waits, is no longer owed */
  bool replaces;
  struct kh_str content_type; /* borrowed; of a taken delivery it holds until the next take */
  struct kh_buf body;         /* owned */
  unsigned attempt;           /* how many were made already */
  int64_t not_before_us, expires_us, created_us;
  bool is_probe; /* of a taken one: the last attempt to reach its destination failed */
};

void kh_delivery_release(struct kh_delivery *delivery);

enum { KH_ANSWER_KEPT_BYTES = 201 };

/* Why an attempt failed. It is kept and shown: no URL and no credential may be in it. */
struct kh_failure {
  const char *reason;    /* "delivery_refused: HTTP 404" */
  int status;            /* of the answer; 0 when none came, and then the one before is remembered */
  const char *answer;    /* what may be kept of its body (deliver/answer.h); NULL or "" when nothing */
  bool is_refusal;       /* of the destination as such: a changed configuration is reason to try at once */
  int64_t hold_until_us; /* before that nothing goes to the destination; 0 for no such time */
};

enum { KH_UNDER_WAY_MAX = 16 };

/* What has been taken and not been recorded yet. All borrowed. */
struct kh_under_way {
  size_t count;
  struct {
    const char *id;
    const char *destination;
    bool is_full; /* the destination gets no further one meanwhile */
  } at[KH_UNDER_WAY_MAX];
};

struct kh_store_ops {
  /* KH_ERR_STORE also when a batch is open already. */
  enum kh_err (*batch_begin)(void *self);
  /* What memory knows of CLAIM, earlier entries of this batch included. Changes nothing. */
  enum kh_err (*begin)(void *self, const struct kh_claim *claim, struct kh_facts *facts);
  /*
   * Remembers the claim, writes the journal and owes the deliveries. An entry that is in the journal already
   * is left as it is. A delivery whose id is owed already is not owed twice; one that is dead is owed again.
   * After `done` it is the seen body that keeps an id from coming back for a day; a ping may bring it back at
   * once.
   */
  enum kh_err (*commit)(void *self, const struct kh_claim *claim, const struct kh_journal *journal,
                        const struct kh_delivery *deliveries, size_t count);
  /* After a failed step of the batch: rolls back and fails too. */
  enum kh_err (*batch_end)(void *self);
  void (*batch_drop)(void *self); /* rolls back; after a failed step */

  /*
   * The delivery that is due for the longest time and neither under way nor for a destination that is full or
   * on hold; KH_ERR_NOT_FOUND when there is none. The caller releases it, and records one of done, retry_at,
   * bury; until then it is under way, or would be given again. UNDER_WAY may be NULL.
   */
  enum kh_err (*take)(void *self, int64_t now_us, const struct kh_under_way *under_way,
                      struct kh_delivery *delivery);
  /*
   * `done` overwrites the body; the destination was well then, and rests until HOLD_UNTIL_US if it asked for
   * that, else 0. Durable when they return; inside a batch, when batch_end does. A crash before that sends
   * again under the same id and loses nothing. KH_ERR_NOT_FOUND when ID is not owed: somebody dropped it
   * meanwhile.
   */
  enum kh_err (*done)(void *self, const char *id, int64_t now_us, int64_t hold_until_us);
  enum kh_err (*retry_at)(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                          const struct kh_failure *why);
  enum kh_err (*bury)(void *self, const char *id, unsigned attempt, int64_t now_us,
                      const struct kh_failure *why);
  /*
   * Nothing goes to DESTINATION before UNTIL_US. KH_ERR_NOT_FOUND when it is not known. Durable, like the
   * others.
   */
  enum kh_err (*hold)(void *self, const char *destination, int64_t until_us);
  /*
   * When the next delivery can be taken: KH_ERR_NOT_FOUND when nothing is owed but what is under way or must
   * wait for that.
   */
  enum kh_err (*next_due)(void *self, const struct kh_under_way *under_way, int64_t *at_us);
  /*
   * DIGEST says which configuration is in use. When it is another one than last time, what was refused is
   * due, no destination is on hold any more, and those of which nothing was heard for a month are forgotten.
   * In any case no wait stays that is longer than there are: the clock was wrong when it began. For every
   * hour or so.
   */
  enum kh_err (*know_config)(void *self, const unsigned char digest[KH_DIGEST_BYTES], int64_t now_us);

  /*
   * For when there is nothing else to do: what was processed leaves the write-ahead log too, and what
   * make_room gave up is held ready again. Cheap when unneeded.
   */
  enum kh_err (*tidy)(void *self);
  /*
   * After KH_ERR_NO_SPACE, outside a batch: gives up what was held ready for that, and empties the log. True
   * when that was not done already, with nothing written since: trying again may help. NULL where nothing is
   * written to a disk.
   */
  bool (*make_room)(void *self);
  /* False from then on, until tidy has found room enough to hold that ready again. NULL for always. */
  bool (*has_spare)(void *self);
  /* What the last error was about; holds until the next call. */
  const char *(*problem)(void *self);
  void (*close)(void *self);
};

struct kh_store {
  const struct kh_store_ops *ops;
  void *self;
};

/* A sentence for logs, without data; "" when there is none. */
static inline const char *kh_store_problem(const struct kh_store *store)
{
  return store->ops && store->ops->problem ? store->ops->problem(store->self) : "";
}

static inline bool kh_store_make_room(const struct kh_store *store)
{
  return store->ops && store->ops->make_room && store->ops->make_room(store->self);
}

static inline bool kh_store_has_spare(const struct kh_store *store)
{
  return !store->ops->has_spare || store->ops->has_spare(store->self);
}

/*
 * Opens or makes <STATE>/memory.sqlite (mode 0600), and beside it the spare that a full disk cannot take from
 * the next transaction (spare.h). FRESHNESS_S sizes the replay window. KH_ERR_STORE, KH_ERR_NO_SPACE with
 * DIAG, also for a file that a newer kitehook or another program wrote, which is left untouched.
 */
enum kh_err kh_store_open_sqlite(struct kh_store *store, const char *state, int64_t freshness_s,
                                 struct kh_diag *diag) KH_MUST_USE;
/* Lives in this process: at first nothing was ever seen; the replay window is twice the default freshness. */
enum kh_err kh_store_open_none(struct kh_store *store) KH_MUST_USE;

#endif
