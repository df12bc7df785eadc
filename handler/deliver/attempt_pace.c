#include "base/base.h"

#include "deliver/attempt.h"
#include "deliver/pace.h"

/*
 * Where nobody comes back and so much time is left, nothing waits for a token any more: being told that it
 * was too much is no worse than not to be sent.
 */
enum { HASTE_US = 2 * 1000 * 1000, TOO_MANY_REQUESTS = 429 };

static struct kh_pace_of pace_of(const struct kh_delivery *delivery, const struct kh_notifier *by)
{
  return (struct kh_pace_of){&by->rate, delivery->credential, delivery->place};
}

static int64_t wait_us(struct kh_outbox *outbox, const struct kh_pace_of *of)
{
  const int64_t ticks_us = kh_clock_ticks_us(outbox->clock);
  const int64_t next_us = kh_paces_next_us(outbox->paces, of, ticks_us);

  if (outbox->once && outbox->until_us > 0 && next_us > outbox->until_us - HASTE_US)
    return 0;
  return next_us - ticks_us;
}

/* WAIT_US from now, on the wall clock. */
static int64_t until(struct kh_outbox *outbox, const struct kh_pace_of *of, int64_t wait_us)
{
  const int64_t until_us = kh_clock_now_us(outbox->clock) + wait_us;

  if (until_us > outbox->paced_until_us &&
      !kh_paces_was_asked(outbox->paces, of, kh_clock_ticks_us(outbox->clock)))
    outbox->paced_until_us = until_us;
  return until_us;
}

/* Where memory does not say it, one may have arrived just now. */
static int64_t idle_us(const struct kh_outbox *outbox, const char *credential)
{
  int64_t delivered_us = 0;

  return kh_queue_delivered(&outbox->queue, credential, &delivered_us)
             ? 0
             : kh_clock_now_us(outbox->clock) - delivered_us;
}

bool kh_attempt_may_start(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  const struct kh_delivery *delivery = &attempt->delivery;

  if (!outbox->paces)
    return true;
  const struct kh_pace_of of = pace_of(delivery, attempt->rule->notifier);
  if (!kh_paces_know(outbox->paces, &of))
    kh_paces_begin(outbox->paces, &of, idle_us(outbox, delivery->credential), attempt->started_us);
  const int64_t waits_us = wait_us(outbox, &of);
  if (waits_us > 0)
    attempt->rest_until_us = until(outbox, &of, waits_us);
  else
    kh_paces_start(outbox->paces, &of, attempt->started_us);
  return waits_us == 0;
}

void kh_attempt_learn_pace(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  if (!outbox->paces || !attempt->by)
    return;
  const struct kh_pace_of of = pace_of(&attempt->delivery, attempt->by);
  const int64_t ticks_us = kh_clock_ticks_us(outbox->clock);
  if (attempt->exchange.answer.status == TOO_MANY_REQUESTS || attempt->is_of_credential)
    kh_paces_slow(outbox->paces, &of, attempt->started_us, ticks_us);
  else if (attempt->result == KH_OK)
    kh_paces_ease(outbox->paces, &of, ticks_us);
  if (attempt->is_of_credential && attempt->rest_until_us > 0)
    kh_paces_ask(outbox->paces, &of, ticks_us + attempt->rest_until_us - kh_clock_now_us(outbox->clock));
  const int64_t waits_us = wait_us(outbox, &of);
  const int64_t until_us = waits_us > 0 ? until(outbox, &of, waits_us) : 0;
  if (until_us > attempt->rest_until_us)
    attempt->rest_until_us = until_us;
}
