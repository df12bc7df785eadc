#include "base/base.h"

#include "base/json_put.h"
#include "base/json_scan.h"
#include "base/utf8.h"

void kh_json_put_key(struct kh_buf *out, const char *key)
{
  const size_t len = strlen(key);
  const size_t comma = out->len > 0 && out->at[out->len - 1] != '{';
  char *to = kh_buf_reserve(out, comma + len + 3);

  if (!to)
    return;
  to[0] = ',';
  to += comma;
  *to++ = '"';
  memcpy(to, key, len);
  memcpy(to + len, "\":", 2);
  out->len += comma + len + 3;
}

static void put_escape(struct kh_buf *out, char byte)
{
  static const char bytes[] = "\"\\\b\f\n\r\t";
  static const char letters[] = "\"\\bfnrt";
  const char *found = byte ? strchr(bytes, byte) : NULL;

  if (found)
    (void)kh_buf_add(out, kh_str((const char[]){'\\', letters[found - bytes]}, 2));
  else
    (void)kh_buf_printf(out, "\\u%04X", (unsigned)byte);
}

void kh_json_put_text(struct kh_buf *out, struct kh_str text)
{
  const char *at = text.at ? text.at : "";
  const char *const end = at + text.len;

  (void)kh_buf_add_byte(out, '"');
  for (;;) {
    const char *odd = kh_json_plain(at, end);

    (void)kh_buf_add(out, kh_str(at, (size_t)(odd - at)));
    if (odd == end)
      break;
    int length = kh_utf8_length(odd, end);
    if (length == 1)
      put_escape(out, *odd);
    else
      (void)kh_buf_add(out, length > 0 ? kh_str(odd, (size_t)length) : KH_STR("\xEF\xBF\xBD"));
    at = odd + (length > 0 ? length : 1);
  }
  (void)kh_buf_add_byte(out, '"');
}

void kh_json_put_int(struct kh_buf *out, int64_t number)
{
  char digits[sizeof "-9223372036854775808"];
  char *const end = digits + sizeof digits, *at = end;
  uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

  do
    *--at = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (number < 0)
    *--at = '-';
  (void)kh_buf_add(out, kh_str(at, (size_t)(end - at)));
}

void kh_json_put_text_member(struct kh_buf *out, const char *key, struct kh_str text)
{
  kh_json_put_key(out, key);
  kh_json_put_text(out, text);
}

void kh_json_put_int_member(struct kh_buf *out, const char *key, int64_t number)
{
  kh_json_put_key(out, key);
  kh_json_put_int(out, number);
}

void kh_json_put_bool_member(struct kh_buf *out, const char *key, bool truth)
{
  kh_json_put_key(out, key);
  (void)kh_buf_add(out, truth ? KH_STR("true") : KH_STR("false"));
}
