/*
 * transport.h - the interface of whatever takes a finished request to the network.
 *
 * handler/net/http_curl.c is the real one; tests and `kitehook invoke`
 * bring their own.
 *
 * The folder: http_curl.c has many on their way, each request by http_wire.c, each mail by mail_wire.c. Over
 * a transport,
 * aws_secrets.c fetches the config's secrets by aws_call.c, which takes keys from aws_credentials.c and reads
 * refusals by aws_error.c.
 */
#ifndef KH_TRANSPORT_H
#define KH_TRANSPORT_H

#include "base/buf.h"
#include "base/secret.h"

/* What an answer brings beside its body, in all: interim answers (1xx), header and trailers, as they came. */
enum { KH_ANSWER_HEAD_MAX_BYTES = 64 * 1024 };
enum { KH_ANSWER_MAX_BYTES = 4096 }; /* how much of an answer's body is kept */
enum { KH_EXCHANGES_MAX = 16 };      /* how many a transport has on their way at once */

/* Signs a request by AWS Signature Version 4. All borrowed. */
struct kh_aws_signing {
  const char *region;  /* "eu-west-1" */
  const char *service; /* "ssm" */
  const char *target;  /* the X-Amz-Target header: "AmazonSSM.GetParameter" */
  const struct kh_secret *access_key_id;
  const struct kh_secret *secret_access_key;
  const struct kh_secret *session_token; /* may be empty: long-lived keys have none */
};

/* A header that one request has beside the usual ones. Its value is TEXT with SECRET behind it. */
struct kh_sent_header {
  const char *name;
  char text[96];
  const struct kh_secret *secret; /* borrowed; NULL for none */
};

enum { KH_HEADERS_MAX = 4 };

struct kh_told;

struct kh_sent_headers {
  struct kh_sent_header at[KH_HEADERS_MAX];
  size_t count;
};

enum kh_verb { KH_POST, KH_PUT, KH_PATCH, KH_GET /* without a body */ };

/* "PATCH" */
static inline const char *kh_verb_name(enum kh_verb verb)
{
  static const char *const names[] = {
      [KH_POST] = "POST", [KH_PUT] = "PUT", [KH_PATCH] = "PATCH", [KH_GET] = "GET"};

  return names[verb];
}

enum { KH_ADDRESS_MAX_BYTES = 254 }; /* RFC 5321, 4.5.3.1.3, without the brackets */

/* One mail to one recipient, by SMTP: what it goes by beside its text. */
struct kh_mail {
  char from[KH_ADDRESS_MAX_BYTES + 1], to[KH_ADDRESS_MAX_BYTES + 1]; /* addresses alone; "" for no mail */
  const char *user;                                                  /* borrowed; NULL: without a login */
  const struct kh_secret *password;                                  /* borrowed */
  bool is_plain; /* smtp:// without STARTTLS; else there is no mail without it */
};

/* Borrowed, but for what is owned by whoever made the request. */
struct kh_outgoing {
  enum kh_verb verb;
  /* owned; http or https; may itself be the credential. Of a mail smtp or smtps, a host and maybe a port. */
  struct kh_secret url;
  struct kh_mail mail; /* then `body` is all of the mail, its lines ended by CR LF; no header, type or verb */
  struct kh_str content_type;
  struct kh_str body;
  struct kh_buf own_body; /* owned; what `body` shows where no other place has it; may hold a secret */
  struct kh_sent_headers headers;
  int64_t timeout_ms;               /* for the whole exchange */
  const struct kh_secret *grant;    /* what lets it in, for whoever makes the request; or NULL */
  const struct kh_told *told;       /* what it goes on with (memory/queue.h), for the same; or NULL */
  const struct kh_aws_signing *aws; /* NULL: not signed */
};

static inline bool kh_outgoing_is_mail(const struct kh_outgoing *request)
{
  return request->mail.to[0] != '\0';
}

/* Wipes and frees what is owned. */
static inline void kh_outgoing_release(struct kh_outgoing *request)
{
  kh_secret_release(&request->url);
  kh_wipe_buf(&request->own_body);
}

/* Where a mail server went no further; what its answer alone does not say. */
enum kh_mail_stop { KH_MAIL_NO_STOP, KH_MAIL_STOP_TLS, KH_MAIL_STOP_LOGIN };

/* Of a mail server: what it said last, its reply code as the status and its words as the body. */
struct kh_incoming {
  int status;            /* 0 when no answer came */
  int64_t retry_after_s; /* what Retry-After asks for, up to INT64_MAX; -1 when absent or nothing */
  int64_t rate_left;     /* from X-RateLimit-Remaining, and the next from X-RateLimit-Reset, as they */
  int64_t rate_reset_s;  /* stand there; -1 when absent or no number */
  char aws_error[128];   /* the X-Amzn-ErrorType header; "" when absent */
  struct kh_buf body;    /* its first bytes, up to the ceiling of this buffer: KH_ANSWER_MAX_BYTES */
  char problem[256];     /* what went wrong below HTTP or SMTP, without the URL; "" if nothing */
  enum kh_mail_stop mail_stop;
};

static inline void kh_incoming_init(struct kh_incoming *answer)
{
  *answer = (struct kh_incoming){.retry_after_s = -1, .rate_left = -1, .rate_reset_s = -1};
  kh_buf_init(&answer->body, KH_ANSWER_MAX_BYTES);
}

/*
 * One of several requests on their way. Whoever begins it owns it, and neither moves nor changes it until it
 * has ended.
 */
struct kh_exchange {
  struct kh_outgoing request;
  struct kh_incoming answer; /* made empty by kh_incoming_init */
  enum kh_err result;        /* once it has ended: KH_OK when an answer came, else KH_ERR_DELIVERY_FAILED */
  void *wire;                /* the transport's own */
};

struct kh_transport {
  void *self;

  /*
   * `begin` does not wait: any error means that the exchange ended there and then, and its answer says why.
   * `wait` lasts until something came in, one of the COUNT descriptors FDS can be read, or TIMEOUT_MS have
   * passed. `ended` works on what came in, and gives each exchange that has ended once; NULL when there is
   * none. A transport that can go no further ends all of them. `cancel` ends one without an outcome.
   *
   * Any answer counts, whatever its status: its header to the end, for a body that was cut changes nothing
   * about what the other side has done. Whoever begins an exchange releases the answer's body.
   */
  enum kh_err (*begin)(void *self, struct kh_exchange *exchange);
  void (*wait)(void *self, const int *fds, size_t count, int timeout_ms);
  struct kh_exchange *(*ended)(void *self);
  void (*cancel)(void *self, struct kh_exchange *exchange);

  /*
   * From the next request on: CA_FILE names the authorities, "" for those it was opened with; PROXY is the
   * URL of a proxy in place of the environment's, empty for none. Both are borrowed. NULL where there is
   * nothing to configure.
   */
  void (*configure)(void *self, const char *ca_file, const struct kh_secret *proxy);
};

/* Waits for EXCHANGE to end while nothing else is on its way. Returns its result. */
static inline enum kh_err kh_transport_send(const struct kh_transport *transport,
                                            struct kh_exchange *exchange)
{
  enum kh_err err = transport->begin(transport->self, exchange);

  if (err)
    return err;
  while (transport->ended(transport->self) != exchange)
    transport->wait(transport->self, NULL, 0, (int)exchange->request.timeout_ms);
  return exchange->result;
}

#endif
