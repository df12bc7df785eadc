/*
 * look_parts.h - what look.c and look_past.c share. Private to them.
 */
#ifndef KH_LOOK_PARTS_H
#define KH_LOOK_PARTS_H

#include "memory/sqlite/db.h"
#include "memory/sqlite/look.h"

struct kh_look {
  struct kh_db *db; /* NULL where there is none yet */
  bool has_changed;
};

/* ERR, with what the database says of it in DIAG. */
static inline enum kh_err kh_look_problem(const struct kh_look *look, enum kh_err err, struct kh_diag *diag)
{
  return err == KH_ERR_STORE || err == KH_ERR_NO_SPACE ? kh_diag_set(diag, err, "%s", kh_db_problem(look->db))
                                                       : err;
}

#endif
