#include "base/base.h"

#include "base/base64.h"

/* What each byte is worth, plus one, so that the bytes which are not listed stay zero. */
static const unsigned char values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* The bits of four digits, or KH_ERR_BODY_CUT. */
static enum kh_err read_group(const char *at, uint32_t *bits)
{
  unsigned seen = 0;

  *bits = 0;
  for (size_t i = 0; i < 4; i++) {
    const unsigned value = values[(unsigned char)at[i]] - 1u;

    seen |= value;
    *bits = *bits << 6 | (value & 63);
  }
  return seen > 63 ? KH_ERR_BODY_CUT : KH_OK;
}

static void write_bytes(char *to, uint32_t bits, size_t count)
{
  for (size_t i = 0; i < count; i++)
    to[i] = (char)(bits >> (16 - 8 * i) & 0xFF);
}

enum kh_err kh_base64_decode(struct kh_str text, char *to, size_t *length)
{
  char last[4] = {'A', 'A', 'A', 'A'};
  size_t padding = 0, made = 0;
  uint32_t bits = 0;

  if (text.len % 4 != 0)
    return KH_ERR_BODY_CUT;
  if (text.len == 0) {
    *length = 0;
    return KH_OK;
  }
  for (; text.len > 4; text = kh_str(text.at + 4, text.len - 4), made += 3) {
    if (read_group(text.at, &bits))
      return KH_ERR_BODY_CUT;
    write_bytes(to + made, bits, 3);
  }
  while (padding < 2 && text.at[3 - padding] == '=')
    padding++;
  memcpy(last, text.at, 4 - padding);
  if (read_group(last, &bits))
    return KH_ERR_BODY_CUT;
  /* Bits that the padding cuts off must be zero, or several texts would stand for the same bytes. */
  if ((bits & ((1u << 8 * padding) - 1)) != 0)
    return KH_ERR_BODY_CUT;
  write_bytes(to + made, bits, 3 - padding);
  *length = made + 3 - padding;
  return KH_OK;
}

void kh_base64_encode(const unsigned char *bytes, size_t count, char *text)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  for (size_t i = 0; i < count; i += 3) {
    const size_t left = count - i;
    const uint32_t bits = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                          (left > 2 ? (uint32_t)bytes[i + 2] : 0);

    *text++ = digits[bits >> 18];
    *text++ = digits[bits >> 12 & 63];
    *text++ = left > 1 ? digits[bits >> 6 & 63] : '=';
    *text++ = left > 2 ? digits[bits & 63] : '=';
  }
  *text = '\0';
}
