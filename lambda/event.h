/*
 * event.h - the event of one invocation, and the answer that its sender understands.
 *
 * API Gateway, Function URLs and load balancers wrap an HTTP request into JSON, each in its own way; a person
 * may send the same by a direct invoke. kh_lambda_event_read finds out who sent it and makes a kh_request of
 * it; from there on nothing differs from a web server. What EventBridge brings is no request: that is for
 * receive/partner.h. Pure functions: no network, no environment, no clock.
 *
 * Sources: the Lambda, API Gateway and Elastic Load Balancing developer guides. event.c finds the sender,
 * event_request.c unwraps the request, event_response.c wraps the answer.
 */
#ifndef KH_LAMBDA_EVENT_H
#define KH_LAMBDA_EVENT_H

#include "base/json.h"
#include "receive/request.h"

enum kh_lambda_source {
  /* these carry an HTTP request */
  KH_LAMBDA_ALB,
  KH_LAMBDA_HTTP_API, /* payload format 2.0 */
  KH_LAMBDA_FUNCTION_URL,
  KH_LAMBDA_REST_API, /* also an HTTP API with payload format 1.0 */
  KH_LAMBDA_DIRECT,   /* method or httpMethod, headers, body, isBase64Encoded; VPC Lattice sends the same */

  KH_LAMBDA_EVENTBRIDGE, /* any, whoever it comes from */

  /* these are of no use here */
  KH_LAMBDA_SQS,
  KH_LAMBDA_SNS,
  KH_LAMBDA_SCHEDULE,
  KH_LAMBDA_UNKNOWN,

  KH_LAMBDA_SOURCE__COUNT
};

enum {
  KH_LAMBDA_PAYLOAD_MAX_BYTES = 6291556, /* what Lambda itself takes: 6 MiB and 100 bytes */
  KH_LAMBDA_ANSWER_MAX_BYTES = 6 * KH_RESPONSE_MAX_BYTES + 1024 /* every byte of the body escaped */
};

struct kh_lambda_event {
  enum kh_lambda_source source;
  bool multi_value; /* a load balancer's, with multiValueHeaders, which then wants them in the answer too */
  struct kh_request request;
};

/* True for the sources that carry an HTTP request and wait for an HTTP answer. */
bool kh_lambda_source_is_http(enum kh_lambda_source source);

/*
 * Reads PAYLOAD by DOC, which the caller keeps from event to event, and fills EVENT. Texts that need decoding
 * go into BODY, which is cleared first and needs a ceiling of at least PAYLOAD's length. EVENT borrows from
 * PAYLOAD and BODY.
 *
 * The request's transport is "lambda". Its body is exactly what was signed: JSON string and base64 are undone
 * strictly. Where that is not possible (half a surrogate pair, base64 that is not canonical, no string),
 * body_err is KH_ERR_BODY_CUT, DIAG says why, and the result is KH_OK: the receiver refuses and answers it
 * like any other request. platform_id is the sender's id, without the padding that API Gateway gives it;
 * absent for load balancers and direct invokes. A header sent twice is `repeated`, also where the sender
 * joined the two with a comma. Only a load balancer without multi-value headers hides it: it passes the last
 * one.
 *
 * Of an event from EventBridge it makes no request: DOC holds it for kh_partner_admit.
 *
 * KH_ERR_JSON_*, KH_ERR_NOT_AN_OBJECT, KH_ERR_LIMIT, KH_ERR_NO_MEMORY; KH_ERR_NOT_FOUND when there is neither
 * in it. DIAG then says what it looks like; it may name keys, never values.
 */
enum kh_err kh_lambda_event_read(struct kh_str payload, struct kh_json *doc, struct kh_buf *body,
                                 struct kh_lambda_event *event, struct kh_diag *diag) KH_MUST_USE;

/*
 * Appends the answer in the form that EVENT's sender wants; the body alone for EventBridge, which drops it.
 * RESPONSE's body is UTF-8; it is left out for HEAD. OUT needs at most KH_LAMBDA_ANSWER_MAX_BYTES.
 * KH_ERR_LIMIT, KH_ERR_NO_MEMORY.
 */
enum kh_err kh_lambda_response_write(const struct kh_lambda_event *event, const struct kh_response *response,
                                     struct kh_buf *out) KH_MUST_USE;

#endif
