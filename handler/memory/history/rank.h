/*
 * rank.h - which of two webhooks about one build, or one job, is newer (docs/memory.md, Order).
 */
#ifndef KH_RANK_H
#define KH_RANK_H

#include "base/base.h"

struct kh_rank {
  int64_t sent_s;      /* of the signature; 0: it has none, so the next ones decide */
  int64_t finished_us; /* 0: it has none, and is older for that */
  unsigned char step;  /* how far on its state is, 0 to KH_STEP_END */
  unsigned char word;  /* of states that are equally far on, 0 to 3 */
};

enum { KH_STEP_END = 4, KH_RANK_WORD_MAX = 3 };

/* Above 0 when A is newer than B, below 0 when it is older, 0 when nothing tells. */
static inline int kh_rank_compare(const struct kh_rank *a, const struct kh_rank *b)
{
  if (a->sent_s > 0 && b->sent_s > 0 && a->sent_s != b->sent_s)
    return a->sent_s > b->sent_s ? 1 : -1;
  if (a->step != b->step)
    return a->step > b->step ? 1 : -1;
  if (a->finished_us != b->finished_us)
    return a->finished_us > b->finished_us ? 1 : -1;
  return (a->word > b->word) - (a->word < b->word);
}

/* The same of a job, which never goes back: its retry is another job. So how far on it is counts first. */
static inline int kh_rank_compare_jobs(const struct kh_rank *a, const struct kh_rank *b)
{
  if (a->step != b->step)
    return a->step > b->step ? 1 : -1;
  return kh_rank_compare(a, b);
}

static inline bool kh_rank_is_same(const struct kh_rank *a, const struct kh_rank *b)
{
  return a->sent_s == b->sent_s && a->finished_us == b->finished_us && a->step == b->step &&
         a->word == b->word;
}

#endif
