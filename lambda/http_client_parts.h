/*
 * http_client_parts.h - what the HTTP client is made of: http_client.c makes an exchange of what
 * http_client_wire.c does with the socket and http_client_read.c, on top of that, with an answer.
 */
#ifndef KH_HTTP_CLIENT_PARTS_H
#define KH_HTTP_CLIENT_PARTS_H

#include "lambda/http_client.h"

enum { KH_HTTP_CLIENT_FOREVER_US = -1 };

/* ---- http_client_wire.c; KH_ERR_IO with DIAG ---- */

/* When an exchange that begins here must be over, on the monotonic clock; or KH_HTTP_CLIENT_FOREVER_US. */
int64_t kh_http_client_end_after(int64_t timeout_ms);
/* A fresh connection in place of the one there may be. */
enum kh_err kh_http_client_connect(struct kh_http_client *client, struct kh_diag *diag) KH_MUST_USE;
void kh_http_client_disconnect(struct kh_http_client *client);
/* Nothing may wait in a kept connection before a request: its end or bytes that nobody asked for void it. */
bool kh_http_client_is_usable(const struct kh_http_client *client);
/*
 * Sends the request's head and BODY. *WHOLE is false when the other side answered or hung up before it had
 * everything: its answer may say why.
 */
enum kh_err kh_http_client_put(const struct kh_http_client *client, struct kh_str body, int64_t end_us,
                               bool *whole, struct kh_diag *diag) KH_MUST_USE;
/* Waits until bytes came and reads up to ROOM of them; *GOT is 0 at the end of the connection. */
enum kh_err kh_http_client_receive(struct kh_http_client *client, char *to, size_t room, int64_t end_us,
                                   size_t *got, struct kh_diag *diag) KH_MUST_USE;

/* ---- http_client_read.c ---- */

/* Reads one final answer. *KEEP: the connection may be used again. Errors as kh_http_client_send. */
enum kh_err kh_http_client_read(struct kh_http_client *client, struct kh_http_client_answer *answer,
                                int64_t end_us, bool *keep, struct kh_diag *diag) KH_MUST_USE;

#endif
