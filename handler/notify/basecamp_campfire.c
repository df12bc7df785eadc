#include "base/base.h"

#include "base/utf8.h"
#include "notify/notifiers.h"
#include "rules/message.h"
#include "words/html.h"
#include "words/member.h"
#include "words/story.h"

/* As in words/text.h, by the characters that those names stand for: Basecamp knows no names. */
static const char *const emoji[KH_MOOD__COUNT] = {
    [KH_MOOD_NEWS] = "ℹ️",    [KH_MOOD_PASSED] = "✅",       [KH_MOOD_FAILED] = "❌",
    [KH_MOOD_WARNING] = "⚠️", [KH_MOOD_BLOCKED] = "✋",      [KH_MOOD_CANCELED] = "🚫",
    [KH_MOOD_SKIPPED] = "⏩",      [KH_MOOD_RUNNING] = "▶️", [KH_MOOD_SCHEDULED] = "⏳",
};

static void add_story(struct kh_buf *html, const struct kh_story *story)
{
  (void)kh_buf_printf(html, "%s <strong>", emoji[story->mood]);
  kh_html_add(html, kh_buf_view(&story->subject));
  (void)kh_buf_add(html, KH_STR("</strong>"));
  if (story->item.len > 0) {
    kh_html_add(html, kh_str_of(story->joint));
    kh_html_add_link(html, kh_buf_view(&story->url), kh_buf_view(&story->item));
  }
  if (story->words.len > 0) {
    (void)kh_buf_add_byte(html, ' ');
    kh_html_add(html, kh_buf_view(&story->words));
  }
  if (story->message.len > 0) {
    (void)kh_buf_add(html, KH_STR("<br>"));
    kh_html_add(html, kh_buf_view(&story->message));
  }
  for (size_t i = 0; i < story->detail_count; i++) {
    (void)kh_buf_printf(html, "%s%s", i ? " · " : "<br>", story->details[i].before);
    kh_html_add_link(html, kh_buf_view(&story->details[i].url), kh_buf_view(&story->details[i].text));
  }
}

static enum kh_err write_content(const struct kh_rule *rule, struct kh_rendering *rendering,
                                 struct kh_buf *html)
{
  struct kh_story story;
  struct kh_buf message;
  enum kh_err err = kh_story_read(&story, rendering->event, &rendering->facts->history);

  kh_buf_init(&message, KH_MESSAGE_BYTES);
  if (!err)
    err = kh_message_render(rule, rendering, &kh_message_plain, &message);
  if (!err && message.len > 0)
    kh_html_add(html, kh_buf_view(&message));
  else if (!err)
    add_story(html, &story);
  kh_buf_release(&message);
  kh_story_release(&story);
  return err ? err : kh_buf_ok(html);
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  json_t *json = json_object();
  struct kh_buf html;

  kh_buf_init(&html, KH_DELIVERY_MAX_BYTES);
  enum kh_err err = write_content(rule, rendering, &html);
  if (!err && (!json || !kh_member_set(json, "content", kh_buf_view(&html))))
    err = KH_ERR_NO_MEMORY;
  if (!err)
    err = kh_notify_write_json(json_incref(json), body);
  kh_buf_release(&html);
  json_decref(json);
  return err;
}

/* ---- what people see of it ---- */

static const struct {
  struct kh_str html, text;
} shown[] = {
    {{"<br>", 4}, {"\n", 1}},    {{"&amp;", 5}, {"&", 1}},   {{"&lt;", 4}, {"<", 1}},
    {{"&gt;", 4}, {">", 1}},     {{"&quot;", 6}, {"\"", 1}}, {{"<strong>", 8}, {"", 0}},
    {{"</strong>", 9}, {"", 0}}, {{"</a>", 4}, {"", 0}},
};

/* The URL of a link stands behind its text in no message: the page of Basecamp hides it, too. */
static size_t skip_link(struct kh_str rest)
{
  const char *end = kh_str_starts(rest, KH_STR("<a href=\"")) ? memchr(rest.at, '>', rest.len) : NULL;

  return end ? (size_t)(end - rest.at) + 1 : 0;
}

static enum kh_err say(const json_t *body, struct kh_buf *text)
{
  const json_t *content = json_object_get(body, "content");
  struct kh_str rest = kh_str(json_string_value(content), json_string_length(content));

  if (!rest.at)
    return KH_ERR_RENDER;
  while (rest.len > 0) {
    size_t i = 0;
    size_t len = skip_link(rest);

    while (len == 0 && i < KH_COUNT(shown) && !kh_str_starts(rest, shown[i].html))
      i++;
    if (len == 0 && i < KH_COUNT(shown)) {
      (void)kh_buf_add(text, shown[i].text);
      len = shown[i].html.len;
    } else if (len == 0) {
      (void)kh_buf_add_byte(text, rest.at[0]);
      len = 1;
    }
    rest = kh_str(rest.at + len, rest.len - len);
  }
  return kh_buf_ok(text);
}

static const struct kh_option options[] = {
    {.name = "url",
     .type = KH_OPTION_URL,
     .required = true,
     .offset = offsetof(struct kh_rule, url),
     .words = "A secret that holds the URL of a chatbot's lines.",
     .example = "BASECAMP_URL"},
    {.name = "message",
     .type = KH_OPTION_MESSAGE,
     .words = "What to say instead of the usual words, as plain text."},
    {.name = NULL},
};

static const struct kh_form form = {.alone = "url"};

static const char *const default_events[] = {"build.scheduled", "build.running", "build.finished",
                                             "build.skipped", NULL};

/*
 * Sources: github.com/basecamp/bc3-api, sections/chatbots.md and sections/rich_text.md; buildkite.com/docs,
 * "Basecamp Campfire message". A 404 is a URL that was taken back, a 429 brings Retry-After.
 */
const struct kh_notifier kh_notifier_basecamp_campfire = {
    .name = "basecamp_campfire",
    .words = "Posts to a Campfire of Basecamp",
    .content_type = "application/json",
    .default_events = default_events,
    .options = options,
    .form = &form,
    .render = render,
    .say = say,
};
