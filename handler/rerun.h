/*
 * rerun.h - what rules make of a webhook out of the journal (kept/kept.h): the worker's own kh_work_rules,
 * asked about the values that were kept.
 *
 * The history is what it was when the webhook came. What these rules told before, which decides of a rule
 * that speaks once per build, and of a place that tells a state, is for the caller to bring as a memory:
 * webhooks that are asked about in the order in which they came fill it themselves.
 */
#ifndef KH_RERUN_H
#define KH_RERUN_H

#include "kept/kept.h"
#include "setup.h"

struct kh_rerun;

/* What became of one webhook. {0} is empty. */
struct kh_rerun_made {
  struct kh_deliveries deliveries; /* owned, as the next two: of each rule that notifies */
  unsigned char *reasons;          /* a byte a rule, in their order: its enum kh_reason */
  struct kh_buf notes;             /* JSON: what is in the way of which (memory.h); or empty */
};

void kh_rerun_made_release(struct kh_rerun_made *made);

/*
 * Heap; the caller closes. SETUP and what is behind TOLD, of which was_told and tell are called, are borrowed
 * until then. KH_ERR_NO_MEMORY.
 */
enum kh_err kh_rerun_open(struct kh_rerun **rerun, const struct kh_setup *setup,
                          const struct kh_memory *told) KH_MUST_USE;
/* NULL is fine. */
void kh_rerun_close(struct kh_rerun *rerun);

/* A webhook to ask about, and as whom. All is borrowed. */
struct kh_rerun_of {
  struct kh_kept_webhook *kept;
  int64_t received_us; /* when it came */
  /* Names the event in the ids of deliveries, and becomes their `entry`; at most 95 bytes. */
  const char *entry;
};

/*
 * Asks all rules about OF, into MADE, which is to be released either way; it was empty. A rule that needs a
 * value that was not kept has the reason KH_REASON_NOT_KEPT and no delivery: also one whose message needs it,
 * and one that speaks once per build, of a build of which such a decision came before. KH_ERR_NO_MEMORY,
 * KH_ERR_LIMIT: more was told than is held.
 */
enum kh_err kh_rerun_ask(struct kh_rerun *rerun, const struct kh_rerun_of *of,
                         struct kh_rerun_made *made) KH_MUST_USE;

#endif
