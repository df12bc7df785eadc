#include "base/base.h"

#include "base/url.h"
#include "base/utf8.h"
#include "http_message.h"

/* How the body is delimited. */
struct framing {
  bool has_length, bad_length, chunked;
  uint64_t length;
};

static struct kh_str next_line(struct kh_str *rest)
{
  struct kh_str line = kh_str_cut(rest, '\n');

  if (line.len > 0 && line.at[line.len - 1] == '\r')
    line.len--;
  return line;
}

bool kh_http_message_is_one(struct kh_str text)
{
  struct kh_str target = text;
  const struct kh_str method = kh_str_cut(&target, ' ');

  return kh_str_is_of(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") &&
         (kh_str_starts(target, KH_STR("/")) || kh_url_scheme(target) > 0);
}

static void note_length(struct framing *framing, struct kh_str value)
{
  uint64_t length = 0;

  if (!kh_str_u64(value, &length) || (framing->has_length && framing->length != length))
    framing->bad_length = true;
  framing->has_length = true;
  framing->length = length;
}

static bool read_headers(struct kh_str *rest, struct kh_request *request, struct framing *framing)
{
  struct kh_str line = next_line(rest);

  for (; line.len > 0; line = next_line(rest)) {
    struct kh_str value = line;
    struct kh_str name = kh_str_cut(&value, ':');

    if (!value.at)
      return false;
    value = kh_str_trim(value);
    if (kh_str_equal_nocase(name, KH_STR("content-length")))
      note_length(framing, value);
    else if (kh_str_equal_nocase(name, KH_STR("transfer-encoding")))
      framing->chunked = kh_str_equal_nocase(value, KH_STR("chunked"));
    else
      kh_request_add_header(request, kh_header_by_name(name), value);
  }
  return true;
}

static enum kh_err join_chunks(struct kh_str rest, struct kh_buf *joined)
{
  for (;;) {
    uint64_t size = 0;
    struct kh_str line = next_line(&rest);

    if (!kh_str_hex(kh_str_trim(kh_str_cut(&line, ';')), &size) || size > rest.len)
      return KH_ERR_BODY_CUT;
    if (size == 0)
      return kh_buf_ok(joined);
    if (kh_buf_add(joined, kh_str(rest.at, (size_t)size)) != KH_OK)
      return KH_ERR_TOO_LARGE;
    rest = kh_str(rest.at + size, rest.len - (size_t)size);
    if (next_line(&rest).len > 0)
      return KH_ERR_BODY_CUT;
  }
}

bool kh_http_message_read(struct kh_str text, struct kh_buf *joined, struct kh_request *request,
                          const char **what)
{
  struct framing framing = {0};
  struct kh_str rest = text, line = KH_NO_STR;

  *what = "it does not begin with a request line such as \"POST / HTTP/1.1\"";
  if (!kh_http_message_is_one(text))
    return false;
  line = next_line(&rest);
  request->method = kh_method_by_name(kh_str_cut(&line, ' '));
  *what = "a header line has no ':'";
  if (!read_headers(&rest, request, &framing))
    return false;
  request->body = kh_str(rest.at ? rest.at : "", rest.len);
  if (framing.chunked) {
    request->body_err = join_chunks(rest, joined);
    request->body = kh_buf_view(joined);
  } else if (framing.bad_length) {
    request->body_err = KH_ERR_CONTENT_LENGTH;
  } else if (framing.has_length && framing.length > rest.len) {
    request->body_err = KH_ERR_BODY_CUT;
  } else if (framing.has_length) {
    request->body.len = (size_t)framing.length;
  }
  return true;
}
