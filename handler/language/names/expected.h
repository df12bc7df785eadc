/*
 * expected.h - which values a name can have at all, as far as Buildkite documents it or kitehook decides it.
 *
 * Only for advice: what is not expected still matches when it comes, since Buildkite adds values without
 * notice, and a late webhook may show a later state.
 * Sources: buildkite/docs pages/pipelines/configure/_build_states.md, defining_steps.md,
 * pages/apis/webhooks/pipelines/, pages/apis/rest_api/{jobs,agents,pipelines}.md; names_body.c for step.*;
 * git-check-ref-format(1) for branches.
 */
#ifndef KH_EXPECTED_H
#define KH_EXPECTED_H

#include "language/names/names.h"

/* Can NAME have the value TEXT at EVENT? The absent EVENT stands for all of them. */
bool kh_value_is_expected(enum kh_name name, struct kh_str event, struct kh_str text);
/* The value that NAME can have and that was probably meant by TEXT; NULL when none is near. */
const char *kh_value_meant(enum kh_name name, struct kh_str text);

/* A piece of a name: what stands between two `*` of a pattern, or the whole. */
struct kh_piece {
  struct kh_str text;
  bool begins, ends; /* the name */
};
/* Why no branch has PIECE in it, and *AT, where; NULL when one can. A fork's prefix `user:` is no fault. */
const char *kh_branch_fault(struct kh_piece piece, size_t *at);
/* The length of the "refs/heads/" or "refs/tags/" that NAME begins with, which webhooks leave out; else 0. */
size_t kh_ref_prefix(struct kh_str name);
/* The same as of a branch of a pipeline's or organization's slug. */
const char *kh_slug_fault(struct kh_piece piece, size_t *at);

#endif
