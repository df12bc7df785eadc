#include "base/base.h"

#include "memory/history/past_bytes.h"

/*
 * Small numbers are small: seven bits a byte, the lowest first, with the top bit where another one follows. A
 * time is told by how far it is from the one before it.
 */
static void put(struct kh_buf *bytes, uint64_t number)
{
  char coded[10];
  size_t len = 0;

  do {
    coded[len++] = (char)((number & 0x7F) | (number > 0x7F ? 0x80 : 0));
    number >>= 7;
  } while (number > 0);
  (void)kh_buf_add(bytes, kh_str(coded, len));
}

/* From *LAST to NUMBER, which it becomes; 0, -1, 1, -2 are 0, 1, 2, 3. */
static void put_step(struct kh_buf *bytes, int64_t *last, int64_t number)
{
  const uint64_t step = (uint64_t)number - (uint64_t)*last;

  put(bytes, step << 1 ^ (step >> 63 ? UINT64_MAX : 0));
  *last = number;
}

static void put_rank(struct kh_buf *bytes, struct kh_past_lasts *lasts, const struct kh_rank *rank)
{
  unsigned byte = rank->step | (unsigned)rank->word << KH_BYTES_WORD;

  byte |= rank->sent_s > 0 ? KH_BYTES_SENT : 0;
  byte |= rank->finished_us > 0 ? KH_BYTES_HAS_FINISHED : 0;
  put(bytes, byte);
  if (rank->sent_s > 0)
    put_step(bytes, &lasts->sent_s, rank->sent_s);
  if (rank->finished_us > 0)
    put_step(bytes, &lasts->time_us, rank->finished_us);
}

/* Most of a build's facts are of one webhook. */
static void put_ranks(struct kh_buf *bytes, struct kh_past_lasts *lasts, const struct kh_past_build *build)
{
  size_t count = 0;
  const struct kh_rank *told[KH_BUILD_FIELDS];
  unsigned which[KH_BUILD_FIELDS] = {0};

  for (size_t i = 0; i < KH_BUILD_FIELDS; i++) {
    size_t same = 0;

    if (!kh_past_build_has(build, i))
      continue;
    while (same < count && !kh_rank_is_same(told[same], &build->ranks[i]))
      same++;
    if (same == count)
      told[count++] = &build->ranks[i];
    which[i] = (unsigned)same;
  }
  put(bytes, count);
  for (size_t i = 0; i < count; i++)
    put_rank(bytes, lasts, told[i]);
  for (size_t i = 0; i < KH_BUILD_FIELDS && count > 1; i += 2)
    put(bytes, which[i] | which[i + 1] << 3);
}

static void put_build(struct kh_buf *bytes, struct kh_past_lasts *lasts, const struct kh_past_build *build)
{
  unsigned times = 0;

  put_step(bytes, &lasts->number, build->number);
  for (size_t i = 0; i < KH_BUILD_TIMES; i++)
    times |= build->times_us[i] > 0 ? 1U << i : 0;
  put(bytes, (unsigned)build->outcome | (unsigned)build->state << 2);
  put(bytes, times);
  for (size_t i = 0; i < KH_BUILD_TIMES; i++)
    if (build->times_us[i] > 0)
      put_step(bytes, &lasts->time_us, build->times_us[i]);
  put_ranks(bytes, lasts, build);
}

void kh_branch_write(const struct kh_branch *branch, struct kh_buf *bytes)
{
  const struct kh_before *before = &branch->before;
  const int64_t numbers[] = {before->fallen,    before->last,      before->last_passed,
                             before->run.count, before->run.first, before->run.since_us};
  struct kh_past_lasts lasts = {0};

  put(bytes, KH_BYTES_VERSION);
  for (size_t i = 0; i < KH_COUNT(numbers); i++)
    put(bytes, (uint64_t)numbers[i]);
  put(bytes, branch->count);
  for (size_t i = 0; i < branch->count; i++)
    put_build(bytes, &lasts, &branch->builds[i]);
}

static void put_id(struct kh_buf *bytes, const struct kh_job_id *id)
{
  if (kh_job_id_is_set(id))
    (void)kh_buf_add(bytes, kh_str((const char *)id->at, sizeof id->at));
}

static void put_job(struct kh_buf *bytes, struct kh_past_lasts *lasts, const struct kh_past_job *job)
{
  unsigned byte = (unsigned)job->result;

  byte |= job->is_retried ? KH_BYTES_RETRIED : 0;
  byte |= kh_job_id_is_set(&job->source) ? KH_BYTES_SOURCE : 0;
  byte |= kh_job_id_is_set(&job->next) ? KH_BYTES_NEXT : 0;
  put(bytes, byte);
  put_id(bytes, &job->id);
  put_id(bytes, &job->source);
  put_id(bytes, &job->next);
  put_rank(bytes, lasts, &job->rank);
  put_rank(bytes, lasts, &job->name_rank);
  put(bytes, job->name.len);
  (void)kh_buf_add(bytes, job->name);
}

void kh_build_write(const struct kh_past_build *build, const struct kh_jobs *jobs, struct kh_buf *bytes)
{
  struct kh_past_lasts lasts = {0};

  put(bytes, KH_BYTES_VERSION);
  put_build(bytes, &lasts, build);
  put(bytes, jobs->were_seen);
  put(bytes, (uint64_t)jobs->more);
  put(bytes, jobs->count);
  for (size_t i = 0; i < jobs->count; i++)
    put_job(bytes, &lasts, &jobs->at[i]);
}
