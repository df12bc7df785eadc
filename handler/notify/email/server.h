/*
 * server.h - `services: {email: …}`: by which server a mail goes, and what its answers mean.
 */
#ifndef KH_EMAIL_SERVER_H
#define KH_EMAIL_SERVER_H

#include "rules/notifier.h"

extern const struct kh_account kh_email_account;

/* `configure` of the notifier. */
enum kh_err kh_email_configure(struct kh_config *config, const json_t *given, struct kh_rule *rule,
                               struct kh_diags *diags);
/*
 * Server, sender, login and RECIPIENT of an attempt by RULE. KH_ERR_RENDER, KH_ERR_LIMIT, KH_ERR_NO_MEMORY.
 */
enum kh_err kh_email_address(const struct kh_rule *rule, const char *recipient,
                             struct kh_outgoing *outgoing) KH_MUST_USE;
/* `judge` of the notifier. */
void kh_email_judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict);

#endif
