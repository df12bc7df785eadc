/*
 * body.h - an event in our own words, the same for every sender and age of payload:
 * docs/webhook.schema.json.
 */
#ifndef KH_WEBHOOK_BODY_H
#define KH_WEBHOOK_BODY_H

#include "receive/event.h"

#include <jansson.h>

/*
 * Only the members named in body.c are read, all texts went through kh_text_line, and of URLs only
 * pages for people are kept. KH_ERR_NO_MEMORY. The caller releases *JSON.
 */
enum kh_err kh_webhook_body(const struct kh_event *event, const struct kh_history *history,
                            json_t **json) KH_MUST_USE;

#endif
