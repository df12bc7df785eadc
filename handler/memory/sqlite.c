#include "base/base.h"

#include "memory/db.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 5000, EMPTY_LOG_BUSY_MS = 50, DB_PATH_BYTES = 1024 };

struct kh_db {
  sqlite3 *sqlite;
  sqlite3_stmt *statements[KH_SQL__COUNT];
  char problem[256];
};

enum kh_err kh_db_fail(struct kh_db *db, const char *what)
{
  (void)snprintf(db->problem, sizeof db->problem, "%s", what);
  return KH_ERR_STORE;
}

const char *kh_db_problem(const struct kh_db *db)
{
  return db->problem;
}

bool kh_db_in_transaction(const struct kh_db *db)
{
  return sqlite3_get_autocommit(db->sqlite) == 0;
}

int kh_db_changes(const struct kh_db *db)
{
  return sqlite3_changes(db->sqlite);
}

enum kh_err kh_db_empty_log(struct kh_db *db, bool *done)
{
  /* Somebody who looks into the file right now must not hold up the worker. */
  (void)sqlite3_busy_timeout(db->sqlite, EMPTY_LOG_BUSY_MS);
  int result = sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  (void)sqlite3_busy_timeout(db->sqlite, BUSY_MS);

  *done = result == SQLITE_OK;
  return *done || result == SQLITE_BUSY ? KH_OK : kh_db_fail(db, sqlite3_errmsg(db->sqlite));
}

/* ---- calls ---- */

struct kh_call kh_call(struct kh_db *db, enum kh_statement statement)
{
  return (struct kh_call){.db = db, .statement = statement, .result = SQLITE_OK};
}

static sqlite3_stmt *statement_of(const struct kh_call *call)
{
  return call->db->statements[call->statement];
}

static void note(struct kh_call *call, int result)
{
  if (call->result == SQLITE_OK)
    call->result = result;
}

void kh_call_text(struct kh_call *call, struct kh_str text)
{
  note(call, sqlite3_bind_text64(statement_of(call), ++call->values, text.at ? text.at : "", text.len,
                                 SQLITE_STATIC, SQLITE_UTF8));
}

void kh_call_bytes(struct kh_call *call, const void *at, size_t len)
{
  note(call, sqlite3_bind_blob64(statement_of(call), ++call->values, at, len, SQLITE_STATIC));
}

void kh_call_number(struct kh_call *call, int64_t number)
{
  note(call, sqlite3_bind_int64(statement_of(call), ++call->values, number));
}

enum kh_err kh_call_row(struct kh_call *call)
{
  if (call->result == SQLITE_OK)
    call->result = sqlite3_step(statement_of(call));
  if (call->result == SQLITE_ROW)
    return KH_OK;
  if (call->result == SQLITE_DONE)
    return KH_ERR_NOT_FOUND;
  return kh_db_fail(call->db, sqlite3_errmsg(call->db->sqlite));
}

void kh_call_end(struct kh_call *call)
{
  (void)sqlite3_reset(statement_of(call));
  (void)sqlite3_clear_bindings(statement_of(call));
}

enum kh_err kh_call_run(struct kh_call *call)
{
  enum kh_err err = kh_call_row(call);

  kh_call_end(call);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

struct kh_str kh_call_text_at(const struct kh_call *call, int column)
{
  const void *at = sqlite3_column_blob(statement_of(call), column);

  return kh_str(at, (size_t)sqlite3_column_bytes(statement_of(call), column));
}

int64_t kh_call_number_at(const struct kh_call *call, int column)
{
  return sqlite3_column_int64(statement_of(call), column);
}

bool kh_call_is_null_at(const struct kh_call *call, int column)
{
  return sqlite3_column_type(statement_of(call), column) == SQLITE_NULL;
}

/* ---- from open to close ---- */

/* SQLite would give it what the umask leaves; its -wal and -shm files take their mode from this one. */
static enum kh_err make_private_file(const char *state, const char *path, struct kh_diag *diag)
{
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  int folder = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  enum kh_err err = KH_OK;

  if (file < 0 || folder < 0 || fchmod(file, S_IRUSR | S_IWUSR) || fsync(file) || fsync(folder))
    err = kh_diag_set(diag, KH_ERR_STORE, "%s: %s", path, strerror(errno));
  if (file >= 0)
    (void)close(file);
  if (folder >= 0)
    (void)close(folder);
  return err;
}

/* What stands there decides before anything is written: not even the journal mode of a foreign file is changed. */
static enum kh_err know_file(sqlite3 *sqlite, const char *path, bool *is_new, struct kh_diag *diag)
{
  sqlite3_stmt *stmt = NULL;
  enum kh_err err = KH_OK;

  if (sqlite3_prepare_v2(sqlite, kh_schema_look, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW) {
    err = kh_diag_set(diag, KH_ERR_STORE, "%s: %s", path, sqlite3_errmsg(sqlite));
    goto done;
  }
  int version = sqlite3_column_int(stmt, 0);
  *is_new = version == 0 && sqlite3_column_int(stmt, 1) == 0;
  if (version > KH_SCHEMA_VERSION)
    err = kh_diag_set(diag, KH_ERR_STORE,
                      "%s: written by a newer kitehook (schema %d, this one knows %d): install that version "
                      "again, or move the file away and forget what it remembers",
                      path, version, KH_SCHEMA_VERSION);
  else if (version < KH_SCHEMA_VERSION && !*is_new)
    err = kh_diag_set(diag, KH_ERR_STORE, "%s: not a memory of kitehook: move the file away", path);

done:
  (void)sqlite3_finalize(stmt);
  return err;
}

static bool pragmas_hold(sqlite3 *sqlite)
{
  sqlite3_stmt *stmt = NULL;
  bool hold = !sqlite3_prepare_v2(sqlite, kh_schema_pragmas_hold, -1, &stmt, NULL) &&
              sqlite3_step(stmt) == SQLITE_ROW;

  (void)sqlite3_finalize(stmt);
  return hold;
}

static enum kh_err set_up(struct kh_db *db, const char *path, struct kh_diag *diag)
{
  bool is_new = false;

  if (sqlite3_open_v2(path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
    goto failed;
  (void)sqlite3_busy_timeout(db->sqlite, BUSY_MS);
  enum kh_err err = know_file(db->sqlite, path, &is_new, diag);
  if (err)
    return err;
  if (sqlite3_exec(db->sqlite, kh_schema_pragmas, NULL, NULL, NULL))
    goto failed;
  if (!pragmas_hold(db->sqlite))
    return kh_diag_set(diag, KH_ERR_STORE, "%s: this file system has no place for a write-ahead log", path);
  if (is_new && sqlite3_exec(db->sqlite, kh_schema_create, NULL, NULL, NULL))
    goto failed;
  for (size_t i = 0; i < KH_SQL__COUNT; i++)
    if (sqlite3_prepare_v3(db->sqlite, kh_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL))
      goto failed;
  return KH_OK;

failed:
  return kh_diag_set(diag, KH_ERR_STORE, "%s: %s", path,
                     db->sqlite ? sqlite3_errmsg(db->sqlite) : "no memory");
}

enum kh_err kh_db_open(struct kh_db **db, const char *state, struct kh_diag *diag)
{
  char path[DB_PATH_BYTES];
  enum kh_err err = KH_OK;

  *db = calloc(1, sizeof **db);
  if (!*db)
    return kh_diag_set(diag, KH_ERR_STORE, "no memory");
  if ((size_t)snprintf(path, sizeof path, "%s/memory.sqlite", state) >= sizeof path)
    err = kh_diag_set(diag, KH_ERR_STORE, "the path of the state folder is too long");
  if (!err)
    err = make_private_file(state, path, diag);
  if (!err)
    err = set_up(*db, path, diag);
  if (err) {
    kh_db_close(*db);
    *db = NULL;
  }
  return err;
}

void kh_db_close(struct kh_db *db)
{
  if (!db)
    return;
  for (size_t i = 0; i < KH_SQL__COUNT; i++)
    (void)sqlite3_finalize(db->statements[i]);
  (void)sqlite3_close(db->sqlite); /* which rolls back */
  free(db);
}
