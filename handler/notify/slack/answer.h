/*
 * answer.h - what Slack says of a message, by a closed list of its words.
 *
 * Sources: docs.slack.dev, "Sending messages using incoming webhooks" and the errors of chat.postMessage;
 * what public clients of Slack know beyond that.
 */
#ifndef KH_SLACK_ANSWER_H
#define KH_SLACK_ANSWER_H

#include "rules/notifier.h"

/*
 * The judge of the slack notifier. Only the text `ok`, or the API's `{"ok":true`, is a delivery: what a proxy
 * on the way says with a 200 is none. A word of the list counts whatever the status: some that only another
 * configuration can mend come as 400, and what an API refuses comes as 200.
 */
void kh_slack_judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict);

/* "C024BE91L 1503435956.000247" of what chat.postMessage answers: its channel and its id there. */
bool kh_slack_take_told(struct kh_str body, char text[KH_TOLD_BYTES]);

#endif
