/*
 * history_rows.h - what `kitehook history` has read of memory, as docs/memory.md describes its JSON.
 */
#ifndef KH_HISTORY_ROWS_H
#define KH_HISTORY_ROWS_H

#include "memory/sqlite/look.h"

#include <jansson.h>

/*
 * The branches AT, the last seen first, in *BRANCHES, which the caller releases either way; at most MOST of
 * them, or with is_of_builds of the builds of each. 0: all.
 */
struct kh_history_most {
  int64_t most;
  bool is_of_builds;
};
enum kh_err kh_history_rows(struct kh_look *look, const struct kh_look_at *at,
                            const struct kh_history_most *most, int64_t now_us, json_t **branches,
                            struct kh_diag *diag) KH_MUST_USE;

#endif
