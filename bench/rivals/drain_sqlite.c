/*
 * drain_sqlite.c INBOX DATABASE - the floor of a worker: every file of the folder INBOX is read, becomes one
 * row in DATABASE (64 rows a transaction, WAL, synchronous=FULL), and is removed after the commit.
 * It checks no MAC, reads no JSON, knows no rules, and writes no log.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 FILE -lsqlite3
 */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 64 };

static int is_entry(const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

static bool add_row(sqlite3_stmt *insert, int fd_inbox, const char *name)
{
  static char bytes[1024 * 1024];
  int fd = openat(fd_inbox, name, O_RDONLY | O_CLOEXEC);
  size_t len = 0;
  ssize_t got = 0;

  if (fd < 0)
    return false;
  while (len < sizeof bytes && (got = read(fd, bytes + len, sizeof bytes - len)) > 0)
    len += (size_t)got;
  close(fd);
  sqlite3_reset(insert);
  return got == 0 && sqlite3_bind_text(insert, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
         sqlite3_bind_int64(insert, 2, (sqlite3_int64)len) == SQLITE_OK &&
         sqlite3_step(insert) == SQLITE_DONE;
}

static bool drain(sqlite3 *db, sqlite3_stmt *insert, int fd_inbox, struct dirent **names, int count)
{
  for (int from = 0; from < count; from += BATCH) {
    int to = from + BATCH < count ? from + BATCH : count;

    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
      return false;
    for (int i = from; i < to; i++)
      if (!add_row(insert, fd_inbox, names[i]->d_name))
        return false;
    sqlite3_reset(insert);
    if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
      return false;
    for (int i = from; i < to; i++)
      if (unlinkat(fd_inbox, names[i]->d_name, 0) != 0)
        return false;
  }
  return true;
}

int main(int argc, char **argv)
{
  static const char setup[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                              "CREATE TABLE webhook (name TEXT PRIMARY KEY, bytes INTEGER) WITHOUT ROWID;";
  struct dirent **names = NULL;
  sqlite3_stmt *insert = NULL;
  sqlite3 *db = NULL;
  int fd_inbox = -1, count = -1, status = 1;

  if (argc != 3) {
    fputs("usage: drain_sqlite INBOX DATABASE\n", stderr);
    return 2;
  }
  fd_inbox = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_inbox < 0 || sqlite3_open(argv[2], &db) != SQLITE_OK ||
      sqlite3_exec(db, setup, NULL, NULL, NULL) != SQLITE_OK ||
      sqlite3_prepare_v2(db, "INSERT INTO webhook VALUES (?, ?)", -1, &insert, NULL) != SQLITE_OK)
    goto done;
  count = scandir(argv[1], &names, is_entry, alphasort);
  if (count >= 0 && drain(db, insert, fd_inbox, names, count)) {
    printf("%d\n", count);
    status = 0;
  }
done:
  if (status != 0)
    fprintf(stderr, "drain_sqlite: %s\n", db != NULL ? sqlite3_errmsg(db) : "cannot open");
  for (int i = 0; i < count; i++)
    free(names[i]);
  free(names);
  sqlite3_finalize(insert);
  sqlite3_close(db);
  if (fd_inbox >= 0)
    close(fd_inbox);
  return status;
}
