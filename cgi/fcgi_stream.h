/*
 * fcgi_stream.h - where a FastCGI request begins and ends in the bytes of a connection.
 *
 * From the FastCGI Specification 1.0, sections 3 (records), 4 (management) and 5 (requests). Pure: bytes in,
 * bytes out.
 *
 * libfcgi reads in blocking calls, so its part must be there to its end: the head, which is how a request
 * begins and its parameters. This finds the ends of head and body, and passes on only what belongs to the
 * request: of the head its records, without padding, every length in them checked; of the body its bytes.
 * What comes in between (management records, a second request on the same connection) is answered here.
 */
#ifndef KH_FCGI_STREAM_H
#define KH_FCGI_STREAM_H

#include "base/base.h"

enum {
  KH_FCGI_PARAMS_MAX_BYTES = 256 * 1024, /* all of a request's; servers allow about 32 KB of headers */
  KH_FCGI_HEADROOM = 16,                 /* see kh_fcgi_take */
  KH_FCGI_HELD_MAX_BYTES = 256,          /* the content of a management record */
  KH_FCGI_REPLY_MAX_BYTES = 96,
  KH_FCGI_REPLIES_MAX = 32 /* until a request is complete; servers ask once */
};

enum kh_fcgi_found {
  KH_FCGI_MORE,      /* all bytes are used up */
  KH_FCGI_REQUEST,   /* a request is complete; the bytes behind it are left */
  KH_FCGI_TOO_LARGE, /* its body is longer than it may be, and the rest of it is still to come */
  KH_FCGI_REPLY,     /* `reply` is to be sent; the connection goes on */
  KH_FCGI_REFUSED,   /* `reply` is to be sent, and the connection to be closed */
  KH_FCGI_BROKEN     /* the connection is to be closed */
};

enum kh_fcgi_phase { KH_FCGI_HEADER, KH_FCGI_PARAMS, KH_FCGI_BODY };

struct kh_fcgi_stream {
  size_t body_max_bytes; /* may be changed between two calls */
  unsigned connections;  /* what FCGI_GET_VALUES is answered with */
  enum kh_fcgi_phase
      phase;         /* what is waited for: a request, the rest of its parameters, the rest of its body */
  unsigned request;  /* its id */
  bool keep;         /* the server wants the connection kept after it (FCGI_KEEP_CONN) */
  size_t head_bytes; /* so many that were made are the head's; once the body is waited for, all of them */
  unsigned char reply[KH_FCGI_REPLY_MAX_BYTES];
  size_t reply_len;

  /* ---- private ---- */
  unsigned replies;
  size_t params_bytes, body_bytes;
  unsigned char header[8]; /* of the record at hand */
  size_t header_len;
  size_t content_left, padding_left;
  unsigned char held[KH_FCGI_HELD_MAX_BYTES]; /* content that is looked at whole */
  size_t held_len;
  bool passes, holds;       /* what is done with the content */
  unsigned char lengths[8]; /* of the name-value pair at hand */
  size_t lengths_len;
  uint64_t pair_left;
};

/* Also between two requests of a connection, at a record's end. CONNECTIONS: how many are served at once. */
void kh_fcgi_stream_init(struct kh_fcgi_stream *stream, size_t body_max_bytes, unsigned connections);

/*
 * Goes on until something is found, and cuts what it used off BYTES. *MADE bytes are in OUT, of the head and
 * then of the body. OUT has room for KH_FCGI_HEADROOM more than BYTES are long; it may be the same memory if
 * it begins that much before BYTES.
 */
enum kh_fcgi_found kh_fcgi_take(struct kh_fcgi_stream *stream, struct kh_str *bytes, char *out,
                                size_t *made) KH_MUST_USE;

#endif
