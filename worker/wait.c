#include "base/base.h"

#include "deliver/policy.h"
#include "worker/worker.h"

#include <poll.h>

enum {
  DRAIN_MAX_MS = 2 * KH_SEND_TIMEOUT_MS, /* each has its time-out; this is for what ignores it */
  BACKOFF_FIRST_MS = 1000,
  BACKOFF_MAX_MS = 30 * 1000
};

static int64_t ticks_us(void)
{
  return kh_clock_ticks_us(&kh_system_clock);
}

void kh_shift_wait(struct kh_shift *shift, int64_t timeout_ms, bool for_webhooks)
{
  const int all[] = {shift->signal_fd, shift->lock.wake_fd, shift->hangup_fd};
  int timeout = (int)(timeout_ms < 0 ? 0 : timeout_ms > KH_LOOK_ANYWAY_MS ? KH_LOOK_ANYWAY_MS : timeout_ms);
  int fds[KH_COUNT(all)];
  size_t count = 0;

  for (size_t i = 0; i < KH_COUNT(all); i++)
    if (all[i] >= 0 && (for_webhooks || all[i] != shift->lock.wake_fd))
      fds[count++] = all[i];
  kh_service_expect(&shift->service, timeout);
  if (shift->outbox.under_way_count > 0 && for_webhooks) {
    kh_outbox_wait(&shift->outbox, fds, count, timeout);
  } else {
    struct pollfd polled[KH_COUNT(all)];

    for (size_t i = 0; i < count; i++)
      polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    (void)poll(polled, count, timeout);
  }
  /* Only drains: the bytes say no more than "look". */
  if (for_webhooks)
    kh_worker_lock_wait(&shift->lock, 0);
}

void kh_shift_sit_out(struct kh_shift *shift, int64_t timeout_ms)
{
  const int64_t until_us = ticks_us() + timeout_ms * 1000;

  kh_service_expect(&shift->service, timeout_ms);
  while (shift->store.ops && shift->outbox.under_way_count > 0 && ticks_us() < until_us &&
         !kh_shift_must_stop(shift)) {
    size_t made = 0;

    kh_outbox_wait(&shift->outbox, &shift->signal_fd, 1, (int)((until_us - ticks_us()) / 1000));
    (void)!kh_outbox_run(&shift->outbox, 0, &made); /* what cannot be recorded is sent again */
  }
  if (ticks_us() < until_us)
    kh_shift_wait(shift, (until_us - ticks_us()) / 1000, false);
}

void kh_shift_stall(struct kh_shift *shift, int64_t *backoff_ms, const struct kh_diag *diag)
{
  struct kh_log_line line;

  *backoff_ms = *backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * *backoff_ms;
  if (*backoff_ms > BACKOFF_MAX_MS)
    *backoff_ms = BACKOFF_MAX_MS;
  kh_log_begin(&line, &shift->log, KH_ERROR, "worker stalled");
  kh_log_text(&line, KH_LOG_TRANSPORT, KH_STR("worker"));
  kh_log_problem(&line, diag->err, diag);
  kh_log_time(&line, KH_LOG_RETRY_AT, kh_clock_now_us(&kh_system_clock) + *backoff_ms * 1000);
  kh_log_end(&line, &shift->log);
  kh_service_status(&shift->service, "stalled: %s", kh_err_token(diag->err));
  kh_shift_sit_out(shift, *backoff_ms);
}

bool kh_shift_must_stop(struct kh_shift *shift)
{
  struct pollfd fd = {.fd = shift->signal_fd, .events = POLLIN};

  if (poll(&fd, 1, 0) > 0)
    shift->stop = true;
  return shift->stop;
}

void kh_shift_drain(struct kh_shift *shift)
{
  const int64_t began_us = ticks_us();

  /* Without a memory no outcome could be recorded: what is given up is sent again. */
  while (shift->store.ops && shift->outbox.under_way_count > 0 &&
         (ticks_us() - began_us) / 1000 < DRAIN_MAX_MS) {
    size_t made = 0;

    kh_outbox_wait(&shift->outbox, NULL, 0, DRAIN_MAX_MS);
    (void)!kh_outbox_run(&shift->outbox, 0, &made); /* what cannot be recorded is sent again */
  }
  kh_outbox_cancel(&shift->outbox);
}
