#include "base/base.h"

#include "language/condition/regex.h"
#include "language/names/names_event.h"
#include "receive/transition.h"
#include "rules/decision.h"
#include "work.h"

enum { ENTRY_MAX_BYTES = 64 * 1024 * 1024 + KH_ENTRY_LINE_MAX_BYTES + 1 };
/* Half of it ends a batch; the lines of one more webhook, under KH_RULES_MAX rules, fit into the rest. */
enum { LINES_MAX_BYTES = 16 * 1024 * 1024 };

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
  kh_buf_init(&work->lines, LINES_MAX_BYTES);
}

void kh_work_release(struct kh_work *work)
{
  kh_buf_release(&work->lines);
  kh_buf_release(&work->entry);
  kh_past_release(&work->past);
  kh_json_release(&work->json);
}

/* ---- log lines wait for their batch: a line that says "done" must be true ---- */

/* Rather too early than never. */
static void hold_line(void *self, struct kh_str line)
{
  struct kh_work *work = self;

  if (line.len > work->lines.max - work->lines.len)
    kh_work_release_lines(work);
  if (kh_buf_add(&work->lines, line)) {
    work->log.write(work->log.self, KH_STR("{\"level\":\"ERROR\",\"message\":\"out of memory\"}\n"));
    work->log.write(work->log.self, line);
    kh_buf_clear(&work->lines);
  }
}

static struct kh_log held_log(struct kh_work *work)
{
  struct kh_log log = work->log;

  log.write = hold_line;
  log.self = work;
  return log;
}

void kh_work_release_lines(struct kh_work *work)
{
  struct kh_str rest = kh_buf_view(&work->lines);

  while (rest.len > 0) {
    struct kh_str line = kh_str_cut(&rest, '\n');
    work->log.write(work->log.self, kh_str(line.at, line.len + 1));
  }
  kh_buf_clear(&work->lines);
}

/* ---- one webhook ---- */

struct outcome {
  struct kh_event event;
  struct kh_claim claim;
  unsigned char event_digest[KH_DIGEST_BYTES]; /* names the event in the ids of its deliveries */
  struct kh_sighting sighting;
  bool is_remembered; /* the sighting, in work->past */
  struct kh_facts facts;
  bool has_transition, is_twin; /* that others may have told; and it is one that they have */
  unsigned char transition[KH_DIGEST_BYTES];
  struct kh_deliveries made;              /* owned: of each rule that matched those of its places */
  unsigned char (*told)[KH_DIGEST_BYTES]; /* owned: of what rules that speak once per build told */
  size_t told_count;
  size_t steps_left; /* of regular expressions */
  int64_t started_us;
};

static const char *verdict_of(const struct outcome *outcome)
{
  switch (outcome->facts.seen) {
  case KH_SEEN_DONE:
    return "done before";
  case KH_SEEN_REPLAY:
    return "replay";
  case KH_SEEN_REPEAT:
    return "repeat";
  case KH_SEEN_NEVER:
    break;
  }
  return outcome->is_twin ? "repeat" : "done";
}

/* It did not match, or its message took the other way; whoever wrote it must hear why. */
static void log_undecided(struct kh_work *work, const char *name, const struct kh_rule *rule,
                          const struct kh_mistake *why)
{
  struct kh_log log = held_log(work);
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
  struct kh_log log = held_log(work);
  struct kh_log_line line;

  kh_log_begin(&line, &log, KH_ERROR, "rule failed");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(name));
  kh_log_text(&line, KH_LOG_RULE, kh_str_of(rule->name));
  kh_log_text(&line, KH_LOG_NOTIFIER, kh_str_of(rule->notifier->name));
  kh_log_problem(&line, reason, NULL);
  kh_log_text(&line, KH_LOG_DETAIL,
              reason == KH_ERR_NO_PLACE ? KH_STR("a place of it is empty for this webhook, and gets nothing")
                                        : KH_STR("its notification could not be made and is not sent"));
  kh_log_end(&line, &log);
}

/* It matches, and has a good reason to be silent. */
static void log_silent(struct kh_work *work, enum kh_level level, const char *name,
                       const struct kh_rule *rule, const char *message, const char *why)
{
  struct kh_log log = held_log(work);
  struct kh_log_line line;

  kh_log_begin(&line, &log, level, message);
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(name));
  kh_log_text(&line, KH_LOG_RULE, kh_str_of(rule->name));
  kh_log_text(&line, KH_LOG_DETAIL, kh_str_of(why));
  kh_log_end(&line, &log);
}

static bool speaks_once(const struct kh_rule *rule, const struct outcome *outcome)
{
  return rule->match.is_once_per_build && outcome->is_remembered;
}

/* Does RULE match, and has not said it before? */
static enum kh_err decide(struct kh_work *work, const char *name, const struct kh_rule *rule,
                          const struct kh_rendering *rendering, struct outcome *outcome, bool *speaks)
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
                                   struct outcome *outcome, size_t begin)
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
                              struct kh_rendering *rendering, struct outcome *outcome)
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

static enum kh_err apply_rules(struct kh_work *work, const char *name, struct outcome *outcome)
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

/* ---- what came before ---- */

static void log_damaged(struct kh_work *work, const struct outcome *outcome)
{
  struct kh_log log = held_log(work);
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
static enum kh_err recall(struct kh_work *work, const struct kh_entry *entry, struct outcome *outcome)
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
static enum kh_err recall_twin(struct kh_work *work, const struct kh_entry *entry, struct outcome *outcome)
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

static struct kh_str text_member(struct kh_json_value object, struct kh_str key, struct kh_buf *into)
{
  struct kh_json_value member = kh_json_get(object, key);

  if (kh_json_type(member) == KH_JSON_STRING)
    (void)!kh_json_text(member, into);
  return kh_buf_view(into);
}

static enum kh_err commit(struct kh_work *work, const struct kh_entry *entry, const struct outcome *outcome)
{
  const struct kh_event *event = &outcome->event;
  struct kh_buf pipeline, branch, state;
  enum kh_err err;

  kh_buf_init(&pipeline, 4096);
  kh_buf_init(&branch, 64 * 1024);
  kh_buf_init(&state, 4096);
  (void)!kh_event_build_state(event, &state);
  const struct kh_journal journal = {
      .entry = outcome->claim.entry,
      .request_id = kh_str_of(entry->request_id),
      .event = kh_str_of(event->name),
      .organization = kh_str_of(event->organization),
      .pipeline = text_member(event->pipeline, KH_STR("slug"), &pipeline),
      .branch = text_member(event->build, KH_STR("branch"), &branch),
      .state = kh_buf_view(&state),
      .verdict = kh_str_of(verdict_of(outcome)),
      .build_number = event->build_number,
      .received_us = entry->received_us,
      .done_us = kh_clock_now_us(work->clock),
      .deliveries = outcome->made.count,
      .is_repeat = outcome->facts.seen != KH_SEEN_NEVER || outcome->is_twin,
  };
  err = kh_memory_commit(&work->store.memory, &outcome->claim, &journal);
  if (!err && outcome->is_remembered)
    err = kh_memory_remember(&work->store.memory, &outcome->claim, &outcome->sighting, &work->past);
  if (!err && outcome->has_transition)
    err = kh_memory_tell(&work->store.memory, outcome->transition, outcome->claim.now_us, 0);
  for (size_t i = 0; !err && i < outcome->made.count; i++)
    err = kh_queue_owe(&work->store.queue, &outcome->made.at[i]);
  /* What is owed is told. */
  for (size_t i = 0; !err && i < outcome->told_count; i++)
    err = kh_memory_tell(&work->store.memory, outcome->told[i], outcome->claim.now_us, 0);
  kh_buf_release(&state);
  kh_buf_release(&branch);
  kh_buf_release(&pipeline);
  return err;
}

static void log_outcome(struct kh_work *work, const struct kh_entry *entry, const struct outcome *outcome)
{
  struct kh_log log = held_log(work);
  struct kh_log_line line;
  bool fresh = outcome->facts.seen == KH_SEEN_NEVER && !outcome->is_twin;

  kh_log_begin(&line, &log, fresh ? KH_INFO : KH_WARN, "webhook handled");
  kh_log_text(&line, KH_LOG_ENTRY, outcome->claim.entry);
  kh_log_text(&line, KH_LOG_REQUEST_ID, kh_str_of(entry->request_id));
  kh_event_log(&outcome->event, &line);
  kh_log_text(&line, KH_LOG_VERDICT, kh_str_of(verdict_of(outcome)));
  for (size_t i = 0; i < outcome->made.count; i++)
    if (i == 0 || strcmp(outcome->made.at[i].rule, outcome->made.at[i - 1].rule) != 0)
      kh_log_item(&line, KH_LOG_RULES_MATCHED, kh_str_of(outcome->made.at[i].rule));
  kh_log_number(&line, KH_LOG_DELIVERIES, (int64_t)outcome->made.count);
  kh_log_number(&line, KH_LOG_DURATION_US, kh_clock_ticks_us(work->clock) - outcome->started_us);
  kh_log_end(&line, &log);
}

/* Who it is, for memory, and for whoever remembers the ids of deliveries. */
static void identify(const struct kh_work *work, struct outcome *outcome, const char *name,
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
  struct outcome outcome = {.steps_left = KH_REGEX_STEPS_WEBHOOK,
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
    err = apply_rules(work, name, &outcome);
  if (!err)
    err = commit(work, entry, &outcome);
  if (!err)
    log_outcome(work, entry, &outcome);
  work->deliveries = err ? 0 : outcome.made.count;
  if (err == KH_ERR_STORE || err == KH_ERR_NO_SPACE)
    (void)kh_diag_set(diag, err, "%s", kh_batch_problem(&work->store.batch));
  else if (err)
    (void)kh_diag_set(diag, err, "its notifications could not be kept");

  kh_deliveries_release(&outcome.made);
  free(outcome.told);
  kh_sighting_release(&outcome.sighting);
  return err;
}

/* ---- a batch of entries ---- */

static void log_aside(struct kh_work *work, const char *name, enum kh_err reason, const struct kh_diag *why)
{
  struct kh_log_line line;

  kh_log_begin(&line, &work->log, KH_ERROR, "inbox aside");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(name));
  kh_log_text(&line, KH_LOG_VERDICT, KH_STR("aside"));
  kh_log_problem(&line, reason, why);
  kh_log_end(&line, &work->log);
}

static bool is_unproven(enum kh_err err)
{
  return err == KH_ERR_ENTRY_SECRET_GONE || err == KH_ERR_ENTRY_MAC;
}

static enum kh_err open_entry(const struct kh_work *work, struct kh_buf *event_text, struct kh_entry *entry,
                              struct kh_diag *why)
{
  const struct kh_str bytes = kh_buf_view(&work->entry);
  enum kh_err first = kh_entry_open(bytes, &work->config->signatures, &work->config->tokens, event_text,
                                    entry, why);
  enum kh_err err = first;

  for (unsigned n = 0; is_unproven(err) && work->also_proves; n++) {
    const struct kh_config *other = work->also_proves(work->owner, n);

    if (!other)
      return first;
    kh_buf_clear(event_text);
    err = kh_entry_open(bytes, &other->signatures, &other->tokens, event_text, entry, NULL);
  }
  return err;
}

static enum kh_err work_entry(struct kh_work *work, const char *name, struct kh_diag *why)
{
  struct kh_buf event_text;
  struct kh_entry entry;
  enum kh_err err;

  kh_buf_init(&event_text, KH_EVENT_NAME_BYTES);
  kh_buf_clear(&work->entry);
  err = kh_inbox_read(work->inbox, name, &work->entry);
  if (!err)
    err = open_entry(work, &event_text, &entry, why);
  if (!err)
    err = kh_work_webhook(work, name, &entry, why);
  kh_buf_release(&event_text);
  return err;
}

/* Errors of the machine rather than of the entry: trying again later may help, setting aside would not. */
static bool is_passing(enum kh_err err)
{
  return err == KH_ERR_STORE || err == KH_ERR_NO_SPACE || err == KH_ERR_INBOX_IO || err == KH_ERR_IO ||
         err == KH_ERR_NO_MEMORY;
}

/* What cannot even be set aside stays where it is, and holds up no other. */
static enum kh_err set_aside(struct kh_work *work, const char *name, enum kh_err reason,
                             const struct kh_diag *why, struct kh_diag *diag)
{
  enum kh_err err = kh_inbox_set_aside(work->inbox, name, reason, why);

  if (err)
    return kh_diag_set(diag, err, "%s cannot be set aside: %s", name, strerror(errno));
  log_aside(work, name, reason, why);
  return KH_OK;
}

/* Those of a batch that are not to be removed; STUCK of them cannot be taken at all, and why the first. */
struct stay {
  bool stays[KH_WORK_BATCH];
  size_t stuck;
  struct kh_diag why;
};

/* *COUNT becomes less where their log lines would be too many to be held. */
static enum kh_err work_batch(struct kh_work *work, char (*names)[KH_ENTRY_NAME_BYTES], size_t *count,
                              struct stay *stay, struct kh_diag *diag)
{
  for (size_t i = 0; i < *count; i++) {
    struct kh_diag why = {0};
    enum kh_err err = work_entry(work, names[i], &why);

    stay->stays[i] = err != KH_OK;
    if (work->lines.len > LINES_MAX_BYTES / 2)
      *count = i + 1;
    if (!err || err == KH_ERR_NOT_FOUND)
      continue;
    if (is_passing(err))
      return kh_diag_set(diag, err, "%s: %s", names[i], why.text[0] ? why.text : strerror(errno));
    err = set_aside(work, names[i], err, &why, &stay->why);
    if (err == KH_ERR_INBOX_IO)
      stay->stuck++;
    else if (err)
      return kh_diag_set(diag, err, "%s", stay->why.text);
  }
  return KH_OK;
}

/* One transaction of *COUNT, which may become less, and what comes after it. */
static enum kh_err work_names(struct kh_work *work, char (*names)[KH_ENTRY_NAME_BYTES], size_t *count,
                              struct kh_diag *diag)
{
  struct stay stay = {0};

  kh_buf_clear(&work->lines);
  enum kh_err err = kh_batch_begin(&work->store.batch);
  if (!err)
    err = work_batch(work, names, count, &stay, diag);
  if (!err)
    err = kh_batch_end(&work->store.batch);
  if (err) {
    (void)kh_diag_set(diag, err, "%s", kh_batch_problem(&work->store.batch));
    kh_batch_drop(&work->store.batch);
    kh_buf_clear(&work->lines);
    return err;
  }
  kh_work_release_lines(work);
  for (size_t i = 0; i < *count && !err; i++)
    if (!stay.stays[i])
      err = kh_inbox_remove(work->inbox, names[i]);
  if (err)
    return kh_diag_set(diag, err, "%s: %s", work->inbox->path, strerror(errno));
  return stay.stuck == *count ? kh_diag_set(diag, KH_ERR_INBOX_IO, "%s", stay.why.text) : KH_OK;
}

/* What was taken makes room for the rest, and so does the log of a transaction. */
static void adapt_batch(struct kh_work *work, size_t count, enum kh_err err)
{
  if (err == KH_ERR_NO_SPACE)
    work->batch_max = count > 1 ? count / 2 : 1;
  if (work->batch_max == KH_WORK_BATCH && kh_store_has_spare(&work->store))
    return;
  (void)!kh_store_tidy(&work->store);
  if (!err && kh_store_has_spare(&work->store))
    work->batch_max = KH_WORK_BATCH;
}

enum kh_err kh_work_inbox(struct kh_work *work, size_t *taken, struct kh_diag *diag)
{
  char names[KH_WORK_BATCH][KH_ENTRY_NAME_BYTES];
  struct kh_diag why;
  bool again = true;

  *taken = 0;
  if (!kh_store_has_spare(&work->store))
    work->batch_max = 1;
  enum kh_err err = kh_inbox_list(work->inbox, names, work->batch_max, taken);
  if (err)
    return kh_diag_set(diag, err, "%s: %s", work->inbox->path, strerror(errno));
  while (*taken > 0 && again) {
    why = (struct kh_diag){0};
    err = work_names(work, names, taken, &why);
    adapt_batch(work, *taken, err);
    again = err == KH_ERR_NO_SPACE && *taken > 1;
    if (again)
      *taken = work->batch_max;
  }
  return err ? kh_diag_set(diag, err, "%s", why.text) : KH_OK;
}
