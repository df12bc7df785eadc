#include "base/base.h"

#include "memory/history/past.h"

/* Where the job ID is, or is to go: they lie in the order of their ids, whatever order they came in. */
static size_t place_of(const struct kh_jobs *jobs, const struct kh_job_id *id)
{
  size_t low = 0;

  for (size_t high = jobs->count; low < high;) {
    const size_t middle = low + (high - low) / 2;

    if (memcmp(&jobs->at[middle].id, id, sizeof *id) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool has_retry(const struct kh_jobs *jobs, const struct kh_job_id *id)
{
  for (size_t i = 0; i < jobs->count; i++)
    if (kh_job_id_equal(&jobs->at[i].source, id))
      return true;
  return false;
}

static bool is_to_remember(const struct kh_jobs *jobs, const struct kh_job_sighting *job)
{
  return job->result == KH_JOB_FAILED || job->result == KH_JOB_SOFT_FAILED || job->is_retried ||
         job->is_retry || has_retry(jobs, &job->id);
}

static void learn_name(struct kh_past_job *known, const struct kh_job_sighting *job)
{
  const int newer = known->name.len > 0 ? kh_rank_compare_jobs(&job->rank, &known->name_rank) : 1;

  if (job->name.len == 0 || newer < 0 || (newer == 0 && kh_str_compare(job->name, known->name) <= 0))
    return;
  known->name = job->name;
  known->name_rank = job->rank;
}

/* What is said once stays; of two that differ, whichever comes first, the same one. */
static void learn_id(struct kh_job_id *known, const struct kh_job_id *id)
{
  if (memcmp(id, known, sizeof *id) > 0)
    *known = *id;
}

static void learn_job(struct kh_past_job *known, const struct kh_job_sighting *job)
{
  const int newer = kh_rank_compare_jobs(&job->rank, &known->rank);

  if (newer > 0 || (newer == 0 && job->result > known->result)) {
    known->result = job->result;
    known->rank = job->rank;
  }
  known->is_retried = known->is_retried || job->is_retried;
  learn_id(&known->source, &job->source);
  learn_id(&known->next, &job->next);
  learn_name(known, job);
}

void kh_jobs_learn(struct kh_jobs *jobs, const struct kh_sighting *sighting)
{
  const struct kh_job_sighting *job = &sighting->job;

  if (!sighting->is_of_job)
    return;
  jobs->were_seen = true;
  if (!kh_job_id_is_set(&job->id))
    return;
  const size_t place = place_of(jobs, &job->id);
  struct kh_past_job *known = &jobs->at[place];
  const bool is_known = place < jobs->count && kh_job_id_equal(&known->id, &job->id);
  if (!is_known && !is_to_remember(jobs, job))
    return;
  if (!is_known && jobs->count == KH_BUILD_JOBS) {
    jobs->more++;
    return;
  }
  if (!is_known) {
    memmove(known + 1, known, (jobs->count++ - place) * sizeof *known);
    *known = (struct kh_past_job){.id = job->id, .rank = job->rank};
  }
  learn_job(known, job);
}
