#include "base/base.h"

#include "deliver/attempt.h"
#include "deliver/policy.h"

_Static_assert((int)KH_UNDER_WAY_MAX <= (int)KH_EXCHANGES_MAX, "a transport must take what is under way");

/* ---- what became of it ---- */

/* PLACE: NULL for all of the credential's. */
static enum kh_err rest(const struct kh_outbox *outbox, const struct kh_attempt *attempt, const char *place)
{
  return kh_queue_rest(&outbox->queue, attempt->delivery.credential, place, kh_clock_now_us(outbox->clock),
                       attempt->rest_until_us);
}

/* Those who share a pace wait for it together: to look for each of them goes through all of them. */
static enum kh_err wait_for_pace(const struct kh_outbox *outbox, const struct kh_attempt *attempt)
{
  return rest(outbox, attempt, attempt->rule->notifier->rate.per_place ? attempt->delivery.place : NULL);
}

static enum kh_err record(struct kh_outbox *outbox, const struct kh_attempt *attempt)
{
  const struct kh_queue *queue = &outbox->queue;
  const char *id = attempt->delivery.id;
  int64_t now_us = kh_clock_now_us(outbox->clock);
  char reason[sizeof attempt->detail + 64];

  const struct kh_failure why = {.reason = reason,
                                 .status = attempt->exchange.answer.status,
                                 .answer = attempt->answer,
                                 .is_untried = attempt->number == attempt->delivery.attempt,
                                 .is_refusal = attempt->result == KH_ERR_DESTINATION_REFUSED ||
                                               attempt->result == KH_ERR_NOTIFIER_GONE,
                                 .failures = attempt->failures,
                                 .now_us = now_us,
                                 .rest_until_us = attempt->rest_until_us};
  enum kh_err err;

  (void)snprintf(reason, sizeof reason, "%s%s%s", kh_err_token(attempt->result),
                 attempt->detail[0] ? ": " : "", attempt->detail);
  err = kh_attempt_tell(outbox, attempt);
  if (err)
    return err;
  if (attempt->result == KH_OK)
    err = kh_queue_done(queue, id, attempt->delivery.failures, now_us, attempt->rest_until_us);
  else if (kh_attempt_goes_on(outbox, attempt))
    err = kh_queue_retry(queue, id, attempt->number, attempt->retry_at_us, &why);
  else
    err = kh_queue_bury(queue, id, attempt->number, now_us, &why);
  /*
   * Somebody dropped it meanwhile, or a newer one replaced it; what its destination asked for counts all the
   * same.
   */
  if (err == KH_ERR_NOT_FOUND && attempt->rest_until_us > 0)
    err = rest(outbox, attempt, attempt->delivery.place);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static void tell_observer(const struct kh_outbox *outbox, const struct kh_attempt *attempt)
{
  const struct kh_attempted attempted = {
      .delivery = &attempt->delivery,
      .result = attempt->result,
      .goes_on = kh_attempt_goes_on(outbox, attempt),
      .status = attempt->exchange.answer.status,
      .detail = attempt->detail,
      .duration_us = attempt->duration_us,
  };

  if (outbox->observe)
    outbox->observe(outbox->observer, &attempted);
}

static void release(struct kh_attempt *attempt)
{
  kh_attempt_release(attempt);
  free(attempt);
}

static void append(struct kh_attempts *list, struct kh_attempt *attempt)
{
  attempt->next = NULL;
  if (list->last)
    list->last->next = attempt;
  else
    list->first = attempt;
  list->last = attempt;
}

static struct kh_attempt *remove_first(struct kh_attempts *list)
{
  struct kh_attempt *first = list->first;

  if (first)
    list->first = first->next;
  if (!list->first)
    list->last = NULL;
  return first;
}

/* From here on it has an outcome, and is remembered until that is recorded. */
static void has_ended(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  attempt->duration_us = kh_clock_ticks_us(outbox->clock) - attempt->started_us;
  kh_attempt_learn_pace(outbox, attempt);
  append(&outbox->ended, attempt);
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

/* Whatever time has passed, or seems to: first it is tried. */
static bool is_too_old(const struct kh_outbox *outbox, const struct kh_delivery *delivery, int64_t now_us)
{
  const bool was_tried = delivery->attempt > 0 && delivery->since_us > outbox->since_us;

  return now_us >= delivery->expires_us && (was_tried || outbox->since_us == 0);
}

/* What one transaction is about. */
struct turn {
  bool in_batch;
  struct kh_attempts told;  /* whose outcome it records */
  struct kh_attempts local; /* that it counts, and that stay on this machine */
  size_t first;             /* of what it counts, among those under way */
  size_t made;
};

static enum kh_err have_batch(const struct kh_outbox *outbox, struct turn *turn)
{
  enum kh_err err = turn->in_batch ? KH_OK : kh_batch_begin(&outbox->batch);

  turn->in_batch = !err;
  return err;
}

static enum kh_err record_ended(struct kh_outbox *outbox, struct turn *turn, size_t max)
{
  enum kh_err err = KH_OK;

  for (size_t i = 0; !err && i < max && outbox->ended.first; i++) {
    err = have_batch(outbox, turn);
    if (!err)
      err = record(outbox, outbox->ended.first);
    if (!err)
      append(&turn->told, remove_first(&outbox->ended));
    turn->made += !err;
  }
  return err;
}

static struct kh_attempt *take(struct kh_outbox *outbox, int64_t now_us, enum kh_err *err)
{
  struct kh_attempt *attempt = calloc(1, sizeof *attempt);
  struct kh_under_way under_way;

  *err = KH_ERR_NO_MEMORY;
  if (!attempt)
    return NULL;
  list_under_way(outbox, &under_way);
  *err = kh_queue_take(&outbox->queue, now_us, &under_way, &attempt->delivery);
  if (*err) {
    release(attempt);
    return NULL;
  }
  attempt->started_us = kh_clock_ticks_us(outbox->clock);
  attempt->number = attempt->delivery.attempt;
  attempt->rule = kh_rules_for(outbox->rules, attempt->delivery.credential);
  if (is_too_old(outbox, &attempt->delivery, now_us) || attempt->number >= KH_ATTEMPTS_MAX)
    attempt->result = KH_ERR_DELIVERY_EXPIRED;
  else if (!attempt->rule)
    kh_attempt_wait_for_rule(outbox, attempt);
  return attempt;
}

/* Should it never come to an outcome, it waits as after one that failed. */
static enum kh_err count(struct kh_outbox *outbox, struct kh_attempt *attempt, int64_t now_us)
{
  uint64_t jitter = outbox->jitter;

  attempt->by = attempt->rule->notifier;
  attempt->number++;
  const enum kh_err err = kh_queue_count(
      &outbox->queue, attempt->delivery.id, attempt->number, now_us,
      now_us + kh_policy_delay_us(KH_ERR_DELIVERY_FAILED, attempt->number, -1, &jitter));
  return err ? err : kh_attempt_recall(outbox, attempt);
}

static enum kh_err take_next(struct kh_outbox *outbox, struct turn *turn)
{
  const int64_t now_us = kh_clock_now_us(outbox->clock);
  enum kh_err err = KH_OK;
  struct kh_attempt *attempt = take(outbox, now_us, &err);

  if (!attempt)
    return err;
  const bool waits = !attempt->result && !kh_attempt_may_start(outbox, attempt);
  err = have_batch(outbox, turn);
  if (!err && waits)
    err = wait_for_pace(outbox, attempt);
  else if (!err)
    err = attempt->result ? record(outbox, attempt) : count(outbox, attempt, now_us);
  turn->made += !err && !waits;
  if (err || waits)
    release(attempt);
  else if (attempt->result)
    append(&turn->told, attempt);
  else if (attempt->by->deliver)
    append(&turn->local, attempt);
  else
    outbox->under_way[outbox->under_way_count++] = attempt;
  return err == KH_ERR_NOT_FOUND && turn->in_batch ? KH_OK : err; /* dropped between take and batch */
}

/* Nothing of it happened, and nothing was sent. */
static void undo(struct kh_outbox *outbox, struct turn *turn)
{
  struct kh_attempt *attempt = NULL;

  kh_batch_drop(&outbox->batch);
  while ((attempt = remove_first(&outbox->ended)))
    append(&turn->told, attempt);
  outbox->ended = turn->told;
  while ((attempt = remove_first(&turn->local)))
    release(attempt);
  while (outbox->under_way_count > turn->first)
    release(outbox->under_way[--outbox->under_way_count]);
}

static void tell(struct kh_outbox *outbox, struct turn *turn)
{
  struct kh_attempt *attempt = NULL;

  while ((attempt = remove_first(&turn->told))) {
    outbox->last = attempt->result;
    kh_attempt_log(outbox, attempt, KH_OK);
    tell_observer(outbox, attempt);
    release(attempt);
  }
}

/* Does one of ATTEMPT's credential make the call for a grant just now? */
static bool is_asked(const struct kh_outbox *outbox, const struct kh_attempt *attempt)
{
  for (size_t i = 0; i < outbox->under_way_count; i++)
    if (outbox->under_way[i]->asks_grant &&
        strcmp(outbox->under_way[i]->delivery.credential, attempt->delivery.credential) == 0)
      return true;
  return false;
}

/* False when it ended there and then. */
static bool send(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  struct kh_exchange *exchange = &attempt->exchange;

  if (!kh_attempt_prepare(outbox, attempt, is_asked(outbox, attempt)))
    return false;
  if (attempt->waits_for_grant)
    return true;
  exchange->result = outbox->transport.begin(outbox->transport.self, exchange);
  if (exchange->result)
    kh_attempt_conclude(outbox, attempt);
  return !exchange->result;
}

static void send_all(struct kh_outbox *outbox, struct turn *turn)
{
  struct kh_attempt *attempt = NULL;
  size_t kept = turn->first;

  for (size_t i = turn->first; i < outbox->under_way_count; i++) {
    attempt = outbox->under_way[i];
    if (send(outbox, attempt))
      outbox->under_way[kept++] = attempt;
    else
      has_ended(outbox, attempt);
  }
  outbox->under_way_count = kept;
  while ((attempt = remove_first(&turn->local))) {
    kh_attempt_deliver(outbox, attempt);
    has_ended(outbox, attempt);
  }
}

/* Records up to RECORD_MAX outcomes and, when no other is left, counts and sends up to SEND_MAX. */
static enum kh_err make_turn(struct kh_outbox *outbox, size_t record_max, size_t send_max, size_t *made)
{
  struct turn turn = {.first = outbox->under_way_count};
  enum kh_err err = record_ended(outbox, &turn, record_max);

  for (size_t i = 0;
       !err && i < send_max && !outbox->ended.first && outbox->under_way_count < KH_UNDER_WAY_MAX; i++)
    err = take_next(outbox, &turn);
  if (err == KH_ERR_NOT_FOUND)
    err = KH_OK;
  if (!err && turn.in_batch)
    err = kh_batch_end(&outbox->batch);
  if (err) {
    undo(outbox, &turn);
    return err;
  }
  *made += turn.made;
  tell(outbox, &turn);
  send_all(outbox, &turn);
  return KH_OK;
}

/* By the rules of now: a rule may be gone since it was counted. */
static bool send_again(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  attempt->waits_for_grant = false;
  attempt->rule = kh_rules_for(outbox->rules, attempt->delivery.credential);
  if (attempt->rule)
    return send(outbox, attempt);
  kh_attempt_wait_for_rule(outbox, attempt);
  return false;
}

/* Number I of those under way goes on, after a step. */
static void go_on_alone(struct kh_outbox *outbox, size_t i)
{
  struct kh_attempt *attempt = outbox->under_way[i];

  if (send_again(outbox, attempt))
    return;
  outbox->under_way[i] = outbox->under_way[--outbox->under_way_count];
  has_ended(outbox, attempt);
}

/* What waited for the call that ATTEMPT made goes on with it: HAS_GRANT, or it has failed. */
static void go_on(struct kh_outbox *outbox, const struct kh_attempt *attempt, bool has_grant)
{
  for (size_t i = 0; i < outbox->under_way_count;) {
    struct kh_attempt *other = outbox->under_way[i];
    const bool waits = other->waits_for_grant &&
                       strcmp(other->delivery.credential, attempt->delivery.credential) == 0;

    if (waits && !has_grant)
      kh_attempt_miss_grant(outbox, other);
    if (!waits || (has_grant && send_again(outbox, other))) {
      i++;
      continue;
    }
    outbox->under_way[i] = outbox->under_way[--outbox->under_way_count];
    has_ended(outbox, other);
  }
}

static void collect_ended(struct kh_outbox *outbox)
{
  const struct kh_transport *transport = &outbox->transport;
  const struct kh_exchange *exchange = NULL;

  while (outbox->under_way_count > 0 && (exchange = transport->ended(transport->self)))
    for (size_t i = 0; i < outbox->under_way_count; i++) {
      struct kh_attempt *attempt = outbox->under_way[i];

      if (&attempt->exchange != exchange)
        continue;
      const bool asked = attempt->asks_grant;
      if (kh_attempt_take_step(outbox, attempt)) {
        go_on_alone(outbox, i);
        if (asked)
          go_on(outbox, attempt, true);
        break;
      }
      outbox->under_way[i] = outbox->under_way[--outbox->under_way_count];
      kh_attempt_conclude(outbox, attempt);
      if (asked)
        go_on(outbox, attempt, false);
      has_ended(outbox, attempt);
      break;
    }
}

enum kh_err kh_outbox_run(struct kh_outbox *outbox, size_t max, size_t *made)
{
  *made = 0;
  collect_ended(outbox);
  enum kh_err err = make_turn(outbox, max > 0 ? max : SIZE_MAX, max, made);
  /* An outcome alone may fit, and what is done makes room. */
  return err == KH_ERR_NO_SPACE && outbox->ended.first ? make_turn(outbox, 1, 0, made) : err;
}

enum kh_err kh_outbox_step(struct kh_outbox *outbox)
{
  size_t made = 0;
  enum kh_err err = kh_outbox_run(outbox, 1, &made);

  if (!err && made == 0)
    return KH_ERR_NOT_FOUND;
  while (!err && kh_outbox_is_busy(outbox)) {
    if (outbox->under_way_count > 0)
      kh_outbox_wait(outbox, NULL, 0, KH_SEND_TIMEOUT_MS);
    err = kh_outbox_run(outbox, 0, &made);
  }
  return err ? err : outbox->last;
}

enum kh_err kh_outbox_next_due(struct kh_outbox *outbox, int64_t *at_us)
{
  struct kh_under_way under_way;

  *at_us = kh_clock_now_us(outbox->clock);
  if (outbox->ended.first)
    return KH_OK;
  if (outbox->under_way_count == KH_UNDER_WAY_MAX)
    return KH_ERR_NOT_FOUND;
  list_under_way(outbox, &under_way);
  return kh_queue_next_due(&outbox->queue, &under_way, at_us);
}

void kh_outbox_wait(struct kh_outbox *outbox, const int *fds, size_t count, int timeout_ms)
{
  outbox->transport.wait(outbox->transport.self, fds, count, timeout_ms);
}

void kh_outbox_follow_clock(struct kh_outbox *outbox, int64_t step_us)
{
  /* Set back it would perhaps end too early: how old it is, the queue knows. */
  for (size_t i = 0; step_us > 0 && i < outbox->under_way_count; i++)
    outbox->under_way[i]->delivery.expires_us += step_us;
  for (struct kh_attempt *attempt = outbox->ended.first; attempt; attempt = attempt->next) {
    attempt->retry_at_us += step_us;
    if (attempt->rest_until_us > 0)
      attempt->rest_until_us += step_us;
  }
  outbox->paced_until_us += step_us;
  outbox->since_us = kh_clock_now_us(outbox->clock);
}

void kh_outbox_cancel(struct kh_outbox *outbox)
{
  struct kh_attempt *attempt = NULL;

  while (outbox->under_way_count > 0) {
    attempt = outbox->under_way[--outbox->under_way_count];
    if (!attempt->waits_for_grant)
      outbox->transport.cancel(outbox->transport.self, &attempt->exchange);
    release(attempt);
  }
  while ((attempt = remove_first(&outbox->ended))) {
    kh_attempt_log(outbox, attempt, KH_ERR_STORE);
    release(attempt);
  }
}

void kh_outbox_configure(const struct kh_transport *transport, const struct kh_config *config)
{
  if (transport->configure)
    transport->configure(transport->self, config->http_ca_file, &config->http_proxy);
}
