#include "base/base.h"

#include "base/file.h"
#include "inbox/room.h"
#include "memory/sqlite/spare.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 16, INODES_BESIDE = 16 };

static void name_file(int number, char name[NAME_BYTES])
{
  (void)snprintf(name, NAME_BYTES, "spare.%d", number);
}

static bool is_whole(int state_fd)
{
  char name[NAME_BYTES];
  struct stat about;
  bool is_there = true;

  for (int i = 1; i <= KH_SPARE_FILES && is_there; i++) {
    name_file(i, name);
    is_there = fstatat(state_fd, name, &about, AT_SYMLINK_NOFOLLOW) == 0 && about.st_size > 0;
  }
  return is_there;
}

/* Of one file; 0 unless as much again stays: what is scarce belongs to the work itself. */
static uint64_t affordable_bytes(int state_fd)
{
  const struct kh_room room = kh_room_at(state_fd, 0);
  const uint64_t most = room.total_bytes / KH_RESERVE_PART / KH_SPARE_FILES;
  const uint64_t bytes = most < KH_SPARE_FILE_BYTES ? most : KH_SPARE_FILE_BYTES;
  const bool has_both = room.left_bytes / KH_SPARE_FILES / 2 >= bytes &&
                        room.left_inodes >= KH_SPARE_FILES + INODES_BESIDE;

  return has_both ? bytes : 0;
}

/* 0, or an errno. */
static int fill(int state_fd, int number, uint64_t bytes)
{
  char name[NAME_BYTES];

  name_file(number, name);
  int fd = openat(state_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, S_IRUSR | S_IWUSR);
  if (fd < 0)
    return errno;
  int cause = posix_fallocate(fd, 0, (off_t)bytes);
  (void)close(fd);
  return cause;
}

static bool remove_all(int state_fd)
{
  char name[NAME_BYTES];
  bool was_there = false;

  for (int i = 1; i <= KH_SPARE_FILES; i++) {
    name_file(i, name);
    was_there = unlinkat(state_fd, name, 0) == 0 || was_there;
  }
  return was_there;
}

static bool keep(int state_fd)
{
  const uint64_t bytes = affordable_bytes(state_fd);
  int cause = bytes > 0 ? 0 : ENOSPC;

  for (int i = 1; i <= KH_SPARE_FILES && cause == 0; i++)
    cause = fill(state_fd, i, bytes);
  if (cause)
    (void)remove_all(state_fd);
  return !kh_is_full(cause);
}

bool kh_spare_keep(const char *state)
{
  int state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (state_fd < 0)
    return false;
  bool is_kept = is_whole(state_fd) || keep(state_fd);
  (void)close(state_fd);
  return is_kept;
}

bool kh_spare_give_up(const char *state)
{
  int state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (state_fd < 0)
    return false;
  bool was_there = remove_all(state_fd);
  (void)close(state_fd);
  return was_there;
}
