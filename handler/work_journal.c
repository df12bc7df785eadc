#include "base/base.h"

#include "base/json_put.h"
#include "kept/kept.h"
#include "kept/masked.h"
#include "work_parts.h"

enum { TEXT_MAX_BYTES = 64 * 1024, NOTES_MAX_BYTES = 256 };

enum kh_reason kh_work_verdict(const struct kh_outcome *outcome)
{
  if (outcome->facts.seen == KH_SEEN_REPLAY)
    return KH_REASON_REPLAY;
  return outcome->facts.seen == KH_SEEN_REPEAT || outcome->is_twin ? KH_REASON_REPEAT : KH_REASON_DONE;
}

static struct kh_str proof_of(const struct kh_verified *verified)
{
  switch (verified->proof) {
  case KH_PROOF_SIGNATURE:
    return KH_STR("signature");
  case KH_PROOF_TOKEN:
    return KH_STR("token");
  case KH_PROOF_PARTNER:
    break;
  }
  return KH_STR("eventbridge");
}

/* ---- texts of the body ---- */

/* All in one buffer, which may move until it is whole: where each of them ends. */
enum text { PIPELINE, BRANCH, STATE, BUILD_ID, JOB, TEXTS };

struct texts {
  struct kh_buf bytes;
  size_t ends[TEXTS];
};

static void add_member(struct texts *texts, enum text text, struct kh_json_value object, struct kh_str key)
{
  struct kh_json_value member = kh_json_get(object, key);

  if (kh_json_type(member) == KH_JSON_STRING)
    (void)!kh_json_text(member, &texts->bytes);
  texts->ends[text] = texts->bytes.len;
}

/* A branch may be called by an address. */
static void add_branch(struct texts *texts, const struct kh_event *event)
{
  struct kh_json_value member = kh_json_get(event->build, KH_STR("branch"));
  struct kh_buf branch;

  kh_buf_init(&branch, TEXT_MAX_BYTES);
  if (kh_json_type(member) == KH_JSON_STRING)
    (void)!kh_json_text(member, &branch);
  (void)kh_masked_text(kh_buf_view(&branch), &texts->bytes);
  texts->ends[BRANCH] = texts->bytes.len;
  kh_buf_release(&branch);
}

static void add_texts(struct texts *texts, const struct kh_event *event)
{
  kh_buf_init(&texts->bytes, TEXT_MAX_BYTES);
  add_member(texts, PIPELINE, event->pipeline, KH_STR("slug"));
  add_branch(texts, event);
  (void)!kh_event_build_state(event, &texts->bytes);
  texts->ends[STATE] = texts->bytes.len;
  add_member(texts, BUILD_ID, event->build, KH_STR("id"));
  add_member(texts, JOB, event->job, KH_STR("id"));
}

static struct kh_str text_of(const struct texts *texts, enum text text)
{
  const size_t begin = text > 0 ? texts->ends[text - 1] : 0;

  return kh_str(kh_buf_text(&texts->bytes) + begin, texts->ends[text] - begin);
}

/* ---- a line ---- */

/* What was asked of it, and its values: of one that was new, where anybody can read it later. */
static enum kh_err add_kept(struct kh_work *work, const struct kh_entry *entry,
                            const struct kh_outcome *outcome, struct kh_journal *journal)
{
  enum kh_err err = KH_OK;

  kh_buf_clear(&work->kept);
  if (!work->remembers || work->config->journal_max_entries == 0 || journal->verdict != KH_REASON_DONE)
    return KH_OK;
  if (!work->is_listed)
    err = kh_rules_list(work->config, work->rules, &work->listed);
  work->is_listed = !err;
  if (err) {
    kh_rules_listed_release(&work->listed);
    return err;
  }
  if (outcome->decisions) {
    journal->rules = &work->listed.list;
    journal->decisions = kh_str((const char *)outcome->decisions, work->rules->count);
    journal->notes = kh_buf_view(&outcome->notes);
  }
  err = kh_kept_write(&outcome->event, &outcome->facts.history, entry->verified.timestamp_s, &work->kept);
  if (!err)
    journal->kept = kh_buf_view(&work->kept);
  return err == KH_ERR_LIMIT ? KH_OK : err;
}

enum kh_err kh_work_journal(struct kh_work *work, const struct kh_entry *entry,
                            const struct kh_outcome *outcome)
{
  const struct kh_event *event = &outcome->event;
  struct texts texts;

  add_texts(&texts, event);
  struct kh_journal journal = {
      .entry = outcome->claim.entry,
      .request_id = kh_str_of(entry->request_id),
      .event = kh_str_of(event->name),
      .organization = kh_str_of(event->organization),
      .pipeline = text_of(&texts, PIPELINE),
      .branch = text_of(&texts, BRANCH),
      .state = text_of(&texts, STATE),
      .build_id = text_of(&texts, BUILD_ID),
      .job = text_of(&texts, JOB),
      .proof = proof_of(&entry->verified),
      .secret = entry->verified.by ? kh_str_of(entry->verified.by->name) : KH_NO_STR,
      .verdict = kh_work_verdict(outcome),
      .build_number = event->build_number,
      .received_us = entry->received_us,
      .done_us = kh_clock_now_us(work->clock),
      .sent_s = entry->verified.timestamp_s,
      .bytes = (int64_t)entry->verified.body.len,
      .deliveries = outcome->made.count,
  };
  enum kh_err err = add_kept(work, entry, outcome, &journal);
  if (!err)
    err = kh_memory_commit(&work->store.memory, &outcome->claim, &journal);
  kh_buf_release(&texts.bytes);
  return err;
}

enum kh_err kh_work_journal_aside(struct kh_work *work, const char *name, enum kh_err reason)
{
  const int64_t now_us = kh_clock_now_us(work->clock);
  struct kh_buf notes;

  kh_buf_init(&notes, NOTES_MAX_BYTES);
  (void)kh_buf_printf(&notes, "{\"aside\":\"%s\"}", kh_err_token(reason));
  const struct kh_journal journal = {.entry = kh_str_of(name),
                                     .verdict = KH_REASON_ASIDE,
                                     .received_us = now_us,
                                     .done_us = now_us,
                                     .notes = kh_buf_view(&notes)};
  const enum kh_err err = kh_memory_note_aside(&work->store.memory, &journal);
  kh_buf_release(&notes);
  return err;
}
