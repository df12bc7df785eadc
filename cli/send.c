#include "base/base.h"

#include "net/http_curl.h"
#include "output.h"
#include "webhook_file.h"

enum { TIMEOUT_MS = 30 * 1000 };

/* How the command was called. */
struct call {
  const struct kh_command *self;
  const char *config_path, *secret_text, *secret_file, *url, *file;
  enum kh_proof_kind mode;
  bool has_mode, is_new, json;
};

/* What proves the webhook. */
struct proof {
  enum kh_proof_kind kind;
  const struct kh_secret *secret; /* of the config, or GIVEN */
  struct kh_secret given;
};

/* ---- the secret ---------------------------------------------------------------------------- */

/* The first secret of the kind that was asked for, else as a receiver would most like to have it. */
static int choose(const struct call *call, const struct kh_config *config, struct proof *proof)
{
  const struct kh_secret_list *list = &config->signatures;

  proof->kind = call->has_mode ? call->mode : list->count > 0 ? KH_PROOF_SIGNATURE : KH_PROOF_TOKEN;
  if (proof->kind == KH_PROOF_TOKEN)
    list = &config->tokens;
  if (list->count == 0)
    return kh_cli_fail(call->self, KH_EXIT_CONFIG, "%s has no `webhook.%s`", config->path,
                       proof->kind == KH_PROOF_TOKEN ? "token" : "signature");
  proof->secret = &list->at[0].secret;
  return KH_EXIT_OK;
}

/* SETUP is only opened when no secret was given. */
static int get_proof(const struct call *call, struct kh_setup **setup, struct proof *proof)
{
  if (call->secret_text || call->secret_file) {
    proof->kind = call->mode;
    proof->secret = &proof->given;
    return kh_cli_secret(call->self, call->secret_text, call->secret_file, &proof->given) ? KH_EXIT_OK
                                                                                          : KH_EXIT_USAGE;
  }
  int code = kh_cli_setup(call->self, setup, call->config_path, KH_CONFIG_RECEIVER);

  return code == KH_EXIT_OK ? choose(call, &(*setup)->config, proof) : code;
}

/* ---- the request --------------------------------------------------------------------------- */

static bool add_header(const struct call *call, struct kh_sent_headers *headers, const char *name,
                       struct kh_str value)
{
  struct kh_sent_header *header = &headers->at[headers->count];

  if (value.len == 0)
    return true;
  if (value.len >= sizeof header->text) {
    kh_cli_fail(call->self, KH_EXIT_USAGE, "%s: the header %s is too long to be Buildkite's", call->file,
                name);
    return false;
  }
  header->name = name;
  snprintf(header->text, sizeof header->text, "%.*s", KH_FMT(value));
  headers->count++;
  return true;
}

static bool is_request(const struct call *call, const struct kh_webhook_file *webhook)
{
  if (!kh_webhook_file_is_eventbridge(webhook))
    return true;
  kh_cli_fail(call->self, KH_EXIT_USAGE,
              "%s: an event from EventBridge is no request; try it by `kitehook invoke`, or by "
              "`aws lambda invoke`",
              call->file);
  return false;
}

/* As Buildkite would send it now. False after a complaint. */
static bool prepare(const struct call *call, struct kh_webhook_file *webhook, const struct proof *proof,
                    struct kh_sent_headers *headers)
{
  const struct kh_request *request = &webhook->request;

  if (request->method != KH_METHOD_POST || request->body_err) {
    kh_cli_fail(call->self, KH_EXIT_USAGE, "%s: %s", call->file,
                request->body_err ? kh_err_token(request->body_err) : "only POST can be sent");
    return false;
  }
  if (proof->kind == KH_PROOF_SIGNATURE)
    kh_webhook_file_sign_anew(webhook, proof->secret);
  else
    headers->at[headers->count++] = (struct kh_sent_header){.name = "X-Buildkite-Token",
                                                            .secret = proof->secret};
  return add_header(call, headers, "X-Buildkite-Event", request->headers[KH_HEADER_EVENT].text) &&
         add_header(call, headers, "X-Buildkite-Request", kh_str_of(webhook->request_id)) &&
         (proof->kind == KH_PROOF_TOKEN ||
          add_header(call, headers, "X-Buildkite-Signature", request->headers[KH_HEADER_SIGNATURE].text));
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void tell_json(const struct kh_webhook_file *webhook, const struct kh_incoming *answer,
                      int64_t duration_us)
{
  const struct kh_request *request = &webhook->request;
  json_t *json = json_object();

  json_object_set_new(json, "status", answer->status > 0 ? json_integer(answer->status) : json_null());
  json_object_set_new(json, "answer",
                      answer->body.len > 0 ? kh_output_json(kh_buf_view(&answer->body)) : json_null());
  json_object_set_new(json, "problem", kh_output_text(kh_str_of(answer->problem)));
  json_object_set_new(json, "duration_ms", json_integer(duration_us / 1000));
  json_object_set_new(json, "event", kh_output_text(request->headers[KH_HEADER_EVENT].text));
  json_object_set_new(json, "request_id", json_string(webhook->request_id));
  json_object_set_new(json, "bytes", json_integer((json_int_t)request->body.len));
  kh_output_tell(json);
}

static bool is_taken(const struct kh_incoming *answer)
{
  return answer->status >= 200 && answer->status <= 299;
}

static void tell(const struct call *call, const struct kh_webhook_file *webhook,
                 const struct kh_incoming *answer, int64_t duration_us)
{
  printf("sent: %zu bytes, request %s\n", webhook->request.body.len, webhook->request_id);
  if (answer->status > 0)
    printf("answer: %d after %" PRId64 " ms\n", answer->status, duration_us / 1000);
  else
    puts("no answer");
  if (answer->problem[0])
    printf("  %s\n", answer->problem);
  if (answer->body.len > 0)
    kh_output_print_body(kh_buf_view(&answer->body));
  if (is_taken(answer) && !call->is_new)
    puts("within a day the same body is a repeat, which makes no notification; --new makes another");
}

static int post(const struct call *call, const struct kh_webhook_file *webhook,
                const struct kh_sent_headers *headers)
{
  const struct kh_request *request = &webhook->request;
  struct kh_str media_type = request->headers[KH_HEADER_CONTENT_TYPE].text;
  struct kh_transport transport = {0};
  struct kh_exchange exchange = {
      .request = {.content_type = media_type.len > 0 ? media_type : KH_STR("application/json"),
                  .body = request->body,
                  .timeout_ms = TIMEOUT_MS,
                  .headers = *headers}};
  struct kh_incoming *answer = &exchange.answer;
  struct kh_secret *url = &exchange.request.url;
  int code = KH_EXIT_STATE;

  kh_incoming_init(answer);
  if (kh_secret_set(url, kh_str_of(call->url)) != KH_OK || kh_http_curl_open(&transport, NULL) != KH_OK) {
    kh_cli_fail(call->self, code, "no memory, or the URL is too long");
    goto done;
  }
  int64_t started_us = kh_clock_ticks_us(&kh_system_clock);
  if (kh_transport_send(&transport, &exchange) != KH_OK)
    answer->status = 0;
  int64_t duration_us = kh_clock_ticks_us(&kh_system_clock) - started_us;
  if (call->json)
    tell_json(webhook, answer, duration_us);
  else
    tell(call, webhook, answer, duration_us);
  code = answer->status == 0 ? KH_EXIT_DELIVERY : is_taken(answer) ? KH_EXIT_OK : KH_EXIT_NO;
done:
  kh_buf_release(&answer->body);
  kh_http_curl_close(&transport);
  kh_outgoing_release(&exchange.request);
  return code;
}

/* Where that is asked for. False after a complaint. */
static bool renew(const struct call *call, struct kh_webhook_file *webhook)
{
  enum kh_err err = call->is_new ? kh_webhook_file_renew(webhook) : KH_OK;

  if (err == KH_ERR_NOT_FOUND)
    kh_cli_fail(call->self, KH_EXIT_USAGE, "%s: nothing in it can be new: no object has an `id`", call->file);
  else if (err)
    kh_cli_fail(call->self, KH_EXIT_USAGE, "%s: %s", call->file, kh_err_token(err));
  return err == KH_OK;
}

static int send_file(const struct call *call)
{
  struct kh_setup *setup = NULL;
  struct kh_webhook_file webhook = {.now_us = 0};
  struct kh_sent_headers headers = {.count = 0};
  struct proof proof = {.kind = KH_PROOF_SIGNATURE};
  int code = get_proof(call, &setup, &proof);

  if (code != KH_EXIT_OK)
    goto done;
  code = KH_EXIT_USAGE;
  /* Without a configuration, for what FILE is shall be proven by our secret alone. */
  if (kh_webhook_file_read(call->self, &webhook, call->file, -1, NULL) && is_request(call, &webhook) &&
      renew(call, &webhook) && prepare(call, &webhook, &proof, &headers))
    code = post(call, &webhook, &headers);
done:
  kh_webhook_file_release(&webhook);
  kh_secret_release(&proof.given);
  kh_setup_close(setup);
  return code;
}

/* ---- the command line ---------------------------------------------------------------------- */

static bool take_mode(const struct kh_command *self, const char *name, const char *text, void *value)
{
  struct call *call = value;

  call->has_mode = true;
  return kh_cli_take_mode(self, name, text, &call->mode);
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"secret", kh_cli_take_text, offsetof(struct call, secret_text)},
    {"secret-file", kh_cli_take_text, offsetof(struct call, secret_file)},
    {"mode", take_mode, 0},
    {"new", kh_cli_take_flag, offsetof(struct call, is_new)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {.self = self, .mode = KH_PROOF_SIGNATURE};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (argc - optind < 2)
    return kh_cli_misused(self, "URL or FILE is missing");
  if (argc - optind > 2)
    return kh_cli_misused(self, "'%s' is too much", argv[optind + 2]);
  call.url = argv[optind];
  call.file = argv[optind + 1];
  if (strncmp(call.url, "http://", 7) != 0 && strncmp(call.url, "https://", 8) != 0)
    return kh_cli_misused(self, "the URL comes first and begins with https:// or http://");
  return send_file(&call);
}

const struct kh_command kh_command_send = {
    .name = "send",
    .summary = "sign a webhook as Buildkite does, post it to a deployed endpoint and show the answer",
    .usage = "[--config F | --secret-file F | --secret S] [--mode signature|token] [--new] [--json]\n"
             "                     URL FILE|-",
    .help =
        "FILE is what `kitehook invoke` takes: a fixture, a raw HTTP request, or a body. Whatever proof and\n"
        "time it came with, it is signed anew for now; its event, its request id and its bytes are kept. So\n"
        "it is a repeat the second time. The URL alone says where it goes. Redirects are not followed;\n"
        "proxies are those of the environment.\n\n"
        "  --config F       take the first secret of this configuration; default: $KITEHOOK_CONFIG, else\n"
        "                   " KH_CONFIG_PATH "\n"
        "  --secret-file F  the file that holds the webhook's token; no configuration is read\n"
        "  --secret S       the token itself; other users of the machine can see it in `ps`\n"
        "  --mode M         signature or token; default: signature, or what the configuration has\n"
        "  --new            as if one more build had run: new ids, and as its number the present second;\n"
        "                   not for a pipeline whose real builds, with lower numbers, go to the same URL\n"
        "  --json           answer by one JSON object: status, answer, problem, duration_ms, event,\n"
        "                   request_id, bytes\n"
        "  -h, --help       show this\n\n"
        "Exit codes: 0 answered with 2xx, 1 answered otherwise, 2 called wrongly or FILE cannot be read,\n"
        "3 configuration, 4 no answer came, 5 output failed.\n",
    .options = options,
    .completes = KH_COMPLETES_FIXTURES,
    .run = run,
};
