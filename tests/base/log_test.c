#include "base/base.h"

#include "base/log.h"
#include "support/clock.h"
#include "support/recorder.h"
#include "support/suite.h"

#include <sys/socket.h>
#include <unistd.h>

#define NOW "2023-11-14T22:13:20.123Z"
#define REPLACED "\xEF\xBF\xBD"

enum form { TEXT, NUMBER, ITEMS, TIME };

/* The contract of log.h: each key's name and its one type. docs/log.schema.json must say the same. */
static const struct {
  const char *name;
  enum form form;
} keys[KH_LOG__COUNT] = {
    [KH_LOG_TRANSPORT] = {"transport", TEXT},
    [KH_LOG_REQUEST_ID] = {"request_id", TEXT},
    [KH_LOG_ENTRY] = {"entry", TEXT},
    [KH_LOG_EVENT] = {"event", TEXT},
    [KH_LOG_ORGANIZATION] = {"organization", TEXT},
    [KH_LOG_PIPELINE] = {"pipeline", TEXT},
    [KH_LOG_BUILD_NUMBER] = {"build_number", NUMBER},
    [KH_LOG_BRANCH] = {"branch", TEXT},
    [KH_LOG_STATE] = {"state", TEXT},
    [KH_LOG_JOB] = {"job", TEXT},
    [KH_LOG_AGENT] = {"agent", TEXT},
    [KH_LOG_VERDICT] = {"verdict", TEXT},
    [KH_LOG_REASON] = {"reason", TEXT},
    [KH_LOG_DETAIL] = {"detail", TEXT},
    [KH_LOG_PLACE] = {"place", TEXT},
    [KH_LOG_PROOF] = {"proof", TEXT},
    [KH_LOG_SECRET_NAME] = {"secret_name", TEXT},
    [KH_LOG_SIGNATURE_AGE_S] = {"signature_age_s", NUMBER},
    [KH_LOG_STATUS] = {"status", NUMBER},
    [KH_LOG_BYTES] = {"bytes", NUMBER},
    [KH_LOG_DURATION_US] = {"duration_us", NUMBER},
    [KH_LOG_WORKER] = {"worker", TEXT},
    [KH_LOG_OLDEST_ENTRY_S] = {"oldest_entry_s", NUMBER},
    [KH_LOG_RULES_MATCHED] = {"rules_matched", ITEMS},
    [KH_LOG_DELIVERIES] = {"deliveries", NUMBER},
    [KH_LOG_DELIVERY] = {"delivery", TEXT},
    [KH_LOG_RULE] = {"rule", TEXT},
    [KH_LOG_NOTIFIER] = {"notifier", TEXT},
    [KH_LOG_ATTEMPT] = {"attempt", NUMBER},
    [KH_LOG_RESULT] = {"result", TEXT},
    [KH_LOG_RETRY_AT] = {"retry_at", TIME},
    [KH_LOG_MESSAGE_TEXT] = {"text", TEXT},
    [KH_LOG_URL] = {"url", TEXT},
};

static struct kh_fake_clock fake;
static struct kh_recorder recorder;
static struct kh_log recorded;
static struct kh_log_line line;

static void open_log(void)
{
  kh_recorder_stay_private();
  kh_fake_clock_init(&fake, 1700000000);
  fake.now_us += 123456;
  kh_recorder_init(&recorder);
  recorded = kh_recorder_log(&recorder, &fake.clock);
}

static void close_log(void)
{
  kh_recorder_release(&recorder);
}

static void begin(void)
{
  kh_log_begin(&line, &recorded, KH_INFO, "webhook received");
}

/* Ends the line and reads it back; it must be the only one. */
static json_t *end(void)
{
  kh_log_end(&line, &recorded);
  ck_assert_uint_eq(recorder.count, 1);
  json_t *json = kh_recorder_line(&recorder, 0);
  ck_assert_uint_eq(kh_buf_view(&recorder.text).len, strlen(kh_buf_text(&recorder.text)));
  ck_assert_ptr_eq(strchr(kh_buf_text(&recorder.text), '\n'), recorder.text.at + recorder.text.len - 1);
  return json;
}

START_TEST(a_line_has_time_level_and_message)
{
  static const char *const levels[] = {"DEBUG", "INFO", "WARN", "ERROR"};

  for (enum kh_level level = KH_DEBUG; level <= KH_ERROR; level++) {
    kh_recorder_clear(&recorder);
    kh_log_begin(&line, &recorded, level, "worker started");
    json_t *json = end();
    ck_assert_uint_eq(json_object_size(json), 3);
    ck_assert_str_eq(kh_line_text(json, "timestamp"), NOW);
    ck_assert_str_eq(kh_line_text(json, "level"), levels[level]);
    ck_assert_str_eq(kh_line_text(json, "message"), "worker started");
    json_decref(json);
  }
}
END_TEST

START_TEST(each_key_has_its_name_and_type)
{
  enum kh_log_key key = (enum kh_log_key)_i;

  begin();
  if (keys[key].form == TEXT)
    kh_log_text(&line, key, KH_STR("some text"));
  if (keys[key].form == NUMBER)
    kh_log_number(&line, key, -7);
  if (keys[key].form == TIME)
    kh_log_time(&line, key, fake.now_us);
  for (int i = 0; keys[key].form == ITEMS && i < 3; i++)
    kh_log_item(&line, key, KH_STR("item"));

  json_t *json = end();
  const json_t *member = json_object_get(json, keys[key].name);
  ck_assert_msg(member, "no %s in %s", keys[key].name, kh_buf_text(&recorder.text));
  ck_assert_uint_eq(json_object_size(json), 4);
  if (keys[key].form == TEXT)
    ck_assert_str_eq(json_string_value(member), "some text");
  if (keys[key].form == NUMBER)
    ck_assert_int_eq(json_integer_value(member), -7);
  if (keys[key].form == TIME)
    ck_assert_str_eq(json_string_value(member), NOW);
  if (keys[key].form == ITEMS)
    ck_assert_uint_eq(json_array_size(member), 3);
  json_decref(json);
}
END_TEST

START_TEST(a_list_ends_where_another_member_begins)
{
  begin();
  kh_log_item(&line, KH_LOG_RULES_MATCHED, KH_STR("one"));
  kh_log_item(&line, KH_LOG_RULES_MATCHED, KH_STR("two"));
  kh_log_number(&line, KH_LOG_DELIVERIES, 2);
  kh_log_item(&line, KH_LOG_RULE, KH_STR("three"));
  kh_log_text(&line, KH_LOG_BRANCH, KH_STR("main"));
  kh_log_item(&line, KH_LOG_URL, KH_STR("four"));
  kh_log_item(&line, KH_LOG_JOB, KH_STR("five"));

  json_t *json = end();
  json_t *expected = json_pack("{s:[s,s], s:i, s:[s], s:s, s:[s], s:[s]}", "rules_matched", "one", "two",
                               "deliveries", 2, "rule", "three", "branch", "main", "url", "four", "job",
                               "five");
  json_object_del(json, "timestamp");
  json_object_del(json, "level");
  json_object_del(json, "message");
  ck_assert_msg(json_equal(json, expected), "%s", kh_buf_text(&recorder.text));
  json_decref(expected);
  json_decref(json);
}
END_TEST

/* The type of a property: as it says, or that of its constant, its first choice, or what it refers to. */
static const char *schema_type(const json_t *schema, const json_t *property)
{
  const char *reference = json_string_value(json_object_get(property, "$ref"));
  const json_t *value = json_object_get(property, "const");

  if (reference)
    return schema_type(schema,
                       json_object_get(json_object_get(schema, "$defs"), strrchr(reference, '/') + 1));
  if (json_is_string(json_object_get(property, "type")))
    return json_string_value(json_object_get(property, "type"));
  if (!value)
    value = json_array_get(json_object_get(property, "enum"), 0);
  return json_is_string(value) ? "string" : json_is_integer(value) ? "integer" : "none";
}

static size_t key_by_name(const char *name)
{
  size_t key = 0;

  while (key < KH_LOG__COUNT && strcmp(keys[key].name, name) != 0)
    key++;
  return key;
}

/*
 * Each kind of line in the schema holds only keys of log.h, of their types, and each key has its place in
 * one.
 */
START_TEST(the_schema_knows_the_same_keys)
{
  static const char *const types[] = {
      [TEXT] = "string", [NUMBER] = "integer", [ITEMS] = "array", [TIME] = "string"};
  bool seen[KH_LOG__COUNT] = {false};
  const char *line_name, *name;
  json_t *definition, *property;
  json_error_t error;
  json_t *schema = json_load_file(KH_SOURCE_DIR "/docs/log.schema.json", JSON_REJECT_DUPLICATES, &error);

  ck_assert_msg(schema, "docs/log.schema.json: %s", error.text);
  json_object_foreach(json_object_get(schema, "$defs"), line_name, definition)
  {
    if (!json_object_get(definition, "properties"))
      continue;
    ck_assert_msg(json_is_false(json_object_get(definition, "additionalProperties")), "%s is open",
                  line_name);
    json_object_foreach(json_object_get(definition, "properties"), name, property)
    {
      size_t key = key_by_name(name);
      const char *type = schema_type(schema, property);

      if (strcmp(name, "timestamp") == 0 || strcmp(name, "level") == 0 || strcmp(name, "message") == 0 ||
          strcmp(name, "requestId") == 0)
        continue;
      ck_assert_msg(key < KH_LOG__COUNT, "%s: log.h has no %s", line_name, name);
      ck_assert_msg(strcmp(type, types[keys[key].form]) == 0, "%s: %s is %s", line_name, name, type);
      seen[key] = true;
    }
  }
  for (size_t key = 0; key < KH_LOG__COUNT; key++)
    ck_assert_msg(seen[key], "no line of the schema may hold %s", keys[key].name);
  json_decref(schema);
}
END_TEST

START_TEST(empty_texts_are_left_out)
{
  begin();
  kh_log_text(&line, KH_LOG_BRANCH, KH_STR(""));
  kh_log_text(&line, KH_LOG_JOB, KH_NO_STR);
  json_t *json = end();
  ck_assert_uint_eq(json_object_size(json), 3);
  json_decref(json);
}
END_TEST

static const struct {
  const char *name;
  struct kh_str given;
  const char *want; /* as jansson decodes it, NUL apart */
} texts[] = {
    {"plain", {"main", 4}, "main"},
    {"quotes and backslashes", {"a\"b\\c", 5}, "a\"b\\c"},
    {"a line end cannot start a second line",
     {"a\nb\r\n{\"level\":\"ERROR\"}", 22},
     "a\nb\r\n{\"level\":\"ERROR\"}"},
    {"control characters", {"\x01\x1b[31m\x7f", 7}, "\x01\x1b[31m\x7f"},
    {"UTF-8 stays", {"\xC3\xB6\xE2\x9C\x93\xF0\x9F\xAA\x81", 9}, "\xC3\xB6\xE2\x9C\x93\xF0\x9F\xAA\x81"},
    {"a stray byte",
     {"a\xFF"
      "b",
      3},
     "a" REPLACED "b"},
    {"a continuation alone", {"\x80", 1}, REPLACED},
    {"a cut character", {"a\xE2\x9C", 3}, NULL},
    {"an overlong form", {"\xC0\xAF", 2}, NULL},
    {"a surrogate", {"\xED\xA0\x80", 3}, NULL},
    {"beyond U+10FFFF", {"\xF4\x90\x80\x80", 4}, NULL},
    {"Latin-1",
     {"Gr\xF6\xDF"
      "e",
      5},
     NULL},
};

START_TEST(texts_are_made_safe)
{
  begin();
  kh_log_text(&line, KH_LOG_BRANCH, texts[_i].given);
  json_t *json = end();
  const char *got = kh_line_text(json, "branch");
  if (texts[_i].want)
    ck_assert_msg(strcmp(got, texts[_i].want) == 0, "%s: %s", texts[_i].name, got);
  else
    ck_assert_msg(strstr(got, REPLACED), "%s: %s", texts[_i].name, got);
  json_decref(json);
}
END_TEST

START_TEST(a_nul_in_a_text_is_kept_or_replaced)
{
  begin();
  kh_log_text(&line, KH_LOG_BRANCH, kh_str("a\0b", 3));
  json_t *json = end();
  ck_assert_uint_ge(json_string_length(json_object_get(json, "branch")), 3);
  ck_assert_int_eq(memchr(recorder.text.at, '\0', recorder.text.len) != NULL, 0);
  json_decref(json);
}
END_TEST

START_TEST(texts_are_cut_at_1024_bytes_between_characters)
{
  static const size_t given[] = {1023, 1024, 1025, 100000};
  char *ascii = malloc(given[_i]);
  char *wide = malloc(given[_i] + 3);

  ck_assert(ascii && wide);
  memset(ascii, 'x', given[_i]);
  for (size_t i = 0; i < given[_i] + 3; i++)
    wide[i] = "\xE2\x9C\x93"[i % 3];
  begin();
  kh_log_text(&line, KH_LOG_BRANCH, kh_str(ascii, given[_i]));
  kh_log_text(&line, KH_LOG_JOB, kh_str(wide, given[_i] / 3 * 3));
  json_t *json = end();
  ck_assert_uint_eq(json_string_length(json_object_get(json, "branch")), given[_i] < 1024 ? given[_i] : 1024);
  size_t wide_want = given[_i] / 3 * 3 < 1024 ? given[_i] / 3 * 3 : 1023;
  ck_assert_uint_eq(json_string_length(json_object_get(json, "job")), wide_want);
  ck_assert_ptr_null(strstr(kh_line_text(json, "job"), REPLACED));
  json_decref(json);
  free(ascii);
  free(wide);
}
END_TEST

START_TEST(a_long_text_of_stray_bytes_is_a_text_still)
{
  char bytes[3000];

  memset(bytes, 0xFF, sizeof bytes);
  begin();
  kh_log_text(&line, KH_LOG_BRANCH, kh_str(bytes, sizeof bytes));
  json_t *json = end();
  ck_assert_int_eq(strncmp(kh_line_text(json, "branch"), REPLACED REPLACED, 6), 0);
  json_decref(json);
}
END_TEST

START_TEST(numbers_keep_all_64_bits)
{
  begin();
  kh_log_number(&line, KH_LOG_BUILD_NUMBER, INT64_MAX);
  kh_log_number(&line, KH_LOG_SIGNATURE_AGE_S, INT64_MIN);
  kh_log_number(&line, KH_LOG_STATUS, 0);
  json_t *json = end();
  ck_assert_int_eq(kh_line_number(json, "build_number"), INT64_MAX);
  ck_assert_int_eq(kh_line_number(json, "signature_age_s"), INT64_MIN);
  ck_assert_int_eq(kh_line_number(json, "status"), 0);
  json_decref(json);
}
END_TEST

START_TEST(a_problem_has_reason_detail_and_place)
{
  struct kh_diag diag = {.err = KH_OK, .file = "kitehook.yml", .line = 3, .column = 14};

  (void)kh_diag_set(&diag, KH_ERR_CONFIG, "unknown key \"x\"");
  begin();
  kh_log_problem(&line, KH_ERR_CONFIG, &diag);
  json_t *json = end();
  ck_assert_str_eq(kh_line_text(json, "reason"), "config");
  ck_assert_str_eq(kh_line_text(json, "detail"), "unknown key \"x\"");
  ck_assert_str_eq(kh_line_text(json, "place"), "kitehook.yml:3:14");
  ck_assert_uint_eq(json_object_size(json), 6);
  json_decref(json);
}
END_TEST

START_TEST(a_problem_leaves_out_what_it_lacks)
{
  struct kh_diag silent = {.err = KH_OK};

  begin();
  kh_log_problem(&line, KH_OK, &silent);
  kh_log_problem(&line, KH_ERR_STALE, NULL);
  json_t *json = end();
  ck_assert_str_eq(kh_line_text(json, "reason"), "timestamp_stale");
  ck_assert_uint_eq(json_object_size(json), 4);
  json_decref(json);
}
END_TEST

START_TEST(less_than_the_least_level_is_not_written)
{
  struct kh_log log = kh_recorder_log(&recorder, &fake.clock);

  log.least = KH_WARN;
  for (int level = KH_DEBUG; level <= KH_ERROR; level++) {
    kh_log_begin(&line, &log, (enum kh_level)level, "webhook received");
    kh_log_number(&line, KH_LOG_STATUS, level);
    kh_log_text(&line, KH_LOG_BRANCH, KH_STR("main"));
    kh_log_item(&line, KH_LOG_RULES_MATCHED, KH_STR("a"));
    kh_log_end(&line, &log);
  }
  ck_assert_uint_eq(recorder.count, 2);
}
END_TEST

START_TEST(an_invocation_is_in_every_line)
{
  struct kh_log log = kh_recorder_log(&recorder, &fake.clock);

  log.invocation = KH_STR("8476a536-e9f4-11e8-9739-2dfe598c3fcd");
  kh_log_begin(&line, &log, KH_INFO, "webhook received");
  kh_log_end(&line, &log);
  json_t *json = kh_recorder_line(&recorder, 0);
  ck_assert_str_eq(kh_line_text(json, "requestId"), "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
  json_decref(json);
}
END_TEST

/* Datagrams keep the borders of writes. */
START_TEST(a_line_is_one_write)
{
  char text[8192];
  int ends[2];

  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
  struct kh_log_fd to = {.fd = ends[1]};
  struct kh_log log = kh_log_to_fd(&to, &fake.clock);
  for (int i = 0; i < 3; i++) {
    kh_log_begin(&line, &log, KH_INFO, "webhook received");
    memset(text, 'y', 1000);
    kh_log_text(&line, KH_LOG_BRANCH, kh_str(text, 1000));
    kh_log_number(&line, KH_LOG_STATUS, i);
    kh_log_end(&line, &log);
  }
  for (int i = 0; i < 3; i++) {
    json_error_t error;
    ssize_t got = recv(ends[0], text, sizeof text, MSG_DONTWAIT);

    ck_assert_int_gt(got, 1000);
    ck_assert_int_eq(text[got - 1], '\n');
    json_t *json = json_loadb(text, (size_t)got, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(json, "%s", error.text);
    ck_assert_int_eq(kh_line_number(json, "status"), i);
    json_decref(json);
  }
  ck_assert_int_eq(recv(ends[0], text, sizeof text, MSG_DONTWAIT), -1);
  (void)close(ends[0]);
  (void)close(ends[1]);
}
END_TEST

START_TEST(the_descriptor_is_looked_at_each_time)
{
  char text[512];
  int ends[2];
  struct kh_log_fd to = {.fd = -1};

  ck_assert_int_eq(pipe(ends), 0);
  struct kh_log log = kh_log_to_fd(&to, &fake.clock);
  kh_log_begin(&line, &log, KH_INFO, "nobody hears this");
  kh_log_end(&line, &log);
  to.fd = ends[1];
  kh_log_begin(&line, &log, KH_INFO, "config reloaded");
  kh_log_end(&line, &log);
  ssize_t got = read(ends[0], text, sizeof text - 1);
  ck_assert_int_gt(got, 0);
  text[got] = '\0';
  ck_assert_ptr_nonnull(strstr(text, "config reloaded"));
  ck_assert_ptr_null(strstr(text, "nobody"));
  (void)close(ends[0]);
  (void)close(ends[1]);
}
END_TEST

static Suite *log_suite(void)
{
  Suite *suite = suite_create("log");
  TCase *log = kh_test_case(suite, "log");

  tcase_add_checked_fixture(log, open_log, close_log);
  tcase_add_test(log, a_line_has_time_level_and_message);
  tcase_add_test(log, a_list_ends_where_another_member_begins);
  tcase_add_loop_test(log, each_key_has_its_name_and_type, 0, KH_LOG__COUNT);
  tcase_add_test(log, the_schema_knows_the_same_keys);
  tcase_add_test(log, empty_texts_are_left_out);
  tcase_add_loop_test(log, texts_are_made_safe, 0, (int)KH_COUNT(texts));
  tcase_add_test(log, a_nul_in_a_text_is_kept_or_replaced);
  tcase_add_loop_test(log, texts_are_cut_at_1024_bytes_between_characters, 0, 4);
  tcase_add_test(log, a_long_text_of_stray_bytes_is_a_text_still);
  tcase_add_test(log, numbers_keep_all_64_bits);
  tcase_add_test(log, a_problem_has_reason_detail_and_place);
  tcase_add_test(log, a_problem_leaves_out_what_it_lacks);
  tcase_add_test(log, less_than_the_least_level_is_not_written);
  tcase_add_test(log, an_invocation_is_in_every_line);
  tcase_add_test(log, a_line_is_one_write);
  tcase_add_test(log, the_descriptor_is_looked_at_each_time);
  return suite;
}

int main(void)
{
  return kh_test_main(log_suite());
}
