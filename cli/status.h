/*
 * status.h - what `kitehook status` found, why something does not move, and the three ways to tell it.
 *
 * status.c looks; status_why.c judges; status_print.c and status_metrics.c tell, beside the JSON of
 * status.c.
 */
#ifndef KH_STATUS_H
#define KH_STATUS_H

#include "inbox/refusals.h"
#include "memory/sqlite/look.h"
#include "room_left.h"
#include "state_folder.h"

/* So many places of a credential are shown one by one. */
enum { KH_STATUS_PLACES_MAX = 16 };

/* Of the credential that is looked at. */
struct kh_status_places {
  char credential[KH_CREDENTIAL_BYTES];
  json_t *ill, *well; /* arrays */
  json_t *sum;        /* of SUMMED others, as if they were one; NULL for none */
  json_int_t summed;
};

struct kh_status {
  const struct kh_state_folder *folder;
  struct kh_room_left left;
  bool is_alive; /* a worker holds the lock */
  int64_t since_us;

  struct kh_inbox_load load;
  bool has_inbox; /* false: it could not be read */

  bool has_outbox; /* the rest of this block is of use */
  json_t *destinations;
  struct kh_status_places places;
  int64_t due, waiting, dead, oldest_us, next_us;
  struct kh_look_counts today, all;
  bool can_shrink; /* memory.sqlite */
  struct kh_look_span journal;

  bool has_refused; /* a receiver counts them */
  struct kh_refusal_counts refused;

  struct kh_setup *setup; /* the whole; NULL where it could not be opened */
  struct kh_diag mistake; /* its first one */
  struct kh_diag failure; /* why inbox or outbox could not be read */
  json_t *why;            /* of what stands still: an array of {"what", "why", "do"} */
};

/*
 * Fills WHY with all that keeps webhooks or notifications from moving, and what to type against it, the
 * graver first. "do" may be null.
 */
void kh_status_judge(struct kh_status *status);
/*
 * What of WHY keeps receivers from taking webhooks, or means that nobody works on them although somebody has
 * to; NULL when all is well.
 */
const json_t *kh_status_find_grave(const struct kh_status *status);

void kh_status_print(const struct kh_status *status);
/* The text format of Prometheus, version 0.0.4. STATUS is NULL where the configuration cannot be read. */
void kh_status_print_metrics(const struct kh_status *status);

#endif
