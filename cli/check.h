/*
 * check.h - what `kitehook check` looks at beside the configuration itself.
 */
#ifndef KH_CHECK_H
#define KH_CHECK_H

#include "kitehook.h"
#include "rules/notifier.h"

/*
 * Warns where this host, for the user who asks, does not fit CONFIG: a log that cannot be written, a state
 * folder that is somebody else's, a worker that cannot be started, a file system without room. They are
 * warnings, since a configuration may be checked on another host than the one it is for. Only at
 * KH_CONFIG_CHECK.
 */
void kh_check_host(const struct kh_config *config, struct kh_diags *diags);

/*
 * Warns of each file that CONFIG was read from, its secrets among them, of the worker's program where
 * receivers start it, and of each folder above them, that somebody but its owner and root can write: by its
 * group, unless that is root's, or as anybody. A sticky folder is fine.
 */
void kh_check_writers(const struct kh_config *config, struct kh_diags *diags);

/*
 * Warns of what CONFIG says that a Lambda function does not have: keys, files that are not packed with it,
 * variables and credentials. KH_ERR_CONFIG for what it cannot send at all.
 */
enum kh_err kh_check_lambda(const struct kh_config *config, struct kh_diags *diags) KH_MUST_USE;
/* What is let in there, and what RULES are not promised, a sentence each: an array that is the caller's. */
json_t *kh_check_lambda_notes(const struct kh_config *config, const struct kh_rules *rules);

#endif
