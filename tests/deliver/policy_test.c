#include "base/base.h"

#include "deliver/policy.h"
#include "support/suite.h"

/* docs/delivery.md: every status there is, by its class. */
static enum kh_err class_of(int status)
{
  static const int again[] = {0, 408, 425, 429};
  static const int refused[] = {401, 403, 404, 407, 410};

  for (size_t i = 0; i < KH_COUNT(again); i++)
    if (status == again[i])
      return KH_ERR_DELIVERY_FAILED;
  for (size_t i = 0; i < KH_COUNT(refused); i++)
    if (status == refused[i])
      return KH_ERR_DESTINATION_REFUSED;
  switch (status / 100) {
  case 2:
    return KH_OK;
  case 3:
    return KH_ERR_DESTINATION_REFUSED;
  case 5:
    return KH_ERR_DELIVERY_FAILED;
  default:
    return KH_ERR_DELIVERY_REFUSED;
  }
}

START_TEST(every_status_has_its_class)
{
  ck_assert_int_eq(kh_policy_judge(0), KH_ERR_DELIVERY_FAILED);
  for (int status = 100; status <= 999; status++)
    ck_assert_msg(kh_policy_judge(status) == class_of(status), "%d", status);
}
END_TEST

static const struct {
  enum kh_err failure;
  unsigned attempt;
  int64_t whole_s;
} waits[] = {
    {KH_ERR_DELIVERY_FAILED, 0, 10},          {KH_ERR_DELIVERY_FAILED, 1, 10},
    {KH_ERR_DELIVERY_FAILED, 2, 20},          {KH_ERR_DELIVERY_FAILED, 3, 40},
    {KH_ERR_DELIVERY_FAILED, 8, 1280},        {KH_ERR_DELIVERY_FAILED, 9, 2560},
    {KH_ERR_DELIVERY_FAILED, 10, 3600},       {KH_ERR_DELIVERY_FAILED, 12, 3600},
    {KH_ERR_DELIVERY_FAILED, UINT_MAX, 3600}, {KH_ERR_DESTINATION_REFUSED, 1, 3600},
    {KH_ERR_DESTINATION_REFUSED, 12, 3600},
};

/*
 * Of many, none is outside, each tenth of the way is hit by about a tenth of them, and the same start brings
 * the same.
 */
START_TEST(a_wait_is_spread_around_its_length)
{
  enum { DRAWS = 20000 };
  const int64_t whole_us = waits[_i].whole_s * 1000000;
  uint64_t jitter = (uint64_t)_i, again = jitter;
  size_t tenths[10] = {0};

  for (size_t i = 0; i < DRAWS; i++) {
    int64_t delay_us = kh_policy_delay_us(waits[_i].failure, waits[_i].attempt, -1, &jitter);

    ck_assert_int_eq(delay_us, kh_policy_delay_us(waits[_i].failure, waits[_i].attempt, -1, &again));
    ck_assert_int_ge(delay_us, whole_us / 4 * 3);
    ck_assert_int_le(delay_us, whole_us / 4 * 5);
    size_t tenth = (size_t)((delay_us - whole_us / 4 * 3) * 10 / (whole_us / 2 + 1));
    tenths[tenth]++;
  }
  for (size_t i = 0; i < KH_COUNT(tenths); i++) {
    ck_assert_uint_gt(tenths[i], DRAWS / 10 * 9 / 10);
    ck_assert_uint_lt(tenths[i], DRAWS / 10 * 11 / 10);
  }
}
END_TEST

START_TEST(what_was_asked_for_is_the_least)
{
  uint64_t jitter = 7;

  for (unsigned i = 0; i < 1000; i++) {
    ck_assert_int_eq(kh_policy_delay_us(KH_ERR_DELIVERY_FAILED, 1, 13, &jitter), 13000000);
    ck_assert_int_le(kh_policy_delay_us(KH_ERR_DELIVERY_FAILED, 1, 5, &jitter), 12500000);
    ck_assert_int_ge(kh_policy_delay_us(KH_ERR_DELIVERY_FAILED, 1, 11, &jitter), 11000000);
    ck_assert_int_eq(kh_policy_delay_us(KH_ERR_DELIVERY_FAILED, 1, INT64_MAX, &jitter), INT64_C(3600000000));
  }
}
END_TEST

START_TEST(a_rest_grows_with_the_failures)
{
  static const int wants_s[] = {0, 0, 1, 2, 5, 10, 20, 40, 60, 60};

  for (unsigned failures = 0; failures < KH_COUNT(wants_s); failures++) {
    ck_assert_int_eq(kh_policy_rest_us(failures, -1), wants_s[failures] * INT64_C(1000000));
    ck_assert_int_eq(kh_policy_rest_us(failures, 0), wants_s[failures] * INT64_C(1000000));
    ck_assert_int_eq(kh_policy_rest_us(failures, 1), INT64_C(1000000));
    ck_assert_int_eq(kh_policy_rest_us(failures, 90), INT64_C(90000000));
    ck_assert_int_eq(kh_policy_rest_us(failures, INT64_MAX), INT64_C(3600000000));
  }
  ck_assert_int_eq(kh_policy_rest_us(UINT_MAX, -1), INT64_C(60000000));
}
END_TEST

static Suite *policy_suite(void)
{
  Suite *suite = suite_create("policy");
  TCase *policy = kh_test_case(suite, "policy");

  tcase_add_test(policy, every_status_has_its_class);
  tcase_add_loop_test(policy, a_wait_is_spread_around_its_length, 0, (int)KH_COUNT(waits));
  tcase_add_test(policy, what_was_asked_for_is_the_least);
  tcase_add_test(policy, a_rest_grows_with_the_failures);
  return suite;
}

int main(void)
{
  return kh_test_main(policy_suite());
}
