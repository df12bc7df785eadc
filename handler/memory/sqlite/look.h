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
#include "memory/queue.h"
#include "memory/reason.h"
#include "memory/told.h"

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
/* The same, and with which VALUE; 0 where it was not, or with none. */
enum kh_err kh_look_told_value(struct kh_look *look, const unsigned char what[KH_DIGEST_BYTES],
                               int64_t now_us, int64_t *value, struct kh_diag *diag) KH_MUST_USE;

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

/* ---- the journal: look_journal.c ---- */

/*
 * A webhook of the journal, as it was when it came; all holds during the call. What came before there was a
 * journal of this kind has no build_id, proof, decisions and kept.
 */
struct kh_look_webhook {
  int64_t seq; /* how people call it; above 0, and in the order of work */
  struct kh_str entry, request_id;
  struct kh_str event, organization, pipeline, branch, state, build_id, job; /* empty where it has none */
  enum kh_reason
      verdict;          /* KH_REASON_DONE, _REPLAY, _REPEAT, _REPLAYED, _ASIDE; KH_REASON_NONE: a newer one */
  struct kh_str proof;  /* "signature", "token", "eventbridge" */
  struct kh_str secret; /* the name of the one that proved it */
  int64_t build_number; /* 0 for none */
  int64_t received_us, done_us;
  int64_t sent_s;          /* as it was signed; 0 where it was not */
  int64_t bytes;           /* of its body, which is not kept */
  int64_t deliveries;      /* that it led to */
  int64_t rule_list;       /* 0 where no rule was asked */
  struct kh_str decisions; /* a byte a rule, in the order of the list: its enum kh_reason */
  struct kh_str notes;     /* JSON: {"<place of a rule>": "what is in the way"}; or empty */
  struct kh_str kept;      /* the webhook as far as it is kept (memory/journal/kept.h); or empty */
};

/* All that are given must hold; absent texts and 0 ask for nothing. */
struct kh_look_which {
  struct kh_str id; /* its seq, its request id, or its entry's name */
  struct kh_str event, branch;
  struct kh_str pipeline; /* slug or organization/slug */
  int64_t build_number;
  struct kh_str verdict; /* a word of reason.h */
  struct kh_str reason;  /* a word of reason.h that a rule came to */
  int64_t since_us;      /* received then or later */
  int64_t after_seq;     /* worked after that one: for who follows */
  bool newest_first;
  int64_t max; /* 0: all */
};

/*
 * Calls EACH for every such webhook, until it returns false. Nothing is held open meanwhile: EACH may take
 * its time, and look into the same look. What comes meanwhile is told, too, where the oldest comes first.
 */
enum kh_err kh_look_webhooks(struct kh_look *look, const struct kh_look_which *which,
                             bool (*each)(void *self, const struct kh_look_webhook *webhook), void *self,
                             struct kh_diag *diag) KH_MUST_USE;

/* What one rule made of it. */
struct kh_look_decision {
  size_t at; /* its place in the list that there was, from 0 */
  struct kh_str rule, notifier;
  struct kh_str destination; /* as people may see it */
  struct kh_str digest;      /* of what it asks for: equal to that of a rule of today which asks the same */
  enum kh_reason reason;
  struct kh_str note; /* what is in the way, where that is known; or empty */
};

/* Calls EACH for every rule that was asked about WEBHOOK, in their order, until it returns false. */
enum kh_err kh_look_decisions(struct kh_look *look, const struct kh_look_webhook *webhook,
                              bool (*each)(void *self, const struct kh_look_decision *decision), void *self,
                              struct kh_diag *diag) KH_MUST_USE;

/* What became of a delivery of it, also of one that left the outbox. */
struct kh_look_fate {
  int64_t webhook; /* its seq */
  struct kh_str id, rule, notifier, credential;
  struct kh_str place;   /* as people may see it */
  enum kh_reason reason; /* of the stage delivery */
  bool is_owed;          /* it may still be sent */
  struct kh_str detail;  /* why its last attempt failed: "delivery_failed: HTTP 500"; or empty */
  struct kh_str answer;  /* of the last answer that came, what was kept; or empty */
  struct kh_str tries;   /* a line each of the last failed attempts: "<time_us> <status> <why>" */
  int64_t status;        /* of the last answer, 0 for none; of a delivered one always 0 */
  int64_t attempts;      /* made since it was owed, or redriven */
  int64_t created_us;
  int64_t next_us;  /* of an owed one: when it is tried, a rest of its destination included */
  int64_t ended_us; /* when it arrived, died, left; 0 while it is owed */
};

/*
 * Calls EACH for every delivery of the webhook SEQ, 0 for all, by webhook and id, until it returns false.
 * Like those for the next, it must not wait for anything.
 */
enum kh_err kh_look_fates(struct kh_look *look, int64_t seq, int64_t now_us,
                          bool (*each)(void *self, const struct kh_look_fate *fate), void *self,
                          struct kh_diag *diag) KH_MUST_USE;

/* A kind of event that ever came, new or not, from ORGANIZATION, which may be empty. */
struct kh_look_event_seen {
  struct kh_str organization, event;
  int64_t first_us, last_us; /* received; the last to the day */
};

enum kh_err kh_look_events_seen(struct kh_look *look,
                                bool (*each)(void *self, const struct kh_look_event_seen *seen), void *self,
                                struct kh_diag *diag) KH_MUST_USE;

/* What the journal covers. Zeros where it is empty. */
struct kh_look_span {
  int64_t webhooks, bytes; /* bytes: about, as its bounds count them */
  int64_t first_seq, last_seq;
  int64_t first_us, last_us; /* received */
};

enum kh_err kh_look_span(struct kh_look *look, struct kh_look_span *span, struct kh_diag *diag) KH_MUST_USE;

/* What is to be owed once more. All is borrowed. */
struct kh_look_owed {
  const struct kh_journal *journal; /* the line of their own */
  const struct kh_delivery *deliveries;
  size_t count;
  const struct kh_told_rows *told; /* by them: an error where a greater value was told meanwhile */
};

/*
 * Owes OWED, all of it in one transaction; *SEQ is the number of its line. The ids must be new: one that is
 * known is owed no second time. Wake the worker then.
 */
enum kh_err kh_look_owe(struct kh_look *look, const struct kh_look_owed *owed, int64_t now_us, int64_t *seq,
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
