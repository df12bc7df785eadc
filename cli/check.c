#include "base/base.h"

#include "check.h"
#include "check_place.h"
#include "cli.h"
#include "output.h"
#include "rules/notifier.h"

#include <unistd.h>

static json_t *names_of(const struct kh_secret_list *list)
{
  json_t *names = json_array();

  for (size_t i = 0; i < list->count; i++)
    json_array_append_new(names, json_string(list->at[i].name));
  return names;
}

/* Of a rule and its siblings by service. */
static json_t *destinations_of(const struct kh_rule *rule)
{
  json_t *one = kh_output_destination(kh_str_of(rule->credential), kh_str_of(rule->place));

  for (const struct kh_rule *by = rule->also; by; by = by->also) {
    json_t *all = json_sprintf("%s, %s%s%s", json_string_value(one), by->credential, by->place[0] ? " " : "",
                               by->place);

    json_decref(one);
    one = all;
  }
  return one;
}

static json_t *list_of(const char *const *texts)
{
  json_t *list = json_array();

  for (; *texts; texts++)
    json_array_append_new(list, json_string(*texts));
  return list;
}

/* What another form of the same word would be for, where this one has a default of its own; else null. */
static json_t *buildkite_events_of(const struct kh_rule *rule)
{
  const struct kh_form *form = rule->notifier->form;

  return form && !rule->form && rule->match.event_count == 0 ? list_of(form->default_events) : json_null();
}

static json_t *rules_of(const struct kh_rules *rules)
{
  json_t *array = json_array();

  for (size_t i = 0; i < rules->count; i++) {
    json_t *rule = json_object();

    json_object_set_new(rule, "name", json_string(rules->at[i].name));
    json_object_set_new(rule, "notifier", json_string(rules->at[i].notifier->name));
    json_object_set_new(rule, "destination", destinations_of(&rules->at[i]));
    json_object_set_new(rule, "events", list_of(kh_match_events(&rules->at[i].match)));
    json_object_set_new(rule, "buildkite_events", buildkite_events_of(&rules->at[i]));
    json_array_append_new(array, rule);
  }
  return array;
}

/* What the config says, by names only. Both forms of the answer are made of it. */
static json_t *summary_of(const struct kh_config *config, const struct kh_rules *rules)
{
  json_t *summary = json_object();

  json_object_set_new(summary, "signature", names_of(&config->signatures));
  json_object_set_new(summary, "token", names_of(&config->tokens));
  json_object_set_new(summary, "freshness_s", json_integer(config->freshness_s));
  json_object_set_new(summary, "max_body_bytes", json_integer((json_int_t)config->max_body_bytes));
  json_object_set_new(summary, "log", json_string(config->log_path[0] ? config->log_path : "stderr"));
  json_object_set_new(summary, "state", config->state[0] ? json_string(config->state) : json_null());
  json_object_set_new(summary, "worker",
                      config->state[0] ? json_string(kh_worker_mode_name(config->worker_mode)) : json_null());
  json_object_set_new(summary, "rules", rules_of(rules));
  return summary;
}

static json_t *mistake_of(const struct kh_diag *diag)
{
  json_t *mistake = kh_output_diag(diag);

  json_object_set_new(mistake, "severity", json_string(diag->err ? "error" : "warning"));
  return mistake;
}

/* Takes SUMMARY over. */
static void tell_json(const char *path, bool is_fine, const struct kh_diags *diags, json_t *summary)
{
  json_t *answer = json_object(), *mistakes = json_array();

  for (size_t i = 0; i < diags->count; i++)
    json_array_append_new(mistakes, mistake_of(&diags->at[i]));
  json_object_set_new(answer, "file", json_string(path));
  json_object_set_new(answer, "ok", json_boolean(is_fine));
  json_object_set_new(answer, "mistakes", mistakes);
  json_object_set_new(answer, "more", json_integer((json_int_t)diags->more));
  json_object_set_new(answer, "summary", summary);
  kh_output_tell(answer);
}

static void print_mistakes(const struct kh_config *config, const struct kh_diags *diags)
{
  struct kh_places places;

  kh_places_init(&places, config);
  for (size_t i = 0; i < diags->count; i++) {
    kh_cli_print_diag(stdout, &diags->at[i]);
    kh_places_print(&places, &diags->at[i]);
  }
  if (diags->more > 0)
    printf("and %zu more\n", diags->more);
  kh_places_release(&places);
}

static void print_list(const json_t *names)
{
  size_t i = 0;
  const json_t *name = NULL;

  json_array_foreach(names, i, name) printf("%s%s", i > 0 ? ", " : "", json_string_value(name));
}

static void print_names(const char *label, const json_t *names)
{
  printf("  %-11s", label);
  print_list(names);
  puts(json_array_size(names) > 0 ? "" : "none");
}

/* Of NOTES of NULL nothing. */
static void print_notes(const json_t *notes)
{
  const json_t *note = NULL;
  size_t i = 0;

  json_array_foreach(notes, i, note)
      printf("  %-11s%s\n", i == 0 ? "on Lambda" : "", json_string_value(note));
}

static void print_rule(const json_t *rule)
{
  const json_t *theirs = json_object_get(rule, "buildkite_events");

  printf("    %s -> %s\n", json_string_value(json_object_get(rule, "name")),
         json_string_value(json_object_get(rule, "destination")));
  if (!json_is_array(theirs))
    return;
  printf("      note: at ");
  print_list(json_object_get(rule, "events"));
  printf("; Buildkite's own form of it is for ");
  print_list(theirs);
  putchar('\n');
}

static void print_summary(const char *path, const json_t *summary, bool with_rules)
{
  const json_t *rules = json_object_get(summary, "rules"), *rule = NULL;
  const char *state = json_string_value(json_object_get(summary, "state"));
  const char *worker = json_string_value(json_object_get(summary, "worker"));
  size_t i = 0;

  printf("%s: no mistakes\n", path);
  print_names("signature", json_object_get(summary, "signature"));
  print_names("token", json_object_get(summary, "token"));
  printf("  %-11s%" JSON_INTEGER_FORMAT " s\n", "freshness",
         json_integer_value(json_object_get(summary, "freshness_s")));
  printf("  %-11s%" JSON_INTEGER_FORMAT " bytes\n", "max_body",
         json_integer_value(json_object_get(summary, "max_body_bytes")));
  printf("  %-11s%s\n", "log", json_string_value(json_object_get(summary, "log")));
  printf("  %-11s%s\n", "state", state ? state : "none: webhooks are logged, not kept");
  printf("  %-11s%s\n", "worker", worker ? worker : "none");
  if (!with_rules) {
    puts("  notify     not looked at (--receiver)");
    return;
  }
  printf("  %-11s%zu %s\n", "notify", json_array_size(rules), json_array_size(rules) == 1 ? "rule" : "rules");
  json_array_foreach(rules, i, rule) print_rule(rule);
  print_notes(json_object_get(summary, "lambda"));
}

/* How the command was called. */
struct call {
  const char *config_path;
  bool is_for_lambda, is_for_receiver, json;
};

static int check(const struct call *call)
{
  const char *path = kh_cli_config_path(call->config_path);
  const enum kh_config_depth depth = call->is_for_receiver ? KH_CONFIG_RECEIVER : KH_CONFIG_CHECK;
  struct kh_setup *setup = NULL;
  struct kh_diags diags = {0};
  json_t *summary = NULL;
  enum kh_err err = kh_setup_open(&setup, path, depth, kh_cli_environment(), NULL, &diags);
  int code = KH_EXIT_OK;

  if (!setup)
    return KH_EXIT_STATE;
  struct kh_config *config = &setup->config;
  if (!call->is_for_lambda && kh_config_needs_state(config, &diags))
    err = KH_ERR_CONFIG;
  kh_config_warn_of_variables(config, &diags);
  if (!call->is_for_lambda)
    kh_check_host(config, &diags);
  else if (kh_check_lambda(config, &diags))
    err = KH_ERR_CONFIG;
  kh_diags_sort(&diags);
  if (err)
    code = access(path, R_OK) == 0 ? KH_EXIT_NO : KH_EXIT_CONFIG;
  summary = err ? json_null() : summary_of(config, &setup->rules);
  if (call->is_for_lambda && !err)
    json_object_set_new(summary, "lambda", kh_check_lambda_notes(config, &setup->rules));
  if (call->json) {
    tell_json(path, err == KH_OK, &diags, json_incref(summary));
  } else {
    print_mistakes(config, &diags);
    if (!err)
      print_summary(path, summary, !call->is_for_receiver);
  }
  json_decref(summary);
  kh_setup_close(setup);
  kh_diags_release(&diags);
  return code;
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {"lambda", kh_cli_take_flag, offsetof(struct call, is_for_lambda)},
    {"receiver", kh_cli_take_flag, offsetof(struct call, is_for_receiver)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {0};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (argc - optind > (call.config_path ? 0 : 1))
    return kh_cli_misused(self, "'%s' is too much: one configuration at a time", argv[argc - 1]);
  if (optind < argc)
    call.config_path = argv[optind];
  return check(&call);
}

const struct kh_command kh_command_check = {
    .name = "check",
    .summary = "find every mistake of a configuration, with file, line and column",
    .usage = "[--receiver | --lambda] [--json] [[--config] F]",
    .help = "Run it as the user that kitehook runs as, so that the files of secrets are tried too.\n\n"
            "  --config F   the configuration, which may also stand alone; default: $KITEHOOK_CONFIG, else\n"
            "               " KH_CONFIG_PATH "\n"
            "  --receiver   read only as far as a receiver does: not `notify:`\n"
            "  --lambda     the file goes with a Lambda function: say what it has not, and what will happen\n"
            "  --json       answer by one JSON object: file, ok, mistakes, more, summary\n"
            "  -h, --help   show this\n\n"
            "Exit codes: 0 no mistakes (there may be warnings), 1 mistakes, 2 called wrongly,\n"
            "3 the file cannot be read, 5 output failed.\n",
    .options = options,
    .completes = KH_COMPLETES_FILES,
    .run = run,
};
