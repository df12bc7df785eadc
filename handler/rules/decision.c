#include "base/base.h"

#include "rules/decision.h"

void kh_decide(const struct kh_rule *rule, const struct kh_rendering *rendering, const struct kh_trace *trace,
               struct kh_decision *decision)
{
  decision->rule = rule;
  decision->matches = true;
  memset(decision->holds, 0, sizeof decision->holds);
  kh_mistake_init(&decision->undecided);
  for (unsigned part = 0; part < KH_MATCH__PARTS && (decision->matches || trace); part++) {
    decision->holds[part] = kh_match_part(&rule->match, (enum kh_match_part)part, rendering->event,
                                          rendering->names, trace, &decision->undecided);
    decision->matches = decision->matches && decision->holds[part];
  }
}
