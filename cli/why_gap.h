/*
 * why_gap.h - what the journal does not have of a build, and what may be the reason: webhooks that rules ask
 * for and that were not seen, what waits, and how many were refused meanwhile.
 */
#ifndef KH_WHY_GAP_H
#define KH_WHY_GAP_H

#include "state_folder.h"
#include "why_today.h"

/* A build that is asked for, and what is known of it. */
struct kh_why_build {
  struct kh_str organization; /* as it was asked for; or empty */
  struct kh_str pipeline;     /* its slug */
  struct kh_str slugs;        /* organization/slug, or the slug alone */
  int64_t number;
  const char *rule; /* the only one that is asked for; or NULL */
};

/*
 * Into ANSWER, which has "webhooks" and "branch" already: "neighbours", "not_seen", "inbox" and "refused", as
 * docs/why.md has them. KH_ERR_STORE.
 */
enum kh_err kh_why_gap_add(const struct kh_state_folder *folder, struct kh_look *look,
                           const struct kh_why_build *build, const struct kh_why_today *today,
                           const struct kh_look_span *span, json_t *answer, struct kh_diag *diag) KH_MUST_USE;

#endif
