#include "base/base.h"

#include "support/rendered.h"
#include "support/rules.h"
#include "support/suite.h"

#include <dirent.h>

/* Calls CHECK for each case, and returns how many there are. */
static size_t for_each_fixture(void (*check)(const char *name, void *self), void *self)
{
  DIR *dir = opendir(KH_SOURCE_DIR "/fixtures/events");
  size_t count = 0;

  ck_assert_ptr_nonnull(dir);
  for (const struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.')
      continue;
    check(entry->d_name, self);
    count++;
  }
  (void)closedir(dir);
  return count;
}

static json_t *load(const char *name, const char *file)
{
  char path[512];

  (void)snprintf(path, sizeof path, KH_SOURCE_DIR "/fixtures/events/%s/%s", name, file);
  return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

/* KH_UPDATE_GOLDEN=1 writes the files anew; read the difference before you keep it. */
static void update(const char *name, const char *file, const json_t *rendered)
{
  char path[512];
  char *text = json_dumps(rendered, JSON_INDENT(2) | JSON_REAL_PRECISION(15));

  (void)snprintf(path, sizeof path, KH_SOURCE_DIR "/fixtures/events/%s/%s", name, file);
  if (rendered) {
    struct kh_buf line;

    kh_buf_init(&line, KH_DELIVERY_MAX_BYTES * 2);
    (void)kh_buf_printf(&line, "%s\n", text);
    kh_file_put(path, kh_buf_view(&line));
    kh_buf_release(&line);
  } else {
    (void)remove(path);
  }
  free(text);
}

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
  if (getenv("KH_UPDATE_GOLDEN"))
    update(name, golden->file, rendered);
  json_t *expected = load(name, golden->file);
  ck_assert_msg(!rendered == !expected, "%s: %s %s", name, golden->file,
                rendered ? "is missing" : "must not be there");
  ck_assert_msg(!rendered || json_equal(rendered, expected), "%s: %s differs", name, golden->file);
  json_decref(expected);
  json_decref(rendered);
  kh_test_event_release(&made);
}

/* FILE of each case that RULE matches is what it renders; there are no others. */
static void check_goldens(const struct kh_rule *rule, const char *file, size_t at_least)
{
  struct golden golden = {.rule = rule, .file = file};
  const size_t count = for_each_fixture(check_golden, &golden);

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
  json_t *expect = load(name, "expect.json");
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
  ck_assert_uint_gt(for_each_fixture(check_matches, &rules), 20);
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
