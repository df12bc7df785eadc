#include "base/base.h"

#include "kitehook.h"
#include "support/clock.h"
#include "support/near_misses.h"
#include "support/recorder.h"
#include "support/suite.h"
#include "support/tempdir.h"
#include "support/vectors.h"

#include <sys/stat.h>
#include <unistd.h>

#define UNAUTHORIZED "{\"error\":\"unauthorized\"}"
#define FINISHED                                                                                        \
  "{\"event\":\"build.finished\",\"build\":{\"url\":\"https://api.buildkite.com/v2/organizations/acme/" \
  "pipelines/kites/builds/7\",\"number\":7,\"state\":\"passed\",\"blocked\":true,\"branch\":\"main\"}," \
  "\"pipeline\":{\"slug\":\"kites\"}}"

static const int64_t now_s = KH_NEAR_MISS_NOW_S;

static struct kh_tempdir dir;
static char state[512];
static struct kh_config *config;
static struct kh_inbox inbox;
static struct kh_fake_clock fake;
static struct kh_recorder recorder;
static struct kh_receiver receiver;
static struct kh_webhook webhook;
static struct kh_response response;
static json_t *line;

static void open_receiver(void)
{
  kh_tempdir_open(&dir);
  (void)kh_tempdir_path(&dir, "state", state, sizeof state);
  config = NULL;
  inbox = kh_inbox_closed();
  kh_fake_clock_init(&fake, now_s);
  kh_recorder_init(&recorder);
  webhook = (struct kh_webhook){.request.method = KH_METHOD_POST};
  response = (struct kh_response){.status = 0};
  line = NULL;
}

static void configure(enum kh_accepts accepts, bool with_state)
{
  config = kh_test_config_new(accepts);
  if (with_state)
    (void)snprintf(config->state, sizeof config->state, "%s", state);
  kh_receiver_init(&receiver, config, with_state ? &inbox : NULL, &fake.clock,
                   kh_recorder_log(&recorder, &fake.clock));
}

static void close_receiver(void)
{
  kh_receiver_release(&receiver);
  kh_inbox_close(&inbox);
  kh_buf_release(&response.body);
  kh_webhook_release(&webhook);
  kh_recorder_release(&recorder);
  json_decref(line);
  kh_test_config_free(config);
  kh_tempdir_close(&dir);
}

static bool has_secret(struct kh_str text)
{
  return kh_text_contains(text, KH_STR("planted"));
}

/* One request through the receiver; exactly one log line, and no secret in it or in the answer. */
static void receive(const struct kh_request *request)
{
  kh_recorder_clear(&recorder);
  json_decref(line);
  kh_buf_release(&response.body);
  kh_receive(&receiver, request, &response);
  ck_assert_uint_eq(recorder.count, 1);
  line = kh_recorder_line(&recorder, 0);
  ck_assert_str_eq(kh_line_text(line, "message"), "webhook received");
  ck_assert_int_eq(kh_line_number(line, "status"), response.status);
  ck_assert_str_eq(kh_line_text(line, "transport"), "cgi");
  ck_assert_int_eq(kh_line_number(line, "bytes"), (int64_t)request->body.len);
  ck_assert_int_ge(kh_line_number(line, "duration_us"), 0);
  ck_assert(!has_secret(kh_buf_view(&recorder.text)));
  ck_assert(!has_secret(kh_buf_view(&response.body)));
  ck_assert_uint_le(response.body.len, KH_RESPONSE_MAX_BYTES);
  ck_assert_int_eq(response.head, false);
}

static void receive_signed(const char *body)
{
  kh_webhook_release(&webhook);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, now_s - 2, kh_str_of(body));
  receive(&webhook.request);
}

static int count(const char *folder)
{
  char path[1024];

  (void)snprintf(path, sizeof path, "%s/inbox/%s", state, folder);
  return kh_dir_count(path);
}

static void must_answer(int status, const char *body)
{
  ck_assert_msg(response.status == status, "%d %s", response.status, kh_buf_text(&response.body));
  ck_assert_str_eq(response.content_type, "application/json");
  ck_assert_str_eq(kh_buf_text(&response.body), body);
}

static void must_log(const char *level, const char *verdict, const char *reason)
{
  ck_assert_msg(strcmp(kh_line_text(line, "level"), level) == 0, "%s", kh_buf_text(&recorder.text));
  ck_assert_msg(strcmp(kh_line_text(line, "verdict"), verdict) == 0, "%s", kh_buf_text(&recorder.text));
  ck_assert_msg(strcmp(kh_line_text(line, "reason"), reason) == 0, "%s", kh_buf_text(&recorder.text));
}

static json_t *answer_json(void)
{
  json_error_t error;
  json_t *json = json_loadb(kh_buf_text(&response.body), response.body.len, JSON_REJECT_DUPLICATES, &error);

  ck_assert_msg(json_is_object(json), "%s", kh_buf_text(&response.body));
  return json;
}

/* ---- accepted ---- */

START_TEST(a_genuine_webhook_is_kept)
{
  char names[2][KH_ENTRY_NAME_BYTES];
  struct kh_buf bytes, event_text;
  struct kh_entry entry;
  size_t found = 0;

  configure(KH_ACCEPTS_SIGNATURES, true);
  kh_webhook_make(&webhook, KH_TEST_PREVIOUS, now_s - 2, KH_STR(FINISHED));
  kh_request_add_header(&webhook.request, KH_HEADER_EVENT, KH_STR("build.finished"));
  kh_request_add_header(&webhook.request, KH_HEADER_REQUEST, KH_STR("req-1"));
  receive(&webhook.request);
  must_answer(200,
              "{\"verdict\":\"accepted\",\"event\":\"build.finished\",\"request_id\":\"req-1\",\"kept\":true,"
              "\"worker\":\"absent\",\"oldest_entry_s\":0}");

  ck_assert_int_eq(kh_inbox_list(&inbox, names, 2, &found), KH_OK);
  ck_assert_uint_eq(found, 1);
  kh_buf_init(&bytes, 10000);
  kh_buf_init(&event_text, 200);
  ck_assert_int_eq(kh_inbox_read(&inbox, names[0], &bytes), KH_OK);
  ck_assert_int_eq(
      kh_entry_open(kh_buf_view(&bytes), &config->signatures, &config->tokens, &event_text, &entry, NULL),
      KH_OK);
  ck_assert(kh_str_equal(entry.verified.body, KH_STR(FINISHED)));
  ck_assert(kh_str_equal(entry.verified.event_header, KH_STR("build.finished")));
  ck_assert_str_eq(entry.verified.by->name, "previous");
  ck_assert_int_eq(entry.received_us, now_s * 1000000);
  ck_assert_str_eq(entry.request_id, "req-1");
  ck_assert_str_eq(entry.transport, "cgi");
  ck_assert(!has_secret(kh_buf_view(&bytes)));
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);

  must_log("WARN", "accepted", ""); /* for nobody will handle it */
  ck_assert_str_eq(kh_line_text(line, "worker"), "absent");
  ck_assert_str_eq(kh_line_text(line, "entry"), names[0]);
  ck_assert_str_eq(kh_line_text(line, "request_id"), "req-1");
  ck_assert_str_eq(kh_line_text(line, "event"), "build.finished");
  ck_assert_str_eq(kh_line_text(line, "organization"), "acme");
  ck_assert_str_eq(kh_line_text(line, "pipeline"), "kites");
  ck_assert_str_eq(kh_line_text(line, "branch"), "main");
  ck_assert_str_eq(kh_line_text(line, "state"), "blocked");
  ck_assert_int_eq(kh_line_number(line, "build_number"), 7);
  ck_assert_str_eq(kh_line_text(line, "proof"), "signature");
  ck_assert_str_eq(kh_line_text(line, "secret_name"), "previous");
  ck_assert_int_eq(kh_line_number(line, "signature_age_s"), 2);
  ck_assert_str_eq(kh_line_text(line, "timestamp"), "2023-11-14T22:13:20.000Z");
}
END_TEST

START_TEST(a_listening_worker_is_woken)
{
  struct kh_worker_post post;

  configure(KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(mkdir(state, 0700), 0);
  ck_assert_int_eq(kh_post_take(&post, state, -1, NULL), KH_OK);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, now_s, KH_STR("{\"event\":\"ping\"}"));
  kh_request_add_header(&webhook.request, KH_HEADER_REQUEST, KH_STR("req-2"));
  receive(&webhook.request);
  must_answer(200, "{\"verdict\":\"accepted\",\"event\":\"ping\",\"request_id\":\"req-2\",\"kept\":true,"
                   "\"worker\":\"woken\"}");
  must_log("INFO", "accepted", "");
  ck_assert_str_eq(kh_line_text(line, "worker"), "woken");
  kh_post_leave(&post);
}
END_TEST

START_TEST(the_oldest_entry_tells_how_long_nobody_worked)
{
  configure(KH_ACCEPTS_SIGNATURES, true);
  receive_signed("{\"event\":\"ping\"}");
  kh_fake_clock_advance(&fake, INT64_C(90) * 1000000);
  receive_signed("{\"event\":\"ping\",\"n\":2}");
  json_t *json = answer_json();
  ck_assert_int_eq(json_integer_value(json_object_get(json, "oldest_entry_s")), 90);
  ck_assert_int_eq(kh_line_number(line, "oldest_entry_s"), 90);
  json_decref(json);
}
END_TEST

START_TEST(without_a_state_folder_nothing_is_kept)
{
  configure(KH_ACCEPTS_SIGNATURES, false);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, now_s, KH_STR("{\"event\":\"ping\"}"));
  kh_request_add_header(&webhook.request, KH_HEADER_REQUEST, KH_STR("req-3"));
  receive(&webhook.request);
  must_answer(200, "{\"verdict\":\"accepted\",\"event\":\"ping\",\"request_id\":\"req-3\",\"kept\":false}");
  must_log("INFO", "accepted", "");
  ck_assert_ptr_null(json_object_get(line, "worker"));
  ck_assert_ptr_null(json_object_get(line, "entry"));
  ck_assert_int_eq(kh_dir_count(dir.path), 0);
}
END_TEST

START_TEST(a_token_is_the_weaker_proof)
{
  configure(KH_ACCEPTS_TOKENS, false);
  kh_webhook_make_with_token(&webhook, KH_TEST_TOKEN, KH_STR("{\"event\":\"ping\"}"));
  receive(&webhook.request);
  ck_assert_int_eq(response.status, 200);
  must_log("WARN", "accepted", "");
  ck_assert_str_eq(kh_line_text(line, "proof"), "token");
  ck_assert_str_eq(kh_line_text(line, "secret_name"), "token");
  ck_assert_ptr_null(json_object_get(line, "signature_age_s"));
}
END_TEST

START_TEST(known_answers_pass)
{
  const struct kh_vector *vector = &kh_vectors[_i];
  char header[128];
  int64_t timestamp_s = 0;

  configure(KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(kh_secret_set(&config->signatures.at[0].secret, kh_str_of(vector->token)), KH_OK);
  ck_assert(kh_str_i64(kh_str_of(vector->timestamp), &timestamp_s));
  kh_fake_clock_init(&fake, timestamp_s + 300);
  (void)snprintf(header, sizeof header, "timestamp=%s,signature=%s", vector->timestamp, vector->signature);
  struct kh_request request = {.method = KH_METHOD_POST, .body = vector->body, .transport = "cgi"};
  kh_request_add_header(&request, KH_HEADER_CONTENT_TYPE, KH_STR("application/json"));
  kh_request_add_header(&request, KH_HEADER_SIGNATURE, kh_str_of(header));
  receive(&request);
  bool is_empty = vector->body.len == 0;
  ck_assert_msg(response.status == (is_empty ? 400 : 200), "%s: %s", vector->name,
                kh_buf_text(&response.body));
  must_log("WARN", is_empty ? "refused" : "accepted", is_empty ? "json_syntax" : "");
  ck_assert_int_eq(kh_line_number(line, "signature_age_s"), 300);
  ck_assert_int_eq(count("new"), is_empty ? 0 : 1);
  ck_assert_int_eq(count("aside"), is_empty ? 2 : 0);
}
END_TEST

/* ---- refused before the proof is complete ---- */

START_TEST(near_misses_look_alike_from_outside)
{
  const struct kh_near_miss *miss = &kh_near_misses[_i];
  struct kh_near_miss_request made;

  configure(miss->accepts ? miss->accepts : KH_ACCEPTS_SIGNATURES, true);
  kh_near_miss_make(miss, &made);
  receive(&made.request);
  must_answer(kh_err_status(miss->err), UNAUTHORIZED);
  ck_assert_ptr_null(response.allow);
  must_log("WARN", "refused", kh_err_token(miss->err));
  bool was_proven = miss->err == KH_ERR_STALE || miss->err == KH_ERR_FUTURE;
  ck_assert_int_eq(json_object_get(line, "secret_name") != NULL, was_proven);
  ck_assert_ptr_null(json_object_get(line, "event"));
  ck_assert_ptr_null(json_object_get(line, "entry"));
  ck_assert_int_eq(kh_dir_count(state), -1); /* nothing was even opened */
  kh_near_miss_release(&made);
}
END_TEST

static const struct {
  const char *what;
  enum kh_method method;
  const char *content_type;
  enum kh_err body_err;
  int status;
  const char *error;
} wrong[] = {
    {"another method", KH_METHOD_OTHER, "application/json", KH_OK, 405, "method_not_allowed"},
    {"a form", KH_METHOD_POST, "application/x-www-form-urlencoded", KH_OK, 415, "media_type_not_json"},
    {"too large", KH_METHOD_POST, "application/json", KH_ERR_TOO_LARGE, 413, "body_too_large"},
    {"cut", KH_METHOD_POST, "application/json", KH_ERR_BODY_CUT, 400, "body_cut"},
    {"a lying length", KH_METHOD_POST, "application/json", KH_ERR_CONTENT_LENGTH, 400,
     "content_length_malformed"},
    {"late", KH_METHOD_POST, "application/json", KH_ERR_BODY_LATE, 408, "body_late"},
};

/* Right secrets do not help: nothing is hashed. */
START_TEST(what_is_wrong_on_the_wire_is_said)
{
  char body[64];

  configure(KH_ACCEPTS_SIGNATURES, true);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, now_s, KH_STR("{\"event\":\"ping\"}"));
  webhook.request.method = wrong[_i].method;
  webhook.request.body_err = wrong[_i].body_err;
  webhook.request.headers[KH_HEADER_CONTENT_TYPE].text = kh_str_of(wrong[_i].content_type);
  receive(&webhook.request);
  (void)snprintf(body, sizeof body, "{\"error\":\"%s\"}", wrong[_i].error);
  must_answer(wrong[_i].status, body);
  must_log("WARN", "refused", wrong[_i].error);
  if (wrong[_i].status == 405)
    ck_assert_str_eq(response.allow, "GET, HEAD, POST");
  else
    ck_assert_ptr_null(response.allow);
  ck_assert_ptr_null(json_object_get(line, "secret_name"));
  ck_assert_int_eq(kh_dir_count(state), -1);
}
END_TEST

START_TEST(a_body_over_the_limit_is_refused)
{
  configure(KH_ACCEPTS_SIGNATURES, true);
  config->max_body_bytes = sizeof "{\"event\":\"ping\"}" - 2;
  receive_signed("{\"event\":\"ping\"}");
  must_answer(413, "{\"error\":\"body_too_large\"}");
  config->max_body_bytes++;
  receive_signed("{\"event\":\"ping\"}");
  ck_assert_int_eq(response.status, 200);
}
END_TEST

START_TEST(people_who_open_the_address_learn_what_lives_here)
{
  const enum kh_method methods[] = {KH_METHOD_GET, KH_METHOD_HEAD};

  configure(KH_ACCEPTS_SIGNATURES, true);
  for (size_t i = 0; i < KH_COUNT(methods); i++) {
    struct kh_request request = {.method = methods[i], .transport = "cgi"};

    kh_buf_release(&response.body);
    kh_receive(&receiver, &request, &response);
    ck_assert_int_eq(response.status, 200);
    ck_assert_int_eq(strncmp(response.content_type, "text/plain", 10), 0);
    ck_assert_str_eq(kh_buf_text(&response.body), "kitehook: Buildkite webhooks are received here by POST\n");
    ck_assert_int_eq(response.head, methods[i] == KH_METHOD_HEAD);
  }
  ck_assert_int_eq(kh_dir_count(state), -1);
}
END_TEST

/* ---- proven, but of no use ---- */

static const struct {
  const char *body;
  const char *event;
  const char *error;
} unusable[] = {
    {"", NULL, "json_syntax"},
    {"{\"event\":\"ping\"", NULL, "json_syntax"},
    {"{\"a\":\"\xFF\"}", NULL, "json_utf8"},
    {"{\"a\":1e999}", NULL, "json_number_range"},
    {"{\"a\":1,\"a\":1}", NULL, "json_duplicate_key"},
    {"[]", NULL, "not_an_object"},
    {"{\"event\":\"a\\nb\"}", NULL, "event_name"},
    {"{\"event\":\"ping\"}", "build.finished", "event_mismatch"},
};

START_TEST(an_unusable_body_is_set_aside)
{
  char want[128];

  configure(KH_ACCEPTS_SIGNATURES, true);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, now_s, kh_str_of(unusable[_i].body));
  if (unusable[_i].event)
    kh_request_add_header(&webhook.request, KH_HEADER_EVENT, kh_str_of(unusable[_i].event));
  kh_request_add_header(&webhook.request, KH_HEADER_REQUEST, KH_STR("req-4"));
  receive(&webhook.request);
  (void)snprintf(want, sizeof want, "{\"error\":\"%s\",\"request_id\":\"req-4\"}", unusable[_i].error);
  must_answer(400, want);
  must_log("WARN", "refused", unusable[_i].error);
  ck_assert_str_ne(kh_line_text(line, "detail"), "");
  ck_assert_str_eq(kh_line_text(line, "secret_name"), "current");
  ck_assert_int_eq(count("new"), 0);
  ck_assert_int_eq(count("tmp"), 0);
  ck_assert_int_eq(count("aside"), 2);
}
END_TEST

START_TEST(without_a_state_folder_an_unusable_body_is_just_refused)
{
  configure(KH_ACCEPTS_SIGNATURES, false);
  receive_signed("[]");
  ck_assert_int_eq(response.status, 400);
  must_log("WARN", "refused", "not_an_object");
  ck_assert_int_eq(kh_dir_count(dir.path), 0);
}
END_TEST

/* ---- proven, but not kept ---- */

static void must_not_keep(const char *error)
{
  json_t *json = answer_json();

  ck_assert_msg(response.status == 503, "%d %s", response.status, kh_buf_text(&response.body));
  ck_assert_str_eq(json_string_value(json_object_get(json, "error")), error);
  ck_assert_str_eq(json_string_value(json_object_get(json, "request_id")), kh_line_text(line, "request_id"));
  ck_assert_uint_eq(json_object_size(json), 2);
  ck_assert_str_eq(kh_line_text(line, "level"), "ERROR");
  ck_assert_str_eq(kh_line_text(line, "reason"), error);
  ck_assert_str_ne(kh_line_text(line, "detail"), "");
  ck_assert_str_ne(kh_line_text(line, "verdict"), "accepted");
  ck_assert_ptr_null(json_object_get(line, "worker"));
  json_decref(json);
}

START_TEST(a_full_inbox_is_503)
{
  configure(KH_ACCEPTS_SIGNATURES, true);
  config->inbox_max_entries = 2;
  receive_signed("{\"event\":\"ping\",\"n\":1}");
  receive_signed("{\"event\":\"ping\",\"n\":2}");
  ck_assert_int_eq(response.status, 200);
  receive_signed("{\"event\":\"ping\",\"n\":3}");
  must_not_keep("inbox_full");
  ck_assert_int_eq(count("new"), 2);
  ck_assert_int_eq(count("tmp"), 0);

  char names[1][KH_ENTRY_NAME_BYTES];
  size_t found = 0;
  ck_assert_int_eq(kh_inbox_list(&inbox, names, 1, &found), KH_OK);
  ck_assert_int_eq(kh_inbox_remove(&inbox, names[0]), KH_OK);
  receive_signed("{\"event\":\"ping\",\"n\":4}");
  ck_assert_int_eq(response.status, 200);
}
END_TEST

START_TEST(an_open_state_folder_is_503)
{
  configure(KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(mkdir(state, 0700), 0);
  ck_assert_int_eq(chmod(state, 0755), 0);
  receive_signed("{\"event\":\"ping\"}");
  must_not_keep("state_mode");
  ck_assert_int_eq(kh_dir_count(state), 0);
  /* Once somebody has typed what the line says, the next webhook is kept. */
  ck_assert_int_eq(chmod(state, 0700), 0);
  receive_signed("{\"event\":\"ping\"}");
  ck_assert_int_eq(response.status, 200);
}
END_TEST

START_TEST(a_foreign_state_folder_is_503)
{
  if (geteuid() != 0) {
    configure(KH_ACCEPTS_SIGNATURES, true);
    kh_test_skip("receive: another owner", "only root can make a folder of somebody else's");
    return;
  }
  configure(KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(mkdir(state, 0700), 0);
  ck_assert_int_eq(chown(state, 65534, 65534), 0);
  receive_signed("{\"event\":\"ping\"}");
  must_not_keep("state_owner");
  ck_assert_int_eq(kh_dir_count(state), 0);
}
END_TEST

START_TEST(a_state_that_is_a_file_is_503)
{
  configure(KH_ACCEPTS_SIGNATURES, true);
  kh_file_put(state, KH_STR("in the way"));
  receive_signed("{\"event\":\"ping\"}");
  must_not_keep("inbox_io");
}
END_TEST

/* A folder that is taken away under a long-lived receiver comes back with the next webhook. */
START_TEST(a_lost_inbox_is_made_again)
{
  static const char *const lost[] = {"inbox/new", "inbox/tmp", "inbox/aside", "inbox"};
  char path[1024];

  configure(KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(mkdir(state, 0700), 0);
  receive_signed("[]");
  receive_signed("{\"event\":\"ping\"}");
  ck_assert_int_eq(response.status, 200);
  struct kh_tempdir gone = {.path = ""};
  (void)snprintf(gone.path, sizeof gone.path, "%.200s/%s", state, lost[_i]);
  (void)snprintf(path, sizeof path, "%s", gone.path);
  kh_tempdir_close(&gone);
  ck_assert_int_eq(kh_dir_count(path), -1);
  receive_signed("{\"event\":\"ping\",\"n\":2}");
  if (response.status != 200) {
    must_not_keep("inbox_io");
    receive_signed("{\"event\":\"ping\",\"n\":3}");
    ck_assert_int_eq(response.status, 200);
  }
  /* 200 means kept, also to those who look by the path. */
  ck_assert_int_ge(count("new"), 1);
}
END_TEST

/* ---- secrets, and one request after another ---- */

START_TEST(no_secret_of_payload_or_config_shows)
{
  configure(KH_ACCEPTS_BOTH, true);
  receive_signed(
      "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"passed\",\"branch\":\"main\","
      "\"env\":{\"API_KEY\":\"planted-env\"},\"author\":\"planted@example.com\","
      "\"creator\":{\"name\":\"x\",\"email\":\"planted-creator@example.com\"}},"
      "\"pipeline\":{\"slug\":\"kites\",\"env\":{\"T\":\"planted-pipeline-env\"},"
      "\"configuration\":\"env:\\n  T: planted-configuration\","
      "\"provider\":{\"webhook_url\":\"https://webhook.buildkite.com/deliver/planted-url\"},"
      "\"steps\":[{\"env\":{\"T\":\"planted-step\"}}]},"
      "\"sender\":{\"name\":\"planted-sender@example.com\"}}");
  ck_assert_int_eq(response.status, 200);

  /* A secret where it does not belong: in headers that are looked at, and in the query's place. */
  kh_webhook_release(&webhook);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, now_s, KH_STR("{\"event\":\"ping\"}"));
  webhook.request.headers[KH_HEADER_SIGNATURE].text = KH_STR(KH_TEST_CURRENT);
  receive(&webhook.request);
  ck_assert_int_eq(response.status, 401);
  webhook.request.headers[KH_HEADER_SIGNATURE].text = KH_STR("timestamp=" KH_TEST_CURRENT
                                                             ",signature=" KH_TEST_TOKEN);
  receive(&webhook.request);
  ck_assert_int_eq(response.status, 401);
  webhook.request.headers[KH_HEADER_TOKEN].text = KH_STR(KH_TEST_TOKEN);
  receive(&webhook.request);
  ck_assert_int_eq(response.status, 401);
  webhook.request.headers[KH_HEADER_SIGNATURE].text = KH_NO_STR;
  webhook.request.headers[KH_HEADER_CONTENT_TYPE].text = KH_STR("planted/type");
  webhook.request.headers[KH_HEADER_REQUEST].text = KH_STR("planted id");
  webhook.request.headers[KH_HEADER_EVENT].text = KH_STR("planted event");
  receive(&webhook.request);
  ck_assert_int_eq(response.status, 415);
}
END_TEST

START_TEST(an_unverified_event_name_is_not_shown)
{
  configure(KH_ACCEPTS_SIGNATURES, true);
  kh_webhook_make(&webhook, "somebody else's", now_s, KH_STR("{\"event\":\"forged\"}"));
  kh_request_add_header(&webhook.request, KH_HEADER_EVENT, KH_STR("forged"));
  receive(&webhook.request);
  must_answer(401, UNAUTHORIZED);
  ck_assert(!kh_text_contains(kh_buf_view(&recorder.text), KH_STR("forged")));
}
END_TEST

/* A long-lived receiver: nothing of one webhook shows in the line or the answer of the next. */
START_TEST(nothing_leaks_from_one_request_to_the_next)
{
  configure(KH_ACCEPTS_SIGNATURES, true);
  receive_signed(FINISHED);
  json_t *first = json_copy(line);
  kh_webhook_release(&webhook);
  kh_webhook_make(&webhook, "somebody else's", now_s, KH_STR("{\"event\":\"forged\"}"));
  receive(&webhook.request);
  must_answer(401, UNAUTHORIZED);
  ck_assert_ptr_null(json_object_get(line, "pipeline"));
  ck_assert_ptr_null(json_object_get(line, "worker"));
  ck_assert_str_ne(kh_line_text(line, "request_id"), kh_line_text(first, "request_id"));
  receive_signed("{\"event\":\"ping\"}");
  ck_assert_ptr_null(json_object_get(line, "pipeline"));
  ck_assert_ptr_null(json_object_get(line, "build_number"));
  ck_assert_ptr_null(json_object_get(line, "state"));
  receive_signed("[]");
  ck_assert_ptr_null(json_object_get(line, "event"));
  must_log("WARN", "refused", "not_an_object");
  json_decref(first);
}
END_TEST

/* What the answer says was kept is what the worker will read, whatever the header held. */
START_TEST(the_event_that_was_answered_is_the_one_kept)
{
  static const struct kh_str headers[] = {{"a\xFF"
                                           "b",
                                           3},
                                          {"a\xE2\x9C", 3},
                                          {"q\"uote\\", 7},
                                          {"Gr\xC3\xB6\xC3\x9F"
                                           "e",
                                           7}};
  char names[1][KH_ENTRY_NAME_BYTES];
  struct kh_buf bytes, event_text;
  struct kh_entry entry;
  size_t found = 0;

  configure(KH_ACCEPTS_SIGNATURES, true);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, now_s, KH_STR("{\"type\":\"no event in here\"}"));
  kh_request_add_header(&webhook.request, KH_HEADER_EVENT, headers[_i]);
  receive(&webhook.request);
  if (response.status != 200)
    return;
  kh_buf_init(&bytes, 10000);
  kh_buf_init(&event_text, 200);
  ck_assert_int_eq(kh_inbox_list(&inbox, names, 1, &found), KH_OK);
  ck_assert_uint_eq(found, 1);
  ck_assert_int_eq(kh_inbox_read(&inbox, names[0], &bytes), KH_OK);
  ck_assert_int_eq(
      kh_entry_open(kh_buf_view(&bytes), &config->signatures, &config->tokens, &event_text, &entry, NULL),
      KH_OK);
  ck_assert(kh_str_equal(entry.verified.event_header, headers[_i]));
  json_t *json = answer_json();
  ck_assert_str_eq(json_string_value(json_object_get(json, "event")), kh_line_text(line, "event"));
  json_decref(json);
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);
}
END_TEST

static Suite *receive_suite(void)
{
  Suite *suite = suite_create("receive");
  TCase *accepted = kh_test_case(suite, "accepted");
  TCase *refused = kh_test_case(suite, "refused");
  TCase *unusable_case = kh_test_case(suite, "unusable");
  TCase *not_kept = kh_test_case(suite, "not kept");
  TCase *leaks = kh_test_case(suite, "leaks");
  TCase *const all[] = {accepted, refused, unusable_case, not_kept, leaks};

  for (size_t i = 0; i < KH_COUNT(all); i++)
    tcase_add_checked_fixture(all[i], open_receiver, close_receiver);
  tcase_add_test(accepted, a_genuine_webhook_is_kept);
  tcase_add_test(accepted, a_listening_worker_is_woken);
  tcase_add_test(accepted, the_oldest_entry_tells_how_long_nobody_worked);
  tcase_add_test(accepted, without_a_state_folder_nothing_is_kept);
  tcase_add_test(accepted, a_token_is_the_weaker_proof);
  tcase_add_loop_test(accepted, known_answers_pass, 0, KH_VECTORS);
  tcase_add_loop_test(refused, near_misses_look_alike_from_outside, 0, (int)kh_near_miss_count());
  tcase_add_loop_test(refused, what_is_wrong_on_the_wire_is_said, 0, (int)KH_COUNT(wrong));
  tcase_add_test(refused, a_body_over_the_limit_is_refused);
  tcase_add_test(refused, people_who_open_the_address_learn_what_lives_here);
  tcase_add_loop_test(unusable_case, an_unusable_body_is_set_aside, 0, (int)KH_COUNT(unusable));
  tcase_add_test(unusable_case, without_a_state_folder_an_unusable_body_is_just_refused);
  tcase_add_test(not_kept, a_full_inbox_is_503);
  tcase_add_test(not_kept, an_open_state_folder_is_503);
  tcase_add_test(not_kept, a_foreign_state_folder_is_503);
  tcase_add_test(not_kept, a_state_that_is_a_file_is_503);
  tcase_add_loop_test(not_kept, a_lost_inbox_is_made_again, 0, 4);
  tcase_add_test(leaks, no_secret_of_payload_or_config_shows);
  tcase_add_test(leaks, an_unverified_event_name_is_not_shown);
  tcase_add_test(leaks, nothing_leaks_from_one_request_to_the_next);
  tcase_add_loop_test(leaks, the_event_that_was_answered_is_the_one_kept, 0, 4);
  return suite;
}

int main(void)
{
  return kh_test_main(receive_suite());
}
