#include "base/base.h"

#include "inbox/refusals.h"
#include "output.h"
#include "pipelines.h"
#include "rules/branches.h"
#include "why_gap.h"

static const int64_t hour_us = INT64_C(3600000000);

/* ---- the builds around one of which nothing came ---- */

struct times {
  int64_t number, first_us, last_us;
};

struct neighbours {
  int64_t number;
  int64_t webhooks, last_us;
  struct times before, after;
  struct kh_buf organization; /* of the last one */
};

static void take(struct times *times, int64_t number, int64_t at_us)
{
  if (times->number != number)
    *times = (struct times){number, at_us, at_us};
  times->first_us = at_us < times->first_us ? at_us : times->first_us;
  times->last_us = at_us > times->last_us ? at_us : times->last_us;
}

static bool look_around(void *self, const struct kh_look_webhook *webhook)
{
  struct neighbours *found = self;
  const int64_t number = webhook->build_number;

  found->webhooks++;
  found->last_us = webhook->received_us > found->last_us ? webhook->received_us : found->last_us;
  kh_buf_clear(&found->organization);
  (void)kh_buf_add(&found->organization, webhook->organization);
  if (number > 0 && number < found->number && number >= found->before.number)
    take(&found->before, number, webhook->received_us);
  if (number > found->number && (found->after.number == 0 || number <= found->after.number))
    take(&found->after, number, webhook->received_us);
  return true;
}

static json_t *times_json(const struct times *times)
{
  json_t *json = times->number > 0 ? json_object() : json_null();

  if (times->number > 0) {
    json_object_set_new(json, "build", json_integer(times->number));
    json_object_set_new(json, "first", kh_output_time(times->first_us));
    json_object_set_new(json, "last", kh_output_time(times->last_us));
  }
  return json;
}

static json_t *neighbours_json(const struct neighbours *found, struct kh_look *look,
                               const struct kh_why_build *build)
{
  json_t *json = json_object();
  json_t *slug = kh_output_text(build->pipeline);

  json_object_set_new(json, "webhooks", json_integer(found->webhooks));
  json_object_set_new(json, "last", kh_output_time(found->last_us));
  json_object_set_new(json, "before", times_json(&found->before));
  json_object_set_new(json, "after", times_json(&found->after));
  json_object_set_new(json, "meant",
                      found->webhooks == 0 && json_is_string(slug)
                          ? kh_cli_nearest_pipeline(look, json_string_value(slug))
                          : json_null());
  json_decref(slug);
  return json;
}

/* ---- which events are asked for, and were not seen ---- */

struct asking {
  const char *const *events; /* of a rule */
  struct kh_str organization;
  const json_t *webhooks;
  json_t *not_seen;
};

static bool fits(const char *pattern, struct kh_str name)
{
  const struct kh_match match = {.events = {pattern}, .event_count = 1};

  return kh_match_name(&match, name);
}

/* Others are of no build. */
static bool is_of_builds(const char *event)
{
  return strncmp(event, "build.", 6) == 0 || strncmp(event, "job.", 4) == 0;
}

static bool was_seen(const json_t *webhooks, const char *event)
{
  const json_t *webhook = NULL;
  size_t i = 0;

  json_array_foreach(webhooks, i, webhook)
  {
    const char *name = json_string_value(json_object_get(webhook, "event"));

    if (name && fits(event, kh_str_of(name)))
      return true;
  }
  return false;
}

static json_t *entry_of(json_t *not_seen, const char *event)
{
  json_t *entry = NULL;
  size_t i = 0;

  json_array_foreach(not_seen, i, entry)
  {
    if (strcmp(json_string_value(json_object_get(entry, "event")), event) == 0)
      return entry;
  }
  entry = json_pack("{s:s, s:[], s:b, s:n}", "event", event, "rules", "ever", 0, "last");
  json_array_append_new(not_seen, entry);
  return entry;
}

static void ask_for(const struct asking *asking, const struct kh_rule *rule)
{
  for (const char *const *event = kh_match_events(&rule->match); *event; event++)
    if (is_of_builds(*event) && !was_seen(asking->webhooks, *event))
      json_array_append_new(json_object_get(entry_of(asking->not_seen, *event), "rules"),
                            json_string(rule->name));
}

static bool is_for(const struct kh_rule *rule, const struct kh_why_build *build, const char *branch)
{
  const struct kh_match *match = &rule->match;

  if (build->rule && strcmp(build->rule, rule->name) != 0)
    return false;
  if (match->pipelines && !kh_branches_match(kh_str_of(match->pipelines), build->pipeline))
    return false;
  return !match->branches || !branch || kh_branches_match(kh_str_of(match->branches), kh_str_of(branch));
}

static bool note_event(void *self, const struct kh_look_event_seen *seen)
{
  const struct asking *asking = self;
  json_t *entry = NULL;
  size_t i = 0;

  if (asking->organization.len > 0 && !kh_str_equal(seen->organization, asking->organization))
    return true;
  json_array_foreach(asking->not_seen, i, entry)
  {
    const char *known = json_string_value(json_object_get(entry, "last"));
    json_t *last = NULL;

    if (!fits(json_string_value(json_object_get(entry, "event")), seen->event))
      continue;
    last = kh_output_time(seen->last_us);
    json_object_set_new(entry, "ever", json_true());
    if (json_is_string(last) && (!known || strcmp(json_string_value(last), known) > 0))
      json_object_set(entry, "last", last);
    json_decref(last);
  }
  return true;
}

/* *NOT_SEEN is null where nobody knows what today's rules ask for. */
static enum kh_err find_not_seen(struct kh_look *look, const struct kh_why_build *build,
                                 const struct kh_why_today *today, const json_t *answer,
                                 struct kh_str organization, json_t **not_seen, struct kh_diag *diag)
{
  const char *branch = json_string_value(json_object_get(answer, "branch"));
  struct asking asking = {.organization = organization,
                          .webhooks = json_object_get(answer, "webhooks"),
                          .not_seen = json_array()};

  *not_seen = asking.not_seen;
  if (!today->setup) {
    json_decref(*not_seen);
    *not_seen = json_null();
    return KH_OK;
  }
  for (size_t i = 0; i < today->setup->rules.count; i++)
    if (is_for(&today->setup->rules.at[i], build, branch))
      ask_for(&asking, &today->setup->rules.at[i]);
  return json_array_size(*not_seen) > 0 ? kh_look_events_seen(look, note_event, &asking, diag) : KH_OK;
}

/* ---- what waits, and what was refused ---- */

static json_t *inbox_json(const struct kh_state_folder *folder)
{
  struct kh_inbox inbox = kh_inbox_closed();
  struct kh_inbox_load load = {0};
  enum kh_err err = kh_inbox_find(&inbox, folder->config->state, NULL);

  if (!err)
    err = kh_inbox_look(&inbox, &load);
  kh_inbox_close(&inbox);
  return err && err != KH_ERR_NOT_FOUND
             ? json_null()
             : json_pack("{s:I, s:I}", "waiting", (json_int_t)load.entries, "aside", (json_int_t)load.aside);
}

static json_t *refused_json(const struct kh_state_folder *folder, int64_t from_us, int64_t to_us)
{
  struct kh_refusal_counts counts;
  struct kh_refusal_span span = {.from_us = from_us, .to_us = to_us};
  json_t *json = json_object();

  if (kh_refusals_read(folder->config->state, folder->now_us, &counts))
    counts = (struct kh_refusal_counts){.today = {0}};
  kh_refusals_between(&counts, from_us, to_us, folder->now_us, &span);
  const bool is_counted = span.since_us > 0;
  json_object_set_new(json, "from", kh_output_time(span.from_us));
  json_object_set_new(json, "to", kh_output_time(span.to_us));
  json_object_set_new(json, "since", kh_output_time(span.since_us));
  json_object_set_new(json, "count", is_counted ? json_integer((json_int_t)span.all) : json_null());
  json_object_set_new(json, "unkept", is_counted ? json_integer((json_int_t)span.unkept) : json_null());
  return json;
}

static int64_t received_us(const json_t *webhook)
{
  int64_t at_us = 0;

  (void)kh_time_parse(kh_str_of(json_string_value(json_object_get(webhook, "received"))), &at_us);
  return at_us;
}

/* When what is missing would have come: TIMES of what did, and an hour more. */
static struct times span_of(const json_t *webhooks, const struct neighbours *around,
                            const struct kh_look_span *span, int64_t now_us)
{
  struct times times = {0, around->before.number ? around->before.first_us : span->first_us,
                        around->after.number ? around->after.last_us : now_us};
  const json_t *webhook = NULL;
  size_t i = 0;

  json_array_foreach(webhooks, i, webhook) take(&times, 1, received_us(webhook));
  times.last_us = now_us - times.last_us > hour_us ? times.last_us + hour_us : now_us;
  times.first_us = times.first_us < times.last_us ? times.first_us : times.last_us;
  return times;
}

enum kh_err kh_why_gap_add(const struct kh_state_folder *folder, struct kh_look *look,
                           const struct kh_why_build *build, const struct kh_why_today *today,
                           const struct kh_look_span *span, json_t *answer, struct kh_diag *diag)
{
  const json_t *webhooks = json_object_get(answer, "webhooks");
  const bool is_unseen = json_array_size(webhooks) == 0;
  const struct kh_look_which which = {.pipeline = build->slugs};
  struct neighbours around = {.number = build->number};
  struct kh_str organization = build->organization;
  json_t *not_seen = json_null();
  enum kh_err err = KH_OK;

  kh_buf_init(&around.organization, KH_SLUG_BYTES);
  if (is_unseen)
    err = kh_look_webhooks(look, &which, look_around, &around, diag);
  if (is_unseen && organization.len == 0)
    organization = kh_buf_view(&around.organization);
  else if (organization.len == 0)
    organization = kh_str_of(json_string_value(json_object_get(answer, "organization")));
  if (!err)
    err = find_not_seen(look, build, today, answer, organization, &not_seen, diag);
  const bool is_gap = is_unseen || json_array_size(not_seen) > 0;
  const struct times times = span_of(webhooks, &around, span, folder->now_us);
  json_object_set_new(answer, "neighbours", is_unseen ? neighbours_json(&around, look, build) : json_null());
  json_object_set_new(answer, "not_seen", not_seen);
  json_object_set_new(answer, "inbox", inbox_json(folder));
  json_object_set_new(answer, "refused",
                      is_gap ? refused_json(folder, times.first_us, times.last_us) : json_null());
  kh_buf_release(&around.organization);
  return err;
}
