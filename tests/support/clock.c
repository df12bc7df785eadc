#include "base/base.h"

#include "support/clock.h"

static int64_t fake_now_us(void *self)
{
  const struct kh_fake_clock *fake = self;

  return fake->now_us;
}

static int64_t fake_ticks_us(void *self)
{
  const struct kh_fake_clock *fake = self;

  return fake->ticks_us;
}

void kh_fake_clock_init(struct kh_fake_clock *fake, int64_t now_s)
{
  fake->now_us = now_s * 1000000;
  fake->ticks_us = 1;
  fake->clock = (struct kh_clock){fake_now_us, fake_ticks_us, fake_ticks_us, fake};
}

void kh_fake_clock_step(struct kh_fake_clock *fake, int64_t by_us)
{
  fake->now_us += by_us;
}

void kh_fake_clock_advance(struct kh_fake_clock *fake, int64_t by_us)
{
  fake->now_us += by_us;
  fake->ticks_us += by_us;
}
