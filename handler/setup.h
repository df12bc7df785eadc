/*
 * setup.h - a configuration and the rules compiled from it, opened and closed in one place.
 */
#ifndef KH_SETUP_H
#define KH_SETUP_H

#include "rules/notifier.h"

struct kh_setup {
  struct kh_config config;
  struct kh_rules rules; /* borrow from config; none at KH_CONFIG_RECEIVER */
};

/*
 * The parameters are those of kh_config_read_remote (config/config.h), and so are the errors, with those of
 * kh_rules_compile. At KH_CONFIG_CHECK mistakes of the rules are found beside those above them. *SETUP is to
 * be closed either way: after an error it is only good for kh_config_is_outdated, and NULL when there was no
 * memory for it.
 */
enum kh_err kh_setup_open(struct kh_setup **setup, const char *path, enum kh_config_depth depth,
                          const char *const *environment, const struct kh_remote_secrets *remote,
                          struct kh_diags *diags) KH_MUST_USE;
/* Releases and frees; NULL is fine. */
void kh_setup_close(struct kh_setup *setup);

#endif
