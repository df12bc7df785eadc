/*
 * invoke.h - what came of one invocation, and its two forms of output.
 */
#ifndef KH_INVOKE_H
#define KH_INVOKE_H

#include "deliver/outbox.h"
#include "kitehook.h"

/* One delivery: what was made and, with --send, what became of it. */
struct kh_outcome_delivery {
  struct kh_delivery made; /* a copy, owned */
  enum kh_err result;
  bool goes_on; /* a worker would try it again */
  int status;   /* HTTP, 0 when no answer came */
  char detail[256];
};

struct kh_outcome {
  const struct kh_rules *rules;
  struct kh_response response;
  struct kh_buf log;                      /* the lines of both halves */
  struct kh_outcome_delivery *deliveries; /* owned */
  size_t count, room;
  enum kh_err err;  /* of keeping them */
  bool sent;        /* --send was given */
  bool proven_here; /* by the configuration's secret, whatever FILE came with */
};

/* For people: the answer, the log lines, what would be sent where. */
void kh_outcome_print(const struct kh_outcome *outcome);
/*
 * {"answer":{"status","body"},"log":[…],"deliveries":[{"id","rule","notifier","destination","content_type","body",
 * "result"?}]}. A body that is JSON stands there as JSON, any other as text.
 */
void kh_outcome_print_json(const struct kh_outcome *outcome);

#endif
