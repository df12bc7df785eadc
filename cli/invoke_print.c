#include "base/base.h"

#include "cli.h"
#include "invoke.h"
#include "paper.h"

static const char *const fates[] = {
    [KH_FATE_NOT_SENT] = "not sent",
    [KH_FATE_DELIVERED] = "delivered",
    [KH_FATE_RETRY] = "retry",
    [KH_FATE_DEAD] = "dead",
};

static json_t *log_lines(const struct kh_outcome *outcome)
{
  json_t *lines = json_array();
  struct kh_str rest = kh_buf_view(&outcome->log);

  while (rest.at && rest.len > 0)
    json_array_append_new(lines, kh_paper_json(kh_str_cut(&rest, '\n')));
  return lines;
}

/* ---- for people ---------------------------------------------------------------------------- */

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
  json_decref(lines);
}

static void print_delivery(const struct kh_outcome *outcome, const struct kh_ledger_line *line)
{
  const struct kh_rule *rule = kh_rules_for(outcome->rules, line->delivery.destination);
  bool is_http = rule && rule->notifier->via == KH_VIA_HTTP;
  const char *verb = !is_http ? "a line" : rule->verb == KH_PUT ? "PUT" : "POST";

  printf("\n  rule %s: %s to %s\n", line->delivery.rule, verb, line->delivery.destination);
  printf("    %s, %zu bytes, id %s\n", line->content_type, line->delivery.body.len, line->delivery.id);
  kh_paper_print_body(kh_buf_view(&line->delivery.body));
  if (!outcome->sent)
    return;
  if (line->fate == KH_FATE_DELIVERED && line->status > 0)
    printf("    -> delivered: HTTP %d\n", line->status);
  else
    printf("    -> %s%s%s\n", fates[line->fate], line->reason[0] ? ": " : "", line->reason);
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
  const struct kh_ledger *ledger = &outcome->ledger;

  print_answer(&outcome->response);
  print_reason(outcome);
  print_log(kh_buf_view(&outcome->log));
  printf("\ndeliveries: %zu%s\n", ledger->count,
         ledger->count > 0 && !outcome->sent ? ", not sent (--send sends them)" : "");
  for (size_t i = 0; i < ledger->count; i++)
    print_delivery(outcome, &ledger->lines[i]);
}

/* ---- for scripts --------------------------------------------------------------------------- */

static json_t *json_of_delivery(const struct kh_ledger_line *line, bool sent)
{
  json_t *delivery = json_object();

  json_object_set_new(delivery, "id", json_string(line->delivery.id));
  json_object_set_new(delivery, "rule", json_string(line->delivery.rule));
  json_object_set_new(delivery, "notifier", json_string(line->delivery.notifier));
  json_object_set_new(delivery, "destination", json_string(line->delivery.destination));
  json_object_set_new(delivery, "content_type", json_string(line->content_type));
  json_object_set_new(delivery, "body", kh_paper_json(kh_buf_view(&line->delivery.body)));
  if (sent) {
    json_t *result = json_object();
    struct kh_str detail = kh_str_of(line->reason);
    struct kh_str reason = kh_str_cut(&detail, ':');

    json_object_set_new(result, "outcome", json_string(fates[line->fate]));
    json_object_set_new(result, "status", line->status > 0 ? json_integer(line->status) : json_null());
    if (reason.len > 0)
      json_object_set_new(result, "reason", json_stringn(reason.at, reason.len));
    if (detail.len > 0)
      json_object_set_new(result, "detail", json_stringn(kh_str_trim(detail).at, kh_str_trim(detail).len));
    json_object_set_new(delivery, "result", result);
  }
  return delivery;
}

void kh_outcome_print_json(const struct kh_outcome *outcome)
{
  json_t *all = json_object(), *answer = json_object(), *deliveries = json_array();
  struct kh_str body = outcome->response.head ? KH_STR("") : kh_buf_view(&outcome->response.body);

  json_object_set_new(answer, "status", json_integer(outcome->response.status));
  json_object_set_new(answer, "body", kh_paper_json(body));
  for (size_t i = 0; i < outcome->ledger.count; i++)
    json_array_append_new(deliveries, json_of_delivery(&outcome->ledger.lines[i], outcome->sent));
  json_object_set_new(all, "answer", answer);
  json_object_set_new(all, "log", log_lines(outcome));
  json_object_set_new(all, "deliveries", deliveries);
  json_dumpf(all, stdout, JSON_COMPACT);
  putchar('\n');
  json_decref(all);
}
