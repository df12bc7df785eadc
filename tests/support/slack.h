/*
 * slack.h - what must hold of every body that is sent to a Slack incoming webhook, whatever was in the payload.
 *
 * Written from Slack's documentation, without our own text functions: JSON by jansson, characters by iconv.
 */
#ifndef KH_TEST_SLACK_H
#define KH_TEST_SLACK_H

#include "base/base.h"

/* Ends the test, with WHY, when BODY breaks a rule. */
void kh_check_slack(const char *why, struct kh_str body);
/* The same for a body of the log notifier. */
void kh_check_log(const char *why, struct kh_str body);

#endif
