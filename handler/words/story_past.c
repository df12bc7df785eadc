#include "base/base.h"

#include "words/story_parts.h"

enum { JOBS_TOLD = 3, JOB_CHARACTERS = 60 };

/* "second time in a row" */
static void add_count(int64_t count, struct kh_buf *out)
{
  static const char *const words[] = {"second",  "third",  "fourth", "fifth", "sixth",
                                      "seventh", "eighth", "ninth",  "tenth"};

  if (count - 2 < (int64_t)KH_COUNT(words))
    (void)kh_buf_printf(out, "%s time in a row", words[count - 2]);
  else
    (void)kh_buf_printf(out, "%" PRId64 " times in a row", count);
}

/* "since #812, for 2h" */
static void add_since(const struct kh_run *run, int64_t for_s, struct kh_buf *out)
{
  (void)kh_buf_printf(out, "since #%" PRId64, run->first);
  if (for_s == KH_UNKNOWN_NUMBER)
    return;
  (void)kh_buf_add(out, KH_STR(", for "));
  kh_buf_add_duration(out, for_s);
}

/* "Unit tests, Lint and 2 more" */
static void add_jobs(const struct kh_history *history, struct kh_buf *out)
{
  const size_t told = history->failed_count > JOBS_TOLD ? JOBS_TOLD : history->failed_count;
  const size_t more = history->failed_count - told;

  for (size_t i = 0; i < told; i++) {
    const bool is_last = i + 1 == told && more == 0;

    (void)kh_buf_add(out, i == 0 ? KH_STR("") : is_last ? KH_STR(" and ") : KH_STR(", "));
    kh_text_line(history->failed_jobs[i], JOB_CHARACTERS, out);
  }
  if (more > 0)
    (void)kh_buf_printf(out, " and %zu more", more);
}

static void tell_failure(struct kh_story *story, const struct kh_history *history)
{
  if (history->has_jobs) {
    add_jobs(history, kh_part_begin_detail(story, "failed: ", false));
    kh_part_end_detail(story);
  }
  if (history->run.count < 2)
    return;
  struct kh_buf *text = kh_part_begin_detail(story, "", false);
  add_count(history->run.count, text);
  (void)kh_buf_add_byte(text, ' ');
  add_since(&history->run, history->failing_for_s, text);
  kh_part_end_detail(story);
}

static void tell_mending(struct kh_story *story, const struct kh_history *history)
{
  add_since(&history->ended, history->ended_for_s, kh_part_begin_detail(story, "fixed, was broken ", false));
  kh_part_end_detail(story);
}

void kh_part_past(struct kh_story *story, const struct kh_event *event, const struct kh_history *history)
{
  const bool is_failing = strcmp(event->name, "build.failing") == 0;

  if (!history || event->build_blocked || (!is_failing && strcmp(event->name, "build.finished") != 0))
    return;
  if ((is_failing || story->mood == KH_MOOD_FAILED) && history->run.count > 0)
    tell_failure(story, history);
  else if (story->mood == KH_MOOD_PASSED && history->started_passing == KH_YES)
    tell_mending(story, history);
}
