#include "base/base.h"

#include "support/guard.h"

#include <sys/mman.h>
#include <unistd.h>

/* Aborts rather than fails a check: fuzz targets use it too. */
static char *map_pages(struct kh_guard *guard, size_t bytes, size_t page)
{
  guard->map_bytes = (bytes + page - 1) / page * page + 2 * page;
  guard->map = mmap(NULL, guard->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (guard->map == MAP_FAILED || mprotect(guard->map, page, PROT_NONE) ||
      mprotect((char *)guard->map + guard->map_bytes - page, page, PROT_NONE))
    abort();
  return guard->map;
}

static struct kh_str place(char *at, struct kh_str text)
{
  if (text.len > 0)
    memcpy(at, text.at, text.len);
  return kh_str(at, text.len);
}

struct kh_str kh_guard_end(struct kh_guard *guard, struct kh_str text)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *map = map_pages(guard, text.len, page);

  return place(map + guard->map_bytes - page - text.len, text);
}

struct kh_str kh_guard_begin(struct kh_guard *guard, struct kh_str text)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);

  return place(map_pages(guard, text.len, page) + page, text);
}

void kh_guard_release(struct kh_guard *guard)
{
  if (guard->map)
    (void)munmap(guard->map, guard->map_bytes);
  *guard = (struct kh_guard){NULL, 0};
}
