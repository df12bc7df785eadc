#include "base/base.h"

#include "base/json.h"
#include "deliver/attempt.h"

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
enum kh_err kh_attempt_speak(struct kh_outbox *outbox, struct kh_attempt *attempt)
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

void kh_attempt_log(struct kh_outbox *outbox, const struct kh_attempt *attempt, enum kh_err recorded)
{
  const struct kh_delivery *delivery = &attempt->delivery;
  enum kh_err err = recorded ? recorded : attempt->result;
  const char *detail = recorded ? kh_batch_problem(&outbox->batch) : attempt->detail;
  struct kh_log_line line;

  kh_log_begin(&line, &outbox->log, !err && attempt->remarkable ? KH_WARN : kh_err_level(err),
               "delivery attempt");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(delivery->entry));
  kh_log_text(&line, KH_LOG_EVENT, kh_str_of(delivery->event));
  kh_log_text(&line, KH_LOG_DELIVERY, kh_str_of(delivery->id));
  kh_log_text(&line, KH_LOG_RULE, kh_str_of(delivery->rule));
  kh_log_text(&line, KH_LOG_NOTIFIER, kh_str_of(delivery->notifier));
  kh_log_number(&line, KH_LOG_ATTEMPT, attempt->number);
  if (attempt->exchange.answer.status >= 100 && attempt->exchange.answer.status <= 599)
    kh_log_number(&line, KH_LOG_STATUS, attempt->exchange.answer.status);
  kh_log_text(&line, KH_LOG_RESULT,
              attempt->result == KH_OK              ? KH_STR("delivered")
              : kh_attempt_goes_on(outbox, attempt) ? KH_STR("retry")
                                                    : KH_STR("dead"));
  kh_log_problem(&line, err, NULL);
  if (err || attempt->remarkable || attempt->exchange.answer.problem[0])
    kh_log_text(&line, KH_LOG_DETAIL, kh_str_of(detail));
  kh_log_number(&line, KH_LOG_DURATION_US, kh_clock_ticks_us(outbox->clock) - attempt->started_us);
  if (kh_attempt_goes_on(outbox, attempt))
    kh_log_time(&line, KH_LOG_RETRY_AT, attempt->retry_at_us);
  kh_log_end(&line, &outbox->log);
}
