/*
 * memory.h - what is remembered of webhooks: claims, what came before, the journal. The grain is a webhook,
 * not a table.
 *
 * In a batch (batch.h), for each entry: begin, then commit; once the batch has ended the entry may be
 * removed.
 */
#ifndef KH_MEMORY_H
#define KH_MEMORY_H

#include "base/secret.h"
#include "memory/history/history.h"
#include "memory/reason.h"

/* How long a body counts as seen: one that has a time of its event, and one that may come again as it was. */
enum { KH_BODY_WINDOW_S = 24 * 3600, KH_TIMELESS_WINDOW_S = 600 };

/* What the name of an entry begins with that is a line of the journal alone, of `kitehook replay`. */
#define KH_REPLAYED_PREFIX "replayed-"

/* Who a webhook is, for memory. */
struct kh_claim {
  struct kh_str entry; /* its name in the inbox */
  unsigned char body_digest[KH_DIGEST_BYTES];
  struct kh_str signature; /* hexadecimal; empty in token mode */
  int64_t body_window_s;   /* at most KH_BODY_WINDOW_S; 0: it is never a repeat */
  int64_t now_us;          /* when it was received: a replay that waited in the inbox is still one */
};

/* Looked at in this order; the edges of both windows are inside. */
enum kh_seen {
  KH_SEEN_NEVER,
  KH_SEEN_DONE,   /* this very entry was committed before: a crash came between commit and removal */
  KH_SEEN_REPLAY, /* the signature was seen within twice the freshness window */
  KH_SEEN_REPEAT  /* the body was seen within its window, under another signature */
};

/* What memory knows that a webhook cannot say itself. */
struct kh_facts {
  enum kh_seen seen;
  struct kh_history history;
};

/* How long what came before is remembered, after its last webhook. */
enum { KH_BRANCH_AGE_S = 90 * 86400, KH_BUILD_AGE_S = 7 * 86400, KH_TOLD_AGE_S = 30 * 86400 };

/* The rules of a configuration, as the journal keeps them (rules/rule_list.h). Borrowed. */
struct kh_rule_list {
  unsigned char digest[KH_DIGEST_BYTES]; /* of the text */
  struct kh_str json;
};

/* One line of the journal: what came and what became of it. Nothing here is secret. */
struct kh_journal {
  struct kh_str entry, request_id;
  struct kh_str event, organization, pipeline, branch, state, build_id, job;
  struct kh_str proof, secret; /* "signature", and the name of the one that matched */
  enum kh_reason verdict;      /* of the stage webhook */
  int64_t build_number, received_us, done_us;
  int64_t sent_s; /* 0 where that is not known */
  int64_t bytes;  /* of the body */
  size_t deliveries;
  const struct kh_rule_list *rules; /* that were asked; NULL for none */
  struct kh_str decisions;          /* of each of them the number of its reason */
  struct kh_str notes;              /* JSON; or empty */
  struct kh_str kept;               /* memory/journal/kept.h; or empty */
};

/* It was proven, and nothing was made of it. */
static inline bool kh_journal_is_repeat(const struct kh_journal *journal)
{
  return journal->verdict == KH_REASON_REPLAY || journal->verdict == KH_REASON_REPEAT;
}

/* How much the journal holds. */
struct kh_journal_bounds {
  size_t max_entries; /* 0: none is kept */
  uint64_t max_bytes; /* in the file, about */
  int64_t keep_s;
};

enum { KH_JOURNAL_ENTRIES = 10000, KH_JOURNAL_BYTES = 64 * 1024 * 1024, KH_JOURNAL_KEEP_S = 30 * 86400 };

struct kh_memory_ops {
  enum kh_err (*begin)(void *self, const struct kh_claim *claim, enum kh_seen *seen);
  enum kh_err (*recall)(void *self, const struct kh_claim *claim, const struct kh_sighting *sighting,
                        struct kh_past *past);
  enum kh_err (*remember)(void *self, const struct kh_claim *claim, const struct kh_sighting *sighting,
                          struct kh_past *past);
  enum kh_err (*was_told)(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us, bool *told,
                          int64_t *value);
  enum kh_err (*tell)(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us, int64_t value);
  enum kh_err (*commit)(void *self, const struct kh_claim *claim, const struct kh_journal *journal);
  enum kh_err (*note_aside)(void *self, const struct kh_journal *journal);
  void (*keep)(void *self, int64_t branch_keep_s, const struct kh_journal_bounds *journal);
};

struct kh_memory {
  const struct kh_memory_ops *ops;
  void *self;
};

/* What memory knows of CLAIM, earlier entries of this batch included. Changes nothing. */
KH_MUST_USE static inline enum kh_err kh_memory_begin(const struct kh_memory *memory,
                                                      const struct kh_claim *claim, enum kh_seen *seen)
{
  return memory->ops->begin(memory->self, claim, seen);
}

/*
 * The rows of SIGHTING's branch and build, in PAST, which it clears first: by two reads. For a webhook that
 * begin has never seen.
 */
KH_MUST_USE static inline enum kh_err kh_memory_recall(const struct kh_memory *memory,
                                                       const struct kh_claim *claim,
                                                       const struct kh_sighting *sighting,
                                                       struct kh_past *past)
{
  return memory->ops->recall(memory->self, claim, sighting, past);
}

/* Writes both rows as PAST, which has learnt of SIGHTING since recall, has them now. */
KH_MUST_USE static inline enum kh_err kh_memory_remember(const struct kh_memory *memory,
                                                         const struct kh_claim *claim,
                                                         const struct kh_sighting *sighting,
                                                         struct kh_past *past)
{
  return memory->ops->remember(memory->self, claim, sighting, past);
}

/* Was WHAT, a hash of rule and build, told before, or in this batch? */
KH_MUST_USE static inline enum kh_err kh_memory_was_told(const struct kh_memory *memory,
                                                         const unsigned char what[KH_DIGEST_BYTES],
                                                         int64_t now_us, bool *told)
{
  int64_t value = 0;

  return memory->ops->was_told(memory->self, what, now_us, told, &value);
}

/* The same, and with which VALUE; 0 where it was not. */
KH_MUST_USE static inline enum kh_err kh_memory_told_value(const struct kh_memory *memory,
                                                           const unsigned char what[KH_DIGEST_BYTES],
                                                           int64_t now_us, int64_t *value)
{
  bool told = false;

  return memory->ops->was_told(memory->self, what, now_us, &told, value);
}

/* Inside a batch: with it WHAT is told, with VALUE, which may be 0, in place of an earlier one. */
KH_MUST_USE static inline enum kh_err kh_memory_tell(const struct kh_memory *memory,
                                                     const unsigned char what[KH_DIGEST_BYTES],
                                                     int64_t now_us, int64_t value)
{
  return memory->ops->tell(memory->self, what, now_us, value);
}

/*
 * Remembers the claim and writes the journal: before what is owed for it, which then belongs to that line.
 * Of an entry that was claimed already it only remembers that it still lies there: begin said KH_SEEN_DONE,
 * and whoever commits it owes nothing for it.
 */
KH_MUST_USE static inline enum kh_err kh_memory_commit(const struct kh_memory *memory,
                                                       const struct kh_claim *claim,
                                                       const struct kh_journal *journal)
{
  return memory->ops->commit(memory->self, claim, journal);
}

/* In a batch: a line of the journal alone, of what nobody can work and which is no more than that. */
KH_MUST_USE static inline enum kh_err kh_memory_note_aside(const struct kh_memory *memory,
                                                           const struct kh_journal *journal)
{
  return memory->ops->note_aside(memory->self, journal);
}

/* How long branches are kept from now on, and how much of a journal; until then what the constants say. */
static inline void kh_memory_keep(const struct kh_memory *memory, int64_t branch_keep_s,
                                  const struct kh_journal_bounds *journal)
{
  memory->ops->keep(memory->self, branch_keep_s, journal);
}

#endif
