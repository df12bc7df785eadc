/*
 * aside.h - the entries that were set aside, for people: a look, another try, or an end.
 *
 * These work beside receivers and a worker, which only ever add to the folder. The inbox may come from
 * kh_inbox_find.
 */
#ifndef KH_ASIDE_H
#define KH_ASIDE_H

#include "inbox/inbox.h"

/* One entry. What is told of its first line is not proven: the MAC was not looked at. */
struct kh_aside {
  char name[KH_ENTRY_NAME_BYTES];
  int64_t received_us;                  /* by its name; 0 for a foreign one */
  uint64_t bytes;                       /* of the file */
  char reason[48];                      /* a token of the error table; "" when there is no .reason */
  char detail[512];                     /* a sentence, or "" */
  char request_id[KH_REQUEST_ID_BYTES]; /* "", like what follows, when the first line does not tell */
  char event[101];
  char transport[17];
  char proof[17];
  char secret[65]; /* the name of the secret that proved it */
};

/* True when NAME can be that of an entry: one component, no dot before it, not a .reason, not too long. */
bool kh_aside_is_name(const char *name);

/*
 * Heap, oldest first; the caller frees. KH_ERR_INBOX_IO, KH_ERR_NO_MEMORY. An inbox that is closed, since
 * there is none yet, has no entries, here and below.
 */
enum kh_err kh_aside_list(const struct kh_inbox *inbox, char (**names)[KH_ENTRY_NAME_BYTES],
                          size_t *count) KH_MUST_USE;
/* KH_ERR_NOT_FOUND, KH_ERR_INBOX_IO. */
enum kh_err kh_aside_read(const struct kh_inbox *inbox, const char *name, struct kh_aside *entry) KH_MUST_USE;
/*
 * Moves the entry back to those that wait, durably, and forgets why it was set aside. The worker must then be
 * woken. A crash half-way leaves it in one of both places. KH_ERR_NOT_FOUND, KH_ERR_INBOX_IO.
 */
enum kh_err kh_aside_retry(const struct kh_inbox *inbox, const char *name) KH_MUST_USE;
/* Removes the entry and its reason, durably. KH_ERR_NOT_FOUND, KH_ERR_INBOX_IO. */
enum kh_err kh_aside_drop(const struct kh_inbox *inbox, const char *name) KH_MUST_USE;

#endif
