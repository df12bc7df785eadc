#include "base/base.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "lambda/metrics.h"

#define NAMESPACE "kitehook"

enum { TIME_MAX_BYTES = 64 };

void kh_metrics_init(struct kh_metrics *metrics)
{
  /* The pairs' times are most of the struct and count for nothing while there are no pairs. */
  metrics->has_verdict = false;
  metrics->verdict = KH_OK;
  metrics->build_state = NULL;
  metrics->build_ms = -1;
  metrics->job_wait_ms = -1;
  metrics->pairs = 0;
}

void kh_metrics_verdict(struct kh_metrics *metrics, enum kh_err verdict)
{
  metrics->has_verdict = true;
  metrics->verdict = verdict;
}

/* ---- times out of an event ---- */

static bool time_of(struct kh_json_value object, struct kh_str key, int64_t *at_us)
{
  struct kh_json_value member = kh_json_get(object, key);
  struct kh_buf text;
  bool known = false;

  kh_buf_init(&text, TIME_MAX_BYTES);
  if (kh_json_text(member, &text) == KH_OK)
    known = kh_time_parse(kh_buf_view(&text), at_us);
  kh_buf_release(&text);
  return known;
}

/* -1 when there is none to tell. */
static int64_t span_ms(struct kh_json_value object, struct kh_str from, struct kh_str to)
{
  int64_t from_us = 0;
  int64_t to_us = 0;

  if (!time_of(object, from, &from_us) || !time_of(object, to, &to_us) || to_us < from_us)
    return -1;
  int64_t span = (to_us - from_us) / 1000;
  return span <= KH_METRICS_SPAN_MAX_MS ? span : -1;
}

/* States stay text everywhere else, so a new one of Buildkite's must not become a new metric here. */
static const char *closed_state(const struct kh_event *event)
{
  static const char *const states[] = {"passed", "failed", "canceled", "skipped", "not_run"};

  if (event->build_blocked)
    return "blocked";
  for (size_t i = 0; i < KH_COUNT(states); i++)
    if (kh_json_text_is(event->build_state, kh_str_of(states[i])))
      return states[i];
  return "other";
}

void kh_metrics_event(struct kh_metrics *metrics, const struct kh_event *event)
{
  if (strcmp(event->name, "build.finished") == 0) {
    metrics->build_ms = span_ms(event->build, KH_STR("started_at"), KH_STR("finished_at"));
    metrics->build_state = metrics->build_ms >= 0 ? closed_state(event) : NULL;
  } else if (strcmp(event->name, "job.started") == 0) {
    metrics->job_wait_ms = span_ms(event->job, KH_STR("runnable_at"), KH_STR("started_at"));
  }
}

/* ---- deliveries ---- */

static struct kh_metrics_pair *pair_of(struct kh_metrics *metrics, const char *notifier, bool delivered)
{
  for (size_t i = 0; i < metrics->pairs; i++)
    if (metrics->pair[i].delivered == delivered && strcmp(metrics->pair[i].notifier, notifier) == 0)
      return &metrics->pair[i];
  if (metrics->pairs == KH_METRICS_PAIRS || strlen(notifier) >= sizeof metrics->pair[0].notifier)
    return NULL;
  struct kh_metrics_pair *pair = &metrics->pair[metrics->pairs++];
  (void)snprintf(pair->notifier, sizeof pair->notifier, "%s", notifier);
  pair->delivered = delivered;
  pair->count = 0;
  return pair;
}

void kh_metrics_delivery(struct kh_metrics *metrics, const char *notifier, bool delivered, int64_t ms)
{
  struct kh_metrics_pair *pair = pair_of(metrics, notifier, delivered);

  if (!pair)
    return;
  if (pair->count < KH_METRICS_TIMES)
    pair->ms[pair->count] = ms < 0 ? 0 : ms;
  pair->count++;
}

/* ---- lines ---- */

struct line {
  json_t *root;
  json_t *directives; /* root has a reference of its own */
  bool broken;        /* memory ran out */
};

static void member(struct line *line, const char *key, json_t *value)
{
  if (json_object_set_new(line->root, key, value))
    line->broken = true;
}

/* DIMENSIONS is the one set of keys, perhaps empty, and METRICS their list; both are taken. */
static void directive(struct line *line, json_t *dimensions, json_t *metrics)
{
  json_t *made = json_pack("{s:s,s:[o],s:o}", "Namespace", NAMESPACE, "Dimensions", dimensions, "Metrics",
                           metrics);

  if (json_array_append_new(line->directives, made))
    line->broken = true;
}

static void begin(struct line *line, int64_t now_ms)
{
  char now[KH_TIME_TEXT_BYTES];

  kh_time_format(now_ms * 1000, now);
  *line = (struct line){.root = json_object(), .directives = json_array()};
  member(line, "timestamp", json_string(now));
  /* A line without a level counts as INFO, and one of another level may be filtered away. */
  member(line, "level", json_string("INFO"));
  member(line, "message", json_string("metrics"));
  member(line, "_aws",
         json_pack("{s:I,s:O}", "Timestamp", (json_int_t)now_ms, "CloudWatchMetrics", line->directives));
}

static enum kh_err end(struct line *line, struct kh_buf *out)
{
  enum kh_err err = line->broken ? KH_ERR_NO_MEMORY : kh_json_write(line->root, out);

  json_decref(line->directives);
  json_decref(line->root);
  return err ? err : kh_buf_add_byte(out, '\n');
}

static void add_event(struct line *line, const struct kh_metrics *metrics)
{
  if (metrics->has_verdict) {
    directive(line, json_pack("[s]", "verdict"),
              json_pack("[{s:s,s:s}]", "Name", "webhooks", "Unit", "Count"));
    member(line, "verdict", json_string(metrics->verdict ? kh_err_token(metrics->verdict) : "accepted"));
    member(line, "webhooks", json_integer(1));
  }
  if (metrics->build_state) {
    directive(line, json_pack("[s]", "state"),
              json_pack("[{s:s,s:s}]", "Name", "build_ms", "Unit", "Milliseconds"));
    member(line, "state", json_string(metrics->build_state));
    member(line, "build_ms", json_integer(metrics->build_ms));
  }
  if (metrics->job_wait_ms >= 0) {
    directive(line, json_array(), json_pack("[{s:s,s:s}]", "Name", "job_wait_ms", "Unit", "Milliseconds"));
    member(line, "job_wait_ms", json_integer(metrics->job_wait_ms));
  }
}

static void add_pair(struct line *line, const struct kh_metrics_pair *pair)
{
  json_t *times = json_array();

  for (uint32_t i = 0; i < pair->count && i < KH_METRICS_TIMES; i++)
    if (json_array_append_new(times, json_integer(pair->ms[i])))
      line->broken = true;
  directive(line, json_pack("[ss]", "notifier", "result"),
            json_pack("[{s:s,s:s},{s:s,s:s}]", "Name", "deliveries", "Unit", "Count", "Name", "delivery_ms",
                      "Unit", "Milliseconds"));
  member(line, "notifier", json_string(pair->notifier));
  member(line, "result", json_string(pair->delivered ? "delivered" : "failed"));
  member(line, "deliveries", json_integer(pair->count));
  member(line, "delivery_ms", times);
}

enum kh_err kh_metrics_write(const struct kh_metrics *metrics, int64_t now_ms, struct kh_buf *out)
{
  bool has_event = metrics->has_verdict || metrics->build_state || metrics->job_wait_ms >= 0;
  size_t lines = metrics->pairs > 0 ? metrics->pairs : has_event ? 1 : 0;
  enum kh_err err = KH_OK;

  for (size_t i = 0; i < lines && !err; i++) {
    struct line line;

    begin(&line, now_ms);
    if (i == 0)
      add_event(&line, metrics);
    if (i < metrics->pairs)
      add_pair(&line, &metrics->pair[i]);
    err = end(&line, out);
  }
  return err;
}
