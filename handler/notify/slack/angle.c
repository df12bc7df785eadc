#include "base/base.h"

#include "notify/slack/markup.h"
#include "words/text.h"

enum { ID_MAX_BYTES = 30 };
/* A URL is a part of the message. */
_Static_assert((int)KH_SLACK_TEXT_CHARACTERS <= 3000, "Slack's limit of a URL");

static bool is_id(struct kh_str text)
{
  for (size_t i = 0; i < text.len; i++)
    if (!((text.at[i] >= 'A' && text.at[i] <= 'Z') || (text.at[i] >= '0' && text.at[i] <= '9')))
      return false;
  return text.len > 0 && text.len <= ID_MAX_BYTES;
}

static bool is_range(struct kh_str text)
{
  return kh_str_equal(text, KH_STR("here")) || kh_str_equal(text, KH_STR("channel")) ||
         kh_str_equal(text, KH_STR("everyone"));
}

/* What notifications show is parsed by Slack, and they know the name behind an id. */
static void add_mention(struct kh_markup *markup, const char *type, const char *key, struct kh_str id,
                        struct kh_str written)
{
  kh_markup_flush(markup);
  kh_slack_add(markup->section, type, key, id, KH_NO_STR, 0);
  if (!markup->full && markup->fallback->len + written.len + 3 <= KH_SLACK_FALLBACK_BYTES)
    (void)kh_buf_add(markup->fallback, written);
}

/*
 * WRITTEN is all of it, with < and >. What a value is part of is never a mention: no mark is part of an id.
 */
static bool take_mention(struct kh_markup *markup, struct kh_str written)
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
static bool take_link(struct kh_markup *markup, size_t end)
{
  size_t bar = kh_markup_find(markup, markup->at + 1, '|');
  bool has_text = bar != SIZE_MAX && bar + 1 < end;
  size_t url_end = bar < end ? bar : end;
  struct kh_buf url;

  kh_buf_init(&url, KH_MARKUP_MAX_BYTES);
  kh_markup_plain(&url, kh_str(markup->text.at + markup->at + 1, url_end - markup->at - 1));
  bool is_link = kh_text_is_link(kh_buf_view(&url));
  if (is_link || has_text) {
    struct kh_str label = has_text ? kh_str(markup->text.at + bar + 1, end - bar - 1) : kh_buf_view(&url);

    kh_markup_flush(markup);
    kh_markup_plain(&markup->pending, label);
    if (is_link) {
      struct kh_str text = markup->pending.len > 0 ? kh_buf_view(&markup->pending) : kh_buf_view(&url);

      kh_slack_add(markup->section, "link", "text", text, kh_buf_view(&url), markup->styles);
      kh_markup_fallback(markup, text);
      kh_markup_clear(markup);
    }
  }
  kh_markup_keep(markup, kh_buf_ok(&url));
  kh_buf_release(&url);
  return is_link || has_text;
}

bool kh_markup_angle(struct kh_markup *markup)
{
  size_t end = kh_markup_at(markup, markup->at) == '<' ? kh_markup_find(markup, markup->at + 1, '>')
                                                       : SIZE_MAX;

  if (end == SIZE_MAX || end == markup->at + 1)
    return false;
  if (!take_mention(markup, kh_str(markup->text.at + markup->at, end + 1 - markup->at)) &&
      !take_link(markup, end))
    return false;
  markup->at = end + 1;
  return true;
}
