#include "base/base.h"

#include "journal_rows.h"
#include "output.h"
#include "reason_words.h"

/* Of TEXT, an object, the text NAME of the member OBJECT or, where that is NULL, its own; null for none. */
static json_t *text_in(struct kh_str text, const char *object, const char *name)
{
  json_t *all = json_loadb(text.len > 0 ? text.at : "", text.len, JSON_ALLOW_NUL, NULL);
  json_t *found = json_object_get(object ? json_object_get(all, object) : all, name);
  json_t *value = json_is_string(found) ? json_incref(found) : json_null();

  json_decref(all);
  return value;
}

static json_t *job_name_of(const struct kh_look_webhook *webhook)
{
  json_t *name = webhook->job.len > 0 ? text_in(webhook->kept, "job", "name") : json_null();

  return json_is_null(name) && webhook->job.len > 0 ? text_in(webhook->kept, "job", "label") : name;
}

json_t *kh_journal_webhook_json(const struct kh_look_webhook *webhook)
{
  const struct {
    const char *name;
    struct kh_str text;
  } texts[] = {{"entry", webhook->entry},       {"request_id", webhook->request_id},
               {"event", webhook->event},       {"organization", webhook->organization},
               {"pipeline", webhook->pipeline}, {"branch", webhook->branch},
               {"build_id", webhook->build_id}, {"state", webhook->state},
               {"job", webhook->job},           {"proof", webhook->proof},
               {"secret", webhook->secret}};
  json_t *json = json_pack("{s:I}", "id", (json_int_t)webhook->seq);

  for (size_t i = 0; i < KH_COUNT(texts); i++)
    json_object_set_new(json, texts[i].name, kh_output_text(texts[i].text));
  json_object_set_new(json, "build",
                      webhook->build_number > 0 ? json_integer(webhook->build_number) : json_null());
  json_object_set_new(json, "job_name", job_name_of(webhook));
  json_object_set_new(json, "verdict", json_string(kh_reason_word(webhook->verdict)));
  json_object_set_new(json, "says", json_string(kh_reason_says(webhook->verdict)));
  json_object_set_new(json, "note",
                      webhook->verdict == KH_REASON_ASIDE ? text_in(webhook->notes, NULL, "aside")
                                                          : json_null());
  json_object_set_new(json, "sent", kh_output_time(webhook->sent_s * 1000000));
  json_object_set_new(json, "received", kh_output_time(webhook->received_us));
  json_object_set_new(json, "worked", kh_output_time(webhook->done_us));
  json_object_set_new(json, "bytes", json_integer(webhook->bytes));
  json_object_set_new(json, "owed", json_integer(webhook->deliveries));
  return json;
}

static enum kh_reason reason_at(struct kh_str decisions, size_t i)
{
  const unsigned char number = (unsigned char)decisions.at[i];

  return kh_reason_is_known(number) ? (enum kh_reason)number : KH_REASON_NONE;
}

json_t *kh_journal_reasons_json(const struct kh_look_webhook *webhook)
{
  json_t *counts = webhook->rule_list ? json_object() : json_null();

  for (size_t i = 0; webhook->rule_list && i < webhook->decisions.len; i++) {
    const char *word = kh_reason_word(reason_at(webhook->decisions, i));

    json_object_set_new(counts, word, json_integer(json_integer_value(json_object_get(counts, word)) + 1));
  }
  return counts;
}

static json_t *decision_json(const struct kh_look_decision *decision)
{
  json_t *json = json_object();

  json_object_set_new(json, "rule", kh_output_text(decision->rule));
  json_object_set_new(json, "notifier", kh_output_text(decision->notifier));
  json_object_set_new(json, "destination", kh_output_text(decision->destination));
  kh_reason_put(json, decision->reason, decision->note);
  json_object_set_new(json, "digest", kh_output_text(decision->digest));
  return json;
}

/* "<time_us> <status> <why>" */
static json_t *try_json(struct kh_str line)
{
  json_t *json = json_object();
  int64_t at_us = 0, status = 0;

  (void)kh_str_i64(kh_str_cut(&line, ' '), &at_us);
  (void)kh_str_i64(kh_str_cut(&line, ' '), &status);
  json_object_set_new(json, "at", kh_output_time(at_us));
  json_object_set_new(json, "status", status > 0 ? json_integer(status) : json_null());
  json_object_set_new(json, "why", kh_output_text(line));
  return json;
}

static json_t *tries_json(struct kh_str tries)
{
  json_t *list = json_array();

  while (tries.len > 0) {
    const struct kh_str line = kh_str_cut(&tries, '\n');

    if (line.len > 0)
      json_array_append_new(list, try_json(line));
  }
  return list;
}

static json_t *fate_json(const struct kh_look_fate *fate)
{
  json_t *json = json_object();

  json_object_set_new(json, "id", kh_output_text(fate->id));
  json_object_set_new(json, "rule", kh_output_text(fate->rule));
  json_object_set_new(json, "notifier", kh_output_text(fate->notifier));
  json_object_set_new(json, "credential", kh_output_text(fate->credential));
  json_object_set_new(json, "place", kh_output_text(fate->place));
  kh_reason_put(json, fate->reason, fate->detail);
  json_object_set_new(json, "still_owed", json_boolean(fate->is_owed));
  json_object_set_new(json, "status", fate->status > 0 ? json_integer(fate->status) : json_null());
  json_object_set_new(json, "answer", kh_output_text(fate->answer));
  json_object_set_new(json, "attempts", json_integer(fate->attempts));
  json_object_set_new(json, "failed", tries_json(fate->tries));
  json_object_set_new(json, "created", kh_output_time(fate->created_us));
  json_object_set_new(json, "next_attempt", kh_output_time(fate->is_owed ? fate->next_us : 0));
  json_object_set_new(json, "ended", kh_output_time(fate->ended_us));
  return json;
}

json_t *kh_journal_span_json(const struct kh_look_span *span)
{
  json_t *json = json_object();

  json_object_set_new(json, "webhooks", json_integer(span->webhooks));
  json_object_set_new(json, "since", kh_output_time(span->first_us));
  json_object_set_new(json, "until", kh_output_time(span->last_us));
  return json;
}

/* ---- rules and deliveries ---- */

static bool add_decision(void *rows, const struct kh_look_decision *decision)
{
  return json_array_append_new(rows, decision_json(decision)) == 0;
}

static bool add_fate(void *rows, const struct kh_look_fate *fate)
{
  return json_array_append_new(rows, fate_json(fate)) == 0;
}

enum kh_err kh_journal_add_rules(struct kh_look *look, const struct kh_look_webhook *webhook, int64_t now_us,
                                 json_t *object, struct kh_diag *diag)
{
  json_t *rules = json_array(), *deliveries = json_array();
  enum kh_err err = kh_look_decisions(look, webhook, add_decision, rules, diag);

  if (!err)
    err = kh_look_fates(look, webhook->seq, now_us, add_fate, deliveries, diag);
  json_object_set_new(object, "rules", rules);
  json_object_set_new(object, "deliveries", deliveries);
  return err;
}
