/*
 * aws_credentials.h - who asks AWS, and where: from environment variables, as Lambda sets them.
 *
 * AWS_REGION or AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. Empty counts
 * as unset. No file and no metadata service is asked.
 */
#ifndef KH_AWS_CREDENTIALS_H
#define KH_AWS_CREDENTIALS_H

#include "base/secret.h"

enum { KH_AWS_REGION_BYTES = 64 };

struct kh_aws_credentials {
  char region[KH_AWS_REGION_BYTES];
  struct kh_secret access_key_id;
  struct kh_secret secret_access_key;
  struct kh_secret session_token; /* empty for long-lived keys */
};

/*
 * KH_ERR_CONFIG, KH_ERR_LIMIT, KH_ERR_NO_MEMORY; WHY names the variable, never its value. The caller
 * releases, after an error too.
 */
enum kh_err kh_aws_credentials_read(struct kh_aws_credentials *credentials, const char *const *environment,
                                    struct kh_diag *why) KH_MUST_USE;
void kh_aws_credentials_release(struct kh_aws_credentials *credentials);

/*
 * The URL of SERVICE ("ssm") in REGION: the variable VARIABLE ("AWS_ENDPOINT_URL_SSM") or AWS_ENDPOINT_URL,
 * unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is "true"; else the one of AWS. Always with the path /.
 * KH_ERR_CONFIG when a variable holds more than scheme, host and port; KH_ERR_NO_MEMORY.
 */
enum kh_err kh_aws_endpoint(const char *const *environment, const char *service, const char *variable,
                            const char *region, struct kh_secret *url, struct kh_diag *why) KH_MUST_USE;

#endif
