#include "base/base.h"

#include "support/recorder.h"
#include "support/rendered.h"
#include "support/rules.h"
#include "support/slack.h"
#include "support/suite.h"

/* ---- hostile payloads: each text in every place, alone and everywhere at once ---- */

/* '@' stands for the hostile text; all that must never be shown says "planted". */
#define PEOPLE                                                                                       \
  "\"author\":{\"name\":\"@\",\"username\":\"@\",\"email\":\"planted-author@x.example\"},"           \
  "\"creator\":{\"id\":\"@\",\"name\":\"@\",\"email\":\"planted-creator@x.example\",\"avatar_url\":" \
  "\"planted\"},"
#define BUILD                                                                                                \
  "\"build\":{\"id\":\"@\",\"number\":7,\"url\":\"@\",\"web_url\":\"@\",\"state\":\"@\",\"blocked\":false,"  \
  "\"blocked_state\":\"@\",\"message\":\"@\",\"commit\":\"@\",\"branch\":\"@\",\"tag\":\"@\",\"source\":\"@" \
  "\"," PEOPLE "\"env\":{\"TOKEN\":\"planted-env\"},\"started_at\":\"@\",\"finished_at\":\"@\","             \
  "\"meta_data\":{\"k\":\"planted-meta\"}},"
#define PIPELINE                                                                                    \
  "\"pipeline\":{\"id\":\"@\",\"name\":\"@\",\"slug\":\"@\",\"url\":\"@\",\"web_url\":\"@\","       \
  "\"description\":\"@\","                                                                          \
  "\"repository\":\"planted-repository\",\"env\":{\"K\":\"planted-pipeline-env\"},"                 \
  "\"configuration\":\"planted-configuration\",\"steps\":[{\"command\":\"planted\",\"env\":{\"K\":" \
  "\"planted-step-env\"}}],"                                                                        \
  "\"provider\":{\"id\":\"@\",\"webhook_url\":\"https://webhook.buildkite.com/deliver/planted-hook\"}},"
#define AGENT                                                                                         \
  "\"agent\":{\"id\":\"@\",\"name\":\"@\",\"hostname\":\"@\",\"web_url\":\"@\",\"url\":\"@\",\"user_" \
  "agent\":\"@\","                                                                                    \
  "\"meta_data\":[\"planted=meta\"],\"creator\":{\"name\":\"@\",\"email\":\"planted-agent@x.example\"}},"
#define SENDER                                                                                         \
  "\"sender\":{\"id\":\"@\",\"name\":\"@\",\"email\":\"planted-sender@x.example\"},\"organization\":{" \
  "\"slug\":\"@\",\"name\":\"@\"}}"

static const char *const templates[] = {
    "{\"event\":\"build.finished\"," BUILD PIPELINE SENDER,
    "{\"event\":\"build.running\"," BUILD "\"pipeline\":null," SENDER,
    "{\"event\":\"job.finished\",\"job\":{\"id\":\"@\",\"type\":\"@\",\"name\":\"@\",\"label\":\"@\",\"step_"
    "key\":\"@\","
    "\"state\":\"@\",\"command\":\"@\",\"web_url\":\"@\",\"exit_status\":1,\"signal\":\"@\","
    "\"retry_source\":{\"retried_by\":{\"name\":\"@\",\"email\":\"planted-retry@x.example\"}},"
    "\"started_at\":\"@\",\"finished_at\":\"@\",\"agent\":{\"name\":\"@\"}}," BUILD PIPELINE SENDER,
    "{\"event\":\"job.activated\",\"job\":{\"type\":\"manual\",\"label\":\"@\","
    "\"unblocked_by\":{\"name\":\"@\",\"email\":\"planted-unblock@x.example\"}}," BUILD PIPELINE SENDER,
    "{\"event\":\"job.promised_exit_status\",\"promised_exit_status_reason\":\"@\",\"job\":{\"name\":\"@\","
    "\"promised_exit_status\":9223372036854775807}," BUILD PIPELINE SENDER,
    "{\"event\":\"agent.lost\"," AGENT SENDER,
    "{\"event\":\"agent.blocked\",\"blocked_ip\":\"@\",\"cluster_token\":{\"description\":\"@\"}," AGENT
        SENDER,
    "{\"event\":\"cluster_token.registration_blocked\",\"blocked_ip\":\"@\",\"cluster_token\":{\"id\":\"@\","
    "\"description\":\"@\",\"url\":\"@\",\"allowed_ip_addresses\":\"planted-allowed\","
    "\"created_by\":{\"name\":\"@\",\"email\":\"planted-token@x.example\"}}," SENDER,
    "{\"event\":\"ping\",\"service\":{\"id\":\"@\",\"settings\":{\"url\":\"https://planted.example/"
    "\"}}," SENDER,
    "{\"event\":\"package.created\",\"package\":{\"name\":\"@\",\"organization\":{\"slug\":\"@\"}}," SENDER,
    "{\"event\":\"galaxy.collided\",\"galaxy\":\"@\"," SENDER,
};

/* As they stand between the quotes of a JSON text; the last ones are repeated up to 100 KB. */
static const struct {
  const char *text;
  size_t times;
} hostile[] = {
    {"<!channel>", 1},
    {"<!here|@here>", 1},
    {"<!everyone> <@U0123ABCD> <#C0123|x> <!subteam^S0123>", 1},
    {"<https://evil.example/|click me>", 1},
    {"<!date^1392734382^{date}|x>", 1},
    {"&lt;!channel&gt; &amp;lt; &", 1},
    {"@channel @here @everyone", 1},
    {"*b* _i_ ~s~ `c` ```x``` > q", 1},
    {":tada: :x:", 1},
    {"\\r\\n<!channel>\\r\\n", 1},
    {"a\\r\\nb", 1},
    {"a\\u2028b\\u2029c\\u0085d\\u000be", 1},
    {"\\u0000\\u0007\\u001b[31mred\\u007f\\u009b", 1},
    {"\\u202egnp.exe\\u2066\\u2069\\u200f\\u061c", 1},
    {"\\ufeff\\ufeff", 1},
    {"\\ud800", 1},
    {"\\udc00\\ud800x\\ud83e", 1},
    {"\\ud83e\\ude81", 1},
    {"\\\"},{\\\"type\\\":\\\"broadcast\\\",\\\"range\\\":\\\"channel\\\"},{\\\"a\\\":\\\"", 1},
    {"\\\\\\\\\\\"\\/", 1},
    {"{{build.env}} ${TOKEN} %s%n%99999d $(reboot)", 1},
    {"javascript:alert(1)", 1},
    {"https://evil.example/|x> <!channel>", 1},
    {"https://user:word@evil.example/", 1},
    {"https://evil.example/<!channel>", 1},
    {"https://ok.example/a?b=c&d=e", 1},
    {"2026-01-02T03:04:05Z", 1},
    {"passed", 1},
    {"", 1},
    {" ", 1},
    {"\\n\\n\\n", 1},
    {"\\u200d", 1},
    {"x", 100 * 1000},
    {"<", 20 * 1000},
    {"&amp;", 16 * 1000},
    {"\\u0000", 4 * 1000},
    {"\\n", 20 * 1000},
    {"a ", 35 * 1000},
    {"\\ud83e\\ude81", 8 * 1000},
    {"\\ud800", 4 * 1000},
    {"\\u202e", 4 * 1000},
    {"https://h.example/", 6 * 1000},
};

/*
 * Writes TEMPLATE with the hostile text in place number PLACE, or in all of them when PLACE is 0. Counts
 * places.
 */
static size_t fill(const char *template, const char *text, size_t times, size_t place, struct kh_buf *out)
{
  size_t count = 0;

  for (const char *at = template; *at; at++) {
    bool is_place = *at == '@' && at[-1] == '"' && at[1] == '"';

    if (!is_place) {
      (void)kh_buf_add_byte(out, *at);
      continue;
    }
    count++;
    for (size_t i = 0; i < times && (place == 0 || place == count); i++)
      (void)kh_buf_add(out, kh_str_of(text));
    if (place != 0 && place != count)
      (void)kh_buf_add(out, KH_STR("plain"));
  }
  ck_assert_int_eq(kh_buf_ok(out), KH_OK);
  return count;
}

START_TEST(hostile_text_stays_text)
{
  const char *text = hostile[_i].text;
  size_t times = hostile[_i].times;

  for (size_t t = 0; t < KH_COUNT(templates); t++) {
    size_t places = 0;

    for (size_t place = 0; place <= (times > 1 ? 0 : places); place++) {
      struct kh_test_event made;
      struct kh_buf body;
      char why[128];

      kh_buf_init(&body, 8 * 1024 * 1024);
      places = fill(templates[t], text, times, place, &body);
      ck_assert_uint_gt(places, 0);
      kh_test_event_read(&made, kh_buf_view(&body));
      (void)snprintf(why, sizeof why, "\"%.40s\" x %zu in template %zu at %zu", text, times, t, place);
      kh_test_render_all(why, &made.event);
      kh_test_event_release(&made);
      kh_buf_release(&body);
    }
  }
}
END_TEST

static const char *const names[] = {
    "<!channel>",
    "a.<@U0123>",
    "build.<!here>",
    "job.&",
    "agent.\\u202ex",
    "cluster_token.\\ud800",
    "...",
    ".",
    "build.",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"};

START_TEST(hostile_event_name_stays_text)
{
  struct kh_test_event made;
  char body[512];

  (void)snprintf(body, sizeof body, "{\"event\":\"%s\",\"organization\":{\"slug\":\"<!channel>\"}}",
                 names[_i]);
  kh_test_event_read(&made, kh_str_of(body));
  kh_test_render_all(names[_i], &made.event);
  kh_test_event_release(&made);
}
END_TEST

/* Any JSON value where a text, a number or an object is expected. */
START_TEST(odd_types_do_no_harm)
{
  static const char *const values[] = {"null", "true",    "7",  "-1.5",        "\"text\"",
                                       "[]",   "[\"a\"]", "{}", "{\"name\":7}"};
  static const char *const places[] = {
      "{\"event\":\"build.finished\",\"build\":%s,\"pipeline\":%s}",
      "{\"event\":\"build.finished\",\"build\":{\"number\":%s,\"state\":%s,\"blocked\":%s,\"message\":%s,"
      "\"author\":%s,"
      "\"creator\":%s,\"branch\":%s,\"commit\":%s,\"web_url\":%s,\"started_at\":%s,\"finished_at\":%s}}",
      "{\"event\":\"job.finished\",\"job\":%s,\"build\":%s,\"pipeline\":%s}",
      "{\"event\":\"job.finished\",\"job\":{\"name\":%s,\"label\":%s,\"state\":%s,\"exit_status\":%s,"
      "\"agent\":%s,"
      "\"soft_failed\":%s,\"type\":%s,\"step_key\":%s}}",
      "{\"event\":\"agent.lost\",\"agent\":%s,\"blocked_ip\":%s}",
      "{\"event\":\"cluster_token.registration_blocked\",\"cluster_token\":%s,\"blocked_ip\":%s}",
      "{\"event\":\"ping\",\"organization\":%s,\"sender\":%s}",
      "{\"event\":%s,\"organization\":{\"slug\":%s}}",
  };

  for (size_t p = 0; p < KH_COUNT(places); p++)
    for (size_t v = 0; v < KH_COUNT(values); v++) {
      struct kh_test_event made;
      struct kh_buf body;

      kh_buf_init(&body, 4096);
      for (const char *at = places[p]; *at; at++) {
        bool is_place = at[0] == '%' && at[1] == 's';

        (void)kh_buf_add(&body, is_place ? kh_str_of(values[v]) : kh_str(at, 1));
        at += is_place;
      }
      kh_test_event_read(&made, kh_buf_view(&body));
      kh_test_render_all(kh_buf_text(&body), &made.event);
      kh_test_event_release(&made);
      kh_buf_release(&body);
    }
}
END_TEST

/* ---- the log notifier ---- */

static const struct {
  const char *body;
  const char *expected;
} logged[] = {
    {"{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"passed\",\"blocked\":true,\"branch\":"
     "\"main\","
     "\"web_url\":\"https://b.example/7\",\"url\":\"https://api.buildkite.com/v2/organizations/acme/x\"},"
     "\"pipeline\":{\"name\":\"Web\",\"slug\":\"web\"}}",
     "{\"text\":\"Web build #7 is blocked, passed so far "
     "(main)\",\"event\":\"build.finished\",\"organization\":\"acme\","
     "\"pipeline\":\"web\",\"branch\":\"main\",\"state\":\"blocked\",\"build_number\":7,\"url\":\"https://"
     "b.example/7\"}"},
    {"{\"event\":\"agent.lost\",\"agent\":{\"name\":\"a-1\"}}",
     "{\"text\":\"Agent a-1 was lost\",\"event\":\"agent.lost\"}"},
    {"{\"event\":\"build.running\",\"build\":{\"branch\":\"a\\nb\",\"web_url\":\"javascript:x\"}}",
     "{\"text\":\"A pipeline build running (a)\",\"event\":\"build.running\",\"branch\":\"a\"}"},
    {"{}", "{\"text\":\"An event without a name\"}"},
};

START_TEST(log_body_is_written)
{
  struct kh_test_event made;
  struct kh_buf body;
  json_t *expected = json_loads(logged[_i].expected, 0, NULL);

  ck_assert_ptr_nonnull(expected);
  kh_test_event_read(&made, kh_str_of(logged[_i].body));
  kh_test_render("log", &kh_notifier_log, &made.event, &body);
  json_t *rendered = json_loadb(body.at, body.len, 0, NULL);
  ck_assert_msg(json_equal(rendered, expected), "%s", kh_buf_text(&body));
  ck_assert_msg(!kh_text_contains(kh_buf_view(&body), KH_STR("\n")), "one line");
  json_decref(rendered);
  json_decref(expected);
  kh_buf_release(&body);
  kh_test_event_release(&made);
}
END_TEST

/* ---- without memory: jansson's allocation number fail_at fails, and all after it ---- */

static struct {
  size_t calls, fail_at;
} memory;

static void *failing_malloc(size_t size)
{
  return memory.calls++ >= memory.fail_at ? NULL : malloc(size);
}

START_TEST(a_render_fails_cleanly_without_memory)
{
  const struct kh_rule *rule = kh_test_rule_of(kh_notifiers[_i], "");
  struct kh_test_event made;
  enum kh_err err = KH_ERR_NO_MEMORY;

  kh_test_event_of_fixture(&made, "build_finished_failed");
  for (memory.fail_at = 0; err && memory.fail_at < 2000; memory.fail_at++) {
    struct kh_buf body;

    kh_buf_init(&body, KH_DELIVERY_MAX_BYTES);
    memory.calls = 0;
    json_set_alloc_funcs(failing_malloc, free);
    err = rule->notifier->render(rule, kh_test_rendering(&made.event), &body);
    json_set_alloc_funcs(malloc, free);
    ck_assert_msg(err == KH_OK || err == KH_ERR_NO_MEMORY, "%s", kh_err_token(err));
    kh_buf_release(&body);
  }
  ck_assert_int_eq(err, KH_OK);
  /* What is ready, or put straight into the body, needs none. */
  ck_assert_uint_gt(memory.fail_at, rule->made || rule->notifier == &kh_notifier_log ? 0 : 5);
  kh_test_event_release(&made);
}
END_TEST

static Suite *notify_suite(void)
{
  Suite *suite = suite_create("notify");
  TCase *properties = kh_test_case(suite, "properties");
  TCase *log = kh_test_case(suite, "log");

  tcase_add_loop_test(properties, hostile_text_stays_text, 0, (int)KH_COUNT(hostile));
  tcase_add_loop_test(properties, hostile_event_name_stays_text, 0, (int)KH_COUNT(names));
  tcase_add_test(properties, odd_types_do_no_harm);
  tcase_add_loop_test(properties, a_render_fails_cleanly_without_memory, 0, KH_TEST_NOTIFIERS);
  tcase_add_loop_test(log, log_body_is_written, 0, (int)KH_COUNT(logged));
  return suite;
}

int main(void)
{
  return kh_test_main(notify_suite());
}
