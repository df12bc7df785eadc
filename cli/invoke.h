/*
 * invoke.h - what came of one invocation, and its two forms on paper.
 */
#ifndef KH_INVOKE_H
#define KH_INVOKE_H

#include "kitehook.h"
#include "ledger.h"

struct kh_outcome {
  const struct kh_rules *rules;
  struct kh_response response;
  struct kh_buf log; /* the lines of both halves */
  struct kh_ledger ledger;
  bool sent;   /* --send was given */
  bool failed; /* a delivery was not made */
};

/* For people: the answer, the log lines, what would be sent where. */
void kh_outcome_print(const struct kh_outcome *outcome);
/* {"answer":{"status","body"},"log":[…],"deliveries":[{"id","rule","notifier","destination","content_type","body",
 * "result"?}]}. A body that is JSON stands there as JSON, any other as text. */
void kh_outcome_print_json(const struct kh_outcome *outcome);

#endif
