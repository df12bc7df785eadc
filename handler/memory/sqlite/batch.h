/*
 * batch.h - one database, its open batch, and the three interfaces over it. Private to memory/: store.h is
 * the way in.
 *
 * The folder: store.c opens and tidies; batch.c brackets; claims.c is memory.h, with past.c for what came
 * before; journal.c the journal, and what became of what left the queue; queue.c is queue.h, whose bounds
 * bounds.c holds, with messages.c for what places answered. All ask db.c, which alone knows SQLite, by the
 * statements of schema.c, which also has the tables and the steps from older ones. spare.c holds room
 * ready. look.c is for who looks beside the worker, with a file of its own.
 */
#ifndef KH_SQLITE_BATCH_H
#define KH_SQLITE_BATCH_H

#include "config/config.h"
#include "memory/sqlite/journal.h"
#include "memory/store.h"

/* What is counted for people, by days and in all (look.h). */
enum kh_counted {
  KH_COUNTED_ACCEPTED,
  KH_COUNTED_REPEAT,
  KH_COUNTED_DELIVERED,
  KH_COUNTED_FAILED,
  KH_COUNTED_DEAD,
  KH_COUNTED__COUNT
};

/* What a credential has in the queue, or what a batch adds to that. */
struct kh_share {
  char credential[KH_CREDENTIAL_BYTES];
  int64_t owed, owed_bytes, dead, dead_bytes;
};
enum { KH_SHARES_ADDED_MAX = 8 };

/* A kind of event that was written down as seen, by a hash of organization and name. */
struct kh_seen_event {
  uint64_t hash;
  int64_t day;
};
enum { KH_SEEN_EVENTS = 64 };

struct kh_sqlite {
  struct kh_db *db;
  int64_t replay_window_us;
  int64_t branch_keep_us;
  int64_t latest_us; /* of the batch's claims; pruning follows the webhooks, not the clock */
  int64_t done_us;   /* the latest of when they were done, which claims of entries go by */
  bool in_batch;
  bool batch_failed; /* whatever fails inside a batch fails the batch, even where the caller goes on */
  bool untidy;       /* the write-ahead log may hold what was processed */
  size_t batch_webhooks;
  uint64_t batch_bytes; /* that the batch will write, about */
  uint64_t batch_room;  /* bytes that the file system had left for it; no bound for one webhook alone */
  uint64_t log_bytes;   /* the same of batches that may still be in the write-ahead log alone */
  bool has_spare;
  bool has_made_room; /* and written nothing since: to do it again would gain nothing */
  struct kh_journal_bounds journal;
  int64_t webhook;     /* the line that what is owed next belongs to; 0 for none */
  bool knows_end;      /* in the open batch */
  int64_t begin_bytes; /* where the last line ended when it began */
  struct kh_journal_end end;
  int64_t rule_list; /* that the last lines were written by; 0 where that is not known */
  unsigned char rule_list_digest[KH_DIGEST_BYTES];
  bool knows_fates;
  int64_t fates_bytes, fates_version; /* what has left the queue; as long as nobody else changes anything */
  struct kh_seen_event seen[KH_SEEN_EVENTS];
  struct kh_queue_bounds bounds;
  bool has_grown;            /* the batch owes or buries */
  int64_t grown_us;          /* when it does */
  uint64_t batch_died, died; /* for want of room: in the batch, and in all before */
  char died_last[KH_CREDENTIAL_BYTES];
  struct kh_share added[KH_SHARES_ADDED_MAX]; /* by the open batch, and not written yet */
  size_t added_count;
  int64_t counted[KH_COUNTED__COUNT]; /* in the open batch, which writes them when it ends */
  int64_t counted_us;                 /* the latest time of these: it says which day they are of */
  char state[KH_PATH_BYTES];
};

/* SELF is a struct kh_sqlite. */
extern const struct kh_batch_ops kh_sqlite_batch;
extern const struct kh_memory_ops kh_sqlite_memory;
extern const struct kh_queue_ops kh_sqlite_queue;

/* Notes a failure of the batch; returns ERR. */
static inline enum kh_err kh_sqlite_note(struct kh_sqlite *sqlite, enum kh_err err)
{
  if (err != KH_OK && err != KH_ERR_NOT_FOUND)
    sqlite->batch_failed = true;
  return err;
}

/* COUNT more, in a batch that is open. */
static inline void kh_sqlite_count(struct kh_sqlite *sqlite, enum kh_counted what, int64_t count,
                                   int64_t now_us)
{
  sqlite->counted[what] += count;
  if (now_us > sqlite->counted_us)
    sqlite->counted_us = now_us;
}

/* KH_ERR_STORE unless a batch is open that has not failed. */
enum kh_err kh_sqlite_need_batch(struct kh_sqlite *sqlite) KH_MUST_USE;
/* Before BYTES more, about, are written in a batch. KH_ERR_NO_SPACE. */
enum kh_err kh_sqlite_take_room(struct kh_sqlite *sqlite, uint64_t bytes) KH_MUST_USE;

/* Waits and lives that lie ahead of NOW_US begin then. */
enum kh_err kh_sqlite_mend_waits(struct kh_sqlite *sqlite, int64_t now_us) KH_MUST_USE;

/* ---- journal.c ---- */

/* The last line was written by these very RULES: no new list is needed. */
static inline bool kh_sqlite_knows_rules(const struct kh_sqlite *sqlite, const struct kh_rule_list *rules)
{
  return sqlite->rule_list > 0 && kh_digest_equal(sqlite->rule_list_digest, rules->digest);
}

/* In a batch: writes JOURNAL, unless none is kept; what is owed next belongs to it. */
enum kh_err kh_sqlite_journal(struct kh_sqlite *sqlite, const struct kh_journal *journal) KH_MUST_USE;
/* Runs CALL, which writes fates, and gives the bytes of each; before what they are of leaves the queue. */
enum kh_err kh_sqlite_fates(struct kh_sqlite *sqlite, struct kh_call *call) KH_MUST_USE;
/* At the end of a batch with webhooks, at NOW_US: what is over the bounds goes, the oldest first. */
enum kh_err kh_sqlite_hold_journal(struct kh_sqlite *sqlite, int64_t now_us) KH_MUST_USE;
/* After a batch that was rolled back. */
void kh_sqlite_forget_journal(struct kh_sqlite *sqlite);

/* ---- past.c: what came before, of memory.h ---- */

enum kh_err kh_sqlite_recall(void *self, const struct kh_claim *claim, const struct kh_sighting *sighting,
                             struct kh_past *past) KH_MUST_USE;
enum kh_err kh_sqlite_remember(void *self, const struct kh_claim *claim, const struct kh_sighting *sighting,
                               struct kh_past *past) KH_MUST_USE;
enum kh_err kh_sqlite_was_told(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                               bool *told, int64_t *value) KH_MUST_USE;
enum kh_err kh_sqlite_tell(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                           int64_t value) KH_MUST_USE;
void kh_sqlite_keep(void *self, int64_t branch_keep_s, const struct kh_journal_bounds *journal);

/* ---- messages.c: what places answered, of queue.h ---- */

enum kh_err kh_sqlite_said(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                           struct kh_told *told) KH_MUST_USE;
enum kh_err kh_sqlite_say(void *self, const unsigned char what[KH_DIGEST_BYTES],
                          const struct kh_delivery *delivery, const char *text, int64_t now_us) KH_MUST_USE;

/* ---- bounds.c ---- */

/*
 * In a batch that changes deliveries: one of BYTES is owed (1) or is not any more (-1), and so is what is
 * dead.
 */
enum kh_err kh_sqlite_share(struct kh_sqlite *sqlite, struct kh_str credential, int owed, int dead,
                            int64_t bytes) KH_MUST_USE;
/* Runs CALL, which gives credential and bytes of what it changed, each the same way; *COUNT of them. */
enum kh_err kh_sqlite_run_shared(struct kh_sqlite *sqlite, struct kh_call *call, int owed, int dead,
                                 uint64_t *count) KH_MUST_USE;
/* At the end of a batch: the shares are written; if it made the queue larger, what is over its bounds dies,
   or is forgotten. */
enum kh_err kh_sqlite_hold_bounds(struct kh_sqlite *sqlite) KH_MUST_USE;
enum kh_err kh_sqlite_use(void *self, struct kh_queue_use *use) KH_MUST_USE;

#endif
