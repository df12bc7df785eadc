/*
 * http_curl.h - the only way to the network: libcurl, one kept handle.
 *
 * HTTPS and HTTP, TLS verified, no redirect followed, the answer read up to KH_ANSWER_MAX_BYTES, proxies from the
 * usual environment variables. libcurl is first touched by the first send.
 */
#ifndef KH_HTTP_CURL_H
#define KH_HTTP_CURL_H

#include "base/transport.h"

enum kh_err kh_http_curl_open(struct kh_transport *transport) KH_MUST_USE;
void kh_http_curl_close(struct kh_transport *transport);

#endif
