/*
 * work.h - the worker's half: what was kept becomes notifications that are owed.
 */
#ifndef KH_WORK_H
#define KH_WORK_H

#include "deliver/outbox.h"
#include "kitehook.h"
#include "memory/store.h"
#include "rules/rule_list.h"

enum { KH_WORK_BATCH = 256 };

struct kh_work {
  const struct kh_config *config;
  const struct kh_rules *rules;
  struct kh_inbox *inbox; /* NULL in `kitehook invoke` */
  struct kh_store store;
  const struct kh_clock *clock;
  struct kh_log log;
  struct kh_json json;           /* reused from webhook to webhook */
  struct kh_buf entry;           /* the bytes of the entry at hand */
  struct kh_past past;           /* what came before the webhook at hand; reused, too */
  struct kh_buf lines;           /* log lines of a batch, written once it is durable */
  struct kh_buf kept;            /* what the journal keeps of the webhook at hand */
  struct kh_rules_listed listed; /* the rules, as the journal has them, once it needed them */
  bool is_listed;
  size_t deliveries; /* that the last webhook led to */
  bool remembers;    /* the store outlives this process: what came before is kept, and told */
  size_t batch_max;  /* entries in one transaction; fewer after a full disk */
  /*
   * What else than `config` may prove an entry, since receivers look at their files at other moments: the
   * N-th, from 0; NULL behind the last one. NULL where there is none.
   */
  const struct kh_config *(*also_proves)(void *owner, unsigned n);
  void *owner;
};

/* Everything is borrowed. */
void kh_work_init(struct kh_work *work, const struct kh_config *config, const struct kh_rules *rules,
                  struct kh_inbox *inbox, struct kh_store store, const struct kh_clock *clock,
                  struct kh_log log);
void kh_work_release(struct kh_work *work);
/* From the next webhook on it goes by these. */
void kh_work_configure(struct kh_work *work, const struct kh_config *config, const struct kh_rules *rules);

/*
 * Takes up to KH_WORK_BATCH entries, oldest first, through memory, rules and rendering into the outbox: one
 * transaction, and only then are their files removed and their log lines written. What cannot be understood
 * is set aside with its reason. A transaction that meets a full disk is halved until it fits; while the store
 * has no spare it is one entry.
 * *TAKEN says how many entries were looked at; 0 means that the inbox is empty.
 * KH_ERR_STORE, KH_ERR_INBOX_IO and, for one entry alone, KH_ERR_NO_SPACE: nothing is lost, try again later;
 * DIAG says why.
 */
enum kh_err kh_work_inbox(struct kh_work *work, size_t *taken, struct kh_diag *diag) KH_MUST_USE;

/*
 * One proven webhook, inside a batch of the store. KH_ERR_STORE, KH_ERR_NO_SPACE: drop the batch.
 * KH_ERR_NO_MEMORY: nothing was recorded. KH_ERR_JSON_*, KH_ERR_EVENT_*, …: the same, and the entry must be
 * set aside. A rule whose notification cannot be made is logged, and the others go on.
 */
enum kh_err kh_work_webhook(struct kh_work *work, const char *name, const struct kh_entry *entry,
                            struct kh_diag *diag) KH_MUST_USE;

/* Writes the log lines that kh_work_webhook held back; for callers that end the store's batch themselves. */
void kh_work_release_lines(struct kh_work *work);

#endif
