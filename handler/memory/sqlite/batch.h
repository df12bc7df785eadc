/*
 * batch.h - the store over a database file. Private to memory/: store.h is the way in.
 *
 * store.c opens, closes and brackets batches; claims.c remembers webhooks; queue.c keeps deliveries.
 */
#ifndef KH_SQLITE_BATCH_H
#define KH_SQLITE_BATCH_H

#include "config/config.h"
#include "memory/sqlite/db.h"
#include "memory/store.h"

struct kh_memory {
  struct kh_db *db;
  int64_t replay_window_us;
  int64_t latest_us; /* of the batch's claims; pruning follows the webhooks, not the clock */
  bool in_batch;
  bool batch_failed; /* whatever fails inside a batch fails the batch, even where the caller goes on */
  bool untidy;       /* the write-ahead log may hold what was processed */
  size_t batch_webhooks;
  uint64_t batch_bytes; /* that the batch will write, about */
  uint64_t batch_room;  /* bytes that the file system had left for it */
  uint64_t log_bytes;   /* the same of batches that may still be in the write-ahead log alone */
  bool has_spare;
  bool has_made_room; /* and written nothing since: to do it again would gain nothing */
  char state[KH_PATH_BYTES];
  char content_type[KH_CONTENT_TYPE_BYTES];
};

static const int64_t kh_body_window_us = (int64_t)KH_BODY_WINDOW_S * 1000000;

/* Notes a failure of the batch; returns ERR. */
static inline enum kh_err kh_memory_note(struct kh_memory *memory, enum kh_err err)
{
  if (err != KH_OK && err != KH_ERR_NOT_FOUND)
    memory->batch_failed = true;
  return err;
}

/* The operations of struct kh_store_ops; SELF is a struct kh_memory. */
enum kh_err kh_memory_batch_begin(void *self);
enum kh_err kh_memory_batch_end(void *self);
void kh_memory_batch_drop(void *self);
enum kh_err kh_claims_begin(void *self, const struct kh_claim *claim, struct kh_facts *facts);
enum kh_err kh_claims_commit(void *self, const struct kh_claim *claim, const struct kh_journal *journal,
                             const struct kh_delivery *deliveries, size_t count);
/* A few rows that are past their time, from each table that only remembers. */
enum kh_err kh_claims_prune(struct kh_memory *memory);

enum kh_err kh_owed_add(struct kh_memory *memory, const struct kh_delivery *delivery);
enum kh_err kh_owed_take(void *self, int64_t now_us, const struct kh_under_way *under_way,
                         struct kh_delivery *delivery);
enum kh_err kh_owed_done(void *self, const char *id, int64_t now_us, int64_t hold_until_us);
enum kh_err kh_owed_retry_at(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                             const struct kh_failure *why);
enum kh_err kh_owed_bury(void *self, const char *id, unsigned attempt, int64_t now_us,
                         const struct kh_failure *why);
enum kh_err kh_owed_hold(void *self, const char *destination, int64_t until_us);
enum kh_err kh_owed_next_due(void *self, const struct kh_under_way *under_way, int64_t *at_us);
enum kh_err kh_owed_know_config(void *self, const unsigned char digest[KH_DIGEST_BYTES], int64_t now_us);

#endif
