#include "base/base.h"

#include "completions.h"
#include "fixture.h"
#include "notify/notifiers.h"

#include <dirent.h>

/*
 * What may stand behind an option, wherever it is taken: words, or files. Any other takes what nobody can
 * guess. Those of notifiers come from their list.
 */
static const struct {
  const char *option, *values;
} known[] = {
    {"config", KH_COMPLETES_FILES},
    {"dialect", "strict extended"},
    {"entrypoint", "build build-with-step build-notification step-notification"},
    {"mode", "signature token"},
    {"names", KH_COMPLETES_FILES},
    {"secret-file", KH_COMPLETES_FILES},
    {"state", "waiting due dead"},
};

static const char *values_of(const struct kh_cli_option *option)
{
  static char notifiers[128];

  if (strcmp(option->name, "notifier") == 0 && !notifiers[0])
    for (size_t i = 0, len = 0; kh_notifiers[i] && len < sizeof notifiers; i++)
      len += (size_t)snprintf(notifiers + len, sizeof notifiers - len, "%s%s", i > 0 ? " " : "",
                              kh_notifiers[i]->name);
  if (strcmp(option->name, "notifier") == 0)
    return notifiers;
  for (size_t i = 0; i < KH_COUNT(known); i++)
    if (strcmp(known[i].option, option->name) == 0)
      return known[i].values;
  return "";
}

static bool has_value(const struct kh_cli_option *option)
{
  return option->take != kh_cli_take_flag;
}

static bool are_files(const char *values)
{
  return strcmp(values, KH_COMPLETES_FILES) == 0 || strcmp(values, KH_COMPLETES_FIXTURES) == 0;
}

/* What the command's --help says of OPTION, up to its first ';' or the line's end. */
static struct kh_str words_of(const struct kh_command *command, const char *option)
{
  char begin[48] = "";

  snprintf(begin, sizeof begin, "\n  --%s ", option);
  const char *at = strstr(command->help, begin);
  const char *words = at ? strstr(at + strlen(begin) - 1, "  ") : NULL;

  if (!words)
    return KH_STR("");
  words += strspn(words, " ");
  return kh_str(words, strcspn(words, ";\n"));
}

/* Inside of single quotes, where a shell obeys nothing; ESCAPED are those that obey a backslash there. */
static void put_quoted(struct kh_str text, const char *escaped)
{
  for (size_t i = 0; i < text.len; i++) {
    if (text.at[i] == '\'') {
      fputs("'\\''", stdout);
      continue;
    }
    if (strchr(escaped, text.at[i]))
      putchar('\\');
    putchar(text.at[i]);
  }
}

/* ---- bash ---------------------------------------------------------------------------------- */

static void bash_values(const char *values)
{
  if (strcmp(values, KH_COMPLETES_FIXTURES) == 0)
    printf("words=$(kitehook completions fixtures 2>/dev/null) ");
  else if (!are_files(values))
    printf("words='%s' ", values);
  printf("files=%s", are_files(values) ? "1" : "");
}

static void bash_command(const struct kh_command *command)
{
  const struct kh_cli_option *option = NULL;

  printf("  %s)\n    case $before in\n", command->name);
  for (option = command->options; option->name; option++) {
    if (!has_value(option))
      continue;
    printf("    --%s) ", option->name);
    bash_values(values_of(option));
    puts(" ;;");
  }
  printf("    *)\n      options='");
  for (option = command->options; option->name; option++)
    printf("--%s ", option->name);
  printf("--help'\n      ");
  bash_values(command->completes ? command->completes : "");
  puts(" ;;\n    esac ;;");
}

void kh_completions_bash(const struct kh_command *const *commands)
{
  puts("# What bash completes behind kitehook; `kitehook completions bash` prints it.\n"
       "_kitehook() {\n"
       "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
       "  local command=${COMP_WORDS[1]} options='' words='' files=''\n"
       "  [ \"$COMP_CWORD\" -gt 1 ] || command=''\n"
       "  case $command in");
  printf("  '') options='--help --version' words='");
  for (size_t i = 0; commands[i]; i++)
    printf("%s ", commands[i]->name);
  printf("help' ;;\n  help) words='");
  for (size_t i = 0; commands[i]; i++)
    printf("%s%s", i > 0 ? " " : "", commands[i]->name);
  puts("' ;;");
  for (size_t i = 0; commands[i]; i++)
    bash_command(commands[i]);
  puts("  esac\n"
       "  case $current in -*) [ -z \"$options\" ] || { words=$options files=''; } ;; esac\n"
       "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
       "  [ -z \"$files\" ] || compopt -o default\n"
       "}\n"
       "complete -F _kitehook kitehook");
}

/* ---- zsh ----------------------------------------------------------------------------------- */

static void zsh_values(const char *values)
{
  if (strcmp(values, KH_COMPLETES_FIXTURES) == 0)
    printf("{_files; compadd -- ${(f)\"$(kitehook completions fixtures 2>/dev/null)\"}}");
  else if (are_files(values))
    printf("_files");
  else if (values[0])
    printf("(%s)", values);
}

static void zsh_command(const struct kh_command *command)
{
  printf("  %s)\n    _arguments", command->name);
  for (const struct kh_cli_option *option = command->options; option->name; option++) {
    printf(" \\\n      '*--%s[", option->name);
    put_quoted(words_of(command, option->name), "[]:\\");
    putchar(']');
    if (has_value(option)) {
      printf(":%s:", option->name);
      zsh_values(values_of(option));
    }
    putchar('\'');
  }
  printf(" \\\n      '(- *)--help[show what it does]'");
  if (command->completes) {
    printf(" \\\n      '%s:operand:", are_files(command->completes) ? "*" : "1");
    zsh_values(command->completes);
    putchar('\'');
  }
  puts(" ;;");
}

void kh_completions_zsh(const struct kh_command *const *commands)
{
  puts("#compdef kitehook\n"
       "# What zsh completes behind kitehook; `kitehook completions zsh` prints it.\n"
       "local -a commands=(");
  for (size_t i = 0; commands[i]; i++) {
    printf("  '%s:", commands[i]->name);
    put_quoted(kh_str_of(commands[i]->summary), ":\\");
    puts("'");
  }
  puts("  'help:show the help of a command'\n"
       ")\n"
       "if (( CURRENT == 2 )); then\n"
       "  _describe command commands\n"
       "  compadd -- --help --version\n"
       "  return\n"
       "fi\n"
       "local command=$words[2]\n"
       "shift words\n"
       "(( CURRENT-- ))\n"
       "case $command in\n"
       "  help) _describe command commands ;;");
  for (size_t i = 0; commands[i]; i++)
    zsh_command(commands[i]);
  puts("esac");
}

/* ---- fish ---------------------------------------------------------------------------------- */

static void fish_values(const char *values)
{
  if (are_files(values))
    printf(" -F");
  if (strcmp(values, KH_COMPLETES_FIXTURES) == 0)
    printf(" -a '(kitehook completions fixtures 2>/dev/null)'");
  else if (values[0] && !are_files(values))
    printf(" -a '%s'", values);
}

static void fish_describe(struct kh_str words)
{
  printf(" -d '");
  for (size_t i = 0; i < words.len; i++) {
    if (words.at[i] == '\'' || words.at[i] == '\\')
      putchar('\\');
    putchar(words.at[i]);
  }
  puts("'");
}

static void fish_command(const struct kh_command *command)
{
  for (const struct kh_cli_option *option = command->options; option->name; option++) {
    printf("complete -c kitehook -n '__fish_seen_subcommand_from %s' -l %s%s", command->name, option->name,
           has_value(option) ? are_files(values_of(option)) ? " -r" : " -x" : "");
    fish_values(has_value(option) ? values_of(option) : "");
    fish_describe(words_of(command, option->name));
  }
  if (command->completes) {
    printf("complete -c kitehook -n '__fish_seen_subcommand_from %s'", command->name);
    fish_values(command->completes);
    putchar('\n');
  }
}

void kh_completions_fish(const struct kh_command *const *commands)
{
  puts("# What fish completes behind kitehook; `kitehook completions fish` prints it.\n"
       "complete -c kitehook -f\n"
       "complete -c kitehook -l help -s h -d 'show what it does'\n"
       "complete -c kitehook -n __fish_use_subcommand -l version -s V -d 'print the versions'");
  for (size_t i = 0; commands[i]; i++) {
    printf("complete -c kitehook -n __fish_use_subcommand -a %s", commands[i]->name);
    fish_describe(kh_str_of(commands[i]->summary));
  }
  printf("complete -c kitehook -n __fish_use_subcommand -a help -d 'show the help of a command'\n"
         "complete -c kitehook -n '__fish_seen_subcommand_from help' -a '");
  for (size_t i = 0; commands[i]; i++)
    printf("%s%s", i > 0 ? " " : "", commands[i]->name);
  puts("'");
  for (size_t i = 0; commands[i]; i++)
    fish_command(commands[i]);
}

static void list_fixtures(const char *folder)
{
  struct dirent **names = NULL;
  int count = scandir(folder, &names, NULL, alphasort);

  for (int i = 0; i < count; i++) {
    if (names[i]->d_name[0] != '.')
      puts(names[i]->d_name);
    free(names[i]);
  }
  free(names);
}

void kh_completions_fixtures(const struct kh_command *const *commands)
{
  struct kh_fixture place;
  char folder[PATH_MAX];

  (void)commands;
  kh_fixture_find("", &place);
  for (size_t i = 0; place.folder[0] && kh_fixture_kinds[i]; i++)
    if (snprintf(folder, sizeof folder, "%s/%s", place.folder, kh_fixture_kinds[i]) < (int)sizeof folder)
      list_fixtures(folder);
}
