/*
 * dry_run.h - the event of a webhook that nobody proved, for commands that only look at it.
 */
#ifndef KH_DRY_RUN_H
#define KH_DRY_RUN_H

#include "webhook_file.h"

struct kh_dry_run {
  struct kh_webhook_file webhook;
  struct kh_secret_list key;
  struct kh_verified verified;
  struct kh_json doc;
  struct kh_event event; /* views into the rest */
  size_t steps_left;     /* of regular expressions, as the worker has them for one webhook */
};

/*
 * FILE is as webhook_file.h has it. Complains and returns false when no event can be had of it. Call release
 * either way.
 */
bool kh_dry_run_read(const struct kh_command *self, struct kh_dry_run *run, const char *file);
/* The same of a body of our own. */
bool kh_dry_run_of_body(const struct kh_command *self, struct kh_dry_run *run, struct kh_str body);
void kh_dry_run_release(struct kh_dry_run *run);

#endif
