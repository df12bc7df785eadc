#include "base/base.h"

#include "base/url.h"
#include "base/utf8.h"
#include "notify/slack/walk.h"
#include "words/text.h"

enum { ID_MAX_BYTES = 30 };

/* ---- <mentions>, <links|with text> ---- */

static bool is_id(struct kh_str text)
{
  return text.len <= ID_MAX_BYTES && kh_str_is_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}

bool kh_slack_is_range(struct kh_str text)
{
  return kh_str_equal(text, KH_STR("here")) || kh_str_equal(text, KH_STR("channel")) ||
         kh_str_equal(text, KH_STR("everyone"));
}

/* What notifications show is parsed by Slack, and they know the name behind an id. */
static void add_mention(struct kh_slack_walk *walk, const char *type, const char *key, struct kh_str before,
                        struct kh_str id)
{
  kh_slack_walk_flush(walk);
  kh_slack_add(walk->section, type, key, id, KH_NO_STR, 0);
  if (!walk->full && walk->fallback->len + before.len + id.len + 2 + 3 <= KH_SLACK_FALLBACK_BYTES)
    (void)kh_buf_printf(walk->fallback, "<%.*s%.*s>", KH_FMT(before), KH_FMT(id));
}

struct mention {
  const char *before, *type, *key;
};

/*
 * INSIDE is what stands between < and >. Slack knows the name itself, so a label goes. What a value is part
 * of is never a mention: no mark is part of an id. NULL when it is none; else *ID gets its own.
 */
static const struct mention *mention_of(struct kh_str inside, struct kh_str *id)
{
  static const struct mention mentions[] = {{"@", "user", "user_id"},
                                            {"#", "channel", "channel_id"},
                                            {"!subteam^", "usergroup", "usergroup_id"},
                                            {"!", "broadcast", "range"}};

  for (size_t i = 0; i < KH_COUNT(mentions); i++) {
    const struct kh_str before = kh_str_of(mentions[i].before);

    if (!kh_str_starts(inside, before))
      continue;
    struct kh_str rest = kh_str(inside.at + before.len, inside.len - before.len);
    *id = kh_str_cut(&rest, '|');
    if (strcmp(mentions[i].key, "range") == 0 ? kh_slack_is_range(*id) : is_id(*id))
      return &mentions[i];
  }
  return NULL;
}

bool kh_slack_is_mention(struct kh_str inside)
{
  struct kh_str id = KH_NO_STR;

  return mention_of(inside, &id) != NULL;
}

static bool take_mention(struct kh_slack_walk *walk, struct kh_str inside)
{
  struct kh_str id = KH_NO_STR;
  const struct mention *mention = mention_of(inside, &id);

  if (mention)
    add_mention(walk, mention->type, mention->key, kh_str_of(mention->before), id);
  return mention != NULL;
}

/* Adds LABEL, which is marked, as a link to URL, or as a text where that is empty. */
static void add_link(struct kh_slack_walk *walk, struct kh_str url, struct kh_str label)
{
  const struct kh_str whole = walk->text;
  const size_t at = walk->at;

  if (url.len > 0)
    kh_slack_walk_flush(walk);
  walk->url = url;
  walk->linked = false;
  walk->text = label;
  walk->at = walk->emoji_end = 0;
  while (walk->at < label.len)
    kh_slack_take_words(walk);
  if (url.len > 0)
    kh_slack_walk_flush(walk);
  if (url.len > 0 && !walk->linked) {
    (void)kh_buf_add(&walk->pending, url);
    kh_slack_walk_flush(walk);
  }
  walk->url = KH_NO_STR;
  walk->text = whole;
  walk->at = at;
}

/* A link whose url came out empty, or is none, is its text. */
static bool take_link(struct kh_slack_walk *walk, size_t end)
{
  size_t bar = kh_slack_walk_find(walk, walk->at + 1, '|');
  bool has_text = bar != SIZE_MAX && bar + 1 < end;
  size_t url_end = bar < end ? bar : end;
  struct kh_buf url;

  kh_buf_init(&url, KH_SLACK_WALK_BYTES);
  kh_slack_add_plain(&url, kh_str(walk->text.at + walk->at + 1, url_end - walk->at - 1));
  bool is_link = kh_url_is_link(kh_buf_view(&url));
  if (is_link || has_text)
    add_link(walk, is_link ? kh_buf_view(&url) : KH_NO_STR,
             has_text ? kh_str(walk->text.at + bar + 1, end - bar - 1) : KH_NO_STR);
  kh_slack_walk_keep(walk, kh_buf_ok(&url));
  kh_buf_release(&url);
  return is_link || has_text;
}

bool kh_slack_take_angle(struct kh_slack_walk *walk)
{
  size_t end = kh_slack_walk_char_at(walk, walk->at) == '<' ? kh_slack_walk_find(walk, walk->at + 1, '>')
                                                            : SIZE_MAX;

  if (end == SIZE_MAX || end == walk->at + 1)
    return false;
  if (!take_mention(walk, kh_str(walk->text.at + walk->at + 1, end - walk->at - 1)) && !take_link(walk, end))
    return false;
  walk->at = end + 1;
  return true;
}

/* ---- https://… ---- */

/* The author's character, or the value's last one, before the one at hand. */
static char char_before(const struct kh_slack_walk *walk)
{
  size_t i = walk->at;

  while (i > 0 && walk->text.at[i - 1] == KH_SLACK_END)
    i--;
  return i > 0 ? walk->text.at[i - 1] : ' ';
}

/* Behind the URL that begins at I: before what ends a sentence, a bracket around it or a style. */
static size_t url_end(const struct kh_slack_walk *walk, size_t i)
{
  size_t end = i;
  size_t open = 0; /* brackets */

  while (i < walk->text.len) {
    const char c = kh_slack_walk_char_at(walk, i);

    if (!kh_slack_begins_value(c) &&
        (!kh_url_takes(c) || ((walk->styles & kh_slack_style_of(c)) && kh_slack_walk_closes(walk, i))))
      break;
    i = kh_slack_walk_next(walk, i);
    if (!strchr(".,;:!?)", c) || (c == ')' && open > 0))
      end = i;
    if (c == '(')
      open++;
    else if (c == ')' && open > 0)
      open--;
  }
  return end;
}

/* One of the author, or a page of Buildkite's. A message that was too long may have cut it: none then. */
bool kh_slack_take_url(struct kh_slack_walk *walk)
{
  const struct kh_str rest = kh_str(walk->text.at + walk->at, walk->text.len - walk->at);
  struct kh_buf url;

  if ((kh_slack_walk_char_at(walk, walk->at) != KH_SLACK_PAGE && kh_url_scheme(rest) == 0) ||
      kh_is_of_word(char_before(walk)))
    return false;
  const size_t end = url_end(walk, walk->at);
  kh_buf_init(&url, KH_SLACK_WALK_BYTES);
  kh_slack_add_plain(&url, kh_str(rest.at, end - walk->at));
  const bool is_link = kh_url_is_link(kh_buf_view(&url)) &&
                       !kh_str_starts(kh_str(walk->text.at + end, walk->text.len - end), KH_STR("…"));
  if (is_link) {
    add_link(walk, kh_buf_view(&url), KH_NO_STR);
    walk->at = end;
  }
  kh_slack_walk_keep(walk, kh_buf_ok(&url));
  kh_buf_release(&url);
  return is_link;
}
