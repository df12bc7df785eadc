#include "base/base.h"

#include "language/names/value.h"

const char *kh_kind_name(enum kh_kind kind)
{
  static const char *const names[] = {
      [KH_KIND_NULL] = "null",     [KH_KIND_BOOLEAN] = "boolean",  [KH_KIND_NUMBER] = "number",
      [KH_KIND_STRING] = "string", [KH_KIND_LIST] = "string list", [KH_KIND_REGEX] = "regular expression",
  };

  return names[kind];
}

/* The bytes of the white space at AT; 0 when there is none. */
static size_t space_length(const char *at, const char *end)
{
  static const char *const wide[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\xA8",
                                     "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
  struct kh_str rest = kh_str(at, (size_t)(end - at));

  if (*at == ' ' || (*at >= '\t' && *at <= '\r'))
    return 1;
  if ((unsigned char)*at < 0x80)
    return 0;
  /* U+2000 to U+200A */
  if (kh_str_starts(rest, KH_STR("\xE2\x80")) && rest.len > 2 && (unsigned char)at[2] >= 0x80 &&
      (unsigned char)at[2] <= 0x8A)
    return 3;
  for (size_t i = 0; i < KH_COUNT(wide); i++)
    if (kh_str_starts(rest, kh_str_of(wide[i])))
      return strlen(wide[i]);
  return 0;
}

/* The first byte of TEXT that is no white space, or its end. */
static const char *skip_spaces(struct kh_str text)
{
  const char *at = text.at;
  const char *end = at ? at + text.len : at;

  while (at < end) {
    size_t space = space_length(at, end);

    if (space == 0)
      break;
    at += space;
  }
  return at;
}

struct kh_str kh_text_trim(struct kh_str text)
{
  const char *at = skip_spaces(text);
  const char *end = text.at ? text.at + text.len : text.at;
  const char *last = at;

  for (const char *c = at; c < end;) {
    size_t space = space_length(c, end);

    c += space > 0 ? space : 1;
    if (space == 0)
      last = c;
  }
  return kh_str(at, (size_t)(last - at));
}

bool kh_text_is_blank(struct kh_str text)
{
  return text.at && skip_spaces(text) == text.at + text.len;
}
