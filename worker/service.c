#include "base/base.h"

#include "base/clock.h"
#include "worker/service.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int64_t ticks_ms(void)
{
  return kh_clock_ticks_us(&kh_system_clock) / 1000;
}

/* What does not arrive is not said again: whoever waits for it has a time-out of its own. */
static void say(const struct kh_service *service, const char *text)
{
  if (service->fd >= 0)
    (void)!sendto(service->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&service->address,
                  service->address_bytes);
}

/* A path, or, with '@' in front, a name in the abstract space of Linux. */
static bool find_socket(struct kh_service *service, const char *name)
{
  char *path = service->address.sun_path;
  size_t length = name ? strlen(name) : 0;

  if (length < 2 || length >= sizeof service->address.sun_path || (name[0] != '/' && name[0] != '@'))
    return false;
  service->address.sun_family = AF_UNIX;
  memcpy(path, name, length + 1);
  if (path[0] == '@')
    path[0] = '\0';
  service->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  return true;
}

static int64_t beat_every_ms(void)
{
  const char *pid = getenv("WATCHDOG_PID");
  const char *usec = getenv("WATCHDOG_USEC");
  uint64_t number = 0;

  if (pid && (!kh_str_u64(kh_str_of(pid), &number) || number != (uint64_t)getpid()))
    return 0;
  if (!usec || !kh_str_u64(kh_str_of(usec), &number) || number == 0 || number > INT64_MAX)
    return 0;
  return number < 2000 ? 1 : (int64_t)(number / 2000);
}

static void beat(const struct kh_service *service)
{
  if (ticks_ms() <= service->expected_ms)
    say(service, "WATCHDOG=1");
}

static void *speak(void *self)
{
  struct kh_service *service = self;
  struct pollfd fds[] = {{.fd = service->end_fd, .events = POLLIN},
                         {.fd = service->stop_fd, .events = POLLIN}};
  int64_t next_ms = ticks_ms();

  while (!fds[0].revents) {
    int64_t left_ms = next_ms - ticks_ms();

    if (service->beat_every_ms > 0 && left_ms <= 0) {
      beat(service);
      left_ms = service->beat_every_ms;
      next_ms = ticks_ms() + left_ms;
    }
    (void)poll(fds, KH_COUNT(fds),
               service->beat_every_ms == 0 ? -1
               : left_ms > INT_MAX         ? INT_MAX
                                           : (int)left_ms);
    if (fds[1].revents) {
      say(service, "STOPPING=1");
      service->told_stopping = true;
      fds[1] = (struct pollfd){.fd = -1};
    }
  }
  return NULL;
}

bool kh_service_open(struct kh_service *service, int stop_fd)
{
  *service = (struct kh_service){.fd = -1, .stop_fd = stop_fd, .end_fd = -1};
  if (!find_socket(service, getenv("NOTIFY_SOCKET")))
    return true;
  service->beat_every_ms = beat_every_ms();
  service->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  service->end_fd = eventfd(0, EFD_CLOEXEC);
  kh_service_expect(service, 0);
  if (service->fd >= 0 && service->end_fd >= 0 && pthread_create(&service->thread, NULL, speak, service) == 0)
    return true;
  if (service->end_fd >= 0)
    (void)close(service->end_fd);
  if (service->fd >= 0)
    (void)close(service->fd);
  service->end_fd = service->fd = -1;
  return false;
}

void kh_service_close(struct kh_service *service)
{
  const uint64_t one = 1;

  if (service->end_fd < 0)
    return;
  (void)!write(service->end_fd, &one, sizeof one);
  (void)pthread_join(service->thread, NULL);
  if (!service->told_stopping)
    say(service, "STOPPING=1");
  (void)close(service->end_fd);
  (void)close(service->fd);
  service->end_fd = service->fd = -1;
}

void kh_service_ready(struct kh_service *service)
{
  say(service, "READY=1");
}

void kh_service_reloading(struct kh_service *service)
{
  struct timespec now = {0};
  char text[80];

  /* systemd compares it with a time of its own, and so asks for this very clock. */
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  (void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
                 (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
  say(service, text);
}

void kh_service_status(struct kh_service *service, const char *format, ...)
{
  char status[sizeof service->status] = "";
  char text[sizeof status + 16];
  va_list arguments;

  va_start(arguments, format);
  (void)vsnprintf(status, sizeof status, format, arguments);
  va_end(arguments);
  if (strcmp(status, service->status) == 0)
    return;
  memcpy(service->status, status, sizeof status);
  (void)snprintf(text, sizeof text, "STATUS=%s", status);
  say(service, text);
}

void kh_service_expect(struct kh_service *service, int64_t within_ms)
{
  service->expected_ms = ticks_ms() + within_ms + KH_SERVICE_GRACE_MS;
}
