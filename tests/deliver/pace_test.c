#include "base/base.h"

#include "deliver/pace.h"
#include "support/suite.h"

#define SECOND_US INT64_C(1000000)

enum { TIMES_MAX = 4000 };

static struct kh_paces paces;
static const struct kh_rate none, one_a_second = {.every_ms = 1000},
                                  ten_then_two_a_second = {.burst = 10, .every_ms = 500};
static uint64_t state;

static void set_up(void)
{
  paces = (struct kh_paces){.count = 0};
  state = 7;
}

static struct kh_pace_of of(const struct kh_rate *rate, const char *credential, const char *place)
{
  return (struct kh_pace_of){rate, credential, place};
}

static struct kh_pace_of of_a(const struct kh_rate *rate)
{
  return of(rate, "slack env:A", "");
}

/* Knuth's MMIX generator: 0 to BELOW. */
static int64_t chance(int64_t below)
{
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (int64_t)(state >> 33) % below;
}

/* The next one goes as soon as it may. When. */
static int64_t go(const struct kh_pace_of *who, int64_t now_us)
{
  if (!kh_paces_know(&paces, who))
    kh_paces_begin(&paces, who, INT64_MAX, now_us);
  const int64_t at_us = kh_paces_next_us(&paces, who, now_us);

  kh_paces_start(&paces, who, at_us);
  return at_us;
}

START_TEST(without_a_rate_there_is_no_pace)
{
  const struct kh_pace_of who = of_a(&none);

  for (int64_t i = 0; i < 100; i++) {
    ck_assert_int_eq(go(&who, SECOND_US), SECOND_US);
    kh_paces_ease(&paces, &who, SECOND_US);
  }
  ck_assert_uint_eq(paces.count, 0);
}
END_TEST

START_TEST(one_after_the_other)
{
  const struct kh_pace_of who = of_a(&one_a_second);
  int64_t now_us = 5 * SECOND_US;

  for (int64_t i = 0; i < 40; i++) {
    now_us = go(&who, now_us);
    ck_assert_int_eq(now_us, (5 + i) * SECOND_US);
  }
  ck_assert_int_eq(go(&who, 60 * SECOND_US), 60 * SECOND_US);
  ck_assert_int_eq(go(&who, 60 * SECOND_US), 61 * SECOND_US);
}
END_TEST

START_TEST(a_burst_and_then_one_after_the_other)
{
  const struct kh_pace_of who = of_a(&ten_then_two_a_second);

  for (int64_t i = 0; i < 10; i++)
    ck_assert_int_eq(go(&who, SECOND_US), SECOND_US);
  ck_assert_int_eq(go(&who, SECOND_US), SECOND_US + 500000);
  ck_assert_int_eq(go(&who, SECOND_US), SECOND_US + 1000000);
  ck_assert_int_eq(go(&who, 4 * SECOND_US), 4 * SECOND_US); /* four came back by then */
  ck_assert_int_eq(go(&who, 4 * SECOND_US), 4 * SECOND_US);
  ck_assert_int_eq(go(&who, 4 * SECOND_US), 4 * SECOND_US);
  ck_assert_int_eq(go(&who, 4 * SECOND_US), 4 * SECOND_US);
  ck_assert_int_eq(go(&who, 4 * SECOND_US), 4 * SECOND_US + 500000);
}
END_TEST

/* In no stretch of time are there more than the burst and what came back in it. */
static void expect_within(const int64_t *at_us, size_t count, const struct kh_rate *rate)
{
  const int64_t burst = rate->burst > 0 ? rate->burst : 1;

  for (size_t from = 0; from < count; from++)
    for (size_t to = from; to < count && to < from + 200; to++)
      if ((int64_t)(to - from) + 1 > burst + (at_us[to] - at_us[from]) / (rate->every_ms * INT64_C(1000)))
        ck_abort_msg("%zu within %" PRId64 " us", to - from + 1, at_us[to] - at_us[from]);
}

static const struct kh_rate rates[] = {{.every_ms = 1050}, {10, 500, false}, {60, 5000, false}, {3, 1, true}};

/* Also where the process ends now and then, and another one knows no more than when the last one went. */
START_TEST(never_more_than_stated)
{
  static int64_t at_us[TIMES_MAX];
  const struct kh_rate *rate = &rates[_i / 2];
  const bool restarts = _i % 2;
  const struct kh_pace_of who = of(rate, "lifx env:A", "all");
  int64_t now_us = SECOND_US;

  for (size_t i = 0; i < TIMES_MAX; i++) {
    now_us += chance(20) == 0 ? chance(200 * SECOND_US) : chance(rate->every_ms * 1500);
    if (restarts && i > 0 && chance(10) == 0) {
      set_up();
      state = i;
      kh_paces_begin(&paces, &who, now_us - at_us[i - 1], now_us);
    }
    at_us[i] = now_us = go(&who, now_us);
  }
  expect_within(at_us, TIMES_MAX, rate);
}
END_TEST

START_TEST(a_restart_finds_what_came_back)
{
  const struct kh_pace_of one = of_a(&one_a_second), ten = of_a(&ten_then_two_a_second);

  kh_paces_begin(&paces, &one, 300000, SECOND_US);
  ck_assert_int_eq(kh_paces_next_us(&paces, &one, SECOND_US), SECOND_US + 700000);
  set_up();
  kh_paces_begin(&paces, &one, -SECOND_US, SECOND_US); /* a clock was set back */
  ck_assert_int_eq(kh_paces_next_us(&paces, &one, SECOND_US), 2 * SECOND_US);
  set_up();
  kh_paces_begin(&paces, &ten, 1600000, SECOND_US);
  for (int64_t i = 0; i < 3; i++)
    ck_assert_int_eq(go(&ten, SECOND_US), SECOND_US);
  ck_assert_int_eq(go(&ten, SECOND_US), SECOND_US + 400000);
}
END_TEST

START_TEST(who_shares_a_pace)
{
  const struct kh_rate shared = {.every_ms = 1000}, apart = {.every_ms = 1000, .per_place = true};
  const struct kh_pace_of all[] = {of(&shared, "a", "x"), of(&shared, "a", "y"), of(&shared, "ax", ""),
                                   of(&apart, "b", "x"),  of(&apart, "b", "y"),  of(&apart, "bx", "")};
  static const int64_t wants_us[] = {SECOND_US, 2 * SECOND_US, SECOND_US, SECOND_US, SECOND_US, SECOND_US};

  for (size_t i = 0; i < KH_COUNT(all); i++)
    ck_assert_int_eq(go(&all[i], SECOND_US), wants_us[i]);
}
END_TEST

START_TEST(a_place_that_has_too_much_gets_less)
{
  const struct kh_pace_of who = of_a(&one_a_second);
  int64_t now_us = go(&who, SECOND_US);

  kh_paces_slow(&paces, &who, now_us, now_us + 100000);
  ck_assert_int_eq(go(&who, now_us), now_us + 100000 + 1500000);
  now_us += 1600000;
  kh_paces_slow(&paces, &who, now_us, now_us);
  ck_assert_int_eq(go(&who, now_us), now_us + 2250000);
  now_us += 2250000;
  kh_paces_slow(&paces, &who, now_us - 2250000, now_us); /* it went before the last 429 came */
  ck_assert_int_eq(go(&who, now_us), now_us + 2250000);
  for (int i = 0; i < 1000; i++)
    kh_paces_slow(&paces, &who, now_us + i, now_us + i);
  ck_assert_int_le(kh_paces_next_us(&paces, &who, now_us), now_us + 91 * SECOND_US);
}
END_TEST

/* The places of an account wait together, in all of its burst; another account does not. */
START_TEST(an_account_that_asks_is_left_alone)
{
  const struct kh_pace_of one = of(&ten_then_two_a_second, "a", "1");
  const struct kh_pace_of other = of(&ten_then_two_a_second, "a", "2");
  const struct kh_pace_of stranger = of(&ten_then_two_a_second, "b", "1");
  const int64_t until_us = 60 * SECOND_US;

  ck_assert_int_eq(go(&one, SECOND_US), SECOND_US);
  ck_assert_int_eq(go(&stranger, SECOND_US), SECOND_US);
  kh_paces_ask(&paces, &one, until_us);
  kh_paces_ask(&paces, &one, 2 * SECOND_US); /* less than it asked for before */
  ck_assert(kh_paces_was_asked(&paces, &other, until_us - 1));
  ck_assert(!kh_paces_was_asked(&paces, &other, until_us));
  ck_assert(!kh_paces_was_asked(&paces, &stranger, SECOND_US));
  ck_assert_int_eq(kh_paces_next_us(&paces, &other, SECOND_US), until_us);
  ck_assert_int_eq(go(&stranger, SECOND_US), SECOND_US);
  ck_assert_int_eq(go(&other, until_us), until_us);
}
END_TEST

START_TEST(with_each_success_a_little_more)
{
  const struct kh_pace_of who = of_a(&one_a_second);
  int64_t now_us = go(&who, SECOND_US), before_us = INT64_MAX, count = 0;

  kh_paces_slow(&paces, &who, now_us, now_us);
  for (; before_us > SECOND_US && count < 100; count++) {
    const int64_t then_us = now_us;

    now_us = go(&who, now_us);
    ck_assert_int_le(now_us - then_us, before_us);
    ck_assert_int_ge(now_us - then_us, SECOND_US);
    before_us = now_us - then_us;
    kh_paces_ease(&paces, &who, now_us);
  }
  ck_assert_int_ge(count, 10);
  ck_assert_int_lt(count, 30);
  ck_assert_int_eq(go(&who, now_us), now_us + SECOND_US);
}
END_TEST

/* What is missing in a bucket does not become more because it fills faster. */
START_TEST(a_burst_recovers_too)
{
  const struct kh_pace_of who = of_a(&ten_then_two_a_second);
  int64_t now_us = go(&who, SECOND_US);

  kh_paces_slow(&paces, &who, now_us, now_us);
  ck_assert_int_eq(kh_paces_next_us(&paces, &who, now_us), now_us + 750000);
  for (int i = 0; i < 100; i++) {
    const int64_t next_us = kh_paces_next_us(&paces, &who, now_us);

    kh_paces_ease(&paces, &who, now_us);
    ck_assert_int_le(kh_paces_next_us(&paces, &who, now_us), next_us);
  }
  ck_assert_int_eq(kh_paces_next_us(&paces, &who, now_us), now_us + 500000);
  kh_paces_ease(&paces, &who, now_us);
  ck_assert_int_eq(kh_paces_next_us(&paces, &who, now_us), now_us + 500000);
}
END_TEST

/* To a place of which nothing is stated, and which takes one in TAKES_US: how many it took, and refused. */
static void offer(const struct kh_pace_of *who, int64_t takes_us, int64_t for_us, int64_t *took,
                  int64_t *refused)
{
  int64_t now_us = SECOND_US, last_us = -SECOND_US;

  *took = *refused = 0;
  while (now_us < for_us) {
    const int64_t at_us = go(who, now_us);

    now_us = at_us + 5000; /* the answer */
    if (at_us - last_us >= takes_us) {
      last_us = at_us;
      (*took)++;
      kh_paces_ease(&paces, who, now_us);
    } else {
      (*refused)++;
      kh_paces_slow(&paces, who, at_us, now_us);
    }
  }
}

static const int64_t takes_us[] = {30000, 100000, 1000000, 5000000};

START_TEST(a_limit_that_nobody_stated_is_found)
{
  const struct kh_pace_of who = of_a(&none);
  const int64_t for_us = 2000 * takes_us[_i];
  int64_t took = 0, refused = 0;

  offer(&who, takes_us[_i], for_us, &took, &refused);
  ck_assert_int_ge(took, 1000); /* of 2000 */
  ck_assert_int_le(refused, took / 8);
}
END_TEST

START_TEST(a_limit_that_is_gone_is_forgotten)
{
  const struct kh_pace_of who = of_a(&none);

  kh_paces_slow(&paces, &who, SECOND_US, SECOND_US);
  ck_assert_uint_eq(paces.count, 1);
  for (int i = 0; i < 200; i++)
    kh_paces_ease(&paces, &who, SECOND_US);
  ck_assert_uint_eq(paces.count, 0);
}
END_TEST

START_TEST(when_there_are_too_many_the_oldest_begins_anew)
{
  char names[KH_PACES_MAX + 1][8];

  for (size_t i = 0; i <= KH_PACES_MAX; i++) {
    (void)snprintf(names[i], sizeof names[i], "%zu", i);
    const struct kh_pace_of who = of(&one_a_second, names[i], "");

    ck_assert_int_eq(go(&who, (int64_t)i), (int64_t)i);
  }
  ck_assert_uint_eq(paces.count, KH_PACES_MAX);
  for (size_t i = 0; i <= KH_PACES_MAX; i++) {
    const struct kh_pace_of who = of(&one_a_second, names[i], "");

    ck_assert(kh_paces_know(&paces, &who) == (i > 0));
  }
}
END_TEST

static Suite *pace_suite(void)
{
  Suite *suite = suite_create("pace");
  TCase *pace = kh_test_case(suite, "pace");

  tcase_add_checked_fixture(pace, set_up, NULL);
  tcase_add_test(pace, without_a_rate_there_is_no_pace);
  tcase_add_test(pace, one_after_the_other);
  tcase_add_test(pace, a_burst_and_then_one_after_the_other);
  tcase_add_loop_test(pace, never_more_than_stated, 0, 2 * (int)KH_COUNT(rates));
  tcase_add_test(pace, a_restart_finds_what_came_back);
  tcase_add_test(pace, who_shares_a_pace);
  tcase_add_test(pace, a_place_that_has_too_much_gets_less);
  tcase_add_test(pace, an_account_that_asks_is_left_alone);
  tcase_add_test(pace, with_each_success_a_little_more);
  tcase_add_test(pace, a_burst_recovers_too);
  tcase_add_loop_test(pace, a_limit_that_nobody_stated_is_found, 0, (int)KH_COUNT(takes_us));
  tcase_add_test(pace, a_limit_that_is_gone_is_forgotten);
  tcase_add_test(pace, when_there_are_too_many_the_oldest_begins_anew);
  return suite;
}

int main(void)
{
  return kh_test_main(pace_suite());
}
