#include "base/base.h"

#include "base/utf8.h"
#include "receive/event.h"

struct kind_row {
  struct kh_str name; /* whole, or a family when it ends in '.' */
  enum kh_event_kind kind;
};

static enum kh_event_kind kind_of(struct kh_str name)
{
  static const struct kind_row rows[] = {
      {{"ping", 4}, KH_EVENT_PING},          {{"build.", 6}, KH_EVENT_BUILD},
      {{"job.", 4}, KH_EVENT_JOB},           {{"agent.", 6}, KH_EVENT_AGENT},
      {{"package.", 8}, KH_EVENT_PACKAGE},   {{"cluster_token.", 14}, KH_EVENT_CLUSTER_TOKEN},
      {{"workflow.", 9}, KH_EVENT_WORKFLOW},
  };

  for (size_t i = 0; i < KH_COUNT(rows); i++) {
    bool family = kh_str_ends(rows[i].name, KH_STR("."));

    if (family ? kh_str_starts(name, rows[i].name) : kh_str_equal(name, rows[i].name))
      return rows[i].kind;
  }
  return KH_EVENT_OTHER;
}

static enum kh_err read_name(const struct kh_verified *verified, struct kh_event *event, struct kh_diag *diag)
{
  struct kh_json_value in_body = kh_json_get(event->root, KH_STR("event"));
  struct kh_str header = verified->event_header;
  struct kh_buf name;
  enum kh_err err;

  kh_buf_init(&name, KH_EVENT_NAME_BYTES - 1);
  bool named = kh_json_type(in_body) == KH_JSON_STRING;
  err = named ? kh_json_text(in_body, &name) : kh_buf_add(&name, header);
  if (err == KH_ERR_LIMIT)
    err = kh_diag_set(diag, KH_ERR_EVENT_NAME, "the event's name is longer than %d bytes",
                      KH_EVENT_NAME_BYTES - 1);
  else if (!err && (kh_str_has_control(kh_buf_view(&name), false) || !kh_utf8_valid(kh_buf_view(&name))))
    err = kh_diag_set(diag, KH_ERR_EVENT_NAME, "the event's name holds a control character or a stray byte");
  else if (!err && named && header.len > 0 && !kh_str_equal(header, kh_buf_view(&name)))
    err = kh_diag_set(diag, KH_ERR_EVENT_MISMATCH, "X-Buildkite-Event and the body name different events");

  if (!err) {
    memcpy(event->name, kh_buf_text(&name), name.len + 1);
    event->kind = kind_of(kh_buf_view(&name));
  }
  kh_buf_release(&name);
  return err;
}

/* The path segment behind "organizations/" in a URL of Buildkite's REST API. */
static struct kh_str slug_in_url(struct kh_str url)
{
  const struct kh_str marker = KH_STR("/organizations/");

  while (url.len >= marker.len) {
    if (kh_str_starts(url, marker)) {
      struct kh_str rest = kh_str(url.at + marker.len, url.len - marker.len);
      return kh_str_cut(&rest, '/');
    }
    url = kh_str(url.at + 1, url.len - 1);
  }
  return KH_NO_STR;
}

/* Sets the organization from TEXT, unless it is known already or TEXT does not tell. KH_ERR_NO_MEMORY. */
static enum kh_err take_slug(struct kh_event *event, struct kh_json_value text, bool is_url)
{
  struct kh_buf decoded;
  enum kh_err err;

  if (event->organization[0] != '\0' || kh_json_type(text) != KH_JSON_STRING)
    return KH_OK;
  kh_buf_init(&decoded, kh_json_raw(text).len);
  err = kh_json_text(text, &decoded);
  struct kh_str slug = is_url ? slug_in_url(kh_buf_view(&decoded)) : kh_buf_view(&decoded);
  if (!err && slug.len > 0 && slug.len < KH_SLUG_BYTES)
    memcpy(event->organization, slug.at, slug.len);
  kh_buf_release(&decoded);
  return err;
}

/* The first of these that tells: a ping names it, everything else has URLs of the API that hold it. */
static enum kh_err read_organization(struct kh_event *event)
{
  const struct kh_json_value named[] = {event->root, event->package};
  const struct kh_json_value owners[] = {event->build, event->pipeline, event->agent, event->cluster_token,
                                         event->package};
  enum kh_err err = KH_OK;

  for (size_t i = 0; i < KH_COUNT(named) && !err; i++)
    err = take_slug(event, kh_json_get(kh_json_get(named[i], KH_STR("organization")), KH_STR("slug")), false);
  for (size_t i = 0; i < KH_COUNT(owners) && !err; i++)
    err = take_slug(event, kh_json_get(owners[i], KH_STR("url")), true);
  return err;
}

static void read_blocked(struct kh_event *event)
{
  bool blocked = false;

  event->build_blocked = kh_json_bool(kh_json_get(event->build, KH_STR("blocked")), &blocked) && blocked &&
                         !kh_json_text_is(event->build_state, KH_STR("canceled")) &&
                         !kh_json_text_is(event->build_state, KH_STR("canceling"));
}

enum kh_err kh_event_read(const struct kh_verified *verified, struct kh_json *doc, struct kh_event *event,
                          struct kh_diag *diag)
{
  *event = (struct kh_event){.body = verified->body};
  enum kh_err err = kh_json_read(doc, verified->body, diag);
  if (err)
    return err;

  event->root = kh_json_root(doc);
  if (kh_json_type(event->root) != KH_JSON_OBJECT)
    return kh_diag_set(diag, KH_ERR_NOT_AN_OBJECT, "the body is JSON, but not an object");
  err = read_name(verified, event, diag);
  if (err)
    return err;

  event->build = kh_json_get(event->root, KH_STR("build"));
  event->job = kh_json_get(event->root, KH_STR("job"));
  event->pipeline = kh_json_get(event->root, KH_STR("pipeline"));
  event->agent = kh_json_get(event->root, KH_STR("agent"));
  event->sender = kh_json_get(event->root, KH_STR("sender"));
  event->cluster_token = kh_json_get(event->root, KH_STR("cluster_token"));
  event->package = kh_json_get(event->root, KH_STR("package"));
  event->build_state = kh_json_get(event->build, KH_STR("state"));
  read_blocked(event);
  if (!kh_json_int(kh_json_get(event->build, KH_STR("number")), &event->build_number))
    event->build_number = 0;
  return read_organization(event);
}

enum kh_err kh_event_build_state(const struct kh_event *event, struct kh_buf *out)
{
  if (event->build_blocked)
    return kh_buf_add(out, KH_STR("blocked"));
  return kh_json_type(event->build_state) == KH_JSON_STRING ? kh_json_text(event->build_state, out) : KH_OK;
}

/* What EVENT happened to, where that happens to it once. Missing for others. */
static struct kh_json_value dated_subject(const struct kh_event *event)
{
  const struct kh_json_value none = {NULL, 0};

  switch (event->kind) {
  case KH_EVENT_BUILD:
    return event->build;
  case KH_EVENT_JOB:
    return event->job;
  case KH_EVENT_AGENT: /* that it was blocked once more changes no time of it */
    return kh_str_equal(kh_str_of(event->name), KH_STR("agent.blocked")) ? none : event->agent;
  case KH_EVENT_PACKAGE:
    return event->package;
  case KH_EVENT_OTHER:
  case KH_EVENT_PING:
  case KH_EVENT_CLUSTER_TOKEN:
  case KH_EVENT_WORKFLOW:
    break;
  }
  return none;
}

bool kh_event_has_time(const struct kh_event *event)
{
  int64_t at_us = 0;

  for (struct kh_json_walk walk = kh_json_walk(dated_subject(event)); kh_json_next(&walk);)
    if (kh_str_ends(kh_json_raw(walk.key), KH_STR("_at")) && kh_json_type(walk.value) == KH_JSON_STRING &&
        kh_time_parse(kh_json_raw(walk.value), &at_us))
      return true;
  return false;
}

/* A member that is text, appended; nothing when it is absent or something else. */
static enum kh_err add_member(struct kh_json_value object, struct kh_str key, struct kh_buf *out)
{
  struct kh_json_value member = kh_json_get(object, key);

  return kh_json_type(member) == KH_JSON_STRING ? kh_json_text(member, out) : KH_OK;
}

/* The name of a person. What looks like an e-mail address is none, and goes nowhere. */
static enum kh_err add_person(struct kh_json_value name, struct kh_buf *out)
{
  size_t before = out->len;

  if (kh_json_type(name) != KH_JSON_STRING)
    return KH_OK;
  enum kh_err err = kh_json_text(name, out);
  if (!err && out->len > before && memchr(out->at + before, '@', out->len - before)) {
    out->len = before;
    out->at[before] = '\0';
  }
  return err;
}

enum kh_err kh_event_author(const struct kh_event *event, struct kh_buf *out)
{
  /* As plain text the author is an address, so only the object has a name. */
  return add_person(kh_json_get(kh_json_get(event->build, KH_STR("author")), KH_STR("name")), out);
}

enum kh_err kh_event_job_name(const struct kh_event *event, struct kh_buf *out)
{
  size_t before = out->len;
  enum kh_err err = add_member(event->job, KH_STR("name"), out);

  return err || out->len > before ? err : add_member(event->job, KH_STR("label"), out);
}

void kh_event_log(const struct kh_event *event, struct kh_log_line *line)
{
  struct kh_json_value job_name = kh_json_get(event->job, KH_STR("name"));

  if (kh_json_type(job_name) != KH_JSON_STRING || kh_json_raw(job_name).len == 0)
    job_name = kh_json_get(event->job, KH_STR("label"));
  kh_log_text(line, KH_LOG_EVENT, kh_str_of(event->name));
  kh_log_text(line, KH_LOG_ORGANIZATION, kh_str_of(event->organization));
  kh_log_value(line, KH_LOG_PIPELINE, kh_json_get(event->pipeline, KH_STR("slug")));
  if (event->build_number > 0)
    kh_log_number(line, KH_LOG_BUILD_NUMBER, event->build_number);
  kh_log_value(line, KH_LOG_BRANCH, kh_json_get(event->build, KH_STR("branch")));
  if (event->build_blocked)
    kh_log_text(line, KH_LOG_STATE, KH_STR("blocked"));
  else
    kh_log_value(line, KH_LOG_STATE, event->build_state);
  kh_log_value(line, KH_LOG_JOB, job_name);
  kh_log_value(line, KH_LOG_AGENT, kh_json_get(event->agent, KH_STR("name")));
}
