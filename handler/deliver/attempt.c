#include "base/base.h"

#include "deliver/answer.h"
#include "deliver/attempt.h"
#include "deliver/grant.h"
#include "deliver/policy.h"
#include "rules/decision.h"

enum { LEAST_MS = 20, NO_MEMORY_US = 10 * 1000 * 1000 };

static int64_t timeout_ms(const struct kh_outbox *outbox)
{
  int64_t left_ms = (outbox->until_us - kh_clock_ticks_us(outbox->clock)) / 1000;

  if (outbox->until_us == 0 || left_ms > KH_SEND_TIMEOUT_MS)
    return KH_SEND_TIMEOUT_MS;
  return left_ms;
}

/* Whose mail it is, which servers like to repeat. */
static struct kh_str local_part(const char *address)
{
  struct kh_str rest = kh_str_of(address);

  return kh_str_cut(&rest, '@');
}

/* The call for a grant, where ATTEMPT needs one and nobody has one yet. KH_ERR_NOT_FOUND: it needs none. */
static enum kh_err ask_for_grant(const struct kh_outbox *outbox, struct kh_attempt *attempt, int64_t now_us)
{
  enum kh_err err = KH_ERR_NOT_FOUND;

  if (!attempt->by->ask_grant || !kh_secret_is_empty(&attempt->grant))
    return KH_ERR_NOT_FOUND;
  if (outbox->grants)
    err = kh_grants_find(outbox->grants, attempt->delivery.credential, now_us, &attempt->grant);
  if (err != KH_ERR_NOT_FOUND)
    return err ? err : KH_ERR_NOT_FOUND;
  err = attempt->by->ask_grant(attempt->rule, now_us, &attempt->proof, &attempt->exchange.request);
  attempt->asks_grant = !err;
  return err;
}

/* KH_ERR_NOT_FOUND: it need not ask. Where memory has nothing, only an earlier attempt can have made some. */
static enum kh_err look_first(const struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  const struct kh_told_by *told_by = attempt->by->told_by;
  struct kh_outgoing *request = &attempt->exchange.request;

  if (!told_by || !told_by->look || attempt->has_looked || attempt->told.text[0] ||
      (attempt->number == 1 && kh_queue_remembers(&outbox->queue)))
    return KH_ERR_NOT_FOUND;
  kh_outgoing_release(request);
  *request = (struct kh_outgoing){.verb = KH_GET};
  request->grant = kh_secret_is_empty(&attempt->grant) ? NULL : &attempt->grant;
  const enum kh_err err = told_by->look(attempt->rule, &attempt->delivery, request);
  attempt->looks = !err;
  return err;
}

/* What it sends first. */
static enum kh_err make_request(const struct kh_outbox *outbox, struct kh_attempt *attempt, int64_t now_us)
{
  const struct kh_rule *rule = attempt->rule;
  struct kh_outgoing *request = &attempt->exchange.request;

  kh_outgoing_release(request);
  *request = (struct kh_outgoing){.verb = KH_POST};
  enum kh_err err = ask_for_grant(outbox, attempt, now_us);
  if (err == KH_ERR_NOT_FOUND)
    err = look_first(outbox, attempt);
  if (err == KH_ERR_NOT_FOUND) {
    const bool has_grant = !kh_secret_is_empty(&attempt->grant);

    kh_outgoing_release(request);
    err = kh_rule_request(rule, &attempt->delivery, has_grant ? &attempt->grant : NULL,
                          attempt->told.text[0] ? &attempt->told : NULL, now_us, request);
  }
  err = err ? err : kh_secret_copy(&attempt->secret, &rule->secret);
  if (!err && kh_outgoing_is_mail(request))
    return kh_secret_set(&attempt->capability, local_part(request->mail.to));
  return err ? err : kh_secret_copy(&attempt->capability, &rule->capability);
}

static bool fail(struct kh_attempt *attempt, enum kh_err result, int64_t retry_at_us, const char *detail)
{
  (void)snprintf(attempt->detail, sizeof attempt->detail, "%s", detail);
  attempt->result = result;
  attempt->retry_at_us = retry_at_us;
  return false;
}

static bool must_ask(const struct kh_outbox *outbox, const struct kh_attempt *attempt, int64_t now_us)
{
  struct kh_secret found = {0};
  const bool has_grant = !kh_secret_is_empty(&attempt->grant) ||
                         (outbox->grants && kh_grants_find(outbox->grants, attempt->delivery.credential,
                                                           now_us, &found) == KH_OK);

  kh_secret_release(&found);
  return attempt->by->ask_grant && !has_grant;
}

bool kh_attempt_prepare(const struct kh_outbox *outbox, struct kh_attempt *attempt, bool is_asked)
{
  const int64_t left_ms = timeout_ms(outbox);
  const int64_t now_us = kh_clock_now_us(outbox->clock);

  kh_incoming_init(&attempt->exchange.answer);
  if (attempt->by->told_by)
    kh_buf_init(&attempt->exchange.answer.body, KH_TOLD_ANSWER_MAX_BYTES);
  /* What is sent without time for the answer may arrive all the same, and would be called failed. */
  if (left_ms < LEAST_MS)
    return fail(attempt, KH_ERR_DELIVERY_FAILED, now_us, "no time was left to send it");
  attempt->waits_for_grant = is_asked && must_ask(outbox, attempt, now_us);
  if (attempt->waits_for_grant)
    return true;
  enum kh_err err = make_request(outbox, attempt, now_us);
  attempt->exchange.request.timeout_ms = left_ms;
  if (err == KH_ERR_NO_MEMORY)
    return fail(attempt, KH_ERR_DELIVERY_FAILED, now_us + NO_MEMORY_US, "no memory");
  if (err == KH_ERR_CONFIG)
    return fail(attempt, KH_ERR_DESTINATION_REFUSED, attempt->delivery.expires_us,
                "the key of its service is no RSA key in PEM, of 2048 bits or more");
  return !err || fail(attempt, KH_ERR_RENDER, now_us, "no request can be made of it");
}

void kh_attempt_wait_for_rule(const struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  const int64_t since_us = kh_clock_ticks_us(outbox->clock) - outbox->rules_since_us;
  const int64_t left_us = (int64_t)KH_GONE_S * 1000000 - since_us;
  const bool goes_on = left_us > 0 && !outbox->once;

  (void)fail(attempt, KH_ERR_NOTIFIER_GONE, goes_on ? kh_clock_now_us(outbox->clock) + left_us : 0,
             "no rule of `notify` sends there; bring it back");
}

void kh_attempt_deliver(const struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  attempt->result = attempt->rule->notifier->deliver(&attempt->delivery, &outbox->log);
  if (attempt->result)
    (void)snprintf(attempt->detail, sizeof attempt->detail, "%s", kh_err_token(attempt->result));
}

static struct kh_verdict judge(const struct kh_notifier *notifier, const struct kh_incoming *answer,
                               int64_t now_us)
{
  const enum kh_err err = kh_policy_judge(answer->status);
  struct kh_verdict verdict = {.err = err, .retry_after_s = err ? answer->retry_after_s : -1};

  if (notifier->judge && answer->status > 0)
    notifier->judge(answer, now_us, &verdict);
  return verdict;
}

static void describe(struct kh_attempt *attempt, const char *note)
{
  const struct kh_incoming *answer = &attempt->exchange.answer;
  const char *protocol = kh_outgoing_is_mail(&attempt->exchange.request) ? "SMTP" : "HTTP";
  char *detail = attempt->detail;
  size_t room = sizeof attempt->detail;

  if (answer->status == 0)
    (void)snprintf(detail, room, "%s", answer->problem[0] ? answer->problem : "no answer");
  else if (note[0])
    (void)snprintf(detail, room, "%s %d: %s", protocol, answer->status, note);
  else
    (void)snprintf(detail, room, "%s %d%s%.200s", protocol, answer->status,
                   answer->problem[0] ? ", then " : "", answer->problem);
}

/* When it is tried again, if it is at all; a refusal waits for a new configuration until its time is over. */
static void plan(struct kh_outbox *outbox, struct kh_attempt *attempt, int64_t retry_after_s, int64_t now_us)
{
  const int64_t expires_us = attempt->delivery.expires_us;

  attempt->failures = attempt->delivery.failures + 1;
  attempt->rest_until_us = now_us + kh_policy_rest_us(attempt->failures, retry_after_s);
  attempt->retry_at_us = now_us +
                         kh_policy_delay_us(attempt->result, attempt->number, retry_after_s, &outbox->jitter);
  if (attempt->result == KH_ERR_DESTINATION_REFUSED && attempt->retry_at_us > expires_us)
    attempt->retry_at_us = expires_us;
  else if (attempt->number >= KH_ATTEMPTS_MAX || attempt->retry_at_us >= expires_us)
    attempt->result = KH_ERR_DELIVERY_EXPIRED;
}

void kh_attempt_conclude(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  struct kh_incoming *answer = &attempt->exchange.answer;
  const struct kh_secret *const secrets[] = {&attempt->exchange.request.url, &attempt->secret,
                                             &attempt->capability, &attempt->grant, &attempt->proof};
  const int64_t now_us = kh_clock_now_us(outbox->clock);

  if (attempt->exchange.result)
    answer->status = 0;
  struct kh_verdict verdict = judge(attempt->by, answer, now_us);
  /* A grant that is not taken any more, although it should last: the next attempt asks for another one. */
  if (answer->status == 401 && !kh_secret_is_empty(&attempt->grant) && outbox->grants) {
    kh_grants_forget(outbox->grants, attempt->delivery.credential);
    verdict.err = KH_ERR_DELIVERY_FAILED;
  }
  if ((attempt->asks_grant || attempt->looks) && !verdict.err)
    verdict.err = KH_ERR_DELIVERY_FAILED;
  if (attempt->asks_grant)
    (void)snprintf(verdict.note, sizeof verdict.note, "in the call for a token");
  else if (attempt->looks)
    (void)snprintf(verdict.note, sizeof verdict.note, "in the look for what is there already");
  else if (!verdict.err && attempt->by->told_by && attempt->delivery.subject[0] &&
           !attempt->by->told_by->take(kh_buf_view(&answer->body), attempt->said))
    attempt->said[0] = '\0';
  attempt->result = verdict.err;
  attempt->remarkable = verdict.note[0] != '\0';
  attempt->is_of_credential = verdict.of_credential && verdict.err;
  describe(attempt, verdict.note);
  /* Of the answer's body only words are kept: it may echo what it was sent. */
  if (verdict.err && !attempt->asks_grant)
    kh_answer_keep(kh_buf_view(&answer->body), secrets, KH_COUNT(secrets), attempt->answer);
  attempt->asks_grant = attempt->looks = false;
  kh_wipe_buf(&answer->body);
  if (!outbox->once && (verdict.err == KH_ERR_DELIVERY_FAILED || verdict.err == KH_ERR_DESTINATION_REFUSED))
    plan(outbox, attempt, verdict.retry_after_s, now_us);
  else if (!outbox->once && verdict.retry_after_s > 0)
    attempt->rest_until_us = now_us + kh_policy_rest_us(0, verdict.retry_after_s);
}

/* ---- in steps ---- */

static bool take_grant(const struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  const struct kh_incoming *answer = &attempt->exchange.answer;
  int64_t until_us = 0;

  if (kh_policy_judge(answer->status) != KH_OK ||
      !attempt->by->take_grant(kh_buf_view(&answer->body), &attempt->grant, &until_us))
    return false;
  if (outbox->grants)
    kh_grants_keep(outbox->grants, attempt->delivery.credential, &attempt->grant, until_us);
  attempt->asks_grant = false;
  return true;
}

static bool take_look(const struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  const struct kh_incoming *answer = &attempt->exchange.answer;
  const struct kh_told_by *told_by = attempt->by->told_by;

  if (judge(attempt->by, answer, kh_clock_now_us(outbox->clock)).err)
    return false;
  const struct kh_rule *rule = kh_rules_for(outbox->rules, attempt->delivery.credential);
  if (!rule || !told_by->find(rule, &attempt->delivery, kh_buf_view(&answer->body), &attempt->told))
    attempt->told = (struct kh_told){0};
  attempt->looks = false;
  attempt->has_looked = true;
  return true;
}

static bool make_anew(struct kh_attempt *attempt)
{
  const struct kh_incoming *answer = &attempt->exchange.answer;

  if (!attempt->exchange.request.told || !attempt->by->told_by->is_gone(answer))
    return false;
  attempt->told = (struct kh_told){0};
  attempt->has_looked = true;
  return true;
}

bool kh_attempt_take_step(const struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  const bool is_step = !attempt->exchange.result && (attempt->asks_grant ? take_grant(outbox, attempt)
                                                     : attempt->looks    ? take_look(outbox, attempt)
                                                                         : make_anew(attempt));

  if (is_step)
    kh_wipe_buf(&attempt->exchange.answer.body);
  return is_step;
}

enum kh_err kh_attempt_recall(const struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  const struct kh_told_by *told_by = attempt->by->told_by;
  unsigned char what[KH_DIGEST_BYTES];

  if (!told_by || !told_by->look || !attempt->delivery.subject[0])
    return KH_OK;
  kh_answer_told(&attempt->delivery, attempt->by->is_state, what);
  const enum kh_err err = kh_queue_told(&outbox->queue, what, kh_clock_now_us(outbox->clock), &attempt->told);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

enum kh_err kh_attempt_tell(const struct kh_outbox *outbox, const struct kh_attempt *attempt)
{
  unsigned char what[KH_DIGEST_BYTES];

  if (!attempt->said[0])
    return KH_OK;
  kh_answer_told(&attempt->delivery, attempt->by->is_state, what);
  return kh_queue_tell(&outbox->queue, what, &attempt->delivery, attempt->said,
                       kh_clock_now_us(outbox->clock));
}

void kh_attempt_miss_grant(struct kh_outbox *outbox, struct kh_attempt *attempt)
{
  attempt->waits_for_grant = false;
  (void)snprintf(attempt->exchange.answer.problem, sizeof attempt->exchange.answer.problem,
                 "the call for a token, which another one made, failed");
  kh_attempt_conclude(outbox, attempt);
}

void kh_attempt_release(struct kh_attempt *attempt)
{
  kh_wipe_buf(&attempt->exchange.answer.body);
  kh_secret_release(&attempt->grant);
  kh_secret_release(&attempt->proof);
  kh_outgoing_release(&attempt->exchange.request);
  kh_secret_release(&attempt->secret);
  kh_secret_release(&attempt->capability);
  kh_delivery_release(&attempt->delivery);
}

bool kh_attempt_goes_on(const struct kh_outbox *outbox, const struct kh_attempt *attempt)
{
  return !outbox->once &&
         (attempt->result == KH_ERR_DELIVERY_FAILED || attempt->result == KH_ERR_DESTINATION_REFUSED ||
          (attempt->result == KH_ERR_NOTIFIER_GONE && attempt->retry_at_us > 0));
}
