#include "base/base.h"

#include "asked.h"
#include "destination.h"
#include "journal_print.h"
#include "journal_rows.h"
#include "memory/told.h"
#include "notify/notifiers.h"
#include "reason_words.h"
#include "renew.h"
#include "rerun.h"
#include "rules/rule_list.h"
#include "state_folder.h"

#include <unistd.h>

struct call {
  const struct kh_command *self;
  const char *config_path;
  char **ids;
  size_t id_count;
  bool send, json;
};

struct replay {
  const struct call *call;
  const struct kh_setup *setup; /* that is asked */
  const struct kh_setup *own;   /* that the worker goes by; the same one where no other is known */
  struct kh_look *look;
  struct kh_rerun *rerun;
  struct kh_rules_listed listed;
  struct kh_told_rows told; /* which state, to which place, by the webhook at hand */
  struct kh_json doc;
  int64_t now_us;
  json_t *webhooks;
  int64_t owed;
  int code;
};

/* ---- what was told before ---- */

/*
 * A place that a newer webhook has told its state keeps it. That a rule has spoken of the build already is no
 * reason to be silent when a person asks once more, and then no news: those are told with no value.
 */
static enum kh_err was_told(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us, bool *told,
                            int64_t *value)
{
  const struct replay *replay = self;
  struct kh_diag diag = {0};

  enum kh_err err = kh_look_told_value(replay->look, what, now_us, value, &diag);
  *told = *value != 0;
  return err;
}

static enum kh_err tell(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us, int64_t value)
{
  struct replay *replay = self;
  const struct kh_memory told = kh_told_memory(&replay->told);

  return value != 0 ? kh_memory_tell(&told, what, now_us, value) : KH_OK;
}

static const struct kh_memory_ops told_memory = {.was_told = was_told, .tell = tell};

/* ---- what the rules make of it ---- */

static bool has_unkept_place(const struct kh_delivery *delivery)
{
  const struct kh_notifier *notifier = kh_notifier_named(kh_str_of(delivery->notifier));

  return notifier && notifier->unkept_place && strcmp(delivery->place, notifier->unkept_place) == 0;
}

static json_t *messages_of(const struct replay *replay, const struct kh_rule *rule,
                           const struct kh_deliveries *made)
{
  json_t *messages = json_array();

  for (size_t i = 0; i < made->count; i++) {
    if (strcmp(made->at[i].rule, rule->name) != 0)
      continue;
    json_t *message = json_object();
    json_object_set_new(message, "destination", kh_asked_destination(replay->setup, &made->at[i]));
    json_object_set_new(message, "is_kept", json_boolean(!has_unkept_place(&made->at[i])));
    json_object_set_new(message, "body", kh_output_json(kh_buf_view(&made->at[i].body)));
    json_array_append_new(messages, message);
  }
  return messages;
}

static json_t *rule_of(const struct replay *replay, size_t place, const struct kh_rerun_made *made,
                       const json_t *notes)
{
  const struct kh_rule *rule = &replay->setup->rules.at[place];
  const struct kh_config *config = &replay->setup->config;
  const enum kh_reason reason = (enum kh_reason)made->reasons[place];
  json_t *told = json_object();
  char key[24];

  snprintf(key, sizeof key, "%zu", place);
  const json_t *note = json_object_get(notes, key);
  json_object_set_new(told, "rule", json_string(rule->name));
  json_object_set_new(told, "notifier", json_string(rule->notifier->name));
  json_object_set_new(
      told, "destination",
      kh_destination_shown(config, rule, json_array_get(config->notify, place), kh_str_of(rule->place)));
  kh_reason_put(told, reason, kh_str_of(json_string_value(note)));
  json_object_set_new(told, "messages", messages_of(replay, rule, &made->deliveries));
  return told;
}

static json_t *rules_of(const struct replay *replay, const struct kh_rerun_made *made)
{
  const struct kh_str text = kh_buf_view(&made->notes);
  json_t *notes = text.len > 0 ? json_loadb(text.at, text.len, 0, NULL) : NULL;
  json_t *rules = json_array();

  for (size_t i = 0; i < replay->setup->rules.count; i++)
    json_array_append_new(rules, rule_of(replay, i, made, notes));
  json_decref(notes);
  return rules;
}

/* ---- sending ---- */

/* Nobody knows their address. */
static void drop_unkept(struct kh_deliveries *made)
{
  size_t kept = 0;

  for (size_t i = 0; i < made->count; i++) {
    if (has_unkept_place(&made->at[i]))
      kh_delivery_release(&made->at[i]);
    else
      made->at[kept++] = made->at[i];
  }
  made->count = kept;
}

static bool has_own(const struct replay *replay, const struct kh_delivery *delivery)
{
  size_t place = 0;
  const struct kh_rule *rule = kh_asked_rule(replay->own, delivery->rule, &place);

  while (rule && strcmp(rule->credential, delivery->credential) != 0)
    rule = rule->also;
  return rule != NULL;
}

/* The worker could not send it: it would wait for a rule that is not there. */
static bool is_refused(struct replay *replay, const struct kh_look_webhook *webhook,
                       const struct kh_deliveries *made)
{
  for (size_t i = 0; i < made->count; i++) {
    if (has_own(replay, &made->at[i]))
      continue;
    replay->code = kh_cli_fail(
        replay->call->self, KH_EXIT_CONFIG,
        "%s, by which the worker goes, has no rule %s with this destination: nothing of"
        " webhook %" PRId64 " was sent",
        replay->own->config.path, made->at[i].rule, webhook->seq);
    return true;
  }
  return false;
}

static struct kh_journal journal_of(const struct replay *replay, const struct kh_look_webhook *webhook,
                                    const char *entry, const struct kh_rerun_made *made)
{
  return (struct kh_journal){.entry = kh_str_of(entry),
                             .request_id = webhook->request_id,
                             .event = webhook->event,
                             .organization = webhook->organization,
                             .pipeline = webhook->pipeline,
                             .branch = webhook->branch,
                             .state = webhook->state,
                             .build_id = webhook->build_id,
                             .job = webhook->job,
                             .proof = webhook->proof,
                             .secret = webhook->secret,
                             .verdict = KH_REASON_REPLAYED,
                             .build_number = webhook->build_number,
                             .received_us = replay->now_us,
                             .done_us = replay->now_us,
                             .sent_s = webhook->sent_s,
                             .bytes = webhook->bytes,
                             .deliveries = made->deliveries.count,
                             .rules = &replay->listed.list,
                             .decisions = kh_str((const char *)made->reasons, replay->setup->rules.count),
                             .notes = kh_buf_view(&made->notes),
                             .kept = webhook->kept};
}

static void send(struct replay *replay, const struct kh_look_webhook *webhook, const char *entry,
                 struct kh_rerun_made *made, json_t *told)
{
  struct kh_diag diag = {0};
  int64_t seq = 0;

  drop_unkept(&made->deliveries);
  const struct kh_journal journal = journal_of(replay, webhook, entry, made);
  if (made->deliveries.count == 0 || is_refused(replay, webhook, &made->deliveries))
    return;
  const struct kh_look_owed owed = {&journal, made->deliveries.at, made->deliveries.count, &replay->told};
  if (kh_look_owe(replay->look, &owed, replay->now_us, &seq, &diag)) {
    replay->code = kh_cli_fail(replay->call->self, KH_EXIT_STATE, "%s", diag.text);
    return;
  }
  replay->owed += (int64_t)made->deliveries.count;
  json_object_set_new(told, "replayed_as", json_integer(seq));
}

/* ---- one webhook ---- */

static bool notifies(const struct replay *replay, const struct kh_rerun_made *made)
{
  for (size_t i = 0; i < replay->setup->rules.count; i++)
    if (made->reasons[i] == KH_REASON_NOT_RENDERED)
      return false;
  return made->deliveries.count > 0;
}

static bool replay_webhook(void *self, const struct kh_look_webhook *webhook)
{
  struct replay *replay = self;
  json_t *told = json_object();
  struct kh_rerun_made made = {0};
  struct kh_kept_webhook kept = {0};
  struct kh_diag diag = {0};
  char uuid[KH_UUID_BYTES], entry[96];
  const char *cannot = kh_asked_cannot(webhook);

  kh_uuid(uuid);
  snprintf(entry, sizeof entry, KH_REPLAYED_PREFIX "%s", uuid);
  json_object_set_new(told, "webhook", kh_journal_webhook_json(webhook));
  json_object_set_new(told, "replayed_as", json_null());
  if (!cannot && kh_kept_read(&kept, &replay->doc, webhook->kept, &diag))
    cannot = "what was kept of it is damaged";
  json_object_set_new(told, "cannot", cannot ? json_string(cannot) : json_null());
  const struct kh_rerun_of of = {&kept, replay->now_us, entry};
  enum kh_err err = cannot ? KH_OK : kh_rerun_ask(replay->rerun, &of, &made);
  if (err)
    replay->code = kh_cli_fail(replay->call->self, KH_EXIT_STATE, "%s", kh_err_token(err));
  json_object_set_new(told, "rules", made.reasons ? rules_of(replay, &made) : json_array());
  if (!err && (cannot || !notifies(replay, &made)) && replay->code == KH_EXIT_OK)
    replay->code = made.deliveries.count > 0 ? KH_EXIT_DELIVERY : KH_EXIT_NO;
  if (!err && !cannot && replay->call->send)
    send(replay, webhook, entry, &made, told);
  json_array_append_new(replay->webhooks, told);
  kh_told_release(&replay->told);
  kh_rerun_made_release(&made);
  kh_kept_release(&kept);
  return false;
}

static void replay_all(struct replay *replay)
{
  const struct call *call = replay->call;
  struct kh_diag diag = {0};

  for (size_t i = 0; i < call->id_count && replay->code <= KH_EXIT_NO; i++) {
    const struct kh_look_which which = {.id = kh_str_of(call->ids[i]), .max = 1};
    const size_t before = json_array_size(replay->webhooks);

    if (kh_look_webhooks(replay->look, &which, replay_webhook, replay, &diag))
      replay->code = kh_cli_fail(call->self, KH_EXIT_STATE, "%s", diag.text);
    else if (json_array_size(replay->webhooks) == before)
      replay->code = kh_cli_fail(call->self, KH_EXIT_NO,
                                 "the journal has no webhook '%s'; `kitehook log` lists"
                                 " them",
                                 call->ids[i]);
  }
}

/* ---- for people ---- */

static void print_rule(const json_t *rule)
{
  const json_t *message = NULL;
  size_t i = 0;

  kh_journal_print_decision(rule, 2);
  json_array_foreach(json_object_get(rule, "messages"), i, message)
  {
    fputs("  to ", stdout);
    kh_output_print_member(message, "destination");
    puts(json_is_true(json_object_get(message, "is_kept")) ? ""
                                                           : ", whose address is not kept: it is not sent");
    kh_output_print_notification(
        kh_notifier_named(kh_str_of(json_string_value(json_object_get(rule, "notifier")))),
        json_object_get(message, "body"));
  }
}

static void print(const json_t *webhooks)
{
  const json_t *told = NULL, *rule = NULL;
  size_t i = 0, k = 0;

  json_array_foreach(webhooks, i, told)
  {
    if (i > 0)
      putchar('\n');
    kh_asked_print(json_object_get(told, "webhook"));
    if (json_is_string(json_object_get(told, "cannot")))
      printf("  it cannot be replayed: %s\n", json_string_value(json_object_get(told, "cannot")));
    json_array_foreach(json_object_get(told, "rules"), k, rule) print_rule(rule);
    if (json_is_integer(json_object_get(told, "replayed_as")))
      printf("  replayed as webhook %" JSON_INTEGER_FORMAT "\n",
             json_integer_value(json_object_get(told, "replayed_as")));
  }
}

/* ---- the command line ---------------------------------------------------------------------- */

/*
 * The configuration that the worker goes by, where --config names another one of the same state folder. It is
 * in nobody's --config then.
 */
static int open_own(const struct call *call, const struct kh_setup *setup, struct kh_setup **own)
{
  const char *path = kh_cli_config_path(NULL);

  if (!call->send || !call->config_path || strcmp(path, call->config_path) == 0 || access(path, F_OK) != 0)
    return KH_EXIT_OK;
  int code = kh_cli_setup(call->self, own, path, KH_CONFIG_DRY);
  if (code != KH_EXIT_OK || strcmp((*own)->config.state, setup->config.state) == 0)
    return code;
  kh_setup_close(*own);
  *own = NULL;
  return code;
}

static void tell_all(const struct replay *replay)
{
  const struct call *call = replay->call;
  const char *worker = replay->owed > 0 ? kh_state_folder_wake(call->self, &replay->own->config) : NULL;

  if (call->json) {
    kh_output_tell(json_pack("{s:O,s:o,s:s?}", "webhooks", replay->webhooks, "sent",
                             call->send ? json_integer(replay->owed) : json_null(), "worker", worker));
    return;
  }
  print(replay->webhooks);
  if (call->send)
    printf("sent: %" PRId64 "%s%s\n", replay->owed, worker ? ", worker: " : "", worker ? worker : "");
}

static int perform(const struct call *call, const struct kh_state_folder *folder)
{
  struct replay replay = {.call = call,
                          .setup = folder->setup,
                          .now_us = folder->now_us,
                          .webhooks = json_array(),
                          .code = KH_EXIT_STATE};
  const struct kh_memory told = {&told_memory, &replay};
  const enum kh_look_for what = call->send ? KH_LOOK_AND_CHANGE : KH_LOOK_ONLY;
  struct kh_setup *own = NULL;
  struct kh_diag diag = {0};
  int code = open_own(call, folder->setup, &own);

  kh_json_init(&replay.doc, kh_json_default_limits);
  replay.own = own ? own : folder->setup;
  if (code != KH_EXIT_OK) {
    replay.code = code;
  } else if (kh_look_open(&replay.look, folder->config->state, what, &diag)) {
    kh_cli_fail(call->self, replay.code, "%s", diag.text);
  } else if (kh_rerun_open(&replay.rerun, folder->setup, &told) ||
             kh_rules_list(folder->config, &folder->setup->rules, &replay.listed)) {
    kh_cli_fail(call->self, replay.code, "%s", kh_err_token(KH_ERR_NO_MEMORY));
  } else {
    replay.code = KH_EXIT_OK;
    replay_all(&replay);
    tell_all(&replay);
  }
  kh_rerun_close(replay.rerun);
  kh_rules_listed_release(&replay.listed);
  kh_look_close(replay.look);
  kh_json_release(&replay.doc);
  kh_setup_close(own);
  json_decref(replay.webhooks);
  return replay.code;
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"send", kh_cli_take_flag, offsetof(struct call, send)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {.self = self};
  struct kh_state_folder folder;
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (argc == optind)
    return kh_cli_misused(self, "an ID is missing");
  call.ids = argv + optind;
  call.id_count = (size_t)(argc - optind);
  code = kh_state_folder_open_at(&folder, self, call.config_path, KH_CONFIG_DRY);
  if (code == KH_EXIT_OK)
    code = perform(&call, &folder);
  kh_state_folder_close(&folder);
  return code;
}

const struct kh_command kh_command_replay = {
    .name = "replay",
    .summary = "ask the rules once more about a webhook of the journal, and send what they make of it",
    .usage = "ID... [--config F] [--send] [--json]",
    .help =
        "Shows what the rules make of a webhook that came before: its values as the journal keeps them, and\n"
        "what was known then of its build and branch. ID is its number, as `kitehook log` has it, its\n"
        "request id, or its entry's name. No secret is read, and nothing is sent without --send.\n"
        "What a rule makes of a value that the journal does not keep, such as an e-mail address, is not\n"
        "known, and not sent. A rule that speaks once per build speaks again; a place that a newer webhook\n"
        "has told its state keeps that.\n"
        "Works beside a running worker, as the user who owns the state folder.\n\n"
        "  --config F   the configuration whose rules are asked; default: $KITEHOOK_CONFIG, "
        "else " KH_CONFIG_PATH "\n"
        "  --send       send it, each time under a new id: the journal has a line more, `replayed`. Refused "
        "for\n"
        "               a rule of --config that the worker's own configuration, that default, does not have\n"
        "  --json       answer by one JSON object: webhooks, sent, worker\n"
        "  -h, --help   show this\n\n"
        "Exit codes: 0 each notifies, 1 one does not, or is not there, 2 called wrongly, 3 configuration, "
        "or\n"
        "--send was refused, 4 a notification could not be made, 5 the state folder or memory cannot be "
        "had,\n"
        "or output failed.\n",
    .options = options,
    .run = run,
};
