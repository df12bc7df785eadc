#include "base/base.h"

#include "base/url.h"
#include "base/utf8.h"
#include "notify/slack/advice.h"
#include "notify/slack/walk.h"

static bool has(struct kh_str text, const char *what)
{
  return memmem(text.at, text.len, what, strlen(what)) != NULL;
}

/* What is wrong with INSIDE, which stands between < and >, as a mention; NULL when nothing is. */
static const char *fault_of_mention(struct kh_str inside)
{
  static const struct {
    const char *before, *fault;
  } kinds[] = {{"@", "pings nobody; it takes an id: <@U012AB3CD>"},
               {"#", "is no link; it takes an id: <#C012AB3CD>"},
               {"!subteam^", "pings nobody; it takes an id: <!subteam^S012AB3CD>"},
               {"!", "pings nobody; there are <!here>, <!channel>, <!everyone> and <!subteam^S012AB3CD>"}};

  for (size_t i = 0; i < KH_COUNT(kinds); i++) {
    if (!kh_str_starts(inside, kh_str_of(kinds[i].before)))
      continue;
    if (kh_slack_is_mention(inside))
      return NULL;
    return has(inside, "{{") ? "pings nobody; no value is part of a mention" : kinds[i].fault;
  }
  return NULL;
}

/* The same as a link. */
static const char *fault_of_link(struct kh_str inside)
{
  const struct kh_str url = kh_str_cut(&inside, '|');

  if (kh_str_starts(url, KH_STR("mailto:")) || kh_str_starts(url, KH_STR("tel:")))
    return "is no link; only https:// and http:// are";
  if (kh_url_scheme(url) == 0 || has(url, "{{") || kh_url_is_link(url))
    return NULL;
  return has(url, " ") ? "is no link; write %20 for a blank"
                       : "is no link; a URL is ASCII without quotes, and has no user: write the rest as %XX";
}

/* "@here" and its like at AT of TEXT, where a word begins; empty when none stands there. */
static struct kh_str bare_mention(struct kh_str text, size_t at)
{
  size_t end = at + 1;

  if (text.at[at] != '@' || (at > 0 && (kh_is_of_word(text.at[at - 1]) || text.at[at - 1] == '@')))
    return KH_NO_STR;
  while (end < text.len && (kh_is_of_word(text.at[end]) || text.at[end] == '_' || text.at[end] == '-'))
    end++;
  return kh_slack_is_range(kh_str(text.at + at + 1, end - at - 1)) ? kh_str(text.at + at, end - at)
                                                                   : KH_NO_STR;
}

/* What follows the < before AT, up to its > on the same line; absent when there is none. */
static struct kh_str inside_of(struct kh_str text, size_t at)
{
  size_t end = at;

  while (end < text.len && !strchr("<>\n", text.at[end]))
    end++;
  return end < text.len && text.at[end] == '>' ? kh_str(text.at + at, end - at) : KH_NO_STR;
}

/* The bytes of the {{tag}} at AT; 0 when none begins there. */
static size_t tag_length(struct kh_str text, size_t at)
{
  const struct kh_str rest = kh_str(text.at + at, text.len - at);
  const char *end = kh_str_starts(rest, KH_STR("{{")) ? memmem(rest.at, rest.len, "}}", 2) : NULL;

  return end ? (size_t)(end - rest.at) + 2 : 0;
}

struct author {
  const struct kh_config *config;
  const json_t *node;
  struct kh_diags *diags;
  struct kh_str text;
};

static void tell(const struct author *author, struct kh_str piece, const char *fault, struct kh_str more,
                 const char *end)
{
  (void)kh_config_say_in_text(author->config, author->node, (size_t)(piece.at - author->text.at), KH_OK,
                              author->diags, "`message`: \"%.*s\" %s%.*s%s",
                              (int)(piece.len < 60 ? piece.len : 60), piece.at, fault, KH_FMT(more), end);
}

/* Goes on behind the piece at AT. */
static size_t look_at(const struct author *author, size_t at)
{
  const struct kh_str text = author->text;
  const size_t tag = tag_length(text, at);
  const struct kh_str inside = text.at[at] == '<' ? inside_of(text, at + 1) : KH_NO_STR;
  const struct kh_str bare = bare_mention(text, at);

  if (tag > 0)
    return at + tag;
  if (bare.len > 0)
    tell(author, bare, "pings nobody; write <!", kh_str(bare.at + 1, bare.len - 1), ">");
  if (!inside.at)
    return at + 1;
  const char *fault = fault_of_mention(inside);
  if (!fault)
    fault = fault_of_link(inside);
  if (fault)
    tell(author, kh_str(inside.at - 1, inside.len + 2), fault, KH_NO_STR, "");
  return at + inside.len + 2;
}

void kh_slack_advise(const struct kh_config *config, const json_t *options, struct kh_diags *diags)
{
  const json_t *node = json_object_get(options, "message");
  const char *text = kh_config_text(node);
  const struct author author = {config, node, diags, text ? kh_str_of(text) : KH_NO_STR};

  for (size_t at = 0; at < author.text.len;)
    at = look_at(&author, at);
}
