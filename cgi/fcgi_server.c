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
  struct kh_buf collected; /* of the request; then of its answer what the peer does not take yet */
  struct kh_str answer;    /* what is left of it */
  bool lingers;            /* the peer may still be sending: a plain close would cost it the answer */
  bool is_idle;            /* kept, and nothing came since the last answer */
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
    server->incomplete_bytes -= connection->collected.len;
  (void)close(connection->fd);
  kh_buf_release(&connection->collected);
  connection->fd = -1;
}

static size_t budget_bytes(const struct kh_fcgi_server *server)
{
  const size_t one = server->body_max_bytes * 2;

  return one > KH_FCGI_BUDGET_BYTES ? one : KH_FCGI_BUDGET_BYTES;
}

/*
 * As the config in use has it, which may be another one than when the request began. The ceiling stays above
 * what is there: a body that has become too large is to be answered.
 */
static void apply_limits(const struct kh_fcgi_server *server, struct kh_fcgi_connection *connection)
{
  const size_t ceiling = budget_bytes(server);

  connection->stream.body_max_bytes = server->body_max_bytes;
  if (connection->collected.max < ceiling)
    connection->collected.max = ceiling;
}

static void begin_to_wait(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection, int64_t ms)
{
  connection->phase = RECEIVING;
  connection->is_idle = false;
  kh_buf_clear(&connection->collected);
  connection->waits_since_us = ticks_us(server);
  give(connection, connection->waits_since_us, ms);
  kh_fcgi_stream_init(&connection->stream, server->body_max_bytes, (unsigned)server->places);
}

/* The answer is on its way: what the peer still sends is read and forgotten, or it would lose the answer. */
static void linger(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection)
{
  connection->phase = CLOSING;
  kh_buf_release(&connection->collected);
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
  struct kh_str *left = &connection->answer;

  while (left->len > 0) {
    ssize_t sent = write(connection->fd, left->at, left->len);

    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (sent <= 0) {
      drop(server, connection);
      return;
    }
    *left = kh_str(left->at + sent, left->len - (size_t)sent);
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

/*
 * The answer to a request, in the memory file until the next one; empty when there is none. What the file had
 * before is still there behind HEAD, and not read: libfcgi stops where that ends.
 */
static struct kh_str exchange(const struct kh_fcgi_server *server, struct kh_str head, struct kh_str body,
                              enum kh_err end)
{
  const int fd = server->exchange;

  if (pwrite(fd, head.at, head.len, 0) != (ssize_t)head.len || lseek(fd, 0, SEEK_SET) != 0 ||
      !server->serve(server->self, fd, body, end))
    return KH_NO_STR;
  const off_t len = lseek(fd, 0, SEEK_CUR);
  return len > 0 && len <= KH_FCGI_ANSWER_MAX_BYTES ? kh_str(server->answer, (size_t)len) : KH_NO_STR;
}

/* REQUEST: as kh_fcgi_take made it. END: see `serve` in fcgi_server.h. */
static void serve(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection, struct kh_str request,
                  enum kh_err end)
{
  const struct kh_str head = {request.at, connection->stream.head_bytes};
  const struct kh_str body = {request.at + head.len, request.len - head.len};

  server->incomplete_bytes -= connection->collected.len;
  connection->phase = ANSWERING;
  connection->answer = exchange(server, head, body, end);
  /* Whoever is slow to take the answer must not hold the memory of the request. */
  kh_buf_release(&connection->collected);
  if (connection->answer.len == 0) {
    drop(server, connection);
    return;
  }
  give(connection, ticks_us(server), server->deadline_ms);
  answer(server, connection);
  if (connection->fd < 0 || connection->phase != ANSWERING)
    return;
  if (kh_buf_add(&connection->collected, connection->answer))
    drop(server, connection);
  connection->answer = kh_buf_view(&connection->collected);
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
  serve(server, connection, kh_buf_view(&connection->collected), KH_ERR_BODY_LATE);
}

/* ---- bounds -------------------------------------------------------------------------------- */

static bool holds_bytes(const struct kh_fcgi_connection *connection)
{
  return connection->phase == RECEIVING && connection->collected.len > 0;
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

/* *REQUEST is the latest part, and then all of it. One that came at once, as most do, stays where it is. */
static bool collect(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection,
                    enum kh_fcgi_found found, struct kh_str *request)
{
  const bool is_last = found == KH_FCGI_REQUEST || found == KH_FCGI_TOO_LARGE;
  const size_t before = connection->collected.len;

  if (is_last && before == 0)
    return true;
  if (kh_buf_add(&connection->collected, *request)) {
    server->incomplete_bytes -= before;
    return false;
  }
  server->incomplete_bytes += request->len;
  *request = kh_buf_view(&connection->collected);
  return true;
}

/* BYTES lie KH_FCGI_HEADROOM behind ROOM. */
static void take(struct kh_fcgi_server *server, struct kh_fcgi_connection *connection, struct kh_str bytes,
                 char *room)
{
  if (connection->is_idle)
    begin_to_wait(server, connection, server->deadline_ms);
  apply_limits(server, connection);
  while (bytes.len > 0 && connection->fd >= 0) {
    size_t made = 0;

    enum kh_fcgi_found found = kh_fcgi_take(&connection->stream, &bytes, room, &made);
    struct kh_str request = {room, made};
    if (found == KH_FCGI_BROKEN || !collect(server, connection, found, &request)) {
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
      serve(server, connection, request, found == KH_FCGI_TOO_LARGE ? KH_ERR_TOO_LARGE : KH_OK);
      return;
    case KH_FCGI_REPLY:
      if (!send_reply(connection))
        drop(server, connection);
      break;
    case KH_FCGI_REFUSED:
      if (send_reply(connection)) {
        server->incomplete_bytes -= connection->collected.len;
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
    serve(server, connection, kh_buf_view(&connection->collected), KH_ERR_BODY_CUT);
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
  int64_t until_us = server->tick_us;

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
  server->answer = mmap(NULL, KH_FCGI_ANSWER_MAX_BYTES, PROT_READ, MAP_SHARED, server->exchange, 0);
  const bool is_ready = server->connections && server->polled && server->answer != MAP_FAILED;
  enum kh_err err = is_ready ? KH_OK : KH_ERR_NO_MEMORY;

  while (!err && !is_over(server)) {
    bool something = wait_for_any(server, while_waiting);

    let_signals_in(server, while_waiting);
    if (*stop && !server->stopped_us)
      begin_to_stop(server);
    else if (something)
      work(server);
    expire(server);
    forget_dropped(server);
    if (server->tick_us <= ticks_us(server))
      server->tick(server->self);
  }
  for (size_t i = 0; i < server->count; i++)
    drop(server, &server->connections[i]);
  server->count = 0;
  free(server->connections);
  free(server->polled);
  if (server->answer != MAP_FAILED)
    (void)munmap(server->answer, KH_FCGI_ANSWER_MAX_BYTES);
  if (server->exchange >= 0)
    (void)close(server->exchange);
  return err;
}
