/*
 * parts.h - what the files of the template hand to each other. Nothing of it is for others;
 * template.h is.
 */
#ifndef KH_TEMPLATE_PARTS_H
#define KH_TEMPLATE_PARTS_H

#include "language/template/template.h"

enum kh_filter_type {
  KH_FILTER_DEFAULT,
  KH_FILTER_TRUNCATE,
  KH_FILTER_DURATION,
  KH_FILTER_TIME,
  KH_FILTER_TABLE,
  KH_FILTER_URLENCODE,
  KH_FILTER_PART /* of the text as it is, without "…": only upload.h has it */
};

struct kh_filter {
  enum kh_filter_type type;
  struct kh_str text; /* of default */
  size_t characters;  /* of truncate and part */
  size_t from;        /* of part */
  const json_t *table;
  struct kh_str (*find)(const json_t *table, struct kh_str key); /* in it */
  struct kh_filter *next;
};

enum kh_part_type { KH_PART_LITERAL, KH_PART_VALUE, KH_PART_IF, KH_PART_ELSE, KH_PART_END };

struct kh_part {
  enum kh_part_type type;
  size_t at;                       /* of its {{ in the source */
  struct kh_str text;              /* of a literal; of a value without a name */
  const struct kh_name_info *name; /* of a value, or NULL */
  struct kh_filter *filters;
  struct kh_condition *condition; /* of an if */
  struct kh_part *other;          /* of an if: its else or end; of an else: its end */
  struct kh_part *next;
};

struct kh_template {
  struct kh_arena arena;
  struct kh_str source; /* a copy, in the arena */
  struct kh_part *first;
};

/* template_parse.c: sets `first`. False when there was a mistake; whoever calls looks at the arena too. */
bool kh_template_parse(struct kh_template *template, const struct kh_template_reader *reader);

/*
 * template_scan.c: where in SOURCE the tag whose inside begins at AT has its }}; SIZE_MAX when it has none.
 */
size_t kh_template_tag_end(struct kh_str source, size_t at);

enum {
  /* A value, or its default, in the source's own text; urlencode makes three bytes of one. */
  KH_TEMPLATE_PIECE_BYTES = 3 * (3 * 4 * KH_TEMPLATE_VALUE_CHARACTERS + KH_TEMPLATE_MAX_BYTES)
};

/*
 * template_value.c: appends what PART, a value, comes to, before escaping; IN_URL says that it continues one.
 * SORT is what it may be shown as. KH_ERR_NO_MEMORY.
 */
enum kh_err kh_template_value(const struct kh_part *part, const struct kh_names *names,
                              const struct kh_template_format *format, bool in_url, struct kh_buf *out,
                              enum kh_template_sort *sort) KH_MUST_USE;

#endif
