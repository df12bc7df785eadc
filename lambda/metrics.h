/*
 * metrics.h - what one invocation adds to CloudWatch, as lines in the embedded metric format.
 *
 * Lambda hands standard output to CloudWatch Logs, which makes metrics of such lines: no call, no permission.
 * Namespace "kitehook"; docs/lambda.md has the table. CloudWatch bills each combination of a metric and its
 * dimensions' values, so a dimension has a closed set of values: error tokens, states, notifiers, results.
 * Never a pipeline, a branch, a request id or any other text of a webhook.
 *
 * Pure: no clock, no output. Source: "Specification: Embedded metric format" of the CloudWatch user guide.
 */
#ifndef KH_METRICS_H
#define KH_METRICS_H

#include "receive/event.h"

enum {
  KH_METRICS_PAIRS = 16,  /* of notifier and result in one invocation; further ones are not counted */
  KH_METRICS_TIMES = 100, /* which is how many values a line may give for a metric */
  KH_METRICS_MAX_BYTES = 64 * 1024
};
#define KH_METRICS_SPAN_MAX_MS (INT64_C(31) * 24 * 3600 * 1000) /* what lasted longer is no measurement */

struct kh_metrics_pair {
  char notifier[17];
  bool delivered;
  uint32_t count;
  int64_t ms[KH_METRICS_TIMES]; /* of the first that many: count may be larger */
};

/* Use the functions below. No function keeps what it is given. */
struct kh_metrics {
  bool has_verdict;
  enum kh_err verdict;
  const char *build_state; /* a constant; NULL without a build that has finished */
  int64_t build_ms;
  int64_t job_wait_ms; /* -1 without a job that has started */
  size_t pairs;
  struct kh_metrics_pair pair[KH_METRICS_PAIRS];
};

/* Nothing to tell: to be called for each invocation. Owns nothing, so there is no release. */
void kh_metrics_init(struct kh_metrics *metrics);

/* KH_OK is told as "accepted", anything else by its token. Not to be called for GET and HEAD. */
void kh_metrics_verdict(struct kh_metrics *metrics, enum kh_err verdict);

/*
 * Of a build.finished from started_at to finished_at, of a job.started from runnable_at to started_at; no
 * other event, for those repeat the same times. A time that is missing or odd, and a span below 0 or over
 * KH_METRICS_SPAN_MAX_MS, is left out.
 */
void kh_metrics_event(struct kh_metrics *metrics, const struct kh_event *event);

/* One attempt. NOTIFIER is a notifier's name, at most 16 bytes. MS below 0 counts as 0. */
void kh_metrics_delivery(struct kh_metrics *metrics, const char *notifier, bool delivered, int64_t ms);

/*
 * Appends whole lines, each with its newline: none when there is nothing to tell; one, and another for each
 * further pair of notifier and result. OUT needs room for KH_METRICS_MAX_BYTES. NOW_MS is unix time.
 * KH_ERR_LIMIT, KH_ERR_NO_MEMORY: OUT is then of no use.
 */
enum kh_err kh_metrics_write(const struct kh_metrics *metrics, int64_t now_ms,
                             struct kh_buf *out) KH_MUST_USE;

#endif
