#include "base/base.h"

#include "notify/notifiers.h"
#include "notify/slack/advice.h"
#include "notify/slack/answer.h"
#include "notify/slack/blocks.h"
#include "notify/slack/channel.h"
#include "notify/slack/said.h"
#include "rules/message.h"
#include "rules/outgoing.h"
#include "words/story.h"

_Static_assert((int)KH_STORY_MESSAGE_CHARACTERS <= (int)KH_SLACK_TEXT_CHARACTERS, "Slack's limit of a text");
_Static_assert(2 * (int)KH_STORY_NAME_CHARACTERS <= (int)KH_SLACK_TEXT_CHARACTERS, "Slack's limit of a text");
_Static_assert((int)KH_STORY_URL_MAX_BYTES <= 3000, "Slack's limit of a URL");

static void add_headline(struct kh_slack_section *section, const struct kh_story *story)
{
  struct kh_str item = kh_buf_view(&story->item);

  kh_slack_add(section, "emoji", "name", kh_str_of(kh_text_emoji[story->mood]), KH_NO_STR, 0);
  kh_slack_add_text(section, KH_STR(" "), 0);
  kh_slack_add_title(section, kh_buf_view(&story->subject), KH_NO_STR, KH_SLACK_BOLD);
  if (item.len > 0) {
    kh_slack_add_text(section, kh_str_of(story->joint), 0);
    kh_slack_add_title(section, item, kh_buf_view(&story->url), 0);
  }
  if (story->words.len > 0) {
    kh_slack_add_text(section, KH_STR(" "), 0);
    kh_slack_add_text(section, kh_buf_view(&story->words), 0);
  }
}

static void add_details(struct kh_slack_section *section, const struct kh_story *story)
{
  for (size_t i = 0; i < story->detail_count; i++) {
    const struct kh_story_detail *detail = &story->details[i];

    kh_slack_add_text(section, i ? KH_STR(" · ") : KH_STR("\n"), 0);
    kh_slack_add_text(section, kh_str_of(detail->before), 0);
    (void)kh_slack_add_words(section, kh_buf_view(&detail->text), kh_buf_view(&detail->url),
                             detail->code ? KH_SLACK_CODE : 0);
  }
}

static void add_story(struct kh_slack_section *section, const struct kh_story *story)
{
  add_headline(section, story);
  if (story->message.len > 0) {
    kh_slack_add_text(section, KH_STR("\n"), 0);
    kh_slack_add_text(section, kh_buf_view(&story->message), 0);
  }
  add_details(section, story);
}

static enum kh_err tell_story(const struct kh_rendering *rendering, struct kh_slack_section *section,
                              struct kh_buf *fallback)
{
  struct kh_story story;
  struct kh_buf line;
  enum kh_err err = kh_story_read(&story, rendering->event, &rendering->facts->history);

  kh_buf_init(&line, KH_DELIVERY_MAX_BYTES);
  if (!err) {
    add_story(section, &story);
    kh_story_line(&story, &line);
    (void)kh_slack_escape(kh_buf_view(&line), KH_SLACK_FALLBACK_BYTES, false, fallback);
    err = kh_buf_ok(&line);
  }
  kh_buf_release(&line);
  kh_story_release(&story);
  return err;
}

/* Adds nothing when RULE has no message for the event. */
static enum kh_err tell_message(const struct kh_rule *rule, struct kh_rendering *rendering,
                                struct kh_slack_section *section, struct kh_buf *fallback)
{
  struct kh_buf message;

  kh_buf_init(&message, KH_MESSAGE_BYTES);
  enum kh_err err = kh_message_render(rule, rendering, &kh_slack_format, &message);
  if (!err)
    err = kh_slack_markup(kh_buf_view(&message), section, fallback);
  kh_buf_release(&message);
  return err;
}

/*
 * Notifications and old clients show `text`, which is parsed. No link_names and no parse: with their defaults
 * "@channel" in a text is only a text.
 */
static enum kh_err write_body(json_t *elements, struct kh_str fallback, struct kh_buf *body)
{
  json_t *json = json_pack("{s:s%, s:b, s:b, s:b, s:[{s:s, s:[{s:s, s:O}]}]}", "text", fallback.at,
                           fallback.len, "mrkdwn", 0, "unfurl_links", 0, "unfurl_media", 0, "blocks", "type",
                           "rich_text", "elements", "type", "rich_text_section", "elements", elements);

  return json ? kh_notify_write_json(json, body) : KH_ERR_NO_MEMORY;
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  struct kh_slack_section section = {json_array(), false};
  struct kh_buf fallback;

  kh_buf_init(&fallback, KH_SLACK_FALLBACK_BYTES);
  enum kh_err err = tell_message(rule, rendering, &section, &fallback);
  if (!err && fallback.len == 0)
    err = tell_story(rendering, &section, &fallback);
  if (!err)
    err = kh_buf_ok(&fallback);
  if (!err && section.failed)
    err = KH_ERR_NO_MEMORY;
  if (!err)
    err = write_body(section.elements, kh_buf_view(&fallback), body);
  json_decref(section.elements);
  kh_buf_release(&fallback);
  return err;
}

/* By a webhook's URL a message goes as it is; by a token to the method of the API, with its channel. */
static enum kh_err request(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                           struct kh_outgoing *outgoing)
{
  (void)now_us;
  if (!rule->account)
    return KH_OK;
  kh_outgoing_bearer(outgoing, &rule->secret);
  return kh_outgoing_text(outgoing, "channel", kh_str_of(delivery->place));
}

static const struct kh_option options[] = {
    {.name = "url",
     .type = KH_OPTION_URL,
     .required = true,
     .offset = offsetof(struct kh_rule, url),
     .words = "A secret that holds the webhook's URL.",
     .example = "SLACK_WEBHOOK_URL"},
    {.name = "message", .type = KH_OPTION_MESSAGE, .words = "What to say instead of the usual words."},
    {.name = NULL},
};

static enum kh_err configure(struct kh_config *config, const json_t *given, struct kh_rule *rule,
                             struct kh_diags *diags)
{
  (void)rule;
  kh_slack_advise(config, given, diags);
  return KH_OK;
}
static const struct kh_option form_options[] = {
    {.name = "channels",
     .type = KH_OPTION_PLACE,
     .required = true,
     .many = true,
     .words = "Where to: `#name`, `@user`, an id such as `C024BE91L` or `U061F7AUR`, or `team#name`, where "
              "team is "
              "the name of a service. Without one it goes to each of them.",
     .example = "\"#general\"",
     .is_good = kh_slack_is_channel,
     .form = KH_SLACK_CHANNEL_FORM},
    {.name = "channel",
     .type = KH_OPTION_PLACE,
     .words = "The same as `channels`, for one.",
     .example = "\"#general\"",
     .is_good = kh_slack_is_channel,
     .form = KH_SLACK_CHANNEL_FORM},
    {.name = "message", .type = KH_OPTION_MESSAGE, .words = "What to say instead of the usual words."},
    {.name = NULL},
};

static const struct kh_option account_options[] = {
    {.name = "token",
     .type = KH_OPTION_SECRET,
     .required = true,
     .offset = offsetof(struct kh_rule, secret),
     .words =
         "A secret that holds a bot's token, with the scopes `chat:write` and, for public channels that the "
         "bot is no member of, `chat:write.public`.",
     .example = "SLACK_TOKEN",
     .is_good = kh_option_is_token,
     .form = KH_OPTION_TOKEN_FORM},
    {.name = "url",
     .type = KH_OPTION_URL,
     .offset = offsetof(struct kh_rule, url),
     .words = "A secret that holds the URL of chat.postMessage.",
     .by_default = "https://slack.com/api/chat.postMessage"},
    {.name = NULL},
};

static const struct kh_account account = {
    .kind = "slack", .words = "A bot in a workspace of Slack", .options = account_options};

static const char *const form_events[] = {"build.failing", "build.finished", NULL};

static const struct kh_form form = {.alone = "channels",
                                    .options = form_options,
                                    .takes_mapping = true,
                                    .default_events = form_events,
                                    .not_blocked = true,
                                    .account = &account,
                                    .account_of = kh_slack_workspace,
                                    .place = kh_slack_place};

/* For what edits and answers in threads will go by. */
static const struct kh_told_by told_by = {.take = kh_slack_take_told};

static const char *const default_events[] = {"build.finished", NULL};

/*
 * Source: docs.slack.dev/apis/web-api/rate-limits: an incoming webhook takes one message a second, and so
 * does a channel; either may refuse bursts. What leaves a second apart may arrive a little less than that
 * apart.
 */
const struct kh_notifier kh_notifier_slack = {
    .name = "slack",
    .words = "Posts to Slack",
    .content_type = "application/json",
    .default_events = default_events,
    .options = options,
    .configure = configure,
    .form = &form,
    .rate = {.every_ms = 1050, .per_place = true},
    .render = render,
    .say = kh_slack_say,
    .request = request,
    .told_by = &told_by,
    .judge = kh_slack_judge,
};
