#include "base/base.h"

#include "at_once.h"
#include "cli.h"
#include "invoke.h"
#include "net/http_curl.h"
#include "webhook_file.h"

enum { LOG_MAX_BYTES = 16 * 1024 * 1024 };

/* The wall clock stands still at the webhook's time; durations are real. */
static int64_t standing_now_us(void *self)
{
  const int64_t *now_us = self;

  return *now_us;
}

static int64_t real_ticks_us(void *self)
{
  (void)self;
  return kh_clock_ticks_us(&kh_system_clock);
}

static void keep_line(void *self, struct kh_str line)
{
  struct kh_buf *lines = self;

  (void)kh_buf_add(lines, line);
}

/* What both halves work with. */
struct stage {
  struct kh_setup *setup;
  struct kh_clock clock;
  struct kh_log log;
  struct kh_store store;
};

static void receive(const struct stage *stage, const struct kh_request *request, struct kh_response *response)
{
  struct kh_receiver receiver;

  kh_receiver_init(&receiver, &stage->setup->config, (struct kh_sink){0}, &stage->clock, stage->log);
  kh_receive(&receiver, request, response);
  kh_receiver_release(&receiver);
}

/* With --sign it comes from the config's source, where that names one at all. */
static enum kh_err admit(const struct stage *stage, struct kh_webhook_file *webhook,
                         struct kh_partner *partner, struct kh_diag *diag)
{
  const struct kh_json_value root = kh_json_root(&webhook->eventbridge);
  const struct kh_eventbridge *origin = &stage->setup->config.eventbridge;

  return webhook->is_proven_here && origin->source[0]
             ? kh_partner_read(root, &webhook->joined, partner, diag)
             : kh_partner_admit(root, origin, &webhook->joined, partner, diag);
}

/* As the function refuses it; Lambda then has an invocation that failed. */
static void refuse(const struct stage *stage, enum kh_err reason, const struct kh_diag *diag,
                   struct kh_response *response)
{
  struct kh_log_line line;

  kh_log_begin(&line, &stage->log, KH_WARN, "event refused");
  kh_log_problem(&line, reason, diag);
  kh_log_end(&line, &stage->log);
  *response = (struct kh_response){.status = kh_err_status(reason), .content_type = "application/json"};
  kh_buf_init(&response->body, KH_RESPONSE_MAX_BYTES);
  (void)kh_buf_printf(&response->body, "{\"error\":\"%s\"}", kh_err_token(reason));
}

static enum kh_err receive_partner(const struct stage *stage, struct kh_webhook_file *webhook,
                                   struct kh_response *response, struct kh_verified *verified)
{
  struct kh_receiver receiver;
  struct kh_partner partner;
  struct kh_diag diag = {0};
  enum kh_err err = admit(stage, webhook, &partner, &diag);

  if (err) {
    refuse(stage, err, &diag, response);
    return err;
  }
  *verified = partner.verified;
  kh_receiver_init(&receiver, &stage->setup->config, (struct kh_sink){0}, &stage->clock, stage->log);
  err = kh_receive_partner(&receiver, &partner, response, &diag);
  kh_receiver_release(&receiver);
  return err;
}

/* Only kh_verify can make what the worker's half takes: it is asked again rather than believed. */
static enum kh_err verify(const struct stage *stage, const struct kh_webhook_file *webhook,
                          struct kh_verified *verified)
{
  const struct kh_config *config = &stage->setup->config;
  const struct kh_verifier verifier = {&config->signatures, &config->tokens, config->freshness_s};

  return kh_verify(&verifier, &webhook->request, webhook->now_us / 1000000, verified);
}

static enum kh_err understand(const struct stage *stage, const struct kh_webhook_file *webhook,
                              const struct kh_verified *verified, struct kh_diag *diag)
{
  struct kh_entry entry = {.received_us = webhook->now_us, .transport = "invoke", .verified = *verified};
  struct kh_work work;

  memcpy(entry.request_id, webhook->request_id, sizeof entry.request_id);
  kh_work_init(&work, &stage->setup->config, &stage->setup->rules, NULL, stage->store, &stage->clock,
               stage->log);
  enum kh_err err = kh_work_alone(&work, "invoke", &entry, diag);
  kh_work_release(&work);
  return err;
}

static enum kh_err copy(struct kh_outcome_delivery *to, const struct kh_attempted *attempted)
{
  const struct kh_delivery *delivery = attempted->delivery;

  *to = (struct kh_outcome_delivery){.made = *delivery,
                                     .result = attempted->result,
                                     .goes_on = attempted->goes_on,
                                     .status = attempted->status};
  snprintf(to->detail, sizeof to->detail, "%s", attempted->detail);
  kh_buf_init(&to->made.body, KH_DELIVERY_MAX_BYTES);
  return kh_buf_add(&to->made.body, kh_buf_view(&delivery->body));
}

static void note(void *observer, const struct kh_attempted *attempted)
{
  struct kh_outcome *outcome = observer;

  struct kh_outcome_delivery *grown = kh_grown(outcome->deliveries, outcome->count, &outcome->room, 8,
                                               sizeof *grown);

  if (!grown) {
    outcome->err = KH_ERR_NO_MEMORY;
    return;
  }
  outcome->deliveries = grown;
  if (copy(&outcome->deliveries[outcome->count++], attempted))
    outcome->err = KH_ERR_NO_MEMORY;
}

/* A delivery that failed is no error: OUTCOME has it. */
static enum kh_err send_all(const struct stage *stage, struct kh_outcome *outcome)
{
  struct kh_outbox outbox = {.rules = &stage->setup->rules,
                             .queue = stage->store.queue,
                             .batch = stage->store.batch,
                             .log = stage->log,
                             .clock = &stage->clock,
                             .observe = note,
                             .observer = outcome};
  enum kh_err err = kh_http_curl_open(&outbox.transport, NULL);

  if (err)
    return err;
  kh_outbox_configure(&outbox.transport, &stage->setup->config);
  /* The clock stands, so that what failed does not come due again: one attempt each. */
  do
    err = kh_outbox_step(&outbox);
  while (err != KH_ERR_NOT_FOUND && err != KH_ERR_STORE);
  kh_outbox_cancel(&outbox);
  kh_http_curl_close(&outbox.transport);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

/* Takes what is owed without sending it. */
static enum kh_err note_all(const struct stage *stage, struct kh_outcome *outcome, int64_t now_us)
{
  const struct kh_queue *queue = &stage->store.queue;
  struct kh_delivery delivery = {0};
  enum kh_err err = KH_OK;

  while (!err && !(err = kh_queue_take(queue, now_us, NULL, &delivery))) {
    note(outcome, &(struct kh_attempted){.delivery = &delivery, .detail = ""});
    err = kh_queue_done(queue, delivery.id, 0, now_us, 0);
    kh_delivery_release(&delivery);
  }
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static bool has_failed(const struct kh_outcome *outcome)
{
  for (size_t i = 0; i < outcome->count; i++)
    if (outcome->deliveries[i].result)
      return true;
  return false;
}

static int perform(const struct kh_command *self, struct stage *stage, struct kh_webhook_file *webhook,
                   struct kh_outcome *outcome)
{
  const bool is_eventbridge = kh_webhook_file_is_eventbridge(webhook);
  struct kh_verified verified;
  struct kh_diag diag = {0};
  enum kh_err err = KH_OK;

  if (is_eventbridge)
    err = receive_partner(stage, webhook, &outcome->response, &verified);
  else
    receive(stage, &webhook->request, &outcome->response);
  if (err || outcome->response.status >= 400)
    return KH_EXIT_NO;
  if (!is_eventbridge && webhook->request.method != KH_METHOD_POST)
    return KH_EXIT_OK;
  if (!is_eventbridge)
    err = verify(stage, webhook, &verified);
  if (!err)
    err = understand(stage, webhook, &verified, &diag);
  if (!err)
    err = outcome->sent ? send_all(stage, outcome) : note_all(stage, outcome, webhook->now_us);
  err = err ? err : outcome->err;
  if (err)
    return kh_cli_fail(self, KH_EXIT_DELIVERY, "%s: %s", kh_err_token(err),
                       diag.text[0] ? diag.text : "the webhook was accepted, but not worked on to its end");
  return has_failed(outcome) ? KH_EXIT_DELIVERY : KH_EXIT_OK;
}

/* How the command was called. */
struct call {
  const char *config_path, *file;
  int64_t now_s; /* -1: not given */
  bool send, sign, json;
};

static int invoke(const struct kh_command *self, const struct call *call, struct stage *stage)
{
  struct kh_webhook_file webhook;
  struct kh_outcome outcome = {.rules = &stage->setup->rules, .sent = call->send};
  int code = KH_EXIT_USAGE;

  kh_buf_init(&outcome.log, LOG_MAX_BYTES);
  if (!kh_webhook_file_read(self, &webhook, call->file, call->now_s, &stage->setup->config))
    goto done;
  if (call->sign)
    kh_webhook_file_prove(&webhook, &stage->setup->config);
  outcome.proven_here = webhook.is_proven_here;
  stage->clock = (struct kh_clock){standing_now_us, real_ticks_us, real_ticks_us, &webhook.now_us};
  stage->log = (struct kh_log){.write = keep_line, .self = &outcome.log, .clock = &stage->clock};
  code = KH_EXIT_STATE;
  if (kh_store_open_process(&stage->store) != KH_OK)
    goto done;
  code = perform(self, stage, &webhook, &outcome);
  if (call->json)
    kh_outcome_print_json(&outcome);
  else
    kh_outcome_print(&outcome);
done:
  kh_buf_release(&outcome.response.body);
  for (size_t i = 0; i < outcome.count; i++)
    kh_delivery_release(&outcome.deliveries[i].made);
  free(outcome.deliveries);
  kh_store_close(&stage->store);
  kh_buf_release(&outcome.log);
  kh_webhook_file_release(&webhook);
  return code;
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"send", kh_cli_take_flag, offsetof(struct call, send)},
    {"sign", kh_cli_take_flag, offsetof(struct call, sign)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {"now", kh_cli_take_number, offsetof(struct call, now_s)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {.now_s = -1};
  struct stage stage = {0};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  call.file = argv[optind];
  code = kh_cli_setup(self, &stage.setup, call.config_path, KH_CONFIG_WHOLE);
  if (code == KH_EXIT_OK)
    code = invoke(self, &call, &stage);
  kh_setup_close(stage.setup);
  return code;
}

const struct kh_command kh_command_invoke = {
    .name = "invoke",
    .summary = "take one webhook through both halves, here and now, and show what comes of it",
    .usage = "[--config F] [--sign] [--send] [--now T] [--json] FILE|-",
    .help = "Prints the answer, the log lines, and what would be sent where: of a message the words; --json\n"
            "has the body. Nothing is kept and no state folder is touched, so nothing is a repeat. FILE is\n"
            "one of:\n"
            "  a folder with request.http, and expect.json whose \"now\" is the clock (a fixture);\n"
            "  or with event.json, an event from Amazon EventBridge\n"
            "  the name of a fixture that came with kitehook, such as build_finished_failed: it is signed\n"
            "  as a body is\n"
            "  a raw HTTP request, from its request line to its body\n"
            "  an event from EventBridge, which must come from the source under `sources`\n"
            "  anything else, such as JSON: it is the body, and is signed with the first secret of\n"
            "  `webhook.signature` (in token mode it is sent with the first token)\n\n"
            "  --config F   the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
            "  --sign       sign FILE so, whatever proof it came with; an event from EventBridge comes as\n"
            "               if from the source that the configuration names\n"
            "  --send       really send the notifications, once, and show the outcome\n"
            "  --now T      stand at this time, in seconds since 1970; default: the fixture's, else now\n"
            "  --json       answer by one JSON object: answer, log, deliveries\n"
            "  -h, --help   show this\n\n"
            "Exit codes: 0 accepted, 1 refused, 2 called wrongly or FILE cannot be read, 3 configuration,\n"
            "4 accepted, but a notification could not be made or (--send) sent, 5 output failed.\n",
    .options = options,
    .operand = "FILE",
    .completes = KH_COMPLETES_FIXTURES,
    .run = run,
};
