#include "base/base.h"

#include "cli.h"

enum { WORD_MAX = 32, OPTIONS_MAX = 16 };

int kh_cli_misused(const struct kh_command *self, const char *format, ...)
{
  va_list values;

  fprintf(stderr, "kitehook %s: ", self->name);
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fprintf(stderr, "\nusage: kitehook %s %s\n`kitehook %s --help` explains it\n", self->name, self->usage,
          self->name);
  return KH_EXIT_USAGE;
}

int kh_cli_fail(const struct kh_command *self, int code, const char *format, ...)
{
  va_list values;

  fprintf(stderr, "kitehook %s: ", self->name);
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  return code;
}

int kh_cli_help(const struct kh_command *self)
{
  printf("kitehook %s: %s\n\nusage: kitehook %s %s\n\n%s", self->name, self->summary, self->name, self->usage,
         self->help);
  return KH_EXIT_OK;
}

static void unknown_option(const struct kh_command *self, const char *word, const struct option *known)
{
  const char *names[OPTIONS_MAX + 1] = {NULL};
  const char *meant = NULL;

  for (size_t i = 0; i < OPTIONS_MAX && known[i].name; i++)
    names[i] = known[i].name;
  meant = kh_config_suggest(word, names);
  if (!meant)
    kh_cli_misused(self, "there is no option --%s", word);
  else if (strcmp(meant, word) == 0)
    kh_cli_misused(self, "--%s takes no value", word);
  else
    kh_cli_misused(self, "there is no option --%s; did you mean --%s?", word, meant);
}

int kh_cli_option(const struct kh_command *self, int argc, char **argv, const struct option *known)
{
  char word[WORD_MAX + 2] = "";
  int value = 0;

  opterr = 0;
  value = getopt_long(argc, argv, ":h", known, NULL);
  if (value == ':') {
    kh_cli_misused(self, "%s needs a value", argv[optind - 1]);
    return '?';
  }
  if (value != '?')
    return value;
  if (optopt != 0 && strncmp(argv[optind - 1], "--", 2) != 0) {
    kh_cli_misused(self, "there is no option -%c", optopt);
    return '?';
  }
  /* Only the name is repeated: what follows '=' may be a secret. */
  snprintf(word, sizeof word, "%.*s", (int)strcspn(argv[optind - 1] + 2, "="), argv[optind - 1] + 2);
  unknown_option(self, word, known);
  return '?';
}

bool kh_cli_one_operand(const struct kh_command *self, int argc, char **argv, const char *what)
{
  if (argc - optind == 1)
    return true;
  if (argc == optind)
    kh_cli_misused(self, "%s is missing", what);
  else
    kh_cli_misused(self, "one %s is enough, '%s' is too much", what, argv[optind + 1]);
  return false;
}

int kh_cli_verb(const struct kh_command *self, int argc, char **argv, const char *const *verbs)
{
  char all[128] = "";
  size_t len = 0;

  for (int i = 0; verbs[i]; i++) {
    if (optind < argc && strcmp(verbs[i], argv[optind]) == 0)
      return i;
    len += (size_t)snprintf(all + len, sizeof all - len, "%s%s",
                            i == 0         ? ""
                            : verbs[i + 1] ? ", "
                                           : " and ",
                            verbs[i]);
  }
  if (optind < argc)
    kh_cli_misused(self, "'%s' is none of %s", argv[optind], all);
  else
    kh_cli_misused(self, "what shall it do? There are %s", all);
  return -1;
}

bool kh_cli_number(const struct kh_command *self, const char *option, const char *text, int64_t min,
                   int64_t *number)
{
  if (kh_str_i64(kh_str_of(text), number) && *number >= min)
    return true;
  kh_cli_misused(self, "%s '%s' is not a whole number of at least %" PRId64, option, text, min);
  return false;
}
