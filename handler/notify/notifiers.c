#include "base/base.h"

#include "rules/notifier.h"

const struct kh_notifier *const kh_notifiers[] = {
    &kh_notifier_slack, &kh_notifier_webhook, &kh_notifier_lifx, &kh_notifier_log, NULL,
};

enum kh_err kh_rules_compile(struct kh_config *config, struct kh_rules *rules, struct kh_diags *diags)
{
  return kh_rules_compile_with(config, kh_notifiers, rules, diags);
}
