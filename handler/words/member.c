#include "base/base.h"

#include "words/member.h"

bool kh_member_set(json_t *json, const char *key, struct kh_str text)
{
  return text.len == 0 || json_object_set_new(json, key, json_stringn(text.at, text.len)) == 0;
}

bool kh_member_line(json_t *json, const char *key, struct kh_str dirty, size_t max_characters)
{
  struct kh_buf line;

  kh_buf_init(&line, 4 * max_characters);
  kh_text_line(dirty, max_characters, &line);
  bool good = !kh_buf_ok(&line) && kh_member_set(json, key, kh_buf_view(&line));
  kh_buf_release(&line);
  return good;
}

bool kh_member_of(json_t *json, const char *key, const struct kh_event *event, struct kh_json_value object,
                  const char *name, size_t max_characters)
{
  struct kh_buf raw;

  kh_buf_init(&raw, event->body.len); /* decoding never lengthens */
  enum kh_err err = kh_json_text(kh_json_get(object, kh_str_of(name)), &raw);
  bool good = (!err || err == KH_ERR_NOT_FOUND) &&
              kh_member_line(json, key, kh_buf_view(&raw), max_characters);
  kh_buf_release(&raw);
  return good;
}
