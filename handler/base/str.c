#include "base/base.h"

#include "base/utf8.h"
static unsigned char lower(char c)
{
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

int kh_str_compare(struct kh_str a, struct kh_str b)
{
  const size_t both = a.len < b.len ? a.len : b.len;
  const int order = both > 0 ? memcmp(a.at, b.at, both) : 0;

  return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool kh_str_equal_nocase(struct kh_str a, struct kh_str b)
{
  if (a.len != b.len)
    return false;
  for (size_t i = 0; i < a.len; i++)
    if (lower(a.at[i]) != lower(b.at[i]))
      return false;
  return true;
}

bool kh_str_starts(struct kh_str text, struct kh_str prefix)
{
  return text.len >= prefix.len && kh_str_equal(kh_str(text.at, prefix.len), prefix);
}

bool kh_str_ends(struct kh_str text, struct kh_str suffix)
{
  return text.len >= suffix.len &&
         kh_str_equal(kh_str(text.at + (text.len - suffix.len), suffix.len), suffix);
}

struct kh_str kh_str_without_line_end(struct kh_str line)
{
  if (kh_str_ends(line, KH_STR("\n")))
    line.len -= kh_str_ends(line, KH_STR("\r\n")) ? 2 : 1;
  return line;
}

static bool is_blank(char c)
{
  return c == ' ' || c == '\t';
}

struct kh_str kh_str_trim(struct kh_str text)
{
  while (text.len > 0 && is_blank(text.at[0])) {
    text.at++;
    text.len--;
  }
  while (text.len > 0 && is_blank(text.at[text.len - 1]))
    text.len--;
  return text;
}

struct kh_str kh_str_cut(struct kh_str *rest, char separator)
{
  struct kh_str whole = *rest;
  const char *found = whole.len > 0 ? memchr(whole.at, separator, whole.len) : NULL;

  if (!found) {
    *rest = KH_NO_STR;
    return whole;
  }
  size_t before = (size_t)(found - whole.at);
  *rest = kh_str(found + 1, whole.len - before - 1);
  return kh_str(whole.at, before);
}

bool kh_str_u64(struct kh_str text, uint64_t *value)
{
  uint64_t sum = 0;

  if (text.len == 0)
    return false;
  for (size_t i = 0; i < text.len; i++) {
    unsigned digit = (unsigned)((unsigned char)text.at[i] - '0');

    if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
      return false;
    sum = sum * 10 + digit;
  }
  *value = sum;
  return true;
}

bool kh_str_i64(struct kh_str text, int64_t *value)
{
  bool negative = text.len > 0 && text.at[0] == '-';
  uint64_t magnitude = 0;

  if (!kh_str_u64(negative ? kh_str(text.at + 1, text.len - 1) : text, &magnitude))
    return false;
  if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
    return false;
  *value = negative ? (int64_t)(~magnitude + 1) : (int64_t)magnitude;
  return true;
}

size_t kh_str_utf8_cut(struct kh_str text, size_t max_bytes)
{
  size_t cut = max_bytes;

  if (text.len <= max_bytes)
    return text.len;
  while (cut > 0 && !kh_utf8_begins(text.at[cut]))
    cut--;
  return cut;
}
