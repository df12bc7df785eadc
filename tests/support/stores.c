#include "base/base.h"

#include "base/file.h"
#include "support/stores.h"
#include "support/suite.h"

#include <sqlite3.h>

const char *const kh_test_sqlite_files[3] = {"memory.sqlite", "memory.sqlite-wal", "memory.sqlite-shm"};

const struct kh_failure kh_test_failure = {
    .reason = "delivery_refused: HTTP 404", .status = 404, .answer = "no_service"};

static void open_file(struct kh_test_store *test)
{
  struct kh_diag diag = {0};
  enum kh_err err = kh_store_open_sqlite(&test->store, test->dir.path, KH_TEST_FRESHNESS_S, &diag);

  ck_assert_msg(err == KH_OK, "%s", diag.text);
}

void kh_test_store_open(struct kh_test_store *test, int kind)
{
  *test = (struct kh_test_store){.kind = kind};
  if (kind == KH_TEST_SQLITE) {
    kh_tempdir_open(&test->dir);
    open_file(test);
  } else {
    ck_assert_int_eq(kh_store_open_process(&test->store), KH_OK);
  }
}

void kh_test_store_close(struct kh_test_store *test)
{
  kh_store_close(&test->store);
  if (test->kind == KH_TEST_SQLITE)
    kh_tempdir_close(&test->dir);
}

void kh_test_store_reopen(struct kh_test_store *test)
{
  if (test->kind != KH_TEST_SQLITE)
    return;
  kh_store_close(&test->store);
  open_file(test);
}

struct kh_claim kh_test_claim(const char *entry, const char *body, const char *signature, int64_t now_us)
{
  struct kh_claim claim = {.entry = kh_str_of(entry),
                           .signature = kh_str_of(signature),
                           .body_window_s = KH_BODY_WINDOW_S,
                           .now_us = now_us};

  ck_assert_uint_le(strlen(body), sizeof claim.body_digest);
  memcpy(claim.body_digest, body, strlen(body));
  return claim;
}

struct kh_delivery kh_test_delivery(const char *id, struct kh_str body, int64_t not_before_us)
{
  struct kh_delivery delivery = {.not_before_us = not_before_us,
                                 .expires_us = not_before_us + 86400 * KH_TEST_SECOND_US,
                                 .created_us = not_before_us};

  (void)snprintf(delivery.id, sizeof delivery.id, "%s", id);
  (void)snprintf(delivery.rule, sizeof delivery.rule, "rule of %s", id);
  (void)snprintf(delivery.notifier, sizeof delivery.notifier, "slack");
  (void)snprintf(delivery.credential, sizeof delivery.credential, "slack env:SLACK_WEBHOOK_URL");
  (void)snprintf(delivery.entry, sizeof delivery.entry, "entry of %s", id);
  (void)snprintf(delivery.event, sizeof delivery.event, "build.finished");
  kh_buf_init(&delivery.body, KH_DELIVERY_MAX_BYTES);
  ck_assert_int_eq(kh_buf_add(&delivery.body, body), KH_OK);
  return delivery;
}

void kh_test_commit(const struct kh_store *store, const struct kh_claim *claim,
                    const struct kh_delivery *deliveries, size_t count)
{
  const struct kh_journal journal = {.entry = claim->entry,
                                     .request_id = KH_STR("request"),
                                     .event = KH_STR("build.finished"),
                                     .verdict = KH_REASON_DONE,
                                     .build_number = 7,
                                     .received_us = claim->now_us,
                                     .done_us = claim->now_us,
                                     .deliveries = count};
  const size_t owed = kh_test_seen(store, claim) == KH_SEEN_DONE ? 0 : count;
  enum kh_err err = kh_memory_commit(&store->memory, claim, &journal);

  for (size_t i = 0; !err && i < owed; i++)
    err = kh_queue_owe(&store->queue, &deliveries[i]);

  ck_assert_msg(err == KH_OK, "%s", kh_batch_problem(&store->batch));
}

void kh_test_batch(const struct kh_store *store, const struct kh_claim *claim,
                   const struct kh_delivery *deliveries, size_t count)
{
  ck_assert_int_eq(kh_batch_begin(&store->batch), KH_OK);
  kh_test_commit(store, claim, deliveries, count);
  enum kh_err err = kh_batch_end(&store->batch);
  ck_assert_msg(err == KH_OK, "%s", kh_batch_problem(&store->batch));
}

void kh_test_owe(const struct kh_store *store, const char *id, struct kh_str body, int64_t not_before_us)
{
  struct kh_delivery delivery = kh_test_delivery(id, body, not_before_us);
  struct kh_claim claim = kh_test_claim(delivery.entry, id, "", not_before_us);

  kh_test_batch(store, &claim, &delivery, 1);
  kh_delivery_release(&delivery);
}

enum kh_seen kh_test_seen(const struct kh_store *store, const struct kh_claim *claim)
{
  enum kh_seen seen = KH_SEEN_NEVER;
  enum kh_err err = kh_memory_begin(&store->memory, claim, &seen);

  ck_assert_msg(err == KH_OK, "%s", kh_batch_problem(&store->batch));
  return seen;
}

static sqlite3 *own_connection(const struct kh_tempdir *dir)
{
  char path[512];
  sqlite3 *db = NULL;

  ck_assert_int_eq(sqlite3_open(kh_tempdir_path(dir, kh_test_sqlite_files[0], path, sizeof path), &db),
                   SQLITE_OK);
  ck_assert_int_eq(sqlite3_busy_timeout(db, 5000), SQLITE_OK);
  return db;
}

void kh_test_sql(const struct kh_tempdir *dir, const char *sql)
{
  sqlite3 *db = own_connection(dir);
  int result = sqlite3_exec(db, sql, NULL, NULL, NULL);

  ck_assert_msg(result == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
  ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

bool kh_test_sql_walks(const struct kh_tempdir *dir, const char *sql)
{
  sqlite3 *db = own_connection(dir);
  sqlite3_stmt *stmt = NULL;
  char explain[8192];
  int inside = -1;
  bool walks = false;

  (void)snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql);
  ck_assert_msg(sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
  while (sqlite3_step(stmt) == SQLITE_ROW) {
    const char *step = (const char *)sqlite3_column_text(stmt, 3);

    if (strncmp(step, "CORRELATED", 10) == 0)
      inside = sqlite3_column_int(stmt, 0);
    walks = walks || (sqlite3_column_int(stmt, 1) == inside && strncmp(step, "SCAN", 4) == 0);
  }
  (void)sqlite3_finalize(stmt);
  ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
  return walks;
}

int kh_test_sql_steps(const struct kh_tempdir *dir, const char *sql)
{
  sqlite3 *db = own_connection(dir);
  sqlite3_stmt *stmt = NULL;

  ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
  for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++)
    ck_assert_int_eq(sqlite3_bind_text(stmt, i, "", 0, SQLITE_STATIC), SQLITE_OK);
  while (sqlite3_step(stmt) == SQLITE_ROW)
    ;
  int steps = sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 0);
  (void)sqlite3_finalize(stmt);
  ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
  return steps;
}

int64_t kh_test_sql_number(const struct kh_tempdir *dir, const char *sql)
{
  sqlite3 *db = own_connection(dir);
  sqlite3_stmt *stmt = NULL;

  ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
  ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
  int64_t number = sqlite3_column_int64(stmt, 0);
  (void)sqlite3_finalize(stmt);
  ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
  return number;
}

static size_t count_in(struct kh_str text, struct kh_str needle)
{
  size_t count = 0;
  const char *found;

  while (text.len >= needle.len && (found = memmem(text.at, text.len, needle.at, needle.len)) != NULL) {
    count++;
    text = kh_str(found + 1, text.len - (size_t)(found + 1 - text.at));
  }
  return count;
}

size_t kh_test_count_in_files(const struct kh_tempdir *dir, const char *needle)
{
  size_t count = 0;

  for (size_t i = 0; i < KH_COUNT(kh_test_sqlite_files); i++) {
    char path[512];
    struct kh_buf bytes;

    kh_buf_init(&bytes, 256 * 1024 * 1024);
    enum kh_err err = kh_file_read(kh_tempdir_path(dir, kh_test_sqlite_files[i], path, sizeof path), &bytes,
                                   NULL);
    ck_assert(err == KH_OK || err == KH_ERR_NOT_FOUND);
    count += count_in(kh_buf_view(&bytes), kh_str_of(needle));
    kh_buf_release(&bytes);
  }
  return count;
}
