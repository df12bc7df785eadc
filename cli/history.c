#include "base/base.h"

#include "history_print.h"
#include "history_rows.h"
#include "pipelines.h"
#include "state_folder.h"

enum { SHOWN = 20 };

/* How the command was called. */
struct call {
  const struct kh_command *self;
  const char *config_path;
  const char *pipeline, *branch; /* NULL: all */
  int64_t limit;                 /* 0: not given */
  bool told, json;
};

/* Of branches or, where one was named, of its builds. */
static struct kh_history_most most_of(const struct call *call)
{
  return (struct kh_history_most){call->limit > 0 ? call->limit
                                  : call->json    ? 0
                                                  : SHOWN,
                                  call->branch != NULL};
}

static int complain(const struct call *call, struct kh_look *look)
{
  return call->branch ? kh_cli_no_branch(call->self, look, call->pipeline, call->branch)
                      : kh_cli_no_pipeline(call->self, look, call->pipeline);
}

static void print(const struct call *call, const json_t *branches, int64_t now_us)
{
  const json_t *branch = NULL;
  size_t i = 0;

  if (!call->branch) {
    kh_history_print_branches(branches, !call->pipeline, now_us);
    return;
  }
  json_array_foreach(branches, i, branch) kh_history_print_builds(branch, call->told, now_us);
}

static int show(const struct call *call, const struct kh_state_folder *folder, struct kh_look *look)
{
  const struct kh_look_at at = {kh_str_of(call->pipeline), kh_str_of(call->branch)};
  const struct kh_history_most most = most_of(call);
  struct kh_diag diag = {0};
  json_t *branches = NULL;
  int code = KH_EXIT_OK;

  if (kh_history_rows(look, &at, &most, folder->now_us, &branches, &diag))
    code = kh_cli_fail(call->self, KH_EXIT_STATE, "%s", diag.text);
  else if (json_array_size(branches) == 0)
    code = complain(call, look);
  else if (!call->json)
    print(call, branches, folder->now_us);
  if (call->json && code != KH_EXIT_STATE)
    kh_output_tell(json_pack("{s:O}", "branches", branches));
  json_decref(branches);
  return code;
}

/* ---- the command line ---------------------------------------------------------------------- */

static bool take_limit(const struct kh_command *self, const char *name, const char *text, void *value)
{
  return kh_cli_number(self, name, text, 1, value);
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"limit", take_limit, offsetof(struct call, limit)},
    {"told", kh_cli_take_flag, offsetof(struct call, told)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct kh_state_folder folder;
  struct kh_look *look = NULL;
  struct kh_diag diag = {0};
  struct call call = {.self = self};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (argc - optind > 2)
    return kh_cli_misused(self, "'%s' is too much", argv[optind + 2]);
  call.pipeline = optind < argc ? argv[optind] : NULL;
  call.branch = optind + 1 < argc ? argv[optind + 1] : NULL;
  if ((call.pipeline && !call.pipeline[0]) || (call.branch && !call.branch[0]))
    return kh_cli_misused(self, "an operand is empty");
  code = kh_state_folder_open(&folder, self, call.config_path);
  if (code == KH_EXIT_OK && kh_look_open(&look, folder.config->state, KH_LOOK_ONLY, &diag))
    code = kh_cli_fail(self, KH_EXIT_STATE, "%s", diag.text);
  else if (code == KH_EXIT_OK)
    code = show(&call, &folder, look);
  kh_look_close(look);
  kh_state_folder_close(&folder);
  return code;
}

const struct kh_command kh_command_history = {
    .name = "history",
    .summary = "show what is remembered of the builds of a pipeline",
    .usage = "[PIPELINE [BRANCH]] [--told] [--limit N] [--config F] [--json]",
    .help =
        "Works beside a running worker, as the user who owns the state folder.\n"
        "PIPELINE is a slug, organization/slug or an id. Without BRANCH each branch has a line, the one "
        "that\n"
        "was last heard of first: since when it fails and by which jobs, or that it passes. With BRANCH "
        "each\n"
        "of its last builds has one, too, the newest first.\n\n"
        "  --told           below each build of BRANCH what is known of its check runs at GitHub and "
        "messages\n"
        "                   in Slack: place, and id there\n"
        "  --limit N, -n N  at most N branches, or builds of BRANCH; default: 20, with --json all\n"
        "  --config F       the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --json           answer by one JSON object, as docs/memory.md describes it\n"
        "  -h, --help       show this\n\n"
        "Exit codes: 0 shown, 1 nothing is remembered of it, 2 called wrongly, 3 configuration, 5 the state\n"
        "folder or memory cannot be had, or output failed.\n",
    .options = options,
    .numbered = "limit",
    .run = run,
};
