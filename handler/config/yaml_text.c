#include "base/base.h"

#include "base/utf8.h"
#include "config/yaml.h"

/*
 * The text as it was read is led along the file's spelling of it, one character of both at a time. What both
 * do not agree on cannot be told.
 */
struct walk {
  struct kh_str source;
  size_t at;
  struct kh_str text;
  size_t read;
  unsigned left; /* characters of TEXT that are still to go */
};

static int peek(const struct walk *walk)
{
  return walk->at < walk->source.len ? (unsigned char)walk->source.at[walk->at] : -1;
}

static bool is_blank(int c)
{
  return c == ' ' || c == '\t';
}

static bool is_break(int c)
{
  return c == '\n' || c == '\r';
}

static size_t character_len(struct kh_str text, size_t at)
{
  size_t end = at + 1;

  while (end < text.len && !kh_utf8_begins(text.at[end]))
    end++;
  return end - at;
}

static void skip_text(struct walk *walk)
{
  walk->read += character_len(walk->text, walk->read);
  walk->left--;
}

static bool step(struct walk *walk)
{
  size_t len = character_len(walk->source, walk->at);

  if (walk->read + len > walk->text.len ||
      memcmp(walk->source.at + walk->at, walk->text.at + walk->read, len) != 0)
    return false;
  walk->at += len;
  skip_text(walk);
  return true;
}

/* A line's end reads as one blank, or as line ends. */
static bool fold(struct walk *walk)
{
  if (walk->read < walk->text.len && walk->text.at[walk->read] == ' ') {
    skip_text(walk);
    return true;
  }
  if (walk->read >= walk->text.len || walk->text.at[walk->read] != '\n')
    return false;
  while (walk->left > 0 && walk->read < walk->text.len && walk->text.at[walk->read] == '\n')
    skip_text(walk);
  return true;
}

static bool skip_break(struct walk *walk)
{
  if (!is_break(peek(walk)))
    return false;
  walk->at += peek(walk) == '\r' && walk->at + 1 < walk->source.len && walk->source.at[walk->at + 1] == '\n';
  walk->at++;
  return true;
}

/* ---- plain and quoted ---- */

static bool is_line_end(const struct walk *walk)
{
  size_t at = walk->at;

  while (at < walk->source.len && is_blank(walk->source.at[at]))
    at++;
  return at < walk->source.len && is_break(walk->source.at[at]);
}

static void skip_space(struct walk *walk)
{
  while (is_blank(peek(walk)) || is_break(peek(walk)))
    walk->at++;
}

/* Behind the backslash of a line that goes on; lines with nothing on them count. */
static bool skip_escaped_break(struct walk *walk)
{
  bool good = skip_break(walk);

  for (;;) {
    while (is_blank(peek(walk)))
      walk->at++;
    if (!good || walk->left == 0 || !skip_break(walk))
      return good;
    good = walk->read < walk->text.len && walk->text.at[walk->read] == '\n';
    if (good)
      skip_text(walk);
  }
}

static bool is_escaped_break(const struct walk *walk)
{
  return peek(walk) == '\\' && walk->at + 1 < walk->source.len && is_break(walk->source.at[walk->at + 1]);
}

static bool unescape(struct walk *walk)
{
  static const char letters[] = "xuU";
  int c = walk->at + 1 < walk->source.len ? walk->source.at[walk->at + 1] : -1;
  const char *letter = c > 0 ? strchr(letters, c) : NULL;

  if (is_break(c)) {
    walk->at++;
    return skip_escaped_break(walk);
  }
  walk->at += 2;
  if (letter)
    walk->at += (size_t)2 << (letter - letters);
  if (walk->read >= walk->text.len || walk->at > walk->source.len)
    return false;
  skip_text(walk);
  return true;
}

static bool walk_flow(struct walk *walk, int quote)
{
  bool good = true;

  while (good && peek(walk) >= 0 && (walk->left > 0 || (quote == '"' && is_escaped_break(walk)))) {
    if (is_line_end(walk)) {
      skip_space(walk);
      good = fold(walk);
    } else if (quote == '"' && peek(walk) == '\\') {
      good = unescape(walk);
    } else {
      walk->at += quote == '\'' && peek(walk) == '\'';
      good = step(walk);
    }
  }
  return good && walk->left == 0;
}

/* ---- blocks ---- */

static size_t blanks_at(struct kh_str text, size_t at)
{
  size_t end = at;

  while (end < text.len && text.at[end] == ' ')
    end++;
  return end - at;
}

static void skip_line(struct walk *walk)
{
  while (peek(walk) >= 0 && !is_break(peek(walk)))
    walk->at++;
  (void)skip_break(walk);
}

/* Past lines with nothing but blanks, to the begin of a line. */
static void skip_blank_lines(struct walk *walk)
{
  for (;;) {
    struct walk ahead = *walk;

    ahead.at += blanks_at(ahead.source, ahead.at);
    if (!skip_break(&ahead))
      return;
    walk->at = ahead.at;
  }
}

static bool walk_block(struct walk *walk)
{
  bool good = true;

  skip_line(walk);
  size_t leading = walk->at;
  skip_blank_lines(walk);
  if (walk->at > leading && walk->left > 0)
    good = fold(walk);
  size_t indent = blanks_at(walk->source, walk->at);
  size_t own = blanks_at(walk->text, walk->read);
  if (own > indent)
    return false;
  indent -= own;
  walk->at += indent;
  while (good && walk->left > 0 && peek(walk) >= 0) {
    if (!is_break(peek(walk))) {
      good = step(walk);
      continue;
    }
    (void)skip_break(walk);
    skip_blank_lines(walk);
    good = fold(walk);
    size_t blanks = blanks_at(walk->source, walk->at);
    walk->at += blanks < indent ? blanks : indent;
  }
  return good && walk->left == 0;
}

/* ---- places ---- */

/* A text without an anchor before it, which counts as its begin. */
static void skip_anchor(struct walk *walk)
{
  if (peek(walk) != '&')
    return;
  while (peek(walk) >= 0 && !is_blank(peek(walk)) && !is_break(peek(walk)))
    walk->at++;
  skip_space(walk);
}

static bool find_place(struct walk *walk, struct kh_place place)
{
  for (unsigned i = 1; i < place.line; i++)
    skip_line(walk);
  for (unsigned i = 1; i < place.column && peek(walk) >= 0; i++)
    walk->at += character_len(walk->source, walk->at);
  return place.line > 0 && peek(walk) >= 0;
}

static struct kh_place place_of(struct kh_str source, size_t at)
{
  struct walk walk = {.source = source};
  struct kh_place place = {.column = 1};
  size_t begin = 0;

  while (walk.at <= at) {
    begin = walk.at;
    place.line++;
    skip_line(&walk);
    if (walk.at >= source.len)
      break;
  }
  for (; begin < at; begin += character_len(source, begin))
    place.column++;
  return place;
}

struct kh_place kh_yaml_text_place(const struct kh_yaml *yaml, const json_t *node, unsigned index)
{
  const char *text = json_string_value(node);
  struct walk walk = {.source = kh_buf_view(&yaml->source), .left = index};
  const struct kh_place begin = kh_yaml_place(yaml, node);
  bool found = false;

  if (!text || !find_place(&walk, begin))
    return begin;
  walk.text = kh_str(text, json_string_length(node));
  skip_anchor(&walk);
  int first = peek(&walk);
  if (first == '|' || first == '>') {
    found = walk_block(&walk);
  } else {
    walk.at += first == '"' || first == '\'';
    found = walk_flow(&walk, first);
  }
  return found ? place_of(walk.source, walk.at) : begin;
}
