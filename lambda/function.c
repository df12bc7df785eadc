#include "base/base.h"

#include "lambda/function.h"
#include "net/aws_secrets.h"

enum { START_MS = 8000 }; /* Lambda gives a start 10 s */
static const int64_t old_after_us = INT64_C(10) * 60 * 1000000;

/* *SETUP is to be closed either way. */
static enum kh_err open_setup(const struct kh_lambda *function, struct kh_setup **setup,
                              struct kh_diags *diags)
{
  const struct kh_lambda_world *world = &function->world;
  enum kh_err err = kh_setup_open(setup, world->config_path, KH_CONFIG_WHOLE, world->environment,
                                  &function->remote, diags);

  kh_aws_forget(world->aws);
  return err;
}

static void use(struct kh_lambda *function, struct kh_setup *setup)
{
  kh_setup_close(function->setup);
  function->setup = setup;
  function->receiver.config = &setup->config;
  function->at_once.work.config = &setup->config;
  function->at_once.work.rules = &setup->rules;
  kh_outbox_configure(&function->at_once.transport, &setup->config);
  function->is_doubtful = false;
}

/* Reads everything again. What was there stays when that fails. */
static bool renew(struct kh_lambda *function)
{
  struct kh_setup *setup = NULL;
  struct kh_diags diags = {0};
  int64_t now_us = kh_clock_now_us(function->world.clock);

  if (!kh_aws_refresh_is_due(function->tried_us, now_us))
    return false;
  function->tried_us = now_us;
  function->world.aws->until_us = kh_clock_ticks_us(function->world.clock) + function->refresh_ms * 1000;
  enum kh_err err = open_setup(function, &setup, &diags);
  if (err) {
    kh_lambda_log_problems(&function->receiver.log, &diags);
    kh_setup_close(setup);
  } else {
    use(function, setup);
  }
  function->read_us = err ? function->read_us : now_us;
  kh_diags_release(&diags);
  return err == KH_OK;
}

/*
 * A secret that was taken out of its store must not be good for as long as webhooks keep the process alive.
 */
static void renew_when_old(struct kh_lambda *function)
{
  int64_t age_us = kh_clock_now_us(function->world.clock) - function->read_us;

  if (function->setup->config.has_remote && (function->is_doubtful || age_us < 0 || age_us >= old_after_us))
    (void)renew(function);
}

static bool refresh(void *owner)
{
  struct kh_lambda *function = owner;

  return function->setup->config.has_remote_secrets && renew(function);
}

static void count_verdict(void *owner, enum kh_err verdict, const struct kh_event *event)
{
  struct kh_lambda *function = owner;

  kh_metrics_verdict(&function->metrics, verdict);
  if (event)
    kh_metrics_event(&function->metrics, event);
}

static void count_attempt(void *observer, const struct kh_attempted *attempted)
{
  struct kh_lambda *function = observer;

  kh_metrics_delivery(&function->metrics, attempted->delivery->notifier, attempted->result == KH_OK,
                      attempted->duration_us / 1000);
  /* A revoked URL is refused: its store may know the new one. */
  function->is_doubtful |= attempted->result == KH_ERR_DELIVERY_REFUSED ||
                           attempted->result == KH_ERR_DESTINATION_REFUSED;
}

void kh_lambda_write_metrics(const struct kh_lambda *function)
{
  const struct kh_log *log = &function->receiver.log;
  struct kh_buf lines;

  kh_buf_init(&lines, KH_METRICS_MAX_BYTES);
  if (!kh_metrics_write(&function->metrics, kh_clock_now_us(function->world.clock) / 1000, &lines) &&
      lines.len > 0)
    log->write(log->self, kh_buf_view(&lines));
  kh_buf_release(&lines);
}

void kh_lambda_log_problems(const struct kh_log *log, const struct kh_diags *diags)
{
  for (size_t i = 0; i < diags->count; i++) {
    const struct kh_diag *diag = &diags->at[i];
    struct kh_log_line line;

    kh_log_begin(&line, log, diag->err ? KH_ERROR : KH_WARN, diag->err ? "config broken" : "config warning");
    kh_log_problem(&line, diag->err, diag);
    kh_log_end(&line, log);
  }
}

enum kh_err kh_lambda_open(struct kh_lambda *function, const struct kh_lambda_world *world, struct kh_log log,
                           struct kh_diags *diags)
{
  struct kh_setup *setup = NULL;

  *function = (struct kh_lambda){
      .world = *world,
      .remote = kh_aws_secrets(world->aws),
      .read_us = kh_clock_now_us(world->clock),
      .tried_us = kh_clock_now_us(world->clock),
  };
  kh_json_init(&function->envelope, kh_json_default_limits);
  kh_buf_init(&function->body, KH_LAMBDA_PAYLOAD_MAX_BYTES);
  world->aws->until_us = kh_clock_ticks_us(world->clock) + START_MS * 1000;
  enum kh_err err = open_setup(function, &setup, diags);
  if (err) {
    kh_setup_close(setup);
    return err;
  }
  const struct kh_sink sink = kh_at_once_init(&function->at_once, &setup->config, &setup->rules,
                                              world->transport, world->clock, log);
  kh_receiver_init(&function->receiver, &setup->config, sink, world->clock, log);
  function->receiver.refresh = refresh;
  function->receiver.observe = count_verdict;
  function->receiver.owner = function;
  function->at_once.observe = count_attempt;
  function->at_once.observer = function;
  use(function, setup);
  return KH_OK;
}

void kh_lambda_close(struct kh_lambda *function)
{
  if (function->setup)
    kh_receiver_release(&function->receiver);
  kh_setup_close(function->setup);
  function->setup = NULL;
  kh_json_release(&function->envelope);
  kh_buf_release(&function->body);
}

static enum kh_err refuse(const struct kh_lambda *function, enum kh_err reason, const struct kh_diag *diag)
{
  const struct kh_log *log = &function->receiver.log;
  struct kh_log_line line;

  kh_log_begin(&line, log, KH_WARN, "event refused");
  kh_log_problem(&line, reason, diag);
  kh_log_end(&line, log);
  return reason;
}

static enum kh_err receive_partner(struct kh_lambda *function, struct kh_response *response,
                                   struct kh_diag *diag)
{
  struct kh_partner partner;
  enum kh_err err = kh_partner_admit(kh_json_root(&function->envelope), &function->setup->config.eventbridge,
                                     &function->body, &partner, diag);

  return err ? refuse(function, err, diag)
             : kh_receive_partner(&function->receiver, &partner, response, diag);
}

enum kh_err kh_lambda_handle(struct kh_lambda *function, const struct kh_lambda_call *call,
                             struct kh_buf *answer, struct kh_diag *diag)
{
  struct kh_lambda_event event;
  struct kh_response response = {.status = 0};

  kh_metrics_init(&function->metrics);
  function->receiver.log.invocation = call->request_id;
  function->at_once.work.log.invocation = call->request_id;
  enum kh_err err = kh_lambda_event_read(call->payload, &function->envelope, &function->body, &event, diag);

  if (err)
    return refuse(function, err, diag);
  if (event.request.platform_id.len == 0)
    event.request.platform_id = call->request_id;
  function->at_once.until_us = kh_clock_ticks_us(function->world.clock) + call->budget_ms * 1000;
  function->refresh_ms = call->budget_ms / 2;
  renew_when_old(function);
  if (event.source == KH_LAMBDA_EVENTBRIDGE)
    err = receive_partner(function, &response, diag);
  else
    kh_receive(&function->receiver, &event.request, &response);
  if (!err && kh_lambda_response_write(&event, &response, answer))
    err = refuse(function, kh_buf_ok(answer), diag);
  kh_buf_release(&response.body);
  return err;
}
