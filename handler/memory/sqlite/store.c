#include "base/base.h"

#include "memory/sqlite/batch.h"
#include "memory/sqlite/spare.h"

#include <sys/statvfs.h>

static enum kh_err run(struct kh_memory *memory, enum kh_statement statement)
{
  struct kh_call call = kh_call(memory->db, statement);

  return kh_call_run(&call);
}

enum kh_err kh_memory_batch_begin(void *self)
{
  struct kh_memory *memory = self;

  if (memory->in_batch)
    return kh_db_fail(memory->db, "a batch is open already");
  enum kh_err err = run(memory, KH_SQL_BEGIN);
  memory->in_batch = err == KH_OK;
  memory->batch_failed = false;
  memory->batch_webhooks = 0;
  memory->batch_bytes = 0;
  memory->latest_us = 0;
  return err;
}

void kh_memory_batch_drop(void *self)
{
  struct kh_memory *memory = self;

  if (memory->in_batch && kh_db_in_transaction(memory->db))
    (void)!run(memory, KH_SQL_ROLLBACK);
  memory->in_batch = false;
}

enum kh_err kh_memory_batch_end(void *self)
{
  struct kh_memory *memory = self;
  enum kh_err err = KH_OK;

  if (!memory->in_batch)
    return kh_db_fail(memory->db, "no batch is open");
  if (memory->batch_failed)
    err = KH_ERR_STORE;
  if (!err && memory->latest_us > 0)
    err = kh_claims_prune(memory);
  if (!err)
    err = run(memory, KH_SQL_COMMIT);
  if (err)
    kh_memory_batch_drop(memory);
  else
    memory->has_made_room = false;
  if (!err)
    memory->log_bytes += memory->batch_bytes;
  memory->in_batch = false;
  memory->untidy = true;
  return err;
}

static enum kh_err empty_log(struct kh_memory *memory)
{
  bool done = false;

  if (!memory->untidy || memory->in_batch)
    return KH_OK;
  enum kh_err err = kh_db_empty_log(memory->db, &done);
  memory->untidy = !done;
  if (done)
    memory->log_bytes = 0;
  return err;
}

static enum kh_err memory_tidy(void *self)
{
  struct kh_memory *memory = self;
  enum kh_err err = empty_log(memory);

  memory->has_spare = memory->has_spare || kh_spare_keep(memory->state);
  return err;
}

static bool memory_make_room(void *self)
{
  struct kh_memory *memory = self;
  bool has_gained = kh_spare_give_up(memory->state) || !memory->has_made_room;

  memory->has_spare = false;
  memory->has_made_room = true;
  memory->untidy = true;
  (void)!empty_log(memory); /* as far as that goes: whoever asked tries again */
  return has_gained;
}

static bool memory_has_spare(void *self)
{
  const struct kh_memory *memory = self;

  return memory->has_spare;
}

static const char *memory_problem(void *self)
{
  const struct kh_memory *memory = self;

  return kh_db_problem(memory->db);
}

static void memory_close(void *self)
{
  struct kh_memory *memory = self;

  kh_memory_batch_drop(memory);
  (void)!empty_log(memory);
  kh_db_close(memory->db);
  free(memory);
}

static const struct kh_store_ops memory_ops = {
    .batch_begin = kh_memory_batch_begin,
    .begin = kh_claims_begin,
    .commit = kh_claims_commit,
    .batch_end = kh_memory_batch_end,
    .batch_drop = kh_memory_batch_drop,
    .take = kh_owed_take,
    .done = kh_owed_done,
    .retry_at = kh_owed_retry_at,
    .bury = kh_owed_bury,
    .hold = kh_owed_hold,
    .next_due = kh_owed_next_due,
    .know_config = kh_owed_know_config,
    .tidy = memory_tidy,
    .make_room = memory_make_room,
    .has_spare = memory_has_spare,
    .problem = memory_problem,
    .close = memory_close,
};

/* Without inodes SQLite only says that it cannot open a file, and with the cause of another one. */
static bool is_out_of_inodes(const char *state)
{
  struct statvfs about;

  return statvfs(state, &about) == 0 && about.f_files > 0 && about.f_favail == 0;
}

static enum kh_err open_db(struct kh_memory *memory, struct kh_diag *diag)
{
  struct kh_diag why = {0};
  enum kh_err err = kh_db_open(&memory->db, memory->state, KH_DB_WORK, &why);

  if (err && is_out_of_inodes(memory->state))
    err = KH_ERR_NO_SPACE;
  if (err == KH_ERR_NO_SPACE && kh_spare_give_up(memory->state)) {
    why = (struct kh_diag){0};
    err = kh_db_open(&memory->db, memory->state, KH_DB_WORK, &why);
  }
  return err ? kh_diag_set(diag, err, "%s", why.text) : KH_OK;
}

enum kh_err kh_store_open_sqlite(struct kh_store *store, const char *state, int64_t freshness_s,
                                 struct kh_diag *diag)
{
  struct kh_memory *memory = calloc(1, sizeof *memory);

  *store = (struct kh_store){NULL, NULL};
  if (!memory)
    return kh_diag_set(diag, KH_ERR_STORE, "no memory");
  (void)snprintf(memory->state, sizeof memory->state, "%s", state);
  enum kh_err err = open_db(memory, diag);
  if (err) {
    free(memory);
    return err;
  }
  memory->replay_window_us = 2 * freshness_s * 1000000;
  memory->untidy = true; /* the last worker may have been killed before it could tidy up */
  memory->has_spare = kh_spare_keep(state);
  *store = (struct kh_store){&memory_ops, memory};
  return KH_OK;
}
