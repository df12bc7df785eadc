#include "base/base.h"

#include "base/clock.h"
#include "status.h"

static void print_age(const char *label, int64_t at_us, int64_t now_us)
{
  int64_t span_us = 0;
  char span[24];

  if (at_us == 0 || __builtin_sub_overflow(now_us, at_us, &span_us)) /* a damaged row has any time */
    return;
  kh_output_span(span_us, span);
  printf(", %s%s%s", label, span, at_us > now_us ? "" : " ago");
}

static void print_destination(const json_t *one, int64_t now_us)
{
  char span[24] = "";
  int64_t at_us = 0;

  if (kh_time_parse(kh_str_of(json_string_value(json_object_get(one, "last_success"))), &at_us))
    kh_output_span(now_us - at_us, span);
  printf("  ");
  kh_output_print_member(one, "destination");
  if (json_object_get(one, "places"))
    printf(", %" JSON_INTEGER_FORMAT " places", json_integer_value(json_object_get(one, "places")));
  printf(": last success %s%s, %" JSON_INTEGER_FORMAT " due, %" JSON_INTEGER_FORMAT
         " waiting, %" JSON_INTEGER_FORMAT " dead",
         span[0] ? span : "never", span[0] ? " ago" : "", json_integer_value(json_object_get(one, "due")),
         json_integer_value(json_object_get(one, "waiting")),
         json_integer_value(json_object_get(one, "dead")));
  if (kh_time_parse(kh_str_of(json_string_value(json_object_get(one, "held_until"))), &at_us)) {
    kh_output_span(at_us - now_us, span);
    printf(", on hold for %s", span);
  }
  if (json_object_get(one, "rule_gone"))
    printf(", no rule sends there any more");
  if (json_is_string(json_object_get(one, "reason"))) {
    printf(": ");
    kh_output_print_member(one, "reason");
  }
  printf("\n");
}

static void print_outbox(const struct kh_status *status)
{
  if (!status->has_outbox) {
    puts("outbox  cannot be read");
    return;
  }
  printf("outbox  %" PRId64 " due, %" PRId64 " waiting, %" PRId64 " dead", status->due, status->waiting,
         status->dead);
  print_age("the oldest was made ", status->oldest_us, status->folder->now_us);
  if (status->due == 0)
    print_age("the next is due in ", status->next_us, status->folder->now_us);
  printf("\n");
  if (!status->can_shrink)
    puts("        memory.sqlite keeps its size: there was no room for a copy; make room, restart the worker");
}

static void print_counts(const char *label, const struct kh_look_counts *counts)
{
  printf("%s%" PRId64 " accepted, %" PRId64 " repeated, %" PRId64 " delivered, %" PRId64 " failed, %" PRId64
         " dead\n",
         label, counts->accepted, counts->repeats, counts->delivered, counts->failed, counts->dead);
}

static uint64_t sum_of(const uint64_t counts[KH_ERR__COUNT])
{
  uint64_t sum = 0;

  for (size_t i = KH_OK + 1; i < KH_ERR__COUNT; i++)
    sum += counts[i];
  return sum;
}

static void print_refused(const struct kh_status *status)
{
  const struct kh_refusal_counts *refused = &status->refused;

  if (!status->has_refused) {
    puts("refused unknown: only kitehook.fcgi counts them; the log has a line for each");
    return;
  }
  printf("refused %" PRIu64 " today, %" PRIu64 " in all\n", sum_of(refused->today), sum_of(refused->all));
  for (size_t i = KH_OK + 1; i < KH_ERR__COUNT; i++) {
    const char *sentence = kh_cli_sentence((enum kh_err)i);

    if (refused->all[i] > 0)
      printf("  %s: %" PRIu64 " today, %" PRIu64 " in all%s%s\n", kh_err_token((enum kh_err)i),
             refused->today[i], refused->all[i], sentence ? ". " : "", sentence ? sentence : "");
  }
}

static void print_journal(const struct kh_look_span *journal)
{
  char since[KH_TIME_TEXT_BYTES];

  if (journal->webhooks == 0)
    return;
  kh_time_format(journal->first_us, since);
  printf("journal %" PRId64 " webhooks since %.16sZ; `kitehook log` lists them, `kitehook why` explains\n",
         journal->webhooks, since);
}

static void print_inbox(const struct kh_status *status)
{
  char words[KH_ROOM_WORDS_BYTES];

  if (status->has_inbox) {
    printf("inbox   %zu waiting, %zu set aside", status->load.entries, status->load.aside);
    print_age("the oldest came ", status->load.oldest_us, status->folder->now_us);
    printf("\n");
  } else {
    puts("inbox   cannot be read");
  }
  kh_room_left_words(&status->left, words);
  printf("room    %s\n", words);
}

static void print_worker(const struct kh_status *status)
{
  printf("worker  %s", status->is_alive ? "at work" : "none at the moment");
  if (status->is_alive)
    print_age("since ", status->since_us, status->folder->now_us);
  printf(" (worker: %s)\n", kh_worker_mode_name(status->folder->config->worker_mode));
}

static void print_why(const json_t *trouble)
{
  printf("why     ");
  kh_output_print_member(trouble, "why");
  if (json_is_string(json_object_get(trouble, "do"))) {
    printf("\n        type: ");
    kh_output_print_member(trouble, "do");
  }
  printf("\n");
}

void kh_status_print(const struct kh_status *status)
{
  const struct kh_state_folder *folder = status->folder;
  size_t i = 0;
  const json_t *one = NULL;

  printf("state   %s%s\n", folder->config->state, folder->exists ? "" : ", which does not exist yet");
  print_inbox(status);
  print_outbox(status);
  print_worker(status);
  if (status->has_outbox) {
    print_counts("today   ", &status->today);
    print_counts("in all  ", &status->all);
  }
  if (status->has_outbox)
    print_journal(&status->journal);
  print_refused(status);
  if (status->has_outbox)
    json_array_foreach(status->destinations, i, one) print_destination(one, folder->now_us);
  json_array_foreach(status->why, i, one) print_why(one);
}
