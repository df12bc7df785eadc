#include "base/base.h"

#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* A dynamic loader would do this. The start of a static program in musl leaves the tables writable. */
static __attribute__((constructor)) void protect_tables(void)
{
  const uintptr_t page = (uintptr_t)getauxval(AT_PAGESZ);
  const unsigned long count = getauxval(AT_PHNUM);
  const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);

  for (unsigned long i = 0; headers && page && i < count; i++) {
    if (headers[i].p_type != PT_GNU_RELRO)
      continue;
    uintptr_t start = headers[i].p_vaddr & ~(page - 1);
    uintptr_t end = (headers[i].p_vaddr + headers[i].p_memsz) & ~(page - 1);
    if (end > start)
      (void)mprotect((void *)start, end - start, PROT_READ);
  }
}
