#include "base/base.h"

#include "lambda/runtime.h"
#include "support/suite.h"

#include <check.h>

/* The pure parts of lambda/runtime.c; the loop itself is tested by integration/lambda_runtime_test.py. */

enum { NOW_MS = 1000000 };

static const struct {
  int64_t deadline_ms;
  int64_t now_ms;
  int64_t budget_ms;
} budgets[] = {
    {NOW_MS + 60000, NOW_MS, 4000},
    {NOW_MS + 4250, NOW_MS, 4000},
    {NOW_MS + 4249, NOW_MS, 3999},
    {NOW_MS + 1000, NOW_MS, 750},
    {NOW_MS + 251, NOW_MS, 1},
    {NOW_MS + 250, NOW_MS, 0},
    {NOW_MS + 1, NOW_MS, 0},
    {NOW_MS, NOW_MS, 0},
    {NOW_MS - 1, NOW_MS, 0},
    {5000, INT64_MAX, 0},
    {INT64_MIN, NOW_MS, 0},
    {INT64_MAX, NOW_MS, 4000},
    {INT64_MAX, INT64_MIN, 4000},
    {INT64_MIN, INT64_MAX, 0},
    {0, -250, 0},
    {0, -251, 1},
};

START_TEST(budget)
{
  ck_assert_int_eq(kh_runtime_budget_ms(budgets[_i].deadline_ms, budgets[_i].now_ms), budgets[_i].budget_ms);
}
END_TEST

static const struct {
  const char *text; /* NULL: no header */
  int64_t left_ms;
} deadlines[] = {
    {"1060000", 60000},
    {"1000001", 1},
    {"1960000", 960000},
    {"1960001", 5000},
    {"1000000", 5000},
    {"999999", 5000},
    {"0", 5000},
    {"5000", 5000},
    {NULL, 5000},
    {"", 5000},
    {"-1", 5000},
    {"1060000 ", 5000},
    {"1.06e6", 5000},
    {"9223372036854775807", 5000},
    {"9223372036854775808", 5000},
    {"18446744073709551615", 5000},
    {"99999999999999999999999", 5000},
};

START_TEST(deadline)
{
  ck_assert_int_eq(kh_runtime_deadline_ms(kh_str_of(deadlines[_i].text), NOW_MS),
                   NOW_MS + deadlines[_i].left_ms);
}
END_TEST

static Suite *make_suite(void)
{
  Suite *suite = suite_create("lambda_runtime");
  TCase *tcase = tcase_create("time");

  tcase_add_loop_test(tcase, budget, 0, KH_COUNT(budgets));
  tcase_add_loop_test(tcase, deadline, 0, KH_COUNT(deadlines));
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void)
{
  return kh_test_main(make_suite());
}
