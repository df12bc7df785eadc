/*
 * screen.h - text of strangers on a terminal, and how wide it is there.
 */
#ifndef KH_SCREEN_H
#define KH_SCREEN_H

#include "base/base.h"

/*
 * Takes one character off TEXT, which is not empty, and tells how many columns it has; 0 for one that
 * combines.
 */
struct kh_str kh_screen_next(struct kh_str *text, unsigned *columns);
/* How many columns TEXT has. */
unsigned kh_screen_width(struct kh_str text);
/*
 * Prints TEXT, and "..." where it is cut at COLUMNS. What a terminal would obey, or what would change the
 * order of the rest, becomes '?'; white space becomes a blank. Returns the columns taken.
 */
unsigned kh_screen_put(struct kh_str text, unsigned columns);
/* The same to any stream, and never cut. */
void kh_screen_write(FILE *to, struct kh_str text);

#endif
