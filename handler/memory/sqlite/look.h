/*
 * look.h - what people see of memory, and what they may change, beside a worker that runs.
 *
 * A look is a connection of its own and never the worker's. It makes no database; where no worker is, SQLite
 * may leave an empty -wal and a -shm beside one. Every call is one short transaction, so that it holds the
 * worker up for no longer than that; it waits up to 5 s for the worker's. After kh_look_redrive the worker
 * must be woken (kh_wake). A delivery that is dropped while it is being sent may still arrive.
 *
 * Every error is KH_ERR_STORE, or KH_ERR_NO_SPACE, with DIAG. Where there is no database yet a look is empty:
 * nothing was ever remembered.
 */
#ifndef KH_LOOK_H
#define KH_LOOK_H

#include "memory/memory.h"

struct kh_look;

enum kh_look_for { KH_LOOK_ONLY, KH_LOOK_AND_CHANGE };

/* Heap; the caller closes. The folder is STATE; who may enter it is for the caller to check. */
enum kh_err kh_look_open(struct kh_look **look, const char *state, enum kh_look_for what,
                         struct kh_diag *diag) KH_MUST_USE;
/* NULL is fine. What was dropped has then left the write-ahead log too, unless somebody was reading it. */
void kh_look_close(struct kh_look *look);

/* All that are given must hold; absent texts and 0 ask for nothing. */
struct kh_look_filter {
  struct kh_str id;
  struct kh_str state; /* "waiting": for its time; "due"; "dead" */
  struct kh_str notifier;
  struct kh_str destination; /* a credential with all its places or, behind a blank, one of them */
  struct kh_str event;
  int64_t created_before_us;
};

/* One delivery; the texts hold during the call. */
struct kh_look_delivery {
  struct kh_str id, rule, notifier, credential, place, entry, event;
  struct kh_str reason; /* why the last attempt failed; "" before the first */
  struct kh_str answer; /* of the last answer, what was kept (deliver/answer.h) */
  struct kh_str state;  /* as in the filter */
  int64_t body_bytes, attempt, status;
  int64_t created_us, not_before_us, expires_us, dead_us; /* dead_us is 0 while it lives */
  /* of the webhook it came from, as far as that is remembered */
  struct kh_str pipeline;
  int64_t build_number; /* 0 for none */
};

/*
 * Calls EACH for every delivery that FILTER asks for, oldest first, until it returns false. It must not wait
 * for anything.
 */
enum kh_err kh_look_deliveries(struct kh_look *look, const struct kh_look_filter *filter, int64_t now_us,
                               bool (*each)(void *self, const struct kh_look_delivery *delivery), void *self,
                               struct kh_diag *diag) KH_MUST_USE;
/* False where a file of an older version could not be written anew for want of room: it keeps its size. */
enum kh_err kh_look_can_shrink(struct kh_look *look, bool *can_shrink, struct kh_diag *diag) KH_MUST_USE;
/* Appends the body of the delivery ID. KH_ERR_NOT_FOUND, KH_ERR_LIMIT, KH_ERR_NO_MEMORY. */
enum kh_err kh_look_body(struct kh_look *look, struct kh_str id, struct kh_buf *body,
                         struct kh_diag *diag) KH_MUST_USE;

/* Where deliveries go or went. */
struct kh_look_destination {
  struct kh_str credential, place;
  int64_t delivered_us; /* the last success; 0 for never */
  int64_t
      held_until_us; /* nothing goes there before, unless that is past; 0 when its last attempt was good */
  int64_t due, waiting, dead;
  int64_t oldest_us,
      next_us;          /* of what is owed: when the oldest was made, when the next is due; 0 for none */
  int64_t refused;      /* of what is owed: it waits for another configuration */
  int64_t refused_us;   /* when one was last refused because of the destination as such; 0 for never */
  int64_t failing_us;   /* of what is owed and was tried: when the oldest was made; 0 for none */
  int64_t dead_us;      /* of what is dead: when the last one was given up; 0 for none */
  struct kh_str reason; /* why the last attempt failed, of those that are owed or dead; "" for none */
};

/* What was counted since there is a memory. */
struct kh_look_counts {
  int64_t accepted;  /* webhooks of which notifications were made, or none were asked for */
  int64_t repeats;   /* webhooks that were proven and dropped: repeats and replays */
  int64_t delivered; /* notifications */
  int64_t failed;    /* attempts, after which there is to be another one */
  int64_t dead;      /* notifications that were given up */
};

/* Today begins at 00:00 UTC. All are 0 where nothing was counted. */
enum kh_err kh_look_counts(struct kh_look *look, int64_t now_us, struct kh_look_counts *today,
                           struct kh_look_counts *all, struct kh_diag *diag) KH_MUST_USE;

/* Calls EACH for every destination that memory knows of, by name. */
enum kh_err kh_look_destinations(struct kh_look *look, int64_t now_us,
                                 void (*each)(void *self, const struct kh_look_destination *destination),
                                 void *self, struct kh_diag *diag) KH_MUST_USE;

/*
 * Makes what FILTER asks for due now, under the same id. A dead one is owed again, with all its attempts
 * before it and as long to live as it had, but at most LIFETIME_MAX_US. Their destinations are on hold no
 * more. Durable when it returns; *COUNT says how many.
 */
enum kh_err kh_look_redrive(struct kh_look *look, const struct kh_look_filter *filter, int64_t now_us,
                            int64_t lifetime_max_us, int64_t *count, struct kh_diag *diag) KH_MUST_USE;
/* Forgets what FILTER asks for, and overwrites it. */
enum kh_err kh_look_drop(struct kh_look *look, const struct kh_look_filter *filter, int64_t now_us,
                         int64_t *count, struct kh_diag *diag) KH_MUST_USE;

/* ---- what came before (memory/history/past.h) ---- */

/*
 * What memory knows of SIGHTING at NOW_US, in PAST, which it clears first. BRANCH_KEEP_S is the
 * configuration's.
 */
enum kh_err kh_look_recall(struct kh_look *look, const struct kh_sighting *sighting, int64_t branch_keep_s,
                           int64_t now_us, struct kh_past *past, struct kh_diag *diag) KH_MUST_USE;
/* Has RULE, as kh_rule_told names it, spoken already? */
enum kh_err kh_look_was_told(struct kh_look *look, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                             bool *told, struct kh_diag *diag) KH_MUST_USE;

/* One branch; all holds during the call. Rows past their time are told too, as long as they are there. */
struct kh_look_branch {
  struct kh_str key;                                         /* of its builds */
  struct kh_str pipeline_id, organization, pipeline, branch; /* the first or the next two may be empty */
  int64_t seen_us;                                           /* its last webhook */
  const struct kh_branch *builds;                            /* NULL where they are damaged */
};

/*
 * Which branches: all, or those of PIPELINE, which is a slug, organization/slug or an id, and of those the
 * one named BRANCH.
 */
struct kh_look_at {
  struct kh_str pipeline, branch;
};

/* Calls EACH for every such branch, the last seen first, until it returns false. */
enum kh_err kh_look_branches(struct kh_look *look, const struct kh_look_at *at,
                             bool (*each)(void *self, const struct kh_look_branch *branch), void *self,
                             struct kh_diag *diag) KH_MUST_USE;

/* One build and its jobs, of the last days. */
struct kh_look_build {
  struct kh_str branch_key, id;
  int64_t number, seen_us;
  const struct kh_past_build *build; /* NULL where it is damaged, and then JOBS too */
  const struct kh_jobs *jobs;
};

/* Calls EACH for every build of such branches, the last seen last, until it returns false. */
enum kh_err kh_look_builds(struct kh_look *look, const struct kh_look_at *at,
                           bool (*each)(void *self, const struct kh_look_build *build), void *self,
                           struct kh_diag *diag) KH_MUST_USE;

/* What a place answered (memory/queue.h); the texts hold during the call. */
struct kh_look_message {
  struct kh_str subject, rule, notifier, place, said;
  int64_t seen_us;
};

/* Calls EACH for every one that is there, the oldest first. */
enum kh_err kh_look_messages(struct kh_look *look,
                             void (*each)(void *self, const struct kh_look_message *message), void *self,
                             struct kh_diag *diag) KH_MUST_USE;

/* A pipeline that has branches in memory; the texts hold during the call. */
struct kh_look_pipeline {
  struct kh_str organization, pipeline, id; /* any may be empty */
  int64_t branches;
};

/* Calls EACH for every pipeline, by organization and slug. */
enum kh_err kh_look_pipelines(struct kh_look *look,
                              void (*each)(void *self, const struct kh_look_pipeline *pipeline), void *self,
                              struct kh_diag *diag) KH_MUST_USE;

/* ---- look_forget.c ---- */

enum { KH_FORGET_PERSON_MIN_BYTES = 3 };

/* What to forget: of the one that is not empty. */
struct kh_look_forget {
  struct kh_str pipeline;       /* as in kh_look_at */
  struct kh_str person;         /* looked for anywhere in a text, in any case of ASCII's letters */
  struct kh_str person_in_json; /* the same as it may stand inside of a JSON string */
  bool is_dry;                  /* only count */
  /* What the rule at this place has told of a build (kh_rule_told), for RULE_COUNT of them. */
  void (*what)(const void *self, size_t rule, struct kh_str build_id, unsigned char what[KH_DIGEST_BYTES]);
  size_t rule_count;
  /* A delivery that names the person and is still owed: it is left. */
  void (*owed)(void *self, struct kh_str id);
  void *self; /* of both */
};

/* How many went. */
struct kh_look_forgotten {
  int64_t branches, builds, told; /* also what places answered */
  int64_t names;                  /* of jobs */
  int64_t lines;                  /* of the journal */
  int64_t dead;                   /* deliveries */
  bool is_gone; /* false: it was removed, but not all of its bytes were overwritten; DIAG says why */
};

/*
 * Forgets it, in one transaction, and overwrites it: memory.sqlite is written anew, since its pages keep
 * copies of rows that were moved between them, and its write-ahead log is emptied. The branches whose name
 * has the person's go with all of their builds; a job loses its name and nothing else.
 */
enum kh_err kh_look_forget(struct kh_look *look, const struct kh_look_forget *what,
                           struct kh_look_forgotten *forgotten, struct kh_diag *diag) KH_MUST_USE;

#endif
