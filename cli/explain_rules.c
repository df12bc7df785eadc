#include "base/base.h"

#include "destination.h"
#include "explain.h"
#include "explain_memory.h"
#include "language/names/names_event.h"
#include "output.h"
#include "reason_words.h"
#include "rules/decision.h"
#include "trace.h"

static json_t *member_text(struct kh_json_value object, struct kh_str key)
{
  struct kh_json_value member = kh_json_get(object, key);
  struct kh_buf text;
  json_t *value = NULL;

  kh_buf_init(&text, KH_CLI_INPUT_MAX_BYTES);
  if (kh_json_type(member) == KH_JSON_STRING && kh_json_text(member, &text) == KH_OK)
    value = json_stringn(kh_buf_text(&text), text.len);
  kh_buf_release(&text);
  return value ? value : json_null();
}

static json_t *event_of(const struct kh_event *event)
{
  json_t *answer = json_object();
  struct kh_buf state;

  kh_buf_init(&state, KH_CLI_INPUT_MAX_BYTES);
  (void)!kh_event_build_state(event, &state);
  json_object_set_new(answer, "name", json_string(event->name));
  json_object_set_new(answer, "organization", kh_output_text(kh_str_of(event->organization)));
  json_object_set_new(answer, "pipeline", member_text(event->pipeline, KH_STR("slug")));
  json_object_set_new(answer, "branch", member_text(event->build, KH_STR("branch")));
  json_object_set_new(answer, "build_number",
                      event->build_number ? json_integer(event->build_number) : json_null());
  json_object_set_new(answer, "state", kh_output_text(kh_buf_view(&state)));
  json_object_set_new(answer, "job", member_text(event->job, KH_STR("name")));
  kh_buf_release(&state);
  return answer;
}

/* ---- the parts of a rule ------------------------------------------------------------------- */

static json_t *events_of(const struct kh_match *match)
{
  json_t *part = json_object();
  json_t *given = json_array();

  for (const char *const *event = kh_match_events(match); *event; event++)
    json_array_append_new(given, json_string(*event));
  json_object_set_new(part, "given", given);
  json_object_set_new(part, "default", json_boolean(match->event_count == 0));
  if (match->not_blocked && match->event_count == 0)
    json_object_set_new(part, "not_blocked", json_true());
  return part;
}

/* Takes VALUE over. */
static json_t *patterns_of(const char *patterns, json_t *value)
{
  json_t *part = patterns ? json_object() : NULL;

  if (!part) {
    json_decref(value);
    return json_null();
  }
  json_object_set_new(part, "given", json_string(patterns));
  json_object_set_new(part, "value", value);
  return part;
}

static json_t *condition_of(const struct kh_decision *decision, const char *text, struct kh_notes *notes)
{
  const struct kh_condition *condition = decision->rule->match.condition;
  json_t *part = condition ? json_object() : NULL;

  if (!part)
    return json_null();
  json_object_set_new(part, "given", json_string(text));
  json_object_set_new(part, "undecided", kh_output_text(kh_str_of(decision->undecided.text)));
  json_object_set_new(part, "parts", kh_notes_take(notes, condition));
  return part;
}

static json_t *part_of(const struct kh_decision *decision, enum kh_match_part part, const char *condition,
                       struct kh_notes *notes, const struct kh_event *event)
{
  const struct kh_match *match = &decision->rule->match;

  if (part == KH_MATCH_EVENTS)
    return events_of(match);
  if (part == KH_MATCH_PIPELINES)
    return patterns_of(match->pipelines, member_text(event->pipeline, KH_STR("slug")));
  if (part == KH_MATCH_BRANCHES)
    return patterns_of(match->branches, member_text(event->build, KH_STR("branch")));
  return condition_of(decision, condition, notes);
}

void kh_explain_parts(json_t *answer, const struct kh_rule *rule, const json_t *entry,
                      const struct kh_rendering *rendering)
{
  const char *text = json_string_value(json_object_get(entry, "if"));
  const char *condition = text ? text : "";
  json_t *failed = json_array();
  struct kh_decision decision;
  struct kh_notes notes = {.source = kh_str_of(condition)};
  const struct kh_trace trace = {&notes, kh_notes_see};

  kh_decide(rule, rendering, &trace, &decision);
  for (unsigned i = 0; i < KH_MATCH__PARTS; i++) {
    const char *name = kh_match_keys[i];
    json_t *part = part_of(&decision, (enum kh_match_part)i, condition, &notes, rendering->event);

    if (json_is_object(part))
      json_object_set_new(part, "matches", json_boolean(decision.holds[i]));
    if (!decision.holds[i])
      json_array_append_new(failed, json_string(name));
    json_object_set_new(answer, name, part);
  }
  json_object_set_new(answer, "matches", json_boolean(decision.matches));
  json_object_set_new(answer, "failed", failed);
  kh_reason_put(answer, decision.reason, kh_str_of(decision.undecided.text));
}

/* ---- what it would send -------------------------------------------------------------------- */

static json_t *destinations_of(const struct kh_config *config, const struct kh_rule *rule,
                               const json_t *entry, const struct kh_deliveries *made)
{
  json_t *destinations = json_array();

  for (size_t i = 0; i < made->count; i++)
    for (const struct kh_rule *by = rule; by; by = by->also)
      if (strcmp(by->credential, made->at[i].credential) == 0)
        json_array_append_new(destinations,
                              kh_destination_shown(config, by, entry, kh_str_of(made->at[i].place)));
  return destinations;
}

static void add_delivery(json_t *answer, const struct kh_config *config, const struct kh_rule *rule,
                         const json_t *entry, struct kh_rendering *rendering, const struct kh_dry_run *run)
{
  unsigned char digest[KH_DIGEST_BYTES] = {0};
  struct kh_deliveries made = {0};

  kh_sha256(&run->verified.body, 1, digest);
  enum kh_err err = kh_rule_render(rule, rendering, digest, run->webhook.now_us, &made);
  if (err)
    json_object_set_new(answer, "problem", json_string(kh_err_token(err)));
  kh_reason_put(answer, kh_reason_of_rendered(err, &rendering->undecided, made.count),
                kh_str_of(kh_note_of_rendered(err, &rendering->undecided)));
  if (made.count == 0)
    return;
  const struct kh_str body = kh_buf_view(&made.at[0].body);
  json_t *sent = json_object();
  json_object_set_new(sent, "destinations", destinations_of(config, rule, entry, &made));
  const char *verb = kh_output_verb(rule);
  json_object_set_new(sent, "verb", verb ? json_string(verb) : json_null());
  json_object_set_new(sent, "content_type", json_string(rule->notifier->content_type));
  json_object_set_new(sent, "bytes", json_integer((json_int_t)body.len));
  json_object_set_new(sent, "undecided", kh_output_text(kh_str_of(rendering->undecided.text)));
  json_object_set_new(sent, "body", kh_output_json(body));
  json_object_set_new(answer, "delivery", sent);
  kh_deliveries_release(&made);
}

static json_t *rule_of(const struct kh_config *config, const struct kh_rule *rule, const json_t *entry,
                       struct kh_rendering *rendering, const struct kh_dry_run *run,
                       struct kh_explain_memory *memory)
{
  json_t *answer = json_object();
  bool said_already = false;

  json_object_set_new(answer, "name", json_string(rule->name));
  json_object_set_new(answer, "notifier", json_string(rule->notifier->name));
  json_object_set_new(answer, "destination",
                      kh_destination_shown(config, rule, entry, kh_str_of(rule->place)));
  kh_explain_parts(answer, rule, entry, rendering);
  json_object_set_new(answer, "delivery", json_null());
  json_object_set_new(answer, "problem", json_null());
  if (json_is_true(json_object_get(answer, "matches")))
    said_already = kh_explain_said_already(memory, rule, &run->event);
  json_object_set_new(answer, "said_already", json_boolean(said_already));
  if (said_already)
    kh_reason_put(answer, KH_REASON_SAID_ALREADY, KH_NO_STR);
  if (json_is_true(json_object_get(answer, "matches")) && !said_already)
    add_delivery(answer, config, rule, entry, rendering, run);
  return answer;
}

json_t *kh_explain(const struct kh_config *config, const struct kh_rules *rules, const struct kh_dry_run *run,
                   const char *only)
{
  struct kh_explain_memory memory;
  struct kh_names_found found;
  json_t *answer = json_object();
  json_t *told = json_array();

  kh_explain_memory_open(&memory, config, run);
  const struct kh_names names = kh_names_event_once(&run->event, &memory.facts.history, &found);
  struct kh_rendering rendering = {.event = &run->event, .names = &names, .facts = &memory.facts};
  for (size_t i = 0; i < rules->count; i++)
    if (!only || strcmp(only, rules->at[i].name) == 0)
      json_array_append_new(
          told, rule_of(config, &rules->at[i], json_array_get(config->notify, i), &rendering, run, &memory));
  json_object_set_new(answer, "dry_run", json_true());
  json_object_set_new(answer, "event", event_of(&run->event));
  json_object_set_new(answer, "null_because", kh_explain_memory_why(&memory, rules, only));
  json_object_set_new(answer, "rules", told);
  kh_names_found_release(&found);
  kh_explain_memory_release(&memory);
  return answer;
}
