#include "base/base.h"

#include "base/file.h"
#include "memory/sqlite/statements.h"
#include "support/stores.h"
#include "support/suite.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct kh_test_store test;

static void set_up(void)
{
  kh_test_store_open(&test, KH_TEST_SQLITE);
}

static void tear_down(void)
{
  kh_test_store_close(&test);
}

START_TEST(no_statement_walks_over_a_table_for_each_row_of_another)
{
  for (size_t i = 0; i < KH_SQL__COUNT; i++)
    ck_assert_msg(!kh_test_sql_walks(&test.dir, kh_sql[i]), "%s", kh_sql[i]);
}
END_TEST

/* Each commit at GitHub is a place of its own, and is known for a month. */
START_TEST(places_that_are_owed_nothing_cost_nothing)
{
  kh_test_owe(&test.store, "d1", KH_STR("x"), KH_TEST_T0_US);
  const int before = kh_test_sql_steps(&test.dir, kh_sql[KH_SQL_FIRST]);

  ck_assert_int_gt(before, 10);
  kh_test_sql(&test.dir, "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 5000)"
                         " INSERT INTO destinations (credential, place, delivered_us)"
                         " SELECT credential, n, 1 FROM n, deliveries");
  ck_assert_int_eq(kh_test_sql_steps(&test.dir, kh_sql[KH_SQL_FIRST]), before);
}
END_TEST

/* ---- the file ---- */

static void expect_private(const struct kh_tempdir *dir)
{
  for (size_t i = 0; i < KH_COUNT(kh_test_sqlite_files); i++) {
    char path[512];
    struct stat at;

    kh_tempdir_path(dir, kh_test_sqlite_files[i], path, sizeof path);
    ck_assert_msg(stat(path, &at) == 0, "%s: %s", path, strerror(errno));
    ck_assert_msg((at.st_mode & 07777) == 0600, "%s has mode %o", path, (unsigned)at.st_mode & 07777);
  }
}

static const mode_t umasks[] = {0, 022, 077, 0777};

START_TEST(its_files_are_private_whatever_the_umask)
{
  struct kh_tempdir dir;
  struct kh_store store;
  char path[512];

  kh_tempdir_open(&dir);
  mode_t before = umask(umasks[_i]);
  for (int round = 0; round < 2; round++) {
    ck_assert_int_eq(kh_store_open_sqlite(&store, dir.path, KH_TEST_FRESHNESS_S, NULL), KH_OK);
    kh_test_owe(&store, round ? "d1" : "d0", KH_STR("x"), KH_TEST_T0_US);
    expect_private(&dir);
    kh_store_close(&store);
    ck_assert_int_eq(chmod(kh_tempdir_path(&dir, "memory.sqlite", path, sizeof path), 0644), 0);
  }
  (void)umask(before);
  kh_tempdir_close(&dir);
}
END_TEST

static void expect_refused(const struct kh_tempdir *dir, const char *why)
{
  struct kh_diag diag = {0};
  struct kh_store store;

  ck_assert_int_eq(kh_store_open_sqlite(&store, dir->path, KH_TEST_FRESHNESS_S, &diag), KH_ERR_STORE);
  ck_assert_ptr_null(store.ops);
  ck_assert_msg(strstr(diag.text, why) != NULL, "got \"%s\", want \"%s\" in it", diag.text, why);
  ck_assert_ptr_nonnull(strstr(diag.text, "memory.sqlite"));
}

static const struct {
  const char *sql;
  const char *why;
} foreign[] = {
    {"PRAGMA user_version = 7; CREATE TABLE journal (x);", "written by a newer kitehook (schema 7"},
    {"PRAGMA user_version = 99;", "written by a newer kitehook (schema 99"},
    {"CREATE TABLE letters (x);", "not a memory of kitehook"},
    {"PRAGMA user_version = -1;", "not a memory of kitehook"},
};

START_TEST(a_foreign_file_is_refused_and_left_alone)
{
  struct kh_tempdir dir;
  struct kh_buf before, after;
  char path[512];

  kh_tempdir_open(&dir);
  kh_buf_init(&before, 1024 * 1024);
  kh_buf_init(&after, 1024 * 1024);
  kh_test_sql(&dir, foreign[_i].sql);
  kh_tempdir_path(&dir, "memory.sqlite", path, sizeof path);
  ck_assert_int_eq(kh_file_read(path, &before, NULL), KH_OK);
  expect_refused(&dir, foreign[_i].why);
  ck_assert_int_eq(kh_file_read(path, &after, NULL), KH_OK);
  ck_assert(kh_str_equal(kh_buf_view(&before), kh_buf_view(&after)));
  ck_assert_int_eq(kh_dir_count(dir.path), 1);
  kh_buf_release(&after);
  kh_buf_release(&before);
  kh_tempdir_close(&dir);
}
END_TEST

START_TEST(what_is_no_database_is_refused)
{
  struct kh_tempdir dir;
  char path[512];
  char other[512];

  kh_tempdir_open(&dir);
  kh_tempdir_path(&dir, "memory.sqlite", path, sizeof path);
  kh_tempdir_path(&dir, "elsewhere", other, sizeof other);
  ck_assert_int_eq(symlink(other, path), 0);
  expect_refused(&dir, strerror(ELOOP));
  ck_assert_int_eq(unlink(path), 0);
  ck_assert_int_ne(access(other, F_OK), 0);
  ck_assert_int_eq(mkdir(path, 0700), 0);
  expect_refused(&dir, strerror(EISDIR));
  ck_assert_int_eq(rmdir(path), 0);
  kh_file_put(path, KH_STR("These are not the bytes of a database, and long enough to be sure about it.\n"));
  expect_refused(&dir, "not a database");
  kh_tempdir_close(&dir);

  (void)snprintf(dir.path, sizeof dir.path, "/nonexistent/kitehook");
  expect_refused(&dir, strerror(ENOENT));
}
END_TEST

START_TEST(it_is_sound_and_reads_as_documented)
{
  struct kh_claim claim = kh_test_claim("e1", "b1", "s1", KH_TEST_T0_US);

  kh_test_batch(&test.store, &claim, NULL, 0);
  kh_test_owe(&test.store, "d1", KH_STR("x"), KH_TEST_T0_US);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "d1", 2, KH_TEST_T0_US + 3, &kh_test_failure), KH_OK);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
                   1);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "PRAGMA user_version"), 6);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM journal"), 2);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM journal WHERE entry = 'e1' AND"
                                                 " event = 'build.finished' AND verdict = 'done' AND"
                                                 " branch = '' AND build_number = 7 AND deliveries = 0"),
                   1);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT dead_us FROM deliveries WHERE id = 'd1' AND"
                                                 " reason = 'delivery_refused: HTTP 404'"),
                   KH_TEST_T0_US + 3);
}
END_TEST

/* ---- a disk that is full ---- */

static struct rlimit file_limit;

static void narrow_the_disk(void)
{
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &file_limit), 0);
  const struct rlimit narrow = {100000, file_limit.rlim_max};
  (void)signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &narrow), 0);
}

static void widen_the_disk(void)
{
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &file_limit), 0);
}

/* Until one fails: SQLite writes nothing before its cache is full. */
static enum kh_err commit_large_ones(int count)
{
  static char text[200000];
  enum kh_err err = KH_OK;

  memset(text, 'x', sizeof text);
  for (int i = 0; i < count && !err; i++) {
    char name[24];

    (void)snprintf(name, sizeof name, "large-%d", i);
    struct kh_claim claim = kh_test_claim(name, name, "", KH_TEST_T0_US);
    struct kh_journal journal = {.entry = claim.entry};
    struct kh_delivery delivery = kh_test_delivery(name, kh_str(text, sizeof text), KH_TEST_T0_US);
    err = kh_memory_commit(&test.store.memory, &claim, &journal);
    if (!err)
      err = kh_queue_owe(&test.store.queue, &delivery);
    kh_delivery_release(&delivery);
  }
  return err;
}

static void expect_nothing_happened(void)
{
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM journal"), 0);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM deliveries"), 0);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(commit_large_ones(1), KH_OK);
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM deliveries"), 1);
}

START_TEST(a_disk_that_is_full_at_the_end_of_a_batch)
{
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(commit_large_ones(1), KH_OK);
  narrow_the_disk();
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_ERR_STORE);
  ck_assert_str_ne(kh_batch_problem(&test.store.batch), "");
  widen_the_disk();
  expect_nothing_happened();
}
END_TEST

START_TEST(a_disk_that_is_full_amid_a_batch)
{
  struct kh_claim claim = kh_test_claim("small", "b", "s", KH_TEST_T0_US);
  const struct kh_journal journal = {.entry = claim.entry};

  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  narrow_the_disk();
  ck_assert_int_eq(commit_large_ones(100), KH_ERR_STORE);
  ck_assert_str_ne(kh_batch_problem(&test.store.batch), "");
  widen_the_disk();
  /* A caller that goes on all the same gets nowhere. */
  ck_assert_int_eq(kh_memory_commit(&test.store.memory, &claim, &journal), KH_ERR_STORE);
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_ERR_STORE);
  expect_nothing_happened();
}
END_TEST

/* ---- moved beside its process ---- */

START_TEST(a_file_that_was_moved_or_removed_is_seen)
{
  for (size_t i = 0; i < 2; i++) { /* the database, its log */
    char path[512], moved[512];

    (void)kh_tempdir_path(&test.dir, kh_test_sqlite_files[i], path, sizeof path);
    (void)kh_tempdir_path(&test.dir, "moved", moved, sizeof moved);
    ck_assert(!kh_store_has_moved(&test.store));
    ck_assert_int_eq(rename(path, moved), 0);
    ck_assert(kh_store_has_moved(&test.store));
    kh_file_put(path, KH_STR(""));
    ck_assert(kh_store_has_moved(&test.store));
    ck_assert_int_eq(rename(moved, path), 0);
    ck_assert(!kh_store_has_moved(&test.store));
  }
}
END_TEST

/* Two of one name: the folder of the one was moved away, and the other made in its place. */
START_TEST(the_log_of_another_database_stays)
{
  char path[512], moved[512];
  struct kh_store other;

  kh_test_owe(&test.store, "d1", KH_STR("x"), KH_TEST_T0_US);
  (void)snprintf(moved, sizeof moved, "%s.old", test.dir.path);
  ck_assert_int_eq(rename(test.dir.path, moved), 0);
  ck_assert_int_eq(mkdir(test.dir.path, 0700), 0);
  ck_assert_int_eq(kh_store_open_sqlite(&other, test.dir.path, KH_TEST_FRESHNESS_S, NULL), KH_OK);
  kh_test_owe(&other, "d2", KH_STR("x"), KH_TEST_T0_US);
  kh_store_close(&test.store);
  ck_assert_int_eq(access(kh_tempdir_path(&test.dir, "memory.sqlite-wal", path, sizeof path), F_OK), 0);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM deliveries WHERE id = 'd2'"), 1);
  kh_store_close(&other);
  struct kh_tempdir old = {0};
  (void)snprintf(old.path, sizeof old.path, "%.250s", moved);
  ck_assert_int_eq(kh_test_sql_number(&old, "SELECT count(*) FROM deliveries WHERE id = 'd1'"), 1);
  kh_tempdir_close(&old);
}
END_TEST

static Suite *sqlite_suite(void)
{
  Suite *suite = suite_create("sqlite");
  TCase *file = kh_test_case(suite, "file");
  TCase *open = kh_test_case(suite, "open");

  tcase_add_loop_test(file, its_files_are_private_whatever_the_umask, 0, (int)KH_COUNT(umasks));
  tcase_add_loop_test(file, a_foreign_file_is_refused_and_left_alone, 0, (int)KH_COUNT(foreign));
  tcase_add_test(file, what_is_no_database_is_refused);
  tcase_add_checked_fixture(open, set_up, tear_down);
  tcase_add_test(open, no_statement_walks_over_a_table_for_each_row_of_another);
  tcase_add_test(open, places_that_are_owed_nothing_cost_nothing);
  tcase_add_test(open, it_is_sound_and_reads_as_documented);
  tcase_add_test(open, a_disk_that_is_full_at_the_end_of_a_batch);
  tcase_add_test(open, a_disk_that_is_full_amid_a_batch);
  tcase_add_test(open, a_file_that_was_moved_or_removed_is_seen);
  tcase_add_test(open, the_log_of_another_database_stays);
  return suite;
}

int main(void)
{
  return kh_test_main(sqlite_suite());
}
