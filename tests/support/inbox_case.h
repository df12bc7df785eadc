/*
 * inbox_case.h - an inbox in a folder of its own, and one genuine ping to keep in it.
 */
#ifndef KH_TEST_INBOX_CASE_H
#define KH_TEST_INBOX_CASE_H

#include "inbox/inbox.h"
#include "support/tempdir.h"
#include "support/webhook.h"

#define KH_INBOX_CASE_BODY "{\"event\":\"ping\"}"

enum { KH_INBOX_CASE_ENTRIES = 5, KH_INBOX_CASE_BYTES = 100000 };
static const struct kh_inbox_bounds kh_inbox_case_bounds = {KH_INBOX_CASE_ENTRIES, KH_INBOX_CASE_BYTES, 0};

struct kh_inbox_case {
  struct kh_tempdir dir;
  char state[512];
  struct kh_inbox inbox;
  struct kh_config *config;
  struct kh_webhook webhook;
  struct kh_entry entry; /* of the ping; tests change what they like */
  struct kh_inbox_load load;
  struct kh_diag diag;
};

/* All but the inbox and the state folder. */
void kh_inbox_case_prepare(struct kh_inbox_case *it);
/* With an open inbox; ends the test when there is none. */
void kh_inbox_case_open(struct kh_inbox_case *it);
void kh_inbox_case_close(struct kh_inbox_case *it);

/* How many files there are in tmp, new or aside; -1 without that folder. */
int kh_inbox_case_count(const struct kh_inbox_case *it, const char *folder);
/* kh_inbox_keep for the entry, with a fresh diag. */
enum kh_err kh_inbox_case_keep(struct kh_inbox_case *it, char name[KH_ENTRY_NAME_BYTES]) KH_MUST_USE;
/* Keeping is refused as WANT: nothing is kept, nothing is left half-written, and a sentence says why. */
void kh_inbox_case_refuse(struct kh_inbox_case *it, enum kh_err want, int entries_before);

#endif
