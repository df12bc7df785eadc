#include "base/base.h"

#include "memory/sqlite/batch.h"

enum { SHARES = 4 };

/* ---- the account ---- */

static enum kh_err write_shares(struct kh_sqlite *sqlite)
{
  enum kh_err err = KH_OK;

  for (size_t i = 0; !err && i < sqlite->added_count; i++) {
    const struct kh_share *added = &sqlite->added[i];
    struct kh_call call = kh_call(sqlite->db, KH_SQL_SHARE);

    kh_call_text(&call, kh_str_of(added->credential));
    kh_call_number(&call, added->owed);
    kh_call_number(&call, added->owed_bytes);
    kh_call_number(&call, added->dead);
    kh_call_number(&call, added->dead_bytes);
    err = kh_call_run(&call);
  }
  sqlite->added_count = 0;
  return err;
}

static struct kh_share *added_to(struct kh_sqlite *sqlite, struct kh_str credential)
{
  for (size_t i = 0; i < sqlite->added_count; i++)
    if (kh_str_equal(credential, kh_str_of(sqlite->added[i].credential)))
      return &sqlite->added[i];
  return NULL;
}

enum kh_err kh_sqlite_share(struct kh_sqlite *sqlite, struct kh_str credential, int owed, int dead,
                            int64_t bytes)
{
  struct kh_share *share = added_to(sqlite, credential);
  enum kh_err err = KH_OK;

  if (!share) {
    if (sqlite->added_count == KH_SHARES_ADDED_MAX)
      err = write_shares(sqlite);
    share = &sqlite->added[sqlite->added_count++];
    *share = (struct kh_share){.owed = 0};
    (void)snprintf(share->credential, sizeof share->credential, "%.*s", KH_FMT(credential));
  }
  share->owed += owed;
  share->owed_bytes += owed * bytes;
  share->dead += dead;
  share->dead_bytes += dead * bytes;
  return err;
}

enum kh_err kh_sqlite_run_shared(struct kh_sqlite *sqlite, struct kh_call *call, int owed, int dead,
                                 uint64_t *count)
{
  enum kh_err err = KH_OK;

  *count = 0;
  while (!err && !(err = kh_call_row(call))) {
    err = kh_sqlite_share(sqlite, kh_call_text_at(call, 0), owed, dead, kh_call_number_at(call, 1));
    ++*count;
  }
  kh_call_end(call);
  return kh_sqlite_note(sqlite, err == KH_ERR_NOT_FOUND ? KH_OK : err);
}

/* ---- the bounds ---- */

static struct kh_share share_of(const struct kh_queue_bounds *bounds)
{
  struct kh_share share = {.owed = (int64_t)(bounds->max_entries / SHARES),
                           .owed_bytes = (int64_t)(bounds->max_bytes / SHARES)};

  share.owed += share.owed == 0;
  return share;
}

/* In the order of KH_SQL_OVER. */
static void read_share(const struct kh_call *call, struct kh_share *share)
{
  const struct kh_str credential = kh_call_text_at(call, 0);

  (void)snprintf(share->credential, sizeof share->credential, "%.*s", KH_FMT(credential));
  share->owed = kh_call_number_at(call, 1);
  share->owed_bytes = kh_call_number_at(call, 2);
  share->dead = kh_call_number_at(call, 3);
  share->dead_bytes = kh_call_number_at(call, 4);
}

/* One row of shares; MOST is for a STATEMENT that compares with it, or NULL. KH_ERR_NOT_FOUND. */
static enum kh_err choose(struct kh_sqlite *sqlite, enum kh_statement statement, const struct kh_share *most,
                          struct kh_share *share)
{
  struct kh_call call = kh_call(sqlite->db, statement);

  if (most) {
    kh_call_number(&call, most->owed);
    kh_call_number(&call, most->owed_bytes);
  }
  enum kh_err err = kh_call_row(&call);
  if (!err)
    read_share(&call, share);
  kh_call_end(&call);
  return err;
}

/* The COUNT oldest of CREDENTIAL that are dead. */
static enum kh_err forget(struct kh_sqlite *sqlite, const char *credential, int64_t count)
{
  struct kh_call fates = kh_call(sqlite->db, KH_SQL_FATES_OF_FORGOTTEN);
  uint64_t forgotten = 0;

  kh_call_text(&fates, kh_str_of(credential));
  kh_call_number(&fates, count);
  kh_call_number(&fates, sqlite->grown_us);
  enum kh_err err = kh_sqlite_fates(sqlite, &fates);
  if (err)
    return err;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_FORGET);
  kh_call_text(&call, kh_str_of(credential));
  kh_call_number(&call, count);
  err = kh_sqlite_run_shared(sqlite, &call, 0, -1, &forgotten);
  return err ? err : write_shares(sqlite);
}

static enum kh_err kill(struct kh_sqlite *sqlite, const char *credential, int64_t count)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_OVERFLOW);
  uint64_t died = 0;

  kh_call_text(&call, kh_str_of(credential));
  kh_call_number(&call, count);
  kh_call_number(&call, sqlite->grown_us);
  enum kh_err err = kh_sqlite_run_shared(sqlite, &call, -1, 1, &died);
  if (err)
    return err;
  sqlite->batch_died += died;
  kh_sqlite_count(sqlite, KH_COUNTED_DEAD, (int64_t)died, sqlite->grown_us);
  (void)snprintf(sqlite->died_last, sizeof sqlite->died_last, "%s", credential);
  return write_shares(sqlite);
}

/* How many of COUNT are too many, when all are of one size; 1 at least. */
static int64_t excess(int64_t count, int64_t bytes, const struct kh_share *most)
{
  const int64_t entries = count > most->owed ? count - most->owed : 1;
  const int64_t of_bytes = bytes > most->owed_bytes ? count * (bytes - most->owed_bytes) / bytes : 0;

  return entries > of_bytes ? entries : of_bytes;
}

/* Each credential within its share. What dies there may have to be forgotten in the next round. */
static enum kh_err hold_shares(struct kh_sqlite *sqlite)
{
  const struct kh_share most = share_of(&sqlite->bounds);
  enum kh_err err = KH_OK;
  struct kh_share share;

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
  struct kh_share all, share;

  while (!err && !(err = choose(sqlite, KH_SQL_ALL, NULL, &all)) &&
         ((uint64_t)(all.owed + all.dead) > bounds->max_entries ||
          (uint64_t)(all.owed_bytes + all.dead_bytes) > bounds->max_bytes)) {
    err = choose(sqlite, KH_SQL_MOST_DEAD, NULL, &share);
    if (!err)
      err = forget(sqlite, share.credential, 1);
  }
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

enum kh_err kh_sqlite_hold_bounds(struct kh_sqlite *sqlite)
{
  enum kh_err err = write_shares(sqlite);

  if (err || !sqlite->has_grown)
    return err;
  err = hold_shares(sqlite);
  return err ? err : hold_all(sqlite);
}

static unsigned percent_of(const struct kh_share *share, uint64_t most, uint64_t most_bytes)
{
  const uint64_t of_entries = 100 * (uint64_t)share->owed / most;
  const uint64_t of_bytes = 100 * (uint64_t)share->owed_bytes / most_bytes;

  return (unsigned)(of_entries > of_bytes ? of_entries : of_bytes);
}

enum kh_err kh_sqlite_use(void *self, struct kh_queue_use *use)
{
  struct kh_sqlite *sqlite = self;
  const struct kh_queue_bounds *bounds = &sqlite->bounds;
  const struct kh_share most = share_of(bounds);
  struct kh_share all, share = {.credential = ""};
  enum kh_err err = choose(sqlite, KH_SQL_ALL, NULL, &all);

  if (!err)
    err = choose(sqlite, KH_SQL_FULLEST, &most, &share);
  if (err)
    return err == KH_ERR_NOT_FOUND ? KH_OK : err;
  const unsigned of_all = percent_of(&all, bounds->max_entries, bounds->max_bytes);
  const unsigned of_one = percent_of(&share, (uint64_t)most.owed, (uint64_t)most.owed_bytes);

  use->is_full = of_all >= 100;
  use->percent = of_all > of_one ? of_all : of_one;
  use->died = sqlite->died;
  memcpy(use->credential, share.credential, sizeof use->credential);
  memcpy(use->died_last, sqlite->died_last, sizeof use->died_last);
  return KH_OK;
}
