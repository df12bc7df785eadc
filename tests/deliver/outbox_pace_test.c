#include "base/base.h"

#include "deliver/pace.h"
#include "support/network.h"
#include "support/outbox_stage.h"
#include "support/suite.h"

#define ONE "https://hooks.example/planted-one"
#define OTHER "https://hooks.example/planted-other"

enum { ANSWER_US = 20000 };

static struct kh_fake_network network;
static struct kh_paces paces;
static struct kh_rule rules[2];
static unsigned owed_count;
static uint64_t state;

/* What a place answers to a request that comes now. */
static int64_t taken_us; /* when it took the last one */
static unsigned taken, refused;

static const struct kh_notifier messages = {.name = "slack", .rate = {.every_ms = 1050}},
                                bursts = {.name = "ntfy", .rate = {.burst = 3, .every_ms = 5000}},
                                hook = {.name = "webhook", .at_once = 4};

static void set_rule(size_t i, const char *url, const struct kh_notifier *notifier)
{
  rules[i] = (struct kh_rule){.name = "rule", .notifier = notifier};
  (void)snprintf(rules[i].credential, sizeof rules[i].credential, "%s", i == 0 ? "one" : "other");
  ck_assert_int_eq(kh_secret_set(&rules[i].url, kh_str_of(url)), KH_OK);
}

static void open_stage(void)
{
  kh_stage_open();
  network = (struct kh_fake_network){0};
  paces = (struct kh_paces){.count = 0};
  owed_count = taken = refused = 0;
  taken_us = 0;
  state = 5;
  set_rule(0, ONE, &messages);
  set_rule(1, OTHER, &hook);
  kh_stage.rules = (struct kh_rules){rules, KH_COUNT(rules)};
  kh_stage.outbox.transport = kh_fake_network_transport(&network);
  kh_stage.outbox.queue = kh_stage.test.store.queue; /* for more than a trace has room for */
  kh_stage.outbox.batch = kh_stage.test.store.batch;
  kh_stage.outbox.paces = &paces;
}

static void close_stage(void)
{
  kh_outbox_cancel(&kh_stage.outbox);
  for (size_t i = 0; i < KH_COUNT(rules); i++)
    kh_secret_release(&rules[i].url);
  kh_stage_close();
}

static void owe(const char *credential, unsigned count)
{
  char id[33];

  while (count-- > 0) {
    (void)snprintf(id, sizeof id, "%032u", ++owed_count);
    kh_stage_owe(id, credential, KH_STAGE_BODY, 0, 86400);
  }
}

static size_t run(void)
{
  size_t made = 99;

  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  return made;
}

static int64_t now_us(void)
{
  return kh_clock_now_us(&kh_stage.clock.clock);
}

/* How long the worker would sleep; -1 for until something comes. */
static int64_t sleep_us(void)
{
  int64_t at_us = 0;
  const enum kh_err err = kh_outbox_next_due(&kh_stage.outbox, &at_us);

  ck_assert(err == KH_OK || err == KH_ERR_NOT_FOUND);
  return err ? -1 : at_us > now_us() ? at_us - now_us() : 0;
}

/* One message a second, and not a moment earlier. */
static int take_one_a_second(int64_t *retry_after_s)
{
  if (now_us() - taken_us < KH_TEST_SECOND_US) {
    refused++;
    *retry_after_s = 1;
    return 429;
  }
  taken_us = now_us();
  taken++;
  return 200;
}

static int fail_one_in_twenty(int64_t *retry_after_s)
{
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  *retry_after_s = -1;
  if ((state >> 33) % 20 == 0) {
    refused++;
    return 503;
  }
  taken++;
  return 200;
}

/* As a worker does, until COUNT were taken or LONGEST_S have passed. Seconds. */
static int64_t work(int (*answer)(int64_t *retry_after_s), unsigned count, int64_t longest_s)
{
  const int64_t began_us = now_us();

  while (taken < count && now_us() - began_us < longest_s * KH_TEST_SECOND_US) {
    (void)run();
    for (size_t left = network.count; left > 0; left--) {
      int64_t retry_after_s = -1;
      const int status = answer(&retry_after_s);

      kh_fake_network_answer(&network, ONE, status, retry_after_s);
    }
    if (network.ended_count == 0)
      kh_fake_clock_advance(&kh_stage.clock, sleep_us() > 0 ? sleep_us() : 1);
    else
      kh_fake_clock_advance(&kh_stage.clock, ANSWER_US);
  }
  (void)run();
  return (now_us() - began_us) / KH_TEST_SECOND_US;
}

START_TEST(a_place_that_takes_one_a_second_gets_one_a_second)
{
  owe("one", 40);
  ck_assert_int_le(work(take_one_a_second, 40, 60), 45);
  ck_assert_uint_eq(taken, 40);
  ck_assert_uint_eq(refused, 0);
}
END_TEST

/* And so does one whose notifier states nothing, once it has said 429. */
START_TEST(a_limit_that_is_not_stated_is_found)
{
  rules[0].notifier = &hook;
  owe("one", 40);
  ck_assert_int_le(work(take_one_a_second, 40, 600), 80);
  ck_assert_uint_eq(taken, 40);
  ck_assert_uint_le(refused, 16);
}
END_TEST

/* Each failure costs itself its wait, and the others next to nothing. */
START_TEST(a_place_that_fails_now_and_then_gets_the_others)
{
  rules[0].notifier = &hook;
  owe("one", 1000);
  ck_assert_int_le(work(fail_one_in_twenty, 940, 600), 30);
  ck_assert_uint_ge(taken, 940);
}
END_TEST

START_TEST(the_sleep_ends_with_the_next_token)
{
  owe("one", 3);
  ck_assert_uint_eq(run(), 1);
  ck_assert_int_eq(sleep_us(), -1); /* one at a time */
  kh_fake_clock_advance(&kh_stage.clock, 300000);
  kh_fake_network_answer(&network, ONE, 200, -1);
  ck_assert_uint_eq(run(), 1);
  ck_assert_int_eq(sleep_us(), 750000);
  kh_fake_clock_advance(&kh_stage.clock, 749999);
  ck_assert_uint_eq(run(), 0);
  kh_fake_clock_advance(&kh_stage.clock, 1);
  ck_assert_uint_eq(run(), 1);
  kh_fake_clock_advance(&kh_stage.clock, 2000000); /* it took longer than a token */
  kh_fake_network_answer(&network, ONE, 200, -1);
  ck_assert_uint_eq(run(), 2);
}
END_TEST

START_TEST(who_waits_for_a_token_holds_up_no_other)
{
  owe("one", 5);
  owe("other", 5);
  (void)run();
  kh_fake_network_answer(&network, ONE, 200, -1);
  (void)run();
  ck_assert_uint_eq(kh_fake_network_count(&network, ONE), 0);
  ck_assert_uint_eq(kh_fake_network_count(&network, OTHER), 4);
  for (unsigned i = 0; i < 4; i++)
    kh_fake_network_answer(&network, OTHER, 200, -1);
  ck_assert_uint_eq(run(), 5);
  kh_fake_network_answer(&network, OTHER, 200, -1);
  ck_assert_uint_eq(run(), 1);
  ck_assert_int_eq(kh_stage_count_owed(), 4);
}
END_TEST

static unsigned looked_for;

static enum kh_err take_and_count(void *self, int64_t at_us, const struct kh_under_way *under_way,
                                  struct kh_delivery *delivery)
{
  looked_for++;
  return kh_stage.test.store.queue.ops->take(self, at_us, under_way, delivery);
}

/* Each look goes through all places that are owed something. */
START_TEST(a_thousand_places_that_share_a_pace_wait_for_it_together)
{
  struct kh_queue_ops counted = *kh_stage.test.store.queue.ops;

  counted.take = take_and_count;
  kh_stage.outbox.queue.ops = &counted;
  rules[0].notifier = &bursts;
  owe("one", 1000);
  kh_test_sql(&kh_stage.test.dir, "UPDATE deliveries SET place = seq"
                                  ";INSERT INTO destinations (credential, place, delivered_us)"
                                  " SELECT credential, place, 0 FROM deliveries");
  looked_for = 0;
  ck_assert_uint_eq(run(), 3);
  ck_assert_uint_le(looked_for, 5);
  for (unsigned i = 0; i < 3; i++)
    kh_fake_network_answer(&network, ONE, 200, -1);
  ck_assert_uint_eq(run(), 3);
  ck_assert_int_eq(sleep_us(), 5000000);
  kh_fake_clock_advance(&kh_stage.clock, 5000000);
  looked_for = 0;
  ck_assert_uint_eq(run(), 1);
  ck_assert_uint_le(looked_for, 3);
}
END_TEST

/* Others wait for a token meanwhile, and so it rests as they do; that is no failure of its own. */
START_TEST(a_place_that_is_well_again_begins_anew_while_others_wait)
{
  rules[0].notifier = &bursts;
  owe("one", 9);
  kh_test_sql(&kh_stage.test.dir, "UPDATE deliveries SET place = seq"
                                  ";INSERT INTO destinations (credential, place, delivered_us, failures)"
                                  " SELECT credential, place, 0, iif(place = '1', 5, 0) FROM deliveries");
  ck_assert_uint_eq(run(), 3);
  for (unsigned i = 0; i < 3; i++)
    kh_fake_network_answer(&network, ONE, 200, -1);
  ck_assert_uint_eq(run(), 3);
  ck_assert_int_eq(kh_test_sql_number(&kh_stage.test.dir, "SELECT delivered_us > 0 FROM destinations"
                                                          " WHERE place = '1'"),
                   1);
  ck_assert_int_eq(kh_test_sql_number(&kh_stage.test.dir, "SELECT failures FROM destinations"
                                                          " WHERE place = '1'"),
                   0);
}
END_TEST

/* A second process knows from memory what the first one did. */
START_TEST(a_restart_is_no_way_around)
{
  owe("one", 2);
  (void)run();
  kh_fake_network_answer(&network, ONE, 200, -1);
  (void)run();
  paces = (struct kh_paces){.count = 0};
  ck_assert_uint_eq(run(), 0);
  ck_assert_int_eq(sleep_us(), 1050000);
  kh_fake_clock_advance(&kh_stage.clock, 1050000);
  ck_assert_uint_eq(run(), 1);
}
END_TEST

START_TEST(a_restart_brings_no_second_burst)
{
  rules[0].notifier = &bursts;
  owe("one", 9);
  for (unsigned i = 0; i < 3; i++) {
    (void)run();
    kh_fake_network_answer(&network, ONE, 200, -1);
  }
  (void)run();
  ck_assert_int_eq(kh_stage_count_owed(), 6);
  paces = (struct kh_paces){.count = 0};
  ck_assert_uint_eq(run(), 0);
  ck_assert_int_eq(sleep_us(), 5000000);
  paces = (struct kh_paces){.count = 0};
  kh_fake_clock_advance(&kh_stage.clock, 11000000);
  (void)run();
  kh_fake_network_answer(&network, ONE, 200, -1);
  (void)run();
  kh_fake_network_answer(&network, ONE, 200, -1);
  ck_assert_uint_eq(run(), 1); /* two were back */
  ck_assert_int_eq(kh_stage_count_owed(), 4);
}
END_TEST

/* ---- the rest after failures ---- */

static void fail_once(int status, int64_t retry_after_s)
{
  ck_assert_uint_eq(run(), 1);
  kh_fake_network_answer(&network, ONE, status, retry_after_s);
  ck_assert_uint_ge(run(), 1);
}

START_TEST(rests_grow_until_one_arrives)
{
  static const int64_t rests_s[] = {1, 2, 5, 10, 20, 40, 60, 60};

  rules[0].notifier = &hook;
  owe("one", 20);
  ck_assert_uint_eq(run(), 4);
  kh_fake_network_answer(&network, ONE, 503, -1); /* after the first one nobody rests */
  ck_assert_uint_eq(run(), 2);
  for (unsigned i = 0; i < 4; i++) /* what was under way with it says no more than it did */
    kh_fake_network_answer(&network, ONE, 503, -1);
  for (size_t i = 0; i < KH_COUNT(rests_s); i++) {
    (void)run();
    ck_assert_uint_eq(kh_fake_network_count(&network, ONE), 0);
    ck_assert_int_eq(sleep_us(), rests_s[i] * KH_TEST_SECOND_US);
    if (i == 3) { /* and none but a success begins anew: a restart does not */
      kh_test_store_reopen(&kh_stage.test);
      kh_stage.outbox.queue = kh_stage.test.store.queue;
      kh_stage.outbox.batch = kh_stage.test.store.batch;
    }
    kh_fake_clock_advance(&kh_stage.clock, rests_s[i] * KH_TEST_SECOND_US);
    ck_assert_uint_eq(run(), 1);
    kh_fake_network_answer(&network, ONE, 503, -1);
  }
  (void)run();
  kh_fake_clock_advance(&kh_stage.clock, 60 * KH_TEST_SECOND_US);
  ck_assert_uint_eq(run(), 1);
  kh_fake_network_answer(&network, ONE, 200, -1);
  ck_assert_uint_eq(run(), 5);
  kh_fake_network_answer(&network, ONE, 503, -1);
  ck_assert_uint_eq(run(), 2);
}
END_TEST

START_TEST(what_was_asked_for_counts_if_it_is_less)
{
  owe("one", 20);
  rules[0].notifier = &hook;
  for (unsigned i = 0; i < 4; i++) {
    (void)run();
    while (network.count > 0)
      kh_fake_network_answer(&network, ONE, 503, -1);
    (void)run();
    if (sleep_us() > 0)
      kh_fake_clock_advance(&kh_stage.clock, sleep_us());
  }
  fail_once(503, 3);
  ck_assert_int_eq(sleep_us(), 3 * KH_TEST_SECOND_US);
}
END_TEST

static Suite *outbox_pace_suite(void)
{
  Suite *suite = suite_create("outbox_pace");
  TCase *pace = kh_test_case(suite, "pace");

  tcase_add_checked_fixture(pace, open_stage, close_stage);
  tcase_add_test(pace, a_place_that_takes_one_a_second_gets_one_a_second);
  tcase_add_test(pace, a_limit_that_is_not_stated_is_found);
  tcase_add_test(pace, a_place_that_fails_now_and_then_gets_the_others);
  tcase_add_test(pace, the_sleep_ends_with_the_next_token);
  tcase_add_test(pace, who_waits_for_a_token_holds_up_no_other);
  tcase_add_test(pace, a_thousand_places_that_share_a_pace_wait_for_it_together);
  tcase_add_test(pace, a_place_that_is_well_again_begins_anew_while_others_wait);
  tcase_add_test(pace, a_restart_is_no_way_around);
  tcase_add_test(pace, a_restart_brings_no_second_burst);
  tcase_add_test(pace, rests_grow_until_one_arrives);
  tcase_add_test(pace, what_was_asked_for_counts_if_it_is_less);
  return suite;
}

int main(void)
{
  return kh_test_main(outbox_pace_suite());
}
