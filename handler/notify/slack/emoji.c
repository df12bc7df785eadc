#include "base/base.h"

#include "base/utf8.h"
#include "notify/slack/blocks.h"

enum { NAME_MAX_BYTES = 50 };

static bool is_of_name(char c)
{
  return (c >= 'a' && c <= 'z') || kh_is_digit(c) || c == '_' || c == '+' || c == '-';
}

/* ":20:" is the middle of a time; only these two of Slack's names have nothing but digits. */
static bool is_name(struct kh_str name)
{
  return name.len > 0 && name.len <= NAME_MAX_BYTES &&
         (!kh_str_is_of(name, "0123456789") || kh_str_equal(name, KH_STR("100")) ||
          kh_str_equal(name, KH_STR("1234")));
}

static size_t skin_tone(struct kh_str text)
{
  const struct kh_str prefix = KH_STR(":skin-tone-");

  return kh_str_starts(text, prefix) && text.len >= prefix.len + 2 && text.at[prefix.len] >= '2' &&
                 text.at[prefix.len] <= '6' && text.at[prefix.len + 1] == ':'
             ? prefix.len + 2
             : 0;
}

struct kh_str kh_slack_emoji(struct kh_str text, size_t at, size_t emoji_end)
{
  size_t end = at + 1;

  if (text.at[at] != ':' ||
      (at > 0 && at != emoji_end && (kh_is_of_word(text.at[at - 1]) || text.at[at - 1] == ':')))
    return KH_NO_STR;
  while (end < text.len && is_of_name(text.at[end]))
    end++;
  if (end == text.len || text.at[end] != ':' || !is_name(kh_str(text.at + at + 1, end - at - 1)))
    return KH_NO_STR;
  end++;
  end += skin_tone(kh_str(text.at + end, text.len - end));
  return kh_str(text.at + at, end - at);
}

void kh_slack_add_emoji(struct kh_slack_section *section, struct kh_str code)
{
  kh_slack_add(section, "emoji", "name", kh_str(code.at + 1, code.len - 2), KH_NO_STR, 0);
}

void kh_slack_add_title(struct kh_slack_section *section, struct kh_str title, struct kh_str url,
                        unsigned styles)
{
  size_t from = 0;
  size_t at = 0;

  while (at < title.len) {
    const struct kh_str code = kh_slack_emoji(title, at, from);

    if (code.len == 0) {
      at++;
      continue;
    }
    (void)kh_slack_add_words(section, kh_str(title.at + from, at - from), url, styles);
    kh_slack_add_emoji(section, code);
    at += code.len;
    from = at;
  }
  (void)kh_slack_add_words(section, kh_str(title.at + from, at - from), url, styles);
}
