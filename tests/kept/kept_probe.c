/*
 * What is kept of webhooks, for tests/model/kept_model.py: reads lines of JSON, each {"body": TEXT, "sent_s":
 * N} or {"mask": TEXT, "form": "text" | "url" | "person"}, and answers each by one: {"kept": TEXT} or
 * {"masked": TEXT}. With a file, a body, it tells instead what writing that costs, and what reading it does.
 */
#include "base/base.h"

#include "base/clock.h"
#include "base/file.h"
#include "kept/kept.h"
#include "kept/masked.h"

#include <jansson.h>

static struct kh_str text_of(const json_t *line, const char *key)
{
  const json_t *text = json_object_get(line, key);

  return kh_str(json_string_value(text), json_string_length(text));
}

static json_t *keep(const json_t *line, struct kh_buf *out)
{
  const struct kh_verified verified = {.body = text_of(line, "body")};
  struct kh_history history;
  struct kh_event event;
  struct kh_json doc;

  kh_history_none(&history, KH_HISTORY_NO_MEMORY);
  kh_json_init(&doc, kh_json_default_limits);
  enum kh_err err = kh_event_read(&verified, &doc, &event, NULL);
  if (!err)
    err = kh_kept_write(&event, &history, json_integer_value(json_object_get(line, "sent_s")), out);
  kh_json_release(&doc);
  return err ? json_pack("{s:s}", "error", kh_err_token(err))
             : json_pack("{s:s%}", "kept", out->at, out->len);
}

static json_t *mask(const json_t *line, struct kh_buf *out)
{
  const struct kh_str text = text_of(line, "mask");
  const struct kh_str form = text_of(line, "form");
  bool links = true;
  const bool same = kh_str_equal(form, KH_STR("url"))      ? kh_masked_url(text, &links, out)
                    : kh_str_equal(form, KH_STR("person")) ? kh_masked_person(text, out)
                                                           : kh_masked_text(text, out);

  return json_pack("{s:s%,s:b}", "masked", kh_buf_text(out), out->len, "same", same);
}

/* The best of some rounds, in nanoseconds. */
static int64_t best_of(enum kh_err (*run)(void *self), void *self)
{
  enum { ROUNDS = 1000, TIMES = 40 }; /* short ones, so that one has the processor for itself */
  int64_t best_us = INT64_MAX;

  for (int round = 0; round < ROUNDS; round++) {
    const int64_t begin_us = kh_clock_ticks_us(&kh_system_clock);

    for (int i = 0; i < TIMES; i++)
      if (run(self))
        return -1;
    const int64_t took_us = kh_clock_ticks_us(&kh_system_clock) - begin_us;
    best_us = took_us < best_us ? took_us : best_us;
  }
  return best_us * 1000 / TIMES;
}

struct measuring {
  struct kh_event event;
  struct kh_history history;
  struct kh_buf out;
  struct kh_json doc, kept_doc;
  struct kh_verified verified;
};

static enum kh_err run_write(void *self)
{
  struct measuring *at = self;

  kh_buf_clear(&at->out);
  return kh_kept_write(&at->event, &at->history, 1764400000, &at->out);
}

static enum kh_err run_read(void *self)
{
  static struct kh_kept_webhook kept;
  struct measuring *at = self;
  enum kh_err err = kh_kept_read(&kept, &at->kept_doc, kh_buf_view(&at->out), NULL);

  kh_kept_release(&kept);
  return err;
}

static enum kh_err run_event(void *self)
{
  struct measuring *at = self;

  return kh_event_read(&at->verified, &at->doc, &at->event, NULL);
}

static int measure(const char *path)
{
  struct measuring at = {.out = {0}};
  struct kh_buf body;

  kh_buf_init(&body, 1 << 20);
  kh_buf_init(&at.out, KH_KEPT_ROOM_BYTES);
  kh_json_init(&at.doc, kh_json_default_limits);
  kh_json_init(&at.kept_doc, kh_json_default_limits);
  kh_history_none(&at.history, KH_HISTORY_NO_MEMORY);
  if (kh_file_read(path, &body, NULL))
    return 1;
  at.verified = (struct kh_verified){.body = kh_buf_view(&body)};
  const int64_t event_ns = best_of(run_event, &at);
  const int64_t write_ns = best_of(run_write, &at);
  const int64_t read_ns = best_of(run_read, &at);
  (void)printf("body %zu bytes, read in %" PRId64 " ns; kept %zu bytes, written in %" PRId64
               " ns, read in %" PRId64 " ns\n",
               body.len, event_ns, at.out.len, write_ns, read_ns);
  kh_json_release(&at.kept_doc);
  kh_json_release(&at.doc);
  kh_buf_release(&at.out);
  kh_buf_release(&body);
  return event_ns < 0 || write_ns < 0 || read_ns < 0;
}

int main(int argc, char **argv)
{
  char *bytes = NULL;
  size_t room = 0;
  ssize_t len = 0;

  if (argc > 1)
    return measure(argv[1]);
  while ((len = getline(&bytes, &room, stdin)) > 0) {
    json_t *line = json_loadb(bytes, (size_t)len, JSON_ALLOW_NUL, NULL);
    struct kh_buf out;

    kh_buf_init(&out, 4 * 1024 * 1024);
    json_t *answer = json_object_get(line, "body") ? keep(line, &out) : mask(line, &out);
    if (!answer || json_dumpf(answer, stdout, JSON_COMPACT) != 0 || puts("") < 0)
      return 1;
    json_decref(answer);
    json_decref(line);
    kh_buf_release(&out);
  }
  free(bytes);
  return 0;
}
