#include "base/base.h"

#include "base/file.h"
#include "support/recorder.h"

#include <check.h>
#include <fcntl.h>
#include <unistd.h>

static void record(void *self, struct kh_str line)
{
  struct kh_recorder *recorder = self;
  const char *path = getenv("KH_TEST_LOG_LINES");

  recorder->count++;
  (void)kh_buf_add(&recorder->text, line);
  if (!path || !*path)
    return;
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
  ck_assert_int_eq(write(fd, line.at, line.len), (ssize_t)line.len);
  (void)close(fd);
}

void kh_recorder_stay_private(void)
{
  (void)unsetenv("KH_TEST_LOG_LINES");
}

void kh_recorder_init(struct kh_recorder *recorder)
{
  kh_buf_init(&recorder->text, 64 << 20);
  recorder->count = 0;
}

void kh_recorder_release(struct kh_recorder *recorder)
{
  kh_buf_release(&recorder->text);
  recorder->count = 0;
}

void kh_recorder_clear(struct kh_recorder *recorder)
{
  kh_buf_clear(&recorder->text);
  recorder->count = 0;
}

struct kh_log kh_recorder_log(struct kh_recorder *recorder, const struct kh_clock *clock)
{
  return (struct kh_log){.write = record, .self = recorder, .clock = clock};
}

void kh_recorder_add_file(struct kh_recorder *recorder, const char *path)
{
  struct kh_buf text;

  kh_buf_init(&text, 64 << 20);
  ck_assert_int_eq(kh_file_read(path, &text, NULL), KH_OK);
  for (struct kh_str rest = kh_buf_view(&text); rest.len > 0;) {
    struct kh_str line = kh_str_cut(&rest, '\n');

    ck_assert_msg(rest.at, "the last line does not end: %.*s", KH_FMT(line));
    record(recorder, kh_str(line.at, line.len + 1));
  }
  kh_buf_release(&text);
}

json_t *kh_recorder_line(const struct kh_recorder *recorder, size_t index)
{
  struct kh_str rest = kh_buf_view(&recorder->text);
  struct kh_str line = KH_NO_STR;
  json_error_t error;

  ck_assert_msg(index < recorder->count, "only %zu lines", recorder->count);
  ck_assert_msg(kh_str_ends(rest, KH_STR("\n")), "the last line does not end: %s",
                kh_buf_text(&recorder->text));
  for (size_t i = 0; i <= index; i++)
    line = kh_str_cut(&rest, '\n');
  json_t *json = json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  ck_assert_msg(json_is_object(json), "not an object: %.*s", KH_FMT(line));
  return json;
}

const char *kh_line_text(const json_t *line, const char *key)
{
  const char *text = json_string_value(json_object_get(line, key));

  return text ? text : "";
}

int64_t kh_line_number(const json_t *line, const char *key)
{
  const json_t *member = json_object_get(line, key);

  return json_is_integer(member) ? (int64_t)json_integer_value(member) : INT64_MIN;
}

bool kh_text_contains(struct kh_str text, struct kh_str needle)
{
  return needle.len > 0 && memmem(text.at, text.len, needle.at, needle.len) != NULL;
}
