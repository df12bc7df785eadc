#include "base/base.h"

#include "inbox/room.h"

static uint64_t times(uint64_t blocks, uint64_t block_bytes)
{
  return block_bytes > 0 && blocks > UINT64_MAX / block_bytes ? UINT64_MAX : blocks * block_bytes;
}

static uint64_t reserve_of(uint64_t total, uint64_t wanted, uint64_t least)
{
  uint64_t reserve = wanted < total / KH_RESERVE_PART ? wanted : total / KH_RESERVE_PART;

  if (reserve < least)
    reserve = least;
  return reserve < total / 2 ? reserve : total / 2;
}

struct kh_room kh_room_of(const struct statvfs *about, uint64_t wanted_bytes)
{
  const uint64_t block_bytes = about->f_frsize ? about->f_frsize : about->f_bsize;
  const uint64_t total_bytes = times(about->f_blocks, block_bytes);
  struct kh_room room = {.left_bytes = UINT64_MAX,
                         .left_inodes = UINT64_MAX,
                         .total_bytes = total_bytes ? total_bytes : UINT64_MAX};

  if (total_bytes > 0)
    room.left_bytes = times(about->f_bavail, block_bytes);
  if (about->f_files > 0)
    room.left_inodes = about->f_favail;
  if (total_bytes > 0 && wanted_bytes > 0)
    room.reserve_bytes = reserve_of(total_bytes, wanted_bytes, KH_RESERVE_MIN_BYTES);
  if (about->f_files > 0 && wanted_bytes > 0)
    room.reserve_inodes = reserve_of(about->f_files, KH_RESERVE_INODES, KH_RESERVE_MIN_INODES);
  return room;
}

struct kh_room kh_room_at(int fd, uint64_t wanted_bytes)
{
  struct statvfs about;

  if (fstatvfs(fd, &about))
    about = (struct statvfs){0};
  return kh_room_of(&about, wanted_bytes);
}

bool kh_room_has(const struct kh_room *room, uint64_t bytes)
{
  return room->left_bytes >= room->reserve_bytes && room->left_bytes - room->reserve_bytes >= bytes &&
         room->left_inodes > room->reserve_inodes;
}
