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
#include "inbox/entry.h"
#include "inbox/inbox.h"
#include "inbox/wake.h"
#include "receive/event.h"
#include "receive/request.h"

/* ---- the receiver -------------------------------------------------------------------------- */

/* What a receiver without an inbox does before it answers: handler/at_once.h, on Lambda. */
struct kh_before_answer {
  /* The whole work on a proven webhook. KH_ERR_DELIVERY_FAILED: DIAG names the notifier, for the answer. */
  enum kh_err (*work)(void *self, const struct kh_entry *entry, struct kh_diag *diag);
  /* No secret matched: a config that was just read anew, or NULL when there is none or it is too soon. */
  const struct kh_config *(*refresh)(void *self);
  /* What became of the webhook, for who counts; EVENT is NULL unless one was read. */
  void (*judged)(void *self, enum kh_err verdict, const struct kh_event *event);
  void *self;
};

struct kh_receiver {
  const struct kh_config *config;
  struct kh_inbox *inbox;                       /* NULL without `state:`: verify, log and answer only */
  const struct kh_before_answer *before_answer; /* or NULL */
  const struct kh_clock *clock;
  struct kh_log log;
  struct kh_json json; /* reused from request to request */
};

void kh_receiver_init(struct kh_receiver *receiver, const struct kh_config *config, struct kh_inbox *inbox,
                      const struct kh_clock *clock, struct kh_log log);
void kh_receiver_release(struct kh_receiver *receiver);
/*
 * One request: fills RESPONSE (whose body the caller released or never used); one log line, but for GET and
 * HEAD.
 */
void kh_receive(struct kh_receiver *receiver, const struct kh_request *request, struct kh_response *response);

/*
 * A receiver with everything it owns, kept fresh: config, inbox and log target
 * are opened here and looked at again at most once a second. A broken new
 * config keeps the old one and is logged once.
 */
struct kh_reception {
  struct kh_config configs[2]; /* the one in use, and room to read its successor */
  struct kh_config *config;    /* NULL while none could be loaded */
  struct kh_inbox inbox;
  struct kh_receiver receiver;
  const char *config_path;
  const char *const *environment;
  const struct kh_clock *clock;
  int log_fd;
  int64_t looked_us;
  bool complained; /* a broken one was logged */
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
