/*
 * slack.h - what must hold of every notification, whatever was in the payload.
 *
 * Written from Slack's documentation, without our own text functions: JSON by jansson, characters by iconv.
 */
#ifndef KH_TEST_SLACK_H
#define KH_TEST_SLACK_H

#include "notify/notifier.h"

/* Ends the test, with WHY, when BODY breaks a rule for Slack's incoming webhooks. */
void kh_check_slack(const char *why, struct kh_str body);
/* The same for a body of the log notifier. */
void kh_check_log(const char *why, struct kh_str body);

/*
 * Renders EVENT into BODY, which the caller releases. Ends the test when that fails, when the check for NOTIFIER
 * objects, or when the result holds "planted", as every secret of the tests' payloads does.
 */
void kh_test_render(const char *why, const struct kh_notifier *notifier, const struct kh_event *event,
                    struct kh_buf *body);
/* The same with every notifier; only the checks count. */
void kh_test_render_all(const char *why, const struct kh_event *event);

#endif
