#include "base/base.h"

#include "at_once.h"
#include "language/condition/regex.h"
#include "support/clock.h"
#include "support/network.h"
#include "support/recorder.h"
#include "support/rules.h"
#include "support/suite.h"

#define BODY \
  "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"passed\",\"branch\":\"main\"}}"

static const char two_slacks_and_a_log[] = "  - name: one\n    slack: {url: {env: SLACK_WEBHOOK_URL}}\n"
                                           "  - name: two\n    slack: {url: {env: SECOND}}\n"
                                           "  - name: three\n    log: {}\n";
static const char *const environment[] = {"SLACK_WEBHOOK_URL=" KH_TEST_SLACK_URL,
                                          "SECOND=https://hooks.example/planted-second", NULL};

/* A network that answers in order and takes its time. */
static struct network {
  int statuses[4];
  int64_t takes_us;
  size_t sends;
  int64_t timeouts_ms[4];
} network;

static struct kh_fake_sender sender;
static struct kh_test_rules made;
static struct kh_fake_clock clock_;
static struct kh_recorder lines;
static struct kh_at_once at_once;
static struct kh_sink sink;
static struct kh_entry entry;
static struct kh_diag diag;
static unsigned observed[2]; /* delivered, not delivered */

static size_t count_lines(const char *message)
{
  size_t count = 0;

  for (size_t i = 0; i < lines.count; i++) {
    json_t *line = kh_recorder_line(&lines, i);
    count += strcmp(kh_line_text(line, "message"), message) == 0;
    json_decref(line);
  }
  return count;
}

static enum kh_err send(void *self, const struct kh_outgoing *request, struct kh_incoming *answer)
{
  struct network *net = self;
  size_t number = net->sends++;

  ck_assert_uint_lt(number, KH_COUNT(net->statuses));
  net->timeouts_ms[number] = request->timeout_ms;
  kh_fake_clock_advance(&clock_, net->takes_us);
  answer->status = net->statuses[number];
  ck_assert_int_eq(kh_buf_add(&answer->body, answer->status == 200 ? KH_STR("ok") : KH_NO_STR), KH_OK);
  return answer->status ? KH_OK : KH_ERR_DELIVERY_FAILED;
}

static void observe(void *observer, const struct kh_attempted *attempted)
{
  unsigned *counts = observer;

  counts[attempted->result != KH_OK]++;
}

static void open_around(void)
{
  static const struct kh_named_secret by = {.name = "current"};

  ck_assert_int_eq(made.err, KH_OK);
  kh_fake_clock_init(&clock_, 1700000000);
  kh_recorder_init(&lines);
  network = (struct network){.statuses = {200, 200}};
  sender = (struct kh_fake_sender){.send = send, .self = &network};
  memset(observed, 0, sizeof observed);
  diag = (struct kh_diag){0};
  sink = kh_at_once_init(&at_once, &made.config, &made.rules, kh_fake_sender_transport(&sender),
                         &clock_.clock, kh_recorder_log(&lines, &clock_.clock));
  at_once.until_us = kh_clock_ticks_us(&clock_.clock) + 4000000;
  at_once.observe = observe;
  at_once.observer = observed;
  entry = (struct kh_entry){.received_us = INT64_C(1700000000) * 1000000,
                            .request_id = "req-1",
                            .transport = "lambda",
                            .verified = {.body = KH_STR(BODY), .by = &by, .proof = KH_PROOF_SIGNATURE}};
}

static void open_with(const char *rules)
{
  kh_test_rules_open(&made, rules, environment);
  open_around();
}

static void open_case(void)
{
  open_with(two_slacks_and_a_log);
}

static void close_case(void)
{
  sink.ops->close(sink.self);
  kh_recorder_release(&lines);
  kh_test_rules_close(&made);
}

static enum kh_err keep(void)
{
  struct kh_kept kept = {.is_kept = false};
  enum kh_err err = sink.ops->keep(sink.self, &entry, &kept, &diag);

  ck_assert(!kept.is_kept); /* sent is not kept, which is what the answer says */
  return err;
}

START_TEST(all_is_sent_before_it_returns)
{
  ck_assert_int_eq(keep(), KH_OK);
  ck_assert_uint_eq(network.sends, 2);
  ck_assert_int_eq(network.timeouts_ms[0], 4000);
  ck_assert_uint_eq(observed[0], 3);
  ck_assert_uint_eq(observed[1], 0);
  ck_assert_uint_eq(count_lines("webhook handled"), 1);
  ck_assert_uint_eq(count_lines("delivery attempt"), 3);
  ck_assert_uint_eq(count_lines("notification"), 1);
}
END_TEST

START_TEST(one_that_fails_stops_no_other_and_is_named)
{
  network.statuses[0] = 500;
  ck_assert_int_eq(keep(), KH_ERR_DELIVERY_FAILED);
  ck_assert_str_eq(diag.text, "one (slack): HTTP 500");
  ck_assert(kh_text_contains(kh_buf_view(&lines.text), KH_STR("\"result\":\"dead\"")));
  ck_assert(!kh_text_contains(kh_buf_view(&lines.text), KH_STR("retry")));
  ck_assert_uint_eq(network.sends, 2);
  ck_assert_uint_eq(observed[0], 2);
  ck_assert_uint_eq(observed[1], 1);
}
END_TEST

START_TEST(the_first_failure_is_told)
{
  network.statuses[0] = 404;
  network.statuses[1] = 0;
  ck_assert_int_eq(keep(), KH_ERR_DELIVERY_FAILED);
  ck_assert_str_eq(diag.text, "one (slack): HTTP 404");
}
END_TEST

START_TEST(each_has_what_is_left_of_the_time)
{
  network.takes_us = 1000000;
  ck_assert_int_eq(keep(), KH_OK);
  ck_assert_int_eq(network.timeouts_ms[0], 4000);
  ck_assert_int_eq(network.timeouts_ms[1], 3000);
}
END_TEST

/* One that hangs costs the others nothing. */
START_TEST(all_are_on_their_way_together)
{
  struct kh_fake_network together = {.answers_all = 200};

  at_once.transport = kh_fake_network_transport(&together);
  ck_assert_int_eq(keep(), KH_OK);
  ck_assert_uint_eq(together.begun, 2);
  ck_assert_uint_eq(together.waits, 1);
  ck_assert_uint_eq(observed[0], 3);
  together.answers_all = 503;
  kh_fake_clock_advance(&clock_, 2000000);
  ck_assert_int_eq(keep(), KH_ERR_DELIVERY_FAILED);
  ck_assert_str_eq(diag.text, "one (slack): HTTP 503");
  ck_assert_uint_eq(observed[1], 2);
}
END_TEST

/* ---- the pace of a place ---- */

static const char four_to_one_slack[] = "  - name: one\n    slack: {url: {env: SLACK_WEBHOOK_URL}}\n"
                                        "  - name: two\n    slack: {url: {env: SLACK_WEBHOOK_URL}}\n"
                                        "  - name: three\n    slack: {url: {env: SLACK_WEBHOOK_URL}}\n"
                                        "  - name: four\n    slack: {url: {env: SLACK_WEBHOOK_URL}}\n";
static int64_t sent_us[8];

static enum kh_err note_when(void *self, const struct kh_outgoing *request, struct kh_incoming *answer)
{
  struct network *net = self;

  ck_assert_uint_lt(net->sends, KH_COUNT(sent_us));
  (void)request;
  sent_us[net->sends++] = kh_clock_now_us(&clock_.clock) - INT64_C(1700000000) * 1000000;
  kh_fake_clock_advance(&clock_, 100000);
  answer->status = 200;
  return kh_buf_add(&answer->body, KH_STR("ok"));
}

/* Where no answer is there already the time goes by. */
static void sleep_through(void *self, const int *fds, size_t count, int timeout_ms)
{
  const struct kh_fake_sender *answers = self;

  (void)fds;
  (void)count;
  if (answers->count == 0)
    kh_fake_clock_advance(&clock_, timeout_ms * INT64_C(1000));
}

static void open_with_pace(void)
{
  close_case();
  open_with(four_to_one_slack);
  sender.send = note_when;
  at_once.transport.wait = sleep_through;
}

/* One after the other while there is time; the last ones go all the same. */
START_TEST(a_pace_has_what_time_there_is)
{
  open_with_pace();
  ck_assert_int_eq(keep(), KH_OK);
  ck_assert_uint_eq(network.sends, 4);
  ck_assert_int_eq(sent_us[0], 0);
  ck_assert_int_ge(sent_us[1], 1050000);
  ck_assert_int_le(sent_us[1], 1060000);
  ck_assert_int_eq(sent_us[2], sent_us[1] + 100000);
  ck_assert_int_eq(sent_us[3], sent_us[2] + 100000);
}
END_TEST

/* The next webhook that the same process gets. */
START_TEST(a_pace_outlives_its_webhook)
{
  open_with_pace();
  made.rules.count = 1;
  ck_assert_int_eq(keep(), KH_OK);
  at_once.until_us = kh_clock_ticks_us(&clock_.clock) + 4000000;
  ck_assert_int_eq(keep(), KH_OK);
  made.rules.count = 4;
  ck_assert_uint_eq(network.sends, 2);
  ck_assert_int_ge(sent_us[1], 1050000);
  ck_assert_int_le(sent_us[1], 1060000);
}
END_TEST

/* What is sent without time for the answer may arrive, and a second one would follow. */
START_TEST(without_time_left_nothing_is_sent)
{
  kh_fake_clock_advance(&clock_, 5000000);
  ck_assert_int_eq(keep(), KH_ERR_DELIVERY_FAILED);
  ck_assert_uint_eq(network.sends, 0);
  ck_assert_str_eq(diag.text, "one (slack): no time was left to send it");
  ck_assert_uint_eq(observed[0], 1); /* the log needs none */
}
END_TEST

/* Whoever was told that it failed sends the webhook again, and that must not be taken for a repeat. */
START_TEST(nothing_is_remembered)
{
  network.statuses[0] = 500;
  network.statuses[2] = network.statuses[3] = 200;
  ck_assert_int_eq(keep(), KH_ERR_DELIVERY_FAILED);
  kh_fake_clock_advance(&clock_, 2000000);
  ck_assert_int_eq(keep(), KH_OK);
  ck_assert_uint_eq(network.sends, 4);
}
END_TEST

/*
 * A message that asks for a part that the event does not have goes out, and its author hears why it reads as
 * it does.
 */
START_TEST(an_undecided_message_is_sent_and_logged)
{
  close_case();
  open_with("  - name: asks\n    log: {message: \"{{#if job.state == 'x'}}a{{else}}b{{/if}}\"}\n"
            "  - name: knows\n    log: {message: \"{{#if build.branch == 'main'}}a{{else}}b{{/if}}\"}\n");
  ck_assert_int_eq(keep(), KH_OK);
  ck_assert_uint_eq(count_lines("rule undecided"), 1);
  ck_assert_uint_eq(count_lines("notification"), 2);
  for (size_t i = 0; i < lines.count; i++) {
    json_t *line = kh_recorder_line(&lines, i);
    bool asks = strcmp(kh_line_text(line, "rule"), "asks") == 0;

    if (strcmp(kh_line_text(line, "message"), "notification") == 0)
      ck_assert_str_eq(kh_line_text(line, "text"), asks ? "b" : "a");
    if (strcmp(kh_line_text(line, "message"), "rule undecided") == 0) {
      ck_assert(asks);
      ck_assert_str_eq(kh_line_text(line, "detail"), "an {{#if}} of its message: this event has no job");
    }
    json_decref(line);
  }
}
END_TEST

/* ---- a rule that cannot be rendered ---- */

static enum kh_err refused; /* by render */

static enum kh_err refuse(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  (void)rule;
  (void)rendering;
  (void)kh_buf_add(body, KH_STR("half a"));
  return refused;
}

/* Three rules, of which the second is refused. */
static void open_with_refusing(void)
{
  static struct kh_notifier refusing;
  static const struct kh_notifier *const notifiers[] = {&kh_notifier_slack, &refusing, &kh_notifier_log,
                                                        NULL};

  refusing = kh_notifier_log;
  refusing.name = "lifx";
  refusing.render = refuse;
  close_case();
  kh_test_rules_open_with(&made, notifiers,
                          "  - name: one\n    slack: {url: {env: SLACK_WEBHOOK_URL}}\n"
                          "  - name: two\n    lifx: {}\n"
                          "  - name: three\n    log: {}\n",
                          environment);
  open_around();
}

START_TEST(a_rule_that_cannot_be_rendered_stops_alone)
{
  static const enum kh_err errors[] = {KH_ERR_RENDER, KH_ERR_LIMIT};

  refused = errors[_i];
  open_with_refusing();
  ck_assert_int_eq(keep(), KH_OK);
  ck_assert_uint_eq(network.sends, 1);
  ck_assert_uint_eq(observed[0], 2);
  ck_assert_uint_eq(count_lines("notification"), 1);
  ck_assert_uint_eq(count_lines("rule failed"), 1);
  for (size_t i = 0; i < lines.count; i++) {
    json_t *line = kh_recorder_line(&lines, i);

    if (strcmp(kh_line_text(line, "message"), "rule failed") == 0) {
      ck_assert_str_eq(kh_line_text(line, "level"), "ERROR");
      ck_assert_str_eq(kh_line_text(line, "entry"), "req-1");
      ck_assert_str_eq(kh_line_text(line, "rule"), "two");
      ck_assert_str_eq(kh_line_text(line, "notifier"), "lifx");
      ck_assert_str_eq(kh_line_text(line, "reason"), "not_rendered");
      ck_assert_str_eq(kh_line_text(line, "detail"),
                       _i == 0 ? "it matches, but its notification could not be made and is not sent"
                               : "its notification is too large and is not sent");
    }
    json_decref(line);
  }
}
END_TEST

/* That passes, and says nothing about the rule. */
START_TEST(without_memory_nothing_is_recorded)
{
  refused = KH_ERR_NO_MEMORY;
  open_with_refusing();
  ck_assert_int_eq(keep(), KH_ERR_NO_MEMORY);
  ck_assert_uint_eq(network.sends, 0);
  ck_assert_uint_eq(count_lines("rule failed"), 0);
}
END_TEST

/* ---- no pattern holds up a webhook, and no number of them ---- */

enum { LETTERS = 20000, EXPLOSIVE = 40 };

static size_t count_details(const char *rule, const char *detail)
{
  size_t count = 0;

  for (size_t i = 0; i < lines.count; i++) {
    json_t *line = kh_recorder_line(&lines, i);

    count += strcmp(kh_line_text(line, "message"), "rule undecided") == 0 &&
             kh_str_starts(kh_str_of(kh_line_text(line, "rule")), kh_str_of(rule)) &&
             strstr(kh_line_text(line, "detail"), detail);
    json_decref(line);
  }
  return count;
}

/* EXPLOSIVE rules as RULE has it, their names beginning with "x", and two behind them. */
static void explode(const char *rule)
{
  struct kh_buf rules, body;

  kh_buf_init(&rules, 64 * 1024);
  kh_buf_init(&body, 64 * 1024);
  for (size_t i = 0; i < EXPLOSIVE; i++)
    (void)kh_buf_printf(&rules, "  - name: x%zu\n%s", i, rule);
  (void)kh_buf_add(&rules, KH_STR("  - name: searches\n    log: {}\n    if: build.message =~ /^a/\n"
                                  "  - name: compares\n    log: {}\n    if: build.branch == 'main'\n"));
  (void)kh_buf_add(&body,
                   KH_STR("{\"event\":\"build.finished\",\"build\":{\"branch\":\"main\",\"message\":\""));
  for (size_t i = 0; i < LETTERS; i++)
    (void)kh_buf_add_byte(&body, 'a');
  (void)kh_buf_add(&body, KH_STR("!\"}}"));
  close_case();
  open_with(kh_buf_text(&rules));
  entry.verified.body = kh_buf_view(&body);
  ck_assert_int_eq(keep(), KH_OK);
  kh_buf_release(&body);
  kh_buf_release(&rules);
}

START_TEST(conditions_share_the_steps_of_a_webhook)
{
  const size_t full = KH_REGEX_STEPS_WEBHOOK / KH_REGEX_STEPS_MAX;

  explode("    log: {}\n    if: build.message =~ /(a+)+$/\n");
  ck_assert_uint_eq(count_details("x", "too many steps on this text"), full);
  ck_assert_uint_eq(count_details("x", "all the steps that there are for one webhook"), EXPLOSIVE - full);
  ck_assert_uint_eq(count_details("searches", "all the steps that there are for one webhook"), 1);
  ck_assert_uint_eq(count_lines("notification"), 1); /* of the rule that compares */
}
END_TEST

START_TEST(messages_share_the_steps_of_a_webhook)
{
  const size_t full = KH_REGEX_STEPS_WEBHOOK / KH_REGEX_STEPS_MAX;

  explode("    log: {message: \"{{#if build.message =~ /(a+)+$/}}a{{else}}b{{/if}}\"}\n");
  ck_assert_uint_eq(count_details("x", "too many steps on this text"), full);
  ck_assert_uint_eq(count_details("x", "all the steps that there are for one webhook"), EXPLOSIVE - full);
  ck_assert_uint_eq(count_details("searches", "all the steps that there are for one webhook"), 1);
  ck_assert_uint_eq(count_lines("notification"), EXPLOSIVE + 1);
}
END_TEST

static Suite *at_once_suite(void)
{
  Suite *suite = suite_create("at_once");
  TCase *cases = tcase_create("at_once");

  tcase_add_checked_fixture(cases, open_case, close_case);
  tcase_add_test(cases, all_is_sent_before_it_returns);
  tcase_add_test(cases, conditions_share_the_steps_of_a_webhook);
  tcase_add_test(cases, messages_share_the_steps_of_a_webhook);
  tcase_add_test(cases, one_that_fails_stops_no_other_and_is_named);
  tcase_add_test(cases, the_first_failure_is_told);
  tcase_add_test(cases, each_has_what_is_left_of_the_time);
  tcase_add_test(cases, all_are_on_their_way_together);
  tcase_add_test(cases, a_pace_has_what_time_there_is);
  tcase_add_test(cases, a_pace_outlives_its_webhook);
  tcase_add_test(cases, without_time_left_nothing_is_sent);
  tcase_add_test(cases, nothing_is_remembered);
  tcase_add_test(cases, an_undecided_message_is_sent_and_logged);
  tcase_add_loop_test(cases, a_rule_that_cannot_be_rendered_stops_alone, 0, 2);
  tcase_add_test(cases, without_memory_nothing_is_recorded);
  suite_add_tcase(suite, cases);
  return suite;
}

int main(void)
{
  return kh_test_main(at_once_suite());
}
