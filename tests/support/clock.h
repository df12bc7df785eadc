/*
 * clock.h - a clock that stands still until a test moves it.
 */
#ifndef KH_TEST_CLOCK_H
#define KH_TEST_CLOCK_H

#include "base/clock.h"

struct kh_fake_clock {
  int64_t now_us;
  int64_t ticks_us;
  struct kh_clock clock; /* hand out its address; FAKE must not move */
};

void kh_fake_clock_init(struct kh_fake_clock *fake, int64_t now_s);
/* Somebody sets the wall clock. */
void kh_fake_clock_step(struct kh_fake_clock *fake, int64_t by_us);
/* Moves both times. */
void kh_fake_clock_advance(struct kh_fake_clock *fake, int64_t by_us);

#endif
