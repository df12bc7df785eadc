#include "base/base.h"

#include "base/json_parts.h"
#include "base/json_scan.h"
#include "base/utf8.h"

/* The value of four hexadecimal digits, or -1. */
static int hex4(const char *at)
{
  int value = 0;

  for (int i = 0; i < 4; i++) {
    int digit = kh_hex_digit(at[i]);

    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* What an escape of two bytes stands for, by the second of them; 0 where there is none. */
static const char short_escapes[UCHAR_MAX + 1] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* The number in the \u escape at AT, or -1 when none stands there. */
static int escaped_unit(const char *at, const char *end)
{
  return end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2) : -1;
}

static bool is_high_surrogate(int unit)
{
  return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int unit)
{
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

/*
 * Runs over plain bytes and escapes of two bytes, from AT to something else or to where no two blocks are
 * left.
 */
static const char *skip_short_escapes(const char *at, const char *end)
{
  while (end - at >= 2 * KH_JSON_BLOCK) {
    uint64_t odd = kh_json_odd(at);

    if (!odd)
      at += KH_JSON_BLOCK;
    for (; odd; odd = kh_json_behind_pair(odd)) {
      at += kh_json_first(odd);
      if (*at != '\\' || !short_escapes[(unsigned char)at[1]])
        return at;
      at += 2;
    }
  }
  return at;
}

/* The bytes of the escape, or of the pair of them, at AT; 0 when it is malformed or cut. */
static int escape_length(const char *at, const char *end, uint16_t *flags)
{
  int unit = escaped_unit(at, end);

  if (unit < 0)
    return end - at >= 2 && short_escapes[(unsigned char)at[1]] ? 2 : 0;
  if (is_high_surrogate(unit) && is_low_surrogate(escaped_unit(at + 6, end)))
    return 12;
  if (is_high_surrogate(unit) || is_low_surrogate(unit))
    *flags |= KH_JSON_LONE_SURROGATE;
  return 6;
}

const char *kh_json_string_end(struct kh_json_reader *reader, const char *at, uint16_t *flags)
{
  const char *const end = reader->end;

  for (;;) {
    int length = 0;

    at = kh_json_plain(at, end);
    if (at < end && *at == '\\') {
      *flags |= KH_JSON_ESCAPED;
      at = skip_short_escapes(at, end);
    }
    if (at == end)
      return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "the text ends inside a string");
    if (*at == '"')
      return at;
    if (*at == '\\') {
      length = escape_length(at, end, flags);
      if (length == 0)
        return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "an escape that JSON does not have");
    } else if ((unsigned char)*at < 0x20) {
      return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "a control character in a string must be escaped");
    } else {
      length = kh_utf8_length(at, end);
      if (length == 0)
        return kh_json_fail(reader, KH_ERR_JSON_UTF8, at, "a string is not UTF-8");
    }
    at += length;
  }
}

/* The character of the \u escape at *AT, which moves behind it, or behind a pair. */
static int read_u(const char **at, const char *end)
{
  int unit = escaped_unit(*at, end);
  int low = escaped_unit(*at + 6, end);

  if (is_high_surrogate(unit) && is_low_surrogate(low)) {
    *at += 12;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }
  *at += 6;
  return is_high_surrogate(unit) || is_low_surrogate(unit) ? 0xFFFD : unit;
}

bool kh_json_next_piece(struct kh_json_pieces *pieces, struct kh_str *piece)
{
  const char *at = pieces->at;
  size_t length = 1;

  if (at == pieces->end)
    return false;
  if (*at != '\\') {
    const char *escape = memchr(at, '\\', (size_t)(pieces->end - at));

    pieces->at = escape ? escape : pieces->end;
    *piece = kh_str(at, (size_t)(pieces->at - at));
    return true;
  }
  if (at[1] == 'u') {
    length = kh_utf8_encode((uint32_t)read_u(&pieces->at, pieces->end), pieces->decoded);
  } else {
    pieces->decoded[0] = short_escapes[(unsigned char)at[1]];
    pieces->at += 2;
  }
  *piece = kh_str(pieces->decoded, length);
  return true;
}

int kh_json_compare(struct kh_str a, struct kh_str b)
{
  struct kh_json_pieces pieces_a = {.at = a.at, .end = a.at + a.len};
  struct kh_json_pieces pieces_b = {.at = b.at, .end = b.at + b.len};
  struct kh_str rest_a = KH_NO_STR, rest_b = KH_NO_STR;

  for (;;) {
    bool more_a = rest_a.len > 0 || kh_json_next_piece(&pieces_a, &rest_a);
    bool more_b = rest_b.len > 0 || kh_json_next_piece(&pieces_b, &rest_b);

    if (!more_a || !more_b)
      return (int)more_a - (int)more_b;
    size_t both = rest_a.len < rest_b.len ? rest_a.len : rest_b.len;
    int order = memcmp(rest_a.at, rest_b.at, both);
    if (order != 0)
      return order;
    rest_a = kh_str(rest_a.at + both, rest_a.len - both);
    rest_b = kh_str(rest_b.at + both, rest_b.len - both);
  }
}

size_t kh_json_unescape(struct kh_str raw, char *to)
{
  const char *at = raw.at, *const end = raw.at + raw.len;
  const char *const start = to;

  /* Whole blocks are copied: what is written behind a run has room, and is written again. */
  while (end - at >= 2 * KH_JSON_BLOCK) {
    uint64_t marks = kh_json_backslashes(at);

    if (!marks) {
      memcpy(to, at, KH_JSON_BLOCK);
      at += KH_JSON_BLOCK;
      to += KH_JSON_BLOCK;
    }
    for (; marks; marks = kh_json_behind_pair(marks)) {
      size_t length = kh_json_first(marks);

      memcpy(to, at, KH_JSON_BLOCK);
      at += length;
      to += length;
      if (at[1] == 'u')
        break;
      *to++ = short_escapes[(unsigned char)at[1]];
      at += 2;
    }
    if (marks)
      to += kh_utf8_encode((uint32_t)read_u(&at, end), to);
  }
  struct kh_json_pieces pieces = {.at = at, .end = end};
  for (struct kh_str piece; kh_json_next_piece(&pieces, &piece); to += piece.len)
    memcpy(to, piece.at, piece.len);
  return (size_t)(to - start);
}
