#include "base/base.h"

#include "journal_print.h"
#include "output.h"
#include "reason_words.h"
#include "screen.h"

enum { NAME_COLUMNS = 60, ID_COLUMNS = 7, EVENT_COLUMNS = 15, SECONDS_BYTES = 19 };

static struct kh_str text_of(const json_t *object, const char *name)
{
  const json_t *text = json_object_get(object, name);

  return json_is_string(text) ? kh_str(json_string_value(text), json_string_length(text)) : KH_STR("");
}

static void put(const char *before, struct kh_str text)
{
  if (text.len == 0)
    return;
  fputs(before, stdout);
  (void)kh_screen_put(text, NAME_COLUMNS);
}

void kh_journal_print_time(const json_t *time)
{
  const char *text = json_string_value(time);

  if (text)
    printf("%.*sZ", SECONDS_BYTES, text);
  else
    putchar('-');
}

void kh_journal_print_build(const json_t *webhook)
{
  const json_t *number = json_object_get(webhook, "build");

  put(" ", text_of(webhook, "organization"));
  put(text_of(webhook, "organization").len > 0 ? "/" : " ", text_of(webhook, "pipeline"));
  if (json_is_integer(number))
    printf(" #%" JSON_INTEGER_FORMAT, json_integer_value(number));
  put(" ", text_of(webhook, "branch"));
  put(" ", text_of(webhook, "state"));
  put(", job ", text_of(webhook, text_of(webhook, "job_name").len > 0 ? "job_name" : "job"));
}

void kh_journal_print_proof(const char *before, const json_t *webhook)
{
  if (!json_is_string(json_object_get(webhook, "proof")))
    return;
  printf("%sproven by ", before);
  kh_output_print_member(webhook, "proof");
  printf(" (secret ");
  kh_output_print_member(webhook, "secret");
  putchar(')');
}

/* "done, 1 notified, 2 not_event" */
static void print_reasons(const json_t *webhook)
{
  json_t *reasons = json_object_get(webhook, "reasons");
  const char *word = NULL;
  json_t *count = NULL;

  kh_output_print_member(webhook, "verdict");
  if (json_is_string(json_object_get(webhook, "note"))) {
    printf(": ");
    kh_output_print_member(webhook, "note");
  }
  json_object_foreach(reasons, word, count)
      printf(", %" JSON_INTEGER_FORMAT " %s", json_integer_value(count), word);
}

void kh_journal_print_line(const json_t *webhook)
{
  printf("%*" JSON_INTEGER_FORMAT "  ", ID_COLUMNS, json_integer_value(json_object_get(webhook, "id")));
  kh_journal_print_time(json_object_get(webhook, "received"));
  printf("  ");
  const unsigned taken = kh_screen_put(text_of(webhook, "event"), NAME_COLUMNS);
  printf("%*s", taken < EVENT_COLUMNS ? (int)(EVENT_COLUMNS - taken) : 0, "");
  kh_journal_print_build(webhook);
  printf(": ");
  print_reasons(webhook);
  putchar('\n');
}

void kh_journal_print_decision(const json_t *decision, int indent)
{
  printf("%*s", indent, "");
  kh_output_print_member(decision, "rule");
  printf(" -> ");
  kh_output_print_member(decision, "destination");
  printf(": ");
  kh_reason_print(decision);
  putchar('\n');
}

/* ---- deliveries ---- */

static void print_attempts(const json_t *fate, int indent)
{
  const json_t *attempt = NULL;
  size_t i = 0;

  json_array_foreach(json_object_get(fate, "failed"), i, attempt)
  {
    printf("%*s", indent, "");
    kh_journal_print_time(json_object_get(attempt, "at"));
    printf(" failed: ");
    kh_output_print_member(attempt, "why");
    putchar('\n');
  }
}

void kh_journal_print_fate(const json_t *fate, int indent, bool with_attempts)
{
  const json_int_t attempts = json_integer_value(json_object_get(fate, "attempts"));
  const json_t *ended = json_object_get(fate, "ended"), *next = json_object_get(fate, "next_attempt");

  printf("%*s", indent, "");
  kh_output_print_member(fate, "id");
  printf(" to ");
  kh_output_print_member(fate, "credential");
  put(" ", text_of(fate, "place"));
  printf(": ");
  kh_reason_print(fate);
  printf("; %" JSON_INTEGER_FORMAT " tried", attempts);
  if (json_is_string(ended) || json_is_string(next)) {
    printf(", %s ", json_is_string(ended) ? "ended" : "next at");
    kh_journal_print_time(json_is_string(ended) ? ended : next);
  }
  putchar('\n');
  if (json_is_string(json_object_get(fate, "answer"))) {
    printf("%*sanswer: ", indent + 2, "");
    kh_output_print_member(fate, "answer");
    putchar('\n');
  }
  if (with_attempts)
    print_attempts(fate, indent + 2);
  kh_reason_print_cure(fate, indent + 2);
}
