/*
 * store.h - memory, the queue and their batch, opened and closed together, and what belongs to the whole.
 *
 * Whoever works with one of the three gets it alone (memory.h, queue.h, batch.h). Two stores have all three:
 *   sqlite/    <state>/memory.sqlite: only the worker opens it so; people look by sqlite/look.h
 *   process/   lives in this process, for `kitehook invoke` and Lambda; there no destination rests
 * In each folder batch.c brackets, claims.c is the memory, queue.c the queue, store.c the whole.
 */
#ifndef KH_STORE_H
#define KH_STORE_H

#include "base/clock.h"
#include "memory/batch.h"
#include "memory/memory.h"
#include "memory/queue.h"

/* All but close are NULL where nothing is written to a disk. */
struct kh_store_ops {
  enum kh_err (*tidy)(void *self);
  bool (*make_room)(void *self);
  bool (*has_spare)(void *self);
  bool (*has_moved)(void *self);
  enum kh_err (*follow_clock)(void *self, const struct kh_clock_step *step);
  void (*close)(void *self);
};

struct kh_store {
  struct kh_batch batch;
  struct kh_memory memory;
  struct kh_queue queue;
  const struct kh_store_ops *ops; /* NULL while it is not open */
  void *self;
};

/*
 * Opens or makes <STATE>/memory.sqlite (mode 0600), and beside it the spare that a full disk cannot take from
 * the next transaction (spare.h). FRESHNESS_S sizes the replay window. KH_ERR_STORE, KH_ERR_NO_SPACE with
 * DIAG, also for a file that a newer kitehook or another program wrote, which is left untouched.
 */
enum kh_err kh_store_open_sqlite(struct kh_store *store, const char *state, int64_t freshness_s,
                                 struct kh_diag *diag) KH_MUST_USE;
/* At first nothing was ever seen; the replay window is twice the default freshness. */
enum kh_err kh_store_open_process(struct kh_store *store) KH_MUST_USE;

/* Drops an open batch. Nothing for one that is not open. */
static inline void kh_store_close(struct kh_store *store)
{
  if (store->ops)
    store->ops->close(store->self);
  *store = (struct kh_store){0};
}

/*
 * For when there is nothing else to do: what was processed leaves the write-ahead log too, and what make_room
 * gave up is held ready again. Cheap when unneeded.
 */
KH_MUST_USE static inline enum kh_err kh_store_tidy(const struct kh_store *store)
{
  return store->ops->tidy ? store->ops->tidy(store->self) : KH_OK;
}

/*
 * After KH_ERR_NO_SPACE, outside a batch: gives up what was held ready for that, and empties the log. True
 * when that was not done already, with nothing written since: trying again may help.
 */
static inline bool kh_store_make_room(const struct kh_store *store)
{
  return store->ops && store->ops->make_room && store->ops->make_room(store->self);
}

/* False once room was made, until tidy has found enough of it to hold that ready again. */
static inline bool kh_store_has_spare(const struct kh_store *store)
{
  return !store->ops->has_spare || store->ops->has_spare(store->self);
}

/* True when its file was moved, removed or replaced: closed and opened anew it is what others see. */
static inline bool kh_store_has_moved(const struct kh_store *store)
{
  return store->ops && store->ops->has_moved && store->ops->has_moved(store->self);
}

/*
 * The wall clock was set by STEP. All that waits, rests, expires or is remembered for a while is moved with
 * it, so that it lasts as long as before; what then lies ahead all the same begins now. Durable when it
 * returns, or nothing happened: KH_ERR_STORE, KH_ERR_NO_SPACE. Outside a batch.
 */
KH_MUST_USE static inline enum kh_err kh_store_follow_clock(const struct kh_store *store,
                                                            const struct kh_clock_step *step)
{
  return store->ops->follow_clock ? store->ops->follow_clock(store->self, step) : KH_OK;
}

#endif
