/*
 * ledger.h - a store and a transport that write down what passes them.
 *
 * `kitehook invoke` puts them between the outbox and what is below, so that it can tell of
 * each delivery what was made of it.
 */
#ifndef KH_LEDGER_H
#define KH_LEDGER_H

#include "deliver/outbox.h"

enum kh_fate { KH_FATE_NOT_SENT, KH_FATE_DELIVERED, KH_FATE_RETRY, KH_FATE_DEAD };

struct kh_ledger_line {
  struct kh_delivery delivery; /* a copy, owned */
  char content_type[KH_CONTENT_TYPE_BYTES];
  enum kh_fate fate;
  char reason[352]; /* of retry and dead: an error token, and often ": " and a detail */
  int status;       /* HTTP, 0 when no answer came */
};

struct kh_ledger {
  struct kh_store below;
  struct kh_transport wire;
  struct kh_ledger_line *lines; /* owned */
  size_t count, room;
};

/* BELOW is borrowed, WIRE too; {0} for WIRE where nothing will be sent. */
void kh_ledger_init(struct kh_ledger *ledger, struct kh_store below, struct kh_transport wire);
void kh_ledger_release(struct kh_ledger *ledger);

/* What to give to the outbox. The store is for deliveries only: it takes no webhooks. */
struct kh_store kh_ledger_store(struct kh_ledger *ledger);
struct kh_transport kh_ledger_transport(struct kh_ledger *ledger);

/* Notes all that is owed and due at NOW_US without sending it, and drops it from the store below. */
enum kh_err kh_ledger_drain(struct kh_ledger *ledger, int64_t now_us) KH_MUST_USE;

#endif
