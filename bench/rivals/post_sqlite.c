/*
 * post_sqlite.c URL BODY COUNT DATABASE - the floor of deliveries: makes COUNT rows of the file BODY's bytes
 * in DATABASE, 64 a transaction, posts each by libcurl over one kept connection, and removes it, 4 a
 * transaction (WAL, synchronous=FULL). It reads no inbox, knows no rules, and writes no log.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 FILE -lcurl -lsqlite3
 */
#include <curl/curl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { BODY_MAX = 64 * 1024, MADE = 64, POSTED = 4 };

static size_t forget(char *bytes, size_t size, size_t count, void *self)
{
  (void)bytes, (void)self;
  return size * count;
}

static bool run(sqlite3 *db, const char *sql)
{
  return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool step(sqlite3_stmt *stmt, long id)
{
  sqlite3_reset(stmt);
  return sqlite3_bind_int64(stmt, 1, id) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_DONE;
}

static bool make(sqlite3 *db, sqlite3_stmt *insert, long count)
{
  for (long from = 0; from < count; from += MADE) {
    if (!run(db, "BEGIN IMMEDIATE"))
      return false;
    for (long id = from; id < from + MADE && id < count; id++)
      if (!step(insert, id))
        return false;
    sqlite3_reset(insert);
    if (!run(db, "COMMIT"))
      return false;
  }
  return true;
}

static bool post(CURL *curl)
{
  long status = 0;

  return curl_easy_perform(curl) == CURLE_OK &&
         curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200;
}

static bool post_all(CURL *curl, sqlite3 *db, sqlite3_stmt *remove, long count)
{
  for (long from = 0; from < count; from += POSTED) {
    const long to = from + POSTED < count ? from + POSTED : count;

    for (long id = from; id < to; id++)
      if (!post(curl))
        return false;
    if (!run(db, "BEGIN IMMEDIATE"))
      return false;
    for (long id = from; id < to; id++)
      if (!step(remove, id))
        return false;
    sqlite3_reset(remove);
    if (!run(db, "COMMIT"))
      return false;
  }
  return true;
}

int main(int argc, char **argv)
{
  static const char setup[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                              "CREATE TABLE owed (id INTEGER PRIMARY KEY, body BLOB);";
  static char body[BODY_MAX];
  sqlite3_stmt *insert = NULL, *remove = NULL;
  FILE *file = argc == 5 ? fopen(argv[2], "r") : NULL;
  CURL *curl = curl_easy_init();
  struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
  sqlite3 *db = NULL;
  int status = 1;

  if (!file || !curl || !headers) {
    fputs("usage: post_sqlite URL BODY COUNT DATABASE\n", stderr);
    return 2;
  }
  const size_t len = fread(body, 1, sizeof body, file);
  const long count = strtol(argv[3], NULL, 10);
  fclose(file);
  curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, forget);
  if (sqlite3_open(argv[4], &db) == SQLITE_OK && run(db, setup) &&
      sqlite3_prepare_v2(db, "INSERT INTO owed VALUES (?1, ?2)", -1, &insert, NULL) == SQLITE_OK &&
      sqlite3_bind_blob(insert, 2, body, (int)len, SQLITE_STATIC) == SQLITE_OK &&
      sqlite3_prepare_v2(db, "DELETE FROM owed WHERE id = ?1", -1, &remove, NULL) == SQLITE_OK &&
      make(db, insert, count) && post_all(curl, db, remove, count))
    status = 0;
  if (status != 0)
    fprintf(stderr, "post_sqlite: %s\n", db ? sqlite3_errmsg(db) : "cannot open");
  sqlite3_finalize(insert);
  sqlite3_finalize(remove);
  sqlite3_close(db);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  return status;
}
