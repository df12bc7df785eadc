#include "base/base.h"

#include "base/utf8.h"
#include "notify/slack/walk.h"
#include "words/text.h"

/* A URL is a part of the message. */
_Static_assert((int)KH_SLACK_TEXT_CHARACTERS <= 3000, "Slack's limit of a URL");

static enum kh_err mark(struct kh_buf *out, struct kh_str value, enum kh_template_sort sort)
{
  static const char begins[] = {
      [KH_SORT_TEXT] = KH_SLACK_TEXT, [KH_SORT_PAGE] = KH_SLACK_PAGE, [KH_SORT_TITLE] = KH_SLACK_TITLE};

  (void)kh_buf_add_byte(out, begins[sort]);
  (void)kh_buf_add(out, value);
  return kh_buf_add_byte(out, KH_SLACK_END);
}

const struct kh_template_format kh_slack_format = {
    .max_characters = KH_SLACK_TEXT_CHARACTERS, .line = kh_text_line, .escape = mark};

/* ---- *bold*, _italic_, ~strike~, `code` ---- */

static bool opens(const struct kh_slack_walk *walk, size_t i)
{
  char c = kh_slack_walk_char_at(walk, i);
  size_t close = SIZE_MAX;

  if ((i > 0 && kh_is_of_word(kh_slack_walk_char_at(walk, i - 1))) ||
      kh_is_blank(kh_slack_walk_char_at(walk, i + 1)) || kh_slack_walk_char_at(walk, i + 1) == c)
    return false;
  close = kh_slack_walk_find(walk, kh_slack_walk_next(walk, i + 1), c);
  while (close != SIZE_MAX && !kh_slack_walk_closes(walk, close))
    close = kh_slack_walk_find(walk, close + 1, c);
  return close != SIZE_MAX;
}

static bool turn_style(struct kh_slack_walk *walk)
{
  unsigned style = kh_slack_style_of(kh_slack_walk_char_at(walk, walk->at));

  if (!style || !((walk->styles & style) ? walk->at > 0 && kh_slack_walk_closes(walk, walk->at)
                                         : opens(walk, walk->at)))
    return false;
  kh_slack_walk_flush(walk);
  walk->styles ^= style;
  walk->at++;
  return true;
}

/* One backtick or three; 0 when none stands at I. */
static size_t fence_at(const struct kh_slack_walk *walk, size_t i)
{
  if (kh_slack_walk_char_at(walk, i) != '`')
    return 0;
  return kh_slack_walk_char_at(walk, i + 1) == '`' && kh_slack_walk_char_at(walk, i + 2) == '`' ? 3 : 1;
}

static bool take_code(struct kh_slack_walk *walk)
{
  const size_t fence = fence_at(walk, walk->at);
  const size_t begin = walk->at + fence;
  size_t end = fence > 0 ? kh_slack_walk_find(walk, begin, '`') : SIZE_MAX;
  unsigned styles = walk->styles;

  while (end != SIZE_MAX && fence == 3 && fence_at(walk, end) != 3)
    end = kh_slack_walk_find(walk, end + 1, '`');
  if (end == SIZE_MAX || end == begin || kh_is_blank(kh_slack_walk_char_at(walk, begin)))
    return false;
  kh_slack_walk_flush(walk);
  kh_slack_add_plain(&walk->pending, kh_str(walk->text.at + begin, end - begin));
  walk->styles |= KH_SLACK_CODE;
  kh_slack_walk_flush(walk);
  walk->styles = styles;
  walk->at = end + fence;
  return true;
}

/* ---- all of it ---- */

enum kh_err kh_slack_markup(struct kh_str message, struct kh_slack_section *section, struct kh_buf *fallback)
{
  struct kh_slack_walk walk = {.text = message, .section = section, .fallback = fallback};

  kh_buf_init(&walk.pending, KH_SLACK_WALK_BYTES);
  while (walk.at < message.len)
    if (!turn_style(&walk) && !take_code(&walk) && !kh_slack_take_angle(&walk) && !kh_slack_take_url(&walk))
      kh_slack_take_words(&walk);
  kh_slack_walk_flush(&walk);
  enum kh_err err = section->failed ? KH_ERR_NO_MEMORY : walk.err;
  kh_buf_release(&walk.pending);
  return err ? err : kh_buf_ok(fallback);
}
