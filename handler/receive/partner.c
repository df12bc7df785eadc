#include "base/base.h"

#include "base/json_put.h"
#include "base/utf8.h"
#include "receive/partner.h"

#define TEXT(text)        \
  {                       \
    text, sizeof text - 1 \
  }

/* What happened, and which of the event's objects it happened to. */
static const struct kind {
  struct kh_str detail_type;
  const char *event;
  const char *subject;
} kinds[] = {
    {TEXT("Build Created"), "build.scheduled", "build"},
    {TEXT("Build Started"), "build.running", "build"},
    {TEXT("Build Finished"), "build.finished", "build"},
    {TEXT("Build Failing"), "build.failing", "build"},
    {TEXT("Build Blocked"), "build.finished", "build"},
    {TEXT("Job Scheduled"), "job.scheduled", "job"},
    {TEXT("Job Started"), "job.started", "job"},
    {TEXT("Job Finished"), "job.finished", "job"},
    {TEXT("Job Activated"), "job.activated", "job"},
    {TEXT("Job Promised Exit Status"), "job.promised_exit_status", "job"},
    {TEXT("Agent Connected"), "agent.connected", "agent"},
    {TEXT("Agent Lost"), "agent.lost", "agent"},
    {TEXT("Agent Disconnected"), "agent.disconnected", "agent"},
    {TEXT("Agent Stopping"), "agent.stopping", "agent"},
    {TEXT("Agent Stopped"), "agent.stopped", "agent"},
    {TEXT("Agent Blocked"), "agent.blocked", "agent"},
    {TEXT("Cluster Token Registration Blocked"), "cluster_token.registration_blocked", "cluster_token"},
};

static const struct kind *kind_of(struct kh_json_value detail_type)
{
  for (size_t i = 0; i < KH_COUNT(kinds); i++)
    if (kh_json_text_is(detail_type, kinds[i].detail_type))
      return &kinds[i];
  return NULL;
}

static struct kh_json_value member(struct kh_json_value object, const char *key)
{
  return kh_json_get(object, kh_str_of(key));
}

/* ---- the webhook's body ---- */

/* A key, and the webhook's word for it. */
struct word {
  const char *key, *webhook;
};

static const struct word words[] = {{"uuid", "id"}, {"repo", "repository"}, {0}};
static const struct word job_words[] = {{"uuid", "id"}, {"label", "name"}, {0}};

static void put_source(struct kh_buf *out, const char *key, struct kh_json_value value)
{
  if (kh_json_type(value) == KH_JSON_MISSING)
    return;
  kh_json_put_key(out, key);
  (void)kh_buf_add(out, kh_json_source(value));
}

/* The webhook's word for KEY, unless OBJECT has that as well: Buildkite may add it one day. */
static const char *word_for(struct kh_json_value object, struct kh_json_value key, const struct word *known)
{
  for (; known->key; known++)
    if (kh_json_text_is(key, kh_str_of(known->key)))
      return kh_json_type(member(object, known->webhook)) == KH_JSON_MISSING ? known->webhook : NULL;
  return NULL;
}

static bool is_among(struct kh_json_value key, const char *const *keys)
{
  while (*keys && !kh_json_text_is(key, kh_str_of(*keys)))
    keys++;
  return *keys != NULL;
}

/* The members of OBJECT but those that are SKIPPED, which the caller puts itself. */
static void put_members(struct kh_buf *out, struct kh_json_value object, const struct word *known,
                        const char *const *skipped)
{
  for (struct kh_json_walk walk = kh_json_walk(object); kh_json_next(&walk);) {
    const char *word = word_for(object, walk.key, known);

    if (is_among(walk.key, skipped))
      continue;
    if (word) {
      kh_json_put_key(out, word);
    } else {
      (void)kh_buf_add(out, out->len > 0 && out->at[out->len - 1] != '{' ? KH_STR(",") : KH_STR(""));
      (void)kh_buf_add(out, kh_json_source(walk.key));
      (void)kh_buf_add_byte(out, ':');
    }
    (void)kh_buf_add(out, kh_json_source(walk.value));
  }
}

/* An object that differs in nothing but words; anything else as it is. */
static void put_object(struct kh_buf *out, const char *key, struct kh_json_value object)
{
  if (kh_json_type(object) != KH_JSON_OBJECT) {
    put_source(out, key, object);
    return;
  }
  kh_json_put_key(out, key);
  (void)kh_buf_add_byte(out, '{');
  put_members(out, object, words, (const char *const[]){NULL});
  (void)kh_buf_add_byte(out, '}');
}

/* The state before it was blocked, which a webhook keeps beside `blocked`, is not told here. */
static void put_build(struct kh_buf *out, struct kh_json_value build)
{
  const struct kh_json_value state = member(build, "state");
  const bool is_blocked = kh_json_text_is(state, KH_STR("blocked"));

  if (kh_json_type(build) != KH_JSON_OBJECT)
    return;
  kh_json_put_key(out, "build");
  (void)kh_buf_add_byte(out, '{');
  put_members(out, build, words, (const char *const[]){"state", is_blocked ? "blocked" : NULL, NULL});
  if (is_blocked)
    kh_json_put_bool_member(out, "blocked", true);
  else if (kh_json_text_is(state, KH_STR("started")))
    kh_json_put_text_member(out, "state", KH_STR("running"));
  else
    put_source(out, "state", state);
  (void)kh_buf_add_byte(out, '}');
}

/* Of a job that ran; a block or wait step has no result, and is finished in a webhook too. */
static void put_job_state(struct kh_buf *out, struct kh_json_value job)
{
  const struct kh_json_value state = member(job, "state"), type = member(job, "type");
  const bool has_run = !kh_json_text_is(type, KH_STR("manual")) && !kh_json_text_is(type, KH_STR("waiter"));
  bool passed = false;

  if (kh_json_text_is(state, KH_STR("started")))
    kh_json_put_text_member(out, "state", KH_STR("running"));
  else if (kh_json_text_is(state, KH_STR("finished")) && has_run &&
           kh_json_bool(member(job, "passed"), &passed))
    kh_json_put_text_member(out, "state", passed ? KH_STR("passed") : KH_STR("failed"));
  else
    put_source(out, "state", state);
}

/* The agent stands beside the job, not in it as in a webhook. */
static void put_job(struct kh_buf *out, struct kh_json_value job, struct kh_json_value agent)
{
  const bool has_agent = kh_json_type(member(job, "agent")) != KH_JSON_MISSING;
  const bool is_manual = kh_json_text_is(member(job, "type"), KH_STR("manual"));

  kh_json_put_key(out, "job");
  (void)kh_buf_add_byte(out, '{');
  put_members(out, job, is_manual ? words : job_words, (const char *const[]){"state", "unblocked_by", NULL});
  put_job_state(out, job);
  put_object(out, "unblocked_by", member(job, "unblocked_by"));
  if (!has_agent)
    put_object(out, "agent", agent);
  (void)kh_buf_add_byte(out, '}');
}

static void put_body(struct kh_buf *out, const struct kind *kind, struct kh_json_value detail)
{
  const struct kh_json_value job = member(detail, "job"), agent = member(detail, "agent");
  const bool is_of_job = strcmp(kind->subject, "job") == 0;

  (void)kh_buf_add_byte(out, '{');
  kh_json_put_text_member(out, "event", kh_str_of(kind->event));
  if (is_of_job)
    put_job(out, job, agent);
  else
    put_object(out, "agent", agent);
  put_build(out, member(detail, "build"));
  put_object(out, "pipeline", member(detail, "pipeline"));
  put_object(out, "organization", member(detail, "organization"));
  put_object(out, "cluster_token", member(detail, "cluster_token"));
  put_source(out, "blocked_ip", member(detail, "blocked_ip"));
  put_source(out, "promised_exit_status_reason",
             member(is_of_job ? job : detail, "promised_exit_status_reason"));
  (void)kh_buf_add_byte(out, '}');
}

/* ---- what it must be ---- */

bool kh_partner_is_one(struct kh_json_value root)
{
  return kh_json_type(member(root, "detail-type")) == KH_JSON_STRING &&
         kh_json_type(member(root, "source")) == KH_JSON_STRING;
}

static enum kh_err refuse_shape(struct kh_diag *diag, const char *key, const char *is_not)
{
  return kh_diag_set(diag, KH_ERR_PARTNER_SHAPE, "`%s` of the event from EventBridge is %s", key, is_not);
}

static enum kh_err check_shape(struct kh_json_value root, const struct kind *kind, int64_t *at_us,
                               struct kh_diag *diag)
{
  const struct kh_str id = kh_json_raw(member(root, "id"));
  const struct kh_json_value detail = member(root, "detail"), subject = member(detail, kind->subject);
  int64_t version = 0;

  if (!kh_json_text_is(member(root, "version"), KH_STR("0")))
    return refuse_shape(diag, "version", "not \"0\", the only one there was");
  if (kh_json_type(member(root, "id")) != KH_JSON_STRING || id.len >= KH_REQUEST_ID_BYTES ||
      !kh_str_is_word(id, "-"))
    return refuse_shape(diag, "id", "no UUID");
  if (!kh_time_parse(kh_json_raw(member(root, "time")), at_us))
    return refuse_shape(diag, "time", "no time");
  if (kh_json_type(detail) != KH_JSON_OBJECT)
    return refuse_shape(diag, "detail", "no object");
  if (!kh_json_int(member(detail, "version"), &version) || version != 1)
    return refuse_shape(diag, "detail.version", "not 1, the only one there was");
  if (kh_json_type(member(subject, "uuid")) != KH_JSON_STRING)
    return kh_diag_set(diag, KH_ERR_PARTNER_SHAPE,
                       "`detail.%s` of the event from EventBridge is no object with a `uuid`", kind->subject);
  return KH_OK;
}

enum kh_err kh_partner_read(struct kh_json_value root, struct kh_buf *body, struct kh_partner *partner,
                            struct kh_diag *diag)
{
  const struct kind *kind = kind_of(member(root, "detail-type"));
  int64_t at_us = 0;

  if (!kind)
    return kh_diag_set(diag, KH_ERR_PARTNER_TYPE,
                       "no webhook tells what this `detail-type` does; leave it out of the rule's pattern");
  enum kh_err err = check_shape(root, kind, &at_us, diag);
  if (err)
    return err;
  kh_buf_clear(body);
  put_body(body, kind, member(root, "detail"));
  *partner = (struct kh_partner){
      .verified = {.body = kh_buf_view(body), .proof = KH_PROOF_PARTNER, .timestamp_s = at_us / 1000000},
      .id = kh_json_raw(member(root, "id")),
  };
  return kh_buf_ok(body);
}

enum kh_err kh_partner_admit(struct kh_json_value root, const struct kh_eventbridge *origin,
                             struct kh_buf *body, struct kh_partner *partner, struct kh_diag *diag)
{
  if (!origin->source[0])
    return kh_diag_set(diag, KH_ERR_PARTNER_SOURCE,
                       "an EventBridge event, and kitehook.yml names no source whose events count; for "
                       "Buildkite's write sources: {eventbridge: {source: NAME, account: NUMBER}}");
  if (!kh_json_text_is(member(root, "source"), kh_str_of(origin->source)))
    return kh_diag_set(diag, KH_ERR_PARTNER_SOURCE,
                       "an EventBridge event whose `source` is not sources.eventbridge.source in "
                       "kitehook.yml; Buildkite's settings page shows the name");
  if (!kh_json_text_is(member(root, "account"), kh_str_of(origin->account)))
    return kh_diag_set(diag, KH_ERR_PARTNER_ACCOUNT,
                       "an EventBridge event whose `account` is not sources.eventbridge.account in "
                       "kitehook.yml, the AWS account that Buildkite was given");
  return kh_partner_read(root, body, partner, diag);
}
