/*
 * at_once.h - the sink that is both halves in one process: a proven webhook becomes notifications, and these
 * are sent, before the answer.
 *
 * For where nothing can be kept: there is no inbox, and memory ends with the webhook. So each delivery is
 * tried once, and one that fails is told in the answer, whose receiver may then send the webhook again.
 */
#ifndef KH_AT_ONCE_H
#define KH_AT_ONCE_H

#include "deliver/grant.h"
#include "deliver/pace.h"
#include "inbox/sink.h"
#include "work.h"

struct kh_at_once {
  struct kh_work work;   /* kept from webhook to webhook, but for its store */
  struct kh_paces paces; /* they last, too, and so do these */
  struct kh_grants grants;
  struct kh_transport transport;
  int64_t until_us; /* in the clock's ticks: what was not sent by then has failed */
  void (*observe)(void *observer, const struct kh_attempted *attempted); /* or NULL */
  void *observer;
};

/*
 * The sink. Its `keep` does all that a webhook leads to. One delivery that fails or hangs stops no other, but
 * for those to the same destination, which has them one after the other, and at its pace while there is time
 * for that. KH_ERR_DELIVERY_FAILED then, and
 * DIAG names rule, notifier and cause of the first. KH_ERR_STORE, KH_ERR_NO_MEMORY: nothing was sent.
 *
 * Everything is borrowed. AT_ONCE stays where it is until the sink is closed. The caller may change its
 * members, such as the work's config and rules after a reload.
 */
struct kh_sink kh_at_once_init(struct kh_at_once *at_once, const struct kh_config *config,
                               const struct kh_rules *rules, struct kh_transport transport,
                               const struct kh_clock *clock, struct kh_log log);

/*
 * The half of `keep` that sends: of what the work's store owes as many as the work's `deliveries` says. The
 * errors are those of the sink's `keep`.
 */
enum kh_err kh_at_once_send(struct kh_at_once *at_once, struct kh_diag *diag) KH_MUST_USE;

/*
 * One webhook in a batch of its own, under NAME in logs: what it leads to is owed when it returns. The errors
 * are those of kh_work_webhook and of the store.
 */
enum kh_err kh_work_alone(struct kh_work *work, const char *name, const struct kh_entry *entry,
                          struct kh_diag *diag) KH_MUST_USE;

#endif
