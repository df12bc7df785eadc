#include "base/base.h"

#include "base/secret.h"
#include "receive/transition.h"

/* What may be told of the same thing more than once is told apart by this time of it. */
static struct kh_json_value time_of(const char *name, struct kh_json_value thing)
{
  static const struct {
    const char *event;
    struct kh_str key;
  } times[] = {{"build.running", {"started_at", 10}},
               {"build.finished", {"finished_at", 11}},
               {"job.started", {"started_at", 10}},
               {"job.finished", {"finished_at", 11}},
               {"agent.connected", {"connected_at", 12}},
               {"agent.lost", {"lost_at", 7}},
               {"agent.disconnected", {"disconnected_at", 15}}};

  for (size_t i = 0; i < KH_COUNT(times); i++)
    if (strcmp(name, times[i].event) == 0)
      return kh_json_get(thing, times[i].key);
  return (struct kh_json_value){NULL, 0};
}

static struct kh_json_value thing_of(const struct kh_event *event)
{
  switch (event->kind) {
  case KH_EVENT_BUILD:
    return event->build;
  case KH_EVENT_JOB:
    return event->job;
  case KH_EVENT_AGENT:
    if (strcmp(event->name, "agent.blocked") != 0)
      return event->agent;
    break;
  default:
    break;
  }
  return (struct kh_json_value){NULL, 0};
}

static bool has_ended(const struct kh_event *event)
{
  return kh_str_ends(kh_str_of(event->name), KH_STR(".finished"));
}

bool kh_transition(const struct kh_event *event, bool is_partner, unsigned char digest[KH_DIGEST_BYTES])
{
  const struct kh_json_value thing = thing_of(event);
  const size_t room = event->body.len;
  struct kh_buf id, state;
  int64_t at_us = 0;

  kh_buf_init(&id, room);
  kh_buf_init(&state, room + sizeof "blocked");
  (void)!kh_json_text(kh_json_get(thing, KH_STR("id")), &id);
  if (has_ended(event) && event->kind == KH_EVENT_BUILD)
    (void)!kh_event_build_state(event, &state);
  else if (has_ended(event))
    (void)!kh_json_text(kh_json_get(thing, KH_STR("state")), &state);
  (void)kh_time_parse(kh_json_raw(time_of(event->name, thing)), &at_us);
  const int64_t second = at_us / 1000000;
  const struct kh_str end = kh_str("", 1);
  const struct kh_str parts[] = {is_partner ? KH_STR("partner") : KH_STR("webhook"),
                                 end,
                                 kh_str_of(event->name),
                                 end,
                                 kh_buf_view(&id),
                                 end,
                                 kh_buf_view(&state),
                                 end,
                                 kh_str((const char *)&second, sizeof second)};
  const bool is_known = id.len > 0 && !kh_buf_ok(&id) && !kh_buf_ok(&state);

  if (is_known)
    kh_sha256(parts, KH_COUNT(parts), digest);
  kh_buf_release(&state);
  kh_buf_release(&id);
  return is_known;
}
