#include "base/base.h"

#include "base/clock.h"
#include "base/json_put.h"
#include "base/utf8.h"
#include "kept/kept.h"
#include "kept/kept_history.h"
#include "kept/kept_text.h"
#include "words/address.h"

/* The rest is for the list of what is withheld, and for braces. */
enum { VALUES_MAX_BYTES = KH_KEPT_MAX_BYTES - 10 * 1024, WITHHELD_MAX = 128 };

struct writing {
  struct kh_buf *out;
  size_t end; /* of out, behind which no value goes */
  const char *withheld[WITHHELD_MAX];
  size_t withheld_count;
};

static void withhold(struct writing *to, const char *name)
{
  for (size_t i = 0; i < to->withheld_count; i++)
    if (name && strcmp(to->withheld[i], name) == 0)
      return;
  if (name && to->withheld_count < WITHHELD_MAX)
    to->withheld[to->withheld_count++] = name;
}

static void withhold_all(struct writing *to, const struct kh_kept_member *member)
{
  withhold(to, member->name);
  withhold(to, member->also);
}

/* ---- one member ---- */

static void put_key(struct writing *to, const struct kh_kept_member *member)
{
  kh_json_put_key(to->out, member->key.at);
}

static void put_string(struct writing *to, const struct kh_kept_member *member, struct kh_json_value value,
                       enum kh_kept_form form)
{
  bool links = true;

  if (kh_kept_put_string(value, form, &links, to->out))
    return;
  withhold(to, member->name);
  if (form != KH_KEPT_URL || !links)
    withhold(to, member->also);
}

static void put_scalar(struct writing *to, const struct kh_kept_member *member, struct kh_json_value value)
{
  const enum kh_json_type type = kh_json_type(value);
  const bool is_text = type == KH_JSON_STRING;

  if (!is_text && type != KH_JSON_INTEGER && type != KH_JSON_TRUE && type != KH_JSON_FALSE)
    return;
  put_key(to, member);
  if (is_text)
    put_string(to, member, value, member->form);
  else
    (void)kh_buf_add(to->out, kh_json_source(value));
}

static void put_texts(struct writing *to, const struct kh_kept_member *member, struct kh_json_value list)
{
  if (kh_json_type(list) != KH_JSON_ARRAY)
    return;
  put_key(to, member);
  (void)kh_buf_add_byte(to->out, '[');
  for (struct kh_json_walk walk = kh_json_walk(list); kh_json_next(&walk);) {
    if (to->out->len > 0 && to->out->at[to->out->len - 1] != '[')
      (void)kh_buf_add_byte(to->out, ',');
    if (kh_json_type(walk.value) == KH_JSON_STRING)
      put_string(to, member, walk.value, KH_KEPT_TEXT);
    else
      (void)kh_buf_add(to->out, KH_STR("null"));
    if (to->out->len > to->end)
      break; /* it will be taken back */
  }
  (void)kh_buf_add_byte(to->out, ']');
}

static void put_nothing(struct writing *to, const struct kh_kept_member *member, struct kh_json_value value)
{
  const enum kh_json_type type = kh_json_type(value);
  const bool is_empty = type == KH_JSON_STRING ? kh_json_raw(value).len == 0 : kh_json_length(value) == 0;

  if (type < KH_JSON_STRING)
    return;
  if (!is_empty)
    withhold(to, member->name);
  else {
    put_key(to, member);
    (void)kh_buf_add(to->out, kh_json_source(value));
  }
}

static void put_build_env(struct writing *to, const struct kh_kept_member *member, struct kh_json_value env)
{
  static const char word[] = "abcdefghijklmnopqrstuvwxyz_";
  enum { WORD_MAX_BYTES = 40 };

  if (kh_json_type(env) != KH_JSON_OBJECT || kh_json_length(env) == 0)
    return;
  withhold(to, member->name);
  put_key(to, member);
  (void)kh_buf_add_byte(to->out, '{');
  for (struct kh_json_walk walk = kh_json_walk(env); kh_json_next(&walk);) {
    const struct kh_str key = kh_json_raw(walk.key);
    const struct kh_str raw = kh_json_raw(walk.value);

    if (!kh_env_is_kept(key) || kh_json_type(walk.value) != KH_JSON_STRING)
      continue;
    kh_json_put_key(to->out,
                    kh_str_ends(key, KH_STR("EVENT")) ? "BUILDKITE_GITHUB_EVENT" : "BUILDKITE_GITHUB_ACTION");
    (void)kh_buf_add(to->out, raw.len <= WORD_MAX_BYTES && kh_str_is_of(raw, word)
                                  ? kh_json_source(walk.value)
                                  : KH_STR("null"));
  }
  (void)kh_buf_add_byte(to->out, '}');
}

/* The label of STEP where it starts another build and does not wait for it; missing for others. */
static struct kh_json_value async_label(struct kh_json_value step)
{
  const struct kh_json_value none = {NULL, 0};
  const struct kh_json_value label = kh_json_get(step, KH_STR("label"));
  const struct kh_json_value name = kh_json_get(step, KH_STR("name"));
  bool async = false;

  if (!kh_json_text_is(kh_json_get(step, KH_STR("type")), KH_STR("trigger")) ||
      !kh_json_bool(kh_json_get(step, KH_STR("async")), &async) || !async)
    return none;
  return kh_json_type(label) == KH_JSON_STRING ? label : kh_json_type(name) == KH_JSON_STRING ? name : none;
}

/* A step that tells nothing stands for all others: that there are some is known, too. */
static void put_steps(struct writing *to, const struct kh_kept_member *member, struct kh_json_value steps)
{
  if (kh_json_type(steps) != KH_JSON_ARRAY || kh_json_length(steps) == 0)
    return;
  put_key(to, member);
  (void)kh_buf_add(to->out, KH_STR("[{}"));
  for (struct kh_json_walk walk = kh_json_walk(steps); kh_json_next(&walk) && to->out->len <= to->end;) {
    const struct kh_json_value label = async_label(walk.value);

    if (kh_json_type(label) != KH_JSON_STRING)
      continue;
    (void)kh_buf_add(to->out, KH_STR(",{\"type\":\"trigger\",\"async\":true,\"label\":"));
    put_string(to, member, label, KH_KEPT_TEXT);
    (void)kh_buf_add_byte(to->out, '}');
  }
  (void)kh_buf_add_byte(to->out, ']');
}

static void put_leaf(struct writing *to, const struct kh_kept_member *member, struct kh_json_value value)
{
  const size_t before = to->out->len;

  switch (member->form) {
  case KH_KEPT_TEXTS:
    put_texts(to, member, value);
    break;
  case KH_KEPT_NOTHING:
    put_nothing(to, member, value);
    break;
  case KH_KEPT_BUILD_ENV:
    put_build_env(to, member, value);
    break;
  case KH_KEPT_STEPS:
    put_steps(to, member, value);
    break;
  default:
    put_scalar(to, member, value);
  }
  if (to->out->len <= to->end)
    return;
  to->out->len = before;
  withhold_all(to, member);
}

/* ---- objects ---- */

static const struct kh_kept_member *find(const struct kh_kept_members *members, struct kh_json_value key)
{
  const struct kh_str raw = kh_json_raw(key);
  const bool is_escaped = raw.len > 0 && memchr(raw.at, '\\', raw.len);

  for (size_t i = 0; i < members->count; i++) {
    const struct kh_kept_member *member = &members->at[i];

    if (is_escaped ? kh_json_text_is(key, member->key)
                   : raw.len == member->key.len && raw.at[0] == member->key.at[0] &&
                         memcmp(raw.at, member->key.at, raw.len) == 0)
      return member;
  }
  return NULL;
}

/* Of these only how late the latest is counts, so a name that is none of Buildkite's is no loss. */
static void put_time(struct writing *to, struct kh_str key, struct kh_json_value value)
{
  enum { KEY_MAX_BYTES = 40 };
  int64_t at_us = 0;

  if (key.len > KEY_MAX_BYTES || !kh_str_ends(key, KH_STR("_at")) || kh_json_type(value) != KH_JSON_STRING ||
      !kh_str_is_of(key, "abcdefghijklmnopqrstuvwxyz_") || !kh_time_parse(kh_json_raw(value), &at_us) ||
      to->out->len > to->end)
    return;
  if (to->out->at[to->out->len - 1] != '{')
    (void)kh_buf_add_byte(to->out, ',');
  (void)kh_buf_add_byte(to->out, '"');
  (void)kh_buf_add(to->out, key);
  (void)kh_buf_add(to->out, KH_STR("\":"));
  (void)kh_buf_add(to->out, kh_json_source(value));
}

static void put_members(struct writing *to, const struct kh_kept_members *members,
                        struct kh_json_value object);

static void put_object(struct writing *to, const struct kh_kept_member *member, struct kh_json_value object)
{
  put_key(to, member);
  (void)kh_buf_add_byte(to->out, '{');
  put_members(to, member->inside, object);
  (void)kh_buf_add_byte(to->out, '}');
}

/* Of the address only whether one could write to it. */
static void put_author(struct writing *to, const struct kh_kept_member *member, struct kh_json_value author)
{
  const bool is_text = kh_json_type(author) == KH_JSON_STRING;
  const struct kh_json_value address = is_text ? author : kh_json_get(author, KH_STR("email"));
  struct kh_buf text;

  if ((is_text && kh_json_raw(author).len == 0) || (!is_text && kh_json_type(author) != KH_JSON_OBJECT)) {
    put_nothing(to, member, author);
    return;
  }
  put_key(to, member);
  (void)kh_buf_add_byte(to->out, '{');
  if (is_text)
    withhold(to, member->name);
  else
    put_members(to, member->inside, author);
  kh_buf_init(&text, kh_json_raw(address).len);
  const enum kh_err err = kh_json_text(address, &text);
  if (err == KH_ERR_NO_MEMORY)
    kh_buf_fail(to->out, err);
  else if (!err && kh_address_is_read(kh_buf_view(&text)))
    kh_json_put_bool_member(to->out, KH_KEPT_TAKES_MAIL, true);
  kh_buf_release(&text);
  (void)kh_buf_add_byte(to->out, '}');
}

static void put_sender(struct writing *to, const struct kh_kept_member *member, struct kh_json_value sender)
{
  if (kh_json_type(sender) == KH_JSON_STRING) {
    put_key(to, member);
    put_string(to, member, sender, KH_KEPT_PERSON);
  } else if (kh_json_type(sender) == KH_JSON_OBJECT) {
    put_object(to, member, sender);
  }
}

static void put_members(struct writing *to, const struct kh_kept_members *members,
                        struct kh_json_value object)
{
  for (struct kh_json_walk walk = kh_json_walk(object); kh_json_next(&walk) && !to->out->err;) {
    if (kh_json_is_missing_or_null(walk.value))
      continue;
    const struct kh_kept_member *member = find(members, walk.key);

    if (!member && members->has_times)
      put_time(to, kh_json_raw(walk.key), walk.value);
    else if (member && member->form == KH_KEPT_OBJECT && kh_json_type(walk.value) == KH_JSON_OBJECT)
      put_object(to, member, walk.value);
    else if (member && member->form == KH_KEPT_AUTHOR)
      put_author(to, member, walk.value);
    else if (member && member->form == KH_KEPT_SENDER)
      put_sender(to, member, walk.value);
    else if (member && member->form != KH_KEPT_OBJECT)
      put_leaf(to, member, walk.value);
  }
}

/* ---- the whole ---- */

static void put_own_text(struct writing *to, const char *key, struct kh_str text, const char *name)
{
  bool links = true;

  if (text.len == 0)
    return;
  kh_json_put_key(to->out, key);
  if (!kh_kept_put_text(text, KH_KEPT_TEXT, &links, to->out))
    withhold(to, name);
}

/* As the body names it, or one of its URLs does. */
static void put_organization(struct writing *to, const struct kh_event *event)
{
  static const struct kh_kept_member id_rows[] = {{{"id", 2}, KH_KEPT_TEXT, "organization.id", NULL, NULL}};
  static const struct kh_kept_members id = {id_rows, KH_COUNT(id_rows), false};

  kh_json_put_key(to->out, "organization");
  (void)kh_buf_add_byte(to->out, '{');
  put_own_text(to, "slug", kh_str_of(event->organization), "organization.slug");
  put_members(to, &id, kh_json_get(event->root, KH_STR("organization")));
  (void)kh_buf_add_byte(to->out, '}');
}

static void put_history(struct writing *to, const struct kh_history *history)
{
  struct kh_kept_altered altered = {false, false, false};

  kh_json_put_key(to->out, "history");
  kh_kept_history_write(history, VALUES_MAX_BYTES, to->out, &altered);
  withhold(to, altered.failed_jobs ? "build.failed_jobs" : NULL);
  withhold(to, altered.soft_failed_jobs ? "build.soft_failed_jobs" : NULL);
  withhold(to, altered.mended_jobs ? "build.mended_jobs" : NULL);
}

static void put_withheld(struct writing *to)
{
  if (to->withheld_count == 0)
    return;
  kh_json_put_key(to->out, "withheld");
  for (size_t i = 0; i < to->withheld_count; i++) {
    (void)kh_buf_add_byte(to->out, i == 0 ? '[' : ',');
    kh_json_put_text(to->out, kh_str_of(to->withheld[i]));
  }
  (void)kh_buf_add_byte(to->out, ']');
}

enum kh_err kh_kept_write(const struct kh_event *event, const struct kh_history *history, int64_t sent_s,
                          struct kh_buf *out)
{
  struct writing to;

  const size_t begin = out->len;

  to.out = out;
  to.end = out->len + VALUES_MAX_BYTES;
  to.withheld_count = 0;
  (void)kh_buf_add_byte(out, '{');
  put_own_text(&to, "event", kh_str_of(event->name), "event");
  if (to.withheld_count > 0) { /* masked it may have become longer than an event's name can be */
    out->len = begin + 1;
    kh_json_put_text_member(out, "event", KH_STR("[address]"));
  }
  if (sent_s > 0)
    kh_json_put_int_member(out, "sent_s", sent_s);
  put_organization(&to, event);
  put_history(&to, history);
  put_members(&to, &kh_kept_root, event->root);
  put_withheld(&to);
  (void)kh_buf_add_byte(out, '}');
  return kh_buf_ok(out);
}
