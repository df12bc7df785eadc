/*
 * inbox_sink.h - the inbox as a receiver's sink: what is kept wakes or starts a worker, and so does a want of
 * room, at most once a second (wake.h).
 *
 * The folder is opened by the first webhook that needs it: what is refused never touches it. It is opened
 * again once it failed, or once another stands in its place.
 */
#ifndef KH_INBOX_SINK_H
#define KH_INBOX_SINK_H

#include "inbox/sink.h"

struct kh_inbox_sink {
  struct kh_inbox inbox;
  const struct kh_config *config; /* has `state:` */
};

/* SINK stays where it is, and CONFIG outlives it, until the result is closed. */
struct kh_sink kh_inbox_sink_init(struct kh_inbox_sink *sink, const struct kh_config *config);

#endif
