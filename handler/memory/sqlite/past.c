#include "base/base.h"

#include "memory/sqlite/batch.h"
#include "memory/sqlite/past.h"

enum { ROW_BYTES = 12 * 1024 }; /* beside the row itself, what its page and its indexes take */
static const int64_t second_us = 1000000;

/* In the order of KH_SQL_BRANCH and KH_SQL_BUILD. */
static enum kh_err read_row(struct kh_call *call, struct kh_past_place *place, struct kh_buf *bytes)
{
  enum kh_err err = kh_call_row(call);

  if (!err) {
    *place = (struct kh_past_place){kh_call_number_at(call, 0), kh_call_number_at(call, 1)};
    err = kh_buf_add(bytes, kh_call_text_at(call, 2)) == KH_ERR_NO_MEMORY ? KH_ERR_NO_MEMORY : KH_OK;
  }
  kh_call_end(call);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

enum kh_err kh_db_recall(struct kh_db *db, int64_t branch_keep_us, int64_t now_us,
                         const struct kh_sighting *sighting, struct kh_past *past)
{
  struct kh_call branch = kh_call(db, KH_SQL_BRANCH);
  struct kh_call build = kh_call(db, KH_SQL_BUILD);

  kh_past_clear(past);
  kh_call_bytes(&branch, sighting->branch_key, sizeof sighting->branch_key);
  kh_call_number(&branch, now_us - branch_keep_us);
  enum kh_err err = read_row(&branch, &past->branch_place, &past->branch_bytes);
  if (err)
    return err;
  kh_call_text(&build, sighting->build_id);
  kh_call_number(&build, now_us - KH_BUILD_AGE_S * second_us);
  err = read_row(&build, &past->build_place, &past->build_bytes);
  if (!err)
    kh_past_read(past);
  return err;
}

enum kh_err kh_db_was_told(struct kh_db *db, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                           bool *told, int64_t *value)
{
  struct kh_call call = kh_call(db, KH_SQL_TOLD);

  kh_call_bytes(&call, what, KH_DIGEST_BYTES);
  kh_call_number(&call, now_us - KH_TOLD_AGE_S * second_us);
  enum kh_err err = kh_call_row(&call);
  *told = err == KH_OK;
  *value = err ? 0 : kh_call_number_at(&call, 0);
  kh_call_end(&call);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

enum kh_err kh_db_tell(struct kh_db *db, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                       int64_t value)
{
  struct kh_call call = kh_call(db, KH_SQL_TELL);

  kh_call_bytes(&call, what, KH_DIGEST_BYTES);
  kh_call_number(&call, now_us);
  kh_call_number(&call, value);
  return kh_call_run(&call);
}

enum kh_err kh_sqlite_recall(void *self, const struct kh_claim *claim, const struct kh_sighting *sighting,
                             struct kh_past *past)
{
  struct kh_sqlite *sqlite = self;

  return kh_sqlite_note(sqlite,
                        kh_db_recall(sqlite->db, sqlite->branch_keep_us, claim->now_us, sighting, past));
}

/* One statement, whatever is known: of the three, the one that touches the fewest pages. */
struct row {
  enum kh_statement make, change_day, change;
  const struct kh_past_place *place;
  struct kh_str key;
  bool is_text; /* the key */
  const struct kh_buf *bytes;
};

static enum kh_statement statement_for(const struct row *row, int64_t seen_us)
{
  if (row->place->seq == 0)
    return row->make;
  return seen_us / KH_DAY_US == row->place->seen_us / KH_DAY_US ? row->change : row->change_day;
}

/* The values that all three begin with. */
static struct kh_call row_call(struct kh_sqlite *sqlite, const struct row *row, int64_t now_us,
                               enum kh_statement *statement)
{
  const int64_t seen_us = row->place->seen_us > now_us ? row->place->seen_us : now_us;

  *statement = statement_for(row, seen_us);
  struct kh_call call = kh_call(sqlite->db, *statement);
  if (*statement != row->make)
    kh_call_number(&call, row->place->seq);
  else if (row->is_text)
    kh_call_text(&call, row->key);
  else
    kh_call_bytes(&call, row->key.at, row->key.len);
  kh_call_number(&call, seen_us);
  kh_call_bytes(&call, row->bytes->at, row->bytes->len);
  return call;
}

static enum kh_err write_branch(struct kh_sqlite *sqlite, const struct kh_claim *claim,
                                const struct kh_sighting *sighting, const struct kh_past *past)
{
  const struct row row = {KH_SQL_BRANCH_NEW,
                          KH_SQL_BRANCH_DAY,
                          KH_SQL_BRANCH_KEEP,
                          &past->branch_place,
                          kh_str((const char *)sighting->branch_key, sizeof sighting->branch_key),
                          false,
                          &past->branch_bytes};
  enum kh_statement statement;
  struct kh_call call = row_call(sqlite, &row, claim->now_us, &statement);

  if (statement == row.make)
    kh_call_text(&call, sighting->pipeline_id);
  if (statement != row.change) {
    kh_call_text(&call, sighting->organization);
    kh_call_text(&call, sighting->pipeline);
  }
  if (statement == row.make)
    kh_call_text(&call, sighting->branch);
  return kh_call_run(&call);
}

static enum kh_err write_build(struct kh_sqlite *sqlite, const struct kh_claim *claim,
                               const struct kh_sighting *sighting, const struct kh_past *past)
{
  const struct row row = {KH_SQL_BUILD_NEW,   KH_SQL_BUILD_DAY,   KH_SQL_BUILD_KEEP,
                          &past->build_place, sighting->build_id, true,
                          &past->build_bytes};
  enum kh_statement statement;
  struct kh_call call = row_call(sqlite, &row, claim->now_us, &statement);

  if (statement == row.make) {
    kh_call_bytes(&call, sighting->branch_key, sizeof sighting->branch_key);
    kh_call_number(&call, sighting->number);
  }
  return kh_call_run(&call);
}

enum kh_err kh_sqlite_remember(void *self, const struct kh_claim *claim, const struct kh_sighting *sighting,
                               struct kh_past *past)
{
  struct kh_sqlite *sqlite = self;
  enum kh_err err = kh_sqlite_need_batch(sqlite);

  if (!err)
    err = kh_past_write(past);
  if (err == KH_ERR_LIMIT)
    err = kh_db_fail(sqlite->db, "a build or branch is too large to be remembered");
  if (!err)
    err = kh_sqlite_take_room(sqlite, 2 * ROW_BYTES + past->branch_bytes.len + past->build_bytes.len);
  if (!err)
    err = write_branch(sqlite, claim, sighting, past);
  if (!err)
    err = write_build(sqlite, claim, sighting, past);
  return kh_sqlite_note(sqlite, err);
}

enum kh_err kh_sqlite_was_told(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                               bool *told, int64_t *value)
{
  struct kh_sqlite *sqlite = self;

  return kh_sqlite_note(sqlite, kh_db_was_told(sqlite->db, what, now_us, told, value));
}

enum kh_err kh_sqlite_tell(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                           int64_t value)
{
  struct kh_sqlite *sqlite = self;
  const enum kh_err err = kh_sqlite_need_batch(sqlite);

  return err ? err : kh_sqlite_note(sqlite, kh_db_tell(sqlite->db, what, now_us, value));
}

void kh_sqlite_keep(void *self, int64_t branch_keep_s, const struct kh_journal_bounds *journal)
{
  struct kh_sqlite *sqlite = self;

  sqlite->branch_keep_us = branch_keep_s * second_us;
  sqlite->journal = *journal;
}
