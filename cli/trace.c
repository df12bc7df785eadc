#include "base/base.h"

#include "language/names/shown.h"
#include "trace.h"

static void release(struct kh_notes *notes)
{
  for (size_t i = 0; i < notes->count; i++)
    json_decref(notes->at[i].value);
  free(notes->at);
  *notes = (struct kh_notes){.count = 0};
}

static struct kh_noted *add(struct kh_notes *notes)
{
  struct kh_noted *grown = kh_grown(notes->at, notes->count, &notes->room, 32, sizeof *grown);

  if (!grown) {
    notes->err = KH_ERR_NO_MEMORY;
    return NULL;
  }
  notes->at = grown;
  notes->at[notes->count] = (struct kh_noted){.at = 0};
  return &notes->at[notes->count++];
}

static struct kh_str source_of(const struct kh_notes *notes, size_t at, size_t len)
{
  return at + len <= notes->source.len ? kh_str_trim(kh_str(notes->source.at + at, len)) : KH_NO_STR;
}

/* Behind the text, regular expression or comment that begins at AT. */
static size_t quoted_end(struct kh_str source, size_t at)
{
  const bool is_comment = at + 1 < source.len && source.at[at] == '/' && source.at[at + 1] == '/';
  const char quote = is_comment ? '\n' : source.at[at];

  for (at++; at < source.len && source.at[at] != quote;)
    at += source.at[at] == '\\' && !is_comment ? 2 : 1;
  return at < source.len ? at + 1 : source.len;
}

static bool is_quote(char c)
{
  return c == '"' || c == '\'';
}

/* A part that begins in parentheses is noted as beginning behind them. */
static struct kh_str with_parentheses(const struct kh_notes *notes, struct kh_str part)
{
  size_t open = 0;
  size_t unopened = 0;
  const char *begin = part.at;

  for (size_t i = 0; i < part.len;) {
    if (part.at[i] == '(')
      open++;
    else if (part.at[i] == ')' && open > 0)
      open--;
    else if (part.at[i] == ')')
      unopened++;
    i = is_quote(part.at[i]) || part.at[i] == '/' ? quoted_end(part, i) : i + 1;
  }
  while (unopened > 0 && begin > notes->source.at && memchr(" \t\n(", begin[-1], 4)) {
    unopened -= begin[-1] == '(';
    begin--;
  }
  return kh_str(begin, part.len + (size_t)(part.at - begin));
}

/* Its source says all. */
static bool is_constant(const struct kh_traced *seen, struct kh_str source)
{
  if (seen->secret || source.len == 0 || seen->value->kind == KH_KIND_REGEX)
    return !seen->secret;
  if (kh_str_equal(source, KH_STR("true")) || kh_str_equal(source, KH_STR("false")) ||
      kh_str_equal(source, KH_STR("null")))
    return true;
  if (seen->value->kind == KH_KIND_NUMBER)
    return strspn(source.at, "-0123456789") >= source.len;
  return is_quote(source.at[0]) && quoted_end(source, 0) == source.len;
}

static json_t *json_of_text(struct kh_str text)
{
  json_t *string = text.at ? json_stringn(text.at, text.len) : json_null();

  return string ? string : json_string("?");
}

static json_t *json_of_value(const struct kh_value *value)
{
  json_t *list = NULL;

  switch (value->kind) {
  case KH_KIND_BOOLEAN:
    return json_boolean(value->truth);
  case KH_KIND_NUMBER:
    return json_integer(value->number);
  case KH_KIND_STRING:
    return json_of_text(value->text);
  case KH_KIND_LIST:
    list = json_array();
    for (size_t i = 0; i < value->list.count; i++)
      json_array_append_new(list, json_of_text(value->list.items[i]));
    return list;
  default:
    return json_null();
  }
}

/* Texts and lists that are made of something hidden would tell it; whether it holds does not. */
static bool has_hidden_part(const struct kh_notes *notes, const struct kh_traced *seen)
{
  if (seen->value->kind != KH_KIND_STRING && seen->value->kind != KH_KIND_LIST)
    return false;
  for (size_t i = 0; i < notes->count; i++) {
    const struct kh_noted *part = &notes->at[i];

    if (part->is_hidden && part->at >= seen->at && part->at + part->len <= seen->at + seen->len)
      return true;
  }
  return false;
}

/* *IS_HIDDEN: something is left out; null when all of it is. */
static json_t *json_of_shown(struct kh_notes *notes, struct kh_str source, const struct kh_value *value,
                             bool *is_hidden)
{
  const struct kh_name_info *name = kh_name_find(source);
  struct kh_buf shown;

  if (*is_hidden)
    return json_null();
  if (!name || value->kind != KH_KIND_STRING)
    return json_of_value(value);
  kh_buf_init(&shown, value->text.len);
  *is_hidden = !kh_shown_add(name, value->text, &shown);
  json_t *json = *is_hidden && shown.len == 0 ? json_null() : json_of_text(kh_buf_view(&shown));
  if (shown.err)
    notes->err = shown.err;
  kh_buf_release(&shown);
  return json;
}

void kh_notes_see(void *self, const struct kh_traced *seen)
{
  struct kh_notes *notes = self;
  struct kh_str source = source_of(notes, seen->at, seen->len);
  bool is_hidden = seen->secret || has_hidden_part(notes, seen);

  if (is_constant(seen, source))
    return;
  struct kh_noted *noted = add(notes);
  if (!noted)
    return;
  noted->at = seen->at;
  noted->len = seen->len;
  noted->depth = seen->depth;
  noted->is_seen = true;
  noted->value = json_of_shown(notes, source, seen->value, &is_hidden);
  noted->is_hidden = is_hidden;
}

/* ---- what was not looked at ---- */

static void note_unseen(void *self, const struct kh_use *use)
{
  struct kh_notes *notes = self;
  unsigned depth = 0;

  for (size_t i = 0; i < notes->count; i++) {
    const struct kh_noted *part = &notes->at[i];
    bool covers = part->at <= use->at && part->at + part->len >= use->at + use->len;

    if (covers && part->len == use->len)
      return;
    if (covers && part->depth + 1 > depth)
      depth = part->depth + 1;
  }
  struct kh_noted *noted = add(notes);
  if (!noted)
    return;
  noted->at = use->at;
  noted->len = use->len;
  noted->depth = depth;
  noted->value = json_null();
}

/* As it is read: an operator begins where its first operand does, and stands above it. */
static int compare(const void *one, const void *other)
{
  const struct kh_noted *a = one;
  const struct kh_noted *b = other;

  if (a->at != b->at)
    return a->at < b->at ? -1 : 1;
  return a->depth == b->depth ? 0 : a->depth < b->depth ? -1 : 1;
}

json_t *kh_notes_take(struct kh_notes *notes, const struct kh_condition *condition)
{
  json_t *array = json_array();

  kh_condition_uses(condition, &(struct kh_uses){notes, note_unseen});
  if (notes->count > 0)
    qsort(notes->at, notes->count, sizeof *notes->at, compare);
  for (size_t i = 0; i < notes->count; i++) {
    const struct kh_noted *noted = &notes->at[i];
    struct kh_str source = with_parentheses(notes, source_of(notes, noted->at, noted->len));
    json_t *part = json_object();

    json_object_set_new(part, "expression", json_of_text(source));
    json_object_set_new(part, "at", json_integer((json_int_t)noted->at));
    json_object_set_new(part, "depth", json_integer(noted->depth));
    json_object_set_new(part, "seen", json_boolean(noted->is_seen));
    json_object_set_new(part, "hidden", json_boolean(noted->is_hidden));
    json_object_set(part, "value", noted->value);
    json_array_append_new(array, part);
  }
  if (notes->err) {
    json_decref(array);
    array = NULL;
  }
  release(notes);
  return array;
}
