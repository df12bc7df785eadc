/*
 * Target: handler/memory/history/past_read.c. A row is damaged, or it can be learnt into, asked and written;
 * and what was written reads and writes as the same again. The first byte says which row: even, a branch.
 */
#include "base/base.h"

#include "fuzz/replay.h"
#include "memory/history/history.h"

static struct kh_past past;
static struct kh_history history;
static bool is_ready;

static void must(bool holds)
{
  if (!holds)
    abort();
}

static void fill(struct kh_buf *bytes, struct kh_str text)
{
  kh_buf_clear(bytes);
  must(kh_buf_add(bytes, text) == KH_OK);
}

/* What was read is written, and that must read. */
static void write_and_read(struct kh_buf *row, struct kh_buf *copy)
{
  must(kh_past_write(&past) == KH_OK);
  fill(copy, kh_buf_view(row));
  struct kh_buf branch, build;
  kh_buf_init(&branch, KH_PAST_ROW_MAX_BYTES);
  kh_buf_init(&build, KH_PAST_ROW_MAX_BYTES);
  fill(&branch, kh_buf_view(&past.branch_bytes));
  fill(&build, kh_buf_view(&past.build_bytes));
  kh_past_clear(&past);
  fill(&past.branch_bytes, kh_buf_view(&branch));
  fill(&past.build_bytes, kh_buf_view(&build));
  kh_buf_release(&branch);
  kh_buf_release(&build);
  kh_past_read(&past);
  must(!past.damaged);
  must(kh_past_write(&past) == KH_OK);
  must(kh_str_equal(kh_buf_view(row), kh_buf_view(copy)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_sighting sighting = {.build_id = KH_STR("b"),
                                 .branch = KH_STR("m"),
                                 .number = 7,
                                 .rank = {.sent_s = 5, .step = KH_STEP_END, .word = 3},
                                 .state = KH_BUILD_FAILED,
                                 .outcome = KH_OUTCOME_FAILED,
                                 .latest_us = 5000000,
                                 .is_of_job = true,
                                 .job = {.id = {{1}}, .result = KH_JOB_FAILED, .name = KH_STR("Lint")}};
  struct kh_buf copy;

  if (size == 0 || size > KH_PAST_ROW_MAX_BYTES)
    return 0;
  if (!is_ready)
    kh_past_init(&past);
  is_ready = true;
  struct kh_buf *row = data[0] % 2 ? &past.build_bytes : &past.branch_bytes;
  kh_past_clear(&past);
  fill(row, kh_str((const char *)data + 1, size - 1));
  kh_past_read(&past);
  must(past.branch.count <= KH_BRANCH_BUILDS && past.jobs.count <= KH_BUILD_JOBS);
  if (past.damaged)
    must(past.branch.count == 0 && past.jobs.count == 0);
  kh_past_learn(&past, &sighting);
  kh_history_of(&past, &sighting, &history);
  must(history.failed_count + history.soft_failed_count + history.mended_count <= KH_BUILD_JOBS);
  kh_buf_init(&copy, KH_PAST_ROW_MAX_BYTES);
  write_and_read(row, &copy);
  kh_buf_release(&copy);
  return 0;
}
