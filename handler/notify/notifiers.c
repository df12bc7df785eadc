#include "base/base.h"

#include "notify/notifiers.h"

#define KH_NOTIFIER(name) &kh_notifier_##name,
const struct kh_notifier *const kh_notifiers[] = {KH_NOTIFIERS(KH_NOTIFIER) NULL};
#undef KH_NOTIFIER

enum kh_err kh_rules_compile(struct kh_config *config, struct kh_rules *rules, struct kh_diags *diags)
{
  return kh_rules_compile_with(config, kh_notifiers, rules, diags);
}
