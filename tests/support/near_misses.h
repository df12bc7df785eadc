/*
 * near_misses.h - requests that are wrong in exactly one way, each with the rule that it breaks.
 *
 * The table is shared: kh_verify must refuse each row for its own reason, and kh_receive must answer them all
 * alike.
 */
#ifndef KH_TEST_NEAR_MISSES_H
#define KH_TEST_NEAR_MISSES_H

#include "support/webhook.h"

#define KH_NEAR_MISS_NOW_S INT64_C(1700000000)

/*
 * Templates hold places: @T the timestamp, @U one second later, @B the body that is signed, @S the right
 * signature, @X the same in upper case, @C without its last digit, @F with its first and @G with its last bit
 * flipped, @H with a g as its last digit, @M with a blank in its middle, @0 a NUL, @L digits up to one byte
 * over the header's limit.
 */
struct kh_near_miss {
  const char *rule;
  enum kh_err err;
  enum kh_accepts accepts;    /* 0: signatures */
  const char *signature;      /* template of the header; NULL: not sent */
  const char *signature_next; /* the same header once more */
  const char *token;          /* template; NULL: not sent */
  const char *token_next;
  const char *event; /* sent twice when not NULL */
  const char *event_next;
  int64_t age_s;
  const char *timestamp; /* its text, in place of now - age_s */
  const char *key;       /* what signs, in place of the current secret */
  size_t key_len;        /* with KEY */
  const char *message;   /* template of what is signed, in place of "@T.@B" */
  const char *body;      /* what is sent, in place of what was signed */
};

/* The last row has rule NULL. */
extern const struct kh_near_miss kh_near_misses[];
size_t kh_near_miss_count(void);

/* The request of a row, with the texts that it points into. */
struct kh_near_miss_request {
  struct kh_request request;
  struct kh_buf texts[6];
  size_t text_count;
};
void kh_near_miss_make(const struct kh_near_miss *miss, struct kh_near_miss_request *made);
void kh_near_miss_release(struct kh_near_miss_request *made);

#endif
