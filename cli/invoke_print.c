#include "base/base.h"

#include "cli.h"
#include "invoke.h"
#include "output.h"

static const char *fate_of(const struct kh_outcome_delivery *delivery)
{
  return delivery->result == KH_OK ? "delivered" : delivery->goes_on ? "retry" : "dead";
}

static json_t *log_lines(const struct kh_outcome *outcome)
{
  json_t *lines = json_array();
  struct kh_str rest = kh_buf_view(&outcome->log);

  while (rest.at && rest.len > 0)
    json_array_append_new(lines, kh_output_json(kh_str_cut(&rest, '\n')));
  return lines;
}

/* ---- for people ---------------------------------------------------------------------------- */

/* What --sign would help against. */
static bool is_of_another(enum kh_err err)
{
  return err == KH_ERR_SIGNATURE_MISMATCH || err == KH_ERR_TOKEN_MISMATCH ||
         err == KH_ERR_SIGNATURE_NOT_ACCEPTED || err == KH_ERR_TOKEN_NOT_ACCEPTED ||
         err == KH_ERR_PARTNER_SOURCE || err == KH_ERR_PARTNER_ACCOUNT;
}

/* The answer hides its reason from those who prove nothing; the log has it. */
static void print_reason(const struct kh_outcome *outcome)
{
  json_t *lines = log_lines(outcome);
  const json_t *line = json_array_get(lines, 0);
  const char *token = json_string_value(json_object_get(line, "reason"));
  const json_t *age = json_object_get(line, "signature_age_s");
  const char *sentence = token ? kh_cli_sentence(kh_cli_err_by_token(token)) : NULL;

  if (token && outcome->response.status >= 400)
    printf("  because: %s%s%s\n", token, sentence ? ": " : "", sentence ? sentence : "");
  if (token && age && strncmp(token, "timestamp_", 10) == 0)
    printf("  signed %" JSON_INTEGER_FORMAT " s before now; --now sets another clock\n",
           json_integer_value(age));
  if (token && !outcome->proven_here && is_of_another(kh_cli_err_by_token(token)))
    puts(json_object_get(line, "transport") ? "  --sign signs it by this configuration's secret instead"
                                            : "  --sign takes it as if from this configuration's source");
  json_decref(lines);
}

static void print_delivery(const struct kh_outcome *outcome, const struct kh_outcome_delivery *delivery)
{
  const struct kh_delivery *made = &delivery->made;
  const struct kh_rule *rule = kh_rules_for(outcome->rules, made->credential);
  json_t *body = kh_output_json(kh_buf_view(&made->body));
  json_t *destination = kh_output_destination(kh_str_of(made->credential), kh_str_of(made->place));
  const char *verb = kh_output_verb(rule);

  printf("\n  rule %s: %s to %s\n", made->rule, verb ? verb : "a line", json_string_value(destination));
  json_decref(destination);
  printf("    %s, %zu bytes, id %s\n", rule->notifier->content_type, made->body.len, made->id);
  kh_output_print_notification(rule->notifier, body);
  json_decref(body);
  if (!outcome->sent)
    return;
  printf("    -> %s", fate_of(delivery));
  if (delivery->result)
    printf(": %s%s%s", kh_err_token(delivery->result), delivery->detail[0] ? ": " : "", delivery->detail);
  else if (delivery->status > 0)
    printf(": %s %d", rule->notifier->by_mail ? "SMTP" : "HTTP", delivery->status);
  putchar('\n');
}

static void print_answer(const struct kh_response *response)
{
  struct kh_str body = response->head ? KH_NO_STR : kh_buf_view(&response->body);

  printf("answer: %d %s\n", response->status, response->content_type ? response->content_type : "");
  if (kh_str_ends(body, KH_STR("\n")))
    body.len--;
  if (body.len > 0)
    printf("  %.*s\n", KH_FMT(body));
}

static void print_log(struct kh_str rest)
{
  puts("\nlog:");
  while (rest.at && rest.len > 0) {
    struct kh_str line = kh_str_cut(&rest, '\n');

    printf("  %.*s\n", KH_FMT(line));
  }
}

void kh_outcome_print(const struct kh_outcome *outcome)
{
  print_answer(&outcome->response);
  print_reason(outcome);
  print_log(kh_buf_view(&outcome->log));
  printf("\ndeliveries: %zu%s\n", outcome->count,
         outcome->count > 0 && !outcome->sent ? ", not sent (--send sends them)" : "");
  for (size_t i = 0; i < outcome->count; i++)
    print_delivery(outcome, &outcome->deliveries[i]);
}

/* ---- for scripts --------------------------------------------------------------------------- */

static json_t *json_of_result(const struct kh_outcome_delivery *delivery)
{
  json_t *result = json_object();

  json_object_set_new(result, "outcome", json_string(fate_of(delivery)));
  json_object_set_new(result, "status", delivery->status > 0 ? json_integer(delivery->status) : json_null());
  if (delivery->result) {
    json_object_set_new(result, "reason", json_string(kh_err_token(delivery->result)));
    if (delivery->detail[0])
      json_object_set_new(result, "detail", json_string(delivery->detail));
  }
  return result;
}

static json_t *json_of_delivery(const struct kh_outcome *outcome, const struct kh_outcome_delivery *delivery)
{
  const struct kh_delivery *made = &delivery->made;
  const struct kh_rule *rule = kh_rules_for(outcome->rules, made->credential);
  json_t *json = json_object();

  json_object_set_new(json, "id", json_string(made->id));
  json_object_set_new(json, "rule", json_string(made->rule));
  json_object_set_new(json, "notifier", json_string(made->notifier));
  json_object_set_new(json, "destination",
                      kh_output_destination(kh_str_of(made->credential), kh_str_of(made->place)));
  json_object_set_new(json, "content_type", json_string(rule->notifier->content_type));
  json_object_set_new(json, "body", kh_output_json(kh_buf_view(&made->body)));
  if (outcome->sent)
    json_object_set_new(json, "result", json_of_result(delivery));
  return json;
}

void kh_outcome_print_json(const struct kh_outcome *outcome)
{
  json_t *all = json_object(), *answer = json_object(), *deliveries = json_array();
  struct kh_str body = outcome->response.head ? KH_STR("") : kh_buf_view(&outcome->response.body);

  json_object_set_new(answer, "status", json_integer(outcome->response.status));
  json_object_set_new(answer, "body", kh_output_json(body));
  for (size_t i = 0; i < outcome->count; i++)
    json_array_append_new(deliveries, json_of_delivery(outcome, &outcome->deliveries[i]));
  json_object_set_new(all, "answer", answer);
  json_object_set_new(all, "log", log_lines(outcome));
  json_object_set_new(all, "deliveries", deliveries);
  kh_output_tell(all);
}
