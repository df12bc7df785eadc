/*
 * possible.h - what a condition can be, before any webhook is there: for `kitehook check`.
 *
 * The condition is evaluated for all values that matter of each name: the texts and numbers that it is
 * compared with, any other, and null; both truths. What is not known makes a result that may be all it can
 * be, so that what is said here to be impossible is. The other way round nothing is promised: names that are
 * too many to try are taken for unknown, and a regular expression is searched only in texts that are known.
 */
#ifndef KH_POSSIBLE_H
#define KH_POSSIBLE_H

#include "language/condition/condition.h"

enum { KH_POSSIBLE_NODES_MAX = 1000 }; /* of larger conditions nothing is said */

/* What a part can turn out to be: of texts, numbers, lists and regular expressions only that there is one. */
enum {
  KH_MAY_BE_TRUE = 1,
  KH_MAY_BE_FALSE = 2,
  KH_MAY_BE_NULL = 4,
  KH_MAY_BE_VALUE = 8,
  KH_MAY_FAIL = 16,
};

/* What is known before. */
struct kh_supposed {
  struct kh_str event; /* its name; absent: any */
  void *self;
  bool (*offers)(void *self, enum kh_root root); /* has the webhook it? NULL: yes */
  bool (*may_be)(void *self, const struct kh_name_info *name, struct kh_str text); /* NULL: all may */
};

unsigned kh_condition_possible(const struct kh_condition *condition, const struct kh_supposed *supposed);

/* The same of one part of a condition. */
struct kh_node;
unsigned kh_node_possible(const struct kh_node *node, const struct kh_supposed *supposed);

/*
 * Tells of each part that is always true, or never, and says how to write what was probably meant. Of parts
 * in each other it tells of the innermost; a plain `true` or `false` is meant so.
 */
void kh_condition_constants(const struct kh_condition *condition, const struct kh_supposed *supposed,
                            const struct kh_advice *advice);

#endif
