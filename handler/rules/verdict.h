/*
 * verdict.h - what an answer means: for `judge` functions of notifiers (notifier.h).
 */
#ifndef KH_VERDICT_H
#define KH_VERDICT_H

#include "net/transport.h"

/* A judge finds what the status and the headers say, and changes what it knows better. */
struct kh_verdict {
  enum kh_err err; /* as kh_policy_judge has it (deliver/policy.h) */
  /* -1: as the policy has it; beside KH_OK, how long its destination is to be left alone */
  int64_t retry_after_s;
  /* Beside an error: all its places are to be left alone as long, and get less from then on. */
  bool of_credential;
  char note[160]; /* for logs, behind the status; never a text of the answer: it may echo what it got */
};

/*
 * For places that answer with JSON: a page with a 2xx was said on the way there, by a proxy or a portal, so
 * nothing was delivered. Not now.
 */
void kh_verdict_doubt_page(const struct kh_incoming *answer, struct kh_verdict *verdict);

#endif
