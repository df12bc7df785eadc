#include "base/base.h"

#include "output.h"
#include "room_left.h"

#include <fcntl.h>
#include <unistd.h>

void kh_cut_to_folder(char path[KH_PATH_BYTES])
{
  char *slash = strrchr(path, '/');

  if (slash)
    slash[slash == path] = '\0';
}

struct kh_room_left kh_room_left_find(const struct kh_config *config)
{
  struct kh_room_left left = {.takes_bytes = config->max_body_bytes};
  char path[KH_PATH_BYTES];

  (void)snprintf(path, sizeof path, "%s", config->state);
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (fd < 0 && path[0] == '/' && path[1] != '\0') {
    kh_cut_to_folder(path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  left.room = kh_room_at(fd, config->inbox_reserve_bytes);
  if (fd >= 0)
    (void)close(fd);
  left.is_short = !kh_room_has(&left.room, config->max_body_bytes);
  if (!kh_room_has(&left.room, 1))
    left.takes_bytes = 0;
  else if (left.is_short)
    left.takes_bytes = left.room.left_bytes - left.room.reserve_bytes;
  return left;
}

void kh_room_left_words(const struct kh_room_left *left, char words[KH_ROOM_WORDS_BYTES])
{
  const struct kh_room *room = &left->room;
  char bytes[24], reserve[24], takes[24], larger[64] = "", inodes[80] = "";

  kh_output_size(room->left_bytes, bytes);
  kh_output_size(room->reserve_bytes, reserve);
  kh_output_size(left->takes_bytes, takes);
  if (room->left_inodes <= room->reserve_inodes)
    (void)snprintf(inodes, sizeof inodes, " and %" PRIu64 " files (%" PRIu64 " kept)", room->left_inodes,
                   room->reserve_inodes);
  if (left->takes_bytes > 0)
    (void)snprintf(larger, sizeof larger, " larger than %s", takes);
  (void)snprintf(words, KH_ROOM_WORDS_BYTES, "%s%s left, %s kept for the worker (inbox.reserve)%s%s%s",
                 room->left_bytes == UINT64_MAX ? "no bound" : bytes, inodes, reserve,
                 left->is_short ? ": webhooks" : "", left->is_short ? larger : "",
                 left->is_short ? " are answered 503; make room" : "");
}

static json_t *json_of(uint64_t number)
{
  return number > INT64_MAX ? json_null() : json_integer((json_int_t)number);
}

json_t *kh_room_left_json(const struct kh_room_left *left)
{
  const struct kh_room *room = &left->room;
  json_t *json = json_object();

  json_object_set_new(json, "bytes", json_of(room->left_bytes));
  json_object_set_new(json, "reserve", json_of(room->reserve_bytes));
  json_object_set_new(json, "inodes", json_of(room->left_inodes));
  json_object_set_new(json, "inode_reserve", json_of(room->reserve_inodes));
  json_object_set_new(json, "takes", json_of(left->takes_bytes));
  return json;
}
