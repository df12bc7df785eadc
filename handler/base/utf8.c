#include "base/base.h"

#include "base/utf8.h"

static int length_by(unsigned char lead)
{
  if (lead < 0x80)
    return 1;
  if (lead < 0xC2)
    return 0;
  if (lead < 0xE0)
    return 2;
  if (lead < 0xF0)
    return 3;
  return lead < 0xF5 ? 4 : 0;
}

/* Keeps out overlong forms, surrogates and what lies above U+10FFFF. */
static bool goes_on(unsigned char lead, unsigned char second)
{
  switch (lead) {
  case 0xE0:
    return second >= 0xA0 && second <= 0xBF;
  case 0xED:
    return second >= 0x80 && second <= 0x9F;
  case 0xF0:
    return second >= 0x90 && second <= 0xBF;
  case 0xF4:
    return second >= 0x80 && second <= 0x8F;
  default:
    return second >= 0x80 && second <= 0xBF;
  }
}

int kh_utf8_length(const char *at, const char *end)
{
  const unsigned char *c = (const unsigned char *)at;
  int length = length_by(c[0]);

  if (length < 2 || end - at < length)
    return length < 2 ? length : 0;
  if (!goes_on(c[0], c[1]))
    return 0;
  for (int i = 2; i < length; i++)
    if ((c[i] & 0xC0) != 0x80)
      return 0;
  return length;
}

/* Behind the words of 8 bytes at AT that are all ASCII, as most texts are. */
static const char *skip_ascii(const char *at, const char *end)
{
  uint64_t word = 0;

  for (; end - at >= (ptrdiff_t)sizeof word; at += sizeof word) {
    memcpy(&word, at, sizeof word);
    if (word & UINT64_C(0x8080808080808080))
      break;
  }
  return at;
}

bool kh_utf8_valid(struct kh_str text)
{
  const char *at = text.at;
  const char *end = at ? at + text.len : at;

  while (at && (at = skip_ascii(at, end)) < end) {
    int length = kh_utf8_length(at, end);

    if (length == 0)
      return false;
    at += length;
  }
  return true;
}

uint32_t kh_utf8_take(struct kh_str *text)
{
  const char *at = text->at;
  int length = kh_utf8_length(at, at + text->len);
  uint32_t c = (unsigned char)at[0] & (length == 1 ? 0x7FU : 0x7FU >> length);

  for (int i = 1; i < length; i++)
    c = c << 6 | ((unsigned char)at[i] & 0x3FU);
  if (length == 0) {
    c = KH_UTF8_REPLACEMENT;
    length = 1;
  }
  *text = kh_str(at + length, text->len - (size_t)length);
  return c;
}

size_t kh_utf8_encode(uint32_t c, char to[KH_UTF8_MAX_BYTES])
{
  size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

  for (size_t i = len - 1; i > 0; i--) {
    to[i] = (char)(0x80 | (c & 0x3F));
    c >>= 6;
  }
  to[0] = (char)(len == 1 ? c : (0xF0U << (4 - len) & 0xFFU) | c);
  return len;
}

size_t kh_utf8_count(struct kh_str text)
{
  size_t count = 0;

  for (size_t i = 0; i < text.len; i++)
    count += kh_utf8_begins(text.at[i]);
  return count;
}

size_t kh_utf8_bytes(struct kh_str text, size_t count)
{
  size_t bytes = 0;

  while (bytes < text.len && (!kh_utf8_begins(text.at[bytes]) || count-- > 0))
    bytes++;
  return bytes;
}

bool kh_str_hex(struct kh_str text, uint64_t *value)
{
  *value = 0;
  for (size_t i = 0; i < text.len; i++) {
    int digit = kh_hex_digit(text.at[i]);

    if (digit < 0)
      return false;
    *value = *value << 4 | (uint64_t)digit;
  }
  return text.len > 0 && text.len <= 16;
}

bool kh_str_is_of(struct kh_str text, const char *characters)
{
  for (size_t i = 0; i < text.len; i++)
    if (!memchr(characters, text.at[i], strlen(characters)))
      return false;
  return text.len > 0;
}

bool kh_str_is_ascii_from(struct kh_str text, char least)
{
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.at[i] < (unsigned char)least || (unsigned char)text.at[i] > '~')
      return false;
  return true;
}

bool kh_str_is_word(struct kh_str text, const char *also)
{
  for (size_t i = 0; i < text.len; i++) {
    char c = text.at[i];

    if (!kh_is_letter(c) && !kh_is_digit(c) && !memchr(also, c, strlen(also)))
      return false;
  }
  return text.len > 0;
}

size_t kh_str_name_length(struct kh_str text)
{
  size_t i = 0;

  while (i < text.len && (kh_begins_name(text.at[i]) || (i > 0 && kh_is_digit(text.at[i]))))
    i++;
  return i;
}
