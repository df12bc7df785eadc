#include "base/base.h"

#include "base/clock.h"
#include "base/version.h"
#include "lambda/http_client_parts.h"
#include "net/transport.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { REQUEST_HEAD_MAX_BYTES = 128 * 1024 };

static enum kh_err fail(struct kh_diag *diag, const char *what)
{
  return kh_diag_set(diag, KH_ERR_IO, "%s: %s", what, strerror(errno));
}

static void disconnect(struct kh_http_client *client)
{
  if (client->fd >= 0)
    (void)close(client->fd);
  client->fd = -1;
  client->window_at = 0;
  client->window_len = 0;
}

static int64_t end_after(int64_t timeout_ms)
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
  enum kh_err err = wait_for(client, POLLOUT, end_after(KH_HTTP_CLIENT_CONNECT_MS), &came, diag);

  if (err)
    return err;
  if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &problem, &size))
    return fail(diag, "getsockopt");
  errno = problem;
  return problem ? fail(diag, "connect") : KH_OK;
}

static enum kh_err connect_anew(struct kh_http_client *client, struct kh_diag *diag)
{
  const int on = 1;

  disconnect(client);
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (client->fd < 0)
    return fail(diag, "socket");
  (void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(client->fd, (const struct sockaddr *)&client->address, sizeof client->address) == 0)
    return KH_OK;
  return errno == EINPROGRESS || errno == EINTR ? finish_connecting(client, diag) : fail(diag, "connect");
}

/* Nothing may wait in a kept connection before a request: its end or bytes that nobody asked for void it. */
static bool is_usable(const struct kh_http_client *client)
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

/*
 * *WHOLE is false when the other side answered or hung up before it had everything: its answer may say why.
 */
static enum kh_err put(const struct kh_http_client *client, struct kh_str body, int64_t end_us, bool *whole,
                       struct kh_diag *diag)
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

static enum kh_err write_head(struct kh_http_client *client, const struct kh_http_client_request *request)
{
  struct kh_buf *head = &client->head;

  kh_buf_clear(head);
  (void)kh_buf_add(head, request->method);
  (void)kh_buf_add_byte(head, ' ');
  (void)kh_buf_add(head, request->target);
  (void)kh_buf_printf(head, " HTTP/1.1\r\nHost: %s\r\nUser-Agent: kitehook/" KH_VERSION "\r\n",
                      client->authority);
  (void)kh_buf_add(head, request->headers);
  if (request->body.at)
    (void)kh_buf_printf(head, "Content-Length: %zu\r\n", request->body.len);
  (void)kh_buf_add(head, KH_STR("\r\n"));
  return kh_buf_ok(head);
}

enum kh_err kh_http_client_send(struct kh_http_client *client, const struct kh_http_client_request *request,
                                struct kh_http_client_answer *answer, struct kh_diag *diag)
{
  bool whole = false;
  bool keep = false;
  enum kh_err err = write_head(client, request);

  if (err)
    goto done;
  if (!is_usable(client))
    err = connect_anew(client, diag);
  if (err)
    goto done;
  int64_t end_us = end_after(request->timeout_ms);
  err = put(client, request->body, end_us, &whole, diag);
  if (!err)
    err = kh_http_client_read(client, answer, end_us, &keep, diag);

done:
  if (err)
    answer->status = 0;
  if (err || !whole || !keep)
    disconnect(client);
  return err;
}

enum kh_err kh_http_client_open(struct kh_http_client *client, struct kh_str authority, struct kh_diag *diag)
{
  struct kh_str rest = authority;
  struct kh_str host = kh_str_cut(&rest, ':');
  uint64_t port = 0;

  client->fd = -1;
  client->window_at = 0;
  client->window_len = 0;
  kh_buf_init(&client->head, REQUEST_HEAD_MAX_BYTES);
  (void)snprintf(client->authority, sizeof client->authority, "%.*s", KH_FMT(host));
  if (kh_str_equal_nocase(host, KH_STR("localhost")))
    (void)snprintf(client->authority, sizeof client->authority, "127.0.0.1");
  client->address = (struct sockaddr_in){.sin_family = AF_INET};
  if (inet_pton(AF_INET, client->authority, &client->address.sin_addr) != 1 || !kh_str_u64(rest, &port) ||
      port < 1 || port > UINT16_MAX || authority.len >= sizeof client->authority)
    return kh_diag_set(diag, KH_ERR_CONFIG, "not an IPv4 address (or localhost) and a port");
  client->address.sin_port = htons((uint16_t)port);
  (void)snprintf(client->authority, sizeof client->authority, "%.*s", KH_FMT(authority));
  return KH_OK;
}

void kh_http_client_close(struct kh_http_client *client)
{
  disconnect(client);
  kh_buf_release(&client->head);
}

void kh_http_client_answer_init(struct kh_http_client_answer *answer, size_t body_max_bytes)
{
  *answer = (struct kh_http_client_answer){0};
  kh_buf_init(&answer->head, KH_ANSWER_HEAD_MAX_BYTES);
  kh_buf_init(&answer->body, body_max_bytes);
}

void kh_http_client_answer_release(struct kh_http_client_answer *answer)
{
  kh_buf_release(&answer->head);
  kh_buf_release(&answer->body);
  answer->status = 0;
}

struct kh_str kh_http_client_answer_header(const struct kh_http_client_answer *answer, struct kh_str name)
{
  struct kh_str rest = answer->status > 0 ? kh_buf_view(&answer->head) : KH_NO_STR;

  if (answer->status > 0)
    rest = kh_str(rest.at + answer->fields_at, rest.len - answer->fields_at);
  while (rest.at) {
    struct kh_str value = kh_str_cut(&rest, '\n');

    if (kh_str_equal_nocase(kh_str_cut(&value, ':'), name) && value.at)
      return kh_str_trim(kh_str(value.at, value.len - 1)); /* without the CR */
  }
  return KH_NO_STR;
}
