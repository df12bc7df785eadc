#include "base/base.h"

#include "notify/notifiers.h"
#include "rules/message.h"
#include "words/member.h"
#include "words/story.h"

static bool set_all(json_t *json, const struct kh_rule *rule, struct kh_rendering *rendering,
                    const struct kh_story *story)
{
  const struct kh_event *event = rendering->event;
  struct kh_buf text;

  kh_buf_init(&text, KH_DELIVERY_MAX_BYTES);
  bool good = !kh_message_render(rule, rendering, &kh_message_plain, &text);
  if (good && text.len == 0)
    kh_story_line(story, &text);
  good = good && !kh_buf_ok(&text) && kh_member_set(json, "text", kh_buf_view(&text)) &&
         kh_member_line(json, "event", kh_str_of(event->name), KH_STORY_NAME_CHARACTERS) &&
         kh_member_line(json, "organization", kh_str_of(event->organization), KH_STORY_NAME_CHARACTERS) &&
         kh_member_of(json, "pipeline", event, event->pipeline, "slug", KH_STORY_NAME_CHARACTERS) &&
         kh_member_of(json, "branch", event, event->build, "branch", KH_STORY_NAME_CHARACTERS);
  kh_buf_clear(&text);
  good = good && !kh_event_build_state(event, &text) &&
         kh_member_line(json, "state", kh_buf_view(&text), KH_STORY_NAME_CHARACTERS);
  if (good && event->build_number > 0)
    good = json_object_set_new(json, "build_number", json_integer(event->build_number)) == 0;
  kh_buf_release(&text);
  return good && kh_member_set(json, "url", kh_buf_view(&story->url));
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  struct kh_story story;
  json_t *json = json_object();
  enum kh_err err = kh_story_read(&story, rendering->event);

  if (!err && !set_all(json, rule, rendering, &story))
    err = KH_ERR_NO_MEMORY;
  if (!err)
    err = kh_notify_write_json(json_incref(json), body);
  json_decref(json);
  kh_story_release(&story);
  return err;
}

static enum kh_err say(const json_t *body, struct kh_buf *text)
{
  const char *words = json_string_value(json_object_get(body, "text"));

  return words ? kh_buf_add(text, kh_str_of(words)) : KH_ERR_RENDER;
}

/* ---- the line ---- */

static const struct {
  const char *member;
  enum kh_log_key key;
} spoken[] = {
    {"text", KH_LOG_MESSAGE_TEXT}, {"event", KH_LOG_EVENT},   {"organization", KH_LOG_ORGANIZATION},
    {"pipeline", KH_LOG_PIPELINE}, {"branch", KH_LOG_BRANCH}, {"state", KH_LOG_STATE},
    {"url", KH_LOG_URL},
};

static void write_line(const struct kh_delivery *delivery, const json_t *said, const struct kh_log *log)
{
  const json_t *number = json_object_get(said, "build_number");
  struct kh_log_line line;

  kh_log_begin(&line, log, KH_INFO, "notification");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(delivery->entry));
  kh_log_text(&line, KH_LOG_DELIVERY, kh_str_of(delivery->id));
  kh_log_text(&line, KH_LOG_RULE, kh_str_of(delivery->rule));
  for (size_t i = 0; i < KH_COUNT(spoken); i++) {
    const json_t *text = json_object_get(said, spoken[i].member);

    if (json_is_string(text))
      kh_log_text(&line, spoken[i].key, kh_str(json_string_value(text), json_string_length(text)));
  }
  if (json_is_integer(number))
    kh_log_number(&line, KH_LOG_BUILD_NUMBER, json_integer_value(number));
  kh_log_end(&line, log);
}

static enum kh_err deliver(const struct kh_delivery *delivery, const struct kh_log *log)
{
  const struct kh_str body = kh_buf_view(&delivery->body);
  json_t *said = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
  const bool good = json_is_string(json_object_get(said, "text"));

  if (good)
    write_line(delivery, said, log);
  json_decref(said);
  return good ? KH_OK : KH_ERR_RENDER;
}

static const struct kh_option options[] = {
    {.name = "message",
     .type = KH_OPTION_MESSAGE,
     .words = "What `text` of the line says; what is beyond 1024 bytes is cut."},
    {.name = NULL},
};

static const char *const default_events[] = {"build.*", NULL};

const struct kh_notifier kh_notifier_log = {
    .name = "log",
    .words = "Writes a line to the worker's log",
    .content_type = "application/json",
    .default_events = default_events,
    .options = options,
    .render = render,
    .say = say,
    .deliver = deliver,
};
