#include "base/base.h"

#include "lambda/metrics.h"
#include "support/rules.h"
#include "support/suite.h"

#include <dirent.h>

/*
 * With KH_TEST_METRICS in the environment, every line is appended to that file behind the name of its case
 * and a tab, for integration/emf_test.py.
 */

#define NOW_MS INT64_C(1760000000123)

static struct kh_metrics metrics;
static struct kh_buf out;

static void open_metrics(void)
{
  kh_metrics_init(&metrics);
  kh_buf_init(&out, KH_METRICS_MAX_BYTES);
}

static void close_metrics(void)
{
  kh_buf_release(&out);
}

static void record(const char *name, struct kh_str line)
{
  const char *path = getenv("KH_TEST_METRICS");
  FILE *file = path ? fopen(path, "a") : NULL;

  if (file) {
    ck_assert_int_gt(fprintf(file, "%s\t%.*s\n", name, KH_FMT(line)), 0);
    ck_assert_int_eq(fclose(file), 0);
  }
}

/* Writes what there is: an array of its lines, read strictly. The caller owns it. */
static json_t *written(const char *name)
{
  json_t *lines = json_array();

  kh_buf_clear(&out);
  ck_assert_int_eq(kh_metrics_write(&metrics, NOW_MS, &out), KH_OK);
  struct kh_str rest = kh_buf_view(&out);
  ck_assert(rest.len == 0 || kh_str_ends(rest, KH_STR("\n")));
  while (rest.len > 0) {
    struct kh_str text = kh_str_cut(&rest, '\n');
    json_t *line = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);

    ck_assert_msg(json_is_object(line), "%s: %.*s", name, KH_FMT(text));
    (void)json_array_append_new(lines, line);
    record(name, text);
  }
  return lines;
}

/*
 * The lines must be exactly these, in jansson's eyes. EXPECTED is a JSON array without what every line has.
 */
static void must_write(const char *name, const char *expected)
{
  json_t *lines = written(name);
  json_t *wanted = json_loads(expected, JSON_REJECT_DUPLICATES, NULL);
  size_t i;
  json_t *line;

  ck_assert_msg(json_is_array(wanted), "%s: the test's own JSON", name);
  json_array_foreach(lines, i, line)
  {
    ck_assert_str_eq(json_string_value(json_object_get(line, "level")), "INFO");
    ck_assert_str_eq(json_string_value(json_object_get(line, "timestamp")), "2025-10-09T08:53:20.123Z");
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(line, "_aws"), "Timestamp")), NOW_MS);
    (void)json_object_del(line, "level");
    (void)json_object_del(line, "timestamp");
    (void)json_object_del(line, "message");
    (void)json_object_del(line, "_aws");
  }
  ck_assert_msg(json_equal(lines, wanted), "%s: %s", name, kh_buf_text(&out));
  json_decref(wanted);
  json_decref(lines);
}

START_TEST(nothing_is_told_of_nothing)
{
  must_write("nothing", "[]");
  kh_metrics_verdict(&metrics, KH_OK);
  kh_metrics_delivery(&metrics, "slack", true, 3);
  kh_metrics_init(&metrics);
  must_write("nothing again", "[]");
}
END_TEST

START_TEST(each_verdict_is_its_token)
{
  enum kh_err verdict = (enum kh_err)_i;
  char expected[128];

  kh_metrics_verdict(&metrics, verdict);
  (void)snprintf(expected, sizeof expected, "[{\"verdict\":\"%s\",\"webhooks\":1}]",
                 verdict ? kh_err_token(verdict) : "accepted");
  must_write("verdict", expected);
}
END_TEST

/* ---- times of events ---- */

#define BUILD(from, to, more) \
  "{\"event\":\"build.finished\",\"build\":{\"started_at\":" from ",\"finished_at\":" to more "}}"
#define JOB(from, to) "{\"event\":\"job.started\",\"job\":{\"runnable_at\":" from ",\"started_at\":" to "}}"
#define BUILT(state, ms) "[{\"state\":\"" state "\",\"build_ms\":" ms "}]"
#define WAITED(ms) "[{\"job_wait_ms\":" ms "}]"

static const struct {
  const char *body;
  const char *expected;
} events[] = {
    {BUILD("\"2025-10-09 09:24:16 UTC\"", "\"2025-10-09 09:25:17 UTC\"", ",\"state\":\"passed\""),
     BUILT("passed", "61000")},
    {BUILD("\"2025-10-09T09:24:16.250Z\"", "\"2025-10-09T09:24:16.999Z\"", ",\"state\":\"failed\""),
     BUILT("failed", "749")},
    {BUILD("\"2025-12-31T23:59:59Z\"", "\"2026-01-01 00:00:00 UTC\"", ",\"state\":\"canceled\""),
     BUILT("canceled", "1000")},
    {BUILD("\"2024-02-28T00:00:00Z\"", "\"2024-03-01T00:00:00Z\"", ",\"state\":\"passed\",\"blocked\":true"),
     BUILT("blocked", "172800000")},
    {BUILD("\"2025-10-09T09:00:00Z\"", "\"2025-10-09T09:00:00Z\"", ",\"state\":\"not_run\""),
     BUILT("not_run", "0")},
    {BUILD("\"2025-10-09T09:00:00Z\"", "\"2025-10-09T09:00:01Z\"", ",\"state\":\"skipped\""),
     BUILT("skipped", "1000")},
    {BUILD("\"2025-10-09T09:00:00Z\"", "\"2025-10-09T09:00:01Z\"", ",\"state\":\"invented-7\""),
     BUILT("other", "1000")},
    {BUILD("\"2025-10-09T09:00:00Z\"", "\"2025-10-09T09:00:01Z\"", ",\"state\":[]"), BUILT("other", "1000")},
    {BUILD("\"2025-10-09T09:00:00Z\"", "\"2025-10-09T09:00:01Z\"", ""), BUILT("other", "1000")},
    {BUILD("\"2025-10-01T00:00:00Z\"", "\"2025-11-01T00:00:00Z\"", ""), BUILT("other", "2678400000")},
    {BUILD("\"2025-10-01T00:00:00Z\"", "\"2025-11-01T00:00:00.001Z\"", ""), "[]"},
    {BUILD("\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:60Z\"", ""), "[]"},
    {BUILD("\"2025-10-09T09:00:00.001Z\"", "\"2025-10-09T09:00:00.000Z\"", ""), "[]"},
    {BUILD("null", "\"2025-10-09T09:00:00Z\"", ""), "[]"},
    {BUILD("\"2025-10-09T09:00:00Z\"", "null", ""), "[]"},
    {BUILD("1760000000", "1760000001", ""), "[]"},
    {BUILD("\"yesterday\"", "\"2025-10-09T09:00:00Z\"", ""), "[]"},
    {BUILD("\"\"", "\"2025-10-09T09:00:00Z\"", ""), "[]"},
    {BUILD("\"2025-10-09T09:00:00\\u005a\"", "\"2025-10-09T09:00:02Z\"", ""), BUILT("other", "2000")},
    {BUILD("\"2025-10-09T09:00:00.000000000000000000000000000000000000000000000000000000000000Z\"",
           "\"2025-10-09T09:00:02Z\"", ""),
     "[]"},
    {"{\"event\":\"build.finished\"}", "[]"},
    {"{\"event\":\"build.finished\",\"build\":[7]}", "[]"},
    {"{\"event\":\"build.running\",\"build\":{\"started_at\":\"2025-10-09T09:00:00Z\",\"finished_at\":"
     "\"2025-10-09T09:00:01Z\"}}",
     "[]"},
    {JOB("\"2025-10-09T09:00:00.400Z\"", "\"2025-10-09T09:00:30.500Z\""), WAITED("30100")},
    {JOB("\"2025-10-09 09:00:00 UTC\"", "\"2025-10-09 09:00:00 UTC\""), WAITED("0")},
    {JOB("\"2025-10-09T09:00:30Z\"", "\"2025-10-09T09:00:00Z\""), "[]"},
    {JOB("null", "\"2025-10-09T09:00:00Z\""), "[]"},
    {"{\"event\":\"job.finished\",\"job\":{\"runnable_at\":\"2025-10-09T09:00:00Z\",\"started_at\":"
     "\"2025-10-09T09:00:01Z\"}}",
     "[]"},
    {"{\"event\":\"ping\"}", "[]"},
};

START_TEST(spans_are_told_where_both_times_make_sense)
{
  struct kh_test_event made;
  char name[32];

  (void)snprintf(name, sizeof name, "event %d", _i);
  kh_test_event_read(&made, kh_str_of(events[_i].body));
  kh_metrics_event(&metrics, &made.event);
  must_write(name, events[_i].expected);
  kh_test_event_release(&made);
}
END_TEST

/* What must come out of each, emf_test.py knows. */
START_TEST(fixtures_are_recorded)
{
  DIR *dir = opendir(KH_SOURCE_DIR "/fixtures/events");
  size_t count = 0;

  ck_assert_ptr_nonnull(dir);
  for (const struct dirent *entry; (entry = readdir(dir));) {
    struct kh_test_event made;
    char name[300];

    if (entry->d_name[0] == '.')
      continue;
    kh_test_event_of_fixture(&made, entry->d_name);
    kh_metrics_init(&metrics);
    kh_metrics_verdict(&metrics, KH_OK);
    kh_metrics_event(&metrics, &made.event);
    (void)snprintf(name, sizeof name, "fixture %s", entry->d_name);
    json_t *lines = written(name);
    ck_assert_uint_eq(json_array_size(lines), 1);
    json_decref(lines);
    kh_test_event_release(&made);
    count++;
  }
  (void)closedir(dir);
  ck_assert_uint_gt(count, 50);
}
END_TEST

/* ---- deliveries ---- */

START_TEST(deliveries_are_told_by_notifier_and_result)
{
  kh_metrics_verdict(&metrics, KH_OK);
  kh_metrics_delivery(&metrics, "slack", true, 120);
  kh_metrics_delivery(&metrics, "log", true, -1);
  kh_metrics_delivery(&metrics, "slack", false, 4000);
  kh_metrics_delivery(&metrics, "slack", true, 80);
  must_write("deliveries",
             "[{\"verdict\":\"accepted\",\"webhooks\":1,\"notifier\":\"slack\",\"result\":\"delivered\","
             "\"deliveries\":2,\"delivery_ms\":[120,80]},"
             "{\"notifier\":\"log\",\"result\":\"delivered\",\"deliveries\":1,\"delivery_ms\":[0]},"
             "{\"notifier\":\"slack\",\"result\":\"failed\",\"deliveries\":1,\"delivery_ms\":[4000]}]");
}
END_TEST

START_TEST(one_line_may_tell_everything)
{
  kh_metrics_verdict(&metrics, KH_ERR_DELIVERY_FAILED);
  metrics.build_state = "failed";
  metrics.build_ms = 86000;
  metrics.job_wait_ms = 12;
  kh_metrics_delivery(&metrics, "slack", false, 250);
  must_write("everything",
             "[{\"verdict\":\"delivery_failed\",\"webhooks\":1,\"state\":\"failed\",\"build_ms\":86000,"
             "\"job_wait_ms\":12,\"notifier\":\"slack\",\"result\":\"failed\",\"deliveries\":1,"
             "\"delivery_ms\":[250]}]");
}
END_TEST

START_TEST(a_line_has_at_most_a_hundred_times)
{
  for (int i = 0; i < 1000; i++)
    kh_metrics_delivery(&metrics, "slack", true, i);
  json_t *lines = written("a thousand deliveries");
  const json_t *line = json_array_get(lines, 0);
  const json_t *times = json_object_get(line, "delivery_ms");

  ck_assert_uint_eq(json_array_size(lines), 1);
  ck_assert_int_eq(json_integer_value(json_object_get(line, "deliveries")), 1000);
  ck_assert_uint_eq(json_array_size(times), 100);
  for (size_t i = 0; i < 100; i++)
    ck_assert_int_eq(json_integer_value(json_array_get(times, i)), (json_int_t)i);
  json_decref(lines);
}
END_TEST

START_TEST(all_that_fits_fits_into_the_buffer)
{
  char notifier[17];

  kh_metrics_verdict(&metrics, KH_ERR_DELIVERY_FAILED);
  for (int i = 0; i < KH_METRICS_PAIRS + 4; i++)
    for (int n = 0; n < 101; n++) {
      (void)snprintf(notifier, sizeof notifier, "notifier-%07d", i);
      kh_metrics_delivery(&metrics, notifier, i % 2, INT64_MAX);
    }
  kh_metrics_delivery(&metrics, "longer-than-16-ch", true, 1);
  json_t *lines = written("many pairs");
  ck_assert_uint_eq(json_array_size(lines), KH_METRICS_PAIRS);
  json_decref(lines);
}
END_TEST

START_TEST(a_full_buffer_is_an_error)
{
  struct kh_buf whole;

  kh_buf_init(&whole, KH_METRICS_MAX_BYTES);
  kh_metrics_verdict(&metrics, KH_OK);
  metrics.build_state = "passed";
  metrics.build_ms = 1;
  metrics.job_wait_ms = 2;
  kh_metrics_delivery(&metrics, "slack", true, 3);
  kh_metrics_delivery(&metrics, "slack", false, 3);
  ck_assert_int_eq(kh_metrics_write(&metrics, NOW_MS, &whole), KH_OK);
  for (size_t max = 0; max <= whole.len; max++) {
    struct kh_buf small;

    kh_buf_init(&small, max);
    ck_assert_int_eq(kh_metrics_write(&metrics, NOW_MS, &small), max < whole.len ? KH_ERR_LIMIT : KH_OK);
    ck_assert_str_eq(kh_buf_text(&small), max < whole.len ? "" : kh_buf_text(&whole));
    kh_buf_release(&small);
  }
  kh_buf_release(&whole);
}
END_TEST

static Suite *lambda_metrics_suite(void)
{
  Suite *suite = suite_create("lambda_metrics");
  TCase *all = kh_test_case(suite, "metrics");

  tcase_add_checked_fixture(all, open_metrics, close_metrics);
  tcase_add_test(all, nothing_is_told_of_nothing);
  tcase_add_loop_test(all, each_verdict_is_its_token, 0, KH_ERR__COUNT);
  tcase_add_loop_test(all, spans_are_told_where_both_times_make_sense, 0, (int)KH_COUNT(events));
  tcase_add_test(all, fixtures_are_recorded);
  tcase_add_test(all, deliveries_are_told_by_notifier_and_result);
  tcase_add_test(all, one_line_may_tell_everything);
  tcase_add_test(all, a_line_has_at_most_a_hundred_times);
  tcase_add_test(all, all_that_fits_fits_into_the_buffer);
  tcase_add_test(all, a_full_buffer_is_an_error);
  return suite;
}

int main(void)
{
  return kh_test_main(lambda_metrics_suite());
}
