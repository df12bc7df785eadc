/*
 * batch.h - both at once or not at all: what memory learns and what the queue is told between begin and end.
 *
 * A batch is one transaction and carries many webhooks, or many outcomes of deliveries, or both. When end
 * returns KH_OK everything is durable; on any error nothing of the batch happened. It is also the lease of
 * its claims: a crash half-way rolls all of it back, so no retry is swallowed. Whatever fails inside fails
 * it, but for KH_ERR_NOT_FOUND. The errors of all three interfaces are KH_ERR_STORE, and KH_ERR_NO_SPACE
 * where the disk (or a quota) is full; kh_batch_problem says more.
 */
#ifndef KH_BATCH_H
#define KH_BATCH_H

#include "base/err.h"

struct kh_batch_ops {
  enum kh_err (*begin)(void *self);
  enum kh_err (*end)(void *self);
  void (*drop)(void *self);
  const char *(*problem)(void *self);
};

struct kh_batch {
  const struct kh_batch_ops *ops;
  void *self;
};

/* KH_ERR_STORE also when a batch is open already. */
KH_MUST_USE static inline enum kh_err kh_batch_begin(const struct kh_batch *batch)
{
  return batch->ops->begin(batch->self);
}

/* After a failed step: rolls back and fails too. */
KH_MUST_USE static inline enum kh_err kh_batch_end(const struct kh_batch *batch)
{
  return batch->ops->end(batch->self);
}

/* Rolls back; nothing where no batch is open. */
static inline void kh_batch_drop(const struct kh_batch *batch)
{
  batch->ops->drop(batch->self);
}

/*
 * What the last error was about, inside a batch or not: a sentence for logs, without data; "" when there is
 * none. Holds until the next call.
 */
static inline const char *kh_batch_problem(const struct kh_batch *batch)
{
  return batch->ops ? batch->ops->problem(batch->self) : "";
}

#endif
