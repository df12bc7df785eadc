#include "base/base.h"

#include "support/checks.h"
#include "support/recorder.h"
#include "support/rendered.h"
#include "support/rules.h"
#include "support/slack.h"

enum { MAX_TEXT = 3000 };

static void check_log(const char *why, const struct kh_rule *rule, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);
  const char *key;
  json_t *value;

  (void)rule;
  kh_check_keys(why, json, "|text|event|organization|pipeline|branch|state|build_number|url|");
  ck_assert_msg(json_is_string(json_object_get(json, "text")), "%s: no text", why);
  json_object_foreach(json, key, value)
  {
    if (strcmp(key, "build_number") == 0)
      ck_assert_msg(json_is_integer(value) && json_integer_value(value) > 0, "%s: %s", why, key);
    else if (strcmp(key, "url") == 0)
      kh_check_url(why, value);
    else
      kh_check_text(why, value, MAX_TEXT);
  }
  json_decref(json);
}

static void check_member(const char *why, const char *key, json_t *value)
{
  if (strcmp(key, "number") == 0 || strcmp(key, "build_number") == 0 || strcmp(key, "exit_status") == 0)
    ck_assert_msg(json_is_integer(value), "%s: %s", why, key);
  else if (strcmp(key, "soft_failed") == 0 || strcmp(key, "retried") == 0)
    ck_assert_msg(json_is_boolean(value), "%s: %s", why, key);
  else if (strcmp(key, "url") == 0)
    kh_check_url(why, value);
  else
    kh_check_text(why, value, strcmp(key, "text") == 0 ? MAX_TEXT : 300);
}

static void check_object(const char *why, json_t *object, const char *known)
{
  const char *key;
  json_t *value;

  if (!object)
    return;
  kh_check_keys(why, object, known);
  ck_assert_msg(json_object_size(object) > 0, "%s: an empty object", why);
  json_object_foreach(object, key, value) check_member(why, key, value);
}

/*
 * The members of docs/webhook.schema.json; an integration test holds the golden files against the schema
 * itself.
 */
static void check_webhook(const char *why, const struct kh_rule *rule, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);
  json_t *data = json_object_get(json, "data");
  const char *key;
  json_t *value;

  (void)rule;
  kh_check_keys(why, json, "|type|timestamp|data|");
  kh_check_keys(why, data, "|text|message|url|organization|pipeline|build|history|job|agent|");
  ck_assert_msg(json_is_string(json_object_get(data, "text")), "%s: no text", why);
  json_object_foreach(json, key, value) if (!json_is_object(value)) check_member(why, key, value);
  json_object_foreach(data, key, value) if (!json_is_object(value)) check_member(why, key, value);
  check_object(why, json_object_get(data, "pipeline"), "|slug|name|");
  check_object(why, json_object_get(data, "build"),
               "|id|number|branch|tag|commit|source|created_at|scheduled_at|started_at|finished_at|url|state|"
               "author|message|pull_request|");
  check_object(why, json_object_get(data, "job"),
               "|id|type|step_key|state|exit_status|soft_failed|retried|created_at|scheduled_at|"
               "started_at|finished_at|url|name|");
  check_object(why, json_object_get(data, "agent"), "|id|name|hostname|url|");
  json_decref(json);
}

/* Nothing of a payload is in it at all. */
static void check_lifx(const char *why, const struct kh_rule *rule, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);
  const char *key;
  json_t *look;
  bool known = false;

  json_object_foreach(rule->made, key, look) known = json_equal(json, look) || known;
  ck_assert_msg(known, "%s: %.*s is none of the looks", why, KH_FMT(body));
  json_decref(json);
}

static void check_slack(const char *why, const struct kh_rule *rule, struct kh_str body)
{
  (void)rule;
  kh_check_slack(why, body);
}

/* The tags and entities of ours, and nothing else that HTML would take for one. */
static void check_html(const char *why, struct kh_str html)
{
  static const char *const known[] = {"<strong>",
                                      "</strong>",
                                      "</a>",
                                      "<br>",
                                      "&amp;",
                                      "&lt;",
                                      "&gt;",
                                      "&quot;",
                                      "<p>",
                                      "<p class=\"headline\">",
                                      "<code>",
                                      "</code>",
                                      "</p>",
                                      "</div>",
                                      "<p class=\"details\">",
                                      "<div style=\"border-color: #"};

  for (size_t at = 0; at < html.len; at++) {
    const struct kh_str rest = kh_str(html.at + at, html.len - at);
    const bool is_link = kh_str_starts(rest, KH_STR("<a href=\"http"));
    size_t i = 0;

    if (html.at[at] != '<' && html.at[at] != '&')
      continue;
    while (i < KH_COUNT(known) && !kh_str_starts(rest, kh_str_of(known[i])))
      i++;
    ck_assert_msg(is_link || i < KH_COUNT(known), "%s: %.*s", why, KH_FMT(rest));
    at += is_link ? strlen("<a href=") : 0;
  }
}

static void check_basecamp(const char *why, const struct kh_rule *rule, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);
  const json_t *content = json_object_get(json, "content");

  (void)rule;
  kh_check_keys(why, json, "|content|");
  check_html(why, kh_str(json_string_value(content), json_string_length(content)));
  json_decref(json);
}

static void check_email(const char *why, const struct kh_rule *rule, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);
  const json_t *html = json_object_get(json, "html");
  const char *key;
  json_t *value;

  (void)rule;
  kh_check_keys(why, json, "|subject|text|html|thread|list|");
  kh_check_text(why, json_object_get(json, "subject"), 200);
  check_html(why, kh_str(json_string_value(html), json_string_length(html)));
  json_object_foreach(json, key, value) ck_assert_msg(json_string_length(value) > 0, "%s: no %s", why, key);
  ck_assert_msg(!strpbrk(json_string_value(json_object_get(json, "subject")), "\r\n"), "%s: two lines", why);
  json_decref(json);
}

static void check_pagerduty(const char *why, const struct kh_rule *rule, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);
  json_t *payload = json_object_get(json, "payload");

  (void)rule;
  kh_check_keys(why, json, "|payload|links|");
  kh_check_keys(why, payload, "|summary|source|timestamp|custom_details|");
  kh_check_text(why, json_object_get(payload, "summary"), 1024);
  kh_check_text(why, json_object_get(payload, "source"), 200);
  check_object(why, json_object_get(payload, "custom_details"),
               "|state|branch|commit|message|author|build_number|");
  json_decref(json);
}

static void check_status(const char *why, const struct kh_rule *rule, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);
  const char *state = json_string_value(json_object_get(json, "state"));

  (void)rule;
  kh_check_keys(why, json, "|state|description|target_url|");
  ck_assert_msg(state && strstr("|error|failure|pending|success|", state), "%s: %s", why,
                state ? state : "no state");
  kh_check_text(why, json_object_get(json, "description"), 140);
  if (json_object_get(json, "target_url"))
    kh_check_url(why, json_object_get(json, "target_url"));
  json_decref(json);
}

/* Every sign of Markdown stands behind a backslash, and what GitHub finds behind that is parted, too. */
static void check_markdown(const char *why, const json_t *node)
{
  static const char part[] = "&#8203;";

  for (const char *c = json_string_value(node); *c; c++) {
    const bool is_escaped = *c == '\\' && c[1];

    c += is_escaped;
    if (is_escaped && strchr("@#", *c)) {
      ck_assert_msg(strncmp(c + 1, part, strlen(part)) == 0, "%s: %s", why, json_string_value(node));
      c += strlen(part);
    } else if (!is_escaped)
      ck_assert_msg(!strchr("*_`[]<>#&@:|~!", *c), "%s: %s", why, json_string_value(node));
  }
}

static void check_check(const char *why, const struct kh_rule *rule, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);
  json_t *output = json_object_get(json, "output");

  (void)rule;
  const char *status = json_string_value(json_object_get(json, "status"));
  const bool is_over = status && strcmp(status, "completed") == 0;

  kh_check_keys(why, json, "|status|conclusion|started_at|completed_at|details_url|external_id|output|");
  ck_assert_msg(status && strstr("|queued|in_progress|completed|", status), "%s: %s", why,
                status ? status : "no status");
  ck_assert_msg(is_over == (json_object_get(json, "conclusion") != NULL), "%s: a conclusion", why);
  ck_assert_msg(is_over || !json_object_get(json, "completed_at"), "%s: it has ended", why);
  kh_check_keys(why, output, "|title|summary|");
  kh_check_text(why, json_object_get(output, "title"), 255);
  check_markdown(why, json_object_get(output, "summary"));
  if (json_object_get(json, "details_url"))
    kh_check_url(why, json_object_get(json, "details_url"));
  json_decref(json);
}

/*
 * What a place is known to parse, and what else must hold of a body. A notifier without a row has the checks
 * that all have.
 */
static const struct {
  const char *notifier;
  void (*check)(const char *why, const struct kh_rule *rule, struct kh_str body);
} checks[] = {{"slack", check_slack},
              {"webhook", check_webhook},
              {"pagerduty_change_event", check_pagerduty},
              {"basecamp_campfire", check_basecamp},
              {"email", check_email},
              {"github_commit_status", check_status},
              {"github_check", check_check},
              {"lifx", check_lifx},
              {"log", check_log}};

static void check_texts(const char *why, json_t *node)
{
  const char *key;
  size_t i;
  json_t *child;

  if (json_is_string(node))
    kh_check_harmless(why, node);
  json_array_foreach(node, i, child) check_texts(why, child);
  json_object_foreach(node, key, child) check_texts(why, child);
}

static void check_any(const char *why, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);

  check_texts(why, json);
  json_decref(json);
  ck_assert_msg(!kh_text_contains(body, KH_STR("planted")), "%s: a secret: %.*s", why, KH_FMT(body));
}

/* A good token, a key of 24 bytes in base64, and a word. */
#define SECRET "plantedPlantedPlantedPlantedPlan"
#define URL "https://place.example/planted"
enum { VARIABLES_MAX = 8 };

static struct kh_test_rules *open_example(const struct kh_notifier *notifier, const char *keys)
{
  struct kh_test_rules *made = calloc(1, sizeof *made);
  char variables[VARIABLES_MAX][128];
  const char *environment[VARIABLES_MAX + 1] = {NULL};
  const struct kh_account *account = notifier->form ? notifier->form->account : NULL;
  const char *const *needs = account ? notifier->form->account_needs : NULL;
  const struct kh_option *const tables[] = {notifier->options, account ? account->options : NULL};
  size_t count = 0;
  struct kh_buf notify;

  ck_assert_ptr_nonnull(made);
  for (size_t i = 0; i < KH_COUNT(tables); i++)
    for (const struct kh_option *option = tables[i]; option && option->name; option++) {
      const bool is_url = option->type == KH_OPTION_URL;

      if (!kh_option_is_needed(option, needs) || (!is_url && option->type != KH_OPTION_SECRET))
        continue;
      ck_assert_uint_lt(count, VARIABLES_MAX);
      (void)snprintf(variables[count], sizeof variables[count], "%s=%s", option->example,
                     is_url ? URL : SECRET);
      environment[count] = variables[count];
      count++;
    }
  kh_buf_init(&notify, 4096);
  (void)kh_buf_add(&notify, KH_STR("- "));
  kh_options_usage(notifier, &notify);
  (void)kh_buf_printf(&notify, "%s\n%s", strchr(kh_buf_text(&notify), ':') ? "" : ":", keys);
  if (account) {
    kh_account_usage(account, needs, &notify);
    (void)kh_buf_add_byte(&notify, '\n');
  }
  kh_test_rules_open(made, kh_buf_text(&notify), environment);
  ck_assert_msg(made->err == KH_OK, "%s: %s", kh_buf_text(&notify), kh_diags_first(&made->diags).text);
  kh_tempdir_close(&made->dir);
  kh_buf_release(&notify);
  return made;
}

const struct kh_rule *kh_test_rule_of(const struct kh_notifier *notifier, const char *keys)
{
  static struct {
    const struct kh_notifier *notifier;
    const char *keys;
    struct kh_test_rules *made;
  } kept[2 * KH_TEST_NOTIFIERS];
  size_t i = 0;

  while (i < KH_COUNT(kept) && kept[i].made &&
         (kept[i].notifier != notifier || strcmp(kept[i].keys, keys) != 0))
    i++;
  ck_assert_uint_lt(i, KH_COUNT(kept));
  kept[i].notifier = notifier;
  kept[i].keys = keys;
  if (!kept[i].made)
    kept[i].made = open_example(notifier, keys);
  return &kept[i].made->rules.at[0];
}

void kh_test_render_from(const char *why, const struct kh_notifier *notifier, struct kh_rendering *rendering,
                         struct kh_buf *body)
{
  const struct kh_rule *rule = kh_test_rule_of(notifier, "");

  kh_buf_init(body, KH_DELIVERY_MAX_BYTES);
  enum kh_err err = notifier->render(rule, rendering, body);
  ck_assert_msg(err == KH_OK, "%s: %s", why, kh_err_token(err));
  check_any(why, kh_buf_view(body));
  for (size_t i = 0; i < KH_COUNT(checks); i++)
    if (strcmp(checks[i].notifier, notifier->name) == 0)
      checks[i].check(why, rule, kh_buf_view(body));
}

void kh_test_render(const char *why, const struct kh_notifier *notifier, const struct kh_event *event,
                    struct kh_buf *body)
{
  kh_test_render_from(why, notifier, kh_test_rendering(event), body);
}

void kh_test_render_all(const char *why, const struct kh_event *event)
{
  for (size_t i = 0; kh_notifiers[i]; i++) {
    struct kh_buf body;

    kh_test_render(why, kh_notifiers[i], event, &body);
    kh_buf_release(&body);
  }
}
