/*
 * memory.h - what is remembered of webhooks: claims, facts, the journal. The grain is a webhook, not a
 * table.
 *
 * In a batch (batch.h), for each entry: begin, then commit; once the batch has ended the entry may be
 * removed.
 */
#ifndef KH_MEMORY_H
#define KH_MEMORY_H

#include "base/secret.h"

/* How long a body counts as seen: one that has a time of its event, and one that may come again as it was. */
enum { KH_BODY_WINDOW_S = 24 * 3600, KH_TIMELESS_WINDOW_S = 600 };

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

/* What memory knows that a webhook cannot say itself. Room for history (rules issue). */
struct kh_facts {
  enum kh_seen seen;
};

/* One line of the journal: what came and what became of it. Nothing here is secret. */
struct kh_journal {
  struct kh_str entry, request_id, event, organization, pipeline, branch, state, verdict;
  int64_t build_number, received_us, done_us;
  size_t deliveries;
  bool is_repeat; /* or a replay: it was proven, and nothing was made of it */
};

struct kh_memory_ops {
  enum kh_err (*begin)(void *self, const struct kh_claim *claim, struct kh_facts *facts);
  enum kh_err (*commit)(void *self, const struct kh_claim *claim, const struct kh_journal *journal);
};

struct kh_memory {
  const struct kh_memory_ops *ops;
  void *self;
};

/* What memory knows of CLAIM, earlier entries of this batch included. Changes nothing. */
KH_MUST_USE static inline enum kh_err kh_memory_begin(const struct kh_memory *memory,
                                                      const struct kh_claim *claim, struct kh_facts *facts)
{
  return memory->ops->begin(memory->self, claim, facts);
}

/*
 * Remembers the claim and writes the journal. Of an entry that was claimed already it only remembers that it
 * still lies there: its facts said KH_SEEN_DONE, and whoever commits it owes nothing for it.
 */
KH_MUST_USE static inline enum kh_err kh_memory_commit(const struct kh_memory *memory,
                                                       const struct kh_claim *claim,
                                                       const struct kh_journal *journal)
{
  return memory->ops->commit(memory->self, claim, journal);
}

#endif
