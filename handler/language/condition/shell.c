#include "base/base.h"

#include "base/utf8.h"
#include "language/condition/resolve.h"
#include "language/condition/shell.h"

enum { DEPTH_MAX = 100, TEXT_MAX_BYTES = 16 * 1024 * 1024 };

/* What an expansion writes to, and how it reads quotes. */
struct word {
  struct kh_buf *out;
  unsigned depth;
  bool quotes_are_text;
};

static bool expand(struct kh_shell *shell, struct kh_str raw, const struct word *word);

static bool fail(struct kh_shell *shell, const char *why)
{
  shell->fault = why;
  return false;
}

static struct kh_str tail_of(struct kh_str text, size_t from)
{
  return kh_str(text.at + from, text.len - from);
}

/* Cuts the name off REST; false when there is none. */
static bool cut_name(struct kh_str *rest, struct kh_str *name)
{
  size_t i = kh_str_name_length(*rest);

  *name = kh_str(rest->at, i);
  *rest = tail_of(*rest, i);
  return i > 0;
}

static bool integer(struct kh_shell *shell, struct kh_str raw, unsigned depth, int64_t *number)
{
  struct kh_buf text;
  bool fine = false;

  kh_buf_init(&text, TEXT_MAX_BYTES);
  fine = expand(shell, raw, &(struct word){&text, depth + 1, false});
  if (fine && !kh_str_i64(kh_text_trim(kh_buf_view(&text)), number))
    fine = fail(shell, "an offset or length in ${NAME:offset:length} is no whole number");
  kh_buf_release(&text);
  return fine;
}

/* The first ":" of RAW that is in no quotes and no nested "${"; RAW's length when there is none. */
static size_t top_level_colon(struct kh_shell *shell, struct kh_str raw)
{
  for (size_t i = 0; i < raw.len; i++) {
    size_t length = raw.at[i] == '$' && i + 1 < raw.len && raw.at[i + 1] == '{'
                        ? kh_shell_length(raw, i, &shell->steps)
                        : 0;

    if (length > 0) {
      i += length - 1;
    } else if (raw.at[i] == '\\') {
      i++;
    } else if (raw.at[i] == '"' || raw.at[i] == '\'') {
      size_t end = i + 1;

      while (end < raw.len && raw.at[end] != raw.at[i])
        end += raw.at[end] == '\\' ? 2 : 1;
      i = end < raw.len ? end : i;
    } else if (raw.at[i] == ':') {
      return i;
    }
  }
  return raw.len;
}

static bool substring(struct kh_shell *shell, struct kh_str name, struct kh_str raw, unsigned depth,
                      struct kh_str *value)
{
  size_t colon = top_level_colon(shell, raw);
  bool bounded = colon < raw.len;
  struct kh_str second = bounded ? tail_of(raw, colon + 1) : KH_NO_STR;
  int64_t offset = 0;
  int64_t length = 0;
  struct kh_str base = KH_NO_STR;

  if (bounded && top_level_colon(shell, second) < second.len)
    return fail(shell, "${NAME:offset:length} has two parts at most");
  if (!integer(shell, kh_str(raw.at, colon), depth, &offset))
    return false;
  *value = KH_NO_STR;
  if (!kh_resolve_env(shell->names, name, shell->arena, &base))
    return true;
  int64_t count = (int64_t)kh_utf8_count(base);
  int64_t begin = offset < 0 ? (offset < -count ? 0 : count + offset) : offset;
  *value = KH_STR("");
  if (begin >= count)
    return true;
  int64_t end = count;
  if (bounded) {
    if (!integer(shell, second, depth, &length))
      return false;
    end = length < 0               ? (length < -count ? 0 : count + length)
          : length > count - begin ? count
                                   : begin + length;
  }
  end = end < begin ? begin : end;
  size_t first = kh_utf8_bytes(base, (size_t)begin);
  *value = kh_str(base.at + first, kh_utf8_bytes(base, (size_t)end) - first);
  return true;
}

/* VALUE is absent when there is none; or the value was written to OUT and *WRITTEN is set. */
static bool braced(struct kh_shell *shell, struct kh_str inner, const struct word *word, struct kh_str *value,
                   bool *written)
{
  struct kh_str name = KH_NO_STR;
  struct kh_str rest = inner;

  *value = KH_NO_STR;
  if (!cut_name(&rest, &name))
    return fail(shell, "\"${\" must be followed by a name");
  bool set = kh_resolve_env(shell->names, name, shell->arena, value);
  if (rest.len == 0) {
    *value = set ? *value : KH_NO_STR;
    return true;
  }
  bool colon = rest.at[0] == ':';
  char op = colon ? (rest.len > 1 ? rest.at[1] : '\0') : rest.at[0];
  if (op == '\0' || !strchr("?-+", op)) {
    if (!colon)
      return fail(shell, "behind the name in \"${NAME…}\" can stand only : - + or ?");
    return substring(shell, name, tail_of(rest, 1), word->depth, value);
  }
  rest = tail_of(rest, colon ? 2 : 1);
  set = set && !(colon && value->len == 0);
  if (op == '?' && !set)
    return fail(shell, "a variable that \"${NAME?}\" needs is not set");
  if (op != '+' && set)
    return true;
  *value = KH_STR("");
  if (op == '+' && !set)
    return true;
  *written = true;
  return expand(shell, rest, &(struct word){word->out, word->depth + 1, false});
}

static bool substitute(struct kh_shell *shell, struct kh_str raw, const struct word *word,
                       struct kh_str *value, bool *written)
{
  struct kh_str rest = tail_of(raw, 1);
  struct kh_str name = KH_NO_STR;

  *written = false;
  if (word->depth >= DEPTH_MAX)
    return fail(shell, "\"${…}\" is nested too deeply");
  if (rest.at[0] == '{')
    return braced(shell, kh_str(rest.at + 1, rest.len - 2), word, value, written);
  if (!cut_name(&rest, &name))
    return fail(shell, "\"$\" must be followed by a name");
  if (!kh_resolve_env(shell->names, name, shell->arena, value))
    *value = KH_NO_STR;
  if (rest.len > 0) {
    *written = true;
    kh_buf_add(word->out, *value);
    kh_buf_add(word->out, rest);
  }
  return true;
}

/* Single quotes inside a word: bytes, but for \\ and \'. AT is behind the opening one. */
static bool single_quoted(struct kh_shell *shell, struct kh_str raw, size_t *at, struct kh_buf *out)
{
  size_t i = *at;

  for (; i < raw.len && raw.at[i] != '\''; i++) {
    if (raw.at[i] == '\\' && i + 1 < raw.len) {
      i++;
      if (raw.at[i] != '\\' && raw.at[i] != '\'')
        kh_buf_add_byte(out, '\\');
    }
    kh_buf_add_byte(out, raw.at[i]);
  }
  *at = i + 1;
  return i < raw.len || fail(shell, "a single quote is never closed");
}

static bool dollar(struct kh_shell *shell, struct kh_str raw, size_t *at, const struct word *word)
{
  struct kh_str value = KH_NO_STR;
  bool written = false;

  if (*at + 1 < raw.len && raw.at[*at + 1] == '$') {
    kh_buf_add_byte(word->out, '$');
    *at += 2;
    return true;
  }
  size_t length = kh_shell_length(raw, *at, &shell->steps);
  if (shell->steps == 0)
    return fail(shell, "too much to expand");
  if (length == 0) {
    kh_buf_add_byte(word->out, '$');
    (*at)++;
    return true;
  }
  if (!substitute(shell, kh_str(raw.at + *at, length), word, &value, &written))
    return false;
  if (!written)
    kh_buf_add(word->out, value);
  *at += length;
  return true;
}

static bool expand(struct kh_shell *shell, struct kh_str raw, const struct word *word)
{
  bool in_double = false;

  for (size_t i = 0; i < raw.len;) {
    char c = raw.at[i];
    char byte = '\0';

    if (c == '$') {
      if (!dollar(shell, raw, &i, word))
        return false;
    } else if (c == '\\') {
      if (!kh_escape_double(raw, &i, &byte))
        return fail(shell, "an octal escape above \\377, or nothing behind a backslash");
      kh_buf_add_byte(word->out, byte);
    } else if (c == '"' && !word->quotes_are_text) {
      in_double = !in_double;
      i++;
    } else if (c == '\'' && !in_double && !word->quotes_are_text) {
      i++;
      if (!single_quoted(shell, raw, &i, word->out))
        return false;
    } else {
      kh_buf_add_byte(word->out, c);
      i++;
    }
  }
  if (in_double)
    return fail(shell, "a double quote is never closed");
  return !kh_buf_ok(word->out) || fail(shell, "the text becomes too long");
}

/* What OUT holds, copied to where it outlives OUT. */
static bool keep(struct kh_shell *shell, struct kh_buf *out, bool fine, struct kh_value *value)
{
  if (fine && kh_buf_ok(out))
    fine = fail(shell, "the text becomes too long");
  if (fine)
    *value = kh_value_text(kh_arena_copy(shell->arena, kh_buf_view(out)));
  kh_buf_release(out);
  return fine;
}

bool kh_shell_value(struct kh_shell *shell, struct kh_str raw, struct kh_value *value)
{
  struct kh_str text = KH_NO_STR;
  struct kh_buf out;
  bool written = false;

  kh_buf_init(&out, TEXT_MAX_BYTES);
  bool fine = substitute(shell, raw, &(struct word){&out, 0, false}, &text, &written);
  if (written)
    return keep(shell, &out, fine, value);
  *value = kh_value_text(text);
  kh_buf_release(&out);
  return fine;
}

bool kh_shell_text(struct kh_shell *shell, struct kh_str raw, struct kh_value *value)
{
  struct kh_buf out;

  kh_buf_init(&out, TEXT_MAX_BYTES);
  bool fine = expand(shell, raw, &(struct word){&out, 0, shell->quotes_are_text});
  return keep(shell, &out, fine, value);
}
