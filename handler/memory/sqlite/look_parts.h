/*
 * look_parts.h - what look.c, look_past.c and look_forget.c share. Private to them.
 */
#ifndef KH_LOOK_PARTS_H
#define KH_LOOK_PARTS_H

#include "memory/sqlite/db.h"
#include "memory/sqlite/look.h"

struct kh_look {
  struct kh_db *db; /* NULL where there is none yet */
  bool has_changed;
};

/* Runs CALL to its end, as long as TELL wants more. */
enum kh_err kh_look_rows(struct kh_look *look, struct kh_call *call,
                         bool (*tell)(const struct kh_call *call, void *self), void *self,
                         struct kh_diag *diag) KH_MUST_USE;
/* Runs CALL; how many rows it changed. */
enum kh_err kh_look_change(struct kh_look *look, struct kh_call *call, int64_t *count,
                           struct kh_diag *diag) KH_MUST_USE;
/* Runs STATEMENT, which takes no values. */
enum kh_err kh_look_run(struct kh_look *look, enum kh_statement statement, struct kh_diag *diag) KH_MUST_USE;
/*
 * Commits what began with KH_SQL_BEGIN, or rolls it back after ERR. The account of what each credential has
 * is made anew, since the worker adds up only what it does itself.
 */
enum kh_err kh_look_end_change(struct kh_look *look, enum kh_err err, struct kh_diag *diag) KH_MUST_USE;

/* ERR, with what the database says of it in DIAG. */
static inline enum kh_err kh_look_problem(const struct kh_look *look, enum kh_err err, struct kh_diag *diag)
{
  return err == KH_ERR_STORE || err == KH_ERR_NO_SPACE ? kh_diag_set(diag, err, "%s", kh_db_problem(look->db))
                                                       : err;
}

#endif
