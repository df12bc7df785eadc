/*
 * nearest.h - a word among others, and the one that was probably meant.
 */
#ifndef KH_NEAREST_H
#define KH_NEAREST_H

#include "base/base.h"

/* The place of WORD in KNOWN, NULL-terminated; that of its NULL when it is not there. */
size_t kh_word_place(struct kh_str word, const char *const *known);
/*
 * How many letters must be added, removed, changed or swapped with their neighbour to make A of B; the case
 * of ASCII letters does not count, and neither does `-` or a blank for `_`. SIZE_MAX when either is longer
 * than 64 bytes.
 */
size_t kh_word_distance(struct kh_str a, struct kh_str b);
/* Is DISTANCE near for a word as long as KNOWN: at most a quarter of its letters, rounded up? */
bool kh_word_is_near(size_t distance, struct kh_str known);
/* The nearest of KNOWN, NULL-terminated; NULL when none is near. */
const char *kh_word_nearest(struct kh_str word, const char *const *known);

#endif
