#include "base/base.h"

#include "language/condition/condition.h"
#include "language/names/names_event.h"
#include "support/rules.h"
#include "support/suite.h"

/*
 * What the body says was read by hand, from fixtures/events; the rules are those of names_event.h's sources.
 */
static const struct {
  const char *fixture, *expression;
  bool expected;
} rows[] = {
    {"build_finished_failed", "build.state == 'failed' && build.number == 102 && build.branch == 'main'",
     true},
    {"build_finished_failed", "organization.slug == 'acme-kites' && pipeline.slug == 'kite-frame'", true},
    {"build_finished_failed", "event == 'build.finished'", true},
    {"build_finished_failed", "build.branch == pipeline.default_branch", true},
    {"build_finished_failed", "build.message =~ /spars/ && build.tag == null", true},
    {"build_finished_failed", "build.blocked", false},
    {"build_finished_failed", "build.blocked_state == null", true},
    {"build_finished_failed", "pipeline.started_failing", false},
    {"build_finished_failed", "pipeline.consecutive_failures == null", true},
    {"build_finished_failed", "build.env('NOT_SET') == null && env('NOT_SET') == ''", true},
    {"build_finished_failed", "env('BUILDKITE_BRANCH') == 'main'", true},
    {"build_finished_passed", "build.state == 'failed'", false},
    {"blocked_build", "build.state == 'blocked' && build.blocked && build.blocked_state == 'passed'", true},
    {"pull_request_id_string", "build.pull_request.id =~ /^[0-9]+$/", true},
    {"pull_request_null", "build.pull_request.id == null && build.pull_request.base_branch == null", true},
    {"author_string", "build.author.email =~ /@/ && build.author.name == null", true},
    {"author_object", "build.author.name != null", true},
    {"author_null", "build.author.name == null && build.author.email == null", true},
    {"creator_null", "build.creator.name == null", true},
    {"sender_string", "sender.name != null && sender.id == null", true},
    {"sender_object", "sender.id != null && sender.name != null", true},
    {"job_finished_failed", "job.state == 'failed' && job.exit_status != 0 && step.outcome == 'soft_failed'",
     true},
    {"job_finished_failed", "step.type == 'command' && step.state == 'finished'", true},
    {"job_finished_passed", "step.outcome == 'passed' && job.exit_status == 0", true},
    {"job_retried", "step.outcome == null && step.state == 'running'", true},
    {"job_retried", "step.outcome == 'hard_failed'", false},
    {"job_retried", "job.state == 'failed' && job.retried && job.name == null", true},
    {"build_canceled_while_blocked",
     "build.state == 'canceled' && !build.blocked && build.blocked_state == null", true},
    {"job_waiter", "step.type == 'wait'", true},
    {"exit_status_minus_one", "job.exit_status == -1", true},
    {"exit_status_null", "job.exit_status == null", true},
    {"agent_lost", "agent.name != null && event =~ /^agent/", true},
    {"meta_data_map", "build.meta_data('release') == '2.1.0' && build.meta_data('none') == null", true},
    {"ping", "organization.slug != null", true},
};

static bool decide(const struct kh_event *event, const char *expression, enum kh_entrypoint entrypoint,
                   struct kh_mistake *why)
{
  struct kh_names names = kh_names_event(event);
  struct kh_condition *condition = NULL;
  struct kh_mistake mistake = {0};

  ck_assert_msg(kh_condition_compile(&condition, kh_str_of(expression), KH_DIALECT_EXTENDED, entrypoint,
                                     &mistake) == KH_OK,
                "%s: %s", expression, mistake.text);
  bool holds = kh_condition_eval(condition, &names, NULL, why);

  /* What was found once is found again. */
  struct kh_names_found found;
  const struct kh_names once = kh_names_event_once(event, NULL, &found);
  for (int i = 0; i < 2; i++) {
    mistake = (struct kh_mistake){0};
    ck_assert_int_eq(kh_condition_eval(condition, &once, NULL, &mistake), holds);
    ck_assert_int_eq(mistake.kind, why->kind);
  }
  kh_names_found_release(&found);
  kh_condition_free(condition);
  return holds;
}

START_TEST(a_webhook_fills_the_names)
{
  struct kh_test_event made;
  struct kh_mistake why = {0};

  kh_test_event_of_fixture(&made, rows[_i].fixture);
  bool holds = decide(&made.event, rows[_i].expression, KH_ENTRYPOINT_STEP_NOTIFICATION, &why);
  ck_assert_msg(holds == rows[_i].expected && why.kind == KH_MISTAKE_NONE, "%s: %s is %d: %s",
                rows[_i].fixture, rows[_i].expression, holds, why.text);
  kh_test_event_release(&made);
}
END_TEST

/* A negative condition must not fire for what an event does not speak of. */
START_TEST(what_an_event_does_not_have_is_undecided)
{
  struct kh_test_event made;
  struct kh_mistake why = {0};

  kh_test_event_of_fixture(&made, "agent_lost");
  ck_assert(!decide(&made.event, "build.branch != 'main'", KH_ENTRYPOINT_BUILD_NOTIFICATION, &why));
  ck_assert_int_eq(why.kind, KH_MISTAKE_EVALUATION);
  why = (struct kh_mistake){0};
  ck_assert(decide(&made.event, "event == 'agent.lost' || build.state == 'failed'",
                   KH_ENTRYPOINT_BUILD_NOTIFICATION, &why));
  ck_assert_int_eq(why.kind, KH_MISTAKE_NONE);
  kh_test_event_release(&made);
}
END_TEST

static Suite *names_event_suite(void)
{
  Suite *suite = suite_create("names_event");
  TCase *cases = tcase_create("names_event");

  tcase_add_loop_test(cases, a_webhook_fills_the_names, 0, (int)KH_COUNT(rows));
  tcase_add_test(cases, what_an_event_does_not_have_is_undecided);
  suite_add_tcase(suite, cases);
  return suite;
}

int main(void)
{
  return kh_test_main(names_event_suite());
}
