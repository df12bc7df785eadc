/*
 * owner.h - whose a state folder is, by name, and what in it is somebody else's.
 */
#ifndef KH_OWNER_H
#define KH_OWNER_H

#include "base/base.h"

enum { KH_USER_NAME_BYTES = 64 };

/* As sudo and chown take it: a name or, for nobody of the host, "'#1001'" and "1001". */
void kh_user_name(unsigned uid, bool for_sudo, char name[KH_USER_NAME_BYTES]);

struct kh_foreign {
  char path[PATH_MAX]; /* the first that was found */
  unsigned uid;        /* its owner */
  size_t count;
};

/* What below STATE does not belong to this user, folders among it. */
struct kh_foreign kh_foreign_find(const char *state);

#endif
