#include "base/base.h"

#include "journal_ask.h"
#include "journal_print.h"
#include "journal_rows.h"
#include "reason_words.h"
#include "screen.h"

/* What is to be shown, and what was found. */
struct showing {
  struct kh_look *look;
  int64_t now_us;
  json_t *webhooks;
  enum kh_err err;
  struct kh_diag diag;
};

/* Of what a receiver keeps it answers 200; what is set aside was perhaps refused, and nobody noted that. */
static json_t *answer_of(const struct kh_look_webhook *webhook)
{
  const bool is_known = webhook->verdict == KH_REASON_DONE || webhook->verdict == KH_REASON_REPLAY ||
                        webhook->verdict == KH_REASON_REPEAT;

  return is_known ? json_integer(200) : json_null();
}

/* They are for who compares. */
static void take_digests(json_t *rules)
{
  json_t *rule = NULL;
  size_t i = 0;

  json_array_foreach(rules, i, rule) json_object_del(rule, "digest");
}

static bool add(void *self, const struct kh_look_webhook *webhook)
{
  struct showing *showing = self;
  json_t *json = kh_journal_webhook_json(webhook);

  json_object_set_new(json, "answer", answer_of(webhook));
  showing->err = kh_journal_add_rules(showing->look, webhook, showing->now_us, json, &showing->diag);
  take_digests(json_object_get(json, "rules"));
  json_object_set_new(json, "kept", webhook->kept.len > 0 ? kh_output_json(webhook->kept) : json_null());
  json_array_append_new(showing->webhooks, json);
  return showing->err == KH_OK;
}

/* ---- for people ---- */

static void print_time(const char *label, const json_t *webhook, const char *name)
{
  if (!json_is_string(json_object_get(webhook, name)))
    return;
  fputs(label, stdout);
  kh_journal_print_time(json_object_get(webhook, name));
}

static void print_request(const json_t *webhook)
{
  printf("webhook %" JSON_INTEGER_FORMAT ": ", json_integer_value(json_object_get(webhook, "id")));
  kh_output_print_member(webhook, "event");
  kh_journal_print_build(webhook);
  printf("\nrequest  ");
  kh_output_print_member(webhook, "request_id");
  kh_journal_print_proof(", ", webhook);
  printf(", %" JSON_INTEGER_FORMAT " bytes", json_integer_value(json_object_get(webhook, "bytes")));
  print_time(", sent ", webhook, "sent");
  print_time(", received ", webhook, "received");
  printf("\nentry    ");
  kh_output_print_member(webhook, "entry");
  putchar('\n');
}

static void print_answer(const json_t *webhook)
{
  const json_t *answer = json_object_get(webhook, "answer");

  printf("answer   ");
  if (json_is_integer(answer))
    printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(answer));
  else
    puts("-");
  printf("worked   ");
  kh_journal_print_time(json_object_get(webhook, "worked"));
  printf(": ");
  kh_output_print_member(webhook, "says");
  printf(" (");
  kh_output_print_member(webhook, "verdict");
  printf(")");
  if (json_is_string(json_object_get(webhook, "note"))) {
    printf(": ");
    kh_output_print_member(webhook, "note");
  }
  putchar('\n');
}

static void print_kept(const json_t *kept)
{
  char *text = json_is_null(kept) ? NULL : json_dumps(kept, JSON_COMPACT | JSON_ENCODE_ANY);

  if (text) {
    puts("kept");
    kh_output_print_body(kh_str_of(text));
  }
  free(text);
}

static void print(const json_t *webhook)
{
  const json_t *rules = json_object_get(webhook, "rules");
  const json_t *deliveries = json_object_get(webhook, "deliveries");
  const json_t *one = NULL;
  size_t i = 0;

  print_request(webhook);
  print_answer(webhook);
  if (json_array_size(rules) > 0)
    puts("rules");
  json_array_foreach(rules, i, one) kh_journal_print_decision(one, 2);
  if (json_array_size(deliveries) > 0)
    puts("deliveries");
  json_array_foreach(deliveries, i, one) kh_journal_print_fate(one, 2, true);
  print_kept(json_object_get(webhook, "kept"));
}

/* ---- the command line ---------------------------------------------------------------------- */

struct call {
  const char *config_path;
  bool json;
};

static int no_such(const char *id)
{
  fprintf(stderr, "kitehook show: the journal has no webhook '");
  kh_screen_write(stderr, kh_str_of(id));
  fputs("'; `kitehook log` lists what it has\n", stderr);
  return KH_EXIT_NO;
}

static int show(const struct call *call, const struct kh_state_folder *folder, struct kh_look *look,
                const char *id)
{
  const struct kh_look_which which = {.id = kh_str_of(id)};
  struct showing showing = {look, folder->now_us, json_array(), KH_OK, {0}};
  struct kh_look_span span;
  const json_t *webhook = NULL;
  size_t i = 0;
  int code = kh_journal_must_have_some(folder, look, &span);

  if (code == KH_EXIT_OK && (kh_look_webhooks(look, &which, add, &showing, &showing.diag) || showing.err))
    code = kh_cli_fail(folder->self, KH_EXIT_STATE, "%s", showing.diag.text);
  else if (code == KH_EXIT_OK && json_array_size(showing.webhooks) == 0)
    code = no_such(id);
  else if (code == KH_EXIT_OK && call->json)
    kh_output_tell(json_pack("{s:O}", "webhooks", showing.webhooks));
  else if (code == KH_EXIT_OK)
    json_array_foreach(showing.webhooks, i, webhook) print(webhook);
  json_decref(showing.webhooks);
  return code;
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct kh_state_folder folder = {0};
  struct kh_look *look = NULL;
  struct call call = {0};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (!argv[optind][0])
    return kh_cli_misused(self, "the ID is empty");
  code = kh_journal_open(&folder, &look, self, call.config_path);
  if (code == KH_EXIT_OK)
    code = show(&call, &folder, look, argv[optind]);
  kh_look_close(look);
  kh_state_folder_close(&folder);
  return code;
}

const struct kh_command kh_command_show = {
    .name = "show",
    .summary = "show one webhook of the journal: request, answer, rules, deliveries with their attempts",
    .usage = "ID [--config F] [--json]",
    .help = "Works beside a running worker, as the user who owns the state folder. ID is what `kitehook log` "
            "shows,\n"
            "a request's id as Buildkite shows it, or the name of an entry (`entry` in the log). No body is "
            "kept:\n"
            "what is shown of one are the values of names, without addresses and environment.\n\n"
            "  --config F  the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
            "  --json      answer by one JSON object, as docs/why.md describes it\n"
            "  -h, --help  show this\n\n"
            "Exit codes: 0 shown, 1 the journal has none like this, 2 called wrongly, 3 configuration, 5 the "
            "state\n"
            "folder or memory cannot be had, or output failed.\n",
    .options = options,
    .operand = "ID",
    .run = run,
};
