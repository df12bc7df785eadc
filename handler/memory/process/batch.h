/*
 * batch.h - what lives in this process, its open batch, and the three interfaces over it. Private to memory/:
 * store.h is the way in.
 */
#ifndef KH_PROCESS_BATCH_H
#define KH_PROCESS_BATCH_H

#include "memory/store.h"

/* One webhook, or a few, and what KH_RULES_MAX rules make of it. */
enum { KH_PROCESS_KNOWN_MAX = 512, KH_PROCESS_QUEUE_MAX = 2048, KH_PROCESS_ROWS_MAX = 4096 };

struct kh_process_known {
  char entry[96];
  char signature[2 * KH_DIGEST_BYTES + 1]; /* "" when it counts no more than an earlier sight of the same */
  unsigned char body_digest[KH_DIGEST_BYTES];
  bool has_body;
  int64_t seen_us;
};

/* Done and dead are the same here: nobody could look at a dead one later. */
struct kh_process_fate {
  bool gone;
  unsigned attempt;
  int64_t not_before_us;
};

struct kh_process_delivery {
  struct kh_delivery delivery;        /* but for what fate says */
  struct kh_process_fate now, before; /* the batch */
};

/* What came before, or, with no bytes, that something was told, with its value. */
struct kh_process_row {
  unsigned char key[KH_DIGEST_BYTES];
  int64_t value;
  struct kh_buf bytes; /* owned */
};

struct kh_process {
  struct kh_process_known
      *known; /* owned, like the next two; they grow: most processes need one place of each */
  struct kh_process_delivery *queue;
  struct kh_process_row *rows;
  size_t known_room, queue_room, row_room;
  size_t known_count, known_before;
  size_t queue_count, queue_before;
  size_t row_count, row_before;
  bool in_batch;
  bool batch_failed;
  const char *problem;
};

/* SELF is a struct kh_process. */
extern const struct kh_batch_ops kh_process_batch;
extern const struct kh_memory_ops kh_process_memory;
extern const struct kh_queue_ops kh_process_queue;

/* KH_ERR_STORE unless a batch is open that has not failed. */
enum kh_err kh_process_need_batch(struct kh_process *process) KH_MUST_USE;
/* Notes WHAT, and that the batch has failed. KH_ERR_STORE. */
enum kh_err kh_process_fail(struct kh_process *process, const char *what);
/*
 * AT with room for one more than the COUNT things of SIZE bytes; NULL, and AT as it was, when there are MAX,
 * or no memory.
 */
void *kh_process_room(void *at, size_t *room, size_t count, size_t max, size_t size);
/* Releases the rows behind the first LEFT. */
void kh_process_forget_rows(struct kh_process *process, size_t left);
/* Releases what is gone; what stays keeps its order. */
void kh_process_sweep(struct kh_process *process);

/* ---- past.c: what came before, of memory.h ---- */

enum kh_err kh_process_recall(void *self, const struct kh_claim *claim, const struct kh_sighting *sighting,
                              struct kh_past *past) KH_MUST_USE;
enum kh_err kh_process_remember(void *self, const struct kh_claim *claim, const struct kh_sighting *sighting,
                                struct kh_past *past) KH_MUST_USE;
enum kh_err kh_process_was_told(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                                bool *told, int64_t *value) KH_MUST_USE;
enum kh_err kh_process_tell(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                            int64_t value) KH_MUST_USE;
void kh_process_keep(void *self, int64_t branch_keep_s, const struct kh_journal_bounds *journal);

#endif
