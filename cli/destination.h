/*
 * destination.h - where a rule sends, as people may see it: also where somebody has pasted a secret into it.
 */
#ifndef KH_DESTINATION_H
#define KH_DESTINATION_H

#include "rules/notifier.h"

#include <jansson.h>

/*
 * The destination PLACE of RULE, or of a sibling of it, which ENTRY of CONFIG's `notify` has. A reference
 * that may itself be the secret, since there is no such file or variable, is told without it.
 */
json_t *kh_destination_shown(const struct kh_config *config, const struct kh_rule *rule, const json_t *entry,
                             struct kh_str place);

#endif
