/*
 * sighting.h - what one webhook tells of its build and its job, for memory.
 */
#ifndef KH_SIGHTING_H
#define KH_SIGHTING_H

#include "base/arena.h"
#include "memory/history/rank.h"
#include "receive/event.h"

enum kh_build_outcome { KH_OUTCOME_NONE, KH_OUTCOME_PASSED, KH_OUTCOME_FAILED, KH_OUTCOME__COUNT };

/* X(identifier, word, how far on it is, its word's rank). Of two that are equal in both the later wins. */
#define KH_BUILD_STATES(X)        \
  X(UNKNOWN, "", 0, 0)            \
  X(CREATING, "creating", 0, 0)   \
  X(SCHEDULED, "scheduled", 0, 0) \
  X(CANCELING, "canceling", 1, 0) \
  X(RUNNING, "running", 1, 0)     \
  X(STARTED, "started", 1, 0)     \
  X(FAILING, "failing", 2, 2)     \
  X(BLOCKED, "blocked", 3, 0)     \
  X(CANCELED, "canceled", 4, 0)   \
  X(NOT_RUN, "not_run", 4, 0)     \
  X(SKIPPED, "skipped", 4, 0)     \
  X(PASSED, "passed", 4, 1)       \
  X(FAILED, "failed", 4, 3)

#define KH_BUILD_STATE_ID(id, word, step, rank) KH_BUILD_##id,
/* Unknown is also what nobody has heard of. */
enum kh_build_state { KH_BUILD_STATES(KH_BUILD_STATE_ID) KH_BUILD_STATE__COUNT };
#undef KH_BUILD_STATE_ID

/* "blocked"; "" for the unknown one. */
const char *kh_build_state_name(enum kh_build_state state);

enum kh_build_time { KH_AT_CREATED, KH_AT_STARTED, KH_AT_FAILING, KH_AT_FINISHED, KH_BUILD_TIMES };

/* The later ones win where nothing tells which webhook is newer. */
enum kh_job_result { KH_JOB_NONE, KH_JOB_PASSED, KH_JOB_SOFT_FAILED, KH_JOB_FAILED, KH_JOB_RESULT__COUNT };

enum { KH_JOB_ID_BYTES = 16, KH_JOB_NAME_BYTES = 200, KH_BUILD_ID_BYTES = 128 };

/* A hash of the job's id. All 0: there is none. */
struct kh_job_id {
  unsigned char at[KH_JOB_ID_BYTES];
};

static inline bool kh_job_id_is_set(const struct kh_job_id *id)
{
  static const struct kh_job_id none;

  return memcmp(id, &none, sizeof none) != 0;
}

static inline bool kh_job_id_equal(const struct kh_job_id *a, const struct kh_job_id *b)
{
  return memcmp(a, b, sizeof *a) == 0;
}

struct kh_job_sighting {
  struct kh_job_id id;
  struct kh_rank rank; /* without finished_us and word */
  enum kh_job_result result;
  bool is_retried; /* its own webhook says so */
  bool is_retry;
  struct kh_job_id source; /* the job that it is a retry of */
  struct kh_job_id next;   /* its retry */
  struct kh_str name;      /* at most KH_JOB_NAME_BYTES; empty for none */
};

struct kh_sighting {
  struct kh_str build_id;                                    /* 1 to KH_BUILD_ID_BYTES */
  struct kh_str pipeline_id, organization, pipeline, branch; /* the first or the next two may be empty */
  unsigned char branch_key[KH_DIGEST_BYTES];                 /* a hash of pipeline and branch */
  int64_t number;
  struct kh_rank rank;
  enum kh_build_state state;
  enum kh_build_outcome outcome;    /* what it says; none: nothing */
  int64_t times_us[KH_BUILD_TIMES]; /* 0 for none */
  int64_t latest_us;                /* the latest time in its build and job; 0 for none */
  bool is_of_job;                   /* it is a job.* webhook */
  struct kh_job_sighting job;       /* of which it has one unless the id is none */
  struct kh_arena arena;            /* of texts that had to be decoded */
};

/*
 * What EVENT, whose signature is of SENT_S (0: it has none), tells. False where it is not to be remembered:
 * other events, and those that do not name pipeline, build and branch. Texts are the event's or SIGHTING's
 * own. The caller releases, either way. sighting->arena.err is KH_ERR_NO_MEMORY when there was none.
 */
bool kh_sighting_take(const struct kh_event *event, int64_t sent_s, struct kh_sighting *sighting);
void kh_sighting_release(struct kh_sighting *sighting);
/*
 * A number that is greater the later a webhook was sent, also of another build; in the same second, the
 * further on its build or job is. Without a signed timestamp by the latest time in it; 0 where it has none.
 */
int64_t kh_sighting_order(const struct kh_sighting *sighting);

#endif
