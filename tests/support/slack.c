#include "base/base.h"

#include "support/checks.h"
#include "support/slack.h"

enum { MAX_BLOCKS = 50, MAX_TEXT = 3000, MAX_FALLBACK = 4000 };

static void check_style(const char *why, json_t *style)
{
  const char *key;
  json_t *value;

  kh_check_keys(why, style, "|bold|code|");
  json_object_foreach(style, key, value) ck_assert_msg(json_is_true(value), "%s: style %s", why, key);
}

/* No user, usergroup, channel, team, broadcast or date: nothing that Slack would turn into a mention. */
static void check_element(const char *why, json_t *element)
{
  const char *type = json_string_value(json_object_get(element, "type"));
  json_t *text = json_object_get(element, "text");

  ck_assert_msg(type != NULL, "%s: an element without type", why);
  if (json_object_get(element, "style"))
    check_style(why, json_object_get(element, "style"));
  if (strcmp(type, "emoji") == 0) {
    kh_check_keys(why, element, "|type|name|");
    kh_check_text(why, json_object_get(element, "name"), 50);
  } else if (strcmp(type, "link") == 0) {
    kh_check_keys(why, element, "|type|text|url|style|");
    kh_check_text(why, text, MAX_TEXT);
    kh_check_url(why, json_object_get(element, "url"));
  } else {
    ck_assert_msg(strcmp(type, "text") == 0, "%s: an element of type %s", why, type);
    kh_check_keys(why, element, "|type|text|style|");
    if (!json_is_string(text) || strcmp(json_string_value(text), "\n") != 0)
      kh_check_text(why, text, MAX_TEXT);
  }
}

static void check_type(const char *why, const json_t *object, const char *type)
{
  const char *is = json_string_value(json_object_get(object, "type"));

  ck_assert_msg(is && strcmp(is, type) == 0, "%s: not of type %s", why, type);
}

static void check_blocks(const char *why, json_t *blocks)
{
  size_t i;
  size_t j;
  size_t k;
  json_t *block;
  json_t *section;
  json_t *element;

  ck_assert_msg(json_array_size(blocks) >= 1 && json_array_size(blocks) <= MAX_BLOCKS, "%s: %zu blocks", why,
                json_array_size(blocks));
  json_array_foreach(blocks, i, block)
  {
    kh_check_keys(why, block, "|type|elements|");
    check_type(why, block, "rich_text");
    ck_assert_msg(json_array_size(json_object_get(block, "elements")) >= 1, "%s: nothing in it", why);
    json_array_foreach(json_object_get(block, "elements"), j, section)
    {
      kh_check_keys(why, section, "|type|elements|");
      check_type(why, section, "rich_text_section");
      ck_assert_msg(json_array_size(json_object_get(section, "elements")) >= 1, "%s: nothing in it", why);
      json_array_foreach(json_object_get(section, "elements"), k, element) check_element(why, element);
    }
  }
}

/* `text` is the one place that Slack parses: there must be nothing left to parse. */
static void check_fallback(const char *why, const json_t *node)
{
  const char *text = json_string_value(node);

  kh_check_text(why, node, MAX_FALLBACK);
  ck_assert_msg(strlen(text) <= MAX_FALLBACK, "%s: %zu bytes", why, strlen(text));
  ck_assert_msg(strpbrk(text, "<>") == NULL, "%s: %s", why, text);
  for (const char *at = strchr(text, '&'); at; at = strchr(at + 1, '&'))
    ck_assert_msg(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 || strncmp(at, "&gt;", 4) == 0,
                  "%s: %s", why, at);
}

void kh_check_slack(const char *why, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);

  kh_check_keys(why, json, "|text|mrkdwn|unfurl_links|unfurl_media|blocks|");
  ck_assert_msg(json_object_size(json) == 5, "%s: %zu members", why, json_object_size(json));
  ck_assert_msg(json_is_false(json_object_get(json, "mrkdwn")), "%s: mrkdwn", why);
  ck_assert_msg(json_is_false(json_object_get(json, "unfurl_links")), "%s: unfurl_links", why);
  ck_assert_msg(json_is_false(json_object_get(json, "unfurl_media")), "%s: unfurl_media", why);
  check_fallback(why, json_object_get(json, "text"));
  check_blocks(why, json_object_get(json, "blocks"));
  json_decref(json);
}
