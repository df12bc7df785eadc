/*
 * past.h - what is remembered of a branch and of a build (docs/memory.md), and how a webhook changes it.
 *
 * The folder is pure: a store (../memory.h) brings the rows as bytes, and writes what they have become.
 *   rank.h       which webhook is newer
 *   sighting.h   what one tells
 *   past.h       the rows: branch.c and build.c merge a webhook into them, past_read.c and past_write.c are
 *                their bytes
 *   history.h    what follows from both for this webhook
 *
 * Whatever order the same webhooks come in, the rows end up the same, as far as docs/memory.md promises it.
 */
#ifndef KH_PAST_H
#define KH_PAST_H

#include "memory/history/sighting.h"

enum { KH_BRANCH_BUILDS = 50, KH_BUILD_JOBS = 200, KH_PAST_ROW_MAX_BYTES = 128 * 1024 };

/* Times first, as in kh_build_time. */
enum { KH_FIELD_OUTCOME = KH_BUILD_TIMES, KH_FIELD_STATE, KH_BUILD_FIELDS };

struct kh_past_build {
  int64_t number;
  enum kh_build_outcome outcome;
  enum kh_build_state state;
  int64_t times_us[KH_BUILD_TIMES];      /* 0 for none */
  struct kh_rank ranks[KH_BUILD_FIELDS]; /* of the webhook that each is from; 0 where there is none */
};

/* Failed builds in a row. */
struct kh_run {
  int64_t count;    /* 0: there is none, and then the rest is 0 */
  int64_t first;    /* its number */
  int64_t since_us; /* when that one failed; 0 where that is not known */
};

/* What came before the builds of a branch that are remembered. */
struct kh_before {
  int64_t fallen;      /* the highest number that is no longer among them; 0 for none */
  int64_t last;        /* the last one with an outcome; 0 for none */
  int64_t last_passed; /* 0 for none */
  struct kh_run run;   /* of LAST, unless that passed */
};

struct kh_branch {
  struct kh_past_build builds[KH_BRANCH_BUILDS + 1]; /* by their numbers; one more while it is learning */
  size_t count;
  struct kh_before before;
};

struct kh_past_job {
  struct kh_job_id id, source, next; /* as a sighting has them */
  struct kh_rank rank, name_rank;
  enum kh_job_result result;
  bool is_retried;    /* a webhook of its own said so */
  struct kh_str name; /* borrowed */
};

struct kh_jobs {
  struct kh_past_job at[KH_BUILD_JOBS]; /* in the order of their ids */
  size_t count;
  int64_t more;   /* how often one was met for which there was no room */
  bool were_seen; /* a job.* webhook came */
};

/* Of a store, for the row that it gave: nobody else looks. */
struct kh_past_place {
  int64_t seq;     /* 0: there is none yet */
  int64_t seen_us; /* of its last webhook; for KH_ROW_NEW none */
};

/*
 * Both rows of one webhook. Large: keep one, and use it anew. The names of the jobs lie in what was read, or
 * in the sighting, and hold until the next kh_past_clear.
 */
struct kh_past {
  struct kh_branch branch;
  struct kh_past_build build;
  struct kh_jobs jobs;
  struct kh_buf branch_bytes, build_bytes; /* as a store brings them, or is to write them */
  struct kh_buf written;                   /* not for callers */
  struct kh_past_place branch_place, build_place;
  const char *damaged; /* "branch", "build": such a row was damaged, and counts as none; or NULL */
};

void kh_past_init(struct kh_past *past);
void kh_past_release(struct kh_past *past);
/* Nothing is remembered. What past had is void. */
void kh_past_clear(struct kh_past *past);

/*
 * Takes what a store put into past->branch_bytes and past->build_bytes; empty ones are none. Damaged bytes
 * count as none, and past->damaged says so.
 */
void kh_past_read(struct kh_past *past);
/* Merges SIGHTING, which must outlive what is done with PAST. */
void kh_past_learn(struct kh_past *past, const struct kh_sighting *sighting);
/* Writes both rows into past->branch_bytes and past->build_bytes. KH_ERR_LIMIT, KH_ERR_NO_MEMORY. */
enum kh_err kh_past_write(struct kh_past *past) KH_MUST_USE;

/* ---- branch.c ---- */

void kh_past_build_learn(struct kh_past_build *build, const struct kh_sighting *sighting);
void kh_branch_learn(struct kh_branch *branch, const struct kh_sighting *sighting);
/* When a build that failed did; 0 where that is not known. */
int64_t kh_past_build_failed_us(const struct kh_past_build *build);
/* RUN with one more failure, the latest. */
void kh_run_add(struct kh_run *run, const struct kh_past_build *build);

/* ---- build.c ---- */

void kh_jobs_learn(struct kh_jobs *jobs, const struct kh_sighting *sighting);

/* ---- past_read.c, past_write.c: one row each; false for bytes that are damaged ---- */

bool kh_branch_read(struct kh_branch *branch, struct kh_str bytes);
bool kh_build_read(struct kh_past_build *build, struct kh_jobs *jobs, struct kh_str bytes);
void kh_branch_write(const struct kh_branch *branch, struct kh_buf *bytes);
void kh_build_write(const struct kh_past_build *build, const struct kh_jobs *jobs, struct kh_buf *bytes);

#endif
