#include "base/base.h"

#include "base/arena.h"

#include <stdalign.h>

enum { BLOCK_BYTES = 4096 };

struct kh_arena_block {
  struct kh_arena_block *older;
  alignas(max_align_t) char bytes[];
};

void kh_arena_init(struct kh_arena *arena, size_t max_bytes, void *storage, size_t room)
{
  size_t skip = (alignof(max_align_t) - (uintptr_t)storage % alignof(max_align_t)) % alignof(max_align_t);

  *arena = (struct kh_arena){.max = max_bytes};
  if (storage && room > skip) {
    arena->at = (char *)storage + skip;
    arena->room = room - skip;
  }
}

void kh_arena_release(struct kh_arena *arena)
{
  while (arena->blocks) {
    struct kh_arena_block *older = arena->blocks->older;

    free(arena->blocks);
    arena->blocks = older;
  }
  *arena = (struct kh_arena){.max = 0};
}

static bool add_block(struct kh_arena *arena, size_t bytes)
{
  size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
  struct kh_arena_block *block = NULL;

  if (room > arena->max) {
    arena->err = KH_ERR_LIMIT;
    return false;
  }
  block = malloc(sizeof *block + room);
  if (!block) {
    arena->err = KH_ERR_NO_MEMORY;
    return false;
  }
  block->older = arena->blocks;
  arena->blocks = block;
  arena->at = block->bytes;
  arena->room = room;
  arena->max -= room;
  return true;
}

void *kh_arena_take(struct kh_arena *arena, size_t bytes)
{
  size_t unit = alignof(max_align_t);

  if (bytes > SIZE_MAX - unit - sizeof(struct kh_arena_block))
    arena->err = KH_ERR_LIMIT;
  if (arena->err)
    return NULL;
  bytes = ((bytes > 0 ? bytes : 1) + unit - 1) / unit * unit;
  if (bytes > arena->room && !add_block(arena, bytes))
    return NULL;
  char *taken = arena->at;
  arena->at += bytes;
  arena->room -= bytes;
  memset(taken, 0, bytes);
  return taken;
}

struct kh_str kh_arena_copy(struct kh_arena *arena, struct kh_str text)
{
  char *copy = kh_arena_take(arena, text.len);

  if (!copy)
    return KH_NO_STR;
  if (text.len > 0)
    memcpy(copy, text.at, text.len);
  return kh_str(copy, text.len);
}
