#include "base/base.h"

#include "base/file.h"
#include "lambda/function.h"
#include "lambda/runtime.h"
#include "net/http_curl.h"

#include <signal.h>
#include <unistd.h>

extern char **environ;

enum { FETCH_TIMEOUT_MS = 2000 }; /* for each secret, and once more: a start may take 10 s */

static const char *variable(const char *name)
{
  const char *value = getenv(name);

  return value && value[0] ? value : NULL;
}

/* Lambda filters lines by level too, but whoever asks for less should not pay for making them. */
static enum kh_level least_level(void)
{
  static const struct {
    const char *name;
    enum kh_level level;
  } levels[] = {{"INFO", KH_INFO}, {"WARN", KH_WARN}, {"ERROR", KH_ERROR}, {"FATAL", KH_ERROR}};
  const char *asked = variable("AWS_LAMBDA_LOG_LEVEL");

  for (size_t i = 0; asked && i < KH_COUNT(levels); i++)
    if (strcmp(asked, levels[i].name) == 0)
      return levels[i].level;
  return KH_DEBUG;
}

static void config_path(char path[PATH_MAX])
{
  const char *named = variable("KITEHOOK_CONFIG");
  const char *root = variable("LAMBDA_TASK_ROOT");

  if (named)
    (void)snprintf(path, PATH_MAX, "%s", named);
  else
    (void)snprintf(path, PATH_MAX, "%s/kitehook.yml", root ? root : ".");
}

/*
 * A small file of authorities is packed beside the program: all of a system's cost 40 ms at the first
 * request.
 */
static const char *ca_file(char path[PATH_MAX])
{
  const char *named = variable("SSL_CERT_FILE");
  const char *root = variable("LAMBDA_TASK_ROOT");

  (void)snprintf(path, PATH_MAX, "%s/ca.pem", root ? root : ".");
  return named ? named : access(path, R_OK) ? NULL : path;
}

/* In place: setenv would leave the old text behind at each event. */
static void set_trace(struct kh_str trace_id)
{
  static char text[1024];

  (void)snprintf(text, sizeof text, "_X_AMZN_TRACE_ID=%.*s", KH_FMT(trace_id));
  if (trace_id.len > 0)
    (void)putenv(text);
  else
    (void)unsetenv("_X_AMZN_TRACE_ID");
}

static void tell(const struct kh_log *log, enum kh_level level, const char *message, enum kh_err err,
                 const struct kh_diag *diag)
{
  struct kh_log_line line;

  kh_log_begin(&line, log, level, message);
  kh_log_problem(&line, err, diag);
  kh_log_end(&line, log);
}

static enum kh_err fail(struct kh_runtime *runtime, const struct kh_invocation *invocation,
                        enum kh_err reason, const struct kh_diag *diag)
{
  struct kh_str type = KH_STR("Function.NoRequest");

  if (reason == KH_ERR_NO_MEMORY)
    type = KH_STR("Runtime.OutOfMemory");
  else if (reason == KH_ERR_DELIVERY_FAILED)
    type = KH_STR("Function.DeliveryFailed");
  else if (reason >= KH_ERR_PARTNER_SOURCE && reason <= KH_ERR_PARTNER_SHAPE)
    type = KH_STR("Function.EventRefused");
  return kh_runtime_fail(runtime, invocation, type,
                         kh_str_of(diag->text[0] ? diag->text : kh_err_token(reason)));
}

/*
 * Until the environment ends. What is done behind the answer delays the next event and is billed, but nobody
 * waits.
 */
static enum kh_err serve(struct kh_runtime *runtime, struct kh_lambda *function)
{
  struct kh_invocation invocation;
  struct kh_buf answer;
  enum kh_err err;

  kh_buf_init(&answer, KH_LAMBDA_ANSWER_MAX_BYTES);
  while (!(err = kh_runtime_next(runtime, &invocation))) {
    struct kh_diag diag = {0};
    int64_t now_ms = kh_clock_now_us(&kh_system_clock) / 1000;
    const struct kh_lambda_call call = {
        .payload = invocation.payload,
        .request_id = invocation.request_id,
        .budget_ms = kh_runtime_budget_ms(invocation.deadline_ms, now_ms),
    };

    set_trace(invocation.trace_id);
    kh_buf_clear(&answer);
    enum kh_err reason = kh_lambda_handle(function, &call, &answer, &diag);
    err = reason ? fail(runtime, &invocation, reason, &diag)
                 : kh_runtime_respond(runtime, &invocation, kh_buf_view(&answer));
    kh_lambda_write_metrics(function);
    if (err)
      break;
  }
  kh_buf_release(&answer);
  return err;
}

/* Managed instances may hand out several events at once; each would need a thread of its own. */
static void warn_of_concurrency(struct kh_diags *diags)
{
  if (variable("AWS_LAMBDA_MAX_CONCURRENCY"))
    (void)kh_diags_add(diags, KH_OK, "", 0, 0,
                       "AWS_LAMBDA_MAX_CONCURRENCY is set; kitehook takes one event after the other");
}

static enum kh_err start(struct kh_runtime *runtime, struct kh_lambda *function,
                         const struct kh_lambda_world *world, const struct kh_log *log)
{
  struct kh_diags diags = {0};
  enum kh_err err = kh_lambda_open(function, world, *log, &diags);

  warn_of_concurrency(&diags);
  kh_lambda_log_problems(log, &diags);
  if (err) {
    struct kh_diag first = kh_diags_first(&diags);
    char text[sizeof first.file + sizeof first.text + 32];

    if (first.err)
      (void)snprintf(text, sizeof text, "%s:%u:%u: %s", first.file, first.line, first.column, first.text);
    else
      (void)snprintf(text, sizeof text, "%s", kh_err_token(err));
    (void)!kh_runtime_fail(runtime, NULL, KH_STR("Function.BadConfig"), kh_str_of(text));
  }
  kh_diags_release(&diags);
  return err;
}

int main(void)
{
  static struct kh_runtime runtime;
  static struct kh_lambda function;
  static char path[PATH_MAX], ca_path[PATH_MAX];
  struct kh_log_fd lines = {.fd = STDOUT_FILENO};
  struct kh_log log = kh_log_to_fd(&lines, &kh_system_clock);
  struct kh_aws aws = {
      .environment = (const char *const *)environ, .timeout_ms = FETCH_TIMEOUT_MS, .clock = &kh_system_clock};
  struct kh_lambda_world world = {.config_path = path,
                                  .environment = (const char *const *)environ,
                                  .aws = &aws,
                                  .clock = &kh_system_clock};
  const char *api = variable("AWS_LAMBDA_RUNTIME_API");
  struct kh_diag diag = {0};

  if (!api) {
    (void)fputs("bootstrap: kitehook " KH_VERSION
                " as a Lambda function; AWS_LAMBDA_RUNTIME_API is not set.\n"
                "To try things by hand, use the kitehook command: kitehook invoke --help\n",
                stderr);
    return 2;
  }
  (void)signal(SIGPIPE, SIG_IGN);
  kh_fd_fill_standard();
  log.least = least_level();
  config_path(path);
  enum kh_err err = kh_runtime_open(&runtime, kh_str_of(api), &log, &diag);
  if (!err)
    err = kh_http_curl_open(&world.transport, ca_file(ca_path));
  if (!err)
    err = kh_http_curl_open(&aws.transport, ca_file(ca_path));
  if (err)
    tell(&log, KH_ERROR, "config broken", err, &diag);
  if (!err)
    err = start(&runtime, &function, &world, &log);
  if (!err)
    err = serve(&runtime, &function);
  kh_lambda_close(&function);
  kh_http_curl_close(&aws.transport);
  kh_http_curl_close(&world.transport);
  kh_runtime_close(&runtime);
  return err ? 1 : 0;
}
