#include "base/base.h"

#include "base/clock.h"
#include "base/url.h"
#include "language/names/names_past.h"
#include "notify/webhook/body.h"
#include "words/member.h"
#include "words/story.h"

/* How a member of the payload is read. */
enum form { TEXT, TIME, LINK, INTEGER, TRUTH };

struct field {
  const char *key;  /* ours */
  const char *name; /* the payload's */
  enum form form;
};

static const struct field pipeline_fields[] = {{"slug", "slug", TEXT}, {"name", "name", TEXT}};
/* State, author and the like have traps of their own: see add_build. */
static const struct field build_fields[] = {
    {"id", "id", TEXT},
    {"number", "number", INTEGER},
    {"branch", "branch", TEXT},
    {"tag", "tag", TEXT},
    {"commit", "commit", TEXT},
    {"source", "source", TEXT},
    {"created_at", "created_at", TIME},
    {"scheduled_at", "scheduled_at", TIME},
    {"started_at", "started_at", TIME},
    {"finished_at", "finished_at", TIME},
    {"url", "web_url", LINK},
};
static const struct field job_fields[] = {
    {"id", "id", TEXT},
    {"type", "type", TEXT},
    {"step_key", "step_key", TEXT},
    {"state", "state", TEXT},
    {"exit_status", "exit_status", INTEGER},
    {"soft_failed", "soft_failed", TRUTH},
    {"retried", "retried", TRUTH},
    {"created_at", "created_at", TIME},
    {"scheduled_at", "scheduled_at", TIME},
    {"started_at", "started_at", TIME},
    {"finished_at", "finished_at", TIME},
    {"url", "web_url", LINK},
};
static const struct field agent_fields[] = {
    {"id", "id", TEXT}, {"name", "name", TEXT}, {"hostname", "hostname", TEXT}, {"url", "web_url", LINK}};

static bool add_time(json_t *json, const char *key, const struct kh_event *event, struct kh_json_value value)
{
  char text[KH_TIME_TEXT_BYTES];
  struct kh_buf raw;
  int64_t at_us = 0;

  kh_buf_init(&raw, event->body.len);
  bool is_time = !kh_json_text(value, &raw) && kh_time_parse(kh_buf_view(&raw), &at_us);
  kh_buf_release(&raw);
  kh_time_format(at_us, text);
  return !is_time || json_object_set_new(json, key, json_string(text)) == 0;
}

static bool add_link(json_t *json, const char *key, const struct kh_event *event, struct kh_json_value value)
{
  struct kh_buf raw;

  kh_buf_init(&raw, event->body.len);
  enum kh_err err = kh_json_text(value, &raw);
  struct kh_str url = kh_buf_view(&raw);
  bool fits = !err && url.len <= KH_STORY_URL_MAX_BYTES && kh_url_is_link(url);
  bool good = !fits || kh_member_set(json, key, url);
  kh_buf_release(&raw);
  return good && err != KH_ERR_NO_MEMORY;
}

static bool add_field(json_t *json, const struct field *field, const struct kh_event *event,
                      struct kh_json_value object)
{
  const struct kh_json_value value = kh_json_get(object, kh_str_of(field->name));
  int64_t number = 0;
  bool truth = false;

  switch (field->form) {
  case TEXT:
    return kh_member_of(json, field->key, event, object, field->name, KH_STORY_NAME_CHARACTERS);
  case TIME:
    return add_time(json, field->key, event, value);
  case LINK:
    return add_link(json, field->key, event, value);
  case INTEGER:
    return !kh_json_int(value, &number) || json_object_set_new(json, field->key, json_integer(number)) == 0;
  case TRUTH:
    return !kh_json_bool(value, &truth) || json_object_set_new(json, field->key, json_boolean(truth)) == 0;
  }
  return false;
}

static json_t *object_of(const struct field *fields, size_t count, const struct kh_event *event,
                         struct kh_json_value object, bool *good)
{
  json_t *json = json_object();

  *good = *good && json;
  for (size_t i = 0; i < count && *good; i++)
    *good = add_field(json, &fields[i], event, object);
  return json;
}

/* Takes OBJECT over; an empty one is left out. */
static void attach(json_t *data, const char *key, json_t *object, bool *good)
{
  if (*good && json_object_size(object) > 0)
    *good = json_object_set(data, key, object) == 0;
  json_decref(object);
}

static void add_build(json_t *data, const struct kh_event *event, bool *good)
{
  json_t *build = object_of(build_fields, KH_COUNT(build_fields), event, event->build, good);
  struct kh_buf text;

  kh_buf_init(&text, event->body.len + 4 * (size_t)KH_STORY_NAME_CHARACTERS);
  *good = *good && !kh_event_build_state(event, &text) &&
          kh_member_line(build, "state", kh_buf_view(&text), KH_STORY_NAME_CHARACTERS);
  kh_buf_clear(&text);
  if (*good)
    kh_story_person(event, &text);
  *good = *good && !kh_buf_ok(&text) && kh_member_set(build, "author", kh_buf_view(&text)) &&
          kh_member_of(build, "message", event, event->build, "message", KH_STORY_MESSAGE_CHARACTERS) &&
          kh_member_of(build, "pull_request", event, kh_json_get(event->build, KH_STR("pull_request")), "id",
                       KH_STORY_NAME_CHARACTERS);
  kh_buf_release(&text);
  attach(data, "build", build, good);
}

static void add_job(json_t *data, const struct kh_event *event, bool *good)
{
  json_t *job = object_of(job_fields, KH_COUNT(job_fields), event, event->job, good);
  struct kh_buf name;

  kh_buf_init(&name, event->body.len);
  *good = *good && !kh_event_job_name(event, &name) &&
          kh_member_line(job, "name", kh_buf_view(&name), KH_STORY_NAME_CHARACTERS);
  kh_buf_release(&name);
  attach(data, "job", job, good);
}

/* When it happened, as far as the payload tells. */
static bool add_timestamp(json_t *json, const struct kh_event *event)
{
  static const struct {
    const char *happening, *member;
  } times[] = {{".finished", "finished_at"},
               {".running", "started_at"},
               {".started", "started_at"},
               {".failing", "failing_at"},
               {".scheduled", "scheduled_at"}};
  const struct kh_json_value object = event->kind == KH_EVENT_JOB ? event->job : event->build;

  for (size_t i = 0; i < KH_COUNT(times); i++)
    if (kh_str_ends(kh_str_of(event->name), kh_str_of(times[i].happening)))
      return add_time(json, "timestamp", event, kh_json_get(object, kh_str_of(times[i].member)));
  return true;
}

/* Texts that strangers wrote, each cleaned and cut. NULL without memory. */
static json_t *lines_of(const struct kh_value *list)
{
  json_t *lines = json_array();
  bool good = lines != NULL;

  for (size_t i = 0; i < list->list.count && good; i++) {
    struct kh_buf line;

    kh_buf_init(&line, 4 * (size_t)KH_STORY_NAME_CHARACTERS);
    kh_text_line(list->list.items[i], KH_STORY_NAME_CHARACTERS, &line);
    good = !kh_buf_ok(&line) &&
           (line.len == 0 || json_array_append_new(lines, json_stringn(line.at, line.len)) == 0);
    kh_buf_release(&line);
  }
  if (good)
    return lines;
  json_decref(lines);
  return NULL;
}

/* By their names without what stands before the dot; what is not known is left out. */
static json_t *history_of(const struct kh_history *history, bool *good)
{
  static const enum kh_name names[] = {
      KH_NAME_PIPELINE_STARTED_FAILING,      KH_NAME_PIPELINE_STARTED_PASSING, KH_NAME_PIPELINE_NEXT_FINISHED,
      KH_NAME_PIPELINE_CONSECUTIVE_FAILURES, KH_NAME_PIPELINE_FAILING_SINCE,   KH_NAME_PIPELINE_FAILING_FOR,
      KH_NAME_PIPELINE_LAST_PASSED,          KH_NAME_PIPELINE_USUAL_DURATION,  KH_NAME_BUILD_FAILED_JOBS,
      KH_NAME_BUILD_SOFT_FAILED_JOBS,        KH_NAME_BUILD_MENDED_JOBS};
  json_t *json = json_object();

  for (size_t i = 0; i < KH_COUNT(names); i++) {
    const struct kh_value value = kh_names_past_value(history, names[i]);
    const char *key = strchr(kh_name_info(names[i])->text, '.') + 1;
    bool set = true;

    if (value.kind == KH_KIND_BOOLEAN)
      set = json_object_set_new(json, key, json_boolean(value.truth)) == 0;
    else if (value.kind == KH_KIND_NUMBER)
      set = json_object_set_new(json, key, json_integer(value.number)) == 0;
    else if (value.kind == KH_KIND_LIST)
      set = json_object_set_new(json, key, lines_of(&value)) == 0;
    *good = *good && json && set;
  }
  return json;
}

static json_t *data_of(const struct kh_event *event, const struct kh_history *history,
                       const struct kh_story *story, bool *good)
{
  const struct kh_json_value agent = event->kind == KH_EVENT_JOB ? kh_json_get(event->job, KH_STR("agent"))
                                                                 : event->agent;
  json_t *data = json_object();
  struct kh_buf text;

  kh_buf_init(&text, KH_STORY_DETAILS_MAX * 4 * (size_t)KH_STORY_URL_MAX_BYTES);
  kh_story_line(story, &text);
  *good = *good && data && !kh_buf_ok(&text) && kh_member_set(data, "text", kh_buf_view(&text)) &&
          kh_member_set(data, "url", kh_buf_view(&story->url)) &&
          kh_member_line(data, "organization", kh_str_of(event->organization), KH_STORY_NAME_CHARACTERS);
  kh_buf_release(&text);
  attach(data, "pipeline",
         object_of(pipeline_fields, KH_COUNT(pipeline_fields), event, event->pipeline, good), good);
  add_build(data, event, good);
  add_job(data, event, good);
  attach(data, "history", history_of(history, good), good);
  attach(data, "agent", object_of(agent_fields, KH_COUNT(agent_fields), event, agent, good), good);
  return data;
}

enum kh_err kh_webhook_body(const struct kh_event *event, const struct kh_history *history, json_t **json)
{
  struct kh_story story;
  enum kh_err err = kh_story_read(&story, event, history);
  bool good = !err;

  *json = NULL;
  if (err)
    goto done;
  *json = json_object();
  good = *json && kh_member_line(*json, "type", kh_str_of(event->name), KH_STORY_NAME_CHARACTERS) &&
         add_timestamp(*json, event);
  json_t *data = data_of(event, history, &story, &good);
  good = json_object_set_new(*json, "data", data) == 0 && good;
done:
  kh_story_release(&story);
  if (!good) {
    json_decref(*json);
    *json = NULL;
  }
  return good ? KH_OK : KH_ERR_NO_MEMORY;
}
