#include "base/base.h"

#include "base/utf8.h"
#include "config/parts.h"

#define COUNTS_TOO ", which counts, too; save the secret alone"

static struct kh_str behind(struct kh_str value, size_t len)
{
  return kh_str(value.at + len, value.len - len);
}

/* Is NAME what a person calls a secret? One may itself begin like that, in lower case and before a `=`. */
static bool names_a_secret(struct kh_str name)
{
  static const char *const ends[] = {"secret", "token", "key", "url", "password", NULL};

  if (kh_str_is_of(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"))
    return true;
  for (const char *const *end = ends; *end; end++)
    if (kh_str_ends(name, kh_str_of(*end)))
      return true;
  return false;
}

/* NAME=, as in a file of variables, or `NAME: `, as in YAML. Behind Base64 stands nothing but = */
static bool has_name(struct kh_str value)
{
  if (kh_str_starts(value, KH_STR("export ")))
    value = behind(value, strlen("export "));
  size_t len = kh_str_name_length(value);
  while (len > 0 && len < value.len && (value.at[len] == '-' || kh_is_of_word(value.at[len])))
    len++;
  struct kh_str rest = behind(value, len);

  if (len == 0)
    return false;
  if (kh_str_starts(rest, KH_STR(": ")) || kh_str_starts(rest, KH_STR(" = ")))
    return true;
  return kh_str_starts(rest, KH_STR("=")) && !kh_str_is_of(rest, "=") &&
         names_a_secret(kh_str(value.at, len));
}

/* $NAME, ${NAME} or {{NAME}}, and nothing else. */
static bool is_placeholder(struct kh_str value)
{
  if (kh_str_starts(value, KH_STR("${")) || kh_str_starts(value, KH_STR("{{")))
    return value.at[value.len - 1] == '}' && !memchr(value.at + 2, '{', value.len - 2);
  return value.at[0] == '$' && kh_str_name_length(behind(value, 1)) + 1 == value.len &&
         kh_str_is_of(behind(value, 1), "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
}

static bool has_lone_return(struct kh_str value)
{
  const char *found = memchr(value.at, '\r', value.len);

  return found && (found + 1 == value.at + value.len || found[1] != '\n');
}

/* Controls but for line ends and tabs, blanks beyond ASCII, and what has no width. */
static bool is_unseen(uint32_t c)
{
  return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || (c >= 0x7F && c <= 0xA0) || c == 0xAD ||
         (c >= 0x2000 && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) || (c >= 0x205F && c <= 0x206F) ||
         c == 0x3000 || c == 0xFEFF;
}

static bool has_unseen(struct kh_str value)
{
  while (value.len > 0)
    if (is_unseen(kh_utf8_take(&value)))
      return true;
  return false;
}

/* Does VALUE begin, or end, with a quotation mark? */
static bool has_quote(struct kh_str value, bool at_end)
{
  static const char *const quotes[] = {"\"",     "'",      "`",      "\u2018", "\u2019",
                                       "\u201C", "\u201D", "\u201E", NULL};

  for (const char *const *quote = quotes; *quote; quote++)
    if (at_end ? kh_str_ends(value, kh_str_of(*quote)) : kh_str_starts(value, kh_str_of(*quote)))
      return true;
  return false;
}

static bool is_blank(char c)
{
  return c == ' ' || c == '\t';
}

const char *kh_secret_mark(struct kh_str value)
{
  const char first = value.at[0], last = value.at[value.len - 1];

  if (memchr(value.at, '\0', value.len))
    return "has zero bytes in it, as texts of UTF-16 have; save the file as UTF-8, or as plain text";
  if (kh_without_bom(value).len < value.len)
    return "has a byte order mark before it" COUNTS_TOO;
  if (has_lone_return(value))
    return "has a carriage return in it" COUNTS_TOO;
  if (memchr(value.at, '\n', value.len))
    return "has more than one line; all of them count";
  if (is_blank(first) || is_blank(last))
    return "has a blank at its begin or end" COUNTS_TOO;
  if (has_unseen(value))
    return "has a character that nobody sees in it" COUNTS_TOO;
  if (has_quote(value, false) && has_quote(value, true))
    return "has quotes around it" COUNTS_TOO;
  if (has_quote(value, false) || has_quote(value, true))
    return "has a quote at its begin or end" COUNTS_TOO;
  if (first == '<' && last == '>')
    return "has angle brackets around it" COUNTS_TOO;
  if (kh_str_ends(value, KH_STR("\\n")))
    return "has `\\n` at its end, two characters" COUNTS_TOO;
  if (kh_str_starts(value, KH_STR("Bearer ")))
    return "has `Bearer` before it" COUNTS_TOO;
  if (has_name(value))
    return "has a name before it" COUNTS_TOO;
  return is_placeholder(value)
             ? "is the name of a variable, which nobody replaces here; save the secret itself"
             : NULL;
}
