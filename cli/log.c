#include "base/base.h"

#include "journal_ask.h"
#include "journal_print.h"
#include "journal_rows.h"
#include "log_follow.h"

enum { SHOWN = 20 };

/* How the command was called. */
struct call {
  const struct kh_command *self;
  const char *config_path;
  struct kh_look_which which;
  int64_t limit;   /* -1: not given */
  int64_t since_s; /* 0: not given */
  bool follow, json;
};

/* ---- a line ---- */

/* Takes ROW over. */
static void tell(bool as_json, json_t *row)
{
  if (as_json) {
    kh_output_tell(row);
    return;
  }
  kh_journal_print_line(row);
  json_decref(row);
}

static json_t *row_of(const struct kh_look_webhook *webhook)
{
  json_t *row = kh_journal_webhook_json(webhook);

  json_object_set_new(row, "reasons", kh_journal_reasons_json(webhook));
  return row;
}

static bool add_row(void *rows, const struct kh_look_webhook *webhook)
{
  return json_array_append_new(rows, row_of(webhook)) == 0;
}

struct telling {
  bool as_json;
  int64_t told, last_seq;
};

/* A reader that is gone ends it. */
static bool tell_row(void *self, const struct kh_look_webhook *webhook)
{
  struct telling *telling = self;

  tell(telling->as_json, row_of(webhook));
  telling->told++;
  telling->last_seq = webhook->seq;
  return !ferror(stdout);
}

/* ---- what there is ---- */

/* The last of them: they are found backwards, and told forwards. */
static enum kh_err tell_last(const struct call *call, struct kh_look *look, int64_t most,
                             struct telling *telling, struct kh_diag *diag)
{
  struct kh_look_which which = call->which;
  json_t *rows = json_array();

  which.newest_first = true;
  which.max = most;
  enum kh_err err = kh_look_webhooks(look, &which, add_row, rows, diag);
  for (size_t i = json_array_size(rows); !err && i-- > 0;)
    tell(call->json, json_incref(json_array_get(rows, i)));
  telling->told = (int64_t)json_array_size(rows);
  json_decref(rows);
  return err;
}

static int64_t most_of(const struct call *call)
{
  return call->limit >= 0 ? call->limit : call->json ? INT64_MAX : SHOWN;
}

static enum kh_err tell_all(const struct call *call, struct kh_look *look, struct telling *telling,
                            struct kh_diag *diag)
{
  const int64_t most = most_of(call);

  if (most == 0)
    return KH_OK;
  return most < INT64_MAX ? tell_last(call, look, most, telling, diag)
                          : kh_look_webhooks(look, &call->which, tell_row, telling, diag);
}

static int no_such(const struct kh_look_span *span)
{
  json_t *json = kh_journal_span_json(span);

  fprintf(stderr, "kitehook log: of the %" PRId64 " webhooks of the journal, since %s, none is like this\n",
          span->webhooks, json_string_value(json_object_get(json, "since")));
  json_decref(json);
  return KH_EXIT_NO;
}

static bool tell_new(void *self, struct kh_look *look, int64_t *after_seq, struct kh_diag *diag)
{
  const struct call *call = self;
  struct kh_look_which which = call->which;
  struct telling telling = {.as_json = call->json, .last_seq = *after_seq};

  which.after_seq = *after_seq;
  if (kh_look_webhooks(look, &which, tell_row, &telling, diag))
    return false;
  *after_seq = telling.last_seq;
  return true;
}

static int show(struct call *call, const struct kh_state_folder *folder, struct kh_look *look)
{
  struct telling telling = {.as_json = call->json};
  struct kh_look_span span = {0};
  struct kh_diag diag = {0};
  int code = kh_journal_must_have_some(folder, look, &span);

  if (code == KH_EXIT_STATE || (code != KH_EXIT_OK && !call->follow))
    return code;
  if (tell_all(call, look, &telling, &diag))
    return kh_cli_fail(call->self, KH_EXIT_STATE, "%s", diag.text);
  if (call->follow)
    return kh_log_follow(folder, span.last_seq, tell_new, call);
  return telling.told > 0 || call->limit == 0 ? KH_EXIT_OK : no_such(&span);
}

/* ---- the command line ---------------------------------------------------------------------- */

static bool take_text(const struct kh_command *self, const char *name, const char *text, void *value)
{
  *(struct kh_str *)value = kh_str_of(text);
  if (text[0])
    return true;
  kh_cli_misused(self, "--%s is empty", name);
  return false;
}

static bool take_build(const struct kh_command *self, const char *name, const char *text, void *value)
{
  return kh_cli_number(self, name, text, 1, value);
}

static const char *stage_names[] = {
    [KH_STAGE_WEBHOOK] = "a webhook",
    [KH_STAGE_RULE] = "a rule",
    [KH_STAGE_DELIVERY] = "a delivery, which `kitehook outbox list` asks for"};

static bool take_reason(const struct kh_command *self, const char *name, const char *text, void *value,
                        enum kh_reason_stage stage)
{
  const enum kh_reason reason = kh_reason_by_word(kh_str_of(text));

  *(struct kh_str *)value = kh_str_of(text);
  if (reason != KH_REASON_NONE && kh_reason_stage(reason) == stage)
    return true;
  if (reason != KH_REASON_NONE)
    kh_cli_misused(self, "--%s '%s' is of %s, not of %s", name, text, stage_names[kh_reason_stage(reason)],
                   stage_names[stage]);
  else
    kh_cli_misused(self, "--%s '%s' is no reason of %s; docs/why.md lists them", name, text,
                   stage_names[stage]);
  return false;
}

static bool take_verdict(const struct kh_command *self, const char *name, const char *text, void *value)
{
  return take_reason(self, name, text, value, KH_STAGE_WEBHOOK);
}

static bool take_rule_reason(const struct kh_command *self, const char *name, const char *text, void *value)
{
  return take_reason(self, name, text, value, KH_STAGE_RULE);
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"limit", kh_cli_take_number, offsetof(struct call, limit)},
    {"follow", kh_cli_take_flag, offsetof(struct call, follow)},
    {"pipeline", take_text, offsetof(struct call, which.pipeline)},
    {"branch", take_text, offsetof(struct call, which.branch)},
    {"build", take_build, offsetof(struct call, which.build_number)},
    {"event", take_text, offsetof(struct call, which.event)},
    {"verdict", take_verdict, offsetof(struct call, which.verdict)},
    {"reason", take_rule_reason, offsetof(struct call, which.reason)},
    {"since", kh_cli_take_duration, offsetof(struct call, since_s)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct kh_state_folder folder = {0};
  struct kh_look *look = NULL;
  struct kh_diag diag = {0};
  struct kh_buf pipeline;
  struct call call = {.self = self, .limit = -1};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  kh_buf_init(&pipeline, 0);
  code = kh_journal_open(&folder, &look, self, call.config_path);
  if (code != KH_EXIT_OK)
    goto done;
  if (call.since_s > 0)
    call.which.since_us = folder.now_us - call.since_s * 1000000;
  if (kh_journal_pipeline(look, call.which.pipeline, &pipeline, &diag)) {
    code = kh_cli_fail(self, KH_EXIT_STATE, "%s", diag.text);
    goto done;
  }
  call.which.pipeline = kh_buf_view(&pipeline);
  code = show(&call, &folder, look);
done:
  kh_buf_release(&pipeline);
  kh_look_close(look);
  kh_state_folder_close(&folder);
  return code;
}

const struct kh_command kh_command_log = {
    .name = "log",
    .summary = "show the webhooks of the journal, and what rules made of each",
    .usage =
        "[-n N] [--follow] [FILTER...] [--config F] [--json]\n"
        "  FILTER is --pipeline P, --branch B, --build N, --event E, --verdict V, --reason R or --since T",
    .help =
        "Works beside a running worker, as the user who owns the state folder. A line has the webhook's ID, "
        "for\n"
        "`kitehook show ID`, when it came, what it tells of, the verdict on it, and how many rules came to\n"
        "which reason. The last one stands below.\n"
        "Filters must all hold.\n\n"
        "  --limit N, -n N  at most N, the last; default: 20, with --json all\n"
        "  --follow         stay, and show what comes, until it is interrupted\n"
        "  --pipeline P     a slug, organization/slug or an id\n"
        "  --branch B       of this branch\n"
        "  --build N        of a build of this number\n"
        "  --event E        such as build.finished\n"
        "  --verdict V      done, replay, repeat, replayed or aside\n"
        "  --reason R       what a rule came to, such as not_branch; docs/why.md has all\n"
        "  --since T        that came within this time, such as 90s, 5m or 2d\n"
        "  --config F       the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --json           a JSON object for each, on a line of its own, as docs/why.md describes it\n"
        "  -h, --help       show this\n\n"
        "Exit codes: 0 shown, 1 there is none, 2 called wrongly, 3 configuration, 5 the state folder or "
        "memory\n"
        "cannot be had, or output failed.\n",
    .options = options,
    .numbered = "limit",
    .operand = "",
    .run = run,
};
