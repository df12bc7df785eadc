#include "base/base.h"

#include "language/template/template.h"
#include "notify/slack/blocks.h"
#include "support/checks.h"
#include "support/message_case.h"
#include "support/suite.h"

/* ---- `message:` in the file ---- */

/*
 * What is said of NOTIFY, whose first line is line 4 of the file: the beginning of each line, '|' between
 * them.
 */
static const struct {
  const char *notify, *said;
} files[] = {
    {KH_TEST_MESSAGE_SLACK "hello}\n", ""},
    {KH_TEST_MESSAGE_SLACK "'{{build.branch}}'}\n", ""},
    {"- log: {message: '#{{build.number}}'}\n", ""},
    {"- webhook: {url: {env: HOOK}, secret: {env: KEY}, message: x}\n", ""},
    {"- log: {message: ''}\n", "4:9 an empty `message` says nothing"},
    {"- log: {message: \" \\n\"}\n", "4:9 an empty `message` says nothing"},
    {"- log:\n    message: #{{build.number}}\n",
     "5:5 an empty `message` says nothing; leave it out for the usual "
     "words, or put it in quotes if it begins with #"},
    {"- log: {message: '{{#if build.tag == null # x}}a{{/if}}'}\n",
     "4:43 `message`: a comment begins with //"},
    {"- log: {message: [a]}\n", "4:9 `message` is one text; put it in quotes if it begins with {{"},
    {"- log: {massage: a}\n", "4:9 unknown key; did you mean `message`?"},
    {"- lifx: {token: {env: TOKEN}, message: a}\n", "4:31 `message` is no key here"},
    {"- log: {message: 'é {{build.brnach}}'}\n",
     "4:23 `message`: \"build.brnach\" is no name of a message; did you mean `build.branch`?"},
    {KH_TEST_MESSAGE_SLACK "'{{x}} {{build.tag | uper}} {{#if build.stat == 1}}'}\n",
     "4:41 `message`: \"x\" is no name|4:59 `message`: \"uper\" is no filter|"
     "4:66 `message`: this {{#if}} has no {{/if}}|4:72 `message`: \"build.stat\" is no variable; did you "
     "mean"},
    {"- webhook: {url: {env: HOOK}, secret: {env: KEY}, message: \"{{build.tag | default \\\"x\\\" | "
     "y}}\"}\n",
     "4:91 `message`: \"y\" is no filter"},
    {"- log:\n    message: |\n      one\n\n      two {{x}}\n        {{#if job.state}}y\n",
     "8:13 `message`: \"x\" is no name|9:9 `message`: this {{#if}} has no|9:15 `message`: a condition must "
     "be"},
    {"- log:\n    message: >-\n      one\n      two {{x}}\n", "7:13 `message`: \"x\" is no name"},
    {KH_TEST_MESSAGE_SLACK "'<!here> <@U012AB3CD|mara> <!subteam^S01> <#C01> a@here.example "
                           "<https://x.example/{{build.tag}}|x>'}\n",
     ""},
    {KH_TEST_MESSAGE_SLACK "'@here it broke, (@channel)'}\n",
     "4:39 warning: `message`: \"@here\" pings nobody; write <!here>|4:56 warning: `message`: \"@channel\" "
     "pings"},
    {KH_TEST_MESSAGE_SLACK "'<@mara> <#general> <!subteam^oncall> <!all>'}\n",
     "4:39 warning: `message`: \"<@mara>\" pings nobody; it takes an id: <@U012AB3CD>|"
     "4:47 warning: `message`: \"<#general>\" is no link; it takes an id: <#C012AB3CD>|"
     "4:58 warning: `message`: \"<!subteam^oncall>\" pings nobody; it takes an id: <!subteam^S012AB3CD>|"
     "4:76 warning: `message`: \"<!all>\" pings nobody; there are <!here>, <!channel>, <!everyone> and"},
    {KH_TEST_MESSAGE_SLACK "'<@{{build.creator.name}}> <!subteam^{{build.tag}}|x>'}\n",
     "4:39 warning: `message`: \"<@{{build.creator.name}}>\" pings nobody; no value is part of a mention|"
     "4:65 warning: `message`: \"<!subteam^{{build.tag}}"},
    {KH_TEST_MESSAGE_SLACK "'<http://x.example/a b|x> <mailto:a@b.example> a < b, c > d'}\n",
     "4:39 warning: `message`: \"<http://x.example/a b|"
     "4:64 warning: `message`: \"<mailto:a@b.example>\" is no link; only https:// and http:// are"},
    {"- log: {message: '@here <@mara>'}\n", ""},
    {"- log: {message: '{{build.author.email}}'}\n",
     "4:21 `message`: messages do not carry addresses of persons; build.author.name"},
    {"- log: {message: '{{build.creator.verified}}'}\n",
     "4:21 warning: `message`: build.creator.verified is always"},
};

START_TEST(mistakes_are_told_with_their_places)
{
  struct kh_test_rules made;
  struct kh_buf said;
  struct kh_str expected = kh_str_of(files[_i].said);

  kh_test_rules_open(&made, files[_i].notify, kh_test_message_environment);
  kh_buf_init(&said, 1 << 16);
  kh_diags_sort(&made.diags);
  kh_test_rules_said(&made, &said);
  struct kh_str rest = kh_buf_view(&said);
  while (expected.at && expected.len > 0) {
    struct kh_str line = kh_str_cut(&rest, '\n');
    struct kh_str part = kh_str_cut(&expected, '|');

    ck_assert_msg(kh_str_starts(line, part), "%s", kh_buf_text(&said));
  }
  ck_assert_msg(!rest.at || rest.len == 0, "%s", kh_buf_text(&said));
  bool wrong = files[_i].said[0] && !strstr(files[_i].said, "warning");
  ck_assert_int_eq(made.err, wrong ? KH_ERR_CONFIG : KH_OK);
  kh_buf_release(&said);
  kh_test_rules_close(&made);
}
END_TEST

/* ---- rendered ---- */

static const struct {
  const char *message, *text;
} plain[] = {
    {"{{pipeline.name}} #{{build.number}} {{build.state}}: {{build.message}}",
     "Web #7 failed: fix <it> & *go*"},
    {"{{build.started_at | time}}, {{build.duration | duration}}", "2026-11-22 09:46 UTC, 2h 5m 3s"},
    {"{{build.author.name}} {{build.url}}", "Jane https://b.example/7"},
    {"https://b.example/{{build.message}}, {{build.message | urlencode}}",
     "https://b.example/fix%20%3Cit%3E%20%26%20%2Ago%2A, fix%20%3Cit%3E%20%26%20%2Ago%2A"},
    {"{{build.url}}?a={{build.message | truncate 5}}", "https://b.example/7?a=fix%20%E2%80%A6"},
    {"two\nlines \"quoted\" \\ {{build.branch}}", "two\nlines \"quoted\" \\ main"},
    {"{{#if build.state == \"failed\"}}bad{{else}}good{{/if}} {{job.name | default \"-\"}}", "bad -"},
};

START_TEST(log_and_webhook_tell_the_message)
{
  struct kh_test_event event;
  struct kh_buf notify;

  kh_test_event_read(&event, kh_str_of(kh_test_message_event));
  kh_buf_init(&notify, 1 << 16);
  json_t *logged = kh_test_message(kh_test_message_entry("- log: {message: ", plain[_i].message, &notify),
                                   &event.event);
  ck_assert_str_eq(json_string_value(json_object_get(logged, "text")), plain[_i].text);
  ck_assert_str_eq(json_string_value(json_object_get(logged, "branch")), "main");
  json_decref(logged);

  kh_buf_clear(&notify);
  json_t *posted = kh_test_message(
      kh_test_message_entry("- webhook: {url: {env: HOOK}, secret: {env: KEY}, message: ", plain[_i].message,
                            &notify),
      &event.event);
  const json_t *data = json_object_get(posted, "data");
  ck_assert_str_eq(json_string_value(json_object_get(data, "message")), plain[_i].text);
  ck_assert_str_eq(json_string_value(json_object_get(data, "text")),
                   "Web build #7 failed: fix <it> & *go* (main, took 2h 5m 3s)");
  json_decref(posted);
  kh_buf_release(&notify);
  kh_test_event_release(&event);
}
END_TEST

START_TEST(odd_times_are_no_duration)
{
  static const struct {
    const char *times, *text, *raw;
  } cases[] = {
      {"\"started_at\":\"2026-01-01T00:00:00Z\",\"finished_at\":\"2026-01-01T00:01:05.999Z\"", "1m 5s", "65"},
      {"\"started_at\":\"2026-01-01 00:00:00 UTC\",\"finished_at\":\"2026-01-01T00:00:00Z\"", "0s", "0"},
      {"\"started_at\":\"2026-01-01T00:00:00Z\",\"finished_at\":\"2025-12-31T23:59:59Z\"", "?", "?"},
      {"\"started_at\":\"2026-01-01T00:00:00Z\",\"finished_at\":null", "?", "?"},
      {"\"finished_at\":\"2026-01-01T00:00:00Z\"", "?", "?"},
      {"\"started_at\":\"soon\",\"finished_at\":7", "?", "?"},
  };
  struct kh_test_event event;
  char body[512];

  (void)snprintf(body, sizeof body, "{\"event\":\"job.finished\",\"build\":{%s},\"job\":{%s}}",
                 cases[_i].times, cases[_i].times);
  kh_test_event_read(&event, kh_str_of(body));
  json_t *build = kh_test_message("- log: {message: '{{build.duration | duration | default \"?\"}}'}\n",
                                  &event.event);
  json_t *job = kh_test_message("- log: {message: '{{job.duration | default \"?\"}}'}\n", &event.event);
  ck_assert_str_eq(json_string_value(json_object_get(build, "text")), cases[_i].text);
  ck_assert_str_eq(json_string_value(json_object_get(job, "text")), cases[_i].raw);
  json_decref(build);
  json_decref(job);
  kh_test_event_release(&event);
}
END_TEST

START_TEST(an_empty_message_leaves_the_usual_words)
{
  static const char *const entries[] = {
      "- log: {message: '{{build.tag}}'}\n",
      KH_TEST_MESSAGE_SLACK "'{{#if build.state == \"passed\"}}x{{/if}}'}\n",
      "- webhook: {url: {env: HOOK}, secret: {env: KEY}, message: '{{job.id}}'}\n"};
  struct kh_test_event event;

  kh_test_event_read(&event, kh_str_of(kh_test_message_event));
  json_t *json = kh_test_message(entries[_i], &event.event);
  const json_t *text = json_object_get(_i == 2 ? json_object_get(json, "data") : json, "text");
  ck_assert_ptr_nonnull(strstr(json_string_value(text), "Web build #7 failed: fix"));
  ck_assert_ptr_null(json_object_get(json_object_get(json, "data"), "message"));
  json_decref(json);
  kh_test_event_release(&event);
}
END_TEST

START_TEST(messages_are_cut_at_the_destinations_limit)
{
  struct kh_test_event event;
  struct kh_buf notify;
  struct kh_buf message;

  kh_test_event_read(&event, kh_str_of(kh_test_message_event));
  kh_buf_init(&message, 1 << 16);
  kh_buf_init(&notify, 1 << 16);
  for (size_t i = 0; i < 3100; i++)
    (void)kh_buf_add(&message, KH_STR("\xC3\xA9"));
  json_t *posted = kh_test_message(
      kh_test_message_entry(
          "- webhook: {url: {env: HOOK}, secret: {env: KEY}, message: ", kh_buf_text(&message), &notify),
      &event.event);
  const json_t *text = json_object_get(json_object_get(posted, "data"), "message");
  ck_assert_uint_eq(json_string_length(text), 2 * 2999 + 3);
  ck_assert(kh_str_ends(kh_str_of(json_string_value(text)), KH_STR("\xC3\xA9…")));
  json_decref(posted);

  kh_buf_clear(&notify);
  json_t *slack = kh_test_message(
      kh_test_message_entry(KH_TEST_MESSAGE_SLACK, kh_buf_text(&message), &notify), &event.event);
  text = json_object_get(slack, "text");
  ck_assert_uint_le(json_string_length(text), KH_SLACK_FALLBACK_BYTES);
  ck_assert(kh_str_ends(kh_str_of(json_string_value(text)), KH_STR("\xC3\xA9…")));
  json_decref(slack);
  kh_buf_release(&notify);
  kh_buf_release(&message);
  kh_test_event_release(&event);
}
END_TEST

/* ---- what cannot be decided ---- */

START_TEST(an_undecided_if_is_told_and_costs_nothing)
{
  static const struct {
    const char *message, *text, *why;
  } cases[] = {
      {"{{#if job.state == 'failed'}}a{{else}}b{{/if}}", "b",
       "an {{#if}} of its message: this event has no job"},
      {"{{#if build.branch != 'main'}}{{#if job.state == 'x'}}a{{/if}}{{else}}c{{/if}}", "c", ""},
      {"{{#if build.branch == 'main'}}a{{/if}}", "a", ""},
      {"x", "x", ""},
  };
  struct kh_test_event event;
  struct kh_test_rules made;
  struct kh_buf notify;
  struct kh_buf body;

  kh_test_event_read(&event, kh_str_of(kh_test_message_event));
  kh_buf_init(&notify, 1 << 16);
  kh_buf_init(&body, KH_DELIVERY_MAX_BYTES);
  kh_test_rules_open(&made, kh_test_message_entry("- log: {message: ", cases[_i].message, &notify),
                     kh_test_message_environment);
  struct kh_rendering *rendering = kh_test_rendering(&event.event);
  ck_assert_int_eq(kh_notifier_log.render(&made.rules.at[0], rendering, &body), KH_OK);
  json_t *json = kh_check_read(cases[_i].message, kh_buf_view(&body));
  ck_assert_str_eq(json_string_value(json_object_get(json, "text")), cases[_i].text);
  ck_assert_str_eq(rendering->undecided.text, cases[_i].why);
  kh_test_rules_close(&made);
  json_decref(json);
  kh_buf_release(&body);
  kh_buf_release(&notify);
  kh_test_event_release(&event);
}
END_TEST

/* ---- without memory: allocation number fail_at fails, alone or with all after it ---- */

static struct {
  bool armed, lasting;
  size_t calls, fail_at;
} memory;

static bool refuse(void)
{
  if (!memory.armed)
    return false;
  memory.calls++;
  return memory.calls == memory.fail_at || (memory.lasting && memory.calls > memory.fail_at);
}

/* Ours come through the linker, jansson's through its hook. */
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

/* What its message makes of a body; the story's own words may be fewer without memory. */
static json_t *told(json_t *body)
{
  json_t *data = json_object_get(body, "data");

  return data                              ? json_object_get(data, "message")
         : json_object_get(body, "blocks") ? body
                                           : json_object_get(body, "text");
}

/* Renders with allocation number FAIL_AT failing; false when it was not reached. */
static bool render_without(size_t fail_at, bool lasting, const struct kh_rule *rule,
                           const struct kh_event *event, json_t *whole)
{
  struct kh_buf body;

  kh_buf_init(&body, KH_DELIVERY_MAX_BYTES);
  memory.calls = 0;
  memory.fail_at = fail_at;
  memory.lasting = lasting;
  memory.armed = true;
  enum kh_err err = rule->notifier->render(rule, kh_test_rendering(event), &body);
  memory.armed = false;
  ck_assert_msg(err == KH_OK || err == KH_ERR_NO_MEMORY, "%zu: %s", fail_at, kh_err_token(err));
  if (!err) {
    json_t *json = kh_check_read("without memory", kh_buf_view(&body));
    ck_assert_msg(json_equal(told(json), told(whole)), "%zu: %s", fail_at, kh_buf_text(&body));
    json_decref(json);
  }
  kh_buf_release(&body);
  return memory.calls >= fail_at;
}

START_TEST(a_message_is_whole_or_fails_without_memory)
{
  static const char *const entries[] = {
      KH_TEST_MESSAGE_SLACK
      "'*a* <https://b.example/7|x> <!here> :x: {{build.branch}} {{#if build.tag == null}}b{{/if}}'}\n",
      "- log: {message: '{{build.branch}} {{build.author.name}}'}\n",
      "- webhook: {url: {env: HOOK}, secret: {env: KEY}, message: '{{build.branch}}'}\n"};
  struct kh_test_rules made;
  struct kh_test_event event;
  size_t last = 0;

  json_set_alloc_funcs(__wrap_malloc, free);
  json_t *whole = NULL;
  kh_test_event_read(&event, kh_str_of(kh_test_message_event));
  kh_test_rules_open(&made, entries[_i], kh_test_message_environment);
  whole = kh_test_message(entries[_i], &event.event);
  for (int lasting = 0; lasting < 2; lasting++)
    for (last = 1; render_without(last, lasting, &made.rules.at[0], &event.event, whole); last++)
      ck_assert_uint_lt(last, 5000);
  ck_assert_uint_gt(last, 20);
  json_decref(whole);
  kh_test_rules_close(&made);
  kh_test_event_release(&event);
}
END_TEST

START_TEST(a_template_is_compiled_or_fails_without_memory)
{
  static const char source[] =
      "a {{build.branch | default \"x\" | truncate 5}} {{#if build.branch =~ /a/}}b{{else}}c{{/if}}";
  const struct kh_template_reader deaf = {.self = NULL};
  enum kh_err err = KH_ERR_NO_MEMORY;

  for (size_t fail_at = 1; err; fail_at++) {
    struct kh_template *template = NULL;

    memory.calls = 0;
    memory.fail_at = fail_at;
    memory.armed = true;
    err = kh_template_compile(&template, kh_str_of(source), &deaf);
    memory.armed = false;
    ck_assert_msg(err == KH_OK || err == KH_ERR_NO_MEMORY, "%zu: %s", fail_at, kh_err_token(err));
    ck_assert_msg(!err == (template != NULL), "%zu", fail_at);
    kh_template_free(template);
    ck_assert_msg(fail_at > 2 || err, "%zu: nothing failed", fail_at);
  }
}
END_TEST

static Suite *message_suite(void)
{
  Suite *suite = suite_create("message");
  TCase *cases = kh_test_case(suite, "message");

  tcase_add_loop_test(cases, mistakes_are_told_with_their_places, 0, (int)KH_COUNT(files));
  tcase_add_loop_test(cases, log_and_webhook_tell_the_message, 0, (int)KH_COUNT(plain));
  tcase_add_loop_test(cases, odd_times_are_no_duration, 0, 6);
  tcase_add_loop_test(cases, an_empty_message_leaves_the_usual_words, 0, 3);
  tcase_add_test(cases, messages_are_cut_at_the_destinations_limit);
  tcase_add_loop_test(cases, an_undecided_if_is_told_and_costs_nothing, 0, 4);
  tcase_add_loop_test(cases, a_message_is_whole_or_fails_without_memory, 0, 3);
  tcase_add_test(cases, a_template_is_compiled_or_fails_without_memory);
  return suite;
}

int main(void)
{
  return kh_test_main(message_suite());
}
