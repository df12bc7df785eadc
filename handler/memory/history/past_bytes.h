/*
 * past_bytes.h - what past_read.c and past_write.c agree upon. Private to them.
 *
 * A row is one version and then numbers, each in as few bytes as it needs; times and numbers are told by how
 * far they are from those before them. Another form is another version: a row of a version that is not known
 * counts as damaged, and so as none.
 */
#ifndef KH_PAST_BYTES_H
#define KH_PAST_BYTES_H

#include "memory/history/past.h"

enum { KH_BYTES_VERSION = 1 };

/* Of a rank: how far on, 3 bits; the word, 2; and what follows. */
enum { KH_BYTES_STEP_MASK = 7, KH_BYTES_WORD = 3, KH_BYTES_SENT = 32, KH_BYTES_HAS_FINISHED = 64 };

/* Of a job: the result, 2 bits, and what follows. */
enum { KH_BYTES_RETRIED = 4, KH_BYTES_SOURCE = 8, KH_BYTES_NEXT = 16 };

/* What the next one of each kind is told from. */
struct kh_past_lasts {
  int64_t number, time_us, sent_s;
};

/* Is FIELD (KH_FIELD_OUTCOME, …) known? */
static inline bool kh_past_build_has(const struct kh_past_build *build, size_t field)
{
  return field < KH_BUILD_TIMES      ? build->times_us[field] != 0
         : field == KH_FIELD_OUTCOME ? build->outcome != KH_OUTCOME_NONE
                                     : build->state != KH_BUILD_UNKNOWN;
}

#endif
