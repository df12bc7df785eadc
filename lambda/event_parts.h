/*
 * event_parts.h - what event.c and event_request.c share. Private to them.
 */
#ifndef KH_LAMBDA_EVENT_PARTS_H
#define KH_LAMBDA_EVENT_PARTS_H

#include "lambda/event.h"

/* The request's method, wherever this kind of event has it; missing when it has none. */
struct kh_json_value kh_lambda_method(struct kh_json_value root);

/*
 * Fills EVENT's request and multi_value from ROOT, an event of EVENT's source. BODY has room for every text
 * of the payload. KH_ERR_LIMIT, KH_ERR_NO_MEMORY.
 */
enum kh_err kh_lambda_request_read(struct kh_json_value root, struct kh_buf *body,
                                   struct kh_lambda_event *event, struct kh_diag *diag) KH_MUST_USE;

#endif
