#include "base/base.h"

#include "rules/decision.h"

void kh_decide(const struct kh_rule *rule, const struct kh_rendering *rendering, const struct kh_trace *trace,
               struct kh_decision *decision)
{
  decision->rule = rule;
  decision->matches = true;
  decision->said_already = false;
  memset(decision->holds, 0, sizeof decision->holds);
  kh_mistake_init(&decision->undecided);
  for (unsigned part = 0; part < KH_MATCH__PARTS && (decision->matches || trace); part++) {
    decision->holds[part] = kh_match_part(&rule->match, (enum kh_match_part)part, rendering->event,
                                          rendering->names, trace, &decision->undecided);
    decision->matches = decision->matches && decision->holds[part];
  }
}

bool kh_rule_is_once(const struct kh_rule *rule, const struct kh_event *event)
{
  const bool is_default = rule->form && rule->match.event_count == 0;

  return rule->match.is_once_per_build || (is_default && strcmp(event->name, "build.running") == 0);
}

void kh_rule_told(const struct kh_rule *rule, struct kh_str build_id, unsigned char what[KH_DIGEST_BYTES])
{
  const struct kh_str end = kh_str("", 1);
  const struct kh_str parts[] = {kh_str_of(rule->name),
                                 end,
                                 kh_str_of(rule->notifier->name),
                                 end,
                                 kh_str_of(rule->credential),
                                 end,
                                 kh_str_of(rule->place),
                                 end,
                                 build_id};

  kh_sha256(parts, KH_COUNT(parts), what);
}

void kh_place_told(const struct kh_delivery *delivery, unsigned char what[KH_DIGEST_BYTES])
{
  const struct kh_str end = kh_str("", 1);
  const struct kh_str parts[] = {KH_STR("place"), end, kh_str_of(delivery->credential), end,
                                 kh_str_of(delivery->place)};

  kh_sha256(parts, KH_COUNT(parts), what);
}
