/*
 * cannot.h - rules that are right in form and can never match, or always do: advice of `kitehook check`.
 *
 * The folder has three files for it: cannot.c asks whether `if` can be true at one of the rule's events,
 * cannot_patterns.c looks at `branches` and `pipelines`, cannot_text.c at comments that YAML made longer.
 * What is told of is impossible by expected.h and possible.h, but for patterns that are hardly meant (a
 * comma, `refs/heads/`): there it is asked whether something else was.
 */
#ifndef KH_CANNOT_H
#define KH_CANNOT_H

#include "rules/match.h"

/* MATCH is compiled from ENTRY. WARNED: its `if` was told of before, so that no second reason is given. */
void kh_cannot_advise(const struct kh_config *config, const json_t *entry, const struct kh_match *match,
                      bool warned, struct kh_diags *diags);

/* Of KEY, `branches` or `pipelines`, of ENTRY, which has the text PATTERNS. */
void kh_cannot_advise_patterns(const struct kh_config *config, const json_t *entry, const char *key,
                               const char *patterns, struct kh_diags *diags);
/* Of the comment of a condition that stands at AT of the text of NODE, which is KEY's. */
void kh_cannot_advise_comment(const struct kh_config *config, const json_t *node, const char *key, size_t at,
                              size_t len, struct kh_diags *diags);

#endif
