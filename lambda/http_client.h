/*
 * http_client.h - HTTP/1.1 (RFC 9112) over one plain, kept socket to one address.
 *
 * Strict: lines end in CR LF, no folded lines, a length or chunks but never both, no other coding, no
 * upgrade. An answer without either is read to the end of the connection. 1xx answers are passed over; with
 * them, header, chunk extensions and trailers share KH_ANSWER_HEAD_MAX_BYTES of net/transport.h. Nothing is
 * resolved: the address is an IPv4 number or "localhost". One request at a time; a request is never sent
 * twice by itself.
 */
#ifndef KH_HTTP_CLIENT_H
#define KH_HTTP_CLIENT_H

#include "base/buf.h"

#include <netinet/in.h>

enum { KH_HTTP_CLIENT_CONNECT_MS = 1000, KH_HTTP_CLIENT_NO_TIMEOUT = -1 };

struct kh_http_client {
  struct sockaddr_in address;
  char authority[64]; /* as given: the Host header */
  int fd;             /* -1 while there is no connection */
  struct kh_buf head; /* of the request */
  size_t window_at;   /* what was read and not yet used: window[window_at .. window_len) */
  size_t window_len;
  char window[16 * 1024];
};

struct kh_http_client_request {
  struct kh_str method;
  struct kh_str target;  /* path and query, already encoded */
  struct kh_str headers; /* whole lines, each with its CR LF; Host, User-Agent and Content-Length are added */
  struct kh_str body;    /* absent: no body and no Content-Length */
  int64_t timeout_ms;    /* from the first byte sent to the last one read, or KH_HTTP_CLIENT_NO_TIMEOUT */
};

/* The caller's; kept over many requests, so that a long-lived process stops allocating. */
struct kh_http_client_answer {
  int status; /* 200 to 599; 0 when there is none */
  size_t fields_at;
  struct kh_buf head;
  struct kh_buf body;
};

void kh_http_client_answer_init(struct kh_http_client_answer *answer, size_t body_max_bytes);
void kh_http_client_answer_release(struct kh_http_client_answer *answer);
/* The value of the first header NAME, any case, trimmed; absent without one. A view into ANSWER. */
struct kh_str kh_http_client_answer_header(const struct kh_http_client_answer *answer, struct kh_str name);

/*
 * AUTHORITY is "host:port". Connects to nothing yet. KH_ERR_CONFIG, and DIAG says why. The caller closes,
 * also after an error.
 */
enum kh_err kh_http_client_open(struct kh_http_client *client, struct kh_str authority,
                                struct kh_diag *diag) KH_MUST_USE;
void kh_http_client_close(struct kh_http_client *client);

/*
 * Sends REQUEST and reads the whole ANSWER, whatever its status. Takes a fresh connection when there is none
 * or when the kept one has ended meanwhile. KH_ERR_IO: no connection, cut, late or not HTTP; KH_ERR_LIMIT:
 * the answer is larger than allowed; KH_ERR_NO_MEMORY. After an error the connection is closed and the answer
 * void.
 */
enum kh_err kh_http_client_send(struct kh_http_client *client, const struct kh_http_client_request *request,
                                struct kh_http_client_answer *answer, struct kh_diag *diag) KH_MUST_USE;

#endif
