#include "base/base.h"

#include "language/names/event_names.h"
#include "support/rules.h"
#include "support/suite.h"

/* Bodies by a short name; the smallest that the rules look at. */
static const struct {
  const char *name;
  const char *body;
} bodies[] = {
    {"finished",
     "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"branch\":\"main\",\"state\":\"passed\"},"
     "\"pipeline\":{\"slug\":\"web-shop\",\"name\":\"Web shop\"}}"},
    {"blocked",
     "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"branch\":\"main\",\"state\":\"passed\","
     "\"blocked\":true},\"pipeline\":{\"slug\":\"web-shop\"}}"},
    {"running", "{\"event\":\"build.running\",\"build\":{\"number\":7,\"branch\":\"main\"},"
                "\"pipeline\":{\"slug\":\"web-shop\"}}"},
    {"feature", "{\"event\":\"build.finished\",\"build\":{\"branch\":\"feature/\\u00e9t\\u00e9\"},"
                "\"pipeline\":{\"slug\":\"docs\"}}"},
    {"job", "{\"event\":\"job.finished\",\"job\":{\"state\":\"failed\"},\"build\":{\"branch\":\"main\"},"
            "\"pipeline\":{\"slug\":\"web-shop\"}}"},
    {"agent", "{\"event\":\"agent.lost\",\"agent\":{\"name\":\"a-1\"}}"},
    {"ping", "{\"event\":\"ping\",\"organization\":{\"slug\":\"acme\"}}"},
    {"new", "{\"event\":\"build.something_new\",\"build\":{\"branch\":\"main\"},"
            "\"pipeline\":{\"slug\":\"web-shop\"}}"},
    {"foreign", "{\"event\":\"package.created\",\"package\":{\"name\":\"x\"}}"},
    {"nameless", "{\"type\":\"passed_on_retry\"}"},
    {"buildish", "{\"event\":\"buildx\",\"build\":{\"branch\":\"main\"}}"},
    {"nulls", "{\"event\":\"build.finished\",\"build\":{\"branch\":null},\"pipeline\":{\"slug\":null}}"},
    {"odd types", "{\"event\":\"build.finished\",\"build\":{\"branch\":7},\"pipeline\":[\"slug\"]}"},
    {"empty", "{\"event\":\"build.finished\",\"build\":{\"branch\":\"\"},\"pipeline\":{\"slug\":\"\"}}"},
    {"null build", "{\"event\":\"build.finished\",\"build\":null,\"pipeline\":null}"},
};

static struct kh_str body_of(const char *name)
{
  for (size_t i = 0; i < KH_COUNT(bodies); i++)
    if (strcmp(bodies[i].name, name) == 0)
      return kh_str_of(bodies[i].body);
  ck_abort_msg("no body %s", name);
  return KH_NO_STR;
}

struct row {
  const char *why;
  const char *entry; /* one entry of notify */
  const char *matching;
  const char *failing; /* both: names of bodies, ';' between them */
};

static const struct row rows[] = {
    {"slack's default is build.finished, blocked builds included",
     "- slack: {url: {env: SLACK_WEBHOOK_URL}}\n",
     "finished;blocked;feature;nulls;odd types;empty;null build",
     "running;job;agent;ping;new;foreign;nameless;buildish"},
    {"log's default is every build event, unknown ones included", "- log\n",
     "finished;blocked;running;feature;new;nulls", "job;agent;ping;foreign;nameless;buildish"},
    {"an entry of nothing but the word and a colon is the same", "- log:\n", "finished;running", "job;ping"},
    {"a mapping without options is the same", "- log: {}\n", "finished;running", "job;ping"},
    {"events replaces the default", "- log:\n  events: job.finished\n", "job", "finished;running"},
    {"a list of events", "- log:\n  events: [ping, job.finished, agent.lost]\n", "ping;job;agent",
     "finished;foreign"},
    {"a family", "- log:\n  events: agent.*\n", "agent", "finished;ping"},
    {"a family stops at its dot", "- log:\n  events: build.*\n", "new;running", "buildish"},
    {"a name is whole", "- log:\n  events: build.finish\n", "", "finished"},
    {"unknown names match", "- log:\n  events: build.something_new\n", "new", "finished"},
    {"names compare exactly", "- log:\n  events: Build.Finished\n", "", "finished"},
    {"events of other senders can be asked for", "- log:\n  events: package.created\n", "foreign",
     "nameless"},

    {"one pipeline", "- log:\n  pipelines: web-shop\n", "finished;running", "feature"},
    {"pipelines by pattern", "- log:\n  pipelines: web-* !web-shop\n", "", "finished;feature"},
    {"only negative pipelines", "- log:\n  pipelines: '!web-*'\n", "feature", "finished"},
    {"pipelines means the slug, not the name", "- log:\n  pipelines: Web*\n", "", "finished"},
    {"without a slug a rule with pipelines does not match", "- log:\n  pipelines: '!other'\n", "finished",
     "nulls;odd types;null build"},
    {"an empty slug is a slug", "- log:\n  pipelines: '*'\n", "empty;finished", "nulls"},
    {"without a pipeline", "- log:\n  events: [agent.*, ping, package.*]\n  pipelines: '*'\n", "",
     "agent;ping;foreign"},

    {"one branch", "- log:\n  branches: main\n", "finished;blocked", "feature"},
    {"branches are decoded before they are compared", "- log:\n  branches: feature/\xC3\xA9t\xC3\xA9\n",
     "feature", "finished"},
    {"only negative branches", "- log:\n  branches: '!main'\n", "feature;empty", "finished"},
    {"a null branch does not match a rule with branches", "- log:\n  branches: '*'\n", "finished;empty",
     "nulls;odd types;null build"},
    {"events without a build do not match a rule with branches",
     "- log:\n  events: [agent.*, ping, job.*]\n  branches: '!x'\n", "job", "agent;ping"},

    {"empty patterns ask for nothing",
     "- log:\n  events: [agent.*, build.*]\n  pipelines: ''\n  branches: '  '\n", "agent;nulls;finished",
     "ping"},
    {"keys without a value ask for nothing", "- log:\n  branches:\n  pipelines:\n", "nulls;finished", "ping"},
    {"all that is given must hold",
     "- log:\n  events: build.finished\n  pipelines: web-*\n  branches: main\n", "finished;blocked",
     "running;feature;job"},
};

static void check_bodies(const struct kh_rule *rule, const char *names, bool expected, const char *why)
{
  struct kh_str rest = kh_str_of(names);

  while (rest.len > 0) {
    struct kh_str one = kh_str_cut(&rest, ';');
    struct kh_test_event made;
    char name[32];

    (void)snprintf(name, sizeof name, "%.*s", KH_FMT(one));
    kh_test_event_read(&made, body_of(name));
    ck_assert_msg(kh_test_matches(rule, &made.event) == expected, "%s: \"%s\" must %smatch", why, name,
                  expected ? "" : "not ");
    kh_test_event_release(&made);
  }
}

START_TEST(matches)
{
  const struct row *row = &rows[_i];
  struct kh_test_rules made;

  kh_test_rules_open(&made, row->entry, NULL);
  ck_assert_msg(made.err == KH_OK, "%s: %s", row->why, kh_diags_first(&made.diags).text);
  ck_assert_uint_eq(made.rules.count, 1);
  check_bodies(&made.rules.at[0], row->matching, true, row->why);
  check_bodies(&made.rules.at[0], row->failing, false, row->why);
  kh_test_rules_close(&made);
}
END_TEST

START_TEST(every_documented_event_can_be_named)
{
  /* buildkite/docs, pages/apis/webhooks/pipelines.md and its subpages. */
  static const char *const documented[] = {"ping",
                                           "build.scheduled",
                                           "build.running",
                                           "build.failing",
                                           "build.finished",
                                           "build.skipped",
                                           "job.scheduled",
                                           "job.started",
                                           "job.finished",
                                           "job.activated",
                                           "agent.connected",
                                           "agent.lost",
                                           "agent.disconnected",
                                           "agent.stopping",
                                           "agent.stopped",
                                           "agent.blocked",
                                           "job.promised_exit_status",
                                           "cluster_token.registration_blocked"};
  struct kh_test_rules made;
  struct kh_buf entry;

  kh_buf_init(&entry, 4096);
  (void)kh_buf_add(&entry, KH_STR("- log:\n  events:\n"));
  for (size_t i = 0; i < KH_COUNT(documented); i++)
    (void)kh_buf_printf(&entry, "    - %s\n", documented[i]);
  kh_test_rules_open(&made, kh_buf_text(&entry), NULL);
  ck_assert_int_eq(made.err, KH_OK);
  ck_assert_uint_eq(made.diags.count, 0);
  for (size_t i = 0; i < KH_COUNT(documented); i++) {
    struct kh_test_event event;
    char body[128];

    (void)snprintf(body, sizeof body, "{\"event\":\"%s\"}", documented[i]);
    kh_test_event_read(&event, kh_str_of(body));
    ck_assert_msg(kh_test_matches(&made.rules.at[0], &event.event), "%s", documented[i]);
    kh_test_event_release(&event);
  }
  kh_test_rules_close(&made);
  kh_buf_release(&entry);
}
END_TEST

/* ---- mistakes and warnings, with their places; the entry begins on line 4 ---- */

static const struct {
  const char *entry;
  const char *said; /* the beginning of each line, '|' between them */
} mistakes[] = {
    {"- log:\n  if: build.stat == 'failed'\n", "5:7 `if`: "},
    {"- log:\n  if: build.branch == 'main' && build.state ==\n", "5:47 `if`: "},
    {"- log:\n  if: \"build.stat == 'failed'\"\n", "5:8 `if`: "},
    {"- log:\n  if: true && build.stat == 'x'\n", "5:15 `if`: "},
    {"- log:\n  if: 'true && build.stat == \"x\"'\n", "5:16 `if`: "},
    {"- log:\n  if: \"true \\n&& build.stat == 'x'\"\n", "5:18 `if`: "},
    {"- log:\n  branches: \"main !\"\n", "5:19 `branches`: a \"!\" needs"},
    {"- log:\n  if: build.branch\n", "5:7 `if`: "},
    {"- log:\n  if: [a]\n", "5:3 `if` is one text"},
    {"- log:\n  branch: main\n", "5:3 unknown key; did you mean `branches`?"},
    {"- log:\n  evnts: [ping]\n", "5:3 unknown key; did you mean `events`?"},
    {"- log:\n  label: x\n", "5:3 `label` is no key here"},

    {"- log:\n  events: []\n", "5:3 an empty list of events"},
    {"- log:\n  events: ''\n", "5:11 each item of `events`"},
    {"- log:\n  events: '*'\n", "5:11 each item of `events`"},
    {"- log:\n  events: build*\n", "5:11 each item of `events`"},
    {"- log:\n  events: '*.finished'\n", "5:11 each item of `events`"},
    {"- log:\n  events: build.fin*\n", "5:11 each item of `events`"},
    {"- log:\n  events: .*\n", "5:11 each item of `events`"},
    {"- log:\n  events: build.finished, ping\n", "5:11 each item of `events`"},
    {"- log:\n  events: {a: b}\n", "5:11 each item of `events`"},
    {"- log:\n  events: [ping, [ping], '']\n", "5:18 each item of `events`|5:26 each item of `events`"},

    {"- log:\n  branches: [main]\n", "5:3 `branches` is one text"},
    {"- log:\n  pipelines: {a: b}\n", "5:3 `pipelines` is one text"},
    {"- log:\n  branches: main !\n",
     "5:18 `branches`: a \"!\" needs a pattern right behind it (character 6)"},
    {"- log:\n  pipelines: web !!x\n",
     "5:18 `pipelines`: a pattern can begin with only one \"!\" (character 5)"},
    {"- log:\n  branches: '!'\n", "5:14 `branches`: a \"!\" needs"},
    {"- log:\n  branches: \"!a !!b\"\n", "5:17 `branches`: a pattern can begin"},
    {"- log:\n  branches: \xC3\xA9t\xC3\xA9 !\n",
     "5:17 `branches`: a \"!\" needs a pattern right behind it (character 5)"},

    {"- log:\n  if: x\n  events: []\n  branches: '!'\n  pipelines: []\n",
     "6:3 an empty|5:7 `if`|8:3 `pipelines`|7:14 `branches`"},
};

/* Each '|'-separated part of EXPECTED begins the line of the same number, and there are no more lines. */
static void check_said(const struct kh_test_rules *made, const char *expected)
{
  struct kh_str rest = kh_str_of(expected);
  struct kh_buf said;

  kh_buf_init(&said, 64 * 1024);
  kh_test_rules_said(made, &said);
  struct kh_str lines = kh_buf_view(&said);
  while (rest.len > 0) {
    struct kh_str part = kh_str_cut(&rest, '|');
    struct kh_str line = kh_str_cut(&lines, '\n');

    ck_assert_msg(kh_str_starts(line, part), "expected \"%.*s\", said:\n%s", KH_FMT(part),
                  kh_buf_text(&said));
  }
  ck_assert_msg(lines.len == 0, "more than expected was said:\n%s", kh_buf_text(&said));
  kh_buf_release(&said);
}

START_TEST(mistake_is_told)
{
  struct kh_test_rules made;

  kh_test_rules_open(&made, mistakes[_i].entry, NULL);
  ck_assert_int_eq(made.err, KH_ERR_CONFIG);
  ck_assert_ptr_null(made.rules.at);
  check_said(&made, mistakes[_i].said);
  kh_test_rules_close(&made);
}
END_TEST

static const struct {
  const char *entry;
  const char *said;
} warnings[] = {
    {"- log:\n  events: [build.finished, build.*, ping, cluster_token.*, package.created]\n", ""},
    {"- log:\n  events: build.finishd\n",
     "5:11 warning: Buildkite documents no event `build.finishd`; did you mean `build.finished`?"},
    {"- log:\n  events: build.started\n",
     "5:11 warning: Buildkite documents no event `build.started`; did you mean "
     "`build.running`?"},
    {"- log:\n  events: [ping, build.failed]\n",
     "5:18 warning: Buildkite documents no event `build.failed`; did you "
     "mean `build.finished`?"},
    {"- log:\n  events: something.else\n", "5:11 warning: Buildkite documents no event `something.else`"},
    {"- log:\n  events: builds.*\n", "5:11 warning: Buildkite documents no event"},

    {"- log:\n  if: pipeline.started_failing\n",
     "5:7 warning: `if`: pipeline.started_failing is always null: nothing is remembered without "
     "`state`; add `state: /var/lib/kitehook`"},
    {"- log:\n  if: build.failed_jobs includes 'Lint'\n",
     "5:7 warning: `if`: build.failed_jobs is always null: nothing is remembered without `state`; add "
     "`state: /var/lib/kitehook`, and tick the job events in Buildkite"},
    {"- log:\n  if: build.fixed\n", "5:7 warning: `if`: build.fixed is always null: nothing is"},
    {"- log:\n  if: build.author.id == 'x'\n",
     "5:7 warning: `if`: build.author.id is always null: no webhook carries it"},
    {"- log:\n  if: build.state == 'failed' && job.state == 'failed'\n",
     "5:34 warning: `if`: the events of this rule have no job; name others by `events`"},
    {"- log:\n  events: agent.lost\n  if: env('X') == ''\n",
     "6:7 warning: `if`: the events of this rule have no build"},
    {"- log:\n  events: [agent.*, ping]\n  branches: main\n  pipelines: web\n",
     "7:3 warning: the events of this rule have no pipeline|6:3 warning: the events of this rule have no "
     "build"},
    {"- log:\n  events: [agent.*, job.started]\n  branches: main\n  if: build.state == 'failed' || agent.id "
     "== 'x'\n",
     ""},
    {"- log:\n  events: [agent.*, something.new]\n  branches: main\n",
     "5:21 warning: Buildkite documents no event `something.new`"},
};

START_TEST(warning_is_told)
{
  struct kh_test_rules made;

  kh_test_rules_open(&made, warnings[_i].entry, NULL);
  ck_assert_int_eq(made.err, KH_OK);
  ck_assert_uint_eq(made.rules.count, 1);
  check_said(&made, warnings[_i].said);
  kh_test_rules_close(&made);
}
END_TEST

START_TEST(events_have_a_limit)
{
  struct kh_test_rules made;
  struct kh_buf entry;

  kh_buf_init(&entry, 4096);
  (void)kh_buf_add(&entry, KH_STR("- log:\n  events:\n"));
  for (int i = 0; i < KH_MATCH_EVENTS_MAX; i++)
    (void)kh_buf_add(&entry, KH_STR("    - ping\n"));
  kh_test_rules_open(&made, kh_buf_text(&entry), NULL);
  ck_assert_int_eq(made.err, KH_OK);
  ck_assert_uint_eq(made.rules.at[0].match.event_count, KH_MATCH_EVENTS_MAX);
  kh_test_rules_close(&made);

  (void)kh_buf_add(&entry, KH_STR("    - ping\n"));
  kh_test_rules_open(&made, kh_buf_text(&entry), NULL);
  ck_assert_int_eq(made.err, KH_ERR_CONFIG);
  check_said(&made, "38:7 at most 32 events can be named");
  kh_test_rules_close(&made);
  kh_buf_release(&entry);
}
END_TEST

START_TEST(a_branch_of_any_length_is_decided)
{
  enum { BRANCH_BYTES = 100 * 1000 };
  struct kh_test_rules made;
  struct kh_test_event event;
  struct kh_buf body;

  kh_buf_init(&body, 2 * BRANCH_BYTES);
  (void)kh_buf_add(&body, KH_STR("{\"event\":\"build.finished\",\"build\":{\"branch\":\"\\u0041"));
  for (int i = 0; i < BRANCH_BYTES; i++)
    (void)kh_buf_add_byte(&body, 'b');
  (void)kh_buf_add(&body, KH_STR("z\"}}"));
  ck_assert_int_eq(kh_buf_ok(&body), KH_OK);
  kh_test_event_read(&event, kh_buf_view(&body));
  kh_test_rules_open(&made, "- log:\n  branches: A*z\n- log:\n  branches: A*y\n", NULL);
  ck_assert_int_eq(made.err, KH_OK);
  ck_assert(kh_test_matches(&made.rules.at[0], &event.event));
  ck_assert(!kh_test_matches(&made.rules.at[1], &event.event));
  kh_test_rules_close(&made);
  kh_test_event_release(&event);
  kh_buf_release(&body);
}
END_TEST

static Suite *match_suite(void)
{
  Suite *suite = suite_create("match");
  TCase *match = kh_test_case(suite, "match");
  TCase *compile = kh_test_case(suite, "compile");

  tcase_add_loop_test(match, matches, 0, (int)KH_COUNT(rows));
  tcase_add_test(match, every_documented_event_can_be_named);
  tcase_add_test(match, a_branch_of_any_length_is_decided);
  tcase_add_loop_test(compile, mistake_is_told, 0, (int)KH_COUNT(mistakes));
  tcase_add_loop_test(compile, warning_is_told, 0, (int)KH_COUNT(warnings));
  tcase_add_test(compile, events_have_a_limit);
  return suite;
}

int main(void)
{
  return kh_test_main(match_suite());
}
