#include "base/base.h"

#include "base/json.h"
#include "base/utf8.h"
#include "notify/notifiers.h"
#include "rules/message.h"
#include "rules/outgoing.h"
#include "words/member.h"
#include "words/story.h"

/*
 * Source: docs.ntfy.sh/publish, "Limitations": more than 4096 bytes of message become an attachment. A server
 * reads 8192 bytes of a document (server.go, transformBodyJSON), where `"`, `\` and a line end take two.
 */
enum { TITLE_CHARACTERS = 200, MESSAGE_MAX_BYTES = 3000, CLICK_MAX_BYTES = 1000, TOPIC_MAX_BYTES = 64 };
_Static_assert(4 * TITLE_CHARACTERS + 2 * MESSAGE_MAX_BYTES + CLICK_MAX_BYTES < 8000, "a document's limit");

/* 3 is the usual one; from 4 on a phone vibrates longer, below it does not. */
static const int priorities[KH_MOOD__COUNT] = {
    [KH_MOOD_NEWS] = 3,    [KH_MOOD_PASSED] = 3,  [KH_MOOD_FAILED] = 4,
    [KH_MOOD_WARNING] = 4, [KH_MOOD_BLOCKED] = 4, [KH_MOOD_CANCELED] = 3,
    [KH_MOOD_SKIPPED] = 2, [KH_MOOD_RUNNING] = 2, [KH_MOOD_SCHEDULED] = 2,
};

static enum kh_err request(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                           struct kh_outgoing *outgoing)
{
  (void)delivery;
  (void)now_us;
  kh_outgoing_bearer(outgoing, &rule->secret);
  return kh_outgoing_member(outgoing, "topic", &rule->capability);
}

/* Sources: docs.ntfy.sh/publish; its server/errors.go. */
static void judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict)
{
  enum { TOPIC_INVALID = 40009, TOPIC_DISALLOWED = 40010 };
  struct kh_json json;
  int64_t code = 0;

  (void)now_us;
  kh_verdict_doubt_page(answer, verdict);
  kh_json_init(&json, kh_json_default_limits);
  if (verdict->err == KH_ERR_DELIVERY_REFUSED &&
      kh_json_read(&json, kh_buf_view(&answer->body), NULL) == KH_OK)
    (void)kh_json_int(kh_json_get(kh_json_root(&json), KH_STR("code")), &code);
  kh_json_release(&json);
  if (code == TOPIC_INVALID || code == TOPIC_DISALLOWED) {
    verdict->err = KH_ERR_DESTINATION_REFUSED;
    (void)snprintf(verdict->note, sizeof verdict->note, "ntfy.topic is none that this server allows");
  }
}

static bool set_all(json_t *json, const struct kh_rule *rule, struct kh_rendering *rendering,
                    const struct kh_story *story)
{
  struct kh_buf title, message;

  kh_buf_init(&title, KH_DELIVERY_MAX_BYTES);
  kh_buf_init(&message, KH_DELIVERY_MAX_BYTES);
  kh_story_headline(story, &title);
  bool good = !kh_message_render(rule, rendering, &kh_message_plain, &message);
  if (good && message.len == 0)
    kh_story_rest(story, &message);
  /* ntfy says "triggered" where there is no message. */
  const bool is_alone = message.len == 0;
  const struct kh_str said = kh_buf_view(is_alone ? &title : &message);
  good = good && !kh_buf_ok(&title) && !kh_buf_ok(&message) &&
         (is_alone || kh_member_line(json, "title", kh_buf_view(&title), TITLE_CHARACTERS)) &&
         kh_member_set(json, "message", kh_str(said.at, kh_str_utf8_cut(said, MESSAGE_MAX_BYTES)));
  kh_buf_release(&title);
  kh_buf_release(&message);
  return good && (story->url.len > CLICK_MAX_BYTES || kh_member_set(json, "click", kh_buf_view(&story->url)));
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  struct kh_story story;
  enum kh_err err = kh_story_read(&story, rendering->event, &rendering->facts->history);
  json_t *json = json_pack("{s:i, s:[s]}", "priority", priorities[story.mood], "tags",
                           kh_text_emoji[story.mood]);

  if (!err && (!json || !set_all(json, rule, rendering, &story)))
    err = KH_ERR_NO_MEMORY;
  if (!err)
    err = kh_notify_write_json(json_incref(json), body);
  json_decref(json);
  kh_story_release(&story);
  return err;
}

static enum kh_err say(const json_t *body, struct kh_buf *text)
{
  const char *title = json_string_value(json_object_get(body, "title"));
  const char *message = json_string_value(json_object_get(body, "message"));

  if (!message)
    return KH_ERR_RENDER;
  return kh_buf_printf(text, "%s%s%s", title ? title : "", title ? "\n" : "", message);
}

static bool is_topic(struct kh_str text)
{
  return text.len <= TOPIC_MAX_BYTES && kh_str_is_word(text, "_-");
}

static const struct kh_option options[] = {
    {.name = "topic",
     .type = KH_OPTION_SECRET,
     .required = true,
     .offset = offsetof(struct kh_rule, capability),
     .words = "A secret that holds the topic, which is as good as a password.",
     .example = "NTFY_TOPIC",
     .is_good = is_topic,
     .form = "a topic's name: 1 to 64 of A-Z, a-z, 0-9, _ and -"},
    {.name = "token",
     .type = KH_OPTION_SECRET,
     .offset = offsetof(struct kh_rule, secret),
     .words = "A secret that holds an access token, where the server asks for one.",
     .example = "NTFY_TOKEN",
     .is_good = kh_option_is_token,
     .form = KH_OPTION_TOKEN_FORM},
    {.name = "url",
     .type = KH_OPTION_URL,
     .offset = offsetof(struct kh_rule, url),
     .words = "A secret that holds the server's root URL, without the topic.",
     .by_default = "https://ntfy.sh"},
    {.name = "message", .type = KH_OPTION_MESSAGE, .words = "What to say below the title."},
    {.name = NULL},
};

static const char *const default_events[] = {"build.finished", NULL};

/* Source: docs.ntfy.sh/config, "Request limits": 60 requests of a visitor at once, then one each 5 s. */
const struct kh_notifier kh_notifier_ntfy = {
    .name = "ntfy",
    .words = "Publishes to a topic of ntfy",
    .content_type = "application/json",
    .default_events = default_events,
    .options = options,
    .rate = {.burst = 60, .every_ms = 5000},
    .render = render,
    .say = say,
    .request = request,
    .judge = judge,
};
