/*
 * A library for LD_PRELOAD: a process lives in another time. KH_CLOCK names a file of three numbers, 64 bits
 * each: a reading of the kernel's monotonic clock, what the wall clock said at that moment (both in
 * nanoseconds), and how many times as fast both clocks have run since. The file is mapped: what is written
 * into it counts at once.
 *
 * Of the kernel's clocks only the monotonic one is read: between the readings of two a process can stand
 * still, and at ten times the speed that is a long time.
 */
#include "base/base.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct setting {
  volatile int64_t since_ns, wall_ns, speed;
};

static const int64_t second_ns = 1000000000;
static const struct setting *setting;

static __attribute__((constructor)) void map_setting(void)
{
  const char *path = getenv("KH_CLOCK");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *setting, PROT_READ, MAP_SHARED, fd, 0);

  setting = at == MAP_FAILED ? NULL : at;
  if (fd >= 0)
    (void)close(fd);
}

static int64_t kernel_ns(clockid_t id)
{
  struct timespec now = {0};

  (void)syscall(SYS_clock_gettime, id, &now);
  return now.tv_sec * second_ns + now.tv_nsec;
}

static int64_t now_ns(clockid_t id)
{
  const bool is_wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;

  if (!setting || (!is_wall && id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_RAW &&
                   id != CLOCK_MONOTONIC_COARSE && id != CLOCK_BOOTTIME))
    return kernel_ns(id);
  const int64_t since_ns = setting->since_ns, passed_ns = kernel_ns(CLOCK_MONOTONIC) - since_ns;

  return (is_wall ? setting->wall_ns : since_ns) + passed_ns * setting->speed;
}

int clock_gettime(clockid_t id, struct timespec *at)
{
  int64_t now = now_ns(id);

  *at = (struct timespec){.tv_sec = now / second_ns, .tv_nsec = now % second_ns};
  return 0;
}

time_t time(time_t *at)
{
  time_t now = now_ns(CLOCK_REALTIME) / second_ns;

  if (at)
    *at = now;
  return now;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
  int64_t now = now_ns(CLOCK_REALTIME);

  (void)zone;
  *at = (struct timeval){.tv_sec = now / second_ns, .tv_usec = now % second_ns / 1000};
  return 0;
}

/* Rounded up, or a wait for the last millisecond would spin. */
int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
  int64_t speed = setting ? setting->speed : 1;
  int64_t wait_ns = timeout_ms < 0 ? 0 : (timeout_ms * INT64_C(1000000) + speed - 1) / speed;
  const struct timespec wait = {.tv_sec = wait_ns / second_ns, .tv_nsec = wait_ns % second_ns};
  struct timespec left = wait;

  return (int)syscall(SYS_ppoll, fds, count, timeout_ms < 0 ? NULL : &left, NULL, 0);
}
