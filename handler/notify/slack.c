#include "base/base.h"

#include "notify/notifier.h"
#include "notify/story.h"

/* Source: docs.slack.dev, reference/block-kit/blocks and messaging/formatting-message-text. */
enum { SLACK_TEXT_CHARACTERS = 3000, SLACK_FALLBACK_BYTES = 4000 };
_Static_assert((int)KH_STORY_MESSAGE_CHARACTERS <= (int)SLACK_TEXT_CHARACTERS, "Slack's limit of a text");
_Static_assert(2 * (int)KH_STORY_NAME_CHARACTERS <= (int)SLACK_TEXT_CHARACTERS, "Slack's limit of a text");
_Static_assert((int)KH_STORY_URL_MAX_BYTES <= 3000, "Slack's limit of a URL");

static const char *const emoji[KH_MOOD__COUNT] = {
    [KH_MOOD_NEWS] = "information_source",
    [KH_MOOD_PASSED] = "white_check_mark",
    [KH_MOOD_FAILED] = "x",
    [KH_MOOD_WARNING] = "warning",
    [KH_MOOD_BLOCKED] = "raised_hand",
    [KH_MOOD_CANCELED] = "no_entry_sign",
    [KH_MOOD_SKIPPED] = "fast_forward",
    [KH_MOOD_RUNNING] = "arrow_forward",
    [KH_MOOD_SCHEDULED] = "hourglass_flowing_sand",
};

/* One rich_text_section being written. Its texts are never parsed: no markup, no mention, no escaping to get wrong. */
struct section {
  json_t *elements;
  bool failed;
};

static json_t *text_of(struct kh_str text)
{
  return json_stringn(text.len > 0 ? text.at : "", text.len);
}

/* Adds {"type": TYPE, KEY: TEXT} and, where there is one, a url or a style. Slack refuses empty texts: none is added. */
static void add(struct section *section, const char *type, const char *key, struct kh_str text,
                struct kh_str url, const char *style)
{
  if (text.len == 0)
    return;

  json_t *element = json_object();
  bool failed = json_object_set_new(element, "type", json_string(type)) ||
                json_object_set_new(element, key, text_of(text)) ||
                (url.len > 0 && json_object_set_new(element, "url", text_of(url)));
  if (style) {
    json_t *styles = json_object();

    failed = json_object_set_new(styles, style, json_true()) || failed;
    failed = json_object_set_new(element, "style", styles) || failed;
  }
  section->failed = json_array_append_new(section->elements, element) || failed || section->failed;
}

static void add_text(struct section *section, struct kh_str text, const char *style)
{
  add(section, "text", "text", text, KH_NO_STR, style);
}

static void add_headline(struct section *section, const struct kh_story *story)
{
  struct kh_str item = kh_buf_view(&story->item);

  add(section, "emoji", "name", kh_str_of(emoji[story->mood]), KH_NO_STR, NULL);
  add_text(section, KH_STR(" "), NULL);
  add_text(section, kh_buf_view(&story->subject), "bold");
  if (item.len > 0) {
    add_text(section, kh_str_of(story->joint), NULL);
    if (story->url.len > 0)
      add(section, "link", "text", item, kh_buf_view(&story->url), NULL);
    else
      add_text(section, item, NULL);
  }
  if (story->words.len > 0) {
    add_text(section, KH_STR(" "), NULL);
    add_text(section, kh_buf_view(&story->words), NULL);
  }
}

static void add_details(struct section *section, const struct kh_story *story)
{
  for (size_t i = 0; i < story->detail_count; i++) {
    const struct kh_story_detail *detail = &story->details[i];

    add_text(section, i ? KH_STR(" · ") : KH_STR("\n"), NULL);
    add_text(section, kh_str_of(detail->before), NULL);
    add_text(section, kh_buf_view(&detail->text), detail->code ? "code" : NULL);
  }
}

/* [{"type": TYPE, "elements": ELEMENTS}], which takes ELEMENTS over; NULL when memory ran out. */
static json_t *list_of(const char *type, json_t *elements)
{
  json_t *list = json_array();
  json_t *one = json_object();
  bool failed = json_object_set_new(one, "type", json_string(type));

  failed = json_object_set_new(one, "elements", elements) || failed;
  failed = json_array_append_new(list, one) || failed;
  if (failed) {
    json_decref(list);
    list = NULL;
  }
  return list;
}

static json_t *blocks_of(const struct kh_story *story)
{
  struct section section = {json_array(), false};

  add_headline(&section, story);
  if (story->message.len > 0) {
    add_text(&section, KH_STR("\n"), NULL);
    add_text(&section, kh_buf_view(&story->message), NULL);
  }
  add_details(&section, story);
  if (section.failed) {
    json_decref(section.elements);
    return NULL;
  }
  return list_of("rich_text", list_of("rich_text_section", section.elements));
}

static struct kh_str take_character(struct kh_str *text)
{
  size_t len = 1;

  while (len < text->len && ((unsigned char)text->at[len] & 0xC0) == 0x80)
    len++;
  struct kh_str one = kh_str(text->at, len);
  *text = kh_str(text->at + len, text->len - len);
  return one;
}

static struct kh_str escape(struct kh_str character)
{
  switch (character.at[0]) {
  case '&':
    return KH_STR("&amp;");
  case '<':
    return KH_STR("&lt;");
  case '>':
    return KH_STR("&gt;");
  default:
    return character;
  }
}

/* Notifications and old clients show `text`, which is parsed: its three special characters are escaped. */
static void add_escaped(struct kh_str text, size_t max_bytes, struct kh_buf *out)
{
  const struct kh_str ellipsis = KH_STR("…");

  while (text.len > 0) {
    struct kh_str one = escape(take_character(&text));
    size_t reserve = text.len > 0 ? ellipsis.len : 0;

    if (out->len + one.len + reserve > max_bytes) {
      (void)kh_buf_add(out, ellipsis);
      return;
    }
    (void)kh_buf_add(out, one);
  }
}

static json_t *fallback_of(const struct kh_story *story)
{
  struct kh_buf line;
  struct kh_buf escaped;
  json_t *text = NULL;

  kh_buf_init(&line, KH_DELIVERY_MAX_BYTES);
  kh_buf_init(&escaped, SLACK_FALLBACK_BYTES);
  kh_story_line(story, &line);
  add_escaped(kh_buf_view(&line), SLACK_FALLBACK_BYTES, &escaped);
  if (!kh_buf_ok(&line) && !kh_buf_ok(&escaped))
    text = text_of(kh_buf_view(&escaped));
  kh_buf_release(&escaped);
  kh_buf_release(&line);
  return text;
}

static enum kh_err render(const struct kh_rule *rule, const struct kh_event *event,
                          const struct kh_facts *facts, struct kh_buf *body)
{
  struct kh_story story;
  json_t *json = NULL;
  enum kh_err err = kh_story_read(&story, event);

  (void)rule;
  (void)facts;
  if (err)
    goto done;
  json = json_object();
  /* No link_names and no parse: with their defaults "@channel" in a text is only a text. */
  if (json_object_set_new(json, "text", fallback_of(&story)) ||
      json_object_set_new(json, "mrkdwn", json_false()) ||
      json_object_set_new(json, "unfurl_links", json_false()) ||
      json_object_set_new(json, "unfurl_media", json_false()) ||
      json_object_set_new(json, "blocks", blocks_of(&story)))
    err = KH_ERR_RENDER;
  else
    err = kh_notify_write_json(json_incref(json), body);
done:
  json_decref(json);
  kh_story_release(&story);
  return err;
}

static enum kh_err configure(struct kh_config *config, const json_t *options, struct kh_rule *rule,
                             struct kh_diags *diags)
{
  static const char *const keys[] = {"url", "message", NULL};
  enum kh_err err = KH_OK;

  if (kh_config_known_keys(config, options, keys, diags))
    err = KH_ERR_CONFIG;
  if (json_object_get(options, "message"))
    err = kh_config_mistake(config, options, "message", diags,
                            "`message` needs templates, which this version does not have; leave it out");
  if (kh_notify_url(config, options, "url", &kh_notifier_slack, rule, diags))
    err = KH_ERR_CONFIG;
  return err;
}

static const char *const default_events[] = {"build.finished", NULL};

const struct kh_notifier kh_notifier_slack = {
    .name = "slack",
    .via = KH_VIA_HTTP,
    .content_type = "application/json",
    .default_events = default_events,
    .usage = "slack: {url: {env: SLACK_WEBHOOK_URL}}",
    .needs_options = true,
    .configure = configure,
    .render = render,
};
