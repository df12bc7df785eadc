/*
 * account.h - `services:`, what words of Buildkite's need beside their entry: by which account they are sent.
 *
 *   services:
 *     slack: {token: {env: SLACK_TOKEN}}     # one of a kind, or several by name, which has 1 to 32 letters,
 *     email:                                 # digits, _ and -, and is no option of the kind:
 *       ops: {smtp: smtps://mail.example.com, from: ci@example.com, user: ci, password: {env: MAIL_PASSWORD}}
 *       dev: {smtp: smtps://mail.example.dev, from: ci@example.dev}
 *
 * A kind is declared by the file of a notifier; several may share one. Its options are a table like a
 * notifier's (options.h): secrets go to the same places in the rule, behind those of the entry in
 * rule->credential, where a service that has a name stands by that, too ("slack service:acme env:TOKEN").
 *
 * An entry goes by the only service of its kind, by that which `service: NAME` in its mapping names, or by
 * that which its places name, where they can (struct kh_form); a place that names none is then one in each of
 * them.
 */
#ifndef KH_ACCOUNT_H
#define KH_ACCOUNT_H

#include "rules/options.h"

struct kh_account {
  const char *kind;  /* the key below `services:` */
  const char *words; /* for documents: what it is, without a full stop */
  const struct kh_option *options;
  bool optional; /* a word goes without it, too */
};

enum { KH_ACCOUNTS_MAX = 32, KH_ACCOUNT_NAME_BYTES = 33 /* with its NUL */ }; /* of a kind */

/* Of one kind those that there are, by name; one without a name has "". */
struct kh_accounts {
  size_t count;
  struct {
    const char *name; /* borrowed */
    const json_t *options;
  } at[KH_ACCOUNTS_MAX];
};

/* Those of ACCOUNT's kind in CONFIG, but for what has no good name. */
void kh_accounts_of(const struct kh_config *config, const struct kh_account *account,
                    struct kh_accounts *accounts);
/* Mistakes in CONFIG's `services:` that no rule needs to be looked at for: kinds, names and keys. */
enum kh_err kh_accounts_check(struct kh_config *config, const struct kh_notifier *const *notifiers,
                              struct kh_diags *diags) KH_MUST_USE;
/* Reads number I of SERVICES, of SERVICE's kind, into RULE. As kh_options_read. */
enum kh_err kh_account_read(struct kh_config *config, const struct kh_account *account,
                            const struct kh_accounts *accounts, size_t i, struct kh_rule *rule,
                            struct kh_diags *diags) KH_MUST_USE;
/* The text under NAME in the service that RULE goes by, or its default; NULL where there is neither. */
const char *kh_account_text(const struct kh_rule *rule, const char *name);
/*
 * How one with what is required, and with NEEDS (NULL-terminated, or NULL), is written:
 * "services: {slack: {token: {env: SLACK_TOKEN}}}".
 */
void kh_account_usage(const struct kh_account *account, const char *const *needs, struct kh_buf *out);

#endif
