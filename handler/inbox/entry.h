/*
 * entry.h - the bytes of one inbox entry: a line of JSON, then the body as it came.
 *
 *   {"v":1,"received_us":…,"request_id":"…","transport":"…","proof":"signature","secret":"current",
 *    "timestamp_s":…,"signature":"…","event":"…","mac":"<64 hex>"}\n<body>
 *
 * mac = HMAC-SHA256(secret, "kitehook-entry" ‖ the line without `,"mac":"…"` ‖ "\n" ‖ body). A signed
 * webhook begins with digits, so neither MAC can stand in for the other. The token is never stored, and
 * write access to the folder is not enough to speak for Buildkite.
 */
#ifndef KH_ENTRY_H
#define KH_ENTRY_H

#include "receive/verify.h"

enum { KH_ENTRY_LINE_MAX_BYTES = 2048 };

struct kh_entry {
  int64_t received_us;
  char request_id[KH_REQUEST_ID_BYTES];
  char transport[17];
  struct kh_verified verified; /* its views point into the entry's bytes */
};

/*
 * Writes the line (with its newline) to LINE, which is empty; the body follows it in the file. KH_ERR_LIMIT
 * when it cannot be written, also for an event header that is no UTF-8. KH_ERR_NO_MEMORY.
 */
enum kh_err kh_entry_line(const struct kh_entry *entry, struct kh_buf *line) KH_MUST_USE;

/*
 * Reads BYTES (line and body). Checks the MAC, never freshness. KH_ERR_ENTRY_MALFORMED,
 * KH_ERR_ENTRY_SECRET_GONE (no secret of that name and kind), KH_ERR_ENTRY_MAC. EVENT_TEXT holds the header's
 * event name and must outlive ENTRY.
 */
enum kh_err kh_entry_open(struct kh_str bytes, const struct kh_secret_list *signatures,
                          const struct kh_secret_list *tokens, struct kh_buf *event_text,
                          struct kh_entry *entry, struct kh_diag *diag) KH_MUST_USE;

#endif
