#include "base/base.h"

#include "base/clock.h"
#include "notify/notifiers.h"
#include "outbox_print.h"

/* Null when this kitehook does not know the notifier. */
static json_t *content_type_of(struct kh_str name)
{
  const struct kh_notifier *notifier = kh_notifier_named(name);

  return notifier ? json_string(notifier->content_type) : json_null();
}

json_t *kh_outbox_json(const struct kh_look_delivery *delivery)
{
  bool is_dead = delivery->dead_us != 0;
  json_t *json = json_object();

  json_object_set_new(json, "id", kh_output_text(delivery->id));
  json_object_set_new(json, "state", kh_output_text(delivery->state));
  json_object_set_new(json, "rule", kh_output_text(delivery->rule));
  json_object_set_new(json, "pipeline", kh_output_text(delivery->pipeline));
  json_object_set_new(json, "build",
                      delivery->build_number > 0 ? json_integer(delivery->build_number) : json_null());
  json_object_set_new(json, "notifier", kh_output_text(delivery->notifier));
  json_object_set_new(json, "destination", kh_output_destination(delivery->credential, delivery->place));
  json_object_set_new(json, "credential", kh_output_text(delivery->credential));
  json_object_set_new(json, "place", kh_output_place(delivery->credential, delivery->place));
  json_object_set_new(json, "event", kh_output_text(delivery->event));
  json_object_set_new(json, "entry", kh_output_text(delivery->entry));
  json_object_set_new(json, "attempts", json_integer(delivery->attempt));
  json_object_set_new(json, "reason", kh_output_text(delivery->reason));
  json_object_set_new(json, "status", delivery->status > 0 ? json_integer(delivery->status) : json_null());
  json_object_set_new(json, "answer", kh_output_text(delivery->answer));
  json_object_set_new(json, "created", kh_output_time(delivery->created_us));
  json_object_set_new(json, "next_attempt", kh_output_time(is_dead ? 0 : delivery->not_before_us));
  json_object_set_new(json, "expires", kh_output_time(delivery->expires_us));
  json_object_set_new(json, "died", kh_output_time(delivery->dead_us));
  json_object_set_new(json, "content_type", content_type_of(delivery->notifier));
  json_object_set_new(json, "bytes", json_integer(delivery->body_bytes));
  return json;
}

static int64_t time_of(const json_t *delivery, const char *name)
{
  int64_t at_us = 0;

  (void)kh_time_parse(kh_str_of(json_string_value(json_object_get(delivery, name))), &at_us);
  return at_us;
}

void kh_outbox_print_line(const json_t *delivery, int64_t now_us)
{
  const json_t *reason = json_object_get(delivery, "reason");
  const json_t *build = json_object_get(delivery, "build");
  const char *state = json_string_value(json_object_get(delivery, "state"));
  char age[24], next[24];

  kh_output_span(now_us - time_of(delivery, "created"), age);
  kh_output_span(time_of(delivery, "next_attempt") - now_us, next);
  kh_output_print_member(delivery, "id");
  printf("  %-8s%-8s", state ? state : "", age);
  kh_output_print_member(delivery, "event");
  if (json_is_string(json_object_get(delivery, "pipeline"))) {
    putchar(' ');
    kh_output_print_member(delivery, "pipeline");
  }
  if (json_is_integer(build))
    printf(" #%" JSON_INTEGER_FORMAT, json_integer_value(build));
  printf(" -> ");
  kh_output_print_member(delivery, "destination");
  printf(" (");
  kh_output_print_member(delivery, "rule");
  printf(")\n");
  if (!json_is_string(reason))
    return;
  printf("%34s%" JSON_INTEGER_FORMAT " tried: ", "",
         json_integer_value(json_object_get(delivery, "attempts")));
  kh_output_print_text(reason);
  if (state && strcmp(state, "waiting") == 0)
    printf("; again in %s", next);
  putchar('\n');
}

static void print_words(const json_t *delivery, struct kh_str body)
{
  const char *name = json_string_value(json_object_get(delivery, "notifier"));
  json_t *said = kh_output_json(body);

  kh_output_print_notification(kh_notifier_named(kh_str_of(name ? name : "")), said);
  json_decref(said);
}

void kh_outbox_print_whole(const json_t *delivery, struct kh_str body)
{
  static const char *const texts[] = {
      "id",    "state",   "rule",    "notifier", "credential",   "place",  "event",  "pipeline",
      "entry", "created", "expires", "died",     "next_attempt", "reason", "answer", "content_type"};

  kh_output_print_members(delivery, texts, KH_COUNT(texts), 14);
  printf("%-14s%" JSON_INTEGER_FORMAT "\n", "attempts",
         json_integer_value(json_object_get(delivery, "attempts")));
  if (json_is_integer(json_object_get(delivery, "build")))
    printf("%-14s%" JSON_INTEGER_FORMAT "\n", "build",
           json_integer_value(json_object_get(delivery, "build")));
  if (json_is_integer(json_object_get(delivery, "status")))
    printf("%-14s%" JSON_INTEGER_FORMAT "\n", "status",
           json_integer_value(json_object_get(delivery, "status")));
  printf("%-14s%zu bytes\n", "body", body.len);
  print_words(delivery, body);
}
