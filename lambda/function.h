/*
 * function.h - the Lambda function: an event in, an answer out, and in between both halves of kitehook.
 *
 * Nothing is kept between webhooks but the configuration, the rules and open connections.
 */
#ifndef KH_FUNCTION_H
#define KH_FUNCTION_H

#include "at_once.h"
#include "lambda/event.h"
#include "lambda/metrics.h"
#include "net/aws_secrets.h"
#include "setup.h"

/* Borrowed, and outlives the function. */
struct kh_lambda_world {
  const char *config_path;
  const char *const *environment; /* where `env:` looks, "NAME=value", ends with NULL */
  struct kh_aws *aws;             /* where `ssm:` and `secretsmanager:` look; its end is set here */
  struct kh_transport transport;  /* sends the notifications */
  const struct kh_clock *clock;
};

struct kh_lambda {
  struct kh_lambda_world world;
  struct kh_remote_secrets remote;
  int64_t read_us, tried_us; /* by the wall clock: the config was read, and was last meant to be */
  int64_t refresh_ms;        /* how long reading it again may take now */
  bool is_doubtful;          /* a notifier's service refused us */
  struct kh_setup *setup;    /* owned */
  struct kh_receiver receiver;
  struct kh_at_once at_once;
  struct kh_metrics metrics; /* of the event at hand */
  struct kh_json envelope;
  struct kh_buf body; /* of the request, where it had to be decoded */
};

/*
 * Reads the config, `notify:` included. `state:`, `inbox:`, `worker:` and `log:` have no meaning here.
 * Mistakes and warnings go to DIAGS. KH_ERR_CONFIG, KH_ERR_NO_MEMORY. The caller closes, also after an error.
 * FUNCTION stays where it is.
 */
enum kh_err kh_lambda_open(struct kh_lambda *function, const struct kh_lambda_world *world, struct kh_log log,
                           struct kh_diags *diags) KH_MUST_USE;
void kh_lambda_close(struct kh_lambda *function);

struct kh_lambda_call {
  struct kh_str payload;
  struct kh_str request_id; /* the invocation's */
  int64_t budget_ms;        /* notifications must be out by then */
};

/*
 * One event. Appends the answer to ANSWER, which needs room for KH_LAMBDA_ANSWER_MAX_BYTES. What a webhook
 * deserves (401, 400, 502) is an answer and KH_OK. Of an event from EventBridge nobody reads the answer, and
 * one that fails Lambda itself tries again: so what is wrong with it is an error, KH_ERR_DELIVERY_FAILED too.
 * KH_ERR_NOT_FOUND when the payload holds neither, KH_ERR_JSON_* and so on when it cannot be read: DIAG says
 * what it looks like. Where secrets come from a store the config is read again, at most once a minute: when
 * no secret matches, after a notifier was refused, and when it is ten minutes old. Log lines are written
 * before it returns, of an error too.
 */
enum kh_err kh_lambda_handle(struct kh_lambda *function, const struct kh_lambda_call *call,
                             struct kh_buf *answer, struct kh_diag *diag) KH_MUST_USE;

/*
 * What the event handled last adds to the metrics: nothing for one that was no request. Nobody need wait for
 * it.
 */
void kh_lambda_write_metrics(const struct kh_lambda *function);

/* A line for each of DIAGS. */
void kh_lambda_log_problems(const struct kh_log *log, const struct kh_diags *diags);

#endif
