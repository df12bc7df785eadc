/*
 * pull_request.h - a build's pull request, and its page at GitHub, GitLab or Bitbucket, which no webhook has.
 */
#ifndef KH_PULL_REQUEST_H
#define KH_PULL_REQUEST_H

#include "receive/event.h"

/* Its digits; empty for a build of none. */
struct kh_str kh_pull_request_number(const struct kh_event *event);
/*
 * Appends its page to URL, which is empty, and holds the body's length and 64 bytes: made of the pipeline's
 * provider and repository, a link, and without user or password. Nothing where these do not tell.
 */
void kh_pull_request_url(const struct kh_event *event, struct kh_buf *url);

#endif
