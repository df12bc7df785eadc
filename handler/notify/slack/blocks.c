#include "base/base.h"

#include "base/utf8.h"
#include "notify/slack/blocks.h"

static json_t *text_of(struct kh_str text)
{
  return json_stringn(text.len > 0 ? text.at : "", text.len);
}

static json_t *styles_of(unsigned styles)
{
  static const char *const names[] = {"bold", "italic", "strike", "code"};
  json_t *json = json_object();

  for (size_t i = 0; i < KH_COUNT(names); i++)
    if ((styles >> i & 1) && json_object_set_new(json, names[i], json_true())) {
      json_decref(json);
      return NULL;
    }
  return json;
}

void kh_slack_add(struct kh_slack_section *section, const char *type, const char *key, struct kh_str text,
                  struct kh_str url, unsigned styles)
{
  if (text.len == 0)
    return;

  json_t *element = json_object();
  bool failed = json_object_set_new(element, "type", json_string(type)) ||
                json_object_set_new(element, key, text_of(text)) ||
                (url.len > 0 && json_object_set_new(element, "url", text_of(url))) ||
                (styles && json_object_set_new(element, "style", styles_of(styles)));
  section->failed = json_array_append_new(section->elements, element) || failed || section->failed;
}

void kh_slack_add_text(struct kh_slack_section *section, struct kh_str text, unsigned styles)
{
  kh_slack_add(section, "text", "text", text, KH_NO_STR, styles);
}

bool kh_slack_add_words(struct kh_slack_section *section, struct kh_str text, struct kh_str url,
                        unsigned styles)
{
  const bool links = url.len > 0 && kh_str_trim(text).len > 0;

  kh_slack_add(section, links ? "link" : "text", "text", text, links ? url : KH_NO_STR, styles);
  return links;
}

static struct kh_str take_character(struct kh_str *text)
{
  size_t len = 1 + kh_utf8_bytes(kh_str(text->at + 1, text->len - 1), 0);
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

bool kh_slack_escape(struct kh_str text, size_t max_bytes, bool more, struct kh_buf *out)
{
  const struct kh_str ellipsis = KH_STR("…");

  while (text.len > 0) {
    struct kh_str one = escape(take_character(&text));
    size_t reserve = more || text.len > 0 ? ellipsis.len : 0;

    if (out->len + one.len + reserve > max_bytes) {
      (void)kh_buf_add(out, ellipsis);
      return false;
    }
    (void)kh_buf_add(out, one);
  }
  return true;
}
