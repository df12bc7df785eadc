/*
 * pace.h - how fast requests follow one another where a place takes only so many. Pure: it is given the
 * time, in the ticks of a clock.
 *
 * A token bucket for each scope of a rate that a notifier states (rules/notifier.h). Who answers 429 gets
 * less than that, or has a pace from then on, and with each success a little more again.
 */
#ifndef KH_PACE_H
#define KH_PACE_H

#include "base/secret.h"
#include "rules/notifier.h"

enum { KH_PACES_MAX = 256 }; /* beyond, the one that was used longest ago begins anew, full */

/* Whose pace it is. All borrowed. */
struct kh_pace_of {
  const struct kh_rate *rate;
  const char *credential, *place;
};

struct kh_pace {
  unsigned char of[KH_DIGEST_BYTES];
  int64_t every_us;  /* that a token takes to come back: as stated, or more */
  int64_t full_us;   /* when all are back */
  int64_t slowed_us; /* the last time; 0 for never */
  int64_t asked_us;  /* until then it is left alone, as it asked for; 0 for never */
};

/* Begins as all zeros. */
struct kh_paces {
  struct kh_pace at[KH_PACES_MAX];
  size_t count;
};

/* False for one that has a rate and of which kh_paces_begin was not told yet. */
bool kh_paces_know(struct kh_paces *paces, const struct kh_pace_of *of);
/*
 * The last request, of an earlier process perhaps, was made IDLE_US ago: only what has come back since is in
 * the bucket, so that a restart is no way to a second burst.
 */
void kh_paces_begin(struct kh_paces *paces, const struct kh_pace_of *of, int64_t idle_us, int64_t now_us);
/* When the next one may start: NOW_US, or later. */
int64_t kh_paces_next_us(struct kh_paces *paces, const struct kh_pace_of *of, int64_t now_us);
/* One starts. */
void kh_paces_start(struct kh_paces *paces, const struct kh_pace_of *of, int64_t now_us);
/* One that started at STARTED_US was answered 429. Several that were under way together slow it down once. */
void kh_paces_slow(struct kh_paces *paces, const struct kh_pace_of *of, int64_t started_us, int64_t now_us);
/* Nothing starts before UNTIL_US, of one that has a pace: it asked for that. */
void kh_paces_ask(struct kh_paces *paces, const struct kh_pace_of *of, int64_t until_us);
/* True while that is so. */
bool kh_paces_was_asked(struct kh_paces *paces, const struct kh_pace_of *of, int64_t now_us);
/* One was taken. */
void kh_paces_ease(struct kh_paces *paces, const struct kh_pace_of *of, int64_t now_us);

#endif
