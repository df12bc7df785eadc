#include "base/base.h"

#include "deliver/outbox.h"

enum { FIRST_S = 10, LONGEST_S = 3600 };

int64_t kh_retry_delay_us(unsigned attempt)
{
  int64_t delay_s = FIRST_S;

  for (unsigned i = 1; i < attempt && delay_s < LONGEST_S; i++)
    delay_s *= 2;
  return (delay_s < LONGEST_S ? delay_s : LONGEST_S) * 1000000;
}

int64_t kh_retry_delay_asked_us(unsigned attempt, int64_t retry_after_s)
{
  int64_t own_us = kh_retry_delay_us(attempt);
  int64_t asked_us = (retry_after_s < LONGEST_S ? retry_after_s : LONGEST_S) * 1000000;

  return asked_us > own_us ? asked_us : own_us;
}

bool kh_retry_may_help(int status)
{
  return status == 0 || status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599);
}
