#include "base/base.h"

#include "support/recorder.h"
#include "support/slack.h"

#include <check.h>
#include <iconv.h>
#include <jansson.h>

/* Check notes every assertion that it passes, which took most of the tests' time. */
#define MUST(condition, ...)     \
  do {                           \
    if (!(condition))            \
      ck_abort_msg(__VA_ARGS__); \
  } while (0)

enum { MAX_BLOCKS = 50, MAX_TEXT = 3000, MAX_FALLBACK = 4000, MAX_URL = 3000 };

/* Code points that must not reach a reader: controls, line ends, direction marks, overrides and isolates, BOM. */
static bool is_hostile(uint32_t c)
{
  static const uint32_t marks[] = {0x61C,  0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202B, 0x202C,
                                   0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0xFEFF};

  if (c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0xD800 && c < 0xE000))
    return true;
  for (size_t i = 0; i < KH_COUNT(marks); i++)
    if (c == marks[i])
      return true;
  return false;
}

/* Ends the test unless TEXT is 1 to MAX harmless characters of UTF-8. */
static void check_text(const char *why, const json_t *node, size_t max)
{
  size_t len = json_string_length(node);
  iconv_t decoder = iconv_open("WCHAR_T", "UTF-8");
  char *copy = strdup(json_string_value(node) ? json_string_value(node) : "");
  wchar_t *characters = calloc(len + 1, sizeof *characters);

  MUST(json_is_string(node) && len > 0, "%s: no text, or an empty one", why);
  MUST(decoder != (iconv_t)-1 && copy && characters, "no memory");
  char *from = copy;
  char *to = (char *)characters;
  size_t room = len * sizeof *characters;
  size_t left = len;
  MUST(iconv(decoder, &from, &left, &to, &room) == 0 && left == 0, "%s: not UTF-8: %s", why, copy);
  size_t count = len - room / sizeof *characters;
  MUST(count <= max, "%s: %zu characters", why, count);
  size_t good = 0;
  while (good < count && !is_hostile((uint32_t)characters[good]))
    good++;
  MUST(good == count, "%s: U+%04X in \"%s\"", why, (unsigned)characters[good], copy);
  (void)iconv_close(decoder);
  free(characters);
  free(copy);
}

/* OBJECT has no key but these, '|' around each. */
static void check_keys(const char *why, json_t *object, const char *known)
{
  const char *key;
  json_t *value;

  MUST(json_is_object(object), "%s: not an object", why);
  json_object_foreach(object, key, value)
  {
    char wanted[64];

    (void)snprintf(wanted, sizeof wanted, "|%s|", key);
    MUST(strstr(known, wanted) != NULL, "%s: unexpected key %s", why, key);
  }
}

static void check_url(const char *why, const json_t *node)
{
  const char *url = json_string_value(node);

  check_text(why, node, MAX_URL);
  MUST(strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0, "%s: %s", why, url);
  MUST(strpbrk(url, " <>|\"\\") == NULL, "%s: %s", why, url);
}

static void check_style(const char *why, json_t *style)
{
  const char *key;
  json_t *value;

  check_keys(why, style, "|bold|code|");
  json_object_foreach(style, key, value) MUST(json_is_true(value), "%s: style %s", why, key);
}

/* No user, usergroup, channel, team, broadcast or date: nothing that Slack would turn into a mention. */
static void check_element(const char *why, json_t *element)
{
  const char *type = json_string_value(json_object_get(element, "type"));
  json_t *text = json_object_get(element, "text");

  MUST(type != NULL, "%s: an element without type", why);
  if (json_object_get(element, "style"))
    check_style(why, json_object_get(element, "style"));
  if (strcmp(type, "emoji") == 0) {
    check_keys(why, element, "|type|name|");
    check_text(why, json_object_get(element, "name"), 50);
  } else if (strcmp(type, "link") == 0) {
    check_keys(why, element, "|type|text|url|style|");
    check_text(why, text, MAX_TEXT);
    check_url(why, json_object_get(element, "url"));
  } else {
    MUST(strcmp(type, "text") == 0, "%s: an element of type %s", why, type);
    check_keys(why, element, "|type|text|style|");
    if (!json_is_string(text) || strcmp(json_string_value(text), "\n") != 0)
      check_text(why, text, MAX_TEXT);
  }
}

static void check_type(const char *why, const json_t *object, const char *type)
{
  const char *is = json_string_value(json_object_get(object, "type"));

  MUST(is && strcmp(is, type) == 0, "%s: not of type %s", why, type);
}

static void check_blocks(const char *why, json_t *blocks)
{
  size_t i;
  size_t j;
  size_t k;
  json_t *block;
  json_t *section;
  json_t *element;

  MUST(json_array_size(blocks) >= 1 && json_array_size(blocks) <= MAX_BLOCKS, "%s: %zu blocks", why,
       json_array_size(blocks));
  json_array_foreach(blocks, i, block)
  {
    check_keys(why, block, "|type|elements|");
    check_type(why, block, "rich_text");
    MUST(json_array_size(json_object_get(block, "elements")) >= 1, "%s: nothing in it", why);
    json_array_foreach(json_object_get(block, "elements"), j, section)
    {
      check_keys(why, section, "|type|elements|");
      check_type(why, section, "rich_text_section");
      MUST(json_array_size(json_object_get(section, "elements")) >= 1, "%s: nothing in it", why);
      json_array_foreach(json_object_get(section, "elements"), k, element) check_element(why, element);
    }
  }
}

/* `text` is the one place that Slack parses: there must be nothing left to parse. */
static void check_fallback(const char *why, const json_t *node)
{
  const char *text = json_string_value(node);

  check_text(why, node, MAX_FALLBACK);
  MUST(strlen(text) <= MAX_FALLBACK, "%s: %zu bytes", why, strlen(text));
  MUST(strpbrk(text, "<>") == NULL, "%s: %s", why, text);
  for (const char *at = strchr(text, '&'); at; at = strchr(at + 1, '&'))
    MUST(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 || strncmp(at, "&gt;", 4) == 0, "%s: %s",
         why, at);
}

static json_t *read_json(const char *why, struct kh_str body)
{
  json_error_t error;
  json_t *json = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, &error);

  MUST(json != NULL, "%s: %s", why, error.text);
  return json;
}

void kh_check_slack(const char *why, struct kh_str body)
{
  json_t *json = read_json(why, body);

  check_keys(why, json, "|text|mrkdwn|unfurl_links|unfurl_media|blocks|");
  MUST(json_object_size(json) == 5, "%s: %zu members", why, json_object_size(json));
  MUST(json_is_false(json_object_get(json, "mrkdwn")), "%s: mrkdwn", why);
  MUST(json_is_false(json_object_get(json, "unfurl_links")), "%s: unfurl_links", why);
  MUST(json_is_false(json_object_get(json, "unfurl_media")), "%s: unfurl_media", why);
  check_fallback(why, json_object_get(json, "text"));
  check_blocks(why, json_object_get(json, "blocks"));
  json_decref(json);
}

void kh_check_log(const char *why, struct kh_str body)
{
  json_t *json = read_json(why, body);
  const char *key;
  json_t *value;

  check_keys(why, json, "|text|event|organization|pipeline|branch|state|build_number|url|");
  MUST(json_is_string(json_object_get(json, "text")), "%s: no text", why);
  json_object_foreach(json, key, value)
  {
    if (strcmp(key, "build_number") == 0)
      MUST(json_is_integer(value) && json_integer_value(value) > 0, "%s: %s", why, key);
    else if (strcmp(key, "url") == 0)
      check_url(why, value);
    else
      check_text(why, value, MAX_TEXT);
  }
  json_decref(json);
}

void kh_test_render(const char *why, const struct kh_notifier *notifier, const struct kh_event *event,
                    struct kh_buf *body)
{
  struct kh_rule rule = {.name = "rule", .notifier = notifier, .destination = "nowhere"};
  struct kh_facts facts = {KH_SEEN_NEVER};

  kh_buf_init(body, KH_DELIVERY_MAX_BYTES);
  enum kh_err err = notifier->render(&rule, event, &facts, body);
  ck_assert_msg(err == KH_OK, "%s: %s", why, kh_err_token(err));
  if (notifier == &kh_notifier_slack)
    kh_check_slack(why, kh_buf_view(body));
  else
    kh_check_log(why, kh_buf_view(body));
  ck_assert_msg(!kh_text_contains(kh_buf_view(body), KH_STR("planted")), "%s: a secret of the payload: %s",
                why, kh_buf_text(body));
}

void kh_test_render_all(const char *why, const struct kh_event *event)
{
  static const struct kh_notifier *const notifiers[] = {&kh_notifier_slack, &kh_notifier_log};

  for (size_t i = 0; i < KH_COUNT(notifiers); i++) {
    struct kh_buf body;

    kh_test_render(why, notifiers[i], event, &body);
    kh_buf_release(&body);
  }
}
