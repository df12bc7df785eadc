#include "base/base.h"

#include "cgi.h"

struct variable {
  struct kh_str name;
  enum kh_header header;
};

static const struct variable header_variables[] = {
    {{"CONTENT_TYPE", 12}, KH_HEADER_CONTENT_TYPE},
    {{"HTTP_CONTENT_ENCODING", 21}, KH_HEADER_CONTENT_ENCODING},
    {{"HTTP_X_BUILDKITE_EVENT", 22}, KH_HEADER_EVENT},
    {{"HTTP_X_BUILDKITE_REQUEST", 24}, KH_HEADER_REQUEST},
    {{"HTTP_X_BUILDKITE_SIGNATURE", 26}, KH_HEADER_SIGNATURE},
    {{"HTTP_X_BUILDKITE_TOKEN", 22}, KH_HEADER_TOKEN},
};

static void add_variable(struct kh_str name, struct kh_str value, struct kh_request *request,
                         struct kh_cgi_body *body)
{
  for (size_t i = 0; i < KH_COUNT(header_variables); i++)
    if (kh_str_equal(name, header_variables[i].name))
      kh_request_add_header(request, header_variables[i].header, value);

  if (kh_str_equal(name, KH_STR("REQUEST_METHOD"))) {
    request->method = kh_method_by_name(value);
  } else if (kh_str_equal(name, KH_STR("CONTENT_LENGTH")) &&
             value.len > 0) { /* nginx sends an empty one for GET */
    body->malformed = body->malformed || body->has_length || !kh_str_u64(value, &body->length);
    body->has_length = true;
  } else if (kh_str_equal(name, KH_STR("HTTP_TRANSFER_ENCODING")) && value.len > 0) {
    body->expected = true;
  } else if (kh_str_equal(name, KH_STR("UNIQUE_ID")) || kh_str_equal(name, KH_STR("REQUEST_ID"))) {
    request->platform_id = value;
  }
}

void kh_cgi_request(const char *const *variables, const char *transport, struct kh_request *request,
                    struct kh_cgi_body *body)
{
  *request = (struct kh_request){.transport = transport};
  *body = (struct kh_cgi_body){0};
  for (size_t i = 0; variables && variables[i]; i++) {
    struct kh_str value = kh_str_of(variables[i]);
    struct kh_str name = kh_str_cut(&value, '=');

    if (value.at)
      add_variable(name, value, request, body);
  }
  /* RFC 3875 wants CONTENT_LENGTH with any body, but mod_cgid passes chunked ones without it. */
  if (request->method == KH_METHOD_POST)
    body->expected = true;
}

/* Reads and forgets, so that the server can deliver the answer. */
static void drain(const struct kh_cgi_source *source, uint64_t max_bytes)
{
  char waste[8192];

  while (max_bytes > 0) {
    ssize_t got = source->read(source->self, waste,
                               max_bytes < sizeof waste ? (size_t)max_bytes : sizeof waste);

    if (got <= 0)
      return;
    max_bytes -= (uint64_t)got;
  }
}

static enum kh_err read_length(const struct kh_cgi_source *source, uint64_t length, struct kh_buf *to)
{
  char *at = kh_buf_reserve(to, (size_t)length);

  if (!at)
    return KH_ERR_NO_MEMORY;
  while (to->len < length) {
    ssize_t got = source->read(source->self, to->at + to->len, (size_t)length - to->len);

    if (got <= 0)
      return got == -2 ? KH_ERR_BODY_LATE : KH_ERR_BODY_CUT;
    to->len += (size_t)got;
  }
  return KH_OK;
}

static enum kh_err read_to_end(const struct kh_cgi_source *source, size_t max_bytes, struct kh_buf *to)
{
  char chunk[8192];

  for (;;) {
    ssize_t got = source->read(source->self, chunk, sizeof chunk);

    if (got == 0)
      return KH_OK;
    if (got < 0)
      return got == -2 ? KH_ERR_BODY_LATE : KH_ERR_BODY_CUT;
    if ((size_t)got > max_bytes - to->len)
      return KH_ERR_TOO_LARGE;
    if (kh_buf_add(to, kh_str(chunk, (size_t)got)))
      return KH_ERR_NO_MEMORY;
  }
}

void kh_cgi_read_body(struct kh_request *request, const struct kh_cgi_body *body,
                      const struct kh_cgi_source *source, size_t max_bytes, struct kh_buf *to)
{
  if (body->malformed)
    request->body_err = KH_ERR_CONTENT_LENGTH;
  else if (body->has_length && body->length > max_bytes)
    request->body_err = KH_ERR_TOO_LARGE;
  else if (body->has_length)
    request->body_err = read_length(source, body->length, to);
  else if (body->expected)
    request->body_err = read_to_end(source, max_bytes, to);

  if (request->body_err == KH_ERR_TOO_LARGE && body->has_length)
    drain(source, body->length < KH_CGI_DRAIN_MAX_BYTES ? body->length : KH_CGI_DRAIN_MAX_BYTES);
  else if (request->body_err == KH_ERR_TOO_LARGE || request->body_err == KH_ERR_CONTENT_LENGTH)
    drain(source, KH_CGI_DRAIN_MAX_BYTES);
  request->body = kh_buf_view(to);
}

enum kh_err kh_cgi_response(const struct kh_response *response, struct kh_buf *out)
{
  (void)kh_buf_printf(out, "Status: %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", response->status,
                      kh_status_phrase(response->status), response->content_type, response->body.len);
  if (response->allow)
    (void)kh_buf_printf(out, "Allow: %s\r\n", response->allow);
  (void)kh_buf_add(out, KH_STR("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"));
  if (!response->head)
    (void)kh_buf_add(out, kh_buf_view(&response->body));
  return kh_buf_ok(out);
}

const char *kh_cgi_config_path(const char *const *environment)
{
  const struct kh_str path = kh_environment_get(environment, "KITEHOOK_CONFIG");

  return path.len > 0 ? path.at : KH_CONFIG_PATH;
}
