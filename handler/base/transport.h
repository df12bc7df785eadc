/*
 * transport.h - the interface of whatever takes a finished request to the network.
 *
 * handler/deliver/http_curl.c is the real one; tests and `kitehook invoke`
 * bring their own.
 */
#ifndef KH_TRANSPORT_H
#define KH_TRANSPORT_H

#include "base/buf.h"
#include "base/secret.h"

enum { KH_ANSWER_MAX_BYTES = 4096 }; /* how much of an answer's body is kept */

struct kh_outgoing {
  const struct kh_secret *url; /* http or https; may itself be the credential */
  struct kh_str content_type;
  struct kh_str body;
  int64_t timeout_ms; /* for the whole exchange */
};

struct kh_incoming {
  int status;            /* 0 when no answer came */
  int64_t retry_after_s; /* from Retry-After in seconds; -1 when absent */
  struct kh_buf body;    /* the first KH_ANSWER_MAX_BYTES */
  char problem[256];     /* what went wrong below HTTP, without the URL; "" if nothing */
};

struct kh_transport {
  /* KH_OK when any answer came, whatever its status; KH_ERR_DELIVERY_FAILED when none did. */
  enum kh_err (*send)(void *self, const struct kh_outgoing *request, struct kh_incoming *answer);
  void *self;
};

#endif
