/*
 * aws_call.h - one call of an AWS service that speaks JSON: signed, sent, its answer or its error.
 *
 * Nothing is kept between two calls but the transport's connection, and nothing happens before the first: no
 * variable is read, no TLS is set up. Every answer that is refused is wiped.
 */
#ifndef KH_AWS_CALL_H
#define KH_AWS_CALL_H

#include "base/clock.h"
#include "net/transport.h"

enum { KH_AWS_ANSWER_MAX_BYTES = 192 * 1024 }; /* a secret of 64 KiB, with every quote escaped */

struct kh_aws {
  struct kh_transport transport;  /* the caller's */
  const char *const *environment; /* the process's, "NAME=value", ends with NULL; read at each call */
  int64_t timeout_ms;             /* for one exchange; a second one is made when AWS itself has trouble */
  const struct kh_clock *clock;   /* for until_us; may be NULL without it */
  int64_t until_us;               /* in the clock's ticks: nothing lasts longer; 0 for no end */
  struct kh_aws_kept *kept;       /* aws_secrets.h */
};

struct kh_aws_operation {
  const char *service;           /* in the host, the signature and the permission: "ssm" */
  const char *name;              /* in messages and the permission: "GetParameter" */
  const char *target;            /* "AmazonSSM.GetParameter" */
  const char *endpoint_variable; /* "AWS_ENDPOINT_URL_SSM" */
};

/*
 * Sends BODY. At KH_OK ANSWER has the answer's body, in bytes that were never moved, and the caller wipes and
 * releases it; else it is empty. KH_ERR_CONFIG for what the environment lacks, KH_ERR_DELIVERY_FAILED where
 * trying again may help, KH_ERR_DELIVERY_REFUSED, KH_ERR_LIMIT, KH_ERR_NO_MEMORY. WHY says what is wrong and
 * what to do, with permission, region and AWS's code; never a key, a token or another byte of the answer.
 */
enum kh_err kh_aws_call(const struct kh_aws *aws, const struct kh_aws_operation *operation,
                        struct kh_str body, struct kh_buf *answer, struct kh_diag *why) KH_MUST_USE;

#endif
