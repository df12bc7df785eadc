/*
 * why_today.h - the rules of today beside what the journal says of those that were: is it the same rule, and
 * which part of it does not hold for a webhook of the journal?
 */
#ifndef KH_WHY_TODAY_H
#define KH_WHY_TODAY_H

#include "memory/sqlite/look.h"
#include "rules/rule_list.h"
#include "setup.h"

#include <jansson.h>

struct kh_why_today {
  const struct kh_setup *setup;          /* borrowed; NULL where the rules cannot be read */
  char (*digests)[KH_RULE_DIGEST_BYTES]; /* owned: of each rule; NULL as SETUP, or without memory */
};

/* Release it. */
void kh_why_today_init(struct kh_why_today *today, const struct kh_setup *setup);
void kh_why_today_release(struct kh_why_today *today);
/* NULL: there is none of this name. */
const struct kh_rule *kh_why_today_named(const struct kh_why_today *today, const char *name);

/*
 * Into each of DECISIONS (kh_journal_add_rules) of WEBHOOK, in place of its "digest": "today", which is
 * "same", "changed", "gone" or, where nobody knows, null; and "part", null or the part of the rule that does
 * not hold, {"name": "if", …} with the rest as in kh_explain's answer: of a rule that is the same and did not
 * match then, as far as the journal kept what it asks for.
 */
void kh_why_today_add(const struct kh_why_today *today, const struct kh_look_webhook *webhook,
                      json_t *decisions);

#endif
