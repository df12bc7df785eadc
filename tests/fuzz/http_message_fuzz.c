/*
 * Target: cli/http_message.c. Aborts where a request holds bytes that do not stand in its message, where a
 * body is longer or shorter than its length says, and where the same request, written anew with another line
 * end or another way to delimit its body, is read as another one.
 *
 * The input is a message; its last byte is also the size of the chunks it is written in.
 */
#include "base/base.h"

#include "fuzz/replay.h"
#include "http_message.h"
#include "support/guard.h"

enum { INPUT_MAX = 64 * 1024, WRITTEN_MAX = 1024 * 1024 };

static const char *const names[KH_HEADER__COUNT] = {
    [KH_HEADER_CONTENT_TYPE] = "Content-Type",       [KH_HEADER_CONTENT_ENCODING] = "content-encoding",
    [KH_HEADER_EVENT] = "X-Buildkite-Event",         [KH_HEADER_REQUEST] = "X-BUILDKITE-REQUEST",
    [KH_HEADER_SIGNATURE] = "x-buildkite-signature", [KH_HEADER_TOKEN] = "X-Buildkite-Token",
};

static void need(bool is_so)
{
  if (!is_so)
    abort();
}

static bool is_within(struct kh_str part, struct kh_str whole)
{
  return part.len == 0 || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void check_views(const struct kh_request *request, struct kh_str text, struct kh_str joined)
{
  for (size_t i = 0; i < KH_HEADER__COUNT; i++) {
    const struct kh_header_value *header = &request->headers[i];

    need(is_within(header->text, text) && (header->text.at || !header->repeated));
    need(header->text.len == 0 || !memchr(header->text.at, '\n', header->text.len));
  }
  need(request->body.at && (is_within(request->body, text) || is_within(request->body, joined)));
}

static void put(struct kh_buf *to, struct kh_str text)
{
  need(kh_buf_add(to, text) == KH_OK);
}

static void write_headers(const struct kh_request *request, const char *line_end, struct kh_buf *to)
{
  static const char *const methods[] = {"OPTIONS", "GET", "HEAD", "POST"};

  need(kh_buf_printf(to, "%s /x HTTP/1.1%s", methods[request->method], line_end) == KH_OK);
  for (size_t i = 0; i < KH_HEADER__COUNT; i++)
    for (int times = 0; request->headers[i].text.at && times <= request->headers[i].repeated; times++) {
      put(to, kh_str_of(names[i]));
      put(to, KH_STR(":"));
      put(to, request->headers[i].text);
      put(to, kh_str_of(line_end));
    }
}

static void write_chunks(struct kh_str body, size_t chunk_max, const char *line_end, struct kh_buf *to)
{
  need(kh_buf_printf(to, "Transfer-Encoding: chunked%s%s", line_end, line_end) == KH_OK);
  while (body.len > 0) {
    const size_t size = body.len < chunk_max ? body.len : chunk_max;

    need(kh_buf_printf(to, "%zX;x=y%s", size, line_end) == KH_OK);
    put(to, kh_str(body.at, size));
    put(to, kh_str_of(line_end));
    body = kh_str(body.at + size, body.len - size);
  }
  need(kh_buf_printf(to, "0%s%s", line_end, line_end) == KH_OK);
}

static void must_be_equal(const struct kh_request *one, const struct kh_request *other)
{
  need(one->method == other->method && one->body_err == other->body_err);
  need(kh_str_equal(one->body, other->body));
  for (size_t i = 0; i < KH_HEADER__COUNT; i++)
    need(kh_str_equal(one->headers[i].text, other->headers[i].text) &&
         !one->headers[i].text.at == !other->headers[i].text.at &&
         one->headers[i].repeated == other->headers[i].repeated);
}

static void must_read_as(struct kh_str text, const struct kh_request *want)
{
  struct kh_request request = {.transport = "fuzz"};
  struct kh_guard guard = {0};
  const char *what = NULL;
  struct kh_buf joined;

  kh_buf_init(&joined, WRITTEN_MAX);
  need(kh_http_message_read(kh_guard_end(&guard, text), &joined, &request, &what));
  must_be_equal(&request, want);
  kh_buf_release(&joined);
  kh_guard_release(&guard);
}

static void write_anew(const struct kh_request *request, const char *line_end, size_t chunk_max)
{
  struct kh_buf text;

  kh_buf_init(&text, WRITTEN_MAX);
  write_headers(request, line_end, &text);
  write_chunks(request->body, chunk_max, line_end, &text);
  must_read_as(kh_buf_view(&text), request);

  text.len = 0;
  write_headers(request, line_end, &text);
  need(kh_buf_printf(&text, "Content-Length: %zu%s%s", request->body.len, line_end, line_end) == KH_OK);
  put(&text, request->body);
  put(&text, KH_STR("what follows is another request's"));
  must_read_as(kh_buf_view(&text), request);

  if (request->body.len > 0) {
    text.len = 0;
    write_headers(request, line_end, &text);
    need(kh_buf_printf(&text, "Content-Length: %zu%s%s", request->body.len + 1, line_end, line_end) == KH_OK);
    put(&text, request->body);
    struct kh_request cut = *request;
    cut.body_err = KH_ERR_BODY_CUT;
    must_read_as(kh_buf_view(&text), &cut);
  }
  kh_buf_release(&text);
}

/* Before a bare LF it would be part of the line end. */
static bool has_cr_at_an_end(const struct kh_request *request)
{
  for (size_t i = 0; i < KH_HEADER__COUNT; i++)
    if (kh_str_ends(request->headers[i].text, KH_STR("\r")))
      return true;
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_request request = {.transport = "fuzz"};
  struct kh_guard guard = {0};
  const char *what = NULL;
  struct kh_buf joined;

  if (size > INPUT_MAX)
    return 0;
  struct kh_str text = kh_guard_end(&guard, kh_str((const char *)data, size));
  kh_buf_init(&joined, INPUT_MAX);
  bool is_read = kh_http_message_read(text, &joined, &request, &what);
  need(is_read ? kh_http_message_is_one(text) : what != NULL);
  if (is_read) {
    check_views(&request, text, kh_buf_view(&joined));
    need(!request.body_err || request.body_err == KH_ERR_CONTENT_LENGTH ||
         request.body_err == KH_ERR_BODY_CUT || request.body_err == KH_ERR_TOO_LARGE);
  }
  if (is_read && !request.body_err && size < 4096) {
    write_anew(&request, "\r\n", 1 + data[size - 1]);
    if (!has_cr_at_an_end(&request))
      write_anew(&request, "\n", 1 + data[size - 1]);
  }
  kh_buf_release(&joined);
  kh_guard_release(&guard);
  return 0;
}
