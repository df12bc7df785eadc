#include "base/base.h"

#include "inbox/room.h"
#include "memory/sqlite/batch.h"

enum { ROWS_BYTES = 16 * 1024 }; /* the pages that one webhook's rows change in tables and indexes */

static enum kh_err find(struct kh_call call, bool *found)
{
  enum kh_err err = kh_call_row(&call);

  *found = err == KH_OK;
  kh_call_end(&call);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static enum kh_err find_entry(struct kh_memory *memory, const struct kh_claim *claim, bool *found)
{
  struct kh_call call = kh_call(memory->db, KH_SQL_IN_JOURNAL);

  kh_call_text(&call, claim->entry);
  return find(call, found);
}

/* Looking for a claim and remembering it take the same three values. */
static struct kh_call signature_call(struct kh_memory *memory, enum kh_statement statement,
                                     const struct kh_claim *claim)
{
  struct kh_call call = kh_call(memory->db, statement);

  kh_call_text(&call, claim->signature);
  kh_call_number(&call, claim->now_us);
  kh_call_number(&call, memory->replay_window_us);
  return call;
}

static struct kh_call body_call(struct kh_memory *memory, enum kh_statement statement,
                                const struct kh_claim *claim)
{
  struct kh_call call = kh_call(memory->db, statement);

  kh_call_bytes(&call, claim->body_digest, sizeof claim->body_digest);
  kh_call_number(&call, claim->now_us);
  kh_call_number(&call, kh_body_window_us);
  return call;
}

enum kh_err kh_claims_begin(void *self, const struct kh_claim *claim, struct kh_facts *facts)
{
  struct kh_memory *memory = self;
  bool found = false;
  enum kh_err err;

  facts->seen = KH_SEEN_DONE;
  err = find_entry(memory, claim, &found);
  if (err || found)
    goto done;

  facts->seen = KH_SEEN_REPLAY;
  if (claim->signature.len > 0)
    err = find(signature_call(memory, KH_SQL_SIGNATURE_SEEN, claim), &found);
  if (err || found)
    goto done;

  facts->seen = KH_SEEN_REPEAT;
  if (!claim->is_ping)
    err = find(body_call(memory, KH_SQL_BODY_SEEN, claim), &found);
  if (err || found)
    goto done;

  facts->seen = KH_SEEN_NEVER;

done:
  return kh_memory_note(memory, err);
}

static enum kh_err write_journal(struct kh_memory *memory, const struct kh_journal *journal)
{
  struct kh_call call = kh_call(memory->db, KH_SQL_JOURNAL);
  const struct kh_str texts[] = {journal->entry,        journal->request_id, journal->event,
                                 journal->organization, journal->pipeline,   journal->branch,
                                 journal->state,        journal->verdict};

  for (size_t i = 0; i < KH_COUNT(texts); i++)
    kh_call_text(&call, texts[i]);
  kh_call_number(&call, journal->build_number);
  kh_call_number(&call, journal->received_us);
  kh_call_number(&call, journal->done_us);
  kh_call_number(&call, (int64_t)journal->deliveries);
  return kh_call_run(&call);
}

static enum kh_err remember(struct kh_memory *memory, const struct kh_claim *claim)
{
  enum kh_err err = KH_OK;

  if (claim->signature.len > 0) {
    struct kh_call call = signature_call(memory, KH_SQL_SIGNATURE, claim);
    err = kh_call_run(&call);
  }
  if (!err && !claim->is_ping) {
    struct kh_call call = body_call(memory, KH_SQL_BODY, claim);
    err = kh_call_run(&call);
  }
  return err;
}

static uint64_t left_bytes(const char *state)
{
  struct statvfs about;

  return statvfs(state, &about) ? UINT64_MAX : kh_room_of(&about, 0).left_bytes;
}

/*
 * What a batch writes needs room twice: in the write-ahead log and, before that goes, in the database. A
 * batch that left too little for the second time would be the last one. One webhook alone may try: the spare
 * is there for its second time.
 */
static bool batch_has_room(struct kh_memory *memory, const struct kh_delivery *deliveries, size_t count)
{
  memory->batch_webhooks++;
  memory->batch_bytes += ROWS_BYTES;
  for (size_t i = 0; i < count; i++)
    memory->batch_bytes += deliveries[i].body.len;
  if (memory->batch_webhooks == 2)
    memory->batch_room = left_bytes(memory->state);
  return memory->batch_webhooks == 1 || (memory->batch_room >= memory->log_bytes &&
                                         memory->batch_room - memory->log_bytes >= 2 * memory->batch_bytes);
}

enum kh_err kh_claims_commit(void *self, const struct kh_claim *claim, const struct kh_journal *journal,
                             const struct kh_delivery *deliveries, size_t count)
{
  struct kh_memory *memory = self;
  bool known = false;
  enum kh_err err;

  if (!memory->in_batch)
    return kh_db_fail(memory->db, "no batch is open");
  if (memory->batch_failed)
    return KH_ERR_STORE; /* after a full disk every statement would be a transaction of its own */
  err = find_entry(memory, claim, &known);
  if (err || known)
    goto done;
  if (!batch_has_room(memory, deliveries, count)) {
    (void)kh_db_fail(memory->db, "the disk is nearly full");
    err = KH_ERR_NO_SPACE;
    goto done;
  }
  if (claim->now_us > memory->latest_us)
    memory->latest_us = claim->now_us;
  err = write_journal(memory, journal);
  if (!err)
    err = remember(memory, claim);
  for (size_t i = 0; !err && i < count; i++)
    err = kh_owed_add(memory, &deliveries[i]);

done:
  return kh_memory_note(memory, err);
}

enum kh_err kh_claims_prune(struct kh_memory *memory)
{
  const int64_t keep_us[] = {(int64_t)KH_JOURNAL_AGE_S * 1000000, memory->replay_window_us,
                             kh_body_window_us};
  const enum kh_statement prunes[] = {KH_SQL_PRUNE_JOURNAL, KH_SQL_PRUNE_SIGNATURES, KH_SQL_PRUNE_BODIES};
  enum kh_err err = KH_OK;

  for (size_t i = 0; !err && i < KH_COUNT(prunes); i++) {
    struct kh_call call = kh_call(memory->db, prunes[i]);

    kh_call_number(&call, memory->latest_us - keep_us[i]);
    err = kh_call_run(&call);
  }
  return err;
}
