/*
 * Target: handler/receive/partner.c. Aborts where an event counts that does not come from the source and the
 * account of the config; where the webhook that is made of one is no JSON, has a key twice or says something
 * else than jansson finds in the event; or where a message shows a value.
 *
 * The input is an event from EventBridge.
 */
#include "base/base.h"

#include "fuzz/replay.h"
#include "receive/event.h"
#include "receive/partner.h"
#include "support/guard.h"

#include <jansson.h>

static const struct kh_eventbridge origin = {"aws.partner/buildkite.com/acme-kites/0106-187c-12cd4fe",
                                             "111122223333"};

static bool is_text(const json_t *value, const char *text)
{
  return json_is_string(value) && json_string_length(value) == strlen(text) &&
         strcmp(json_string_value(value), text) == 0;
}

static const json_t *get(const json_t *object, const char *key)
{
  return json_object_get(object, key);
}

/* THEIRS, or where the event has OURS as well, that one. */
static void must_be_called(const json_t *made, const char *ours, const json_t *event, const char *theirs)
{
  const json_t *want = get(event, ours) ? get(event, ours) : get(event, theirs);

  if (want ? !json_equal((json_t *)(uintptr_t)want, (json_t *)(uintptr_t)get(made, ours))
           : get(made, ours) != NULL)
    abort();
}

static void compare_build(const json_t *made, const json_t *build)
{
  const json_t *state = get(build, "state");

  if (!json_is_object(build)) {
    if (made)
      abort();
    return;
  }
  must_be_called(made, "id", build, "uuid");
  must_be_called(made, "number", build, "number");
  must_be_called(made, "branch", build, "branch");
  if (is_text(state, "blocked") ? get(made, "state") || !json_is_true(get(made, "blocked"))
      : is_text(state, "started")
          ? !is_text(get(made, "state"), "running")
          : state && !json_equal((json_t *)(uintptr_t)state, (json_t *)(uintptr_t)get(made, "state")))
    abort();
}

static void compare(const json_t *made, const json_t *event)
{
  const json_t *detail = get(event, "detail"), *job = get(made, "job");
  const bool is_of_job = strncmp(json_string_value(get(made, "event")), "job.", 4) == 0;

  if (!!job != is_of_job)
    abort();
  compare_build(get(made, "build"), get(detail, "build"));
  if (json_is_object(get(detail, "pipeline")))
    must_be_called(get(made, "pipeline"), "repository", get(detail, "pipeline"), "repo");
  if (!job)
    return;
  must_be_called(job, "id", get(detail, "job"), "uuid");
  must_be_called(job, "step_key", get(detail, "job"), "step_key");
  if (!is_text(get(get(detail, "job"), "type"), "manual"))
    must_be_called(job, "name", get(detail, "job"), "label");
}

static void read_made(const struct kh_partner *partner, const json_t *seen)
{
  const struct kh_str text = partner->verified.body;
  struct kh_event event;
  struct kh_json doc;
  json_error_t error;

  kh_json_init(&doc, kh_json_default_limits);
  if (kh_event_read(&partner->verified, &doc, &event, NULL) || event.kind == KH_EVENT_OTHER)
    abort();
  /* Where jansson is the stricter one there is nothing to compare: a lone surrogate, a NUL in a key. */
  if (seen) {
    json_t *made = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (!made)
      abort();
    compare(made, seen);
    json_decref(made);
  }
  kh_json_release(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};
  struct kh_diag unlike = {.err = KH_OK}, refused = {.err = KH_OK};
  struct kh_partner partner;
  struct kh_json doc;
  struct kh_buf body;
  json_error_t error;

  struct kh_str payload = kh_guard_end(&guard, kh_str((const char *)data, size));
  kh_json_init(&doc, kh_json_default_limits);
  kh_buf_init(&body, payload.len + 64);
  json_t *seen = json_loadb(payload.at, payload.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  if (kh_json_read(&doc, payload, NULL))
    goto done;
  const struct kh_json_value root = kh_json_root(&doc);
  const enum kh_err err = kh_partner_read(root, &body, &partner, &unlike);
  if (!err)
    read_made(&partner, seen);
  const enum kh_err admitted = kh_partner_admit(root, &origin, &body, &partner, &refused);
  const bool is_ours = is_text(get(seen, "source"), origin.source) &&
                       is_text(get(seen, "account"), origin.account);
  if (seen && (admitted == KH_OK) != (is_ours && err == KH_OK))
    abort();
  if (err == KH_ERR_LIMIT || unlike.err != err || refused.err != admitted ||
      strstr(unlike.text, "planted.secret") || strstr(refused.text, "planted.secret"))
    abort();
done:
  json_decref(seen);
  kh_buf_release(&body);
  kh_json_release(&doc);
  kh_guard_release(&guard);
  return 0;
}
