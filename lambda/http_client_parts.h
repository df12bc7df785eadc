/*
 * http_client_parts.h - what the two halves of the HTTP client share: http_client.c connects and sends,
 * http_client_read.c reads answers.
 */
#ifndef KH_HTTP_CLIENT_PARTS_H
#define KH_HTTP_CLIENT_PARTS_H

#include "lambda/http_client.h"

enum { KH_HTTP_CLIENT_FOREVER_US = -1 };

/*
 * Waits until bytes came and reads up to ROOM of them; *GOT is 0 at the end of the connection. END_US is of
 * the monotonic clock, or KH_HTTP_CLIENT_FOREVER_US. KH_ERR_IO.
 */
enum kh_err kh_http_client_receive(struct kh_http_client *client, char *to, size_t room, int64_t end_us,
                                   size_t *got, struct kh_diag *diag);

/* Reads one final answer. *KEEP: the connection may be used again. Errors as kh_http_client_send. */
enum kh_err kh_http_client_read(struct kh_http_client *client, struct kh_http_client_answer *answer,
                                int64_t end_us, bool *keep, struct kh_diag *diag);

#endif
