/*
 * functions.h - the functions of the language, and which names of the environment they may be asked for.
 *
 * Sources: github.com/buildkite/conditional env.go (env, build.env and the names); the others are kitehook's
 * own.
 */
#ifndef KH_FUNCTIONS_H
#define KH_FUNCTIONS_H

#include "language/names/names.h"

enum kh_function { KH_FUNCTION_ENV, KH_FUNCTION_BUILD_ENV, KH_FUNCTION_META_DATA, KH_FUNCTION_AT_LEAST };
enum { KH_ARGUMENTS_MAX = 2 };

struct kh_function_info {
  enum kh_function function;
  const char *text;
  enum kh_kind result;
  enum kh_kind argument; /* of each */
  size_t arguments;
  enum kh_root root;
  bool extended;
};

/* NULL when there is none of that text. */
const struct kh_function_info *kh_function_find(struct kh_str text);
const char *kh_function_nearest(struct kh_str text, bool with_extended);

/* Is NAME a BUILDKITE_ name that conditions may not see? The computed ones may see one more. */
bool kh_env_name_is_refused(struct kh_str name, bool computed);
/* The allowed BUILDKITE_ name that was probably meant; NULL when none is near. */
const char *kh_env_name_nearest(struct kh_str name);

#endif
