#include "base/base.h"

#include "base/nearest.h"
#include "config/config.h"
#include "language/names/event_names.h"

static const char *const known[] = {
    "ping",
    "build.scheduled",
    "build.running",
    "build.failing",
    "build.finished",
    "build.skipped",
    "job.scheduled",
    "job.started",
    "job.finished",
    "job.activated",
    "job.promised_exit_status",
    "agent.connected",
    "agent.lost",
    "agent.disconnected",
    "agent.stopping",
    "agent.stopped",
    "agent.blocked",
    "cluster_token.registration_blocked",
    "package.created",
    "workflow.alarm",
    NULL,
};

static const char *const families[] = {"build.*",   "job.*",      "agent.*", "cluster_token.*",
                                       "package.*", "workflow.*", NULL};

/* Never sent, but found in handlers, generated text and one of Buildkite's own samples. */
static const struct {
  const char *never;
  const char *instead;
} mistaken[] = {
    {"build.started", "build.running"},   {"build.blocked", "build.finished"},
    {"build.passed", "build.finished"},   {"build.failed", "build.finished"},
    {"build.canceled", "build.finished"}, {"build.cancelled", "build.finished"},
    {"build.created", "build.scheduled"}, {"job.running", "job.started"},
    {"job.passed", "job.finished"},       {"job.failed", "job.finished"},
    {"agent.created", "agent.connected"}, {"agent.destroyed", "agent.stopped"},
    {"job.unblocked", "job.activated"},
};

const char *const *kh_event_names(void)
{
  return known;
}

bool kh_event_name_is_known(struct kh_str name)
{
  bool family = kh_str_ends(name, KH_STR(".*"));

  for (size_t i = 0; known[i]; i++) {
    struct kh_str one = kh_str_of(known[i]);

    if (family ? kh_str_starts(one, kh_str(name.at, name.len - 1)) : kh_str_equal(one, name))
      return true;
  }
  return false;
}

const char *kh_event_name_hint(const char *name)
{
  for (size_t i = 0; i < KH_COUNT(mistaken); i++)
    if (strcmp(mistaken[i].never, name) == 0)
      return mistaken[i].instead;
  return kh_word_nearest(kh_str_of(name), kh_str_ends(kh_str_of(name), KH_STR(".*")) ? families : known);
}
