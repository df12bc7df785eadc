/*
 * spare.h - room that the worker holds for itself, to give it up when the file system is full. Private to
 * memory/.
 *
 * Receivers leave a reserve (inbox/room.h), but others may use the file system as well. The spare is a few
 * files, for inodes may be what is missing, beside the database: enough to open it and to take one webhook,
 * whose file then goes.
 */
#ifndef KH_SPARE_H
#define KH_SPARE_H

#include "base/base.h"

enum { KH_SPARE_FILES = 4, KH_SPARE_FILE_BYTES = 128 * 1024 }; /* an eighth of the file system at most */

/*
 * Fills STATE/spare.1 to .4, unless they are there. False where there is too little room for that at the
 * moment; where it fails otherwise, nothing can be held ready, and it is true.
 */
bool kh_spare_keep(const char *state);
/* Removes them; true when one was there. */
bool kh_spare_give_up(const char *state);

#endif
