/*
 * past.h - the rows of what came before, read from a database. Private to memory/sqlite.
 */
#ifndef KH_SQLITE_PAST_H
#define KH_SQLITE_PAST_H

#include "memory/memory.h"
#include "memory/sqlite/db.h"

/* The rows of SIGHTING that are not past their time at NOW_US, branches after BRANCH_KEEP_US, in PAST. */
enum kh_err kh_db_recall(struct kh_db *db, int64_t branch_keep_us, int64_t now_us,
                         const struct kh_sighting *sighting, struct kh_past *past) KH_MUST_USE;
enum kh_err kh_db_was_told(struct kh_db *db, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                           bool *told, int64_t *value) KH_MUST_USE;
enum kh_err kh_db_tell(struct kh_db *db, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                       int64_t value) KH_MUST_USE;

#endif
