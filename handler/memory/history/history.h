/*
 * history.h - what is known about a webhook's build and what came before it, once memory has learnt of it:
 * each name of docs/memory.md.
 */
#ifndef KH_HISTORY_H
#define KH_HISTORY_H

#include "memory/history/past.h"

enum kh_known { KH_UNKNOWN, KH_NO, KH_YES };

/* Why there is none. */
enum kh_history_state {
  KH_HISTORY_NO_MEMORY, /* nothing is remembered where this runs */
  KH_HISTORY_NOT_TOLD,  /* the webhook names no pipeline, build and branch: nothing to remember it by */
  KH_HISTORY_FALLEN,    /* the build is no longer among those that are remembered; lists may be there */
  KH_HISTORY_THERE
};

enum { KH_UNKNOWN_NUMBER = -1 };

struct kh_history {
  enum kh_history_state state;
  enum kh_known started_failing, started_passing, next_finished;
  int64_t consecutive_failures; /* KH_UNKNOWN_NUMBER where it is null, as in the next four */
  int64_t failing_since, failing_for_s;
  int64_t last_passed;
  int64_t usual_duration_s;
  struct kh_run run;   /* that this build is in, or comes behind */
  struct kh_run ended; /* that this build, which passed, has ended, where it started passing */
  int64_t ended_for_s; /* how long that lasted; KH_UNKNOWN_NUMBER where nothing tells */
  bool has_jobs;       /* else the lists are null */
  const struct kh_str *failed_jobs, *soft_failed_jobs, *mended_jobs; /* into `names` */
  size_t failed_count, soft_failed_count, mended_count;
  struct kh_str names[KH_BUILD_JOBS]; /* borrowed from the past */
};

/* Nothing is known, because of STATE. */
void kh_history_none(struct kh_history *history, enum kh_history_state state);
/* What PAST, which has learnt of SIGHTING and outlives HISTORY's use, says of it. */
void kh_history_of(const struct kh_past *past, const struct kh_sighting *sighting,
                   struct kh_history *history);

/*
 * What BRANCH says of the build at the place AT in it, in HISTORY, where kh_history_none was called. The run
 * lasts up to LATEST_US; 0 for none.
 */
void kh_history_at(const struct kh_branch *branch, size_t at, int64_t latest_us, struct kh_history *history);

/* ---- history_jobs.c ---- */

/* The lists. */
void kh_history_take_jobs(struct kh_history *history, const struct kh_jobs *jobs);

#endif
