#include "base/base.h"

#include "base/nearest.h"
#include "journal_ask.h"
#include "journal_rows.h"
#include "screen.h"
#include "why_gap.h"
#include "why_print.h"

/* How the command was called. */
struct call {
  const struct kh_command *self;
  const char *config_path, *rule;
  bool json;
  struct kh_str pipeline; /* of the operand: a slug, organization/slug or an id */
  int64_t number;
};

/* What is asked, and what was found. */
struct asking {
  const struct call *call;
  struct kh_look *look;
  int64_t now_us;
  struct kh_why_today today;
  json_t *webhooks;
  json_t *rules; /* the names of all that were asked */
  enum kh_err err;
  struct kh_diag diag;
};

/* ---- the webhooks of the build ---- */

static void note_rules(json_t *names, const json_t *decisions)
{
  const json_t *decision = NULL;
  size_t i = 0;

  json_array_foreach(decisions, i, decision)
      json_object_set(names, json_string_value(json_object_get(decision, "rule")), json_true());
}

/* Those of the rule that is asked for stay. */
static void keep_only(const char *rule, json_t *rows)
{
  for (size_t i = json_array_size(rows); rule && i-- > 0;) {
    const char *name = json_string_value(json_object_get(json_array_get(rows, i), "rule"));

    if (!name || strcmp(name, rule) != 0)
      json_array_remove(rows, i);
  }
}

static bool add_webhook(void *self, const struct kh_look_webhook *webhook)
{
  struct asking *asking = self;
  json_t *json = kh_journal_webhook_json(webhook);

  asking->err = kh_journal_add_rules(asking->look, webhook, asking->now_us, json, &asking->diag);
  json_t *rules = json_object_get(json, "rules");
  note_rules(asking->rules, rules);
  keep_only(asking->call->rule, rules);
  keep_only(asking->call->rule, json_object_get(json, "deliveries"));
  kh_why_today_add(&asking->today, webhook, rules);
  json_array_append_new(asking->webhooks, json);
  return asking->err == KH_OK;
}

/* The newest that has one. */
static json_t *member_of_last(const json_t *webhooks, const char *name)
{
  for (size_t i = json_array_size(webhooks); i-- > 0;) {
    json_t *value = json_object_get(json_array_get(webhooks, i), name);

    if (json_is_string(value))
      return json_incref(value);
  }
  return json_null();
}

/* ---- the rule ---- */

/* It may be one of today, or one that was asked then. */
static bool is_rule_known(const struct asking *asking)
{
  const char *rule = asking->call->rule;

  return !rule || json_object_get(asking->rules, rule) || kh_why_today_named(&asking->today, rule);
}

static int no_such_rule(struct asking *asking)
{
  const struct kh_setup *setup = asking->today.setup;
  const char **names = NULL;
  size_t count = 0;
  const char *name = NULL;
  json_t *unused = NULL;

  for (size_t i = 0; setup && i < setup->rules.count; i++)
    json_object_set_new(asking->rules, setup->rules.at[i].name, json_true());
  names = calloc(json_object_size(asking->rules) + 1, sizeof *names);
  json_object_foreach(asking->rules, name, unused)
  {
    if (names)
      names[count++] = name;
  }
  const char *meant = names ? kh_word_nearest(kh_str_of(asking->call->rule), names) : NULL;
  fputs("kitehook why: there is no rule '", stderr);
  kh_screen_write(stderr, kh_str_of(asking->call->rule));
  fprintf(stderr, "', and none was asked about this build%s%s%s\n", meant ? "; did you mean '" : "",
          meant ? meant : "", meant ? "'?" : "");
  free(names);
  return KH_EXIT_USAGE;
}

/* ---- the answer ---- */

/* The organization of SLUGS, which is cut off. */
static struct kh_str cut_organization(struct kh_str *slugs)
{
  struct kh_str rest = *slugs;
  const struct kh_str organization = kh_str_cut(&rest, '/');

  if (!rest.at)
    return KH_STR("");
  *slugs = rest;
  return organization;
}

static int tell(struct asking *asking, const struct kh_state_folder *folder, struct kh_str slugs)
{
  struct kh_why_build build = {.slugs = slugs, .number = asking->call->number, .rule = asking->call->rule};
  struct kh_look_span span = {0};
  json_t *answer = json_object();
  int code = kh_journal_must_have_some(folder, asking->look, &span);

  build.pipeline = slugs;
  build.organization = cut_organization(&build.pipeline);
  if (code != KH_EXIT_OK)
    goto done;
  const struct kh_look_which which = {.pipeline = slugs, .build_number = build.number};
  enum kh_err err = kh_look_webhooks(asking->look, &which, add_webhook, asking, &asking->diag);
  err = err ? err : asking->err;
  if (!err && !is_rule_known(asking)) {
    code = no_such_rule(asking);
    goto done;
  }
  json_t *organization = member_of_last(asking->webhooks, "organization");
  json_object_set_new(answer, "organization",
                      json_is_null(organization) ? kh_output_text(build.organization) : organization);
  json_object_set_new(answer, "pipeline", kh_output_text(build.pipeline));
  json_object_set_new(answer, "build", json_integer(build.number));
  json_object_set_new(answer, "branch", member_of_last(asking->webhooks, "branch"));
  json_object_set_new(answer, "rule", kh_output_text(kh_str_of(build.rule)));
  json_object_set_new(answer, "journal", kh_journal_span_json(&span));
  json_object_set(answer, "webhooks", asking->webhooks);
  if (!err)
    err = kh_why_gap_add(folder, asking->look, &build, &asking->today, &span, answer, &asking->diag);
  if (err)
    code = kh_cli_fail(folder->self, KH_EXIT_STATE, "%s", asking->diag.text);
  else if (json_array_size(asking->webhooks) == 0)
    code = KH_EXIT_NO;
  if (!err && asking->call->json)
    kh_output_tell(json_incref(answer));
  else if (!err)
    kh_why_print(answer);
done:
  json_decref(answer);
  return code;
}

/* ---- the command line ---------------------------------------------------------------------- */

static const char url_begin[] = "https://buildkite.com/", url_middle[] = "/builds/";

/* "https://buildkite.com/acme-kites/kite-frame/builds/12#job": PIPELINE and the rest behind it. */
static bool cut_url(struct kh_str *pipeline, struct kh_str *number)
{
  if (!kh_str_starts(*pipeline, KH_STR("https://buildkite.com/")))
    return false;
  const char *begin = pipeline->at + strlen(url_begin);
  const char *middle = strstr(begin, url_middle);
  if (!middle)
    return false;
  *pipeline = kh_str(begin, (size_t)(middle - begin));
  *number = kh_str_of(middle + strlen(url_middle));
  number->len = strspn(number->at, "0123456789");
  return true;
}

static bool read_build(struct call *call, const char *text)
{
  struct kh_str number = KH_NO_STR;
  const char *slash = strrchr(text, '/');

  call->pipeline = kh_str_of(text);
  if (!cut_url(&call->pipeline, &number) && slash) {
    call->pipeline = kh_str(text, (size_t)(slash - text));
    number = kh_str_of(slash[1] == '#' ? slash + 2 : slash + 1);
  }
  if (call->pipeline.len > 0 && kh_str_i64(number, &call->number) && call->number > 0)
    return true;
  kh_cli_misused(call->self, "'%s' is no build, such as kite-frame/12 or acme-kites/kite-frame/12", text);
  return false;
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"rule", kh_cli_take_text, offsetof(struct call, rule)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int answer(const struct call *call, const struct kh_state_folder *folder, struct kh_look *look)
{
  struct kh_setup *setup = kh_journal_rules(folder, "so it is not known what they ask for today");
  struct asking asking = {
      .call = call, .look = look, .now_us = folder->now_us, .webhooks = json_array(), .rules = json_object()};
  struct kh_buf slugs;
  int code = KH_EXIT_OK;

  kh_why_today_init(&asking.today, setup);
  if (kh_journal_pipeline(look, call->pipeline, &slugs, &asking.diag))
    code = kh_cli_fail(call->self, KH_EXIT_STATE, "%s", asking.diag.text);
  else
    code = tell(&asking, folder, kh_buf_view(&slugs));
  kh_buf_release(&slugs);
  kh_why_today_release(&asking.today);
  json_decref(asking.webhooks);
  json_decref(asking.rules);
  kh_setup_close(setup);
  return code;
}

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct kh_state_folder folder = {0};
  struct kh_look *look = NULL;
  struct call call = {.self = self};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (!read_build(&call, argv[optind]))
    return KH_EXIT_USAGE;
  code = kh_journal_open(&folder, &look, self, call.config_path);
  if (code == KH_EXIT_OK)
    code = answer(&call, &folder, look);
  kh_look_close(look);
  kh_state_folder_close(&folder);
  return code;
}

const struct kh_command kh_command_why = {
    .name = "why",
    .summary = "why was I told, or not: what became of each webhook of a build",
    .usage = "PIPELINE/NUMBER [--rule NAME] [--config F] [--json]",
    .help =
        "Works beside a running worker, as the user who owns the state folder. PIPELINE is a slug,\n"
        "organization/slug or an id; the URL of a build at buildkite.com does as well.\n"
        "It tells of each webhook of that build what each rule decided, and why, and what became of each\n"
        "notification; then which webhooks the rules ask for that were not seen, and what may be the "
        "reason.\n"
        "Where a rule is still the same, it shows the part that does not hold, with its values.\n\n"
        "  --rule NAME  only this rule, of today or of then, and what to do about it\n"
        "  --config F   the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --json       answer by one JSON object, as docs/why.md describes it\n"
        "  -h, --help   show this\n\n"
        "Exit codes: 0 something of it came, 1 the journal has nothing of that build, 2 called wrongly or "
        "there\n"
        "is no such rule, 3 configuration, 5 the state folder or memory cannot be had, or output failed.\n",
    .options = options,
    .operand = "PIPELINE/NUMBER",
    .run = run,
};
