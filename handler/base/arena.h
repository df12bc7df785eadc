/*
 * arena.h - memory that is given back all at once.
 *
 * A condition lives in one from its compilation on, what an evaluation has to remember in another. An arena
 * never holds more than its ceiling. After a refusal it stays failed, so a series of allocations may be
 * judged once, by `err`.
 */
#ifndef KH_ARENA_H
#define KH_ARENA_H

#include "base/base.h"

struct kh_arena_block;

struct kh_arena {
  struct kh_arena_block *blocks; /* owned, the newest first */
  char *at;                      /* the free rest of the newest block, or of the caller's storage */
  size_t room;
  size_t max; /* bytes that may still be taken from the heap */
  enum kh_err err;
};

/* The first ROOM bytes are STORAGE, which must outlive the arena; NULL and 0 for none. */
void kh_arena_init(struct kh_arena *arena, size_t max_bytes, void *storage, size_t room);
void kh_arena_release(struct kh_arena *arena);
/* Zeroed bytes, aligned for every type; NULL over the ceiling (KH_ERR_LIMIT) or KH_ERR_NO_MEMORY. */
void *kh_arena_take(struct kh_arena *arena, size_t bytes);
/* A copy of TEXT; its `at` is never NULL unless the arena failed. */
struct kh_str kh_arena_copy(struct kh_arena *arena, struct kh_str text);

#endif
