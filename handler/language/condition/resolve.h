/*
 * resolve.h - from what a webhook says to what a condition sees: when a variable is null, what the
 * environment holds.
 *
 * Source: github.com/buildkite/conditional conditional.go (mergedEnv, builtinEnv, sourceEvent,
 * pullRequestLabel). NAMES may be NULL: then nothing is known. No memory: the arena says so.
 */
#ifndef KH_RESOLVE_H
#define KH_RESOLVE_H

#include "language/names/names.h"

void kh_resolve(const struct kh_names *names, const struct kh_name_info *name, struct kh_arena *arena,
                struct kh_value *value);
/* The environment of a condition: pipeline, then build, then the built-ins. False when NAME is unset. */
bool kh_resolve_env(const struct kh_names *names, struct kh_str name, struct kh_arena *arena,
                    struct kh_str *value);

#endif
