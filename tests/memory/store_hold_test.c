#include "base/base.h"

#include "memory/sqlite/look.h"
#include "support/stores.h"
#include "support/suite.h"

#define NOW_US KH_TEST_T0_US
#define SECOND_US KH_TEST_SECOND_US
#define HOUR_US (3600 * SECOND_US)

static struct kh_test_store test;

static void set_up_sqlite(void)
{
  kh_test_store_open(&test, KH_TEST_SQLITE);
}

static void set_up_none(void)
{
  kh_test_store_open(&test, KH_TEST_PROCESS);
}

static void tear_down(void)
{
  kh_test_store_close(&test);
}

struct owed {
  const char *id, *credential;
  bool replaces;
  const char *place; /* NULL for none */
};

/* What the webhook ENTRY led to. */
static void owe_all(const char *entry, const struct owed *owed, size_t count)
{
  struct kh_delivery deliveries[4];
  struct kh_claim claim = kh_test_claim(entry, entry, "", NOW_US);

  ck_assert_uint_le(count, KH_COUNT(deliveries));
  for (size_t i = 0; i < count; i++) {
    deliveries[i] = kh_test_delivery(owed[i].id, KH_STR("x"), NOW_US);
    (void)snprintf(deliveries[i].credential, sizeof deliveries[i].credential, "%s", owed[i].credential);
    (void)snprintf(deliveries[i].place, sizeof deliveries[i].place, "%s", owed[i].place ? owed[i].place : "");
    (void)snprintf(deliveries[i].entry, sizeof deliveries[i].entry, "%s", entry);
    deliveries[i].replaces = owed[i].replaces;
  }
  kh_test_batch(&test.store, &claim, deliveries, count);
  for (size_t i = 0; i < count; i++)
    kh_delivery_release(&deliveries[i]);
}

static void owe(const char *id, const char *credential)
{
  owe_all(id, &(struct owed){id, credential, false, NULL}, 1);
}

/* "" when there is nothing to take; '!' behind a probe. */
static const char *take(int64_t now_us, const struct kh_under_way *under_way)
{
  static char taken[KH_DELIVERY_ID_BYTES + 1];
  struct kh_delivery delivery = {0};
  enum kh_err err = kh_queue_take(&test.store.queue, now_us, under_way, &delivery);

  ck_assert(err == KH_OK || err == KH_ERR_NOT_FOUND);
  (void)snprintf(taken, sizeof taken, "%s%s", delivery.id, delivery.failures > 0 ? "!" : "");
  kh_delivery_release(&delivery);
  return taken;
}

static int64_t next_due(const struct kh_under_way *under_way)
{
  int64_t at_us = -1;
  enum kh_err err = kh_queue_next_due(&test.store.queue, under_way, &at_us);

  return err == KH_ERR_NOT_FOUND ? -1 : at_us;
}

static void record_failure_at(int64_t now_us, const char *id, int64_t retry_us, int64_t hold_us,
                              bool is_refusal)
{
  const struct kh_failure why = {.reason = "delivery_failed: HTTP 503",
                                 .status = 503,
                                 .answer = "",
                                 .is_refusal = is_refusal,
                                 .failures = 1,
                                 .now_us = now_us,
                                 .rest_until_us = hold_us};

  ck_assert_int_eq(kh_queue_retry(&test.store.queue, id, 1, retry_us, &why), KH_OK);
}

static void record_failure(const char *id, int64_t retry_us, int64_t hold_us, bool is_refusal)
{
  record_failure_at(NOW_US, id, retry_us, hold_us, is_refusal);
}

/* ---- what is under way ---- */

START_TEST(what_is_under_way_is_not_taken_again)
{
  struct kh_under_way under_way = {1, {{"a1", "A", "", false}}};

  owe("a1", "A");
  owe("a2", "A");
  owe("b1", "B");
  ck_assert_str_eq(take(NOW_US, NULL), "a1");
  ck_assert_str_eq(take(NOW_US, &under_way), "a2");
  ck_assert_int_eq(next_due(&under_way), NOW_US);
  under_way.at[0].is_full = true;
  ck_assert_str_eq(take(NOW_US, &under_way), "b1");
  under_way = (struct kh_under_way){2, {{"a1", "A", "", true}, {"b1", "B", "", false}}};
  ck_assert_str_eq(take(NOW_US, &under_way), "");
  ck_assert_int_eq(next_due(&under_way), -1);
  under_way = (struct kh_under_way){3,
                                    {{"a1", "A", "", false}, {"b1", "B", "", false}, {"a2", "A", "", false}}};
  ck_assert_str_eq(take(NOW_US, &under_way), "");
  ck_assert_int_eq(next_due(&under_way), -1);
}
END_TEST

START_TEST(what_was_counted_is_due_again_when_its_time_comes)
{
  struct kh_delivery delivery;

  owe("a1", "A");
  ck_assert_int_eq(kh_queue_count(&test.store.queue, "a1", 3, NOW_US, NOW_US + HOUR_US), KH_OK);
  ck_assert_int_eq(kh_queue_count(&test.store.queue, "nobody", 3, NOW_US, NOW_US), KH_ERR_NOT_FOUND);
  ck_assert_str_eq(take(NOW_US + HOUR_US - 1, NULL), "");
  ck_assert_int_eq(next_due(NULL), NOW_US + HOUR_US);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(kh_queue_count(&test.store.queue, "a1", 4, NOW_US, NOW_US + 2 * HOUR_US), KH_OK);
  kh_batch_drop(&test.store.batch);
  ck_assert_int_eq(kh_queue_take(&test.store.queue, NOW_US + HOUR_US, NULL, &delivery), KH_OK);
  ck_assert_uint_eq(delivery.attempt, 3);
  kh_delivery_release(&delivery);
}
END_TEST

/* A place may look like the rest of a credential. */
START_TEST(a_destination_is_credential_and_place)
{
  static const struct owed owed[] = {
      {"one", "A b", true, "c"}, {"two", "A", true, "b c"}, {"three", "A b", true, "c d"}};
  const struct kh_under_way under_way = {1, {{"one", "A b", "c", true}}};

  owe_all("first", owed, KH_COUNT(owed));
  ck_assert_str_eq(take(NOW_US, &under_way), "two");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "two", 0, NOW_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US, &under_way), "three");
  owe_all("second", &(struct owed){"newer", "A b", true, "c"}, 1);
  ck_assert_str_eq(take(NOW_US, &under_way), "three");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "three", 0, NOW_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US, NULL), "newer");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "newer", 0, NOW_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US, NULL), "");
}
END_TEST

START_TEST(as_many_as_there_may_be)
{
  struct kh_under_way under_way = {.count = KH_UNDER_WAY_MAX};
  char ids[KH_UNDER_WAY_MAX + 1][8], destinations[KH_UNDER_WAY_MAX + 1][8];

  for (size_t i = 0; i <= KH_UNDER_WAY_MAX; i++) {
    (void)snprintf(ids[i], sizeof ids[i], "id%zu", i);
    (void)snprintf(destinations[i], sizeof destinations[i], "D%zu", i);
    owe(ids[i], destinations[i]);
    if (i < KH_UNDER_WAY_MAX) {
      under_way.at[i].id = ids[i];
      under_way.at[i].credential = destinations[i];
      under_way.at[i].place = "";
      under_way.at[i].is_full = i % 2 == 0;
    }
  }
  ck_assert_str_eq(take(NOW_US, &under_way), ids[KH_UNDER_WAY_MAX]);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, ids[KH_UNDER_WAY_MAX], 0, NOW_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US, &under_way), "");
}
END_TEST

/* ---- replacing ---- */

START_TEST(a_newer_one_replaces_what_waits_for_the_same_lamp)
{
  static const struct owed first[] = {{"old-1", "lamp", true, NULL},
                                      {"old-2", "lamp", true, NULL},
                                      {"other", "lamp 2", true, NULL},
                                      {"plain", "hook", false, NULL}};
  static const struct owed second[] = {{"new", "lamp", true, NULL}, {"plain-2", "hook", false, NULL}};

  owe_all("e1", first, KH_COUNT(first)); /* two for one lamp: of one webhook both are meant */
  ck_assert_str_eq(take(NOW_US, NULL), "old-1");
  owe_all("e2", second, KH_COUNT(second));
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "old-1", 0, NOW_US, 0), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "old-2", 0, NOW_US, 0), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "other", 0, NOW_US, 0), KH_OK);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "plain", 0, NOW_US, 0), KH_OK);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "plain-2", 0, NOW_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US, NULL), "new");
}
END_TEST

START_TEST(an_earlier_one_of_the_same_batch_is_replaced_too)
{
  struct kh_delivery first = kh_test_delivery("first", KH_STR("x"), NOW_US);
  struct kh_delivery second = kh_test_delivery("second", KH_STR("x"), NOW_US);
  struct kh_claim claims[] = {kh_test_claim("e1", "b1", "", NOW_US), kh_test_claim("e2", "b2", "", NOW_US)};

  first.replaces = second.replaces = true;
  (void)snprintf(second.entry, sizeof second.entry, "e2");
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  kh_test_commit(&test.store, &claims[0], &first, 1);
  kh_test_commit(&test.store, &claims[1], &second, 1);
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  ck_assert_str_eq(take(NOW_US, NULL), "second");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "second", 0, NOW_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US, NULL), "");
  kh_delivery_release(&first);
  kh_delivery_release(&second);
}
END_TEST

/* ---- on hold: SQLite alone ---- */

START_TEST(nothing_goes_to_a_destination_on_hold)
{
  owe("a1", "A");
  owe("a2", "A");
  owe("b1", "B");
  record_failure("a1", NOW_US + 8 * SECOND_US, NOW_US + 10 * SECOND_US, false);
  ck_assert_str_eq(take(NOW_US, NULL), "b1");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "b1", 0, NOW_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US, NULL), "");
  ck_assert_int_eq(next_due(NULL), NOW_US + 10 * SECOND_US);
  kh_test_store_reopen(&test);
  ck_assert_str_eq(take(NOW_US + 10 * SECOND_US - 1, NULL), "");
  ck_assert_str_eq(take(NOW_US + 10 * SECOND_US, NULL), "a2!");
  owe("a3", "A"); /* what comes while it is on hold waits as well */
  record_failure("a2", NOW_US + 30 * SECOND_US, NOW_US + 20 * SECOND_US, false);
  ck_assert_str_eq(take(NOW_US + 19 * SECOND_US, NULL), "");
  ck_assert_str_eq(take(NOW_US + 20 * SECOND_US, NULL), "a3!");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a3", 0, NOW_US + 20 * SECOND_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US + 20 * SECOND_US, NULL), "a1");
}
END_TEST

/* Four were under way: the first was told to wait for a minute. */
START_TEST(no_other_answer_ends_a_hold)
{
  owe("a1", "A");
  owe("a2", "A");
  owe("a3", "A");
  owe("a4", "A");
  record_failure("a1", NOW_US + 60 * SECOND_US, NOW_US + 60 * SECOND_US, false);
  record_failure("a2", NOW_US + 9 * SECOND_US, NOW_US + 10 * SECOND_US, false);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a3", 0, NOW_US + SECOND_US, 0), KH_OK);
  ck_assert_int_eq(next_due(NULL), NOW_US + 60 * SECOND_US);
  ck_assert_str_eq(take(NOW_US + 60 * SECOND_US, NULL), "a4!");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a4", 0, NOW_US + 60 * SECOND_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US + 60 * SECOND_US, NULL), "a2");
}
END_TEST

/* What was under way when a newer one replaced it was told to slow down all the same. */
START_TEST(a_destination_may_rest_by_its_name)
{
  owe("a1", "A");
  ck_assert_int_eq(kh_queue_rest(&test.store.queue, "A", "", NOW_US, NOW_US + 60 * SECOND_US), KH_OK);
  ck_assert_int_eq(kh_queue_rest(&test.store.queue, "A", "", NOW_US, NOW_US + 10 * SECOND_US), KH_OK);
  ck_assert_int_eq(kh_queue_rest(&test.store.queue, "nowhere", "", NOW_US, NOW_US), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_queue_rest(&test.store.queue, "A", "here", NOW_US, NOW_US + HOUR_US), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(next_due(NULL), NOW_US + 60 * SECOND_US);
  owe_all("b", &(struct owed){"b1", "A", false, "here"}, 1);
  ck_assert_int_eq(next_due(NULL), NOW_US);
  ck_assert_int_eq(kh_queue_rest(&test.store.queue, "A", "here", NOW_US, NOW_US + HOUR_US), KH_OK);
  ck_assert_int_eq(next_due(NULL), NOW_US + 60 * SECOND_US);
}
END_TEST

START_TEST(a_destination_that_is_not_known_hides_no_other)
{
  owe("a1", "A");
  owe("b1", "B");
  kh_test_sql(&test.dir, "DELETE FROM destinations WHERE credential = 'A'");
  ck_assert_str_eq(take(NOW_US, NULL), "b1");
}
END_TEST

/* Also in a damaged file. */
START_TEST(a_name_that_is_too_long_is_not_walked_around)
{
  owe("a1", "A");
  owe("b1", "B");
  kh_test_sql(&test.dir, "UPDATE deliveries SET credential = 'A' || hex(zeroblob(200)) WHERE id = 'a1'");
  ck_assert_str_eq(take(NOW_US, NULL), "b1");
}
END_TEST

/* Each place of a credential whose pace they share, but for what rests longer already. */
START_TEST(all_places_of_a_credential_may_rest)
{
  owe_all("a", (struct owed[]){{"a1", "A", false, "here"}, {"a2", "A", false, "there"}}, 2);
  owe("b1", "B");
  ck_assert_int_eq(kh_queue_rest(&test.store.queue, "A", "here", NOW_US, NOW_US + HOUR_US), KH_OK);
  kh_test_sql(&test.dir,
              "INSERT INTO destinations (credential, place, delivered_us) VALUES ('A', 'idle', 1)");
  ck_assert_int_eq(kh_queue_rest(&test.store.queue, "A", NULL, NOW_US, NOW_US + 10 * SECOND_US), KH_OK);
  ck_assert_int_eq(/* is not written: there may be thousands */
                   kh_test_sql_number(&test.dir,
                                      "SELECT held_until_us FROM destinations WHERE place = 'idle'"),
                   0);
  ck_assert_str_eq(take(NOW_US, NULL), "b1");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "b1", 0, NOW_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US + 10 * SECOND_US - 1, NULL), "");
  ck_assert_str_eq(take(NOW_US + 10 * SECOND_US, NULL), "a2");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a2", 0, NOW_US + 10 * SECOND_US, 0), KH_OK);
  ck_assert_int_eq(next_due(NULL), NOW_US + HOUR_US);
  ck_assert_int_eq(kh_queue_rest(&test.store.queue, "nowhere", NULL, NOW_US, NOW_US), KH_ERR_NOT_FOUND);
}
END_TEST

/* ---- another time: SQLite alone ---- */

static int64_t column(const char *what, const char *id)
{
  char sql[200];

  (void)snprintf(sql, sizeof sql, "SELECT %s FROM deliveries WHERE id = '%s'", what, id);
  return kh_test_sql_number(&test.dir, sql);
}

/* The clock was two days ahead when these waits began, and no worker saw it set. */
START_TEST(what_began_ahead_of_now_begins_now)
{
  const unsigned char one[KH_DIGEST_BYTES] = {1};
  const int64_t ahead_us = NOW_US + 48 * HOUR_US;

  owe("a1", "A");
  owe("b1", "B");
  owe("c1", "C");
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, one, NOW_US), KH_OK);
  record_failure_at(ahead_us, "a1", ahead_us + 20 * SECOND_US, ahead_us + 60 * SECOND_US, false);
  record_failure("b1", NOW_US + HOUR_US, NOW_US + HOUR_US, false);
  ck_assert_int_eq(kh_queue_rest(&test.store.queue, "C", "", ahead_us, ahead_us + 5 * SECOND_US), KH_OK);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, one, NOW_US), KH_OK);
  ck_assert_int_eq(column("not_before_us", "a1"), NOW_US + 20 * SECOND_US);
  ck_assert_int_eq(next_due(NULL), NOW_US + 5 * SECOND_US);
  ck_assert_str_eq(take(NOW_US + 5 * SECOND_US, NULL), "c1");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "c1", 0, NOW_US, 0), KH_OK);
  ck_assert_int_eq(next_due(NULL), NOW_US + 60 * SECOND_US);
  ck_assert_str_eq(take(NOW_US + 60 * SECOND_US, NULL), "a1!");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a1", 0, NOW_US, 0), KH_OK);
  ck_assert_int_eq(next_due(NULL), NOW_US + HOUR_US);
}
END_TEST

START_TEST(what_was_made_ahead_of_now_lives_no_longer)
{
  const unsigned char one[KH_DIGEST_BYTES] = {1};
  struct kh_delivery delivery = kh_test_delivery("a1", KH_STR("x"), NOW_US + 48 * HOUR_US);
  struct kh_claim claim = kh_test_claim("e1", "b1", "", NOW_US);

  kh_test_batch(&test.store, &claim, &delivery, 1);
  kh_delivery_release(&delivery);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, one, NOW_US), KH_OK);
  ck_assert_int_eq(column("created_us", "a1"), NOW_US);
  ck_assert_int_eq(column("not_before_us", "a1"), NOW_US);
  ck_assert_int_eq(column("expires_us", "a1"), NOW_US + 24 * HOUR_US);
  ck_assert_str_eq(take(NOW_US, NULL), "a1");
}
END_TEST

/* A person redrove it while the clock was wrong. */
START_TEST(what_was_redriven_ahead_of_now_is_due_now)
{
  const struct kh_look_filter filter = {.id = KH_STR("a1")};
  const unsigned char one[KH_DIGEST_BYTES] = {1};
  struct kh_look *look = NULL;
  int64_t count = 0;

  owe("a1", "A");
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "a1", 1, NOW_US, &kh_test_failure), KH_OK);
  ck_assert_int_eq(kh_look_open(&look, test.dir.path, KH_LOOK_AND_CHANGE, NULL), KH_OK);
  ck_assert_int_eq(kh_look_redrive(look, &filter, NOW_US + 48 * HOUR_US, HOUR_US, &count, NULL), KH_OK);
  kh_look_close(look);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, one, NOW_US), KH_OK);
  ck_assert_str_eq(take(NOW_US, NULL), "a1");
}
END_TEST

static void follow(int64_t step_us, int64_t earlier_us, int64_t since_us, int64_t now_us)
{
  const struct kh_clock_step step = {step_us, earlier_us, since_us, now_us};

  ck_assert_int_eq(kh_store_follow_clock(&test.store, &step), KH_OK);
}

static const int64_t steps_us[] = {48 * HOUR_US, -48 * HOUR_US, 1000000};

/* All lasts as long as before, to and fro; what others stored by the new time already stays. */
START_TEST(a_step_of_the_clock_moves_what_is_stored)
{
  const int64_t step_us = steps_us[_i], now_us = NOW_US + SECOND_US;
  struct kh_claim again = kh_test_claim("e9", "a1", "", now_us + step_us);

  owe("a1", "A");
  owe("b1", "B");
  owe("d1", "D");
  record_failure("a1", NOW_US + 20 * SECOND_US, NOW_US + 10 * SECOND_US, false);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "b1", 0, NOW_US, 0), KH_OK);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "d1", 1, NOW_US, &kh_test_failure), KH_OK);
  follow(step_us, step_us, NOW_US, now_us);
  ck_assert_int_eq(column("not_before_us", "a1"), NOW_US + step_us + 20 * SECOND_US);
  ck_assert_int_eq(column("since_us", "a1"), NOW_US + step_us);
  ck_assert_int_eq(column("created_us", "a1"), NOW_US + step_us);
  ck_assert_int_eq(column("expires_us", "a1"), NOW_US + step_us + 24 * HOUR_US);
  ck_assert_int_eq(column("dead_us", "d1"), NOW_US + step_us);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM destinations WHERE held_until_us > 0"),
                   1);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT max(delivered_us) FROM destinations"),
                   NOW_US + step_us);
  ck_assert_int_eq(next_due(NULL), NOW_US + step_us + 20 * SECOND_US);
  ck_assert_int_eq(kh_test_seen(&test.store, &again), KH_SEEN_REPEAT);
  follow(-step_us, -step_us, NOW_US + step_us, now_us + step_us);
  ck_assert_int_eq(column("not_before_us", "a1"), NOW_US + 20 * SECOND_US);
  again.now_us = now_us;
  ck_assert_int_eq(kh_test_seen(&test.store, &again), KH_SEEN_REPEAT);
  ck_assert_int_eq(next_due(NULL), NOW_US + 20 * SECOND_US);
}
END_TEST

/* Set forwards while nobody looked, and back beside a worker: what was stored before is no older for it. */
START_TEST(what_was_stored_before_a_step_that_nobody_saw_does_not_age)
{
  const int64_t step_us = -48 * HOUR_US, began_us = NOW_US + 48 * HOUR_US;
  const struct kh_claim again = kh_test_claim("e9", "a1", "", NOW_US + SECOND_US);

  owe("a1", "A");
  owe("b1", "B");
  ck_assert_int_eq(kh_queue_count(&test.store.queue, "b1", 1, began_us, began_us + 10 * SECOND_US), KH_OK);
  follow(step_us, 0, began_us, began_us + SECOND_US);
  ck_assert_int_eq(column("created_us", "a1"), NOW_US);
  ck_assert_int_eq(column("expires_us", "a1"), NOW_US + 24 * HOUR_US);
  ck_assert_int_eq(column("expires_us", "b1"), NOW_US + 24 * HOUR_US);
  ck_assert_int_eq(column("not_before_us", "b1"), NOW_US + 10 * SECOND_US);
  ck_assert_int_eq(kh_test_seen(&test.store, &again), KH_SEEN_REPEAT);
}
END_TEST

/* Nor does it wait, or is it forgotten, where the time before was right and this one is not. */
START_TEST(what_was_stored_before_lies_no_further_ahead_than_it_is_long)
{
  const int64_t step_us = -48 * HOUR_US, then_us = NOW_US + SECOND_US + step_us;
  const struct kh_claim again = kh_test_claim("e9", "a1", "", then_us);

  owe("a1", "A");
  ck_assert_int_eq(kh_queue_count(&test.store.queue, "a1", 1, NOW_US, NOW_US + 10 * SECOND_US), KH_OK);
  follow(step_us, 0, NOW_US + 1, NOW_US + SECOND_US);
  ck_assert_int_eq(column("not_before_us", "a1"), then_us + 10 * SECOND_US);
  ck_assert_int_eq(column("expires_us", "a1"), then_us + 24 * HOUR_US);
  ck_assert_int_eq(kh_test_seen(&test.store, &again), KH_SEEN_REPEAT);
}
END_TEST

START_TEST(what_others_stored_by_the_new_time_stays)
{
  const int64_t step_us = 48 * HOUR_US;
  struct kh_delivery delivery = kh_test_delivery("a1", KH_STR("x"), NOW_US + step_us);
  struct kh_claim claim = kh_test_claim("e1", "b1", "", NOW_US + step_us);

  kh_test_batch(&test.store, &claim, &delivery, 1);
  kh_delivery_release(&delivery);
  follow(step_us, step_us, NOW_US, NOW_US);
  ck_assert_str_eq(take(NOW_US + step_us, NULL), "a1");
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT max(seen_us) FROM bodies"), NOW_US + step_us);
}
END_TEST

START_TEST(one_that_dies_of_age_tells_why_it_waited)
{
  const struct kh_failure why = {.reason = "delivery_expired", .answer = "", .is_untried = true};

  owe("a1", "A");
  record_failure("a1", NOW_US + HOUR_US, 0, true);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "a1", 1, NOW_US, &why), KH_OK);
  ck_assert_int_eq(kh_test_sql_number(&test.dir,
                                      "SELECT count(*) FROM deliveries WHERE status = 503 AND reason ="
                                      " 'delivery_expired; before: delivery_failed: HTTP 503'"),
                   1);
}
END_TEST

START_TEST(burying_one_may_hold_its_destination_too)
{
  const struct kh_failure why = {
      .reason = "x", .answer = "", .failures = 1, .rest_until_us = NOW_US + SECOND_US};

  owe("a1", "A");
  owe("a2", "A");
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "a1", 12, NOW_US, &why), KH_OK);
  ck_assert_str_eq(take(NOW_US, NULL), "");
  ck_assert_str_eq(take(NOW_US + SECOND_US, NULL), "a2!");
}
END_TEST

START_TEST(a_failure_that_is_not_recorded_holds_nothing)
{
  owe("a1", "A");
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  record_failure("a1", NOW_US + SECOND_US, NOW_US + SECOND_US, false);
  kh_batch_drop(&test.store.batch);
  ck_assert_str_eq(take(NOW_US, NULL), "a1");
}
END_TEST

START_TEST(redriving_ends_the_hold)
{
  const struct kh_look_filter filter = {.destination = KH_STR("A")};
  struct kh_look *look = NULL;
  int64_t count = 0;

  owe("a1", "A");
  owe("b1", "B");
  record_failure("a1", NOW_US + HOUR_US, NOW_US + HOUR_US, false);
  record_failure("b1", NOW_US + HOUR_US, NOW_US + HOUR_US, false);
  ck_assert_int_eq(kh_look_open(&look, test.dir.path, KH_LOOK_AND_CHANGE, NULL), KH_OK);
  ck_assert_int_eq(kh_look_redrive(look, &filter, NOW_US, HOUR_US, &count, NULL), KH_OK);
  kh_look_close(look);
  ck_assert_int_eq(count, 1);
  ck_assert_str_eq(take(NOW_US, NULL), "a1");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a1", 0, NOW_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US, NULL), "");
}
END_TEST

/* ---- another configuration ---- */

START_TEST(another_config_is_reason_to_try_what_was_refused)
{
  const unsigned char one[KH_DIGEST_BYTES] = {1}, two[KH_DIGEST_BYTES] = {2};

  owe("refused", "A");
  owe("failed", "B");
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, one, NOW_US), KH_OK);
  record_failure("refused", NOW_US + HOUR_US, NOW_US + 10 * SECOND_US, true);
  record_failure("failed", NOW_US + HOUR_US, NOW_US + 10 * SECOND_US, false);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, one, NOW_US), KH_OK);
  ck_assert_str_eq(take(NOW_US + SECOND_US, NULL), "");
  kh_test_store_reopen(&test);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, one, NOW_US), KH_OK);
  ck_assert_str_eq(take(NOW_US + SECOND_US, NULL), "");
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, two, NOW_US + SECOND_US), KH_OK);
  ck_assert_str_eq(take(NOW_US + SECOND_US, NULL), "refused");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "refused", 0, NOW_US, 0), KH_OK);
  ck_assert_str_eq(take(NOW_US + SECOND_US, NULL), "");
  /* A refusal that was followed by another failure waits for that. */
  owe("again", "C");
  record_failure("again", NOW_US + HOUR_US, 0, true);
  record_failure("again", NOW_US + HOUR_US, 0, false);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, one, NOW_US + SECOND_US), KH_OK);
  ck_assert_str_eq(take(NOW_US + SECOND_US, NULL), "");
}
END_TEST

START_TEST(a_destination_of_which_nothing_was_heard_is_forgotten)
{
  const unsigned char one[KH_DIGEST_BYTES] = {1}, two[KH_DIGEST_BYTES] = {2};
  static const char names[] = "SELECT count(*) FROM destinations";

  owe("a1", "A");
  owe("b1", "B");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a1", 0, NOW_US, 0), KH_OK);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, one, NOW_US + 29 * 24 * HOUR_US), KH_OK);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, names), 2);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, two, NOW_US + 31 * 24 * HOUR_US), KH_OK);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, names), 1); /* one that is owed something stays */
}
END_TEST

static Suite *store_hold_suite(void)
{
  Suite *suite = suite_create("store_hold");
  void (*const opens[])(void) = {set_up_sqlite, set_up_none};

  for (size_t i = 0; i < KH_COUNT(opens); i++) {
    TCase *both = kh_test_case(suite, i == 0 ? "sqlite" : "none");

    tcase_add_checked_fixture(both, opens[i], tear_down);
    tcase_add_test(both, what_is_under_way_is_not_taken_again);
    tcase_add_test(both, what_was_counted_is_due_again_when_its_time_comes);
    tcase_add_test(both, a_destination_is_credential_and_place);
    tcase_add_test(both, as_many_as_there_may_be);
    tcase_add_test(both, a_newer_one_replaces_what_waits_for_the_same_lamp);
    tcase_add_test(both, an_earlier_one_of_the_same_batch_is_replaced_too);
    if (i > 0)
      continue;
    tcase_add_test(both, nothing_goes_to_a_destination_on_hold);
    tcase_add_test(both, no_other_answer_ends_a_hold);
    tcase_add_test(both, a_destination_may_rest_by_its_name);
    tcase_add_test(both, a_destination_that_is_not_known_hides_no_other);
    tcase_add_test(both, all_places_of_a_credential_may_rest);
    tcase_add_test(both, a_name_that_is_too_long_is_not_walked_around);
    tcase_add_test(both, what_began_ahead_of_now_begins_now);
    tcase_add_test(both, what_was_made_ahead_of_now_lives_no_longer);
    tcase_add_test(both, what_was_redriven_ahead_of_now_is_due_now);
    tcase_add_loop_test(both, a_step_of_the_clock_moves_what_is_stored, 0, (int)KH_COUNT(steps_us));
    tcase_add_test(both, what_was_stored_before_a_step_that_nobody_saw_does_not_age);
    tcase_add_test(both, what_was_stored_before_lies_no_further_ahead_than_it_is_long);
    tcase_add_test(both, what_others_stored_by_the_new_time_stays);
    tcase_add_test(both, one_that_dies_of_age_tells_why_it_waited);
    tcase_add_test(both, burying_one_may_hold_its_destination_too);
    tcase_add_test(both, a_failure_that_is_not_recorded_holds_nothing);
    tcase_add_test(both, redriving_ends_the_hold);
    tcase_add_test(both, another_config_is_reason_to_try_what_was_refused);
    tcase_add_test(both, a_destination_of_which_nothing_was_heard_is_forgotten);
  }
  return suite;
}

int main(void)
{
  return kh_test_main(store_hold_suite());
}
