#include "base/base.h"

#include "base/utf8.h"
#include "language/template/template_tag.h"

void kh_tag_tell(struct kh_tag_reader *tags, const struct kh_mistake *mistake)
{
  if (++tags->mistakes <= KH_TEMPLATE_MISTAKES_MAX && tags->reader->mistake)
    tags->reader->mistake(tags->reader->self, mistake);
}

bool kh_tag_mistake(struct kh_tag_reader *tags, size_t at, size_t len, const char *format, ...)
{
  struct kh_mistake mistake = {.kind = KH_MISTAKE_NONE};
  char text[sizeof mistake.text];
  va_list values;

  va_start(values, format);
  (void)vsnprintf(text, sizeof text, format, values);
  va_end(values);
  (void)kh_mistake_set(&mistake, KH_MISTAKE_VALIDATION, at, len, "%s", text);
  kh_tag_tell(tags, &mistake);
  return false;
}

size_t kh_tag_skip(const struct kh_tag_reader *tags, size_t at, size_t end)
{
  while (at < end && kh_is_blank(tags->source.at[at]))
    at++;
  return at;
}

struct kh_str kh_tag_word(const struct kh_tag_reader *tags, size_t at, size_t end, bool dots)
{
  size_t to = at;

  while (to < end && (kh_begins_name(tags->source.at[to]) || kh_is_digit(tags->source.at[to]) ||
                      (dots && tags->source.at[to] == '.')))
    to++;
  return kh_str(tags->source.at + at, to - at);
}

/*
 * What is wrong inside an {{#if}} or {{/if}} is told, and it still counts as one: its other end has no
 * mistake.
 */
static struct kh_tag block(struct kh_tag_reader *tags, struct kh_tag tag)
{
  const size_t at = tag.inside;
  const bool opens = tags->source.at[at] == '#';
  struct kh_str word = kh_tag_word(tags, at + 1, tag.end, false);

  tag.type = opens ? KH_TAG_IF : KH_TAG_END;
  tag.inside = at + 1 + word.len;
  tag.bad = true;
  if (!kh_str_equal(word, KH_STR("if")))
    (void)kh_tag_mistake(tags, at, 1 + word.len,
                         "there is no {{%c%.*s}}; only {{#if …}}, {{else}} and {{/if}}", tags->source.at[at],
                         KH_TAG_SHOWN(word));
  else if (!opens && kh_tag_skip(tags, tag.inside, tag.end) < tag.end)
    (void)kh_tag_mistake(tags, tag.inside, 0, "nothing stands behind /if");
  else if (opens && tag.inside < tag.end && !kh_is_blank(tags->source.at[tag.inside]) &&
           !strchr("!([\"'", tags->source.at[tag.inside]))
    (void)kh_tag_mistake(tags, tag.inside, 0, "a blank is missing behind #if");
  else
    tag.bad = false;
  return tag;
}

struct kh_tag kh_tag_read(struct kh_tag_reader *tags, size_t at, size_t next)
{
  struct kh_tag tag = {.type = KH_TAG_VALUE, .at = at, .len = next - at, .end = next - 2};

  tag.inside = kh_tag_skip(tags, at + 2, tag.end);
  struct kh_str word = kh_tag_word(tags, tag.inside, tag.end, true);
  if (tag.inside < tag.end && (tags->source.at[tag.inside] == '#' || tags->source.at[tag.inside] == '/'))
    return block(tags, tag);
  if (!kh_str_equal(word, KH_STR("else")))
    return tag;
  tag.type = KH_TAG_ELSE;
  if (kh_tag_skip(tags, tag.inside + word.len, tag.end) < tag.end)
    (void)kh_tag_mistake(tags, tag.inside + word.len, 0,
                         "nothing stands behind else; put another {{#if}} between {{else}} and {{/if}}");
  return tag;
}

struct advising {
  const struct kh_template_reader *reader;
  size_t base;
};

static void advise(void *self, size_t at, size_t len, const char *text)
{
  const struct advising *to = self;

  to->reader->advise(to->reader->self, to->base + at, len, text);
}

static void tell_comments(const struct kh_tag_reader *tags, size_t base, const struct kh_condition *condition)
{
  const struct kh_str source = kh_condition_source(condition);
  size_t next = 0;

  for (struct kh_str one = kh_condition_comment(condition, &next); one.at && tags->reader->comment;
       one = kh_condition_comment(condition, &next))
    tags->reader->comment(tags->reader->self, base + (size_t)(one.at - source.at), one.len);
}

struct kh_condition *kh_tag_condition(struct kh_tag_reader *tags, const struct kh_tag *tag)
{
  size_t at = kh_tag_skip(tags, tag->inside, tag->end);
  struct kh_condition *condition = NULL;
  struct kh_mistake mistake = {.kind = KH_MISTAKE_NONE};

  if (tag->bad)
    return NULL;
  if (at == tag->end) {
    (void)kh_tag_mistake(tags, tag->at, tag->len, "{{#if}} needs a condition, as `if:` has it");
    return NULL;
  }
  enum kh_err err = kh_condition_compile(&condition, kh_str(tags->source.at + at, tag->end - at),
                                         KH_DIALECT_EXTENDED, KH_ENTRYPOINT_STEP_NOTIFICATION, &mistake);
  if (!err)
    tell_comments(tags, at, condition);
  if (err == KH_ERR_NO_MEMORY) {
    tags->arena->err = err;
  } else if (err) {
    mistake.at += at;
    kh_tag_tell(tags, &mistake);
  } else if (tags->reader->advise) {
    struct advising advising = {tags->reader, at};

    kh_condition_advise(condition, &(struct kh_advice){.self = &advising, .tell = advise});
  }
  return condition;
}
