/*
 * check_place.h - the place of a mistake as it stands in the file, with carets below.
 *
 * A line may hold a secret that somebody wrote into it. So nothing is shown but the words of `if`,
 * `branches`, `pipelines`, `events` and `message` of a rule, without what stands around them; and a key
 * alone, if it looks like one. Words are not shown either when a text under another key stands in them, by an
 * alias or written twice.
 */
#ifndef KH_CHECK_PLACE_H
#define KH_CHECK_PLACE_H

#include "kitehook.h"

struct kh_place_of;

/* What of CONFIG, which was read at KH_CONFIG_CHECK, can be shown. Borrows from it. */
struct kh_places {
  const struct kh_config *config;
  struct kh_place_of *at; /* owned */
  size_t count, room;
};

void kh_places_init(struct kh_places *places, const struct kh_config *config);
void kh_places_release(struct kh_places *places);
/* Prints two lines, or nothing. */
void kh_places_print(const struct kh_places *places, const struct kh_diag *diag);

#endif
