#include "base/base.h"

#include "journal_ask.h"
#include "pipelines.h"
#include "rules/decision.h"
#include "screen.h"
#include "state_folder.h"

/* How the command was called. */
struct call {
  const struct kh_command *self;
  const char *config_path;
  const char *pipeline, *person; /* one of them is NULL */
  bool is_dry, json;
};

struct forgetting {
  const struct call *call;
  struct kh_setup *rules; /* without secrets */
  json_t *owed;           /* the ids of what is left */
};

static void what_was_told(const void *self, size_t rule, struct kh_str build_id,
                          unsigned char what[KH_DIGEST_BYTES])
{
  const struct forgetting *forgetting = self;

  kh_rule_told(&forgetting->rules->rules.at[rule], build_id, what);
}

static void add_owed(void *self, struct kh_str id)
{
  const struct forgetting *forgetting = self;

  json_array_append_new(forgetting->owed, json_stringn(id.at, id.len));
}

/* ---- what was done ---- */

struct count {
  const char *name, *one, *many;
  int64_t number;
};
enum { COUNTS = 6 };

static int64_t counts_of(const struct kh_look_forgotten *forgotten, struct count counts[COUNTS])
{
  const struct count all[COUNTS] = {
      {"branches", "branch", "branches", forgotten->branches},
      {"builds", "build", "builds", forgotten->builds},
      {"told", "told row", "told rows", forgotten->told},
      {"job_names", "name of a job", "names of jobs", forgotten->names},
      {"journal_lines", "line of the journal", "lines of the journal", forgotten->lines},
      {"dead", "dead notification", "dead notifications", forgotten->dead}};
  int64_t sum = 0;

  memcpy(counts, all, sizeof all);
  for (size_t i = 0; i < COUNTS; i++)
    sum += counts[i].number;
  return sum;
}

static void print_owed(const struct forgetting *forgetting)
{
  const char *config_path = forgetting->call->config_path;
  const size_t count = json_array_size(forgetting->owed);
  const json_t *id = NULL;
  size_t i = 0;

  if (count == 0)
    return;
  printf("left: %zu that %s still owed, and %s the name; to drop %s, type: kitehook outbox drop", count,
         count > 1 ? "are" : "is", count > 1 ? "have" : "has", count > 1 ? "them" : "it");
  json_array_foreach(forgetting->owed, i, id)
  {
    putchar(' ');
    kh_output_print_text(id);
  }
  printf("%s%s\n", config_path ? " --config " : "", config_path ? config_path : "");
}

static void print(const struct forgetting *forgetting, const struct count counts[COUNTS])
{
  const char *before = forgetting->call->is_dry ? "would forget: " : "forgot: ";

  for (size_t i = 0; i < COUNTS; i++)
    if (counts[i].number > 0) {
      printf("%s%" PRId64 " %s", before, counts[i].number,
             counts[i].number == 1 ? counts[i].one : counts[i].many);
      before = ", ";
    }
  if (before[0] == ',')
    putchar('\n');
  print_owed(forgetting);
}

static void tell(const struct forgetting *forgetting, const struct count counts[COUNTS])
{
  json_t *numbers = json_object();

  for (size_t i = 0; i < COUNTS; i++)
    json_object_set_new(numbers, counts[i].name, json_integer(counts[i].number));
  kh_output_tell(json_pack("{s:o, s:b, s:O}", "forgotten", numbers, "dry_run", forgetting->call->is_dry,
                           "owed", forgetting->owed));
}

static int nothing(const struct call *call, struct kh_look *look)
{
  if (call->pipeline)
    return kh_cli_no_pipeline(call->self, look, call->pipeline);
  fprintf(stderr, "kitehook %s: nothing that is remembered has '", call->self->name);
  kh_screen_write(stderr, kh_str_of(call->person));
  fputs("'\n", stderr);
  return KH_EXIT_NO;
}

static int forget(struct forgetting *forgetting, struct kh_look *look, struct kh_str person_in_json)
{
  const struct call *call = forgetting->call;
  const struct kh_look_forget what = {.pipeline = kh_str_of(call->pipeline),
                                      .person = kh_str_of(call->person),
                                      .person_in_json = person_in_json,
                                      .is_dry = call->is_dry,
                                      .what = what_was_told,
                                      .rule_count = forgetting->rules ? forgetting->rules->rules.count : 0,
                                      .owed = add_owed,
                                      .self = forgetting};
  struct kh_look_forgotten forgotten;
  struct count counts[COUNTS];
  struct kh_diag diag = {0};
  enum kh_err err = kh_look_forget(look, &what, &forgotten, &diag);

  if (err)
    return kh_cli_fail(call->self, KH_EXIT_STATE, "%s", diag.text[0] ? diag.text : kh_err_token(err));
  const bool is_found = counts_of(&forgotten, counts) > 0 || json_array_size(forgetting->owed) > 0;
  if (call->json)
    tell(forgetting, counts);
  else
    print(forgetting, counts);
  if (!forgotten.is_gone)
    return kh_cli_fail(
        call->self, KH_EXIT_STATE,
        "it is removed, but not overwritten (%s); make room, end what reads memory.sqlite, and "
        "type it again",
        diag.text);
  return is_found ? KH_EXIT_OK : nothing(call, look);
}

/* ---- the command line ---------------------------------------------------------------------- */

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"person", kh_cli_take_text, offsetof(struct call, person)},
    {"dry-run", kh_cli_take_flag, offsetof(struct call, is_dry)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int perform(const struct call *call)
{
  json_t *person = call->person ? json_string(call->person) : NULL;
  char *quoted = person ? json_dumps(person, JSON_ENCODE_ANY) : NULL;
  const struct kh_str in_json = quoted ? kh_str(quoted + 1, strlen(quoted) - 2) : KH_STR("");
  struct forgetting forgetting = {.call = call, .owed = json_array()};
  struct kh_state_folder folder = {0};
  struct kh_look *look = NULL;
  struct kh_diag diag = {0};
  int code = KH_EXIT_OK;

  if (call->person && !quoted)
    code = kh_cli_misused(call->self, "the name is not UTF-8");
  else
    code = kh_state_folder_open(&folder, call->self, call->config_path);
  if (code != KH_EXIT_OK)
    goto done;
  /* What was told is known by its rule alone: a hash of it and of a build. */
  forgetting.rules = kh_journal_rules(&folder, "so that they have spoken of these builds stays remembered, "
                                               "as hashes, for up to 30 days");
  if (kh_look_open(&look, folder.config->state, KH_LOOK_AND_CHANGE, &diag))
    code = kh_cli_fail(call->self, KH_EXIT_STATE, "%s", diag.text);
  else
    code = forget(&forgetting, look, in_json);
done:
  kh_look_close(look);
  kh_setup_close(forgetting.rules);
  kh_state_folder_close(&folder);
  json_decref(forgetting.owed);
  free(quoted);
  json_decref(person);
  return code;
}

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {.self = self};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (argc - optind > 1)
    return kh_cli_misused(self, "'%s' is too much", argv[optind + 1]);
  call.pipeline = optind < argc ? argv[optind] : NULL;
  if (!call.pipeline == !call.person)
    return kh_cli_misused(self, "give either a PIPELINE or --person NAME");
  if (call.pipeline && !call.pipeline[0])
    return kh_cli_misused(self, "the PIPELINE is empty");
  if (call.person && strlen(call.person) < KH_FORGET_PERSON_MIN_BYTES)
    return kh_cli_misused(self, "'%s' is too short: it is looked for anywhere in a text", call.person);
  return perform(&call);
}

const struct kh_command kh_command_forget = {
    .name = "forget",
    .summary = "forget what is remembered of a pipeline or of a person",
    .usage = "(PIPELINE | --person NAME) [--dry-run] [--config F] [--json]",
    .help =
        "Works beside a running worker, as the user who owns the state folder. What is removed is "
        "overwritten.\n"
        "  PIPELINE       a slug, organization/slug or an id: its branches and builds, what rules have "
        "spoken\n"
        "                 of them, and its lines of the journal\n"
        "  --person NAME  what has NAME anywhere in it, in any case of ASCII's letters: branches with their\n"
        "                 builds, names of jobs, lines of the journal by their branch, and dead "
        "notifications;\n"
        "                 those that are owed are listed, and left\n"
        "What waits in the inbox or was set aside, logs and backups are not looked through.\n\n"
        "  --dry-run      remove nothing; say what would go\n"
        "  --config F     the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --json         answer by one JSON object\n"
        "  -h, --help     show this\n\n"
        "Exit codes: 0 done, 1 nothing was found, 2 called wrongly, 3 configuration, 5 the state folder or\n"
        "memory cannot be had, somebody reads it all the time, or output failed.\n",
    .options = options,
    .run = run,
};
