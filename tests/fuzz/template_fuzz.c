/*
 * Targets: handler/language/template/template.h and handler/notify/slack/blocks.h. The input is a template.
 * Aborts where compiling and mistakes disagree, where a place lies outside of the source, where a message is
 * too long, is no UTF-8, has a value that is not one harmless line, or comes out differently the second time;
 * and where Slack's elements are none, or a link leads nowhere.
 */
#include "base/base.h"

#include "base/url.h"
#include "base/utf8.h"
#include "fuzz/replay.h"
#include "language/names/names_json.h"
#include "notify/slack/blocks.h"
#include "rules/message.h"
#include "support/guard.h"
#include "words/text.h"

enum { CHARACTERS = 400 };

struct heard {
  struct kh_str source;
  size_t mistakes;
};

static void hear(void *self, const struct kh_mistake *mistake)
{
  struct heard *heard = self;

  if (mistake->at > heard->source.len || mistake->len > heard->source.len - mistake->at ||
      mistake->kind == KH_MISTAKE_NONE || !mistake->text[0])
    abort();
  heard->mistakes++;
}

static void advise(void *self, size_t at, size_t len, const char *text)
{
  const struct heard *heard = self;

  if (at > heard->source.len || len > heard->source.len - at || !text[0])
    abort();
}

static enum kh_err check_value(struct kh_buf *out, struct kh_str value, enum kh_template_sort sort)
{
  if (sort > KH_SORT_TITLE)
    abort();
  if (value.len == 0 || !kh_utf8_valid(value))
    abort();
  for (size_t i = 0; i < value.len; i++)
    if ((unsigned char)value.at[i] < 0x20 || value.at[i] == 0x7F)
      abort();
  return kh_buf_add(out, value);
}

static size_t characters(struct kh_str text)
{
  size_t count = 0;

  for (size_t i = 0; i < text.len; i++)
    count += ((unsigned char)text.at[i] & 0xC0) != 0x80;
  return count;
}

static void check_slack(struct kh_str message)
{
  static const char *const types[] = {"text", "link", "emoji", "user", "channel", "broadcast", "usergroup"};
  struct kh_slack_section section = {json_array(), false};
  struct kh_buf fallback;
  size_t i;
  json_t *element;

  kh_buf_init(&fallback, KH_SLACK_FALLBACK_BYTES);
  if (kh_slack_markup(message, &section, &fallback) || section.failed ||
      !kh_utf8_valid(kh_buf_view(&fallback)))
    abort();
  if ((fallback.len == 0) != (json_array_size(section.elements) == 0))
    abort();
  json_array_foreach(section.elements, i, element)
  {
    bool known = false;

    for (size_t k = 0; k < KH_COUNT(types); k++)
      known = known || strcmp(json_string_value(json_object_get(element, "type")), types[k]) == 0;
    const char *url = json_string_value(json_object_get(element, "url"));
    if (!known || (url && !kh_url_is_link(kh_str_of(url))))
      abort();
  }
  kh_buf_release(&fallback);
  json_decref(section.elements);
}

static void render(const struct kh_template *template, const struct kh_names *names)
{
  const struct kh_template_format format = {CHARACTERS, kh_text_line, check_value};
  struct kh_mistake why[2] = {{.kind = KH_MISTAKE_NONE}, {.kind = KH_MISTAKE_NONE}};
  struct kh_buf out[3];

  for (size_t i = 0; i < KH_COUNT(out); i++)
    kh_buf_init(&out[i], KH_MESSAGE_BYTES);
  if (kh_template_render(template, names, &format, &out[0], &why[0]) ||
      kh_template_render(template, names, &format, &out[1], &why[1]) ||
      kh_template_render(template, names, &kh_slack_format, &out[2], NULL))
    abort();
  if (!kh_str_equal(kh_buf_view(&out[0]), kh_buf_view(&out[1])) || why[0].kind != why[1].kind)
    abort();
  if (!kh_utf8_valid(kh_buf_view(&out[0])) || characters(kh_buf_view(&out[0])) > CHARACTERS)
    abort();
  check_slack(kh_buf_view(&out[2]));
  for (size_t i = 0; i < KH_COUNT(out); i++)
    kh_buf_release(&out[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};
  struct heard heard = {.source = kh_guard_end(&guard, kh_str((const char *)data, size))};
  const struct kh_template_reader reader = {
      .self = &heard, .mistake = hear, .advise = advise, .with_uploads = size % 2 == 0};
  struct kh_template *template = NULL;

  enum kh_err err = kh_template_compile(&template, heard.source, &reader);
  if (!err != !!template || (err && err != KH_ERR_CONFIG) || !err != (heard.mistakes == 0) ||
      heard.mistakes > KH_TEMPLATE_MISTAKES_MAX)
    abort();
  if (template) {
    json_t *object = json_pack("{s:s,s:s,s:s,s:i,s:[s,s],s:s,s:i,s:s,s:s,s:{s:s}}", "build.branch",
                               "<!here> *b* `c` _i_|>", "build.message",
                               "\xE2\x80\xAE fix\x01\x02: \xC3\xA9\n\nb", "build.url", "https://b.example/1",
                               "build.number", 7, "build.creator.teams", "ops", "a\nb", "build.started_at",
                               "2026-11-22 09:46:59 UTC", "build.duration", 7503, "build.author.name",
                               "J <j@b.example>", "pipeline.name", ":docker::x: W::eb:", "env", "A", "v");
    struct kh_names_json json = {.object = object};
    const struct kh_names names = kh_names_json(&json);

    render(template, &names);
    render(template, NULL);
    json_decref(object);
  }
  kh_template_free(template);
  kh_guard_release(&guard);
  return 0;
}
