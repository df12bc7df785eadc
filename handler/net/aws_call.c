#include "base/base.h"

#include "net/aws_call.h"
#include "net/aws_credentials.h"
#include "net/aws_error.h"

#include <poll.h>

enum { PAUSE_MS = 200 };

/* A body that grew would leave copies behind. */
static enum kh_err make_room(struct kh_incoming *answer)
{
  kh_incoming_init(answer);
  kh_buf_init(&answer->body, KH_AWS_ANSWER_MAX_BYTES);
  return kh_buf_reserve(&answer->body, KH_AWS_ANSWER_MAX_BYTES) ? KH_OK : KH_ERR_NO_MEMORY;
}

static bool is_passing(const struct kh_incoming *answer)
{
  char code[KH_AWS_CODE_BYTES] = "";

  if (answer->status >= 400)
    kh_aws_error_code(answer, code);
  return answer->status >= 500 || answer->status == 429 || kh_aws_error_is_busy(code);
}

static enum kh_err tell_refusal(const struct kh_aws_operation *operation, const char *region,
                                const struct kh_incoming *answer, struct kh_diag *why)
{
  const bool may_help = is_passing(answer);
  char code[KH_AWS_CODE_BYTES];
  char status[16];

  kh_aws_error_code(answer, code);
  (void)snprintf(status, sizeof status, "HTTP %d", answer->status);
  return kh_diag_set(why, may_help ? KH_ERR_DELIVERY_FAILED : KH_ERR_DELIVERY_REFUSED, "%s:%s in %s: %s; %s",
                     operation->service, operation->name, region, code[0] ? code : status,
                     kh_aws_error_cure(code, answer->status));
}

static enum kh_err judge(const struct kh_aws_operation *operation, const char *region,
                         const struct kh_incoming *answer, struct kh_diag *why)
{
  if (answer->status == 0 || (answer->status == 200 && answer->problem[0]))
    return kh_diag_set(
        why, KH_ERR_DELIVERY_FAILED,
        "%s:%s in %s: no answer (%s); a function inside a VPC needs a NAT gateway or an endpoint "
        "for %s",
        operation->service, operation->name, region,
        answer->problem[0] ? answer->problem : "no cause is known", operation->service);
  if (answer->status != 200)
    return tell_refusal(operation, region, answer, why);
  if (answer->body.len == KH_AWS_ANSWER_MAX_BYTES)
    return kh_diag_set(why, KH_ERR_LIMIT, "%s:%s in %s: the answer is longer than %d bytes",
                       operation->service, operation->name, region, KH_AWS_ANSWER_MAX_BYTES);
  return KH_OK;
}

/* At most what one exchange may take. */
static int64_t left_ms(const struct kh_aws *aws)
{
  int64_t left = aws->until_us ? (aws->until_us - kh_clock_ticks_us(aws->clock)) / 1000 : aws->timeout_ms;

  return left < aws->timeout_ms ? left : aws->timeout_ms;
}

static enum kh_err ask(const struct kh_aws *aws, const struct kh_outgoing *request,
                       const struct kh_aws_operation *operation, struct kh_buf *body, bool *again,
                       struct kh_diag *why)
{
  struct kh_exchange exchange = {.request = *request};
  struct kh_incoming *answer = &exchange.answer;
  enum kh_err err = KH_OK;

  *again = false;
  exchange.request.timeout_ms = left_ms(aws);
  if (exchange.request.timeout_ms <= 0)
    return kh_diag_set(why, KH_ERR_DELIVERY_FAILED, "%s:%s: no time was left to ask", operation->service,
                       operation->name);
  err = make_room(answer);
  if (err)
    return kh_diag_set(why, err, "no memory left for the answer of %s", operation->service);
  if (kh_transport_send(&aws->transport, &exchange))
    answer->status = 0;
  *again = is_passing(answer);
  err = judge(operation, request->aws->region, answer, why);
  if (err) {
    kh_wipe_buf(&answer->body);
    return err;
  }
  *body = answer->body;
  return KH_OK;
}

enum kh_err kh_aws_call(const struct kh_aws *aws, const struct kh_aws_operation *operation,
                        struct kh_str body, struct kh_buf *answer, struct kh_diag *why)
{
  struct kh_aws_credentials who;
  struct kh_outgoing request = {.content_type = KH_STR("application/x-amz-json-1.1"), .body = body};
  struct kh_diag first = {0};
  bool again = false;

  kh_buf_init(answer, 0);
  enum kh_err err = kh_aws_credentials_read(&who, aws->environment, why);
  if (!err)
    err = kh_aws_endpoint(aws->environment, operation->service, operation->endpoint_variable, who.region,
                          &request.url, why);
  if (err)
    goto done;

  const struct kh_aws_signing signing = {.region = who.region,
                                         .service = operation->service,
                                         .target = operation->target,
                                         .access_key_id = &who.access_key_id,
                                         .secret_access_key = &who.secret_access_key,
                                         .session_token = &who.session_token};
  request.aws = &signing;
  err = ask(aws, &request, operation, answer, &again, &first);
  again = again && left_ms(aws) > PAUSE_MS;
  if (err && again)
    (void)poll(NULL, 0, PAUSE_MS);
  if (err && again)
    err = ask(aws, &request, operation, answer, &again, why);
  else if (err)
    (void)kh_diag_set(why, err, "%s", first.text);

done:
  kh_aws_credentials_release(&who);
  kh_outgoing_release(&request);
  return err;
}
