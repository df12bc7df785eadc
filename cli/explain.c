#include "base/base.h"

#include "cli.h"
#include "explain.h"
#include "output.h"

struct call {
  const char *config_path, *rule, *file;
  bool json;
};

static int code_of(const json_t *rules)
{
  const json_t *rule = NULL;
  int code = KH_EXIT_NO;
  size_t i = 0;

  json_array_foreach(rules, i, rule)
  {
    if (json_is_string(json_object_get(rule, "problem")))
      return KH_EXIT_DELIVERY;
    if (json_is_true(json_object_get(rule, "matches")))
      code = KH_EXIT_OK;
  }
  return code;
}

static int explain(const struct kh_command *self, const struct call *call, const struct kh_setup *setup)
{
  struct kh_dry_run run;
  json_t *answer = NULL;
  int code = KH_EXIT_USAGE;

  if (!kh_dry_run_read(self, &run, call->file))
    goto done;
  answer = kh_explain(&setup->config, &setup->rules, &run, call->rule);
  json_object_set_new(answer, "file", json_string(call->file));
  const json_t *told = json_object_get(answer, "rules");
  code = code_of(told);
  if (call->rule && json_array_size(told) == 0)
    code = kh_cli_fail(self, KH_EXIT_USAGE, "there is no rule '%s'", call->rule);
  else if (call->json)
    kh_output_tell(json_incref(answer));
  else
    kh_explain_print(answer);
done:
  json_decref(answer);
  kh_dry_run_release(&run);
  return code;
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"rule", kh_cli_take_text, offsetof(struct call, rule)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {0};
  struct kh_setup *setup = NULL;
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  call.file = argv[optind];
  code = kh_cli_setup(self, &setup, call.config_path, KH_CONFIG_DRY);
  if (code == KH_EXIT_OK)
    code = explain(self, &call, setup);
  kh_setup_close(setup);
  return code;
}

const struct kh_command kh_command_explain = {
    .name = "explain",
    .summary = "show which rules a webhook matches, which not and why, and what they would send",
    .usage = "[--config F] [--rule NAME] [--json] FILE|-",
    .help =
        "A dry run: nothing is verified, kept or sent, and no secret is read. FILE is what `kitehook "
        "invoke`\n"
        "takes: a fixture, a raw HTTP request, or a body. What came before it is what the worker remembers\n"
        "in the state folder, as if the webhook came now.\n"
        "Of a message it shows the words; --json has the body. Of a condition it shows each part with its\n"
        "value. Values that come from the build's environment\n"
        "and e-mail addresses are [hidden], and what a name or repository has of them is left out.\n\n"
        "  --config F   the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --rule NAME  only this rule\n"
        "  --json       answer by one JSON object: file, dry_run, event, null_because, rules\n"
        "  -h, --help   show this\n\n"
        "Exit codes: 0 a rule matches, 1 none does, 2 called wrongly or FILE is no webhook, 3 "
        "configuration,\n"
        "4 a notification could not be made, 5 output failed.\n",
    .options = options,
    .operand = "FILE",
    .completes = KH_COMPLETES_FIXTURES,
    .run = run,
};
