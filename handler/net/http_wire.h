/*
 * http_wire.h - one request by one handle of libcurl. Private to net/: http_curl.h is the transport, and
 * mail_wire.c has what is different where the request is a mail.
 */
#ifndef KH_HTTP_WIRE_H
#define KH_HTTP_WIRE_H

#include "net/http_curl.h"

#include <curl/curl.h>

struct kh_http_options {
  const char *ca_file;           /* NULL: libcurl's own */
  const struct kh_secret *proxy; /* NULL or empty: the environment's, if any */
  CURLSH *share; /* what outlives a request: connections and TLS sessions; NULL: nothing does */
};

struct kh_wire {
  CURL *easy; /* owned; from kh_wire_prepare to kh_wire_clear */
  struct curl_slist *headers;
  struct kh_incoming *answer;
  size_t head_bytes; /* up to KH_ANSWER_HEAD_MAX_BYTES, and the line that is too much */
  size_t read_bytes; /* of the body, likewise */
  int64_t end_us;    /* of the monotonic clock */
  bool has_header;   /* to its end, of the final answer */
  /* of a mail */
  struct kh_str unsent;
  int reply;     /* the code of the last answer; 0 for none */
  bool has_more; /* more lines of that answer follow */
  bool is_sent;  /* all of the mail went out; the next answer, whole with has_header, is about it */
};

/*
 * Makes a handle ready to send REQUEST, whose parts must live until kh_wire_clear. KH_ERR_DELIVERY_FAILED
 * when it cannot be sent: ANSWER says why.
 */
enum kh_err kh_wire_prepare(struct kh_wire *wire, const struct kh_http_options *options,
                            const struct kh_outgoing *request, struct kh_incoming *answer) KH_MUST_USE;
/* What libcurl's CODE, at the end, and what came in make of it: the result of an exchange. */
enum kh_err kh_wire_conclude(struct kh_wire *wire, CURLcode code) KH_MUST_USE;
/* What every handle has, by REQUEST and OPTIONS, but the protocol's own. */
CURLcode kh_wire_set_common(struct kh_wire *wire, const struct kh_http_options *options,
                            const struct kh_outgoing *request);
/* What is told of CODE. */
const char *kh_wire_problem(const struct kh_wire *wire, CURLcode code);
/* Writes PROBLEM into ANSWER. Returns KH_ERR_DELIVERY_FAILED. */
enum kh_err kh_wire_fail(struct kh_incoming *answer, const char *problem);
/* Forgets the request and its answer: neither URL nor keys stay behind. */
void kh_wire_clear(struct kh_wire *wire);

#endif
