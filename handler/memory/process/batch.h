/*
 * batch.h - the store that lives in this process. Private to memory/: store.h is the way in.
 *
 * store.c has the batches and the claims, queue.c what is owed.
 */
#ifndef KH_PROCESS_BATCH_H
#define KH_PROCESS_BATCH_H

#include "memory/store.h"

/* One webhook, or a few, and what KH_RULES_MAX rules make of it. */
enum { KH_NONE_KNOWN_MAX = 256, KH_NONE_OWED_MAX = 2048 };

struct kh_none_known {
  char entry[96];
  char signature[2 * KH_DIGEST_BYTES + 1]; /* "" when it counts no more than an earlier sight of the same */
  unsigned char body_digest[KH_DIGEST_BYTES];
  bool has_body;
  int64_t seen_us;
};

/* Done and dead are the same here: nobody could look at a dead one later. */
struct kh_none_fate {
  bool gone;
  unsigned attempt;
  int64_t not_before_us;
};

struct kh_none_owed {
  struct kh_delivery delivery; /* but for what fate says */
  char content_type[KH_CONTENT_TYPE_BYTES];
  struct kh_none_fate now;
  struct kh_none_fate before; /* the batch */
};

struct kh_none {
  struct kh_none_known *known; /* owned, like owed; they grow, since most processes need one place of each */
  struct kh_none_owed *owed;
  size_t known_room, owed_room;
  size_t known_count, known_before;
  size_t owed_count, owed_before;
  bool in_batch;
  bool batch_failed;
  const char *problem;
  char content_type[KH_CONTENT_TYPE_BYTES]; /* of the delivery taken last */
};

/* Notes WHAT, and that the batch has failed. KH_ERR_STORE. */
enum kh_err kh_none_fail(struct kh_none *none, const char *what);
/*
 * AT with room for one more than the COUNT things of SIZE bytes; NULL, and AT as it was, when there are MAX,
 * or no memory.
 */
void *kh_none_room(void *at, size_t *room, size_t count, size_t max, size_t size);

/* ---- queue.c ---- */

/* Releases what is gone; what stays keeps its order. */
void kh_none_sweep(struct kh_none *none);
enum kh_err kh_none_owe(struct kh_none *none, const struct kh_delivery *delivery) KH_MUST_USE;

/* The operations of struct kh_store_ops; SELF is a struct kh_none. */
enum kh_err kh_none_take(void *self, int64_t now_us, const struct kh_under_way *under_way,
                         struct kh_delivery *delivery);
enum kh_err kh_none_done(void *self, const char *id, int64_t now_us, int64_t hold_until_us);
enum kh_err kh_none_retry_at(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                             const struct kh_failure *why);
enum kh_err kh_none_bury(void *self, const char *id, unsigned attempt, int64_t now_us,
                         const struct kh_failure *why);
enum kh_err kh_none_hold(void *self, const char *destination, int64_t until_us);
enum kh_err kh_none_next_due(void *self, const struct kh_under_way *under_way, int64_t *at_us);
enum kh_err kh_none_know_config(void *self, const unsigned char digest[KH_DIGEST_BYTES], int64_t now_us);

#endif
