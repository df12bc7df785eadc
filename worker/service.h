/*
 * service.h - what a worker tells the service manager that runs it: sd_notify(3)'s protocol, without its
 * library.
 *
 * Lines of KEY=value in datagrams to the socket that NOTIFY_SOCKET names; where it is not set every call does
 * nothing. A thread of its own says WATCHDOG=1 at half of WATCHDOG_USEC, since one step of the loop, such as
 * a batch of webhooks on a slow disk, may take longer than that, and STOPPING=1 as soon as a signal asks for
 * it. It falls silent when the loop does not come by as it promised, so that a worker that hangs is still
 * found out.
 */
#ifndef KH_SERVICE_H
#define KH_SERVICE_H

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

/* More than one step of the loop takes. */
enum { KH_SERVICE_GRACE_MS = 60 * 1000 };

struct kh_service {
  int fd; /* -1: nobody listens */
  struct sockaddr_un address;
  socklen_t address_bytes;
  int64_t beat_every_ms; /* 0: no watchdog */
  int stop_fd;           /* borrowed: readable once a signal asked to stop */
  int end_fd;            /* readable: the thread is to end; -1 without a thread */
  pthread_t thread;
  bool told_stopping;
  _Atomic int64_t expected_ms; /* when the loop comes by at the latest, in ticks */
  char status[120];
};

/*
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. SERVICE must stay where it is, and the signals of
 * STOP_FD must be blocked already. False when the thread cannot be had: then nothing would keep the watchdog
 * quiet.
 */
bool kh_service_open(struct kh_service *service, int stop_fd) KH_MUST_USE;
/* Says STOPPING=1, unless it was said. */
void kh_service_close(struct kh_service *service);

/* READY=1: at work, or done with reading its config again. */
void kh_service_ready(struct kh_service *service);
/* RELOADING=1; kh_service_ready must follow. */
void kh_service_reloading(struct kh_service *service);
/* STATUS=…, one line for people; nothing is sent while it stays the same. */
void kh_service_status(struct kh_service *service, const char *format, ...) KH_PRINTF(2, 3);
/* The loop promises to come by again in WITHIN_MS and a step's time. */
void kh_service_expect(struct kh_service *service, int64_t within_ms);

#endif
