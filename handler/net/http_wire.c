#include "base/base.h"

#include "base/clock.h"
#include "base/version.h"
#include "net/http_wire.h"
#include "net/retry_after.h"

enum { CONNECT_TIMEOUT_MS = 5000, READ_MAX_BYTES = 1024 * 1024 };
enum { HEADER_BYTES = KH_SECRET_MAX_BYTES + 160, SCOPE_BYTES = 128 };

static void note_number(struct kh_str value, int64_t *number)
{
  uint64_t read = 0;

  if (kh_str_u64(value, &read) && read <= INT64_MAX)
    *number = (int64_t)read;
}

static struct kh_str without_line_end(struct kh_str line)
{
  line.len -= kh_str_ends(line, KH_STR("\n"));
  line.len -= kh_str_ends(line, KH_STR("\r"));
  return line;
}

static void note_header(struct kh_str line, struct kh_incoming *answer)
{
  struct kh_str rest = without_line_end(line);
  struct kh_str name = kh_str_cut(&rest, ':');
  struct kh_str value = kh_str_trim(rest);

  if (kh_str_equal_nocase(name, KH_STR("x-amzn-errortype")))
    (void)snprintf(answer->aws_error, sizeof answer->aws_error, "%.*s", KH_FMT(value));
  else if (kh_str_equal_nocase(name, KH_STR("x-ratelimit-remaining")))
    note_number(value, &answer->rate_left);
  else if (kh_str_equal_nocase(name, KH_STR("x-ratelimit-reset")))
    note_number(value, &answer->rate_reset_s);
  else if (kh_str_equal_nocase(name, KH_STR("retry-after")))
    answer->retry_after_s = kh_retry_after_s(value, kh_clock_now_us(&kh_system_clock) / 1000000);
}

/* False for a 100 or a 103, which another header follows. */
static bool is_final(CURL *easy)
{
  long status = 0;

  return !curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) && status >= 200;
}

/* libcurl keeps every line that comes by here, and of trailers 7.88.1 as many as come. */
static size_t take_header(char *at, size_t size, size_t count, void *self)
{
  struct kh_wire *wire = self;
  struct kh_str line = kh_str(at, size * count);

  wire->head_bytes += line.len;
  if (wire->head_bytes > KH_ANSWER_HEAD_MAX_BYTES)
    return CURL_WRITEFUNC_ERROR;
  if (without_line_end(line).len == 0)
    wire->has_header = wire->has_header || is_final(wire->easy);
  else if (!wire->has_header && is_final(wire->easy))
    note_header(line, wire->answer);
  return line.len;
}

static size_t take_body(char *at, size_t size, size_t count, void *self)
{
  struct kh_wire *wire = self;
  struct kh_buf *body = &wire->answer->body;
  size_t len = size * count;
  size_t room = body->max - body->len;

  (void)kh_buf_add(body, kh_str(at, len < room ? len : room));
  wire->read_bytes += len;
  return wire->read_bytes > READ_MAX_BYTES ? CURL_WRITEFUNC_ERROR : len;
}

/* While a proxy goes on answering CONNECT, libcurl looks at no time-out, but asks here at each byte. */
static int check_time(void *self, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
  const struct kh_wire *wire = self;

  (void)down_all, (void)down, (void)up_all, (void)up;
  return kh_clock_ticks_us(&kh_system_clock) > wire->end_us;
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
  for (size_t i = 0; i < headers->count; i++) {
    const struct kh_sent_header *header = &headers->at[i];

    if ((header->text[0] && !is_line(kh_str_of(header->text), ' ')) ||
        (header->secret && !is_line(kh_secret_reveal(header->secret), '!')))
      return false;
  }
  return true;
}

enum kh_err kh_wire_fail(struct kh_incoming *answer, const char *problem)
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
#define SET(option, value) code = code ? code : curl_easy_setopt(easy, option, value)

CURLcode kh_wire_set_common(struct kh_wire *wire, const struct kh_http_options *options,
                            const struct kh_outgoing *request)
{
  CURL *easy = wire->easy;
  const long timeout_ms = request->timeout_ms > 0 && request->timeout_ms < LONG_MAX
                              ? (long)request->timeout_ms
                              : 1;
  CURLcode code = CURLE_OK;

  wire->end_us = kh_clock_ticks_us(&kh_system_clock) + timeout_ms * 1000;
  SET(CURLOPT_SHARE, options->share);
  SET(CURLOPT_URL, kh_secret_reveal(&request->url).at);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  SET(CURLOPT_QUICK_EXIT, 1L); /* without it a name server that is silent outlasts every time-out */
  SET(CURLOPT_CA_CACHE_TIMEOUT,
      0L); /* a file of authorities that was mended counts from the next connection on */
#endif
  SET(CURLOPT_TIMEOUT_MS, timeout_ms);
  SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : (long)CONNECT_TIMEOUT_MS);
  if (options->ca_file) {
    SET(CURLOPT_CAINFO, options->ca_file);
    SET(CURLOPT_CAPATH, NULL); /* or the system's authorities would be believed beside it */
  }
  SET(CURLOPT_NOPROGRESS, 0L);
  SET(CURLOPT_XFERINFOFUNCTION, check_time);
  SET(CURLOPT_XFERINFODATA, wire);
  return code;
}

static CURLcode set_options(struct kh_wire *wire, const struct kh_http_options *options,
                            const struct kh_outgoing *request)
{
  CURL *easy = wire->easy;
  CURLcode code = kh_wire_set_common(wire, options, request);

  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  /*
   * After a time-out HTTP/2 keeps the connection, however dead it is, and all that goes to the host would
   * wait on it.
   */
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (options->proxy && !kh_secret_is_empty(options->proxy))
    SET(CURLOPT_PROXY, kh_secret_reveal(options->proxy).at);
  SET(CURLOPT_USERAGENT, "kitehook/" KH_VERSION);
  SET(CURLOPT_HTTPHEADER, wire->headers);
  if (request->verb != KH_GET) {
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    SET(CURLOPT_POSTFIELDS, request->body.at ? request->body.at : "");
  }
  if (request->verb == KH_PUT || request->verb == KH_PATCH)
    SET(CURLOPT_CUSTOMREQUEST, kh_verb_name(request->verb));
  SET(CURLOPT_HEADERFUNCTION, take_header);
  SET(CURLOPT_HEADERDATA, wire);
  SET(CURLOPT_WRITEFUNCTION, take_body);
  SET(CURLOPT_WRITEDATA, wire);
  return code || !request->aws ? code : prepare_signature(easy, request->aws);
}

#undef SET

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
 * NULL without memory. Without "Expect:" libcurl would wait a second for a 100 that few send; but before
 * 8.3.0 it signs a header that is blank and so is not sent, and AWS refuses that. Signed requests are too
 * short for a 100.
 */
static struct curl_slist *make_headers(const struct kh_outgoing *request)
{
  const struct kh_aws_signing *aws = request->aws;
  struct curl_slist *headers = NULL;
  bool good = request->verb == KH_GET || add_header(&headers, "Content-Type", "", request->content_type);

  if (!aws)
    good = good && add_header(&headers, "Expect", "", KH_STR(""));
  else
    good = good && add_header(&headers, "X-Amz-Target", "", kh_str_of(aws->target));
  if (aws && !kh_secret_is_empty(aws->session_token))
    good = good && add_header(&headers, "X-Amz-Security-Token", "", kh_secret_reveal(aws->session_token));
  for (size_t i = 0; good && i < request->headers.count; i++) {
    const struct kh_sent_header *own = &request->headers.at[i];

    good = add_header(&headers, own->name, own->text,
                      own->secret ? kh_secret_reveal(own->secret) : KH_STR(""));
  }
  if (good)
    return headers;
  free_headers(headers);
  return NULL;
}

static enum kh_err check(const struct kh_outgoing *request, struct kh_incoming *answer)
{
  if (!is_web_url(kh_secret_reveal(&request->url)))
    return kh_wire_fail(answer, "the URL is not one of http or https");
  if (request->verb != KH_GET && !is_line(request->content_type, ' '))
    return kh_wire_fail(answer, "the content type is no header");
  if (!are_lines(&request->headers))
    return kh_wire_fail(answer, "a credential is no header: it holds a blank or a control character");
  if (request->aws && !is_signable(request->aws))
    return kh_wire_fail(answer, "the request cannot be signed");
  return KH_OK;
}

enum kh_err kh_wire_prepare(struct kh_wire *wire, const struct kh_http_options *options,
                            const struct kh_outgoing *request, struct kh_incoming *answer)
{
  enum kh_err err = check(request, answer);

  if (err)
    return err;
  *wire = (struct kh_wire){.easy = curl_easy_init(), .answer = answer};
  if (!wire->easy)
    return kh_wire_fail(answer, "libcurl cannot be started");
  wire->headers = make_headers(request);
  if (!wire->headers)
    return kh_wire_fail(answer, "no memory");
  CURLcode code = set_options(wire, options, request);
  if (request->aws && (code == CURLE_UNKNOWN_OPTION || code == CURLE_NOT_BUILT_IN))
    return kh_wire_fail(answer,
                        "this libcurl cannot sign requests for AWS; use one that is built with aws-sigv4");
  return code ? kh_wire_fail(answer, curl_easy_strerror(code)) : KH_OK;
}

const char *kh_wire_problem(const struct kh_wire *wire, CURLcode code)
{
  if (wire->head_bytes > KH_ANSWER_HEAD_MAX_BYTES)
    return "the answer's headers are longer than 64 KiB";
  if (wire->read_bytes > READ_MAX_BYTES)
    return "the answer is too long";
  if (code == CURLE_SSL_CACERT_BADFILE)
    return "the file of certificate authorities cannot be read";
  if (code == CURLE_OUT_OF_MEMORY) /* for a line over 100 KiB, too, before 8.6.0 */
    return "no memory, or a line of the answer is too long";
  return curl_easy_strerror(code == CURLE_ABORTED_BY_CALLBACK ? CURLE_OPERATION_TIMEDOUT : code);
}

enum kh_err kh_wire_conclude(struct kh_wire *wire, CURLcode code)
{
  struct kh_incoming *answer = wire->answer;
  long status = 0;

  if (code)
    (void)kh_wire_fail(answer, kh_wire_problem(wire, code));
  if (!wire->has_header || curl_easy_getinfo(wire->easy, CURLINFO_RESPONSE_CODE, &status) || status < 200)
    return code ? KH_ERR_DELIVERY_FAILED : kh_wire_fail(answer, "the answer has no header");
  answer->status = (int)status;
  return KH_OK;
}

/*
 * A handle is not used again: 7.88.1 would put a folded first line into the answer before, which was freed.
 */
void kh_wire_clear(struct kh_wire *wire)
{
  curl_easy_cleanup(wire->easy);
  free_headers(wire->headers);
  *wire = (struct kh_wire){0};
}
