#include "base/base.h"

#include "memory/history/past.h"

/* True where VALUE, of a webhook of RANK, is to replace OLD, of one of *OLD_RANK; and then notes RANK. */
static bool replaces(int64_t value, const struct kh_rank *rank, int64_t old, struct kh_rank *old_rank)
{
  const int newer = old ? kh_rank_compare(rank, old_rank) : 1;
  const bool does = value != 0 && (newer > 0 || (newer == 0 && value > old));

  if (does)
    *old_rank = *rank;
  return does;
}

void kh_past_build_learn(struct kh_past_build *build, const struct kh_sighting *sighting)
{
  const struct kh_rank *rank = &sighting->rank;

  build->number = sighting->number;
  for (size_t i = 0; i < KH_BUILD_TIMES; i++)
    if (replaces(sighting->times_us[i], rank, build->times_us[i], &build->ranks[i]))
      build->times_us[i] = sighting->times_us[i];
  if (replaces(sighting->outcome, rank, build->outcome, &build->ranks[KH_FIELD_OUTCOME]))
    build->outcome = sighting->outcome;
  if (replaces(sighting->state, rank, build->state, &build->ranks[KH_FIELD_STATE]))
    build->state = sighting->state;
}

int64_t kh_past_build_failed_us(const struct kh_past_build *build)
{
  const int64_t *times_us = build->times_us;

  return times_us[KH_AT_FAILING] ? times_us[KH_AT_FAILING] : times_us[KH_AT_FINISHED];
}

void kh_run_add(struct kh_run *run, const struct kh_past_build *build)
{
  if (run->count++ > 0)
    return;
  run->first = build->number;
  run->since_us = kh_past_build_failed_us(build);
}

static void go_before(struct kh_before *before, const struct kh_past_build *build)
{
  before->fallen = build->number;
  if (build->outcome == KH_OUTCOME_NONE)
    return;
  before->last = build->number;
  if (build->outcome == KH_OUTCOME_FAILED) {
    kh_run_add(&before->run, build);
    return;
  }
  before->last_passed = build->number;
  before->run = (struct kh_run){0};
}

void kh_branch_learn(struct kh_branch *branch, const struct kh_sighting *sighting)
{
  size_t at = branch->count;

  if (sighting->number <= branch->before.fallen)
    return;
  while (at > 0 && branch->builds[at - 1].number > sighting->number)
    at--;
  if (at > 0 && branch->builds[at - 1].number == sighting->number) {
    kh_past_build_learn(&branch->builds[at - 1], sighting);
    return;
  }
  memmove(&branch->builds[at + 1], &branch->builds[at], (branch->count - at) * sizeof *branch->builds);
  branch->builds[at] = (struct kh_past_build){0};
  kh_past_build_learn(&branch->builds[at], sighting);
  branch->count++;
  if (branch->count <= KH_BRANCH_BUILDS)
    return;
  go_before(&branch->before, &branch->builds[0]);
  branch->count--;
  memmove(&branch->builds[0], &branch->builds[1], branch->count * sizeof *branch->builds);
}
