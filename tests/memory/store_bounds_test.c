#include "base/base.h"

#include "memory/sqlite/look.h"
#include "support/stores.h"
#include "support/suite.h"

#define NOW_US KH_TEST_T0_US
#define SECOND_US KH_TEST_SECOND_US

enum { ENTRIES = 40, SHARE = ENTRIES / 4 };

static struct kh_test_store test;
static unsigned owed_count;

static void set_up(void)
{
  const struct kh_queue_bounds bounds = {ENTRIES, 64 * 1024, 3600};

  kh_test_store_open(&test, KH_TEST_SQLITE);
  kh_queue_bound(&test.store.queue, &bounds);
  owed_count = 0;
}

static void tear_down(void)
{
  kh_test_store_close(&test);
}

/* COUNT, each of a webhook of its own. */
static void owe(const char *credential, unsigned count, size_t body_bytes)
{
  static const char body[16 * 1024] = {0};

  for (unsigned i = 0; i < count; i++) {
    char id[33];

    (void)snprintf(id, sizeof id, "%08u", ++owed_count);
    struct kh_delivery delivery = kh_test_delivery(id, kh_str(body, body_bytes), NOW_US + owed_count);
    struct kh_claim claim = kh_test_claim(id, id, "", NOW_US);

    (void)snprintf(delivery.credential, sizeof delivery.credential, "%s", credential);
    kh_test_batch(&test.store, &claim, &delivery, 1);
    kh_delivery_release(&delivery);
  }
}

/* Takes what is due, and has it end as dead. */
static void bury(unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    struct kh_delivery delivery;

    ck_assert_int_eq(kh_queue_take(&test.store.queue, NOW_US + SECOND_US, NULL, &delivery), KH_OK);
    ck_assert_int_eq(kh_queue_bury(&test.store.queue, delivery.id, 1, NOW_US + i, &kh_test_failure), KH_OK);
    kh_delivery_release(&delivery);
  }
}

static int64_t count(const char *what)
{
  char sql[256];

  (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM deliveries WHERE %s", what);
  return kh_test_sql_number(&test.dir, sql);
}

#define ACCOUNT "SELECT credential, owed, owed_bytes, dead, dead_bytes FROM shares WHERE owed + dead > 0"
#define ROWS                                                                                        \
  "SELECT credential, sum(dead_us IS NULL), sum(iif(dead_us IS NULL, length(body), 0)),"            \
  " sum(dead_us IS NOT NULL), sum(iif(dead_us IS NULL, 0, length(body))) FROM deliveries GROUP BY " \
  "credential"

/* The account is that of the rows themselves. */
static void check_shares(void)
{
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM (" ACCOUNT " EXCEPT " ROWS ")"), 0);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM (" ROWS " EXCEPT " ACCOUNT ")"), 0);
}

static struct kh_queue_use use(void)
{
  struct kh_queue_use use;

  ck_assert_int_eq(kh_queue_use(&test.store.queue, &use), KH_OK);
  return use;
}

START_TEST(beyond_its_quarter_the_oldest_of_a_credential_die)
{
  owe("well", 1, 1);
  owe("flood", SHARE, 1);
  struct kh_queue_use used = use();
  ck_assert_uint_eq(used.died, 0);
  ck_assert_uint_eq(used.percent, 100);
  ck_assert_str_eq(used.credential, "flood");
  owe("flood", 3, 1);
  ck_assert_int_eq(count("credential = 'flood' AND dead_us IS NULL"), SHARE);
  ck_assert_int_eq(count("id IN ('00000002', '00000003', '00000004') AND reason = 'outbox_full'"), 3);
  ck_assert_int_eq(count("credential = 'well' AND dead_us IS NULL"), 1);
  used = use();
  ck_assert_uint_eq(used.died, 3);
  ck_assert_str_eq(used.died_last, "flood");
  ck_assert(!used.is_full);
  check_shares();
}
END_TEST

START_TEST(bytes_count_too)
{
  owe("large", 3, 8 * 1024);
  ck_assert_int_eq(count("dead_us IS NULL"), 2);
  ck_assert_int_eq(count("id = '00000001' AND reason = 'outbox_full'"), 1);
  owe("large", 1, 16 * 1024);
  ck_assert_int_eq(count("dead_us IS NULL"), 1);
  owe("large", 1, 100);
  ck_assert_int_eq(count("dead_us IS NULL"), 1);
  check_shares();
}
END_TEST

/* A destination that refuses everything. */
START_TEST(dead_ones_have_a_quarter_too)
{
  owe("well", 1, 1);
  bury(1);
  for (unsigned i = 0; i < 5 * SHARE; i++) {
    owe("bad", 1, 1);
    bury(1);
  }
  ck_assert_int_eq(count("credential = 'bad'"), SHARE);
  ck_assert_int_eq(count("credential = 'well'"), 1);
  ck_assert_int_eq(count("credential = 'bad' AND id > '00000041'"), SHARE);
  check_shares();
}
END_TEST

START_TEST(dead_ones_make_room_for_what_is_owed)
{
  static const char *const credentials[] = {"a", "b", "c", "d"};

  for (size_t i = 0; i < KH_COUNT(credentials); i++) {
    owe(credentials[i], SHARE, 1);
    bury(SHARE);
  }
  ck_assert_int_eq(count("dead_us IS NOT NULL"), ENTRIES);
  for (size_t i = 0; i < KH_COUNT(credentials); i++) {
    ck_assert(!use().is_full);
    owe(credentials[i], SHARE, 1);
    ck_assert_int_eq(count("TRUE"), ENTRIES);
  }
  ck_assert_int_eq(count("dead_us IS NULL"), ENTRIES);
  ck_assert(use().is_full);
  check_shares();
}
END_TEST

/* Its answer came after it had died. */
START_TEST(what_arrived_is_done_although_it_died_under_way)
{
  owe("flood", SHARE + 1, 1);
  ck_assert_int_eq(count("id = '00000001' AND reason = 'outbox_full'"), 1);
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "00000001", 1, NOW_US, &kh_test_failure),
                   KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "00000001", 0, NOW_US, 0), KH_OK);
  ck_assert_int_eq(count("id = '00000001'"), 0);
  check_shares();
}
END_TEST

/* Its body is its entry's name. */
static void owe_as(const char *entry, const char *id, const char *credential, bool replaces)
{
  struct kh_delivery delivery = kh_test_delivery(id, kh_str_of(entry), NOW_US);
  struct kh_claim claim = kh_test_claim(entry, entry, "", NOW_US);

  (void)snprintf(delivery.credential, sizeof delivery.credential, "%s", credential);
  (void)snprintf(delivery.entry, sizeof delivery.entry, "%s", entry);
  delivery.replaces = replaces;
  kh_test_batch(&test.store, &claim, &delivery, 1);
  kh_delivery_release(&delivery);
}

START_TEST(what_replaces_and_what_comes_again_is_counted)
{
  owe_as("first", "old", "lamp", true);
  owe_as("the second", "new", "lamp", true);
  ck_assert_int_eq(count("TRUE"), 1);
  check_shares();
  bury(1);
  check_shares();
  owe_as("the third one", "new", "other lamp", false);
  ck_assert_int_eq(count("id = 'new' AND dead_us IS NULL AND credential = 'other lamp'"), 1);
  check_shares();
  owe_as("a fourth", "new", "lamp", false); /* it is owed already */
  ck_assert_int_eq(count("TRUE"), 1);
  check_shares();
}
END_TEST

/* More of them than a batch adds up at once. */
START_TEST(many_credentials_in_one_batch_are_counted)
{
  struct kh_delivery deliveries[20];
  const struct kh_claim claim = kh_test_claim("many", "many", "", NOW_US);

  for (size_t i = 0; i < KH_COUNT(deliveries); i++) {
    char id[33];

    (void)snprintf(id, sizeof id, "%zu", i);
    deliveries[i] = kh_test_delivery(id, kh_str_of(id), NOW_US);
    (void)snprintf(deliveries[i].credential, sizeof deliveries[i].credential, "%zu", i % 12);
  }
  kh_test_batch(&test.store, &claim, deliveries, KH_COUNT(deliveries));
  ck_assert_int_eq(count("TRUE"), KH_COUNT(deliveries));
  check_shares();
  for (size_t i = 0; i < KH_COUNT(deliveries); i++)
    kh_delivery_release(&deliveries[i]);
}
END_TEST

START_TEST(what_people_do_is_counted)
{
  const struct kh_look_filter dead = {.state = KH_STR("dead")}, all = {.state = KH_NO_STR};
  struct kh_look *look = NULL;
  int64_t changed = 0;

  owe("flood", SHARE + 4, 1);
  ck_assert_int_eq(kh_look_open(&look, test.dir.path, KH_LOOK_AND_CHANGE, NULL), KH_OK);
  ck_assert_int_eq(kh_look_redrive(look, &dead, NOW_US, SECOND_US, &changed, NULL), KH_OK);
  ck_assert_int_eq(changed, 4);
  check_shares();
  ck_assert_int_eq(kh_look_drop(look, &all, NOW_US, &changed, NULL), KH_OK);
  ck_assert_int_eq(changed, SHARE + 4);
  check_shares();
  kh_look_close(look);
  ck_assert_uint_eq(use().percent, 0);
}
END_TEST

START_TEST(dead_ones_are_kept_for_so_long)
{
  const unsigned char digest[KH_DIGEST_BYTES] = {1};

  owe("a", 2, 1);
  bury(1);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, digest, NOW_US + 3600 * SECOND_US), KH_OK);
  ck_assert_int_eq(count("TRUE"), 2);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, digest, NOW_US + 3600 * SECOND_US + 1), KH_OK);
  ck_assert_int_eq(count("TRUE"), 1);
  check_shares();
}
END_TEST

START_TEST(the_file_shrinks)
{
  const struct kh_queue_bounds wide = {1000, 64 * 1024 * 1024, 3600};

  kh_queue_bound(&test.store.queue, &wide);
  owe("a", 200, 16 * 1024);
  ck_assert_int_gt(kh_test_sql_number(&test.dir, "PRAGMA page_count"), 800);
  bury(200);
  const unsigned char digest[KH_DIGEST_BYTES] = {1};
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, digest, NOW_US + 7200 * SECOND_US), KH_OK);
  ck_assert_int_eq(count("TRUE"), 0);
  ck_assert_int_eq(kh_store_tidy(&test.store), KH_OK);
  ck_assert_int_lt(kh_test_sql_number(&test.dir, "PRAGMA page_count"), 100);
}
END_TEST

static Suite *store_bounds_suite(void)
{
  Suite *suite = suite_create("store_bounds");
  TCase *bounds = kh_test_case(suite, "bounds");

  tcase_add_checked_fixture(bounds, set_up, tear_down);
  tcase_add_test(bounds, beyond_its_quarter_the_oldest_of_a_credential_die);
  tcase_add_test(bounds, bytes_count_too);
  tcase_add_test(bounds, dead_ones_have_a_quarter_too);
  tcase_add_test(bounds, dead_ones_make_room_for_what_is_owed);
  tcase_add_test(bounds, what_arrived_is_done_although_it_died_under_way);
  tcase_add_test(bounds, what_replaces_and_what_comes_again_is_counted);
  tcase_add_test(bounds, many_credentials_in_one_batch_are_counted);
  tcase_add_test(bounds, what_people_do_is_counted);
  tcase_add_test(bounds, dead_ones_are_kept_for_so_long);
  tcase_add_test(bounds, the_file_shrinks);
  return suite;
}

int main(void)
{
  return kh_test_main(store_bounds_suite());
}
