#include "base/base.h"

#include "base/version.h"
#include "deliver/http_curl.h"

#include <curl/curl.h>
#include <unistd.h>

enum { CONNECT_TIMEOUT_MS = 5000, READ_MAX_BYTES = 1024 * 1024 };
enum { HEADER_BYTES = KH_SECRET_MAX_BYTES + 160, SCOPE_BYTES = 128 };

/* Where systems keep their authorities: Amazon Linux and Fedora, Debian, Alpine and the BSDs. */
static const char *const CA_FILES[] = {
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
};

struct http {
  CURL *easy;          /* NULL until the first send */
  const char *ca_file; /* borrowed; NULL: the default that libcurl was built with */
};

/* One answer while it comes in. */
struct exchange {
  struct kh_incoming *answer;
  size_t read_bytes;
  bool has_header; /* to its end, of the final answer */
};

/* libcurl itself understands Retry-After. */
static void note_header(struct kh_str line, struct kh_incoming *answer)
{
  struct kh_str rest = line;
  struct kh_str name = kh_str_cut(&rest, ':');
  struct kh_str value = kh_str_trim(kh_str_cut(&rest, '\r'));
  uint64_t number = 0;

  if (kh_str_equal_nocase(name, KH_STR("x-amzn-errortype")))
    (void)snprintf(answer->aws_error, sizeof answer->aws_error, "%.*s", KH_FMT(value));
  else if (kh_str_equal_nocase(name, KH_STR("x-ratelimit-reset")) && kh_str_u64(value, &number) &&
           number <= INT64_MAX)
    answer->rate_reset_s = (int64_t)number;
}

static size_t take_header(char *at, size_t size, size_t count, void *self)
{
  struct exchange *exchange = self;
  struct kh_str line = kh_str(at, size * count);

  if (kh_str_starts(line, KH_STR("HTTP/"))) /* once more after a 100 or a 103 */
    exchange->has_header = false;
  else if (kh_str_equal(line, KH_STR("\r\n")) || kh_str_equal(line, KH_STR("\n")))
    exchange->has_header = true;
  else
    note_header(line, exchange->answer);
  return line.len;
}

static size_t take_body(char *at, size_t size, size_t count, void *self)
{
  struct exchange *exchange = self;
  struct kh_buf *body = &exchange->answer->body;
  size_t len = size * count;
  size_t room = body->max - body->len;

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

static bool is_signable(const struct kh_aws_signing *aws)
{
  struct kh_str token = kh_secret_reveal(aws->session_token);

  return is_line(kh_str_of(aws->region), '!') && is_line(kh_str_of(aws->service), '!') &&
         is_line(kh_str_of(aws->target), '!') && is_line(kh_secret_reveal(aws->access_key_id), '!') &&
         is_line(kh_secret_reveal(aws->secret_access_key), '!') && (token.len == 0 || is_line(token, '!'));
}

/* Whatever stands in a header, it stays one header. */
static bool are_lines(const struct kh_sent_headers *headers)
{
  for (size_t i = 0; headers && i < headers->count; i++) {
    const struct kh_sent_header *header = &headers->at[i];

    if (header->text[0] && !is_line(kh_str_of(header->text), ' '))
      return false;
    if (header->secret && !is_line(kh_secret_reveal(header->secret), '!'))
      return false;
  }
  return true;
}

static enum kh_err fail(struct kh_incoming *answer, const char *problem)
{
  (void)snprintf(answer->problem, sizeof answer->problem, "%s", problem);
  return KH_ERR_DELIVERY_FAILED;
}

/* All four parts are given, or libcurl would guess them from the host. */
static CURLcode prepare_signature(CURL *easy, const struct kh_aws_signing *aws)
{
  char scope[SCOPE_BYTES];
  int length = snprintf(scope, sizeof scope, "aws:amz:%s:%s", aws->region, aws->service);
  CURLcode code = length < SCOPE_BYTES ? CURLE_OK : CURLE_BAD_FUNCTION_ARGUMENT;

  code = code ? code : curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, scope);
  code = code ? code : curl_easy_setopt(easy, CURLOPT_USERNAME, kh_secret_reveal(aws->access_key_id).at);
  return code ? code : curl_easy_setopt(easy, CURLOPT_PASSWORD, kh_secret_reveal(aws->secret_access_key).at);
}

/* Each option stands for itself: the first failure is kept, and nothing is sent then. */
static CURLcode prepare(const struct http *http, struct kh_str url, const struct kh_outgoing *request,
                        struct curl_slist *headers, struct exchange *exchange)
{
  CURL *easy = http->easy;
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
#if LIBCURL_VERSION_NUM >= 0x075700
  SET(CURLOPT_QUICK_EXIT, 1L); /* without it a name server that is silent outlasts every time-out */
#endif
  SET(CURLOPT_TIMEOUT_MS, timeout_ms);
  SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : (long)CONNECT_TIMEOUT_MS);
  if (http->ca_file)
    SET(CURLOPT_CAINFO, http->ca_file);
  SET(CURLOPT_USERAGENT, "kitehook/" KH_VERSION);
  SET(CURLOPT_HTTPHEADER, headers);
  SET(CURLOPT_POST, 1L);
  if (request->verb == KH_PUT)
    SET(CURLOPT_CUSTOMREQUEST, "PUT");
  SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
  SET(CURLOPT_POSTFIELDS, request->body.at ? request->body.at : "");
  SET(CURLOPT_HEADERFUNCTION, take_header);
  SET(CURLOPT_HEADERDATA, exchange);
  SET(CURLOPT_WRITEFUNCTION, take_body);
  SET(CURLOPT_WRITEDATA, exchange);
#undef SET
  return code || !request->aws ? code : prepare_signature(easy, request->aws);
}

/* False without memory. */
static bool add_header(struct curl_slist **headers, const char *name, const char *before, struct kh_str value)
{
  char text[HEADER_BYTES];
  int length = snprintf(text, sizeof text, "%s: %s%.*s", name, before, KH_FMT(value));
  struct curl_slist *grown = length < HEADER_BYTES ? curl_slist_append(*headers, text) : NULL;

  kh_wipe(text, sizeof text);
  if (grown)
    *headers = grown;
  return grown != NULL;
}

static void free_headers(struct curl_slist *headers)
{
  for (struct curl_slist *header = headers; header; header = header->next)
    kh_wipe(header->data, strlen(header->data));
  curl_slist_free_all(headers);
}

/*
 * NULL without memory. Without "Expect:" libcurl would wait a second for a 100 that few send; but before 8.3.0 it
 * signs a header that is blank and so is not sent, and AWS refuses that. Signed requests are too short for a 100.
 */
static struct curl_slist *make_headers(const struct kh_outgoing *request)
{
  const struct kh_aws_signing *aws = request->aws;
  struct curl_slist *headers = NULL;
  bool good = add_header(&headers, "Content-Type", "", request->content_type);

  if (!aws)
    good = good && add_header(&headers, "Expect", "", KH_STR(""));
  else
    good = good && add_header(&headers, "X-Amz-Target", "", kh_str_of(aws->target));
  if (aws && !kh_secret_is_empty(aws->session_token))
    good = good && add_header(&headers, "X-Amz-Security-Token", "", kh_secret_reveal(aws->session_token));
  for (size_t i = 0; good && request->headers && i < request->headers->count; i++) {
    const struct kh_sent_header *own = &request->headers->at[i];

    good = add_header(&headers, own->name, own->text,
                      own->secret ? kh_secret_reveal(own->secret) : KH_STR(""));
  }
  if (good)
    return headers;
  free_headers(headers);
  return NULL;
}

static enum kh_err read_outcome(CURL *easy, CURLcode code, const struct exchange *exchange)
{
  struct kh_incoming *answer = exchange->answer;
  curl_off_t retry_after_s = 0;
  long status = 0;

  if (code == CURLE_SSL_CACERT_BADFILE)
    (void)fail(answer, "the file of certificate authorities cannot be read");
  else if (code)
    (void)fail(answer,
               exchange->read_bytes > READ_MAX_BYTES ? "the answer is too long" : curl_easy_strerror(code));
  if (!exchange->has_header || curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) || status < 200)
    return code ? KH_ERR_DELIVERY_FAILED : fail(answer, "the answer has no header");
  answer->status = (int)status;
  if (!curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s) && retry_after_s > 0)
    answer->retry_after_s = retry_after_s;
  return KH_OK;
}

/* A libcurl that was built without a default would trust nobody. Where no file can be read the last one's name stays. */
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

static void start(struct http *http)
{
  if (!http->ca_file)
    http->ca_file = find_ca_file();
  http->easy = curl_easy_init();
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
  if (!are_lines(request->headers))
    return fail(answer, "a credential is no header: it holds a blank or a control character");
  if (request->aws && !is_signable(request->aws))
    return fail(answer, "the request cannot be signed");
  if (!http->easy)
    start(http);
  if (!http->easy)
    return fail(answer, "libcurl cannot be started");

  /* Forgets the last request, keeps connections and TLS sessions. */
  curl_easy_reset(http->easy);
  headers = make_headers(request);
  if (!headers) {
    err = fail(answer, "no memory");
    goto done;
  }
  CURLcode code = prepare(http, url, request, headers, &exchange);
  if (request->aws && (code == CURLE_UNKNOWN_OPTION || code == CURLE_NOT_BUILT_IN)) {
    err = fail(answer, "this libcurl cannot sign requests for AWS; use one that is built with aws-sigv4");
    goto done;
  }
  if (!code)
    code = curl_easy_perform(http->easy);
  err = read_outcome(http->easy, code, &exchange);

done:
  curl_easy_reset(http->easy); /* so that neither URL nor keys stay behind in the handle */
  free_headers(headers);
  return err;
}

enum kh_err kh_http_curl_open(struct kh_transport *transport, const char *ca_file)
{
  struct http *http = calloc(1, sizeof *http);

  *transport = (struct kh_transport){0};
  if (!http)
    return KH_ERR_NO_MEMORY;
  http->ca_file = ca_file;
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
