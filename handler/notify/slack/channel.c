#include "base/base.h"

#include "base/utf8.h"
#include "notify/slack/channel.h"

enum { NAME_MAX_CHARACTERS = 80, ID_MIN_BYTES = 3 };

static bool is_capital(char c)
{
  return c >= 'A' && c <= 'Z';
}

/* Slack names channels in small letters of any script; what it refuses in them, and what it parses. */
static bool is_name(struct kh_str text)
{
  static const char refused[] = " \t\"'`<>&#@,;:!?()[]{}\\/|*^$=+%~";

  for (size_t i = 0; i < text.len; i++)
    if (memchr(refused, text.at[i], sizeof refused - 1) || is_capital(text.at[i]))
      return false;
  return text.len > 0 && kh_utf8_count(text) <= NAME_MAX_CHARACTERS && kh_utf8_valid(text) &&
         !kh_str_has_control(text, false);
}

/* "C024BE91L" */
static bool is_id(struct kh_str text)
{
  for (size_t i = 0; i < text.len; i++)
    if (!is_capital(text.at[i]) && !kh_is_digit(text.at[i]))
      return false;
  return text.len >= ID_MIN_BYTES && strchr("CDGUW", text.at[0]);
}

static bool has_mark(struct kh_str text)
{
  return text.len > 0 && (text.at[0] == '#' || text.at[0] == '@');
}

/* Without a workspace before it; "acme#C024BE91L" leaves "#C024BE91L", an id whose mark goes with that. */
static bool is_here(struct kh_str text)
{
  const struct kh_str rest = has_mark(text) ? kh_str(text.at + 1, text.len - 1) : text;

  return is_id(rest) || (has_mark(text) && is_name(rest));
}

bool kh_slack_is_channel(struct kh_str text)
{
  (void)kh_slack_workspace(&text);
  return is_here(text);
}

struct kh_str kh_slack_workspace(struct kh_str *channel)
{
  size_t len = 0;

  while (len < channel->len && channel->at[len] != '#' && channel->at[len] != '@')
    len++;
  const struct kh_str name = kh_str(channel->at, len);
  if (len == channel->len || !kh_str_is_word(name, "_-"))
    return KH_NO_STR;
  *channel = kh_str(channel->at + len, channel->len - len);
  return name;
}

enum kh_err kh_slack_place(const struct kh_rule *rule, const struct kh_rendering *rendering,
                           struct kh_str written, struct kh_buf *place)
{
  (void)rule;
  (void)rendering;
  if (!is_here(written))
    return KH_OK;
  const struct kh_str rest = kh_str(written.at + 1, written.len - 1);
  return kh_buf_add(place, has_mark(written) && is_id(rest) ? rest : written);
}
