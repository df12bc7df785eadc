/*
 * inbox.h - where proven webhooks wait, on disk, until a worker has understood them.
 *
 * A maildir: <state>/inbox/{tmp,new,aside}. An entry is written in tmp/, synced, renamed into
 * new/, and the folder synced; only then is 200 answered. Names sort by arrival and carry the size:
 * <16 hex digits of µs since 1970>.<pid>.<8 random hex>,S=<bytes>.
 * Bounded: at max_entries or max_bytes of new/ and aside/ together, or where the file system has no more than
 * the worker's reserve left (room.h), a webhook is refused with 503 and nothing kept. An empty inbox takes
 * one of any size.
 *
 * The folder: inbox_dir.c opens and keeps; it asks inbox_room.c (room.c) first and has entry.c write the
 * entry. inbox_take.c takes, aside.c is for people. All of them use inbox_parts.c and state.c. Beside them
 * wake.c has the worker's lock, and calls spawn.c to start a worker.
 */
#ifndef KH_INBOX_H
#define KH_INBOX_H

#include "inbox/entry.h"

enum { KH_ENTRY_NAME_BYTES = 80 };

struct kh_inbox_bounds {
  size_t max_entries;
  uint64_t max_bytes;
  uint64_t reserve_bytes; /* as configured; 0 for none */
};

static inline struct kh_inbox_bounds kh_inbox_bounds_of(const struct kh_config *config)
{
  return (struct kh_inbox_bounds){config->inbox_max_entries, config->inbox_max_bytes,
                                  config->inbox_reserve_bytes};
}

struct kh_inbox {
  char path[KH_PATH_BYTES];     /* <state>/inbox */
  int fd_tmp, fd_new, fd_aside; /* -1 while closed */
  struct kh_inbox_bounds bounds;
};

/* An inbox that is not open yet; kh_inbox_close accepts it. */
static inline struct kh_inbox kh_inbox_closed(void)
{
  return (struct kh_inbox){.fd_tmp = -1, .fd_new = -1, .fd_aside = -1};
}

/* What a look at the folder showed. */
struct kh_inbox_load {
  size_t entries; /* waiting in new/ */
  uint64_t bytes;
  size_t aside; /* set aside */
  uint64_t aside_bytes;
  int64_t oldest_us; /* when the oldest waiting entry arrived; 0 when there is none */
};

/*
 * Opens the inbox below STATE, making what is missing (0700; each new folder is
 * synced into its parent), and before it what a worker's lock needs (kh_worker_lock_make), so that a worker
 * can start on a full disk. KH_ERR_STATE_OWNER when the folder belongs to another user than this process
 * (root included), KH_ERR_STATE_MODE when others may enter it; DIAG has the command to type.
 */
enum kh_err kh_inbox_open(struct kh_inbox *inbox, const char *state, const struct kh_inbox_bounds *bounds,
                          struct kh_diag *diag) KH_MUST_USE;
/*
 * The same where it exists already, to look at it: nothing is made. KH_ERR_NOT_FOUND, without DIAG, when
 * there is none or it is not whole.
 */
enum kh_err kh_inbox_find(struct kh_inbox *inbox, const char *state, struct kh_diag *diag) KH_MUST_USE;
void kh_inbox_close(struct kh_inbox *inbox);
/* False when one of its folders was moved or removed, and for one that is closed. */
bool kh_inbox_is_there(const struct kh_inbox *inbox);

enum kh_err kh_inbox_look(const struct kh_inbox *inbox, struct kh_inbox_load *load) KH_MUST_USE;

/*
 * Keeps ENTRY durably and gives its name. KH_ERR_INBOX_FULL, KH_ERR_NO_SPACE, KH_ERR_INBOX_IO: nothing is
 * kept. LOAD says what was there before, as far as it was looked at; NAME is "" on any error.
 */
enum kh_err kh_inbox_keep(const struct kh_inbox *inbox, const struct kh_entry *entry,
                          char name[KH_ENTRY_NAME_BYTES], struct kh_inbox_load *load,
                          struct kh_diag *diag) KH_MUST_USE;
/* The same, straight into aside/, with REASON in <name>.reason: verified bodies that are not usable. */
enum kh_err kh_inbox_keep_aside(const struct kh_inbox *inbox, const struct kh_entry *entry,
                                enum kh_err reason, const struct kh_diag *why, char name[KH_ENTRY_NAME_BYTES],
                                struct kh_diag *diag) KH_MUST_USE;

/* Removes what receivers that were killed left in tmp/ more than an hour before NOW_US. */
void kh_inbox_sweep(const struct kh_inbox *inbox, int64_t now_us);

/* The worker's side. Names, oldest first, at most MAX of them; *COUNT says how many. */
enum kh_err kh_inbox_list(const struct kh_inbox *inbox, char (*names)[KH_ENTRY_NAME_BYTES], size_t max,
                          size_t *count) KH_MUST_USE;
/*
 * KH_ERR_NOT_FOUND, KH_ERR_LIMIT, KH_ERR_INBOX_IO; KH_ERR_ENTRY_MALFORMED for what is no regular file of
 * ours.
 */
enum kh_err kh_inbox_read(const struct kh_inbox *inbox, const char *name, struct kh_buf *bytes) KH_MUST_USE;
enum kh_err kh_inbox_remove(const struct kh_inbox *inbox, const char *name) KH_MUST_USE;
enum kh_err kh_inbox_set_aside(const struct kh_inbox *inbox, const char *name, enum kh_err reason,
                               const struct kh_diag *why) KH_MUST_USE;

#endif
