#include "base/base.h"

#include "base/buf.h"
#include "base/clock.h"
#include "support/clock.h"
#include "support/command.h"
#include "support/guard.h"
#include "support/suite.h"

#include <unistd.h>

enum { SAMPLES = 4000 };

/* 1970 to 9999 in uneven steps, with the ends, so that every month, leap year and time of day comes up. */
static int64_t sample_s(size_t i)
{
  const int64_t last = INT64_C(253402300799);

  return i + 1 == SAMPLES ? last : last / SAMPLES * (int64_t)i + (int64_t)i * 7919 % 86400;
}

/* What date(1) makes of all samples: one line each. */
static void ask_date(const char *format, struct kh_buf *out)
{
  /* The date of Rust's coreutils, Ubuntu's, ends before our samples do. */
  const char *gnu = access("/usr/bin/gnudate", X_OK) ? "date" : "gnudate";
  const char *const argv[] = {gnu, "-u", "-f", "-", format, NULL};
  struct kh_buf in;

  kh_buf_init(&in, 1 << 20);
  kh_buf_init(out, 1 << 20);
  for (size_t i = 0; i < SAMPLES; i++)
    (void)kh_buf_printf(&in, "@%" PRId64 "\n", sample_s(i));
  ck_assert_int_eq(kh_command(argv, kh_buf_view(&in), out), 0);
  kh_buf_release(&in);
}

START_TEST(formats_as_date_does)
{
  char text[KH_TIME_TEXT_BYTES];
  struct kh_buf out;

  ask_date("+%Y-%m-%dT%H:%M:%S", &out);
  struct kh_str rest = kh_buf_view(&out);
  for (size_t i = 0; i < SAMPLES; i++) {
    struct kh_str want = kh_str_cut(&rest, '\n');
    unsigned ms = (unsigned)(i * 37 % 1000);

    kh_time_format(sample_s(i) * 1000000 + ms * 1000 + 999, text);
    ck_assert_uint_eq(strlen(text), KH_TIME_TEXT_BYTES - 1);
    ck_assert_msg(kh_str_equal(kh_str(text, 19), want), "%s, not %.*s", text, KH_FMT(want));
    char fraction[8];
    (void)snprintf(fraction, sizeof fraction, ".%03uZ", ms);
    ck_assert_str_eq(text + 19, fraction);
  }
  ck_assert_uint_eq(rest.len, 0);
  kh_buf_release(&out);
}
END_TEST

START_TEST(format_clamps_other_years)
{
  char text[KH_TIME_TEXT_BYTES];

  kh_time_format(-1, text);
  ck_assert_str_eq(text, "1970-01-01T00:00:00.000Z");
  kh_time_format(INT64_MIN, text);
  ck_assert_str_eq(text, "1970-01-01T00:00:00.000Z");
  kh_time_format(INT64_MAX, text);
  ck_assert_str_eq(text, "9999-12-31T23:59:59.999Z");
  kh_time_format(INT64_C(253402300800000000), text);
  ck_assert_str_eq(text, "9999-12-31T23:59:59.999Z");
}
END_TEST

START_TEST(parses_what_date_prints)
{
  static const char *const formats[] = {"+%Y-%m-%d %H:%M:%S UTC", "+%Y-%m-%dT%H:%M:%SZ",
                                        "+%Y-%m-%dT%H:%M:%S.000000Z"};
  struct kh_buf out;

  ask_date(formats[_i], &out);
  struct kh_str rest = kh_buf_view(&out);
  for (size_t i = 0; i < SAMPLES; i++) {
    struct kh_guard guard = {NULL, 0};
    struct kh_str text = kh_guard_end(&guard, kh_str_cut(&rest, '\n'));
    int64_t at_us = -1;

    ck_assert_msg(kh_time_parse(text, &at_us), "%.*s", KH_FMT(text));
    ck_assert_msg(at_us == sample_s(i) * 1000000, "%.*s: %" PRId64, KH_FMT(text), at_us);
    kh_guard_release(&guard);
  }
  kh_buf_release(&out);
}
END_TEST

static const struct {
  const char *text;
  int64_t at_us;
} good[] = {
    {"2026-11-22 01:02:03 UTC", INT64_C(1795309323000000)},
    {"2026-11-22T01:02:03Z", INT64_C(1795309323000000)},
    {"2026-11-22T01:02:03.4Z", INT64_C(1795309323400000)},
    {"2026-11-22T01:02:03.456Z", INT64_C(1795309323456000)},
    {"2026-11-22T01:02:03.456789Z", INT64_C(1795309323456789)},
    {"2026-11-22T01:02:03.456789999Z", INT64_C(1795309323456789)},
    {"2026-11-22T01:02:03.000001Z", INT64_C(1795309323000001)},
    {"2021-02-03T20:34:10.486Z", INT64_C(1612384450486000)},
    {"1970-01-01T00:00:00Z", 0},
    {"2024-02-29T00:00:00Z", INT64_C(1709164800000000)},
    {"2000-02-29 23:59:59 UTC", INT64_C(951868799000000)},
    {"2016-12-31T23:59:60Z", INT64_C(1483228800000000)},
    {"2016-12-31 23:59:60 UTC", INT64_C(1483228800000000)},
};

START_TEST(parses_both_forms)
{
  int64_t at_us = -1;

  ck_assert_msg(kh_time_parse(kh_str_of(good[_i].text), &at_us), "%s", good[_i].text);
  ck_assert_msg(at_us == good[_i].at_us, "%s: %" PRId64, good[_i].text, at_us);
}
END_TEST

static const char *const bad[] = {
    "",
    "null",
    "2026",
    "2026-11-22",
    "2026-11-22T01:02Z",
    "2026-11-22T01:02:03",
    "2026-11-22T01:02:03.Z",
    "2026-11-22T01:02:03,4Z",
    "2026-11-22T01:02:03z",
    "2026-11-22t01:02:03Z",
    "2026-11-22T01:02:03+00:00",
    "2026-11-22T01:02:03 UTC",
    "2026-11-22 01:02:03Z",
    "2026-11-22 01:02:03.4 UTC",
    "2026-11-22 01:02:03",
    "2026-11-22 01:02:03  UTC",
    "2026-11-22 01:02:03 utc",
    "2026-11-22 01:02:03 GMT",
    "2026-11-22T01:02:03Z ",
    " 2026-11-22T01:02:03Z",
    "2026-11-22T01:02:03ZZ",
    "2026-1-22T01:02:03Z",
    "26-11-22T01:02:03Z",
    "02026-11-22T01:02:03Z",
    "-026-11-22T01:02:03Z",
    "2026/11/22T01:02:03Z",
    "2026-00-22T01:02:03Z",
    "2026-13-22T01:02:03Z",
    "2026-11-00T01:02:03Z",
    "2026-11-31T01:02:03Z",
    "2026-02-29T01:02:03Z",
    "2100-02-29T01:02:03Z",
    "2026-11-22T24:00:00Z",
    "2026-11-22T01:60:03Z",
    "2026-11-22T01:02:61Z",
    "2026-11-22T+1:02:03Z",
    "2026-11-22T 1:02:03Z",
};

START_TEST(refuses_other_forms)
{
  struct kh_guard guard = {NULL, 0};
  int64_t at_us = 0;

  ck_assert_msg(!kh_time_parse(kh_guard_end(&guard, kh_str_of(bad[_i])), &at_us), "%s", bad[_i]);
  kh_guard_release(&guard);
}
END_TEST

START_TEST(refuses_every_cut)
{
  for (size_t i = 0; i < KH_COUNT(good); i++)
    for (size_t len = 0; len < strlen(good[i].text); len++) {
      struct kh_guard guard = {NULL, 0};
      int64_t at_us = 0;

      ck_assert_msg(!kh_time_parse(kh_guard_end(&guard, kh_str(good[i].text, len)), &at_us), "%.*s", (int)len,
                    good[i].text);
      kh_guard_release(&guard);
    }
}
END_TEST

START_TEST(the_system_clock_runs)
{
  int64_t before_s = (int64_t)time(NULL);
  int64_t ticks = kh_clock_ticks_us(&kh_system_clock);
  int64_t now_s = kh_clock_now_s(&kh_system_clock);

  ck_assert_int_ge(now_s, before_s - 1);
  ck_assert_int_le(now_s, (int64_t)time(NULL) + 1);
  ck_assert_int_le(kh_clock_now_us(&kh_system_clock) / 1000000 - now_s, 5);
  (void)usleep(2000);
  ck_assert_int_ge(kh_clock_ticks_us(&kh_system_clock) - ticks, 2000);
  ck_assert_int_ge(kh_clock_boot_us(&kh_system_clock), ticks + 2000);
}
END_TEST

START_TEST(a_fake_clock_moves_when_told)
{
  struct kh_fake_clock fake;

  kh_fake_clock_init(&fake, 1700000000);
  ck_assert_int_eq(kh_clock_now_s(&fake.clock), 1700000000);
  int64_t ticks = kh_clock_ticks_us(&fake.clock);
  kh_fake_clock_advance(&fake, 1500000);
  ck_assert_int_eq(kh_clock_now_us(&fake.clock), INT64_C(1700000001500000));
  ck_assert_int_eq(kh_clock_ticks_us(&fake.clock) - ticks, 1500000);
}
END_TEST

/* What was seen to go forwards is undone; what was not seen did not move what was stored before. */
START_TEST(a_step_back_moves_what_is_older_by_what_was_gained)
{
  static const int64_t steps_us[] = {-10000000, 50000000, -30000000, -30000000};
  static const int64_t earlier_us[] = {0, 50000000, -30000000, -20000000};
  struct kh_fake_clock fake;
  struct kh_steady_clock steady;

  kh_fake_clock_init(&fake, 1700000000);
  kh_steady_clock_init(&steady, &fake.clock);
  for (size_t i = 0; i < KH_COUNT(steps_us); i++) {
    const struct kh_clock_step step = kh_steady_clock_step(&steady, steps_us[i]);

    ck_assert_int_eq(step.earlier_us, earlier_us[i]);
    ck_assert_int_eq(step.since_us, step.now_us);
    kh_fake_clock_step(&fake, steps_us[i]);
    kh_steady_clock_follow(&steady, steps_us[i]);
  }
}
END_TEST

START_TEST(a_steady_clock_does_not_step)
{
  static const int64_t steps_us[] = {INT64_C(48) * 3600 * 1000000, INT64_C(-48) * 3600 * 1000000, 1000000,
                                     -1000000};
  struct kh_fake_clock fake;
  struct kh_steady_clock steady;

  kh_fake_clock_init(&fake, 1700000000);
  kh_steady_clock_init(&steady, &fake.clock);
  for (size_t i = 0; i < KH_COUNT(steps_us); i++) {
    const int64_t before_us = kh_clock_now_us(&steady.clock);

    kh_fake_clock_step(&fake, steps_us[i]);
    kh_fake_clock_advance(&fake, 3000000);
    ck_assert_int_eq(kh_clock_now_us(&steady.clock), before_us + 3000000);
    ck_assert_int_eq(kh_steady_clock_look(&steady), steps_us[i]);
    ck_assert_int_eq(kh_clock_now_us(&steady.clock), before_us + 3000000);
    kh_steady_clock_follow(&steady, steps_us[i]);
    ck_assert_int_eq(kh_steady_clock_look(&steady), 0);
    ck_assert_int_eq(kh_clock_now_us(&steady.clock), fake.now_us);
    ck_assert_int_eq(kh_clock_ticks_us(&steady.clock), fake.ticks_us);
  }
}
END_TEST

START_TEST(drift_is_followed_in_silence)
{
  struct kh_fake_clock fake;
  struct kh_steady_clock steady;

  kh_fake_clock_init(&fake, 1700000000);
  kh_steady_clock_init(&steady, &fake.clock);
  for (int i = 0; i < 100; i++) {
    kh_fake_clock_advance(&fake, 60000000);
    kh_fake_clock_step(&fake, i < 50 ? 999999 : -999999);
    ck_assert_int_eq(kh_steady_clock_look(&steady), 0);
    ck_assert_int_eq(kh_clock_now_us(&steady.clock), fake.now_us);
  }
}
END_TEST

static Suite *clock_suite(void)
{
  Suite *suite = suite_create("clock");
  TCase *format = kh_test_case(suite, "format");
  TCase *parse = kh_test_case(suite, "parse");
  TCase *clock = kh_test_case(suite, "clock");

  tcase_add_test(format, formats_as_date_does);
  tcase_add_test(format, format_clamps_other_years);
  tcase_add_loop_test(parse, parses_what_date_prints, 0, 3);
  tcase_add_loop_test(parse, parses_both_forms, 0, (int)KH_COUNT(good));
  tcase_add_loop_test(parse, refuses_other_forms, 0, (int)KH_COUNT(bad));
  tcase_add_test(parse, refuses_every_cut);
  tcase_add_test(clock, the_system_clock_runs);
  tcase_add_test(clock, a_fake_clock_moves_when_told);
  tcase_add_test(clock, a_step_back_moves_what_is_older_by_what_was_gained);
  tcase_add_test(clock, a_steady_clock_does_not_step);
  tcase_add_test(clock, drift_is_followed_in_silence);
  return suite;
}

int main(void)
{
  return kh_test_main(clock_suite());
}
