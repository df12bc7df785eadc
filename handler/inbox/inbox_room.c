#include "base/base.h"

#include "inbox/inbox_parts.h"
#include "inbox/room.h"
#include "inbox/state.h"

#include <fcntl.h>
#include <unistd.h>

/*
 * Counting reads the whole folder, which a long queue makes slower than all the rest of a webhook. So a
 * receiver leaves what it counted beside the entries, and for a moment others believe it, as long as the
 * bounds are far away. It is a hint: never synced, and whatever does not look right is counted anew.
 */
enum { BELIEVED_US = 100 * 1000, FAR_ENTRIES = 1000, FAR_BYTES = 256 * 1024 * 1024 };
static const char memo_file[] = ".load";

struct memo {
  uint64_t magic;
  int64_t looked_us;
  struct kh_inbox_load load;
};

static const uint64_t memo_magic = UINT64_C(0x6b68206c6f616431);

/* A name may say anything. */
static void add_bytes(uint64_t *sum, uint64_t bytes)
{
  *sum = bytes > UINT64_MAX / 4 - *sum ? UINT64_MAX / 4 : *sum + bytes;
}

struct tally {
  size_t entries;
  uint64_t bytes;
  int64_t oldest_us;
};

static enum kh_err count(int fd, bool is_aside, struct tally *tally)
{
  DIR *folder = kh_inbox_open_folder(fd);
  const char *name;

  if (!folder)
    return KH_ERR_INBOX_IO;
  while ((name = kh_inbox_next_name(folder))) {
    int64_t at_us;
    uint64_t bytes;

    if (is_aside ? kh_str_ends(kh_str_of(name), KH_STR(KH_REASON_SUFFIX))
                 : strlen(name) >= KH_ENTRY_NAME_BYTES)
      continue; /* what is too long is not ours, and nobody takes it */
    kh_inbox_read_name(name, &at_us, &bytes);
    tally->entries++;
    add_bytes(&tally->bytes, bytes);
    if (at_us > 0 && (tally->oldest_us == 0 || at_us < tally->oldest_us))
      tally->oldest_us = at_us;
  }
  (void)closedir(folder);
  return KH_OK;
}

enum kh_err kh_inbox_look(const struct kh_inbox *inbox, struct kh_inbox_load *load)
{
  struct tally waiting = {0}, aside = {0};
  enum kh_err err = count(inbox->fd_new, false, &waiting);

  if (!err)
    err = count(inbox->fd_aside, true, &aside);
  *load = (struct kh_inbox_load){waiting.entries, waiting.bytes, aside.entries, aside.bytes,
                                 waiting.oldest_us};
  return err;
}

/* Far enough that what other receivers keep until the next count cannot reach the bounds. */
static bool is_far_from_full(const struct kh_inbox *inbox, const struct kh_inbox_load *load)
{
  return load->entries + load->aside + FAR_ENTRIES < inbox->bounds.max_entries &&
         load->bytes + load->aside_bytes < inbox->bounds.max_bytes / 2;
}

static bool has_ample_room(const struct kh_room *room)
{
  return kh_room_has(room, FAR_BYTES) && room->left_inodes - room->reserve_inodes > FAR_ENTRIES;
}

static bool recall(const struct kh_inbox *inbox, int64_t now_us, struct kh_inbox_load *load)
{
  struct memo memo;
  int fd = openat(inbox->fd_tmp, memo_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

  if (fd < 0)
    return false;
  bool whole = read(fd, &memo, sizeof memo) == (ssize_t)sizeof memo && memo.magic == memo_magic;
  (void)close(fd);
  if (!whole || memo.looked_us > now_us || now_us - memo.looked_us > BELIEVED_US)
    return false;
  *load = memo.load;
  return is_far_from_full(inbox, load);
}

static void remember(const struct kh_inbox *inbox, int64_t now_us, const struct kh_inbox_load *load)
{
  const struct memo memo = {memo_magic, now_us, *load};
  int fd = openat(inbox->fd_tmp, memo_file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

  if (fd < 0)
    return;
  (void)!write(fd, &memo, sizeof memo);
  (void)close(fd);
}

/* Of LOAD, with BYTES more. An empty inbox takes whatever may come: max_bytes may be as small as one body. */
static bool is_over_bounds(const struct kh_inbox *inbox, const struct kh_inbox_load *load, uint64_t bytes)
{
  const uint64_t used = load->bytes + load->aside_bytes;

  return load->entries + load->aside >= inbox->bounds.max_entries ||
         (used > 0 && used + bytes > inbox->bounds.max_bytes);
}

static enum kh_err tell_reserve(const struct kh_inbox *inbox, const struct kh_room *room,
                                struct kh_diag *diag)
{
  if (room->left_inodes <= room->reserve_inodes)
    return kh_diag_set(diag, KH_ERR_NO_SPACE,
                       "%s: its file system has room for %" PRIu64 " files, and %" PRIu64
                       " are kept for the worker; remove some",
                       inbox->path, room->left_inodes, room->reserve_inodes);
  return kh_diag_set(diag, KH_ERR_NO_SPACE,
                     "%s: its file system has %" PRIu64 " KiB left, and %" PRIu64
                     " KiB are kept for the worker (inbox.reserve); make room",
                     inbox->path, room->left_bytes / 1024, room->reserve_bytes / 1024);
}

enum kh_err kh_inbox_check_room(const struct kh_inbox *inbox, int64_t now_us, uint64_t bytes,
                                struct kh_inbox_load *load, struct kh_diag *diag)
{
  if (recall(inbox, now_us, load))
    return KH_OK;
  if (kh_inbox_look(inbox, load))
    return kh_state_failure(inbox->path, diag);
  if (is_over_bounds(inbox, load, bytes))
    return kh_diag_set(diag, KH_ERR_INBOX_FULL, "%s is full: %zu waiting, %zu set aside, %" PRIu64 " bytes",
                       inbox->path, load->entries, load->aside, load->bytes + load->aside_bytes);
  const struct kh_room room = kh_room_at(inbox->fd_new, inbox->bounds.reserve_bytes);
  if (!kh_room_has(&room, bytes))
    return tell_reserve(inbox, &room, diag);
  if (is_far_from_full(inbox, load) && has_ample_room(&room))
    remember(inbox, now_us, load);
  return KH_OK;
}
