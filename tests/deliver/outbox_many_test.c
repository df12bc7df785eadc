#include "base/base.h"

#include "notify/notifiers.h"
#include "support/network.h"
#include "support/outbox_stage.h"
#include "support/suite.h"

#define SLOW "https://hooks.example/planted-slow"
#define FAST "https://hooks.example/planted-fast"
#define MANY "https://hooks.example/planted-many"

static struct kh_fake_network network;
static struct kh_rule rules[20];
static char urls[20][64];
static const struct kh_notifier one_notifier = {.name = "slack"};
static const struct kh_notifier four_notifier = {.name = "webhook", .at_once = 4};
static unsigned owed_count;

static void add_rule(size_t i, const char *destination, const char *url, const struct kh_notifier *notifier)
{
  rules[i] = (struct kh_rule){.name = "rule", .notifier = notifier};
  (void)snprintf(rules[i].credential, sizeof rules[i].credential, "%s", destination);
  ck_assert_int_eq(kh_secret_set(&rules[i].url, kh_str_of(url)), KH_OK);
}

static void open_stage(void)
{
  kh_stage_open();
  network = (struct kh_fake_network){0};
  owed_count = 0;
  add_rule(0, "slow", SLOW, &one_notifier);
  add_rule(1, "fast", FAST, &one_notifier);
  add_rule(2, "many", MANY, &four_notifier);
  add_rule(KH_COUNT(rules) - 1, "log", "", &kh_notifier_log);
  for (size_t i = 3; i < KH_COUNT(rules) - 1; i++) {
    char destination[16];

    (void)snprintf(destination, sizeof destination, "d%zu", i);
    (void)snprintf(urls[i], sizeof urls[i], "https://hooks.example/planted-%zu", i);
    add_rule(i, destination, urls[i], &one_notifier);
  }
  kh_stage.rules = (struct kh_rules){rules, KH_COUNT(rules)};
  kh_stage.outbox.transport = kh_fake_network_transport(&network);
}

static void close_stage(void)
{
  kh_outbox_cancel(&kh_stage.outbox);
  for (size_t i = 0; i < KH_COUNT(rules); i++)
    kh_secret_release(&rules[i].url);
  kh_stage_close();
}

static void owe(const char *destination)
{
  char id[33];

  (void)snprintf(id, sizeof id, "%032u", ++owed_count);
  kh_stage_owe(id, destination, KH_STAGE_BODY, 0, 86400);
}

static size_t run(void)
{
  size_t made = 99;

  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_OK);
  return made;
}

START_TEST(a_slow_destination_holds_up_no_other)
{
  for (unsigned i = 0; i < 3; i++) {
    owe("slow");
    owe("fast");
  }
  ck_assert_uint_eq(run(), 2);
  for (unsigned i = 0; i < 3; i++) {
    ck_assert_uint_eq(kh_fake_network_count(&network, SLOW), 1);
    ck_assert_uint_eq(kh_fake_network_count(&network, FAST), 1);
    ck_assert_uint_eq(run(), 0);
    kh_fake_network_answer(&network, FAST, 200, -1);
    ck_assert_uint_eq(run(), i < 2 ? 2 : 1); /* one ended, and the next was begun */
  }
  ck_assert_int_eq(kh_stage_count_owed(), 3);
  kh_fake_network_answer(&network, SLOW, 200, -1);
  ck_assert_uint_eq(run(), 2);
  ck_assert_int_eq(kh_stage_count_owed(), 2);
}
END_TEST

START_TEST(a_notifier_says_how_many_at_once)
{
  for (unsigned i = 0; i < 6; i++)
    owe("many");
  ck_assert_uint_eq(run(), 4);
  ck_assert_uint_eq(kh_fake_network_count(&network, MANY), 4);
  kh_fake_network_answer(&network, MANY, 200, -1);
  ck_assert_uint_eq(run(), 2);
  ck_assert_uint_eq(kh_fake_network_count(&network, MANY), 4);
}
END_TEST

/* A failure keeps the rest back; one goes first, and only when that arrived the others follow. */
START_TEST(after_a_failure_one_goes_first)
{
  for (unsigned i = 0; i < 6; i++)
    owe("many");
  ck_assert_uint_eq(run(), 4);
  for (unsigned i = 0; i < 4; i++)
    kh_fake_network_answer(&network, MANY, 503, -1);
  ck_assert_uint_eq(run(), 4);
  ck_assert_uint_eq(network.count, 0);
  kh_fake_clock_advance(&kh_stage.clock, 10 * KH_TEST_SECOND_US);
  ck_assert_uint_eq(run(), 1);
  ck_assert_uint_eq(kh_fake_network_count(&network, MANY), 1);
  kh_fake_network_answer(&network, MANY, 200, -1);
  kh_fake_clock_advance(&kh_stage.clock, 3 * KH_TEST_SECOND_US);
  ck_assert_uint_eq(run(), 5); /* one ended, and 4 of the 5 that are left were begun */
  ck_assert_uint_eq(kh_fake_network_count(&network, MANY), 4);
}
END_TEST

START_TEST(what_a_destination_asks_for_holds_for_all_that_goes_there)
{
  owe("slow");
  owe("slow");
  ck_assert_uint_eq(run(), 1);
  kh_fake_network_answer(&network, SLOW, 429, 120);
  ck_assert_uint_eq(run(), 1);
  kh_fake_clock_advance(&kh_stage.clock, 120 * KH_TEST_SECOND_US - 1);
  ck_assert_uint_eq(run(), 0);
  kh_fake_clock_advance(&kh_stage.clock, 1);
  ck_assert_uint_eq(run(), 1);
  kh_fake_network_answer(&network, SLOW, 200, -1);
  ck_assert_uint_eq(run(), 2);
}
END_TEST

static void used_up(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict)
{
  (void)answer;
  (void)now_us;
  verdict->retry_after_s = 60;
}

/* It took this one, and said that it will take no other for a minute. */
START_TEST(a_destination_that_is_well_may_ask_for_a_rest_too)
{
  static const struct kh_notifier limited = {.name = "lifx", .judge = used_up};

  rules[0].notifier = &limited;
  owe("slow");
  owe("slow");
  ck_assert_uint_eq(run(), 1);
  kh_fake_network_answer(&network, SLOW, 200, -1);
  ck_assert_uint_eq(run(), 1);
  ck_assert_int_eq(kh_stage_count_owed(), 1);
  kh_fake_clock_advance(&kh_stage.clock, 60 * KH_TEST_SECOND_US - 1);
  ck_assert_uint_eq(run(), 0);
  kh_fake_clock_advance(&kh_stage.clock, 1);
  ck_assert_uint_eq(run(), 1);
}
END_TEST

START_TEST(no_more_are_under_way_than_there_is_room_for)
{
  int64_t at_us = 0;

  for (size_t i = 0; i < KH_COUNT(rules); i++)
    owe(rules[i].credential);
  ck_assert_uint_eq(run(), KH_UNDER_WAY_MAX);
  ck_assert_uint_eq(network.count, KH_UNDER_WAY_MAX);
  ck_assert_int_eq(kh_outbox_next_due(&kh_stage.outbox, &at_us), KH_ERR_NOT_FOUND);
  kh_fake_network_answer(&network, SLOW, 200, -1);
  ck_assert_uint_eq(run(), 2);
  ck_assert_uint_eq(network.count, KH_UNDER_WAY_MAX);
}
END_TEST

/* A reload does not wait for what hangs. */
START_TEST(the_rules_may_change_while_one_is_under_way)
{
  static const struct kh_rules none = {0};

  owe("slow");
  ck_assert_uint_eq(run(), 1);
  kh_stage.outbox.rules = &none;
  kh_secret_release(&rules[0].url);
  memset(&rules[0], 0x5A, sizeof rules[0]);
  ck_assert_uint_eq(run(), 0);
  kh_fake_network_answer(&network, SLOW, 403, -1);
  ck_assert_uint_eq(run(), 1);
  memset(&rules[0], 0, sizeof rules[0]);
  json_t *line = kh_recorder_line(&kh_stage.lines, 0);
  ck_assert_str_eq(kh_line_text(line, "reason"), "destination_refused");
  json_decref(line);
}
END_TEST

/* Two such may hang; the others have half of the room, one each. */
START_TEST(several_that_hang_leave_room_for_others)
{
  rules[0].notifier = rules[1].notifier = rules[3].notifier = &four_notifier;
  for (unsigned i = 0; i < 8; i++) {
    owe("slow");
    owe("many");
    owe("fast");
    owe("d3");
  }
  for (size_t i = 4; i < 10; i++)
    owe(rules[i].credential);
  (void)run();
  ck_assert_uint_eq(kh_fake_network_count(&network, SLOW) + kh_fake_network_count(&network, MANY) +
                        kh_fake_network_count(&network, FAST) + kh_fake_network_count(&network, urls[3]),
                    KH_UNDER_WAY_MAX / 2);
  for (size_t i = 4; i < 10; i++)
    ck_assert_uint_eq(kh_fake_network_count(&network, urls[i]), 1);
}
END_TEST

START_TEST(one_that_cannot_even_begin_has_its_outcome)
{
  network.refuses = true;
  owe("slow");
  ck_assert_uint_eq(run(), 1);
  ck_assert_uint_eq(run(), 1);
  json_t *line = kh_recorder_line(&kh_stage.lines, 0);
  ck_assert_str_eq(kh_line_text(line, "result"), "retry");
  ck_assert_str_eq(kh_line_text(line, "detail"), "refused at once");
  json_decref(line);
  ck_assert_uint_eq(network.count, 0);
  ck_assert_int_eq(kh_stage_count_owed(), 1);
}
END_TEST

START_TEST(what_is_given_up_is_sent_again_later)
{
  owe("slow");
  owe("fast");
  ck_assert_uint_eq(run(), 2);
  kh_outbox_cancel(&kh_stage.outbox);
  ck_assert_uint_eq(network.cancelled, 2);
  ck_assert_uint_eq(kh_stage.lines.count, 0);
  ck_assert_int_eq(kh_stage_count_owed(), 2);
  ck_assert_uint_eq(run(), 0);
  kh_fake_clock_advance(&kh_stage.clock, 13 * KH_TEST_SECOND_US);
  ck_assert_uint_eq(run(), 2);
}
END_TEST

/* A worker that dies in the middle of each attempt comes to an end of it all the same. */
START_TEST(a_crash_is_an_attempt)
{
  unsigned sent = 0;

  owe("slow");
  for (unsigned start = 0; start < 40; start++) {
    sent += run() > 0 && network.count > 0;
    kh_outbox_cancel(&kh_stage.outbox);
    kh_test_store_reopen(&kh_stage.test);
    kh_stage_wire();
    ck_assert_uint_eq(run(), 0); /* and a start is no reason to try at once */
    kh_fake_clock_advance(&kh_stage.clock, 4500 * KH_TEST_SECOND_US);
  }
  ck_assert_uint_eq(sent, 12);
  ck_assert_int_eq(kh_stage_count_owed(), 0);
  ck_assert_int_eq(kh_stage_count_dead("delivery_expired"), 1);
}
END_TEST

/* Not even when it would be due again. */
START_TEST(what_was_answered_is_not_sent_again)
{
  size_t made = 0;

  owe("slow");
  ck_assert_uint_eq(run(), 1);
  kh_fake_network_answer(&network, SLOW, 200, -1);
  kh_stage.end_fails = true;
  for (unsigned i = 0; i < 5; i++) {
    ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_ERR_STORE);
    kh_fake_clock_advance(&kh_stage.clock, 3600 * KH_TEST_SECOND_US);
  }
  kh_stage.end_fails = false;
  owe("fast");
  ck_assert_uint_eq(run(), 2); /* one is recorded, the other begins */
  ck_assert_uint_eq(network.begun, 2);
  ck_assert_uint_eq(kh_fake_network_count(&network, FAST), 1);
  ck_assert_int_eq(kh_stage_count_owed(), 1);
  ck_assert_uint_eq(kh_stage.lines.count, 1);
}
END_TEST

/* What would be sent without being counted might be sent for ever. */
START_TEST(what_cannot_be_counted_is_not_sent)
{
  size_t made = 0;

  owe("slow");
  owe("log");
  kh_stage.end_fails = true;
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_ERR_STORE);
  ck_assert_uint_eq(made, 0);
  ck_assert_uint_eq(network.begun, 0);
  ck_assert_uint_eq(kh_stage.lines.count, 0);
  kh_stage.end_fails = false;
  ck_assert_uint_eq(run(), 2);
  ck_assert_uint_eq(network.begun, 1);
}
END_TEST

/* Its outcome could not be written, and nothing else goes until it is. */
START_TEST(one_that_cannot_be_recorded_is_remembered)
{
  size_t made = 0;

  owe("slow");
  owe("fast");
  ck_assert_uint_eq(run(), 2);
  kh_fake_network_answer(&network, SLOW, 200, -1);
  kh_fake_network_answer(&network, FAST, 503, -1);
  kh_stage.done_fails = true;
  ck_assert_int_eq(kh_outbox_run(&kh_stage.outbox, 64, &made), KH_ERR_STORE);
  kh_stage.done_fails = false;
  ck_assert_uint_eq(network.count, 0);
  ck_assert_uint_eq(run(), 2);
  ck_assert_uint_eq(network.begun, 2);
  ck_assert_int_eq(kh_stage_count_owed(), 1);
}
END_TEST

static Suite *outbox_many_suite(void)
{
  Suite *suite = suite_create("outbox_many");
  TCase *many = kh_test_case(suite, "many");

  tcase_add_checked_fixture(many, open_stage, close_stage);
  tcase_add_test(many, a_slow_destination_holds_up_no_other);
  tcase_add_test(many, a_notifier_says_how_many_at_once);
  tcase_add_test(many, after_a_failure_one_goes_first);
  tcase_add_test(many, what_a_destination_asks_for_holds_for_all_that_goes_there);
  tcase_add_test(many, a_destination_that_is_well_may_ask_for_a_rest_too);
  tcase_add_test(many, no_more_are_under_way_than_there_is_room_for);
  tcase_add_test(many, the_rules_may_change_while_one_is_under_way);
  tcase_add_test(many, several_that_hang_leave_room_for_others);
  tcase_add_test(many, one_that_cannot_even_begin_has_its_outcome);
  tcase_add_test(many, what_is_given_up_is_sent_again_later);
  tcase_add_test(many, a_crash_is_an_attempt);
  tcase_add_test(many, what_was_answered_is_not_sent_again);
  tcase_add_test(many, what_cannot_be_counted_is_not_sent);
  tcase_add_test(many, one_that_cannot_be_recorded_is_remembered);
  return suite;
}

int main(void)
{
  return kh_test_main(outbox_many_suite());
}
