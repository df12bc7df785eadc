/*
 * refusals.h - how many webhooks receivers refused, and why, for people.
 *
 * Nothing of a refused webhook is kept, but a receiver that lives counts them (kitehook.fcgi). The counts of
 * all receivers of a state folder are in one file there, "refused": a row of 64 bytes for each reason and
 * each of the last hours, so that it never grows, whatever a stranger sends.
 *
 *   signature_mismatch                            12             4711      today (UTC) and in all
 *   hour 490123                                   14                2      in all, and answered 500 or above
 *
 * The first row is "day" with the day that "today" means, counted from 1970, and a 0. Hours are counted from
 * 1970, too. The file is not synced: a power cut may cost counts.
 */
#ifndef KH_REFUSALS_H
#define KH_REFUSALS_H

#include "base/base.h"

enum { KH_REFUSALS_EVERY_US = 1000000, KH_REFUSAL_HOURS = 720 };

/* What one process counted; a zeroed one is empty. Indexes are enum kh_err; KH_OK is not counted. */
struct kh_refusals {
  uint32_t counted[KH_ERR__COUNT]; /* and not written yet */
  bool has_any;
};

/* What was answered 500 or above was refused by no fault of who sent it: most of it was genuine. */
struct kh_refusal_hour {
  int64_t hour; /* 0: none */
  uint64_t all, unkept;
};

struct kh_refusal_counts {
  uint64_t today[KH_ERR__COUNT], all[KH_ERR__COUNT];
  struct kh_refusal_hour hours[KH_REFUSAL_HOURS]; /* each at its hour's remainder */
};

void kh_refusals_count(struct kh_refusals *refusals, enum kh_err verdict);
/*
 * Adds what was counted to the file below STATE, which this process must own, and empties REFUSALS; call it
 * at most every KH_REFUSALS_EVERY_US. What cannot be written, or while another receiver writes, stays for the
 * next time.
 */
void kh_refusals_write(struct kh_refusals *refusals, const char *state, int64_t now_us);
/* KH_ERR_NOT_FOUND: nobody counted, as behind plain CGI. KH_ERR_IO. */
enum kh_err kh_refusals_read(const char *state, int64_t now_us, struct kh_refusal_counts *counts) KH_MUST_USE;

/* Of whole hours. */
struct kh_refusal_span {
  int64_t from_us, to_us;
  int64_t since_us; /* that is counted from here on, FROM_US or later; 0: not at all */
  uint64_t all, unkept;
};

/* SPAN: of all hours that have something of FROM_US to TO_US, as far as they are counted at NOW_US. */
void kh_refusals_between(const struct kh_refusal_counts *counts, int64_t from_us, int64_t to_us,
                         int64_t now_us, struct kh_refusal_span *span);

#endif
