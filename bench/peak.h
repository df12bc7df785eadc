/* peak.h - the most memory that a process has had. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* VmHWM in KiB; -1 where there is none. ru_maxrss would count the process that spawned this one, too. */
static long long peak_kib(pid_t pid)
{
  char path[64], line[256];
  long long kib = -1;

  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, "VmHWM:", 6) == 0)
      kib = strtoll(line + 6, NULL, 10);
  if (file)
    fclose(file);
  return kib;
}

#endif
