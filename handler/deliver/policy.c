#include "base/base.h"

#include "deliver/policy.h"

enum { FIRST_S = 10, LONGEST_S = 3600 };

enum kh_err kh_policy_judge(int status)
{
  static const int refusals[] = {401, 403, 404, 407, 410};

  if (status >= 200 && status <= 299)
    return KH_OK;
  if (status == 0 || status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599))
    return KH_ERR_DELIVERY_FAILED;
  for (size_t i = 0; i < KH_COUNT(refusals); i++)
    if (status == refusals[i])
      return KH_ERR_DESTINATION_REFUSED;
  return status >= 300 && status <= 399 ? KH_ERR_DESTINATION_REFUSED : KH_ERR_DELIVERY_REFUSED;
}

static int64_t backoff_s(enum kh_err failure, unsigned attempt)
{
  int64_t delay_s = failure == KH_ERR_DESTINATION_REFUSED ? LONGEST_S : FIRST_S;

  for (unsigned i = 1; i < attempt && delay_s < LONGEST_S; i++)
    delay_s *= 2;
  return delay_s < LONGEST_S ? delay_s : LONGEST_S;
}

/* SplitMix64, Steele, Lea and Flood 2014: it only has to spread. */
static uint64_t next_random(uint64_t *state)
{
  uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15);

  mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
  return mixed ^ (mixed >> 31);
}

static int64_t asked_us(int64_t retry_after_s)
{
  return (retry_after_s < LONGEST_S ? retry_after_s : LONGEST_S) * 1000000;
}

int64_t kh_policy_delay_us(enum kh_err failure, unsigned attempt, int64_t retry_after_s, uint64_t *jitter)
{
  const int64_t whole_us = backoff_s(failure, attempt) * 1000000;
  const int64_t own_us = whole_us * 3 / 4 + (int64_t)(next_random(jitter) % ((uint64_t)whole_us / 2 + 1));

  return asked_us(retry_after_s) > own_us ? asked_us(retry_after_s) : own_us;
}

int64_t kh_policy_rest_us(unsigned failures, int64_t retry_after_s)
{
  static const int rests_s[] = {0, 0, 1, 2, 5, 10, 20, 40, 60};
  const size_t last = KH_COUNT(rests_s) - 1;

  if (retry_after_s > 0)
    return asked_us(retry_after_s);
  return rests_s[failures < last ? failures : last] * INT64_C(1000000);
}
