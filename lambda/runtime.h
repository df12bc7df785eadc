/*
 * runtime.h - the Lambda Runtime API, version 2018-06-01, as a loop of calls: next, then respond or fail,
 * then next.
 *
 * One invocation at a time over one kept loopback connection. Nothing here ends the process. Any error of
 * next, respond, fail or init_error means that the environment is broken: log lines have said why, and the
 * caller leaves with status 1. What only concerns one invocation (400, 410 and 413 to an answer) is logged
 * and is no error. No payload is ever logged.
 *
 * Source: "Using the Lambda runtime API for custom runtimes" of the AWS Lambda Developer Guide, and the
 * sources of aws-lambda-runtime-interface-emulator.
 */
#ifndef KH_RUNTIME_H
#define KH_RUNTIME_H

#include "base/log.h"
#include "lambda/http_client.h"

enum {
  KH_RUNTIME_PAYLOAD_MAX_BYTES = 6 * 1024 * 1024 + 100,
  KH_RUNTIME_POST_TIMEOUT_MS = 10000,
  KH_RUNTIME_DELIVERIES_MAX_MS = 4000,    /* Buildkite has been seen to give up at 5 s */
  KH_RUNTIME_RESERVE_MS = 250,            /* before the deadline, to answer in */
  KH_RUNTIME_DEFAULT_LEFT_MS = 5000,      /* of an invocation whose deadline is absent, past or absurd */
  KH_RUNTIME_LEFT_MAX_MS = 16 * 60 * 1000 /* more is absurd: functions have at most 15 minutes */
};

/* Views; they hold until the next kh_runtime_next or kh_runtime_close. */
struct kh_invocation {
  struct kh_str request_id;
  struct kh_str invocation_id; /* absent unless the platform gave one */
  struct kh_str trace_id;      /* absent likewise */
  struct kh_str payload;
  int64_t
      deadline_ms; /* unix time; always between now and now + KH_RUNTIME_LEFT_MAX_MS when the event came */
};

struct kh_runtime {
  struct kh_http_client client;
  struct kh_http_client_answer event; /* what next gave */
  struct kh_http_client_answer said;  /* what a post was answered */
  struct kh_buf target;
  struct kh_buf headers;
  const struct kh_log *log; /* its clock too */
  int64_t post_timeout_ms;  /* KH_RUNTIME_POST_TIMEOUT_MS after open */
};

/*
 * API is the value of AWS_LAMBDA_RUNTIME_API, "host:port"; LOG must outlive RUNTIME. Connects to nothing yet.
 * KH_ERR_CONFIG, and DIAG says why. The caller closes, also after an error.
 */
enum kh_err kh_runtime_open(struct kh_runtime *runtime, struct kh_str api, const struct kh_log *log,
                            struct kh_diag *diag) KH_MUST_USE;
void kh_runtime_close(struct kh_runtime *runtime);

/*
 * Waits, without a time-out, for the next event. A connection that fails is replaced once. KH_ERR_IO: no
 * connection, no HTTP, a status other than 200, no request id; KH_ERR_LIMIT; KH_ERR_NO_MEMORY.
 */
enum kh_err kh_runtime_next(struct kh_runtime *runtime, struct kh_invocation *invocation) KH_MUST_USE;

/* Posts BODY, JSON, as the result. The same errors; never sent twice. */
enum kh_err kh_runtime_respond(struct kh_runtime *runtime, const struct kh_invocation *invocation,
                               struct kh_str body) KH_MUST_USE;

/*
 * TYPE is "Function.Xxx" or "Runtime.Xxx", letters only behind the capital; another one is sent as
 * "Runtime.Unknown", which is what the platform would make of it. MESSAGE is for people, cut at 1,024 bytes,
 * and holds no secret. Behind a gateway the client gets a 502, so a refused webhook is a response and not a
 * failure. INVOCATION is NULL when the start has failed: before any next; the caller leaves with status 1
 * whatever this returns.
 */
enum kh_err kh_runtime_fail(struct kh_runtime *runtime, const struct kh_invocation *invocation,
                            struct kh_str type, struct kh_str message) KH_MUST_USE;

/* TEXT is the Deadline-Ms header or absent. Always a usable deadline. */
int64_t kh_runtime_deadline_ms(struct kh_str text, int64_t now_ms);
/* How long deliveries may take: 0 to KH_RUNTIME_DELIVERIES_MAX_MS, within what DEADLINE_MS leaves. */
int64_t kh_runtime_budget_ms(int64_t deadline_ms, int64_t now_ms);

#endif
