/*
 * entry.h - what an entry of `notify` says behind the word of its notifier. For rule.c only.
 */
#ifndef KH_ENTRY_OF_RULE_H
#define KH_ENTRY_OF_RULE_H

#include "rules/notifier.h"

/* The form of ENTRY, which names NOTIFIER; NULL when it is the notifier's own. */
const struct kh_form *kh_entry_form(const json_t *entry, const struct kh_notifier *notifier);
/*
 * Reads what ENTRY says of RULE's notifier in FORM into RULE, whose match is known: options, service and
 * places. All mistakes go to DIAGS; KH_ERR_CONFIG, KH_ERR_NO_MEMORY.
 */
enum kh_err kh_entry_read(struct kh_config *config, const json_t *entry, const struct kh_form *form,
                          struct kh_rule *rule, struct kh_diags *diags) KH_MUST_USE;

#endif
