/*
 * rows.c - how much SQLite does for a program, counted from outside: LD_PRELOAD=rows.so KH_BENCH_ROWS=FILE.
 *
 * When the program ends, FILE has a line more: the statements that were run, the rows that they gave, and the
 * steps of SQLite's virtual machine (SQLITE_STMTSTATUS_VM_STEP), of which each row that is read takes some.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 -fPIC -shared FILE -ldl
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* As in sqlite3.h, which a machine that only runs kitehook has not. */
enum { SQLITE_ROW = 100, SQLITE_STMTSTATUS_VM_STEP = 4 };

static uint64_t statements, rows, steps;

static void *next(const char *name)
{
  void *found = dlsym(RTLD_NEXT, name);

  if (!found)
    abort();
  return found;
}

int sqlite3_step(void *statement)
{
  static int (*step)(void *);
  static int (*status)(void *, int, int);

  if (!step) {
    step = (int (*)(void *))next("sqlite3_step");
    status = (int (*)(void *, int, int))next("sqlite3_stmt_status");
  }
  int result = step(statement);
  rows += result == SQLITE_ROW;
  statements += result != SQLITE_ROW;
  steps += (uint64_t)status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
  return result;
}

__attribute__((destructor)) static void say(void)
{
  const char *path = getenv("KH_BENCH_ROWS");
  FILE *file = path ? fopen(path, "a") : NULL;

  if (!file)
    return;
  fprintf(file, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", statements, rows, steps);
  fclose(file);
}
