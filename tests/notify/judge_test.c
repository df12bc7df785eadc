/* What answers mean: of Slack a word counts whatever the status, and of a 2xx only `ok` is a delivery. */
#include "base/base.h"

#include "deliver/policy.h"
#include "notify/notifiers.h"
#include "support/suite.h"

enum { RETRY_AFTER_S = 30 };

static const int statuses[] = {200, 400, 403, 404, 410, 429, 500};

/* Of the errors that Slack names, by what helps. */
static const struct {
  enum kh_err err;
  const char *words;
} known[] = {
    {KH_ERR_DELIVERY_FAILED, "rate_limited ratelimited internal_error fatal_error service_unavailable "
                             "request_timeout rollup_error team_added_to_org org_login_required"},
    {KH_ERR_DESTINATION_REFUSED,
     "invalid_auth not_authed account_inactive token_revoked token_expired missing_scope "
     "not_allowed_token_type no_permission ekm_access_denied access_denied"},
    {KH_ERR_DESTINATION_REFUSED,
     "channel_not_found not_in_channel is_archived channel_is_archived restricted_action "
     "restricted_action_read_only_channel restricted_action_thread_only_channel user_not_found"},
    {KH_ERR_DESTINATION_REFUSED, "no_service no_service_id no_active_hooks no_team team_disabled "
                                 "invalid_token action_prohibited posting_to_general_channel_denied"},
    {KH_ERR_DELIVERY_REFUSED, "invalid_payload invalid_blocks invalid_blocks_format no_text msg_too_long "
                              "msg_blocks_too_long too_many_attachments invalid_arguments"},
};

static struct kh_verdict judge_by(const struct kh_notifier *notifier, int status, struct kh_str body,
                                  const char *problem)
{
  const enum kh_err err = kh_policy_judge(status);
  struct kh_verdict verdict = {.err = err, .retry_after_s = err ? RETRY_AFTER_S : -1};
  struct kh_incoming answer;

  kh_incoming_init(&answer);
  answer.status = status;
  answer.retry_after_s = RETRY_AFTER_S;
  (void)snprintf(answer.problem, sizeof answer.problem, "%s", problem);
  ck_assert_int_eq(kh_buf_add(&answer.body, body), KH_OK);
  notifier->judge(&answer, 1700000000 * INT64_C(1000000), &verdict);
  kh_buf_release(&answer.body);
  return verdict;
}

static struct kh_verdict judge(int status, struct kh_str body, const char *problem)
{
  return judge_by(&kh_notifier_slack, status, body, problem);
}

static void must_mean(int status, struct kh_str body, enum kh_err err, struct kh_str word)
{
  struct kh_verdict verdict = judge(status, body, "");

  ck_assert_msg(verdict.err == err, "%d %.*s: %s, not %s", status, KH_FMT(body), kh_err_token(verdict.err),
                kh_err_token(err));
  ck_assert_int_eq(verdict.retry_after_s, RETRY_AFTER_S);
  ck_assert_msg(kh_str_starts(kh_str_of(verdict.note), word), "%s", verdict.note);
}

START_TEST(a_word_counts_whatever_the_status)
{
  struct kh_str rest = kh_str_of(known[_i].words);

  while (rest.at) {
    const struct kh_str word = kh_str_cut(&rest, ' ');
    char wrapped[128];

    (void)snprintf(wrapped, sizeof wrapped, "{\"ok\":false,\"error\":\"%.*s\"}", KH_FMT(word));
    for (size_t i = 0; i < KH_COUNT(statuses); i++) {
      must_mean(statuses[i], word, known[_i].err, word);
      must_mean(statuses[i], kh_str_of(wrapped), known[_i].err, word);
    }
  }
}
END_TEST

/* What is no word of the list: the status says it, but for those that say "delivered". */
static const char *const others[] = {"",
                                     "<!DOCTYPE html><html>ok</html>",
                                     "OK",
                                     "ok ok",
                                     "okay",
                                     "o",
                                     "{\"error\":7}",
                                     "{\"error\":\"never_heard\"}",
                                     "{\"error\":",
                                     "no_text_",
                                     "no_tex",
                                     "planted-secret-9a8b7c"};

START_TEST(only_ok_is_a_delivery)
{
  const struct kh_str body = kh_str_of(others[_i]);

  for (int status = 200; status < 600; status++) {
    const enum kh_err by_status = kh_policy_judge(status);
    const struct kh_verdict verdict = judge(status, body, "");

    ck_assert_str_eq(kh_err_token(verdict.err), kh_err_token(by_status ? by_status : KH_ERR_DELIVERY_FAILED));
    ck_assert_int_eq(verdict.retry_after_s, RETRY_AFTER_S);
    ck_assert_str_eq(verdict.note, by_status ? "" : "without the `ok` that Slack says");
  }
}
END_TEST

static const struct {
  int status;
  const char *body, *problem;
  enum kh_err err;
} ends[] = {
    {200, "ok", "", KH_OK},
    {200, "ok\r\n", "", KH_OK},
    {201, "ok", "", KH_OK},
    {200, "ok", "the body was cut", KH_OK},
    {200, "o", "the body was cut", KH_OK}, /* it was taken, and would be told twice */
    {200, "", "the body was cut", KH_OK},
    {200, "<html", "the body was cut", KH_ERR_DELIVERY_FAILED},
    {200, "{\"ok\":true}", "", KH_OK},
    {200, "{\"ok\":true,\"channel\":\"C024BE91L\",\"ts\":\"1700000000.1\",\"message\":{\"te", "", KH_OK},
    {200, "{\"ok\":false,\"error\":\"never_heard\"}", "", KH_ERR_DELIVERY_FAILED},
    {500, "{\"ok\":true}", "", KH_ERR_DELIVERY_FAILED},
    {500, "ok", "", KH_ERR_DELIVERY_FAILED},
    {404, "ok", "", KH_ERR_DESTINATION_REFUSED},
    {400, "ok", "", KH_ERR_DELIVERY_REFUSED},
};

START_TEST(ok_needs_a_status_that_says_so_too)
{
  const struct kh_verdict verdict = judge(ends[_i].status, kh_str_of(ends[_i].body), ends[_i].problem);

  ck_assert_str_eq(kh_err_token(verdict.err), kh_err_token(ends[_i].err));
  ck_assert_int_eq(verdict.retry_after_s, ends[_i].err ? RETRY_AFTER_S : -1);
}
END_TEST

/* ---- the others ---- */

#define NTFY_ERROR(code) "{\"code\":" #code ",\"http\":400,\"error\":\"invalid request: planted\"}\n"

#define PAGERDUTY(message, error) "{\"status\":\"x\",\"message\":\"" message "\",\"errors\":[\"" error "\"]}"

#define GITHUB(message) "{\"message\":\"" message "\",\"documentation_url\":\"https://docs.github.com/rest\"}"

static const struct {
  const struct kh_notifier *notifier;
  int status;
  const char *body;
  enum kh_err err;
  const char *note;
} rows[] = {
    {&kh_notifier_ntfy, 200, "{\"id\":\"hwQ2YpKdmg\",\"event\":\"message\"}\n", KH_OK, ""},
    {&kh_notifier_ntfy, 200, "", KH_OK, ""},
    {&kh_notifier_ntfy, 200, " <!DOCTYPE html>", KH_ERR_DELIVERY_FAILED,
     "with a page, which something on the way said"},
    {&kh_notifier_ntfy, 400, NTFY_ERROR(40009), KH_ERR_DESTINATION_REFUSED,
     "ntfy.topic is none that this server allows"},
    {&kh_notifier_ntfy, 400, NTFY_ERROR(40010), KH_ERR_DESTINATION_REFUSED,
     "ntfy.topic is none that this server allows"},
    {&kh_notifier_ntfy, 400, NTFY_ERROR(40017), KH_ERR_DELIVERY_REFUSED, ""},
    {&kh_notifier_ntfy, 400, NTFY_ERROR("40010"), KH_ERR_DELIVERY_REFUSED, ""},
    {&kh_notifier_ntfy, 400, "40010", KH_ERR_DELIVERY_REFUSED, ""},
    {&kh_notifier_ntfy, 401, NTFY_ERROR(40101), KH_ERR_DESTINATION_REFUSED, ""},
    {&kh_notifier_ntfy, 403, NTFY_ERROR(40301), KH_ERR_DESTINATION_REFUSED, ""},
    {&kh_notifier_ntfy, 413, NTFY_ERROR(41303), KH_ERR_DELIVERY_REFUSED, ""},
    {&kh_notifier_ntfy, 429, NTFY_ERROR(42908), KH_ERR_DELIVERY_FAILED, ""},
    {&kh_notifier_ntfy, 502, "<html>", KH_ERR_DELIVERY_FAILED, ""},
    {&kh_notifier_pagerduty_change_event, 202, PAGERDUTY("processed", ""), KH_OK, ""},
    {&kh_notifier_pagerduty_change_event, 400, PAGERDUTY("Event object is invalid", "'payload' is missing"),
     KH_ERR_DELIVERY_REFUSED, ""},
    {&kh_notifier_pagerduty_change_event, 400, PAGERDUTY("Invalid routing key", ""),
     KH_ERR_DESTINATION_REFUSED, "the integration key is none, or of another service"},
    {&kh_notifier_pagerduty_change_event, 400,
     PAGERDUTY("Event object is invalid", "Length of 'routing_key' is incorrect (should be 32 characters)"),
     KH_ERR_DESTINATION_REFUSED, "the integration key is none, or of another service"},
    {&kh_notifier_pagerduty_change_event, 429, "", KH_ERR_DELIVERY_FAILED, ""},
    {&kh_notifier_pagerduty_change_event, 500, "", KH_ERR_DELIVERY_FAILED, ""},
    {&kh_notifier_pagerduty_change_event, 200, "<html>", KH_ERR_DELIVERY_FAILED,
     "with a page, which something on the way said"},
    {&kh_notifier_email, 250, "2.0.0 taken", KH_OK, ""},
    {&kh_notifier_email, 250, "<planted", KH_OK, ""},
    {&kh_notifier_email, 354, "", KH_ERR_DELIVERY_FAILED, ""},
    {&kh_notifier_email, 421, "", KH_ERR_DELIVERY_FAILED, ""},
    {&kh_notifier_email, 450, "", KH_ERR_DELIVERY_FAILED, ""},
    {&kh_notifier_email, 535, "", KH_ERR_DESTINATION_REFUSED,
     "it wants another login: `user` and `password` in services.email"},
    {&kh_notifier_email, 550, "", KH_ERR_DELIVERY_REFUSED, ""},
    {&kh_notifier_github_commit_status, 201, "{\"id\":1}", KH_OK, ""},
    {&kh_notifier_github_commit_status, 403, GITHUB("You have exceeded a secondary rate limit."),
     KH_ERR_DELIVERY_FAILED, "too many requests by this account"},
    {&kh_notifier_github_commit_status, 429, "", KH_ERR_DELIVERY_FAILED, "too many requests by this account"},
    {&kh_notifier_github_commit_status, 422, GITHUB("No commit found for SHA: planted"),
     KH_ERR_DELIVERY_REFUSED, "the repository has no such commit"},
    {&kh_notifier_github_commit_status, 422, GITHUB("Validation Failed"), KH_ERR_DELIVERY_REFUSED, ""},
    {&kh_notifier_github_commit_status, 404, GITHUB("Not Found"), KH_ERR_DESTINATION_REFUSED,
     "no such repository, or the token may not see it"},
    {&kh_notifier_github_commit_status, 401, GITHUB("Bad credentials"), KH_ERR_DESTINATION_REFUSED,
     "the token is not accepted"},
    {&kh_notifier_github_commit_status, 502, "<html>", KH_ERR_DELIVERY_FAILED, ""},
    {&kh_notifier_github_commit_status, 200, "<html>", KH_ERR_DELIVERY_FAILED,
     "with a page, which something on the way said"},
    {&kh_notifier_lifx, 200, "<html>", KH_ERR_DELIVERY_FAILED,
     "with a page, which something on the way said"},
    {&kh_notifier_lifx, 426, "<html>", KH_ERR_DESTINATION_REFUSED, "lifx.url must be https"},
};

START_TEST(others_are_understood)
{
  const struct kh_verdict verdict = judge_by(rows[_i].notifier, rows[_i].status, kh_str_of(rows[_i].body),
                                             "");

  ck_assert_str_eq(kh_err_token(verdict.err), kh_err_token(rows[_i].err));
  ck_assert_str_eq(verdict.note, rows[_i].note);
  ck_assert_int_eq(verdict.retry_after_s, rows[_i].err ? RETRY_AFTER_S : -1);
}
END_TEST

static Suite *judge_suite(void)
{
  Suite *suite = suite_create("judge");
  TCase *judged = kh_test_case(suite, "judge");

  tcase_add_loop_test(judged, a_word_counts_whatever_the_status, 0, (int)KH_COUNT(known));
  tcase_add_loop_test(judged, only_ok_is_a_delivery, 0, (int)KH_COUNT(others));
  tcase_add_loop_test(judged, ok_needs_a_status_that_says_so_too, 0, (int)KH_COUNT(ends));
  tcase_add_loop_test(judged, others_are_understood, 0, (int)KH_COUNT(rows));
  return suite;
}

int main(void)
{
  return kh_test_main(judge_suite());
}
