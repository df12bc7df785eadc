#include "base/base.h"

#include "base/clock.h"
#include "base/json_text.h"
#include "language/names/names_body.h"
#include "language/names/pull_request.h"

static struct kh_json_value member(struct kh_json_value object, const char *key)
{
  return kh_json_get(object, kh_str_of(key));
}

/* "build.creator.name" is the member `name` of the member `creator` of the body's `build`. */
static struct kh_json_value find(const struct kh_event *event, const char *path)
{
  static const struct kh_str build = {"build.", 6};
  struct kh_json_value value = event->root;
  struct kh_str rest = kh_str_of(path);

  if (kh_str_starts(rest, build)) {
    value = event->build;
    rest = kh_str(rest.at + build.len, rest.len - build.len);
  }
  while (rest.len > 0)
    value = kh_json_get(value, kh_str_cut(&rest, '.'));
  return value;
}

static struct kh_value list_of(struct kh_json_value array, struct kh_arena *arena)
{
  struct kh_str *items = kh_arena_take(arena, kh_json_length(array) * sizeof *items + 1);
  struct kh_json_walk walk = kh_json_walk(array);
  size_t count = 0;

  while (items && kh_json_next(&walk))
    items[count++] = kh_json_text_in(walk.value, arena);
  return items ? kh_value_list(items, count) : kh_value_null();
}

static struct kh_value value_of_kind(struct kh_json_value value, enum kh_kind kind, struct kh_arena *arena)
{
  int64_t number = 0;
  bool truth = false;

  if (kind == KH_KIND_NUMBER && kh_json_int(value, &number))
    return kh_value_number(number);
  if (kind == KH_KIND_BOOLEAN && kh_json_bool(value, &truth))
    return kh_value_truth(truth);
  if (kind == KH_KIND_STRING)
    return kh_value_text(kh_json_text_in(value, arena));
  if (kind == KH_KIND_LIST && kh_json_type(value) == KH_JSON_ARRAY)
    return list_of(value, arena);
  return kh_value_null();
}

/* What `notify` means by a blocked build; the webhook keeps the last state beside `blocked`. */
static struct kh_str blocked_state(const struct kh_event *event, struct kh_arena *arena)
{
  if (!event->build_blocked)
    return KH_NO_STR;
  struct kh_str text = kh_json_text_in(member(event->build, "blocked_state"), arena);
  return text.len > 0 ? text : kh_json_text_in(event->build_state, arena);
}

/* A plain text is the address. */
static struct kh_str author(const struct kh_event *event, const char *part, struct kh_arena *arena)
{
  struct kh_json_value found = member(event->build, "author");

  if (kh_json_type(found) == KH_JSON_STRING)
    return strcmp(part, "email") == 0 ? kh_json_text_in(found, arena) : KH_NO_STR;
  return kh_json_text_in(member(found, part), arena);
}

static struct kh_str pull_request_id(const struct kh_event *event, struct kh_arena *arena)
{
  struct kh_json_value id = find(event, "build.pull_request.id");

  int64_t number = 0;

  return kh_json_int(id, &number) ? kh_json_raw(id) : kh_json_text_in(id, arena);
}

static struct kh_str pull_request_url(const struct kh_event *event, struct kh_arena *arena)
{
  struct kh_buf url;

  kh_buf_init(&url, event->body.len + 64);
  kh_pull_request_url(event, &url);
  const struct kh_str copy = url.len > 0 ? kh_arena_copy(arena, kh_buf_view(&url)) : KH_NO_STR;
  kh_buf_release(&url);
  return copy;
}

static struct kh_str job_name(const struct kh_event *event, struct kh_arena *arena)
{
  struct kh_str name = kh_json_text_in(member(event->job, "name"), arena);

  return name.at ? name : kh_json_text_in(member(event->job, "label"), arena);
}

static struct kh_str sender_name(const struct kh_event *event, struct kh_arena *arena)
{
  return kh_json_text_in(
      kh_json_type(event->sender) == KH_JSON_STRING ? event->sender : member(event->sender, "name"), arena);
}

/* Whole seconds; null unless OBJECT has begun and ended, in this order. */
static struct kh_value duration(struct kh_json_value object, struct kh_arena *arena)
{
  int64_t from_us = 0;
  int64_t to_us = 0;

  if (!kh_time_parse(kh_json_text_in(member(object, "started_at"), arena), &from_us) ||
      !kh_time_parse(kh_json_text_in(member(object, "finished_at"), arena), &to_us) || to_us < from_us)
    return kh_value_null();
  return kh_value_number((to_us - from_us) / 1000000);
}

/* ---- steps, as far as a job tells of its step ---- */

static const struct translation {
  const char *job, *step;
} types[] = {{"script", "command"}, {"trigger", "trigger"}, {"manual", "input"}, {"waiter", "wait"}, {0}},
  states[] = {{"scheduled", "ready"},
              {"assigned", "ready"},
              {"accepted", "ready"},
              {"running", "running"},
              {"canceled", "canceled"},
              {"broken", "ignored"},
              {"passed", "finished"},
              {"failed", "finished"},
              {"timed_out", "finished"},
              {"expired", "finished"},
              {0}},
  outcomes[] = {
      {"passed", "passed"}, {"canceled", "errored"}, {"timed_out", "errored"}, {"expired", "errored"}, {0}};

static struct kh_str translate(struct kh_json_value value, const struct translation *table)
{
  for (; table->job; table++)
    if (kh_json_text_is(value, kh_str_of(table->job)))
      return kh_str_of(table->step);
  return KH_NO_STR;
}

/* The step goes on in another job. */
static bool is_retried(const struct kh_event *event)
{
  bool retried = false;

  return kh_json_bool(member(event->job, "retried"), &retried) && retried;
}

static struct kh_str step_outcome(const struct kh_event *event)
{
  struct kh_json_value state = member(event->job, "state");
  bool soft = false;

  if (strcmp(event->name, "job.finished") != 0 || is_retried(event))
    return KH_NO_STR;
  if (kh_json_text_is(member(event->job, "type"), KH_STR("waiter")))
    return KH_STR("neutral");
  if (kh_json_text_is(state, KH_STR("failed")))
    return kh_json_bool(member(event->job, "soft_failed"), &soft) && soft ? KH_STR("soft_failed")
                                                                          : KH_STR("hard_failed");
  return translate(state, outcomes);
}

/* Labels of the steps that start other builds and do not wait for them. Null where no step is listed. */
static struct kh_value async_triggers(const struct kh_event *event, struct kh_arena *arena)
{
  const struct kh_json_value steps = member(event->build, "steps");
  struct kh_json_walk walk = kh_json_walk(steps);
  size_t count = 0;
  bool async = false;

  if (kh_json_type(steps) != KH_JSON_ARRAY || kh_json_length(steps) == 0)
    return kh_value_null();
  struct kh_str *labels = kh_arena_take(arena, kh_json_length(steps) * sizeof *labels);
  while (labels && kh_json_next(&walk))
    if (kh_json_text_is(member(walk.value, "type"), KH_STR("trigger")) &&
        kh_json_bool(member(walk.value, "async"), &async) && async) {
      labels[count] = kh_json_text_in(member(walk.value, "label"), arena);
      if (!labels[count].at)
        labels[count] = kh_json_text_in(member(walk.value, "name"), arena);
      count += labels[count].at != NULL;
    }
  return labels ? kh_value_list(labels, count) : kh_value_null();
}

/* ---- one name ---- */

/* Texts that stand somewhere else than where their name says. */
static const char *const places[KH_NAME__COUNT] = {
    [KH_NAME_PULL_REQUEST_BASE_BRANCH] = "build.pull_request.base",
    [KH_NAME_JOB_PROMISED_REASON] = "promised_exit_status_reason",
    [KH_NAME_STEP_ID] = "job.step.id",
    [KH_NAME_STEP_KEY] = "job.step_key",
    [KH_NAME_BUILD_URL] = "build.web_url",
    [KH_NAME_JOB_URL] = "job.web_url",
};

/* True for the names whose text has to be made. */
static bool special_text(const struct kh_event *event, enum kh_name name, struct kh_arena *arena,
                         struct kh_str *text)
{
  switch (name) {
  case KH_NAME_EVENT:
    *text = event->name[0] ? kh_str_of(event->name) : KH_NO_STR;
    return true;
  case KH_NAME_ORGANIZATION_SLUG:
    *text = event->organization[0] ? kh_str_of(event->organization) : KH_NO_STR;
    return true;
  case KH_NAME_SENDER_NAME:
    *text = sender_name(event, arena);
    return true;
  case KH_NAME_BUILD_STATE:
    *text = event->build_blocked ? KH_STR("blocked") : kh_json_text_in(event->build_state, arena);
    return true;
  case KH_NAME_BUILD_BLOCKED_STATE:
    *text = blocked_state(event, arena);
    return true;
  case KH_NAME_BUILD_AUTHOR_NAME:
    *text = author(event, "name", arena);
    return true;
  case KH_NAME_BUILD_AUTHOR_EMAIL:
    *text = author(event, "email", arena);
    return true;
  case KH_NAME_PULL_REQUEST_ID:
    *text = pull_request_id(event, arena);
    return true;
  case KH_NAME_PULL_REQUEST_URL:
    *text = pull_request_url(event, arena);
    return true;
  case KH_NAME_JOB_NAME:
  case KH_NAME_STEP_LABEL:
    *text = job_name(event, arena);
    return true;
  case KH_NAME_STEP_TYPE:
    *text = translate(member(event->job, "type"), types);
    return true;
  case KH_NAME_STEP_STATE:
    *text = is_retried(event) ? KH_STR("running") : translate(member(event->job, "state"), states);
    return true;
  case KH_NAME_STEP_OUTCOME:
    *text = step_outcome(event);
    return true;
  default:
    return false;
  }
}

void kh_names_body_value(const struct kh_event *event, const struct kh_name_info *name,
                         struct kh_arena *arena, struct kh_value *value)
{
  struct kh_str text = KH_NO_STR;

  if (special_text(event, name->name, arena, &text))
    *value = kh_value_text(text);
  else if (name->name == KH_NAME_BUILD_BLOCKED)
    *value = kh_value_truth(event->build_blocked);
  else if (name->name == KH_NAME_BUILD_DURATION || name->name == KH_NAME_JOB_DURATION)
    *value = duration(name->name == KH_NAME_BUILD_DURATION ? event->build : event->job, arena);
  else if (name->name == KH_NAME_BUILD_ASYNC_TRIGGERS)
    *value = async_triggers(event, arena);
  else if (name->flags & (KH_NAME_UNFILLED | KH_NAME_HISTORY))
    *value = kh_value_null();
  else
    *value = value_of_kind(find(event, places[name->name] ? places[name->name] : name->text), name->kind,
                           arena);
}
