#include "base/base.h"

#include "asked.h"
#include "destination.h"
#include "journal_print.h"
#include "output.h"

void kh_asked_print(const json_t *webhook)
{
  printf("webhook %" JSON_INTEGER_FORMAT "  ", json_integer_value(json_object_get(webhook, "id")));
  kh_journal_print_time(json_object_get(webhook, "received"));
  fputs("  ", stdout);
  kh_output_print_member(webhook, "event");
  kh_journal_print_build(webhook);
  putchar('\n');
}

const char *kh_asked_cannot(const struct kh_look_webhook *webhook)
{
  switch (webhook->verdict) {
  case KH_REASON_DONE:
  case KH_REASON_REPLAYED:
    break;
  case KH_REASON_REPLAY:
  case KH_REASON_REPEAT:
  case KH_REASON_ASIDE:
    return kh_reason_says(webhook->verdict);
  default:
    return "a newer kitehook wrote it";
  }
  return webhook->kept.len > 0 ? NULL : "its values were not kept: an older kitehook worked it";
}

const struct kh_rule *kh_asked_rule(const struct kh_setup *setup, const char *name, size_t *place)
{
  for (*place = 0; *place < setup->rules.count; ++*place)
    if (strcmp(setup->rules.at[*place].name, name) == 0)
      return &setup->rules.at[*place];
  return NULL;
}

json_t *kh_asked_destination(const struct kh_setup *setup, const struct kh_delivery *delivery)
{
  size_t place = 0;
  const struct kh_rule *rule = kh_asked_rule(setup, delivery->rule, &place);

  while (rule && strcmp(rule->credential, delivery->credential) != 0)
    rule = rule->also;
  return rule ? kh_destination_shown(&setup->config, rule, json_array_get(setup->config.notify, place),
                                     kh_str_of(delivery->place))
              : json_null();
}
