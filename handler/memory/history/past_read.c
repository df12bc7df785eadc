#include "base/base.h"

#include "memory/history/past_bytes.h"

/* Once it has failed everything is 0, and so every loop ends. */
struct reader {
  struct kh_str rest;
  bool failed;
  struct kh_past_lasts lasts;
};

static uint64_t fail(struct reader *reader)
{
  reader->failed = true;
  reader->rest.len = 0;
  return 0;
}

static uint64_t get(struct reader *reader)
{
  uint64_t number = 0;

  for (unsigned shift = 0; shift < 64 && reader->rest.len > 0; shift += 7) {
    const unsigned char byte = (unsigned char)reader->rest.at[0];

    reader->rest = kh_str(reader->rest.at + 1, reader->rest.len - 1);
    if (shift == 63 && byte > 1)
      break;
    number |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80)
      return number;
  }
  return fail(reader);
}

static uint64_t get_up_to(struct reader *reader, uint64_t most)
{
  const uint64_t number = get(reader);

  return number <= most ? number : fail(reader);
}

static int64_t get_count(struct reader *reader)
{
  return (int64_t)get_up_to(reader, INT64_MAX);
}

/* All that is told so is above 0. */
static int64_t get_step(struct reader *reader, int64_t *last)
{
  const uint64_t coded = get(reader);
  const uint64_t sum = (uint64_t)*last + (coded >> 1 ^ (coded & 1 ? UINT64_MAX : 0));

  if (sum == 0 || sum > INT64_MAX)
    return (int64_t)fail(reader);
  *last = (int64_t)sum;
  return *last;
}

static struct kh_rank get_rank(struct reader *reader)
{
  const unsigned byte = (unsigned)get_up_to(reader, 127);
  struct kh_rank rank = {.step = byte & KH_BYTES_STEP_MASK,
                         .word = (unsigned char)(byte >> KH_BYTES_WORD & KH_RANK_WORD_MAX)};

  if (rank.step > KH_STEP_END)
    (void)fail(reader);
  if (byte & KH_BYTES_SENT)
    rank.sent_s = get_step(reader, &reader->lasts.sent_s);
  if (byte & KH_BYTES_HAS_FINISHED)
    rank.finished_us = get_step(reader, &reader->lasts.time_us);
  return rank;
}

static void get_ranks(struct reader *reader, struct kh_past_build *build)
{
  const size_t count = (size_t)get_up_to(reader, KH_BUILD_FIELDS);
  struct kh_rank told[KH_BUILD_FIELDS] = {{0}};

  for (size_t i = 0; i < count; i++)
    told[i] = get_rank(reader);
  for (size_t i = 0; i < KH_BUILD_FIELDS; i += 2) {
    const unsigned both = count > 1 ? (unsigned)get_up_to(reader, 63) : 0;
    const unsigned which[] = {both & 7, both >> 3};

    for (size_t j = 0; j < KH_COUNT(which); j++) {
      const bool is_known = kh_past_build_has(build, i + j);

      if (which[j] >= (is_known || which[j] > 0 ? count : 1))
        (void)fail(reader);
      else
        build->ranks[i + j] = is_known ? told[which[j]] : (struct kh_rank){0};
    }
  }
}

static void get_build(struct reader *reader, struct kh_past_build *build)
{
  build->number = get_step(reader, &reader->lasts.number);
  const unsigned outcome_and_state = (unsigned)get_up_to(reader, (KH_BUILD_STATE__COUNT << 2) - 1);
  const unsigned times = (unsigned)get_up_to(reader, (1U << KH_BUILD_TIMES) - 1);
  build->outcome = (enum kh_build_outcome)(outcome_and_state & 3);
  build->state = (enum kh_build_state)(outcome_and_state >> 2);
  if (build->outcome >= KH_OUTCOME__COUNT)
    (void)fail(reader);
  for (size_t i = 0; i < KH_BUILD_TIMES; i++)
    build->times_us[i] = times >> i & 1 ? get_step(reader, &reader->lasts.time_us) : 0;
  get_ranks(reader, build);
}

static bool is_whole(const struct reader *reader)
{
  return !reader->failed && reader->rest.len == 0;
}

bool kh_branch_read(struct kh_branch *branch, struct kh_str bytes)
{
  struct reader reader = {.rest = bytes};
  struct kh_before *before = &branch->before;
  int64_t *const numbers[] = {&before->fallen,    &before->last,      &before->last_passed,
                              &before->run.count, &before->run.first, &before->run.since_us};

  if (get(&reader) != KH_BYTES_VERSION)
    (void)fail(&reader);
  for (size_t i = 0; i < KH_COUNT(numbers); i++)
    *numbers[i] = get_count(&reader);
  branch->count = (size_t)get_up_to(&reader, KH_BRANCH_BUILDS);
  for (size_t i = 0; i < branch->count && !reader.failed; i++) {
    const int64_t last = reader.lasts.number;

    get_build(&reader, &branch->builds[i]);
    if (branch->builds[i].number <= (i > 0 ? last : before->fallen))
      (void)fail(&reader);
  }
  return is_whole(&reader);
}

static struct kh_str get_text(struct reader *reader, size_t len)
{
  const struct kh_str text = kh_str(reader->rest.at, len);

  if (len > reader->rest.len) {
    (void)fail(reader);
    return KH_STR("");
  }
  reader->rest = kh_str(reader->rest.at + len, reader->rest.len - len);
  return text;
}

static struct kh_job_id get_id(struct reader *reader)
{
  const struct kh_str bytes = get_text(reader, KH_JOB_ID_BYTES);
  struct kh_job_id id = {{0}};

  if (bytes.len == sizeof id.at)
    memcpy(id.at, bytes.at, sizeof id.at);
  return id;
}

static void get_job(struct reader *reader, struct kh_past_job *job)
{
  const unsigned byte = (unsigned)get_up_to(reader, 31);

  *job = (struct kh_past_job){.result = (enum kh_job_result)(byte & 3),
                              .is_retried = (byte & KH_BYTES_RETRIED) != 0};
  job->id = get_id(reader);
  if (byte & KH_BYTES_SOURCE)
    job->source = get_id(reader);
  if (byte & KH_BYTES_NEXT)
    job->next = get_id(reader);
  job->rank = get_rank(reader);
  job->name_rank = get_rank(reader);
  job->name = get_text(reader, (size_t)get_up_to(reader, KH_JOB_NAME_BYTES));
}

bool kh_build_read(struct kh_past_build *build, struct kh_jobs *jobs, struct kh_str bytes)
{
  struct reader reader = {.rest = bytes};

  if (get(&reader) != KH_BYTES_VERSION)
    (void)fail(&reader);
  get_build(&reader, build);
  jobs->were_seen = get_up_to(&reader, 1) != 0;
  jobs->more = get_count(&reader);
  jobs->count = (size_t)get_up_to(&reader, KH_BUILD_JOBS);
  for (size_t i = 0; i < jobs->count && !reader.failed; i++) {
    get_job(&reader, &jobs->at[i]);
    if (i > 0 && memcmp(&jobs->at[i - 1].id, &jobs->at[i].id, sizeof jobs->at[i].id) >= 0)
      (void)fail(&reader);
  }
  return is_whole(&reader);
}
