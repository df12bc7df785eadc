#include "base/base.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/json_put.h"
#include "base/log.h"

enum { TEXT_MAX_BYTES = 1024, LINE_USUAL_BYTES = 900, LINE_MAX_BYTES = 64 * 1024 };

#define NAME(key, name) [key] = name,
static const char *const key_names[KH_LOG__COUNT] = {KH_LOG_KEYS(NAME)};

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

static void write_to_fd(void *self, struct kh_str line)
{
  struct kh_log_fd *to = self;

  /* A log that cannot be written must not cost a webhook; there is no one left to tell. */
  (void)!kh_fd_write_line(to->fd, line, &to->is_torn);
}

struct kh_log kh_log_to_fd(struct kh_log_fd *to, const struct kh_clock *clock)
{
  return (struct kh_log){.write = write_to_fd, .self = to, .clock = clock};
}

static struct kh_str cut(struct kh_str text)
{
  return kh_str(text.at, kh_str_utf8_cut(text, TEXT_MAX_BYTES));
}

static void end_list(struct kh_log_line *line)
{
  if (line->list)
    (void)kh_buf_add_byte(&line->text, ']');
  line->list = NULL;
}

static void put_text(struct kh_log_line *line, const char *key, struct kh_str text)
{
  if (line->dropped)
    return;
  end_list(line);
  kh_json_put_text_member(&line->text, key, cut(text));
}

static void put_time(struct kh_log_line *line, const char *key, int64_t at_us)
{
  char text[KH_TIME_TEXT_BYTES];

  kh_time_format(at_us, text);
  put_text(line, key, kh_str_of(text));
}

void kh_log_begin(struct kh_log_line *line, const struct kh_log *log, enum kh_level level,
                  const char *message)
{
  *line = (struct kh_log_line){.dropped = level < log->least};
  if (line->dropped)
    return;
  kh_buf_init(&line->text, LINE_MAX_BYTES);
  (void)kh_buf_reserve(&line->text, LINE_USUAL_BYTES);
  (void)kh_buf_add_byte(&line->text, '{');
  put_time(line, "timestamp", kh_clock_now_us(log->clock));
  put_text(line, "level", kh_str_of(level_names[level]));
  put_text(line, "message", kh_str_of(message));
  if (log->invocation.len > 0)
    put_text(line, "requestId", log->invocation);
}

void kh_log_text(struct kh_log_line *line, enum kh_log_key key, struct kh_str text)
{
  if (text.len > 0)
    put_text(line, key_names[key], text);
}

void kh_log_value(struct kh_log_line *line, enum kh_log_key key, struct kh_json_value value)
{
  struct kh_buf text;

  if (kh_json_type(value) != KH_JSON_STRING || line->dropped)
    return;
  kh_buf_init(&text, kh_json_raw(value).len); /* decoding never makes a text longer */
  if (kh_json_text(value, &text))
    kh_buf_fail(&line->text, kh_buf_ok(&text));
  kh_log_text(line, key, kh_buf_view(&text));
  kh_buf_release(&text);
}

void kh_log_number(struct kh_log_line *line, enum kh_log_key key, int64_t number)
{
  if (line->dropped)
    return;
  end_list(line);
  kh_json_put_int_member(&line->text, key_names[key], number);
}

void kh_log_item(struct kh_log_line *line, enum kh_log_key key, struct kh_str text)
{
  if (line->dropped)
    return;
  if (line->list == key_names[key]) {
    (void)kh_buf_add_byte(&line->text, ',');
  } else {
    end_list(line);
    line->list = key_names[key];
    kh_json_put_key(&line->text, line->list);
    (void)kh_buf_add_byte(&line->text, '[');
  }
  kh_json_put_text(&line->text, cut(text));
}

void kh_log_time(struct kh_log_line *line, enum kh_log_key key, int64_t at_us)
{
  put_time(line, key_names[key], at_us);
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
  if (line->dropped)
    return;
  end_list(line);
  (void)kh_buf_add(&line->text, KH_STR("}\n"));
  /* A line that lacks a member would say something else than what happened. */
  log->write(log->self, kh_buf_ok(&line->text)
                            ? KH_STR("{\"level\":\"ERROR\",\"message\":\"out of memory\"}\n")
                            : kh_buf_view(&line->text));
  kh_buf_release(&line->text);
}
