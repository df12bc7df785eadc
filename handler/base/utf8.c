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
