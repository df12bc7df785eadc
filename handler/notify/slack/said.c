#include "base/base.h"

#include "notify/slack/said.h"

/* What a person sees of an element of a rich_text_section. Slack would put names for the ids. */
static const struct {
  const char *type, *member, *before, *behind;
} seen[] = {
    {"text", "text", "", ""},           {"link", "text", "", ""},
    {"emoji", "name", ":", ":"},        {"user", "user_id", "@", ""},
    {"channel", "channel_id", "#", ""}, {"usergroup", "usergroup_id", "@", ""},
    {"broadcast", "range", "@", ""},
};

static const char *text_of(const json_t *object, const char *member)
{
  return json_string_value(json_object_get(object, member));
}

static enum kh_err say_element(const json_t *element, struct kh_buf *text)
{
  const char *type = text_of(element, "type");
  const char *url = text_of(element, "url");
  size_t i = 0;

  while (type && i < KH_COUNT(seen) && strcmp(seen[i].type, type) != 0)
    i++;
  const char *words = type && i < KH_COUNT(seen) ? text_of(element, seen[i].member) : NULL;
  if (!words)
    return KH_ERR_RENDER;
  kh_buf_printf(text, "%s%s%s", seen[i].before, words, seen[i].behind);
  if (url && strcmp(url, words) != 0)
    kh_buf_printf(text, " (%s)", url);
  return KH_OK;
}

static enum kh_err say_section(const json_t *section, struct kh_buf *text)
{
  enum kh_err err = text->len > 0 ? kh_buf_add_byte(text, '\n') : KH_OK;
  const json_t *element = NULL;
  size_t i = 0;

  json_array_foreach(json_object_get(section, "elements"), i, element)
  {
    if (!err)
      err = say_element(element, text);
  }
  return err;
}

enum kh_err kh_slack_say(const json_t *body, struct kh_buf *text)
{
  const json_t *block = NULL;
  const json_t *section = NULL;
  enum kh_err err = KH_OK;
  size_t i = 0;
  size_t j = 0;

  json_array_foreach(json_object_get(body, "blocks"), i, block)
  {
    json_array_foreach(json_object_get(block, "elements"), j, section)
    {
      if (!err)
        err = say_section(section, text);
    }
  }
  if (err)
    return err;
  return text->len > 0 ? kh_buf_ok(text) : KH_ERR_RENDER;
}
