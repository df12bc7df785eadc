#include "base/base.h"

#include "language/condition/regex.h"
#include "memory/told.h"
#include "rerun.h"
#include "rules/decision.h"
#include "work_parts.h"

struct kh_rerun {
  struct kh_work work;
  struct kh_told_rows unknown; /* what may have been told by a rule whose decision nobody knows */
};

static void no_line(void *self, struct kh_str line)
{
  (void)self;
  (void)line;
}

enum kh_err kh_rerun_open(struct kh_rerun **made, const struct kh_setup *setup, const struct kh_memory *told)
{
  const struct kh_log log = {.write = no_line, .clock = &kh_system_clock, .least = KH_ERROR};
  struct kh_rerun *rerun = calloc(1, sizeof *rerun);

  *made = rerun;
  if (!rerun)
    return KH_ERR_NO_MEMORY;
  kh_work_init(&rerun->work, &setup->config, &setup->rules, NULL, (struct kh_store){.memory = *told},
               &kh_system_clock, log);
  return KH_OK;
}

void kh_rerun_close(struct kh_rerun *rerun)
{
  if (!rerun)
    return;
  kh_told_release(&rerun->unknown);
  kh_work_release(&rerun->work);
  free(rerun);
}

void kh_rerun_made_release(struct kh_rerun_made *made)
{
  kh_deliveries_release(&made->deliveries);
  kh_buf_release(&made->notes);
  free(made->reasons);
  *made = (struct kh_rerun_made){0};
}

static void drop_deliveries(struct kh_deliveries *made, const char *rule)
{
  size_t kept = 0;

  for (size_t i = 0; i < made->count; i++) {
    if (strcmp(made->at[i].rule, rule) == 0)
      kh_delivery_release(&made->at[i]);
    else
      made->at[kept++] = made->at[i];
  }
  made->count = kept;
}

/*
 * Where nobody knows whether RULE has spoken of this build, nobody knows whether it speaks now: it would have
 * once.
 */
static enum kh_err doubt_rule(struct kh_rerun *rerun, const struct kh_rule *rule, struct kh_outcome *outcome,
                              unsigned char *reason)
{
  const struct kh_memory unknown = kh_told_memory(&rerun->unknown);
  unsigned char what[KH_DIGEST_BYTES];
  bool is_unknown = false;
  enum kh_err err = KH_OK;

  if (!kh_rule_is_once(rule, &outcome->event) || !outcome->is_remembered)
    return KH_OK;
  kh_rule_told(rule, outcome->sighting.build_id, what);
  if (*reason == KH_REASON_NOT_KEPT)
    return kh_memory_tell(&unknown, what, outcome->claim.now_us, 0);
  if (*reason == KH_REASON_NOTIFIED)
    err = kh_memory_was_told(&unknown, what, outcome->claim.now_us, &is_unknown);
  if (is_unknown) {
    drop_deliveries(&outcome->made, rule->name);
    *reason = KH_REASON_NOT_KEPT;
  }
  return err;
}

/* As commit does it (work.c): what is owed is told. */
static enum kh_err tell(struct kh_rerun *rerun, struct kh_outcome *outcome)
{
  const struct kh_rules *rules = rerun->work.rules;
  enum kh_err err = KH_OK;

  for (size_t i = 0; !err && outcome->decisions && i < rules->count; i++)
    err = doubt_rule(rerun, &rules->at[i], outcome, &outcome->decisions[i]);
  for (size_t i = 0; !err && i < outcome->told_count; i++)
    err = kh_memory_tell(&rerun->work.store.memory, outcome->told[i], outcome->claim.now_us, 0);
  return err;
}

enum kh_err kh_rerun_ask(struct kh_rerun *rerun, const struct kh_rerun_of *of, struct kh_rerun_made *made)
{
  const struct kh_str entry = kh_str_of(of->entry);
  struct kh_outcome outcome = {.event = of->kept->event,
                               .facts = of->kept->facts,
                               .claim = {.entry = entry, .now_us = of->received_us},
                               .steps_left = KH_REGEX_STEPS_WEBHOOK};

  *made = (struct kh_rerun_made){0};
  kh_sha256(&entry, 1, outcome.event_digest);
  outcome.event.steps_left = &outcome.steps_left;
  outcome.is_remembered = kh_sighting_take(&outcome.event, of->kept->sent_s, &outcome.sighting);
  enum kh_err err = outcome.sighting.arena.err;
  if (!err)
    err = kh_work_rules(&rerun->work, of->entry, &outcome);
  if (!err)
    err = tell(rerun, &outcome);
  kh_buf_clear(&rerun->work.lines);
  if (!err) {
    *made = (struct kh_rerun_made){outcome.made, outcome.decisions, outcome.notes};
    outcome.made = (struct kh_deliveries){0};
    outcome.decisions = NULL;
    outcome.notes = (struct kh_buf){0};
  }
  kh_work_rules_release(&outcome);
  kh_sighting_release(&outcome.sighting);
  return err;
}
