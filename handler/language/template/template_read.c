#include "base/base.h"

#include "base/nearest.h"
#include "base/utf8.h"
#include "language/condition/functions.h"
#include "language/names/shown.h"
#include "language/template/template_tag.h"

/* The text in quotes at *AT, which moves behind it; its quotes are closed, or the tag would have no end. */
static struct kh_str read_text(struct kh_tag_reader *tags, size_t *at, size_t end)
{
  char quote = tags->source.at[*at];
  char *text = kh_arena_take(tags->arena, end - *at);
  size_t len = 0;
  size_t i = *at + 1;

  for (; i < end && tags->source.at[i] != quote; i++) {
    char next = i + 1 < end ? tags->source.at[i + 1] : '\0';

    i += tags->source.at[i] == '\\' && (next == '\\' || next == quote);
    if ((unsigned char)tags->source.at[i] < 0x20 || tags->source.at[i] == 0x7F)
      (void)kh_tag_mistake(tags, i, 1, "a control character or line break has no place in this text");
    if (text)
      text[len++] = tags->source.at[i];
  }
  *at = i < end ? i + 1 : end;
  if (text && !kh_utf8_valid(kh_str(text, len)))
    (void)kh_tag_mistake(tags, i, 0, "this text is not UTF-8");
  return kh_str(text ? text : "", len);
}

static void unknown_name(struct kh_tag_reader *tags, size_t at, struct kh_str name)
{
  struct kh_mistake mistake = {.kind = KH_MISTAKE_NONE};

  if (kh_function_find(name))
    (void)kh_mistake_set(&mistake, KH_MISTAKE_VALIDATION, at, name.len,
                         "%.*s is a function; those are for {{#if}} only", KH_TAG_SHOWN(name));
  else
    (void)kh_mistake_set(&mistake, KH_MISTAKE_VALIDATION, at, name.len, "\"%.*s\" is no name of a message",
                         KH_TAG_SHOWN(name));
  kh_mistake_hint(&mistake, kh_name_nearest_in_message(name));
  kh_tag_tell(tags, &mistake);
}

/* Is `| table` the first filter behind AT? */
static bool is_looked_up(const struct kh_tag_reader *tags, size_t at, size_t end)
{
  at = kh_tag_skip(tags, at, end);
  return at < end && tags->source.at[at] == '|' &&
         kh_str_equal(kh_tag_word(tags, kh_tag_skip(tags, at + 1, end), end, true), KH_STR("table"));
}

static void check_name(struct kh_tag_reader *tags, size_t at, size_t end, struct kh_str word,
                       struct kh_part *part)
{
  const struct kh_name_info *name = kh_name_find(word);

  if (!name || (name->flags & (KH_NAME_HIDDEN | KH_NAME_MESSAGE)) == KH_NAME_HIDDEN) {
    unknown_name(tags, at, word);
  } else if (kh_name_is_address(name) && !is_looked_up(tags, at + word.len, end)) {
    (void)kh_tag_mistake(tags, at, word.len,
                         "messages do not carry addresses of persons; %.*sname is a name, and `| table NAME` "
                         "looks one up",
                         (int)(word.len - 5), word.at);
  } else {
    part->name = name;
    const char *why = kh_name_why_null(name, tags->reader->remembers);

    if (why && tags->reader->advise) {
      char text[KH_ADVICE_BYTES];

      (void)snprintf(text, sizeof text, "%s is always empty: %s", name->text, why);
      tags->reader->advise(tags->reader->self, at, word.len, text);
    }
  }
}

static const struct {
  const char *name;
  enum kh_filter_type type;
} filters[] = {{"default", KH_FILTER_DEFAULT},   {"truncate", KH_FILTER_TRUNCATE},
               {"duration", KH_FILTER_DURATION}, {"time", KH_FILTER_TIME},
               {"table", KH_FILTER_TABLE},       {"urlencode", KH_FILTER_URLENCODE}};

static bool find_filter(struct kh_tag_reader *tags, size_t at, struct kh_str word, enum kh_filter_type *type)
{
  const char *known[KH_COUNT(filters) + 1] = {NULL};
  struct kh_mistake mistake = {.kind = KH_MISTAKE_NONE};

  for (size_t i = 0; i < KH_COUNT(filters); i++) {
    known[i] = filters[i].name;
    if (kh_str_equal(word, kh_str_of(filters[i].name))) {
      *type = filters[i].type;
      return true;
    }
  }
  if (word.len == 0)
    return kh_tag_mistake(tags, at, 0,
                          "a filter is missing here: default, truncate, duration, time, table or urlencode");
  (void)kh_mistake_set(&mistake, KH_MISTAKE_VALIDATION, at, word.len,
                       "\"%.*s\" is no filter; there are default, truncate, duration, time, table and "
                       "urlencode",
                       KH_TAG_SHOWN(word));
  kh_mistake_hint(&mistake, kh_word_nearest(word, known));
  kh_tag_tell(tags, &mistake);
  return false;
}

static bool is_in_seconds(const struct kh_name_info *name)
{
  return name &&
         (kh_str_ends(kh_str_of(name->text), KH_STR(".duration")) ||
          name->name == KH_NAME_PIPELINE_FAILING_FOR || name->name == KH_NAME_PIPELINE_USUAL_DURATION);
}

/* Duration, time and table read the value itself, not its text. */
static bool check_kind(struct kh_tag_reader *tags, size_t at, enum kh_filter_type type, bool named,
                       const struct kh_part *part)
{
  const char *word = type == KH_FILTER_TIME ? "time" : type == KH_FILTER_TABLE ? "table" : "duration";
  struct kh_str name = part->name ? kh_str_of(part->name->text) : KH_NO_STR;

  if (type != KH_FILTER_TIME && type != KH_FILTER_DURATION && type != KH_FILTER_TABLE)
    return true;
  if (part->filters)
    return kh_tag_mistake(tags, at, strlen(word), "%s is the first filter, or none", word);
  if (!part->name && named)
    return true;
  if (type == KH_FILTER_TABLE && (!part->name || part->name->kind == KH_KIND_LIST))
    return kh_tag_mistake(tags, at, strlen(word),
                          "table is for names of one value, such as build.author.email");
  if (type == KH_FILTER_TIME && !kh_str_ends(name, KH_STR("_at")))
    return kh_tag_mistake(tags, at, strlen(word), "time is for times, such as build.finished_at");
  if (type == KH_FILTER_DURATION && !is_in_seconds(part->name))
    return kh_tag_mistake(tags, at, strlen(word),
                          "duration is for build.duration, job.duration, pipeline.failing_for and "
                          "pipeline.usual_duration");
  return true;
}

static bool refuse_table(struct kh_tag_reader *tags, size_t at, struct kh_str word)
{
  enum { TABLES_MAX = 32 };
  json_t *tree = (json_t *)(uintptr_t)tags->reader->tables; /* jansson's iterators take no const */
  const char *known[TABLES_MAX + 1] = {NULL};
  struct kh_mistake mistake = {.kind = KH_MISTAKE_NONE};
  char list[128] = "";
  size_t count = 0;
  const char *name = NULL;
  json_t *table = NULL;

  json_object_foreach(tree, name, table)
  {
    const size_t len = strlen(list);

    if (count < TABLES_MAX)
      known[count++] = name;
    (void)snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? ", " : "", name);
  }
  if (count == 0)
    return kh_tag_mistake(tags, at, word.len, "there are no tables; add `tables: {%.*s: {file: %.*s.yml}}`",
                          KH_TAG_SHOWN(word), KH_TAG_SHOWN(word));
  (void)kh_mistake_set(&mistake, KH_MISTAKE_VALIDATION, at, word.len,
                       "there is no table \"%.*s\"; there are: %s", KH_TAG_SHOWN(word), list);
  kh_mistake_hint(&mistake, kh_word_nearest(word, known));
  kh_tag_tell(tags, &mistake);
  return false;
}

static bool read_table(struct kh_tag_reader *tags, size_t *at, size_t end, struct kh_filter *filter)
{
  const struct kh_str word = kh_tag_word(tags, *at, end, false);

  if (word.len == 0)
    return kh_tag_mistake(tags, *at, 0, "table needs the name of a table, such as table people");
  filter->table = json_object_getn(tags->reader->tables, word.at, word.len);
  filter->find = tags->reader->find;
  if (!filter->table)
    return refuse_table(tags, *at, word);
  *at += word.len;
  return true;
}

static bool read_argument(struct kh_tag_reader *tags, size_t *at, size_t end, struct kh_filter *filter)
{
  struct kh_str digits = KH_NO_STR;
  uint64_t number = 0;

  *at = kh_tag_skip(tags, *at, end);
  if (filter->type == KH_FILTER_DEFAULT) {
    if (*at == end || (tags->source.at[*at] != '"' && tags->source.at[*at] != '\''))
      return kh_tag_mistake(tags, *at, 0, "default needs a text in quotes, such as default \"none\"");
    filter->text = read_text(tags, at, end);
  } else if (filter->type == KH_FILTER_TABLE) {
    return read_table(tags, at, end, filter);
  } else if (filter->type == KH_FILTER_TRUNCATE) {
    digits = kh_tag_word(tags, *at, end, false);
    if (!kh_str_u64(digits, &number) || number < 1 || number > KH_TEMPLATE_VALUE_CHARACTERS)
      return kh_tag_mistake(tags, *at, digits.len, "truncate needs a number of characters, 1 to %d",
                            KH_TEMPLATE_VALUE_CHARACTERS);
    filter->characters = (size_t)number;
    *at += digits.len;
  }
  return true;
}

static bool read_filter(struct kh_tag_reader *tags, size_t *at, size_t end, bool named, struct kh_part *part)
{
  struct kh_filter made = {.type = KH_FILTER_DEFAULT};
  struct kh_filter **last = &part->filters;

  *at = kh_tag_skip(tags, *at, end);
  struct kh_str word = kh_tag_word(tags, *at, end, true);
  const size_t word_at = *at;
  if (!find_filter(tags, *at, word, &made.type) || !check_kind(tags, *at, made.type, named, part))
    return false;
  *at += word.len;
  if (!read_argument(tags, at, end, &made))
    return false;
  struct kh_filter *filter = kh_arena_take(tags->arena, sizeof *filter);
  if (!filter)
    return false;
  *filter = made;
  while (*last && (*last)->type != KH_FILTER_URLENCODE)
    last = &(*last)->next;
  if (*last)
    return kh_tag_mistake(tags, word_at, word.len, "urlencode is the last filter, or none");
  *last = filter;
  return true;
}

void kh_tag_value(struct kh_tag_reader *tags, const struct kh_tag *tag, struct kh_part *part)
{
  size_t at = tag->inside;
  struct kh_str word = kh_tag_word(tags, at, tag->end, true);

  if (at == tag->end) {
    (void)kh_tag_mistake(tags, tag->at, tag->len, "a name is missing between {{ and }}");
    return;
  }
  if (tags->source.at[at] == '"' || tags->source.at[at] == '\'') {
    part->text = read_text(tags, &at, tag->end);
  } else if (word.len > 0) {
    check_name(tags, at, tag->end, word, part);
    at += word.len;
  }
  for (;;) {
    at = kh_tag_skip(tags, at, tag->end);
    if (at == tag->end)
      return;
    if (tags->source.at[at] != '|') {
      (void)kh_tag_mistake(tags, at, 1, "only a name and its filters stand between {{ and }}");
      return;
    }
    at++;
    if (!read_filter(tags, &at, tag->end, word.len > 0, part))
      return;
  }
}
