/*
 * http_curl.h - the only way to the network: libcurl, its handles kept.
 *
 * HTTPS and HTTP, TLS verified against the system's authorities, no redirect followed, no cookie kept,
 * proxies from the usual environment variables. The answer's body is kept up to the ceiling of its buffer and
 * read up to 1 MiB; what comes beside it ends at KH_ANSWER_HEAD_MAX_BYTES. Chunk extensions and a proxy's
 * answer to CONNECT are not kept: only the time ends them. Connections are kept and used again. libcurl is
 * first touched by the first request. Problems are told in fixed sentences, which name neither URL nor host.
 * A URL that is not http or https, or that holds a blank or a control character, is not sent:
 * KH_ERR_DELIVERY_FAILED, since whoever mends the configuration may still have it sent.
 *
 * Mail goes by SMTP, straight to its server, over a connection of its own: smtps, or smtp with STARTTLS,
 * which there must be unless the mail says otherwise. A login is by PLAIN, LOGIN or CRAM-MD5. What the server
 * said last is its answer. A libcurl without SMTP, as in a function of Lambda, sends none.
 *
 * Requests for AWS are signed by libcurl (CURLOPT_AWS_SIGV4), within what was compared with botocore: POST to
 * the path / with a body, no blank header, no query. libcurl copies keys and answers to memory that it does
 * not wipe.
 */
#ifndef KH_HTTP_CURL_H
#define KH_HTTP_CURL_H

#include "net/transport.h"

/*
 * CA_FILE names the file of authorities, PEM, and outlives the transport; one that cannot be read fails every
 * HTTPS request. NULL: what libcurl was built with, and where it was built with nothing (a static bootstrap),
 * the first file of Amazon Linux, Debian or Alpine that can be read. KH_ERR_NO_MEMORY. The caller closes.
 */
enum kh_err kh_http_curl_open(struct kh_transport *transport, const char *ca_file) KH_MUST_USE;
/* A transport that was never opened ({0}) is fine. */
void kh_http_curl_close(struct kh_transport *transport);

#endif
