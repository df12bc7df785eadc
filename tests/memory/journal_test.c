#include "base/base.h"

#include "memory/sqlite/look.h"
#include "support/stores.h"
#include "support/suite.h"

#define TEXT(literal)               \
  {                                 \
    "" literal, sizeof(literal) - 1 \
  }
#define DAY_US (86400 * KH_TEST_SECOND_US)

static struct kh_test_store test; /* the worker's, open all the time */

static void set_up(void)
{
  kh_test_store_open(&test, KH_TEST_SQLITE);
}

static void tear_down(void)
{
  kh_test_store_close(&test);
}

static int64_t ask(const char *sql)
{
  return kh_test_sql_number(&test.dir, sql);
}

static struct kh_look *look_at(enum kh_look_for what)
{
  struct kh_look *look = NULL;
  struct kh_diag diag = {0};

  ck_assert_msg(kh_look_open(&look, test.dir.path, what, &diag) == KH_OK, "%s", diag.text);
  return look;
}

/* ---- each delivery has a fate ---- */

/* Of the webhook ENTRY: one delivery ID, to the place PLACE of one credential. */
static void owe(const char *entry, const char *id, const char *place, int64_t now_us, bool replaces)
{
  struct kh_delivery delivery = kh_test_delivery(id, KH_STR("{}"), now_us);
  struct kh_claim claim = kh_test_claim(entry, entry, "", now_us);

  (void)snprintf(delivery.entry, sizeof delivery.entry, "%s", entry);
  (void)snprintf(delivery.place, sizeof delivery.place, "%s", place);
  delivery.replaces = replaces;
  kh_test_batch(&test.store, &claim, &delivery, 1);
  kh_delivery_release(&delivery);
}

static void bury(const char *id, int64_t now_us)
{
  struct kh_failure failure = {
      .reason = "delivery_refused: HTTP 400", .status = 400, .answer = "no", .now_us = now_us};

  ck_assert_int_eq(kh_queue_bury(&test.store.queue, id, 1, now_us, &failure), KH_OK);
}

/* As many as the webhook led to: none is unaccounted for, and none twice. */
static void expect_account(void)
{
  ck_assert_int_eq(ask("SELECT count(*) FROM journal WHERE deliveries <>"
                       " (SELECT count(*) FROM deliveries WHERE webhook = journal.seq)"
                       " + (SELECT count(*) FROM ended WHERE webhook = journal.seq)"),
                   0);
}

static bool add_fate(void *self, const struct kh_look_fate *fate)
{
  struct kh_buf *text = self;

  (void)kh_buf_printf(text, "%s%" PRId64 " %.*s %s", text->len > 0 ? "; " : "", fate->webhook,
                      KH_FMT(fate->id), kh_reason_word(fate->reason));
  return true;
}

static void expect_fates(int64_t now_us, const char *want)
{
  struct kh_look *look = look_at(KH_LOOK_ONLY);
  struct kh_buf text;

  kh_buf_init(&text, 10000);
  ck_assert_int_eq(kh_look_fates(look, 0, now_us, add_fate, &text, NULL), KH_OK);
  ck_assert_str_eq(kh_buf_text(&text), want);
  kh_buf_release(&text);
  kh_look_close(look);
  expect_account();
}

static void know_config(const char *config, int64_t now_us)
{
  unsigned char digest[KH_DIGEST_BYTES];

  kh_sha256(&(struct kh_str){config, strlen(config)}, 1, digest);
  ck_assert_int_eq(kh_queue_know_config(&test.store.queue, digest, now_us), KH_OK);
}

static void drop(const char *id, int64_t now_us)
{
  struct kh_look *look = look_at(KH_LOOK_AND_CHANGE);
  const struct kh_look_filter filter = {.id = kh_str_of(id)};
  int64_t count = 0;

  ck_assert_int_eq(kh_look_drop(look, &filter, now_us, &count, NULL), KH_OK);
  ck_assert_int_eq(count, 1);
  kh_look_close(look);
}

START_TEST(whatever_leaves_the_outbox_leaves_a_fate)
{
  const int64_t now_us = KH_TEST_T0_US;

  owe("e1", "a", "", now_us, false);
  owe("e2", "b", "lamp", now_us, true);
  expect_fates(now_us, "1 a due; 2 b due");
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a", 0, now_us, 0), KH_OK);
  owe("e3", "c", "lamp", now_us, true);
  expect_fates(now_us, "1 a delivered; 2 b replaced; 3 c due");
  owe("e4", "c", "lamp", now_us, false);
  expect_fates(now_us, "1 a delivered; 2 b replaced; 3 c due; 4 c owed_before");
  bury("c", now_us);
  owe("e5", "c", "lamp", now_us, false);
  expect_fates(now_us, "1 a delivered; 2 b replaced; 3 c owed_anew; 4 c owed_before; 5 c due");
  drop("c", now_us);
  expect_fates(now_us, "1 a delivered; 2 b replaced; 3 c owed_anew; 4 c owed_before; 5 c dropped");
  owe("e6", "d", "", now_us, false);
  bury("d", now_us);
  know_config("new", now_us + 31 * DAY_US);
  expect_fates(now_us, "1 a delivered; 2 b replaced; 3 c owed_anew; 4 c owed_before; 5 c dropped;"
                       " 6 d forgotten");
  ck_assert_int_eq(ask("SELECT status FROM ended WHERE id = 'd' AND detail = 'delivery_refused: HTTP 400'"
                       " AND answer = 'no' AND tries = '1700000000000000 400 delivery_refused: HTTP 400'"),
                   400);
}
END_TEST

/* A quarter of the bounds is for each credential. */
START_TEST(what_is_dead_and_too_much_leaves_a_fate)
{
  const struct kh_queue_bounds bounds = {8, 1000000, 86400};
  char id[8];

  kh_queue_bound(&test.store.queue, &bounds);
  for (int i = 0; i < 6; i++) {
    (void)snprintf(id, sizeof id, "d%d", i);
    owe(id, id, "", KH_TEST_T0_US + i, false);
  }
  expect_fates(KH_TEST_T0_US + 9, "1 d0 forgotten; 2 d1 forgotten; 3 d2 outbox_full; 4 d3 outbox_full;"
                                  " 5 d4 due; 6 d5 due");
}
END_TEST

START_TEST(what_a_person_had_forgotten_leaves_a_fate_without_words)
{
  struct kh_look *look = look_at(KH_LOOK_AND_CHANGE);
  struct kh_look_forgotten forgotten;
  const struct kh_look_forget what = {.person = KH_STR("hidden"), .person_in_json = KH_STR("hidden")};
  struct kh_failure failure = {.reason = "delivery_refused: HTTP 400",
                               .status = 400,
                               .answer = "no such hidden one",
                               .now_us = KH_TEST_T0_US};

  owe("e1", "a", "", KH_TEST_T0_US, false);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "a", 1, KH_TEST_T0_US, &failure), KH_OK);
  owe("e2", "b", "", KH_TEST_T0_US, false);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "b", 1, KH_TEST_T0_US, &failure), KH_OK);
  drop("b", KH_TEST_T0_US);
  ck_assert_int_eq(kh_look_forget(look, &what, &forgotten, NULL), KH_OK);
  ck_assert_int_eq(forgotten.dead, 1);
  kh_look_close(look);
  expect_fates(KH_TEST_T0_US, "1 a forgotten; 2 b dropped");
  ck_assert_int_eq(ask("SELECT count(*) FROM ended WHERE answer = ''"), 2);
  ck_assert_uint_eq(kh_test_count_in_files(&test.dir, "hidden"), 0);
}
END_TEST

START_TEST(what_is_owed_says_what_it_waits_for)
{
  const int64_t now_us = KH_TEST_T0_US, later_us = now_us + 60 * KH_TEST_SECOND_US;
  struct kh_failure failure = {.reason = "delivery_failed: HTTP 500", .status = 500, .now_us = now_us};
  struct kh_failure refusal = {
      .reason = "destination_refused: HTTP 404", .is_refusal = true, .status = 404, .now_us = now_us};
  struct kh_failure gone = {
      .reason = "notifier_gone: no rule", .is_refusal = true, .is_untried = true, .now_us = now_us};
  struct kh_failure expired = {.reason = "delivery_expired: HTTP 500", .now_us = now_us};
  const char *const ids[] = {"due", "expired", "gone", "refused", "rests", "way", "waits"};

  for (size_t i = 0; i < KH_COUNT(ids); i++)
    owe(ids[i], ids[i], i == 4 ? "resting" : "", now_us, false);
  ck_assert_int_eq(kh_queue_bury(&test.store.queue, "expired", 1, now_us, &expired), KH_OK);
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "gone", 0, later_us, &gone), KH_OK);
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "refused", 1, later_us, &refusal), KH_OK);
  ck_assert_int_eq(kh_queue_retry(&test.store.queue, "waits", 1, later_us, &failure), KH_OK);
  ck_assert_int_eq(kh_queue_count(&test.store.queue, "way", 1, now_us, later_us), KH_OK);
  ck_assert_int_eq(
      kh_queue_rest(&test.store.queue, "slack env:SLACK_WEBHOOK_URL", "resting", now_us, later_us), KH_OK);
  expect_fates(now_us, "1 due due; 2 expired expired; 3 gone rule_changed; 4 refused refused;"
                       " 5 rests resting; 6 way under_way; 7 waits waiting");
  expect_fates(later_us, "1 due due; 2 expired expired; 3 gone rule_changed; 4 refused due;"
                         " 5 rests due; 6 way due; 7 waits due");
}
END_TEST

START_TEST(the_last_twenty_tries_are_kept)
{
  char want[64];

  owe("e", "d", "", KH_TEST_T0_US, false);
  for (int i = 1; i <= 30; i++) {
    char reason[32];

    (void)snprintf(reason, sizeof reason, "try\n%d", i);
    struct kh_failure failure = {.reason = reason, .status = 500, .now_us = KH_TEST_T0_US + i};
    ck_assert_int_eq(kh_queue_retry(&test.store.queue, "d", 1, KH_TEST_T0_US, &failure), KH_OK);
    failure.is_untried = true;
    ck_assert_int_eq(kh_queue_retry(&test.store.queue, "d", 1, KH_TEST_T0_US, &failure), KH_OK);
  }
  ck_assert_int_eq(ask("SELECT length(tries) - length(replace(tries, char(10), '')) FROM deliveries"), 19);
  (void)snprintf(want, sizeof want, "%" PRId64 " 500 try 11", KH_TEST_T0_US + 11);
  ck_assert_int_eq(ask("SELECT instr(tries, '1700000000000011 500 try 11' || char(10)) FROM deliveries"), 1);
  ck_assert_int_eq(ask("SELECT tries LIKE '%try 30' FROM deliveries"), 1);
}
END_TEST

/* ---- lines ---- */

static const struct kh_rule_list one_list = {{1},
                                             TEXT("[{\"name\":\"one\",\"notifier\":\"log\","
                                                  "\"destination\":\"log\",\"digest\":\"d1\"},"
                                                  "{\"name\":\"two\"}]")};
static const struct kh_rule_list other_list = {{2}, TEXT("[]")};

/* The NUMBER-th, of BYTES kept ones. */
static void write_line(int number, const struct kh_rule_list *rules, size_t bytes, const char *event)
{
  static char kept[128 * 1024];
  char entry[32];

  (void)snprintf(entry, sizeof entry, "entry-%06d", number);
  memset(kept, 'k', sizeof kept);
  const int64_t now_us = KH_TEST_T0_US + number;
  struct kh_claim claim = kh_test_claim(entry, entry, "", now_us);
  const struct kh_journal journal = {.entry = claim.entry,
                                     .request_id = KH_STR("request"),
                                     .event = kh_str_of(event),
                                     .organization = KH_STR("acme"),
                                     .pipeline = KH_STR("web"),
                                     .branch = KH_STR("main"),
                                     .verdict = KH_REASON_DONE,
                                     .build_number = number / 10,
                                     .received_us = now_us,
                                     .done_us = now_us,
                                     .rules = rules,
                                     .decisions = KH_STR("\x10\x16"),
                                     .notes = KH_STR("{\"1\":\"why\"}"),
                                     .kept = kh_str(kept, bytes)};

  ck_assert_int_eq(kh_memory_commit(&test.store.memory, &claim, &journal), KH_OK);
}

static void write_lines(int from, int count, size_t bytes)
{
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  for (int i = from; i < from + count; i++)
    write_line(i, &one_list, bytes, i % 7 ? "job.finished" : "build.finished");
  ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
}

struct seen_lines {
  int64_t count, last;
  bool newest_first;
};

static bool count_line(void *self, const struct kh_look_webhook *webhook)
{
  struct seen_lines *seen = self;

  ck_assert(seen->last == 0 || (webhook->seq < seen->last) == seen->newest_first);
  ck_assert(kh_str_equal(webhook->organization, KH_STR("acme")));
  ck_assert(kh_str_equal(webhook->notes, KH_STR("{\"1\":\"why\"}")));
  ck_assert_uint_eq(webhook->kept.len, 10);
  ck_assert_int_eq(webhook->received_us, KH_TEST_T0_US + webhook->seq);
  ck_assert_int_eq(webhook->verdict, KH_REASON_DONE);
  seen->last = webhook->seq;
  seen->count++;
  return true;
}

static const struct {
  struct kh_look_which which;
  int64_t count;
} lines[] = {
    {{.max = 0}, 200},
    {{.newest_first = true}, 200},
    {{.max = 5, .newest_first = true}, 5},
    {{.id = TEXT("17")}, 1},
    {{.id = TEXT("17"), .newest_first = true}, 1},
    {{.id = TEXT("201")}, 0},
    {{.id = TEXT("entry-000017")}, 1},
    {{.id = TEXT("request"), .max = 70}, 70},
    {{.event = TEXT("build.finished")}, 28},
    {{.build_number = 3}, 10},
    {{.pipeline = TEXT("acme/web"), .branch = TEXT("main")}, 200},
    {{.pipeline = TEXT("web"), .verdict = TEXT("done")}, 200},
    {{.pipeline = TEXT("acme")}, 0},
    {{.verdict = TEXT("repeat")}, 0},
    {{.reason = TEXT("notified")}, 200},
    {{.reason = TEXT("undecided")}, 200},
    {{.reason = TEXT("not_event")}, 0},
    {{.reason = TEXT("nonsense")}, 0},
    {{.since_us = KH_TEST_T0_US + 101}, 100},
    {{.after_seq = 150}, 50},
};

START_TEST(lines_are_found_by_what_is_asked)
{
  struct kh_look *look = look_at(KH_LOOK_ONLY);

  write_lines(1, 200, 10);
  for (size_t i = 0; i < KH_COUNT(lines); i++) {
    struct seen_lines seen = {.newest_first = lines[i].which.newest_first};

    ck_assert_int_eq(kh_look_webhooks(look, &lines[i].which, count_line, &seen, NULL), KH_OK);
    ck_assert_msg(seen.count == lines[i].count, "%zu: %" PRId64, i, seen.count);
  }
  kh_look_close(look);
}
END_TEST

static bool check_decision(void *self, const struct kh_look_decision *decision)
{
  int *count = self;

  ck_assert_uint_eq(decision->at, (size_t)*count);
  ck_assert_int_eq(decision->reason, *count == 0 ? KH_REASON_NOTIFIED : KH_REASON_UNDECIDED);
  ck_assert(kh_str_equal(decision->rule, *count == 0 ? KH_STR("one") : KH_STR("two")));
  ck_assert(kh_str_equal(decision->digest, *count == 0 ? KH_STR("d1") : KH_NO_STR));
  ck_assert(kh_str_equal(decision->note, *count == 0 ? KH_NO_STR : KH_STR("why")));
  ++*count;
  return true;
}

struct looking {
  struct kh_look *look;
  int count;
};

static bool check_decisions(void *self, const struct kh_look_webhook *webhook)
{
  struct looking *looking = self;

  ck_assert_int_eq(kh_look_decisions(looking->look, webhook, check_decision, &looking->count, NULL), KH_OK);
  return true;
}

START_TEST(decisions_name_the_rules_that_there_were)
{
  struct looking looking = {look_at(KH_LOOK_ONLY), 0};

  write_lines(1, 1, 0);
  ck_assert_int_eq(
      kh_look_webhooks(looking.look, &(struct kh_look_which){.max = 0}, check_decisions, &looking, NULL),
      KH_OK);
  ck_assert_int_eq(looking.count, 2);
  kh_look_close(looking.look);
}
END_TEST

START_TEST(a_list_of_rules_is_written_once_and_goes_with_its_last_line)
{
  kh_memory_keep(&test.store.memory, KH_BRANCH_AGE_S,
                 &(struct kh_journal_bounds){2, KH_JOURNAL_BYTES, KH_JOURNAL_KEEP_S});
  write_lines(1, 2, 0);
  write_lines(3, 2, 0);
  ck_assert_int_eq(ask("SELECT count(*) FROM rule_lists"), 1);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  write_line(5, &other_list, 0, "ping");
  write_line(6, &other_list, 0, "ping");
  kh_batch_drop(&test.store.batch);
  ck_assert_int_eq(ask("SELECT count(*) FROM rule_lists"), 1);
  for (int round = 0; round < 2; round++) {
    ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
    write_line(7 + 2 * round, &other_list, 0, "ping");
    write_line(8 + 2 * round, &other_list, 0, "ping");
    ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  }
  ck_assert_int_eq(ask("SELECT count(*) FROM journal JOIN rule_lists ON id = rule_list WHERE rules = '[]'"),
                   2);
  write_lines(11, 1, 0);
  ck_assert_int_eq(ask("SELECT count(*) FROM rule_lists"), 2);
}
END_TEST

static bool add_seen(void *self, const struct kh_look_event_seen *seen)
{
  struct kh_buf *text = self;

  (void)kh_buf_printf(text, "%.*s %.*s %" PRId64 " %" PRId64 ";", KH_FMT(seen->organization),
                      KH_FMT(seen->event), seen->first_us - KH_TEST_T0_US, seen->last_us - KH_TEST_T0_US);
  return true;
}

START_TEST(events_that_came_are_seen)
{
  struct kh_look *look = look_at(KH_LOOK_ONLY);
  struct kh_buf text;

  kh_buf_init(&text, 1000);
  ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
  write_line(1, NULL, 0, "ping");
  kh_batch_drop(&test.store.batch);
  for (int i = 2; i < 5; i++) {
    ck_assert_int_eq(kh_batch_begin(&test.store.batch), KH_OK);
    write_line(i, NULL, 0, i == 3 ? "ping" : "job.started");
    ck_assert_int_eq(kh_batch_end(&test.store.batch), KH_OK);
  }
  ck_assert_int_eq(kh_look_events_seen(look, add_seen, &text, NULL), KH_OK);
  ck_assert_str_eq(kh_buf_text(&text), "acme job.started 2 2;acme ping 3 3;");
  kh_buf_release(&text);
  kh_look_close(look);
}
END_TEST

/* ---- the bounds ---- */

static const size_t sizes[] = {0, 700, 1500, 1900, 2300, 4100, 9000, 70000};

/* What the tables have of the file, by SQLite's own count of their pages. */
static int64_t pages(void)
{
  return ask("SELECT sum(pgsize) FROM dbstat WHERE name IN ('journal', 'ended')");
}

START_TEST(its_size_is_that_of_its_pages)
{
  const int64_t most = 4 * 1024 * 1024;
  const int64_t before = pages();

  kh_memory_keep(&test.store.memory, KH_BRANCH_AGE_S,
                 &(struct kh_journal_bounds){1000000, (uint64_t)most, KH_JOURNAL_KEEP_S});
  for (int i = 0; i < 40; i++)
    write_lines(1 + i * 100, 100, sizes[_i] * (size_t)(75 + i % 3 * 25) / 100);
  const int64_t got = pages() - before;
  const bool is_full = ask("SELECT count(*) FROM journal") < 4000;
  ck_assert_msg(got < most * 105 / 100, "%" PRId64, got);
  ck_assert_msg(!is_full || got > most * 95 / 100 - 100000, "%" PRId64, got);
  ck_assert(is_full == (sizes[_i] >= 1500));
}
END_TEST

/* Of which one takes the room of hundreds. */
START_TEST(large_lines_make_all_the_room_they_need)
{
  const int64_t most = 4 * 1024 * 1024;

  kh_memory_keep(&test.store.memory, KH_BRANCH_AGE_S,
                 &(struct kh_journal_bounds){1000000, (uint64_t)most, KH_JOURNAL_KEEP_S});
  for (int i = 0; i < 80; i++)
    write_lines(1 + i * 256, 256, 10);
  for (int i = 0; i < 4; i++) {
    write_lines(100001 + i * 40, 40, 70000);
    ck_assert_msg(pages() < most * 105 / 100, "%d: %" PRId64, i, pages());
  }
}
END_TEST

START_TEST(its_fates_count_too)
{
  const int64_t most = 1024 * 1024;
  char id[KH_DELIVERY_ID_BYTES];

  kh_memory_keep(&test.store.memory, KH_BRANCH_AGE_S,
                 &(struct kh_journal_bounds){1000000, (uint64_t)most, KH_JOURNAL_KEEP_S});
  for (int i = 0; i < 5000; i++) {
    (void)snprintf(id, sizeof id, "%08x%024x", (unsigned)i * 2654435761U, (unsigned)i);
    owe(id, id, "", KH_TEST_T0_US + i, false);
    ck_assert_int_eq(kh_queue_done(&test.store.queue, id, 0, KH_TEST_T0_US + i, 0), KH_OK);
  }
  ck_assert_msg(pages() < most * 105 / 100, "%" PRId64, pages());
  ck_assert_msg(pages() > most * 85 / 100, "%" PRId64, pages());
  ck_assert_int_lt(ask("SELECT count(*) FROM ended"), 5000);
  ck_assert_int_eq(ask("SELECT count(*) FROM ended WHERE webhook NOT IN (SELECT seq FROM journal)"), 0);
  expect_account();
}
END_TEST

START_TEST(it_is_bounded_by_count_and_age)
{
  kh_memory_keep(&test.store.memory, KH_BRANCH_AGE_S,
                 &(struct kh_journal_bounds){50, KH_JOURNAL_BYTES, 86400});
  write_lines(1, 60, 10);
  ck_assert_int_eq(ask("SELECT count(*) FROM journal"), 50);
  ck_assert_int_eq(ask("SELECT min(seq) FROM journal"), 11);
  struct kh_claim claim = kh_test_claim("later", "later", "", KH_TEST_T0_US + DAY_US + 31);
  kh_test_batch(&test.store, &claim, NULL, 0);
  ck_assert_int_eq(ask("SELECT min(seq) FROM journal"), 31);
}
END_TEST

START_TEST(where_none_is_kept_there_is_none)
{
  owe("e1", "a", "", KH_TEST_T0_US, false);
  kh_memory_keep(&test.store.memory, KH_BRANCH_AGE_S, &(struct kh_journal_bounds){0, 1, 1});
  owe("e2", "b", "", KH_TEST_T0_US, false);
  ck_assert_int_eq(ask("SELECT count(*) FROM journal"), 0);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "b", 0, KH_TEST_T0_US, 0), KH_OK);
  kh_memory_keep(&test.store.memory, KH_BRANCH_AGE_S,
                 &(struct kh_journal_bounds){50, KH_JOURNAL_BYTES, KH_JOURNAL_KEEP_S});
  owe("e3", "c", "", KH_TEST_T0_US, false);
  ck_assert_int_eq(kh_queue_done(&test.store.queue, "a", 0, KH_TEST_T0_US, 0), KH_OK);
  ck_assert_int_eq(ask("SELECT count(*) FROM ended"), 0);
  ck_assert_int_eq(ask("SELECT seq FROM journal"), 2);
}
END_TEST

/* A person has noted it, and who follows the journal waits for the next one. */
START_TEST(the_number_of_a_line_that_was_forgotten_does_not_come_again)
{
  const struct kh_look_forget what = {.pipeline = KH_STR("web")};
  struct kh_look *look = look_at(KH_LOOK_AND_CHANGE);
  struct kh_look_forgotten forgotten;
  struct kh_diag diag = {0};

  write_lines(1, 3, 10);
  ck_assert_int_eq(kh_look_forget(look, &what, &forgotten, &diag), KH_OK);
  kh_look_close(look);
  ck_assert_int_eq(ask("SELECT count(*) FROM journal"), 0);
  write_lines(4, 1, 10);
  ck_assert_int_eq(ask("SELECT seq FROM journal"), 4);
}
END_TEST

static Suite *journal_suite(void)
{
  Suite *suite = suite_create("journal");
  TCase *fates = kh_test_case(suite, "fates"), *written = kh_test_case(suite, "lines");
  TCase *bounds = kh_test_case(suite, "bounds");

  tcase_add_checked_fixture(fates, set_up, tear_down);
  tcase_add_test(fates, whatever_leaves_the_outbox_leaves_a_fate);
  tcase_add_test(fates, what_is_dead_and_too_much_leaves_a_fate);
  tcase_add_test(fates, what_a_person_had_forgotten_leaves_a_fate_without_words);
  tcase_add_test(fates, what_is_owed_says_what_it_waits_for);
  tcase_add_test(fates, the_last_twenty_tries_are_kept);
  tcase_add_checked_fixture(written, set_up, tear_down);
  tcase_add_test(written, lines_are_found_by_what_is_asked);
  tcase_add_test(written, decisions_name_the_rules_that_there_were);
  tcase_add_test(written, a_list_of_rules_is_written_once_and_goes_with_its_last_line);
  tcase_add_test(written, events_that_came_are_seen);
  tcase_add_checked_fixture(bounds, set_up, tear_down);
  tcase_add_loop_test(bounds, its_size_is_that_of_its_pages, 0, (int)KH_COUNT(sizes));
  tcase_add_test(bounds, large_lines_make_all_the_room_they_need);
  tcase_add_test(bounds, its_fates_count_too);
  tcase_add_test(bounds, it_is_bounded_by_count_and_age);
  tcase_add_test(bounds, where_none_is_kept_there_is_none);
  tcase_add_test(bounds, the_number_of_a_line_that_was_forgotten_does_not_come_again);
  return suite;
}

int main(void)
{
  return kh_test_main(journal_suite());
}
