#include "base/base.h"

#include "base/nearest.h"
#include "cli.h"

/* What getopt_long returns for an option of the table is its place and this, which is no letter. */
enum { FIRST_VALUE = 256 };
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
  meant = kh_word_nearest(kh_str_of(word), names);
  if (!meant)
    kh_cli_misused(self, "there is no option --%s", word);
  else if (strcmp(meant, word) == 0)
    kh_cli_misused(self, "--%s takes no value", word);
  else
    kh_cli_misused(self, "there is no option --%s; did you mean --%s?", word, meant);
}

/* The next option's value in KNOWN, -1 behind the last one, '?' after a complaint. */
static int next_option(const struct kh_command *self, int argc, char **argv, const char *letters,
                       const struct option *known)
{
  char word[WORD_MAX + 2] = "";
  int value = getopt_long(argc, argv, letters, known, NULL);

  if (value != ':' && value != '?')
    return value;
  if (value == ':') {
    kh_cli_misused(self, "%s needs a value", argv[optind - 1]);
  } else if (optopt != 0 && strncmp(argv[optind - 1], "--", 2) != 0) {
    kh_cli_misused(self, "there is no option -%c", optopt);
  } else {
    /* Only the name is repeated: what follows '=' may be a secret. */
    snprintf(word, sizeof word, "%.*s", (int)strcspn(argv[optind - 1] + 2, "="), argv[optind - 1] + 2);
    unknown_option(self, word, known);
  }
  return '?';
}

static bool has_operands(const struct kh_command *self, int argc, char **argv)
{
  const bool has_config = self->options[0].name && strcmp(self->options[0].name, "config") == 0;

  if (self->operand[0])
    return kh_cli_one_operand(self, argc, argv, self->operand);
  if (optind < argc)
    kh_cli_misused(self, "'%s' is too much%s", argv[optind],
                   has_config ? "; the configuration is named by --config" : "");
  return optind == argc;
}

/* Of -n, the value of the option that it stands for; every other VALUE itself. */
static int value_of(const struct kh_command *self, int value)
{
  for (int i = 0; value == 'n' && self->options[i].name; i++)
    if (strcmp(self->options[i].name, self->numbered) == 0)
      return FIRST_VALUE + i;
  return value;
}

int kh_cli_options(const struct kh_command *self, int argc, char **argv, void *values)
{
  struct option known[OPTIONS_MAX + 1] = {{0}};
  const char *letters = self->numbered ? ":hn:" : ":h";
  size_t count = 0;
  int value = 0;

  for (const struct kh_cli_option *option = self->options; option->name && count < OPTIONS_MAX - 1;
       option++) {
    known[count] = (struct option){.name = option->name,
                                   .has_arg = option->take == kh_cli_take_flag ? no_argument
                                                                               : required_argument,
                                   .val = FIRST_VALUE + (int)count};
    count++;
  }
  known[count] = (struct option){.name = "help", .has_arg = no_argument, .val = 'h'};
  opterr = 0;
  while ((value = value_of(self, next_option(self, argc, argv, letters, known))) >= FIRST_VALUE) {
    const struct kh_cli_option *option = &self->options[value - FIRST_VALUE];

    if (!option->take(self, option->name, optarg, (char *)values + option->at))
      return KH_EXIT_USAGE;
  }
  if (value == 'h')
    return kh_cli_help(self);
  if (value == '?' || (self->operand && !has_operands(self, argc, argv)))
    return KH_EXIT_USAGE;
  return KH_GO_ON;
}

bool kh_cli_take_flag(const struct kh_command *self, const char *name, const char *text, void *value)
{
  (void)self;
  (void)name;
  (void)text;
  *(bool *)value = true;
  return true;
}

bool kh_cli_take_text(const struct kh_command *self, const char *name, const char *text, void *value)
{
  (void)self;
  (void)name;
  *(const char **)value = text;
  return true;
}

bool kh_cli_take_number(const struct kh_command *self, const char *name, const char *text, void *value)
{
  return kh_cli_number(self, name, text, 0, value);
}

bool kh_cli_take_duration(const struct kh_command *self, const char *name, const char *text, void *value)
{
  const int64_t most_s = INT64_C(36500) * 86400;

  if (kh_config_duration_s(text, value) && *(int64_t *)value <= most_s)
    return true;
  kh_cli_misused(self, "--%s '%s' is not a duration such as 90s, 5m or 2d", name, text);
  return false;
}

bool kh_cli_take_mode(const struct kh_command *self, const char *name, const char *text, void *value)
{
  bool is_token = strcmp(text, "token") == 0;

  *(enum kh_proof_kind *)value = is_token ? KH_PROOF_TOKEN : KH_PROOF_SIGNATURE;
  if (is_token || strcmp(text, "signature") == 0)
    return true;
  kh_cli_misused(self, "--%s is signature or token, not '%s'", name, text);
  return false;
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

bool kh_cli_number(const struct kh_command *self, const char *name, const char *text, int64_t min,
                   int64_t *number)
{
  if (kh_str_i64(kh_str_of(text), number) && *number >= min)
    return true;
  kh_cli_misused(self, "--%s '%s' is not a whole number of at least %" PRId64, name, text, min);
  return false;
}
