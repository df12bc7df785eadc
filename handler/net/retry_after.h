/*
 * retry_after.h - how long an answer's Retry-After header asks to wait (RFC 9110, section 10.2.3).
 */
#ifndef KH_RETRY_AFTER_H
#define KH_RETRY_AFTER_H

#include "base/str.h"

/*
 * The seconds from NOW_S on that VALUE, without the blanks around it, asks for: 0 for a date that has passed,
 * INT64_MAX for what is longer. -1 unless the whole of it is a number of seconds or an HTTP date in one of
 * its three forms (RFC 9110, section 5.6.7) from the year 1000 on. Whether it has the right day of the week
 * does not matter.
 */
int64_t kh_retry_after_s(struct kh_str value, int64_t now_s);

#endif
