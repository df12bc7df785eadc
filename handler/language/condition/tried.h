/*
 * tried.h - the values that are tried for the names of a part of a condition. Nothing of it is for others
 * than possible.c.
 */
#ifndef KH_TRIED_H
#define KH_TRIED_H

#include "language/condition/node.h"
#include "language/condition/possible.h"

enum { KH_TRIED_NAMES_MAX = 8, KH_TRIED_VALUES_MAX = 16 };

/* One name: each of VALUES in turn, then one that is none of them (of a text or number), then null. */
struct kh_tried {
  const struct kh_name_info *name;
  const struct kh_value *values[KH_TRIED_VALUES_MAX];
  size_t count;
  size_t pick;
};

struct kh_tries {
  const struct kh_supposed *supposed;
  struct kh_value event;
  struct kh_tried at[KH_TRIED_NAMES_MAX];
  size_t count;
};

/* The first try, which need not be a possible one. Borrows all it is given, and must not move. */
void kh_tries_init(struct kh_tries *tries, const struct kh_supposed *supposed, const struct kh_node *node);
/* False behind the last one. */
bool kh_tries_next(struct kh_tries *tries);
/* Can these values come together? */
bool kh_tries_are_possible(const struct kh_tries *tries);
/* NULL when it is not tried: then it may be all that its kind may be. */
const struct kh_tried *kh_tries_find(const struct kh_tries *tries, enum kh_name name);

/* NULL when it is null, or none of the values. */
static inline const struct kh_value *kh_tried_value(const struct kh_tried *tried)
{
  return tried->pick < tried->count ? tried->values[tried->pick] : NULL;
}
static inline size_t kh_tried_choices(const struct kh_tried *tried)
{
  return tried->count + (tried->name->kind == KH_KIND_BOOLEAN ? 1 : 2);
}
static inline bool kh_tried_is_null(const struct kh_tried *tried)
{
  return tried->pick + 1 == kh_tried_choices(tried);
}

#endif
