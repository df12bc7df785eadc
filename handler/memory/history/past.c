#include "base/base.h"

#include "memory/history/past.h"

void kh_past_init(struct kh_past *past)
{
  kh_buf_init(&past->branch_bytes, KH_PAST_ROW_MAX_BYTES);
  kh_buf_init(&past->build_bytes, KH_PAST_ROW_MAX_BYTES);
  kh_buf_init(&past->written, KH_PAST_ROW_MAX_BYTES);
  kh_past_clear(past);
}

void kh_past_release(struct kh_past *past)
{
  kh_buf_release(&past->branch_bytes);
  kh_buf_release(&past->build_bytes);
  kh_buf_release(&past->written);
}

static void clear_branch(struct kh_past *past)
{
  past->branch.count = 0;
  past->branch.before = (struct kh_before){0};
}

static void clear_build(struct kh_past *past)
{
  past->build = (struct kh_past_build){0};
  past->jobs.count = 0;
  past->jobs.more = 0;
  past->jobs.were_seen = false;
}

void kh_past_clear(struct kh_past *past)
{
  kh_buf_clear(&past->branch_bytes);
  kh_buf_clear(&past->build_bytes);
  past->branch_place = past->build_place = (struct kh_past_place){0};
  past->damaged = NULL;
  clear_branch(past);
  clear_build(past);
}

void kh_past_read(struct kh_past *past)
{
  const struct kh_str branch = kh_buf_view(&past->branch_bytes), build = kh_buf_view(&past->build_bytes);

  if (branch.len > 0 && !kh_branch_read(&past->branch, branch)) {
    clear_branch(past);
    past->damaged = "branch";
  }
  if (build.len > 0 && !kh_build_read(&past->build, &past->jobs, build)) {
    clear_build(past);
    past->damaged = "build";
  }
}

void kh_past_learn(struct kh_past *past, const struct kh_sighting *sighting)
{
  kh_branch_learn(&past->branch, sighting);
  kh_past_build_learn(&past->build, sighting);
  kh_jobs_learn(&past->jobs, sighting);
}

enum kh_err kh_past_write(struct kh_past *past)
{
  struct kh_buf *bytes = &past->written;
  const struct kh_buf names = past->build_bytes;

  kh_buf_clear(&past->branch_bytes);
  kh_branch_write(&past->branch, &past->branch_bytes);
  kh_buf_clear(bytes);
  kh_build_write(&past->build, &past->jobs, bytes);
  past->build_bytes = *bytes;
  *bytes = names; /* the jobs' names lie there still */
  const enum kh_err err = kh_buf_ok(&past->branch_bytes);
  return err ? err : kh_buf_ok(&past->build_bytes);
}
