/*
 * db.h - one database file and its prepared statements. Private to memory/: the words of SQL end here.
 *
 * db.c is the only file that knows SQLite. A statement is called with its values in order:
 *
 *   struct kh_call call = kh_call(db, KH_SQL_DONE);
 *   kh_call_text(&call, id);
 *   err = kh_call_run(&call);
 *
 * Values are borrowed until the call ends; the first value that fails makes the call fail. Every error is
 * KH_ERR_STORE, or KH_ERR_NO_SPACE for a full disk or quota, and kh_db_problem says what the last one was
 * about, without any value.
 */
#ifndef KH_DB_H
#define KH_DB_H

#include "memory/sqlite/statements.h"

struct kh_db;

enum kh_db_use {
  KH_DB_WORK,   /* makes the file, and brings an older one up to date; the worker alone */
  KH_DB_CHANGE, /* an existing file, beside the worker: KH_SQL_LIST to KH_SQL_COUNT_SHARES */
  KH_DB_LOOK    /* the same, and nothing can be changed */
};

/*
 * Opens or, for KH_DB_WORK, makes the file at STATE/memory.sqlite, private to its owner whatever the umask,
 * and prepares everything. A file that a newer kitehook or another program wrote is refused and its contents
 * are left alone. Heap; the caller closes. KH_ERR_STORE and KH_ERR_NO_SPACE with DIAG; KH_ERR_NOT_FOUND,
 * without, where there is no file to look into.
 */
enum kh_err kh_db_open(struct kh_db **db, const char *state, enum kh_db_use use,
                       struct kh_diag *diag) KH_MUST_USE;
/* Rolls back what is open. NULL is fine. */
void kh_db_close(struct kh_db *db);

/* True when the file, or its write-ahead log, was moved, removed or replaced: others see another one. */
bool kh_db_has_moved(const struct kh_db *db);
/* False also when the database rolled back by itself, as it does on a full disk. */
bool kh_db_in_transaction(const struct kh_db *db);
/* How many rows the last statement changed. */
int kh_db_changes(const struct kh_db *db);
/* Moves the write-ahead log into the database and empties it. *DONE is false when a reader was in the way. */
enum kh_err kh_db_empty_log(struct kh_db *db, bool *done) KH_MUST_USE;
/* Holds until the next failure. */
const char *kh_db_problem(const struct kh_db *db);
/* Sets it, for failures above SQL. Returns KH_ERR_STORE. */
enum kh_err kh_db_fail(struct kh_db *db, const char *what);

struct kh_call {
  struct kh_db *db;
  enum kh_statement statement;
  int values;
  int result; /* the database's own */
};

struct kh_call kh_call(struct kh_db *db, enum kh_statement statement);
void kh_call_text(struct kh_call *call, struct kh_str text);
void kh_call_bytes(struct kh_call *call, const void *at, size_t len);
void kh_call_number(struct kh_call *call, int64_t number);

/* Runs to the end; rows are not looked at. */
enum kh_err kh_call_run(struct kh_call *call) KH_MUST_USE;
/*
 * Runs to the first or the next row, whose columns hold until the next call. KH_ERR_NOT_FOUND when there is
 * none.
 */
enum kh_err kh_call_row(struct kh_call *call) KH_MUST_USE;
void kh_call_end(struct kh_call *call);

struct kh_str kh_call_text_at(const struct kh_call *call, int column);
/* The same as a text, as far as there is room. */
void kh_call_copy(const struct kh_call *call, int column, char *to, size_t room);
int64_t kh_call_number_at(const struct kh_call *call, int column);
bool kh_call_is_null_at(const struct kh_call *call, int column);

#endif
