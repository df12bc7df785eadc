#include "base/base.h"

#include "base/clock.h"
#include "history_print.h"
#include "output.h"
#include "screen.h"

enum { NAME_COLUMNS_MAX = 48, JOBS_MAX = 5, JOB_COLUMNS_MAX = 60 };
static const int64_t second_us = 1000000;

static struct kh_str text_of(const json_t *object, const char *name)
{
  const json_t *text = json_object_get(object, name);

  return json_is_string(text) ? kh_str(json_string_value(text), json_string_length(text)) : KH_STR("");
}

static int64_t number_of(const json_t *object, const char *name)
{
  return json_integer_value(json_object_get(object, name));
}

static bool has(const json_t *object, const char *name)
{
  return !json_is_null(json_object_get(object, name));
}

/* "4m", of seconds. */
static void print_span(const char *before, int64_t seconds)
{
  char text[24];

  kh_output_span(seconds * second_us, text);
  printf("%s%s", before, text);
}

/* "Unit tests and Lint" */
static void print_jobs(const char *before, const json_t *jobs)
{
  const size_t count = json_array_size(jobs);
  const size_t shown = count > JOBS_MAX ? JOBS_MAX : count;

  for (size_t i = 0; i < shown; i++) {
    const json_t *job = json_array_get(jobs, i);

    fputs(i == 0 ? before : i + 1 == count ? " and " : ", ", stdout);
    (void)kh_screen_put(kh_str(json_string_value(job), json_string_length(job)), JOB_COLUMNS_MAX);
  }
  if (count > shown)
    printf(" and %zu more", count - shown);
}

/* ---- a branch ---- */

static const json_t *last_that_failed(const json_t *branch)
{
  const json_t *build = NULL;
  size_t i = 0;

  json_array_foreach(json_object_get(branch, "builds"), i, build)
  {
    if (kh_str_equal(text_of(build, "outcome"), KH_STR("failed")))
      return build;
  }
  return NULL;
}

/* ", third in a row" */
static void print_place(int64_t count)
{
  static const char *const words[] = {"second",  "third",  "fourth", "fifth", "sixth",
                                      "seventh", "eighth", "ninth",  "tenth"};

  if (count >= 2 && (size_t)count - 2 < KH_COUNT(words))
    printf(", %s in a row", words[count - 2]);
  else if (count >= 2)
    printf(", %" PRId64 " in a row", count);
}

static void print_failing(const json_t *branch)
{
  printf("failing since #%" PRId64, number_of(branch, "failing_since"));
  print_place(number_of(branch, "consecutive_failures"));
  if (has(branch, "failing_for"))
    print_span(", for ", number_of(branch, "failing_for"));
  print_jobs(", by ", json_object_get(last_that_failed(branch), "failed_jobs"));
  if (has(branch, "last_passed"))
    printf("; last passed #%" PRId64, number_of(branch, "last_passed"));
}

/* "failing since #812, third in a row, for 2h, by Lint; last passed #811; usually 4m" */
static void print_branch(const json_t *branch, int64_t now_us)
{
  const struct kh_str outcome = text_of(branch, "outcome");
  int64_t seen_us = 0;

  if (json_is_true(json_object_get(branch, "damaged"))) {
    puts("its row is damaged; it is made anew by the next webhook");
    return;
  }
  if (kh_str_equal(outcome, KH_STR("failed")))
    print_failing(branch);
  else if (outcome.len > 0)
    printf("passing, last #%" PRId64, number_of(branch, "last_passed"));
  else
    printf("nothing passed or failed yet");
  if (has(branch, "usual_duration"))
    print_span("; usually ", number_of(branch, "usual_duration"));
  if (kh_time_parse(text_of(branch, "seen_at"), &seen_us)) {
    print_span("; last heard of ", (now_us - seen_us) / second_us);
    printf(" ago");
  }
  putchar('\n');
}

static void print_pipeline(const json_t *branch)
{
  const struct kh_str slug = text_of(branch, "pipeline");

  kh_screen_write(stdout, text_of(branch, "organization"));
  fputs(text_of(branch, "organization").len > 0 && slug.len > 0 ? "/" : "", stdout);
  kh_screen_write(stdout, slug.len > 0 ? slug : text_of(branch, "pipeline_id"));
}

void kh_history_print_branches(const json_t *branches, bool with_pipelines, int64_t now_us)
{
  const json_t *branch = NULL;
  unsigned columns = 0;
  size_t i = 0;

  json_array_foreach(branches, i, branch)
  {
    const unsigned width = kh_screen_width(text_of(branch, "branch"));

    columns = width > columns ? width : columns;
  }
  columns = columns > NAME_COLUMNS_MAX ? NAME_COLUMNS_MAX : columns;
  json_array_foreach(branches, i, branch)
  {
    if (with_pipelines) {
      print_pipeline(branch);
      printf("  ");
    }
    const unsigned taken = kh_screen_put(text_of(branch, "branch"), columns);

    printf("%*s", (int)(columns - taken) + 2, "");
    print_branch(branch, now_us);
  }
}

/* ---- a build ---- */

/* "failed", "running", "canceled (failed)" */
static void print_state(const json_t *build)
{
  const struct kh_str state = text_of(build, "state"), outcome = text_of(build, "outcome");
  char text[40];

  snprintf(text, sizeof text, "%.*s", KH_FMT(state.len > 0 ? state : KH_STR("-")));
  if (outcome.len > 0 && !kh_str_equal(state, outcome) && !kh_str_equal(state, KH_STR("failing")))
    snprintf(text, sizeof text, "%.*s (%.*s)", KH_FMT(state.len > 0 ? state : KH_STR("-")), KH_FMT(outcome));
  printf("%-18s", text);
}

static void print_age(const json_t *build, int64_t now_us)
{
  static const char *const times[] = {"finished_at", "failing_at", "started_at", "created_at"};
  char text[24] = "-";
  int64_t at_us = 0;

  for (size_t i = 0; i < KH_COUNT(times) && at_us == 0; i++)
    (void)kh_time_parse(text_of(build, times[i]), &at_us);
  if (at_us != 0)
    kh_output_span(now_us - at_us, text);
  printf("  %4s%s", text, at_us ? " ago" : "");
}

static void print_build(const json_t *build, int64_t now_us)
{
  char number[24];

  snprintf(number, sizeof number, "#%" PRId64, number_of(build, "number"));
  printf("  %-8s", number);
  print_state(build);
  print_age(build, now_us);
  if (has(build, "duration"))
    print_span("  took ", number_of(build, "duration"));
  print_jobs("  by ", json_object_get(build, "failed_jobs"));
  print_jobs("  soft: ", json_object_get(build, "soft_failed_jobs"));
  print_jobs("  flaky: ", json_object_get(build, "mended_jobs"));
  putchar('\n');
}

/* "           slack #builds: C024BE91L 1503435956.000247" */
static void print_told(const json_t *build)
{
  const json_t *one = NULL;
  size_t i = 0;

  json_array_foreach(json_object_get(build, "told"), i, one)
  {
    printf("            ");
    kh_screen_write(stdout, text_of(one, "notifier"));
    putchar(' ');
    kh_screen_write(stdout, text_of(one, "place"));
    printf(": ");
    kh_screen_write(stdout, text_of(one, "said"));
    putchar('\n');
  }
}

void kh_history_print_builds(const json_t *branch, bool with_told, int64_t now_us)
{
  const json_t *build = NULL;
  size_t i = 0;

  print_pipeline(branch);
  putchar(' ');
  kh_screen_write(stdout, text_of(branch, "branch"));
  printf(": ");
  print_branch(branch, now_us);
  json_array_foreach(json_object_get(branch, "builds"), i, build)
  {
    print_build(build, now_us);
    if (with_told)
      print_told(build);
  }
}
