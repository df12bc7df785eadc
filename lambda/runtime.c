#include "base/base.h"

#include "base/json.h"
#include "base/json_write.h"
#include "base/utf8.h"
#include "lambda/runtime.h"

#define API "/2018-06-01/runtime/"

enum {
  SAID_MAX_BYTES = 64 * 1024,
  TARGET_MAX_BYTES = 256 * 1024, /* a request id, percent-encoded */
  HEADERS_MAX_BYTES = 80 * 1024,
  MESSAGE_MAX_BYTES = 1024,
  ERROR_BODY_MAX_BYTES = 16 * 1024,
  ERROR_TYPE_MAX_BYTES = 64
};

int64_t kh_runtime_deadline_ms(struct kh_str text, int64_t now_ms)
{
  uint64_t deadline_ms = 0;

  if (!kh_str_u64(text, &deadline_ms) || deadline_ms > INT64_MAX || (int64_t)deadline_ms <= now_ms ||
      (int64_t)deadline_ms - KH_RUNTIME_LEFT_MAX_MS > now_ms)
    return now_ms + KH_RUNTIME_DEFAULT_LEFT_MS;
  return (int64_t)deadline_ms;
}

int64_t kh_runtime_budget_ms(int64_t deadline_ms, int64_t now_ms)
{
  if (deadline_ms <= now_ms)
    return 0;
  uint64_t left_ms = (uint64_t)deadline_ms - (uint64_t)now_ms;
  if (left_ms <= KH_RUNTIME_RESERVE_MS)
    return 0;
  left_ms -= KH_RUNTIME_RESERVE_MS;
  return left_ms < KH_RUNTIME_DELIVERIES_MAX_MS ? (int64_t)left_ms : KH_RUNTIME_DELIVERIES_MAX_MS;
}

enum kh_err kh_runtime_open(struct kh_runtime *runtime, struct kh_str api, const struct kh_log *log,
                            struct kh_diag *diag)
{
  kh_http_client_answer_init(&runtime->event, KH_RUNTIME_PAYLOAD_MAX_BYTES);
  kh_http_client_answer_init(&runtime->said, SAID_MAX_BYTES);
  kh_buf_init(&runtime->target, TARGET_MAX_BYTES);
  kh_buf_init(&runtime->headers, HEADERS_MAX_BYTES);
  runtime->log = log;
  runtime->post_timeout_ms = KH_RUNTIME_POST_TIMEOUT_MS;
  return kh_http_client_open(&runtime->client, api, diag);
}

void kh_runtime_close(struct kh_runtime *runtime)
{
  kh_http_client_close(&runtime->client);
  kh_http_client_answer_release(&runtime->event);
  kh_http_client_answer_release(&runtime->said);
  kh_buf_release(&runtime->target);
  kh_buf_release(&runtime->headers);
}

/* The errorType of a refusal: one word of the platform's, or nothing. */
static void read_error_type(const struct kh_http_client_answer *answer, struct kh_buf *type)
{
  struct kh_json doc;

  kh_json_init(&doc, kh_json_default_limits);
  if (kh_json_read(&doc, kh_buf_view(&answer->body), NULL) == KH_OK)
    (void)kh_json_text(kh_json_get(kh_json_root(&doc), KH_STR("errorType")), type);
  for (size_t i = 0; i < type->len; i++)
    if (!((type->at[i] | 32) >= 'a' && (type->at[i] | 32) <= 'z') && type->at[i] != '.')
      kh_buf_clear(type);
  kh_json_release(&doc);
}

/* CALL was answered by something else than its one good status, or (status 0) not at all. */
static void tell(const struct kh_runtime *runtime, enum kh_level level, const char *call,
                 const struct kh_http_client_answer *answer, struct kh_str request_id,
                 const struct kh_diag *diag)
{
  struct kh_log_line line;
  struct kh_buf detail;
  struct kh_buf type;

  kh_buf_init(&detail, 1024);
  kh_buf_init(&type, ERROR_TYPE_MAX_BYTES);
  if (answer->status > 0)
    read_error_type(answer, &type);
  const char *why = diag ? diag->text : kh_buf_text(&type);
  (void)kh_buf_printf(&detail, "%s%s%s", call, *why ? ": " : "", why);
  kh_log_begin(&line, runtime->log, level, "runtime answer");
  kh_log_text(&line, KH_LOG_REQUEST_ID, request_id);
  if (answer->status > 0)
    kh_log_number(&line, KH_LOG_STATUS, answer->status);
  kh_log_text(&line, KH_LOG_DETAIL, kh_buf_view(&detail));
  kh_log_end(&line, runtime->log);
  kh_buf_release(&detail);
  kh_buf_release(&type);
}

static enum kh_err fetch(struct kh_runtime *runtime)
{
  const struct kh_http_client_request request = {.method = KH_STR("GET"),
                                                 .target = KH_STR(API "invocation/next"),
                                                 .timeout_ms = KH_HTTP_CLIENT_NO_TIMEOUT};
  enum kh_err err = KH_ERR_IO;

  for (int attempt = 1; err == KH_ERR_IO && attempt <= 2; attempt++) {
    struct kh_diag diag = {0};

    err = kh_http_client_send(&runtime->client, &request, &runtime->event, &diag);
    if (err)
      tell(runtime, attempt == 1 && err == KH_ERR_IO ? KH_WARN : KH_ERROR, "next", &runtime->event, KH_NO_STR,
           &diag);
  }
  return err;
}

enum kh_err kh_runtime_next(struct kh_runtime *runtime, struct kh_invocation *invocation)
{
  const struct kh_http_client_answer *event = &runtime->event;
  enum kh_err err = fetch(runtime);

  *invocation = (struct kh_invocation){0};
  if (err)
    return err;
  if (event->status != 200) {
    tell(runtime, KH_ERROR, "next", event, KH_NO_STR, NULL);
    return KH_ERR_IO;
  }
  invocation->request_id = kh_http_client_answer_header(event, KH_STR("Lambda-Runtime-Aws-Request-Id"));
  invocation->invocation_id = kh_http_client_answer_header(event, KH_STR("Lambda-Runtime-Invocation-Id"));
  invocation->trace_id = kh_http_client_answer_header(event, KH_STR("Lambda-Runtime-Trace-Id"));
  invocation->payload = kh_buf_view(&event->body);
  invocation->deadline_ms = kh_runtime_deadline_ms(
      kh_http_client_answer_header(event, KH_STR("Lambda-Runtime-Deadline-Ms")),
      kh_clock_now_us(runtime->log->clock) / 1000);
  if (invocation->request_id.len == 0) {
    struct kh_diag diag = {0};
    (void)kh_diag_set(&diag, KH_ERR_IO, "the event has no request id");
    tell(runtime, KH_ERROR, "next", event, KH_NO_STR, &diag);
    return KH_ERR_IO;
  }
  return KH_OK;
}

/* Sends what stands in target and headers. 400, 410 and 413 concern that one invocation alone. */
static enum kh_err post(struct kh_runtime *runtime, const char *call, struct kh_str request_id,
                        struct kh_str body)
{
  struct kh_diag diag = {0};
  const struct kh_http_client_request request = {.method = KH_STR("POST"),
                                                 .target = kh_buf_view(&runtime->target),
                                                 .headers = kh_buf_view(&runtime->headers),
                                                 .body = body.at ? body : KH_STR(""),
                                                 .timeout_ms = runtime->post_timeout_ms};
  enum kh_err err = kh_buf_ok(&runtime->target);

  if (!err)
    err = kh_buf_ok(&runtime->headers);
  if (!err)
    err = kh_http_client_send(&runtime->client, &request, &runtime->said, &diag);
  const int status = err ? 0 : runtime->said.status;
  const bool fatal = err || (status != 202 && status != 400 && status != 410 && status != 413);
  if (status != 202)
    tell(runtime, fatal ? KH_ERROR : KH_WARN, call, &runtime->said, request_id, err ? &diag : NULL);
  return fatal && !err ? KH_ERR_IO : err;
}

static void start_post(struct kh_runtime *runtime, const struct kh_invocation *invocation,
                       struct kh_str action)
{
  kh_buf_clear(&runtime->target);
  kh_buf_clear(&runtime->headers);
  (void)kh_buf_add(&runtime->headers, KH_STR("Content-Type: application/json\r\n"));
  if (!invocation) {
    (void)kh_buf_add(&runtime->target, KH_STR(API "init/error"));
    return;
  }
  (void)kh_buf_add(&runtime->target, KH_STR(API "invocation/"));
  kh_buf_add_encoded(&runtime->target, invocation->request_id, "");
  (void)kh_buf_add(&runtime->target, action);
  if (invocation->invocation_id.len > 0) {
    (void)kh_buf_add(&runtime->headers, KH_STR("Lambda-Runtime-Invocation-Id: "));
    (void)kh_buf_add(&runtime->headers, invocation->invocation_id);
    (void)kh_buf_add(&runtime->headers, KH_STR("\r\n"));
  }
}

enum kh_err kh_runtime_respond(struct kh_runtime *runtime, const struct kh_invocation *invocation,
                               struct kh_str body)
{
  start_post(runtime, invocation, KH_STR("/response"));
  return post(runtime, "response", invocation->request_id, body);
}

/* (Runtime|Function)\.[A-Z][a-zA-Z]+ */
static bool is_error_type(struct kh_str type)
{
  struct kh_str rest = type;
  struct kh_str kind = kh_str_cut(&rest, '.');

  if (!kh_str_equal(kind, KH_STR("Runtime")) && !kh_str_equal(kind, KH_STR("Function")))
    return false;
  for (size_t i = 0; i < rest.len; i++) {
    bool upper = rest.at[i] >= 'A' && rest.at[i] <= 'Z';

    if (!upper && (i == 0 || rest.at[i] < 'a' || rest.at[i] > 'z'))
      return false;
  }
  return rest.len >= 2;
}

static enum kh_err write_error(struct kh_str type, struct kh_str message, struct kh_buf *body)
{
  struct kh_str cut = kh_str(message.at, kh_str_utf8_cut(message, MESSAGE_MAX_BYTES));

  if (!cut.at || !kh_utf8_valid(cut))
    cut = KH_STR("no message");
  json_t *json = json_pack("{s:s%, s:s%, s:[]}", "errorMessage", cut.at, cut.len, "errorType", type.at,
                           type.len, "stackTrace");
  enum kh_err err = kh_json_write(json, body);
  json_decref(json);
  return err;
}

enum kh_err kh_runtime_fail(struct kh_runtime *runtime, const struct kh_invocation *invocation,
                            struct kh_str type, struct kh_str message)
{
  struct kh_str sent_type = is_error_type(type) ? type : KH_STR("Runtime.Unknown");
  struct kh_buf body;

  kh_buf_init(&body, ERROR_BODY_MAX_BYTES);
  enum kh_err err = write_error(sent_type, message, &body);
  if (err)
    goto done;
  start_post(runtime, invocation, KH_STR("/error"));
  (void)kh_buf_printf(&runtime->headers, "Lambda-Runtime-Function-Error-Type: %.*s\r\n", KH_FMT(sent_type));
  err = post(runtime, invocation ? "error" : "init error", invocation ? invocation->request_id : KH_NO_STR,
             kh_buf_view(&body));

done:
  kh_buf_release(&body);
  return err;
}
