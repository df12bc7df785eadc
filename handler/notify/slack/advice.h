/*
 * advice.h - what the author of a message for Slack probably meant as a mention or a link, and is none.
 */
#ifndef KH_SLACK_ADVICE_H
#define KH_SLACK_ADVICE_H

#include "config/config.h"

/* Warns of each in OPTIONS' member `message`. */
void kh_slack_advise(const struct kh_config *config, const json_t *options, struct kh_diags *diags);

#endif
