#include "base/base.h"

#include "memory/history/history.h"

static const struct kh_past_job *find(const struct kh_jobs *jobs, const struct kh_job_id *id)
{
  for (size_t i = 0; i < jobs->count; i++)
    if (kh_job_id_equal(&jobs->at[i].id, id))
      return &jobs->at[i];
  return NULL;
}

static const struct kh_past_job *retry_of(const struct kh_jobs *jobs, const struct kh_job_id *id)
{
  for (size_t i = 0; i < jobs->count; i++)
    if (kh_job_id_equal(&jobs->at[i].source, id))
      return &jobs->at[i];
  return NULL;
}

/* The one behind JOB in its chain of retries; NULL where it is not known. *IS_RETRIED: there is one. */
static const struct kh_past_job *next_of(const struct kh_jobs *jobs, const struct kh_past_job *job,
                                         bool *is_retried)
{
  const struct kh_past_job *named = kh_job_id_is_set(&job->next) ? find(jobs, &job->next) : NULL;
  const struct kh_past_job *retry = named ? named : retry_of(jobs, &job->id);

  *is_retried = job->is_retried || retry;
  return retry;
}

/* A chain that bites its own tail has no last one. */
static bool has_passed_in_the_end(const struct kh_jobs *jobs, const struct kh_past_job *job)
{
  bool is_retried = true;

  for (size_t i = 0; job && is_retried && i <= jobs->count; i++) {
    const struct kh_past_job *next = next_of(jobs, job, &is_retried);

    if (is_retried)
      job = next;
  }
  return job && !is_retried && job->result == KH_JOB_PASSED;
}

enum list { LIST_NONE, LIST_FAILED, LIST_SOFT_FAILED, LIST_MENDED };

static enum list list_of(const struct kh_jobs *jobs, const struct kh_past_job *job)
{
  bool is_retried = false;

  if (job->name.len == 0 || (job->result != KH_JOB_FAILED && job->result != KH_JOB_SOFT_FAILED))
    return LIST_NONE;
  (void)next_of(jobs, job, &is_retried);
  if (is_retried)
    return has_passed_in_the_end(jobs, job) ? LIST_MENDED : LIST_NONE;
  return job->result == KH_JOB_FAILED ? LIST_FAILED : LIST_SOFT_FAILED;
}

static int compare_names(const void *one, const void *other)
{
  return kh_str_compare(*(const struct kh_str *)one, *(const struct kh_str *)other);
}

/* The jobs of LIST, by their names and each name once, behind NAMES; how many. */
static size_t take_list(const struct kh_jobs *jobs, const enum list *lists, enum list list,
                        struct kh_str *names)
{
  size_t count = 0, kept = 0;

  for (size_t i = 0; i < jobs->count; i++)
    if (lists[i] == list)
      names[count++] = jobs->at[i].name;
  if (count > 1)
    qsort(names, count, sizeof *names, compare_names);
  for (size_t i = 0; i < count; i++)
    if (kept == 0 || !kh_str_equal(names[kept - 1], names[i]))
      names[kept++] = names[i];
  return kept;
}

void kh_history_take_jobs(struct kh_history *history, const struct kh_jobs *jobs)
{
  enum list lists[KH_BUILD_JOBS];
  struct kh_str *names = history->names;

  history->has_jobs = jobs->were_seen;
  for (size_t i = 0; i < jobs->count; i++)
    lists[i] = list_of(jobs, &jobs->at[i]);
  history->failed_jobs = names;
  history->failed_count = take_list(jobs, lists, LIST_FAILED, names);
  names += history->failed_count;
  history->soft_failed_jobs = names;
  history->soft_failed_count = take_list(jobs, lists, LIST_SOFT_FAILED, names);
  names += history->soft_failed_count;
  history->mended_jobs = names;
  history->mended_count = take_list(jobs, lists, LIST_MENDED, names);
}
