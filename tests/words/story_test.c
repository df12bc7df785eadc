#include "base/base.h"

#include "support/rules.h"
#include "support/suite.h"
#include "words/story.h"

#define PIPELINE "\"pipeline\":{\"name\":\"Web\",\"slug\":\"web\"}"

/* A build of pull request ID, both written as JSON, of a REPOSITORY at a PROVIDER. */
#define PULL(id, repository, provider)                                                         \
  "{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"pull_request\":{\"id\":" id \
  ",\"repository\":\"git://h.example/fork/"                                                    \
  "web.git\"}},\"pipeline\":{\"name\":\"Web\",\"repository\":\"" repository                    \
  "\",\"provider\":{\"id\":\"" provider "\"}}}"

static const struct {
  const char *body, *text, *url;
} pulls[] = {
    {PULL("\"8902\"", "git@h.example:acme/web.git", "github"), "pull request #8902",
     "https://h.example/acme/web/pull/8902"},
    {PULL("7", "https://bot:word@h.example:8443/acme/web", "github_enterprise"), "pull request #7",
     "https://h.example:8443/acme/web/pull/7"},
    {PULL("\"7\"", "ssh://git@h.example:2222/acme/sub/web.git", "gitlab_ee"), "pull request #7",
     "https://h.example/acme/sub/web/-/merge_requests/7"},
    {PULL("\"7\"", "git://h.example/acme/web.git", "bitbucket"), "pull request #7",
     "https://h.example/acme/web/pull-requests/7"},
    {PULL("\"7\"", "http://h.example/acme/web.git", "gitlab"), "pull request #7",
     "http://h.example/acme/web/-/merge_requests/7"},
    {PULL("\"7\"", "git@h.example:acme/web.git", "private"), "pull request #7", ""},
    {PULL("\"7\"", "/srv/git/web.git", "github"), "pull request #7", ""},
    {PULL("\"7\"", "", "github"), "pull request #7", ""},
    {PULL("\"7\"", "git@h.example:acme/we b", "github"), "pull request #7", ""},
    {PULL("\"7\"", "https://h.example/web?x=", "github"), "pull request #7", ""},
    {PULL("\"7\"", "https://a@b:c@h.example/web", "github"), "pull request #7",
     "https://h.example/web/pull/7"},
    {PULL("\"\"", "git@h.example:acme/web.git", "github"), NULL, NULL},
    {PULL("\"false\"", "git@h.example:acme/web.git", "github"), NULL, NULL},
    {PULL("\"7/../..\"", "git@h.example:acme/web.git", "github"), NULL, NULL},
    {PULL("12345678901", "git@h.example:acme/web.git", "github"), NULL, NULL},
    {PULL("-1", "git@h.example:acme/web.git", "github"), NULL, NULL},
    {PULL("null", "git@h.example:acme/web.git", "github"), NULL, NULL},
};

/* A build with SOURCE, and the JSON of its AUTHOR and CREATOR. */
#define BY(source, author, creator)                                                    \
  "{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"source\":\"" source \
  "\",\"author\":" author ",\"creator\":" creator "}," PIPELINE "}"

static const struct {
  const char *body;
  const char *line;
  const char *url;
  enum kh_mood mood;
} stories[] = {
    {"{\"event\":\"build.finished\",\"build\":{\"number\":42,\"state\":\"passed\",\"branch\":\"main\","
     "\"commit\":\"1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d\",\"message\":\"Fix it\\n\\nAt last\","
     "\"author\":{\"name\":\"Jane Doe\",\"email\":\"jane@example.com\"},\"creator\":{\"name\":\"Bot\"},"
     "\"web_url\":\"https://buildkite.com/acme/web/builds/42\","
     "\"started_at\":\"2026-01-02 03:04:05 UTC\",\"finished_at\":\"2026-01-02T03:07:17.500Z\"}," PIPELINE "}",
     "Web build #42 passed: Fix it (main, 1a2b3c4, by Jane Doe, took 3m 12s)",
     "https://buildkite.com/acme/web/builds/42", KH_MOOD_PASSED},
    {"{\"event\":\"build.finished\",\"build\":{\"number\":42,\"state\":\"failed\"}," PIPELINE "}",
     "Web build #42 failed", "", KH_MOOD_FAILED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"canceled\"},\"pipeline\":{\"name\":\"\",\"slug\":"
     "\"web\"}}",
     "web build was canceled", "", KH_MOOD_CANCELED},
    {"{\"event\":\"build.finished\",\"build\":{\"number\":1,\"state\":\"not_run\"},\"pipeline\":null}",
     "A pipeline build #1 was not run", "", KH_MOOD_SKIPPED},
    {"{\"event\":\"build.skipped\",\"build\":{\"number\":1,\"state\":\"skipped\"}," PIPELINE "}",
     "Web build #1 was skipped", "", KH_MOOD_SKIPPED},
    {"{\"event\":\"build.running\",\"build\":{\"number\":1,\"state\":\"running\"}," PIPELINE "}",
     "Web build #1 is running", "", KH_MOOD_RUNNING},
    {"{\"event\":\"build.scheduled\",\"build\":{\"number\":1,\"state\":\"scheduled\"}," PIPELINE "}",
     "Web build #1 is scheduled", "", KH_MOOD_SCHEDULED},
    {"{\"event\":\"build.failing\",\"build\":{\"number\":1,\"state\":\"failing\"}," PIPELINE "}",
     "Web build #1 is failing", "", KH_MOOD_WARNING},
    {"{\"event\":\"build.finished\",\"build\":{\"number\":1,\"state\":\"passed\",\"blocked\":true}," PIPELINE
     "}",
     "Web build #1 is blocked, passed so far", "", KH_MOOD_BLOCKED},
    {"{\"event\":\"build.finished\",\"build\":{\"number\":1,\"state\":\"failed\",\"blocked\":true}," PIPELINE
     "}",
     "Web build #1 is blocked, failed so far", "", KH_MOOD_BLOCKED},
    {"{\"event\":\"build.finished\",\"build\":{\"number\":1,\"state\":\"canceled\",\"blocked\":true}"
     "," PIPELINE "}",
     "Web build #1 was canceled", "", KH_MOOD_CANCELED},
    {"{\"event\":\"build.finished\",\"build\":{\"number\":1,\"state\":\"canceling\",\"blocked\":true}"
     "," PIPELINE "}",
     "Web build #1 finished (last seen as canceling)", "", KH_MOOD_NEWS},
    {"{\"event\":\"build.finished\",\"build\":{\"number\":1,\"state\":\"running\",\"blocked\":true}," PIPELINE
     "}",
     "Web build #1 is blocked", "", KH_MOOD_BLOCKED},
    {"{\"event\":\"build.finished\",\"build\":{\"number\":1,\"state\":\"running\"}," PIPELINE "}",
     "Web build #1 finished (last seen as running)", "", KH_MOOD_NEWS},
    {"{\"event\":\"build.finished\",\"build\":{\"number\":1,\"state\":\"frob\\u202enicated\\n\"}," PIPELINE
     "}",
     "Web build #1 is in state frobnicated", "", KH_MOOD_NEWS},
    {"{\"event\":\"build.finished\",\"build\":{\"number\":1,\"state\":null}," PIPELINE "}",
     "Web build #1 finished", "", KH_MOOD_NEWS},
    {"{\"event\":\"build.finished\",\"build\":null," PIPELINE "}", "Web build finished", "", KH_MOOD_NEWS},

    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"commit\":\"HEAD\",\"branch\":null,"
     "\"message\":null}," PIPELINE "}",
     "Web build passed (HEAD)", "", KH_MOOD_PASSED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"commit\":\"abcdefg\"}," PIPELINE "}",
     "Web build passed (abcdefg)", "", KH_MOOD_PASSED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"author\":\"jane@example.com\","
     "\"creator\":{\"name\":\"Jane\",\"email\":\"jane@example.com\"}}," PIPELINE "}",
     "Web build passed (by Jane)", "", KH_MOOD_PASSED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"author\":{\"name\":\"jane@example."
     "com\"},"
     "\"creator\":{\"name\":\"Jane <jane@example.com>\"}}," PIPELINE "}",
     "Web build passed (by Jane)", "", KH_MOOD_PASSED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"author\":\"jane@example.com\","
     "\"creator\":{\"name\":\"jane@example.com\"}}," PIPELINE "}",
     "Web build passed", "", KH_MOOD_PASSED},
    {BY("ui", "{\"name\":\"Jane\"}", "{\"name\":\"Mara\"}"), "Web build passed (by Jane, started by Mara)",
     "", KH_MOOD_PASSED},
    {BY("api", "{\"name\":\"Jane\"}", "{\"name\":\"Deploy Bot\"}"),
     "Web build passed (by Jane, started by Deploy Bot)", "", KH_MOOD_PASSED},
    {BY("ui", "{\"name\":\"Jane\"}", "{\"name\":\"Jane\"}"), "Web build passed (by Jane)", "",
     KH_MOOD_PASSED},
    {BY("ui", "{\"name\":\"Jane <jane@example.com>\"}", "{\"name\":\"Jane\"}"),
     "Web build passed (started by Jane)", "", KH_MOOD_PASSED},
    {BY("ui", "null", "{\"name\":\"Mara\"}"), "Web build passed (started by Mara)", "", KH_MOOD_PASSED},
    {BY("ui", "{\"name\":\"Jane\"}", "{\"name\":\"mara@example.com\"}"), "Web build passed (by Jane)", "",
     KH_MOOD_PASSED},
    {BY("ui", "{\"name\":\"Jane\"}", "null"), "Web build passed (by Jane)", "", KH_MOOD_PASSED},
    {BY("webhook", "{\"name\":\"Jane\"}", "{\"name\":\"Mara\"}"), "Web build passed (by Jane)", "",
     KH_MOOD_PASSED},
    {BY("schedule", "{\"name\":\"Jane\"}", "{\"name\":\"Mara\"}"), "Web build passed (by Jane)", "",
     KH_MOOD_PASSED},
    {BY("trigger_job", "null", "{\"name\":\"Mara\"}"), "Web build passed (by Mara)", "", KH_MOOD_PASSED},

    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"started_at\":null,"
     "\"finished_at\":\"2026-01-02 03:04:05 UTC\"}," PIPELINE "}",
     "Web build passed", "", KH_MOOD_PASSED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"started_at\":\"2026-01-02 03:04:06 "
     "UTC\","
     "\"finished_at\":\"2026-01-02 03:04:05 UTC\"}," PIPELINE "}",
     "Web build passed", "", KH_MOOD_PASSED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"web_url\":\"javascript:alert(1)\"}"
     "," PIPELINE "}",
     "Web build passed", "", KH_MOOD_PASSED},

    {"{\"event\":\"job.finished\",\"job\":{\"type\":\"script\",\"name\":\"Lint\",\"state\":\"failed\",\"exit_"
     "status\":1,"
     "\"soft_failed\":true,\"agent\":{\"name\":\"a-1\"},\"web_url\":\"https://b.example/j\"},"
     "\"build\":{\"number\":7,\"branch\":\"dev\",\"web_url\":\"https://b.example/b\"}," PIPELINE "}",
     "Lint in Web build #7 failed (exit status 1, soft failure) (dev, on a-1)", "https://b.example/j",
     KH_MOOD_FAILED},
    {"{\"event\":\"job.finished\",\"job\":{\"type\":\"script\",\"name\":null,\"step_key\":\"lint\",\"state\":"
     "\"passed\","
     "\"exit_status\":0,\"web_url\":null},\"build\":{\"number\":7,\"web_url\":\"https://b.example/"
     "b\"}," PIPELINE "}",
     "lint in Web build #7 passed (exit status 0)", "https://b.example/b", KH_MOOD_PASSED},
    {"{\"event\":\"job.finished\",\"job\":{\"type\":\"script\",\"state\":\"failed\",\"exit_status\":-1}"
     "," PIPELINE "}",
     "A job in Web build failed (exit status -1)", "", KH_MOOD_FAILED},
    {"{\"event\":\"job.finished\",\"job\":{\"type\":\"script\",\"name\":null,\"command\":\"\\r\\nmake  "
     "check\\nmake it\","
     "\"step_key\":\"check\",\"state\":\"failed\",\"exit_status\":1,\"retried\":true,\"retried_in_job_id\":"
     "\"j2\"},"
     "\"build\":{\"number\":7}," PIPELINE "}",
     "make check in Web build #7 failed (exit status 1, retried)", "", KH_MOOD_WARNING},
    {"{\"event\":\"job.finished\",\"job\":{\"type\":\"script\",\"name\":\"\",\"command\":\"make\",\"state\":"
     "\"timed_out\","
     "\"soft_failed\":true,\"retried\":true}," PIPELINE "}",
     "make in Web build timed out (soft failure, retried)", "", KH_MOOD_WARNING},
    {"{\"event\":\"job.finished\",\"job\":{\"name\":\"Lint\",\"state\":\"canceled\",\"retried\":true}"
     "," PIPELINE "}",
     "Lint in Web build was canceled (retried)", "", KH_MOOD_CANCELED},
    {"{\"event\":\"job.finished\",\"job\":{\"name\":\"Lint\",\"state\":\"failed\",\"retried\":false}"
     "," PIPELINE "}",
     "Lint in Web build failed", "", KH_MOOD_FAILED},
    {"{\"event\":\"job.finished\",\"job\":{\"type\":\"script\",\"name\":\"Lint\",\"command\":\"make\","
     "\"state\":\"passed\"}," PIPELINE "}",
     "Lint in Web build passed", "", KH_MOOD_PASSED},
    {"{\"event\":\"job.finished\",\"job\":{\"type\":\"waiter\"},\"build\":{\"number\":7}," PIPELINE "}",
     "A wait step in Web build #7 finished", "", KH_MOOD_NEWS},
    {"{\"event\":\"job.finished\",\"job\":{\"type\":\"trigger\",\"state\":\"timed_out\"},\"build\":{"
     "\"number\":7}," PIPELINE "}",
     "A trigger step in Web build #7 timed out", "", KH_MOOD_FAILED},
    {"{\"event\":\"job.activated\",\"job\":{\"type\":\"manual\",\"label\":\"Ship?\",\"state\":\"finished\"},"
     "\"build\":{\"number\":7}," PIPELINE "}",
     "Ship? in Web build #7 was unblocked", "", KH_MOOD_NEWS},
    {"{\"event\":\"job.activated\",\"job\":{\"type\":\"manual\"},\"build\":{\"number\":7}," PIPELINE "}",
     "A block step in Web build #7 was unblocked", "", KH_MOOD_NEWS},
    {"{\"event\":\"job.promised_exit_status\",\"job\":{\"name\":\"Lint\",\"state\":\"running\","
     "\"promised_exit_status\":3},\"build\":{\"number\":7}," PIPELINE "}",
     "Lint in Web build #7 will end with exit status 3", "", KH_MOOD_WARNING},
    {"{\"event\":\"job.promised_exit_status\",\"job\":{\"name\":\"Lint\",\"state\":\"running\"},\"build\":{"
     "\"number\":7}," PIPELINE "}",
     "Lint in Web build #7 is running", "", KH_MOOD_RUNNING},

    {"{\"event\":\"agent.lost\",\"agent\":{\"name\":\"a-1\",\"hostname\":\"box.example\","
     "\"web_url\":\"https://b.example/a\"}}",
     "Agent a-1 was lost (on box.example)", "https://b.example/a", KH_MOOD_WARNING},
    {"{\"event\":\"agent.connected\",\"agent\":{\"name\":\"a-1\"}}", "Agent a-1 connected", "", KH_MOOD_NEWS},
    {"{\"event\":\"agent.stopping\",\"agent\":null}", "Agent is stopping", "", KH_MOOD_NEWS},
    {"{\"event\":\"agent.paused\",\"agent\":{\"name\":\"a-1\"}}", "Agent a-1 paused", "", KH_MOOD_NEWS},
    {"{\"event\":\"agent.blocked\",\"blocked_ip\":\"192.0.2.7\",\"agent\":{\"name\":\"a-1\"}}",
     "Agent a-1 was blocked: its address is not allowed (address 192.0.2.7)", "", KH_MOOD_WARNING},
    {"{\"event\":\"cluster_token.registration_blocked\",\"blocked_ip\":\"192.0.2.7\","
     "\"cluster_token\":{\"description\":\"Mac "
     "fleet\",\"url\":\"https://api.buildkite.com/v2/organizations/acme/x\"}}",
     "Agent registration was blocked: the address is not allowed (address 192.0.2.7, token Mac fleet, in "
     "acme)",
     "", KH_MOOD_WARNING},
    {"{\"event\":\"ping\",\"organization\":{\"slug\":\"acme\",\"name\":\"ACME\"}}",
     "Ping from Buildkite: webhooks arrive here (acme)", "", KH_MOOD_NEWS},
    {"{\"event\":\"galaxy.collided\",\"organization\":{\"slug\":\"acme\"}}", "galaxy.collided (acme)", "",
     KH_MOOD_NEWS},
    {"{\"event\":\"package.created\",\"package\":{\"organization\":{\"slug\":\"acme\"}}}",
     "package.created (acme)", "", KH_MOOD_NEWS},
    {"{\"type\":\"passed_on_retry\"}", "An event without a name", "", KH_MOOD_NEWS},
    {"{}", "An event without a name", "", KH_MOOD_NEWS},
};

START_TEST(story_is_told)
{
  struct kh_test_event made;
  struct kh_story story;
  struct kh_buf line;

  kh_test_event_read(&made, kh_str_of(stories[_i].body));
  ck_assert_int_eq(kh_story_read(&story, &made.event, NULL), KH_OK);
  kh_buf_init(&line, 4096);
  kh_story_line(&story, &line);
  ck_assert_str_eq(kh_buf_text(&line), stories[_i].line);
  ck_assert_str_eq(kh_buf_text(&story.url), stories[_i].url);
  ck_assert_int_eq(story.mood, stories[_i].mood);
  kh_buf_release(&line);
  kh_story_release(&story);
  kh_test_event_release(&made);
}
END_TEST

START_TEST(pull_request_has_its_link)
{
  struct kh_test_event made;
  struct kh_story story;

  kh_test_event_read(&made, kh_str_of(pulls[_i].body));
  ck_assert_int_eq(kh_story_read(&story, &made.event, NULL), KH_OK);
  ck_assert_uint_eq(story.detail_count, pulls[_i].text ? 1 : 0);
  if (pulls[_i].text) {
    ck_assert_str_eq(kh_buf_text(&story.details[0].text), pulls[_i].text);
    ck_assert_str_eq(kh_buf_text(&story.details[0].url), pulls[_i].url);
  }
  kh_story_release(&story);
  kh_test_event_release(&made);
}
END_TEST

/* ---- what came before ---- */

static const struct {
  const char *event, *state;
  struct kh_run run, ended;
  enum kh_known started_passing;
  int64_t for_s;
  const char *jobs[5];
  const char *line;
} pasts[] = {
    {"build.finished", "failed", {1, 42, 1}, {0}, KH_NO, 0, {NULL}, "Web build #42 failed"},
    {"build.finished",
     "failed",
     {1, 42, 1},
     {0},
     KH_NO,
     0,
     {"Lint", "Unit  \ntests"},
     "Web build #42 failed (failed: Lint and Unit)"},
    {"build.failing",
     "failing",
     {3, 40, 1},
     {0},
     KH_NO,
     7500,
     {"Lint"},
     "Web build #42 is failing (failed: Lint, third time in a row since #40, for 2h 5m)"},
    {"build.finished",
     "failed",
     {12, 9, 0},
     {0},
     KH_NO,
     KH_UNKNOWN_NUMBER,
     {"a", "b", "c", "d", "e"},
     "Web build #42 failed (failed: a, b, c and 2 more, 12 times in a row since #9)"},
    {"build.finished",
     "passed",
     {0},
     {2, 40, 1},
     KH_YES,
     60,
     {NULL},
     "Web build #42 passed (fixed, was broken since #40, for 1m)"},
    {"build.finished", "passed", {0}, {0}, KH_NO, 0, {NULL}, "Web build #42 passed"},
    {"build.running", "running", {2, 40, 1}, {0}, KH_NO, 60, {"Lint"}, "Web build #42 is running"},
    /* memory knows better than this webhook, which came late */
    {"build.finished", "failed", {0}, {0}, KH_NO, 0, {"Lint"}, "Web build #42 failed"},
};

START_TEST(what_came_before_is_told)
{
  static struct kh_history history;
  struct kh_test_event made;
  struct kh_story story;
  struct kh_buf body, line;

  kh_history_none(&history, KH_HISTORY_THERE);
  history.run = pasts[_i].run;
  history.ended = pasts[_i].ended;
  history.started_passing = pasts[_i].started_passing;
  history.failing_for_s = history.ended_for_s = pasts[_i].for_s;
  for (; history.failed_count < 5 && pasts[_i].jobs[history.failed_count]; history.failed_count++)
    history.names[history.failed_count] = kh_str_of(pasts[_i].jobs[history.failed_count]);
  history.has_jobs = true;
  kh_buf_init(&body, 4096);
  ck_assert_int_eq(kh_buf_printf(&body,
                                 "{\"event\":\"%s\",\"build\":{\"number\":42,\"state\":\"%s\"}," PIPELINE "}",
                                 pasts[_i].event, pasts[_i].state),
                   KH_OK);
  kh_test_event_read(&made, kh_buf_view(&body));
  ck_assert_int_eq(kh_story_read(&story, &made.event, &history), KH_OK);
  kh_buf_init(&line, 4096);
  kh_story_line(&story, &line);
  ck_assert_str_eq(kh_buf_text(&line), pasts[_i].line);
  kh_buf_release(&line);
  kh_buf_release(&body);
  kh_story_release(&story);
  kh_test_event_release(&made);
}
END_TEST

static Suite *story_suite(void)
{
  Suite *suite = suite_create("story");
  TCase *story = kh_test_case(suite, "story");

  tcase_add_loop_test(story, story_is_told, 0, (int)KH_COUNT(stories));
  tcase_add_loop_test(story, what_came_before_is_told, 0, (int)KH_COUNT(pasts));
  tcase_add_loop_test(story, pull_request_has_its_link, 0, (int)KH_COUNT(pulls));
  return suite;
}

int main(void)
{
  return kh_test_main(story_suite());
}
