/*
 * sink.h - where a proven webhook goes before it is answered.
 *
 * A receiver asks this one thing. The folder on disk is one (inbox_sink.h), both halves at once another
 * (../at_once.h). A receiver without one verifies, logs and answers only.
 */
#ifndef KH_SINK_H
#define KH_SINK_H

#include "inbox/inbox.h"
#include "inbox/wake.h"

/* What the answer and the log line tell of it; all zero until a sink has something to tell. */
struct kh_kept {
  bool is_kept;                    /* it waits for a worker */
  char entry[KH_ENTRY_NAME_BYTES]; /* its name, also where it was set aside; or "" */
  int64_t oldest_us; /* when the oldest that was waiting before it arrived; 0 for none or unknown */
  enum kh_worker_seen worker;
  struct kh_diag worker_diag; /* why there is none */
};

struct kh_sink_ops {
  /*
   * KH_OK: the webhook is the sink's, and 200 may be answered. On an error, with DIAG, it is not, and KEPT
   * tells only what was seen on the way.
   */
  enum kh_err (*keep)(void *self, const struct kh_entry *entry, struct kh_kept *kept, struct kh_diag *diag);
  /*
   * A proven body that is no usable event, for a person to look at: REASON and WHY say what is wrong with it.
   * NULL in a sink that has no place for such. On an error, with DIAG, it was not kept.
   */
  enum kh_err (*keep_aside)(void *self, const struct kh_entry *entry, enum kh_err reason,
                            const struct kh_diag *why, struct kh_kept *kept, struct kh_diag *diag);
  void (*close)(void *self);
};

struct kh_sink {
  const struct kh_sink_ops *ops; /* NULL: there is none */
  void *self;
};

#endif
