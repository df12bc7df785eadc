#include "base/base.h"

#include "fcgi_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, ACCEPTS_A_TURN = 64, DESCRIPTORS_LEFT = 64, LET_IN_EVERY_US = 10 * 1000 };

enum phase { RECEIVING, ANSWERING, CLOSING };

struct kh_fcgi_connection {
  int fd; /* -1 once it is over, until the end of the turn */
  enum phase phase;
  struct kh_fcgi_stream stream;
  struct kh_buf records; /* of the request; then of its answer */
  size_t answered;
  bool lingers; /* the peer may still be sending: a plain close would cost it the answer */
  bool is_idle; /* kept, and nothing came since the last answer */
  int64_t waits_since_us, until_us;
};

/* ---- one connection ------------------------------------------------------------------------ */

static int64_t ticks_us(const struct kh_fcgi_server *server)
{
  return kh_clock_ticks_us(server->clock);
}

static void give(struct kh_fcgi_connection *connection, int64_t now_us, int64_t ms)
{
  connection->until_us = now_us + ms * 1000;
}

static void drop(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection)
{
  if (connection->phase == RECEIVING)
    server->incomplete_bytes -= connection->records.len;
  (void)close(connection->fd);
  kh_buf_release(&connection->records);
  connection->fd = -1;
}

static size_t budget_bytes(const struct kh_fcgi_server *server)
{
  const size_t one = server->body_max_bytes * 2;

  return one > KH_FCGI_BUDGET_BYTES ? one : KH_FCGI_BUDGET_BYTES;
}

static void begin_to_wait(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection, int64_t ms)
{
  connection->phase = RECEIVING;
  connection->is_idle = false;
  kh_buf_clear(&connection->records);
  connection->records.max = budget_bytes(server);
  connection->waits_since_us = ticks_us(server);
  give(connection, connection->waits_since_us, ms);
  kh_fcgi_stream_init(&connection->stream, server->body_max_bytes, (unsigned)server->places);
}

static bool keep_records(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection,
                         struct kh_str bytes)
{
  const size_t before = connection->records.len;

  if (kh_buf_add(&connection->records, bytes)) {
    server->incomplete_bytes -= before;
    return false;
  }
  server->incomplete_bytes += bytes.len;
  return true;
}

/* The answer is on its way: what the peer still sends is read and forgotten, or it would lose the answer. */
static void linger(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection)
{
  connection->phase = CLOSING;
  kh_buf_release(&connection->records);
  give(connection, ticks_us(server), KH_FCGI_LINGER_MS);
  if (shutdown(connection->fd, SHUT_WR))
    drop(server, connection);
}

static void after_answer(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection)
{
  if (connection->lingers) {
    linger(server, connection);
  } else if (!connection->stream.keep || server->stopped_us) {
    drop(server, connection);
  } else {
    begin_to_wait(server, connection, KH_FCGI_IDLE_MS);
    connection->is_idle = true;
  }
}

static void answer(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection)
{
  const struct kh_buf *records = &connection->records;

  while (connection->answered < records->len) {
    ssize_t sent = write(connection->fd, records->at + connection->answered,
                         records->len - connection->answered);

    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (sent <= 0) {
      drop(server, connection);
      return;
    }
    connection->answered += (size_t)sent;
  }
  after_answer(server, connection);
}

/* Where memory files may not be executable, that must be said; kernels before 6.3 do not know the word. */
static int memory_file(void)
{
#ifdef MFD_NOEXEC_SEAL
  int fd = memfd_create("kitehook request", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

  if (fd >= 0 || errno != EINVAL)
    return fd;
#endif
  return memfd_create("kitehook request", MFD_CLOEXEC);
}

/* False leaves RECORDS, which were the request's, without an answer. */
static bool exchange(const struct kh_fcgi_server *server, struct kh_buf *records, bool is_late)
{
  const int fd = server->exchange;
  const off_t begin = (off_t)records->len;

  /*
   * Written over and then cut: to free its pages first would cost as much again, to leave the rest would show
   * it.
   */
  if (pwrite(fd, records->at, records->len, 0) != begin || ftruncate(fd, begin) ||
      lseek(fd, 0, SEEK_SET) != 0)
    return false;
  /* Whoever is slow to take the answer must not hold the memory of the request. */
  kh_buf_release(records);
  if (!server->serve(server->self, fd, is_late))
    return false;
  char *room = kh_buf_reserve(records, KH_FCGI_ANSWER_MAX_BYTES + 1);
  ssize_t got = room ? pread(fd, room, KH_FCGI_ANSWER_MAX_BYTES + 1, begin) : 0;
  if (got <= 0 || got > KH_FCGI_ANSWER_MAX_BYTES)
    return false;
  records->len = (size_t)got;
  return true;
}

static void serve(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection, bool is_late)
{
  server->incomplete_bytes -= connection->records.len;
  connection->phase = ANSWERING;
  connection->answered = 0;
  if (!exchange(server, &connection->records, is_late)) {
    drop(server, connection);
    return;
  }
  give(connection, ticks_us(server), server->deadline_ms);
  answer(server, connection);
}

/* A reply is some bytes long: where there is no room for it, nobody reads. */
static bool send_reply(const struct kh_fcgi_connection *connection)
{
  const struct kh_fcgi_stream *stream = &connection->stream;

  return write(connection->fd, stream->reply, stream->reply_len) == (ssize_t)stream->reply_len;
}

/* Its time is over, or its place is needed. */
static void give_up(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection)
{
  if (connection->phase != RECEIVING || connection->stream.phase != KH_FCGI_BODY) {
    drop(server, connection);
    return;
  }
  connection->lingers = true;
  serve(server, connection, true);
}

/* ---- bounds -------------------------------------------------------------------------------- */

static bool holds_bytes(const struct kh_fcgi_connection *connection)
{
  return connection->phase == RECEIVING && connection->records.len > 0;
}

/* MUST_HOLD: only of those that hold some of an incomplete request. */
static struct kh_fcgi_connection *longest_waiting(struct kh_fcgi_server *server, bool must_hold)
{
  struct kh_fcgi_connection *found = NULL;

  for (size_t i = 0; i < server->count; i++) {
    struct kh_fcgi_connection *connection = &server->connections[i];

    if (connection->fd < 0 || (must_hold && !holds_bytes(connection)))
      continue;
    if (!found || connection->waits_since_us < found->waits_since_us)
      found = connection;
  }
  return found;
}

/* False when there is nobody to cut. */
static bool cut_longest_waiting(struct kh_fcgi_server *server, bool must_hold)
{
  struct kh_fcgi_connection *connection = longest_waiting(server, must_hold);

  if (!connection)
    return false;
  give_up(server, connection);
  if (connection->fd >= 0)
    drop(server, connection);
  return true;
}

static void keep_within_budget(struct kh_fcgi_server *server)
{
  while (server->incomplete_bytes > budget_bytes(server) && cut_longest_waiting(server, true))
    continue;
}

/* ---- what arrives -------------------------------------------------------------------------- */

/* BYTES lie KH_FCGI_HEADROOM behind ROOM. */
static void take(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection, struct kh_str bytes,
                 char *room)
{
  if (connection->is_idle)
    begin_to_wait(server, connection, server->deadline_ms);
  while (bytes.len > 0 && connection->fd >= 0) {
    size_t made = 0;

    enum kh_fcgi_found found = kh_fcgi_take(&connection->stream, &bytes, room, &made);
    if (found == KH_FCGI_BROKEN || !keep_records(server, connection, kh_str(room, made))) {
      drop(server, connection);
      return;
    }
    switch (found) {
    case KH_FCGI_REQUEST:
    case KH_FCGI_TOO_LARGE:
      /*
       * No server sends a second request before the first is answered; for one that does, the first is the
       * last.
       */
      connection->lingers = found == KH_FCGI_TOO_LARGE || bytes.len > 0;
      serve(server, connection, false);
      return;
    case KH_FCGI_REPLY:
      if (!send_reply(connection))
        drop(server, connection);
      break;
    case KH_FCGI_REFUSED:
      if (send_reply(connection)) {
        server->incomplete_bytes -= connection->records.len;
        linger(server, connection);
      } else {
        drop(server, connection);
      }
      return;
    case KH_FCGI_BROKEN:
    case KH_FCGI_MORE:
      break;
    }
  }
}

/* It will send no more. What is there of a body is answered: the log should say what happened. */
static void end_of_input(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection)
{
  if (connection->phase == RECEIVING && connection->stream.phase == KH_FCGI_BODY) {
    connection->stream.keep = false;
    serve(server, connection, false);
  } else {
    drop(server, connection);
  }
}

static void receive(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection)
{
  static char room[KH_FCGI_HEADROOM + READ_BYTES];
  ssize_t got = read(connection->fd, room + KH_FCGI_HEADROOM, READ_BYTES);

  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (got < 0)
    drop(server, connection);
  else if (got == 0)
    end_of_input(server, connection);
  else if (connection->phase == RECEIVING)
    take(server, connection, kh_str(room + KH_FCGI_HEADROOM, (size_t)got), room);
  keep_within_budget(server);
}

/* ---- who comes ----------------------------------------------------------------------------- */

union address {
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
};

/* Numeric; an IPv4 address also where it comes over IPv6. False for a unix socket, which has none. */
static bool address_text(const union address *peer, char text[INET6_ADDRSTRLEN])
{
  const struct in6_addr *in6 = &peer->in6.sin6_addr;

  if (peer->any.sa_family == AF_INET)
    return inet_ntop(AF_INET, &peer->in.sin_addr, text, INET6_ADDRSTRLEN);
  if (peer->any.sa_family != AF_INET6)
    return false;
  if (IN6_IS_ADDR_V4MAPPED(in6))
    return inet_ntop(AF_INET, in6->s6_addr + 12, text, INET6_ADDRSTRLEN);
  return inet_ntop(AF_INET6, in6, text, INET6_ADDRSTRLEN);
}

/* FastCGI's own list of whom to listen to (section 3.2). */
static bool is_allowed(const struct kh_fcgi_server *server, const union address *peer)
{
  char text[INET6_ADDRSTRLEN];
  struct kh_str rest = kh_str_of(server->allowed_addresses);

  if (!rest.at || !address_text(peer, text))
    return true;
  while (rest.at)
    if (kh_str_equal(kh_str_trim(kh_str_cut(&rest, ',')), kh_str_of(text)))
      return true;
  return false;
}

static void forget_dropped(struct kh_fcgi_server *server)
{
  size_t kept = 0;

  for (size_t i = 0; i < server->count; i++) {
    if (server->connections[i].fd < 0)
      continue;
    if (kept < i)
      server->connections[kept] = server->connections[i];
    kept++;
  }
  server->count = kept;
}

static void make_place(struct kh_fcgi_server *server)
{
  forget_dropped(server);
  if (server->count == server->places && cut_longest_waiting(server, false))
    forget_dropped(server);
}

static void welcome(struct kh_fcgi_server *server, int fd)
{
  if (server->count == server->places)
    make_place(server);
  struct kh_fcgi_connection *connection = &server->connections[server->count++];
  *connection = (struct kh_fcgi_connection){.fd = fd};
  begin_to_wait(server, connection, server->deadline_ms);
  /* Mostly the request is there already. */
  receive(server, connection);
}

/* Too many open files, for one: it passes, and the sooner the fewer there are. */
static void after_failed_accept(struct kh_fcgi_server *server, int cause)
{
  const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
  const bool wants_room = cause == EMFILE || cause == ENFILE || cause == ENOBUFS || cause == ENOMEM;

  if (cause == EAGAIN || cause == EINTR || cause == ECONNABORTED)
    return;
  if (!wants_room || !cut_longest_waiting(server, false))
    (void)nanosleep(&pause, NULL);
  forget_dropped(server);
}

static void accept_some(struct kh_fcgi_server *server)
{
  for (int i = 0; i < ACCEPTS_A_TURN; i++) {
    union address peer = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t size = sizeof peer;
    int fd = accept4(server->listener, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0 && is_allowed(server, &peer)) {
      welcome(server, fd);
    } else if (fd >= 0) {
      (void)close(fd);
    } else {
      after_failed_accept(server, errno);
      return;
    }
  }
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void expire(struct kh_fcgi_server *server)
{
  const int64_t now_us = ticks_us(server);

  for (size_t i = 0; i < server->count; i++) {
    struct kh_fcgi_connection *connection = &server->connections[i];

    /* Serving others may have taken long: what came meanwhile is in time. */
    if (connection->fd >= 0 && connection->until_us <= now_us && connection->phase == RECEIVING)
      receive(server, connection);
    if (connection->fd >= 0 && connection->until_us <= now_us)
      give_up(server, connection);
  }
}

/* From now on only who is here. Whoever has just connected may be about to send; what has come is served. */
static void begin_to_stop(struct kh_fcgi_server *server)
{
  server->stopped_us = ticks_us(server);
  accept_some(server);
  for (size_t i = 0; i < server->count; i++) {
    struct kh_fcgi_connection *connection = &server->connections[i];

    if (connection->fd >= 0 && connection->is_idle)
      receive(server, connection);
    if (connection->fd >= 0 && connection->is_idle)
      drop(server, connection);
  }
  forget_dropped(server);
}

static bool is_over(const struct kh_fcgi_server *server)
{
  return server->stopped_us &&
         (server->count == 0 || ticks_us(server) - server->stopped_us >= (int64_t)KH_FCGI_GRACE_MS * 1000);
}

/* Until something can be read or written, a deadline passes or a signal comes. False when nothing can. */
static bool wait_for_any(struct kh_fcgi_server *server, const sigset_t *while_waiting)
{
  int64_t until_us = INT64_MAX;

  server->polled[0] = (struct pollfd){.fd = server->stopped_us ? -1 : server->listener, .events = POLLIN};
  for (size_t i = 0; i < server->count; i++) {
    const struct kh_fcgi_connection *connection = &server->connections[i];

    server->polled[i + 1] = (struct pollfd){.fd = connection->fd,
                                            .events = connection->phase == ANSWERING ? POLLOUT : POLLIN};
    until_us = connection->until_us < until_us ? connection->until_us : until_us;
  }
  if (server->stopped_us && server->stopped_us + (int64_t)KH_FCGI_GRACE_MS * 1000 < until_us)
    until_us = server->stopped_us + (int64_t)KH_FCGI_GRACE_MS * 1000;
  int64_t left_us = until_us - ticks_us(server);
  left_us = left_us < 0 ? 0 : left_us;
  const struct timespec timeout = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
  return ppoll(server->polled, server->count + 1, until_us == INT64_MAX ? NULL : &timeout, while_waiting) > 0;
}

/* Where something is always ready, ppoll lets no signal in. */
static void let_signals_in(struct kh_fcgi_server *server, const sigset_t *while_waiting)
{
  const int64_t now_us = ticks_us(server);

  if (now_us - server->let_in_us < LET_IN_EVERY_US)
    return;
  server->let_in_us = now_us;
  (void)ppoll(NULL, 0, &(struct timespec){0}, while_waiting);
}

static void work(struct kh_fcgi_server *server)
{
  for (size_t i = 0; i < server->count; i++) {
    struct kh_fcgi_connection *connection = &server->connections[i];

    if (connection->fd < 0 || !server->polled[i + 1].revents)
      continue;
    if (connection->phase == ANSWERING)
      answer(server, connection);
    else
      receive(server, connection);
  }
  forget_dropped(server);
  if (server->polled[0].revents)
    accept_some(server);
}

static size_t places_for_descriptors(void)
{
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= KH_FCGI_PLACES + DESCRIPTORS_LEFT)
    return KH_FCGI_PLACES;
  return limit.rlim_cur > DESCRIPTORS_LEFT ? (size_t)(limit.rlim_cur - DESCRIPTORS_LEFT) : 1;
}

enum kh_err kh_fcgi_serve_until(struct kh_fcgi_server *server, const volatile sig_atomic_t *stop,
                                const sigset_t *while_waiting)
{
  server->places = places_for_descriptors();
  server->exchange = memory_file();
  server->connections = calloc(server->places, sizeof *server->connections);
  server->polled = calloc(server->places + 1, sizeof *server->polled);
  enum kh_err err = server->connections && server->polled && server->exchange >= 0 ? KH_OK : KH_ERR_NO_MEMORY;

  while (!err && !is_over(server)) {
    bool something = wait_for_any(server, while_waiting);

    let_signals_in(server, while_waiting);
    if (*stop && !server->stopped_us)
      begin_to_stop(server);
    else if (something)
      work(server);
    expire(server);
    forget_dropped(server);
  }
  for (size_t i = 0; i < server->count; i++)
    drop(server, &server->connections[i]);
  server->count = 0;
  free(server->connections);
  free(server->polled);
  if (server->exchange >= 0)
    (void)close(server->exchange);
  return err;
}
