#include "base/base.h"

#include "base/json.h"
#include "notify/github/github.h"

enum { LIMITED_S = 60 };

/* What GitHub says in words, as it stands in `message` or in one of `errors`. */
static bool says(struct kh_str body, const char *words)
{
  return body.len > 0 && memmem(body.at, body.len, words, strlen(words));
}

/* The limits of requests in an hour, and those for too many in too short a time. */
static bool is_limited(const struct kh_incoming *answer, struct kh_str body)
{
  return answer->status == 429 ||
         (answer->status == 403 &&
          (answer->retry_after_s >= 0 || answer->rate_left == 0 || says(body, "rate limit")));
}

static int64_t wait_s(const struct kh_incoming *answer, int64_t now_us)
{
  const int64_t left_s = answer->rate_left == 0 ? answer->rate_reset_s - now_us / 1000000 : 0;
  const int64_t asked_s = answer->retry_after_s > left_s ? answer->retry_after_s : left_s;

  return asked_s > 0 ? asked_s : LIMITED_S;
}

static const char *meaning(int status, struct kh_str body)
{
  if (status == 401)
    return "the token is not accepted";
  if (status == 403)
    return "the token does not allow it";
  if (status == 404)
    return "no such repository, or the token may not see it";
  if (status >= 300 && status < 400)
    return "the repository has another name now";
  if (status == 422 && says(body, "No commit found"))
    return "the repository has no such commit";
  if (status == 422 && says(body, "maximum number of statuses"))
    return "the commit has as many statuses of this context as it may";
  return "";
}

/*
 * Sources: docs.github.com/en/rest, "Commit statuses", "Check runs", "Rate limits for the REST API": without
 * a time to wait for it is at least a minute.
 */
void kh_github_judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict)
{
  const struct kh_str body = kh_buf_view(&answer->body);

  kh_verdict_doubt_page(answer, verdict);
  if (is_limited(answer, body)) {
    verdict->err = KH_ERR_DELIVERY_FAILED;
    verdict->retry_after_s = wait_s(answer, now_us);
    verdict->of_credential = true;
    (void)snprintf(verdict->note, sizeof verdict->note, "too many requests by this account");
  } else if (verdict->err && !verdict->note[0]) {
    (void)snprintf(verdict->note, sizeof verdict->note, "%s", meaning(answer->status, body));
  }
}
