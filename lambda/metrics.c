#include "base/base.h"

#include "base/clock.h"
#include "base/json_put.h"
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

/* What CloudWatch makes of a line: it reads KEYS of the line as dimensions, and METRICS as values. */
#define DIRECTIVE(keys, metrics) \
  KH_STR("{\"Namespace\":\"" NAMESPACE "\",\"Dimensions\":[[" keys "]],\"Metrics\":[" metrics "]}")
#define METRIC(name, unit) "{\"Name\":\"" name "\",\"Unit\":\"" unit "\"}"

static void put_directive(struct kh_buf *out, bool is_told, struct kh_str directive)
{
  if (!is_told)
    return;
  if (kh_str_ends(kh_buf_view(out), KH_STR("}")))
    (void)kh_buf_add_byte(out, ',');
  (void)kh_buf_add(out, directive);
}

static void put_directives(struct kh_buf *out, const struct kh_metrics *event,
                           const struct kh_metrics_pair *pair)
{
  kh_json_put_key(out, "CloudWatchMetrics");
  (void)kh_buf_add_byte(out, '[');
  put_directive(out, event && event->has_verdict, DIRECTIVE("\"verdict\"", METRIC("webhooks", "Count")));
  put_directive(out, event && event->build_state, DIRECTIVE("\"state\"", METRIC("build_ms", "Milliseconds")));
  put_directive(out, event && event->job_wait_ms >= 0, DIRECTIVE("", METRIC("job_wait_ms", "Milliseconds")));
  put_directive(out, pair,
                DIRECTIVE("\"notifier\",\"result\"",
                          METRIC("deliveries", "Count") "," METRIC("delivery_ms", "Milliseconds")));
  (void)kh_buf_add_byte(out, ']');
}

static void put_event(struct kh_buf *out, const struct kh_metrics *event)
{
  if (event->has_verdict) {
    kh_json_put_text_member(out, "verdict",
                            kh_str_of(event->verdict ? kh_err_token(event->verdict) : "accepted"));
    kh_json_put_int_member(out, "webhooks", 1);
  }
  if (event->build_state) {
    kh_json_put_text_member(out, "state", kh_str_of(event->build_state));
    kh_json_put_int_member(out, "build_ms", event->build_ms);
  }
  if (event->job_wait_ms >= 0)
    kh_json_put_int_member(out, "job_wait_ms", event->job_wait_ms);
}

static void put_pair(struct kh_buf *out, const struct kh_metrics_pair *pair)
{
  kh_json_put_text_member(out, "notifier", kh_str_of(pair->notifier));
  kh_json_put_text_member(out, "result", pair->delivered ? KH_STR("delivered") : KH_STR("failed"));
  kh_json_put_int_member(out, "deliveries", pair->count);
  kh_json_put_key(out, "delivery_ms");
  for (uint32_t i = 0; i < pair->count && i < KH_METRICS_TIMES; i++) {
    (void)kh_buf_add_byte(out, i == 0 ? '[' : ',');
    kh_json_put_int(out, pair->ms[i]);
  }
  (void)kh_buf_add_byte(out, ']');
}

/* Each of EVENT and PAIR may be NULL. */
static void put_line(struct kh_buf *out, int64_t now_ms, const struct kh_metrics *event,
                     const struct kh_metrics_pair *pair)
{
  char now[KH_TIME_TEXT_BYTES];

  kh_time_format(now_ms * 1000, now);
  (void)kh_buf_add_byte(out, '{');
  kh_json_put_text_member(out, "timestamp", kh_str_of(now));
  /* A line without a level counts as INFO, and one of another level may be filtered away. */
  kh_json_put_text_member(out, "level", KH_STR("INFO"));
  kh_json_put_text_member(out, "message", KH_STR("metrics"));
  kh_json_put_key(out, "_aws");
  (void)kh_buf_add_byte(out, '{');
  kh_json_put_int_member(out, "Timestamp", now_ms);
  put_directives(out, event, pair);
  (void)kh_buf_add_byte(out, '}');
  if (event)
    put_event(out, event);
  if (pair)
    put_pair(out, pair);
  (void)kh_buf_add(out, KH_STR("}\n"));
}

enum kh_err kh_metrics_write(const struct kh_metrics *metrics, int64_t now_ms, struct kh_buf *out)
{
  bool has_event = metrics->has_verdict || metrics->build_state || metrics->job_wait_ms >= 0;
  size_t lines = metrics->pairs > 0 ? metrics->pairs : has_event ? 1 : 0;

  for (size_t i = 0; i < lines; i++)
    put_line(out, now_ms, i == 0 ? metrics : NULL, i < metrics->pairs ? &metrics->pair[i] : NULL);
  return kh_buf_ok(out);
}
