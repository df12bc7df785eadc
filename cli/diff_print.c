#include "base/base.h"

#include "asked.h"
#include "destination.h"
#include "diff.h"
#include "journal_print.h"
#include "journal_rows.h"
#include "notify/notifiers.h"
#include "output.h"
#include "screen.h"

enum { SHOWN = 3, LINES_SHOWN = 12 };

static const char *const kinds[KH_DIFFERENCES] = {"gained", "lost", "changed", "not_kept"};
static const char *const sides_named[] = {"old", "new"};

static const char *text_of(const json_t *object, const char *name)
{
  const char *text = json_string_value(json_object_get(object, name));

  return text ? text : "";
}

/* ---- one difference, as --json prints it ---- */

static json_t *message_of(const struct kh_delivery *delivery)
{
  json_t *message = delivery ? json_object() : json_null();

  if (!delivery)
    return message;
  json_object_set_new(message, "rule", json_string(delivery->rule));
  json_object_set_new(message, "body", kh_output_json(kh_buf_view(&delivery->body)));
  return message;
}

static json_t *note_of(const struct kh_diff_side *side, size_t rule)
{
  const struct kh_str text = kh_buf_view(&side->made.notes);
  json_t *notes = text.len > 0 ? json_loadb(text.at, text.len, 0, NULL) : NULL;
  char place[24];

  snprintf(place, sizeof place, "%zu", rule);
  json_t *note = json_incref(json_object_get(notes, place));
  json_decref(notes);
  return note ? note : json_string(kh_reason_says(KH_REASON_NOT_KEPT));
}

static void add_unknown(json_t *one, const struct kh_diff_side *side, const struct kh_difference *difference)
{
  const struct kh_rule *rule = &side->setup->rules.at[difference->rule];
  const struct kh_config *config = &side->setup->config;

  json_object_set_new(one, "side", json_string(sides_named[difference->side]));
  json_object_set_new(one, "rule", json_string(rule->name));
  json_object_set_new(one, "notifier", json_string(rule->notifier->name));
  json_object_set_new(one, "destination",
                      kh_destination_shown(config, rule, json_array_get(config->notify, difference->rule),
                                           kh_str_of(rule->place)));
  json_object_set_new(one, "note", note_of(side, difference->rule));
}

static json_t *json_of(const struct kh_diff_side sides[2], const struct kh_look_webhook *webhook,
                       const struct kh_difference *difference)
{
  const size_t side = difference->messages[1] ? 1 : 0;
  const struct kh_delivery *message = difference->messages[side];
  json_t *one = json_object();

  json_object_set_new(one, "kind", json_string(kinds[difference->kind]));
  json_object_set_new(one, "webhook", kh_journal_webhook_json(webhook));
  if (!message) {
    add_unknown(one, &sides[difference->side], difference);
    return one;
  }
  json_object_set_new(one, "rule", json_string(message->rule));
  json_object_set_new(one, "notifier", json_string(message->notifier));
  json_object_set_new(one, "destination", kh_asked_destination(sides[side].setup, message));
  for (size_t i = 0; i < KH_COUNT(sides_named); i++)
    json_object_set_new(one, sides_named[i], message_of(difference->messages[i]));
  return one;
}

/* ---- for people: of each rule and destination how many, and the first ones ---- */

/* A place that each webhook has of its own, such as a commit, makes no group. */
static json_t *destination_of_group(const struct kh_diff_side sides[2],
                                    const struct kh_difference *difference)
{
  const size_t side = difference->messages[1] ? 1 : 0;
  const struct kh_delivery *message = difference->messages[side];
  size_t place = 0;
  const struct kh_rule *rule = kh_asked_rule(sides[side].setup, message->rule, &place);

  while (rule && strcmp(rule->credential, message->credential) != 0)
    rule = rule->also;
  return rule ? kh_destination_shown(&sides[side].setup->config, rule,
                                     json_array_get(sides[side].setup->config.notify, place),
                                     kh_str_of(rule->place))
              : json_null();
}

/* Takes ONE over. */
static void add_to_group(struct kh_diff_print *print, const struct kh_diff_side sides[2],
                         const struct kh_difference *difference, json_t *one)
{
  json_t *destination = difference->kind == KH_NOT_KEPT ? json_incref(json_object_get(one, "destination"))
                                                        : destination_of_group(sides, difference);
  json_t *key = json_sprintf("%s %s %s %s", text_of(one, "kind"), text_of(one, "side"), text_of(one, "rule"),
                             json_is_string(destination) ? json_string_value(destination) : "");
  json_t *group = json_object_get(print->groups, json_string_value(key));

  if (!group) {
    group = json_pack("{s:O,s:O,s:O,s:i,s:[]}", "kind", json_object_get(one, "kind"), "rule",
                      json_object_get(one, "rule"), "destination", destination, "count", 0, "shown");
    json_object_set_new(print->groups, json_string_value(key), group);
  }
  json_object_set_new(group, "count", json_integer(json_integer_value(json_object_get(group, "count")) + 1));
  if (json_array_size(json_object_get(group, "shown")) < SHOWN)
    json_array_append(json_object_get(group, "shown"), one);
  json_decref(key);
  json_decref(destination);
  json_decref(one);
}

struct lines {
  struct kh_buf text;
  struct kh_str rest;
};

static void say(struct lines *lines, const json_t *one, const json_t *message)
{
  kh_buf_init(&lines->text, 16 * (size_t)KH_DELIVERY_MAX_BYTES);
  if (json_is_object(message) &&
      kh_output_add_notification(kh_notifier_named(kh_str_of(text_of(one, "notifier"))),
                                 json_object_get(message, "body"), &lines->text))
    (void)kh_buf_add(&lines->text, KH_STR("?"));
  lines->rest = kh_buf_view(&lines->text);
  while (lines->rest.len > 0 && lines->rest.at[lines->rest.len - 1] == '\n')
    lines->rest.len--;
}

/* What both begin with, line by line, is no difference. */
static void skip_same_begin(struct lines *a, struct lines *b)
{
  while (a->rest.len > 0 && b->rest.len > 0) {
    struct kh_str rest_a = a->rest, rest_b = b->rest;

    if (!kh_str_equal(kh_str_cut(&rest_a, '\n'), kh_str_cut(&rest_b, '\n')))
      return;
    a->rest = rest_a;
    b->rest = rest_b;
  }
}

static struct kh_str last_line(struct kh_str text)
{
  size_t at = text.len;

  while (at > 0 && text.at[at - 1] != '\n')
    at--;
  return kh_str(text.at + at, text.len - at);
}

static void skip_same_end(struct lines *a, struct lines *b)
{
  while (a->rest.len > 0 && b->rest.len > 0) {
    const struct kh_str last = last_line(a->rest);

    if (!kh_str_equal(last, last_line(b->rest)))
      return;
    a->rest.len -= last.len + (last.len < a->rest.len);
    b->rest.len -= last.len + (last.len < b->rest.len);
  }
}

static void print_lines(struct kh_str rest, char sign)
{
  size_t count = 0;

  for (; rest.len > 0; count++) {
    struct kh_str line = kh_str_cut(&rest, '\n');

    if (count >= LINES_SHOWN)
      continue;
    printf("    %c ", sign);
    kh_screen_write(stdout, line);
    putchar('\n');
  }
  if (count > LINES_SHOWN)
    printf("    %c ... and %zu more lines\n", sign, count - LINES_SHOWN);
}

static void print_difference(const json_t *one)
{
  struct lines old, new;

  fputs("  ", stdout);
  kh_asked_print(json_object_get(one, "webhook"));
  if (json_is_string(json_object_get(one, "note"))) {
    printf("    %s: ", text_of(one, "side"));
    kh_output_print_member(one, "note");
    putchar('\n');
    return;
  }
  say(&old, one, json_object_get(one, "old"));
  say(&new, one, json_object_get(one, "new"));
  skip_same_begin(&old, &new);
  skip_same_end(&old, &new);
  print_lines(old.rest, '-');
  print_lines(new.rest, '+');
  kh_buf_release(&new.text);
  kh_buf_release(&old.text);
}

static void print_group(const json_t *group)
{
  const json_int_t count = json_integer_value(json_object_get(group, "count"));
  const json_t *shown = json_object_get(group, "shown");
  const bool is_unknown = strcmp(text_of(group, "kind"), kinds[KH_NOT_KEPT]) == 0;
  const json_t *one = NULL;
  size_t i = 0;

  printf("\n%s: ", is_unknown ? "not known" : text_of(group, "kind"));
  kh_output_print_member(group, "rule");
  fputs(" -> ", stdout);
  kh_output_print_member(group, "destination");
  printf(": %" JSON_INTEGER_FORMAT " %s\n", count,
         is_unknown   ? (count == 1 ? "webhook" : "webhooks")
         : count == 1 ? "message"
                      : "messages");
  json_array_foreach(shown, i, one) print_difference(one);
  if (count > (json_int_t)json_array_size(shown))
    printf("  and %" JSON_INTEGER_FORMAT " more\n", count - (json_int_t)json_array_size(shown));
}

/* ---- all of it ---- */

static void print_span(const json_t *about)
{
  const json_t *journal = json_object_get(about, "journal");
  const json_int_t webhooks = json_integer_value(json_object_get(journal, "webhooks"));

  if (webhooks == 0) {
    puts("the journal is empty");
    return;
  }
  printf("the journal has %" JSON_INTEGER_FORMAT " webhooks, from ", webhooks);
  kh_journal_print_time(json_object_get(journal, "since"));
  fputs(" to ", stdout);
  kh_journal_print_time(json_object_get(journal, "until"));
  putchar('\n');
  if (json_is_true(json_object_get(about, "is_short")))
    puts("--since asks for more than it has");
}

void kh_diff_print_begin(struct kh_diff_print *print, json_t *about)
{
  if (print->as_json) {
    char *text = json_dumps(about, JSON_COMPACT);

    /* Open, for the differences are told as they are found. */
    printf("%.*s,\"differences\":[", (int)(text ? strlen(text) - 1 : 0), text ? text : "");
    free(text);
  } else {
    print->groups = json_object();
    print_span(about);
  }
  json_decref(about);
}

void kh_diff_print_one(struct kh_diff_print *print, const struct kh_diff_side sides[2],
                       const struct kh_look_webhook *webhook, const struct kh_difference *difference)
{
  json_t *one = json_of(sides, webhook, difference);

  if (!print->as_json) {
    add_to_group(print, sides, difference, one);
    return;
  }
  fputs(print->has_begun ? ",\n" : "\n", stdout);
  json_dumpf(one, stdout, JSON_COMPACT);
  print->has_begun = true;
  json_decref(one);
}

void kh_diff_print_end(struct kh_diff_print *print, const struct kh_diff_counts *counts)
{
  const json_t *group = NULL;
  const char *key = NULL;
  const int64_t *of = counts->of;

  if (print->as_json) {
    printf("],\"webhooks\":%" PRId64 ",\"unreadable\":%" PRId64 ",\"same\":%" PRId64 ",\"gained\":%" PRId64
           ",\"lost\":%" PRId64 ",\"changed\":%" PRId64 ",\"not_kept\":%" PRId64 "}\n",
           counts->webhooks, counts->unreadable, counts->same, of[KH_GAINED], of[KH_LOST], of[KH_CHANGED],
           of[KH_NOT_KEPT]);
    return;
  }
  json_object_foreach(print->groups, key, group) print_group(group);
  printf("%sof %" PRId64 " webhooks: %" PRId64 " messages gained, %" PRId64 " lost, %" PRId64
         " changed, %" PRId64 " the same",
         json_object_size(print->groups) > 0 ? "\n" : "", counts->webhooks, of[KH_GAINED], of[KH_LOST],
         of[KH_CHANGED], counts->same);
  if (of[KH_NOT_KEPT] > 0)
    printf("; %" PRId64 " not known, for want of a value that the journal does not keep", of[KH_NOT_KEPT]);
  putchar('\n');
  if (counts->unreadable > 0)
    printf("%" PRId64 " webhooks could not be asked about: they are damaged, or of an older kitehook\n",
           counts->unreadable);
}

void kh_diff_print_release(struct kh_diff_print *print)
{
  json_decref(print->groups);
  print->groups = NULL;
}
