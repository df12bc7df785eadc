#include "base/base.h"

#include "base/utf8.h"
#include "receive/request.h"

#include <sys/random.h>

#define NAME(header, name) [header] = {name, sizeof name - 1},
static const struct kh_str header_names[KH_HEADER__COUNT] = {KH_HEADERS(NAME)};

enum kh_method kh_method_by_name(struct kh_str name)
{
  if (kh_str_equal(name, KH_STR("POST")))
    return KH_METHOD_POST;
  if (kh_str_equal(name, KH_STR("GET")))
    return KH_METHOD_GET;
  return kh_str_equal(name, KH_STR("HEAD")) ? KH_METHOD_HEAD : KH_METHOD_OTHER;
}

enum kh_header kh_header_by_name(struct kh_str name)
{
  enum kh_header header = 0;

  while (header < KH_HEADER__COUNT && !kh_str_equal_nocase(name, header_names[header]))
    header++;
  return header;
}

void kh_request_add_header(struct kh_request *request, enum kh_header header, struct kh_str value)
{
  if (header >= KH_HEADER__COUNT)
    return;
  if (request->headers[header].text.at)
    request->headers[header].repeated = true;
  else
    request->headers[header].text = kh_str(value.at ? value.at : "", value.len);
}

/* RFC 9110 section 8.3.1: a media type is case-insensitive and may carry parameters. */
static bool is_json(struct kh_header_value content_type)
{
  struct kh_str rest = content_type.text;

  return !content_type.repeated && rest.at &&
         kh_str_equal_nocase(kh_str_trim(kh_str_cut(&rest, ';')), KH_STR("application/json"));
}

static bool is_identity(struct kh_header_value encoding)
{
  struct kh_str name = kh_str_trim(encoding.text);

  return !encoding.repeated && (name.len == 0 || kh_str_equal_nocase(name, KH_STR("identity")));
}

enum kh_err kh_request_check(const struct kh_request *request, size_t max_body_bytes)
{
  if (request->method != KH_METHOD_POST)
    return KH_ERR_METHOD;
  if (!is_json(request->headers[KH_HEADER_CONTENT_TYPE]))
    return KH_ERR_MEDIA_TYPE;
  if (!is_identity(request->headers[KH_HEADER_CONTENT_ENCODING]))
    return KH_ERR_CONTENT_ENCODING;
  if (request->body_err)
    return request->body_err;
  return request->body.len > max_body_bytes ? KH_ERR_TOO_LARGE : KH_OK;
}

static bool is_good_id(struct kh_str id)
{
  return id.len < KH_REQUEST_ID_BYTES && kh_str_is_word(id, "-");
}

void kh_request_id(const struct kh_request *request, char id[KH_REQUEST_ID_BYTES])
{
  struct kh_header_value sent = request->headers[KH_HEADER_REQUEST];
  struct kh_str given = is_good_id(sent.text) && !sent.repeated ? sent.text : request->platform_id;

  if (is_good_id(given)) {
    memcpy(id, given.at, given.len);
    id[given.len] = '\0';
    return;
  }

  uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
    random = 0; /* only a name for people: nothing depends on it being unique */
  (void)snprintf(id, KH_REQUEST_ID_BYTES, "%016" PRIx64, random);
}

const char *kh_status_phrase(int status)
{
  static const struct {
    int status;
    const char *phrase;
  } phrases[] = {
      {200, "OK"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
  };

  for (size_t i = 0; i < KH_COUNT(phrases); i++)
    if (phrases[i].status == status)
      return phrases[i].phrase;
  return "Internal Server Error";
}
