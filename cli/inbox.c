#include "base/base.h"

#include "inbox_print.h"
#include "state_folder.h"

/* How the command was called. */
struct call {
  const struct kh_command *self;
  const char *config_path;
  char **names;
  size_t name_count;
  bool all, json;
};

static int fail(const struct call *call, const struct kh_state_folder *folder, enum kh_err err)
{
  return kh_cli_fail(call->self, KH_EXIT_STATE, "%s/inbox: %s", folder->config->state,
                     err == KH_ERR_INBOX_IO ? strerror(errno) : kh_err_token(err));
}

/* Takes ROWS over. */
static int tell_list(const struct call *call, json_t *rows)
{
  if (call->json) {
    kh_output_tell(json_pack("{s:o}", "aside", rows));
    return KH_EXIT_OK;
  }
  if (json_array_size(rows) == 0)
    puts("nothing is set aside");
  json_decref(rows);
  return KH_EXIT_OK;
}

static int list(const struct call *call, const struct kh_state_folder *folder, const struct kh_inbox *inbox)
{
  char(*names)[KH_ENTRY_NAME_BYTES] = NULL;
  json_t *rows = json_array();
  size_t count = 0;
  enum kh_err err = kh_aside_list(inbox, &names, &count);

  for (size_t i = 0; i < count && !err; i++) {
    struct kh_aside entry;

    err = kh_aside_read(inbox, names[i], &entry);
    if (err == KH_ERR_NOT_FOUND) {
      err = KH_OK; /* somebody was faster */
    } else if (!err) {
      json_t *row = kh_aside_json(&entry, inbox);

      if (!call->json)
        kh_aside_print_line(row, &entry, folder->now_us);
      json_array_append_new(rows, row);
    }
  }
  free(names);
  if (!err)
    return tell_list(call, rows);
  json_decref(rows);
  return fail(call, folder, err);
}

static int not_there(const struct call *call, const char *name)
{
  return kh_cli_fail(call->self, KH_EXIT_NO, "there is no entry '%s'", name);
}

static int show(const struct call *call, const struct kh_state_folder *folder, const struct kh_inbox *inbox)
{
  struct kh_aside entry;
  enum kh_err err = kh_aside_read(inbox, call->names[0], &entry);

  if (err == KH_ERR_NOT_FOUND)
    return not_there(call, call->names[0]);
  if (err)
    return fail(call, folder, err);
  json_t *json = kh_aside_json(&entry, inbox);
  if (call->json) {
    kh_output_tell(json);
    return KH_EXIT_OK;
  }
  kh_aside_print_whole(json, &entry);
  json_decref(json);
  return KH_EXIT_OK;
}

struct verb {
  int (*run)(const struct call *call, const struct kh_state_folder *folder, const struct kh_inbox *inbox);
  enum kh_err (*change)(const struct kh_inbox *inbox, const char *name); /* or this, with the next two */
  const char *done;
  bool wakes;
};

/* Stops at the first trouble with the disk; an entry that is not there is none. */
static enum kh_err change_all(const struct call *call, const struct kh_inbox *inbox, const struct verb *verb,
                              size_t *total, json_t *missing)
{
  char(*names)[KH_ENTRY_NAME_BYTES] = NULL;
  size_t count = call->name_count;
  enum kh_err err = call->all ? kh_aside_list(inbox, &names, &count) : KH_OK;

  *total = 0;
  for (size_t i = 0; i < count && !err; i++) {
    const char *name = call->all ? names[i] : call->names[i];

    err = verb->change(inbox, name);
    *total += err == KH_OK;
    if (err == KH_ERR_NOT_FOUND) {
      if (!call->all)
        json_array_append_new(missing, json_string(name));
      err = KH_OK;
    }
  }
  free(names);
  return err;
}

static int change_and_tell(const struct call *call, const struct kh_state_folder *folder,
                           const struct kh_inbox *inbox, const struct verb *verb)
{
  json_t *missing = json_array();
  size_t total = 0;
  enum kh_err err = change_all(call, inbox, verb, &total, missing);
  int code = err ? fail(call, folder, err) : KH_EXIT_OK;
  int told = kh_state_folder_tell(folder, verb->done, (int64_t)total, "entry", missing, verb->wakes,
                                  call->json);

  return code ? code : told;
}

/* ---- the command line ---------------------------------------------------------------------- */

static const struct verb verbs[] = {{.run = list},
                                    {.run = show},
                                    {.change = kh_aside_retry, .done = "retried", .wakes = true},
                                    {.change = kh_aside_drop, .done = "dropped"}};
static const char *const verb_names[] = {"list", "show", "retry", "drop", NULL};

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"all", kh_cli_take_flag, offsetof(struct call, all)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static bool is_sound(const struct call *call, const struct verb *verb)
{
  if (verb->run == list && call->name_count > 0)
    kh_cli_misused(call->self, "'%s' is too much", call->names[0]);
  else if (verb->run == show && call->name_count != 1)
    kh_cli_misused(call->self, "show takes one NAME");
  else if (!verb->change && call->all)
    kh_cli_misused(call->self, "--all is for retry and drop");
  else if (verb->change && (call->name_count > 0) == call->all)
    kh_cli_misused(call->self, "either NAMEs or --all are needed");
  else
    return true;
  return false;
}

static int perform(struct call *call, const struct verb *verb)
{
  struct kh_inbox inbox = kh_inbox_closed();
  struct kh_state_folder folder;
  struct kh_diag diag = {0};
  int code = kh_state_folder_open(&folder, call->self, call->config_path);

  if (code != KH_EXIT_OK)
    goto done;
  enum kh_err err = kh_inbox_find(&inbox, folder.config->state, &diag);
  if (err && err != KH_ERR_NOT_FOUND) /* where there is no inbox yet nothing is set aside */
    code = kh_cli_fail(call->self, KH_EXIT_STATE, "%s", diag.text);
  else
    code = verb->run ? verb->run(call, &folder, &inbox) : change_and_tell(call, &folder, &inbox, verb);
done:
  kh_inbox_close(&inbox);
  kh_state_folder_close(&folder);
  return code;
}

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {.self = self};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  int verb = kh_cli_verb(self, argc, argv, verb_names);
  if (verb < 0)
    return KH_EXIT_USAGE;
  call.names = argv + optind + 1;
  call.name_count = (size_t)(argc - optind - 1);
  return is_sound(&call, &verbs[verb]) ? perform(&call, &verbs[verb]) : KH_EXIT_USAGE;
}

const struct kh_command kh_command_inbox = {
    .name = "inbox",
    .summary = "show the webhooks that were set aside; try them again or drop them",
    .usage = "(list | show NAME | retry (NAME... | --all) | drop (NAME... | --all)) [--config F] [--json]",
    .help =
        "Works beside a running worker, as the user who owns the state folder.\n"
        "  list     what was set aside, and why\n"
        "  show     one of them: what its first line tells, and the file. The body is not printed, for\n"
        "           webhooks may hold secrets\n"
        "  retry    back to those that wait, and wake the worker: after a secret came back, or an update\n"
        "  drop     remove for good\n\n"
        "  --all        retry or drop all\n"
        "  --config F   the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --json       answer by one JSON object\n"
        "  -h, --help   show this\n\n"
        "Exit codes: 0 done, 1 a NAME is not there, 2 called wrongly, 3 configuration, 5 the state folder\n"
        "cannot be had, or output failed.\n",
    .options = options,
    .completes = "list show retry drop",
    .run = run,
};
