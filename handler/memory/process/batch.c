#include "base/base.h"

#include "memory/process/batch.h"

static enum kh_err begin(void *self)
{
  struct kh_process *process = self;

  if (process->in_batch) {
    process->problem = "a batch is open already";
    return KH_ERR_STORE;
  }
  process->in_batch = true;
  process->batch_failed = false;
  process->known_before = process->known_count;
  process->queue_before = process->queue_count;
  process->row_before = process->row_count;
  for (size_t i = 0; i < process->queue_count; i++)
    process->queue[i].before = process->queue[i].now;
  return KH_OK;
}

static void drop(void *self)
{
  struct kh_process *process = self;

  if (!process->in_batch)
    return;
  process->in_batch = false;
  process->known_count = process->known_before;
  kh_process_forget_rows(process, process->row_before);
  for (size_t i = 0; i < process->queue_count; i++)
    process->queue[i].now = i < process->queue_before ? process->queue[i].before
                                                      : (struct kh_process_fate){.gone = true};
  kh_process_sweep(process);
}

static enum kh_err end(void *self)
{
  struct kh_process *process = self;

  if (!process->in_batch)
    return kh_process_fail(process, "no batch is open");
  if (process->batch_failed) {
    drop(process);
    return KH_ERR_STORE;
  }
  process->in_batch = false;
  kh_process_sweep(process);
  return KH_OK;
}

static const char *problem(void *self)
{
  const struct kh_process *process = self;

  return process->problem;
}

const struct kh_batch_ops kh_process_batch = {begin, end, drop, problem};

/* ---- for the steps of a batch ---- */

enum kh_err kh_process_need_batch(struct kh_process *process)
{
  if (!process->in_batch)
    return kh_process_fail(process, "no batch is open");
  return process->batch_failed ? KH_ERR_STORE : KH_OK;
}

enum kh_err kh_process_fail(struct kh_process *process, const char *what)
{
  process->problem = what;
  process->batch_failed = true;
  return KH_ERR_STORE;
}

void *kh_process_room(void *at, size_t *room, size_t count, size_t max, size_t size)
{
  if (count < *room)
    return at;
  size_t wanted = *room ? 2 * *room : 4;
  void *grown = count < max ? realloc(at, wanted * size) : NULL;

  if (grown)
    *room = wanted;
  return grown;
}

void kh_process_forget_rows(struct kh_process *process, size_t left)
{
  while (process->row_count > left)
    kh_buf_release(&process->rows[--process->row_count].bytes);
}

void kh_process_sweep(struct kh_process *process)
{
  size_t kept = 0;

  for (size_t i = 0; i < process->queue_count; i++) {
    if (process->queue[i].now.gone)
      kh_delivery_release(&process->queue[i].delivery);
    else
      process->queue[kept++] = process->queue[i];
  }
  process->queue_count = kept;
}
