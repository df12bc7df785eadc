/*
 * value.h - what an expression can be: its kind before it runs, its value afterwards.
 *
 * Values are small and passed by pointer or copied; texts and lists are borrowed, from the webhook, the
 * condition or the arena of the evaluation. A string whose `at` is NULL does not exist: that is the kind
 * null.
 */
#ifndef KH_VALUE_H
#define KH_VALUE_H

#include "base/buf.h"

struct kh_regex;

enum kh_kind {
  KH_KIND_NULL,
  KH_KIND_BOOLEAN,
  KH_KIND_NUMBER,
  KH_KIND_STRING,
  KH_KIND_LIST, /* of strings; an item whose `at` is NULL is null */
  KH_KIND_REGEX
};

struct kh_value {
  enum kh_kind kind;
  union {
    bool truth;
    int64_t number;
    struct kh_str text;
    struct {
      const struct kh_str *items;
      size_t count;
    } list;
    const struct kh_regex *regex;
  };
};

static inline struct kh_value kh_value_null(void)
{
  return (struct kh_value){.kind = KH_KIND_NULL};
}

static inline struct kh_value kh_value_truth(bool truth)
{
  return (struct kh_value){.kind = KH_KIND_BOOLEAN, .truth = truth};
}

static inline struct kh_value kh_value_number(int64_t number)
{
  return (struct kh_value){.kind = KH_KIND_NUMBER, .number = number};
}

/* Null for the absent string. */
static inline struct kh_value kh_value_text(struct kh_str text)
{
  return text.at ? (struct kh_value){.kind = KH_KIND_STRING, .text = text} : kh_value_null();
}

static inline struct kh_value kh_value_list(const struct kh_str *items, size_t count)
{
  return (struct kh_value){.kind = KH_KIND_LIST, .list = {items, count}};
}

/* Everything but true is false here: null and false are the only others that can stand where it matters. */
static inline bool kh_value_is_true(const struct kh_value *value)
{
  return value->kind == KH_KIND_BOOLEAN && value->truth;
}

/* "boolean", "string list", … */
const char *kh_kind_name(enum kh_kind kind);
/* Nothing left when white space (Unicode's, as Go's strings.TrimSpace has it) is taken off both ends? */
bool kh_text_is_blank(struct kh_str text);
struct kh_str kh_text_trim(struct kh_str text);

#endif
