/*
 * nearest.h - the word that was probably meant.
 */
#ifndef KH_NEAREST_H
#define KH_NEAREST_H

#include "base/base.h"

/*
 * How many letters must be added, removed, changed or swapped with their neighbour to make A of B; the case of ASCII
 * letters does not count. SIZE_MAX when either is longer than 64 bytes.
 */
size_t kh_word_distance(struct kh_str a, struct kh_str b);
/* Is DISTANCE near for a word as long as KNOWN: at most a quarter of its letters, rounded up? */
bool kh_word_is_near(size_t distance, struct kh_str known);
/* The nearest of KNOWN, NULL-terminated; NULL when none is near. */
const char *kh_word_nearest(struct kh_str word, const char *const *known);

#endif
