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

static enum kh_err find_entry(struct kh_sqlite *sqlite, const struct kh_claim *claim, bool *found)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_ENTRY_SEEN);

  kh_call_text(&call, claim->entry);
  return find(call, found);
}

/* Looking for a claim and remembering it take the same three values. */
static struct kh_call signature_call(struct kh_sqlite *sqlite, enum kh_statement statement,
                                     const struct kh_claim *claim)
{
  struct kh_call call = kh_call(sqlite->db, statement);

  kh_call_text(&call, claim->signature);
  kh_call_number(&call, claim->now_us);
  kh_call_number(&call, sqlite->replay_window_us);
  return call;
}

static struct kh_call body_call(struct kh_sqlite *sqlite, enum kh_statement statement,
                                const struct kh_claim *claim)
{
  struct kh_call call = kh_call(sqlite->db, statement);

  kh_call_bytes(&call, claim->body_digest, sizeof claim->body_digest);
  kh_call_number(&call, claim->now_us);
  kh_call_number(&call, claim->body_window_s * 1000000);
  return call;
}

static enum kh_err begin(void *self, const struct kh_claim *claim, enum kh_seen *seen)
{
  struct kh_sqlite *sqlite = self;
  bool found = false;
  enum kh_err err = find_entry(sqlite, claim, &found);

  *seen = KH_SEEN_DONE;
  if (!err && !found && claim->signature.len > 0) {
    *seen = KH_SEEN_REPLAY;
    err = find(signature_call(sqlite, KH_SQL_SIGNATURE_SEEN, claim), &found);
  }
  if (!err && !found && claim->body_window_s > 0) {
    *seen = KH_SEEN_REPEAT;
    err = find(body_call(sqlite, KH_SQL_BODY_SEEN, claim), &found);
  }
  if (!err && !found)
    *seen = KH_SEEN_NEVER;
  return kh_sqlite_note(sqlite, err);
}

/* Anew where it was claimed long ago: as long as its file lies there, it must not be forgotten. */
static enum kh_err remember_entry(struct kh_sqlite *sqlite, const struct kh_claim *claim, int64_t done_us)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_ENTRY);

  kh_call_text(&call, claim->entry);
  kh_call_number(&call, done_us);
  return kh_call_run(&call);
}

static enum kh_err remember(struct kh_sqlite *sqlite, const struct kh_claim *claim)
{
  enum kh_err err = KH_OK;

  if (claim->signature.len > 0) {
    struct kh_call call = signature_call(sqlite, KH_SQL_SIGNATURE, claim);
    err = kh_call_run(&call);
  }
  if (!err && claim->body_window_s > 0) {
    struct kh_call call = body_call(sqlite, KH_SQL_BODY, claim);
    err = kh_call_run(&call);
  }
  return err;
}

static uint64_t left_bytes(const char *state)
{
  struct statvfs about;

  return statvfs(state, &about) ? UINT64_MAX : kh_room_of(&about, 0).left_bytes;
}

/* What a line is about to write beside that. */
static uint64_t line_bytes(const struct kh_sqlite *sqlite, const struct kh_journal *journal)
{
  const bool is_listed = !journal->rules || kh_sqlite_knows_rules(sqlite, journal->rules);

  return journal->kept.len + journal->notes.len + (is_listed ? 0 : journal->rules->json.len);
}

static enum kh_err commit(void *self, const struct kh_claim *claim, const struct kh_journal *journal)
{
  struct kh_sqlite *sqlite = self;
  bool known = false;
  enum kh_err err = kh_sqlite_need_batch(sqlite);

  if (err)
    return err;
  sqlite->webhook = 0;
  err = find_entry(sqlite, claim, &known);
  if (!err && known)
    err = remember_entry(sqlite, claim, journal->done_us);
  if (err || known)
    goto done;
  /* One webhook alone may try: the spare is there for its second time. */
  if (++sqlite->batch_webhooks == 2)
    sqlite->batch_room = left_bytes(sqlite->state);
  err = kh_sqlite_take_room(sqlite, ROWS_BYTES + line_bytes(sqlite, journal));
  if (err)
    goto done;
  if (claim->now_us > sqlite->latest_us)
    sqlite->latest_us = claim->now_us;
  if (journal->done_us > sqlite->done_us)
    sqlite->done_us = journal->done_us;
  err = kh_sqlite_journal(sqlite, journal);
  if (!err)
    err = remember_entry(sqlite, claim, journal->done_us);
  if (!err)
    err = remember(sqlite, claim);
  if (!err)
    kh_sqlite_count(sqlite, kh_journal_is_repeat(journal) ? KH_COUNTED_REPEAT : KH_COUNTED_ACCEPTED, 1,
                    journal->done_us);

done:
  return kh_sqlite_note(sqlite, err);
}

static enum kh_err note_aside(void *self, const struct kh_journal *journal)
{
  struct kh_sqlite *sqlite = self;
  enum kh_err err = kh_sqlite_need_batch(sqlite);

  if (!err)
    err = kh_sqlite_take_room(sqlite, ROWS_BYTES);
  if (!err && journal->done_us > sqlite->latest_us)
    sqlite->latest_us = journal->done_us;
  if (!err)
    err = kh_sqlite_journal(sqlite, journal);
  return kh_sqlite_note(sqlite, err);
}

const struct kh_memory_ops kh_sqlite_memory = {.begin = begin,
                                               .recall = kh_sqlite_recall,
                                               .remember = kh_sqlite_remember,
                                               .was_told = kh_sqlite_was_told,
                                               .tell = kh_sqlite_tell,
                                               .commit = commit,
                                               .note_aside = note_aside,
                                               .keep = kh_sqlite_keep};
