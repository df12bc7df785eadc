/*
 * channel.h - where in a workspace a message goes: what Buildkite's `slack` takes, and what chat.postMessage
 * does.
 *
 *   #name, @user, C… (channel), D… (direct), G… (group), U… (user); before # and @ a workspace may be named,
 *   as "acme#builds": the name of a service. Behind it an id has a mark, too: "acme#C024BE91L".
 *
 * Sources: buildkite.com/docs/pipelines/configure/notify, "Slack"; docs.slack.dev, chat.postMessage.
 */
#ifndef KH_SLACK_CHANNEL_H
#define KH_SLACK_CHANNEL_H

#include "rules/notifier.h"

#define KH_SLACK_CHANNEL_FORM                                                                          \
  "a channel or user: \"#name\", \"@user\" or \"team#name\", in quotes, or an id that begins with C, " \
  "D, G or U; a webhook's URL is told by `url: {env: SLACK_WEBHOOK_URL}`"

/* As it stands in the file. */
bool kh_slack_is_channel(struct kh_str text);
/* `account_of` of the form: the workspace, unless CHANNEL begins with the channel itself. */
struct kh_str kh_slack_workspace(struct kh_str *channel);
/* `place` of the form: what is no channel, such as a branch with a blank, is no place. */
enum kh_err kh_slack_place(const struct kh_rule *rule, const struct kh_rendering *rendering,
                           struct kh_str written, struct kh_buf *place);

#endif
