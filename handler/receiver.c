#include "base/base.h"

#include "base/json_put.h"
#include "base/utf8.h"
#include "kitehook.h"

enum { STUCK_AFTER_S = 60 };

/* What one webhook's log line and answer are made of. */
struct account {
  enum kh_err verdict;
  struct kh_diag diag;
  char request_id[KH_REQUEST_ID_BYTES];
  struct kh_verified verified;
  struct kh_event event;
  bool has_event;
  struct kh_kept kept;
  int64_t started_us, received_us;
};

void kh_receiver_init(struct kh_receiver *receiver, const struct kh_config *config, struct kh_sink sink,
                      const struct kh_clock *clock, struct kh_log log)
{
  struct kh_json_limits limits = kh_json_default_limits;

  if (config->max_body_bytes > limits.bytes)
    limits.bytes = (uint32_t)config->max_body_bytes;
  *receiver = (struct kh_receiver){.config = config, .sink = sink, .clock = clock, .log = log};
  kh_json_init(&receiver->json, limits);
}

void kh_receiver_release(struct kh_receiver *receiver)
{
  if (receiver->sink.ops)
    receiver->sink.ops->close(receiver->sink.self);
  kh_json_release(&receiver->json);
}

static struct kh_entry entry_of(const struct account *account, const struct kh_request *request)
{
  struct kh_entry entry = {.received_us = account->received_us, .verified = account->verified};

  memcpy(entry.request_id, account->request_id, sizeof entry.request_id);
  (void)snprintf(entry.transport, sizeof entry.transport, "%s", request->transport);
  return entry;
}

/*
 * A proven body that is no usable event is kept for a person to look at, and answered with why. Where it
 * cannot be kept, that is the answer: whoever sends it again then loses nothing.
 */
static enum kh_err keep_aside(struct kh_receiver *receiver, const struct kh_request *request,
                              struct account *account, enum kh_err reason)
{
  const struct kh_sink *sink = &receiver->sink;
  struct kh_entry entry = entry_of(account, request);
  struct kh_diag failure = {0};

  if (!sink->ops || !sink->ops->keep_aside || reason == KH_ERR_NO_MEMORY)
    return reason;
  /*
   * The header is not signed and may hold anything; the body, which may name its event itself, is what must
   * not be lost.
   */
  if (entry.verified.event_header.len >= KH_EVENT_NAME_BYTES || !kh_utf8_valid(entry.verified.event_header))
    entry.verified.event_header = KH_NO_STR;
  enum kh_err err = sink->ops->keep_aside(sink->self, &entry, reason, &account->diag, &account->kept,
                                          &failure);
  if (!err)
    return reason;
  account->diag = failure;
  return err;
}

static enum kh_err keep(struct kh_receiver *receiver, const struct kh_request *request,
                        struct account *account)
{
  const struct kh_sink *sink = &receiver->sink;
  const struct kh_entry entry = entry_of(account, request);

  return sink->ops ? sink->ops->keep(sink->self, &entry, &account->kept, &account->diag) : KH_OK;
}

/* Of what is proven, the event; and where it goes. */
static enum kh_err take(struct kh_receiver *receiver, const struct kh_request *request,
                        struct account *account)
{
  enum kh_err err = kh_event_read(&account->verified, &receiver->json, &account->event, &account->diag);

  if (err)
    return keep_aside(receiver, request, account, err);
  account->has_event = true;
  return keep(receiver, request, account);
}

static enum kh_err verify(const struct kh_receiver *receiver, const struct kh_request *request,
                          struct account *account)
{
  const struct kh_config *config = receiver->config;
  const struct kh_verifier verifier = {&config->signatures, &config->tokens, config->freshness_s};

  return kh_verify(&verifier, request, account->received_us / 1000000, &account->verified);
}

/* After a rotation the secret may be one that only its file or its store knows yet. */
static bool has_newer_secrets(struct kh_receiver *receiver, enum kh_err err)
{
  bool is_unknown = err == KH_ERR_SIGNATURE_MISMATCH || err == KH_ERR_TOKEN_MISMATCH;

  return is_unknown && receiver->refresh && receiver->refresh(receiver->owner);
}

/* The order of the steps is the security model: docs/SECURITY-MODEL.md. */
static enum kh_err judge(struct kh_receiver *receiver, const struct kh_request *request,
                         struct account *account)
{
  enum kh_err err = kh_request_check(request, receiver->config->max_body_bytes);

  if (err && err == request->body_err && request->body_problem)
    (void)kh_diag_set(&account->diag, err, "the event's %s", request->body_problem);
  if (err)
    return err;
  err = verify(receiver, request, account);
  if (has_newer_secrets(receiver, err))
    err = verify(receiver, request, account);
  return err ? err : take(receiver, request, account);
}

static int64_t oldest_entry_s(const struct account *account)
{
  const int64_t age_s = (account->received_us - account->kept.oldest_us) / 1000000;

  return account->kept.oldest_us > 0 && age_s > 0 ? age_s : 0; /* the clock may have been ahead */
}

/* Nobody works, or whoever was started or woken does not get anywhere. */
static bool is_stuck(const struct account *account)
{
  return account->kept.worker == KH_WORKER_ABSENT || oldest_entry_s(account) >= STUCK_AFTER_S;
}

static void answer_accepted(const struct account *account, struct kh_buf *out)
{
  kh_json_put_text_member(out, "verdict", KH_STR("accepted"));
  kh_json_put_text_member(out, "event", kh_str_of(account->event.name));
  kh_json_put_text_member(out, "request_id", kh_str_of(account->request_id));
  kh_json_put_bool_member(out, "kept", account->kept.is_kept);
  if (account->kept.is_kept)
    kh_json_put_text_member(out, "worker", kh_str_of(kh_worker_seen_token(account->kept.worker)));
  if (is_stuck(account))
    kh_json_put_int_member(out, "oldest_entry_s", oldest_entry_s(account));
}

static void answer_refused(const struct account *account, struct kh_buf *out)
{
  const bool unverified = kh_err_is_unverified(account->verdict);

  kh_json_put_text_member(out, "error",
                          kh_str_of(unverified ? "unauthorized" : kh_err_token(account->verdict)));
  if (!unverified && account->verified.by)
    kh_json_put_text_member(out, "request_id", kh_str_of(account->request_id));
  if (kh_err_status(account->verdict) == 502)
    kh_json_put_text_member(out, "detail", kh_str_of(account->diag.text));
}

/* The status is the answer; where memory is too short for the rest, it goes alone. */
static void answer(const struct account *account, struct kh_response *response)
{
  struct kh_buf *out = &response->body;

  response->status = kh_err_status(account->verdict);
  response->content_type = "application/json";
  response->allow = account->verdict == KH_ERR_METHOD ? "GET, HEAD, POST" : NULL;
  (void)kh_buf_add_byte(out, '{');
  if (account->verdict)
    answer_refused(account, out);
  else
    answer_accepted(account, out);
  if (kh_buf_add_byte(out, '}'))
    kh_buf_clear(out);
}

static void log_proof(const struct account *account, struct kh_log_line *line)
{
  const struct kh_verified *verified = &account->verified;

  if (!verified->by)
    return;
  kh_log_text(line, KH_LOG_PROOF, verified->proof == KH_PROOF_TOKEN ? KH_STR("token") : KH_STR("signature"));
  kh_log_text(line, KH_LOG_SECRET_NAME, kh_str_of(verified->by->name));
  if (verified->proof == KH_PROOF_SIGNATURE)
    kh_log_number(line, KH_LOG_SIGNATURE_AGE_S, account->received_us / 1000000 - verified->timestamp_s);
}

static void log_account(const struct kh_receiver *receiver, const struct kh_request *request,
                        const struct account *account, int status)
{
  struct kh_log_line line;
  enum kh_level level = kh_err_level(account->verdict);

  if (is_stuck(account) || (account->verified.by && account->verified.proof == KH_PROOF_TOKEN))
    level = level < KH_WARN ? KH_WARN : level;
  kh_log_begin(&line, &receiver->log, level, "webhook received");
  kh_log_text(&line, KH_LOG_TRANSPORT, kh_str_of(request->transport));
  kh_log_text(&line, KH_LOG_REQUEST_ID, kh_str_of(account->request_id));
  if (account->has_event)
    kh_event_log(&account->event, &line);
  kh_log_text(&line, KH_LOG_VERDICT, account->verdict ? KH_STR("refused") : KH_STR("accepted"));
  kh_log_problem(&line, account->verdict, account->verdict ? &account->diag : &account->kept.worker_diag);
  log_proof(account, &line);
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(account->kept.entry));
  if (account->kept.worker != KH_WORKER_UNKNOWN)
    kh_log_text(&line, KH_LOG_WORKER, kh_str_of(kh_worker_seen_token(account->kept.worker)));
  if (account->kept.oldest_us > 0)
    kh_log_number(&line, KH_LOG_OLDEST_ENTRY_S, oldest_entry_s(account));
  kh_log_number(&line, KH_LOG_STATUS, status);
  kh_log_number(&line, KH_LOG_BYTES, (int64_t)request->body.len);
  kh_log_number(&line, KH_LOG_DURATION_US, kh_clock_ticks_us(receiver->clock) - account->started_us);
  kh_log_end(&line, &receiver->log);
}

static void answer_reader(const struct kh_request *request, struct kh_response *response)
{
  response->status = 200;
  response->content_type = "text/plain; charset=utf-8";
  response->head = request->method == KH_METHOD_HEAD;
  (void)kh_buf_add(&response->body, KH_STR("kitehook: Buildkite webhooks are received here by POST\n"));
}

static struct account open_account(const struct kh_receiver *receiver, const struct kh_request *request)
{
  struct account account = {.verdict = KH_ERR_SIGNATURE_MISMATCH,
                            .started_us = kh_clock_ticks_us(receiver->clock),
                            .received_us = kh_clock_now_us(receiver->clock)};

  kh_request_id(request, account.request_id);
  return account;
}

static void settle(struct kh_receiver *receiver, const struct kh_request *request,
                   const struct account *account, struct kh_response *response)
{
  if (receiver->observe)
    receiver->observe(receiver->owner, account->verdict, account->has_event ? &account->event : NULL);
  answer(account, response);
  log_account(receiver, request, account, response->status);
}

void kh_receive(struct kh_receiver *receiver, const struct kh_request *request, struct kh_response *response)
{
  *response = (struct kh_response){.status = 500};
  kh_buf_init(&response->body, KH_RESPONSE_MAX_BYTES);
  if (request->method == KH_METHOD_GET || request->method == KH_METHOD_HEAD) {
    answer_reader(request, response);
    return;
  }
  struct account account = open_account(receiver, request);
  account.verdict = judge(receiver, request, &account);
  settle(receiver, request, &account, response);
}

enum kh_err kh_receive_partner(struct kh_receiver *receiver, const struct kh_partner *partner,
                               struct kh_response *response, struct kh_diag *diag)
{
  const struct kh_request request = {
      .body = partner->verified.body, .transport = "eventbridge", .platform_id = partner->id};
  struct account account = open_account(receiver, &request);

  *response = (struct kh_response){.status = 500};
  kh_buf_init(&response->body, KH_RESPONSE_MAX_BYTES);
  account.verified = partner->verified;
  account.verdict = request.body.len > receiver->config->max_body_bytes ? KH_ERR_TOO_LARGE
                                                                        : take(receiver, &request, &account);
  settle(receiver, &request, &account, response);
  *diag = account.diag;
  return account.verdict;
}
