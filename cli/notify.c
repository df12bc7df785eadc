#include "base/base.h"

#include "at_once.h"
#include "cli.h"
#include "deliver/outbox.h"
#include "dry_run.h"
#include "language/names/names_event.h"
#include "net/http_curl.h"
#include "output.h"
#include "renew.h"

/* How long one rule's test may last, whatever pace its place has. */
enum { RULE_S = 30, DELIVERY_S = 2 };

/* How the command was called. */
struct call {
  const char *config_path, *name, *file; /* FILE: NULL for the words of our own */
  bool all, test, json;
};

/* What the tests of all rules share. */
struct stage {
  const struct kh_command *self;
  const struct call *call;
  struct kh_setup *setup;
  struct kh_transport transport;
  struct kh_at_once at_once;
  struct kh_dry_run given; /* of FILE */
};

/* One rule's test, as --json prints it: an object for each of MADE in DELIVERIES. */
struct test {
  const struct kh_rule *rule;
  struct kh_deliveries made; /* owned */
  json_t *deliveries;        /* owned */
  const char *problem;       /* a sentence; NULL when there is none */
  char undecided[sizeof((struct kh_mistake){0}.text)];
};

/* ---- what came of it ----------------------------------------------------------------------- */

static const char *outcome_of(enum kh_err result)
{
  return result == KH_OK                    ? "delivered"
         : result == KH_ERR_DELIVERY_FAILED ? "failed"
         : result == KH_ERR_RENDER          ? "not sent"
                                            : "refused";
}

static const char *cure_of(enum kh_err result)
{
  switch (result) {
  case KH_OK:
    return NULL;
  case KH_ERR_DELIVERY_FAILED:
    return "trying again later may help; a worker would";
  case KH_ERR_DESTINATION_REFUSED:
    return "correct the rule's place or credential; until then each message is refused";
  case KH_ERR_RENDER:
    return "no request can be made of it; look at the rule's place and message";
  default:
    return "trying again will not help: the place does not take this message; look at the rule's options";
  }
}

static void note(void *observer, const struct kh_attempted *attempted)
{
  const struct test *test = observer;
  const char *cure = cure_of(attempted->result);

  for (size_t i = 0; i < test->made.count; i++) {
    json_t *delivery = json_array_get(test->deliveries, i);

    if (strcmp(test->made.at[i].id, attempted->delivery->id) != 0)
      continue;
    json_object_set_new(delivery, "outcome", json_string(outcome_of(attempted->result)));
    json_object_set_new(delivery, "status",
                        attempted->status > 0 ? json_integer(attempted->status) : json_null());
    json_object_set_new(delivery, "detail", kh_output_text(kh_str_of(attempted->detail)));
    json_object_set_new(delivery, "cure", kh_output_text(kh_str_of(cure ? cure : "")));
  }
}

static bool is_delivered(const struct test *test)
{
  const json_t *delivery = NULL;
  size_t i = 0;

  json_array_foreach(test->deliveries, i, delivery)
  {
    const char *outcome = json_string_value(json_object_get(delivery, "outcome"));

    if (!outcome || strcmp(outcome, "delivered") != 0)
      return false;
  }
  return !test->problem;
}

static void print(const struct test *test)
{
  const json_t *delivery = NULL;
  size_t i = 0;

  printf("rule %s\n", test->rule->name);
  json_array_foreach(test->deliveries, i, delivery)
  {
    const char *verb = kh_output_verb(test->rule);
    const char *detail = json_string_value(json_object_get(delivery, "detail"));
    const char *cure = json_string_value(json_object_get(delivery, "cure"));

    printf("  %s to ", verb ? verb : "a line");
    kh_output_print_member(delivery, "destination");
    putchar('\n');
    kh_output_print_notification(test->rule->notifier, json_object_get(delivery, "body"));
    fputs("    -> ", stdout);
    kh_output_print_member(delivery, "outcome");
    printf("%s%s\n", detail ? ": " : "", detail ? detail : "");
    if (cure)
      printf("       %s\n", cure);
  }
  if (test->undecided[0])
    printf("  undecided: %s\n", test->undecided);
  if (test->problem)
    printf("  %s\n", test->problem);
}

/* Takes TEST's deliveries over. */
static json_t *json_of(struct test *test)
{
  json_t *rule = json_object();

  json_object_set_new(rule, "name", json_string(test->rule->name));
  json_object_set_new(rule, "notifier", json_string(test->rule->notifier->name));
  json_object_set_new(rule, "delivered", json_boolean(is_delivered(test)));
  json_object_set_new(rule, "problem", kh_output_text(kh_str_of(test->problem ? test->problem : "")));
  json_object_set_new(rule, "undecided", kh_output_text(kh_str_of(test->undecided)));
  json_object_set_new(rule, "deliveries", json_incref(test->deliveries));
  return rule;
}

/* ---- the message --------------------------------------------------------------------------- */

/* The webhook of a build that never was. */
static json_t *body_of(const struct kh_rule *rule)
{
  char id[KH_UUID_BYTES];
  json_t *now = kh_output_time(kh_clock_now_us(&kh_system_clock));

  kh_uuid(id);
  return json_pack("{s:s, s:{s:s, s:i, s:s, s:b, s:s, s:o, s:n, s:n, s:O, s:o}, s:{s:s, s:s, s:s}, s:{s:s}}",
                   "event", "build.finished", "build", "id", id, "number", 1, "state", "passed", "blocked", 0,
                   "branch", "main", "message",
                   json_sprintf("This is a test of kitehook's rule %s", rule->name), "commit", "author",
                   "created_at", now, "finished_at", now, "pipeline", "name", "kitehook test", "slug",
                   "kitehook-test", "default_branch", "main", "sender", "name", "kitehook");
}

static bool make_webhook(const struct stage *stage, const struct kh_rule *rule, struct kh_dry_run *run)
{
  json_t *body = body_of(rule);
  char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
  const bool good = kh_dry_run_of_body(stage->self, run, kh_str_of(text ? text : ""));

  free(text);
  json_decref(body);
  return good;
}

static const char *problem_of(const struct stage *stage, const struct test *test, enum kh_err err)
{
  const bool is_ours = !stage->call->file;

  if (err == KH_ERR_NO_PLACE)
    return is_ours ? "a place of it is empty for a test, whose build has no author, say, and gets nothing; "
                     "try it with a webhook: kitehook notify NAME --test FILE"
                   : "a place of it is empty for this webhook, and gets nothing";
  if (err)
    return "its message could not be made; `kitehook explain` with a webhook says more";
  if (test->made.count > 0)
    return NULL;
  if (!is_ours)
    return "not tried: nothing of this webhook, such as its commit, is where the rule's service is";
  return "not tried: what it sends belongs to a commit, and a test has none; give a webhook of a build of "
         "yours: kitehook notify NAME --test FILE";
}

static enum kh_err make(const struct stage *stage, const struct kh_dry_run *run, struct test *test)
{
  char id[KH_UUID_BYTES];
  unsigned char digest[KH_DIGEST_BYTES];
  struct kh_names_found found;
  struct kh_facts facts = {.seen = KH_SEEN_NEVER};

  /* Each test has ids of its own: no place may take it for a repeat. */
  kh_uuid(id);
  kh_sha256((const struct kh_str[]){run->verified.body, kh_str_of(id)}, 2, digest);
  kh_history_none(&facts.history, KH_HISTORY_NO_MEMORY);
  const struct kh_names names = kh_names_event_once(&run->event, &facts.history, &found);
  struct kh_rendering rendering = {.event = &run->event, .names = &names, .facts = &facts};
  enum kh_err err = kh_rule_render(test->rule, &rendering, digest, kh_clock_now_us(&kh_system_clock),
                                   &test->made);
  snprintf(test->undecided, sizeof test->undecided, "%s", rendering.undecided.text);
  test->problem = problem_of(stage, test, err);
  kh_names_found_release(&found);
  return err == KH_ERR_NO_MEMORY ? err : KH_OK;
}

/* ---- sending it ---------------------------------------------------------------------------- */

static void describe(struct test *test)
{
  const char *verb = kh_output_verb(test->rule);

  for (size_t i = 0; i < test->made.count; i++) {
    const struct kh_delivery *made = &test->made.at[i];
    json_t *delivery = json_object();

    json_object_set_new(delivery, "destination",
                        kh_output_destination(kh_str_of(made->credential), kh_str_of(made->place)));
    json_object_set_new(delivery, "verb", kh_output_text(kh_str_of(verb ? verb : "")));
    json_object_set_new(delivery, "content_type", json_string(test->rule->notifier->content_type));
    json_object_set_new(delivery, "body", kh_output_json(kh_buf_view(&made->body)));
    json_object_set_new(delivery, "outcome", json_string("not sent"));
    json_array_append_new(test->deliveries, delivery);
  }
}

/* Of other rules it would only say again what is told of each delivery. */
static void write_line(void *self, struct kh_str line)
{
  const struct test *test = self;

  if (test->rule->notifier->deliver)
    fprintf(stderr, "%.*s", KH_FMT(line));
}

static enum kh_err owe(struct kh_work *work, const struct test *test)
{
  enum kh_err err = kh_batch_begin(&work->store.batch);

  for (size_t i = 0; !err && i < test->made.count; i++)
    err = kh_queue_owe(&work->store.queue, &test->made.at[i]);
  work->deliveries = test->made.count;
  return err ? err : kh_batch_end(&work->store.batch);
}

/* A delivery that failed is no error: its object has it. */
static enum kh_err send(struct stage *stage, struct test *test)
{
  struct kh_at_once *at_once = &stage->at_once;
  struct kh_work *work = &at_once->work;
  struct kh_diag diag = {0};

  at_once->until_us = kh_clock_ticks_us(&kh_system_clock) +
                      (RULE_S + DELIVERY_S * (int64_t)test->made.count) * 1000000;
  at_once->observe = note;
  at_once->observer = test;
  work->log = (struct kh_log){.write = write_line, .self = test, .clock = &kh_system_clock};
  enum kh_err err = kh_store_open_process(&work->store);
  if (!err)
    err = owe(work, test);
  if (!err)
    err = kh_at_once_send(at_once, &diag);
  kh_store_close(&work->store);
  return err == KH_ERR_DELIVERY_FAILED ? KH_OK : err;
}

/* Adds what came of it to RULES, or prints it when that is NULL. */
static int try_rule(struct stage *stage, const struct kh_rule *rule, json_t *rules)
{
  struct test test = {.rule = rule, .deliveries = json_array()};
  struct kh_dry_run own;
  const bool is_ours = !stage->call->file;
  int code = KH_EXIT_STATE;

  if (is_ours && !make_webhook(stage, rule, &own))
    goto done;
  enum kh_err err = make(stage, is_ours ? &own : &stage->given, &test);
  describe(&test);
  if (!err && test.made.count > 0)
    err = send(stage, &test);
  if (rules)
    json_array_append_new(rules, json_of(&test));
  else
    print(&test);
  code = err                   ? kh_cli_fail(stage->self, KH_EXIT_STATE, "%s", kh_err_token(err))
         : is_delivered(&test) ? KH_EXIT_OK
                               : KH_EXIT_NO;
done:
  if (is_ours)
    kh_dry_run_release(&own);
  json_decref(test.deliveries);
  kh_deliveries_release(&test.made);
  return code;
}

static int try_rules(struct stage *stage)
{
  const struct call *call = stage->call;
  const struct kh_rules *rules = &stage->setup->rules;
  json_t *told = call->json ? json_array() : NULL;
  size_t count = 0;
  int code = KH_EXIT_OK;

  for (size_t i = 0; i < rules->count; i++) {
    if (!call->all && strcmp(call->name, rules->at[i].name) != 0)
      continue;
    if (count++ > 0 && !call->json)
      putchar('\n');
    const int one = try_rule(stage, &rules->at[i], told);
    code = one > code ? one : code;
    (void)fflush(stdout);
  }
  if (count == 0)
    code = call->all ? kh_cli_fail(stage->self, KH_EXIT_USAGE, "there are no rules")
                     : kh_cli_fail(stage->self, KH_EXIT_USAGE, "there is no rule '%s'", call->name);
  else if (call->json)
    kh_output_tell(json_pack("{s:O}", "rules", told));
  json_decref(told);
  return code;
}

static int notify(struct stage *stage)
{
  const struct call *call = stage->call;
  int code = KH_EXIT_USAGE;

  if (call->file && !kh_dry_run_read(stage->self, &stage->given, call->file))
    goto done;
  code = KH_EXIT_STATE;
  if (kh_http_curl_open(&stage->transport, NULL)) {
    kh_cli_fail(stage->self, code, "no memory");
    goto done;
  }
  kh_outbox_configure(&stage->transport, &stage->setup->config);
  const struct kh_sink sink = kh_at_once_init(&stage->at_once, &stage->setup->config, &stage->setup->rules,
                                              stage->transport, &kh_system_clock, (struct kh_log){0});
  code = try_rules(stage);
  sink.ops->close(sink.self);
  kh_http_curl_close(&stage->transport);
done:
  if (call->file)
    kh_dry_run_release(&stage->given);
  return code;
}

/* ---- the command line ---------------------------------------------------------------------- */

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"all", kh_cli_take_flag, offsetof(struct call, all)},
    {"test", kh_cli_take_flag, offsetof(struct call, test)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {0};
  struct stage stage = {.self = self, .call = &call};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (!call.all && optind < argc)
    call.name = argv[optind++];
  if (!call.all && !call.name)
    return kh_cli_misused(self, "NAME, of a rule, or --all is missing");
  if (optind < argc)
    call.file = argv[optind++];
  if (optind < argc)
    return kh_cli_misused(self, "'%s' is too much", argv[optind]);
  if (!call.test)
    return kh_cli_misused(self, "--test is missing: nothing but tests is sent by hand");
  code = kh_cli_setup(self, &stage.setup, call.config_path, KH_CONFIG_WHOLE);
  if (code == KH_EXIT_OK)
    code = notify(&stage);
  kh_setup_close(stage.setup);
  return code;
}

const struct kh_command kh_command_notify = {
    .name = "notify",
    .summary = "send a test message to where a rule sends, now, and say what the answer means",
    .usage = "[--config F] [--json] NAME|--all --test [FILE|-]",
    .help =
        "Really sends, once, without outbox and worker. Whether the rule matches is not asked, and nothing\n"
        "is remembered. The message is the rule's own, of a build of the pipeline \"kitehook test\" that\n"
        "says \"This is a test of kitehook's rule NAME\". Of each destination it prints the message as\n"
        "it is seen there, the place (addresses are masked), and the outcome: delivered, refused or failed.\n"
        "FILE is a webhook, as for `kitehook explain`, whose texts stand in the message instead: for what\n"
        "belongs to a commit, and for places that come from the build.\n\n"
        "  --config F  the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --all       every rule, one after the other\n"
        "  --test      say so: nothing else is sent by hand\n"
        "  --json      answer by one JSON object: rules; each with name, notifier, delivered, problem,\n"
        "              undecided, deliveries, which have the body\n"
        "  -h, --help  show this\n\n"
        "Exit codes: 0 all delivered, 1 not all, 2 called wrongly or FILE is no webhook, 3 configuration,\n"
        "5 output failed.\n",
    .options = options,
    .completes = KH_COMPLETES_FIXTURES,
    .run = run,
};
