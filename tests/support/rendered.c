#include "base/base.h"

#include "notify/lifx/look.h"
#include "support/checks.h"
#include "support/recorder.h"
#include "support/rendered.h"
#include "support/rules.h"
#include "support/slack.h"

enum { MAX_TEXT = 3000 };

static void check_log(const char *why, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);
  const char *key;
  json_t *value;

  kh_check_keys(why, json, "|text|event|organization|pipeline|branch|state|build_number|url|");
  MUST(json_is_string(json_object_get(json, "text")), "%s: no text", why);
  json_object_foreach(json, key, value)
  {
    if (strcmp(key, "build_number") == 0)
      MUST(json_is_integer(value) && json_integer_value(value) > 0, "%s: %s", why, key);
    else if (strcmp(key, "url") == 0)
      kh_check_url(why, value);
    else
      kh_check_text(why, value, MAX_TEXT);
  }
  json_decref(json);
}

static void check_member(const char *why, const char *key, json_t *value)
{
  if (strcmp(key, "number") == 0 || strcmp(key, "exit_status") == 0)
    MUST(json_is_integer(value), "%s: %s", why, key);
  else if (strcmp(key, "soft_failed") == 0)
    MUST(json_is_boolean(value), "%s: %s", why, key);
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
  MUST(json_object_size(object) > 0, "%s: an empty object", why);
  json_object_foreach(object, key, value) check_member(why, key, value);
}

/*
 * The members of docs/webhook.schema.json; an integration test holds the golden files against the schema
 * itself.
 */
static void check_webhook(const char *why, struct kh_str body)
{
  json_t *json = kh_check_read(why, body);
  json_t *data = json_object_get(json, "data");
  const char *key;
  json_t *value;

  kh_check_keys(why, json, "|type|timestamp|data|");
  kh_check_keys(why, data, "|text|message|url|organization|pipeline|build|job|agent|");
  MUST(json_is_string(json_object_get(data, "text")), "%s: no text", why);
  json_object_foreach(json, key, value) if (!json_is_object(value)) check_member(why, key, value);
  json_object_foreach(data, key, value) if (!json_is_object(value)) check_member(why, key, value);
  check_object(why, json_object_get(data, "pipeline"), "|slug|name|");
  check_object(why, json_object_get(data, "build"),
               "|id|number|branch|tag|commit|source|created_at|scheduled_at|started_at|finished_at|url|state|"
               "author|message|pull_request|");
  check_object(why, json_object_get(data, "job"),
               "|id|type|step_key|state|exit_status|soft_failed|created_at|scheduled_at|started_at|"
               "finished_at|url|name|");
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
  MUST(known, "%s: %.*s is none of the looks", why, KH_FMT(body));
  json_decref(json);
}

void kh_test_rule_open(struct kh_rule *rule, const struct kh_notifier *notifier)
{
  *rule = (struct kh_rule){.name = "rule", .notifier = notifier, .destination = "nowhere"};
  if (notifier == &kh_notifier_lifx)
    ck_assert_int_eq(kh_lifx_looks(NULL, KH_LIFX_BREATHE, &rule->made), KH_OK);
}

void kh_test_rule_close(struct kh_rule *rule)
{
  json_decref(rule->made);
}

void kh_test_render(const char *why, const struct kh_notifier *notifier, const struct kh_event *event,
                    struct kh_buf *body)
{
  struct kh_rule rule;

  kh_test_rule_open(&rule, notifier);
  kh_buf_init(body, KH_DELIVERY_MAX_BYTES);
  enum kh_err err = notifier->render(&rule, kh_test_rendering(event), body);
  ck_assert_msg(err == KH_OK, "%s: %s", why, kh_err_token(err));
  if (notifier == &kh_notifier_slack)
    kh_check_slack(why, kh_buf_view(body));
  else if (notifier == &kh_notifier_webhook)
    check_webhook(why, kh_buf_view(body));
  else if (notifier == &kh_notifier_lifx)
    check_lifx(why, &rule, kh_buf_view(body));
  else
    check_log(why, kh_buf_view(body));
  ck_assert_msg(!kh_text_contains(kh_buf_view(body), KH_STR("planted")), "%s: a secret of the payload: %s",
                why, kh_buf_text(body));
  kh_test_rule_close(&rule);
}

void kh_test_render_all(const char *why, const struct kh_event *event)
{
  static const struct kh_notifier *const notifiers[] = {&kh_notifier_slack, &kh_notifier_webhook,
                                                        &kh_notifier_lifx, &kh_notifier_log};

  for (size_t i = 0; i < KH_COUNT(notifiers); i++) {
    struct kh_buf body;

    kh_test_render(why, notifiers[i], event, &body);
    kh_buf_release(&body);
  }
}
