/*
 * request.h - what arrived, as borrowed views, and the answer.
 *
 * An entrypoint fills a kh_request from its own protocol; nothing in it is
 * trusted before kh_verify. `body` is exactly the signed bytes. Views live until
 * the entrypoint is done with the request (FCGX_Finish, the next event).
 */
#ifndef KH_REQUEST_H
#define KH_REQUEST_H

#include "base/buf.h"

enum kh_method { KH_METHOD_OTHER, KH_METHOD_GET, KH_METHOD_HEAD, KH_METHOD_POST };

/* The headers that anything here looks at; every other one is dropped at the door. */
#define KH_HEADERS(X)                                                    \
  X(KH_HEADER_CONTENT_TYPE, "content-type")                              \
  X(KH_HEADER_CONTENT_ENCODING, "content-encoding")                      \
  X(KH_HEADER_EVENT, "x-buildkite-event")     /* a hint, not signed */   \
  X(KH_HEADER_REQUEST, "x-buildkite-request") /* a UUID, undocumented */ \
  X(KH_HEADER_SIGNATURE, "x-buildkite-signature")                        \
  X(KH_HEADER_TOKEN, "x-buildkite-token")

#define KH_HEADER_ID(header, name) header,
enum kh_header { KH_HEADERS(KH_HEADER_ID) KH_HEADER__COUNT };
#undef KH_HEADER_ID

struct kh_header_value {
  struct kh_str text; /* {NULL, 0} when the header was not sent */
  bool repeated;      /* it was sent more than once; TEXT is the first */
};

enum { KH_REQUEST_ID_BYTES = 65 };

struct kh_request {
  enum kh_method method;
  struct kh_header_value headers[KH_HEADER__COUNT];
  struct kh_str body;
  enum kh_err
      body_err; /* KH_OK, or why the body is not whole: TOO_LARGE, CONTENT_LENGTH, BODY_CUT, BODY_LATE */
  const char *transport;     /* "cgi", "fastcgi", "invoke": for the log */
  const char *body_problem;  /* a sentence that goes with body_err, or NULL */
  struct kh_str platform_id; /* a request id of the web server's, or absent */
};

struct kh_response {
  int status;
  const char *content_type;
  const char *allow;  /* value of the Allow header, or NULL */
  bool head;          /* send the headers only */
  struct kh_buf body; /* at most KH_RESPONSE_MAX_BYTES */
};

enum { KH_RESPONSE_MAX_BYTES = 4096 };

/* The words behind a status that kitehook answers with, such as "Bad Request" (RFC 9110). */
const char *kh_status_phrase(int status);

enum kh_method kh_method_by_name(struct kh_str name);
/* The header's place by its HTTP name, any case; KH_HEADER__COUNT when it is not one of ours. */
enum kh_header kh_header_by_name(struct kh_str name);
/* Notes one header line; a second one of the same name only sets `repeated`. */
void kh_request_add_header(struct kh_request *request, enum kh_header header, struct kh_str value);

/*
 * Method, media type and size, before anything is hashed: KH_ERR_METHOD,
 * KH_ERR_MEDIA_TYPE, KH_ERR_CONTENT_ENCODING, KH_ERR_TOO_LARGE, or body_err.
 */
enum kh_err kh_request_check(const struct kh_request *request, size_t max_body_bytes) KH_MUST_USE;

/*
 * The id that ties answer and log lines together: X-Buildkite-Request where it is 1 to 64 of
 * [A-Za-z0-9-], else the platform's under the same rule, else 16 random hexadecimal digits.
 */
void kh_request_id(const struct kh_request *request, char id[KH_REQUEST_ID_BYTES]);

#endif
