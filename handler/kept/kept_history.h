/*
 * kept_history.h - `history` of a kept webhook: what came before it, as it was known when it came.
 *
 * The members of docs/memory.md's names, without those that are null; "state", and "run" and "ended" as
 * [count, first, since_us]. Nobody but kept/ includes this.
 */
#ifndef KH_KEPT_HISTORY_H
#define KH_KEPT_HISTORY_H

#include "base/arena.h"
#include "memory/history/history.h"

/*
 * Appends the object. True for the names of jobs that were altered, by masked.h, or left out where the whole
 * would be longer than MAX_BYTES.
 */
struct kh_kept_altered {
  bool failed_jobs, soft_failed_jobs, mended_jobs;
};
void kh_kept_history_write(const struct kh_history *history, size_t max_bytes, struct kh_buf *out,
                           struct kh_kept_altered *altered);

/* What is damaged counts as not known. Texts are VALUE's document's or ARENA's. */
void kh_kept_history_read(struct kh_json_value value, struct kh_arena *arena, struct kh_history *history);

#endif
