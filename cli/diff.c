#include "base/base.h"

#include "asked.h"
#include "diff.h"
#include "journal_rows.h"
#include "memory/told.h"
#include "state_folder.h"

enum { OLD, NEW };

struct call {
  const char *paths[2];
  int64_t since_s; /* -1: all that there is */
  bool json;
};

struct walk {
  struct kh_diff_side sides[2];
  struct kh_rerun *reruns[2];
  struct kh_told_rows told[2];
  struct kh_json doc;
  int64_t since_us;
  struct kh_look_span span;
  const struct kh_look_webhook *webhook; /* at hand */
  struct kh_diff_print print;
  struct kh_diff_counts counts;
  enum kh_err err;
};

static void take_difference(void *self, const struct kh_difference *difference)
{
  struct walk *walk = self;

  walk->counts.of[difference->kind]++;
  kh_diff_print_one(&walk->print, walk->sides, walk->webhook, difference);
}

static enum kh_err ask_both(struct walk *walk, struct kh_kept_webhook *kept)
{
  char entry[96];
  const struct kh_rerun_of of = {.kept = kept, .received_us = walk->webhook->received_us, .entry = entry};
  enum kh_err err = KH_OK;

  snprintf(entry, sizeof entry, "%.*s", KH_FMT(walk->webhook->entry));
  for (size_t side = OLD; side <= NEW && !err; side++)
    err = kh_rerun_ask(walk->reruns[side], &of, &walk->sides[side].made);
  return err;
}

/* What is too old to be told of counts all the same: rules may have spoken of its build. */
static bool ask_webhook(void *self, const struct kh_look_webhook *webhook)
{
  struct walk *walk = self;
  const bool is_told = webhook->received_us >= walk->since_us;
  struct kh_kept_webhook kept = {0};

  if (webhook->seq > walk->span.last_seq)
    return false;
  if (webhook->verdict != KH_REASON_DONE && webhook->verdict != KH_REASON_NONE)
    return true;
  walk->webhook = webhook;
  walk->counts.webhooks += is_told;
  if (kh_asked_cannot(webhook) || kh_kept_read(&kept, &walk->doc, webhook->kept, NULL)) {
    walk->counts.unreadable += is_told;
  } else {
    walk->err = ask_both(walk, &kept);
    if (!walk->err && is_told)
      walk->err = kh_diff_match(walk->sides, take_difference, walk, &walk->counts.same);
  }
  for (size_t side = OLD; side <= NEW; side++)
    kh_rerun_made_release(&walk->sides[side].made);
  kh_kept_release(&kept);
  return !walk->err;
}

static json_t *about(const struct call *call, const struct walk *walk)
{
  const struct kh_look_span *span = &walk->span;
  return json_pack("{s:s,s:s,s:o,s:o,s:b}", "old", call->paths[OLD], "new", call->paths[NEW], "since",
                   kh_output_time(walk->since_us), "journal", kh_journal_span_json(span), "is_short",
                   walk->since_us > 0 && (span->webhooks == 0 || span->first_us > walk->since_us));
}

static int compare(const struct kh_command *self, const struct call *call, struct walk *walk,
                   struct kh_look *look)
{
  const struct kh_look_which all = {0};
  struct kh_diag diag = {0};
  int64_t differences = 0;
  enum kh_err err = kh_look_span(look, &walk->span, &diag);

  if (!err) {
    kh_diff_print_begin(&walk->print, about(call, walk));
    err = kh_look_webhooks(look, &all, ask_webhook, walk, &diag);
  }
  if (!err && walk->err == KH_ERR_LIMIT)
    return kh_cli_fail(self, KH_EXIT_STATE, "the rules told more than %d things within %d days; too much",
                       KH_TOLD_MAX, KH_TOLD_AGE_S / 86400);
  err = err ? err : walk->err;
  if (err)
    return kh_cli_fail(self, KH_EXIT_STATE, "%s", diag.text[0] ? diag.text : kh_err_token(err));
  kh_diff_print_end(&walk->print, &walk->counts);
  for (size_t i = 0; i < KH_DIFFERENCES; i++)
    differences += walk->counts.of[i];
  return differences > 0 ? KH_EXIT_NO : KH_EXIT_OK;
}

static bool begin(struct walk *walk, const struct kh_setup *old, const struct kh_setup *new)
{
  const struct kh_setup *const setups[2] = {old, new};
  enum kh_err err = KH_OK;

  for (size_t side = OLD; side <= NEW && !err; side++) {
    const struct kh_memory memory = kh_told_memory(&walk->told[side]);

    walk->sides[side].setup = setups[side];
    err = kh_rerun_open(&walk->reruns[side], setups[side], &memory);
  }
  return !err;
}

static void end(struct walk *walk)
{
  for (size_t side = OLD; side <= NEW; side++) {
    kh_rerun_close(walk->reruns[side]);
    kh_told_release(&walk->told[side]);
  }
  kh_diff_print_release(&walk->print);
  kh_json_release(&walk->doc);
}

static int diff(const struct kh_command *self, const struct call *call, const struct kh_state_folder *folder,
                const struct kh_setup *new)
{
  struct walk walk = {.print = {.as_json = call->json}};
  struct kh_look *look = NULL;
  struct kh_diag diag = {0};
  int code = KH_EXIT_STATE;

  kh_json_init(&walk.doc, kh_json_default_limits);
  if (call->since_s >= 0)
    walk.since_us = folder->now_us - call->since_s * 1000000;
  if (!begin(&walk, folder->setup, new))
    kh_cli_fail(self, code, "%s", kh_err_token(KH_ERR_NO_MEMORY));
  else if (kh_look_open(&look, folder->config->state, KH_LOOK_ONLY, &diag))
    kh_cli_fail(self, code, "%s", diag.text);
  else
    code = compare(self, call, &walk, look);
  kh_look_close(look);
  end(&walk);
  return code;
}

/* ---- the command line ---------------------------------------------------------------------- */

static const struct kh_cli_option options[] = {
    {"since", kh_cli_take_duration, offsetof(struct call, since_s)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {.since_s = -1};
  struct kh_state_folder folder = {0};
  struct kh_setup *new = NULL;
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (argc - optind != 2)
    return kh_cli_misused(self, "two configurations are compared: OLD.yml NEW.yml");
  call.paths[OLD] = argv[optind];
  call.paths[NEW] = argv[optind + 1];
  code = kh_state_folder_open_at(&folder, self, call.paths[OLD], KH_CONFIG_DRY);
  if (code == KH_EXIT_OK)
    code = kh_cli_setup(self, &new, call.paths[NEW], KH_CONFIG_DRY);
  if (code == KH_EXIT_OK)
    code = diff(self, &call, &folder, new);
  kh_setup_close(new);
  kh_state_folder_close(&folder);
  return code;
}

const struct kh_command kh_command_diff = {
    .name = "diff",
    .summary = "show which messages another configuration would have added, taken away or changed",
    .usage = "OLD.yml NEW.yml [--since T] [--json]",
    .help =
        "Asks the rules of both about every webhook that the journal in OLD.yml's state folder has, as they\n"
        "came, and compares the messages: by webhook and by where they go. Nothing is sent, and no secret\n"
        "is read. Works beside a running worker, as the user who owns the state folder.\n"
        "Repeats, replays and what was set aside notify of nothing. The journal keeps no e-mail addresses,\n"
        "environment and meta-data: what a rule makes of those is not known, and counted apart.\n\n"
        "  --since T    only of webhooks that were received since, such as 7d; default: all that there are\n"
        "  --json       answer by one JSON object, with every message; else of each rule the first three\n"
        "  -h, --help   show this\n\n"
        "Exit codes: 0 no difference, 1 there is one, or it is not known, 2 called wrongly, 3 "
        "configuration,\n"
        "5 the state folder or memory cannot be had, or output failed.\n",
    .options = options,
    .completes = KH_COMPLETES_FILES,
    .run = run,
};
