#include "base/base.h"

#include "asked.h"
#include "destination.h"
#include "output.h"

json_t *kh_asked_json(const struct kh_look_webhook *webhook)
{
  json_t *asked = json_object();

  json_object_set_new(asked, "id", json_integer(webhook->seq));
  json_object_set_new(asked, "request_id", kh_output_text(webhook->request_id));
  json_object_set_new(asked, "event", kh_output_text(webhook->event));
  json_object_set_new(asked, "organization", kh_output_text(webhook->organization));
  json_object_set_new(asked, "pipeline", kh_output_text(webhook->pipeline));
  json_object_set_new(asked, "branch", kh_output_text(webhook->branch));
  json_object_set_new(asked, "build_number",
                      webhook->build_number > 0 ? json_integer(webhook->build_number) : json_null());
  json_object_set_new(asked, "state", kh_output_text(webhook->state));
  json_object_set_new(asked, "received_at", kh_output_time(webhook->received_us));
  return asked;
}

static void print_behind(const json_t *asked, const char *before, const char *name)
{
  if (!json_is_string(json_object_get(asked, name)))
    return;
  fputs(before, stdout);
  kh_output_print_member(asked, name);
}

void kh_asked_print(const json_t *asked)
{
  const json_t *number = json_object_get(asked, "build_number");

  printf("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(asked, "id")));
  print_behind(asked, "  ", "received_at");
  print_behind(asked, "  ", "event");
  print_behind(asked, "  ", "pipeline");
  if (json_is_integer(number))
    printf(" #%" JSON_INTEGER_FORMAT, json_integer_value(number));
  print_behind(asked, " ", "branch");
  print_behind(asked, "  ", "state");
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
