/*
 * fcgi_server.h - many FastCGI connections at once, each with a deadline, in one loop and one thread.
 *
 * What a connection sends is collected until its request is complete; only then it is served, its head from a
 * memory file (memfd_create(2)) which takes the answer, too. So nobody waits for somebody else's bytes, and
 * serving needs no lock.
 *
 * A request has `deadline_ms` to arrive, and as long again for its answer to be taken; a connection that is
 * kept may be idle for two minutes, one that is being closed lingers for two seconds at most. Where places,
 * descriptors or memory run out, the connection that has waited longest is cut (for memory: of those that
 * hold some): whoever drips gets old, a webhook does not.
 */
#ifndef KH_FCGI_SERVER_H
#define KH_FCGI_SERVER_H

#include "fcgi_stream.h"

#include "base/buf.h"
#include "base/clock.h"

#include <poll.h>
#include <signal.h>

enum {
  KH_FCGI_PLACES = 256,
  KH_FCGI_BUDGET_BYTES = 32 * 1024 * 1024, /* of all incomplete requests; or as much as one may have */
  KH_FCGI_IDLE_MS = 120 * 1000,            /* nginx gives up an idle connection after 60 s */
  KH_FCGI_LINGER_MS = 2000,
  KH_FCGI_ANSWER_MAX_BYTES = 8 * 1024, /* with its records */
  KH_FCGI_GRACE_MS = 1000              /* for who is connected when the program is asked to end */
};

struct kh_fcgi_connection;

struct kh_fcgi_server {
  int listener; /* non-blocking */
  const struct kh_clock *clock;
  const char *allowed_addresses; /* of FCGI_WEB_SERVER_ADDRS: IPv4 or IPv6, with commas; NULL: all */
  /* These two may be changed by serve: the first for bodies on their way, too. */
  size_t body_max_bytes;
  int64_t deadline_ms;
  /*
   * Serves the request whose head the file RECORDS holds, and writes the answer's records there, from the
   * file's beginning. END is why BODY ends: KH_OK, it is whole; KH_ERR_TOO_LARGE, nobody waits for the rest;
   * KH_ERR_BODY_LATE, its time, or the room for it, was over; KH_ERR_BODY_CUT, the client sends no more.
   * False when there is no answer, or not all of it.
   */
  bool (*serve)(void *self, int records, struct kh_str body, enum kh_err end);
  /* Called once at TICK_US, on `clock`; both may be changed by serve and by tick. INT64_MAX: never. */
  void (*tick)(void *self);
  int64_t tick_us;
  void *self;

  /* ---- private ---- */
  struct kh_fcgi_connection *connections; /* `count` of them */
  struct pollfd *polled;                  /* the listener, and one for each connection */
  size_t count, places;
  size_t incomplete_bytes;
  int exchange;       /* the memory file */
  char *answer;       /* its beginning, mapped */
  int64_t stopped_us; /* when `stop` was first seen; 0 before */
  int64_t let_in_us;  /* when signals were last let in by themselves */
};

/*
 * Serves until *STOP is set by a signal handler; who is connected then, and not idle after an answer, has
 * KH_FCGI_GRACE_MS. Signals are let in, by WHILE_WAITING, only while nothing is being served.
 * KH_ERR_NO_MEMORY before the first connection, else KH_OK.
 */
enum kh_err kh_fcgi_serve_until(struct kh_fcgi_server *server, const volatile sig_atomic_t *stop,
                                const sigset_t *while_waiting) KH_MUST_USE;

#endif
