/*
 * diff.h - what two configurations make of one webhook: where their messages differ (diff_match.c), and how
 * that is told (diff_print.c).
 */
#ifndef KH_DIFF_H
#define KH_DIFF_H

#include "memory/sqlite/look.h"
#include "rerun.h"

#include <jansson.h>

/* One of the two. */
struct kh_diff_side {
  const struct kh_setup *setup;
  struct kh_rerun_made made; /* of the webhook at hand */
};

enum kh_difference_kind { KH_GAINED, KH_LOST, KH_CHANGED, KH_NOT_KEPT, KH_DIFFERENCES };

/* For one webhook and destination. */
struct kh_difference {
  enum kh_difference_kind kind;
  /* The message of either, NULL where it has none; both are NULL of one that is not kept. */
  const struct kh_delivery *messages[2]; /* the old and the new one */
  /* Of one that is not kept: of which side, and the place of its rule there. */
  size_t side, rule;
};

/*
 * Messages of one webhook are compared by where they go, credential and place: equal ones are the same, a
 * pair of others is changed, and what is left was gained or lost. Where a rule of one side is not kept
 * (KH_REASON_NOT_KEPT), nobody knows whether the other's messages for its credential are new; but a rule that
 * both sides have just alike makes no difference, whatever it does. *SAME is raised by the equal ones. Calls
 * EACH for every difference. KH_ERR_NO_MEMORY.
 */
enum kh_err kh_diff_match(const struct kh_diff_side sides[2],
                          void (*each)(void *self, const struct kh_difference *difference), void *self,
                          int64_t *same) KH_MUST_USE;

/* ---- diff_print.c ---- */

/* How many there are, and of what. */
struct kh_diff_counts {
  int64_t webhooks;   /* that were asked about */
  int64_t unreadable; /* that could not be */
  int64_t same, of[KH_DIFFERENCES];
};

/* What is told of all: with AS_JSON each difference at once, as a member of an open array. */
struct kh_diff_print {
  bool as_json, has_begun;
  json_t *groups; /* owned; for people: by rule and destination, and of each the first ones */
};

/* Takes ABOUT over: "old", "new", "since", "journal". */
void kh_diff_print_begin(struct kh_diff_print *print, json_t *about);
void kh_diff_print_one(struct kh_diff_print *print, const struct kh_diff_side sides[2],
                       const struct kh_look_webhook *webhook, const struct kh_difference *difference);
void kh_diff_print_end(struct kh_diff_print *print, const struct kh_diff_counts *counts);
/* Releases; for after an error, too. */
void kh_diff_print_release(struct kh_diff_print *print);

#endif
