/*
 * options.h - the command line of a subcommand: its options from a table, its operands, and what to say when
 * they are wrong.
 */
#ifndef KH_CLI_OPTIONS_H
#define KH_CLI_OPTIONS_H

#include "base/base.h"

struct kh_command;

/* One option. --help and -h are everybody's and stand in no table. */
struct kh_cli_option {
  const char *name; /* without the dashes */
  /*
   * Reads TEXT into VALUE, or complains and returns false; NAME is the option's. One of the functions below,
   * or one of the command's own.
   */
  bool (*take)(const struct kh_command *self, const char *name, const char *text, void *value);
  size_t at; /* offsetof VALUE in the struct that kh_cli_options fills */
};

/* VALUE becomes true. The only one that takes no text. */
bool kh_cli_take_flag(const struct kh_command *self, const char *name, const char *text, void *value);
/* Into a const char *. */
bool kh_cli_take_text(const struct kh_command *self, const char *name, const char *text, void *value);
/* A whole number of at least 0, into an int64_t. */
bool kh_cli_take_number(const struct kh_command *self, const char *name, const char *text, void *value);
/* A duration of at most 100 years, in seconds, into an int64_t. */
bool kh_cli_take_duration(const struct kh_command *self, const char *name, const char *text, void *value);
/* "signature" or "token", into an enum kh_proof_kind. */
bool kh_cli_take_mode(const struct kh_command *self, const char *name, const char *text, void *value);

enum { KH_GO_ON = -1 };

/*
 * Fills VALUES, which holds the defaults, by self->options. KH_GO_ON, and optind stands at the first operand,
 * where there are as many as self->operand says; else what to exit with, after --help or a complaint.
 */
int kh_cli_options(const struct kh_command *self, int argc, char **argv, void *values);
/* True when exactly one operand is left; else complains that WHAT is missing or that there are too many. */
bool kh_cli_one_operand(const struct kh_command *self, int argc, char **argv, const char *what);
/*
 * The place among VERBS (NULL-terminated) of the first operand; complains, and returns -1, when it is none of
 * them or there is none.
 */
int kh_cli_verb(const struct kh_command *self, int argc, char **argv, const char *const *verbs);
/*
 * Reads a whole number of at least MIN. Complains and returns false when TEXT is none; NAME is its option's.
 */
bool kh_cli_number(const struct kh_command *self, const char *name, const char *text, int64_t min,
                   int64_t *number);

/* Prints "kitehook NAME: …" and where help is. Returns KH_EXIT_USAGE. */
int kh_cli_misused(const struct kh_command *self, const char *format, ...) KH_PRINTF(2, 3);
/* Prints "kitehook NAME: …" alone. Returns CODE. */
int kh_cli_fail(const struct kh_command *self, int code, const char *format, ...) KH_PRINTF(3, 4);
/* Prints the command's --help. Returns KH_EXIT_OK. */
int kh_cli_help(const struct kh_command *self);

#endif
