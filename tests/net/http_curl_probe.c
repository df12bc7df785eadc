#include "base/base.h"

#include "net/http_curl.h"

#include <jansson.h>
#include <sys/resource.h>

/*
 * http_curl_probe TIMEOUT_MS CONTENT_TYPE BODY URL... - posts BODY to each URL in turn through one transport
 * and prints what came of it, and the most memory that it has had, one JSON object a line. SSL_CERT_FILE
 * names the authorities. PROBE_TOKEN is sent as a bearer's, PROBE_ID as an x-id; PROBE_PUT makes it a PUT.
 * http_curl_test.py drives it, and integration/bootstrap_test.py the static one. Exit 2 for wrong usage.
 */

static json_int_t peak_kib(void)
{
  struct rusage usage = {.ru_maxrss = 0};

  (void)getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

static void tell(enum kh_err err, const struct kh_incoming *answer)
{
  json_t *line = json_pack(
      "{s:s, s:i, s:I, s:I, s:I, s:i, s:s, s:o, s:I}", "err", kh_err_token(err), "status", answer->status,
      "retry_after_s", (json_int_t)answer->retry_after_s, "rate_left", (json_int_t)answer->rate_left,
      "rate_reset_s", (json_int_t)answer->rate_reset_s, "body_bytes", (int)answer->body.len, "problem",
      answer->problem, "body",
      json_stringn(kh_buf_text(&answer->body), answer->body.len < 64 ? answer->body.len : 64), "peak_kib",
      peak_kib());

  (void)json_dumpf(line, stdout, JSON_COMPACT);
  (void)puts("");
  (void)fflush(stdout);
  json_decref(line);
}

static void add_headers(struct kh_sent_headers *headers, struct kh_secret *token)
{
  const char *text = getenv("PROBE_TOKEN");

  if (text && kh_secret_set(token, kh_str_of(text)) == KH_OK)
    headers->at[headers->count++] = (struct kh_sent_header){
        .name = "Authorization", .text = "Bearer ", .secret = token};
  text = getenv("PROBE_ID");
  if (text) {
    struct kh_sent_header *header = &headers->at[headers->count++];

    *header = (struct kh_sent_header){.name = "x-id"};
    (void)snprintf(header->text, sizeof header->text, "%s", text);
  }
}

int main(int count, char **words)
{
  struct kh_sent_headers headers = {.count = 0};
  struct kh_secret token = {NULL, 0};
  struct kh_transport transport;
  uint64_t timeout_ms = 0;

  if (count < 5 || !kh_str_u64(kh_str_of(words[1]), &timeout_ms) ||
      kh_http_curl_open(&transport, getenv("SSL_CERT_FILE")))
    return 2;
  add_headers(&headers, &token);
  for (int i = 4; i < count; i++) {
    struct kh_exchange exchange = {.request = {.verb = getenv("PROBE_PUT") ? KH_PUT : KH_POST,
                                               .headers = headers,
                                               .content_type = kh_str_of(words[2]),
                                               .body = kh_str_of(words[3]),
                                               .timeout_ms = (int64_t)timeout_ms}};
    if (kh_secret_set(&exchange.request.url, kh_str_of(words[i])))
      return 2;
    kh_incoming_init(&exchange.answer);
    tell(kh_transport_send(&transport, &exchange), &exchange.answer);
    kh_buf_release(&exchange.answer.body);
    kh_outgoing_release(&exchange.request);
  }
  kh_http_curl_close(&transport);
  kh_secret_release(&token);
  return 0;
}
