#include "base/base.h"

#include "explain.h"
#include "journal_print.h"
#include "output.h"
#include "reason_words.h"
#include "screen.h"
#include "why_print.h"

enum { INDENT = 4, DAY_BYTES = 10, MINUTE_BYTES = 16 };

static const char *text_of(const json_t *object, const char *key)
{
  return json_string_value(json_object_get(object, key));
}

static json_int_t number_of(const json_t *object, const char *key)
{
  return json_integer_value(json_object_get(object, key));
}

/* "acme-kites/kite-frame #12" */
static void print_build(const json_t *answer)
{
  if (text_of(answer, "organization")) {
    kh_output_print_member(answer, "organization");
    putchar('/');
  }
  kh_output_print_member(answer, "pipeline");
  printf(" #%" JSON_INTEGER_FORMAT, number_of(answer, "build"));
}

/* ---- what came ---- */

static void print_today(const json_t *decision)
{
  const char *today = text_of(decision, "today");

  if (today && strcmp(today, "changed") == 0)
    printf("%*sthe rule has changed since\n", 2 * INDENT, "");
  if (today && strcmp(today, "gone") == 0)
    printf("%*sthere is no rule of this name any more\n", 2 * INDENT, "");
}

/* Of a condition only the values, unless it is all that is asked for. */
static void print_part(const json_t *decision, bool is_only)
{
  json_t *part = json_object_get(decision, "part");
  const char *name = text_of(part, "name");
  json_t *parts = name ? json_pack("{s:O}", name, part) : NULL;

  if (parts && !is_only && strcmp(name, "if") == 0)
    kh_explain_print_values(part, 2 * INDENT);
  else if (parts)
    kh_explain_print_part(parts, name, 2 * INDENT);
  json_decref(parts);
}

static void print_decision(const json_t *decision, const json_t *deliveries, bool is_only)
{
  const char *rule = text_of(decision, "rule");
  const json_t *one = NULL;
  size_t i = 0;

  kh_journal_print_decision(decision, INDENT);
  print_today(decision);
  print_part(decision, is_only);
  if (is_only)
    kh_reason_print_cure(decision, 2 * INDENT);
  json_array_foreach(deliveries, i, one)
  {
    const char *by = text_of(one, "rule");

    if (rule && by && strcmp(rule, by) == 0)
      kh_journal_print_fate(one, 2 * INDENT, is_only);
  }
}

static bool is_done(const json_t *webhook)
{
  const char *verdict = text_of(webhook, "verdict");

  return verdict && (strcmp(verdict, "done") == 0 || strcmp(verdict, "replayed") == 0);
}

static void print_if_there(const char *before, const json_t *object, const char *key)
{
  if (!text_of(object, key))
    return;
  fputs(before, stdout);
  kh_output_print_member(object, key);
}

static void print_webhook(const json_t *webhook, const char *only)
{
  const json_t *rules = json_object_get(webhook, "rules");
  const json_t *one = NULL;
  size_t i = 0;

  printf("\n%" JSON_INTEGER_FORMAT "  ", number_of(webhook, "id"));
  kh_journal_print_time(json_object_get(webhook, "received"));
  printf("  ");
  kh_output_print_member(webhook, "event");
  print_if_there(", state ", webhook, "state");
  print_if_there(", job ", webhook, text_of(webhook, "job_name") ? "job_name" : "job");
  kh_journal_print_proof("; ", webhook);
  printf("\n%*s", INDENT, "");
  kh_output_print_member(webhook, "says");
  printf(" (");
  kh_output_print_member(webhook, "verdict");
  printf(")\n");
  json_array_foreach(rules, i, one) print_decision(one, json_object_get(webhook, "deliveries"), only != NULL);
  if (is_done(webhook) && json_array_size(rules) == 0)
    printf("%*s%s\n", INDENT, "",
           !text_of(webhook, "proof") ? "an older version worked on it, which noted no rules"
           : only                     ? "this rule was not there then"
                                      : "there was no rule then");
}

/* ---- what did not ---- */

static void print_neighbour(const char *before, const json_t *neighbour)
{
  if (!json_is_object(neighbour))
    return;
  printf("%s#%" JSON_INTEGER_FORMAT " at ", before, number_of(neighbour, "build"));
  kh_journal_print_time(json_object_get(neighbour, "first"));
}

static void print_unheard(const char *meant)
{
  printf("  nothing of this pipeline came at all");
  if (meant) {
    printf("; did you mean ");
    kh_screen_write(stdout, kh_str_of(meant));
    printf("?\n");
  } else {
    printf(": is its name right, and does the webhook at Buildkite tell of it?\n");
  }
}

static void print_neighbours(const json_t *answer)
{
  const json_t *around = json_object_get(answer, "neighbours");
  const json_t *before = json_object_get(around, "before"), *after = json_object_get(around, "after");

  if (!json_is_object(around))
    return;
  if (number_of(around, "webhooks") == 0) {
    print_unheard(text_of(around, "meant"));
    return;
  }
  printf("  of this pipeline %" JSON_INTEGER_FORMAT " came, the last at ", number_of(around, "webhooks"));
  kh_journal_print_time(json_object_get(around, "last"));
  print_neighbour("; before it ", before);
  print_neighbour(json_is_object(before) ? ", behind it " : "; behind it ", after);
  putchar('\n');
}

static void print_list(const char *before, const json_t *list)
{
  const json_t *one = NULL;
  size_t i = 0;

  json_array_foreach(list, i, one)
  {
    fputs(i > 0 ? ", " : before, stdout);
    kh_output_print_text(one);
  }
}

static void print_not_seen(const json_t *answer)
{
  const json_t *not_seen = json_object_get(answer, "not_seen");
  const char *organization = text_of(answer, "organization");
  const json_t *one = NULL;
  size_t i = 0;

  json_array_foreach(not_seen, i, one)
  {
    const char *last = text_of(one, "last");

    printf("  ");
    kh_output_print_member(one, "event");
    print_list(", asked for by ", json_object_get(one, "rules"));
    printf(": not seen");
    if (!json_is_true(json_object_get(one, "ever"))) {
      printf(", and none ever came%s", organization ? " from " : "");
      if (organization)
        kh_output_print_member(answer, "organization");
      printf(": is it ticked in the webhook's settings?\n");
    } else {
      printf("; others came%s%.*s\n", last ? ", last on " : "", DAY_BYTES, last ? last : "");
    }
  }
}

static void print_minute(const json_t *time)
{
  const char *text = json_string_value(time);

  printf("%.*sZ", MINUTE_BYTES, text ? text : "");
}

static void print_refused(const json_t *refused)
{
  if (!json_is_object(refused))
    return;
  printf("  refused from ");
  print_minute(json_object_get(refused, "from"));
  printf(" to ");
  print_minute(json_object_get(refused, "to"));
  if (!json_is_integer(json_object_get(refused, "count"))) {
    printf(": not known; only kitehook.fcgi counts, but the receiver's log has a line for each\n");
    return;
  }
  printf(": %" JSON_INTEGER_FORMAT " webhooks", number_of(refused, "count"));
  if (number_of(refused, "unkept") > 0)
    printf(", %" JSON_INTEGER_FORMAT " of them because they could not be kept (answered 500 or above)",
           number_of(refused, "unkept"));
  if (strcmp(text_of(refused, "since"), text_of(refused, "from")) > 0) {
    printf("; counted since ");
    print_minute(json_object_get(refused, "since"));
  }
  putchar('\n');
}

static void print_inbox(const json_t *inbox)
{
  const json_int_t waiting = number_of(inbox, "waiting"), aside = number_of(inbox, "aside");

  if (waiting > 0)
    printf("  %" JSON_INTEGER_FORMAT " in the inbox wait for a worker: kitehook status says why\n", waiting);
  if (aside > 0)
    printf("  %" JSON_INTEGER_FORMAT " were set aside: kitehook inbox list\n", aside);
}

static void print_gap(const json_t *answer)
{
  const bool has_gap = json_is_object(json_object_get(answer, "refused"));

  if (has_gap && json_array_size(json_object_get(answer, "webhooks")) > 0)
    printf("\nnot seen, which need not mean that it was lost:\n");
  print_neighbours(answer);
  print_not_seen(answer);
  print_refused(json_object_get(answer, "refused"));
  if (has_gap)
    print_inbox(json_object_get(answer, "inbox"));
}

void kh_why_print(const json_t *answer)
{
  const json_t *webhooks = json_object_get(answer, "webhooks");
  const json_t *journal = json_object_get(answer, "journal");
  const size_t count = json_array_size(webhooks);
  const json_t *webhook = NULL;
  size_t i = 0;

  print_build(answer);
  if (text_of(answer, "branch")) {
    printf(", branch ");
    kh_output_print_member(answer, "branch");
  }
  if (count > 0)
    printf(": %zu webhook%s came", count, count == 1 ? "" : "s");
  else
    printf(": nothing of it is in the journal");
  printf("; the journal has %" JSON_INTEGER_FORMAT " since ", number_of(journal, "webhooks"));
  kh_journal_print_time(json_object_get(journal, "since"));
  putchar('\n');
  json_array_foreach(webhooks, i, webhook) print_webhook(webhook, text_of(answer, "rule"));
  print_gap(answer);
}
