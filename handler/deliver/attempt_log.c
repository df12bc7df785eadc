#include "base/base.h"

#include "deliver/attempt.h"

/* Where nobody comes back, what is tried again elsewhere is dead. */
static enum kh_level level_of(const struct kh_outbox *outbox, const struct kh_attempt *attempt,
                              enum kh_err err)
{
  if (!err)
    return attempt->remarkable ? KH_WARN : KH_INFO;
  return kh_attempt_goes_on(outbox, attempt) ? kh_err_level(err) : KH_ERROR;
}

void kh_attempt_log(struct kh_outbox *outbox, const struct kh_attempt *attempt, enum kh_err recorded)
{
  const struct kh_delivery *delivery = &attempt->delivery;
  enum kh_err err = recorded ? recorded : attempt->result;
  const char *detail = recorded ? kh_batch_problem(&outbox->batch) : attempt->detail;
  struct kh_log_line line;

  kh_log_begin(&line, &outbox->log, level_of(outbox, attempt, err), "delivery attempt");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(delivery->entry));
  kh_log_text(&line, KH_LOG_EVENT, kh_str_of(delivery->event));
  if (kh_str_starts(kh_str_of(delivery->entry), KH_STR(KH_REPLAYED_PREFIX)))
    kh_log_text(&line, KH_LOG_VERDICT, kh_str_of(kh_reason_word(KH_REASON_REPLAYED)));
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
  kh_log_number(&line, KH_LOG_DURATION_US, attempt->duration_us);
  if (kh_attempt_goes_on(outbox, attempt))
    kh_log_time(&line, KH_LOG_RETRY_AT, attempt->retry_at_us);
  kh_log_end(&line, &outbox->log);
}
