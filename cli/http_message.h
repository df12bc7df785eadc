/*
 * http_message.h - one HTTP/1.1 request from a file, as a web server would hand it over.
 *
 * What servers do to a request before a program sees it happens here too: chunks are joined, a body ends at
 * its Content-Length. CRLF and bare LF both end a line, so that a file written by hand works.
 */
#ifndef KH_HTTP_MESSAGE_H
#define KH_HTTP_MESSAGE_H

#include "receive/request.h"

/*
 * True when TEXT begins like a request: capital letters, a space, a target that starts with '/', or with the
 * scheme and host that a proxy is sent (RFC 9112, 3.2.2).
 */
bool kh_http_message_is_one(struct kh_str text);

/*
 * Fills REQUEST with views into TEXT. The body of a chunked request is joined in JOINED, which must outlive
 * REQUEST. False when TEXT has no request line or a header line without ':'; WHAT then says so. A body that
 * is cut, or whose length makes no sense, is no failure: request->body_err has it.
 */
bool kh_http_message_read(struct kh_str text, struct kh_buf *joined, struct kh_request *request,
                          const char **what);

#endif
