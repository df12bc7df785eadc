#include "base/base.h"

#include "base/json.h"
#include "deliver/answer.h"
#include "deliver/outbox.h"

enum { LEAST_MS = 20 };

/* One try of one delivery, and what came of it. */
struct attempt {
  struct kh_delivery delivery;
  const struct kh_rule *rule; /* NULL when the destination is gone */
  unsigned number;            /* from 1; of one that was never sent, how many there were */
  int64_t started_us;         /* ticks */
  enum kh_err result;         /* KH_OK: delivered; KH_ERR_DELIVERY_FAILED: again later; else dead */
  int status;
  int64_t retry_at_us;
  char detail[256];
  bool remarkable; /* although it was delivered */
  char answer[KH_ANSWER_KEPT_BYTES];
};

/* ---- to the log ---- */

static const struct {
  const char *member;
  enum kh_log_key key;
} spoken[] = {
    {"text", KH_LOG_MESSAGE_TEXT}, {"event", KH_LOG_EVENT},   {"organization", KH_LOG_ORGANIZATION},
    {"pipeline", KH_LOG_PIPELINE}, {"branch", KH_LOG_BRANCH}, {"state", KH_LOG_STATE},
    {"url", KH_LOG_URL},
};

static void speak(struct kh_outbox *outbox, const struct kh_delivery *delivery, struct kh_json_value said)
{
  struct kh_log_line line;
  struct kh_buf text;
  int64_t build_number = 0;

  kh_buf_init(&text, KH_DELIVERY_MAX_BYTES);
  kh_log_begin(&line, &outbox->log, KH_INFO, "notification");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(delivery->entry));
  kh_log_text(&line, KH_LOG_DELIVERY, kh_str_of(delivery->id));
  kh_log_text(&line, KH_LOG_RULE, kh_str_of(delivery->rule));
  for (size_t i = 0; i < KH_COUNT(spoken); i++) {
    kh_buf_clear(&text);
    if (!kh_json_text(kh_json_get(said, kh_str_of(spoken[i].member)), &text))
      kh_log_text(&line, spoken[i].key, kh_buf_view(&text));
  }
  if (kh_json_int(kh_json_get(said, KH_STR("build_number")), &build_number))
    kh_log_number(&line, KH_LOG_BUILD_NUMBER, build_number);
  kh_log_end(&line, &outbox->log);
  kh_buf_release(&text);
}

/* What the log notifier renders is one object with at least a text. */
static enum kh_err send_to_log(struct kh_outbox *outbox, struct attempt *attempt)
{
  struct kh_json json;

  kh_json_init(&json, kh_json_default_limits);
  enum kh_err err = kh_json_read(&json, kh_buf_view(&attempt->delivery.body), NULL);
  if (!err && kh_json_type(kh_json_get(kh_json_root(&json), KH_STR("text"))) != KH_JSON_STRING)
    err = KH_ERR_RENDER;
  if (err)
    (void)snprintf(attempt->detail, sizeof attempt->detail, "%s", kh_err_token(err));
  else
    speak(outbox, &attempt->delivery, kh_json_root(&json));
  kh_json_release(&json);
  return err ? KH_ERR_RENDER : KH_OK;
}

/* ---- over the network ---- */

static int64_t timeout_ms(const struct kh_outbox *outbox)
{
  int64_t left_ms = (outbox->until_us - kh_clock_ticks_us(outbox->clock)) / 1000;

  if (outbox->until_us == 0 || left_ms > KH_SEND_TIMEOUT_MS)
    return KH_SEND_TIMEOUT_MS;
  return left_ms;
}

static struct kh_verdict judge(const struct kh_notifier *notifier, const struct kh_incoming *answer,
                               int64_t now_us)
{
  struct kh_verdict verdict = {.retry_after_s = answer->retry_after_s};

  if (answer->status >= 200 && answer->status <= 299)
    verdict.err = KH_OK;
  else
    verdict.err = kh_retry_may_help(answer->status) ? KH_ERR_DELIVERY_FAILED : KH_ERR_DELIVERY_REFUSED;
  if (notifier->judge && answer->status > 0)
    notifier->judge(answer, now_us, &verdict);
  return verdict;
}

static void describe(struct attempt *attempt, const struct kh_incoming *answer, const char *note)
{
  char *detail = attempt->detail;
  size_t room = sizeof attempt->detail;

  if (answer->status == 0)
    (void)snprintf(detail, room, "%s", answer->problem[0] ? answer->problem : "no answer");
  else if (note[0])
    (void)snprintf(detail, room, "HTTP %d: %s", answer->status, note);
  else
    (void)snprintf(detail, room, "HTTP %d%s%.200s", answer->status, answer->problem[0] ? ", then " : "",
                   answer->problem);
}

static enum kh_err send_over_http(struct kh_outbox *outbox, struct attempt *attempt)
{
  const struct kh_rule *rule = attempt->rule;
  struct kh_sent_headers headers = {.count = 0};
  const struct kh_outgoing request = {.verb = rule->verb,
                                      .url = &rule->url,
                                      .content_type = attempt->delivery.content_type,
                                      .body = kh_buf_view(&attempt->delivery.body),
                                      .timeout_ms = timeout_ms(outbox),
                                      .headers = &headers};
  struct kh_incoming answer;

  /* What is sent without time for the answer may arrive all the same, and would be called failed. */
  if (request.timeout_ms < LEAST_MS) {
    (void)snprintf(attempt->detail, sizeof attempt->detail, "no time was left to send it");
    attempt->retry_at_us = kh_clock_now_us(outbox->clock);
    return KH_ERR_DELIVERY_FAILED;
  }
  if (rule->notifier->sign)
    rule->notifier->sign(rule, &attempt->delivery, kh_clock_now_us(outbox->clock), &headers);
  /* Of the answer's body only words are kept: it may echo what it was sent. */
  kh_incoming_init(&answer);
  if (outbox->transport.send(outbox->transport.self, &request, &answer))
    answer.status = 0;
  const int64_t now_us = kh_clock_now_us(outbox->clock);
  const struct kh_verdict verdict = judge(rule->notifier, &answer, now_us);
  enum kh_err err = verdict.err;

  attempt->status = answer.status;
  attempt->remarkable = verdict.note[0] != '\0';
  describe(attempt, &answer, verdict.note);
  if (err == KH_ERR_DELIVERY_FAILED) {
    attempt->retry_at_us = now_us + kh_retry_delay_asked_us(attempt->number, verdict.retry_after_s);
    if (attempt->number >= KH_ATTEMPTS_MAX || attempt->retry_at_us >= attempt->delivery.expires_us)
      err = KH_ERR_DELIVERY_EXPIRED;
  }
  if (err)
    kh_answer_keep(kh_buf_view(&answer.body), (const struct kh_secret *const[]){&rule->url, &rule->secret}, 2,
                   attempt->answer);
  kh_buf_release(&answer.body);
  return err;
}

/* ---- what became of it ---- */

static bool is_tried_again(const struct kh_outbox *outbox, const struct attempt *attempt)
{
  return attempt->result == KH_ERR_DELIVERY_FAILED && !outbox->once;
}

static enum kh_err record(struct kh_outbox *outbox, const struct attempt *attempt)
{
  const struct kh_store_ops *ops = outbox->store.ops;
  const char *id = attempt->delivery.id;
  int64_t now_us = kh_clock_now_us(outbox->clock);
  char reason[sizeof attempt->detail + 64];

  const struct kh_failure why = {.reason = reason, .status = attempt->status, .answer = attempt->answer};
  enum kh_err err;

  (void)snprintf(reason, sizeof reason, "%s%s%s", kh_err_token(attempt->result),
                 attempt->detail[0] ? ": " : "", attempt->detail);
  if (attempt->result == KH_OK)
    err = ops->done(outbox->store.self, id, now_us);
  else if (is_tried_again(outbox, attempt))
    err = ops->retry_at(outbox->store.self, id, attempt->number, attempt->retry_at_us, &why);
  else
    err = ops->bury(outbox->store.self, id, attempt->number, now_us, &why);
  /* Somebody dropped it meanwhile, and no longer wants to know. */
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static void tell_observer(const struct kh_outbox *outbox, const struct attempt *attempt, enum kh_err recorded)
{
  const struct kh_attempted attempted = {
      .rule = attempt->delivery.rule,
      .notifier = attempt->delivery.notifier,
      .detail = attempt->detail,
      .result = recorded ? recorded : attempt->result,
      .duration_us = kh_clock_ticks_us(outbox->clock) - attempt->started_us,
  };

  if (outbox->observe)
    outbox->observe(outbox->observer, &attempted);
}

static void log_attempt(struct kh_outbox *outbox, const struct attempt *attempt, enum kh_err recorded)
{
  const struct kh_delivery *delivery = &attempt->delivery;
  enum kh_err err = recorded ? recorded : attempt->result;
  const char *detail = recorded ? kh_store_problem(&outbox->store) : attempt->detail;
  struct kh_log_line line;

  kh_log_begin(&line, &outbox->log, !err && attempt->remarkable ? KH_WARN : kh_err_level(err),
               "delivery attempt");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(delivery->entry));
  kh_log_text(&line, KH_LOG_EVENT, kh_str_of(delivery->event));
  kh_log_text(&line, KH_LOG_DELIVERY, kh_str_of(delivery->id));
  kh_log_text(&line, KH_LOG_RULE, kh_str_of(delivery->rule));
  kh_log_text(&line, KH_LOG_NOTIFIER, kh_str_of(delivery->notifier));
  kh_log_number(&line, KH_LOG_ATTEMPT, attempt->number);
  if (attempt->status >= 100 && attempt->status <= 599)
    kh_log_number(&line, KH_LOG_STATUS, attempt->status);
  kh_log_text(&line, KH_LOG_RESULT,
              attempt->result == KH_OK          ? KH_STR("delivered")
              : is_tried_again(outbox, attempt) ? KH_STR("retry")
                                                : KH_STR("dead"));
  kh_log_problem(&line, err, NULL);
  if (err || attempt->remarkable)
    kh_log_text(&line, KH_LOG_DETAIL, kh_str_of(detail));
  kh_log_number(&line, KH_LOG_DURATION_US, kh_clock_ticks_us(outbox->clock) - attempt->started_us);
  if (is_tried_again(outbox, attempt))
    kh_log_time(&line, KH_LOG_RETRY_AT, attempt->retry_at_us);
  kh_log_end(&line, &outbox->log);
}

/* ---- one after the other ---- */

static enum kh_err start(struct kh_outbox *outbox, struct attempt *attempt)
{
  int64_t now_us = kh_clock_now_us(outbox->clock);

  *attempt = (struct attempt){.started_us = kh_clock_ticks_us(outbox->clock)};
  enum kh_err err = outbox->store.ops->take(outbox->store.self, now_us, &attempt->delivery);
  if (err)
    return err;
  attempt->rule = kh_rules_for(outbox->rules, attempt->delivery.destination);
  attempt->number = attempt->delivery.attempt;
  if (!attempt->rule)
    attempt->result = KH_ERR_NOTIFIER_GONE;
  else if (now_us >= attempt->delivery.expires_us)
    attempt->result = KH_ERR_DELIVERY_EXPIRED;
  else
    attempt->number++;
  return KH_OK;
}

static bool is_networked(const struct attempt *attempt)
{
  return attempt->rule && attempt->result == KH_OK && attempt->rule->notifier->via == KH_VIA_HTTP;
}

/* Releases ATTEMPT. KH_OK when the outcome, whatever it is, was recorded. */
static enum kh_err finish(struct kh_outbox *outbox, struct attempt *attempt)
{
  if (is_networked(attempt))
    attempt->result = send_over_http(outbox, attempt);
  else if (attempt->result == KH_OK)
    attempt->result = send_to_log(outbox, attempt);
  enum kh_err err = record(outbox, attempt);
  log_attempt(outbox, attempt, err);
  tell_observer(outbox, attempt, err);
  kh_delivery_release(&attempt->delivery);
  return err;
}

enum kh_err kh_outbox_step(struct kh_outbox *outbox)
{
  struct attempt attempt;
  enum kh_err err = start(outbox, &attempt);

  if (err)
    return err;
  err = finish(outbox, &attempt);
  return err ? err : attempt.result;
}

static enum kh_err begin_batch(const struct kh_store *store, bool *in_batch)
{
  enum kh_err err = *in_batch ? KH_OK : store->ops->batch_begin(store->self);

  *in_batch = *in_batch || !err;
  return err;
}

static enum kh_err end_batch(const struct kh_store *store, bool *in_batch)
{
  enum kh_err err = *in_batch ? store->ops->batch_end(store->self) : KH_OK;

  *in_batch = false;
  return err;
}

enum kh_err kh_outbox_run(struct kh_outbox *outbox, size_t max, size_t *made)
{
  const struct kh_store *store = &outbox->store;
  bool in_batch = false;
  bool networked = false;
  enum kh_err err = KH_OK;

  for (*made = 0; *made < max && !networked && !err;) {
    struct attempt attempt;

    err = start(outbox, &attempt);
    if (err)
      break;
    networked = is_networked(&attempt);
    /* Nobody waits for the disk between two lines of a log, but what a stranger was told is noted at once. */
    err = networked ? end_batch(store, &in_batch) : begin_batch(store, &in_batch);
    if (err) {
      kh_delivery_release(&attempt.delivery);
      break;
    }
    err = finish(outbox, &attempt);
    (*made)++;
  }
  if (err && err != KH_ERR_NOT_FOUND) {
    if (in_batch)
      store->ops->batch_drop(store->self);
    return err;
  }
  return end_batch(store, &in_batch);
}
