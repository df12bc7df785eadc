#include "base/base.h"

#include "base/utf8.h"
#include "language/condition/regex.h"
#include "support/values.h"

static void print_text(struct kh_str text, struct kh_buf *out)
{
  if (!text.at) {
    kh_buf_add(out, KH_STR("null"));
    return;
  }
  kh_buf_add_byte(out, '"');
  for (size_t i = 0; i < text.len;) {
    unsigned char c = (unsigned char)text.at[i];
    int length = kh_utf8_length(text.at + i, text.at + text.len);

    if (c == '"' || c == '\\')
      kh_buf_printf(out, "\\%c", c);
    else if (c == '\n')
      kh_buf_add(out, KH_STR("\\n"));
    else if (c < 0x20 || c == 0x7F || length == 0)
      kh_buf_printf(out, "\\x%02x", c);
    else
      kh_buf_add(out, kh_str(text.at + i, (size_t)length));
    i += length > 0 ? (size_t)length : 1;
  }
  kh_buf_add_byte(out, '"');
}

void kh_test_value_print(const struct kh_value *value, struct kh_buf *out)
{
  switch (value->kind) {
  case KH_KIND_NULL:
    kh_buf_add(out, KH_STR("null"));
    break;
  case KH_KIND_BOOLEAN:
    kh_buf_add(out, value->truth ? KH_STR("true") : KH_STR("false"));
    break;
  case KH_KIND_NUMBER:
    kh_buf_printf(out, "%" PRId64, value->number);
    break;
  case KH_KIND_STRING:
    print_text(value->text, out);
    break;
  case KH_KIND_LIST:
    kh_buf_add_byte(out, '[');
    for (size_t i = 0; i < value->list.count; i++) {
      if (i > 0)
        kh_buf_add(out, KH_STR(", "));
      print_text(value->list.items[i], out);
    }
    kh_buf_add_byte(out, ']');
    break;
  case KH_KIND_REGEX:
    kh_buf_add_byte(out, '/');
    kh_buf_add(out, kh_regex_source(value->regex));
    kh_buf_add_byte(out, '/');
    kh_buf_add(out, kh_regex_flags(value->regex));
    break;
  }
}
