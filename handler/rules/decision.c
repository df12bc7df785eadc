#include "base/base.h"

#include "rules/decision.h"

/* Why PART does not hold. */
static enum kh_reason reason_of(const struct kh_rule *rule, enum kh_match_part part,
                                const struct kh_event *event, const struct kh_mistake *undecided)
{
  switch (part) {
  case KH_MATCH_EVENTS:
    return kh_match_name(&rule->match, kh_str_of(event->name)) ? KH_REASON_BUILD_BLOCKED
                                                               : KH_REASON_NOT_EVENT;
  case KH_MATCH_PIPELINES:
    return KH_REASON_NOT_PIPELINE;
  case KH_MATCH_BRANCHES:
    return KH_REASON_NOT_BRANCH;
  case KH_MATCH_IF:
  case KH_MATCH__PARTS:
    break;
  }
  return undecided->kind == KH_MISTAKE_NONE       ? KH_REASON_CONDITION_FALSE
         : undecided->kind == KH_MISTAKE_NOT_KEPT ? KH_REASON_NOT_KEPT
                                                  : KH_REASON_UNDECIDED;
}

void kh_decide(const struct kh_rule *rule, const struct kh_rendering *rendering, const struct kh_trace *trace,
               struct kh_decision *decision)
{
  decision->rule = rule;
  decision->matches = true;
  decision->reason = KH_REASON_NOTIFIED;
  decision->said_already = false;
  memset(decision->holds, 0, sizeof decision->holds);
  kh_mistake_init(&decision->undecided);
  for (unsigned part = 0; part < KH_MATCH__PARTS && (decision->matches || trace); part++) {
    decision->holds[part] = kh_match_part(&rule->match, (enum kh_match_part)part, rendering->event,
                                          rendering->names, trace, &decision->undecided);
    if (decision->matches && !decision->holds[part])
      decision->reason = reason_of(rule, (enum kh_match_part)part, rendering->event, &decision->undecided);
    decision->matches = decision->matches && decision->holds[part];
  }
}

enum kh_reason kh_reason_of_rendered(enum kh_err err, const struct kh_mistake *undecided, size_t made)
{
  if (err && err != KH_ERR_NO_PLACE)
    return KH_REASON_NOT_RENDERED;
  if (undecided->kind == KH_MISTAKE_NOT_KEPT)
    return KH_REASON_NOT_KEPT;
  if (err)
    return KH_REASON_NO_PLACE;
  return made > 0 ? KH_REASON_NOTIFIED : KH_REASON_NOT_THERE;
}

const char *kh_note_of_rendered(enum kh_err err, const struct kh_mistake *undecided)
{
  if (err == KH_ERR_LIMIT)
    return "it is too large";
  return err && err != KH_ERR_NO_PLACE ? "" : undecided->text;
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

void kh_answer_told(const struct kh_delivery *delivery, bool is_state, unsigned char what[KH_DIGEST_BYTES])
{
  const struct kh_str end = kh_str("", 1);
  const struct kh_str parts[] = {
      KH_STR("answer"),           end, kh_str_of(delivery->rule),   end, kh_str_of(delivery->credential), end,
      kh_str_of(delivery->place), end, kh_str_of(delivery->subject)};

  if (is_state)
    kh_place_told(delivery, what);
  else
    kh_sha256(parts, KH_COUNT(parts), what);
}
