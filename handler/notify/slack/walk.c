#include "base/base.h"

#include "base/utf8.h"
#include "notify/slack/walk.h"

char kh_slack_walk_char_at(const struct kh_slack_walk *walk, size_t i)
{
  return i < walk->text.len ? walk->text.at[i] : '\n';
}

bool kh_slack_begins_value(char c)
{
  return c == KH_SLACK_TEXT || c == KH_SLACK_PAGE || c == KH_SLACK_TITLE;
}

size_t kh_slack_walk_next(const struct kh_slack_walk *walk, size_t i)
{
  if (!kh_slack_begins_value(kh_slack_walk_char_at(walk, i)))
    return i + 1;
  while (i < walk->text.len && kh_slack_walk_char_at(walk, i) != KH_SLACK_END)
    i++;
  return i + 1;
}

size_t kh_slack_walk_find(const struct kh_slack_walk *walk, size_t i, char c)
{
  while (i < walk->text.len && kh_slack_walk_char_at(walk, i) != '\n') {
    if (kh_slack_walk_char_at(walk, i) == c)
      return i;
    i = kh_slack_walk_next(walk, i);
  }
  return SIZE_MAX;
}

/* The length of the entity that TEXT begins with, and what it stands for; 0 when it does with none. */
static size_t entity(struct kh_str text, char *c)
{
  static const char *const entities[] = {"&&amp;", "<&lt;", ">&gt;"};

  for (size_t i = 0; i < KH_COUNT(entities); i++)
    if (kh_str_starts(text, kh_str_of(entities[i] + 1))) {
      *c = entities[i][0];
      return strlen(entities[i]) - 1;
    }
  return 0;
}

void kh_slack_add_plain(struct kh_buf *out, struct kh_str marked)
{
  bool in_value = false;

  for (size_t i = 0; i < marked.len; i++) {
    char c = marked.at[i];
    const bool is_mark = c == KH_SLACK_END || kh_slack_begins_value(c);
    const size_t len = in_value ? 0 : entity(kh_str(marked.at + i, marked.len - i), &c);

    if (is_mark)
      in_value = c != KH_SLACK_END;
    else
      (void)kh_buf_add_byte(out, c);
    i += len > 0 ? len - 1 : 0;
  }
}

static void fall_back(struct kh_slack_walk *walk, struct kh_str text)
{
  if (!walk->full)
    walk->full = !kh_slack_escape(text, KH_SLACK_FALLBACK_BYTES, true, walk->fallback);
}

void kh_slack_walk_keep(struct kh_slack_walk *walk, enum kh_err err)
{
  if (err)
    walk->err = err;
}

/* Forgets what is pending, but not that it failed. */
static void clear(struct kh_slack_walk *walk)
{
  kh_slack_walk_keep(walk, kh_buf_ok(&walk->pending));
  kh_buf_clear(&walk->pending);
}

void kh_slack_walk_flush(struct kh_slack_walk *walk)
{
  const struct kh_str text = kh_buf_view(&walk->pending);

  if (kh_slack_add_words(walk->section, text, walk->url, walk->styles))
    walk->linked = true;
  fall_back(walk, text);
  clear(walk);
}

unsigned kh_slack_style_of(char c)
{
  return c == '*' ? KH_SLACK_BOLD : c == '_' ? KH_SLACK_ITALIC : c == '~' ? KH_SLACK_STRIKE : 0;
}

bool kh_slack_walk_closes(const struct kh_slack_walk *walk, size_t i)
{
  return !kh_is_blank(kh_slack_walk_char_at(walk, i - 1)) &&
         !kh_is_of_word(kh_slack_walk_char_at(walk, i + 1));
}

/* ---- :emoji: ---- */

static void add_emoji(struct kh_slack_walk *walk, struct kh_str code)
{
  kh_slack_walk_flush(walk);
  kh_slack_add_emoji(walk->section, code);
  fall_back(walk, code);
}

static bool take_emoji(struct kh_slack_walk *walk)
{
  const struct kh_str code = kh_slack_emoji(walk->text, walk->at, walk->emoji_end);

  if (code.len == 0)
    return false;
  add_emoji(walk, code);
  walk->at += code.len;
  walk->emoji_end = walk->at;
  return true;
}

/* People write emoji codes into names of pipelines and steps, and Buildkite shows them as such. */
static void take_title(struct kh_slack_walk *walk, struct kh_str title)
{
  for (size_t at = 0, emoji_end = 0; at < title.len;) {
    const struct kh_str code = kh_slack_emoji(title, at, emoji_end);

    if (code.len > 0)
      add_emoji(walk, code);
    else
      (void)kh_buf_add_byte(&walk->pending, title.at[at]);
    at += code.len > 0 ? code.len : 1;
    emoji_end = code.len > 0 ? at : emoji_end;
  }
}

static void take_text(struct kh_slack_walk *walk)
{
  const char c = kh_slack_walk_char_at(walk, walk->at);
  char decoded = c;
  const size_t coded = entity(kh_str(walk->text.at + walk->at, walk->text.len - walk->at), &decoded);
  const size_t end = coded > 0 ? walk->at + coded : kh_slack_walk_next(walk, walk->at);

  if (c == '\n') {
    kh_slack_walk_flush(walk);
    walk->styles = 0;
    kh_slack_add_text(walk->section, KH_STR("\n"), 0);
    fall_back(walk, KH_STR(" "));
  } else if (c == KH_SLACK_TITLE) {
    take_title(walk, kh_str(walk->text.at + walk->at + 1, end - walk->at - 2));
  } else {
    kh_slack_add_plain(&walk->pending, kh_str(walk->text.at + walk->at, end - walk->at));
  }
  walk->at = end;
}

void kh_slack_take_words(struct kh_slack_walk *walk)
{
  if (!take_emoji(walk))
    take_text(walk);
}
