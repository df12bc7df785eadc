#include "base/base.h"

#include "base/utf8.h"
#include "notify/email/address.h"
#include "notify/email/look.h"
#include "notify/email/message.h"
#include "notify/email/server.h"
#include "notify/notifiers.h"
#include "rules/message.h"
#include "words/member.h"

/* ---- what lies in the outbox: {"subject", "text", "html", "thread", "list"} ---- */

/* 32 hexadecimal digits for each pipeline and branch; false where there is no pipeline. */
static bool add_thread(json_t *json, const struct kh_event *event)
{
  enum { THREAD_BYTES = 16 };
  struct kh_buf texts[2];
  unsigned char digest[KH_DIGEST_BYTES];
  char thread[2 * THREAD_BYTES + 1];
  const struct kh_json_value values[] = {kh_json_get(event->pipeline, KH_STR("slug")),
                                         kh_json_get(event->build, KH_STR("branch"))};
  bool good = true;

  for (size_t i = 0; i < KH_COUNT(texts); i++) {
    kh_buf_init(&texts[i], event->body.len);
    if (kh_json_type(values[i]) == KH_JSON_STRING && kh_json_text(values[i], &texts[i]) == KH_ERR_NO_MEMORY)
      good = false;
  }
  const struct kh_str parts[] = {KH_STR("kitehook: a thread"),
                                 kh_str_of(event->organization),
                                 KH_STR("/"),
                                 kh_buf_view(&texts[0]),
                                 KH_STR("\0"),
                                 kh_buf_view(&texts[1])};
  kh_sha256(parts, KH_COUNT(parts), digest);
  kh_hex(digest, THREAD_BYTES, thread);
  if (good && texts[0].len > 0)
    good = kh_member_set(json, "thread", kh_str_of(thread));
  for (size_t i = 0; i < KH_COUNT(texts); i++)
    kh_buf_release(&texts[i]);
  return good;
}

/* A label of a List-Id (RFC 2919): a slug as it is, of anything else what could be one. */
static void add_label(struct kh_str text, struct kh_buf *out)
{
  enum { LABEL_MAX_BYTES = 60 };

  for (size_t i = 0; i < text.len && i < LABEL_MAX_BYTES; i++) {
    const bool good = kh_is_letter(text.at[i]) || kh_is_digit(text.at[i]);

    (void)kh_buf_add_byte(out, good ? text.at[i] : '-');
  }
}

/* "web.acme" */
static bool add_list(json_t *json, const struct kh_event *event)
{
  const struct kh_json_value value = kh_json_get(event->pipeline, KH_STR("slug"));
  struct kh_buf slug, list;

  kh_buf_init(&slug, event->body.len);
  kh_buf_init(&list, KH_DELIVERY_MAX_BYTES);
  bool good = kh_json_type(value) != KH_JSON_STRING || kh_json_text(value, &slug) != KH_ERR_NO_MEMORY;
  add_label(kh_buf_view(&slug), &list);
  if (list.len > 0 && event->organization[0])
    (void)kh_buf_add_byte(&list, '.');
  add_label(kh_str_of(event->organization), &list);
  good = good && !kh_buf_ok(&list) && kh_member_set(json, "list", kh_buf_view(&list));
  kh_buf_release(&slug);
  kh_buf_release(&list);
  return good;
}

static bool set_all(json_t *json, const struct kh_story *story, struct kh_str message)
{
  struct kh_buf subject, text, html;

  kh_buf_init(&subject, KH_DELIVERY_MAX_BYTES);
  kh_buf_init(&text, KH_DELIVERY_MAX_BYTES);
  kh_buf_init(&html, KH_DELIVERY_MAX_BYTES);
  kh_story_headline(story, &subject);
  kh_email_write_text(story, message, &text);
  kh_email_write_html(story, message, &html);
  const bool good = !kh_buf_ok(&subject) && !kh_buf_ok(&text) && !kh_buf_ok(&html) &&
                    kh_member_line(json, "subject", kh_buf_view(&subject), KH_EMAIL_SUBJECT_CHARACTERS) &&
                    kh_member_set(json, "text", kh_buf_view(&text)) &&
                    kh_member_set(json, "html", kh_buf_view(&html));
  kh_buf_release(&subject);
  kh_buf_release(&text);
  kh_buf_release(&html);
  return good;
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  struct kh_story story;
  struct kh_buf message;
  enum kh_err err = kh_story_read(&story, rendering->event, &rendering->facts->history);
  json_t *json = json_object();

  kh_buf_init(&message, KH_MESSAGE_BYTES);
  if (!err)
    err = kh_message_render(rule, rendering, &kh_message_plain, &message);
  if (!err && !(json && set_all(json, &story, kh_buf_view(&message)) && add_thread(json, rendering->event) &&
                add_list(json, rendering->event)))
    err = KH_ERR_NO_MEMORY;
  if (!err)
    err = kh_notify_write_json(json_incref(json), body);
  json_decref(json);
  kh_buf_release(&message);
  kh_story_release(&story);
  return err;
}

static struct kh_str member(const json_t *body, const char *key)
{
  const json_t *text = json_object_get(body, key);

  return kh_str(json_string_value(text), json_string_length(text));
}

static enum kh_err say(const json_t *body, struct kh_buf *text)
{
  const struct kh_str subject = member(body, "subject");
  const struct kh_str words = member(body, "text");

  if (!subject.at || !words.at)
    return KH_ERR_RENDER;
  (void)kh_buf_add(text, subject);
  if (!kh_str_starts(words, subject))
    (void)kh_buf_add(text, KH_STR("\n\n"));
  return kh_buf_add(
      text, kh_str_starts(words, subject) ? kh_str(words.at + subject.len, words.len - subject.len) : words);
}

/* ---- an attempt ---- */

static enum kh_err request(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                           struct kh_outgoing *outgoing)
{
  enum { ROOM = 4 };
  json_t *body = json_loadb(delivery->body.at, delivery->body.len, 0, NULL);
  const struct kh_email mail = {.from = kh_str_of(kh_account_text(rule, "from")),
                                .to = kh_str_of(delivery->place),
                                .id = kh_str_of(delivery->id),
                                .thread = member(body, "thread"),
                                .list = member(body, "list"),
                                .subject = member(body, "subject"),
                                .text = member(body, "text"),
                                .html = member(body, "html"),
                                .at_us = delivery->created_us};
  enum kh_err err = mail.subject.at && mail.text.at && mail.html.at
                        ? kh_email_address(rule, delivery->place, outgoing)
                        : KH_ERR_RENDER;

  (void)now_us;
  kh_buf_init(&outgoing->own_body, ROOM * KH_DELIVERY_MAX_BYTES);
  if (!err)
    err = kh_email_write(&mail, &outgoing->own_body);
  outgoing->body = kh_buf_view(&outgoing->own_body);
  json_decref(body);
  return err;
}

/* ---- the notifier ---- */

static const struct kh_option options[] = {
    {.name = "to",
     .type = KH_OPTION_PLACE,
     .required = true,
     .many = true,
     .words = "Whom to write to: an address, or `author` for whoever wrote the build's commit.",
     .example = "ci@example.com",
     .is_good = kh_email_is_recipient,
     .form = "one address, such as ci@example.com, or `author`"},
    {.name = "message",
     .type = KH_OPTION_MESSAGE,
     .words = "What the mail says instead of the usual words, which its subject keeps."},
    {.name = NULL},
};

static const struct kh_form form = {
    .alone = "to", .not_blocked = true, .account = &kh_email_account, .place = kh_email_place};

static const char *const default_events[] = {"build.failing", "build.finished", NULL};

/*
 * Source: learn.microsoft.com, "Exchange Online limits": of SMTP AUTH clients 30 messages a minute over at
 * most 3 connections at once. Others take more.
 */
const struct kh_notifier kh_notifier_email = {
    .name = "email",
    .words = "Sends a mail to each recipient, by SMTP",
    .content_type = "message/rfc822",
    .default_events = default_events,
    .options = options,
    .form = &form,
    .unkept_place = KH_EMAIL_AUTHOR,
    .rate = {.burst = 3, .every_ms = 2050},
    .by_mail = true,
    .configure = kh_email_configure,
    .show_place = kh_email_show_place,
    .render = render,
    .say = say,
    .request = request,
    .judge = kh_email_judge,
};
