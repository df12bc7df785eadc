/*
 * work_parts.h - what the files of the worker's half share: work.c, one webhook; work_rules.c, what rules
 * make of it; work_journal.c, its line of the journal; work_lines.c, its log lines; work_inbox.c, many
 * webhooks in one transaction.
 */
#ifndef KH_WORK_PARTS_H
#define KH_WORK_PARTS_H

#include "work.h"

/* Half of it ends a batch; the lines of one more webhook, under KH_RULES_MAX rules, fit into the rest. */
enum { KH_WORK_LINES_MAX_BYTES = 16 * 1024 * 1024 };

/* What is found out of one webhook, step by step. */
struct kh_outcome {
  struct kh_event event;
  struct kh_claim claim;
  unsigned char event_digest[KH_DIGEST_BYTES]; /* names the event in the ids of its deliveries */
  struct kh_sighting sighting;
  bool is_remembered; /* the sighting, in work->past */
  struct kh_facts facts;
  bool has_transition, is_twin; /* that others may have told; and it is one that they have */
  unsigned char transition[KH_DIGEST_BYTES];
  struct kh_deliveries made;              /* owned: of each rule that matched those of its places */
  unsigned char (*told)[KH_DIGEST_BYTES]; /* owned: of what rules that speak once per build told */
  size_t told_count;
  unsigned char *decisions; /* owned: of each rule that was asked its reason; NULL where none was */
  struct kh_buf notes;      /* owned: JSON, for the journal: what was in the way of which; or empty */
  size_t steps_left;        /* of regular expressions */
  int64_t started_us;
};

/* Log lines wait for their batch: a line that says "done" must be true. */
struct kh_log kh_work_held_log(struct kh_work *work);

/*
 * What the rules make of the webhook NAME, which was not seen before: outcome->made, and what was told by it.
 * A rule that fails is logged, and the others go on. KH_ERR_NO_MEMORY, KH_ERR_STORE, KH_ERR_NO_SPACE.
 */
enum kh_err kh_work_rules(struct kh_work *work, const char *name, struct kh_outcome *outcome) KH_MUST_USE;
/* Releases what kh_work_rules made. */
void kh_work_rules_release(struct kh_outcome *outcome);

/* What became of it, by a reason of the stage webhook. */
enum kh_reason kh_work_verdict(const struct kh_outcome *outcome);
/* Commits the claim of OUTCOME, with its line of the journal. */
enum kh_err kh_work_journal(struct kh_work *work, const struct kh_entry *entry,
                            const struct kh_outcome *outcome) KH_MUST_USE;
/* A line for an entry that was set aside, since it could not be understood for REASON. */
enum kh_err kh_work_journal_aside(struct kh_work *work, const char *name, enum kh_err reason) KH_MUST_USE;

#endif
