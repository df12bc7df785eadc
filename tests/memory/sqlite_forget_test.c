#include "base/base.h"

#include "memory/sqlite/spare.h"
#include "support/stores.h"
#include "support/suite.h"

#include <sys/stat.h>

#define DAY_US (86400 * KH_TEST_SECOND_US)

static struct kh_test_store test;

static void set_up(void)
{
  kh_test_store_open(&test, KH_TEST_SQLITE);
}

static void tear_down(void)
{
  kh_test_store_close(&test);
}

/* ---- what was processed is gone ---- */

/* Enough batches to write pages again and again, few enough not to wait long for the disk. */
enum { SECRETS = 200, BATCH = 10 };

static struct kh_str marked_body(size_t index, char *text, size_t room)
{
  /* From a few bytes to several pages, so that rows share pages, fill them and overflow them. */
  size_t filler = index * index * 7919 % 9000;
  int length = snprintf(text, room, "{\"text\":\"planted-%04zu-%0*d\"}", index, (int)filler + 1, 0);

  return kh_str(text, (size_t)length);
}

static size_t count_marks(size_t index)
{
  char mark[32];

  (void)snprintf(mark, sizeof mark, "planted-%04zu-", index);
  return kh_test_count_in_files(&test.dir, mark);
}

static void id_of(size_t index, char id[KH_DELIVERY_ID_BYTES])
{
  (void)snprintf(id, KH_DELIVERY_ID_BYTES, "d%zu", index * 7919 % 1000);
}

static void owe_secret(size_t index)
{
  static char text[10000];
  char id[KH_DELIVERY_ID_BYTES];

  id_of(index, id);
  struct kh_claim claim = kh_test_claim(id, id, "", KH_TEST_T0_US);
  struct kh_delivery delivery = kh_test_delivery(id, marked_body(index, text, sizeof text), KH_TEST_T0_US);
  kh_test_commit(&test.store, &claim, &delivery, 1);
  kh_delivery_release(&delivery);
}

START_TEST(a_body_that_was_sent_is_in_no_file)
{
  char id[KH_DELIVERY_ID_BYTES];

  for (size_t i = 0; i < SECRETS; i++) {
    if (i % BATCH == 0)
      ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
    owe_secret(i);
    if (i % BATCH == BATCH - 1)
      ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  }
  for (size_t i = 0; i < SECRETS; i++)
    ck_assert_uint_ge(count_marks(i), 1);
  for (size_t i = 0; i < SECRETS; i++) {
    size_t victim = i * 211 % SECRETS; /* all of them but every eighth, in no order */

    if (i % BATCH == 0)
      ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
    id_of(victim, id);
    if (victim % 8 != 0)
      ck_assert_int_eq(kh_queue_done(&test.store.queue, id, 0, KH_TEST_T0_US, 0), KH_OK);
    if (i % BATCH == BATCH - 1)
      ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  }
  ck_assert_int_eq(kh_store_tidy(&test.store), KH_OK);
  for (size_t i = 0; i < SECRETS; i++) {
    size_t count = count_marks(i);
    ck_assert_msg(i % 8 == 0 ? count == 1 : count == 0, "mark %zu is in the files %zu times", i, count);
  }
}
END_TEST

START_TEST(what_a_killed_worker_left_behind_is_tidied_by_the_next)
{
  kh_test_owe(&test.store, "d1", KH_STR("planted-7731"), KH_TEST_T0_US);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "d1", 0, KH_TEST_T0_US, 0), KH_OK);
  ck_assert_uint_ge(kh_test_count_in_files(&test.dir, "planted-7731"), 1);

  struct kh_store next; /* beside the first, which stands for one that never closed */
  ck_assert_int_eq(kh_store_open_sqlite(&next, test.dir.path, KH_TEST_FRESHNESS_S, NULL), KH_OK);
  ck_assert_int_eq(kh_store_tidy(&next), KH_OK);
  ck_assert_uint_eq(kh_test_count_in_files(&test.dir, "planted-7731"), 0);
  kh_store_close(&next);
}
END_TEST

START_TEST(closing_tidies_and_leaves_database_and_spare)
{
  kh_test_owe(&test.store, "d1", KH_STR("planted-7732"), KH_TEST_T0_US);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "d1", 0, KH_TEST_T0_US, 0), KH_OK);
  kh_store_close(&test.store);
  ck_assert_uint_eq(kh_test_count_in_files(&test.dir, "planted-7732"), 0);
  ck_assert_int_eq(kh_dir_count(test.dir.path), 1 + KH_SPARE_FILES);
  ck_assert_int_eq(kh_store_open_sqlite(&test.store, test.dir.path, KH_TEST_FRESHNESS_S, NULL), KH_OK);
}
END_TEST

START_TEST(the_log_stays_small_without_a_rest)
{
  static char text[200000];
  char path[512];
  char id[KH_DELIVERY_ID_BYTES];
  struct stat at;

  memset(text, 'x', sizeof text);
  for (size_t i = 0; i < 80; i++) {
    id_of(i, id);
    kh_test_owe(&test.store, id, kh_str(text, sizeof text), KH_TEST_T0_US);
    ck_assert_int_eq(kh_queue_done(&test.store.queue, id, 0, KH_TEST_T0_US, 0), KH_OK);
  }
  kh_tempdir_path(&test.dir, "memory.sqlite-wal", path, sizeof path);
  ck_assert_int_eq(stat(path, &at), 0);
  ck_assert_int_gt(at.st_size, 0);
  ck_assert_int_lt(at.st_size, 8 * 1024 * 1024);
}
END_TEST

/* ---- memory has an end ---- */

static void commit_at(const char *entry, int64_t now_us)
{
  struct kh_claim claim = kh_test_claim(entry, entry, entry, now_us);

  kh_test_batch(&test.store, &claim, NULL, 0);
}

/* Received at RECEIVED_US, worked on at DONE_US. */
static void commit_late(const char *entry, int64_t received_us, int64_t done_us)
{
  struct kh_claim claim = kh_test_claim(entry, entry, entry, received_us);
  const struct kh_journal journal = {.entry = claim.entry, .received_us = received_us, .done_us = done_us};

  ck_assert_int_eq(kh_memory_commit(&test.store.memory, &claim, &journal), KH_OK);
}

static bool is_done(const char *entry)
{
  struct kh_claim claim = kh_test_claim(entry, "another", "", 0);

  return kh_test_seen(&test.store, &claim) == KH_SEEN_DONE;
}

START_TEST(what_the_journal_forgets_is_done_all_the_same)
{
  char entry[24];

  kh_memory_keep(&test.store.memory, KH_BRANCH_AGE_S,
                 &(struct kh_journal_bounds){3, KH_JOURNAL_BYTES, KH_JOURNAL_KEEP_S});
  for (int i = 0; i < 10; i++) {
    (void)snprintf(entry, sizeof entry, "entry-%d", i);
    commit_at(entry, KH_TEST_T0_US);
  }
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM journal"), 3);
  ck_assert(is_done("entry-0"));
}
END_TEST

START_TEST(an_entry_is_forgotten_two_days_after_it_was_met)
{
  commit_at("gone", KH_TEST_T0_US);
  commit_at("there", KH_TEST_T0_US);
  commit_at("there", KH_TEST_T0_US + DAY_US + 1); /* its file could not be removed */
  commit_at("edge", KH_TEST_T0_US + 2 * DAY_US);
  ck_assert(is_done("gone"));
  commit_at("later", KH_TEST_T0_US + 2 * DAY_US + 1);
  ck_assert(!is_done("gone"));
  ck_assert(is_done("there"));
  commit_at("gone", KH_TEST_T0_US + 2 * DAY_US + 2); /* it was worked twice, and the journal says so */
  ck_assert(is_done("gone"));
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM journal WHERE entry = 'gone'"), 2);
}
END_TEST

/* A backlog, and a clock that was wrong when one of it came. */
START_TEST(no_entry_is_forgotten_by_its_own_batch)
{
  const int64_t now_us = KH_TEST_T0_US + 40 * DAY_US;

  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  commit_late("old", KH_TEST_T0_US, now_us);
  commit_late("now", now_us, now_us);
  commit_late("ahead", now_us + 3650 * DAY_US, now_us);
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  ck_assert(is_done("old"));
  ck_assert(is_done("now"));
  ck_assert(is_done("ahead"));
}
END_TEST

START_TEST(each_table_forgets_at_its_own_edge)
{
  const int64_t now_us = KH_TEST_T0_US + 40 * DAY_US;

  commit_at("month over", now_us - 30 * DAY_US - 1);
  commit_at("month", now_us - 30 * DAY_US);
  commit_at("day over", now_us - DAY_US - 1);
  commit_at("day", now_us - DAY_US);
  commit_at("window over", now_us - 600 * KH_TEST_SECOND_US - 1);
  commit_at("window", now_us - 600 * KH_TEST_SECOND_US);
  commit_at("now", now_us);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM journal"), 6);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM journal WHERE entry = 'month over'"),
                   0);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM bodies"), 4);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM signatures"), 2);
  ck_assert_int_eq(
      kh_test_sql_number(&test.dir, "SELECT count(*) FROM signatures WHERE signature IN ('window', 'now')"),
      2);
}
END_TEST

static Suite *forget_suite(void)
{
  Suite *suite = suite_create("sqlite_forget");
  TCase *secrets = kh_test_case(suite, "secrets");
  TCase *ends = kh_test_case(suite, "ends");

  tcase_add_checked_fixture(secrets, set_up, tear_down);
  tcase_add_test(secrets, a_body_that_was_sent_is_in_no_file);
  tcase_add_test(secrets, what_a_killed_worker_left_behind_is_tidied_by_the_next);
  tcase_add_test(secrets, closing_tidies_and_leaves_database_and_spare);
  tcase_add_test(secrets, the_log_stays_small_without_a_rest);
  tcase_add_checked_fixture(ends, set_up, tear_down);
  tcase_add_test(ends, what_the_journal_forgets_is_done_all_the_same);
  tcase_add_test(ends, an_entry_is_forgotten_two_days_after_it_was_met);
  tcase_add_test(ends, no_entry_is_forgotten_by_its_own_batch);
  tcase_add_test(ends, each_table_forgets_at_its_own_edge);
  return suite;
}

int main(void)
{
  return kh_test_main(forget_suite());
}
