#include "base/base.h"

#include "base/clock.h"
#include "lambda/http_client_parts.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static enum kh_err fail(struct kh_diag *diag, const char *what)
{
  return kh_diag_set(diag, KH_ERR_IO, "%s: %s", what, strerror(errno));
}

void kh_http_client_disconnect(struct kh_http_client *client)
{
  if (client->fd >= 0)
    (void)close(client->fd);
  client->fd = -1;
  client->window_at = 0;
  client->window_len = 0;
}

int64_t kh_http_client_end_after(int64_t timeout_ms)
{
  return timeout_ms < 0 ? KH_HTTP_CLIENT_FOREVER_US : kh_clock_ticks_us(&kh_system_clock) + timeout_ms * 1000;
}

/* How long poll may wait: at least until END_US, so that no loop turns without waiting. */
static int wait_ms(int64_t end_us)
{
  if (end_us == KH_HTTP_CLIENT_FOREVER_US)
    return -1;
  int64_t left_us = end_us - kh_clock_ticks_us(&kh_system_clock);
  int64_t left_ms = left_us <= 0 ? 0 : (left_us + 999) / 1000;
  return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

static enum kh_err wait_for(const struct kh_http_client *client, short events, int64_t end_us, short *came,
                            struct kh_diag *diag)
{
  for (;;) {
    struct pollfd watched = {.fd = client->fd, .events = events};
    int ready = poll(&watched, 1, wait_ms(end_us));

    if (ready > 0) {
      *came = watched.revents;
      return KH_OK;
    }
    if (ready == 0)
      return kh_diag_set(diag, KH_ERR_IO, "the time for the exchange is over");
    if (errno != EINTR)
      return fail(diag, "poll");
  }
}

static enum kh_err finish_connecting(const struct kh_http_client *client, struct kh_diag *diag)
{
  short came = 0;
  int problem = 0;
  socklen_t size = sizeof problem;
  enum kh_err err = wait_for(client, POLLOUT, kh_http_client_end_after(KH_HTTP_CLIENT_CONNECT_MS), &came,
                             diag);

  if (err)
    return err;
  if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &problem, &size))
    return fail(diag, "getsockopt");
  errno = problem;
  return problem ? fail(diag, "connect") : KH_OK;
}

enum kh_err kh_http_client_connect(struct kh_http_client *client, struct kh_diag *diag)
{
  const int on = 1;

  kh_http_client_disconnect(client);
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (client->fd < 0)
    return fail(diag, "socket");
  (void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(client->fd, (const struct sockaddr *)&client->address, sizeof client->address) == 0)
    return KH_OK;
  return errno == EINPROGRESS || errno == EINTR ? finish_connecting(client, diag) : fail(diag, "connect");
}

bool kh_http_client_is_usable(const struct kh_http_client *client)
{
  char byte;

  return client->fd >= 0 && client->window_at == client->window_len &&
         recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static void advance(struct iovec parts[2], size_t sent)
{
  for (int i = 0; i < 2; i++) {
    size_t step = sent < parts[i].iov_len ? sent : parts[i].iov_len;

    parts[i].iov_base = (char *)parts[i].iov_base + step;
    parts[i].iov_len -= step;
    sent -= step;
  }
}

enum kh_err kh_http_client_put(const struct kh_http_client *client, struct kh_str body, int64_t end_us,
                               bool *whole, struct kh_diag *diag)
{
  union {
    const char *text;
    void *base; /* sendmsg only reads */
  } bytes = {.text = body.at ? body.at : ""};
  struct iovec parts[2] = {{client->head.at, client->head.len}, {bytes.base, body.len}};
  const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  short came = 0;

  *whole = true;
  while (parts[0].iov_len + parts[1].iov_len > 0) {
    ssize_t sent = sendmsg(client->fd, &message, MSG_NOSIGNAL);

    if (sent >= 0) {
      advance(parts, (size_t)sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      enum kh_err err = wait_for(client, POLLIN | POLLOUT, end_us, &came, diag);
      if (err)
        return err;
      if (came & POLLIN)
        break;
    } else if (errno == EPIPE || errno == ECONNRESET) {
      break;
    } else if (errno != EINTR) {
      return fail(diag, "send");
    }
  }
  *whole = parts[0].iov_len + parts[1].iov_len == 0;
  return KH_OK;
}

enum kh_err kh_http_client_receive(struct kh_http_client *client, char *to, size_t room, int64_t end_us,
                                   size_t *got, struct kh_diag *diag)
{
  short came = 0;

  for (;;) {
    enum kh_err err = wait_for(client, POLLIN, end_us, &came, diag);
    if (err)
      return err;
    ssize_t count = recv(client->fd, to, room, 0);

    if (count >= 0) {
      *got = (size_t)count;
      return KH_OK;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
      return fail(diag, "receive");
  }
}
