#include "base/base.h"

/*
 * Instead of musl's on x86-64, in the static bootstrap. musl's is `rep movsq` for every size, whose start-up
 * costs more than the few bytes that are mostly copied at a time: a webhook took a tenth longer.
 * The linker puts it in (--wrap): musl's own memmove needs the other one.
 */
void *__wrap_memcpy(void *restrict to, const void *restrict from, size_t length);

enum { LARGE_BYTES = 512, BLOCK_BYTES = 16 };

/* The compiler makes one load and one store of each of these. */
#define COPY(size, at)                                                \
  do {                                                                \
    char taken[size];                                                 \
    __builtin_memcpy(taken, (const char *)from + (at), sizeof taken); \
    __builtin_memcpy((char *)to + (at), taken, sizeof taken);         \
  } while (0)

static void copy_large(void *to, const void *from, size_t length)
{
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
}

void *__wrap_memcpy(void *restrict to, const void *restrict from, size_t length)
{
  if (length >= LARGE_BYTES) {
    copy_large(to, from, length);
  } else if (length >= BLOCK_BYTES) {
    for (size_t at = 0; at + BLOCK_BYTES <= length; at += BLOCK_BYTES)
      COPY(BLOCK_BYTES, at);
    COPY(BLOCK_BYTES, length - BLOCK_BYTES); /* the last ones, some of them twice */
  } else if (length >= 8) {
    COPY(8, 0);
    COPY(8, length - 8);
  } else if (length >= 4) {
    COPY(4, 0);
    COPY(4, length - 4);
  } else if (length > 0) {
    COPY(1, 0);
    COPY(1, length / 2);
    COPY(1, length - 1);
  }
  return to;
}
