/*
 * log_follow.h - waits for webhooks that get into the journal, until it is interrupted or nobody reads what
 * is told of them.
 */
#ifndef KH_LOG_FOLLOW_H
#define KH_LOG_FOLLOW_H

#include "memory/sqlite/look.h"
#include "state_folder.h"

/*
 * Twice a second TELL tells what LOOK has behind *AFTER_SEQ, which it moves; false, with DIAG, where it could
 * not look. It begins behind AFTER_SEQ, or at the beginning where there is no memory yet, and goes on with
 * another file where one takes the place of the first. Returns what to exit with: KH_EXIT_OK after SIGINT or
 * SIGTERM.
 */
int kh_log_follow(const struct kh_state_folder *folder, int64_t after_seq,
                  bool (*tell)(void *self, struct kh_look *look, int64_t *after_seq, struct kh_diag *diag),
                  void *self);

#endif
