#include "base/base.h"

#include "base/file.h"
#include "memory/sqlite/db.h"
#include "memory/sqlite/schema.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { INCREMENTAL = 2, COPY_MAX_BYTES = 256 * 1024 * 1024 };
enum { BUSY_MS = 5000, EMPTY_LOG_BUSY_MS = 50, DB_PATH_BYTES = 1024 };

struct kh_db {
  sqlite3 *sqlite;
  struct stat log; /* of its write-ahead log, as it was opened; all 0 when that is not known */
  sqlite3_stmt *statements[KH_SQL__COUNT];
  char problem[256];
};

enum kh_err kh_db_fail(struct kh_db *db, const char *what)
{
  (void)snprintf(db->problem, sizeof db->problem, "%s", what);
  return KH_ERR_STORE;
}

/*
 * Of the database or, if IN_LOG, its write-ahead log: what the system said last. By the time of an error
 * errno says something else.
 */
static int cause_of_failure(sqlite3 *sqlite, bool in_log)
{
  sqlite3_file *file = NULL;
  const int which = in_log ? SQLITE_FCNTL_JOURNAL_POINTER : SQLITE_FCNTL_FILE_POINTER;
  int cause = 0;

  if (sqlite3_file_control(sqlite, "main", which, &file) == SQLITE_OK && file && file->pMethods)
    (void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &cause);
  return cause;
}

/* SQLite has a word for a full disk, but none for a full quota. */
static enum kh_err kind_of_failure(sqlite3 *sqlite)
{
  const int result = sqlite3_errcode(sqlite) & 0xFF;
  const bool is_full = result == SQLITE_FULL ||
                       (result == SQLITE_IOERR && (kh_is_full(cause_of_failure(sqlite, false)) ||
                                                   kh_is_full(cause_of_failure(sqlite, true)) ||
                                                   kh_is_full(sqlite3_system_errno(sqlite))));

  return is_full ? KH_ERR_NO_SPACE : KH_ERR_STORE;
}

static enum kh_err fail(struct kh_db *db)
{
  enum kh_err err = kind_of_failure(db->sqlite);

  (void)kh_db_fail(db, sqlite3_errmsg(db->sqlite));
  return err;
}

const char *kh_db_problem(const struct kh_db *db)
{
  return db->problem;
}

/* What stands at the name of the write-ahead log; false when nothing does. */
static bool find_log(const struct kh_db *db, struct stat *found)
{
  const char *name = sqlite3_filename_wal(sqlite3_db_filename(db->sqlite, "main"));

  return name && stat(name, found) == 0;
}

static bool is_same_file(const struct stat *one, const struct stat *other)
{
  return one->st_ino == other->st_ino && one->st_dev == other->st_dev;
}

bool kh_db_has_moved(const struct kh_db *db)
{
  struct stat found;
  int has_moved = 0;

  (void)sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
  return has_moved || (db->log.st_ino && !(find_log(db, &found) && is_same_file(&found, &db->log)));
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
  return *done || result == SQLITE_BUSY ? KH_OK : fail(db);
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
  if (call->result == SQLITE_OK || call->result == SQLITE_ROW)
    call->result = sqlite3_step(statement_of(call));
  if (call->result == SQLITE_ROW)
    return KH_OK;
  if (call->result == SQLITE_DONE)
    return KH_ERR_NOT_FOUND;
  return fail(call->db);
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

void kh_call_copy(const struct kh_call *call, int column, char *to, size_t room)
{
  const struct kh_str text = kh_call_text_at(call, column);
  const size_t len = text.len < room ? text.len : room - 1;

  if (len > 0)
    memcpy(to, text.at, len);
  to[len] = '\0';
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
    err = kh_diag_set(diag, kh_is_full(errno) ? KH_ERR_NO_SPACE : KH_ERR_STORE, "%s: %s", path,
                      strerror(errno));
  if (file >= 0)
    (void)close(file);
  if (folder >= 0)
    (void)close(folder);
  return err;
}

/* SQLite would follow a link, and has no word for a file that is not there. */
static enum kh_err find_file(const char *path, struct kh_diag *diag)
{
  struct stat about;

  if (lstat(path, &about))
    return errno == ENOENT ? KH_ERR_NOT_FOUND
                           : kh_diag_set(diag, KH_ERR_STORE, "%s: %s", path, strerror(errno));
  return S_ISREG(about.st_mode) ? KH_OK : kh_diag_set(diag, KH_ERR_STORE, "%s is no file", path);
}

static enum kh_err judge_version(int version, bool is_new, enum kh_db_use use, const char *path,
                                 struct kh_diag *diag)
{
  if (version > KH_SCHEMA_VERSION)
    return kh_diag_set(diag, KH_ERR_STORE,
                       "%s: written by a newer kitehook (schema %d, this one knows %d): install that version "
                       "again, or move the file away and forget what it remembers",
                       path, version, KH_SCHEMA_VERSION);
  if (is_new && use != KH_DB_WORK)
    return KH_ERR_NOT_FOUND; /* a worker was killed before it could make it whole */
  if (version < 1 && !is_new)
    return kh_diag_set(diag, KH_ERR_STORE, "%s: not a memory of kitehook: move the file away", path);
  if (version < KH_SCHEMA_VERSION && use != KH_DB_WORK)
    return kh_diag_set(
        diag, KH_ERR_STORE,
        "%s: written by an older kitehook (schema %d, this one knows %d): the next worker brings "
        "it up to date, for example: kitehook worker --once",
        path, version, KH_SCHEMA_VERSION);
  return KH_OK;
}

static const char *cure_of(sqlite3 *sqlite)
{
  const int code = sqlite3_errcode(sqlite) & 0xff;

  return code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? "; move it away, and a new one is made: what it "
                                                           "remembers and owes is lost"
                                                         : "";
}

/*
 * What stands there decides before anything is written: not even the journal mode of a foreign file is
 * changed.
 */
static enum kh_err know_file(sqlite3 *sqlite, const char *path, enum kh_db_use use, int *version,
                             struct kh_diag *diag)
{
  sqlite3_stmt *stmt = NULL;
  enum kh_err err = KH_OK;

  if (sqlite3_prepare_v2(sqlite, kh_schema_look, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW) {
    err = kh_diag_set(diag, kind_of_failure(sqlite), "%s: %s%s", path, sqlite3_errmsg(sqlite),
                      cure_of(sqlite));
    goto done;
  }
  *version = sqlite3_column_int(stmt, 0);
  err = judge_version(*version, *version == 0 && sqlite3_column_int(stmt, 1) == 0, use, path, diag);

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

static int run_texts(sqlite3 *sqlite, const char *const texts[KH_SCHEMA_TEXTS])
{
  int result = SQLITE_OK;

  for (size_t i = 0; i < KH_SCHEMA_TEXTS && texts[i] && result == SQLITE_OK; i++)
    result = sqlite3_exec(sqlite, texts[i], NULL, NULL, NULL);
  return result;
}

/* To the present version; 0 is a file that is empty yet. */
static int bring_up_to_date(sqlite3 *sqlite, int version)
{
  int result = SQLITE_OK;

  if (version == 0)
    return run_texts(sqlite, kh_schema_create);
  for (; version < KH_SCHEMA_VERSION && result == SQLITE_OK; version++)
    result = run_texts(sqlite, kh_schema_steps[version]);
  return result;
}

static int64_t number_of(sqlite3 *sqlite, const char *query)
{
  sqlite3_stmt *stmt = NULL;
  int64_t number = 0;

  if (!sqlite3_prepare_v2(sqlite, query, -1, &stmt, NULL) && sqlite3_step(stmt) == SQLITE_ROW)
    number = sqlite3_column_int64(stmt, 0);
  (void)sqlite3_finalize(stmt);
  return number;
}

/* One of an older version has to be written anew, once. A copy must fit: in memory, and in the log. */
static void make_shrinkable(sqlite3 *sqlite, const char *path)
{
  const int64_t bytes = number_of(sqlite,
                                  "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  struct statvfs about;

  if (number_of(sqlite, "PRAGMA auto_vacuum") == INCREMENTAL || bytes > COPY_MAX_BYTES ||
      statvfs(path, &about) || (int64_t)(about.f_bavail * about.f_frsize) < 2 * bytes)
    return;
  if (!sqlite3_exec(sqlite, kh_schema_shrinks, NULL, NULL, NULL))
    (void)sqlite3_exec(sqlite, "VACUUM", NULL, NULL, NULL);
}

static bool is_statement_for(enum kh_db_use use, size_t statement)
{
  return statement < KH_SQL_LIST || (statement <= KH_SQL_COUNT_SHARES) == (use != KH_DB_WORK);
}

static enum kh_err set_up(struct kh_db *db, const char *path, enum kh_db_use use, struct kh_diag *diag)
{
  int access = use == KH_DB_LOOK ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  int version = 0;

  /* Nobody asks how much memory it has, and its account takes a lock at each allocation. */
  (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  if (sqlite3_open_v2(path, &db->sqlite, access | SQLITE_OPEN_NOMUTEX, NULL))
    goto failed;
  (void)sqlite3_busy_timeout(db->sqlite, BUSY_MS);
  enum kh_err err = know_file(db->sqlite, path, use, &version, diag);
  if (err)
    return err;
  if (use == KH_DB_WORK && version == 0 && sqlite3_exec(db->sqlite, kh_schema_shrinks, NULL, NULL, NULL))
    goto failed;
  if (sqlite3_exec(db->sqlite, use == KH_DB_LOOK ? kh_schema_look_pragmas : kh_schema_pragmas, NULL, NULL,
                   NULL))
    goto failed;
  if (use != KH_DB_LOOK && !pragmas_hold(db->sqlite))
    return kh_diag_set(diag, KH_ERR_STORE, "%s: this file system has no place for a write-ahead log", path);
  if (bring_up_to_date(db->sqlite, version))
    goto failed;
  if (use == KH_DB_WORK)
    make_shrinkable(db->sqlite, path);
  for (size_t i = 0; i < KH_SQL__COUNT; i++)
    if (is_statement_for(use, i) &&
        sqlite3_prepare_v3(db->sqlite, kh_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL))
      goto failed;
  if (!find_log(db, &db->log))
    db->log = (struct stat){0};
  return KH_OK;

failed:
  if (!db->sqlite)
    return kh_diag_set(diag, KH_ERR_STORE, "%s: no memory", path);
  return kh_diag_set(diag, kind_of_failure(db->sqlite), "%s: %s", path, sqlite3_errmsg(db->sqlite));
}

enum kh_err kh_db_open(struct kh_db **db, const char *state, enum kh_db_use use, struct kh_diag *diag)
{
  char path[DB_PATH_BYTES];
  enum kh_err err = KH_OK;

  *db = calloc(1, sizeof **db);
  if (!*db)
    return kh_diag_set(diag, KH_ERR_STORE, "no memory");
  if ((size_t)snprintf(path, sizeof path, "%s/memory.sqlite", state) >= sizeof path)
    err = kh_diag_set(diag, KH_ERR_STORE, "the path of the state folder is too long");
  if (!err && use == KH_DB_WORK)
    err = make_private_file(state, path, diag);
  else if (!err)
    err = find_file(path, diag);
  if (!err)
    err = set_up(*db, path, use, diag);
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
