/*
 * aws_secrets.h - the secrets that SSM's parameter store and Secrets Manager keep.
 *
 * GetParameter with decryption, and GetSecretValue: its SecretString, whole or one member of it, as the
 * console makes them of key and value. A SecretBinary is refused, and so is a whole secret that is such an
 * object: neither can be what was meant.
 */
#ifndef KH_AWS_SECRETS_H
#define KH_AWS_SECRETS_H

#include "config/config.h"
#include "net/aws_call.h"

/*
 * For kh_config_read_remote. AWS must outlive it. What was answered is kept, so that ten rules with one URL
 * cost one call: kh_aws_forget is for when the config has been read.
 */
struct kh_remote_secrets kh_aws_secrets(struct kh_aws *aws);
/* Wipes and releases all answers. */
void kh_aws_forget(struct kh_aws *aws);

/*
 * False within a minute after FETCHED_US, when secrets were last asked for, with or without success: whoever
 * sends webhooks with a wrong signature must not make us call AWS for each. Both by the wall clock, for the
 * other may stand still while Lambda freezes a function; a clock that was set back counts as due.
 */
bool kh_aws_refresh_is_due(int64_t fetched_us, int64_t now_us);

#endif
