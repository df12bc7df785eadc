#include "base/base.h"

#include "base/version.h"
#include "lambda/http_client_parts.h"
#include "net/transport.h"

#include <arpa/inet.h>

enum { REQUEST_HEAD_MAX_BYTES = 128 * 1024 };

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
  if (!kh_http_client_is_usable(client))
    err = kh_http_client_connect(client, diag);
  if (err)
    goto done;
  int64_t end_us = kh_http_client_end_after(request->timeout_ms);
  err = kh_http_client_put(client, request->body, end_us, &whole, diag);
  if (!err)
    err = kh_http_client_read(client, answer, end_us, &keep, diag);

done:
  if (err)
    answer->status = 0;
  if (err || !whole || !keep)
    kh_http_client_disconnect(client);
  return err;
}

enum kh_err kh_http_client_open(struct kh_http_client *client, struct kh_str authority, struct kh_diag *diag)
{
  struct kh_str rest = authority;
  struct kh_str host = kh_str_cut(&rest, ':');
  uint64_t port = 0;

  client->fd = -1;
  kh_http_client_disconnect(client);
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
  kh_http_client_disconnect(client);
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
