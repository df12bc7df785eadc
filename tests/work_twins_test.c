/* A webhook and an event from EventBridge that tell the same lead to one notification, where memory is. */
#include "base/base.h"

#include "at_once.h"
#include "support/clock.h"
#include "support/recorder.h"
#include "support/rules.h"
#include "support/stores.h"
#include "support/suite.h"

#define BUILD(state, more)                                                                                  \
  "\"build\":{\"id\":\"b-1\",\"number\":7,\"branch\":\"main\",\"created_at\":\"2026-11-22T01:02:00.100Z\"," \
  "\"state\":\"" state "\"" more "}"
#define REST "\"pipeline\":{\"id\":\"p-1\",\"slug\":\"web\"}"
#define ENDED(second) \
  ",\"started_at\":\"2026-11-22T01:02:03.004Z\",\"finished_at\":\"2026-11-22T01:05:" second "\""
#define WEBHOOK(event, state, more) "{\"event\":\"" event "\"," BUILD(state, more) "," REST "}"
#define EVENT(type, state, more)                                                                            \
  "{\"version\":\"0\",\"id\":\"e-1\",\"detail-type\":\"" type "\",\"source\":\"aws.partner/buildkite.com/"  \
  "a/"                                                                                                      \
  "b\",\"account\":\"111122223333\",\"time\":\"2026-11-22T01:05:10Z\",\"detail\":{\"version\":1,\"build\":" \
  "{\"uuid\":\"b-1\",\"number\":7,\"branch\":\"main\",\"state\":\"" state "\"" more "},\"pipeline\":"       \
  "{\"uuid\":\"p-1\",\"slug\":\"web\"}}}"
#define THERE(second) \
  ",\"started_at\":\"2026-11-22 01:02:03 UTC\",\"finished_at\":\"2026-11-22 01:05:" second " UTC\""

enum { NOW_S = 1795309520 };

static struct kh_test_rules made;
static struct kh_test_store store;
static struct kh_fake_clock fake;
static struct kh_recorder lines;
static struct kh_work work;
static struct kh_json envelope;
static struct kh_buf body;
static int count;

static void open_with(int kind)
{
  kh_test_rules_open(&made, "  - {name: all, log: {}, events: [build.*]}\n", NULL);
  ck_assert_int_eq(made.err, KH_OK);
  (void)snprintf(made.config.eventbridge.source, sizeof made.config.eventbridge.source, "%s",
                 "aws.partner/buildkite.com/a/b");
  (void)snprintf(made.config.eventbridge.account, sizeof made.config.eventbridge.account, "111122223333");
  kh_fake_clock_init(&fake, NOW_S);
  kh_recorder_init(&lines);
  kh_test_store_open(&store, kind);
  kh_work_init(&work, &made.config, &made.rules, NULL, store.store, &fake.clock,
               kh_recorder_log(&lines, &fake.clock));
  work.remembers = true;
  kh_json_init(&envelope, kh_json_default_limits);
  kh_buf_init(&body, 4096);
  count = 0;
}

static void close_case(void)
{
  kh_buf_release(&body);
  kh_json_release(&envelope);
  kh_work_release(&work);
  kh_test_store_close(&store);
  kh_recorder_release(&lines);
  kh_test_rules_close(&made);
}

/* How many notifications TEXT, a webhook's body or an event from EventBridge, leads to. */
static size_t told_by(const char *text)
{
  static const struct kh_named_secret by = {.name = "current"};
  struct kh_entry entry = {.received_us = kh_clock_now_us(&fake.clock),
                           .request_id = "r",
                           .verified = {.body = kh_str_of(text), .by = &by, .timestamp_s = NOW_S}};
  struct kh_partner partner;
  struct kh_diag diag = {0};
  char name[32];

  ck_assert_int_eq(kh_json_read(&envelope, kh_str_of(text), &diag), KH_OK);
  if (kh_partner_is_one(kh_json_root(&envelope))) {
    ck_assert_msg(
        kh_partner_admit(kh_json_root(&envelope), &made.config.eventbridge, &body, &partner, &diag) == KH_OK,
        "%s", diag.text);
    entry.verified = partner.verified;
  } else {
    (void)snprintf(entry.verified.signature, sizeof entry.verified.signature, "%064d", ++count);
  }
  (void)snprintf(name, sizeof name, "entry-%d", ++count);
  ck_assert_msg(kh_work_alone(&work, name, &entry, &diag) == KH_OK, "%s", diag.text);
  return work.deliveries;
}

static const struct {
  const char *first, *second;
  size_t again; /* what the second leads to */
} pairs[] = {
    {WEBHOOK("build.finished", "failed", ENDED("06.789Z")), EVENT("Build Finished", "failed", THERE("06")),
     0},
    {WEBHOOK("build.finished", "passed", ",\"blocked\":true" ENDED("06.789Z")),
     EVENT("Build Blocked", "blocked", THERE("06")), 0},
    {WEBHOOK("build.scheduled", "scheduled", ""), EVENT("Build Created", "scheduled", ""), 0},
    /* the webhook is newer than its event */
    {WEBHOOK("build.running", "failed", ENDED("06.789Z")),
     EVENT("Build Started", "started", ",\"started_at\":\"2026-11-22 01:02:03 UTC\""), 0},
    {WEBHOOK("build.failing", "failing", ",\"failing_at\":\"2026-11-22T01:03:00.000Z\""),
     EVENT("Build Failing", "failing", ""), 0},
    /* another transition: it finished again, otherwise, or this is another thing */
    {WEBHOOK("build.finished", "failed", ENDED("06.789Z")), EVENT("Build Finished", "failed", THERE("59")),
     1},
    {WEBHOOK("build.finished", "failed", ENDED("06.789Z")), EVENT("Build Finished", "passed", THERE("06")),
     1},
    {WEBHOOK("build.finished", "passed", ",\"blocked\":true" ENDED("06.789Z")),
     EVENT("Build Finished", "passed", THERE("06")), 1},
    {WEBHOOK("build.failing", "failing", ""), EVENT("Build Finished", "failed", THERE("06")), 1},
};

static void check_pair(int kind, const char *first, const char *second, size_t again)
{
  open_with(kind);
  ck_assert_uint_eq(told_by(first), 1);
  ck_assert_uint_eq(told_by(second), again);
  json_t *line = kh_recorder_line(&lines, 1);
  ck_assert_str_eq(kh_line_text(line, "verdict"), again ? "done" : "repeat");
  json_decref(line);
  close_case();
}

START_TEST(the_second_of_two_that_tell_the_same_notifies_of_nothing)
{
  for (int kind = 0; kind < KH_TEST_STORES; kind++) {
    check_pair(kind, pairs[_i].first, pairs[_i].second, pairs[_i].again);
    check_pair(kind, pairs[_i].second, pairs[_i].first, pairs[_i].again);
  }
}
END_TEST

START_TEST(two_webhooks_are_no_twins)
{
  open_with(KH_TEST_SQLITE);
  ck_assert_uint_eq(told_by(WEBHOOK("build.finished", "failed", ENDED("06.789Z"))), 1);
  ck_assert_uint_eq(told_by(WEBHOOK("build.finished", "failed", ",\"more\":1" ENDED("06.789Z"))), 1);
  close_case();
}
END_TEST

START_TEST(without_a_source_there_is_no_looking)
{
  open_with(KH_TEST_SQLITE);
  made.config.eventbridge.source[0] = '\0';
  ck_assert_uint_eq(told_by(WEBHOOK("build.finished", "failed", ENDED("06.789Z"))), 1);
  ck_assert_int_eq(kh_test_sql_number(&store.dir, "SELECT count(*) FROM told"), 0);
  close_case();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("work_twins");
  TCase *twins = kh_test_case(suite, "twins");

  tcase_add_loop_test(twins, the_second_of_two_that_tell_the_same_notifies_of_nothing, 0,
                      (int)KH_COUNT(pairs));
  tcase_add_test(twins, two_webhooks_are_no_twins);
  tcase_add_test(twins, without_a_source_there_is_no_looking);
  return kh_test_main(suite);
}
