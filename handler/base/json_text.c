#include "base/base.h"

#include "base/json_text.h"

struct kh_str kh_json_text_in(struct kh_json_value value, struct kh_arena *arena)
{
  struct kh_buf text;
  struct kh_str copy = KH_NO_STR;

  if (kh_json_type(value) != KH_JSON_STRING)
    return KH_NO_STR;
  struct kh_str raw = kh_json_raw(value);
  if (!memchr(raw.at, '\\', raw.len))
    return raw;
  kh_buf_init(&text, raw.len); /* decoding never makes a text longer */
  enum kh_err err = kh_json_text(value, &text);
  if (!err)
    copy = kh_arena_copy(arena, kh_buf_view(&text));
  else if (err == KH_ERR_NO_MEMORY)
    arena->err = err; /* or it would pass for null */
  kh_buf_release(&text);
  return copy;
}
