#include "base/base.h"

#include "base/clock.h"
#include "lambda/runtime.h"

#include <poll.h>
#include <unistd.h>

/*
 * lambda_probe API [POST_TIMEOUT_MS [MESSAGE]] - the Runtime API loop around an echo, for
 * lambda_runtime_test.py.
 *
 * An event comes back behind one line that says what else the loop was given. Of the event "fail TYPE
 * MESSAGE" it makes an error, of "repeat" two responses, of "fill N" a response of N bytes; with "nap MS" it
 * sleeps before the echo. With MESSAGE it posts an init error instead. Log lines go to standard output. Exit
 * 1 when the loop ends, 2 for wrong usage.
 */

static enum kh_err echo(struct kh_runtime *runtime, const struct kh_invocation *event)
{
  const int64_t now_ms = kh_clock_now_us(&kh_system_clock) / 1000;
  struct kh_buf answer;

  kh_buf_init(&answer, KH_RUNTIME_PAYLOAD_MAX_BYTES + 1024);
  (void)kh_buf_printf(&answer, "left_ms=%" PRId64 " budget_ms=%" PRId64 " trace=%.*s arn=%.*s\n",
                      event->deadline_ms - now_ms, kh_runtime_budget_ms(event->deadline_ms, now_ms),
                      KH_FMT(event->trace_id), KH_FMT(event->function_arn));
  (void)kh_buf_add(&answer, event->payload);
  enum kh_err err = kh_buf_ok(&answer);
  if (!err)
    err = kh_runtime_respond(runtime, event, kh_buf_view(&answer));
  kh_buf_release(&answer);
  return err;
}

static enum kh_err fill(struct kh_runtime *runtime, const struct kh_invocation *event, struct kh_str size)
{
  struct kh_buf answer;
  uint64_t bytes = 0;

  kh_buf_init(&answer, 64 * 1024 * 1024);
  if (!kh_str_u64(size, &bytes) || !kh_buf_reserve(&answer, (size_t)bytes))
    return KH_ERR_LIMIT;
  memset(answer.at, 'x', (size_t)bytes);
  answer.len = (size_t)bytes;
  enum kh_err err = kh_runtime_respond(runtime, event, kh_buf_view(&answer));
  kh_buf_release(&answer);
  return err;
}

static enum kh_err handle(struct kh_runtime *runtime, const struct kh_invocation *event)
{
  struct kh_str rest = event->payload;
  struct kh_str word = kh_str_cut(&rest, ' ');

  if (kh_str_equal(word, KH_STR("fail"))) {
    struct kh_str type = kh_str_cut(&rest, ' ');
    return kh_runtime_fail(runtime, event, type, rest);
  }
  if (kh_str_equal(word, KH_STR("fill")))
    return fill(runtime, event, rest);
  uint64_t nap_ms = 0;
  if (kh_str_equal(word, KH_STR("nap")) && kh_str_u64(rest, &nap_ms))
    (void)poll(NULL, 0, (int)nap_ms);
  enum kh_err err = echo(runtime, event);
  if (!err && kh_str_equal(word, KH_STR("repeat")))
    err = echo(runtime, event);
  return err;
}

int main(int count, char **words)
{
  static struct kh_runtime runtime;
  struct kh_log_fd lines = {.fd = STDOUT_FILENO};
  const struct kh_log log = kh_log_to_fd(&lines, &kh_system_clock);
  struct kh_invocation event;
  struct kh_diag diag = {0};
  uint64_t timeout_ms = KH_RUNTIME_POST_TIMEOUT_MS;
  enum kh_err err = KH_OK;

  if (count < 2 || (count > 2 && !kh_str_u64(kh_str_of(words[2]), &timeout_ms)))
    return 2;
  if (kh_runtime_open(&runtime, kh_str_of(words[1]), &log, &diag))
    return 2;
  runtime.post_timeout_ms = (int64_t)timeout_ms;
  if (count > 3)
    err = kh_runtime_init_error(&runtime, KH_STR("Runtime.InitError"), kh_str_of(words[3]));
  while (!err && count <= 3) {
    err = kh_runtime_next(&runtime, &event);
    if (!err)
      err = handle(&runtime, &event);
  }
  kh_runtime_close(&runtime);
  return 1;
}
