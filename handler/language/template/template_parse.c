#include "base/base.h"

#include "base/utf8.h"
#include "language/template/parts.h"
#include "language/template/template_tag.h"
#include "language/template/upload.h"

struct parse {
  struct kh_tag_reader tags;
  struct kh_template *template;
  struct kh_part **end;
  size_t parts;
  struct kh_part *open[KH_TEMPLATE_DEPTH_MAX]; /* each an if, or its else */
  size_t depth;
  bool full;
};

static struct kh_part *add_part(struct parse *parse, enum kh_part_type type, size_t at)
{
  struct kh_part *part = NULL;

  if (parse->full)
    return NULL;
  if (++parse->parts > KH_TEMPLATE_PARTS_MAX) {
    parse->full = true;
    (void)kh_tag_mistake(&parse->tags, at, 0, "a message has at most %d parts", KH_TEMPLATE_PARTS_MAX);
    return NULL;
  }
  part = kh_arena_take(&parse->template->arena, sizeof *part);
  if (!part)
    return NULL;
  *part = (struct kh_part){.type = type, .at = at};
  *parse->end = part;
  parse->end = &part->next;
  return part;
}

/* ---- what stands outside of the tags ---- */

static void check_literal(struct parse *parse, size_t at, size_t end)
{
  struct kh_str source = parse->template->source;

  for (size_t i = at; i < end;) {
    int length = kh_utf8_length(source.at + i, source.at + end);
    unsigned char c = (unsigned char)source.at[i];

    if (length == 0) {
      (void)kh_tag_mistake(&parse->tags, i, 1, "this is not UTF-8");
      return;
    }
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
      (void)kh_tag_mistake(&parse->tags, i, 1, "a control character has no place in a message");
    if (c == '}' && i + 1 < end && source.at[i + 1] == '}') {
      (void)kh_tag_mistake(&parse->tags, i, 2, "`}}` without `{{`; write {{\"}}\"}} for the text itself");
      length = 2;
    }
    i += (size_t)length;
  }
}

static void add_literal(struct parse *parse, size_t at, size_t end)
{
  struct kh_part *part = NULL;

  check_literal(parse, at, end);
  part = at < end ? add_part(parse, KH_PART_LITERAL, at) : NULL;
  if (part)
    part->text = kh_str(parse->template->source.at + at, end - at);
}

/* ---- blocks ---- */

static void begin_if(struct parse *parse, const struct kh_tag *tag)
{
  struct kh_part *part = add_part(parse, KH_PART_IF, tag->at);
  struct kh_condition *condition = kh_tag_condition(&parse->tags, tag);

  if (!part) {
    kh_condition_free(condition);
    return;
  }
  part->condition = condition;
  if (parse->depth == KH_TEMPLATE_DEPTH_MAX) {
    (void)kh_tag_mistake(&parse->tags, tag->at, tag->len, "at most %d levels of {{#if}}",
                         KH_TEMPLATE_DEPTH_MAX);
    parse->full = true;
    return;
  }
  parse->open[parse->depth++] = part;
}

static void turn_to_else(struct parse *parse, const struct kh_tag *tag)
{
  struct kh_part *open = parse->depth > 0 ? parse->open[parse->depth - 1] : NULL;

  if (!open || open->type == KH_PART_ELSE) {
    (void)kh_tag_mistake(&parse->tags, tag->at, tag->len,
                         open ? "this {{#if}} has its {{else}} already" : "{{else}} without {{#if}}");
    return;
  }
  open->other = add_part(parse, KH_PART_ELSE, tag->at);
  if (open->other)
    parse->open[parse->depth - 1] = open->other;
}

static void end_if(struct parse *parse, const struct kh_tag *tag)
{
  if (parse->depth == 0) {
    (void)kh_tag_mistake(&parse->tags, tag->at, tag->len, "{{/if}} without {{#if}}");
    return;
  }
  parse->open[--parse->depth]->other = add_part(parse, KH_PART_END, tag->at);
}

static void add_value(struct parse *parse, const struct kh_tag *tag)
{
  struct kh_part *part = add_part(parse, KH_PART_VALUE, tag->at);

  if (part)
    kh_tag_value(&parse->tags, tag, part);
}

static void (*const add_tag[])(struct parse *parse, const struct kh_tag *tag) = {
    [KH_TAG_VALUE] = add_value, [KH_TAG_IF] = begin_if, [KH_TAG_ELSE] = turn_to_else, [KH_TAG_END] = end_if};

/* A line with nothing but this tag: moves the literal's END before the line, NEXT behind it. */
static void take_line(struct kh_str source, size_t *end, size_t *next)
{
  size_t from = *end;
  size_t to = *next;

  while (from > 0 && (source.at[from - 1] == ' ' || source.at[from - 1] == '\t'))
    from--;
  while (to < source.len && (source.at[to] == ' ' || source.at[to] == '\t'))
    to++;
  if ((from > 0 && source.at[from - 1] != '\n') || (to < source.len && source.at[to] != '\n'))
    return;
  *end = from;
  *next = to < source.len ? to + 1 : to;
}

static size_t find(struct kh_str source, size_t at, const char *braces)
{
  const char *found = at < source.len ? memmem(source.at + at, source.len - at, braces, 2) : NULL;

  return found ? (size_t)(found - source.at) : SIZE_MAX;
}

/* ---- $NAME ---- */

static void add_filter(struct parse *parse, struct kh_part *part, struct kh_filter made)
{
  struct kh_filter *filter = kh_arena_take(&parse->template->arena, sizeof *filter);

  if (!filter)
    return;
  *filter = made;
  filter->next = part->filters;
  part->filters = filter;
}

static void add_known(struct parse *parse, const struct kh_upload *found, const struct kh_name_info *name)
{
  const struct kh_template_reader *reader = parse->tags.reader;
  struct kh_part *part = add_part(parse, KH_PART_VALUE, found->at);
  char text[160];

  if (!part)
    return;
  part->name = name;
  if (found->instead.len > 0)
    add_filter(parse, part, (struct kh_filter){.type = KH_FILTER_DEFAULT, .text = found->instead});
  if (found->from > 0 || found->count < SIZE_MAX)
    add_filter(parse, part,
               (struct kh_filter){.type = KH_FILTER_PART, .from = found->from, .characters = found->count});
  (void)snprintf(text, sizeof text, "$%.*s is taken as {{%s}}: no agent uploads this file",
                 KH_TAG_SHOWN(found->name), name->text);
  if (reader->advise)
    reader->advise(reader->self, found->at, found->len, text);
}

static void add_upload(struct parse *parse, const struct kh_upload *found)
{
  const char *hint = NULL;
  const struct kh_name_info *name = kh_upload_name(found->name, &hint);

  if (name && !found->is_odd)
    add_known(parse, found, name);
  else if (name)
    (void)kh_tag_mistake(&parse->tags, found->at, found->len, "write {{%s}} with a filter instead",
                         name->text);
  else
    (void)kh_tag_mistake(&parse->tags, found->at, found->len,
                         "only Buildkite's agent knows $%.*s, when it uploads a pipeline; %s",
                         KH_TAG_SHOWN(found->name),
                         hint ? hint : "write what it stands for, or two $ for the letters themselves");
}

/* The literal from AT on and FOUND behind it. Returns where to go on. */
static size_t step_over(struct parse *parse, size_t at, const struct kh_upload *found)
{
  const size_t end = found->at + found->len;

  add_literal(parse, at, found->at);
  if (found->is_escape)
    add_literal(parse, found->at + 1, end);
  else
    add_upload(parse, found);
  return end;
}

/* Reads the literal from AT on and the tag behind it. Returns where to go on. */
static size_t step(struct parse *parse, size_t at)
{
  struct kh_str source = parse->template->source;
  size_t begin = find(source, at, "{{");
  struct kh_upload found;

  if (parse->tags.reader->with_uploads &&
      kh_upload_next(kh_str(source.at, begin == SIZE_MAX ? source.len : begin), at, &found))
    return step_over(parse, at, &found);
  size_t close = begin == SIZE_MAX ? SIZE_MAX : kh_template_tag_end(source, begin + 2);
  size_t end = begin;
  size_t next = close + 2;

  if (begin == SIZE_MAX) {
    add_literal(parse, at, source.len);
    return source.len;
  }
  if (close == SIZE_MAX) {
    add_literal(parse, at, begin);
    (void)kh_tag_mistake(&parse->tags, begin, 2, "`{{` without `}}`, or a quote in it is not closed");
    close = find(source, begin, "}}");
    return close == SIZE_MAX ? source.len : close + 2;
  }
  struct kh_tag tag = kh_tag_read(&parse->tags, begin, next);
  if (tag.type != KH_TAG_VALUE)
    take_line(source, &end, &next);
  add_literal(parse, at, end > at ? end : at);
  add_tag[tag.type](parse, &tag);
  return next;
}

bool kh_template_parse(struct kh_template *template, const struct kh_template_reader *reader)
{
  struct parse parse = {.tags = {.source = template->source, .arena = &template->arena, .reader = reader},
                        .template = template,
                        .end = &template->first};

  for (size_t at = 0; at < template->source.len && !parse.full && !template->arena.err;)
    at = step(&parse, at);
  for (size_t i = 0; i < parse.depth && !parse.full; i++)
    (void)kh_tag_mistake(&parse.tags, parse.open[i]->at, 0, "this {{%s}} has no {{/if}}",
                         parse.open[i]->type == KH_PART_ELSE ? "else" : "#if");
  return parse.tags.mistakes == 0 && !template->arena.err;
}
