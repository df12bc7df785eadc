#include "base/base.h"

#include "cli.h"
#include "dry_run.h"
#include "eval_input.h"
#include "language/condition/condition.h"
#include "language/names/names_event.h"
#include "language/names/names_json.h"

#include <jansson.h>

struct question {
  struct kh_str expression;
  struct kh_names_json names;
  const struct kh_event *event; /* or NULL: then `names` counts */
  enum kh_dialect dialect;
  enum kh_entrypoint entrypoint;
  bool validate_only;
  bool is_readable; /* of a line */
};

/* One line, whatever the expression was. */
static void print_mistake(const struct kh_mistake *mistake)
{
  printf("error %s: ", kh_mistake_kind_name(mistake->kind));
  for (const char *c = mistake->text; *c; c++)
    putchar((unsigned char)*c < 0x20 || *c == 0x7F ? ' ' : *c);
  if (mistake->hint[0])
    printf("; did you mean %s?", mistake->hint);
  putchar('\n');
}

/* True when the answer is `true` or `valid`. */
static bool answer(const struct question *question, struct kh_mistake *mistake)
{
  struct kh_names_json json = question->names;
  struct kh_names names = question->event ? kh_names_event(question->event) : kh_names_json(&json);
  struct kh_condition *condition = NULL;
  bool truth = false;
  enum kh_err err = kh_condition_compile(&condition, question->expression, question->dialect,
                                         question->entrypoint, mistake);

  if (err == KH_ERR_NO_MEMORY)
    kh_mistake_set(mistake, KH_MISTAKE_EVALUATION, 0, 0, "not enough memory");
  if (!err && !question->validate_only)
    truth = kh_condition_eval(condition, &names, NULL, mistake);
  if (mistake->kind == KH_MISTAKE_NONE)
    puts(question->validate_only ? "valid" : truth ? "true" : "false");
  else if (!question->validate_only && kh_entrypoint_is_notification(question->entrypoint))
    puts("false");
  else
    print_mistake(mistake);
  kh_condition_free(condition);
  return truth || (question->validate_only && mistake->kind == KH_MISTAKE_NONE);
}

static struct kh_str text_of(const json_t *string)
{
  return json_is_string(string) ? kh_str(json_string_value(string), json_string_length(string)) : KH_NO_STR;
}

/* False, and already answered, when the line asks for what is not there. */
static bool read_question(json_t *line, struct question *question)
{
  struct kh_str entrypoint = text_of(json_object_get(line, "entrypoint"));
  struct kh_str dialect = text_of(json_object_get(line, "dialect"));
  char wrong[KH_EVAL_WRONG_BYTES] = "";

  question->expression = text_of(json_object_get(line, "expression"));
  question->names = (struct kh_names_json){json_object_get(line, "names"), json_object_get(line, "without")};
  question->validate_only = json_is_true(json_object_get(line, "validate_only"));
  question->is_readable = kh_eval_line_is_right(line, wrong);
  if (!question->is_readable)
    printf("error input: %s\n", wrong);
  else if (entrypoint.at && !kh_entrypoint_parse(entrypoint, &question->entrypoint))
    puts("error validation: there is no such entry point");
  else if (dialect.at && !kh_dialect_parse(dialect, &question->dialect))
    puts("error validation: there is no such dialect");
  else
    return true;
  return false;
}

static int batch(const struct question *defaults)
{
  char *line = NULL;
  size_t room = 0;
  ssize_t len = 0;
  bool readable = true;

  while ((len = getline(&line, &room, stdin)) > 0) {
    struct question question = *defaults;
    struct kh_mistake mistake = {.kind = KH_MISTAKE_NONE};
    json_t *object = json_loadb(line, (size_t)len, JSON_ALLOW_NUL, NULL);

    if (read_question(object, &question))
      answer(&question, &mistake);
    else if (!question.is_readable)
      readable = false;
    json_decref(object);
  }
  free(line);
  return readable && !ferror(stdin) ? KH_EXIT_OK : KH_EXIT_USAGE;
}

static int single(const struct question *question)
{
  struct kh_mistake mistake = {.kind = KH_MISTAKE_NONE};
  struct kh_buf caret;
  bool yes = answer(question, &mistake);

  kh_buf_init(&caret, 2 * KH_CONDITION_MAX_BYTES + 2);
  if (mistake.kind != KH_MISTAKE_NONE) {
    kh_mistake_caret(&mistake, question->expression, &caret);
    fprintf(stderr, "%s\n", kh_buf_text(&caret));
  }
  kh_buf_release(&caret);
  return yes ? KH_EXIT_OK : KH_EXIT_NO;
}

static json_t *read_names(const struct kh_command *self, const char *file)
{
  struct kh_buf text;
  json_error_t error = {.line = 0};
  json_t *names = NULL;
  char wrong[KH_EVAL_WRONG_BYTES] = "";
  bool is_right = false;

  kh_buf_init(&text, KH_CLI_INPUT_MAX_BYTES);
  if (kh_cli_read(self, file, &text)) {
    names = json_loadb(kh_buf_text(&text), text.len, JSON_ALLOW_NUL, &error);
    if (!json_is_object(names))
      kh_cli_fail(self, KH_EXIT_USAGE, "--names: %s:%d: not a JSON object", file, error.line);
    else if (!kh_eval_names_are_right(names, wrong))
      kh_cli_fail(self, KH_EXIT_USAGE, "--names: %s: %s", file, wrong);
    else
      is_right = true;
    if (!is_right) {
      json_decref(names);
      names = NULL;
    }
  }
  kh_buf_release(&text);
  return names;
}

static bool take_dialect(const struct kh_command *self, const char *name, const char *text, void *dialect)
{
  if (kh_dialect_parse(kh_str_of(text), dialect))
    return true;
  kh_cli_misused(self, "--%s is strict or extended, not '%s'", name, text);
  return false;
}

static bool take_entrypoint(const struct kh_command *self, const char *name, const char *text,
                            void *entrypoint)
{
  if (kh_entrypoint_parse(kh_str_of(text), entrypoint))
    return true;
  kh_cli_misused(self, "--%s is build, build-with-step, build-notification or step-notification, not '%s'",
                 name, text);
  return false;
}

/* How the command was called. */
struct call {
  struct question question;
  const char *names_file;
  bool batch;
};

static const struct kh_cli_option options[] = {
    {"names", kh_cli_take_text, offsetof(struct call, names_file)},
    {"dialect", take_dialect, offsetof(struct call, question.dialect)},
    {"entrypoint", take_entrypoint, offsetof(struct call, question.entrypoint)},
    {"validate-only", kh_cli_take_flag, offsetof(struct call, question.validate_only)},
    {"batch", kh_cli_take_flag, offsetof(struct call, batch)},
    {0},
};

static int about_file(const struct kh_command *self, struct question *question, const char *file)
{
  struct kh_dry_run dry;
  int code = KH_EXIT_USAGE;

  if (kh_dry_run_read(self, &dry, file)) {
    question->event = &dry.event;
    code = single(question);
  }
  kh_dry_run_release(&dry);
  return code;
}

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {.question = {.dialect = KH_DIALECT_EXTENDED, .entrypoint = KH_ENTRYPOINT_BUILD}};
  struct question *question = &call.question;
  json_t *names = NULL;
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (call.batch) {
    if (optind < argc || call.names_file)
      return kh_cli_misused(self, "--batch takes its expressions and names from standard input");
    return batch(question);
  }
  if (argc - optind == 2 && call.names_file)
    return kh_cli_misused(self, "names come from --names or from FILE, not from both");
  if (argc - optind != 2 && !kh_cli_one_operand(self, argc, argv, "EXPR"))
    return KH_EXIT_USAGE;
  if (call.names_file && !(names = read_names(self, call.names_file)))
    return KH_EXIT_USAGE;
  question->expression = kh_str_of(argv[optind]);
  if (argc - optind == 2)
    return about_file(self, question, argv[optind + 1]);
  question->names.object = names;
  code = single(question);
  json_decref(names);
  return code;
}

const struct kh_command kh_command_eval = {
    .name = "eval",
    .summary = "evaluate a condition: true, false, or what is wrong with it",
    .usage = "[--names F] [--dialect D] [--entrypoint E] [--validate-only] (EXPR [FILE|-] | --batch)",
    .help =
        "Prints `true`, `false`, or `error KIND: message`, where KIND is parse, validation, result or\n"
        "evaluation. In the notification entry points errors are `false`, as Buildkite has it.\n\n"
        "Names are those of FILE, which is what `kitehook invoke` takes (it is not verified), or of "
        "--names;\n"
        "without either they are null.\n\n"
        "  --names F         a JSON object of variable name to value; the build's environment under `env`\n"
        "  --dialect D       strict (exactly Buildkite's) or extended (kitehook's names too; the default)\n"
        "  --entrypoint E    build (the default), build-with-step, build-notification, step-notification\n"
        "  --validate-only   only check EXPR; prints `valid` when it passes\n"
        "  --batch           answer one line for each line of standard input, a JSON object of\n"
        "                    expression, names, without (parts that the event lacks), entrypoint,\n"
        "                    dialect, validate_only; what it cannot use is `error input: message`\n"
        "  -h, --help        show this\n\n"
        "Exit codes: 0 true, or every line answered; 1 false or an error; 2 called wrongly, or a file or "
        "line\n"
        "cannot be read; 5 output failed.\n",
    .options = options,
    .completes = KH_COMPLETES_FIXTURES,
    .run = run,
};
