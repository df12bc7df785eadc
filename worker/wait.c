#include "base/base.h"

#include "deliver/policy.h"
#include "worker/parts.h"

#include <poll.h>

enum {
  DRAIN_MAX_MS = 2 * KH_SEND_TIMEOUT_MS, /* each has its time-out; this is for what ignores it */
  BACKOFF_FIRST_MS = 1000,
  BACKOFF_MAX_MS = 30 * 1000,
  LOOK_WAITING_MS = 1000, /* at the configuration's files */
  LOOK_IDLE_MS = 2000
};

/* Also until the configuration is worth a look: what waits for it, or by it, is not to wait for a webhook. */
static void idle(const struct kh_worker *worker, struct pollfd *polled, size_t count, int timeout_ms)
{
  const int64_t until_us = kh_worker_ticks_us() + (int64_t)timeout_ms * 1000;
  int64_t left_ms = timeout_ms;

  do {
    const int look_ms = worker->settling.is_waiting ? LOOK_WAITING_MS : LOOK_IDLE_MS;

    if (poll(polled, count, left_ms < look_ms ? (int)left_ms : look_ms) != 0)
      return;
    left_ms = (until_us - kh_worker_ticks_us()) / 1000;
  } while (left_ms > 0 && !kh_settling_is_due(&worker->settling, worker->setup));
}

void kh_worker_wait(struct kh_worker *worker, int64_t timeout_ms, bool for_webhooks)
{
  const int all[] = {worker->signal_fd, worker->lock.wake_fd, worker->hangup_fd};
  int timeout = (int)(timeout_ms < 0 ? 0 : timeout_ms > KH_LOOK_ANYWAY_MS ? KH_LOOK_ANYWAY_MS : timeout_ms);
  int fds[KH_COUNT(all)];
  size_t count = 0;

  for (size_t i = 0; i < KH_COUNT(all); i++)
    if (all[i] >= 0 && (for_webhooks || all[i] != worker->lock.wake_fd))
      fds[count++] = all[i];
  kh_service_expect(&worker->service, timeout);
  if (worker->outbox.under_way_count > 0 && for_webhooks) {
    kh_outbox_wait(&worker->outbox, fds, count, timeout);
  } else {
    struct pollfd polled[KH_COUNT(all)];

    for (size_t i = 0; i < count; i++)
      polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    if (for_webhooks)
      idle(worker, polled, count, timeout);
    else
      (void)poll(polled, count, timeout);
  }
  /* Only drains: the bytes say no more than "look". */
  if (for_webhooks)
    kh_worker_lock_wait(&worker->lock, 0);
}

static void sit_out(struct kh_worker *worker, int64_t timeout_ms)
{
  const int64_t until_us = kh_worker_ticks_us() + timeout_ms * 1000;

  kh_service_expect(&worker->service, timeout_ms);
  while (worker->store.ops && worker->outbox.under_way_count > 0 && kh_worker_ticks_us() < until_us &&
         !kh_worker_must_stop(worker)) {
    size_t made = 0;

    kh_outbox_wait(&worker->outbox, &worker->signal_fd, 1, (int)((until_us - kh_worker_ticks_us()) / 1000));
    (void)!kh_outbox_run(&worker->outbox, 0, &made); /* what cannot be recorded yet is remembered */
  }
  if (kh_worker_ticks_us() < until_us)
    kh_worker_wait(worker, (until_us - kh_worker_ticks_us()) / 1000, false);
}

void kh_worker_stall(struct kh_worker *worker, int64_t *backoff_ms, const struct kh_diag *diag)
{
  struct kh_log_line line;

  *backoff_ms = *backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * *backoff_ms;
  if (*backoff_ms > BACKOFF_MAX_MS)
    *backoff_ms = BACKOFF_MAX_MS;
  kh_log_begin(&line, &worker->log, KH_ERROR, "worker stalled");
  kh_log_text(&line, KH_LOG_TRANSPORT, KH_STR("worker"));
  kh_log_problem(&line, diag->err, diag);
  kh_log_time(&line, KH_LOG_RETRY_AT, kh_clock_now_us(&kh_system_clock) + *backoff_ms * 1000);
  kh_log_end(&line, &worker->log);
  kh_service_status(&worker->service, "stalled: %s", kh_err_token(diag->err));
  sit_out(worker, *backoff_ms);
}

bool kh_worker_must_stop(struct kh_worker *worker)
{
  struct pollfd fd = {.fd = worker->signal_fd, .events = POLLIN};

  if (poll(&fd, 1, 0) > 0)
    worker->stop = true;
  return worker->stop;
}

void kh_worker_drain(struct kh_worker *worker)
{
  const int64_t began_us = kh_worker_ticks_us();

  /* Without a memory no outcome could be recorded: what is given up is sent again. */
  while (worker->store.ops && kh_outbox_is_busy(&worker->outbox) &&
         (kh_worker_ticks_us() - began_us) / 1000 < DRAIN_MAX_MS) {
    const bool is_sending = worker->outbox.under_way_count > 0;
    size_t made = 0;

    if (is_sending)
      kh_outbox_wait(&worker->outbox, NULL, 0, DRAIN_MAX_MS);
    const enum kh_err err = kh_outbox_run(&worker->outbox, 0, &made);
    if (err && !is_sending && !(err == KH_ERR_NO_SPACE && kh_store_make_room(&worker->store)))
      break;
  }
  kh_outbox_cancel(&worker->outbox);
}
