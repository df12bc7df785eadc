#include "base/base.h"

#include "support/stores.h"
#include "support/suite.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A worker that dies by kill -9, and what the next one finds. */

static struct kh_tempdir dir;

static void set_up(void)
{
  kh_tempdir_open(&dir);
}

static void tear_down(void)
{
  kh_tempdir_close(&dir);
}

static struct kh_store open_store(void)
{
  struct kh_store store;
  struct kh_diag diag = {0};
  enum kh_err err = kh_store_open_sqlite(&store, dir.path, KH_TEST_FRESHNESS_S, &diag);

  ck_assert_msg(err == KH_OK, "%s", diag.text);
  return store;
}

/* ---- a worker that stops at a chosen place ---- */

static const struct kh_claim lone_claim = {
    .entry = {"lone", 4}, .body_digest = "b", .signature = {"s", 1}, .now_us = KH_TEST_T0_US};

static void commit_lone(const struct kh_store *store)
{
  struct kh_delivery delivery = kh_test_delivery("new", KH_STR("x"), KH_TEST_T0_US);

  ck_assert_int_eq(kh_batch_begin(&store->batch), KH_OK);
  kh_test_commit(store, &lone_claim, &delivery, 1);
  ck_assert_int_eq(kh_queue_done(&store->queue, "old", 0, KH_TEST_T0_US, 0), KH_OK);
}

/* Runs in a process of its own until it is killed. */
static void work_until_killed(int tell_fd, bool to_the_end)
{
  struct kh_store store = open_store();

  commit_lone(&store);
  if (to_the_end)
    ck_assert_int_eq(kh_batch_end(&store.batch), KH_OK);
  ck_assert_int_eq(write(tell_fd, "!", 1), 1);
  for (;;)
    (void)pause();
}

static void kill_at(bool to_the_end)
{
  int tell[2];
  char told = 0;

  ck_assert_int_eq(pipe(tell), 0);
  pid_t worker = fork();
  ck_assert_int_ge(worker, 0);
  if (worker == 0)
    work_until_killed(tell[1], to_the_end);
  (void)close(tell[1]);
  ck_assert_int_eq(read(tell[0], &told, 1), 1);
  (void)close(tell[0]);
  ck_assert_int_eq(kill(worker, SIGKILL), 0);
  ck_assert_int_eq(waitpid(worker, NULL, 0), worker);
}

static void expect_owed(const struct kh_store *store, const char *id)
{
  struct kh_delivery delivery;

  ck_assert_int_eq(kh_queue_take(&store->queue, KH_TEST_T0_US, NULL, &delivery), KH_OK);
  ck_assert_str_eq(delivery.id, id);
  kh_delivery_release(&delivery);
  ck_assert_int_eq(kh_test_sql_number(&dir, "SELECT count(*) FROM deliveries"), 1);
}

START_TEST(killed_before_the_end_nothing_happened)
{
  struct kh_store store = open_store();

  kh_test_owe(&store, "old", KH_STR("x"), KH_TEST_T0_US);
  kh_store_close(&store);
  kill_at(false);
  store = open_store();
  ck_assert_int_eq(kh_test_seen(&store, &lone_claim), KH_SEEN_NEVER); /* the lease ended with the process */
  expect_owed(&store, "old"); /* and is sent again under the same id */
  kh_store_close(&store);
}
END_TEST

START_TEST(killed_after_the_end_all_of_it_happened)
{
  struct kh_store store = open_store();

  kh_test_owe(&store, "old", KH_STR("x"), KH_TEST_T0_US);
  kh_store_close(&store);
  kill_at(true);
  store = open_store();
  ck_assert_int_eq(kh_test_seen(&store, &lone_claim), KH_SEEN_DONE);
  expect_owed(&store, "new");
  kh_store_close(&store);
}
END_TEST

/* ---- a worker that is killed at any moment ---- */

enum { ROUNDS = 40, GROUP = 5 };

/*
 * Group after group of entries, each with a delivery, of which three of five arrive at once, each a batch; a
 * byte is told for each that was kept.
 */
static void work_groups(int tell_fd, int round)
{
  struct kh_store store = open_store();
  struct kh_delivery delivery;
  char entry[64];

  kh_memory_keep(&store.memory, KH_BRANCH_AGE_S,
                 &(struct kh_journal_bounds){1000000, UINT64_MAX / 2, KH_JOURNAL_KEEP_S});
  for (int group = 0;; group++) {
    ck_assert_int_eq(kh_batch_begin(&store.batch), KH_OK);
    for (int i = 0; i < GROUP; i++) {
      (void)snprintf(entry, sizeof entry, "r%02d-g%06d-%d", round, group, i);
      struct kh_claim claim = kh_test_claim(entry, entry, entry, KH_TEST_T0_US);
      delivery = kh_test_delivery(entry, KH_STR("x"), KH_TEST_T0_US);
      kh_test_commit(&store, &claim, &delivery, 1);
      kh_delivery_release(&delivery);
      if (i % 2 == 0)
        ck_assert_int_eq(kh_queue_done(&store.queue, entry, 0, KH_TEST_T0_US, 0), KH_OK);
    }
    ck_assert_int_eq(kh_batch_end(&store.batch), KH_OK);
    ck_assert_int_eq(write(tell_fd, "!", 1), 1);
  }
}

/* Returns how many batches the worker told of before it was killed. */
static int kill_after(int round, useconds_t delay_us)
{
  int tell[2];
  char told[4096];
  ssize_t count;
  int sum = 0;

  ck_assert_int_eq(pipe(tell), 0);
  pid_t worker = fork();
  ck_assert_int_ge(worker, 0);
  if (worker == 0)
    work_groups(tell[1], round);
  (void)close(tell[1]);
  ck_assert_int_eq(read(tell[0], told, 1), 1); /* it is at work */
  sum = 1;
  (void)usleep(delay_us);
  ck_assert_int_eq(kill(worker, SIGKILL), 0);
  ck_assert_int_eq(waitpid(worker, NULL, 0), worker);
  while ((count = read(tell[0], told, sizeof told)) > 0)
    sum += (int)count;
  (void)close(tell[0]);
  return sum;
}

START_TEST(whenever_it_is_killed_batches_are_whole_and_none_is_lost)
{
  unsigned seed = 20231114;
  int64_t told = 0;

  for (int round = 0; round < ROUNDS; round++) {
    seed = seed * 1103515245 + 12345;
    told += kill_after(round, seed / 65536 % 25000);
    int64_t kept = kh_test_sql_number(&dir, "SELECT count(*) FROM journal");
    ck_assert_int_ge(kept, told * GROUP);
    ck_assert_int_le(kept, (told + round + 1) * GROUP); /* at most one a round was kept and not told */
    ck_assert_int_eq(kh_test_sql_number(&dir, "SELECT count(*) FROM deliveries"), kept / GROUP * 2);
    ck_assert_int_eq(kh_test_sql_number(&dir, "SELECT count(*) FROM ended JOIN journal ON seq = webhook"),
                     kept / GROUP * 3);
    ck_assert_int_eq(kh_test_sql_number(&dir, "SELECT count(*) FROM entries JOIN journal USING (entry)"),
                     kept);
    ck_assert_int_eq(kh_test_sql_number(&dir, "SELECT count(*) FROM entries"), kept);
    ck_assert_int_eq(kh_test_sql_number(&dir, "SELECT count(*) FROM bodies"), kept);
    ck_assert_int_eq(kh_test_sql_number(&dir, "SELECT count(*) FROM signatures"), kept);
    ck_assert_int_eq(kh_test_sql_number(&dir, "SELECT count(*) FROM (SELECT 1 FROM journal"
                                              " GROUP BY substr(entry, 1, 11) HAVING count(*) <> 5)"),
                     0);
  }
  ck_assert_int_ge(told, ROUNDS);
  ck_assert_int_eq(kh_test_sql_number(&dir, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}
END_TEST

static Suite *crash_suite(void)
{
  Suite *suite = suite_create("sqlite_crash");
  TCase *crash = kh_test_case(suite, "crash");

  tcase_add_checked_fixture(crash, set_up, tear_down);
  tcase_add_test(crash, killed_before_the_end_nothing_happened);
  tcase_add_test(crash, killed_after_the_end_all_of_it_happened);
  tcase_add_test(crash, whenever_it_is_killed_batches_are_whole_and_none_is_lost);
  return suite;
}

int main(void)
{
  return kh_test_main_apart(crash_suite());
}
