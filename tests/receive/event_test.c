#include "base/base.h"

#include "receive/event.h"
#include "support/clock.h"
#include "support/guard.h"
#include "support/recorder.h"
#include "support/suite.h"

#define API "https://api.buildkite.com/v2/organizations/acme"
#define BUILD_URL "\"url\":\"" API "/pipelines/kites/builds/7\""

static struct kh_fake_clock fake;
static struct kh_json doc;
static struct kh_guard guard;
static struct kh_event event;
static struct kh_diag diag;

static void open_event(void)
{
  kh_recorder_stay_private();
  kh_fake_clock_init(&fake, 1700000000);
  kh_json_init(&doc, kh_json_default_limits);
  guard = (struct kh_guard){NULL, 0};
  diag = (struct kh_diag){.err = KH_OK};
}

static void close_event(void)
{
  kh_json_release(&doc);
  kh_guard_release(&guard);
}

static enum kh_err read_event(const char *header, struct kh_str body)
{
  kh_guard_release(&guard);
  struct kh_verified verified = {.body = kh_guard_end(&guard, body), .event_header = kh_str_of(header)};

  return kh_event_read(&verified, &doc, &event, &diag);
}

static void must_read(const char *header, const char *body)
{
  enum kh_err err = read_event(header, kh_str_of(body));

  ck_assert_msg(err == KH_OK, "%s: %s %s", body, kh_err_token(err), diag.text);
}

/* ---- names and kinds ---- */

static const struct {
  const char *name;
  enum kh_event_kind kind;
} names[] = {
    {"ping", KH_EVENT_PING},
    {"build.scheduled", KH_EVENT_BUILD},
    {"build.running", KH_EVENT_BUILD},
    {"build.failing", KH_EVENT_BUILD},
    {"build.finished", KH_EVENT_BUILD},
    {"build.skipped", KH_EVENT_BUILD},
    {"job.scheduled", KH_EVENT_JOB},
    {"job.started", KH_EVENT_JOB},
    {"job.finished", KH_EVENT_JOB},
    {"job.activated", KH_EVENT_JOB},
    {"job.promised_exit_status", KH_EVENT_JOB},
    {"agent.connected", KH_EVENT_AGENT},
    {"agent.lost", KH_EVENT_AGENT},
    {"agent.disconnected", KH_EVENT_AGENT},
    {"agent.stopping", KH_EVENT_AGENT},
    {"agent.stopped", KH_EVENT_AGENT},
    {"agent.blocked", KH_EVENT_AGENT},
    {"cluster_token.registration_blocked", KH_EVENT_CLUSTER_TOKEN},
    {"package.created", KH_EVENT_PACKAGE},
    {"workflow.alarm", KH_EVENT_WORKFLOW},
    {"moon.landed", KH_EVENT_OTHER},
    {"build", KH_EVENT_OTHER},
    {"pingpong", KH_EVENT_OTHER},
    {"builds.finished", KH_EVENT_OTHER},
    {"Build.Finished", KH_EVENT_OTHER},
    {"Gr\xC3\xB6\xC3\x9F"
     "e",
     KH_EVENT_OTHER},
};

START_TEST(each_name_is_kept_and_has_its_kind)
{
  char body[256];

  (void)snprintf(body, sizeof body, "{\"event\":\"%s\"}", names[_i].name);
  must_read(names[_i].name, body);
  ck_assert_str_eq(event.name, names[_i].name);
  ck_assert_int_eq(event.kind, names[_i].kind);
  must_read(NULL, body);
  ck_assert_str_eq(event.name, names[_i].name);
  ck_assert_int_eq(event.kind, names[_i].kind);
  must_read(names[_i].name, "{}");
  ck_assert_str_eq(event.name, names[_i].name);
  ck_assert_int_eq(event.kind, names[_i].kind);
}
END_TEST

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
  const char *what;
  const char *header;
  const char *body;
  enum kh_err err;
  const char *name;
} naming[] = {
    {"neither names it", NULL, "{\"type\":\"passed_on_retry\"}", KH_OK, ""},
    {"an empty header names nothing", "", "{\"event\":\"ping\"}", KH_OK, "ping"},
    {"an escape in the body", "build.finished", "{\"event\":\"build\\u002efinished\"}", KH_OK,
     "build.finished"},
    {"null in the body", "ping", "{\"event\":null}", KH_OK, "ping"},
    {"a number in the body", "ping", "{\"event\":7}", KH_OK, "ping"},
    {"an object in the body", "ping", "{\"event\":{\"uuid\":\"a\"}}", KH_OK, "ping"},
    {"the two differ", "build.finished", "{\"event\":\"build.running\"}", KH_ERR_EVENT_MISMATCH, NULL},
    {"the two differ in case", "Ping", "{\"event\":\"ping\"}", KH_ERR_EVENT_MISMATCH, NULL},
    {"the two differ by a blank", "ping ", "{\"event\":\"ping\"}", KH_ERR_EVENT_MISMATCH, NULL},
    {"a server joined two headers", "ping, ping", "{\"event\":\"ping\"}", KH_ERR_EVENT_MISMATCH, NULL},
    {"100 bytes", NULL, "{\"event\":\"" HUNDRED "\"}", KH_OK, HUNDRED},
    {"100 bytes in the header", HUNDRED, "{}", KH_OK, HUNDRED},
    {"101 bytes", NULL, "{\"event\":\"" HUNDRED "x\"}", KH_ERR_EVENT_NAME, NULL},
    {"101 bytes in the header", HUNDRED "x", "{}", KH_ERR_EVENT_NAME, NULL},
    {"a control character", NULL, "{\"event\":\"a\\nb\"}", KH_ERR_EVENT_NAME, NULL},
    {"DEL", NULL, "{\"event\":\"a\\u007fb\"}", KH_ERR_EVENT_NAME, NULL},
    {"NUL", NULL, "{\"event\":\"ping\\u0000\"}", KH_ERR_EVENT_NAME, NULL},
    {"a control character in the header", "a\tb", "{}", KH_ERR_EVENT_NAME, NULL},
    {"a stray byte in the header",
     "a\xFF"
     "b",
     "{}", KH_ERR_EVENT_NAME, NULL},
    {"a cut character in the header", "a\xE2\x9C", "{}", KH_ERR_EVENT_NAME, NULL},
    {"UTF-8 in the header alone", "a\xC3\xB6", "{}", KH_OK, "a\xC3\xB6"},
    {"UTF-8 in both", "a\xC3\xB6", "{\"event\":\"a\xC3\xB6\"}", KH_OK, "a\xC3\xB6"},
};

START_TEST(header_and_body_name_the_event)
{
  enum kh_err err = read_event(naming[_i].header, kh_str_of(naming[_i].body));

  ck_assert_msg(err == naming[_i].err, "%s: %s", naming[_i].what, kh_err_token(err));
  if (err == KH_OK)
    ck_assert_str_eq(event.name, naming[_i].name);
  else
    ck_assert_msg(diag.err == err && diag.text[0], "%s: nothing said", naming[_i].what);
}
END_TEST

/* ---- what a line shows ---- */

/* LOG is what kh_event_log adds; AUTHOR, SENDER and JOB what their functions give. NULL is "". */
static const struct {
  const char *trap;
  const char *body;
  const char *log;
  const char *author, *job;
} shown[] = {
    {"nothing at all", "{}", "{}", NULL, NULL},
    {"all of a build",
     "{\"event\":\"build.finished\",\"build\":{\"id\":\"i\"," BUILD_URL ",\"number\":7,\"state\":\"failed\","
     "\"branch\":\"main\",\"author\":{\"name\":\"Uma\",\"email\":\"uma@example.com\"}},"
     "\"pipeline\":{\"slug\":\"kites\",\"name\":\"Kites\"},\"sender\":{\"id\":\"s\",\"name\":\"Keith\"}}",
     "{\"event\":\"build.finished\",\"organization\":\"acme\",\"pipeline\":\"kites\",\"build_number\":7,"
     "\"branch\":\"main\",\"state\":\"failed\"}",
     "Uma", NULL},
    {"every part null",
     "{\"event\":\"build.finished\",\"build\":null,\"pipeline\":null,\"job\":null,\"agent\":null,\"sender\":"
     "null,"
     "\"organization\":null,\"cluster_token\":null,\"package\":null}",
     "{\"event\":\"build.finished\"}", NULL, NULL},
    {"every part of a wrong type",
     "{\"event\":\"build.finished\",\"build\":\"b\",\"pipeline\":[1],\"job\":7,\"agent\":true,\"sender\":[],"
     "\"organization\":\"acme\",\"cluster_token\":1.5,\"package\":\"p\"}",
     "{\"event\":\"build.finished\"}", NULL, NULL},
    {"every member null",
     "{\"build\":{\"url\":null,\"number\":null,\"state\":null,\"blocked\":null,\"branch\":null,\"author\":"
     "null,"
     "\"message\":null,\"creator\":null,\"pull_request\":null,\"meta_data\":null,\"started_at\":null},"
     "\"pipeline\":{\"slug\":null,\"url\":null},\"job\":{\"name\":null,\"label\":null},"
     "\"agent\":{\"name\":null},\"sender\":{\"name\":null}}",
     "{}", NULL, NULL},
    {"every member of a wrong type",
     "{\"build\":{\"url\":1,\"number\":\"7\",\"state\":{},\"blocked\":\"true\",\"branch\":[\"main\"],"
     "\"author\":[\"Uma\"]},\"pipeline\":{\"slug\":{}},\"job\":{\"name\":[],\"label\":1},"
     "\"agent\":{\"name\":false},\"sender\":{\"name\":7}}",
     "{}", NULL, NULL},
    {"a blocked build keeps its last state",
     "{\"build\":{\"state\":\"passed\",\"blocked\":true,\"started_at\":null,\"finished_at\":\"2018-07-10 "
     "20:46:14 UTC\"}}",
     "{\"state\":\"blocked\"}", NULL, NULL},
    {"a blocked build without a state", "{\"build\":{\"blocked\":true,\"state\":null}}",
     "{\"state\":\"blocked\"}", NULL, NULL},
    {"not blocked", "{\"build\":{\"state\":\"passed\",\"blocked\":false,\"blocked_state\":\"\"}}",
     "{\"state\":\"passed\"}", NULL, NULL},
    {"blocked is absent in old ones", "{\"build\":{\"state\":\"canceled\"}}", "{\"state\":\"canceled\"}",
     NULL, NULL},
    {"blocked_state is not blocked",
     "{\"build\":{\"state\":\"running\",\"blocked\":false,\"blocked_state\":\"passed\"}}",
     "{\"state\":\"running\"}", NULL, NULL},
    {"an unknown state stays text", "{\"build\":{\"state\":\"waiting_failed\"}}",
     "{\"state\":\"waiting_failed\"}", NULL, NULL},
    {"a number of 64 bits", "{\"build\":{\"number\":9223372036854775807}}",
     "{\"build_number\":9223372036854775807}", NULL, NULL},
    {"a number that is no integer", "{\"build\":{\"number\":7.0}}", "{}", NULL, NULL},
    {"number zero is none", "{\"build\":{\"number\":0}}", "{}", NULL, NULL},
    {"a fork's branch", "{\"build\":{\"branch\":\"jane:fix/a b\"}}", "{\"branch\":\"jane:fix/a b\"}", NULL,
     NULL},
    {"hostile text stays text", "{\"build\":{\"branch\":\"<!channel>\\n{{x}}\\u0000\\u001b\"}}",
     "{\"branch\":\"<!channel>\\n{{x}}\\u0000\\u001b\"}", NULL, NULL},
    {"a lone surrogate reads as U+FFFD", "{\"build\":{\"branch\":\"tail-\\ud83e\"}}",
     "{\"branch\":\"tail-\\ufffd\"}", NULL, NULL},
    {"a pair is one character", "{\"build\":{\"branch\":\"\\ud83e\\ude81\"}}",
     "{\"branch\":\"\xF0\x9F\xAA\x81\"}", NULL, NULL},
    {"an escaped key is the key", "{\"b\\u0075ild\":{\"\\u006eumber\":3}}", "{\"build_number\":3}", NULL,
     NULL},

    {"author as an object",
     "{\"build\":{\"author\":{\"username\":\"u\",\"name\":\"Uma \\u00d6\",\"email\":\"u@x.org\"}}}", "{}",
     "Uma \xC3\x96", NULL},
    {"author as an address", "{\"build\":{\"author\":\"uma@example.com\"}}", "{}", NULL, NULL},
    {"author as name and address", "{\"build\":{\"author\":\"Uma <uma@example.com>\"}}", "{}", NULL, NULL},
    {"author without a name", "{\"build\":{\"author\":{\"email\":\"uma@example.com\"}}}", "{}", NULL, NULL},
    {"an author named by an address", "{\"build\":{\"author\":{\"name\":\"uma@example.com\"}}}", "{}", NULL,
     NULL},
    {"sender as a string", "{\"sender\":\"Keith\"}", "{}", NULL, NULL},
    {"sender as an address", "{\"sender\":\"keith@example.com\"}", "{}", NULL, NULL},
    {"a sender named by an address", "{\"sender\":{\"name\":\"keith@example.com\"}}", "{}", NULL, NULL},
    {"sender without a name", "{\"sender\":{\"id\":\"s\"}}", "{}", NULL, NULL},

    {"a script job's name",
     "{\"job\":{\"type\":\"script\",\"name\":\":pipeline: Test\",\"label\":\"other\"}}",
     "{\"job\":\":pipeline: Test\"}", NULL, ":pipeline: Test"},
    {"a manual job's label",
     "{\"job\":{\"type\":\"manual\",\"label\":\":hand: Deploy?\",\"unblocked_by\":null}}",
     "{\"job\":\":hand: Deploy?\"}", NULL, ":hand: Deploy?"},
    {"a null name and a label", "{\"job\":{\"name\":null,\"label\":\"L\"}}", "{\"job\":\"L\"}", NULL, "L"},
    {"an empty name and a label", "{\"job\":{\"name\":\"\",\"label\":\"L\"}}", "{\"job\":\"L\"}", NULL, "L"},
    {"an empty name alone", "{\"job\":{\"name\":\"\",\"exit_status\":-1}}", "{}", NULL, NULL},
    {"a waiter has little", "{\"job\":{\"id\":\"i\",\"type\":\"waiter\"}}", "{}", NULL, NULL},
    {"a job's agent may be null", "{\"job\":{\"name\":\"n\",\"agent\":null}}", "{\"job\":\"n\"}", NULL, "n"},
    {"an agent",
     "{\"event\":\"agent.lost\",\"agent\":{\"name\":\"kite-1\",\"url\":\"" API
     "/agents/1\",\"meta_data\":[\"queue=default\"],"
     "\"ip_address\":null,\"job\":null}}",
     "{\"event\":\"agent.lost\",\"organization\":\"acme\",\"agent\":\"kite-1\"}", NULL, NULL},

    {"organization from ping",
     "{\"event\":\"ping\",\"service\":{\"id\":\"i\"},\"organization\":{\"name\":\"ACME "
     "Inc\",\"slug\":\"acme-inc\","
     "\"url\":\"https://api.buildkite.com/v2/organizations/acme-inc\"}}",
     "{\"event\":\"ping\",\"organization\":\"acme-inc\"}", NULL, NULL},
    {"organization from the build", "{\"build\":{" BUILD_URL "}}", "{\"organization\":\"acme\"}", NULL, NULL},
    {"organization from the pipeline",
     "{\"pipeline\":{\"url\":\"" API "/pipelines/kites\",\"slug\":\"kites\"}}",
     "{\"organization\":\"acme\",\"pipeline\":\"kites\"}", NULL, NULL},
    {"organization from the agent", "{\"agent\":{\"url\":\"" API "/agents/1\"}}",
     "{\"organization\":\"acme\"}", NULL, NULL},
    {"organization from a package",
     "{\"event\":\"package.created\",\"package\":{\"organization\":{\"slug\":\"acme\"}}}",
     "{\"event\":\"package.created\",\"organization\":\"acme\"}", NULL, NULL},
    {"an escaped slash in the URL",
     "{\"build\":{\"url\":\"https:\\/\\/api.buildkite.com\\/v2\\/organizations\\/acme\\/pipelines\\/k\"}}",
     "{\"organization\":\"acme\"}", NULL, NULL},
    {"no organization in the URL", "{\"build\":{\"url\":\"https://example.com/\"}}", "{}", NULL, NULL},
    {"the old body has a project",
     "{\"build\":{\"number\":3,\"state\":\"passed\",\"jobs\":[{\"name\":\"x\"}]},\"project\":{\"slug\":\"p\"}"
     "}",
     "{\"build_number\":3,\"state\":\"passed\"}", NULL, NULL},
    {"secrets of the payload are not looked at",
     "{\"build\":{\"env\":{\"TOKEN\":\"planted\"},\"author\":{\"email\":\"planted@example.com\"},\"creator\":"
     "{\"email\":\"planted@example.com\"}},"
     "\"pipeline\":{\"slug\":\"kites\",\"env\":{\"A\":\"planted\"},\"configuration\":\"planted\","
     "\"provider\":{\"webhook_url\":\"planted\"},"
     "\"steps\":[{\"env\":{\"A\":\"planted\"}}]}}",
     "{\"pipeline\":\"kites\"}", NULL, NULL},
};

static void check_text(const char *trap, const char *what,
                       enum kh_err (*take)(const struct kh_event *, struct kh_buf *), const char *want)
{
  struct kh_str rest;
  struct kh_buf out;

  kh_buf_init(&out, 4096);
  ck_assert_int_eq(kh_buf_add(&out, KH_STR("before|")), KH_OK);
  ck_assert_int_eq(take(&event, &out), KH_OK);
  rest = kh_buf_view(&out);
  ck_assert(kh_str_equal(kh_str_cut(&rest, '|'), KH_STR("before")));
  ck_assert_msg(kh_str_equal(rest, kh_str_of(want)), "%s: %s is \"%.*s\"", trap, what, KH_FMT(rest));
  kh_buf_release(&out);
}

START_TEST(each_trap_shows_what_it_should)
{
  struct kh_recorder recorder;
  struct kh_log_line line;
  json_error_t error;

  must_read(NULL, shown[_i].body);
  kh_recorder_init(&recorder);
  struct kh_log log = kh_recorder_log(&recorder, &fake.clock);
  kh_log_begin(&line, &log, KH_INFO, "webhook received");
  kh_event_log(&event, &line);
  kh_log_end(&line, &log);

  json_t *got = kh_recorder_line(&recorder, 0);
  ck_assert_int_eq(
      json_object_del(got, "timestamp") + json_object_del(got, "level") + json_object_del(got, "message"), 0);
  json_t *want = json_loads(shown[_i].log, JSON_ALLOW_NUL, &error);
  ck_assert_msg(want, "%s: %s", shown[_i].trap, error.text);
  ck_assert_msg(json_equal(got, want), "%s: %s", shown[_i].trap, kh_buf_text(&recorder.text));
  json_decref(got);
  kh_recorder_release(&recorder);

  check_text(shown[_i].trap, "state", kh_event_build_state, kh_line_text(want, "state"));
  check_text(shown[_i].trap, "author", kh_event_author, shown[_i].author);
  check_text(shown[_i].trap, "job", kh_event_job_name, shown[_i].job);
  json_decref(want);
}
END_TEST

/* As with every add to a buffer: one look at its end must be enough. */
START_TEST(a_text_over_the_ceiling_fails_its_buffer)
{
  enum kh_err (*const takes[])(const struct kh_event *,
                               struct kh_buf *) = {kh_event_build_state, kh_event_author, kh_event_job_name};
  struct kh_buf out;

  must_read(NULL, "{\"build\":{\"state\":\"0123456789\",\"author\":{\"name\":\"0123456789\"}},"
                  "\"job\":{\"name\":\"0123456789\"}}");
  kh_buf_init(&out, 10);
  ck_assert_int_eq(takes[_i](&event, &out), KH_OK);
  ck_assert_str_eq(kh_buf_text(&out), "0123456789");
  kh_buf_release(&out);
  kh_buf_init(&out, 9);
  ck_assert_int_eq(takes[_i](&event, &out), KH_ERR_LIMIT);
  ck_assert_int_eq(kh_buf_ok(&out), KH_ERR_LIMIT);
  kh_buf_release(&out);
}
END_TEST

/* However long: a line shows the first 1,024 bytes of a text, not nothing. */
START_TEST(a_long_branch_is_cut_and_not_left_out)
{
  static const size_t lengths[] = {1024, 65536, 70000, 1000000};
  struct kh_recorder recorder;
  struct kh_log_line line;
  struct kh_buf body;

  kh_buf_init(&body, 2000000);
  (void)kh_buf_add(&body, KH_STR("{\"build\":{\"branch\":\""));
  for (size_t i = 0; i < lengths[_i]; i++)
    (void)kh_buf_add_byte(&body, 'b');
  (void)kh_buf_add(&body, KH_STR("\"}}"));
  ck_assert_int_eq(read_event(NULL, kh_buf_view(&body)), KH_OK);
  kh_recorder_init(&recorder);
  struct kh_log log = kh_recorder_log(&recorder, &fake.clock);
  kh_log_begin(&line, &log, KH_INFO, "webhook received");
  kh_event_log(&event, &line);
  kh_log_end(&line, &log);
  json_t *got = kh_recorder_line(&recorder, 0);
  ck_assert_uint_eq(json_string_length(json_object_get(got, "branch")), 1024);
  json_decref(got);
  kh_recorder_release(&recorder);
  kh_buf_release(&body);
}
END_TEST

START_TEST(the_views_are_taken)
{
  must_read(NULL, "{\"event\":\"job.finished\",\"build\":{\"number\":1,\"state\":\"passed\",\"blocked\":true}"
                  ",\"job\":{\"a\":2},"
                  "\"pipeline\":{\"a\":3},\"agent\":{\"a\":4},\"sender\":{\"a\":5},\"cluster_token\":{\"a\":"
                  "6},\"package\":{\"a\":7}}");
  const struct kh_json_value views[] = {event.job,    event.pipeline,      event.agent,
                                        event.sender, event.cluster_token, event.package};
  for (size_t i = 0; i < KH_COUNT(views); i++) {
    int64_t number = 0;

    ck_assert(kh_json_int(kh_json_get(views[i], KH_STR("a")), &number));
    ck_assert_int_eq(number, (int64_t)i + 2);
  }
  ck_assert_int_eq(kh_json_type(event.root), KH_JSON_OBJECT);
  ck_assert_int_eq(kh_json_type(event.build), KH_JSON_OBJECT);
  ck_assert(kh_json_text_is(event.build_state, KH_STR("passed")));
  ck_assert(event.build_blocked);
  ck_assert_int_eq(event.build_number, 1);
  ck_assert_ptr_nonnull(event.body.at);

  must_read(NULL, "{\"build\":{\"state\":\"canceled\",\"blocked\":true}}");
  ck_assert(!event.build_blocked);
  must_read(NULL, "{\"build\":{\"state\":\"canceling\",\"blocked\":true}}");
  ck_assert(!event.build_blocked);

  must_read(NULL, "{\"event\":\"ping\"}");
  ck_assert_int_eq(kh_json_type(event.build), KH_JSON_MISSING);
  ck_assert_int_eq(kh_json_type(event.build_state), KH_JSON_MISSING);
  ck_assert(!event.build_blocked);
  ck_assert_int_eq(event.build_number, 0);
  ck_assert_str_eq(event.organization, "");
}
END_TEST

/* A slug over its 128 bytes: whatever is made of it, it fits. */
/* ---- what happened, and when ---- */

static const struct {
  const char *body;
  bool has_time;
} dated[] = {
    {"{\"event\":\"build.finished\",\"build\":{\"finished_at\":\"2026-06-01T12:00:00.000Z\"}}", true},
    {"{\"event\":\"build.finished\",\"build\":{\"finished_at\":\"2018-06-01 12:00:00 UTC\"}}", true},
    {"{\"event\":\"build.finished\",\"build\":{\"started_at\":null,\"finished_at\":\"soon\"}}", false},
    {"{\"event\":\"build.finished\",\"build\":{\"at\":\"2026-06-01T12:00:00Z\",\"failing_at\":7}}", false},
    {"{\"event\":\"build.finished\",\"build\":{\"creator\":{\"created_at\":\"2026-06-01T12:00:00Z\"}}}",
     false},
    {"{\"event\":\"build.finished\",\"pipeline\":{\"created_at\":\"2026-06-01T12:00:00Z\"}}", false},
    {"{\"event\":\"build.finished\",\"build\":[\"2026-06-01T12:00:00Z\"]}", false},
    {"{\"event\":\"job.finished\",\"job\":{\"finished_at\":\"2026-06-01T12:00:00Z\"}}", true},
    {"{\"event\":\"job.activated\",\"job\":{\"id\":\"1\",\"type\":\"waiter\"}}", false},
    {"{\"event\":\"agent.lost\",\"agent\":{\"lost_at\":\"2026-06-01T12:00:00Z\"}}", true},
    {"{\"event\":\"agent.blocked\",\"agent\":{\"connected_at\":\"2026-06-01T12:00:00Z\"}}", false},
    {"{\"event\":\"package.created\",\"package\":{\"created_at\":\"2026-06-01T12:00:00Z\"}}", true},
    {"{\"event\":\"cluster_token.registration_blocked\",\"cluster_token\":{\"created_at\":\"2026-06-01T12:00:"
     "00Z\"}}",
     false},
    {"{\"event\":\"workflow.alarm\",\"build\":{\"finished_at\":\"2026-06-01T12:00:00Z\"}}", false},
    {"{\"event\":\"step.failing\",\"build\":{\"finished_at\":\"2026-06-01T12:00:00Z\"}}", false},
    {"{\"event\":\"ping\"}", false},
    {"{}", false},
};

START_TEST(some_events_tell_their_time)
{
  must_read("", dated[_i].body);
  ck_assert_msg(kh_event_has_time(&event) == dated[_i].has_time, "%s", dated[_i].body);
}
END_TEST

START_TEST(a_long_slug_does_not_overflow)
{
  char body[4096];

  for (int length = 120; length < 1500; length += length < 140 ? 1 : 100) {
    (void)snprintf(
        body, sizeof body,
        "{\"organization\":{\"slug\":\"%0*d\"},\"build\":{\"url\":\"https://x/organizations/%0*d/y\"}}",
        length, 0, length, 0);
    must_read(NULL, body);
    if (length < KH_SLUG_BYTES)
      ck_assert_uint_eq(strlen(event.organization), (size_t)length);
    ck_assert_uint_lt(strnlen(event.organization, KH_SLUG_BYTES), KH_SLUG_BYTES);
  }
}
END_TEST

/* ---- bodies that are no event ---- */

static const struct {
  const char *what;
  struct kh_str body;
  enum kh_err err;
} unusable[] = {
    {"nothing", {"", 0}, KH_ERR_JSON_SYNTAX},
    {"blanks", {" \n", 2}, KH_ERR_JSON_SYNTAX},
    {"cut", {"{\"event\":\"ping\"", 15}, KH_ERR_JSON_SYNTAX},
    {"two documents", {"{}{}", 4}, KH_ERR_JSON_SYNTAX},
    {"a final comma", {"{\"a\":1,}", 8}, KH_ERR_JSON_SYNTAX},
    {"a form", {"payload=%7B%7D", 14}, KH_ERR_JSON_SYNTAX},
    {"a NUL behind it", {"{}\0", 3}, KH_ERR_JSON_SYNTAX},
    {"a byte order mark", {"\xEF\xBB\xBF{}", 5}, KH_ERR_JSON_SYNTAX},
    {"broken UTF-8", {"{\"a\":\"\xC3\"}", 9}, KH_ERR_JSON_UTF8},
    {"a number out of range", {"{\"a\":9223372036854775808}", 25}, KH_ERR_JSON_NUMBER},
    {"a key twice", {"{\"event\":\"ping\",\"event\":\"ping\"}", 31}, KH_ERR_JSON_DUPLICATE_KEY},
    {"a key twice, once escaped", {"{\"event\":1,\"\\u0065vent\":1}", 27}, KH_ERR_JSON_DUPLICATE_KEY},
    {"an array", {"[{\"event\":\"ping\"}]", 18}, KH_ERR_NOT_AN_OBJECT},
    {"a string", {"\"ping\"", 6}, KH_ERR_NOT_AN_OBJECT},
    {"a number", {"7", 1}, KH_ERR_NOT_AN_OBJECT},
    {"null", {"null", 4}, KH_ERR_NOT_AN_OBJECT},
    {"true", {"true", 4}, KH_ERR_NOT_AN_OBJECT},
};

START_TEST(what_is_no_event_is_refused)
{
  enum kh_err err = read_event("ping", unusable[_i].body);

  ck_assert_msg(err == unusable[_i].err, "%s: %s", unusable[_i].what, kh_err_token(err));
  ck_assert_msg(diag.err == err && diag.text[0] != '\0', "%s: nothing said", unusable[_i].what);
}
END_TEST

START_TEST(ten_thousand_levels_are_too_deep)
{
  char *body = malloc(40001);

  ck_assert_ptr_nonnull(body);
  memset(body, '[', 40001);
  ck_assert_int_eq(read_event("ping", kh_str(body, 10000)), KH_ERR_JSON_DEPTH);
  for (size_t i = 0; i + 5 <= 40000; i += 5)
    memcpy(body + i, "{\"a\":", 5);
  ck_assert_int_eq(read_event("ping", kh_str(body, 40000)), KH_ERR_JSON_DEPTH);
  free(body);
}
END_TEST

/* One document is used for all webhooks of a process; nothing of the last one may show in the next. */
START_TEST(nothing_is_left_of_the_event_before)
{
  must_read(NULL, shown[1].body);
  ck_assert_int_eq(event.build_number, 7);
  ck_assert_int_eq(read_event(NULL, KH_STR("{\"event\":\"ping\"")), KH_ERR_JSON_SYNTAX);
  ck_assert_int_eq(kh_json_type(kh_json_root(&doc)), KH_JSON_MISSING);
  diag = (struct kh_diag){.err = KH_OK};
  must_read(NULL, "{\"event\":\"ping\"}");
  ck_assert_int_eq(event.build_number, 0);
  ck_assert_str_eq(event.organization, "");
  ck_assert_int_eq(kh_json_type(event.build), KH_JSON_MISSING);
}
END_TEST

static Suite *event_suite(void)
{
  Suite *suite = suite_create("event");
  TCase *name = kh_test_case(suite, "name");
  TCase *view = kh_test_case(suite, "view");
  TCase *body = kh_test_case(suite, "body");

  tcase_add_checked_fixture(name, open_event, close_event);
  tcase_add_checked_fixture(view, open_event, close_event);
  tcase_add_checked_fixture(body, open_event, close_event);
  tcase_add_loop_test(name, each_name_is_kept_and_has_its_kind, 0, (int)KH_COUNT(names));
  tcase_add_loop_test(name, header_and_body_name_the_event, 0, (int)KH_COUNT(naming));
  tcase_add_loop_test(view, each_trap_shows_what_it_should, 0, (int)KH_COUNT(shown));
  tcase_add_loop_test(view, a_text_over_the_ceiling_fails_its_buffer, 0, 3);
  tcase_add_loop_test(view, a_long_branch_is_cut_and_not_left_out, 0, 4);
  tcase_add_test(view, the_views_are_taken);
  tcase_add_loop_test(view, some_events_tell_their_time, 0, (int)KH_COUNT(dated));
  tcase_add_test(view, a_long_slug_does_not_overflow);
  tcase_add_loop_test(body, what_is_no_event_is_refused, 0, (int)KH_COUNT(unusable));
  tcase_add_test(body, ten_thousand_levels_are_too_deep);
  tcase_add_test(body, nothing_is_left_of_the_event_before);
  return suite;
}

int main(void)
{
  return kh_test_main(event_suite());
}
