/*
 * kept.h - what the journal keeps of a webhook: the values of names, and what came before it.
 *
 * It is written in the shape of the webhook's own body, a JSON object, by a list of members that may be in
 * it: so all that reads a webhook reads it, too, and nothing else can get in. Not kept are addresses of
 * persons, environment and meta-data, and credentials in URLs; of other texts what looks like an address is
 * "[address]" (masked.h). Which names lost something stands in `withheld`: for these a condition is
 * undecided, KH_MISTAKE_NOT_KEPT, unless it is decided without them. What the webhook had not, or null, is
 * null and known.
 *
 *   {"event":"build.finished","sent_s":1764400000,"history":{"state":"there","last_passed":811,…},
 *    "build":{"id":"…","number":812,"author":{"name":"Jane"},…},…,"withheld":["build.author.email"]}
 *
 * The folder: kept_write.c writes it by kept_list.c, kept_read.c reads it, kept_history.c does both for
 * `history`. Receivers link nothing of it.
 */
#ifndef KH_KEPT_H
#define KH_KEPT_H

#include "language/names/withheld.h"
#include "memory/memory.h"

enum {
  KH_KEPT_MAX_BYTES = 72 * 1024,     /* of one webhook; usually 1 to 2 KiB */
  KH_KEPT_TEXT_MAX_BYTES = 4 * 1024, /* of one text; what is longer is cut, and withheld */
  /* While it is written: with one text more, of control characters, which is taken back. */
  KH_KEPT_ROOM_BYTES = KH_KEPT_MAX_BYTES + 6 * KH_KEPT_TEXT_MAX_BYTES
};

/*
 * Appends to OUT, which has room for KH_KEPT_ROOM_BYTES, what is kept of EVENT, a live webhook of SENT_S
 * (kh_verified.timestamp_s; 0 for none), and of HISTORY. KH_ERR_NO_MEMORY, KH_ERR_LIMIT.
 */
enum kh_err kh_kept_write(const struct kh_event *event, const struct kh_history *history, int64_t sent_s,
                          struct kh_buf *out) KH_MUST_USE;

/* One webhook out of the journal. It must not move: the event points into it. */
struct kh_kept_webhook {
  struct kh_event event; /* event.withheld is not NULL; steps_left is the caller's to set */
  struct kh_facts facts; /* seen is KH_SEEN_NEVER: what it was stands in the journal */
  int64_t sent_s;
  struct kh_withheld withheld;
  struct kh_arena arena; /* of texts that had to be decoded */
};

/*
 * Reads BYTES, as kh_kept_write wrote them, into DOC; both must outlive what is done with KEPT. They are read
 * as if a stranger had written them. KH_ERR_JSON_*, KH_ERR_NOT_AN_OBJECT, KH_ERR_EVENT_NAME: damaged.
 * KH_ERR_NO_MEMORY. Release KEPT either way.
 */
enum kh_err kh_kept_read(struct kh_kept_webhook *kept, struct kh_json *doc, struct kh_str bytes,
                         struct kh_diag *diag) KH_MUST_USE;
void kh_kept_release(struct kh_kept_webhook *kept);

#endif
