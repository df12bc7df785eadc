/*
 * explain.h - the answer of `kitehook explain`, and its form for people.
 */
#ifndef KH_EXPLAIN_H
#define KH_EXPLAIN_H

#include "dry_run.h"
#include "rules/notifier.h"

#include <jansson.h>

/*
 * What RULES, or ONLY the one of that name if it is not NULL, make of the webhook, as --json prints it:
 *
 *   {"file", "dry_run", "event": {…}, "null_because": […], "rules": [{
 *     "name", "notifier", "destination", "matches", "said_already", "failed": […], "problem",
 *     "reason", "says", "do", "note",                                                   (reason_words.h)
 *     "events": {"matches", "given": […], "default"},
 *     "pipelines", "branches": null or {"matches", "given", "value"},
 *     "if": null or {"matches", "given", "undecided", "parts": […]},            (trace.h)
 *     "delivery": null or {"verb", "content_type", "bytes", "undecided", "body"}
 *   }]}
 *
 * "null_because" has sentences about names of history; "said_already" is true of a rule that speaks once per
 * build and has spoken of this one (docs/memory.md). "file" is the caller's to add.
 */
json_t *kh_explain(const struct kh_config *config, const struct kh_rules *rules, const struct kh_dry_run *run,
                   const char *only);
void kh_explain_print(const json_t *answer);

/*
 * Into ANSWER whether RULE, which ENTRY of `notify` has, matches RENDERING: "matches", "failed", each of its
 * parts, and why, as above.
 */
void kh_explain_parts(json_t *answer, const struct kh_rule *rule, const json_t *entry,
                      const struct kh_rendering *rendering);
/* Prints the part KEY of such an ANSWER, behind INDENT blanks. */
void kh_explain_print_part(const json_t *answer, const char *key, int indent);
/* Of PART, an "if", only the values that it was made of, on one line. */
void kh_explain_print_values(const json_t *part, int indent);

#endif
