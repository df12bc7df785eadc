#include "base/base.h"

#include "base/clock.h"
#include "status.h"

/* Every word of "what" in status_why.c: a series that comes and goes makes alerts that do not end. */
static const char *const whats[] = {"config",     "read_only", "folder", "owner",     "room",
                                    "inbox_full", "aside",     "worker", "rule_gone", "refused",
                                    "failing",    "dying",     "state"};

static void begin(const char *name, const char *type, const char *help)
{
  printf("# HELP kitehook_%s %s\n# TYPE kitehook_%s %s\n", name, help, name, type);
}

static void put(const char *name, const char *label, const char *value, int64_t number)
{
  printf("kitehook_%s", name);
  if (label)
    printf("{%s=\"%s\"}", label, value);
  printf(" %" PRId64 "\n", number);
}

static void put_one(const char *name, const char *type, const char *help, int64_t number)
{
  begin(name, type, help);
  put(name, NULL, NULL, number);
}

static int64_t seconds(int64_t at_us)
{
  return at_us / 1000000;
}

static void put_why(const struct kh_status *status)
{
  begin("stands_still", "gauge", "1 where this keeps something from moving; kitehook status says more.");
  for (size_t i = 0; i < KH_COUNT(whats); i++) {
    const json_t *one = NULL;
    size_t k = 0;
    bool is_so = false;

    json_array_foreach(status->why, k, one)
        is_so = is_so || strcmp(json_string_value(json_object_get(one, "what")), whats[i]) == 0;
    put("stands_still", "what", whats[i], is_so);
  }
}

static void put_inbox(const struct kh_status *status)
{
  if (!status->has_inbox)
    return;
  put_one("inbox_webhooks", "gauge", "Webhooks that wait for a worker.", (int64_t)status->load.entries);
  put_one("inbox_bytes", "gauge", "What they hold.", (int64_t)status->load.bytes);
  put_one("inbox_aside", "gauge", "Webhooks set aside for a person.", (int64_t)status->load.aside);
  if (status->load.oldest_us)
    put_one("inbox_oldest_timestamp_seconds", "gauge", "When the oldest that waits came.",
            seconds(status->load.oldest_us));
}

static void put_room(const struct kh_status *status)
{
  const struct kh_room *room = &status->left.room;

  if (room->left_bytes > INT64_MAX)
    return;
  put_one("room_bytes", "gauge", "What the file system of the state folder has left.",
          (int64_t)room->left_bytes);
  put_one("room_reserve_bytes", "gauge", "What of it is kept for the worker.", (int64_t)room->reserve_bytes);
}

static void put_counts(const struct kh_look_counts *all)
{
  begin("webhooks_total", "counter", "Webhooks that were proven and handled.");
  put("webhooks_total", "result", "accepted", all->accepted);
  put("webhooks_total", "result", "repeated", all->repeats);
  begin("notifications_total", "counter", "What became of notifications.");
  put("notifications_total", "result", "delivered", all->delivered);
  put("notifications_total", "result", "dead", all->dead);
  put_one("failed_attempts_total", "counter", "Attempts that failed, and are made again.", all->failed);
}

static void put_refused(const struct kh_status *status)
{
  if (!status->has_refused)
    return;
  begin("refused_total", "counter", "Webhooks that kitehook.fcgi refused, by reasons.");
  for (size_t i = KH_OK + 1; i < KH_ERR__COUNT; i++)
    if (status->refused.all[i] > 0)
      put("refused_total", "reason", kh_err_token((enum kh_err)i), (int64_t)status->refused.all[i]);
}

/* As the format wants it in a label. */
static void put_escaped(const char *text)
{
  for (; *text; text++) {
    if (*text == '\\' || *text == '"')
      putchar('\\');
    if (*text == '\n')
      fputs("\\n", stdout);
    else
      putchar(*text);
  }
}

static void put_of_destination(const char *name, const json_t *one, const char *state, int64_t number)
{
  printf("kitehook_destination_%s{destination=\"", name);
  put_escaped(json_string_value(json_object_get(one, "destination")));
  if (state)
    printf("\",state=\"%s", state);
  printf("\"} %" PRId64 "\n", number);
}

static void put_destinations(const json_t *destinations)
{
  static const char *const states[] = {"due", "waiting", "dead"};
  size_t i = 0;
  const json_t *one = NULL;

  begin("destination_notifications", "gauge", "What is owed to a destination, or dead.");
  json_array_foreach(destinations, i, one) for (size_t k = 0; k < KH_COUNT(states); k++) put_of_destination(
      "notifications", one, states[k], json_integer_value(json_object_get(one, states[k])));
  begin("destination_refused", "gauge",
        "1 where the last thing heard was that address or credential is wrong.");
  json_array_foreach(destinations, i, one)
      put_of_destination("refused", one, NULL, json_is_true(json_object_get(one, "refused")));
  begin("destination_last_success_timestamp_seconds", "gauge", "When something last arrived; 0 for never.");
  json_array_foreach(destinations, i, one)
  {
    int64_t at_us = 0;

    (void)kh_time_parse(kh_str_of(json_string_value(json_object_get(one, "last_success"))), &at_us);
    put_of_destination("last_success_timestamp_seconds", one, NULL, seconds(at_us));
  }
}

static void put_outbox(const struct kh_status *status)
{
  if (!status->has_outbox)
    return;
  begin("outbox_notifications", "gauge", "Notifications that are owed, or dead.");
  put("outbox_notifications", "state", "due", status->due);
  put("outbox_notifications", "state", "waiting", status->waiting);
  put("outbox_notifications", "state", "dead", status->dead);
  if (status->oldest_us)
    put_one("outbox_oldest_timestamp_seconds", "gauge", "When the oldest that is owed was made.",
            seconds(status->oldest_us));
  put_counts(&status->all);
  put_destinations(status->destinations);
}

void kh_status_print_metrics(const struct kh_status *status)
{
  put_one("config_ok", "gauge", "1 where the configuration has no mistakes.",
          status && status->mistake.err == KH_OK);
  if (!status)
    return;
  put_one("worker_alive", "gauge", "1 while a worker holds the lock.", status->is_alive);
  put_why(status);
  put_inbox(status);
  put_room(status);
  put_outbox(status);
  put_refused(status);
}
