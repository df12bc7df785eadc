#include "base/base.h"

#include "memory/process/batch.h"

static struct kh_process_delivery *find(struct kh_process *process, const char *id)
{
  for (size_t i = 0; i < process->queue_count; i++)
    if (!process->queue[i].now.gone && kh_str_equal(kh_str_of(process->queue[i].delivery.id), kh_str_of(id)))
      return &process->queue[i];
  return NULL;
}

static enum kh_err copy_body(struct kh_process *process, const struct kh_buf *from, struct kh_buf *to)
{
  kh_buf_init(to, from->len);
  return kh_buf_add(to, kh_buf_view(from)) ? kh_process_fail(process, "no memory for a delivery") : KH_OK;
}

/* PLACE may be NULL for any. */
static bool is_same_destination(const struct kh_delivery *delivery, const char *credential, const char *place)
{
  return strcmp(delivery->credential, credential) == 0 && (!place || strcmp(delivery->place, place) == 0);
}

static void replace_older(struct kh_process *process, const struct kh_delivery *delivery)
{
  for (size_t i = 0; i < process->queue_count; i++) {
    const struct kh_delivery *other = &process->queue[i].delivery;

    if (is_same_destination(other, delivery->credential, delivery->place) &&
        strcmp(other->entry, delivery->entry) != 0)
      process->queue[i].now.gone = true;
  }
}

static enum kh_err add(struct kh_process *process, const struct kh_delivery *delivery)
{
  struct kh_process_delivery *all = kh_process_room(process->queue, &process->queue_room,
                                                    process->queue_count, KH_PROCESS_QUEUE_MAX, sizeof *all);

  if (!all)
    return kh_process_fail(process, "too many deliveries for a memory in process");
  process->queue = all;
  struct kh_process_delivery *queued = &process->queue[process->queue_count++];
  *queued = (struct kh_process_delivery){.delivery = *delivery,
                                         .now = {false, delivery->attempt, delivery->not_before_us}};
  return copy_body(process, &delivery->body, &queued->delivery.body);
}

static enum kh_err owe(void *self, const struct kh_delivery *delivery)
{
  struct kh_process *process = self;
  enum kh_err err = kh_process_need_batch(process);

  if (err)
    return err;
  if (delivery->replaces)
    replace_older(process, delivery);
  return find(process, delivery->id) ? KH_OK : add(process, delivery);
}

static bool must_wait(const struct kh_delivery *delivery, const struct kh_under_way *under_way)
{
  for (size_t i = 0; under_way && i < under_way->count; i++)
    if (strcmp(delivery->id, under_way->at[i].id) == 0 ||
        (under_way->at[i].is_full &&
         is_same_destination(delivery, under_way->at[i].credential, under_way->at[i].place)))
      return true;
  return false;
}

static struct kh_process_delivery *first_due(struct kh_process *process, const struct kh_under_way *under_way)
{
  struct kh_process_delivery *first = NULL;

  for (size_t i = 0; i < process->queue_count; i++)
    if (!process->queue[i].now.gone && !must_wait(&process->queue[i].delivery, under_way) &&
        (!first || process->queue[i].now.not_before_us < first->now.not_before_us))
      first = &process->queue[i];
  return first;
}

static enum kh_err take(void *self, int64_t now_us, const struct kh_under_way *under_way,
                        struct kh_delivery *delivery)
{
  struct kh_process *process = self;
  const struct kh_process_delivery *queued = first_due(process, under_way);

  *delivery = (struct kh_delivery){0};
  if (!queued || queued->now.not_before_us > now_us)
    return KH_ERR_NOT_FOUND;
  *delivery = queued->delivery;
  delivery->attempt = queued->now.attempt;
  delivery->not_before_us = queued->now.not_before_us;
  return copy_body(process, &queued->delivery.body, &delivery->body);
}

static enum kh_err record(struct kh_process *process, const char *id, struct kh_process_fate fate)
{
  struct kh_process_delivery *queued = find(process, id);

  if (process->in_batch && process->batch_failed)
    return KH_ERR_STORE;
  if (!queued)
    return KH_ERR_NOT_FOUND;
  queued->now = fate;
  if (!process->in_batch)
    kh_process_sweep(process);
  return KH_OK;
}

static enum kh_err count(void *self, const char *id, unsigned attempt, int64_t now_us, int64_t again_us)
{
  (void)now_us;
  return record(self, id, (struct kh_process_fate){false, attempt, again_us});
}

static enum kh_err rest(void *self, const char *credential, const char *place, int64_t now_us,
                        int64_t until_us)
{
  struct kh_process *process = self;

  (void)now_us;
  for (size_t i = 0; i < process->queue_count; i++) {
    struct kh_process_delivery *queued = &process->queue[i];

    if (is_same_destination(&queued->delivery, credential, place) && queued->now.not_before_us < until_us)
      queued->now.not_before_us = until_us;
  }
  return KH_OK;
}

static enum kh_err done(void *self, const char *id, unsigned failures, int64_t now_us, int64_t rest_until_us)
{
  (void)failures;
  const struct kh_process_delivery *queued = find(self, id);

  if (queued && rest_until_us > 0)
    (void)!rest(self, queued->delivery.credential, queued->delivery.place, now_us, rest_until_us);
  return record(self, id, (struct kh_process_fate){.gone = true});
}

static enum kh_err retry(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                         const struct kh_failure *why)
{
  (void)why;
  return record(self, id, (struct kh_process_fate){false, attempt, not_before_us});
}

static enum kh_err bury(void *self, const char *id, unsigned attempt, int64_t now_us,
                        const struct kh_failure *why)
{
  (void)attempt;
  (void)now_us;
  (void)why;
  return record(self, id, (struct kh_process_fate){.gone = true});
}

static enum kh_err next_due(void *self, const struct kh_under_way *under_way, int64_t *at_us)
{
  const struct kh_process_delivery *queued = first_due(self, under_way);

  if (!queued)
    return KH_ERR_NOT_FOUND;
  *at_us = queued->now.not_before_us;
  return KH_OK;
}

const struct kh_queue_ops kh_process_queue = {.owe = owe,
                                              .take = take,
                                              .count = count,
                                              .done = done,
                                              .retry = retry,
                                              .bury = bury,
                                              .next_due = next_due,
                                              .rest = rest};
