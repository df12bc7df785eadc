/*
 * cli.h - what a subcommand is, and what they all share.
 *
 * A subcommand is one file with one `const struct kh_command`, and one word in the table in main.c, which
 * prints every --help. Results go to standard output, complaints to standard error.
 */
#ifndef KH_CLI_H
#define KH_CLI_H

#include "kitehook.h"
#include "options.h"
#include "setup.h"

#include <getopt.h>

/* The exit codes; each command's --help says which it uses. */
enum kh_exit {
  KH_EXIT_OK = 0,
  KH_EXIT_NO = 1,       /* the answer is no: refused, not verified, mistakes found, not there */
  KH_EXIT_USAGE = 2,    /* called wrongly, or the file to work on cannot be read */
  KH_EXIT_CONFIG = 3,   /* the configuration is broken or cannot be read */
  KH_EXIT_DELIVERY = 4, /* a notification could not be made or sent, or is left to be */
  KH_EXIT_STATE = 5     /* state folder, lock or output cannot be had */
};

struct kh_command {
  const char *name;
  const char *summary;                 /* one line for the list of commands */
  const char *usage;                   /* what stands behind "kitehook NAME" */
  const char *help;                    /* the rest of --help: what it does, the options, the exit codes */
  const struct kh_cli_option *options; /* what it takes beside --help; a row of zeros ends them */
  const char *numbered;                /* the option that -n stands for, or NULL */
  const char *operand;   /* what the one operand is, such as "FILE"; "": there is none; NULL: `run` looks */
  const char *completes; /* for shells: words with blanks between, one of the two below, or NULL */
  /* argv[0] is the command's name. Returns an exit code. */
  int (*run)(const struct kh_command *self, int argc, char **argv);
};

#define KH_COMPLETES_FILES "FILE"
#define KH_COMPLETES_FIXTURES "FIXTURE" /* files, and the names of fixtures */

extern const struct kh_command kh_command_check;
extern const struct kh_command kh_command_diff;
extern const struct kh_command kh_command_eval;
extern const struct kh_command kh_command_explain;
extern const struct kh_command kh_command_forget;
extern const struct kh_command kh_command_history;
extern const struct kh_command kh_command_import;
extern const struct kh_command kh_command_inbox;
extern const struct kh_command kh_command_invoke;
extern const struct kh_command kh_command_log;
extern const struct kh_command kh_command_notify;
extern const struct kh_command kh_command_outbox;
extern const struct kh_command kh_command_replay;
extern const struct kh_command kh_command_send;
extern const struct kh_command kh_command_show;
extern const struct kh_command kh_command_sign;
extern const struct kh_command kh_command_status;
extern const struct kh_command kh_command_verify;
extern const struct kh_command kh_command_version;
extern const struct kh_command kh_command_why;
extern const struct kh_command kh_command_worker;

/* ---- input.c ------------------------------------------------------------------------------- */

enum { KH_CLI_INPUT_MAX_BYTES = 80 * 1024 * 1024 };

/* The whole of FILE, or of standard input when FILE is "-". Complains and returns false. */
bool kh_cli_read(const struct kh_command *self, const char *file, struct kh_buf *out);
/*
 * The secret of --secret or --secret-file, of which exactly one must be given (the other NULL); one line
 * end at the end of a file is dropped, an empty secret refused. Complains and returns false.
 */
bool kh_cli_secret(const struct kh_command *self, const char *text, const char *file,
                   struct kh_secret *secret);
/* --config, else $KITEHOOK_CONFIG, else the compiled-in default. */
const char *kh_cli_config_path(const char *option);
/* The process's environment, as kh_config_read takes it. */
const char *const *kh_cli_environment(void);
/*
 * Opens what CONFIG_PATH (--config, or NULL) names, and prints what was found. KH_EXIT_OK, or what to exit
 * with. Call kh_setup_close either way.
 */
int kh_cli_setup(const struct kh_command *self, struct kh_setup **setup, const char *config_path,
                 enum kh_config_depth depth);
/* One line: file:line:column: message. */
void kh_cli_print_diag(FILE *to, const struct kh_diag *diag);
/* Such a line for each. */
void kh_cli_print_diags(FILE *to, const struct kh_diags *diags);

/* ---- reason.c ------------------------------------------------------------------------------ */

/* A sentence for people about an error; NULL when its token says all. */
const char *kh_cli_sentence(enum kh_err err);
/* The error with this token; KH_OK when there is none. */
enum kh_err kh_cli_err_by_token(const char *token);

#endif
