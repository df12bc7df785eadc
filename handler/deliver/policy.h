/*
 * policy.h - what an answer means, and when to try again. Pure; docs/delivery.md tells it to people.
 */
#ifndef KH_POLICY_H
#define KH_POLICY_H

enum { KH_ATTEMPTS_MAX = 12, KH_SEND_TIMEOUT_MS = 10000 };
enum { KH_GONE_S = 3600 }; /* how long a rule that is gone is waited for */

/*
 * What STATUS means; 0 is no answer at all. KH_OK: delivered. KH_ERR_DELIVERY_FAILED: trying again may help.
 * KH_ERR_DESTINATION_REFUSED: a redirect, 401, 403, 404, 407, 410: only another configuration is likely to.
 * KH_ERR_DELIVERY_REFUSED: nothing will.
 */
enum kh_err kh_policy_judge(int status);

/*
 * How long to wait after attempt number ATTEMPT (from 1) failed: 10 s, doubled, to 1 h; an hour after a
 * refusal. Times 0.75 to 1.25, by JITTER, the state of the generator, which any number starts. Or what
 * Retry-After asks for, if that is longer: at most 1 h. RETRY_AFTER_S is -1 without one.
 */
int64_t kh_policy_delay_us(enum kh_err failure, unsigned attempt, int64_t retry_after_s, uint64_t *jitter);
/*
 * How long nothing at all goes to a destination when the last FAILURES attempts failed: no time after the
 * first, then 1, 2, 5, 10, 20, 40 s, and at last a minute. Or what Retry-After asks for, be it less or more:
 * at most 1 h. RETRY_AFTER_S is -1 without one; 0 asks for nothing.
 */
int64_t kh_policy_rest_us(unsigned failures, int64_t retry_after_s);

#endif
