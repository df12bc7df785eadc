/*
 * state.h - the state folder: one user's, closed to everybody else.
 */
#ifndef KH_STATE_H
#define KH_STATE_H

#include "base/base.h"

/*
 * Opens the folder STATE and gives its descriptor. A missing one is made (0700) and synced into its parent,
 * which must exist. KH_ERR_STATE_OWNER when it belongs to another user than this process, root included: two
 * users in one folder end in files that one of them cannot open. KH_ERR_STATE_MODE when group or others have
 * any right. DIAG says what to type.
 */
enum kh_err kh_state_open(const char *state, int *fd, struct kh_diag *diag) KH_MUST_USE;

/*
 * The same for a folder that is there: KH_ERR_NOT_FOUND, without DIAG, when it is missing. Nothing is made.
 */
enum kh_err kh_state_find(const char *state, int *fd, struct kh_diag *diag) KH_MUST_USE;

/*
 * Opens the folder NAME below PARENT_FD; a missing one is made (0700) and synced into its parent.
 * KH_ERR_INBOX_IO.
 */
enum kh_err kh_state_folder(int parent_fd, const char *name, int *fd, struct kh_diag *diag) KH_MUST_USE;

/* KH_ERR_NO_SPACE for ENOSPC and EDQUOT, KH_ERR_INBOX_IO for the rest; DIAG names WHAT and the cause. */
enum kh_err kh_state_failure(const char *what, struct kh_diag *diag);

#endif
