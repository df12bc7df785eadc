/*
 * room.h - how much a file system has left, and how much of that is the worker's.
 *
 * Receivers and worker share one file system, and only the worker empties it. So receivers stop while there
 * is a reserve of bytes and inodes, with which the worker takes what waits. What a file system does not count
 * has no bound.
 */
#ifndef KH_ROOM_H
#define KH_ROOM_H

#include "base/base.h"

#include <sys/statvfs.h>

enum {
  KH_RESERVE_PART = 8, /* of the file system, at most: an eighth */
  KH_RESERVE_MIN_BYTES = 1024 * 1024,
  KH_RESERVE_INODES = 1000,
  KH_RESERVE_MIN_INODES = 16
};

struct kh_room {
  uint64_t left_bytes, left_inodes; /* for users other than root; UINT64_MAX where they are not counted */
  uint64_t reserve_bytes, reserve_inodes;
  uint64_t total_bytes;
};

/*
 * Of what statvfs told. The reserve is WANTED_BYTES (`inbox.reserve`), an eighth of the file system at most,
 * but KH_RESERVE_MIN_BYTES at least, and half of a file system that is smaller than two of those; inodes
 * likewise. For WANTED_BYTES 0 there is none.
 */
struct kh_room kh_room_of(const struct statvfs *about, uint64_t wanted_bytes);
/* Of the file system that FD is on. What cannot be asked has no bound. */
struct kh_room kh_room_at(int fd, uint64_t wanted_bytes);
/* True when one more file of BYTES bytes leaves the reserve alone. */
bool kh_room_has(const struct kh_room *room, uint64_t bytes);

#endif
