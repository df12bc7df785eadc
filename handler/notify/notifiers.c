#include "base/base.h"

#include "notify/notifiers.h"

#define KH_NOTIFIER(name) &kh_notifier_##name,
const struct kh_notifier *const kh_notifiers[] = {KH_NOTIFIERS(KH_NOTIFIER) NULL};
#undef KH_NOTIFIER

const struct kh_notifier *kh_notifier_named(struct kh_str name)
{
  for (size_t i = 0; kh_notifiers[i]; i++)
    if (kh_str_equal(kh_str_of(kh_notifiers[i]->name), name))
      return kh_notifiers[i];
  return NULL;
}

enum kh_err kh_rules_compile(struct kh_config *config, struct kh_rules *rules, struct kh_diags *diags)
{
  return kh_rules_compile_with(config, kh_notifiers, rules, diags);
}
