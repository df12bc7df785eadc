#include "base/base.h"

#include "base/utf8.h"
#include "config/parts.h"

/* The grammar is that of systemd 254 and later (src/basic/env-file.c); systemd.exec(5) describes it. */

struct env_reader {
  struct kh_str text;
  size_t at;
  unsigned line;
  const char *file;
  struct kh_buf *entries;
  struct kh_diags *diags;
  enum kh_err err;
};

enum { END = -1 };

static int peek(const struct env_reader *reader)
{
  return reader->at < reader->text.len ? (unsigned char)reader->text.at[reader->at] : END;
}

static int take(struct env_reader *reader)
{
  int c = peek(reader);

  reader->at += c != END;
  reader->line += c == '\n';
  return c;
}

static bool ends_line(int c)
{
  return c == END || c == '\n' || c == '\r';
}

static void skip_blanks(struct env_reader *reader)
{
  while (peek(reader) == ' ' || peek(reader) == '\t')
    (void)take(reader);
}

static void skip_line(struct env_reader *reader)
{
  while (!ends_line(peek(reader)))
    (void)take(reader);
}

/* Says where and what, never which text: a credential may stand anywhere in this file. */
static void mistake(struct env_reader *reader, unsigned line, const char *text)
{
  reader->err = kh_diags_add(reader->diags, KH_ERR_CONFIG, reader->file, line, 1, "%s", text);
}

static void add(struct env_reader *reader, int c)
{
  (void)kh_buf_add_byte(reader->entries, (char)c);
}

static void read_single_quoted(struct env_reader *reader)
{
  unsigned line = reader->line;
  int c = 0;

  (void)take(reader);
  while ((c = take(reader)) != '\'' && c != END)
    add(reader, c);
  if (c == END)
    mistake(reader, line, "the single quote that begins here is not closed");
}

static void read_double_quoted(struct env_reader *reader)
{
  unsigned line = reader->line;
  int c = 0;

  (void)take(reader);
  while ((c = take(reader)) != '"' && c != END) {
    int escaped = c == '\\' ? take(reader) : 0;

    if (c == '\\' && escaped == '\n')
      continue;
    if (c != '\\' || !strchr("\"\\`$", escaped))
      add(reader, c);
    if (c == '\\' && escaped != END)
      add(reader, escaped);
  }
  if (c == END)
    mistake(reader, line, "the double quote that begins here is not closed");
}

/* Blanks at its end do not count, unless they are escaped; quotes inside are nothing special. */
static void read_bare(struct env_reader *reader)
{
  size_t keep = reader->entries->len;

  while (!ends_line(peek(reader))) {
    int c = take(reader);
    bool escape = c == '\\';

    if (escape)
      c = take(reader);
    if (c != END && !(escape && (c == '\n' || c == '\r')))
      add(reader, c);
    if (escape || (c != ' ' && c != '\t'))
      keep = reader->entries->len;
  }
  reader->entries->len = keep;
}

static void read_value(struct env_reader *reader)
{
  for (;;) {
    skip_blanks(reader);
    int c = peek(reader);

    if (ends_line(c))
      return;
    if (c == '\'')
      read_single_quoted(reader);
    else if (c == '"')
      read_double_quoted(reader);
    else
      read_bare(reader);
  }
}

bool kh_env_name_is_valid(struct kh_str name)
{
  return name.len > 0 && kh_str_name_length(name) == name.len;
}

static struct kh_str read_name(struct env_reader *reader)
{
  size_t begin = reader->at;

  while (!ends_line(peek(reader)) && peek(reader) != '=')
    (void)take(reader);
  return kh_str_trim(kh_str(reader->text.at + begin, reader->at - begin));
}

static void read_assignment(struct env_reader *reader)
{
  unsigned line = reader->line;
  struct kh_str name = read_name(reader);
  const char *wrong = NULL;

  if (peek(reader) != '=')
    wrong = "not an assignment; write NAME=value, or # before a comment";
  else if (kh_str_starts(name, KH_STR("export ")))
    wrong = "`export` is not supported; write NAME=value";
  else if (!kh_env_name_is_valid(name))
    wrong = "not a usable name before the =; names are letters, digits and _";
  if (wrong) {
    mistake(reader, line, wrong);
    skip_line(reader);
    return;
  }
  (void)take(reader);
  (void)kh_buf_add(reader->entries, name);
  add(reader, '=');
  read_value(reader);
  add(reader, '\0');
}

enum kh_err kh_env_file_parse(struct kh_str text, const char *file, struct kh_buf *entries,
                              struct kh_diags *diags)
{
  struct env_reader reader = {
      .text = kh_without_bom(text), .line = 1, .file = file, .entries = entries, .diags = diags};

  if (text.len > 0 && memchr(text.at, '\0', text.len))
    return kh_diags_add(diags, KH_ERR_CONFIG, file, 0, 0,
                        "a NUL byte; this is not a text of NAME=value lines");
  /* An entry is never longer than what it was read from, but the last line may lack its end. */
  if (!kh_buf_reserve(entries, text.len + 1))
    return kh_diags_add(diags, KH_ERR_NO_MEMORY, file, 0, 0, "no memory left to read it");
  while (peek(&reader) != END) {
    skip_blanks(&reader);
    if (ends_line(peek(&reader)))
      (void)take(&reader);
    else if (peek(&reader) == '#' || peek(&reader) == ';')
      skip_line(&reader);
    else
      read_assignment(&reader);
  }
  return reader.err;
}

struct kh_str kh_env_file_get(const struct kh_buf *entries, const char *name)
{
  struct kh_str rest = kh_buf_view(entries);
  struct kh_str found = KH_NO_STR;

  while (rest.len > 0) {
    struct kh_str value = kh_str_cut(&rest, '\0');
    struct kh_str key = kh_str_cut(&value, '=');

    if (kh_str_equal(key, kh_str_of(name)))
      found = value;
  }
  return found;
}
