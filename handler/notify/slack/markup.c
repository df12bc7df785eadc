#include "base/base.h"

#include "base/utf8.h"
#include "notify/slack/blocks.h"
#include "words/text.h"

/* Neither can stand in a template's own text or come out of kh_text_line. */
enum { VALUE_BEGIN = 1, VALUE_END = 2 };
enum { TEXT_MAX_BYTES = 64 * 1024, EMOJI_MAX_BYTES = 50, ID_MAX_BYTES = 30 };
/* A URL is a part of the message. */
_Static_assert((int)KH_SLACK_TEXT_CHARACTERS <= 3000, "Slack's limit of a URL");

/* A message being turned into elements. */
struct markup {
  struct kh_str text;
  size_t at;
  unsigned styles;
  struct kh_buf pending; /* text that is not added yet */
  struct kh_slack_section *section;
  struct kh_buf *fallback;
  bool full;       /* the fallback has its "…" */
  enum kh_err err; /* of a text that was cleared since */
};

static enum kh_err mark(struct kh_buf *out, struct kh_str value)
{
  (void)kh_buf_add_byte(out, VALUE_BEGIN);
  (void)kh_buf_add(out, value);
  return kh_buf_add_byte(out, VALUE_END);
}

const struct kh_template_format kh_slack_format = {
    .max_characters = KH_SLACK_TEXT_CHARACTERS, .line = kh_text_line, .escape = mark};

/* Character I, a line end behind the last one. */
static char char_at(const struct markup *markup, size_t i)
{
  return i < markup->text.len ? markup->text.at[i] : '\n';
}

static bool is_word(char c)
{
  return kh_is_letter(c) || kh_is_digit(c) || (unsigned char)c >= 0x80;
}

/* Behind the character at I, or the value that begins there. */
static size_t next(const struct markup *markup, size_t i)
{
  if (char_at(markup, i) != VALUE_BEGIN)
    return i + 1;
  while (i < markup->text.len && char_at(markup, i) != VALUE_END)
    i++;
  return i + 1;
}

/* Where the author's next C on the line of I is; SIZE_MAX when there is none. */
static size_t find(const struct markup *markup, size_t i, char c)
{
  while (i < markup->text.len && char_at(markup, i) != '\n') {
    if (char_at(markup, i) == c)
      return i;
    i = next(markup, i);
  }
  return SIZE_MAX;
}

/* Appends MARKED without the marks. */
static void add_plain(struct kh_buf *out, struct kh_str marked)
{
  for (size_t i = 0; i < marked.len; i++)
    if (marked.at[i] != VALUE_BEGIN && marked.at[i] != VALUE_END)
      (void)kh_buf_add_byte(out, marked.at[i]);
}

static void fall_back(struct markup *markup, struct kh_str text)
{
  if (!markup->full)
    markup->full = !kh_slack_escape(text, KH_SLACK_FALLBACK_BYTES, true, markup->fallback);
}

static void keep(struct markup *markup, enum kh_err err)
{
  if (err)
    markup->err = err;
}

/* Forgets what is pending, but not that it failed. */
static void clear(struct markup *markup)
{
  keep(markup, kh_buf_ok(&markup->pending));
  kh_buf_clear(&markup->pending);
}

/* Adds what is pending. */
static void flush(struct markup *markup)
{
  kh_slack_add_text(markup->section, kh_buf_view(&markup->pending), markup->styles);
  fall_back(markup, kh_buf_view(&markup->pending));
  clear(markup);
}

/* ---- *bold*, _italic_, ~strike~, `code` ---- */

static unsigned style_of(char c)
{
  return c == '*' ? KH_SLACK_BOLD : c == '_' ? KH_SLACK_ITALIC : c == '~' ? KH_SLACK_STRIKE : 0;
}

static bool closes(const struct markup *markup, size_t i)
{
  return !kh_is_blank(char_at(markup, i - 1)) && !is_word(char_at(markup, i + 1));
}

static bool opens(const struct markup *markup, size_t i)
{
  char c = char_at(markup, i);
  size_t close = SIZE_MAX;

  if ((i > 0 && is_word(char_at(markup, i - 1))) || kh_is_blank(char_at(markup, i + 1)) ||
      char_at(markup, i + 1) == c)
    return false;
  close = find(markup, next(markup, i + 1), c);
  while (close != SIZE_MAX && !closes(markup, close))
    close = find(markup, close + 1, c);
  return close != SIZE_MAX;
}

static bool turn_style(struct markup *markup)
{
  unsigned style = style_of(char_at(markup, markup->at));

  if (!style ||
      !((markup->styles & style) ? markup->at > 0 && closes(markup, markup->at) : opens(markup, markup->at)))
    return false;
  flush(markup);
  markup->styles ^= style;
  markup->at++;
  return true;
}

static bool take_code(struct markup *markup)
{
  size_t end = char_at(markup, markup->at) == '`' ? find(markup, markup->at + 1, '`') : SIZE_MAX;
  unsigned styles = markup->styles;

  if (end == SIZE_MAX || end == markup->at + 1 || kh_is_blank(char_at(markup, markup->at + 1)))
    return false;
  flush(markup);
  add_plain(&markup->pending, kh_str(markup->text.at + markup->at + 1, end - markup->at - 1));
  markup->styles |= KH_SLACK_CODE;
  flush(markup);
  markup->styles = styles;
  markup->at = end + 1;
  return true;
}

/* ---- :emoji:, &amp; ---- */

static bool take_emoji(struct markup *markup)
{
  size_t begin = markup->at + 1;
  size_t end = begin;
  bool letters = false;

  if (char_at(markup, markup->at) != ':' || (markup->at > 0 && is_word(char_at(markup, markup->at - 1))))
    return false;
  for (char c = char_at(markup, end);
       (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
       c = char_at(markup, ++end))
    letters = letters || (c >= 'a' && c <= 'z') || c == '+' || c == '-';
  if (char_at(markup, end) != ':' || !letters || end - begin > EMOJI_MAX_BYTES)
    return false;
  flush(markup);
  kh_slack_add(markup->section, "emoji", "name", kh_str(markup->text.at + begin, end - begin), KH_NO_STR, 0);
  fall_back(markup, kh_str(markup->text.at + markup->at, end + 1 - markup->at));
  markup->at = end + 1;
  return true;
}

static bool take_entity(struct markup *markup)
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

/* ---- <mentions>, <links|with text> ---- */

static bool is_id(struct kh_str text)
{
  return text.len <= ID_MAX_BYTES && kh_str_is_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}

static bool is_range(struct kh_str text)
{
  return kh_str_equal(text, KH_STR("here")) || kh_str_equal(text, KH_STR("channel")) ||
         kh_str_equal(text, KH_STR("everyone"));
}

/* What notifications show is parsed by Slack, and they know the name behind an id. */
static void add_mention(struct markup *markup, const char *type, const char *key, struct kh_str id,
                        struct kh_str written)
{
  flush(markup);
  kh_slack_add(markup->section, type, key, id, KH_NO_STR, 0);
  if (!markup->full && markup->fallback->len + written.len + 3 <= KH_SLACK_FALLBACK_BYTES)
    (void)kh_buf_add(markup->fallback, written);
}

/*
 * WRITTEN is all of it, with < and >. What a value is part of is never a mention: no mark is part of an id.
 */
static bool take_mention(struct markup *markup, struct kh_str written)
{
  static const struct {
    const char *before, *type, *key;
  } mentions[] = {{"@", "user", "user_id"},
                  {"#", "channel", "channel_id"},
                  {"!subteam^", "usergroup", "usergroup_id"},
                  {"!", "broadcast", "range"}};

  for (size_t i = 0; i < KH_COUNT(mentions); i++) {
    struct kh_str before = kh_str_of(mentions[i].before);
    struct kh_str inside = kh_str(written.at + 1, written.len - 2);

    if (!kh_str_starts(inside, before))
      continue;
    struct kh_str id = kh_str(inside.at + before.len, inside.len - before.len);
    if (strcmp(mentions[i].key, "range") == 0 ? is_range(id) : is_id(id)) {
      add_mention(markup, mentions[i].type, mentions[i].key, id, written);
      return true;
    }
  }
  return false;
}

/* A link whose url came out empty, or is none, is its text. */
static bool take_link(struct markup *markup, size_t end)
{
  size_t bar = find(markup, markup->at + 1, '|');
  bool has_text = bar != SIZE_MAX && bar + 1 < end;
  size_t url_end = bar < end ? bar : end;
  struct kh_buf url;

  kh_buf_init(&url, TEXT_MAX_BYTES);
  add_plain(&url, kh_str(markup->text.at + markup->at + 1, url_end - markup->at - 1));
  bool is_link = kh_text_is_link(kh_buf_view(&url));
  if (is_link || has_text) {
    struct kh_str label = has_text ? kh_str(markup->text.at + bar + 1, end - bar - 1) : kh_buf_view(&url);

    flush(markup);
    add_plain(&markup->pending, label);
    if (is_link) {
      struct kh_str text = markup->pending.len > 0 ? kh_buf_view(&markup->pending) : kh_buf_view(&url);

      kh_slack_add(markup->section, "link", "text", text, kh_buf_view(&url), markup->styles);
      fall_back(markup, text);
      clear(markup);
    }
  }
  keep(markup, kh_buf_ok(&url));
  kh_buf_release(&url);
  return is_link || has_text;
}

static bool take_angle(struct markup *markup)
{
  size_t end = char_at(markup, markup->at) == '<' ? find(markup, markup->at + 1, '>') : SIZE_MAX;

  if (end == SIZE_MAX || end == markup->at + 1)
    return false;
  if (!take_mention(markup, kh_str(markup->text.at + markup->at, end + 1 - markup->at)) &&
      !take_link(markup, end))
    return false;
  markup->at = end + 1;
  return true;
}

/* ---- all of it ---- */

static void take_text(struct markup *markup)
{
  size_t end = next(markup, markup->at);

  if (char_at(markup, markup->at) == '\n') {
    flush(markup);
    markup->styles = 0;
    kh_slack_add_text(markup->section, KH_STR("\n"), 0);
    fall_back(markup, KH_STR(" "));
  } else {
    add_plain(&markup->pending, kh_str(markup->text.at + markup->at, end - markup->at));
  }
  markup->at = end;
}

enum kh_err kh_slack_markup(struct kh_str message, struct kh_slack_section *section, struct kh_buf *fallback)
{
  struct markup markup = {.text = message, .section = section, .fallback = fallback};

  kh_buf_init(&markup.pending, TEXT_MAX_BYTES);
  while (markup.at < message.len)
    if (!turn_style(&markup) && !take_code(&markup) && !take_angle(&markup) && !take_emoji(&markup) &&
        !take_entity(&markup))
      take_text(&markup);
  flush(&markup);
  enum kh_err err = section->failed ? KH_ERR_NO_MEMORY : markup.err;
  kh_buf_release(&markup.pending);
  return err ? err : kh_buf_ok(fallback);
}
