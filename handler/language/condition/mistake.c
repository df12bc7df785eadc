#include "base/base.h"

#include "base/utf8.h"
#include "language/condition/mistake.h"

bool kh_mistake_set(struct kh_mistake *mistake, enum kh_mistake_kind kind, size_t at, size_t len,
                    const char *format, ...)
{
  va_list values;

  if (!mistake || mistake->kind != KH_MISTAKE_NONE)
    return false;
  mistake->kind = kind;
  mistake->at = at;
  mistake->len = len;
  va_start(values, format);
  (void)vsnprintf(mistake->text, sizeof mistake->text, format, values);
  va_end(values);
  size_t text_len = strlen(mistake->text);
  if (text_len == sizeof mistake->text - 1)
    mistake->text[kh_str_utf8_cut(kh_str(mistake->text, text_len), text_len - 1)] = '\0';
  return false;
}

void kh_mistake_hint(struct kh_mistake *mistake, const char *hint)
{
  if (mistake && hint && !mistake->hint[0])
    (void)snprintf(mistake->hint, sizeof mistake->hint, "%s", hint);
}

const char *kh_mistake_kind_name(enum kh_mistake_kind kind)
{
  static const char *const names[] = {
      [KH_MISTAKE_NONE] = "none",
      [KH_MISTAKE_PARSE] = "parse",
      [KH_MISTAKE_VALIDATION] = "validation",
      [KH_MISTAKE_RESULT] = "result",
      [KH_MISTAKE_EVALUATION] = "evaluation",
      [KH_MISTAKE_NOT_KEPT] = "not_kept",
  };

  return names[kind];
}

void kh_mistake_caret(const struct kh_mistake *mistake, struct kh_str source, struct kh_buf *out)
{
  size_t at = mistake->at < source.len ? mistake->at : source.len;
  size_t begin = at;
  size_t end = at;

  while (begin > 0 && source.at[begin - 1] != '\n')
    begin--;
  while (end < source.len && source.at[end] != '\n')
    end++;
  for (size_t i = begin; i < end; i++)
    kh_buf_add_byte(out, (unsigned char)source.at[i] < 0x20 ? ' ' : source.at[i]);
  kh_buf_add_byte(out, '\n');
  size_t carets = mistake->len < end - at ? mistake->len : end - at;
  for (size_t i = begin; i < at + (carets > 0 ? carets : 1); i++)
    if (i >= source.len || kh_utf8_begins(source.at[i]))
      kh_buf_add_byte(out, i < at ? ' ' : '^');
}
