#include "base/base.h"

#include "at_once.h"
#include "deliver/policy.h"

enum kh_err kh_work_alone(struct kh_work *work, const char *name, const struct kh_entry *entry,
                          struct kh_diag *diag)
{
  const struct kh_batch *batch = &work->store.batch;
  enum kh_err err = kh_batch_begin(batch);

  if (err)
    return err;
  kh_buf_clear(&work->lines);
  err = kh_work_webhook(work, name, entry, diag);
  if (err)
    kh_batch_drop(batch);
  else
    err = kh_batch_end(batch);
  if (!err)
    kh_work_release_lines(work);
  return err;
}

/* The first attempt that failed, for the answer. */
struct watch {
  const struct kh_at_once *at_once;
  struct kh_diag *diag;
  bool failed;
  size_t count; /* of all attempts */
};

static void watch_attempt(void *observer, const struct kh_attempted *attempted)
{
  struct watch *watch = observer;

  watch->count++;
  if (attempted->result && !watch->failed) {
    (void)kh_diag_set(watch->diag, KH_ERR_DELIVERY_FAILED, "%s (%s): %s", attempted->delivery->rule,
                      attempted->delivery->notifier,
                      attempted->detail[0] ? attempted->detail : kh_err_token(attempted->result));
    watch->failed = true;
  }
  if (watch->at_once->observe)
    watch->at_once->observe(watch->at_once->observer, attempted);
}

/* For an answer, or for what waits for its pace. KH_ERR_STORE when nothing is to be waited for. */
static enum kh_err wait_for_more(struct kh_outbox *outbox, size_t made)
{
  int64_t due_us = 0, wait_ms = KH_SEND_TIMEOUT_MS;

  if (kh_outbox_next_due(outbox, &due_us) == KH_OK) {
    const int64_t until_us = due_us - kh_clock_now_us(outbox->clock);

    wait_ms = until_us > 0 ? until_us / 1000 + 1 : 0;
  } else if (!kh_outbox_is_busy(outbox)) {
    return KH_ERR_STORE;
  }
  if (wait_ms > 0)
    kh_outbox_wait(outbox, NULL, 0, (int)(wait_ms < KH_SEND_TIMEOUT_MS ? wait_ms : KH_SEND_TIMEOUT_MS));
  return wait_ms > 0 || made > 0 || kh_outbox_is_busy(outbox) ? KH_OK : KH_ERR_STORE;
}

enum kh_err kh_at_once_send(struct kh_at_once *at_once, struct kh_diag *diag)
{
  const struct kh_work *work = &at_once->work;
  struct watch watch = {.at_once = at_once, .diag = diag};
  struct kh_outbox outbox = {.rules = work->rules,
                             .queue = work->store.queue,
                             .batch = work->store.batch,
                             .transport = at_once->transport,
                             .log = work->log,
                             .clock = work->clock,
                             .paces = &at_once->paces,
                             .grants = &at_once->grants,
                             .until_us = at_once->until_us,
                             .once = true,
                             .observe = watch_attempt,
                             .observer = &watch};
  enum kh_err err = KH_OK;

  for (size_t owed = work->deliveries; !err && owed > 0;) {
    size_t made = 0;

    err = kh_outbox_run(&outbox, owed, &made);
    owed = work->deliveries - watch.count;
    if (!err && owed > 0)
      err = wait_for_more(&outbox, made);
  }
  kh_outbox_cancel(&outbox);
  if (err)
    return kh_diag_set(diag, err, "%s", kh_batch_problem(&work->store.batch));
  return watch.failed ? KH_ERR_DELIVERY_FAILED : KH_OK;
}

static enum kh_err keep(void *self, const struct kh_entry *entry, struct kh_kept *kept, struct kh_diag *diag)
{
  struct kh_at_once *at_once = self;
  struct kh_store *store = &at_once->work.store;

  (void)kept; /* nothing is */
  if (at_once->work.rules->count == 0)
    return KH_OK; /* it was verified and is logged, and that was all */
  enum kh_err err = kh_store_open_process(store);

  if (!err)
    err = kh_work_alone(&at_once->work, entry->request_id, entry, diag);
  if (!err)
    err = kh_at_once_send(at_once, diag);
  kh_store_close(store);
  return err;
}

static void close_at_once(void *self)
{
  struct kh_at_once *at_once = self;

  kh_grants_release(&at_once->grants);
  kh_work_release(&at_once->work);
}

struct kh_sink kh_at_once_init(struct kh_at_once *at_once, const struct kh_config *config,
                               const struct kh_rules *rules, struct kh_transport transport,
                               const struct kh_clock *clock, struct kh_log log)
{
  static const struct kh_sink_ops ops = {.keep = keep, .close = close_at_once};

  *at_once = (struct kh_at_once){.transport = transport};
  kh_work_init(&at_once->work, config, rules, NULL, (struct kh_store){0}, clock, log);
  return (struct kh_sink){&ops, at_once};
}
