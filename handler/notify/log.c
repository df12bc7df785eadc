#include "base/base.h"

#include "notify/notifier.h"
#include "notify/story.h"

/* Absent rather than empty: a member that is there can be relied on. */
static bool set_text(json_t *json, const char *key, struct kh_str text)
{
  return text.len == 0 || json_object_set_new(json, key, json_stringn(text.at, text.len)) == 0;
}

static bool set_line(json_t *json, const char *key, struct kh_str dirty)
{
  struct kh_buf line;

  kh_buf_init(&line, 4 * (size_t)KH_STORY_NAME_CHARACTERS);
  kh_text_line(dirty, KH_STORY_NAME_CHARACTERS, &line);
  bool good = !kh_buf_ok(&line) && set_text(json, key, kh_buf_view(&line));
  kh_buf_release(&line);
  return good;
}

static bool set_member(json_t *json, const char *key, const struct kh_event *event,
                       struct kh_json_value object, struct kh_str name)
{
  struct kh_buf raw;

  kh_buf_init(&raw, event->body.len);
  (void)kh_json_text(kh_json_get(object, name), &raw);
  bool good = set_line(json, key, kh_buf_view(&raw));
  kh_buf_release(&raw);
  return good;
}

static bool set_all(json_t *json, const struct kh_event *event, const struct kh_story *story)
{
  struct kh_buf text;

  kh_buf_init(&text, KH_DELIVERY_MAX_BYTES);
  kh_story_line(story, &text);
  bool good = !kh_buf_ok(&text) && set_text(json, "text", kh_buf_view(&text)) &&
              set_line(json, "event", kh_str_of(event->name)) &&
              set_line(json, "organization", kh_str_of(event->organization)) &&
              set_member(json, "pipeline", event, event->pipeline, KH_STR("slug")) &&
              set_member(json, "branch", event, event->build, KH_STR("branch"));
  kh_buf_clear(&text);
  good = good && !kh_event_build_state(event, &text) && set_line(json, "state", kh_buf_view(&text));
  if (good && event->build_number > 0)
    good = json_object_set_new(json, "build_number", json_integer(event->build_number)) == 0;
  kh_buf_release(&text);
  return good && set_text(json, "url", kh_buf_view(&story->url));
}

static enum kh_err render(const struct kh_rule *rule, const struct kh_event *event,
                          const struct kh_facts *facts, struct kh_buf *body)
{
  struct kh_story story;
  json_t *json = NULL;
  enum kh_err err = kh_story_read(&story, event);

  (void)rule;
  (void)facts;
  if (err)
    goto done;
  json = json_object();
  err = set_all(json, event, &story) ? kh_notify_write_json(json_incref(json), body) : KH_ERR_RENDER;
done:
  json_decref(json);
  kh_story_release(&story);
  return err;
}

static enum kh_err configure(struct kh_config *config, const json_t *options, struct kh_rule *rule,
                             struct kh_diags *diags)
{
  static const char *const no_keys[] = {NULL};

  (void)snprintf(rule->destination, sizeof rule->destination, "log");
  return options ? kh_config_known_keys(config, options, no_keys, diags) : KH_OK;
}

static const char *const default_events[] = {"build.*", NULL};

const struct kh_notifier kh_notifier_log = {
    .name = "log",
    .via = KH_VIA_LOG,
    .content_type = "application/json",
    .default_events = default_events,
    .usage = "log",
    .configure = configure,
    .render = render,
};
