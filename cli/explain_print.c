#include "base/base.h"

#include "explain.h"
#include "notify/notifiers.h"
#include "output.h"
#include "reason_words.h"
#include "screen.h"

enum { WIDTH = 100 };

static const char *text_of(const json_t *object, const char *key)
{
  return json_string_value(json_object_get(object, key));
}

static void put(const char *text, unsigned columns)
{
  kh_screen_put(kh_str_of(text ? text : "-"), columns);
}

/* As JSON writes it, on one line. */
static void put_value(const json_t *value, unsigned columns)
{
  char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

  put(text ? text : "?", columns);
  free(text);
}

static void print_event(const json_t *event)
{
  static const char *const keys[] = {"organization", "pipeline", "branch", "build_number", "state", "job"};

  printf("event: ");
  put(text_of(event, "name"), WIDTH);
  for (size_t i = 0; i < KH_COUNT(keys); i++) {
    const json_t *value = json_object_get(event, keys[i]);

    if (json_is_null(value))
      continue;
    printf(", %s ", strcmp(keys[i], "build_number") == 0 ? "build" : keys[i]);
    if (json_is_string(value))
      put(json_string_value(value), WIDTH);
    else
      put_value(value, WIDTH);
  }
  puts("\ndry run: nothing is verified, kept or sent, and no secret is read");
}

static void print_null_because(const json_t *why)
{
  const json_t *one = NULL;
  size_t i = 0;

  json_array_foreach(why, i, one)
  {
    printf("of what came before something is null: ");
    put(json_string_value(one), WIDTH);
    putchar('\n');
  }
}

static const char *yes(const json_t *part)
{
  return json_is_true(json_object_get(part, "matches")) ? "yes" : "no";
}

static void print_given(const json_t *given)
{
  const json_t *item = NULL;
  size_t i = 0;

  json_array_foreach(given, i, item)
  {
    printf("%s", i > 0 ? ", " : "");
    put(json_string_value(item), WIDTH);
  }
  if (json_is_string(given))
    put(json_string_value(given), WIDTH);
}

static void print_events(const json_t *part)
{
  print_given(json_object_get(part, "given"));
  if (json_is_true(json_object_get(part, "default")))
    printf(" (the default%s)",
           json_is_true(json_object_get(part, "not_blocked")) ? ", but for builds that are blocked" : "");
  putchar('\n');
}

static void print_patterns(const json_t *part, const char *what)
{
  const char *value = text_of(part, "value");

  print_given(json_object_get(part, "given"));
  if (value) {
    printf("; %s is ", what);
    put(value, WIDTH);
    putchar('\n');
  } else {
    printf("; this event has no %s\n", what);
  }
}

static int depth_of(const json_t *part)
{
  return (int)json_integer_value(json_object_get(part, "depth"));
}

static void print_value(const json_t *part)
{
  const json_t *value = json_object_get(part, "value");
  bool is_hidden = json_is_true(json_object_get(part, "hidden"));

  if (!json_is_true(json_object_get(part, "seen")))
    printf("not looked at");
  else if (!is_hidden || !json_is_null(value))
    put_value(value, WIDTH);
  if (is_hidden)
    printf("%s", json_is_null(value) ? "[hidden]" : " [partly hidden]");
}

static void print_condition_part(const json_t *part, int indent)
{
  const int depth = depth_of(part);

  printf("%*s", indent + 4 + 2 * (depth < 20 ? depth : 20), "");
  put(text_of(part, "expression"), WIDTH);
  printf("  ->  ");
  print_value(part);
  putchar('\n');
}

static void print_undecided(const char *why)
{
  if (!why)
    return;
  printf("it cannot be decided: ");
  put(why, WIDTH);
}

static void print_condition(const json_t *part, int indent)
{
  const json_t *one = NULL;
  size_t i = 0;

  if (text_of(part, "undecided"))
    printf("  ");
  print_undecided(text_of(part, "undecided"));
  putchar('\n');
  json_array_foreach(json_object_get(part, "parts"), i, one) print_condition_part(one, indent);
}

void kh_explain_print_values(const json_t *part, int indent)
{
  const json_t *parts = json_object_get(part, "parts");
  const char *before = "";
  const json_t *one = NULL;
  size_t i = 0;

  json_array_foreach(parts, i, one)
  {
    const json_t *next = json_array_get(parts, i + 1);

    if (!json_is_true(json_object_get(one, "seen")) || (next && depth_of(next) > depth_of(one)))
      continue;
    printf("%*s", before[0] ? 0 : indent, "");
    printf("%s", before);
    put(text_of(one, "expression"), WIDTH);
    printf(" is ");
    print_value(one);
    before = ", ";
  }
  if (before[0])
    putchar('\n');
}

void kh_explain_print_part(const json_t *answer, const char *key, int indent)
{
  const json_t *part = json_object_get(answer, key);

  if (!json_is_object(part))
    return;
  printf("%*s%-9s  %s", indent, "", key, yes(part));
  if (strcmp(key, "if") == 0) {
    print_condition(part, indent);
    return;
  }
  printf("%*s", 5 - (int)strlen(yes(part)), "");
  if (strcmp(key, "events") == 0)
    print_events(part);
  else
    print_patterns(part, strcmp(key, "pipelines") == 0 ? "pipeline" : "branch");
}

static void print_delivery(const json_t *rule)
{
  const json_t *delivery = json_object_get(rule, "delivery");
  const char *verb = text_of(delivery, "verb");
  const char *name = text_of(rule, "notifier");

  if (json_is_string(json_object_get(rule, "problem")))
    printf("  its notification cannot be made: %s\n", text_of(rule, "problem"));
  if (!json_is_object(delivery))
    return;
  printf("  it would %s ", verb ? verb : "write a line to");
  print_given(json_object_get(delivery, "destinations"));
  printf(": %s, %" JSON_INTEGER_FORMAT " bytes\n", text_of(delivery, "content_type"),
         json_integer_value(json_object_get(delivery, "bytes")));
  if (text_of(delivery, "undecided")) {
    printf("  ");
    print_undecided(text_of(delivery, "undecided"));
    putchar('\n');
  }
  kh_output_print_notification(kh_notifier_named(kh_str_of(name ? name : "")),
                               json_object_get(delivery, "body"));
}

static void print_rule(const json_t *rule)
{
  printf("\nrule %s -> %s: ", text_of(rule, "name"), text_of(rule, "destination"));
  kh_reason_print(rule);
  putchar('\n');
  for (size_t i = 0; kh_match_keys[i]; i++)
    kh_explain_print_part(rule, kh_match_keys[i], 2);
  print_delivery(rule);
}

void kh_explain_print(const json_t *answer)
{
  const json_t *rules = json_object_get(answer, "rules");
  const json_t *rule = NULL;
  size_t matching = 0;
  size_t i = 0;

  print_event(json_object_get(answer, "event"));
  print_null_because(json_object_get(answer, "null_because"));
  json_array_foreach(rules, i, rule)
  {
    print_rule(rule);
    matching += json_is_true(json_object_get(rule, "matches"));
  }
  printf("\n%zu of %zu %s\n", matching, json_array_size(rules),
         json_array_size(rules) == 1 ? "rule matches" : "rules match");
}
