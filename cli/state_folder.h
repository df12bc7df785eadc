/*
 * state_folder.h - the state folder that a command of a person's works on, beside whatever worker is there.
 *
 * Nothing is made and no lock is taken. Only the folder's owner gets in: what another user makes there, root
 * included, would lock its owner out.
 */
#ifndef KH_STATE_FOLDER_H
#define KH_STATE_FOLDER_H

#include "cli.h"
#include "output.h"

struct kh_state_folder {
  const struct kh_command *self;
  struct kh_setup *setup;         /* owned */
  const struct kh_config *config; /* as far as a receiver reads it: a broken rule keeps nobody from looking */
  int64_t now_us;                 /* one time for all that is told */
  bool exists;                    /* false: nothing was ever kept */
};

/* KH_EXIT_OK, or what to exit with, after a complaint. Call close either way. */
int kh_state_folder_open(struct kh_state_folder *folder, const struct kh_command *self,
                         const char *config_path);
/* The same with the configuration read to DEPTH. */
int kh_state_folder_open_at(struct kh_state_folder *folder, const struct kh_command *self,
                            const char *config_path, enum kh_config_depth depth);
void kh_state_folder_close(struct kh_state_folder *folder);

/*
 * Wakes the worker, or starts one by CONFIG, as a receiver would. The token for the answer; says on standard
 * error if no worker can be had.
 */
const char *kh_state_folder_wake(const struct kh_command *self, const struct kh_config *config);

/*
 * Tells how many were DONE ("dropped"), and complains of each name in MISSING, an array that it takes over;
 * WHAT is what they should have been. With WAKE the worker is woken or started first, as a receiver would, if
 * there is anything to do. KH_EXIT_OK, or KH_EXIT_NO when one is missing.
 */
int kh_state_folder_tell(const struct kh_state_folder *folder, const char *done, int64_t total,
                         const char *what, json_t *missing, bool wake, bool as_json);

#endif
