/*
 * utf8.h - characters: UTF-8 (The Unicode Standard, table 3-7: no overlong forms, no surrogates, at most
 * U+10FFFF), and classes of ASCII, whatever the locale.
 */
#ifndef KH_UTF8_H
#define KH_UTF8_H

#include "base/base.h"

/*
 * The bytes of the character at AT, 1 to 4; 0 when it is not well-formed or goes beyond END. AT is before
 * END.
 */
int kh_utf8_length(const char *at, const char *end);
bool kh_utf8_valid(struct kh_str text);

enum { KH_UTF8_REPLACEMENT = 0xFFFD, KH_UTF8_MAX_BYTES = 4 };

/* Cuts a code point off TEXT, which is not empty; U+FFFD for each byte that is not UTF-8. */
uint32_t kh_utf8_take(struct kh_str *text);
/* Writes code point C to TO and returns its bytes. */
size_t kh_utf8_encode(uint32_t c, char to[KH_UTF8_MAX_BYTES]);

/* ---- in text that is UTF-8; in any other, bytes 0x80 to 0xBF belong to what stands before them ---- */

static inline bool kh_utf8_begins(char c)
{
  return ((unsigned char)c & 0xC0) != 0x80;
}
/* How many characters TEXT has. */
size_t kh_utf8_count(struct kh_str text);
/* The bytes of the first COUNT characters of TEXT, or of all. */
size_t kh_utf8_bytes(struct kh_str text, size_t count);

/* ---- ASCII ---- */

static inline bool kh_is_digit(char c)
{
  return c >= '0' && c <= '9';
}
static inline bool kh_is_letter(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
/* An ASCII letter or digit, or a byte of any character beyond ASCII. */
static inline bool kh_is_of_word(char c)
{
  return kh_is_letter(c) || kh_is_digit(c) || (unsigned char)c >= 0x80;
}
/* A letter or _ */
static inline bool kh_begins_name(char c)
{
  return kh_is_letter(c) || c == '_';
}
/* A blank, a tab, or what ends a line */
static inline bool kh_is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
/* The value of a hexadecimal digit; -1 when C is none. */
static inline int kh_hex_digit(char c)
{
  if (kh_is_digit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
/* Hexadecimal digits of either case alone, 1 to 16 of them. */
bool kh_str_hex(struct kh_str text, uint64_t *value);
/* Is TEXT made of CHARACTERS alone? The empty text is not. */
bool kh_str_is_of(struct kh_str text, const char *characters);
/* Is TEXT made of bytes from LEAST to '~' alone? The empty text is. */
bool kh_str_is_ascii_from(struct kh_str text, char least);
/* Is a byte of TEXT a control character of ASCII? A tab only counts without TABS. */
bool kh_str_has_control(struct kh_str text, bool tabs);
/* Is TEXT made of letters, digits and characters of ALSO alone? The empty text is not. */
bool kh_str_is_word(struct kh_str text, const char *also);
/* [A-Za-z_][A-Za-z0-9_]*: the bytes at the beginning of TEXT that could name a variable. */
size_t kh_str_name_length(struct kh_str text);

#endif
