#include "base/base.h"

#include "memory/sqlite/batch.h"
#include "memory/sqlite/journal.h"

/*
 * Of SQLite's file format: what a page of 4096 bytes takes of the cells of a table, and what of a long one
 * stays on it. A cell has two numbers before the row and a pointer; a row begins with the kinds of its
 * columns, and its times and numbers follow.
 */
enum { PAGE = 4096, PAGE_USED = 4088, LOCAL_MAX = 4061, LOCAL_MIN = 489, OVERFLOW_USED = 4092 };
enum { CELL_BYTES = 8, ROW_BYTES = 56 };

enum { OLD_MAX = 512 }; /* of one batch, but for the room that it needs */

/* ---- a line ---- */

/* Where a row of PAYLOAD bytes ends that is appended where the rows before it end. */
static int64_t end_behind(int64_t end, int64_t payload)
{
  int64_t local = payload;

  if (payload > LOCAL_MAX) {
    local = LOCAL_MIN + (payload - LOCAL_MIN) % OVERFLOW_USED;
    if (local > LOCAL_MAX)
      local = LOCAL_MIN;
    end += (payload - local + OVERFLOW_USED - 1) / OVERFLOW_USED * PAGE;
  }
  if (end % PAGE + local + CELL_BYTES > PAGE_USED)
    end += PAGE - end % PAGE;
  return end + local + CELL_BYTES;
}

enum kh_err kh_db_journal_end(struct kh_db *db, struct kh_journal_end *end)
{
  struct kh_call call = kh_call(db, KH_SQL_JOURNAL_END);
  enum kh_err err = kh_call_row(&call);

  *end = (struct kh_journal_end){0};
  if (!err)
    *end = (struct kh_journal_end){kh_call_number_at(&call, 0), kh_call_number_at(&call, 1)};
  kh_call_end(&call);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static enum kh_err find_rule_list(struct kh_db *db, const struct kh_rule_list *rules, int64_t *id)
{
  struct kh_call call = kh_call(db, KH_SQL_RULE_LIST);

  kh_call_bytes(&call, rules->digest, sizeof rules->digest);
  enum kh_err err = kh_call_row(&call);
  if (!err)
    *id = kh_call_number_at(&call, 0);
  kh_call_end(&call);
  return err;
}

enum kh_err kh_db_rule_list(struct kh_db *db, const struct kh_rule_list *rules, int64_t *id)
{
  enum kh_err err = find_rule_list(db, rules, id);

  if (err != KH_ERR_NOT_FOUND)
    return err;
  struct kh_call call = kh_call(db, KH_SQL_RULE_LIST_NEW);
  kh_call_bytes(&call, rules->digest, sizeof rules->digest);
  kh_call_text(&call, rules->json);
  err = kh_call_row(&call);
  if (!err)
    *id = kh_call_number_at(&call, 0);
  kh_call_end(&call);
  return err;
}

enum kh_err kh_db_write_journal(struct kh_db *db, const struct kh_journal *journal, int64_t rule_list,
                                struct kh_journal_end *end)
{
  const struct kh_str texts[] = {
      journal->entry,    journal->request_id, journal->event, journal->organization,
      journal->pipeline, journal->branch,     journal->state, kh_str_of(kh_reason_word(journal->verdict)),
      journal->build_id, journal->job,        journal->proof, journal->secret};
  int64_t payload = ROW_BYTES + (int64_t)(journal->decisions.len + journal->notes.len + journal->kept.len);

  for (size_t i = 0; i < KH_COUNT(texts); i++)
    payload += (int64_t)texts[i].len;
  *end = (struct kh_journal_end){end->seq + 1, end_behind(end->bytes, payload)};
  const int64_t numbers[] = {end->seq,
                             end->bytes,
                             journal->done_us,
                             journal->received_us,
                             rule_list,
                             journal->build_number,
                             (int64_t)journal->deliveries,
                             journal->sent_s,
                             journal->bytes};
  struct kh_call call = kh_call(db, KH_SQL_JOURNAL);
  for (size_t i = 0; i < KH_COUNT(numbers); i++)
    kh_call_number(&call, numbers[i]);
  for (size_t i = 0; i < KH_COUNT(texts); i++)
    kh_call_text(&call, texts[i]);
  kh_call_bytes(&call, journal->decisions.len > 0 ? journal->decisions.at : "", journal->decisions.len);
  kh_call_text(&call, journal->notes);
  kh_call_bytes(&call, journal->kept.len > 0 ? journal->kept.at : "", journal->kept.len);
  return kh_call_run(&call);
}

struct kh_call kh_db_owe(struct kh_db *db, const struct kh_delivery *delivery, int64_t webhook)
{
  struct kh_call call = kh_call(db, KH_SQL_OWE);
  const char *const names[] = {delivery->id,    delivery->rule,  delivery->notifier, delivery->credential,
                               delivery->place, delivery->entry, delivery->event};

  for (size_t i = 0; i < KH_COUNT(names); i++)
    kh_call_text(&call, kh_str_of(names[i]));
  kh_call_bytes(&call, kh_buf_text(&delivery->body), delivery->body.len);
  kh_call_number(&call, delivery->attempt);
  kh_call_number(&call, delivery->not_before_us);
  kh_call_number(&call, delivery->expires_us);
  kh_call_number(&call, delivery->created_us);
  kh_call_number(&call, webhook);
  kh_call_text(&call, kh_str_of(delivery->subject));
  return call;
}

/* ---- in a batch ---- */

static enum kh_err know_end(struct kh_sqlite *sqlite)
{
  if (sqlite->knows_end)
    return KH_OK;
  enum kh_err err = kh_db_journal_end(sqlite->db, &sqlite->end);
  sqlite->knows_end = !err;
  sqlite->begin_bytes = sqlite->end.bytes;
  return err;
}

/* Lists that no line refers to any more go where a new one comes, before it does. */
static enum kh_err know_rules(struct kh_sqlite *sqlite, const struct kh_rule_list *rules, int64_t *id)
{
  *id = 0;
  if (!rules)
    return KH_OK;
  if (!kh_sqlite_knows_rules(sqlite, rules)) {
    struct kh_call prune = kh_call(sqlite->db, KH_SQL_PRUNE_RULE_LISTS);
    enum kh_err err = kh_call_run(&prune);

    if (!err)
      err = kh_db_rule_list(sqlite->db, rules, &sqlite->rule_list);
    if (err)
      return err;
    memcpy(sqlite->rule_list_digest, rules->digest, sizeof sqlite->rule_list_digest);
  }
  *id = sqlite->rule_list;
  return KH_OK;
}

/* FNV-1a, Fowler, Noll and Vo: it only has to tell a few dozen apart. */
static uint64_t hash_of(uint64_t hash, struct kh_str text)
{
  for (size_t i = 0; i < text.len; i++)
    hash = (hash ^ (unsigned char)text.at[i]) * UINT64_C(0x100000001b3);
  return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

/* That such an event came. Once a day is enough, and so costs the others nothing. */
static enum kh_err see_event(struct kh_sqlite *sqlite, const struct kh_journal *journal)
{
  const uint64_t hash = hash_of(hash_of(UINT64_C(0xcbf29ce484222325), journal->organization), journal->event);
  struct kh_seen_event *seen = &sqlite->seen[hash % KH_COUNT(sqlite->seen)];
  const int64_t day = journal->received_us / KH_DAY_US;

  if (seen->hash == hash && seen->day == day)
    return KH_OK;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_SEE_EVENT);
  kh_call_text(&call, journal->organization);
  kh_call_text(&call, journal->event);
  kh_call_number(&call, journal->received_us);
  enum kh_err err = kh_call_run(&call);
  if (!err)
    *seen = (struct kh_seen_event){hash, day};
  return err;
}

enum kh_err kh_sqlite_journal(struct kh_sqlite *sqlite, const struct kh_journal *journal)
{
  int64_t rule_list = 0;
  enum kh_err err = KH_OK;

  sqlite->webhook = 0;
  if (sqlite->journal.max_entries == 0)
    return KH_OK;
  err = know_end(sqlite);
  if (!err)
    err = know_rules(sqlite, journal->rules, &rule_list);
  if (!err)
    err = kh_db_write_journal(sqlite->db, journal, rule_list, &sqlite->end);
  if (!err && journal->verdict != KH_REASON_ASIDE)
    err = see_event(sqlite, journal);
  if (!err)
    sqlite->webhook = sqlite->end.seq;
  return err;
}

void kh_sqlite_forget_journal(struct kh_sqlite *sqlite)
{
  sqlite->rule_list = 0;
  sqlite->knows_fates = false;
  memset(sqlite->seen, 0, sizeof sqlite->seen);
}

/* ---- fates ---- */

enum kh_err kh_sqlite_fates(struct kh_sqlite *sqlite, struct kh_call *call)
{
  enum kh_err err = KH_OK;

  while (sqlite->journal.max_entries > 0 && !(err = kh_call_row(call)))
    sqlite->fates_bytes += kh_call_number_at(call, 0);
  kh_call_end(call);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static enum kh_err read_number(struct kh_sqlite *sqlite, enum kh_statement statement, int64_t *number)
{
  struct kh_call call = kh_call(sqlite->db, statement);
  enum kh_err err = kh_call_row(&call);

  *number = err ? 0 : kh_call_number_at(&call, 0);
  kh_call_end(&call);
  return err;
}

/* How much they have: counted anew where a person has changed what there is. */
static enum kh_err know_fates(struct kh_sqlite *sqlite)
{
  int64_t version = 0;
  enum kh_err err = read_number(sqlite, KH_SQL_CHANGED_BY_OTHERS, &version);

  if (err || (sqlite->knows_fates && version == sqlite->fates_version))
    return err;
  err = read_number(sqlite, KH_SQL_FATES_BYTES, &sqlite->fates_bytes);
  sqlite->knows_fates = !err;
  sqlite->fates_version = version;
  return err;
}

/* ---- the bounds ---- */

/* Of a row of KH_SQL_JOURNAL_OLD. The last of all stays, however old. */
static bool is_too_old(const struct kh_sqlite *sqlite, const struct kh_call *call, int64_t now_us)
{
  const struct kh_journal_bounds *bounds = &sqlite->journal;
  const int64_t at = kh_call_number_at(call, 0);
  const int64_t from_it_on = sqlite->end.bytes - kh_call_number_at(call, 1) + kh_call_number_at(call, 3);

  return bounds->max_entries == 0 ||
         (at < sqlite->end.seq && (at <= sqlite->end.seq - (int64_t)bounds->max_entries ||
                                   from_it_on + sqlite->fates_bytes > (int64_t)bounds->max_bytes ||
                                   kh_call_number_at(call, 2) < now_us - bounds->keep_s * 1000000));
}

/*
 * Of the oldest, the last that is too old or too much; 0 for none. As many as make room for what this batch
 * wrote, which small ones may do only in thousands; else some, so that new bounds stop nobody for long.
 */
static enum kh_err find_old(struct kh_sqlite *sqlite, int64_t now_us, int64_t *seq)
{
  const int64_t grown = sqlite->end.bytes - sqlite->begin_bytes;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_JOURNAL_OLD);
  int64_t count = 0, begin = 0, room = 0;
  enum kh_err err = KH_OK;

  *seq = 0;
  while ((count < OLD_MAX || room < grown) && !(err = kh_call_row(&call)) &&
         is_too_old(sqlite, &call, now_us)) {
    *seq = kh_call_number_at(&call, 0);
    begin = count++ > 0 ? begin : kh_call_number_at(&call, 1);
    room = kh_call_number_at(&call, 1) - begin;
  }
  kh_call_end(&call);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static enum kh_err prune_fates(struct kh_sqlite *sqlite, int64_t seq)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_PRUNE_ENDED);
  enum kh_err err = KH_OK;

  kh_call_number(&call, seq);
  while (!(err = kh_call_row(&call)))
    sqlite->fates_bytes -= kh_call_number_at(&call, 0);
  kh_call_end(&call);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

enum kh_err kh_sqlite_hold_journal(struct kh_sqlite *sqlite, int64_t now_us)
{
  int64_t seq = 0;
  enum kh_err err = know_end(sqlite);

  if (!err)
    err = know_fates(sqlite);
  if (!err)
    err = find_old(sqlite, now_us, &seq);
  if (err || seq == 0)
    return err;
  struct kh_call prune = kh_call(sqlite->db, KH_SQL_PRUNE_JOURNAL);
  kh_call_number(&prune, seq);
  err = kh_call_run(&prune);
  return err ? err : prune_fates(sqlite, seq);
}
