#include "base/base.h"

#include "base/utf8.h"
#include "language/template/parts.h"

static bool stands(struct kh_str source, size_t at, const char *word)
{
  return at < source.len && kh_str_starts(kh_str(source.at + at, source.len - at), kh_str_of(word));
}

/* Behind the QUOTE that ends the text in which AT is; the source's end when there is none. */
static size_t skip_text(struct kh_str source, size_t at, char quote)
{
  for (; at < source.len; at++) {
    if (source.at[at] == '\\')
      at++;
    else if (source.at[at] == quote)
      return at + 1;
  }
  return source.len;
}

/* Behind the } of a ${, of which AT is the inside. */
static size_t skip_substitution(struct kh_str source, size_t at)
{
  for (unsigned depth = 1; at < source.len && depth > 0;) {
    if (stands(source, at, "${")) {
      depth++;
      at += 2;
    } else if (source.at[at] == '\\') {
      at += 2;
    } else if (source.at[at] == '"' || source.at[at] == '\'') {
      at = skip_text(source, at + 1, source.at[at]);
    } else {
      depth -= source.at[at] == '}';
      at++;
    }
  }
  return at < source.len ? at : source.len;
}

static size_t skip_comment(struct kh_str source, size_t at)
{
  while (at < source.len && source.at[at] != '\n' && !stands(source, at, "}}"))
    at++;
  return at;
}

size_t kh_template_tag_end(struct kh_str source, size_t at)
{
  bool condition = false;

  while (at < source.len && kh_is_blank(source.at[at]))
    at++;
  condition = at < source.len && source.at[at] == '#';
  while (at < source.len && !stands(source, at, "}}")) {
    char c = source.at[at];

    if (c == '"' || c == '\'')
      at = skip_text(source, at + 1, c);
    else if (condition && stands(source, at, "//"))
      at = skip_comment(source, at);
    else if (condition && c == '/')
      at = skip_text(source, at + 1, c);
    else if (condition && stands(source, at, "${"))
      at = skip_substitution(source, at + 2);
    else
      at++;
  }
  return at < source.len ? at : SIZE_MAX;
}
