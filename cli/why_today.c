#include "base/base.h"

#include "explain.h"
#include "kept/kept.h"
#include "language/condition/regex.h"
#include "language/names/names_event.h"
#include "why_today.h"

void kh_why_today_init(struct kh_why_today *today, const struct kh_setup *setup)
{
  *today = (struct kh_why_today){.setup = setup};
  if (!setup)
    return;
  today->digests = calloc(setup->rules.count + 1, sizeof *today->digests);
  for (size_t i = 0; today->digests && i < setup->rules.count; i++)
    if (kh_rule_digest(&setup->rules.at[i], json_array_get(setup->config.notify, i), today->digests[i]))
      today->digests[i][0] = '\0'; /* equal to none */
}

void kh_why_today_release(struct kh_why_today *today)
{
  free(today->digests);
}

const struct kh_rule *kh_why_today_named(const struct kh_why_today *today, const char *name)
{
  const struct kh_rules *rules = today->setup ? &today->setup->rules : NULL;

  for (size_t i = 0; rules && name && i < rules->count; i++)
    if (strcmp(rules->at[i].name, name) == 0)
      return &rules->at[i];
  return NULL;
}

/* ---- is it the same? ---- */

/* NULL where that is not known. RULE is that of the name today. */
static const char *word_of(const struct kh_why_today *today, const struct kh_rule *rule, const char *digest)
{
  if (!today->digests || !digest)
    return NULL;
  if (!rule)
    return "gone";
  return strcmp(today->digests[rule - today->setup->rules.at], digest) == 0 ? "same" : "changed";
}

static json_t *part_of(const struct kh_why_today *today, const struct kh_rule *rule,
                       const struct kh_rendering *rendering)
{
  const json_t *entry = json_array_get(today->setup->config.notify, (size_t)(rule - today->setup->rules.at));
  json_t *all = json_object();

  kh_explain_parts(all, rule, entry, rendering);
  const char *name = json_string_value(json_array_get(json_object_get(all, "failed"), 0));
  json_t *part = name ? json_incref(json_object_get(all, name)) : json_null();
  if (json_is_object(part))
    json_object_set_new(part, "name", json_string(name));
  json_decref(all);
  return part;
}

static bool is_no_match(const json_t *decision)
{
  switch (kh_reason_by_word(kh_str_of(json_string_value(json_object_get(decision, "reason"))))) {
  case KH_REASON_NOT_EVENT:
  case KH_REASON_BUILD_BLOCKED:
  case KH_REASON_NOT_PIPELINE:
  case KH_REASON_NOT_BRANCH:
  case KH_REASON_CONDITION_FALSE:
  case KH_REASON_UNDECIDED:
  case KH_REASON_NOT_KEPT:
    return true;
  default:
    return false;
  }
}

/*
 * RENDERING is NULL where nothing is kept of the webhook. What was decided then counts: a rule that asked for
 * a value that is not kept would seem undecided now.
 */
static void add_to(const struct kh_why_today *today, const struct kh_rendering *rendering, json_t *decision)
{
  const struct kh_rule *rule = kh_why_today_named(today,
                                                  json_string_value(json_object_get(decision, "rule")));
  const char *word = word_of(today, rule, json_string_value(json_object_get(decision, "digest")));
  json_t *part = NULL;

  if (rendering && word && strcmp(word, "same") == 0 && is_no_match(decision))
    part = part_of(today, rule, rendering);
  json_object_del(decision, "digest");
  json_object_set_new(decision, "today", word ? json_string(word) : json_null());
  json_object_set_new(decision, "part", part ? part : json_null());
}

static void add_to_all(const struct kh_why_today *today, const struct kh_rendering *rendering,
                       json_t *decisions)
{
  json_t *decision = NULL;
  size_t i = 0;

  json_array_foreach(decisions, i, decision) add_to(today, rendering, decision);
}

void kh_why_today_add(const struct kh_why_today *today, const struct kh_look_webhook *webhook,
                      json_t *decisions)
{
  size_t steps_left = KH_REGEX_STEPS_WEBHOOK;
  struct kh_names_found found;
  struct kh_kept_webhook kept;
  struct kh_json doc;

  kh_json_init(&doc, kh_json_default_limits);
  if (webhook->kept.len == 0 || kh_kept_read(&kept, &doc, webhook->kept, NULL)) {
    add_to_all(today, NULL, decisions);
  } else {
    kept.event.steps_left = &steps_left;
    const struct kh_names names = kh_names_event_once(&kept.event, &kept.facts.history, &found);
    const struct kh_rendering rendering = {.event = &kept.event, .names = &names, .facts = &kept.facts};
    add_to_all(today, &rendering, decisions);
    kh_names_found_release(&found);
  }
  if (webhook->kept.len > 0)
    kh_kept_release(&kept);
  kh_json_release(&doc);
}
