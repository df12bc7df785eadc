#include "base/base.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "notify/notifiers.h"
#include "rules/message.h"
#include "rules/outgoing.h"
#include "words/member.h"
#include "words/story.h"

/* Source: developer.pagerduty.com, "Send change events to the Events API v2": payload.summary. */
enum { SUMMARY_CHARACTERS = 1024 };

static enum kh_err request(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                           struct kh_outgoing *outgoing)
{
  (void)delivery;
  (void)now_us;
  return kh_outgoing_member(outgoing, "routing_key", &rule->capability);
}

static bool names_key(struct kh_json_value said)
{
  const struct kh_str text = kh_json_raw(said);

  return text.at &&
         (memmem(text.at, text.len, "routing key", 11) || memmem(text.at, text.len, "routing_key", 11));
}

/* A 400 is for the body, but for one: the key. {"status", "message", "errors": [text, …]} */
static bool is_about_key(struct kh_str text)
{
  struct kh_json json;
  bool about_key = false;

  kh_json_init(&json, kh_json_default_limits);
  if (kh_json_read(&json, text, NULL) == KH_OK) {
    const struct kh_json_value root = kh_json_root(&json);

    about_key = names_key(kh_json_get(root, KH_STR("message")));
    for (struct kh_json_walk walk = kh_json_walk(kh_json_get(root, KH_STR("errors"))); kh_json_next(&walk);)
      about_key = about_key || names_key(walk.value);
  }
  kh_json_release(&json);
  return about_key;
}

/* Sources: developer.pagerduty.com, "Events API v2: Response Codes & Retry Logic". */
static void judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict)
{
  (void)now_us;
  kh_verdict_doubt_page(answer, verdict);
  if (answer->status == 400 && is_about_key(kh_buf_view(&answer->body))) {
    verdict->err = KH_ERR_DESTINATION_REFUSED;
    (void)snprintf(verdict->note, sizeof verdict->note, "the integration key is none, or of another service");
  }
}

/* ---- the body ---- */

static bool add_timestamp(json_t *payload, const struct kh_event *event)
{
  const struct kh_json_value finished = kh_json_get(event->build, KH_STR("finished_at"));
  char written[KH_TIME_TEXT_BYTES];
  struct kh_buf text;
  int64_t at_us = 0;

  kh_buf_init(&text, event->body.len);
  const bool is_known = kh_str_equal(kh_str_of(event->name), KH_STR("build.finished")) &&
                        kh_json_type(finished) == KH_JSON_STRING && !kh_json_text(finished, &text) &&
                        kh_time_parse(kh_buf_view(&text), &at_us);
  const bool good = text.err != KH_ERR_NO_MEMORY;
  kh_buf_release(&text);
  if (!good || !is_known)
    return good;
  kh_time_format(at_us, written);
  return kh_member_set(payload, "timestamp", kh_str_of(written));
}

static bool add_details(json_t *payload, const struct kh_event *event)
{
  json_t *details = json_object();
  struct kh_buf text;

  kh_buf_init(&text, event->body.len + 4 * (size_t)KH_STORY_NAME_CHARACTERS);
  bool good = details && !kh_event_build_state(event, &text) &&
              kh_member_line(details, "state", kh_buf_view(&text), KH_STORY_NAME_CHARACTERS) &&
              kh_member_of(details, "branch", event, event->build, "branch", KH_STORY_NAME_CHARACTERS) &&
              kh_member_of(details, "commit", event, event->build, "commit", KH_STORY_NAME_CHARACTERS) &&
              kh_member_of(details, "message", event, event->build, "message", KH_STORY_MESSAGE_CHARACTERS);
  kh_buf_clear(&text);
  if (good)
    kh_story_person(event, &text);
  good = good && !kh_buf_ok(&text) && kh_member_set(details, "author", kh_buf_view(&text));
  kh_buf_release(&text);
  if (good && event->build_number > 0)
    good = json_object_set_new(details, "build_number", json_integer(event->build_number)) == 0;
  if (good && json_object_size(details) > 0)
    good = json_object_set(payload, "custom_details", details) == 0;
  json_decref(details);
  return good;
}

static bool add_summary(json_t *payload, const struct kh_rule *rule, struct kh_rendering *rendering,
                        const struct kh_story *story)
{
  struct kh_buf text;

  kh_buf_init(&text, KH_DELIVERY_MAX_BYTES);
  bool good = !kh_message_render(rule, rendering, &kh_message_plain, &text);
  if (good && text.len == 0)
    kh_story_line(story, &text);
  good = good && !kh_buf_ok(&text) &&
         kh_member_line(payload, "summary", kh_buf_view(&text), SUMMARY_CHARACTERS);
  kh_buf_release(&text);
  return good;
}

static bool add_source(json_t *payload, const struct kh_event *event)
{
  return kh_member_of(payload, "source", event, event->pipeline, "slug", KH_STORY_NAME_CHARACTERS) &&
         (json_object_get(payload, "source") || kh_member_set(payload, "source", KH_STR("Buildkite")));
}

static bool add_link(json_t *json, const struct kh_story *story)
{
  if (story->url.len == 0)
    return true;
  json_t *links = json_pack("[{s:s%, s:s}]", "href", kh_buf_text(&story->url), story->url.len, "text",
                            "Open in Buildkite");
  return links && json_object_set_new(json, "links", links) == 0;
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  struct kh_story story;
  enum kh_err err = kh_story_read(&story, rendering->event, &rendering->facts->history);
  json_t *json = json_object();
  json_t *payload = json_object();

  if (!err && !(add_summary(payload, rule, rendering, &story) && add_source(payload, rendering->event) &&
                add_timestamp(payload, rendering->event) && add_details(payload, rendering->event) &&
                json_object_set(json, "payload", payload) == 0 && add_link(json, &story)))
    err = KH_ERR_NO_MEMORY;
  if (!err)
    err = kh_notify_write_json(json_incref(json), body);
  json_decref(payload);
  json_decref(json);
  kh_story_release(&story);
  return err;
}

static enum kh_err say(const json_t *body, struct kh_buf *text)
{
  const char *summary = json_string_value(json_object_get(json_object_get(body, "payload"), "summary"));

  return summary ? kh_buf_add(text, kh_str_of(summary)) : KH_ERR_RENDER;
}

/* One has 32; whoever writes a number or a word behind the notifier means something else. */
static bool is_key(struct kh_str value)
{
  enum { SHORTEST_BYTES = 8 };

  return value.len >= SHORTEST_BYTES && kh_option_is_token(value);
}

static const struct kh_option options[] = {
    {.name = "key",
     .type = KH_OPTION_SECRET,
     .required = true,
     .offset = offsetof(struct kh_rule, capability),
     .words = "A secret that holds the integration key of a service, of its integration \"Events API v2\" or "
              "\"Buildkite\".",
     .example = "PAGERDUTY_KEY",
     .is_good = is_key,
     .form = "one integration key, 32 letters and digits"},
    {.name = "url",
     .type = KH_OPTION_URL,
     .offset = offsetof(struct kh_rule, url),
     .words = "A secret that holds the URL of the Events API; in Europe "
              "`https://events.eu.pagerduty.com/v2/change/enqueue`.",
     .by_default = "https://events.pagerduty.com/v2/change/enqueue"},
    {.name = "message", .type = KH_OPTION_MESSAGE, .words = "What the change's summary says, on one line."},
    {.name = NULL},
};

static const struct kh_form form = {.alone = "key", .not_blocked = true};

static const char *const default_events[] = {"build.finished", NULL};

const struct kh_notifier kh_notifier_pagerduty_change_event = {
    .name = "pagerduty_change_event",
    .words = "Sends a change event to a service of PagerDuty",
    .content_type = "application/json",
    .default_events = default_events,
    .options = options,
    .form = &form,
    .render = render,
    .say = say,
    .request = request,
    .judge = judge,
};
