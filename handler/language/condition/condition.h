/*
 * condition.h - Buildkite's conditional language: `build.branch == "main" && build.state == "failed"`.
 *
 * The strict dialect is exactly Buildkite's (github.com/buildkite/conditional); the extended one adds
 * kitehook's own names, at_least(), build.meta_data() and negative integers, and reading what an event does
 * not have is a mistake there. Everything is checked when a condition is compiled; what is left for run time
 * makes it not match, never match.
 *
 * Limits: 64 KiB of source, 100 levels of nesting, 10,000 operands and operators; KH_REGEX_STEPS_MAX steps of
 * its regular expressions for one evaluation, and what the names have left (kh_names).
 *
 * The folder: condition.c compiles. parser.c makes nodes (node.h) of what lexer.c reads, regex.c compiles
 * regular expressions (regex_scan.c bounds them), check.c finds names, functions.c and kinds. eval.c runs: it
 * asks resolve.c for variables, shell.c for `$NAME` in texts (shell_read.c, which the lexer uses too) and
 * equal.c. advice.c warns of what is hardly meant; possible.c finds what can never be true, by the values
 * that tried.c tries, and constants.c tells of it. mistake.c writes down what is wrong, for all of them.
 */
#ifndef KH_CONDITION_H
#define KH_CONDITION_H

#include "language/condition/mistake.h"
#include "language/names/names.h"

enum { KH_CONDITION_MAX_BYTES = 64 * 1024 };

enum kh_dialect { KH_DIALECT_STRICT, KH_DIALECT_EXTENDED };

/* Where a condition stands decides whether it knows `step` and what a blank one means. */
enum kh_entrypoint {
  KH_ENTRYPOINT_BUILD,
  KH_ENTRYPOINT_BUILD_WITH_STEP,
  KH_ENTRYPOINT_BUILD_NOTIFICATION,
  KH_ENTRYPOINT_STEP_NOTIFICATION
};

/* "strict", "extended"; "build", "build-with-step", "build-notification", "step-notification". */
bool kh_dialect_parse(struct kh_str text, enum kh_dialect *dialect);
bool kh_entrypoint_parse(struct kh_str text, enum kh_entrypoint *entrypoint);
/* Of a notification: errors mean "do not send", and a blank condition is true. */
bool kh_entrypoint_is_notification(enum kh_entrypoint entrypoint);

struct kh_condition;

/*
 * Parses and checks SOURCE, which is copied. KH_ERR_CONFIG: MISTAKE says what is wrong and where.
 * KH_ERR_NO_MEMORY. Blank sources are fine. *CONDITION is NULL unless KH_OK.
 */
enum kh_err kh_condition_compile(struct kh_condition **condition, struct kh_str source,
                                 enum kh_dialect dialect, enum kh_entrypoint entrypoint,
                                 struct kh_mistake *mistake) KH_MUST_USE;
void kh_condition_free(struct kh_condition *condition);

/* The value of one sub-expression, in the order of evaluation: operands before their operator. */
struct kh_traced {
  size_t at; /* its place in the source */
  size_t len;
  unsigned depth; /* 0 for the whole */
  const struct kh_value *value;
  bool secret; /* made of the build's environment: not for answers and logs */
};

struct kh_trace {
  void *self;
  void (*see)(void *self, const struct kh_traced *seen);
};

/*
 * True only when the condition is true. Null, and whatever cannot be decided, is false; then MISTAKE says
 * why, if there was more to say than "no". TRACE and MISTAKE may be NULL, NAMES too (every variable is null).
 * Not for two threads at once with the same condition.
 */
bool kh_condition_eval(const struct kh_condition *condition, const struct kh_names *names,
                       const struct kh_trace *trace, struct kh_mistake *mistake);

/* One use of a variable or function. */
struct kh_use {
  const struct kh_name_info *name; /* NULL: a function or a substitution, of which `root` tells the most */
  enum kh_root root;
  size_t at;
  size_t len;
};
struct kh_uses {
  void *self;
  void (*use)(void *self, const struct kh_use *use);
};
/* Tells every use, in the order of the source. */
void kh_condition_uses(const struct kh_condition *condition, const struct kh_uses *uses);

/*
 * Advice that makes no condition wrong: a "\$" at a regex's end, names that no webhook fills, no name at all,
 * …
 */
enum { KH_ADVICE_BYTES = 256 };

struct kh_advice {
  void *self;
  bool remembers; /* what came before is known to conditions: there is a `state` */
  void (*tell)(void *self, size_t at, size_t len, const char *text);
  bool (*may_be)(void *self, struct kh_str event); /* can the event be this one? NULL: any */
  /* The value of NAME that was probably meant by TEXT, or NULL. Only kh_condition_constants asks. */
  const char *(*meant)(void *self, const struct kh_name_info *name, struct kh_str text);
};
void kh_condition_advise(const struct kh_condition *condition, const struct kh_advice *advice);
/* The first comment of CONDITION's source at or behind *AT, which moves behind it; absent without one. */
struct kh_str kh_condition_comment(const struct kh_condition *condition, size_t *at);
/* The source of CONDITION. */
struct kh_str kh_condition_source(const struct kh_condition *condition);

#endif
