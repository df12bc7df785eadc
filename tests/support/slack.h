/*
 * slack.h - what must hold of every message for Slack, whatever was in the payload. Written from Slack's
 * documentation.
 */
#ifndef KH_TEST_SLACK_H
#define KH_TEST_SLACK_H

#include "base/base.h"

/* Ends the test, with WHY, when BODY breaks a rule for Slack's incoming webhooks. */
void kh_check_slack(const char *why, struct kh_str body);

#endif
