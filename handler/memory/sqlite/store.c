#include "base/base.h"

#include "memory/sqlite/batch.h"
#include "memory/sqlite/spare.h"

#include <sys/statvfs.h>

enum { SHRINK_PAGES = 256 };

static enum kh_err empty_log(struct kh_sqlite *sqlite)
{
  bool done = false;

  if (!sqlite->untidy || sqlite->in_batch)
    return KH_OK;
  enum kh_err err = kh_db_empty_log(sqlite->db, &done);
  sqlite->untidy = !done;
  if (done)
    sqlite->log_bytes = 0;
  return err;
}

/* Gives back what is free, if that is much: it would be needed again soon. */
static enum kh_err shrink(struct kh_sqlite *sqlite)
{
  struct kh_call look = kh_call(sqlite->db, KH_SQL_FREE);
  struct kh_call call = kh_call(sqlite->db, KH_SQL_SHRINK);
  int64_t free_pages = 0, pages = 0;
  enum kh_err err = kh_call_row(&look);

  if (!err) {
    free_pages = kh_call_number_at(&look, 0);
    pages = kh_call_number_at(&look, 1);
  }
  kh_call_end(&look);
  if (err || free_pages < SHRINK_PAGES || free_pages < pages / 2)
    return err;
  do
    err = kh_call_row(&call);
  while (!err);
  kh_call_end(&call);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static enum kh_err tidy(void *self)
{
  struct kh_sqlite *sqlite = self;

  if (sqlite->untidy && !sqlite->in_batch)
    (void)!shrink(sqlite); /* a full disk may keep it from that */
  enum kh_err err = empty_log(sqlite);

  sqlite->has_spare = sqlite->has_spare || kh_spare_keep(sqlite->state);
  return err;
}

static bool make_room(void *self)
{
  struct kh_sqlite *sqlite = self;
  bool has_gained = kh_spare_give_up(sqlite->state) || !sqlite->has_made_room;

  sqlite->has_spare = false;
  sqlite->has_made_room = true;
  sqlite->untidy = true;
  (void)!empty_log(sqlite); /* as far as that goes: whoever asked tries again */
  return has_gained;
}

static bool has_spare(void *self)
{
  const struct kh_sqlite *sqlite = self;

  return sqlite->has_spare;
}

static bool has_moved(void *self)
{
  const struct kh_sqlite *sqlite = self;

  return kh_db_has_moved(sqlite->db);
}

static enum kh_err move(struct kh_sqlite *sqlite, enum kh_statement statement,
                        const struct kh_clock_step *step)
{
  struct kh_call call = kh_call(sqlite->db, statement);

  kh_call_number(&call, step->step_us);
  if (statement != KH_SQL_MOVE_DESTINATIONS) {
    kh_call_number(&call, step->now_us);
    kh_call_number(&call, step->since_us);
    kh_call_number(&call, step->earlier_us);
  }
  return kh_call_run(&call);
}

static enum kh_err follow_clock(void *self, const struct kh_clock_step *step)
{
  static const enum kh_statement moves[] = {
      KH_SQL_MOVE_DELIVERIES, KH_SQL_MOVE_DESTINATIONS, KH_SQL_MOVE_SIGNATURES, KH_SQL_MOVE_BODIES,
      KH_SQL_MOVE_BRANCHES,   KH_SQL_MOVE_BUILDS,       KH_SQL_MOVE_TOLD,       KH_SQL_MOVE_MESSAGES};
  struct kh_sqlite *sqlite = self;
  enum kh_err err = kh_sqlite_batch.begin(sqlite);

  if (err)
    return err;
  for (size_t i = 0; !err && i < KH_COUNT(moves); i++)
    err = move(sqlite, moves[i], step);
  if (!err && step->step_us < 0)
    err = kh_sqlite_mend_waits(sqlite, step->now_us + step->step_us);
  if (!err)
    return kh_sqlite_batch.end(sqlite);
  kh_sqlite_batch.drop(sqlite);
  return err;
}

static void close_store(void *self)
{
  struct kh_sqlite *sqlite = self;

  kh_sqlite_batch.drop(sqlite);
  (void)!empty_log(sqlite);
  kh_db_close(sqlite->db);
  free(sqlite);
}

static const struct kh_store_ops store_ops = {tidy,      make_room,    has_spare,
                                              has_moved, follow_clock, close_store};

/* Without inodes SQLite only says that it cannot open a file, and with the cause of another one. */
static bool is_out_of_inodes(const char *state)
{
  struct statvfs about;

  return statvfs(state, &about) == 0 && about.f_files > 0 && about.f_favail == 0;
}

static enum kh_err open_db(struct kh_sqlite *sqlite, struct kh_diag *diag)
{
  struct kh_diag why = {0};
  enum kh_err err = kh_db_open(&sqlite->db, sqlite->state, KH_DB_WORK, &why);

  if (err && is_out_of_inodes(sqlite->state))
    err = KH_ERR_NO_SPACE;
  if (err == KH_ERR_NO_SPACE && kh_spare_give_up(sqlite->state)) {
    why = (struct kh_diag){0};
    err = kh_db_open(&sqlite->db, sqlite->state, KH_DB_WORK, &why);
  }
  return err ? kh_diag_set(diag, err, "%s", why.text) : KH_OK;
}

enum kh_err kh_store_open_sqlite(struct kh_store *store, const char *state, int64_t freshness_s,
                                 struct kh_diag *diag)
{
  struct kh_sqlite *sqlite = calloc(1, sizeof *sqlite);

  *store = (struct kh_store){0};
  if (!sqlite)
    return kh_diag_set(diag, KH_ERR_STORE, "no memory");
  (void)snprintf(sqlite->state, sizeof sqlite->state, "%s", state);
  enum kh_err err = open_db(sqlite, diag);
  if (err) {
    free(sqlite);
    return err;
  }
  sqlite->replay_window_us = 2 * freshness_s * 1000000;
  sqlite->branch_keep_us = KH_BRANCH_AGE_S * INT64_C(1000000);
  sqlite->bounds = (struct kh_queue_bounds){KH_QUEUE_ENTRIES, KH_QUEUE_BYTES, KH_QUEUE_KEEP_DEAD_S};
  sqlite->untidy = true; /* the last worker may have been killed before it could tidy up */
  sqlite->has_spare = kh_spare_keep(state);
  *store = (struct kh_store){.batch = {&kh_sqlite_batch, sqlite},
                             .memory = {&kh_sqlite_memory, sqlite},
                             .queue = {&kh_sqlite_queue, sqlite},
                             .ops = &store_ops,
                             .self = sqlite};
  return KH_OK;
}
