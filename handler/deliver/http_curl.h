/*
 * http_curl.h - the only way to the network: libcurl, one kept handle.
 *
 * HTTPS and HTTP, TLS verified against the system's authorities, no redirect followed, the answer's body kept up to
 * KH_ANSWER_MAX_BYTES and read up to 1 MiB, proxies from the usual environment variables. Connections are kept and
 * used again. libcurl is first touched by the first send. Problems are told in libcurl's fixed sentences, which name
 * neither URL nor host. A URL that is not http or https, or that holds a blank or a control character, is not sent:
 * KH_ERR_DELIVERY_FAILED, since whoever mends the configuration may still have it sent.
 */
#ifndef KH_HTTP_CURL_H
#define KH_HTTP_CURL_H

#include "base/transport.h"

/* KH_ERR_NO_MEMORY. The caller closes. */
enum kh_err kh_http_curl_open(struct kh_transport *transport) KH_MUST_USE;
/* A transport that was never opened ({0}) is fine. */
void kh_http_curl_close(struct kh_transport *transport);

#endif
