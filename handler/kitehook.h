/*
 * kitehook.h - the one header the entrypoints include. Read this first.
 *
 * A webhook passes the folders of handler/ in order:
 *
 *   request ─▶ verify ─▶ event ─▶ inbox │ ─▶ memory ─▶ rules ─▶ notify ─▶ outbox ─▶ deliver
 *                kh_receive             │                    kh_work
 *
 * kh_receive (receiver.c) is all that touches unverified bytes; it answers 200 once the webhook is on disk.
 * kh_work (work.c) is all that thinks about it: it never sees a byte that was not signed.
 */
#ifndef KH_KITEHOOK_H
#define KH_KITEHOOK_H

#include "base/log.h"
#include "base/version.h"
#include "config/config.h"
#include "inbox/inbox_sink.h"
#include "inbox/refusals.h"
#include "receive/event.h"
#include "receive/partner.h"
#include "receive/request.h"

/* ---- the receiver -------------------------------------------------------------------------- */

struct kh_receiver {
  const struct kh_config *config;
  struct kh_sink sink; /* owned; none: verify, log and answer only */
  const struct kh_clock *clock;
  struct kh_log log;
  struct kh_json json; /* reused from request to request */

  void *owner; /* of the receiver, for these two, each of which may be NULL */
  /* No secret matched: looks whether there are others. True when CONFIG was replaced. */
  bool (*refresh)(void *owner);
  /* Told what became of each webhook; EVENT is NULL unless one was read. */
  void (*observe)(void *owner, enum kh_err verdict, const struct kh_event *event);
};

/* SINK is the receiver's from here on. What concerns the owner is for the caller to set. */
void kh_receiver_init(struct kh_receiver *receiver, const struct kh_config *config, struct kh_sink sink,
                      const struct kh_clock *clock, struct kh_log log);
void kh_receiver_release(struct kh_receiver *receiver);
/*
 * One request: fills RESPONSE (whose body the caller released or never used); one log line, but for GET and
 * HEAD.
 */
void kh_receive(struct kh_receiver *receiver, const struct kh_request *request, struct kh_response *response);
/*
 * The same for an event that EventBridge brought, and that kh_partner_admit let in: returns the verdict,
 * with its DIAG, since whoever sent it reads no response.
 */
enum kh_err kh_receive_partner(struct kh_receiver *receiver, const struct kh_partner *partner,
                               struct kh_response *response, struct kh_diag *diag) KH_MUST_USE;

/*
 * A receiver with everything it owns, kept fresh: config and log target are opened here and looked at again
 * at most once a second; and once more, at most once a second too, before a webhook is refused because no
 * secret matched. A broken new config keeps the old one and is logged once.
 */
struct kh_reception {
  struct kh_config configs[2]; /* the one in use, and room to read its successor */
  struct kh_config *config;    /* NULL while none could be loaded */
  struct kh_inbox_sink inbox;
  struct kh_receiver receiver;
  struct kh_refusals *refusals; /* what is refused is counted there; NULL after open, set by the caller */
  const char *config_path;
  const char *const *environment;
  const struct kh_clock *clock;
  struct kh_log_fd lines;
  int64_t looked_us, refreshed_us; /* in the clock's ticks: the last look, and the last because of a secret */
  bool complained;                 /* a broken one was logged */
};

/*
 * Loads the config at PATH (borrowed, like ENVIRONMENT). On failure every request is answered 500 until a
 * config loads; why is logged once.
 */
void kh_reception_open(struct kh_reception *reception, const char *path, const char *const *environment,
                       const struct kh_clock *clock);
void kh_reception_close(struct kh_reception *reception);
/* The cap for reading a body: the config's, or the default while there is none. */
size_t kh_reception_max_body(const struct kh_reception *reception);
/* How long a request may take to arrive: the config's, or the default while there is none. */
int64_t kh_reception_deadline_ms(const struct kh_reception *reception);
/* The next request looks at the config, however short ago the last one did. */
void kh_reception_look_again(struct kh_reception *reception);
/* Like kh_receive, after a look at the config if the last one is older than a second. */
void kh_reception_handle(struct kh_reception *reception, const struct kh_request *request,
                         struct kh_response *response);

#endif
