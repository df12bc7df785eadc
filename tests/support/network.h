/*
 * network.h - two networks: on one nothing moves until the test says so, the other one answers at once.
 */
#ifndef KH_TEST_NETWORK_H
#define KH_TEST_NETWORK_H

#include "net/transport.h"

struct kh_fake_network {
  struct kh_exchange *under_way[KH_EXCHANGES_MAX]; /* in the order they were begun */
  size_t count;
  struct kh_exchange *ended[KH_EXCHANGES_MAX]; /* and not collected yet */
  size_t ended_count;
  size_t begun, waits, cancelled; /* in all */
  bool refuses;                   /* begin fails */
  int answers_all;                /* a wait ends all that is under way with this status, unless it is 0 */
};

struct kh_transport kh_fake_network_transport(struct kh_fake_network *network);
/* The one under way for URL ends with STATUS, 0 for no answer. Fails the test where there is none. */
void kh_fake_network_answer(struct kh_fake_network *network, const char *url, int status,
                            int64_t retry_after_s);
/* How many are under way for URL. */
size_t kh_fake_network_count(const struct kh_fake_network *network, const char *url);

/* Everything that begins has ended, with what SEND returns and makes of the answer. */
struct kh_fake_sender {
  enum kh_err (*send)(void *self, const struct kh_outgoing *request, struct kh_incoming *answer);
  void *self;
  struct kh_exchange *ended[KH_EXCHANGES_MAX]; /* and not collected yet */
  size_t count;
};

struct kh_transport kh_fake_sender_transport(struct kh_fake_sender *sender);

#endif
