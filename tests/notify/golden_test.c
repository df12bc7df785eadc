#include "base/base.h"

#include "support/golden.h"
#include "support/rendered.h"
#include "support/rules.h"
#include "support/suite.h"

#define EVERY_EVENT "  events: [ping, build.*, job.*, agent.*, cluster_token.*, package.*, workflow.*]\n"

/* Notifiers whose rule has more than its table of options requires. */
static const struct {
  const char *notifier, *keys;
} others[] = {{"email", EVERY_EVENT},
              {"slack", EVERY_EVENT},
              {"webhook", EVERY_EVENT},
              {"pagerduty_change_event", EVERY_EVENT},
              {"basecamp_campfire", EVERY_EVENT},
              {"github_commit_status", "  events: [build.*, job.*]\n"},
              {"github_check", "  events: [build.*, job.*]\n"}};

static const char message_rule[] =
    "- slack:\n    url: {env: SLACK_WEBHOOK_URL}\n    message: |\n"
    "      *<{{job.url}}|{{job.name | default \"a job\"}}>* `{{build.branch}}` ~_{{job.state}}_~ :tada:\n"
    "      <!here> <!channel> <!everyone> <@U012AB3CD> <#C012AB3CD> <!subteam^S012AB3CD> &amp;\n"
    "      {{#if job.exit_status != null}}\n      {{job.exit_status}}, {{job.duration | duration}}, "
    "{{job.finished_at | time}}: {{build.message | truncate 20}}\n      {{/if}}\n"
    "  events: job.finished\n";

struct golden {
  const struct kh_rule *rule;
  const char *file;
  size_t matched;
};

static void render_message(const char *name, const struct kh_rule *rule, const struct kh_event *event,
                           struct kh_buf *body)
{

  kh_buf_init(body, KH_DELIVERY_MAX_BYTES);
  enum kh_err err = rule->notifier->render(rule, kh_test_rendering(event), body);
  ck_assert_msg(err == KH_OK, "%s: %s", name, kh_err_token(err));
}

static void check_golden(const char *name, void *self)
{
  struct golden *golden = self;
  struct kh_test_event made;
  struct kh_buf body;
  json_t *rendered = NULL;

  kh_test_event_of_fixture(&made, name);
  kh_test_render_all(name, &made.event);
  if (kh_test_matches(golden->rule, &made.event)) {
    if (golden->rule->message)
      render_message(name, golden->rule, &made.event, &body);
    else
      kh_test_render(name, golden->rule->notifier, &made.event, &body);
    rendered = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(rendered);
    kh_buf_release(&body);
    golden->matched++;
  }
  kh_golden_check("events", name, golden->file, rendered);
  json_decref(rendered);
  kh_test_event_release(&made);
}

/* FILE of each case that RULE matches is what it renders; there are no others. */
static void check_goldens(const struct kh_rule *rule, const char *file, size_t at_least)
{
  struct golden golden = {.rule = rule, .file = file};
  const size_t count = kh_golden_each("events", check_golden, &golden);

  ck_assert_uint_ge(golden.matched, at_least);
  ck_assert_uint_gt(count, golden.matched);
}

START_TEST(fixtures_render_as_their_golden_files)
{
  const struct kh_notifier *notifier = kh_notifiers[_i];
  const char *keys = "";
  char file[32];

  for (size_t i = 0; i < KH_COUNT(others); i++)
    if (strcmp(others[i].notifier, notifier->name) == 0)
      keys = others[i].keys;
  (void)snprintf(file, sizeof file, "%s.json", notifier->name);
  check_goldens(kh_test_rule_of(notifier, keys), file, 1);
}
END_TEST

START_TEST(fixtures_render_with_a_message)
{
  struct kh_test_rules made;

  kh_test_rules_open(&made, message_rule, NULL);
  ck_assert_msg(made.err == KH_OK, "%s", kh_diags_first(&made.diags).text);
  check_goldens(&made.rules.at[0], "slack-message.json", 5);
  kh_test_rules_close(&made);
}
END_TEST

/* `notify` of expect.json names the rules of fixtures/kitehook.yml that must match. */
static void check_matches(const char *name, void *self)
{
  const struct kh_rules *rules = self;
  struct kh_test_event made;
  json_t *expect = kh_golden_load("events", name, "expect.json");
  json_t *matched = json_array();

  ck_assert_msg(json_is_array(json_object_get(expect, "notify")), "%s: expect.json", name);
  kh_test_event_of_fixture(&made, name);
  for (size_t i = 0; i < rules->count; i++)
    if (kh_test_matches(&rules->at[i], &made.event))
      (void)json_array_append_new(matched, json_string(rules->at[i].name));
  ck_assert_msg(json_equal(matched, json_object_get(expect, "notify")), "%s: other rules match", name);
  kh_test_event_release(&made);
  json_decref(matched);
  json_decref(expect);
}

START_TEST(fixtures_match_the_rules_they_name)
{
  static const char *const environment[] = {NULL};
  struct kh_config config;
  struct kh_rules rules;
  struct kh_diags diags = {0};

  enum kh_err err = kh_config_read(&config, KH_SOURCE_DIR "/fixtures/kitehook.yml", KH_CONFIG_WHOLE,
                                   environment, &diags);
  ck_assert_msg(err == KH_OK, "%s", kh_diags_first(&diags).text);
  ck_assert_int_eq(kh_rules_compile(&config, &rules, &diags), KH_OK);
  ck_assert_uint_ge(rules.count, 2);
  ck_assert_uint_gt(kh_golden_each("events", check_matches, &rules), 20);
  kh_rules_release(&rules);
  kh_config_release(&config);
  kh_diags_release(&diags);
}
END_TEST

static Suite *golden_suite(void)
{
  Suite *suite = suite_create("golden");
  TCase *fixtures = kh_test_case(suite, "fixtures");

  tcase_add_loop_test(fixtures, fixtures_render_as_their_golden_files, 0, KH_TEST_NOTIFIERS);
  tcase_add_test(fixtures, fixtures_render_with_a_message);
  tcase_add_test(fixtures, fixtures_match_the_rules_they_name);
  return suite;
}

int main(void)
{
  return kh_test_main(golden_suite());
}
