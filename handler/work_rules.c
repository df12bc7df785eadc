#include "base/base.h"

#include "language/names/names_event.h"
#include "rules/decision.h"
#include "work_parts.h"

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
              reason == KH_ERR_NO_PLACE ? KH_STR("a place of it is empty for this webhook, and gets nothing")
              : reason == KH_ERR_LIMIT  ? KH_STR("its notification is too large and is not sent")
                                        : KH_STR("its notification could not be made and is not sent"));
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

static bool speaks_once(const struct kh_rule *rule, const struct kh_outcome *outcome)
{
  return kh_rule_is_once(rule, &outcome->event) && outcome->is_remembered;
}

/* Does RULE match, and has not said it before? */
static enum kh_err decide(struct kh_work *work, const char *name, const struct kh_rule *rule,
                          const struct kh_rendering *rendering, struct kh_outcome *outcome, bool *speaks)
{
  unsigned char *what = outcome->told[outcome->told_count];
  struct kh_decision decision;
  enum kh_err err = KH_OK;

  kh_decide(rule, rendering, NULL, &decision);
  log_undecided(work, name, rule, &decision.undecided);
  if (decision.matches && speaks_once(rule, outcome)) {
    kh_rule_told(rule, outcome->sighting.build_id, what);
    err = kh_memory_was_told(&work->store.memory, what, outcome->claim.now_us, &decision.said_already);
  }
  if (!err && decision.said_already)
    log_silent(work, KH_DEBUG, name, rule, "rule said already",
               "it matches, but speaks once per build and has spoken of this one");
  *speaks = !err && decision.matches && !decision.said_already;
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

/* RULE's deliveries, if it matches. */
static enum kh_err apply_rule(struct kh_work *work, const char *name, const struct kh_rule *rule,
                              struct kh_rendering *rendering, struct kh_outcome *outcome)
{
  const size_t begin = outcome->made.count;
  bool speaks = false;
  enum kh_err err = decide(work, name, rule, rendering, outcome, &speaks);

  if (err || !speaks)
    return err;
  err = kh_rule_render(rule, rendering, outcome->event_digest, kh_clock_now_us(work->clock), &outcome->made);
  if (err == KH_ERR_NO_MEMORY)
    return err;
  if (err)
    log_failed(work, name, rule, err);
  if (!err || err == KH_ERR_NO_PLACE)
    log_undecided(work, name, rule, &rendering->undecided);
  if (!err && outcome->made.count == begin)
    log_silent(work, KH_INFO, name, rule, "rule has no place",
               "it matches, but nothing of this webhook is where its service is");
  err = drop_superseded(work, name, rule, outcome, begin);
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
  if (!outcome->told)
    return KH_ERR_NO_MEMORY;
  const struct kh_names names = kh_names_event_once(&outcome->event, &outcome->facts.history, &found);
  struct kh_rendering rendering = {.event = &outcome->event, .names = &names, .facts = &outcome->facts};
  for (size_t i = 0; i < rules && !err; i++)
    err = apply_rule(work, name, &work->rules->at[i], &rendering, outcome);
  kh_names_found_release(&found);
  return err;
}
