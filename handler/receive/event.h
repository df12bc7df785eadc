/*
 * event.h - typed views over a proven body. Nothing is copied but three short texts.
 *
 * Names stay text: an event that nobody has heard of is kept, logged and can be matched. Wrong
 * types and nulls read as missing. Sources: Buildkite's webhook, REST and EventBridge
 * pages; field notes and the traps are listed in docs/ADDING.md.
 */
#ifndef KH_EVENT_H
#define KH_EVENT_H

#include "base/json.h"
#include "receive/verify.h"

enum kh_event_kind {
  KH_EVENT_OTHER, /* unknown names, and senders without one */
  KH_EVENT_PING,
  KH_EVENT_BUILD,
  KH_EVENT_JOB,
  KH_EVENT_AGENT,
  KH_EVENT_CLUSTER_TOKEN,
  KH_EVENT_PACKAGE,
  KH_EVENT_WORKFLOW
};

enum { KH_EVENT_NAME_BYTES = 101, KH_SLUG_BYTES = 129 };

struct kh_withheld;

struct kh_event {
  struct kh_str body;
  char name[KH_EVENT_NAME_BYTES]; /* the body's `event`; else the header's; else "" */
  enum kh_event_kind kind;
  char organization[KH_SLUG_BYTES]; /* slug, from a URL or (ping) organization.slug; "" when unknown */

  struct kh_json_value root, build, job, pipeline, agent, sender, cluster_token, package;

  /*
   * One fact: a webhook keeps a blocked build's last state and sets blocked: true. This says "blocked" then.
   * A build that was canceled where it was blocked waits for nobody any more: build_blocked is false.
   */
  struct kh_json_value build_state; /* the state as the body has it */
  bool build_blocked;
  int64_t build_number; /* 0 when absent */

  /*
   * Set by who handles the webhook, borrowed: what the regular expressions of all rules and messages about it
   * may still take (names.h). NULL after reading.
   */
  size_t *steps_left;
  /*
   * Borrowed: what it lacks, where it comes out of the journal (language/names/withheld.h). Else NULL.
   */
  struct kh_withheld *withheld;
};

/*
 * Reads VERIFIED's body into DOC (which must outlive EVENT) and takes the views.
 * KH_ERR_JSON_*, KH_ERR_NOT_AN_OBJECT, KH_ERR_EVENT_NAME (over 100 bytes, a control character, or a header
 * that is not UTF-8), KH_ERR_EVENT_MISMATCH (header and body both name an event and differ).
 */
enum kh_err kh_event_read(const struct kh_verified *verified, struct kh_json *doc, struct kh_event *event,
                          struct kh_diag *diag) KH_MUST_USE;

/* "blocked" for a blocked build, else build.state; appended to OUT, nothing when absent. */
enum kh_err kh_event_build_state(const struct kh_event *event, struct kh_buf *out);
/*
 * build.author is an object, an address as plain text, or null: its name, never an e-mail address; "" when
 * unknown.
 */
enum kh_err kh_event_author(const struct kh_event *event, struct kh_buf *out);
/*
 * The body has a time of what it tells of, so the same bytes once more are the same event. False for events
 * that may come again as they were: workflows, tokens, a blocked agent, and what nobody has heard of.
 */
bool kh_event_has_time(const struct kh_event *event);
/* job.name, or label where a manual job has that instead. */
enum kh_err kh_event_job_name(const struct kh_event *event, struct kh_buf *out);

/*
 * Adds event, organization, pipeline, build_number, branch, state, job and agent to a log line, where known.
 */
void kh_event_log(const struct kh_event *event, struct kh_log_line *line);

#endif
