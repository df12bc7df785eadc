/*
 * branches.h - Buildkite's branch patterns: "main v* !v1.*".
 *
 * Source: buildkite/docs pages/pipelines/configure/workflows/branch_configuration.md. White space separates
 * patterns; '*' is any run of bytes, '/' included; a leading '!' negates; every other byte stands for itself.
 * Some positive must match (if there is one) and no negative may. Empty matches everything. Case-sensitive.
 * Linear time, no recursion.
 */
#ifndef KH_BRANCHES_H
#define KH_BRANCHES_H

#include "base/base.h"

/*
 * KH_ERR_CONFIG for what no source defines: "!" alone and "!!x"; DIAG's column is the place in PATTERNS,
 * from 1.
 */
enum kh_err kh_branches_check(struct kh_str patterns, struct kh_diag *diag) KH_MUST_USE;
/* Takes the next pattern off REST, with its `!`; the empty one when there is none left. */
struct kh_str kh_branches_next(struct kh_str *rest);
/* Does NAME match? PATTERNS must have passed the check. */
bool kh_branches_match(struct kh_str patterns, struct kh_str name);

#endif
