/*
 * notifiers.h - the notifiers there are, in the order in which messages name them. A new one is a line here.
 */
#ifndef KH_NOTIFIERS_H
#define KH_NOTIFIERS_H

#include "rules/notifier.h"

#define KH_NOTIFIERS(NOTIFIER)     \
  NOTIFIER(slack)                  \
  NOTIFIER(webhook)                \
  NOTIFIER(email)                  \
  NOTIFIER(lifx)                   \
  NOTIFIER(pagerduty_change_event) \
  NOTIFIER(basecamp_campfire)      \
  NOTIFIER(github_commit_status)   \
  NOTIFIER(github_check)           \
  NOTIFIER(ntfy)                   \
  NOTIFIER(log)

#define KH_NOTIFIER(name) extern const struct kh_notifier kh_notifier_##name;
KH_NOTIFIERS(KH_NOTIFIER)
#undef KH_NOTIFIER

/* All of them; NULL-terminated. */
extern const struct kh_notifier *const kh_notifiers[];
/* NULL when there is none of that name. */
const struct kh_notifier *kh_notifier_named(struct kh_str name);

/* kh_rules_compile_with for all of them. */
enum kh_err kh_rules_compile(struct kh_config *config, struct kh_rules *rules,
                             struct kh_diags *diags) KH_MUST_USE;

#endif
