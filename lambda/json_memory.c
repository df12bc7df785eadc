#include "base/base.h"

#include "lambda/json_memory.h"

#include <jansson.h>

enum { UNITS = 4096 };

static struct {
  max_align_t at[UNITS];
  size_t used;
  bool is_used; /* false: paused, or no event was begun */
} memory;

static void *take(size_t size)
{
  size_t units = (size + sizeof memory.at[0] - 1) / sizeof memory.at[0];

  if (!memory.is_used || units > UNITS - memory.used)
    return malloc(size);
  memory.used += units;
  return &memory.at[memory.used - units];
}

static void give_back(void *at)
{
  uintptr_t start = (uintptr_t)memory.at;

  if ((uintptr_t)at < start || (uintptr_t)at >= start + sizeof memory.at)
    free(at);
}

void kh_json_memory_start(void)
{
  json_set_alloc_funcs(take, give_back);
  memory.used = 0;
  memory.is_used = true;
}

void kh_json_memory_pause(void)
{
  memory.is_used = false;
}

void kh_json_memory_resume(void)
{
  memory.is_used = true;
}
