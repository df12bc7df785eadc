#include "base/base.h"

#include "base/utf8.h"
#include "language/condition/shell.h"

static bool octal(struct kh_str raw, size_t *at, char *byte)
{
  unsigned sum = 0;
  size_t i = *at + 1;

  for (; i < raw.len && i < *at + 4 && raw.at[i] >= '0' && raw.at[i] <= '7'; i++)
    sum = sum * 8 + (unsigned)(raw.at[i] - '0');
  *at = i;
  *byte = (char)(unsigned char)sum;
  return sum <= 0377;
}

bool kh_escape_double(struct kh_str raw, size_t *at, char *byte)
{
  static const char letters[] = "nrtvfbaes";
  static const char meant[] = "\n\r\t\v\f\b\a\x1b ";
  size_t i = *at;

  if (i + 1 >= raw.len)
    return false;
  char c = raw.at[i + 1];
  const char *letter = c != '\0' ? strchr(letters, c) : NULL;
  if (c >= '0' && c <= '7')
    return octal(raw, at, byte);
  if (c == 'x' && i + 3 < raw.len && kh_hex_digit(raw.at[i + 2]) >= 0 && kh_hex_digit(raw.at[i + 3]) >= 0) {
    *byte = (char)(unsigned char)(kh_hex_digit(raw.at[i + 2]) * 16 + kh_hex_digit(raw.at[i + 3]));
    *at = i + 4;
    return true;
  }
  *byte = letter ? meant[letter - letters] : c;
  *at = i + 2;
  return true;
}

/* Behind the quote that closes the one at AT; 0 when none does. */
static size_t behind_quoted(struct kh_str raw, size_t at, size_t *steps)
{
  for (size_t i = at + 1; i<raw.len && * steps> 0; i++, (*steps)--) {
    if (raw.at[i] == '\\')
      i++;
    else if (raw.at[i] == raw.at[at])
      return i + 1;
  }
  return 0;
}

size_t kh_shell_length(struct kh_str raw, size_t at, size_t *steps)
{
  size_t i = at + 1;
  size_t depth = 1;

  if (i >= raw.len)
    return 0;
  if (kh_begins_name(raw.at[i])) {
    while (i < raw.len && (kh_begins_name(raw.at[i]) || kh_is_digit(raw.at[i]) || raw.at[i] == '.'))
      i++;
    return i - at;
  }
  if (raw.at[i] != '{')
    return 0;
  for (i++; i<raw.len && * steps> 0; (*steps)--) {
    if (raw.at[i] == '\\') {
      i += 2;
    } else if (raw.at[i] == '"' || raw.at[i] == '\'') {
      i = behind_quoted(raw, i, steps);
      if (i == 0)
        return 0;
    } else if (raw.at[i] == '$' && i + 1 < raw.len && raw.at[i + 1] == '{') {
      depth++;
      i += 2;
    } else if (raw.at[i++] == '}' && --depth == 0) {
      return i - at;
    }
  }
  return 0;
}

bool kh_shell_is_template(struct kh_str raw, bool *is_template, bool *is_live)
{
  size_t steps = KH_SHELL_STEPS;

  *is_template = raw.len > 1 && memmem(raw.at, raw.len, "$$", 2);
  *is_live = false;
  for (size_t i = 0; i < raw.len && !*is_live;) {
    if (raw.at[i] == '\\') {
      i += 2;
    } else if (raw.at[i] != '$') {
      i++;
    } else if (i + 1 < raw.len && raw.at[i + 1] == '$') {
      i += 2;
    } else {
      *is_live = kh_shell_length(raw, i, &steps) > 0;
      i++;
    }
  }
  *is_template = *is_template || *is_live;
  return steps > 0;
}
