#include "base/base.h"

#include "base/file.h"
#include "memory/sqlite/look.h"
#include "support/stores.h"
#include "support/suite.h"

#include <sys/stat.h>
#include <unistd.h>

#define DAY_US (86400 * KH_TEST_SECOND_US)
#define NOW_US (KH_TEST_T0_US + DAY_US)

static struct kh_test_store test; /* the worker's, open all the time */

static void set_up(void)
{
  kh_test_store_open(&test, KH_TEST_SQLITE);
}

static void tear_down(void)
{
  kh_test_store_close(&test);
}

static struct kh_look *look_at(const char *state, enum kh_look_for what)
{
  struct kh_look *look = NULL;
  struct kh_diag diag = {0};
  enum kh_err err = kh_look_open(&look, state, what, &diag);

  ck_assert_msg(err == KH_OK, "%s", diag.text);
  ck_assert_ptr_nonnull(look);
  return look;
}

/* ---- what is there ---- */

/* DESTINATION is a credential or, before a '|', one with a place. */
static void owe(const char *id, const char *notifier, const char *destination, const char *event,
                int64_t created_us)
{
  struct kh_delivery delivery = kh_test_delivery(id, KH_STR("{\"text\":\"x\"}"), created_us);
  struct kh_claim claim = kh_test_claim(delivery.entry, id, "", created_us);
  const size_t len = strcspn(destination, "|");

  (void)snprintf(delivery.notifier, sizeof delivery.notifier, "%s", notifier);
  (void)snprintf(delivery.credential, sizeof delivery.credential, "%.*s", (int)len, destination);
  (void)snprintf(delivery.place, sizeof delivery.place, "%s", destination[len] ? destination + len + 1 : "");
  (void)snprintf(delivery.event, sizeof delivery.event, "%s", event);
  kh_test_batch(&test.store, &claim, &delivery, 1);
  kh_delivery_release(&delivery);
}

/* Two that are due, one that waits, two that are dead, and one that arrived. */
static void fill(void)
{
  struct kh_failure failure = kh_test_failure;

  failure.now_us = NOW_US - 5;
  owe("due-1", "slack", "slack env:A", "build.finished", KH_TEST_T0_US);
  owe("wait-1", "slack", "slack env:B|#ci", "build.finished", KH_TEST_T0_US + 1);
  owe("dead-1", "slack", "slack env:A", "job.finished", KH_TEST_T0_US + 2);
  owe("dead-2", "log", "log", "build.finished", NOW_US - 10);
  owe("due-2", "log", "log", "ping", NOW_US - 10);
  owe("gone", "slack", "slack env:A", "ping", NOW_US - 10);
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "wait-1", 3, NOW_US + 7, &failure), KH_OK);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "dead-1", 12, NOW_US - 5, &failure), KH_OK);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "dead-2", 1, NOW_US - 4, &failure), KH_OK);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "gone", 0, NOW_US - 3, 0), KH_OK);
}

static bool add_id(void *self, const struct kh_look_delivery *delivery)
{
  struct kh_buf *ids = self;

  (void)kh_buf_printf(ids, "%s%.*s", ids->len > 0 ? " " : "", KH_FMT(delivery->id));
  return true;
}

static void expect_ids(const struct kh_look_filter *filter, const char *want)
{
  struct kh_look *look = look_at(test.dir.path, KH_LOOK_ONLY);
  struct kh_buf ids;

  kh_buf_init(&ids, 1000);
  ck_assert_int_eq(kh_look_deliveries(look, filter, NOW_US, add_id, &ids, NULL), KH_OK);
  ck_assert_str_eq(kh_buf_text(&ids), want);
  kh_buf_release(&ids);
  kh_look_close(look);
}

static const struct {
  const char *id, *state, *notifier, *destination, *event;
  int64_t created_before_us;
  const char *ids;
} filters[] = {
    {.created_before_us = 0, .ids = "due-1 wait-1 dead-1 dead-2 due-2"},
    {.state = "waiting", .ids = "wait-1"},
    {.state = "due", .ids = "due-1 due-2"},
    {.state = "dead", .ids = "dead-1 dead-2"},
    {.id = "dead-1", .ids = "dead-1"},
    {.id = "gone", .ids = ""},
    {.id = "dead-", .ids = ""},
    {.id = "' OR 1 = 1 --", .ids = ""},
    {.notifier = "log", .ids = "dead-2 due-2"},
    {.destination = "slack env:A", .ids = "due-1 dead-1"},
    {.destination = "slack env:B", .ids = "wait-1"},
    {.destination = "slack env:B #ci", .ids = "wait-1"},
    {.destination = "slack env:B #c", .ids = ""},
    {.destination = "slack env:A ", .ids = ""},
    {.event = "ping", .ids = "due-2"},
    {.created_before_us = KH_TEST_T0_US + 1, .ids = "due-1 wait-1"},
    {.created_before_us = KH_TEST_T0_US - 1, .ids = ""},
    {.state = "dead", .notifier = "log", .event = "build.finished", .ids = "dead-2"},
    {.state = "dead", .notifier = "log", .event = "ping", .ids = ""},
};

START_TEST(a_filter_asks_for_what_holds_all_of_it)
{
  const struct kh_look_filter filter = {.id = kh_str_of(filters[_i].id),
                                        .state = kh_str_of(filters[_i].state),
                                        .notifier = kh_str_of(filters[_i].notifier),
                                        .destination = kh_str_of(filters[_i].destination),
                                        .event = kh_str_of(filters[_i].event),
                                        .created_before_us = filters[_i].created_before_us};

  fill();
  expect_ids(&filter, filters[_i].ids);
}
END_TEST

static void expect_counts(const struct kh_look_counts *got, const int64_t want[5])
{
  ck_assert_int_eq(got->accepted, want[0]);
  ck_assert_int_eq(got->repeats, want[1]);
  ck_assert_int_eq(got->delivered, want[2]);
  ck_assert_int_eq(got->failed, want[3]);
  ck_assert_int_eq(got->dead, want[4]);
}

static void expect_both_counts(int64_t now_us, const int64_t today[5], const int64_t all[5])
{
  struct kh_look *look = look_at(test.dir.path, KH_LOOK_ONLY);
  struct kh_look_counts got_today, got_all;

  ck_assert_int_eq(kh_look_counts(look, now_us, &got_today, &got_all, NULL), KH_OK);
  expect_counts(&got_today, today);
  expect_counts(&got_all, all);
  kh_look_close(look);
}

static void commit_repeat(int64_t done_us)
{
  const struct kh_claim claim = kh_test_claim("again", "same", "", done_us);
  const struct kh_journal journal = {.entry = claim.entry, .done_us = done_us, .verdict = KH_REASON_REPEAT};

  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(kh_memory_commit(&test.store.memory, &claim, &journal), KH_OK);
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
}

/* The first two of `fill` were done a day earlier than its outcomes. */
START_TEST(webhooks_and_outcomes_are_counted_by_days_and_in_all)
{
  fill();
  commit_repeat(NOW_US);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "nobody", 0, NOW_US, 0), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT accepted FROM counts WHERE day = 0"), 6);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM counts"), 3);
  expect_both_counts(NOW_US, (int64_t[]){3, 1, 1, 1, 2}, (int64_t[]){6, 1, 1, 1, 2});
  expect_both_counts(KH_TEST_T0_US, (int64_t[]){3, 0, 0, 0, 0}, (int64_t[]){6, 1, 1, 1, 2});
}
END_TEST

START_TEST(a_batch_that_is_dropped_counts_nothing)
{
  const struct kh_claim claim = kh_test_claim("lost", "body", "", NOW_US);
  const struct kh_journal journal = {.entry = claim.entry, .done_us = NOW_US};

  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(kh_memory_commit(&test.store.memory, &claim, &journal), KH_OK);
  kh_batch_drop(&test.store.batch);
  commit_repeat(NOW_US);
  expect_both_counts(NOW_US, (int64_t[]){0, 1, 0, 0, 0}, (int64_t[]){0, 1, 0, 0, 0});
}
END_TEST

/* Also those ahead of it, that were counted while the clock was wrong; what is in all stays. */
START_TEST(days_are_kept_for_a_month)
{
  char ids[12];

  for (int day = 0; day < 100; day++) {
    (void)snprintf(ids, sizeof ids, "day-%d", day);
    owe(ids, "log", "log", "ping", NOW_US + day * DAY_US);
  }
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM counts"), 1 + 32);
  owe("back", "log", "log", "ping", NOW_US);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM counts"), 1 + 1);
  expect_both_counts(NOW_US, (int64_t[]){1, 0, 0, 0, 0}, (int64_t[]){101, 0, 0, 0, 0});
}
END_TEST

static void must_be_refused(void *self, const struct kh_look_destination *destination)
{
  int *count = self;

  ++*count;
  ck_assert(kh_str_equal(destination->credential, KH_STR("slack env:A")));
  ck_assert_int_eq(destination->refused, 1);
  ck_assert_int_eq(destination->refused_us, NOW_US + 2);
  ck_assert_int_eq(destination->failing_us, NOW_US);
  ck_assert(kh_str_equal(destination->reason, KH_STR("delivery_failed: HTTP 500")));
}

START_TEST(a_destination_says_what_it_refused)
{
  struct kh_failure refusal = {.reason = "destination_refused: HTTP 404", .is_refusal = true};
  struct kh_failure failure = {.reason = "delivery_failed: HTTP 500", .now_us = NOW_US + 3};
  struct kh_look *look;
  int count = 0;

  for (int i = 0; i < 4; i++)
    owe((const char *[]){"a", "b", "c", "d"}[i], "slack", "slack env:A", "ping", NOW_US + i);
  refusal.now_us = NOW_US + 1;
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "a", 1, NOW_US + 9, &refusal), KH_OK);
  refusal.now_us = NOW_US + 2;
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "b", 1, NOW_US + 2, &refusal), KH_OK);
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "c", 1, NOW_US + 9, &failure), KH_OK);
  look = look_at(test.dir.path, KH_LOOK_ONLY);
  ck_assert_int_eq(kh_look_destinations(look, NOW_US, must_be_refused, &count, NULL), KH_OK);
  ck_assert_int_eq(count, 1);
  kh_look_close(look);
}
END_TEST

static bool must_name_the_build(void *self, const struct kh_look_delivery *delivery)
{
  int *count = self;

  ++*count;
  ck_assert(kh_str_equal(delivery->pipeline, KH_STR("web")));
  ck_assert_int_eq(delivery->build_number, 42);
  return true;
}

START_TEST(a_delivery_names_pipeline_and_build)
{
  struct kh_look *look;
  int count = 0;

  owe("one", "log", "log", "ping", NOW_US);
  kh_test_sql(&test.dir, "UPDATE journal SET pipeline = 'web', build_number = 42");
  look = look_at(test.dir.path, KH_LOOK_ONLY);
  ck_assert_int_eq(kh_look_deliveries(look, &(struct kh_look_filter){.created_before_us = 0}, NOW_US,
                                      must_name_the_build, &count, NULL),
                   KH_OK);
  ck_assert_int_eq(count, 1);
  kh_look_close(look);
}
END_TEST

static bool must_be_dead_1(void *self, const struct kh_look_delivery *delivery)
{
  int *count = self;

  ++*count;
  ck_assert(kh_str_equal(delivery->rule, KH_STR("rule of dead-1")));
  ck_assert(kh_str_equal(delivery->notifier, KH_STR("slack")));
  ck_assert(kh_str_equal(delivery->credential, KH_STR("slack env:A")));
  ck_assert(kh_str_equal(delivery->entry, KH_STR("entry of dead-1")));
  ck_assert(kh_str_equal(delivery->event, KH_STR("job.finished")));
  ck_assert(kh_str_equal(delivery->reason, KH_STR("delivery_refused: HTTP 404")));
  ck_assert(kh_str_equal(delivery->answer, KH_STR("no_service")));
  ck_assert(kh_str_equal(delivery->state, KH_STR("dead")));
  ck_assert_int_eq(delivery->body_bytes, 12);
  ck_assert_int_eq(delivery->attempt, 12);
  ck_assert_int_eq(delivery->status, 404);
  ck_assert_int_eq(delivery->created_us, KH_TEST_T0_US + 2);
  ck_assert_int_eq(delivery->not_before_us, KH_TEST_T0_US + 2);
  ck_assert_int_eq(delivery->expires_us, KH_TEST_T0_US + 2 + DAY_US);
  ck_assert_int_eq(delivery->dead_us, NOW_US - 5);
  return true;
}

START_TEST(all_of_a_delivery_is_shown)
{
  const struct kh_look_filter filter = {.id = KH_STR("dead-1")};
  struct kh_look *look;
  struct kh_buf body;
  int count = 0;

  fill();
  look = look_at(test.dir.path, KH_LOOK_ONLY);
  ck_assert_int_eq(kh_look_deliveries(look, &filter, NOW_US, must_be_dead_1, &count, NULL), KH_OK);
  ck_assert_int_eq(count, 1);
  kh_buf_init(&body, 1000);
  ck_assert_int_eq(kh_look_body(look, filter.id, &body, NULL), KH_OK);
  ck_assert_str_eq(kh_buf_text(&body), "{\"text\":\"x\"}");
  ck_assert_int_eq(kh_look_body(look, KH_STR("gone"), &body, NULL), KH_ERR_NOT_FOUND);
  kh_buf_release(&body);
  kh_look_close(look);
}
END_TEST

/* An attempt without any answer says nothing new about the destination. */
START_TEST(the_last_answer_that_came_is_kept)
{
  const struct kh_failure silence = {.reason = "delivery_expired: no answer"};
  owe("d1", "slack", "slack env:A", "ping", KH_TEST_T0_US);
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "d1", 1, NOW_US, &kh_test_failure), KH_OK);
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "d1", 2, NOW_US, &silence), KH_OK);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "d1", 3, NOW_US, &silence), KH_OK);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM deliveries WHERE status = 404 AND"
                                                 " answer = 'no_service' AND attempt = 3 AND"
                                                 " reason = 'delivery_expired: no answer'"),
                   1);
}
END_TEST

static void add_destination(void *self, const struct kh_look_destination *destination)
{
  struct kh_buf *text = self;

  (void)kh_buf_printf(
      text, "%.*s|%.*s|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "\n",
      KH_FMT(destination->credential), KH_FMT(destination->place),
      destination->delivered_us ? destination->delivered_us - NOW_US : 0, destination->due,
      destination->waiting, destination->dead, destination->oldest_us ? NOW_US - destination->oldest_us : 0,
      destination->next_us ? NOW_US - destination->next_us : 0);
}

START_TEST(every_destination_tells_how_it_is)
{
  struct kh_look *look;
  struct kh_buf text;

  fill();
  owe("well", "slack", "slack env:C", "ping", NOW_US);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "well", 0, NOW_US - 2, 0), KH_OK);
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  kh_buf_init(&text, 1000);
  look = look_at(test.dir.path, KH_LOOK_ONLY);
  ck_assert_int_eq(kh_look_destinations(look, NOW_US, add_destination, &text, NULL), KH_OK);
  ck_assert_str_eq(kh_buf_text(&text), "log||0|1|0|1|10|10\n"
                                       "slack env:A||-3|1|0|1|86400000000|86400000000\n"
                                       "slack env:B|#ci|0|0|1|0|86399999999|-7\n"
                                       "slack env:C||-2|0|0|0|0|0\n");
  kh_look_close(look);
  kh_buf_release(&text);
}
END_TEST

START_TEST(a_failed_batch_was_no_success)
{
  owe("d1", "slack", "slack env:A", "ping", KH_TEST_T0_US);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "d1", 0, NOW_US, 0), KH_OK);
  kh_batch_drop(&test.store.batch);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT max(delivered_us) FROM destinations"), 0);
}
END_TEST

/* ---- redrive ---- */

START_TEST(a_dead_one_is_owed_again)
{
  const struct kh_look_filter filter = {.state = KH_STR("dead"), .notifier = KH_STR("slack")};
  struct kh_look *look;
  struct kh_delivery got;
  int64_t count = -1;

  fill();
  look = look_at(test.dir.path, KH_LOOK_AND_CHANGE);
  ck_assert_int_eq(kh_look_redrive(look, &filter, NOW_US + 20, DAY_US, &count, NULL), KH_OK);
  ck_assert_int_eq(count, 1);
  ck_assert_int_eq(kh_look_redrive(look, &filter, NOW_US + 20, DAY_US, &count, NULL), KH_OK);
  ck_assert_int_eq(count, 0);
  kh_look_close(look);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "due-1", 0, NOW_US, 0), KH_OK);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "due-2", 0, NOW_US, 0), KH_OK);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "wait-1", 0, NOW_US, 0), KH_OK);
  ck_assert_int_eq(kh_queue_take(&test.store.queue, NOW_US + 19, NULL, &got), KH_ERR_NOT_FOUND);
  ck_assert_int_eq(kh_queue_take(&test.store.queue, NOW_US + 20, NULL, &got), KH_OK);
  ck_assert_str_eq(got.id, "dead-1");
  ck_assert(kh_str_equal(kh_buf_view(&got.body), KH_STR("{\"text\":\"x\"}")));
  ck_assert_uint_eq(got.attempt, 0);
  ck_assert_int_eq(got.created_us, KH_TEST_T0_US + 2);
  ck_assert_int_eq(got.expires_us, NOW_US + 20 + DAY_US);
  kh_delivery_release(&got);
  /* Why it had died is still to be seen. */
  ck_assert_int_eq(
      kh_test_sql_number(&test.dir, "SELECT count(*) FROM deliveries WHERE id = 'dead-1' AND status = 404"),
      1);
}
END_TEST

START_TEST(it_has_no_longer_to_live_than_it_had)
{
  const struct kh_look_filter filter = {.id = KH_STR("d1")};
  struct kh_look *look;
  int64_t count = 0;

  owe("d1", "slack", "slack env:A", "ping", KH_TEST_T0_US);
  kh_test_sql(&test.dir, "UPDATE deliveries SET expires_us = created_us + 60000000");
  look = look_at(test.dir.path, KH_LOOK_AND_CHANGE);
  for (int round = 0; round < 2; round++) {
    const int64_t now_us = NOW_US + round * DAY_US;

    ck_assert_int_eq(kh_queue_bury(&test.store.queue, "d1", 1, now_us, &kh_test_failure), KH_OK);
    ck_assert_int_eq(kh_look_redrive(look, &filter, now_us, DAY_US, &count, NULL), KH_OK);
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT expires_us FROM deliveries"),
                     now_us + (round ? DAY_US : 60 * KH_TEST_SECOND_US));
  }
  kh_look_close(look);
}
END_TEST

START_TEST(one_that_waits_only_stops_waiting)
{
  const struct kh_look_filter all = {.id = KH_NO_STR}, waiting = {.state = KH_STR("waiting")};
  struct kh_look *look;
  int64_t count = -1;

  fill();
  look = look_at(test.dir.path, KH_LOOK_AND_CHANGE);
  ck_assert_int_eq(kh_look_redrive(look, &waiting, NOW_US, DAY_US, &count, NULL), KH_OK);
  ck_assert_int_eq(count, 1);
  ck_assert_int_eq(kh_test_sql_number(&test.dir,
                                      "SELECT not_before_us FROM deliveries WHERE id = 'wait-1' AND"
                                      " attempt = 3 AND expires_us = created_us + 86400000000"),
                   NOW_US);
  ck_assert_int_eq(kh_look_redrive(look, &all, NOW_US, DAY_US, &count, NULL), KH_OK);
  ck_assert_int_eq(count, 5);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT not_before_us FROM deliveries WHERE id = 'due-1'"),
                   KH_TEST_T0_US);
  kh_look_close(look);
}
END_TEST

/* ---- drop ---- */

START_TEST(what_is_dropped_is_gone_from_the_files)
{
  const struct kh_look_filter dead = {.state = KH_STR("dead")};
  struct kh_look *look;
  int64_t count = -1;

  fill();
  kh_test_owe(&test.store, "planted", KH_STR("MARK-of-a-body"), KH_TEST_T0_US);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "planted", 1, NOW_US, &kh_test_failure), KH_OK);
  ck_assert_uint_gt(kh_test_count_in_files(&test.dir, "MARK-of-a-body"), 0);
  look = look_at(test.dir.path, KH_LOOK_AND_CHANGE);
  ck_assert_int_eq(kh_look_drop(look, &dead, NOW_US, &count, NULL), KH_OK);
  ck_assert_int_eq(count, 3);
  kh_look_close(look);
  ck_assert_uint_eq(kh_test_count_in_files(&test.dir, "MARK-of-a-body"), 0);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM deliveries"), 3);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM deliveries WHERE dead_us IS NOT NULL"),
                   0);
}
END_TEST

/* ---- beside the worker ---- */

START_TEST(a_look_sees_what_was_committed)
{
  const struct kh_look_filter all = {.id = KH_NO_STR};

  fill();
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "due-1", 0, NOW_US, 0), KH_OK);
  expect_ids(&all, "due-1 wait-1 dead-1 dead-2 due-2");
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  expect_ids(&all, "wait-1 dead-1 dead-2 due-2");
}
END_TEST

START_TEST(a_look_changes_nothing)
{
  const struct kh_look_filter all = {.id = KH_NO_STR};
  struct kh_diag diag = {0};
  struct kh_look *look;
  int64_t count = -1;

  fill();
  look = look_at(test.dir.path, KH_LOOK_ONLY);
  ck_assert_int_eq(kh_look_redrive(look, &all, NOW_US, DAY_US, &count, &diag), KH_ERR_STORE);
  ck_assert_uint_gt(strlen(diag.text), 0);
  ck_assert_int_eq(kh_look_drop(look, &all, NOW_US, &count, NULL), KH_ERR_STORE);
  ck_assert_int_eq(count, 0);
  kh_look_close(look);
  ck_assert_int_eq(kh_test_sql_number(&test.dir, "SELECT count(*) FROM deliveries WHERE dead_us IS NOT NULL"),
                   2);
}
END_TEST

START_TEST(where_nothing_is_a_look_is_empty_and_makes_nothing)
{
  const struct kh_look_filter all = {.id = KH_NO_STR};
  struct kh_tempdir dir;
  char path[512];
  struct kh_buf text;

  kh_tempdir_open(&dir);
  kh_buf_init(&text, 1000);
  for (int round = 0; round < 4; round++) {
    struct kh_look *look = look_at(dir.path, round % 2 ? KH_LOOK_AND_CHANGE : KH_LOOK_ONLY);
    int64_t count = -1;

    ck_assert_int_eq(kh_look_deliveries(look, &all, NOW_US, add_id, &text, NULL), KH_OK);
    ck_assert_int_eq(kh_look_destinations(look, NOW_US, add_destination, &text, NULL), KH_OK);
    ck_assert_int_eq(kh_look_body(look, KH_STR("x"), &text, NULL), KH_ERR_NOT_FOUND);
    ck_assert_int_eq(kh_look_redrive(look, &all, NOW_US, DAY_US, &count, NULL), KH_OK);
    ck_assert_int_eq(count, 0);
    ck_assert_int_eq(kh_look_drop(look, &all, NOW_US, &count, NULL), KH_OK);
    kh_look_close(look);
    ck_assert_uint_eq(text.len, 0);
    ck_assert_int_eq(kh_dir_count(dir.path), round < 2 ? 0 : 1);
    /* A worker that was killed at its very start leaves an empty file. */
    if (round == 1)
      kh_file_put(kh_tempdir_path(&dir, "memory.sqlite", path, sizeof path), KH_STR(""));
  }
  kh_buf_release(&text);
  kh_tempdir_close(&dir);
}
END_TEST

static const struct {
  const char *sql;
  const char *why;
} foreign[] = {
    {"PRAGMA user_version = 7; CREATE TABLE journal (x);", "written by a newer kitehook (schema 7"},
    {"PRAGMA user_version = 1; CREATE TABLE journal (x);", "written by an older kitehook (schema 1"},
    {"CREATE TABLE letters (x);", "not a memory of kitehook"},
};

START_TEST(a_foreign_file_is_refused_and_left_alone)
{
  struct kh_tempdir dir;
  struct kh_buf before, after;
  char path[512];

  kh_tempdir_open(&dir);
  kh_buf_init(&before, 1024 * 1024);
  kh_buf_init(&after, 1024 * 1024);
  kh_test_sql(&dir, foreign[_i].sql);
  kh_tempdir_path(&dir, "memory.sqlite", path, sizeof path);
  ck_assert_int_eq(kh_file_read(path, &before, NULL), KH_OK);
  for (int what = KH_LOOK_ONLY; what <= KH_LOOK_AND_CHANGE; what++) {
    struct kh_look *look = NULL;
    struct kh_diag diag = {0};

    ck_assert_int_eq(kh_look_open(&look, dir.path, (enum kh_look_for)what, &diag), KH_ERR_STORE);
    ck_assert_ptr_null(look);
    ck_assert_msg(strstr(diag.text, foreign[_i].why) != NULL, "%s", diag.text);
  }
  ck_assert_int_eq(kh_file_read(path, &after, NULL), KH_OK);
  ck_assert(kh_str_equal(kh_buf_view(&before), kh_buf_view(&after)));
  kh_buf_release(&after);
  kh_buf_release(&before);
  kh_tempdir_close(&dir);
}
END_TEST

START_TEST(a_link_is_not_followed)
{
  struct kh_tempdir dir;
  struct kh_look *look = NULL;
  char path[512], other[512];

  kh_tempdir_open(&dir);
  kh_tempdir_path(&test.dir, "memory.sqlite", other, sizeof other);
  ck_assert_int_eq(symlink(other, kh_tempdir_path(&dir, "memory.sqlite", path, sizeof path)), 0);
  ck_assert_int_eq(kh_look_open(&look, dir.path, KH_LOOK_ONLY, NULL), KH_ERR_STORE);
  kh_tempdir_close(&dir);
}
END_TEST

/* Without a worker the look itself makes SQLite's files; nobody else may read those either. */
START_TEST(its_files_are_private)
{
  fill();
  kh_store_close(&test.store);
  struct kh_look *look = look_at(test.dir.path, KH_LOOK_ONLY);
  const struct kh_look_filter all = {.id = KH_NO_STR};
  struct kh_buf ids;

  kh_buf_init(&ids, 1000);
  ck_assert_int_eq(kh_look_deliveries(look, &all, NOW_US, add_id, &ids, NULL), KH_OK);
  ck_assert_str_eq(kh_buf_text(&ids), filters[0].ids);
  for (size_t i = 0; i < KH_COUNT(kh_test_sqlite_files); i++) {
    char path[512];
    struct stat about;

    if (stat(kh_tempdir_path(&test.dir, kh_test_sqlite_files[i], path, sizeof path), &about) == 0)
      ck_assert_int_eq(about.st_mode & 07777, 0600);
  }
  kh_look_close(look);
  kh_buf_release(&ids);
  ck_assert_int_eq(kh_store_open_sqlite(&test.store, test.dir.path, KH_TEST_FRESHNESS_S, NULL), KH_OK);
}
END_TEST

static Suite *look_suite(void)
{
  Suite *suite = suite_create("look");
  TCase *test_case = kh_test_case(suite, "look");

  tcase_add_checked_fixture(test_case, set_up, tear_down);
  tcase_add_loop_test(test_case, a_filter_asks_for_what_holds_all_of_it, 0, KH_COUNT(filters));
  tcase_add_test(test_case, all_of_a_delivery_is_shown);
  tcase_add_test(test_case, the_last_answer_that_came_is_kept);
  tcase_add_test(test_case, every_destination_tells_how_it_is);
  tcase_add_test(test_case, webhooks_and_outcomes_are_counted_by_days_and_in_all);
  tcase_add_test(test_case, a_batch_that_is_dropped_counts_nothing);
  tcase_add_test(test_case, days_are_kept_for_a_month);
  tcase_add_test(test_case, a_destination_says_what_it_refused);
  tcase_add_test(test_case, a_delivery_names_pipeline_and_build);
  tcase_add_test(test_case, a_failed_batch_was_no_success);
  tcase_add_test(test_case, a_dead_one_is_owed_again);
  tcase_add_test(test_case, it_has_no_longer_to_live_than_it_had);
  tcase_add_test(test_case, one_that_waits_only_stops_waiting);
  tcase_add_test(test_case, what_is_dropped_is_gone_from_the_files);
  tcase_add_test(test_case, a_look_sees_what_was_committed);
  tcase_add_test(test_case, a_look_changes_nothing);
  tcase_add_test(test_case, where_nothing_is_a_look_is_empty_and_makes_nothing);
  tcase_add_loop_test(test_case, a_foreign_file_is_refused_and_left_alone, 0, KH_COUNT(foreign));
  tcase_add_test(test_case, a_link_is_not_followed);
  tcase_add_test(test_case, its_files_are_private);
  return suite;
}

int main(void)
{
  return kh_test_main(look_suite());
}
