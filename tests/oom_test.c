/*
 * The way of a request while memory runs out: allocation n fails, or n and all after it, for every n.
 *
 * Ours come through the linker (--wrap=malloc, calloc, realloc, and fsync), jansson's through its own hook.
 */
#include "base/base.h"

#include "kitehook.h"
#include "support/clock.h"
#include "support/recorder.h"
#include "support/suite.h"
#include "support/tempdir.h"
#include "support/webhook.h"

#include <dirent.h>
#include <unistd.h>

#define NO_MEMORY_LINE "\"message\":\"out of memory\""

enum { NOW_S = 1700000000, CALLS_MAX = 5000, SHOWN_MAX = 5 };

/*
 * How many runs must have been needed, or nothing was tried. What is refused needs only its answer and its
 * line.
 */
enum { KEPT_RUNS_MIN = 8, REFUSED_RUNS_MIN = 3 };

static struct {
  bool armed;
  bool lasting; /* every call after the first failed one fails too */
  size_t calls, fail_at, failed;
} memory;

static bool refuse(void)
{
  if (!memory.armed)
    return false;
  memory.calls++;
  bool refused = memory.calls == memory.fail_at || (memory.lasting && memory.calls > memory.fail_at);
  memory.failed += refused;
  return refused;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_realloc(void *at, size_t size);

void *__wrap_malloc(size_t size)
{
  return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
  return refuse() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *at, size_t size)
{
  return refuse() ? NULL : __real_realloc(at, size);
}

/* Durability is not what is tested here, and each sync takes milliseconds. */
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
  (void)fd;
  return 0;
}

static struct kh_tempdir dir;
static struct kh_config *config;
static struct kh_fake_clock fake;
static struct kh_recorder recorder;
static struct kh_log recorded;
static struct kh_webhook webhook;
static json_t *whole_line; /* what the log says when nothing fails */

/* The recorder is no part of what is tested. */
static void record_unharmed(void *self, struct kh_str line)
{
  bool armed = memory.armed;

  memory.armed = false;
  recorded.write(recorded.self, line);
  memory.armed = armed;
  (void)self;
}

static void prepare(void)
{
  json_set_alloc_funcs(malloc, free);
  kh_tempdir_open(&dir);
  config = kh_test_config_new(KH_ACCEPTS_SIGNATURES);
  kh_fake_clock_init(&fake, NOW_S);
  kh_recorder_init(&recorder);
  recorded = kh_recorder_log(&recorder, &fake.clock);
  whole_line = NULL;
  memset(&memory, 0, sizeof memory);
  (void)kh_tempdir_path(&dir, "state", config->state, sizeof config->state);
}

static void tidy_up(void)
{
  json_decref(whole_line);
  kh_webhook_release(&webhook);
  kh_recorder_release(&recorder);
  kh_test_config_free(config);
  kh_tempdir_close(&dir);
}

static void make_request(const char *body)
{
  kh_webhook_make(&webhook, KH_TEST_CURRENT, NOW_S, kh_str_of(body));
  kh_request_add_header(&webhook.request, KH_HEADER_EVENT, KH_STR("build.finished"));
  kh_request_add_header(&webhook.request, KH_HEADER_REQUEST, KH_STR("oom-1"));
}

/* What one run came to. */
struct outcome {
  int status;
  struct kh_receiver receiver;
  struct kh_inbox_sink sink;
  struct kh_response response;
};

/* A receiver of its own for each run, so that each allocates from nothing. */
static void run(size_t fail_at, bool lasting, struct outcome *outcome)
{
  const struct kh_log log = {.write = record_unharmed, .clock = &fake.clock};

  kh_recorder_clear(&recorder);
  memory.calls = memory.failed = 0;
  memory.fail_at = fail_at;
  memory.lasting = lasting;

  memory.armed = true;
  kh_receiver_init(&outcome->receiver, config, kh_inbox_sink_init(&outcome->sink, config), &fake.clock, log);
  kh_receive(&outcome->receiver, &webhook.request, &outcome->response);
  memory.armed = false;
  outcome->status = outcome->response.status;
}

static char *folder_path(const char *folder, char *path, size_t room)
{
  (void)snprintf(path, room, "%.500s/inbox/%s", config->state, folder);
  return path;
}

static int count(const char *folder)
{
  char path[600];

  return kh_dir_count(folder_path(folder, path, sizeof path));
}

static void empty_folder(const char *folder)
{
  char path[600];
  DIR *open_folder = opendir(folder_path(folder, path, sizeof path));

  for (const struct dirent *entry; open_folder && (entry = readdir(open_folder));)
    if (entry->d_name[0] != '.')
      (void)unlinkat(dirfd(open_folder), entry->d_name, 0);
  if (open_folder)
    (void)closedir(open_folder);
}

static void release(struct outcome *outcome)
{
  kh_receiver_release(&outcome->receiver);
  kh_buf_release(&outcome->response.body);
  empty_folder("tmp");
  empty_folder("new");
  empty_folder("aside");
}

/* NULL, or what is wrong with the one entry that was kept in FOLDER. */
static const char *check_entry(const struct outcome *outcome)
{
  char names[2][KH_ENTRY_NAME_BYTES];
  struct kh_buf bytes, event_text;
  struct kh_entry entry;
  size_t found = 0;
  const char *wrong = NULL;

  if (kh_inbox_list(&outcome->sink.inbox, names, 2, &found) || found != 1)
    return "200, but not one entry";
  kh_buf_init(&bytes, 1 << 20);
  kh_buf_init(&event_text, 200);
  if (kh_inbox_read(&outcome->sink.inbox, names[0], &bytes))
    wrong = "200, but the entry cannot be read";
  else if (kh_entry_open(kh_buf_view(&bytes), &config->signatures, &config->tokens, &event_text, &entry,
                         NULL))
    wrong = "200, but the entry does not open";
  else if (!kh_str_equal(entry.verified.body, webhook.request.body))
    wrong = "200, but the entry's body is another";
  else if (!kh_str_equal(entry.verified.event_header, KH_STR("build.finished")) ||
           strcmp(entry.request_id, "oom-1") != 0 || entry.verified.timestamp_s != NOW_S)
    wrong = "200, but the entry's line lacks something";
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);
  return wrong;
}

static const char *check_answer(const struct outcome *outcome)
{
  const struct kh_buf *body = &outcome->response.body;
  json_error_t error;

  if (body->len == 0)
    return NULL;
  json_t *json = json_loadb(body->at, body->len, JSON_REJECT_DUPLICATES, &error);
  bool good = json_is_object(json) && (outcome->status != 200 || json_object_get(json, "verdict")) &&
              (outcome->status == 200 || json_object_get(json, "error"));
  json_decref(json);
  return good ? NULL : "the answer is neither empty nor whole";
}

/* A line is whole, or says that memory ran out and nothing else. */
static const char *check_line(const struct outcome *outcome)
{
  const char *wrong = NULL;
  const char *key;
  json_t *value;

  if (recorder.count != 1)
    return recorder.count == 0 ? "no log line" : "more than one log line";
  if (strstr(kh_buf_text(&recorder.text), NO_MEMORY_LINE))
    return NULL;
  json_t *line = kh_recorder_line(&recorder, 0);
  if (kh_line_number(line, "status") != outcome->status)
    wrong = "the log line has another status";
  json_object_foreach(whole_line, key, value) if (outcome->status == kh_line_number(whole_line, "status") &&
                                                  !json_object_get(line, key))
      wrong = "the log line lacks a member";
  if (outcome->status != 200 && *kh_line_text(line, "reason") == '\0')
    wrong = "the log line has no reason";
  json_decref(line);
  return wrong;
}

/* STATUS is what comes when nothing fails; a 4xx is a lie when it was memory that failed. */
static const char *check(const struct outcome *outcome, int status)
{
  if (count("tmp") > 0)
    return "something is left in tmp/";
  if (outcome->status == 200 && status != 200)
    return "accepted, though it must not be";
  if (outcome->status == 200) {
    const char *wrong = check_entry(outcome);
    if (wrong)
      return wrong;
  } else if (count("new") > 0) {
    return "not 200, but kept";
  }
  if (outcome->status != status && (outcome->status < 500 || outcome->status > 599))
    return "the caller is told that it did something wrong";
  const char *wrong = check_answer(outcome);
  return wrong ? wrong : check_line(outcome);
}

/* Lets allocation 1, 2, … fail until a run needs fewer. Prints every run that went wrong. */
static void fail_each(int status, bool lasting, size_t runs_min)
{
  struct outcome outcome;
  size_t wrong_runs = 0;
  size_t n = 0;

  run(0, false, &outcome);
  ck_assert_msg(outcome.status == status, "%s", kh_buf_text(&recorder.text));
  whole_line = kh_recorder_line(&recorder, 0);
  release(&outcome);
  do {
    ck_assert_uint_lt(++n, CALLS_MAX);
    run(n, lasting, &outcome);
    const char *wrong = check(&outcome, status);
    if (wrong && wrong_runs++ < SHOWN_MAX)
      (void)printf("allocation %zu%s fails: %s; answer %d %s, log %.400s\n", n,
                   lasting ? " and all after it" : "", wrong, outcome.status,
                   kh_buf_text(&outcome.response.body), kh_buf_text(&recorder.text));
    release(&outcome);
  } while (memory.failed > 0);
  (void)fflush(stdout);
  ck_assert_uint_ge(n, runs_min);
  ck_assert_msg(wrong_runs == 0, "%zu of %zu runs went wrong", wrong_runs, n);
}

#define BUILD                                                                                           \
  "{\"event\":\"build.finished\",\"build\":{\"url\":\"https://api.buildkite.com/v2/organizations/acme/" \
  "pipelines/kites/builds/7\",\"number\":7,\"state\":\"passed\",\"branch\":\"main \\u00e4 \\\"\"},"     \
  "\"pipeline\":{\"slug\":\"kites\"},\"job\":{\"name\":\"test\"},\"agent\":{\"name\":\"kite-1\"}}"

START_TEST(a_genuine_webhook_is_kept_whole_or_refused)
{
  make_request(BUILD);
  fail_each(200, _i == 1, KEPT_RUNS_MIN);
}
END_TEST

START_TEST(a_large_one_too)
{
  struct kh_buf body;

  kh_buf_init(&body, 1 << 20);
  (void)kh_buf_add(&body, KH_STR("{\"event\":\"build.finished\",\"a\":[0"));
  for (int i = 0; i < 20000; i++)
    (void)kh_buf_add(&body, KH_STR(",{\"k\":1,\"l\":null}"));
  (void)kh_buf_add(&body, KH_STR("]}"));
  ck_assert_int_eq(kh_buf_ok(&body), KH_OK);
  make_request(kh_buf_text(&body));
  fail_each(200, _i == 1, KEPT_RUNS_MIN);
  kh_buf_release(&body);
}
END_TEST

START_TEST(an_unusable_one_is_never_accepted)
{
  make_request("[\"no\", \"event\"]");
  fail_each(400, _i == 1, KEPT_RUNS_MIN);
}
END_TEST

START_TEST(a_forged_one_is_never_accepted)
{
  make_request(BUILD);
  webhook.signature.at[webhook.signature.len - 1] ^= 1;
  fail_each(401, _i == 1, REFUSED_RUNS_MIN);
}
END_TEST

/* The same for all that a receiver does first: the config, the secret, the log. */
START_TEST(a_reception_survives)
{
  static const char *const environment[] = {"PATH=/bin", NULL};
  char path[600], secret[600];
  size_t n = 0;

  make_request(BUILD);
  kh_file_put(kh_tempdir_path(&dir, "secret", secret, sizeof secret), KH_STR(KH_TEST_CURRENT));
  kh_file_put(kh_tempdir_path(&dir, "kitehook.yml", path, sizeof path),
              KH_STR("webhook:\n  signature: {file: secret}\nlog: log\nstate: state\nworker: service\n"));
  ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
  do {
    struct kh_reception reception;
    struct kh_response response = {.status = 0};

    ck_assert_uint_lt(++n, CALLS_MAX);
    memory.calls = memory.failed = 0;
    memory.fail_at = n;
    memory.lasting = _i == 1;
    memory.armed = true;
    kh_reception_open(&reception, path, environment, &fake.clock);
    kh_reception_handle(&reception, &webhook.request, &response);
    kh_reception_close(&reception);
    memory.armed = false;
    ck_assert_msg(response.status == 200 || response.status >= 500, "allocation %zu fails: %d %s", n,
                  response.status, kh_buf_text(&response.body));
    kh_buf_release(&response.body);
  } while (memory.failed > 0);
  ck_assert_uint_ge(n, KEPT_RUNS_MIN);
}
END_TEST

static Suite *oom_suite(void)
{
  Suite *suite = suite_create("out of memory");
  TCase *receiving = kh_test_case(suite, "receive");

  tcase_add_checked_fixture(receiving, prepare, tidy_up);
  tcase_add_loop_test(receiving, a_genuine_webhook_is_kept_whole_or_refused, 0, 2);
  tcase_add_loop_test(receiving, a_large_one_too, 0, 2);
  tcase_add_loop_test(receiving, an_unusable_one_is_never_accepted, 0, 2);
  tcase_add_loop_test(receiving, a_forged_one_is_never_accepted, 0, 2);
  tcase_add_loop_test(receiving, a_reception_survives, 0, 2);
  return suite;
}

int main(void)
{
  return kh_test_main(oom_suite());
}
