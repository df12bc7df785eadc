/*
 * webhook_file.h - the webhook that `kitehook invoke` or `send` was given, as a request.
 *
 * FILE is a fixture folder (request.http or event.json; expect.json's "now" is the clock), the name of one
 * that came with kitehook, a raw HTTP request, an event from EventBridge, or anything else: then it is the
 * body, and headers are made for it. A body and a fixture that was named are proven with the config's first
 * secret (not at all with CONFIG NULL). What EventBridge brings makes no request, and stays a document.
 */
#ifndef KH_WEBHOOK_FILE_H
#define KH_WEBHOOK_FILE_H

#include "cli.h"
#include "receive/partner.h"

enum { KH_SIGNATURE_BYTES = 128 };

struct kh_webhook_file {
  struct kh_request request;          /* views into what follows */
  struct kh_json eventbridge;         /* an event from there; else empty */
  int64_t now_us;                     /* the clock stands here */
  struct kh_buf text;                 /* the file */
  struct kh_buf joined;               /* the body of a chunked request */
  struct kh_buf event;                /* X-Buildkite-Event of a bare body */
  struct kh_buf renewed;              /* the body of kh_webhook_file_renew */
  char signature[KH_SIGNATURE_BYTES]; /* X-Buildkite-Signature, where it is ours */
  char request_id[KH_REQUEST_ID_BYTES];
  bool is_proven_here; /* by the config's secret, whatever it came with; or as if from the config's source */
};

static inline bool kh_webhook_file_is_eventbridge(const struct kh_webhook_file *webhook)
{
  return webhook->eventbridge.count > 0;
}

/*
 * NOW_S is --now, or -1 when it was not given. Complains and returns false when FILE cannot be read
 * or is no request. Call release either way.
 */
bool kh_webhook_file_read(const struct kh_command *self, struct kh_webhook_file *webhook, const char *file,
                          int64_t now_s, const struct kh_config *config);
/* The same of a BODY, which is copied, as if it came now; not proven. KH_ERR_NO_MEMORY. Release it, too. */
enum kh_err kh_webhook_file_of_body(struct kh_webhook_file *webhook, struct kh_str body) KH_MUST_USE;
/* X-Buildkite-Signature as Buildkite would make it. */
void kh_sign(const struct kh_secret *secret, int64_t timestamp_s, struct kh_str body,
             char signature[KH_SIGNATURE_BYTES]);
/* Proves it by CONFIG's first secret for the time at which its clock stands, whatever proof it came with. */
void kh_webhook_file_prove(struct kh_webhook_file *webhook, const struct kh_config *config);
/* Gives it a new request id, its body new ids, and its build the present second as its number (renew.h). */
enum kh_err kh_webhook_file_renew(struct kh_webhook_file *webhook) KH_MUST_USE;
/* Signs the body for now by SECRET, whatever signature or clock it came with. */
void kh_webhook_file_sign_anew(struct kh_webhook_file *webhook, const struct kh_secret *secret);
void kh_webhook_file_release(struct kh_webhook_file *webhook);

#endif
