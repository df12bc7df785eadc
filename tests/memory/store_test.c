#include "base/base.h"

#include "support/stores.h"
#include "support/suite.h"

#define DAY_US (86400 * KH_TEST_SECOND_US)

/* ---- batches: all or nothing ---- */

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

static enum kh_err take(int64_t now_us, char id[KH_DELIVERY_ID_BYTES])
{
  struct kh_delivery delivery = {0};
  enum kh_err err = kh_queue_take(&test.store.queue, now_us, NULL, &delivery);

  memcpy(id, delivery.id, sizeof delivery.id);
  kh_delivery_release(&delivery);
  return err;
}

static void expect_next(int64_t now_us, const char *id)
{
  char taken[KH_DELIVERY_ID_BYTES] = "";

  if (!id) {
    ck_assert_int_eq(take(now_us, taken), KH_ERR_NOT_FOUND);
    return;
  }
  ck_assert_int_eq(take(now_us, taken), KH_OK);
  ck_assert_str_eq(taken, id);
}

START_TEST(a_dropped_batch_never_was)
{
  struct kh_claim claim = kh_test_claim("e1", "b1", "s1", KH_TEST_T0_US);
  struct kh_delivery delivery = kh_test_delivery("d1", KH_STR("x"), KH_TEST_T0_US);

  kh_test_owe(&test.store, "old", KH_STR("x"), KH_TEST_T0_US - 1);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  kh_test_commit(&test.store, &claim, &delivery, 1);
  ck_assert_int_eq(kh_test_seen(&test.store, &claim), KH_SEEN_DONE);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "old", 0, KH_TEST_T0_US, 0), KH_OK);
  expect_next(KH_TEST_T0_US, "d1");
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "d1", 1, KH_TEST_T0_US, &kh_test_failure), KH_OK);
  expect_next(KH_TEST_T0_US, NULL);
  kh_batch_drop(&test.store.batch);

  ck_assert_int_eq(kh_test_seen(&test.store, &claim), KH_SEEN_NEVER);
  expect_next(KH_TEST_T0_US, "old");
  kh_delivery_release(&delivery);
}
END_TEST

/* SQLite takes no text of that length, and a process not so many webhooks. */
static enum kh_err commit_too_much(void)
{
  struct kh_claim claim = kh_test_claim("", "b0", "", KH_TEST_T0_US);
  const struct kh_journal journal = {.request_id = kh_str("", 2000000000)};
  enum kh_err err = KH_OK;
  char name[24];

  for (int i = 0; i < 1000 && !err; i++) {
    (void)snprintf(name, sizeof name, "much-%d", i);
    claim.entry = kh_str_of(name);
    err = kh_memory_commit(&test.store.memory, &claim, &journal);
  }
  return err;
}

START_TEST(a_failed_step_fails_the_batch)
{
  struct kh_claim claim = kh_test_claim("e1", "b1", "s1", KH_TEST_T0_US);
  struct kh_journal journal = {.entry = KH_STR("e2")};
  struct kh_delivery delivery = kh_test_delivery("d1", KH_STR("x"), KH_TEST_T0_US);

  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  kh_test_commit(&test.store, &claim, NULL, 0);
  ck_assert_int_eq(commit_too_much(), KH_ERR_STORE);
  ck_assert_str_ne(kh_batch_problem(&test.store.batch), "");
  claim.entry = journal.entry;
  ck_assert_int_eq(kh_memory_commit(&test.store.memory, &claim, &journal), KH_ERR_STORE);
  ck_assert_int_eq(kh_queue_owe(&test.store.queue, &delivery), KH_ERR_STORE);
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_ERR_STORE);

  expect_next(KH_TEST_T0_US, NULL);
  claim.entry = KH_STR("e1");
  ck_assert_int_eq(kh_test_seen(&test.store, &claim), KH_SEEN_NEVER);
  kh_test_batch(&test.store, &claim, NULL, 0);
  kh_delivery_release(&delivery);
}
END_TEST

/* Somebody dropped it while it was being sent: the others of its batch are not to suffer. */
START_TEST(what_is_no_longer_owed_fails_nothing)
{
  kh_test_owe(&test.store, "a", KH_STR("x"), KH_TEST_T0_US);
  for (int in_batch = 0; in_batch < 2; in_batch++) {
    if (in_batch)
      ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
    ck_assert_int_eq(kh_queue_done(&test.store.queue, "gone", 0, KH_TEST_T0_US, 0), KH_ERR_NOT_FOUND);
    ck_assert_int_eq(kh_queue_retry(&test.store.queue, "gone", 1, KH_TEST_T0_US, &kh_test_failure),
                     KH_ERR_NOT_FOUND);
    ck_assert_int_eq(kh_queue_bury(&test.store.queue, "gone", 1, KH_TEST_T0_US, &kh_test_failure),
                     KH_ERR_NOT_FOUND);
  }
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a", 0, KH_TEST_T0_US, 0), KH_OK);
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  kh_test_store_reopen(&test);
  expect_next(KH_TEST_T0_US, NULL);
}
END_TEST

START_TEST(batches_do_not_nest)
{
  struct kh_claim claim = kh_test_claim("e1", "b1", "s1", KH_TEST_T0_US);
  const struct kh_journal journal = {.entry = claim.entry};
  struct kh_delivery delivery = kh_test_delivery("d1", KH_STR("x"), KH_TEST_T0_US);

  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_ERR_STORE);
  ck_assert_int_eq(kh_memory_commit(&test.store.memory, &claim, &journal), KH_ERR_STORE);
  ck_assert_int_eq(kh_queue_owe(&test.store.queue, &delivery), KH_ERR_STORE);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_ERR_STORE);
  kh_test_commit(&test.store, &claim, NULL, 0);
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  ck_assert_int_eq(kh_test_seen(&test.store, &claim), KH_SEEN_DONE);
  expect_next(KH_TEST_T0_US, NULL);
  kh_delivery_release(&delivery);
}
END_TEST

/*
 * The crash came between commit and removal: begin says so, so that nothing is owed twice; a careless second
 * commit changes nothing.
 */
START_TEST(an_entry_is_committed_once)
{
  struct kh_claim claim = kh_test_claim("e1", "b1", "s1", KH_TEST_T0_US);
  struct kh_delivery delivery = kh_test_delivery("d1", KH_STR("x"), KH_TEST_T0_US);

  kh_test_batch(&test.store, &claim, &delivery, 1);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "d1", 0, KH_TEST_T0_US, 0), KH_OK);
  kh_test_store_reopen(&test);
  ck_assert_int_eq(kh_test_seen(&test.store, &claim), KH_SEEN_DONE);
  kh_test_batch(&test.store, &claim, &delivery, 1);
  expect_next(KH_TEST_T0_US + DAY_US, NULL);
  kh_delivery_release(&delivery);
}
END_TEST

/* ---- what is owed ---- */

START_TEST(a_delivery_comes_back_as_it_went_in)
{
  static const char bytes[] = "{\"text\":\"caf\xC3\xA9 \xFF\0 end\"}";
  struct kh_str body = kh_str(bytes, sizeof bytes - 1);
  struct kh_delivery got;

  kh_test_owe(&test.store, "0123456789abcdef0123456789abcdef", body, KH_TEST_T0_US);
  kh_test_store_reopen(&test);
  ck_assert_int_eq(kh_queue_take(&test.store.queue, KH_TEST_T0_US, NULL, &got), KH_OK);
  ck_assert_str_eq(got.id, "0123456789abcdef0123456789abcdef");
  ck_assert_str_eq(got.rule, "rule of 0123456789abcdef01234567"); /* as long as a rule's name may be */
  ck_assert_str_eq(got.notifier, "slack");
  ck_assert_str_eq(got.credential, "slack env:SLACK_WEBHOOK_URL");
  ck_assert_str_eq(got.entry, "entry of 0123456789abcdef0123456789abcdef");
  ck_assert_str_eq(got.event, "build.finished");
  ck_assert(kh_str_equal(kh_buf_view(&got.body), body));
  ck_assert_uint_eq(got.attempt, 0);
  ck_assert_int_eq(got.not_before_us, KH_TEST_T0_US);
  ck_assert_int_eq(got.expires_us, KH_TEST_T0_US + DAY_US);
  ck_assert_int_eq(got.created_us, KH_TEST_T0_US);
  kh_delivery_release(&got);
}
END_TEST

START_TEST(the_one_due_longest_goes_first)
{
  kh_test_owe(&test.store, "later", KH_STR("x"), KH_TEST_T0_US + 10);
  kh_test_owe(&test.store, "first", KH_STR("x"), KH_TEST_T0_US);
  kh_test_owe(&test.store, "second", KH_STR("x"), KH_TEST_T0_US);
  expect_next(KH_TEST_T0_US - 1, NULL);
  expect_next(KH_TEST_T0_US, "first");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "first", 0, KH_TEST_T0_US, 0), KH_OK);
  expect_next(KH_TEST_T0_US, "second");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "second", 0, KH_TEST_T0_US, 0), KH_OK);
  expect_next(KH_TEST_T0_US, NULL);
  expect_next(KH_TEST_T0_US + 9, NULL);
  expect_next(KH_TEST_T0_US + 10, "later");
}
END_TEST

START_TEST(one_that_fails_does_not_starve_the_others)
{
  int64_t now_us = KH_TEST_T0_US;
  struct kh_delivery got;

  kh_test_owe(&test.store, "bad", KH_STR("x"), now_us);
  kh_test_owe(&test.store, "good", KH_STR("x"), now_us + 1);
  now_us += 5;
  expect_next(now_us, "bad");
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "bad", 1, now_us + 10, &kh_test_failure), KH_OK);
  expect_next(now_us + 10, "good");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "good", 0, now_us, 0), KH_OK);
  kh_test_store_reopen(&test);
  expect_next(now_us + 9, NULL);
  ck_assert_int_eq(kh_queue_take(&test.store.queue, now_us + 10, NULL, &got), KH_OK);
  ck_assert_uint_eq(got.attempt, 1);
  ck_assert_int_eq(got.not_before_us, now_us + 10);
  kh_delivery_release(&got);
}
END_TEST

START_TEST(an_id_is_owed_once_and_again_after_its_death)
{
  struct kh_delivery second = kh_test_delivery("d1", KH_STR("other"), KH_TEST_T0_US + 5);
  struct kh_claim claims[] = {kh_test_claim("e1", "b1", "s1", KH_TEST_T0_US),
                              kh_test_claim("e2", "b2", "s2", KH_TEST_T0_US)};
  struct kh_delivery got;

  kh_test_owe(&test.store, "d1", KH_STR("first"), KH_TEST_T0_US);
  kh_test_batch(&test.store, &claims[0], &second, 1);
  ck_assert_int_eq(kh_queue_take(&test.store.queue, KH_TEST_T0_US + 5, NULL, &got), KH_OK);
  ck_assert(kh_str_equal(kh_buf_view(&got.body), KH_STR("first")));
  kh_delivery_release(&got);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "d1", 1, KH_TEST_T0_US + 5, &kh_test_failure), KH_OK);
  expect_next(KH_TEST_T0_US + DAY_US, NULL);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "d1", 0, KH_TEST_T0_US, 0), KH_ERR_NOT_FOUND);

  kh_test_batch(&test.store, &claims[1], &second, 1);
  ck_assert_int_eq(kh_queue_take(&test.store.queue, KH_TEST_T0_US + 5, NULL, &got), KH_OK);
  ck_assert(kh_str_equal(kh_buf_view(&got.body), KH_STR("other")));
  ck_assert_uint_eq(got.attempt, 0);
  kh_delivery_release(&got);
  kh_delivery_release(&second);
}
END_TEST

START_TEST(next_due_looks_ahead)
{
  int64_t at_us = -1;

  ck_assert_int_eq(kh_queue_next_due(&test.store.queue, NULL, &at_us), KH_ERR_NOT_FOUND);
  kh_test_owe(&test.store, "b", KH_STR("x"), KH_TEST_T0_US + 20);
  kh_test_owe(&test.store, "a", KH_STR("x"), KH_TEST_T0_US + 10);
  ck_assert_int_eq(kh_queue_next_due(&test.store.queue, NULL, &at_us), KH_OK);
  ck_assert_int_eq(at_us, KH_TEST_T0_US + 10);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "a", 1, KH_TEST_T0_US, &kh_test_failure), KH_OK);
  ck_assert_int_eq(kh_queue_next_due(&test.store.queue, NULL, &at_us), KH_OK);
  ck_assert_int_eq(at_us, KH_TEST_T0_US + 20);
}
END_TEST

START_TEST(outcomes_of_a_batch_count_together)
{
  kh_test_owe(&test.store, "a", KH_STR("x"), KH_TEST_T0_US);
  kh_test_owe(&test.store, "b", KH_STR("x"), KH_TEST_T0_US);
  kh_test_owe(&test.store, "c", KH_STR("x"), KH_TEST_T0_US);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a", 0, KH_TEST_T0_US, 0), KH_OK);
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "b", 1, KH_TEST_T0_US + 9, &kh_test_failure), KH_OK);
  expect_next(KH_TEST_T0_US, "c");
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  kh_test_store_reopen(&test);
  expect_next(KH_TEST_T0_US, "c");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "c", 0, KH_TEST_T0_US, 0), KH_OK);
  expect_next(KH_TEST_T0_US + 9, "b");
}
END_TEST

static void add_tests_of_both(TCase *test_case)
{
  tcase_add_test(test_case, a_dropped_batch_never_was);
  tcase_add_test(test_case, a_failed_step_fails_the_batch);
  tcase_add_test(test_case, what_is_no_longer_owed_fails_nothing);
  tcase_add_test(test_case, batches_do_not_nest);
  tcase_add_test(test_case, an_entry_is_committed_once);
  tcase_add_test(test_case, a_delivery_comes_back_as_it_went_in);
  tcase_add_test(test_case, the_one_due_longest_goes_first);
  tcase_add_test(test_case, one_that_fails_does_not_starve_the_others);
  tcase_add_test(test_case, an_id_is_owed_once_and_again_after_its_death);
  tcase_add_test(test_case, next_due_looks_ahead);
  tcase_add_test(test_case, outcomes_of_a_batch_count_together);
}

static Suite *store_suite(void)
{
  Suite *suite = suite_create("store");
  TCase *sqlite = kh_test_case(suite, "sqlite");
  tcase_add_checked_fixture(sqlite, set_up_sqlite, tear_down);
  add_tests_of_both(sqlite);
  TCase *none = kh_test_case(suite, "none");
  tcase_add_checked_fixture(none, set_up_none, tear_down);
  add_tests_of_both(none);
  return suite;
}

int main(void)
{
  return kh_test_main(store_suite());
}
