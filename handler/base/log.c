#include "base/base.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/json_write.h"
#include "base/log.h"
#include "base/utf8.h"

enum { TEXT_MAX_BYTES = 1024, LINE_MAX_BYTES = 64 * 1024 };

static const char *const key_names[KH_LOG__COUNT] = {
    [KH_LOG_TRANSPORT] = "transport",
    [KH_LOG_REQUEST_ID] = "request_id",
    [KH_LOG_ENTRY] = "entry",
    [KH_LOG_EVENT] = "event",
    [KH_LOG_ORGANIZATION] = "organization",
    [KH_LOG_PIPELINE] = "pipeline",
    [KH_LOG_BUILD_NUMBER] = "build_number",
    [KH_LOG_BRANCH] = "branch",
    [KH_LOG_STATE] = "state",
    [KH_LOG_JOB] = "job",
    [KH_LOG_AGENT] = "agent",
    [KH_LOG_VERDICT] = "verdict",
    [KH_LOG_REASON] = "reason",
    [KH_LOG_DETAIL] = "detail",
    [KH_LOG_PLACE] = "place",
    [KH_LOG_PROOF] = "proof",
    [KH_LOG_SECRET_NAME] = "secret_name",
    [KH_LOG_SIGNATURE_AGE_S] = "signature_age_s",
    [KH_LOG_STATUS] = "status",
    [KH_LOG_BYTES] = "bytes",
    [KH_LOG_DURATION_US] = "duration_us",
    [KH_LOG_WORKER] = "worker",
    [KH_LOG_OLDEST_ENTRY_S] = "oldest_entry_s",
    [KH_LOG_RULES_MATCHED] = "rules_matched",
    [KH_LOG_DELIVERIES] = "deliveries",
    [KH_LOG_DELIVERY] = "delivery",
    [KH_LOG_RULE] = "rule",
    [KH_LOG_NOTIFIER] = "notifier",
    [KH_LOG_ATTEMPT] = "attempt",
    [KH_LOG_RESULT] = "result",
    [KH_LOG_RETRY_AT] = "retry_at",
    [KH_LOG_MESSAGE_TEXT] = "text",
    [KH_LOG_URL] = "url",
};

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

static void write_to_fd(void *self, struct kh_str line)
{
  const int *fd = self;

  /* A log that cannot be written must not cost a webhook; there is no one left to tell. */
  (void)!kh_fd_write(*fd, line);
}

struct kh_log kh_log_to_fd(int *fd, const struct kh_clock *clock)
{
  return (struct kh_log){.write = write_to_fd, .self = fd, .clock = clock};
}

/* Bytes that are not UTF-8 as U+FFFD, one for each. */
static json_t *repaired_string(struct kh_str text)
{
  const char *end = text.at + text.len;
  struct kh_buf clean;

  kh_buf_init(&clean, 3 * TEXT_MAX_BYTES);
  for (const char *at = text.at; at < end;) {
    int length = kh_utf8_length(at, end);

    (void)kh_buf_add(&clean, length > 0 ? kh_str(at, (size_t)length) : KH_STR("\xEF\xBF\xBD"));
    at += length > 0 ? length : 1;
  }
  json_t *string = kh_buf_ok(&clean) ? NULL : json_stringn(kh_buf_text(&clean), clean.len);
  kh_buf_release(&clean);
  return string;
}

static json_t *string_of(struct kh_str text)
{
  struct kh_str cut = kh_str(text.at, kh_str_utf8_cut(text, TEXT_MAX_BYTES));

  return kh_utf8_valid(cut) ? json_stringn_nocheck(cut.at, cut.len) : repaired_string(cut);
}

/* A line that lacks a member would say something else than what happened. */
static void give_up(struct kh_log_line *line)
{
  json_decref(line->json);
  line->json = NULL;
}

static void set(struct kh_log_line *line, const char *key, json_t *value)
{
  if (!line->json)
    json_decref(value);
  else if (json_object_set_new_nocheck(line->json, key, value))
    give_up(line);
}

void kh_log_begin(struct kh_log_line *line, const struct kh_log *log, enum kh_level level,
                  const char *message)
{
  char now[KH_TIME_TEXT_BYTES];

  *line = (struct kh_log_line){.dropped = level < log->least};
  if (line->dropped)
    return;
  kh_time_format(kh_clock_now_us(log->clock), now);
  line->json = json_object();
  set(line, "timestamp", json_string_nocheck(now));
  set(line, "level", json_string_nocheck(level_names[level]));
  set(line, "message", json_string_nocheck(message));
  if (log->invocation.len > 0)
    set(line, "requestId", string_of(log->invocation));
}

void kh_log_text(struct kh_log_line *line, enum kh_log_key key, struct kh_str text)
{
  if (text.len > 0)
    set(line, key_names[key], string_of(text));
}

void kh_log_value(struct kh_log_line *line, enum kh_log_key key, struct kh_json_value value)
{
  struct kh_buf text;

  if (kh_json_type(value) != KH_JSON_STRING)
    return;
  kh_buf_init(&text, kh_json_raw(value).len); /* decoding never makes a text longer */
  if (kh_json_text(value, &text))
    give_up(line);
  else
    kh_log_text(line, key, kh_buf_view(&text));
  kh_buf_release(&text);
}

void kh_log_number(struct kh_log_line *line, enum kh_log_key key, int64_t number)
{
  set(line, key_names[key], json_integer(number));
}

void kh_log_item(struct kh_log_line *line, enum kh_log_key key, struct kh_str text)
{
  if (!line->json)
    return;
  if (!json_object_get(line->json, key_names[key]))
    set(line, key_names[key], json_array());
  if (json_array_append_new(json_object_get(line->json, key_names[key]), string_of(text)))
    give_up(line);
}

void kh_log_time(struct kh_log_line *line, enum kh_log_key key, int64_t at_us)
{
  char text[KH_TIME_TEXT_BYTES];

  kh_time_format(at_us, text);
  set(line, key_names[key], json_string_nocheck(text));
}

void kh_log_problem(struct kh_log_line *line, enum kh_err err, const struct kh_diag *diag)
{
  char place[sizeof diag->file + 32];

  if (err)
    kh_log_text(line, KH_LOG_REASON, kh_str_of(kh_err_token(err)));
  if (!diag || diag->text[0] == '\0')
    return;
  kh_log_text(line, KH_LOG_DETAIL, kh_str_of(diag->text));
  if (diag->file[0] != '\0') {
    (void)snprintf(place, sizeof place, "%s:%u:%u", diag->file, diag->line, diag->column);
    kh_log_text(line, KH_LOG_PLACE, kh_str_of(place));
  }
}

void kh_log_end(struct kh_log_line *line, const struct kh_log *log)
{
  struct kh_buf text;

  if (line->dropped)
    return;
  kh_buf_init(&text, LINE_MAX_BYTES);
  if (kh_json_write(line->json, &text)) {
    kh_buf_clear(&text);
    log->write(log->self, KH_STR("{\"level\":\"ERROR\",\"message\":\"out of memory\"}\n"));
  } else if (!kh_buf_add_byte(&text, '\n')) {
    log->write(log->self, kh_buf_view(&text));
  }
  kh_buf_release(&text);
  json_decref(line->json);
  line->json = NULL;
}
