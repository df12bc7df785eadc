/*
 * Target: lambda/http_client_read.c, net/http_wire.c and deliver/answer.c. Aborts when one of the two
 * readers keeps more of an answer than is allowed, when libcurl finds another status or body in what the
 * strict reader took, when the strict one finds something else in another division into pieces, or when kept
 * words show the secret.
 *
 * The first two bytes say how much of the answer is in the window before the rest is received.
 */
#include "base/base.h"

#include "deliver/answer.h"
#include "fuzz/replay.h"
#include "lambda/http_client_parts.h"
#include "net/http_wire.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BODY_MAX = 64 * 1024, INPUT_MAX = 150 * 1024 }; /* what a local socket takes at once */

static void need(bool is_so)
{
  if (!is_so)
    abort();
}

/* BYTES and the end, before anybody reads. */
static void say(int fd, struct kh_str bytes)
{
  const int room = 1 << 20;

  need(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
  need(bytes.len == 0 || send(fd, bytes.at, bytes.len, MSG_DONTWAIT) == (ssize_t)bytes.len);
  need(shutdown(fd, SHUT_WR) == 0);
}

/* ---- the strict reader ---- */

static enum kh_err read_strictly(struct kh_str bytes, size_t in_window, struct kh_http_client_answer *answer)
{
  static struct kh_http_client client;
  struct kh_diag diag = {.err = KH_OK};
  bool keep = false;
  int ends[2];

  if (in_window > bytes.len)
    in_window = bytes.len;
  memcpy(client.window, bytes.at, in_window);
  client.window_at = 0;
  client.window_len = in_window;
  need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  say(ends[1], kh_str(bytes.at + in_window, bytes.len - in_window));
  client.fd = ends[0];
  kh_http_client_answer_init(answer, BODY_MAX);
  enum kh_err err = kh_http_client_read(&client, answer, KH_HTTP_CLIENT_FOREVER_US, &keep, &diag);
  (void)close(ends[0]);
  (void)close(ends[1]);
  need(err == KH_OK || err == KH_ERR_IO || err == KH_ERR_LIMIT);
  need(!err == !diag.text[0]);
  need(err || (answer->status >= 200 && answer->status <= 599));
  need(answer->head.len <= KH_ANSWER_HEAD_MAX_BYTES && answer->body.len <= BODY_MAX);
  need(answer->head.room <= 2 * KH_ANSWER_HEAD_MAX_BYTES + 64);
  return err;
}

/* ---- libcurl ---- */

/* Where libcurl connects to: a name that the kernel chose, "" before its first byte. */
struct server {
  int listener;
  int fd; /* its one connection */
  struct sockaddr_un address;
  struct kh_str bytes;
};

static void listen_somewhere(struct server *server)
{
  socklen_t size = sizeof server->address;

  server->address.sun_family = AF_UNIX;
  server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  need(bind(server->listener, (const struct sockaddr *)&server->address, sizeof(sa_family_t)) == 0);
  need(getsockname(server->listener, (struct sockaddr *)&server->address, &size) == 0);
  need(listen(server->listener, 1) == 0);
}

/* libcurl is connected and about to send. */
static int answer_at_once(void *self, char *to, char *from, int to_port, int from_port)
{
  struct server *server = self;

  (void)to, (void)from, (void)to_port, (void)from_port;
  server->fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
  need(server->fd >= 0);
  say(server->fd, server->bytes);
  return CURL_PREREQFUNC_OK;
}

static enum kh_err read_by_libcurl(struct kh_str bytes, struct kh_incoming *answer)
{
  static struct server server;
  static struct kh_wire wire;
  const struct kh_http_options options = {.ca_file = NULL};
  static struct kh_outgoing request = {.timeout_ms = 60000};

  if (server.listener == 0)
    listen_somewhere(&server);
  server.bytes = bytes;
  server.fd = -1;
  need(request.url.at || kh_secret_set(&request.url, KH_STR("http://127.0.0.1:9/")) == KH_OK);
  request.content_type = KH_STR("text/plain");
  request.body = KH_STR("x");
  kh_incoming_init(answer);
  need(kh_wire_prepare(&wire, &options, &request, answer) == KH_OK);
  const char *name = server.address.sun_path + 1; /* curl's macro would take the sizeof of that sum */
  need(curl_easy_setopt(wire.easy, CURLOPT_ABSTRACT_UNIX_SOCKET, name) == CURLE_OK);
  need(curl_easy_setopt(wire.easy, CURLOPT_PREREQFUNCTION, answer_at_once) == CURLE_OK);
  need(curl_easy_setopt(wire.easy, CURLOPT_PREREQDATA, &server) == CURLE_OK);
  need(curl_easy_setopt(wire.easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK);
  enum kh_err err = kh_wire_conclude(&wire, curl_easy_perform(wire.easy));
  need(wire.head_bytes <= KH_ANSWER_HEAD_MAX_BYTES || answer->problem[0]);
  kh_wire_clear(&wire);
  need(server.fd >= 0 && close(server.fd) == 0);
  need(err == KH_OK || err == KH_ERR_DELIVERY_FAILED);
  need(err ? answer->status == 0 && answer->problem[0] : answer->status >= 200);
  need(answer->body.len <= KH_ANSWER_MAX_BYTES);
  return err;
}

/* ---- what is kept ---- */

static void keep_words(struct kh_str body)
{
  char kept[KH_ANSWER_KEPT_BYTES];
  struct kh_secret secret = {.at = NULL};

  need(kh_secret_set(&secret, KH_STR("http://fuzz.invalid/planted-path")) == KH_OK);
  kh_answer_keep(body, (const struct kh_secret *const[]){&secret}, 1, kept);
  const size_t len = strnlen(kept, sizeof kept);
  need(len < sizeof kept);
  for (size_t i = 0; i < len; i++)
    need(kept[i] >= ' ' && kept[i] <= '~');
  need(!strcasestr(kept, "planted-path") && !strcasestr(kept, "invalid"));
  kh_secret_release(&secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_http_client_answer whole;
  struct kh_http_client_answer pieces;
  struct kh_incoming seen;

  if (size < 2 || size > INPUT_MAX)
    return 0;
  const size_t in_window = ((size_t)data[0] << 8 | data[1]) % sizeof((struct kh_http_client *)0)->window;
  const struct kh_str bytes = {(const char *)data + 2, size - 2};

  const enum kh_err err = read_strictly(bytes, 0, &whole);
  need(err == read_strictly(bytes, in_window, &pieces));
  if (!err) {
    need(whole.status == pieces.status);
    need(kh_str_equal(kh_buf_view(&whole.head), kh_buf_view(&pieces.head)));
    need(kh_str_equal(kh_buf_view(&whole.body), kh_buf_view(&pieces.body)));
  }
  const enum kh_err by_libcurl = read_by_libcurl(bytes, &seen);
  if (!err) {
    const struct kh_str body = kh_buf_view(&whole.body);

    need(!by_libcurl && seen.status == whole.status);
    need(kh_str_equal(kh_buf_view(&seen.body),
                      kh_str(body.at, body.len < KH_ANSWER_MAX_BYTES ? body.len : KH_ANSWER_MAX_BYTES)));
  }
  keep_words(kh_buf_view(&seen.body));
  kh_buf_release(&seen.body);
  kh_http_client_answer_release(&whole);
  kh_http_client_answer_release(&pieces);
  return 0;
}
