#include "base/base.h"

#include "base/nearest.h"
#include "completions.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

static const struct kh_command completions;

/* In the order in which people are told of them. */
static const struct kh_command *const commands[] = {
    &kh_command_check,
    &kh_command_eval,
    &kh_command_explain,
    &kh_command_invoke,
    &kh_command_notify,
    &kh_command_send,
    &kh_command_sign,
    &kh_command_verify,
    &kh_command_worker,
    &kh_command_status,
    &kh_command_why,
    &kh_command_log,
    &kh_command_show,
    &kh_command_replay,
    &kh_command_diff,
    &kh_command_outbox,
    &kh_command_inbox,
    &kh_command_history,
    &kh_command_forget,
    &kh_command_import,
    &completions,
    &kh_command_version,
    NULL,
};

static const struct kh_command *command_named(const char *name)
{
  for (size_t i = 0; commands[i]; i++)
    if (strcmp(commands[i]->name, name) == 0)
      return commands[i];
  return NULL;
}

static void overview(FILE *to)
{
  fputs("kitehook: proves Buildkite webhooks, logs them and sends notifications\n\n"
        "usage: kitehook COMMAND [OPTION...]\n\n",
        to);
  for (size_t i = 0; commands[i]; i++)
    fprintf(to, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
  fputs("  help        show this, or the help of a command\n\n"
        "`kitehook COMMAND --help` explains each; -V, --version is `kitehook version`.\n"
        "Exit codes: 0 yes, 1 no, 2 usage, 3 configuration, 4 delivery, 5 state folder or output.\n",
        to);
}

static int unknown_command(const char *name)
{
  const char *names[KH_COUNT(commands) + 1] = {"help"};
  const char *meant = NULL;

  for (size_t i = 0; commands[i]; i++)
    names[i + 1] = commands[i]->name;
  meant = kh_word_nearest(kh_str_of(name), names);
  if (meant)
    fprintf(stderr, "kitehook: there is no command '%s'; did you mean '%s'?\n", name, meant);
  else
    fprintf(stderr, "kitehook: there is no command '%s'; `kitehook help` lists them\n", name);
  return KH_EXIT_USAGE;
}

static int help(const char *name)
{
  const struct kh_command *command = name ? command_named(name) : NULL;

  if (command)
    return kh_cli_help(command);
  if (name && strcmp(name, "help") != 0)
    return unknown_command(name);
  overview(stdout);
  return KH_EXIT_OK;
}

/* ---- completions: it stands here because it needs the table of commands ------------------------- */

static const struct kh_cli_option completions_options[] = {{0}};
static const char *const shells[] = {"bash", "zsh", "fish", "fixtures", NULL};

static int complete(const struct kh_command *self, int argc, char **argv)
{
  static void (*const print[])(const struct kh_command *const *) = {
      kh_completions_bash, kh_completions_zsh, kh_completions_fish, kh_completions_fixtures};
  int code = kh_cli_options(self, argc, argv, NULL);

  if (code != KH_GO_ON)
    return code;
  int shell = kh_cli_verb(self, argc, argv, shells);

  if (shell < 0 || !kh_cli_one_operand(self, argc, argv, "SHELL"))
    return KH_EXIT_USAGE;
  print[shell](commands);
  return KH_EXIT_OK;
}

static const struct kh_command completions = {
    .name = "completions",
    .summary = "print what a shell completes behind `kitehook`",
    .usage = "bash | zsh | fish | fixtures",
    .help = "Installed, each shell finds its own. Elsewhere:\n"
            "  bash  source <(kitehook completions bash)\n"
            "  zsh   kitehook completions zsh > ~/.zfunc/_kitehook, with ~/.zfunc in $fpath\n"
            "  fish  kitehook completions fish | source\n"
            "`fixtures` prints their names, which these ask for.\n\n"
            "  -h, --help  show this\n\n"
            "Exit codes: 0 printed, 2 called wrongly, 5 output failed.\n",
    .options = completions_options,
    .completes = "bash zsh fish",
    .run = complete,
};

/* ---- the program ------------------------------------------------------------------------------- */

static int dispatch(int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : NULL;
  const struct kh_command *command = NULL;

  if (!name) {
    overview(stderr);
    return KH_EXIT_USAGE;
  }
  if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
    return help(argc > 2 ? argv[2] : NULL);
  if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
    name = kh_command_version.name;
  command = command_named(name);
  if (!command)
    return unknown_command(name);
  return command->run(command, argc - 1, argv + 1);
}

/* As `head` is once it has seen enough: nobody wants to hear of it. */
static bool reader_is_gone(void)
{
  struct pollfd output = {.fd = STDOUT_FILENO};

  return poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP));
}

int main(int argc, char **argv)
{
  int code = KH_EXIT_OK;

  /* A reader that goes away must not look like success, nor kill a worker: writes report it instead. */
  signal(SIGPIPE, SIG_IGN);
  code = dispatch(argc, argv);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    const int why = errno;

    if (!reader_is_gone())
      fprintf(stderr, "kitehook: standard output: %s\n", strerror(why));
    code = code == KH_EXIT_OK ? KH_EXIT_STATE : code;
  }
  return code;
}
