#include "base/base.h"

#include "memory/sqlite/batch.h"

enum { SHARES = 4 };

/* In the order of KH_SQL_OVER. */
struct share {
  char credential[KH_CREDENTIAL_BYTES];
  uint64_t owed, owed_bytes, dead, dead_bytes;
};

static struct share share_of(const struct kh_queue_bounds *bounds)
{
  struct share share = {.owed = bounds->max_entries / SHARES, .owed_bytes = bounds->max_bytes / SHARES};

  share.owed += share.owed == 0;
  return share;
}

static void read_share(const struct kh_call *call, struct share *share)
{
  const struct kh_str credential = kh_call_text_at(call, 0);

  (void)snprintf(share->credential, sizeof share->credential, "%.*s", KH_FMT(credential));
  share->owed = (uint64_t)kh_call_number_at(call, 1);
  share->owed_bytes = (uint64_t)kh_call_number_at(call, 2);
  share->dead = (uint64_t)kh_call_number_at(call, 3);
  share->dead_bytes = (uint64_t)kh_call_number_at(call, 4);
}

/* One row of shares; MOST is for a STATEMENT that compares with it, or NULL. KH_ERR_NOT_FOUND. */
static enum kh_err choose(struct kh_sqlite *sqlite, enum kh_statement statement, const struct share *most,
                          struct share *share)
{
  struct kh_call call = kh_call(sqlite->db, statement);

  if (most) {
    kh_call_number(&call, (int64_t)most->owed);
    kh_call_number(&call, (int64_t)most->owed_bytes);
  }
  enum kh_err err = kh_call_row(&call);
  if (!err)
    read_share(&call, share);
  kh_call_end(&call);
  return err;
}

/* The COUNT oldest of CREDENTIAL. */
static enum kh_err forget(struct kh_sqlite *sqlite, const char *credential, uint64_t count)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_FORGET);

  kh_call_text(&call, kh_str_of(credential));
  kh_call_number(&call, (int64_t)count);
  return kh_call_run(&call);
}

static enum kh_err kill(struct kh_sqlite *sqlite, const char *credential, uint64_t count)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_OVERFLOW);

  kh_call_text(&call, kh_str_of(credential));
  kh_call_number(&call, (int64_t)count);
  kh_call_number(&call, sqlite->grown_us);
  enum kh_err err = kh_call_run(&call);
  if (!err) {
    sqlite->batch_died += (uint64_t)kh_db_changes(sqlite->db);
    kh_sqlite_count(sqlite, KH_COUNTED_DEAD, kh_db_changes(sqlite->db), sqlite->grown_us);
    (void)snprintf(sqlite->died_last, sizeof sqlite->died_last, "%s", credential);
  }
  return err;
}

/* How many of COUNT are too many, when all are of one size; 1 at least. */
static uint64_t excess(uint64_t count, uint64_t bytes, const struct share *most)
{
  const uint64_t entries = count > most->owed ? count - most->owed : 1;
  const uint64_t of_bytes = bytes > most->owed_bytes ? count * (bytes - most->owed_bytes) / bytes : 0;

  return entries > of_bytes ? entries : of_bytes;
}

/* Each credential within its share. What dies there may have to be forgotten in the next round. */
static enum kh_err hold_shares(struct kh_sqlite *sqlite)
{
  const struct share most = share_of(&sqlite->bounds);
  enum kh_err err = KH_OK;
  struct share share;

  while (!err && !(err = choose(sqlite, KH_SQL_OVER, &most, &share)))
    err = share.owed > most.owed || share.owed_bytes > most.owed_bytes
              ? kill(sqlite, share.credential, excess(share.owed, share.owed_bytes, &most))
              : forget(sqlite, share.credential, excess(share.dead, share.dead_bytes, &most));
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

/* What is dead makes room for what is owed, and who has most of it first. */
static enum kh_err hold_all(struct kh_sqlite *sqlite)
{
  const struct kh_queue_bounds *bounds = &sqlite->bounds;
  enum kh_err err = KH_OK;
  struct share all, share;

  while (!err && !(err = choose(sqlite, KH_SQL_ALL, NULL, &all)) &&
         (all.owed + all.dead > bounds->max_entries || all.owed_bytes + all.dead_bytes > bounds->max_bytes)) {
    err = choose(sqlite, KH_SQL_MOST_DEAD, NULL, &share);
    if (!err)
      err = forget(sqlite, share.credential, 1);
  }
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

enum kh_err kh_sqlite_hold_bounds(struct kh_sqlite *sqlite)
{
  enum kh_err err = hold_shares(sqlite);

  return err ? err : hold_all(sqlite);
}

static unsigned percent_of(uint64_t count, uint64_t bytes, uint64_t most, uint64_t most_bytes)
{
  const uint64_t of_entries = 100 * count / most;
  const uint64_t of_bytes = 100 * bytes / most_bytes;

  return (unsigned)(of_entries > of_bytes ? of_entries : of_bytes);
}

enum kh_err kh_sqlite_use(void *self, struct kh_queue_use *use)
{
  struct kh_sqlite *sqlite = self;
  const struct kh_queue_bounds *bounds = &sqlite->bounds;
  const struct share most = share_of(bounds);
  struct share all, share = {.credential = ""};
  enum kh_err err = choose(sqlite, KH_SQL_ALL, NULL, &all);

  if (!err)
    err = choose(sqlite, KH_SQL_FULLEST, &most, &share);
  if (err)
    return err == KH_ERR_NOT_FOUND ? KH_OK : err;
  const unsigned of_all = percent_of(all.owed, all.owed_bytes, bounds->max_entries, bounds->max_bytes);
  const unsigned of_one = percent_of(share.owed, share.owed_bytes, most.owed, most.owed_bytes);

  use->is_full = of_all >= 100;
  use->percent = of_all > of_one ? of_all : of_one;
  use->died = sqlite->died;
  memcpy(use->credential, share.credential, sizeof use->credential);
  memcpy(use->died_last, sqlite->died_last, sizeof use->died_last);
  return KH_OK;
}
