/*
 * outbox_stage.h - an outbox between a real SQLite store and a network that plays from a script.
 *
 * One stage a test; kh_stage_open and kh_stage_close are fixtures.
 */
#ifndef KH_TEST_OUTBOX_STAGE_H
#define KH_TEST_OUTBOX_STAGE_H

#include "deliver/outbox.h"
#include "support/clock.h"
#include "support/network.h"
#include "support/recorder.h"
#include "support/stores.h"

/* All that begins with "planted" must show up nowhere. */
#define KH_STAGE_URL "https://hooks.example/services/planted-url-one"
#define KH_STAGE_BODY "{\"text\":\"planted-body\"}"
#define KH_STAGE_HOOK "slack env:HOOK" /* a destination over the network; the other one is "log" */
enum { KH_STAGE_NOW_S = 1700000000, KH_STAGE_SEND_US = 250000 /* what a send takes */ };

struct kh_stage_answer {
  int status; /* 0: none comes */
  int64_t retry_after_s;
  const char *problem;
};

struct kh_stage {
  struct kh_test_store test;
  struct kh_batch_ops batch; /* the store's own, like queue, but for what is traced */
  struct kh_queue_ops queue;
  struct kh_fake_clock clock;
  struct kh_recorder lines;
  struct kh_fake_sender sender;
  struct kh_rule rule[2]; /* one over the network, one to the log */
  struct kh_rules rules;
  struct kh_outbox outbox;
  struct kh_stage_answer answer; /* to whatever is sent */
  char sent_url[128];
  char sent_body[128];
  char sent_type[64];
  char trace[64]; /* b: a batch begins, e: it ends, s: something is sent, d: done */
  bool end_fails, done_fails;
};

extern struct kh_stage kh_stage;

void kh_stage_open(void);
void kh_stage_close(void);
/* Tells the outbox that the store was opened anew. */
void kh_stage_wire(void);

/* A delivery of which ATTEMPT tries were made, due now, that expires in EXPIRES_S. ID has 32 digits. */
void kh_stage_owe(const char *id, const char *destination, const char *body, unsigned attempt,
                  int64_t expires_s);
int64_t kh_stage_count_owed(void);
/* How many are dead for exactly REASON. */
int64_t kh_stage_count_dead(const char *reason);

#endif
