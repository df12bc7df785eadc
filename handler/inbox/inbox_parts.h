/*
 * inbox_parts.h - what both sides of the inbox (inbox_dir.c keeps, inbox_take.c takes) are made of.
 */
#ifndef KH_INBOX_PARTS_H
#define KH_INBOX_PARTS_H

#include "inbox/inbox.h"

#include <dirent.h>

#define KH_REASON_SUFFIX ".reason"

/* A stream over the folder FD, which stays open; NULL with errno. The caller closes it. */
DIR *kh_inbox_open_folder(int fd);
/* The next name that does not begin with a dot; NULL at the end. */
const char *kh_inbox_next_name(DIR *folder);

/* The name of ENTRY, whose file will have BYTES bytes. */
void kh_inbox_make_name(const struct kh_entry *entry, size_t bytes, char name[KH_ENTRY_NAME_BYTES]);
/* When the entry NAME arrived, and how large it is; 0 for what a foreign name does not tell. */
void kh_inbox_read_name(const char *name, int64_t *at_us, uint64_t *bytes);

/*
 * KH_OK when an entry of BYTES bytes fits; LOAD says what is there, at most a tenth of a second old and exact
 * near the bounds. KH_ERR_INBOX_FULL, KH_ERR_NO_SPACE, KH_ERR_INBOX_IO. (inbox_room.c)
 */
enum kh_err kh_inbox_check_room(const struct kh_inbox *inbox, int64_t now_us, uint64_t bytes,
                                struct kh_inbox_load *load, struct kh_diag *diag) KH_MUST_USE;

/* Writes HEAD and TAIL to a new file in tmp/, synced. KH_ERR_NO_SPACE, KH_ERR_INBOX_IO: nothing is left. */
enum kh_err kh_inbox_write_tmp(const struct kh_inbox *inbox, const char *name, struct kh_str head,
                               struct kh_str tail, struct kh_diag *diag) KH_MUST_USE;
/* Moves tmp/NAME to the folder TO_FD, and makes that durable. The same errors; nothing is left. */
enum kh_err kh_inbox_publish(const struct kh_inbox *inbox, const char *name, int to_fd,
                             struct kh_diag *diag) KH_MUST_USE;
/* Puts <NAME>.reason into aside/: one line of JSON. */
enum kh_err kh_inbox_write_reason(const struct kh_inbox *inbox, const char *name, enum kh_err reason,
                                  const struct kh_diag *why, struct kh_diag *diag) KH_MUST_USE;
/* Removes it again, if it is there. */
void kh_inbox_drop_reason(const struct kh_inbox *inbox, const char *name);

#endif
