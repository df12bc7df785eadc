/*
 * What is kept of webhooks, for tests/model/kept_test.py: reads lines of JSON, each {"body": TEXT, "sent_s": N}
 * or {"mask": TEXT, "form": "text" | "url" | "person"}, and answers each by one: {"kept": TEXT} or
 * {"masked": TEXT}.
 */
#include "base/base.h"

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

int main(void)
{
  char *bytes = NULL;
  size_t room = 0;
  ssize_t len = 0;

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
