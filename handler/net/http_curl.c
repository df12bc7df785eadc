#include "base/base.h"

#include "net/http_wire.h"
#include "net/mail_wire.h"

#include <unistd.h>

/* Where systems keep their authorities: Amazon Linux and Fedora, Debian, Alpine and the BSDs. */
static const char *const CA_FILES[] = {
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
};

enum { WIRES = KH_EXCHANGES_MAX, FDS_MAX = 8 };

struct http {
  const char *ca_file; /* NULL: to be found by the first request */
  struct kh_http_options options;
  CURLM *multi;                /* NULL until the first request */
  struct kh_wire wires[WIRES]; /* free ones have no answer */
};

/*
 * A libcurl that was built without a default would trust nobody. Where no file can be read the last one's
 * name stays.
 */
static const char *find_ca_file(void)
{
  const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
  size_t i = 0;

  if (built->cainfo || built->capath)
    return NULL;
  while (i + 1 < KH_COUNT(CA_FILES) && access(CA_FILES[i], R_OK))
    i++;
  return CA_FILES[i];
}

/* Without one each request takes a fresh connection. */
static CURLSH *make_share(void)
{
  CURLSH *share = curl_share_init();

  if (share) {
    (void)curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
    (void)curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  }
  return share;
}

static void start(struct http *http)
{
  if (!http->options.share)
    http->options.share = make_share();
  if (!http->ca_file)
    http->ca_file = find_ca_file();
  if (!http->options.ca_file)
    http->options.ca_file = http->ca_file;
}

static struct kh_wire *free_wire(struct http *http)
{
  for (size_t i = 0; i < WIRES; i++)
    if (!http->wires[i].answer)
      return &http->wires[i];
  return NULL;
}

static enum kh_err http_begin(void *self, struct kh_exchange *exchange)
{
  struct http *http = self;
  struct kh_wire *wire = free_wire(http);

  start(http);
  if (!http->multi)
    http->multi = curl_multi_init();
  if (!http->multi || !wire)
    return kh_wire_fail(&exchange->answer, wire ? "libcurl cannot be started" : "too many requests at once");
  const struct kh_outgoing *request = &exchange->request;
  enum kh_err err = kh_outgoing_is_mail(request)
                        ? kh_mail_prepare(wire, &http->options, request, &exchange->answer)
                        : kh_wire_prepare(wire, &http->options, request, &exchange->answer);
  if (!err && (curl_easy_setopt(wire->easy, CURLOPT_PRIVATE, exchange) ||
               curl_multi_add_handle(http->multi, wire->easy)))
    err = kh_wire_fail(&exchange->answer, "libcurl takes no further request");
  if (err)
    kh_wire_clear(wire);
  else
    exchange->wire = wire;
  return err;
}

static void http_wait(void *self, const int *fds, size_t count, int timeout_ms)
{
  const struct http *http = self;
  struct curl_waitfd waits[FDS_MAX] = {{0}};

  for (size_t i = 0; i < count && i < FDS_MAX; i++)
    waits[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
  (void)curl_multi_poll(http->multi, waits, (unsigned)(count < FDS_MAX ? count : FDS_MAX), timeout_ms, NULL);
}

static void leave(struct http *http, struct kh_exchange *exchange)
{
  struct kh_wire *wire = exchange->wire;

  (void)curl_multi_remove_handle(http->multi, wire->easy);
  kh_wire_clear(wire);
  exchange->wire = NULL;
}

static struct kh_exchange *end(struct http *http, CURL *easy, CURLcode code)
{
  char *private = NULL;

  (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
  struct kh_exchange *exchange = (struct kh_exchange *)(void *)private;
  exchange->result = kh_outgoing_is_mail(&exchange->request) ? kh_mail_conclude(exchange->wire, code)
                                                             : kh_wire_conclude(exchange->wire, code);
  leave(http, exchange);
  return exchange;
}

/* Nothing moves any more, and nothing would ever end by itself. */
static struct kh_exchange *end_stuck(struct http *http, CURLMcode trouble)
{
  for (size_t i = 0; i < WIRES; i++)
    if (http->wires[i].answer) {
      struct kh_exchange *exchange = end(http, http->wires[i].easy, CURLE_FAILED_INIT);

      if (exchange->result)
        exchange->result = kh_wire_fail(&exchange->answer, curl_multi_strerror(trouble));
      return exchange;
    }
  return NULL;
}

static struct kh_exchange *http_ended(void *self)
{
  struct http *http = self;
  int running = 0, left = 0;

  if (!http->multi)
    return NULL;
  const CURLMcode trouble = curl_multi_perform(http->multi, &running);
  const CURLMsg *message = curl_multi_info_read(http->multi, &left);
  if (message)
    return end(http, message->easy_handle, message->data.result);
  return trouble ? end_stuck(http, trouble) : NULL;
}

static void http_configure(void *self, const char *ca_file, const struct kh_secret *proxy)
{
  struct http *http = self;

  http->options.ca_file = ca_file[0] ? ca_file : http->ca_file;
  http->options.proxy = proxy;
}

static void http_cancel(void *self, struct kh_exchange *exchange)
{
  leave(self, exchange);
}

/* ---- from open to close ---- */

enum kh_err kh_http_curl_open(struct kh_transport *transport, const char *ca_file)
{
  struct http *http = calloc(1, sizeof *http);

  *transport = (struct kh_transport){0};
  if (!http)
    return KH_ERR_NO_MEMORY;
  http->ca_file = ca_file;
  *transport = (struct kh_transport){.self = http,
                                     .begin = http_begin,
                                     .wait = http_wait,
                                     .ended = http_ended,
                                     .cancel = http_cancel,
                                     .configure = http_configure};
  return KH_OK;
}

void kh_http_curl_close(struct kh_transport *transport)
{
  struct http *http = transport->self;

  if (http) {
    for (size_t i = 0; i < WIRES; i++)
      kh_wire_clear(&http->wires[i]);
    if (http->multi)
      (void)curl_multi_cleanup(http->multi);
    (void)curl_share_cleanup(http->options.share);
  }
  free(http);
  *transport = (struct kh_transport){0};
}
