/*
 * Target: handler/receive/event.c over base/json_*.c. Aborts where what an event says differs from what
 * jansson finds in the same body, or where its log line is not one JSON object.
 *
 * The input is a line for X-Buildkite-Event (empty: not sent), then the body.
 */
#include "base/base.h"

#include "base/log.h"
#include "fuzz/replay.h"
#include "receive/event.h"
#include "support/clock.h"
#include "support/guard.h"

#include <jansson.h>

static void keep_line(void *self, struct kh_str line)
{
  if (kh_buf_add(self, line))
    abort();
}

/* The line of EVENT as jansson reads it back. */
static json_t *line_of(const struct kh_event *event)
{
  struct kh_fake_clock fake;
  struct kh_log_line line;
  struct kh_buf text;
  json_error_t error;

  kh_fake_clock_init(&fake, 1700000000);
  kh_buf_init(&text, 1 << 20);
  const struct kh_log log = {.write = keep_line, .self = &text, .clock = &fake.clock};
  kh_log_begin(&line, &log, KH_INFO, "webhook received");
  kh_event_log(event, &line);
  kh_log_end(&line, &log);
  json_t *json = json_loadb(kh_buf_text(&text), text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  if (!json_is_object(json) || memchr(text.at, '\n', text.len) != text.at + text.len - 1)
    abort();
  kh_buf_release(&text);
  return json;
}

/* A text as a line may hold it: whole, or cut at 1,024 bytes between two characters. */
static void must_show(const json_t *line, const char *key, const json_t *value)
{
  const json_t *shown = json_object_get(line, key);

  if (!json_is_string(value) || json_string_length(value) == 0) {
    if (shown)
      abort();
    return;
  }
  struct kh_str whole = kh_str(json_string_value(value), json_string_length(value));
  struct kh_str want = kh_str(whole.at, kh_str_utf8_cut(whole, 1024));
  if (!json_is_string(shown) ||
      !kh_str_equal(kh_str(json_string_value(shown), json_string_length(shown)), want))
    abort();
}

static void compare(const struct kh_event *event, const json_t *line, const json_t *body,
                    struct kh_str header)
{
  const json_t *build = json_object_get(body, "build");
  const json_t *name = json_object_get(body, "event");
  const json_t *number = json_object_get(build, "number");
  const char *state = json_string_value(json_object_get(build, "state"));
  bool blocked = json_is_true(json_object_get(build, "blocked")) &&
                 !(state && (strcmp(state, "canceled") == 0 || strcmp(state, "canceling") == 0));

  if (event->build_blocked != blocked ||
      event->build_number != (json_is_integer(number) ? json_integer_value(number) : 0))
    abort();
  if (json_is_string(name) && strcmp(event->name, json_string_value(name)) != 0)
    abort();
  if (!json_is_string(name) && !kh_str_equal(kh_str_of(event->name), header))
    abort();
  must_show(line, "branch", json_object_get(build, "branch"));
  must_show(line, "pipeline", json_object_get(json_object_get(body, "pipeline"), "slug"));
  must_show(line, "agent", json_object_get(json_object_get(body, "agent"), "name"));
  if (!blocked)
    must_show(line, "state", json_object_get(build, "state"));
}

static void take_texts(const struct kh_event *event)
{
  enum kh_err (*const takes[])(const struct kh_event *,
                               struct kh_buf *) = {kh_event_build_state, kh_event_author, kh_event_job_name};

  for (size_t i = 0; i < KH_COUNT(takes); i++) {
    struct kh_buf out;

    kh_buf_init(&out, 64);
    if (takes[i](event, &out) != kh_buf_ok(&out))
      abort();
    kh_buf_release(&out);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};
  struct kh_json doc;
  struct kh_event event;
  struct kh_diag diag = {.err = KH_OK};
  json_error_t error;

  struct kh_str body = kh_guard_end(&guard, kh_str((const char *)data, size));
  struct kh_str header = kh_str_cut(&body, '\n');
  const struct kh_verified verified = {.body = kh_str(body.at ? body.at : "", body.len),
                                       .event_header = header.len > 0 ? header : KH_NO_STR};
  kh_json_init(&doc, kh_json_default_limits);
  enum kh_err err = kh_event_read(&verified, &doc, &event, &diag);
  if (err != diag.err)
    abort();
  if (!err) {
    json_t *line = line_of(&event);
    /* jansson refuses a lone surrogate, which is our one exception. */
    json_t *seen = json_loadb(verified.body.at, verified.body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                              &error);

    take_texts(&event);
    if (seen)
      compare(&event, line, seen, header);
    json_decref(seen);
    json_decref(line);
  }
  kh_json_release(&doc);
  kh_guard_release(&guard);
  return 0;
}
