#include "base/base.h"

#include "base/file.h"
#include "language/names/names_event.h"
#include "rules/decision.h"
#include "support/rules.h"

#include <check.h>

static const char head[] = "webhook: {signature: {file: secret}}\n"
                           "log: stderr\n"
                           "notify:\n";

static const char *const default_environment[] = {
    "SLACK_WEBHOOK_URL=" KH_TEST_SLACK_URL,
    NULL,
};

void kh_test_rules_open(struct kh_test_rules *made, const char *notify, const char *const *environment)
{
  kh_test_rules_open_with(made, NULL, notify, environment);
}

void kh_test_rules_open_with(struct kh_test_rules *made, const struct kh_notifier *const *notifiers,
                             const char *notify, const char *const *environment)
{
  struct kh_buf text;
  char path[512];

  *made = (struct kh_test_rules){.err = KH_OK};
  kh_tempdir_open(&made->dir);
  kh_file_put(kh_tempdir_path(&made->dir, "secret", path, sizeof path), KH_STR("planted-webhook-secret\n"));
  kh_file_put(kh_tempdir_path(&made->dir, "hook", path, sizeof path), KH_STR(KH_TEST_SLACK_FILE_URL "\n"));

  kh_buf_init(&text, KH_YAML_MAX_BYTES);
  (void)kh_buf_add(&text, kh_str_of(head));
  (void)kh_buf_add(&text, kh_str_of(notify));
  ck_assert_int_eq(kh_buf_ok(&text), KH_OK);
  kh_file_put(kh_tempdir_path(&made->dir, "kitehook.yml", path, sizeof path), kh_buf_view(&text));
  kh_buf_release(&text);

  enum kh_err err = kh_config_read(&made->config, path, KH_CONFIG_WHOLE,
                                   environment ? environment : default_environment, &made->diags);
  ck_assert_msg(err == KH_OK, "%s: %s", kh_err_token(err), kh_diags_first(&made->diags).text);
  made->err = notifiers ? kh_rules_compile_with(&made->config, notifiers, &made->rules, &made->diags)
                        : kh_rules_compile(&made->config, &made->rules, &made->diags);
}

void kh_test_rules_close(struct kh_test_rules *made)
{
  kh_rules_release(&made->rules);
  kh_config_release(&made->config);
  kh_diags_release(&made->diags);
  kh_tempdir_close(&made->dir);
}

void kh_test_rules_said(const struct kh_test_rules *made, struct kh_buf *out)
{
  for (size_t i = 0; i < made->diags.count; i++) {
    const struct kh_diag *diag = &made->diags.at[i];

    (void)kh_buf_printf(out, "%u:%u %s%s\n", diag->line, diag->column,
                        diag->err ? "" : "warning: ", diag->text);
  }
}

struct kh_rendering *kh_test_rendering(const struct kh_event *event)
{
  static struct kh_facts facts;
  static struct kh_names names;
  static struct kh_rendering rendering;

  facts.seen = KH_SEEN_NEVER;
  kh_history_none(&facts.history, KH_HISTORY_NO_MEMORY);
  names = kh_names_event(event);
  rendering = (struct kh_rendering){.event = event, .names = &names, .facts = &facts};
  return &rendering;
}

enum kh_err kh_test_rendered(const struct kh_rule *rule, struct kh_rendering *rendering,
                             const unsigned char event_digest[KH_DIGEST_BYTES], int64_t now_us,
                             struct kh_delivery *delivery)
{
  struct kh_deliveries made = {0};
  enum kh_err err = kh_rule_render(rule, rendering, event_digest, now_us, &made);

  ck_assert_uint_eq(made.count, !err);
  *delivery = made.count > 0 ? made.at[0] : (struct kh_delivery){.attempt = 0};
  free(made.at);
  return err;
}

bool kh_test_matches(const struct kh_rule *rule, const struct kh_event *event)
{
  struct kh_decision decision;

  kh_decide(rule, kh_test_rendering(event), NULL, &decision);
  return decision.matches;
}

static void read_event(struct kh_test_event *made, struct kh_str body, struct kh_str header)
{
  struct kh_diag diag = {0};

  kh_buf_init(&made->body, body.len);
  (void)kh_buf_add(&made->body, body);
  ck_assert_int_eq(kh_buf_ok(&made->body), KH_OK);
  kh_json_init(&made->doc, kh_json_default_limits);

  struct kh_verified verified = {.body = kh_buf_view(&made->body), .event_header = header};
  enum kh_err err = kh_event_read(&verified, &made->doc, &made->event, &diag);
  ck_assert_msg(err == KH_OK, "%s: %s", kh_err_token(err), diag.text);
}

void kh_test_event_read(struct kh_test_event *made, struct kh_str body)
{
  read_event(made, body, KH_NO_STR);
}

void kh_test_event_of_fixture(struct kh_test_event *made, const char *name)
{
  const struct kh_str header = KH_STR("X-Buildkite-Event: ");
  struct kh_str event = KH_NO_STR;
  struct kh_buf file;
  char path[512];

  (void)snprintf(path, sizeof path, KH_SOURCE_DIR "/fixtures/events/%s/request.http", name);
  kh_buf_init(&file, 16 * 1024 * 1024);
  ck_assert_msg(kh_file_read(path, &file, NULL) == KH_OK, "%s", path);
  struct kh_str rest = kh_buf_view(&file);
  for (;;) {
    struct kh_str line = kh_str_cut(&rest, '\n');

    ck_assert_msg(rest.at != NULL, "%s has no body", path);
    if (kh_str_equal(line, KH_STR("\r")))
      break;
    if (line.len > header.len && kh_str_equal_nocase(kh_str(line.at, header.len), header))
      event = kh_str(line.at + header.len, line.len - header.len - 1);
  }
  read_event(made, rest, event);
  kh_buf_release(&file);
}

void kh_test_event_release(struct kh_test_event *made)
{
  kh_json_release(&made->doc);
  kh_buf_release(&made->body);
}
