#include "base/base.h"

#include "base/json.h"
#include "base/utf8.h"
#include "notify/lifx/answer.h"

enum { NAMED_MAX = 3, ID_MAX_BYTES = 16, HTTPS_NEEDED = 426 };

struct lamps {
  size_t all, good;
  struct kh_buf failed; /* "d073d5000001 offline, d073d5000002 timed_out" */
};

/* A serial number, which is too short to be a token that is echoed; labels are anybody's text. */
static bool is_id(struct kh_str text)
{
  return kh_str_is_of(text, "0123456789abcdef") && text.len <= ID_MAX_BYTES;
}

static void count_lamp(struct lamps *lamps, struct kh_json_value lamp)
{
  const struct kh_json_value status = kh_json_get(lamp, KH_STR("status"));
  const struct kh_str id = kh_json_raw(kh_json_get(lamp, KH_STR("id")));
  const size_t failed = lamps->all - lamps->good;

  lamps->all++;
  if (kh_json_text_is(status, KH_STR("ok"))) {
    lamps->good++;
    return;
  }
  const char *what = kh_json_text_is(status, KH_STR("offline"))     ? "offline"
                     : kh_json_text_is(status, KH_STR("timed_out")) ? "timed out"
                                                                    : "failed";

  if (failed < NAMED_MAX)
    (void)kh_buf_printf(&lamps->failed, "%s%.*s %s", failed ? ", " : "", is_id(id) ? (int)id.len : 6,
                        is_id(id) ? id.at : "a lamp", what);
  else if (failed == NAMED_MAX)
    (void)kh_buf_add(&lamps->failed, KH_STR(", …"));
}

static void judge_lamps(const struct kh_incoming *answer, struct kh_verdict *verdict)
{
  struct lamps lamps = {.all = 0};
  struct kh_json json;

  kh_buf_init(&lamps.failed, sizeof verdict->note);
  kh_json_init(&json, kh_json_default_limits);
  if (kh_json_read(&json, kh_buf_view(&answer->body), NULL) == KH_OK) {
    const struct kh_json_value results = kh_json_get(kh_json_root(&json), KH_STR("results"));

    for (struct kh_json_walk walk = kh_json_walk(results); kh_json_next(&walk);)
      count_lamp(&lamps, walk.value);
  }
  if (lamps.good < lamps.all)
    (void)snprintf(verdict->note, sizeof verdict->note, "%zu of %zu lamps: %s", lamps.good, lamps.all,
                   kh_buf_text(&lamps.failed));
  else if (lamps.all == 0 && answer->status == 207) /* such as a list too long to be kept */
    (void)snprintf(verdict->note, sizeof verdict->note, "what the lamps did is not known");
  if (lamps.all > 0 && lamps.good == 0)
    verdict->err = KH_ERR_DELIVERY_FAILED;
  kh_json_release(&json);
  kh_buf_release(&lamps.failed);
}

static const char *meaning(int status)
{
  static const struct {
    int status;
    const char *meaning;
  } known[] = {
      {401, "lifx.token is not accepted"},
      {403, "lifx.token does not allow it"},
      {404, "lifx.selector matches no lamp"},
      {422, "a colour, an effect or lifx.selector is not understood"},
      {HTTPS_NEEDED, "lifx.url must be https"},
      {429, "too many requests with this token"},
  };

  for (size_t i = 0; i < KH_COUNT(known); i++)
    if (known[i].status == status)
      return known[i].meaning;
  return "";
}

void kh_lifx_judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict)
{
  (void)snprintf(verdict->note, sizeof verdict->note, "%s", meaning(answer->status));
  kh_verdict_doubt_page(answer, verdict);
  if (verdict->err == KH_OK)
    judge_lamps(answer, verdict);
  if (answer->status == HTTPS_NEEDED)
    verdict->err = KH_ERR_DESTINATION_REFUSED;
  /* No further call before the window ends, or LIFX may lock the application out. */
  const bool is_used_up = answer->status == 429 || answer->rate_left == 0;
  if (is_used_up && answer->rate_reset_s > now_us / 1000000) {
    const int64_t left_s = answer->rate_reset_s - now_us / 1000000;

    if (left_s > verdict->retry_after_s)
      verdict->retry_after_s = left_s;
  }
}
