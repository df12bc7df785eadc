/*
 * work.h - the worker's half: what was kept becomes notifications.
 */
#ifndef KH_WORK_H
#define KH_WORK_H

#include "deliver/outbox.h"
#include "kitehook.h"

enum { KH_WORK_BATCH = 64 };

struct kh_worker {
  struct kh_config *config;
  const struct kh_rules *rules;
  struct kh_inbox *inbox;
  struct kh_store store;
  const struct kh_clock *clock;
  struct kh_log log;
  struct kh_json json;
};

void kh_worker_init(struct kh_worker *worker, struct kh_config *config, const struct kh_rules *rules,
                    struct kh_inbox *inbox, struct kh_store store, const struct kh_clock *clock,
                    struct kh_log log);
void kh_worker_release(struct kh_worker *worker);

/*
 * Takes up to KH_WORK_BATCH entries from the inbox, in order, through memory, rules and rendering into the outbox:
 * one transaction, and only then are the files removed. What cannot be understood is set aside with its reason.
 * *TAKEN says how many entries were looked at; 0 means that the inbox is empty. KH_ERR_STORE, KH_ERR_INBOX_IO.
 */
enum kh_err kh_work_inbox(struct kh_worker *worker, size_t *taken) KH_MUST_USE;

/* One proven webhook, inside a batch of the store; used by kh_work_inbox and by `kitehook invoke`. */
enum kh_err kh_work_webhook(struct kh_worker *worker, const char *entry_name, const struct kh_entry *entry,
                            struct kh_diag *diag) KH_MUST_USE;

#endif
