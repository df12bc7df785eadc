#include "base/base.h"

#include "base/json_parts.h"
#include "base/json_scan.h"
#include "base/utf8.h"

/* The value of four hexadecimal digits, or -1. */
static int hex4(const char *at)
{
  int value = 0;

  for (int i = 0; i < 4; i++) {
    char c = at[i];

    if (c >= '0' && c <= '9')
      value = value * 16 + (c - '0');
    else if (c >= 'A' && c <= 'F')
      value = value * 16 + (c - 'A' + 10);
    else if (c >= 'a' && c <= 'f')
      value = value * 16 + (c - 'a' + 10);
    else
      return -1;
  }
  return value;
}

/* The bytes of the escape at AT, 0 when it is malformed or cut. Surrogates are no matter of syntax. */
static int escape_length(const char *at, const char *end)
{
  if (end - at < 2)
    return 0;
  switch (at[1]) {
  case '"':
  case '\\':
  case '/':
  case 'b':
  case 'f':
  case 'n':
  case 'r':
  case 't':
    return 2;
  case 'u':
    return end - at >= 6 && hex4(at + 2) >= 0 ? 6 : 0;
  default:
    return 0;
  }
}

const char *kh_json_string_end(struct kh_json_reader *reader, const char *at, uint16_t *flags)
{
  const char *const end = reader->end;

  for (;;) {
    int length = 0;

    at = kh_json_plain(at, end);
    if (at == end)
      return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "the text ends inside a string");
    if (*at == '"')
      return at;
    if (*at == '\\') {
      length = escape_length(at, end);
      if (length == 0)
        return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "an escape that JSON does not have");
      *flags |= KH_JSON_ESCAPED;
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

static size_t utf8_encode(int c, char to[4])
{
  if (c < 0x80) {
    to[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    to[0] = (char)(0xC0 | c >> 6);
    to[1] = (char)(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    to[0] = (char)(0xE0 | c >> 12);
    to[1] = (char)(0x80 | (c >> 6 & 0x3F));
    to[2] = (char)(0x80 | (c & 0x3F));
    return 3;
  }
  to[0] = (char)(0xF0 | c >> 18);
  to[1] = (char)(0x80 | (c >> 12 & 0x3F));
  to[2] = (char)(0x80 | (c >> 6 & 0x3F));
  to[3] = (char)(0x80 | (c & 0x3F));
  return 4;
}

/* The character of the \u escape at *AT, which moves behind it, or behind a pair. */
static int read_u(const char **at, const char *end)
{
  int c = hex4(*at + 2);

  *at += 6;
  if (c < 0xD800 || c > 0xDFFF)
    return c;
  if (c < 0xDC00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
    int low = hex4(*at + 2);

    if (low >= 0xDC00 && low <= 0xDFFF) {
      *at += 6;
      return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  return 0xFFFD;
}

static char unescape(char letter)
{
  switch (letter) {
  case 'b':
    return '\b';
  case 'f':
    return '\f';
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  default:
    return letter;
  }
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
    length = utf8_encode(read_u(&pieces->at, pieces->end), pieces->decoded);
  } else {
    pieces->decoded[0] = unescape(at[1]);
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

  while (at < end) {
    const char *escape = kh_json_backslash(at, end);
    size_t length = (size_t)(escape - at);

    /* A short run by one copy of 16: what is written behind it has room, and is written again. */
    if (length < 16 && end - at >= 16)
      memcpy(to, at, 16);
    else
      memcpy(to, at, length);
    to += length;
    at = escape;
    if (at == end)
      break;
    if (at[1] == 'u') {
      to += utf8_encode(read_u(&at, end), to);
    } else {
      *to++ = unescape(at[1]);
      at += 2;
    }
  }
  return (size_t)(to - start);
}

static bool is_surrogate(const char *at, const char *end, char first, char last)
{
  if (end - at < 6 || at[0] != '\\' || at[1] != 'u' || (at[2] != 'd' && at[2] != 'D'))
    return false;
  char digit = at[3] >= 'a' ? (char)(at[3] - 'a' + 'A') : at[3];
  return digit >= first && digit <= last;
}

bool kh_json_raw_has_lone_surrogate(struct kh_str raw)
{
  const char *const end = raw.at + raw.len;

  for (const char *at = raw.at; (at = kh_json_backslash(at, end)) < end;) {
    if (is_surrogate(at, end, '8', 'B') && is_surrogate(at + 6, end, 'C', 'F'))
      at += 12;
    else if (is_surrogate(at, end, '8', 'F'))
      return true;
    else
      at += 2; /* also behind a backslash that is escaped itself */
  }
  return false;
}
