#include "base/base.h"

#include "language/names/names_past.h"

static struct kh_value truth(enum kh_known known)
{
  return known == KH_UNKNOWN ? kh_value_null() : kh_value_truth(known == KH_YES);
}

static struct kh_value number(int64_t known)
{
  return known == KH_UNKNOWN_NUMBER ? kh_value_null() : kh_value_number(known);
}

static struct kh_value list(const struct kh_history *history, const struct kh_str *names, size_t count)
{
  return history->has_jobs ? kh_value_list(names, count) : kh_value_null();
}

struct kh_value kh_names_past_value(const struct kh_history *history, enum kh_name name)
{
  if (!history)
    return kh_value_null();
  switch (name) {
  case KH_NAME_PIPELINE_STARTED_FAILING:
    return truth(history->started_failing);
  case KH_NAME_PIPELINE_STARTED_PASSING:
  case KH_NAME_BUILD_FIXED:
    return truth(history->started_passing);
  case KH_NAME_PIPELINE_NEXT_FINISHED:
    return truth(history->next_finished);
  case KH_NAME_PIPELINE_CONSECUTIVE_FAILURES:
    return number(history->consecutive_failures);
  case KH_NAME_PIPELINE_FAILING_SINCE:
    return number(history->failing_since);
  case KH_NAME_PIPELINE_FAILING_FOR:
    return number(history->failing_for_s);
  case KH_NAME_PIPELINE_LAST_PASSED:
    return number(history->last_passed);
  case KH_NAME_PIPELINE_USUAL_DURATION:
    return number(history->usual_duration_s);
  case KH_NAME_BUILD_FAILED_JOBS:
    return list(history, history->failed_jobs, history->failed_count);
  case KH_NAME_BUILD_SOFT_FAILED_JOBS:
    return list(history, history->soft_failed_jobs, history->soft_failed_count);
  case KH_NAME_BUILD_MENDED_JOBS:
    return list(history, history->mended_jobs, history->mended_count);
  default:
    return kh_value_null();
  }
}
