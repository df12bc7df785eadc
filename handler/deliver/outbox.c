#include "base/base.h"

#include "deliver/attempt.h"

_Static_assert((int)KH_UNDER_WAY_MAX <= (int)KH_EXCHANGES_MAX, "a transport must take what is under way");

/* ---- what became of it ---- */

static enum kh_err record(struct kh_outbox *outbox, const struct kh_attempt *attempt)
{
  const struct kh_queue *queue = &outbox->queue;
  const char *id = attempt->delivery.id;
  int64_t now_us = kh_clock_now_us(outbox->clock);
  char reason[sizeof attempt->detail + 64];

  const struct kh_failure why = {.reason = reason,
                                 .status = attempt->exchange.answer.status,
                                 .answer = attempt->answer,
                                 .is_refusal = attempt->result == KH_ERR_DESTINATION_REFUSED,
                                 .failures = attempt->failures,
                                 .rest_until_us = attempt->rest_until_us};
  enum kh_err err;

  (void)snprintf(reason, sizeof reason, "%s%s%s", kh_err_token(attempt->result),
                 attempt->detail[0] ? ": " : "", attempt->detail);
  if (attempt->result == KH_OK)
    err = kh_queue_done(queue, id, now_us, attempt->rest_until_us);
  else if (kh_attempt_goes_on(outbox, attempt))
    err = kh_queue_retry(queue, id, attempt->number, attempt->retry_at_us, &why);
  else
    err = kh_queue_bury(queue, id, attempt->number, now_us, &why);
  /*
   * Somebody dropped it meanwhile, or a newer one replaced it; what its destination asked for counts all the
   * same.
   */
  if (err == KH_ERR_NOT_FOUND && attempt->rest_until_us > 0)
    err = kh_queue_rest(queue, attempt->delivery.credential, attempt->delivery.place, attempt->rest_until_us);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static void tell_observer(const struct kh_outbox *outbox, const struct kh_attempt *attempt,
                          enum kh_err recorded)
{
  const struct kh_attempted attempted = {
      .delivery = &attempt->delivery,
      .result = recorded ? recorded : attempt->result,
      .goes_on = kh_attempt_goes_on(outbox, attempt),
      .status = attempt->exchange.answer.status,
      .detail = attempt->detail,
      .duration_us = kh_clock_ticks_us(outbox->clock) - attempt->started_us,
  };

  if (outbox->observe)
    outbox->observe(outbox->observer, &attempted);
}

/* Releases what ATTEMPT holds. KH_OK when the outcome, whatever it is, was recorded. */
static enum kh_err finish(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  kh_attempt_learn_pace(outbox, attempt);
  enum kh_err err = record(outbox, attempt);

  kh_attempt_log(outbox, attempt, err);
  tell_observer(outbox, attempt, err);
  kh_attempt_release(attempt);
  return err;
}

/* ---- taking one ---- */

/* One at a time where the last one failed, and where several that hang would leave no room for the others. */
static bool is_full(const struct kh_outbox *outbox, const struct kh_attempt *attempt)
{
  const bool is_crowded = outbox->under_way_count >= KH_UNDER_WAY_MAX / 2;
  const unsigned most = attempt->by->at_once > 0 && !is_crowded ? attempt->by->at_once : 1;
  unsigned count = 0;

  for (size_t i = 0; i < outbox->under_way_count; i++)
    count += strcmp(outbox->under_way[i]->delivery.credential, attempt->delivery.credential) == 0 &&
             strcmp(outbox->under_way[i]->delivery.place, attempt->delivery.place) == 0;
  return attempt->delivery.failures > 0 || count >= most;
}

static void list_under_way(const struct kh_outbox *outbox, struct kh_under_way *list)
{
  list->count = outbox->under_way_count;
  for (size_t i = 0; i < list->count; i++) {
    const struct kh_attempt *attempt = outbox->under_way[i];

    list->at[i].id = attempt->delivery.id;
    list->at[i].credential = attempt->delivery.credential;
    list->at[i].place = attempt->delivery.place;
    list->at[i].is_full = is_full(outbox, attempt);
  }
}

static enum kh_err take(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  int64_t now_us = kh_clock_now_us(outbox->clock);
  struct kh_delivery *delivery = &attempt->delivery;
  struct kh_under_way under_way;

  *attempt = (struct kh_attempt){.started_us = kh_clock_ticks_us(outbox->clock)};
  list_under_way(outbox, &under_way);
  enum kh_err err = kh_queue_take(&outbox->queue, now_us, &under_way, delivery);
  if (err)
    return err;
  attempt->rule = kh_rules_for(outbox->rules, delivery->credential);
  attempt->number = delivery->attempt;
  if (!attempt->rule)
    attempt->result = KH_ERR_NOTIFIER_GONE;
  else if (now_us >= delivery->expires_us)
    attempt->result = KH_ERR_DELIVERY_EXPIRED;
  else
    attempt->number++;
  return KH_OK;
}

static bool is_networked(const struct kh_attempt *attempt)
{
  return attempt->rule && attempt->result == KH_OK && !attempt->rule->notifier->deliver;
}

/* Whoever has to wait for its pace is left for later. */
static enum kh_err start(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  enum kh_err err = take(outbox, attempt);

  while (!err && is_networked(attempt) && !kh_attempt_may_start(outbox, attempt)) {
    const struct kh_delivery *delivery = &attempt->delivery;

    err = kh_queue_rest(&outbox->queue, delivery->credential, delivery->place, attempt->rest_until_us);
    kh_delivery_release(&attempt->delivery);
    err = err ? err : take(outbox, attempt);
  }
  return err;
}

static void send_and_wait(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  struct kh_exchange *exchange = &attempt->exchange;

  if (!kh_attempt_prepare(outbox, attempt))
    return;
  exchange->result = kh_transport_send(&outbox->transport, exchange);
  kh_attempt_conclude(outbox, attempt);
}

enum kh_err kh_outbox_step(struct kh_outbox *outbox)
{
  struct kh_attempt attempt;
  enum kh_err err = start(outbox, &attempt);

  if (err)
    return err;
  if (is_networked(&attempt))
    send_and_wait(outbox, &attempt);
  else if (attempt.result == KH_OK)
    kh_attempt_deliver(outbox, &attempt);
  err = finish(outbox, &attempt);
  return err ? err : attempt.result;
}

/* ---- several at once ---- */

static struct kh_attempt *remove_ended(struct kh_outbox *outbox, const struct kh_exchange *exchange)
{
  for (size_t i = 0; i < outbox->under_way_count; i++) {
    struct kh_attempt *attempt = outbox->under_way[i];

    if (&attempt->exchange == exchange) {
      outbox->under_way[i] = outbox->under_way[--outbox->under_way_count];
      return attempt;
    }
  }
  return NULL;
}

/* What a stranger was told is noted at once. */
static enum kh_err finish_ended(struct kh_outbox *outbox, size_t *made)
{
  const struct kh_transport *transport = &outbox->transport;
  const struct kh_exchange *exchange = NULL;
  enum kh_err err = KH_OK;

  while (outbox->under_way_count > 0 && (exchange = transport->ended(transport->self))) {
    struct kh_attempt *attempt = remove_ended(outbox, exchange);

    kh_attempt_conclude(outbox, attempt);
    enum kh_err recorded = finish(outbox, attempt);
    err = err ? err : recorded;
    free(attempt);
    (*made)++;
  }
  return err;
}

/* ATTEMPT, which is on the stack of the caller, goes on its way from a place of its own. */
static enum kh_err begin(struct kh_outbox *outbox, struct kh_attempt *on_stack)
{
  struct kh_attempt *attempt = malloc(sizeof *attempt);

  if (!attempt) {
    kh_delivery_release(&on_stack->delivery);
    return KH_ERR_NO_MEMORY;
  }
  *attempt = *on_stack;
  if (kh_attempt_prepare(outbox, attempt)) {
    struct kh_exchange *exchange = &attempt->exchange;

    exchange->result = outbox->transport.begin(outbox->transport.self, exchange);
    if (!exchange->result) {
      outbox->under_way[outbox->under_way_count++] = attempt;
      return KH_OK;
    }
    kh_attempt_conclude(outbox, attempt);
  }
  enum kh_err err = finish(outbox, attempt);
  free(attempt);
  return err;
}

/* A batch that is open, or none. */
static enum kh_err have_batch(struct kh_outbox *outbox, bool wanted, bool *is_open)
{
  if (*is_open == wanted)
    return KH_OK;
  enum kh_err err = wanted ? kh_batch_begin(&outbox->batch) : kh_batch_end(&outbox->batch);

  *is_open = wanted && !err;
  return err;
}

/* Nobody waits for the disk between two lines of a log. */
static enum kh_err go_on(struct kh_outbox *outbox, struct kh_attempt *attempt, bool *in_batch)
{
  const bool networked = is_networked(attempt);
  enum kh_err err = have_batch(outbox, !networked, in_batch);

  if (err) {
    kh_delivery_release(&attempt->delivery);
    return err;
  }
  if (networked)
    return begin(outbox, attempt);
  if (attempt->result == KH_OK)
    kh_attempt_deliver(outbox, attempt);
  return finish(outbox, attempt);
}

enum kh_err kh_outbox_run(struct kh_outbox *outbox, size_t max, size_t *made)
{
  bool in_batch = false;

  *made = 0;
  enum kh_err err = finish_ended(outbox, made);
  while (*made < max && !err && outbox->under_way_count < KH_UNDER_WAY_MAX) {
    struct kh_attempt attempt;

    err = start(outbox, &attempt);
    if (err)
      break;
    err = go_on(outbox, &attempt, &in_batch);
    (*made)++;
  }
  if (err && err != KH_ERR_NOT_FOUND) {
    kh_batch_drop(&outbox->batch);
    return err;
  }
  return have_batch(outbox, false, &in_batch);
}

enum kh_err kh_outbox_next_due(struct kh_outbox *outbox, int64_t *at_us)
{
  struct kh_under_way under_way;

  if (outbox->under_way_count == KH_UNDER_WAY_MAX)
    return KH_ERR_NOT_FOUND;
  list_under_way(outbox, &under_way);
  return kh_queue_next_due(&outbox->queue, &under_way, at_us);
}

void kh_outbox_wait(struct kh_outbox *outbox, const int *fds, size_t count, int timeout_ms)
{
  outbox->transport.wait(outbox->transport.self, fds, count, timeout_ms);
}

void kh_outbox_cancel(struct kh_outbox *outbox)
{
  while (outbox->under_way_count > 0) {
    struct kh_attempt *attempt = outbox->under_way[--outbox->under_way_count];

    outbox->transport.cancel(outbox->transport.self, &attempt->exchange);
    kh_attempt_release(attempt);
    free(attempt);
  }
}

void kh_outbox_configure(const struct kh_transport *transport, const struct kh_config *config)
{
  if (transport->configure)
    transport->configure(transport->self, config->http_ca_file, &config->http_proxy);
}
