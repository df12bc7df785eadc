/*
 * said.h - what people see of a message for Slack.
 */
#ifndef KH_SLACK_SAID_H
#define KH_SLACK_SAID_H

#include "base/buf.h"

#include <jansson.h>

/* `say` of the slack notifier. A link has its URL behind it, since plain text hides none. */
enum kh_err kh_slack_say(const json_t *body, struct kh_buf *text);

#endif
