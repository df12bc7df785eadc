#include "base/base.h"

#include "base/file.h"
#include "receive/event.h"
#include "receive/partner.h"
#include "receive/transition.h"
#include "support/clock.h"
#include "support/guard.h"
#include "support/recorder.h"
#include "support/rules.h"
#include "support/suite.h"

#include <dirent.h>
#include <jansson.h>

/*
 * fixtures/eventbridge: tests/support/partner_events.py made the events of webhooks, by Buildkite's page and
 * apart from the code. What a fixture's twin in fixtures/events says is the oracle here.
 */

enum { FIXTURES_AT_LEAST = 47 };
#define FIXTURES KH_SOURCE_DIR "/fixtures/eventbridge"

static const struct kh_eventbridge origin = {"aws.partner/buildkite.com/acme-kites/0106-187c-12cd4fe",
                                             "111122223333"};

/* An event from EventBridge, and what became of it. */
struct passage {
  struct kh_guard guard;
  struct kh_json envelope, doc;
  struct kh_buf body;
  struct kh_partner partner;
  struct kh_event event;
  struct kh_diag diag;
  enum kh_err err;
};

static void passage_open(struct passage *passage, struct kh_str payload)
{
  memset(passage, 0, sizeof *passage);
  kh_json_init(&passage->envelope, kh_json_default_limits);
  kh_json_init(&passage->doc, kh_json_default_limits);
  kh_buf_init(&passage->body, 1 << 20);
  passage->err = kh_json_read(&passage->envelope, kh_guard_end(&passage->guard, payload), &passage->diag);
  if (!passage->err)
    passage->err = kh_partner_admit(kh_json_root(&passage->envelope), &origin, &passage->body,
                                    &passage->partner, &passage->diag);
  if (!passage->err)
    ck_assert_int_eq(kh_event_read(&passage->partner.verified, &passage->doc, &passage->event, NULL), KH_OK);
}

static void passage_close(struct passage *passage)
{
  kh_buf_release(&passage->body);
  kh_json_release(&passage->doc);
  kh_json_release(&passage->envelope);
  kh_guard_release(&passage->guard);
}

/* ---- the log line ---- */

static void keep_line(void *self, struct kh_str line)
{
  ck_assert_int_eq(kh_buf_add(self, line), KH_OK);
}

static json_t *line_of(const struct kh_event *event)
{
  struct kh_fake_clock fake;
  struct kh_log_line line;
  struct kh_buf text;

  kh_fake_clock_init(&fake, 1760000000);
  kh_buf_init(&text, 1 << 20);
  const struct kh_log log = {.write = keep_line, .self = &text, .clock = &fake.clock};
  kh_log_begin(&line, &log, KH_INFO, "webhook received");
  kh_event_log(event, &line);
  kh_log_end(&line, &log);
  json_t *json = json_loads(kh_buf_text(&text), 0, NULL);
  kh_buf_release(&text);
  return json;
}

/* Of these, those that WANTED lists and no others. */
static void check_line(const char *name, const struct kh_event *event, const json_t *wanted)
{
  static const char *const keys[] = {"event",  "organization", "pipeline", "build_number",
                                     "branch", "state",        "job",      "agent"};
  json_t *line = line_of(event);

  for (size_t i = 0; i < KH_COUNT(keys); i++) {
    json_t *want = json_object_get(wanted, keys[i]), *got = json_object_get(line, keys[i]);

    ck_assert_msg(want ? json_equal(want, got) : !got, "%s: %s", name, keys[i]);
  }
  json_decref(line);
}

/* ---- the same transition ---- */

/* What memory knows them by for one; of what may come again as it was there is no such thing. */
static void check_same_transition(const char *name, const struct kh_event *event,
                                  const struct kh_event *webhook)
{
  const bool comes_again = event->kind == KH_EVENT_CLUSTER_TOKEN || strcmp(event->name, "agent.blocked") == 0;
  unsigned char own[KH_DIGEST_BYTES], twin[KH_DIGEST_BYTES], other[KH_DIGEST_BYTES];

  ck_assert_int_eq(event->kind, webhook->kind);
  ck_assert_int_eq(event->build_blocked, webhook->build_blocked);
  ck_assert_msg(kh_transition(event, true, own) == !comes_again, "%s", name);
  if (comes_again)
    return;
  ck_assert_msg(kh_transition(webhook, true, twin) && memcmp(own, twin, sizeof own) == 0, "%s", name);
  ck_assert_msg(kh_transition(webhook, false, other) && memcmp(own, other, sizeof own) != 0, "%s", name);
}

/* ---- fixtures ---- */

static void check_twin(const char *name, const struct passage *passage, const char *twin)
{
  struct kh_test_event webhook;
  char path[512];

  (void)snprintf(path, sizeof path, KH_SOURCE_DIR "/fixtures/events/%s/expect.json", twin);
  json_t *expect = json_load_file(path, JSON_ALLOW_NUL, NULL);
  ck_assert_msg(expect != NULL, "%s", path);
  check_line(name, &passage->event, json_object_get(expect, "log"));
  kh_test_event_of_fixture(&webhook, twin);
  check_same_transition(name, &passage->event, &webhook.event);
  kh_test_event_release(&webhook);
  json_decref(expect);
}

static void check_passage(const char *name, const struct passage *passage, const json_t *expect)
{
  const char *error = json_string_value(json_object_get(expect, "error"));
  const char *twin = json_string_value(json_object_get(expect, "twin"));

  ck_assert_msg(strcmp(kh_err_token(passage->err), error ? error : "ok") == 0, "%s: %s, %s", name,
                kh_err_token(passage->err), passage->diag.text);
  ck_assert_msg(!passage->err == !passage->diag.text[0], "%s: \"%s\"", name, passage->diag.text);
  ck_assert_msg(!strstr(passage->diag.text, "planted-secret"), "%s: \"%s\"", name, passage->diag.text);
  if (error)
    return;
  ck_assert_ptr_null(passage->partner.verified.by);
  ck_assert_int_eq(passage->partner.verified.proof, KH_PROOF_PARTNER);
  ck_assert_int_eq(passage->partner.verified.timestamp_s, 1760000180);
  ck_assert(kh_str_equal(passage->partner.id, KH_STR("0d2a372b-df6b-97a9-8c2f-e561ef705bc5")));
  if (twin)
    check_twin(name, passage, twin);
  else
    check_line(name, &passage->event, json_object_get(expect, "log"));
}

static void check_fixture(const char *name)
{
  struct passage passage;
  struct kh_buf payload;
  char path[512];

  (void)snprintf(path, sizeof path, FIXTURES "/%s/expect.json", name);
  json_t *expect = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
  ck_assert_msg(expect != NULL, "%s", path);
  (void)snprintf(path, sizeof path, FIXTURES "/%s/event.json", name);
  kh_buf_init(&payload, 1 << 20);
  ck_assert_int_eq(kh_file_read(path, &payload, NULL), KH_OK);
  passage_open(&passage, kh_buf_view(&payload));
  check_passage(name, &passage, expect);
  passage_close(&passage);
  kh_buf_release(&payload);
  json_decref(expect);
}

START_TEST(every_fixture_becomes_its_twin_or_is_refused)
{
  DIR *dir = opendir(FIXTURES);
  size_t count = 0;

  ck_assert_ptr_nonnull(dir);
  for (const struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.')
      continue;
    check_fixture(entry->d_name);
    count++;
  }
  closedir(dir);
  ck_assert_uint_ge(count, FIXTURES_AT_LEAST);
}
END_TEST

/* ---- what is made, byte for byte ---- */

#define ENVELOPE(type, detail)                                                                            \
  "{\"version\":\"0\",\"id\":\"e-1\",\"detail-type\":\"" type "\",\"source\":\"aws.partner/buildkite.com" \
  "/acme-kites/0106-187c-12cd4fe\",\"account\":\"111122223333\",\"time\":\"2025-10-09T08:56:20Z\","       \
  "\"detail\":{\"version\":1," detail "}}"

static const struct {
  const char *payload, *body;
} made[] = {
    {ENVELOPE("Build Finished", "\"build\":{\"uuid\":\"b\"}"),
     "{\"event\":\"build.finished\",\"build\":{\"id\":\"b\"}}"},
    /* keys and values that hold escapes, a container, a number of another kind: as they stand */
    {ENVELOPE("Build Started", "\"build\":{\"uu\\u0069d\":\"\\u0062\",\"state\":\"st\\u0061rted\",\"x\\\"\":"
                               "[1.5e3,{\"uuid\":{}}]}"),
     "{\"event\":\"build.running\",\"build\":{\"id\":\"\\u0062\",\"x\\\"\":[1.5e3,{\"uuid\":{}}],"
     "\"state\":\"running\"}}"},
    /* the webhook's word is there too, and counts */
    {ENVELOPE("Build Failing", "\"build\":{\"uuid\":\"b\",\"\\u0069d\":\"c\"},\"pipeline\":{\"repo\":\"r\","
                               "\"repository\":\"s\"}"),
     "{\"event\":\"build.failing\",\"build\":{\"uuid\":\"b\",\"\\u0069d\":\"c\"},"
     "\"pipeline\":{\"repo\":\"r\",\"repository\":\"s\"}}"},
    {ENVELOPE("Build Blocked", "\"build\":{\"state\":\"blocked\",\"blocked\":false,\"uuid\":\"b\"}"),
     "{\"event\":\"build.finished\",\"build\":{\"id\":\"b\",\"blocked\":true}}"},
    /* what is no object has nothing to rename; what nobody knows goes nowhere */
    {ENVELOPE("Build Created", "\"build\":{\"uuid\":\"b\"},\"pipeline\":7,\"organization\":null,"
                               "\"token\":{\"uuid\":\"t\"},\"event\":\"ping\",\"sender\":{}"),
     "{\"event\":\"build.scheduled\",\"build\":{\"id\":\"b\"},\"pipeline\":7,\"organization\":null}"},
    {ENVELOPE("Job Finished",
              "\"job\":{\"uuid\":\"j\",\"label\":\"l\",\"state\":\"finished\",\"passed\":true,"
              "\"unblocked_by\":{\"uuid\":\"p\"}},\"agent\":{\"uuid\":\"a\"},\"build\":[]"),
     "{\"event\":\"job.finished\",\"job\":{\"id\":\"j\",\"name\":\"l\",\"passed\":true,\"state\":\"passed\","
     "\"unblocked_by\":{\"id\":\"p\"},\"agent\":{\"id\":\"a\"}}}"},
    {ENVELOPE("Job Finished", "\"job\":{\"uuid\":\"j\",\"state\":\"finished\",\"passed\":\"true\","
                              "\"agent\":null},\"agent\":{\"uuid\":\"a\"}"),
     "{\"event\":\"job.finished\",\"job\":{\"id\":\"j\",\"passed\":\"true\",\"agent\":null,"
     "\"state\":\"finished\"}}"},
    {ENVELOPE("Job Activated", "\"job\":{\"uuid\":\"j\",\"type\":\"manual\",\"label\":\"l\",\"state\":"
                               "\"finished\",\"passed\":false}"),
     "{\"event\":\"job.activated\",\"job\":{\"id\":\"j\",\"type\":\"manual\",\"label\":\"l\",\"passed\":"
     "false,"
     "\"state\":\"finished\"}}"},
};

START_TEST(the_webhook_is_made_of_what_stands_there)
{
  struct passage passage;

  passage_open(&passage, kh_str_of(made[_i].payload));
  ck_assert_msg(passage.err == KH_OK, "%s: %s", kh_err_token(passage.err), passage.diag.text);
  ck_assert_str_eq(kh_buf_text(&passage.body), made[_i].body);
  passage_close(&passage);
}
END_TEST

/* ---- who may send it ---- */

START_TEST(without_a_source_in_the_config_nothing_counts)
{
  const struct kh_eventbridge none = {.source = ""};
  struct passage passage;

  passage_open(&passage, kh_str_of(made[0].payload));
  ck_assert_int_eq(passage.err, KH_OK);
  ck_assert_int_eq(kh_partner_admit(kh_json_root(&passage.envelope), &none, &passage.body, &passage.partner,
                                    &passage.diag),
                   KH_ERR_PARTNER_SOURCE);
  ck_assert_ptr_nonnull(strstr(passage.diag.text, "sources: {eventbridge: "));
  passage_close(&passage);
}
END_TEST

START_TEST(a_source_that_is_empty_is_not_that_of_an_empty_config)
{
  const struct kh_eventbridge none = {.source = ""};
  struct passage passage;

  passage_open(&passage, KH_STR("{\"detail-type\":\"Build Finished\",\"source\":\"\",\"account\":\"\"}"));
  ck_assert_int_eq(passage.err, KH_ERR_PARTNER_SOURCE);
  ck_assert_int_eq(
      kh_partner_admit(kh_json_root(&passage.envelope), &none, &passage.body, &passage.partner, NULL),
      KH_ERR_PARTNER_SOURCE);
  passage_close(&passage);
}
END_TEST

START_TEST(what_finds_no_room_is_an_error)
{
  struct passage passage;
  struct kh_buf small;

  passage_open(&passage, kh_str_of(made[0].payload));
  for (size_t room = 0; room < passage.body.len; room++) {
    kh_buf_init(&small, room);
    ck_assert_int_eq(
        kh_partner_read(kh_json_root(&passage.envelope), &small, &passage.partner, &passage.diag),
        KH_ERR_LIMIT);
    kh_buf_release(&small);
  }
  passage_close(&passage);
}
END_TEST

static Suite *suite_of_partner(void)
{
  Suite *suite = suite_create("partner");
  TCase *events = kh_test_case(suite, "events");
  TCase *origins = kh_test_case(suite, "origins");

  tcase_add_test(events, every_fixture_becomes_its_twin_or_is_refused);
  tcase_add_loop_test(events, the_webhook_is_made_of_what_stands_there, 0, (int)KH_COUNT(made));
  tcase_add_test(events, what_finds_no_room_is_an_error);
  tcase_add_test(origins, without_a_source_in_the_config_nothing_counts);
  tcase_add_test(origins, a_source_that_is_empty_is_not_that_of_an_empty_config);
  return suite;
}

int main(void)
{
  return kh_test_main(suite_of_partner());
}
