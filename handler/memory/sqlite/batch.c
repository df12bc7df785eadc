#include "base/base.h"

#include "memory/sqlite/batch.h"

static const int64_t second_us = 1000000;

static enum kh_err run(struct kh_sqlite *sqlite, enum kh_statement statement)
{
  struct kh_call call = kh_call(sqlite->db, statement);

  return kh_call_run(&call);
}

static enum kh_err begin(void *self)
{
  struct kh_sqlite *sqlite = self;

  if (sqlite->in_batch)
    return kh_db_fail(sqlite->db, "a batch is open already");
  enum kh_err err = run(sqlite, KH_SQL_BEGIN);
  sqlite->in_batch = err == KH_OK;
  sqlite->batch_failed = false;
  sqlite->batch_webhooks = 0;
  sqlite->batch_bytes = 0;
  sqlite->batch_room = UINT64_MAX;
  sqlite->latest_us = 0;
  sqlite->done_us = 0;
  sqlite->has_grown = false;
  sqlite->batch_died = 0;
  sqlite->added_count = 0;
  memset(sqlite->counted, 0, sizeof sqlite->counted);
  sqlite->counted_us = 0;
  sqlite->webhook = 0;
  sqlite->knows_end = false;
  return err;
}

static void drop(void *self)
{
  struct kh_sqlite *sqlite = self;

  if (sqlite->in_batch)
    kh_sqlite_forget_journal(sqlite);
  if (sqlite->in_batch && kh_db_in_transaction(sqlite->db))
    (void)!run(sqlite, KH_SQL_ROLLBACK);
  sqlite->in_batch = false;
}

/* A few rows that are past their time, from each table that only remembers. */
static enum kh_err prune(struct kh_sqlite *sqlite)
{
  const struct {
    enum kh_statement statement;
    int64_t before_us;
  } prunes[] = {{KH_SQL_PRUNE_SIGNATURES, sqlite->latest_us - sqlite->replay_window_us},
                {KH_SQL_PRUNE_BODIES, sqlite->latest_us - KH_BODY_WINDOW_S * second_us},
                {KH_SQL_PRUNE_ENTRIES, sqlite->done_us - KH_ENTRY_AGE_S * second_us},
                {KH_SQL_PRUNE_BRANCHES, sqlite->latest_us - sqlite->branch_keep_us},
                {KH_SQL_PRUNE_BUILDS, sqlite->latest_us - KH_BUILD_AGE_S * second_us},
                {KH_SQL_PRUNE_TOLD, sqlite->latest_us - KH_TOLD_AGE_S * second_us}};
  enum kh_err err = KH_OK;

  for (size_t i = 0; !err && i < KH_COUNT(prunes); i++) {
    struct kh_call call = kh_call(sqlite->db, prunes[i].statement);

    kh_call_number(&call, prunes[i].before_us);
    err = kh_call_run(&call);
  }
  return err ? err : kh_sqlite_hold_journal(sqlite, sqlite->latest_us);
}

/* Once a batch, however many it carried. */
static enum kh_err write_counted(struct kh_sqlite *sqlite)
{
  const int64_t day = sqlite->counted_us / KH_DAY_US;
  struct kh_call count = kh_call(sqlite->db, KH_SQL_COUNT_DAY);

  kh_call_number(&count, day);
  for (size_t i = 0; i < KH_COUNT(sqlite->counted); i++)
    kh_call_number(&count, sqlite->counted[i]);
  enum kh_err err = kh_call_run(&count);
  if (err)
    return err;
  struct kh_call prune = kh_call(sqlite->db, KH_SQL_PRUNE_DAYS);
  kh_call_number(&prune, day);
  return kh_call_run(&prune);
}

static enum kh_err end(void *self)
{
  struct kh_sqlite *sqlite = self;
  enum kh_err err = KH_OK;

  if (!sqlite->in_batch)
    return kh_db_fail(sqlite->db, "no batch is open");
  if (sqlite->batch_failed)
    err = KH_ERR_STORE;
  if (!err && sqlite->latest_us > 0)
    err = prune(sqlite);
  if (!err)
    err = kh_sqlite_hold_bounds(sqlite);
  if (!err && sqlite->counted_us > 0)
    err = write_counted(sqlite);
  if (!err)
    err = run(sqlite, KH_SQL_COMMIT);
  sqlite->untidy = true;
  if (err) {
    drop(sqlite);
    return err;
  }
  sqlite->died += sqlite->batch_died;
  sqlite->in_batch = false;
  sqlite->has_made_room = false;
  sqlite->log_bytes += sqlite->batch_bytes;
  return KH_OK;
}

static const char *problem(void *self)
{
  const struct kh_sqlite *sqlite = self;

  return kh_db_problem(sqlite->db);
}

const struct kh_batch_ops kh_sqlite_batch = {begin, end, drop, problem};

/* ---- for the steps of a batch ---- */

enum kh_err kh_sqlite_need_batch(struct kh_sqlite *sqlite)
{
  if (!sqlite->in_batch)
    return kh_db_fail(sqlite->db, "no batch is open");
  /* After a full disk every statement would be a transaction of its own. */
  return sqlite->batch_failed ? KH_ERR_STORE : KH_OK;
}

/*
 * What a batch writes needs room twice: in the write-ahead log and, before that goes, in the database. A
 * batch that left too little for the second time would be the last one.
 */
enum kh_err kh_sqlite_take_room(struct kh_sqlite *sqlite, uint64_t bytes)
{
  sqlite->batch_bytes += bytes;
  if (sqlite->batch_room >= sqlite->log_bytes &&
      sqlite->batch_room - sqlite->log_bytes >= 2 * sqlite->batch_bytes)
    return KH_OK;
  (void)kh_db_fail(sqlite->db, "the disk is nearly full");
  return KH_ERR_NO_SPACE;
}
