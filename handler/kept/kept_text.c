#include "base/base.h"

#include "base/json_put.h"
#include "kept/kept.h"
#include "kept/kept_text.h"
#include "kept/masked.h"

/* What ends in half of an address ends before it. */
static struct kh_str cut(struct kh_str text)
{
  const size_t len = kh_str_utf8_cut(text, KH_KEPT_TEXT_MAX_BYTES);
  size_t word = len;

  while (word > 0 && (unsigned char)text.at[word - 1] > ' ')
    word--;
  const bool is_cut = len < text.len && memchr(text.at + word, '@', len - word);
  return kh_str(text.at, is_cut ? word : len);
}

bool kh_kept_put_text(struct kh_str text, enum kh_kept_form form, bool *links, struct kh_buf *out)
{
  const struct kh_str kept = cut(text);
  struct kh_buf masked;
  bool same = kept.len == text.len;

  *links = same;
  if (same && !(text.len > 0 && memchr(text.at, '@', text.len)) && form != KH_KEPT_URL) {
    kh_json_put_text(out, text);
    return true;
  }
  kh_buf_init(&masked, 2 * kept.len + 16); /* "a@b.co" is shorter than what stands for it */
  if (form == KH_KEPT_PERSON)
    same = kh_masked_person(kept, &masked) && same;
  else if (form == KH_KEPT_URL)
    same = kh_masked_url(kept, links, &masked) && same;
  else
    same = kh_masked_text(kept, &masked) && same;
  kh_json_put_text(out, kh_buf_view(&masked));
  if (masked.err)
    kh_buf_fail(out, masked.err);
  kh_buf_release(&masked);
  return same;
}

/* Nothing in RAW, the inside of a string, is for masked.h: it can go as it stands. */
static bool is_plain(struct kh_str raw, enum kh_kept_form form)
{
  if (raw.len > KH_KEPT_TEXT_MAX_BYTES || memchr(raw.at, '@', raw.len))
    return false;
  if (form == KH_KEPT_URL && memchr(raw.at, '?', raw.len))
    return false;
  return !memchr(raw.at, '\\', raw.len) ||
         (form != KH_KEPT_URL && !memmem(raw.at, raw.len, "\\u0040", strlen("\\u0040")));
}

bool kh_kept_put_string(struct kh_json_value value, enum kh_kept_form form, bool *links, struct kh_buf *out)
{
  const struct kh_str raw = kh_json_raw(value);
  struct kh_buf text;

  *links = true;
  if (is_plain(raw, form)) {
    (void)kh_buf_add(out, kh_json_source(value));
    return true;
  }
  kh_buf_init(&text, raw.len); /* decoding never lengthens */
  enum kh_err err = kh_json_text(value, &text);
  const bool same = kh_kept_put_text(kh_buf_view(&text), form, links, out);
  if (err)
    kh_buf_fail(out, err);
  kh_buf_release(&text);
  return same;
}
