#include "base/base.h"

#include "memory/process/batch.h"

static void close_store(void *self)
{
  struct kh_process *process = self;

  for (size_t i = 0; i < process->queue_count; i++)
    kh_delivery_release(&process->queue[i].delivery);
  kh_process_forget_rows(process, 0);
  free(process->rows);
  free(process->queue);
  free(process->known);
  free(process);
}

static const struct kh_store_ops store_ops = {.close = close_store};

enum kh_err kh_store_open_process(struct kh_store *store)
{
  struct kh_process *process = calloc(1, sizeof *process);

  *store = (struct kh_store){0};
  if (!process)
    return KH_ERR_STORE;
  process->problem = "";
  *store = (struct kh_store){.batch = {&kh_process_batch, process},
                             .memory = {&kh_process_memory, process},
                             .queue = {&kh_process_queue, process},
                             .ops = &store_ops,
                             .self = process};
  return KH_OK;
}
