#include "base/base.h"

#include "kept/kept.h"
#include "language/condition/regex.h"
#include "receive/transition.h"
#include "work_parts.h"

enum { ENTRY_MAX_BYTES = 64 * 1024 * 1024 + KH_ENTRY_LINE_MAX_BYTES + 1 };

void kh_work_init(struct kh_work *work, const struct kh_config *config, const struct kh_rules *rules,
                  struct kh_inbox *inbox, struct kh_store store, const struct kh_clock *clock,
                  struct kh_log log)
{
  struct kh_json_limits limits = kh_json_default_limits;

  limits.bytes = ENTRY_MAX_BYTES; /* the receiver's limit decided already, and may have been another one */
  *work = (struct kh_work){.config = config,
                           .rules = rules,
                           .inbox = inbox,
                           .store = store,
                           .clock = clock,
                           .log = log,
                           .remembers = inbox != NULL,
                           .batch_max = KH_WORK_BATCH};
  kh_json_init(&work->json, limits);
  kh_past_init(&work->past);
  kh_buf_init(&work->entry, ENTRY_MAX_BYTES);
  kh_buf_init(&work->lines, KH_WORK_LINES_MAX_BYTES);
  kh_buf_init(&work->kept, KH_KEPT_ROOM_BYTES);
}

void kh_work_configure(struct kh_work *work, const struct kh_config *config, const struct kh_rules *rules)
{
  work->config = config;
  work->rules = rules;
  kh_rules_listed_release(&work->listed);
  work->is_listed = false;
}

void kh_work_release(struct kh_work *work)
{
  kh_rules_listed_release(&work->listed);
  kh_buf_release(&work->kept);
  kh_buf_release(&work->lines);
  kh_buf_release(&work->entry);
  kh_past_release(&work->past);
  kh_json_release(&work->json);
}

/* For the log, where what was done before has a line, too. */
static struct kh_str verdict_of(const struct kh_outcome *outcome)
{
  return outcome->facts.seen == KH_SEEN_DONE ? KH_STR("done before")
                                             : kh_str_of(kh_reason_word(kh_work_verdict(outcome)));
}

/* ---- what came before ---- */

static void log_damaged(struct kh_work *work, const struct kh_outcome *outcome)
{
  struct kh_log log = kh_work_held_log(work);
  struct kh_log_line line;

  kh_log_begin(&line, &log, KH_WARN, "memory damaged");
  kh_log_text(&line, KH_LOG_ENTRY, outcome->claim.entry);
  kh_event_log(&outcome->event, &line);
  kh_log_text(&line, KH_LOG_DETAIL,
              strcmp(work->past.damaged, "branch") == 0
                  ? KH_STR("what was remembered of this branch cannot be read, and begins anew")
                  : KH_STR("what was remembered of this build cannot be read, and begins anew"));
  kh_log_end(&line, &log);
}

/* What memory knows of the webhook, and what it is to know from now on. */
static enum kh_err recall(struct kh_work *work, const struct kh_entry *entry, struct kh_outcome *outcome)
{
  const struct kh_memory *memory = &work->store.memory;
  struct kh_sighting *sighting = &outcome->sighting;
  struct kh_history *history = &outcome->facts.history;

  kh_history_none(history, work->remembers ? KH_HISTORY_NOT_TOLD : KH_HISTORY_NO_MEMORY);
  enum kh_err err = kh_memory_begin(memory, &outcome->claim, &outcome->facts.seen);
  if (err || outcome->facts.seen != KH_SEEN_NEVER || !work->remembers)
    return err;
  outcome->is_remembered = kh_sighting_take(&outcome->event, entry->verified.timestamp_s, sighting);
  if (sighting->arena.err)
    return sighting->arena.err;
  if (!outcome->is_remembered)
    return KH_OK;
  err = kh_memory_recall(memory, &outcome->claim, sighting, &work->past);
  if (err)
    return err;
  if (work->past.damaged)
    log_damaged(work, outcome);
  kh_past_learn(&work->past, sighting);
  kh_history_of(&work->past, sighting, history);
  return KH_OK;
}

/*
 * Where EventBridge may tell the same as a webhook, whichever comes second notifies of nothing. Memory learns
 * of both: a webhook knows more.
 */
static enum kh_err recall_twin(struct kh_work *work, const struct kh_entry *entry, struct kh_outcome *outcome)
{
  const bool is_partner = entry->verified.proof == KH_PROOF_PARTNER;
  unsigned char twin[KH_DIGEST_BYTES];

  if (!work->remembers || !work->config->eventbridge.source[0] || outcome->facts.seen != KH_SEEN_NEVER)
    return KH_OK;
  outcome->has_transition = kh_transition(&outcome->event, is_partner, outcome->transition) &&
                            kh_transition(&outcome->event, !is_partner, twin);
  return outcome->has_transition
             ? kh_memory_was_told(&work->store.memory, twin, outcome->claim.now_us, &outcome->is_twin)
             : KH_OK;
}

/* The line of the journal first: what is owed belongs to it. */
static enum kh_err commit(struct kh_work *work, const struct kh_entry *entry,
                          const struct kh_outcome *outcome)
{
  const struct kh_memory *memory = &work->store.memory;
  enum kh_err err = kh_work_journal(work, entry, outcome);

  if (!err && outcome->is_remembered)
    err = kh_memory_remember(memory, &outcome->claim, &outcome->sighting, &work->past);
  if (!err && outcome->has_transition)
    err = kh_memory_tell(memory, outcome->transition, outcome->claim.now_us, 0);
  for (size_t i = 0; !err && i < outcome->made.count; i++)
    err = kh_queue_owe(&work->store.queue, &outcome->made.at[i]);
  /* What is owed is told. */
  for (size_t i = 0; !err && i < outcome->told_count; i++)
    err = kh_memory_tell(memory, outcome->told[i], outcome->claim.now_us, 0);
  return err;
}

static void log_outcome(struct kh_work *work, const struct kh_entry *entry, const struct kh_outcome *outcome)
{
  struct kh_log log = kh_work_held_log(work);
  struct kh_log_line line;
  bool fresh = outcome->facts.seen == KH_SEEN_NEVER && !outcome->is_twin;

  kh_log_begin(&line, &log, fresh ? KH_INFO : KH_WARN, "webhook handled");
  kh_log_text(&line, KH_LOG_ENTRY, outcome->claim.entry);
  kh_log_text(&line, KH_LOG_REQUEST_ID, kh_str_of(entry->request_id));
  kh_event_log(&outcome->event, &line);
  kh_log_text(&line, KH_LOG_VERDICT, verdict_of(outcome));
  for (size_t i = 0; i < outcome->made.count; i++)
    if (i == 0 || strcmp(outcome->made.at[i].rule, outcome->made.at[i - 1].rule) != 0)
      kh_log_item(&line, KH_LOG_RULES_MATCHED, kh_str_of(outcome->made.at[i].rule));
  kh_log_number(&line, KH_LOG_DELIVERIES, (int64_t)outcome->made.count);
  kh_log_number(&line, KH_LOG_DURATION_US, kh_clock_ticks_us(work->clock) - outcome->started_us);
  kh_log_end(&line, &log);
}

/* Who it is, for memory, and for whoever remembers the ids of deliveries. */
static void identify(const struct kh_work *work, struct kh_outcome *outcome, const char *name,
                     const struct kh_entry *entry)
{
  const struct kh_verified *verified = &entry->verified;
  const bool is_ping = outcome->event.kind == KH_EVENT_PING;
  const bool is_timeless = !is_ping && !kh_event_has_time(&outcome->event);
  /* One that was received ahead of now came while the clock was wrong. */
  const int64_t now_us = kh_clock_now_us(work->clock);
  struct kh_claim *claim = &outcome->claim;

  *claim = (struct kh_claim){.entry = kh_str_of(name),
                             .signature = kh_str_of(verified->signature),
                             .body_window_s = is_ping       ? 0
                                              : is_timeless ? KH_TIMELESS_WINDOW_S
                                                            : KH_BODY_WINDOW_S,
                             .now_us = now_us < entry->received_us ? now_us : entry->received_us};
  kh_sha256(&verified->body, 1, claim->body_digest);
  memcpy(outcome->event_digest, claim->body_digest, sizeof outcome->event_digest);
  /* What comes again as it was is another event, and whoever knows the ids of the first must take it. */
  if (is_timeless) {
    const struct kh_str parts[] = {verified->body, claim->entry};

    kh_sha256(parts, KH_COUNT(parts), outcome->event_digest);
  }
}

enum kh_err kh_work_webhook(struct kh_work *work, const char *name, const struct kh_entry *entry,
                            struct kh_diag *diag)
{
  struct kh_outcome outcome = {.steps_left = KH_REGEX_STEPS_WEBHOOK,
                               .started_us = kh_clock_ticks_us(work->clock)};
  enum kh_err err;

  err = kh_event_read(&entry->verified, &work->json, &outcome.event, diag);
  if (err)
    return err;
  outcome.event.steps_left = &outcome.steps_left;
  identify(work, &outcome, name, entry);
  err = recall(work, entry, &outcome);
  if (!err)
    err = recall_twin(work, entry, &outcome);
  if (!err)
    err = kh_work_rules(work, name, &outcome);
  if (!err)
    err = commit(work, entry, &outcome);
  if (!err)
    log_outcome(work, entry, &outcome);
  work->deliveries = err ? 0 : outcome.made.count;
  if (err == KH_ERR_STORE || err == KH_ERR_NO_SPACE)
    (void)kh_diag_set(diag, err, "%s", kh_batch_problem(&work->store.batch));
  else if (err)
    (void)kh_diag_set(diag, err, "its notifications could not be kept");

  kh_work_rules_release(&outcome);
  kh_sighting_release(&outcome.sighting);
  return err;
}
