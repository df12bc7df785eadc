/*
 * room_left.h - how much room there is for webhooks, for people: `status` and `check`.
 */
#ifndef KH_ROOM_LEFT_H
#define KH_ROOM_LEFT_H

#include "inbox/room.h"
#include "kitehook.h"

enum { KH_ROOM_WORDS_BYTES = 256 };

struct kh_room_left {
  struct kh_room room;
  /* the largest webhook that receivers keep, webhook.max_body at most; 0: they answer all 503 */
  uint64_t takes_bytes;
  bool is_short; /* below webhook.max_body */
};

/* Cuts PATH down to the folder that it is in. */
void kh_cut_to_folder(char path[KH_PATH_BYTES]);
/* Of the file system that the state folder is on, or will be on. */
struct kh_room_left kh_room_left_find(const struct kh_config *config);
/* One clause: what is left, what of it is kept for the worker and, where it is short, what to do. */
void kh_room_left_words(const struct kh_room_left *left, char words[KH_ROOM_WORDS_BYTES]);
/* Null for what the file system does not count. */
json_t *kh_room_left_json(const struct kh_room_left *left);

#endif
