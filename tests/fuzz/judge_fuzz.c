/*
 * Target: the judge of every notifier, and net/retry_after.c before it. Aborts where a verdict is none of
 * those that deliver/ knows, where an answer that is no 2xx counts as delivered, where the same answer gets
 * two verdicts, where a note is no clean text or shows what the answer echoes, where LIFX's lamps are counted
 * otherwise than jansson finds them, where what is remembered of an answer is not what jansson finds, and
 * where Slack takes anything but "ok" for a delivery.
 *
 * The input: a line each for the status, Retry-After, X-RateLimit-Remaining and X-RateLimit-Reset, then the
 * body, in which each @ stands for a token that the place echoes.
 */
#include "base/base.h"

#include "base/json.h"
#include "base/utf8.h"
#include "deliver/policy.h"
#include "fuzz/replay.h"
#include "net/retry_after.h"
#include "notify/notifiers.h"
#include "support/guard.h"

static const int64_t now_s = 1784000000;
static const char token[] = "c87c73a896b554367fac61f71dd3656af8d93a525a4e87df5952c6078a89d192";
enum { SHOWN_BYTES = 17 }; /* of a token: one more than a lamp's serial number may have */

static void need(bool is_so)
{
  if (!is_so)
    abort();
}

static int64_t number_or(struct kh_str text, int64_t otherwise)
{
  uint64_t number = 0;

  return kh_str_u64(text, &number) && number <= INT64_MAX ? (int64_t)number : otherwise;
}

/* The answer that INPUT describes; its body ends at the edge of a page. */
static void read_answer(struct kh_str input, struct kh_guard *guard, struct kh_incoming *answer)
{
  struct kh_buf body;

  kh_incoming_init(answer);
  answer->status = 100 + (int)(number_or(kh_str_cut(&input, '\n'), 0) % 500);
  answer->retry_after_s = kh_retry_after_s(kh_str_trim(kh_str_cut(&input, '\n')), now_s);
  answer->rate_left = number_or(kh_str_cut(&input, '\n'), -1);
  answer->rate_reset_s = number_or(kh_str_cut(&input, '\n'), -1);
  kh_buf_init(&body, SIZE_MAX);
  for (size_t i = 0; i < input.len; i++)
    need(kh_buf_add(&body, input.at[i] == '@' ? kh_str_of(token) : kh_str(input.at + i, 1)) == KH_OK);
  if (body.len > KH_ANSWER_MAX_BYTES)
    body.len = KH_ANSWER_MAX_BYTES;
  struct kh_str placed = kh_guard_end(guard, kh_buf_view(&body));
  answer->body.at = (char *)guard->map + (placed.at - (const char *)guard->map);
  answer->body.len = placed.len;
  kh_buf_release(&body);
}

/* As deliver/attempt.c begins it. */
static struct kh_verdict verdict_of(const struct kh_notifier *notifier, const struct kh_incoming *answer)
{
  const enum kh_err err = kh_policy_judge(answer->status);
  struct kh_verdict verdict = {.err = err, .retry_after_s = err ? answer->retry_after_s : -1};

  if (notifier->judge)
    notifier->judge(answer, now_s * 1000000, &verdict);
  return verdict;
}

static void check_note(const char *note, size_t room)
{
  const struct kh_str text = {note, strnlen(note, room)};

  need(text.len < room && kh_utf8_valid(text));
  for (size_t i = 0; i < text.len; i++)
    need((unsigned char)note[i] >= ' ' && note[i] != 0x7F);
  for (size_t i = 0; i + SHOWN_BYTES <= text.len; i++)
    need(!memmem(token, strlen(token), note + i, SHOWN_BYTES));
}

/* jansson's count of the lamps, where both readers take the body. */
static void check_lamps(const struct kh_incoming *answer, const struct kh_verdict *verdict)
{
  json_t *root = json_loadb(answer->body.at, answer->body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
  size_t index, good = 0;
  struct kh_json json;
  json_t *lamp;

  kh_json_init(&json, kh_json_default_limits);
  if (root && kh_json_read(&json, kh_buf_view(&answer->body), NULL) == KH_OK) {
    json_t *results = json_object_get(root, "results");
    const size_t count = json_array_size(results);

    json_array_foreach(results, index, lamp)
    {
      json_t *status = json_object_get(lamp, "status");

      good += json_string_length(status) == 2 && memcmp(json_string_value(status), "ok", 2) == 0;
    }
    if (kh_policy_judge(answer->status) == KH_OK && (json_is_array(results) || !results)) {
      need((verdict->err == KH_OK) == (count == 0 || good > 0));
      need((verdict->note[0] != '\0') == (good < count || (count == 0 && answer->status == 207)));
    }
  }
  kh_json_release(&json);
  json_decref(root);
}

static void check_ok(const struct kh_incoming *answer, const struct kh_verdict *verdict)
{
  size_t len = answer->body.len;

  while (len > 0 && strchr("\r\n", answer->body.at[len - 1]) && answer->body.at[len - 1])
    len--;
  const struct kh_str body = kh_str(answer->body.at, len);
  const bool is_ok = kh_str_equal(body, KH_STR("ok")) || kh_str_starts(body, KH_STR("{\"ok\":true"));
  need((verdict->err == KH_OK) == (is_ok && kh_policy_judge(answer->status) == KH_OK));
}

/* What is remembered of an answer, as jansson finds it there. */
static void check_told(const struct kh_notifier *notifier, const struct kh_incoming *answer)
{
  const bool is_slack = strcmp(notifier->name, "slack") == 0;
  char text[KH_TOLD_BYTES] = "", expected[512];

  if (!notifier->told_by || !notifier->told_by->take(kh_buf_view(&answer->body), text))
    return;
  check_note(text, sizeof text);
  json_t *root = json_loadb(answer->body.at, answer->body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
  json_t *second = json_object_get(root, is_slack ? "ts" : "status");
  need(json_is_string(second));
  if (is_slack)
    (void)snprintf(expected, sizeof expected, "%s %s", json_string_value(json_object_get(root, "channel")),
                   json_string_value(second));
  else
    (void)snprintf(expected, sizeof expected, "%" JSON_INTEGER_FORMAT " %s",
                   json_integer_value(json_object_get(root, "id")), json_string_value(second));
  need(strcmp(text, expected) == 0);
  json_decref(root);
}

static void check(const struct kh_notifier *notifier, const struct kh_incoming *answer)
{
  const struct kh_verdict verdict = verdict_of(notifier, answer);
  const struct kh_verdict again = verdict_of(notifier, answer);

  need(verdict.err == KH_OK || verdict.err == KH_ERR_DELIVERY_FAILED ||
       verdict.err == KH_ERR_DESTINATION_REFUSED || verdict.err == KH_ERR_DELIVERY_REFUSED);
  need(verdict.err != KH_OK || (answer->status >= 200 && answer->status <= 299));
  need(verdict.retry_after_s >= -1);
  check_note(verdict.note, sizeof verdict.note);
  need(verdict.err == again.err && verdict.retry_after_s == again.retry_after_s &&
       strcmp(verdict.note, again.note) == 0);
  if (verdict.err == KH_OK)
    check_told(notifier, answer);
  if (strcmp(notifier->name, "lifx") == 0)
    check_lamps(answer, &verdict);
  if (strcmp(notifier->name, "slack") == 0)
    check_ok(answer, &verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};
  struct kh_incoming answer;

  read_answer(kh_str((const char *)data, size), &guard, &answer);
  for (size_t i = 0; kh_notifiers[i]; i++)
    check(kh_notifiers[i], &answer);
  kh_guard_release(&guard);
  return 0;
}
