/*
 * decision.h - what one rule made of one webhook, and why.
 *
 * A rule that matches owes what kh_rule_render makes of it.
 */
#ifndef KH_DECISION_H
#define KH_DECISION_H

#include "rules/notifier.h"

struct kh_decision {
  const struct kh_rule *rule;
  bool matches;
  enum kh_reason reason; /* KH_REASON_NOTIFIED where it matches; else by the first part that does not hold */
  bool said_already;     /* for the caller to set: it matches, but has spoken of this build before */
  bool holds[KH_MATCH__PARTS]; /* of those behind the first that does not, only with a trace */
  struct kh_mistake undecided; /* why `if` could not be decided, and so does not hold */
};

/*
 * With TRACE, which may be NULL, every part is decided, for whoever wants to see all, and TRACE sees the
 * values in `if`.
 */
void kh_decide(const struct kh_rule *rule, const struct kh_rendering *rendering, const struct kh_trace *trace,
               struct kh_decision *decision);

/*
 * What came of kh_rule_render for a rule that matches: of its ERR, of what it left UNDECIDED, and of how many
 * deliveries it MADE.
 */
enum kh_reason kh_reason_of_rendered(enum kh_err err, const struct kh_mistake *undecided, size_t made);
/* What is in the way then, for people; "" where nothing is. */
const char *kh_note_of_rendered(enum kh_err err, const struct kh_mistake *undecided);

/*
 * Does RULE speak once per build of such an EVENT? By its `if` (kh_match); and a form of Buildkite's by
 * default of `started`, which a build is once: unblocked or retried it runs again.
 */
bool kh_rule_is_once(const struct kh_rule *rule, const struct kh_event *event);

/* WHAT memory is told when RULE, one that speaks once per build, has spoken of the build of this id. */
void kh_rule_told(const struct kh_rule *rule, struct kh_str build_id, unsigned char what[KH_DIGEST_BYTES]);

/* WHAT memory is told, with the order of its webhook, when DELIVERY, of a state, is owed to its place. */
void kh_place_told(const struct kh_delivery *delivery, unsigned char what[KH_DIGEST_BYTES]);

/*
 * WHAT the queue remembers an answer to DELIVERY by (kh_queue_tell): the same as above where it IS_STATE,
 * else of its rule, place and subject.
 */
void kh_answer_told(const struct kh_delivery *delivery, bool is_state, unsigned char what[KH_DIGEST_BYTES]);

#endif
