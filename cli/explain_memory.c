#include "base/base.h"

#include "explain_memory.h"
#include "inbox/state.h"
#include "language/template/template.h"
#include "rules/decision.h"

#include <unistd.h>

static enum kh_err open_look(struct kh_explain_memory *memory, const struct kh_config *config)
{
  int fd = -1;

  if (!config->state[0])
    return kh_diag_set(&memory->problem, KH_ERR_NOT_FOUND,
                       "nothing is remembered without `state`; add `state: /var/lib/kitehook`");
  enum kh_err err = kh_state_find(config->state, &fd, &memory->problem);
  if (fd >= 0)
    close(fd);
  if (err == KH_ERR_NOT_FOUND)
    return kh_diag_set(&memory->problem, err, "%s does not exist: nothing is remembered there yet",
                       config->state);
  return err ? err : kh_look_open(&memory->look, config->state, KH_LOOK_ONLY, &memory->problem);
}

void kh_explain_memory_open(struct kh_explain_memory *memory, const struct kh_config *config,
                            const struct kh_dry_run *run)
{
  struct kh_history *history = &memory->facts.history;

  *memory = (struct kh_explain_memory){.now_us = run->webhook.now_us};
  kh_past_init(&memory->past);
  memory->is_remembered = kh_sighting_take(&run->event, run->verified.timestamp_s, &memory->sighting);
  kh_history_none(history, KH_HISTORY_NO_MEMORY);
  if (open_look(memory, config))
    return;
  history->state = KH_HISTORY_NOT_TOLD;
  if (!memory->is_remembered)
    return;
  history->state = KH_HISTORY_NO_MEMORY;
  if (kh_look_recall(memory->look, &memory->sighting, config->memory_keep_s, memory->now_us, &memory->past,
                     &memory->problem))
    return;
  kh_past_learn(&memory->past, &memory->sighting);
  kh_history_of(&memory->past, &memory->sighting, history);
}

void kh_explain_memory_release(struct kh_explain_memory *memory)
{
  kh_look_close(memory->look);
  kh_sighting_release(&memory->sighting);
  kh_past_release(&memory->past);
}

bool kh_explain_said_already(struct kh_explain_memory *memory, const struct kh_rule *rule,
                             const struct kh_event *event)
{
  unsigned char what[KH_DIGEST_BYTES];
  bool told = false;

  if (!kh_rule_is_once(rule, event) || !memory->look || !memory->is_remembered)
    return false;
  kh_rule_told(rule, memory->sighting.build_id, what);
  return kh_look_was_told(memory->look, what, memory->now_us, &told, NULL) == KH_OK && told;
}

/* ---- why ---- */

struct asked {
  bool history, before, jobs, usual, failing;
};

static void note_use(void *self, const struct kh_use *use)
{
  struct asked *asked = self;

  if (!use->name || !(use->name->flags & KH_NAME_HISTORY))
    return;
  asked->history = true;
  asked->jobs = asked->jobs || (use->name->flags & KH_NAME_JOBS);
  asked->usual = asked->usual || use->name->name == KH_NAME_PIPELINE_USUAL_DURATION;
  asked->failing = asked->failing || use->name->name == KH_NAME_PIPELINE_FAILING_FOR;
  asked->before = asked->before || use->name->name == KH_NAME_PIPELINE_STARTED_FAILING ||
                  use->name->name == KH_NAME_PIPELINE_STARTED_PASSING ||
                  use->name->name == KH_NAME_BUILD_FIXED;
}

static struct asked asked_by(const struct kh_rules *rules, const char *only)
{
  struct asked asked = {.history = false};
  const struct kh_uses uses = {&asked, note_use};

  for (size_t i = 0; i < rules->count; i++) {
    const struct kh_rule *rule = &rules->at[i];

    if (only && strcmp(only, rule->name) != 0)
      continue;
    if (rule->match.condition)
      kh_condition_uses(rule->match.condition, &uses);
    if (rule->message)
      kh_template_uses(rule->message, &uses);
  }
  return asked;
}

static void say(json_t *why, const char *text)
{
  json_array_append_new(why, json_string(text));
}

json_t *kh_explain_memory_why(const struct kh_explain_memory *memory, const struct kh_rules *rules,
                              const char *only)
{
  const struct kh_history *history = &memory->facts.history;
  const struct asked asked = asked_by(rules, only);
  json_t *why = json_array();

  if (!asked.history)
    return why;
  if (history->state == KH_HISTORY_NO_MEMORY) {
    say(why, memory->problem.text);
    return why;
  }
  if (history->state == KH_HISTORY_NOT_TOLD) {
    say(why, "this webhook names no pipeline, build and branch, so nothing is remembered of it");
    return why;
  }
  if (history->state == KH_HISTORY_FALLEN)
    say(why, "this build is older than the last 50 of its branch, which are remembered");
  else if (asked.before && history->started_failing == KH_UNKNOWN)
    say(why, "no build before this one is known to have passed or failed");
  if (asked.failing && history->run.count > 0 && history->failing_for_s == KH_UNKNOWN_NUMBER)
    say(why, "when the first build of these failures failed is not known");
  if (asked.usual && history->usual_duration_s == KH_UNKNOWN_NUMBER)
    say(why, "fewer than 5 builds that passed, and how long they took, are known");
  if (asked.jobs && !history->has_jobs)
    say(why, "no job.* webhook of this build came; tick the job events in the webhook's settings");
  return why;
}
