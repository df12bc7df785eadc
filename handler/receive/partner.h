/*
 * partner.h - Buildkite's events from Amazon EventBridge, as the webhooks that tell the same.
 *
 * Nobody signs such an event: what vouches for it is who may invoke the function (docs/SECURITY-MODEL.md). So
 * it counts only where the config names its source and its account. From kh_event_read on nothing differs
 * from a webhook: names, states and keys are a webhook's, and what the event lacks is missing.
 *
 * Not for receivers that stand on the internet, which do not link it. Source: buildkite/docs
 * pages/pipelines/integrations/observability/amazon_eventbridge.md.
 */
#ifndef KH_PARTNER_H
#define KH_PARTNER_H

#include "base/json.h"
#include "receive/verify.h"

struct kh_partner {
  struct kh_verified verified; /* its body is the webhook's; no secret */
  struct kh_str id;            /* EventBridge's, the same when it sends the event again */
};

/* ROOT says that it comes from Buildkite's partner source, of whatever organization. */
bool kh_partner_is_one(struct kh_json_value root);

/*
 * Writes to BODY, which is cleared, the webhook that tells what ROOT tells, whoever ROOT comes from. Views
 * are into ROOT's document and BODY. KH_ERR_PARTNER_TYPE (no webhook tells the same), KH_ERR_PARTNER_SHAPE
 * (what it tells of is not there); DIAG names keys, never values. KH_ERR_LIMIT, KH_ERR_NO_MEMORY.
 */
enum kh_err kh_partner_read(struct kh_json_value root, struct kh_buf *body, struct kh_partner *partner,
                            struct kh_diag *diag) KH_MUST_USE;

/*
 * The same where ROOT comes from ORIGIN. KH_ERR_PARTNER_SOURCE, also where ORIGIN names none;
 * KH_ERR_PARTNER_ACCOUNT.
 */
enum kh_err kh_partner_admit(struct kh_json_value root, const struct kh_eventbridge *origin,
                             struct kh_buf *body, struct kh_partner *partner,
                             struct kh_diag *diag) KH_MUST_USE;

#endif
