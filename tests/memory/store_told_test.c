/* What places answered: kept with the outcome, for thirty days, and moved with the clock. */
#include "base/base.h"

#include "memory/sqlite/look.h"
#include "support/stores.h"
#include "support/suite.h"

#define NOW_US KH_TEST_T0_US
#define SECOND_US KH_TEST_SECOND_US
#define AGE_US (KH_MESSAGE_AGE_S * SECOND_US)

static struct kh_test_store test;
static const unsigned char one[KH_DIGEST_BYTES] = {1}, other[KH_DIGEST_BYTES] = {2};

static void set_up(void)
{
  kh_test_store_open(&test, KH_TEST_SQLITE);
}

static void tear_down(void)
{
  kh_test_store_close(&test);
}

static enum kh_err tell(const unsigned char *what, const char *subject, const char *text, int64_t now_us)
{
  struct kh_delivery delivery = {.rule = "checks", .notifier = "github_check", .place = "acme/web"};

  (void)snprintf(delivery.subject, sizeof delivery.subject, "%s", subject);
  return kh_queue_tell(&test.store.queue, what, &delivery, text, now_us);
}

/* In a batch of its own. */
static void tell_alone(const unsigned char *what, const char *subject, const char *text, int64_t now_us)
{
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(tell(what, subject, text, now_us), KH_OK);
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
}

/* "text|subject", or "" where nothing is known. */
static const char *told(const unsigned char *what, int64_t now_us)
{
  static char text[512];
  struct kh_told found;
  const enum kh_err err = kh_queue_told(&test.store.queue, what, now_us, &found);

  ck_assert(err == KH_OK || err == KH_ERR_NOT_FOUND);
  (void)snprintf(text, sizeof text, "%s%s%s", found.text, err ? "" : "|", found.subject);
  return text;
}

START_TEST(the_last_word_counts)
{
  ck_assert_str_eq(told(one, NOW_US), "");
  tell_alone(one, "b-1", "7 queued", NOW_US);
  tell_alone(other, "b-2 j-3", "C1 1.2", NOW_US);
  ck_assert_str_eq(told(one, NOW_US), "7 queued|b-1");
  tell_alone(one, "b-4", "8 completed", NOW_US + 1);
  kh_test_store_reopen(&test);
  ck_assert_str_eq(told(one, NOW_US), "8 completed|b-4");
  ck_assert_str_eq(told(other, NOW_US), "C1 1.2|b-2 j-3");
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM messages"), 2);
}
END_TEST

START_TEST(it_is_of_its_batch)
{
  ck_assert_int_eq(tell(one, "b-1", "7 queued", NOW_US), KH_ERR_STORE);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(tell(one, "b-1", "7 queued", NOW_US), KH_OK);
  ck_assert_str_eq(told(one, NOW_US), "7 queued|b-1");
  kh_batch_drop(&test.store.batch);
  ck_assert_str_eq(told(one, NOW_US), "");
}
END_TEST

START_TEST(it_is_kept_for_thirty_days)
{
  tell_alone(one, "b-1", "7 queued", NOW_US);
  ck_assert_str_eq(told(one, NOW_US + AGE_US), "7 queued|b-1");
  ck_assert_str_eq(told(one, NOW_US + AGE_US + 1), "");
  kh_test_owe(&test.store, "aaaa", KH_STR("x"), NOW_US);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM messages"), 1);
  struct kh_claim late = kh_test_claim("late", "late", "", NOW_US + AGE_US + 1);
  kh_test_batch(&test.store, &late, NULL, 0);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM messages"), 0);
}
END_TEST

START_TEST(it_moves_with_the_clock)
{
  const int64_t step_us = 3600 * SECOND_US;
  const struct kh_clock_step step = {.step_us = step_us, .now_us = NOW_US, .earlier_us = step_us};

  tell_alone(one, "b-1", "7 queued", NOW_US);
  ck_assert_int_eq(kh_store_follow_clock(&test.store, &step), KH_OK);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT seen_us FROM messages"), NOW_US + step_us);
}
END_TEST

START_TEST(nothing_is_kept_in_a_process)
{
  struct kh_test_store none;
  struct kh_told found;

  kh_test_store_open(&none, KH_TEST_PROCESS);
  ck_assert(kh_queue_remembers(&test.store.queue));
  ck_assert(!kh_queue_remembers(&none.store.queue));
  ck_assert_int_eq(kh_queue_told(&none.store.queue, one, NOW_US, &found), KH_ERR_NOT_FOUND);
  kh_test_store_close(&none);
}
END_TEST

/* A delivery brings along what it tells of. */
START_TEST(a_subject_is_kept_with_its_delivery)
{
  struct kh_delivery delivery = kh_test_delivery("aaaa", KH_STR("x"), NOW_US), taken;
  struct kh_claim claim = kh_test_claim("e", "e", "", NOW_US);

  (void)snprintf(delivery.subject, sizeof delivery.subject, "b-2 j-3");
  kh_test_batch(&test.store, &claim, &delivery, 1);
  ck_assert_int_eq(kh_queue_take(&test.store.queue, NOW_US, NULL, &taken), KH_OK);
  ck_assert_str_eq(taken.subject, "b-2 j-3");
  kh_delivery_release(&taken);
  kh_delivery_release(&delivery);
}
END_TEST

static void count_told(const void *self, size_t rule, struct kh_str build_id,
                       unsigned char what[KH_DIGEST_BYTES])
{
  (void)self;
  (void)rule;
  (void)build_id;
  memset(what, 0, KH_DIGEST_BYTES);
}

/* With a person whose name a place has goes what was said there; another place stays. */
START_TEST(a_place_of_a_person_is_forgotten)
{
  struct kh_look *look = NULL;
  struct kh_look_forgotten forgotten;
  struct kh_diag diag = {0};
  const struct kh_look_forget what = {
      .person = KH_STR("Mara"), .person_in_json = KH_STR("Mara"), .what = count_told};

  tell_alone(one, "b-1", "C1 1.2", NOW_US);
  tell_alone(other, "b-2", "C1 1.3", NOW_US);
  kh_test_sql(&test.dir, "UPDATE messages SET place = '@mara' WHERE subject = 'b-2'");
  ck_assert_int_eq(kh_look_open(&look, test.dir.path, KH_LOOK_AND_CHANGE, &diag), KH_OK);
  ck_assert_int_eq(kh_look_forget(look, &what, &forgotten, &diag), KH_OK);
  kh_look_close(look);
  ck_assert_int_eq(forgotten.told, 1);
  ck_assert_str_eq(told(other, NOW_US), "");
  ck_assert_str_eq(told(one, NOW_US), "C1 1.2|b-1");
}
END_TEST

static Suite *store_told_suite(void)
{
  Suite *suite = suite_create("store_told");
  TCase *messages = kh_test_case(suite, "messages");

  tcase_add_checked_fixture(messages, set_up, tear_down);
  tcase_add_test(messages, the_last_word_counts);
  tcase_add_test(messages, it_is_of_its_batch);
  tcase_add_test(messages, it_is_kept_for_thirty_days);
  tcase_add_test(messages, it_moves_with_the_clock);
  tcase_add_test(messages, nothing_is_kept_in_a_process);
  tcase_add_test(messages, a_subject_is_kept_with_its_delivery);
  tcase_add_test(messages, a_place_of_a_person_is_forgotten);
  return suite;
}

int main(void)
{
  return kh_test_main(store_told_suite());
}
