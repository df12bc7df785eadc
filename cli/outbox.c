#include "base/base.h"

#include "outbox_print.h"
#include "rules/notifier.h"
#include "state_folder.h"

/* How the command was called. */
struct call {
  const struct kh_command *self;
  const char *config_path;
  struct kh_look_filter filter;
  int64_t older_than_s; /* -1: not given */
  char **ids;
  size_t id_count;
  bool all, json;
};

static bool add_row(void *rows, const struct kh_look_delivery *delivery)
{
  return json_array_append_new(rows, kh_outbox_json(delivery)) == 0;
}

static int fail(const struct call *call, const struct kh_diag *diag)
{
  return kh_cli_fail(call->self, KH_EXIT_STATE, "%s", diag->text);
}

static int list(const struct call *call, const struct kh_state_folder *folder, struct kh_look *look)
{
  json_t *rows = json_array();
  struct kh_diag diag = {0};
  size_t i = 0;
  const json_t *row = NULL;

  /*
   * Nothing is printed before all was read: whoever reads a page at a time must not keep the worker from its
   * files.
   */
  if (kh_look_deliveries(look, &call->filter, folder->now_us, add_row, rows, &diag) != KH_OK) {
    json_decref(rows);
    return fail(call, &diag);
  }
  if (call->json) {
    kh_output_tell(json_pack("{s:o}", "deliveries", rows));
    return KH_EXIT_OK;
  }
  json_array_foreach(rows, i, row) kh_outbox_print_line(row, folder->now_us);
  if (json_array_size(rows) == 0)
    puts("no deliveries");
  json_decref(rows);
  return KH_EXIT_OK;
}

static int show(const struct call *call, const struct kh_state_folder *folder, struct kh_look *look)
{
  json_t *rows = json_array();
  struct kh_look_filter filter = {.id = kh_str_of(call->ids[0])};
  struct kh_diag diag = {0};
  struct kh_buf body;
  json_t *row = NULL;
  int code = KH_EXIT_OK;

  kh_buf_init(&body, KH_DELIVERY_MAX_BYTES);
  enum kh_err err = kh_look_deliveries(look, &filter, folder->now_us, add_row, rows, &diag);
  row = json_array_get(rows, 0);
  /* It may be delivered between the two looks. */
  if (!err)
    err = row ? kh_look_body(look, filter.id, &body, &diag) : KH_ERR_NOT_FOUND;
  if (err == KH_ERR_NOT_FOUND) {
    code = kh_cli_fail(call->self, KH_EXIT_NO, "there is no delivery '%s'; delivered ones are forgotten",
                       call->ids[0]);
  } else if (err) {
    code = kh_cli_fail(call->self, KH_EXIT_STATE, "%s", diag.text[0] ? diag.text : kh_err_token(err));
  } else if (call->json) {
    json_object_set_new(row, "body", kh_output_json(kh_buf_view(&body)));
    kh_output_tell(json_incref(row));
  } else {
    kh_outbox_print_whole(row, kh_buf_view(&body));
  }
  kh_buf_release(&body);
  json_decref(rows);
  return code;
}

struct verb {
  int (*run)(const struct call *call, const struct kh_state_folder *folder, struct kh_look *look);
  /* Or this, with the next two. */
  enum kh_err (*change)(struct kh_look *look, const struct kh_look_filter *filter, int64_t now_us,
                        int64_t *count, struct kh_diag *diag);
  const char *done;
  bool wakes;
};

static enum kh_err redrive_these(struct kh_look *look, const struct kh_look_filter *filter, int64_t now_us,
                                 int64_t *count, struct kh_diag *diag)
{
  const int64_t lifetime_max_us = (int64_t)KH_DELIVERY_AGE_MAX_S * 1000000;

  return kh_look_redrive(look, filter, now_us, lifetime_max_us, count, diag);
}

/* What the ids or the filter ask for. MISSING gets the ids that are not there. */
static enum kh_err change_all(const struct call *call, const struct kh_state_folder *folder,
                              struct kh_look *look, const struct verb *verb, int64_t *total, json_t *missing,
                              struct kh_diag *diag)
{
  struct kh_look_filter filter = call->filter;
  enum kh_err err = KH_OK;

  *total = 0;
  if (call->id_count == 0) {
    if (filter.state.len == 0)
      filter.state = KH_STR("dead"); /* what lives is only touched where it is named */
    return verb->change(look, &filter, folder->now_us, total, diag);
  }
  for (size_t i = 0; i < call->id_count && !err; i++) {
    int64_t count = 0;

    filter.id = kh_str_of(call->ids[i]);
    err = verb->change(look, &filter, folder->now_us, &count, diag);
    *total += count;
    if (!err && count == 0)
      json_array_append_new(missing, json_string(call->ids[i]));
  }
  return err;
}

static int change_and_tell(const struct call *call, const struct kh_state_folder *folder,
                           struct kh_look *look, const struct verb *verb)
{
  json_t *missing = json_array();
  struct kh_diag diag = {0};
  int64_t total = 0;
  enum kh_err err = change_all(call, folder, look, verb, &total, missing, &diag);
  int code = kh_state_folder_tell(folder, verb->done, total, "delivery", missing, verb->wakes, call->json);

  return err ? fail(call, &diag) : code;
}

/* ---- the command line ---------------------------------------------------------------------- */

static const struct verb verbs[] = {{.run = list},
                                    {.run = show},
                                    {.change = redrive_these, .done = "redriven", .wakes = true},
                                    {.change = kh_look_drop, .done = "dropped"}};
static const char *const verb_names[] = {"list", "show", "redrive", "drop", NULL};

static bool take_text(const struct kh_command *self, const char *name, const char *text, void *filter)
{
  (void)self;
  (void)name;
  *(struct kh_str *)filter = kh_str_of(text);
  return true;
}

static bool take_state(const struct kh_command *self, const char *name, const char *text, void *filter)
{
  *(struct kh_str *)filter = kh_str_of(text);
  if (strcmp(text, "waiting") == 0 || strcmp(text, "due") == 0 || strcmp(text, "dead") == 0)
    return true;
  kh_cli_misused(self, "--%s '%s' is none of waiting, due and dead", name, text);
  return false;
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"state", take_state, offsetof(struct call, filter.state)},
    {"notifier", take_text, offsetof(struct call, filter.notifier)},
    {"destination", take_text, offsetof(struct call, filter.destination)},
    {"event", take_text, offsetof(struct call, filter.event)},
    {"older-than", kh_cli_take_duration, offsetof(struct call, older_than_s)},
    {"all", kh_cli_take_flag, offsetof(struct call, all)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static bool has_filter(const struct call *call)
{
  const struct kh_look_filter *filter = &call->filter;

  return filter->state.len > 0 || filter->notifier.len > 0 || filter->destination.len > 0 ||
         filter->event.len > 0 || call->older_than_s >= 0;
}

/* Nothing is changed by a command that somebody did not finish typing. */
static bool is_sound(const struct call *call, const struct verb *verb)
{
  if (verb->run == list && call->id_count > 0)
    kh_cli_misused(call->self, "'%s' is too much", call->ids[0]);
  else if (verb->run == show && call->id_count != 1)
    kh_cli_misused(call->self, "show takes one ID");
  else if (verb->run == show && has_filter(call))
    kh_cli_misused(call->self, "show takes an ID and no filter");
  else if (!verb->change && call->all)
    kh_cli_misused(call->self, "--all is for redrive and drop");
  else if (verb->change && call->id_count == 0 && !call->all && !has_filter(call))
    kh_cli_misused(call->self, "IDs, filters or --all are needed");
  else if (verb->change && call->id_count > 0 && (call->all || has_filter(call)))
    kh_cli_misused(call->self, "give either IDs or filters");
  else
    return true;
  return false;
}

static int perform(struct call *call, const struct verb *verb)
{
  struct kh_state_folder folder;
  struct kh_look *look = NULL;
  struct kh_diag diag = {0};
  int code = kh_state_folder_open(&folder, call->self, call->config_path);

  if (code != KH_EXIT_OK)
    goto done;
  if (call->older_than_s >= 0)
    call->filter.created_before_us = folder.now_us - call->older_than_s * 1000000;
  if (kh_look_open(&look, folder.config->state, verb->change ? KH_LOOK_AND_CHANGE : KH_LOOK_ONLY, &diag) !=
      KH_OK)
    code = fail(call, &diag);
  else
    code = verb->run ? verb->run(call, &folder, look) : change_and_tell(call, &folder, look, verb);
done:
  kh_look_close(look);
  kh_state_folder_close(&folder);
  return code;
}

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {.self = self, .older_than_s = -1};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  int verb = kh_cli_verb(self, argc, argv, verb_names);
  if (verb < 0)
    return KH_EXIT_USAGE;
  call.ids = argv + optind + 1;
  call.id_count = (size_t)(argc - optind - 1);
  return is_sound(&call, &verbs[verb]) ? perform(&call, &verbs[verb]) : KH_EXIT_USAGE;
}

const struct kh_command kh_command_outbox = {
    .name = "outbox",
    .summary = "show the notifications that are owed or dead; send them again or drop them",
    .usage = "(list | show ID | redrive | drop) [ID... | --all | FILTER...] [--config F] [--json]\n"
             "  FILTER is --state S, --notifier N, --destination D, --event E or --older-than T",
    .help =
        "Works beside a running worker, as the user who owns the state folder.\n"
        "  list     what is owed or dead; delivered ones are forgotten\n"
        "  show     one of them with its words (--json: its body), and why it was not delivered\n"
        "  redrive  send dead ones again, under the same id and with all their attempts before them, and "
        "wake\n"
        "           the worker; those that wait (by ID, or --state waiting) are due at once\n"
        "  drop     forget dead ones; others only by ID or --state, and one that is being sent may arrive\n"
        "Filters must all hold. redrive and drop take dead ones unless --state or an ID says otherwise.\n\n"
        "  --state S        waiting (for its next attempt), due or dead\n"
        "  --notifier N     such as slack\n"
        "  --destination D  as list shows it, such as 'slack env:SLACK_WEBHOOK_URL'; without\n"
        "                   its place it means all places\n"
        "  --event E        the webhook's, such as build.finished\n"
        "  --older-than T   made longer ago than this, such as 90s, 5m or 2d\n"
        "  --all            redrive or drop all, instead of a filter\n"
        "  --config F       the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --json           answer by one JSON object\n"
        "  -h, --help       show this\n\n"
        "Exit codes: 0 done, 1 an ID is not there, 2 called wrongly, 3 configuration, 5 the state folder or\n"
        "memory cannot be had, or output failed.\n",
    .options = options,
    .completes = "list show redrive drop",
    .run = run,
};
