#include "base/base.h"

#include "base/json_put.h"
#include "language/names/names_event.h"
#include "rules/decision.h"
#include "work_parts.h"

/* Two for each of KH_RULES_MAX rules would fit. */
enum { NOTES_MAX_BYTES = 1024 * 1024 };

/* It did not match, or its message took the other way; whoever wrote it must hear why. */
static void log_undecided(struct kh_work *work, const char *name, const struct kh_rule *rule,
                          const struct kh_mistake *why)
{
  struct kh_log log = kh_work_held_log(work);
  struct kh_log_line line;

  if (why->kind == KH_MISTAKE_NONE)
    return;
  kh_log_begin(&line, &log, KH_WARN, "rule undecided");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(name));
  kh_log_text(&line, KH_LOG_RULE, kh_str_of(rule->name));
  kh_log_text(&line, KH_LOG_DETAIL, kh_str_of(why->text));
  kh_log_end(&line, &log);
}

/* It sends nothing, and stops no other one: what is wrong with it stays wrong. */
static void log_failed(struct kh_work *work, const char *name, const struct kh_rule *rule, enum kh_err reason)
{
  struct kh_log log = kh_work_held_log(work);
  struct kh_log_line line;

  kh_log_begin(&line, &log, KH_ERROR, "rule failed");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(name));
  kh_log_text(&line, KH_LOG_RULE, kh_str_of(rule->name));
  kh_log_text(&line, KH_LOG_NOTIFIER, kh_str_of(rule->notifier->name));
  kh_log_problem(&line, reason == KH_ERR_NO_PLACE ? reason : KH_ERR_RENDER, NULL);
  kh_log_text(&line, KH_LOG_DETAIL,
              reason == KH_ERR_LIMIT
                  ? KH_STR("its notification is too large and is not sent")
                  : kh_str_of(kh_reason_says(reason == KH_ERR_NO_PLACE ? KH_REASON_NO_PLACE
                                                                       : KH_REASON_NOT_RENDERED)));
  kh_log_end(&line, &log);
}

/* It matches, and has a good reason to be silent. */
static void log_silent(struct kh_work *work, enum kh_level level, const char *name,
                       const struct kh_rule *rule, const char *message, const char *why)
{
  struct kh_log log = kh_work_held_log(work);
  struct kh_log_line line;

  kh_log_begin(&line, &log, level, message);
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(name));
  kh_log_text(&line, KH_LOG_RULE, kh_str_of(rule->name));
  kh_log_text(&line, KH_LOG_DETAIL, kh_str_of(why));
  kh_log_end(&line, &log);
}

/* For the journal, of the rule at PLACE. TEXT has no value from the webhook (mistake.h). */
static void add_note(struct kh_outcome *outcome, size_t place, const char *text)
{
  struct kh_buf *notes = &outcome->notes;
  char key[24];

  (void)snprintf(key, sizeof key, "%zu", place);
  if (notes->len == 0)
    (void)kh_buf_add_byte(notes, '{');
  kh_json_put_text_member(notes, key, kh_str_of(text));
}

static bool speaks_once(const struct kh_rule *rule, const struct kh_outcome *outcome)
{
  return kh_rule_is_once(rule, &outcome->event) && outcome->is_remembered;
}

/* Does the rule at PLACE match, and has not said it before? *REASON is KH_REASON_NOTIFIED then. */
static enum kh_err decide(struct kh_work *work, const char *name, size_t place,
                          const struct kh_rendering *rendering, struct kh_outcome *outcome,
                          enum kh_reason *reason)
{
  const struct kh_rule *rule = &work->rules->at[place];
  unsigned char *what = outcome->told[outcome->told_count];
  struct kh_decision decision;
  enum kh_err err = KH_OK;

  kh_decide(rule, rendering, NULL, &decision);
  *reason = decision.reason;
  log_undecided(work, name, rule, &decision.undecided);
  if (decision.undecided.kind != KH_MISTAKE_NONE)
    add_note(outcome, place, decision.undecided.text);
  if (decision.matches && speaks_once(rule, outcome)) {
    kh_rule_told(rule, outcome->sighting.build_id, what);
    err = kh_memory_was_told(&work->store.memory, what, outcome->claim.now_us, &decision.said_already);
  }
  if (!err && decision.said_already) {
    *reason = KH_REASON_SAID_ALREADY;
    log_silent(work, KH_DEBUG, name, rule, "rule said already", kh_reason_says(*reason));
  }
  return err;
}

/*
 * Where RULE tells a state, those of its deliveries behind BEGIN whose place was told by a newer webhook are
 * no more; the others are told by this one, as far as this batch is not dropped.
 */
static enum kh_err drop_superseded(struct kh_work *work, const char *name, const struct kh_rule *rule,
                                   struct kh_outcome *outcome, size_t begin)
{
  struct kh_deliveries *made = &outcome->made;
  const int64_t order = outcome->is_remembered ? kh_sighting_order(&outcome->sighting) : 0;
  const struct kh_memory *memory = &work->store.memory;
  enum kh_err err = KH_OK;

  for (size_t i = begin; !err && order > 0 && rule->notifier->is_state && i < made->count;) {
    unsigned char what[KH_DIGEST_BYTES];
    int64_t told = 0;

    kh_place_told(&made->at[i], what);
    err = kh_memory_told_value(memory, what, outcome->claim.now_us, &told);
    if (!err && told <= order) {
      err = kh_memory_tell(memory, what, outcome->claim.now_us, order);
      i++;
    } else if (!err) {
      log_silent(work, KH_DEBUG, name, rule, "rule superseded",
                 "a newer webhook has told this place its state");
      kh_delivery_release(&made->at[i]);
      memmove(&made->at[i], &made->at[i + 1], (--made->count - i) * sizeof made->at[i]);
    }
  }
  return err;
}

static void drop_made(struct kh_outcome *outcome, size_t begin)
{
  while (outcome->made.count > begin)
    kh_delivery_release(&outcome->made.at[--outcome->made.count]);
}

/* What came of rendering the rule at PLACE, by RENDERED; its deliveries are those behind BEGIN. */
static enum kh_reason reason_of_rendered(struct kh_work *work, const char *name, size_t place,
                                         const struct kh_mistake *undecided, enum kh_err rendered,
                                         struct kh_outcome *outcome, size_t begin)
{
  const struct kh_rule *rule = &work->rules->at[place];
  const enum kh_reason reason = kh_reason_of_rendered(rendered, undecided, outcome->made.count - begin);
  const char *note = kh_note_of_rendered(rendered, undecided);

  if (rendered)
    log_failed(work, name, rule, rendered);
  if (reason != KH_REASON_NOT_RENDERED)
    log_undecided(work, name, rule, undecided);
  if (note[0])
    add_note(outcome, place, note);
  if (reason == KH_REASON_NOT_KEPT)
    drop_made(outcome, begin); /* nobody knows what it said */
  if (reason == KH_REASON_NOT_THERE)
    log_silent(work, KH_INFO, name, rule, "rule has no place", kh_reason_says(reason));
  return reason;
}

/* The deliveries of the rule at PLACE, if it matches, and *REASON. */
static enum kh_err apply_rule(struct kh_work *work, const char *name, size_t place,
                              struct kh_rendering *rendering, struct kh_outcome *outcome,
                              enum kh_reason *reason)
{
  const struct kh_rule *rule = &work->rules->at[place];
  const size_t begin = outcome->made.count;
  enum kh_err err = decide(work, name, place, rendering, outcome, reason);

  if (err || *reason != KH_REASON_NOTIFIED)
    return err;
  err = kh_rule_render(rule, rendering, outcome->event_digest, kh_clock_now_us(work->clock), &outcome->made);
  if (err == KH_ERR_NO_MEMORY)
    return err;
  *reason = reason_of_rendered(work, name, place, &rendering->undecided, err, outcome, begin);
  err = drop_superseded(work, name, rule, outcome, begin);
  if (*reason == KH_REASON_NOTIFIED && outcome->made.count == begin)
    *reason = KH_REASON_SUPERSEDED;
  for (size_t i = begin; i < outcome->made.count; i++)
    (void)snprintf(outcome->made.at[i].entry, sizeof outcome->made.at[i].entry, "%s", name);
  outcome->told_count += outcome->made.count > begin && speaks_once(rule, outcome);
  return err;
}

enum kh_err kh_work_rules(struct kh_work *work, const char *name, struct kh_outcome *outcome)
{
  const size_t rules = work->rules->count;
  struct kh_names_found found;
  enum kh_err err = KH_OK;

  if (outcome->facts.seen != KH_SEEN_NEVER || outcome->is_twin || rules == 0)
    return KH_OK;
  outcome->told = calloc(rules, sizeof *outcome->told);
  outcome->decisions = calloc(rules, sizeof *outcome->decisions);
  if (!outcome->told || !outcome->decisions)
    return KH_ERR_NO_MEMORY;
  kh_buf_init(&outcome->notes, NOTES_MAX_BYTES);
  const struct kh_names names = kh_names_event_once(&outcome->event, &outcome->facts.history, &found);
  struct kh_rendering rendering = {.event = &outcome->event, .names = &names, .facts = &outcome->facts};
  for (size_t i = 0; i < rules && !err; i++) {
    enum kh_reason reason = KH_REASON_NONE;

    err = apply_rule(work, name, i, &rendering, outcome, &reason);
    outcome->decisions[i] = (unsigned char)reason;
  }
  if (outcome->notes.len > 0)
    (void)kh_buf_add_byte(&outcome->notes, '}');
  kh_names_found_release(&found);
  return err ? err : kh_buf_ok(&outcome->notes);
}

void kh_work_rules_release(struct kh_outcome *outcome)
{
  kh_deliveries_release(&outcome->made);
  kh_buf_release(&outcome->notes);
  free(outcome->decisions);
  free(outcome->told);
}
