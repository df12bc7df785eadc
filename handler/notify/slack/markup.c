#include "base/base.h"

#include "base/utf8.h"
#include "notify/slack/markup.h"
#include "words/text.h"

/* Neither can stand in a template's own text or come out of kh_text_line. */
enum { VALUE_BEGIN = 1, VALUE_END = 2 };
enum { EMOJI_MAX_BYTES = 50 };

static enum kh_err mark(struct kh_buf *out, struct kh_str value)
{
  (void)kh_buf_add_byte(out, VALUE_BEGIN);
  (void)kh_buf_add(out, value);
  return kh_buf_add_byte(out, VALUE_END);
}

const struct kh_template_paper kh_slack_paper = {
    .max_characters = KH_SLACK_TEXT_CHARACTERS, .line = kh_text_line, .escape = mark};

char kh_markup_at(const struct kh_markup *markup, size_t i)
{
  return i < markup->text.len ? markup->text.at[i] : '\n';
}

static bool is_word(char c)
{
  return kh_is_letter(c) || kh_is_digit(c) || (unsigned char)c >= 0x80;
}

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\n';
}

/* Behind the character at I, or the value that begins there. */
static size_t next(const struct kh_markup *markup, size_t i)
{
  if (kh_markup_at(markup, i) != VALUE_BEGIN)
    return i + 1;
  while (i < markup->text.len && kh_markup_at(markup, i) != VALUE_END)
    i++;
  return i + 1;
}

size_t kh_markup_find(const struct kh_markup *markup, size_t i, char c)
{
  while (i < markup->text.len && kh_markup_at(markup, i) != '\n') {
    if (kh_markup_at(markup, i) == c)
      return i;
    i = next(markup, i);
  }
  return SIZE_MAX;
}

void kh_markup_plain(struct kh_buf *out, struct kh_str marked)
{
  for (size_t i = 0; i < marked.len; i++)
    if (marked.at[i] != VALUE_BEGIN && marked.at[i] != VALUE_END)
      (void)kh_buf_add_byte(out, marked.at[i]);
}

void kh_markup_fallback(struct kh_markup *markup, struct kh_str text)
{
  if (!markup->full)
    markup->full = !kh_slack_escape(text, KH_SLACK_FALLBACK_BYTES, true, markup->fallback);
}

void kh_markup_keep(struct kh_markup *markup, enum kh_err err)
{
  if (err)
    markup->err = err;
}

void kh_markup_clear(struct kh_markup *markup)
{
  kh_markup_keep(markup, kh_buf_ok(&markup->pending));
  kh_buf_clear(&markup->pending);
}

void kh_markup_flush(struct kh_markup *markup)
{
  kh_slack_add_text(markup->section, kh_buf_view(&markup->pending), markup->styles);
  kh_markup_fallback(markup, kh_buf_view(&markup->pending));
  kh_markup_clear(markup);
}

/* ---- *bold*, _italic_, ~strike~, `code` ---- */

static unsigned style_of(char c)
{
  return c == '*' ? KH_SLACK_BOLD : c == '_' ? KH_SLACK_ITALIC : c == '~' ? KH_SLACK_STRIKE : 0;
}

static bool closes(const struct kh_markup *markup, size_t i)
{
  return !is_blank(kh_markup_at(markup, i - 1)) && !is_word(kh_markup_at(markup, i + 1));
}

static bool opens(const struct kh_markup *markup, size_t i)
{
  char c = kh_markup_at(markup, i);
  size_t close = SIZE_MAX;

  if ((i > 0 && is_word(kh_markup_at(markup, i - 1))) || is_blank(kh_markup_at(markup, i + 1)) ||
      kh_markup_at(markup, i + 1) == c)
    return false;
  close = kh_markup_find(markup, next(markup, i + 1), c);
  while (close != SIZE_MAX && !closes(markup, close))
    close = kh_markup_find(markup, close + 1, c);
  return close != SIZE_MAX;
}

static bool turn_style(struct kh_markup *markup)
{
  unsigned style = style_of(kh_markup_at(markup, markup->at));

  if (!style ||
      !((markup->styles & style) ? markup->at > 0 && closes(markup, markup->at) : opens(markup, markup->at)))
    return false;
  kh_markup_flush(markup);
  markup->styles ^= style;
  markup->at++;
  return true;
}

static bool take_code(struct kh_markup *markup)
{
  size_t end = kh_markup_at(markup, markup->at) == '`' ? kh_markup_find(markup, markup->at + 1, '`')
                                                       : SIZE_MAX;
  unsigned styles = markup->styles;

  if (end == SIZE_MAX || end == markup->at + 1 || is_blank(kh_markup_at(markup, markup->at + 1)))
    return false;
  kh_markup_flush(markup);
  kh_markup_plain(&markup->pending, kh_str(markup->text.at + markup->at + 1, end - markup->at - 1));
  markup->styles |= KH_SLACK_CODE;
  kh_markup_flush(markup);
  markup->styles = styles;
  markup->at = end + 1;
  return true;
}

/* ---- :emoji:, &amp; ---- */

static bool take_emoji(struct kh_markup *markup)
{
  size_t begin = markup->at + 1;
  size_t end = begin;
  bool letters = false;

  if (kh_markup_at(markup, markup->at) != ':' ||
      (markup->at > 0 && is_word(kh_markup_at(markup, markup->at - 1))))
    return false;
  for (char c = kh_markup_at(markup, end);
       (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
       c = kh_markup_at(markup, ++end))
    letters = letters || (c >= 'a' && c <= 'z') || c == '+' || c == '-';
  if (kh_markup_at(markup, end) != ':' || !letters || end - begin > EMOJI_MAX_BYTES)
    return false;
  kh_markup_flush(markup);
  kh_slack_add(markup->section, "emoji", "name", kh_str(markup->text.at + begin, end - begin), KH_NO_STR, 0);
  kh_markup_fallback(markup, kh_str(markup->text.at + markup->at, end + 1 - markup->at));
  markup->at = end + 1;
  return true;
}

static bool take_entity(struct kh_markup *markup)
{
  static const char *const entities[] = {"&amp;", "<&lt;", ">&gt;"};
  struct kh_str rest = kh_str(markup->text.at + markup->at, markup->text.len - markup->at);

  for (size_t i = 0; i < KH_COUNT(entities); i++) {
    struct kh_str written = kh_str_of(entities[i] + (i > 0));

    if (kh_str_starts(rest, written)) {
      (void)kh_buf_add_byte(&markup->pending, entities[i][0]);
      markup->at += written.len;
      return true;
    }
  }
  return false;
}

static void take_text(struct kh_markup *markup)
{
  size_t end = next(markup, markup->at);

  if (kh_markup_at(markup, markup->at) == '\n') {
    kh_markup_flush(markup);
    markup->styles = 0;
    kh_slack_add_text(markup->section, KH_STR("\n"), 0);
    kh_markup_fallback(markup, KH_STR(" "));
  } else {
    kh_markup_plain(&markup->pending, kh_str(markup->text.at + markup->at, end - markup->at));
  }
  markup->at = end;
}

enum kh_err kh_slack_markup(struct kh_str message, struct kh_slack_section *section, struct kh_buf *fallback)
{
  struct kh_markup markup = {.text = message, .section = section, .fallback = fallback};

  kh_buf_init(&markup.pending, KH_MARKUP_MAX_BYTES);
  while (markup.at < message.len)
    if (!turn_style(&markup) && !take_code(&markup) && !kh_markup_angle(&markup) && !take_emoji(&markup) &&
        !take_entity(&markup))
      take_text(&markup);
  kh_markup_flush(&markup);
  enum kh_err err = section->failed ? KH_ERR_NO_MEMORY : markup.err;
  kh_buf_release(&markup.pending);
  return err ? err : kh_buf_ok(fallback);
}
