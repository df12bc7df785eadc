#include "base/base.h"

#include "base/clock.h"
#include "base/url.h"
#include "base/utf8.h"
#include "language/condition/resolve.h"
#include "language/names/shown.h"
#include "language/template/parts.h"

enum { FIRST_BYTES = 1024, ARENA_BYTES = 128 * 1024 * 1024, VALUE_BYTES = 4 * KH_TEMPLATE_VALUE_CHARACTERS };

#define ELLIPSIS KH_STR("…")

static void truncate_to(struct kh_buf *text, size_t max)
{
  if (kh_utf8_count(kh_buf_view(text)) <= max)
    return;
  text->len = kh_utf8_bytes(kh_buf_view(text), max - 1);
  (void)kh_buf_add(text, ELLIPSIS);
}

static void take_part(struct kh_buf *text, size_t from, size_t count)
{
  const struct kh_str all = kh_buf_view(text);
  const size_t begin = kh_utf8_bytes(all, from);
  const struct kh_str rest = kh_str(all.at + begin, all.len - begin);

  text->len = kh_utf8_bytes(rest, count);
  memmove(text->at, rest.at, text->len);
}

static void add_text(const struct kh_name_info *name, struct kh_str text,
                     const struct kh_template_format *format, struct kh_buf *out)
{
  struct kh_buf shown;

  kh_buf_init(&shown, text.len);
  (void)kh_shown_add(name, text, &shown);
  format->line(kh_buf_view(&shown), KH_TEMPLATE_VALUE_CHARACTERS, out);
  if (shown.err == KH_ERR_NO_MEMORY)
    out->err = KH_ERR_NO_MEMORY;
  kh_buf_release(&shown);
}

static void add_list(const struct kh_value *list, const struct kh_template_format *format, struct kh_buf *out)
{
  for (size_t i = 0; i < list->list.count && out->len <= VALUE_BYTES; i++) {
    size_t before = out->len;

    if (before > 0)
      (void)kh_buf_add(out, KH_STR(", "));
    size_t begin = out->len;
    format->line(list->list.items[i], KH_TEMPLATE_VALUE_CHARACTERS, out);
    if (out->len == begin)
      out->len = before;
  }
  truncate_to(out, KH_TEMPLATE_VALUE_CHARACTERS);
}

static void add_time(struct kh_str text, struct kh_buf *out)
{
  int64_t at_us = 0;
  char written[KH_TIME_TEXT_BYTES] = "";

  if (!kh_time_parse(text, &at_us))
    return;
  kh_time_format(at_us, written);
  (void)kh_buf_printf(out, "%.10s %.5s UTC", written, written + 11);
}

static void add_value(const struct kh_part *part, const struct kh_value *value,
                      const struct kh_template_format *format, struct kh_buf *out)
{
  const enum kh_filter_type filter = part->filters ? part->filters->type : KH_FILTER_DEFAULT;

  if (filter == KH_FILTER_DURATION && value->kind == KH_KIND_NUMBER)
    kh_buf_add_duration(out, value->number);
  else if (filter == KH_FILTER_TIME && value->kind == KH_KIND_STRING)
    add_time(value->text, out);
  else if (filter == KH_FILTER_DURATION || filter == KH_FILTER_TIME)
    return;
  else if (value->kind == KH_KIND_STRING)
    add_text(part->name, value->text, format, out);
  else if (value->kind == KH_KIND_LIST)
    add_list(value, format, out);
  else if (value->kind == KH_KIND_NUMBER)
    (void)kh_buf_printf(out, "%" PRId64, value->number);
  else if (value->kind == KH_KIND_BOOLEAN)
    (void)kh_buf_add(out, value->truth ? KH_STR("true") : KH_STR("false"));
}

static void apply(const struct kh_filter *filter, struct kh_buf *text)
{
  if (filter->type == KH_FILTER_DEFAULT && text->len == 0)
    (void)kh_buf_add(text, filter->text);
  else if (filter->type == KH_FILTER_TRUNCATE)
    truncate_to(text, filter->characters);
  else if (filter->type == KH_FILTER_PART)
    take_part(text, filter->from, filter->characters);
}

static enum kh_template_sort sort_of(const struct kh_part *part)
{
  switch (part->name ? part->name->name : KH_NAME__COUNT) {
  case KH_NAME_BUILD_URL:
  case KH_NAME_JOB_URL:
  case KH_NAME_PULL_REQUEST_URL:
    return KH_SORT_PAGE;
  case KH_NAME_PIPELINE_NAME:
  case KH_NAME_JOB_NAME:
  case KH_NAME_STEP_LABEL:
    return KH_SORT_TITLE;
  default:
    return KH_SORT_TEXT;
  }
}

/* Appends to KEY what a table is asked for. An address is a key, and nothing else. */
static enum kh_err write_key(const struct kh_part *part, const struct kh_value *value,
                             const struct kh_template_format *format, struct kh_buf *key)
{
  if (value->kind == KH_KIND_STRING && kh_name_is_address(part->name))
    return kh_buf_add(key, value->text);
  if (value->kind == KH_KIND_STRING)
    (void)kh_shown_add(part->name, value->text, key);
  else
    add_value(part, value, format, key);
  return kh_buf_ok(key);
}

/* False when there is nothing for VALUE. */
static bool look_up(const struct kh_part *part, const struct kh_value *value,
                    const struct kh_template_format *format, struct kh_buf *out)
{
  const struct kh_filter *filter = part->filters;
  struct kh_str found = KH_NO_STR;
  struct kh_buf key;

  kh_buf_init(&key, KH_TEMPLATE_KEY_BYTES);
  enum kh_err err = write_key(part, value, format, &key);
  if (!err)
    found = filter->find(filter->table, kh_buf_view(&key));
  else if (err == KH_ERR_NO_MEMORY)
    out->err = err;
  kh_buf_release(&key);
  (void)kh_buf_add(out, found);
  return found.len > 0;
}

static const struct kh_filter *urlencode_of(const struct kh_part *part)
{
  const struct kh_filter *filter = part->filters;

  while (filter && filter->type != KH_FILTER_URLENCODE)
    filter = filter->next;
  return filter;
}

enum kh_err kh_template_value(const struct kh_part *part, const struct kh_names *names,
                              const struct kh_template_format *format, bool in_url, struct kh_buf *out,
                              enum kh_template_sort *sort)
{
  char storage[FIRST_BYTES];
  struct kh_arena arena;
  struct kh_buf text;

  *sort = in_url ? KH_SORT_TEXT : sort_of(part);
  kh_buf_init(&text, KH_TEMPLATE_PIECE_BYTES / 3);
  kh_arena_init(&arena, ARENA_BYTES, storage, sizeof storage);
  if (part->name) {
    struct kh_value value;

    kh_resolve(names, part->name, &arena, &value);
    /* What is too large for the arena is null: it must not cost the delivery. */
    if (!part->filters || part->filters->type != KH_FILTER_TABLE)
      add_value(part, &value, format, &text);
    else if (look_up(part, &value, format, &text) && !in_url)
      *sort = KH_SORT_OWN;
  } else {
    (void)kh_buf_add(&text, part->text);
  }
  for (const struct kh_filter *filter = part->filters; filter; filter = filter->next)
    apply(filter, &text);
  if (urlencode_of(part))
    kh_buf_add_encoded(out, kh_buf_view(&text), "");
  else if (in_url)
    kh_url_add(out, kh_buf_view(&text));
  else
    (void)kh_buf_add(out, kh_buf_view(&text));
  enum kh_err err = arena.err == KH_ERR_NO_MEMORY ? arena.err : kh_buf_ok(&text);
  kh_buf_release(&text);
  kh_arena_release(&arena);
  return err ? err : kh_buf_ok(out);
}
