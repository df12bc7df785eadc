/*
 * rules.h - a kitehook.yml around a `notify:` of the test's own, and events made of a body.
 */
#ifndef KH_TEST_RULES_H
#define KH_TEST_RULES_H

#include "notify/notifiers.h"
#include "support/tempdir.h"

/* What {env: SLACK_WEBHOOK_URL} gives, and what {file: hook} does: credentials that must show up nowhere. */
#define KH_TEST_SLACK_URL "https://hooks.slack.example/services/T0/B0/planted-slack-env"
#define KH_TEST_SLACK_FILE_URL "http://127.0.0.1:8089/planted-slack-file"

struct kh_test_rules {
  struct kh_tempdir dir;
  struct kh_config config;
  struct kh_rules rules;
  struct kh_diags diags;
  enum kh_err err; /* of kh_rules_compile */
};

/*
 * Reads and compiles NOTIFY, the lines below `notify:`, of which the first is line 4. ENVIRONMENT ends with
 * NULL; NULL stands for one with SLACK_WEBHOOK_URL. Ends the test when the config itself cannot be read.
 */
void kh_test_rules_open(struct kh_test_rules *made, const char *notify, const char *const *environment);
/* The same where there are no notifiers but those of NOTIFIERS, NULL-terminated. */
void kh_test_rules_open_with(struct kh_test_rules *made, const struct kh_notifier *const *notifiers,
                             const char *notify, const char *const *environment);
void kh_test_rules_close(struct kh_test_rules *made);
/* "line:column text\n" for each mistake and "line:column warning: text\n" for each warning. */
void kh_test_rules_said(const struct kh_test_rules *made, struct kh_buf *out);

struct kh_test_event {
  struct kh_buf body;
  struct kh_json doc;
  struct kh_event event;
};

/* What notifiers render EVENT from. One at a time. */
struct kh_rendering *kh_test_rendering(const struct kh_event *event);
/* kh_rule_render for a rule with one place. Release DELIVERY either way. */
enum kh_err kh_test_rendered(const struct kh_rule *rule, struct kh_rendering *rendering,
                             const unsigned char event_digest[KH_DIGEST_BYTES], int64_t now_us,
                             struct kh_delivery *delivery);
/* Does RULE match EVENT? */
bool kh_test_matches(const struct kh_rule *rule, const struct kh_event *event);

/* Reads a copy of BODY, as if it were proven. Ends the test when it cannot be read. MADE must not move. */
void kh_test_event_read(struct kh_test_event *made, struct kh_str body);
/* The body of fixtures/events/NAME with its X-Buildkite-Event. */
void kh_test_event_of_fixture(struct kh_test_event *made, const char *name);
void kh_test_event_release(struct kh_test_event *made);

#endif
