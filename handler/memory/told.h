/*
 * told.h - a memory of nothing but what was told: for who asks rules anew about webhooks of long ago
 * (../rerun.h), and then forgets it.
 *
 * It grows with what is told, some 100 bytes each, to KH_TOLD_MAX of them; what is older than KH_TOLD_AGE_S
 * counts no more, as in a store, and makes room.
 */
#ifndef KH_TOLD_H
#define KH_TOLD_H

#include "memory/memory.h"

enum { KH_TOLD_MAX = 1 << 20 };

struct kh_told_row {
  unsigned char what[KH_DIGEST_BYTES];
  int64_t value;
  int64_t seen_us; /* 0: the place is free */
};

/* {0} is empty. */
struct kh_told_rows {
  struct kh_told_row *rows; /* owned; a hash table of open addressing */
  size_t room, count;       /* room: 0, or a power of two that is more than count */
};

/* It outlives what is done with the memory; of that only was_told and tell are there, without a batch. */
struct kh_memory kh_told_memory(struct kh_told_rows *told);
void kh_told_release(struct kh_told_rows *told);

#endif
