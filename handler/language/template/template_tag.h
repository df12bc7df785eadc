/*
 * template_tag.h - what stands between {{ and }}. Only template_*.c include it.
 */
#ifndef KH_TEMPLATE_TAG_H
#define KH_TEMPLATE_TAG_H

#include "language/template/parts.h"

enum kh_tag_type { KH_TAG_VALUE, KH_TAG_IF, KH_TAG_ELSE, KH_TAG_END };

struct kh_tag {
  enum kh_tag_type type;
  size_t at; /* the {{ in the source */
  size_t len;
  size_t inside; /* of a value its first byte, of an if its condition's */
  size_t end;    /* the }} */
  bool bad;      /* told already */
};

struct kh_tag_reader {
  struct kh_str source;
  struct kh_arena *arena;
  const struct kh_template_reader *reader;
  size_t mistakes;
};

/* Tells the reader, unless it has heard enough. Always false. */
bool kh_tag_mistake(struct kh_tag_reader *tags, size_t at, size_t len, const char *format, ...)
    KH_PRINTF(4, 5);
void kh_tag_tell(struct kh_tag_reader *tags, const struct kh_mistake *mistake);

/* Where the blanks and line breaks from AT on end. */
size_t kh_tag_skip(const struct kh_tag_reader *tags, size_t at, size_t end);
/* The word at AT: letters, digits, '_', and '.' with DOTS. */
struct kh_str kh_tag_word(const struct kh_tag_reader *tags, size_t at, size_t end, bool dots);
/* A word for "%.*s" in a message, not too long. */
#define KH_TAG_SHOWN(word) (int)((word).len < 60 ? (word).len : 60), (word).at

/* The tag from AT up to NEXT, braces included. */
struct kh_tag kh_tag_read(struct kh_tag_reader *tags, size_t at, size_t next);
/* The condition of an if; NULL after a mistake, or without memory. */
struct kh_condition *kh_tag_condition(struct kh_tag_reader *tags, const struct kh_tag *tag);
/* template_read.c: reads name and filters into PART. */
void kh_tag_value(struct kh_tag_reader *tags, const struct kh_tag *tag, struct kh_part *part);

#endif
