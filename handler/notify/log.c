#include "base/base.h"

#include "base/json_put.h"
#include "notify/notifiers.h"
#include "rules/message.h"
#include "words/story.h"

/* Absent rather than empty. */
static void put(struct kh_buf *body, const char *key, const struct kh_buf *text)
{
  if (kh_buf_ok(text))
    kh_buf_fail(body, kh_buf_ok(text));
  else if (text->len > 0)
    kh_json_put_text_member(body, key, kh_buf_view(text));
}

static void put_line(struct kh_buf *body, const char *key, struct kh_str dirty)
{
  struct kh_buf line;

  kh_buf_init(&line, 4 * KH_STORY_NAME_CHARACTERS);
  kh_text_line(dirty, KH_STORY_NAME_CHARACTERS, &line);
  put(body, key, &line);
  kh_buf_release(&line);
}

/* Releases RAW. */
static void put_raw(struct kh_buf *body, const char *key, struct kh_buf *raw)
{
  if (kh_buf_ok(raw))
    kh_buf_fail(body, kh_buf_ok(raw));
  else
    put_line(body, key, kh_buf_view(raw));
  kh_buf_release(raw);
}

static void put_part(struct kh_buf *body, const char *key, const struct kh_event *event,
                     struct kh_json_value object, struct kh_str name)
{
  struct kh_buf raw;

  kh_buf_init(&raw, event->body.len); /* decoding never lengthens */
  (void)!kh_json_text(kh_json_get(object, name), &raw);
  put_raw(body, key, &raw);
}

static enum kh_err put_text(struct kh_buf *body, const struct kh_rule *rule, struct kh_rendering *rendering,
                            const struct kh_story *story)
{
  struct kh_buf text;

  kh_buf_init(&text, KH_DELIVERY_MAX_BYTES);
  enum kh_err err = kh_message_render(rule, rendering, &kh_message_plain, &text);
  if (!err && text.len == 0)
    kh_story_line(story, &text);
  put(body, "text", &text);
  kh_buf_release(&text);
  return err;
}

static void put_build(struct kh_buf *body, const struct kh_event *event)
{
  struct kh_buf state;

  kh_buf_init(&state, event->body.len);
  (void)!kh_event_build_state(event, &state);
  put_raw(body, "state", &state);
  if (event->build_number > 0)
    kh_json_put_int_member(body, "build_number", event->build_number);
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  const struct kh_event *event = rendering->event;
  struct kh_story story;
  enum kh_err err = kh_story_read(&story, event, &rendering->facts->history);

  (void)kh_buf_add_byte(body, '{');
  if (!err)
    err = put_text(body, rule, rendering, &story);
  put_line(body, "event", kh_str_of(event->name));
  put_line(body, "organization", kh_str_of(event->organization));
  put_part(body, "pipeline", event, event->pipeline, KH_STR("slug"));
  put_part(body, "branch", event, event->build, KH_STR("branch"));
  put_build(body, event);
  put(body, "url", &story.url);
  (void)kh_buf_add_byte(body, '}');
  kh_story_release(&story);
  return err ? err : kh_buf_ok(body);
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

static void write_line(const struct kh_delivery *delivery, struct kh_json_value said,
                       const struct kh_log *log)
{
  struct kh_log_line line;
  int64_t number = 0;

  kh_log_begin(&line, log, KH_INFO, "notification");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(delivery->entry));
  kh_log_text(&line, KH_LOG_DELIVERY, kh_str_of(delivery->id));
  kh_log_text(&line, KH_LOG_RULE, kh_str_of(delivery->rule));
  for (size_t i = 0; i < KH_COUNT(spoken); i++)
    kh_log_value(&line, spoken[i].key, kh_json_get(said, kh_str_of(spoken[i].member)));
  if (kh_json_int(kh_json_get(said, KH_STR("build_number")), &number))
    kh_log_number(&line, KH_LOG_BUILD_NUMBER, number);
  kh_log_end(&line, log);
}

static enum kh_err deliver(const struct kh_delivery *delivery, const struct kh_log *log)
{
  struct kh_json body;
  bool good = false;

  kh_json_init(&body, kh_json_default_limits);
  if (!kh_json_read(&body, kh_buf_view(&delivery->body), NULL)) {
    const struct kh_json_value said = kh_json_root(&body);

    good = kh_json_type(kh_json_get(said, KH_STR("text"))) == KH_JSON_STRING;
    if (good)
      write_line(delivery, said, log);
  }
  kh_json_release(&body);
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
