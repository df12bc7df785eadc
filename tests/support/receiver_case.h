/*
 * receiver_case.h - a receiver with clock, log and state folder of its own.
 */
#ifndef KH_TEST_RECEIVER_CASE_H
#define KH_TEST_RECEIVER_CASE_H

#include "kitehook.h"
#include "support/clock.h"
#include "support/near_misses.h"
#include "support/recorder.h"
#include "support/tempdir.h"

struct kh_receiver_case {
  struct kh_tempdir dir;
  char state[512]; /* below DIR; made by the receiver */
  struct kh_config *config;
  struct kh_inbox_sink sink;
  struct kh_fake_clock fake; /* stands at KH_NEAR_MISS_NOW_S */
  struct kh_recorder recorder;
  struct kh_receiver receiver;
  struct kh_webhook webhook;
  struct kh_response response;
  json_t *line; /* of the last request */
};

void kh_receiver_case_open(struct kh_receiver_case *it);
/* Each test does this once, first. Worker mode service: nothing is started. */
void kh_receiver_case_configure(struct kh_receiver_case *it, enum kh_accepts accepts, bool with_state);
void kh_receiver_case_close(struct kh_receiver_case *it);

/* One request: there must be exactly one log line in form, and "planted" neither in it nor in the answer. */
void kh_receiver_case_receive(struct kh_receiver_case *it, const struct kh_request *request);
/* BODY, signed with the current secret two seconds ago. */
void kh_receiver_case_receive_signed(struct kh_receiver_case *it, const char *body);

/* How many files there are in tmp, new or aside; -1 without that folder. */
int kh_receiver_case_count(const struct kh_receiver_case *it, const char *folder);
/* The answer, byte for byte, as application/json. */
void kh_receiver_case_must_answer(const struct kh_receiver_case *it, int status, const char *body);
/* Of the log line; REASON "" is none. */
void kh_receiver_case_must_log(const struct kh_receiver_case *it, const char *level, const char *verdict,
                               const char *reason);
/* The answer as jansson reads it; the caller owns it. */
json_t *kh_receiver_case_answer(const struct kh_receiver_case *it);

#endif
