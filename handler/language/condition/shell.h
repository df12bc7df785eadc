/*
 * shell.h - `$NAME` and `${…}` in a condition, and the escapes of its strings.
 *
 * Source: github.com/buildkite/conditional internal/shell. Work is bounded: nesting, bytes scanned, bytes
 * made.
 */
#ifndef KH_SHELL_H
#define KH_SHELL_H

#include "language/names/names.h"

/*
 * At the backslash RAW.at[*at], in double quotes: the byte it stands for, *AT behind it. False: octal above
 * 0377, or the end.
 */
bool kh_escape_double(struct kh_str raw, size_t *at, char *byte);
/*
 * The bytes of the substitution at the `$` RAW.at[at]; 0 when there is none. STEPS are used up by scanning.
 */
size_t kh_shell_length(struct kh_str raw, size_t at, size_t *steps);

enum { KH_SHELL_STEPS = 4 * 1024 * 1024 };
/*
 * Has the inside of a double-quoted string to be expanded; does it depend on the environment? False: too much
 * to scan.
 */
bool kh_shell_is_template(struct kh_str raw, bool *is_template, bool *is_live);

struct kh_shell {
  const struct kh_names *names;
  struct kh_arena *arena;
  bool quotes_are_text; /* at the top level of a string: extended; strict takes them as a shell would */
  size_t steps;
  const char *fault; /* why expanding failed */
};

/* A substitution as an operand; null when it has no value. False: `fault`. */
bool kh_shell_value(struct kh_shell *shell, struct kh_str raw, struct kh_value *value);
/* The inside of a double-quoted string. */
bool kh_shell_text(struct kh_shell *shell, struct kh_str raw, struct kh_value *value);

#endif
