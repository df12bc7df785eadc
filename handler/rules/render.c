#include "base/base.h"

#include "base/json_write.h"
#include "base/utf8.h"
#include "rules/message.h"
#include "words/text.h"

enum kh_err kh_notify_write_json(json_t *json, struct kh_buf *body)
{
  enum kh_err err = json ? kh_json_write(json, body) : KH_ERR_RENDER;

  json_decref(json);
  return err;
}

void kh_deliveries_release(struct kh_deliveries *deliveries)
{
  for (size_t i = 0; i < deliveries->count; i++)
    kh_delivery_release(&deliveries->at[i]);
  free(deliveries->at);
  *deliveries = (struct kh_deliveries){0};
}

/* ---- one delivery ---- */

static bool has_several(const struct kh_rule *rule)
{
  return rule->also || rule->place_count > 1;
}

/* It survives a repeat, so that a store can know it again. */
static void write_id(const unsigned char event_digest[KH_DIGEST_BYTES], const struct kh_rule *rule,
                     struct kh_delivery *delivery)
{
  const struct kh_str nul = KH_STR("\0");
  const struct kh_str parts[] = {kh_str((const char *)event_digest, KH_DIGEST_BYTES),
                                 kh_str_of(delivery->rule),
                                 nul,
                                 kh_str_of(delivery->credential),
                                 nul,
                                 kh_str_of(delivery->place)};
  unsigned char digest[KH_DIGEST_BYTES];

  kh_sha256(parts, has_several(rule) ? KH_COUNT(parts) : 2, digest);
  kh_hex(digest, KH_DELIVERY_ID_BYTES / 2, delivery->id);
}

/* An id that can be remembered: a word. */
static bool add_id(struct kh_json_value object, struct kh_buf *subject)
{
  const struct kh_str id = kh_json_raw(kh_json_get(object, KH_STR("id")));

  return id.len > 0 && id.len <= KH_BUILD_ID_BYTES && kh_str_is_word(id, "-_.:") && !kh_buf_add(subject, id);
}

/* A state is its place's, whichever job told it. By a URL alone, as of a hook, no answer says an id. */
static void write_subject(const struct kh_event *event, const struct kh_rule *by,
                          struct kh_delivery *delivery)
{
  const bool is_of_job = event->kind == KH_EVENT_JOB && !by->notifier->is_state;
  struct kh_buf subject;

  kh_buf_init(&subject, KH_SUBJECT_BYTES - 1);
  if (add_id(event->build, &subject) &&
      (!is_of_job || (!kh_buf_add_byte(&subject, ' ') && add_id(event->job, &subject))))
    (void)snprintf(delivery->subject, sizeof delivery->subject, "%.*s", KH_FMT(kh_buf_view(&subject)));
  kh_buf_release(&subject);
}

/* What a delivery of a rule is made of. BY is RULE, or a sibling of it. */
struct making {
  const struct kh_rule *rule;
  struct kh_rendering *rendering;
  const unsigned char *event_digest;
  int64_t now_us;
  const struct kh_buf *body;
  struct kh_deliveries *made;
  size_t begin; /* of those that this rule made */
};

static bool is_made(const struct making *making, const struct kh_delivery *delivery)
{
  for (size_t i = making->begin; i < making->made->count; i++)
    if (strcmp(making->made->at[i].id, delivery->id) == 0)
      return true;
  return false;
}

static enum kh_err make(const struct making *making, const struct kh_rule *by, struct kh_str place)
{
  const struct kh_notifier *notifier = by->notifier;
  const int64_t age_max_s = notifier->age_max_s ? notifier->age_max_s : KH_DELIVERY_AGE_MAX_S;
  struct kh_deliveries *made = making->made;
  struct kh_delivery *grown = kh_grown(made->at, made->count, &made->room, 1, sizeof *grown);

  if (!grown)
    return KH_ERR_NO_MEMORY;
  made->at = grown;
  struct kh_delivery *delivery = &made->at[made->count];
  *delivery = (struct kh_delivery){.replaces = notifier->replaces,
                                   .not_before_us = making->now_us,
                                   .created_us = making->now_us,
                                   .expires_us = making->now_us + age_max_s * 1000000};
  (void)snprintf(delivery->rule, sizeof delivery->rule, "%s", making->rule->name);
  (void)snprintf(delivery->notifier, sizeof delivery->notifier, "%s", notifier->name);
  (void)snprintf(delivery->credential, sizeof delivery->credential, "%s", by->credential);
  (void)snprintf(delivery->place, sizeof delivery->place, "%.*s", KH_FMT(place));
  (void)snprintf(delivery->event, sizeof delivery->event, "%s", making->rendering->event->name);
  if (notifier->told_by && by->account)
    write_subject(making->rendering->event, by, delivery);
  write_id(making->event_digest, making->rule, delivery);
  if (is_made(making, delivery))
    return KH_OK;
  kh_buf_init(&delivery->body, KH_DELIVERY_MAX_BYTES);
  made->count++;
  return kh_buf_add(&delivery->body, kh_buf_view(making->body));
}

/* ---- its place ---- */

static const struct kh_template_format place_format = {.max_characters = KH_PLACE_BYTES,
                                                       .line = kh_text_line};

/* WRITTEN as the notifier has it. */
static enum kh_err make_at(const struct making *making, const struct kh_rule *by, struct kh_str written)
{
  struct kh_buf place;
  enum kh_err err = KH_OK;

  kh_buf_init(&place, KH_PLACE_BYTES - 1);
  if (by->form && by->form->place)
    err = by->form->place(by, making->rendering, written, &place);
  else
    (void)kh_buf_add(&place, written);
  if (err == KH_ERR_NOT_FOUND) {
    kh_buf_release(&place);
    return KH_OK;
  }
  if (!err)
    err = kh_buf_ok(&place);
  if (err != KH_ERR_NO_MEMORY && (err || place.len == 0 || kh_str_has_control(kh_buf_view(&place), false)))
    err = KH_ERR_NO_PLACE;
  if (!err)
    err = make(making, by, kh_buf_view(&place));
  kh_buf_release(&place);
  return err;
}

static enum kh_err make_rendered(const struct making *making, const struct kh_rule *by,
                                 const struct kh_template *template)
{
  struct kh_buf written;

  kh_buf_init(&written, 4 * KH_PLACE_BYTES);
  enum kh_err err = kh_template_say(template, "place", making->rendering, &place_format, &written);
  if (!err)
    err = written.len > 0 ? make_at(making, by, kh_buf_view(&written)) : KH_ERR_NO_PLACE;
  kh_buf_release(&written);
  return err == KH_ERR_LIMIT ? KH_ERR_NO_PLACE : err;
}

/* All that go by BY. */
static enum kh_err make_all(const struct making *making, const struct kh_rule *by)
{
  enum kh_err err = KH_OK;

  if (by->place_count == 0)
    return by->form && by->form->place ? make_at(making, by, KH_NO_STR)
                                       : make(making, by, kh_str_of(by->place));
  for (size_t i = 0; i < by->place_count && (!err || err == KH_ERR_NO_PLACE); i++) {
    const enum kh_err one = make_rendered(making, by, by->places[i]);

    err = one ? one : err;
  }
  return err;
}

enum kh_err kh_rule_render(const struct kh_rule *rule, struct kh_rendering *rendering,
                           const unsigned char event_digest[KH_DIGEST_BYTES], int64_t now_us,
                           struct kh_deliveries *made)
{
  struct kh_buf body;
  const struct making making = {rule, rendering, event_digest, now_us, &body, made, made->count};

  kh_mistake_init(&rendering->undecided);
  kh_buf_init(&body, KH_DELIVERY_MAX_BYTES);
  enum kh_err err = rule->notifier->render(rule, rendering, &body);
  if (!err)
    err = kh_buf_ok(&body);
  for (const struct kh_rule *by = rule; by && (!err || err == KH_ERR_NO_PLACE); by = by->also) {
    const enum kh_err one = make_all(&making, by);

    err = one ? one : err;
  }
  kh_buf_release(&body);
  while (err && err != KH_ERR_NO_PLACE && made->count > making.begin)
    kh_delivery_release(&made->at[--made->count]);
  return err;
}
