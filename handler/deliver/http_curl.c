#include "base/base.h"

#include "base/version.h"
#include "deliver/http_curl.h"

#include <curl/curl.h>

enum { CONNECT_TIMEOUT_MS = 5000, READ_MAX_BYTES = 1024 * 1024, HEADER_TYPE_BYTES = 256 };

struct http {
  CURL *easy; /* NULL until the first send */
};

/* One answer while it comes in. */
struct exchange {
  struct kh_incoming *answer;
  size_t read_bytes;
  bool has_header; /* to its end, of the final answer */
};

static size_t take_header(char *at, size_t size, size_t count, void *self)
{
  struct exchange *exchange = self;
  struct kh_str line = kh_str(at, size * count);

  if (kh_str_starts(line, KH_STR("HTTP/"))) /* once more after a 100 or a 103 */
    exchange->has_header = false;
  else if (kh_str_equal(line, KH_STR("\r\n")) || kh_str_equal(line, KH_STR("\n")))
    exchange->has_header = true;
  return line.len;
}

static size_t take_body(char *at, size_t size, size_t count, void *self)
{
  struct exchange *exchange = self;
  struct kh_buf *body = &exchange->answer->body;
  size_t len = size * count;
  size_t room = KH_ANSWER_MAX_BYTES - body->len;

  (void)kh_buf_add(body, kh_str(at, len < room ? len : room));
  exchange->read_bytes += len;
  return exchange->read_bytes > READ_MAX_BYTES ? CURL_WRITEFUNC_ERROR : len;
}

static bool is_line(struct kh_str text, unsigned char lowest)
{
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.at[i] < lowest || text.at[i] == 0x7F)
      return false;
  return text.len > 0;
}

static bool is_web_url(struct kh_str url)
{
  struct kh_str rest = url;
  struct kh_str scheme = kh_str_cut(&rest, ':');

  return is_line(url, '!') && kh_str_starts(rest, KH_STR("//")) &&
         (kh_str_equal_nocase(scheme, KH_STR("https")) || kh_str_equal_nocase(scheme, KH_STR("http")));
}

static enum kh_err fail(struct kh_incoming *answer, const char *problem)
{
  (void)snprintf(answer->problem, sizeof answer->problem, "%s", problem);
  return KH_ERR_DELIVERY_FAILED;
}

/* Each option stands for itself: the first failure is kept, and nothing is sent then. */
static CURLcode prepare(CURL *easy, struct kh_str url, const struct kh_outgoing *request,
                        struct curl_slist *headers, struct exchange *exchange)
{
  const long timeout_ms = request->timeout_ms > 0 && request->timeout_ms < LONG_MAX
                              ? (long)request->timeout_ms
                              : 1;
  CURLcode code = CURLE_OK;

#define SET(option, value) code = code ? code : curl_easy_setopt(easy, option, value)
  SET(CURLOPT_URL, url.at);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_TIMEOUT_MS, timeout_ms);
  SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : (long)CONNECT_TIMEOUT_MS);
  SET(CURLOPT_USERAGENT, "kitehook/" KH_VERSION);
  SET(CURLOPT_HTTPHEADER, headers);
  SET(CURLOPT_POST, 1L);
  SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
  SET(CURLOPT_POSTFIELDS, request->body.at ? request->body.at : "");
  SET(CURLOPT_HEADERFUNCTION, take_header);
  SET(CURLOPT_HEADERDATA, exchange);
  SET(CURLOPT_WRITEFUNCTION, take_body);
  SET(CURLOPT_WRITEDATA, exchange);
#undef SET
  return code;
}

/* NULL without memory. Without "Expect:" libcurl would wait a second for a 100 that few send. */
static struct curl_slist *make_headers(struct kh_str content_type)
{
  char text[HEADER_TYPE_BYTES];
  struct curl_slist *headers = curl_slist_append(NULL, "Expect:");

  (void)snprintf(text, sizeof text, "Content-Type: %.*s", KH_FMT(content_type));
  struct curl_slist *grown = headers ? curl_slist_append(headers, text) : NULL;
  if (!grown)
    curl_slist_free_all(headers);
  return grown;
}

static enum kh_err read_outcome(CURL *easy, CURLcode code, const struct exchange *exchange)
{
  struct kh_incoming *answer = exchange->answer;
  curl_off_t retry_after_s = 0;
  long status = 0;

  if (code)
    (void)fail(answer,
               exchange->read_bytes > READ_MAX_BYTES ? "the answer is too long" : curl_easy_strerror(code));
  if (!exchange->has_header || curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) || status < 200)
    return code ? KH_ERR_DELIVERY_FAILED : fail(answer, "the answer has no header");
  answer->status = (int)status;
  if (!curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s) && retry_after_s > 0)
    answer->retry_after_s = retry_after_s;
  return KH_OK;
}

static enum kh_err http_send(void *self, const struct kh_outgoing *request, struct kh_incoming *answer)
{
  struct http *http = self;
  struct kh_str url = kh_secret_reveal(request->url);
  struct exchange exchange = {.answer = answer};
  struct curl_slist *headers = NULL;
  enum kh_err err;

  if (!is_web_url(url))
    return fail(answer, "the URL is not one of http or https");
  if (!is_line(request->content_type, ' '))
    return fail(answer, "the content type is no header");
  if (!http->easy)
    http->easy = curl_easy_init();
  if (!http->easy)
    return fail(answer, "libcurl cannot be started");

  /* Forgets the last request, keeps connections and TLS sessions. */
  curl_easy_reset(http->easy);
  headers = make_headers(request->content_type);
  if (!headers) {
    err = fail(answer, "no memory");
    goto done;
  }
  CURLcode code = prepare(http->easy, url, request, headers, &exchange);
  if (!code)
    code = curl_easy_perform(http->easy);
  err = read_outcome(http->easy, code, &exchange);

done:
  curl_easy_reset(http->easy); /* so that the URL does not stay behind in the handle */
  curl_slist_free_all(headers);
  return err;
}

enum kh_err kh_http_curl_open(struct kh_transport *transport)
{
  struct http *http = calloc(1, sizeof *http);

  *transport = (struct kh_transport){0};
  if (!http)
    return KH_ERR_NO_MEMORY;
  *transport = (struct kh_transport){http_send, http};
  return KH_OK;
}

void kh_http_curl_close(struct kh_transport *transport)
{
  struct http *http = transport->self;

  if (http && http->easy)
    curl_easy_cleanup(http->easy);
  free(http);
  *transport = (struct kh_transport){0};
}
