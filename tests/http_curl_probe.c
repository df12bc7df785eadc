#include "base/base.h"

#include "deliver/http_curl.h"

#include <jansson.h>

/*
 * http_curl_probe TIMEOUT_MS CONTENT_TYPE BODY URL... - posts BODY to each URL in turn through one transport and
 * prints what came of it, one JSON object a line. SSL_CERT_FILE names the authorities. http_curl_test.py drives it, and
 * integration/bootstrap_test.py the static one. Exit 2 for wrong usage.
 */

static void tell(enum kh_err err, const struct kh_incoming *answer)
{
  json_t *line = json_pack(
      "{s:s, s:i, s:I, s:i, s:s, s:o}", "err", kh_err_token(err), "status", answer->status, "retry_after_s",
      (json_int_t)answer->retry_after_s, "body_bytes", (int)answer->body.len, "problem", answer->problem,
      "body", json_stringn(kh_buf_text(&answer->body), answer->body.len < 64 ? answer->body.len : 64));

  (void)json_dumpf(line, stdout, JSON_COMPACT);
  (void)puts("");
  (void)fflush(stdout);
  json_decref(line);
}

int main(int count, char **words)
{
  struct kh_transport transport;
  uint64_t timeout_ms = 0;

  if (count < 5 || !kh_str_u64(kh_str_of(words[1]), &timeout_ms) ||
      kh_http_curl_open(&transport, getenv("SSL_CERT_FILE")))
    return 2;
  for (int i = 4; i < count; i++) {
    struct kh_secret url = {NULL, 0};
    struct kh_incoming answer;

    kh_incoming_init(&answer);
    if (kh_secret_set(&url, kh_str_of(words[i])))
      return 2;
    const struct kh_outgoing request = {.url = &url,
                                        .content_type = kh_str_of(words[2]),
                                        .body = kh_str_of(words[3]),
                                        .timeout_ms = (int64_t)timeout_ms};
    tell(transport.send(transport.self, &request, &answer), &answer);
    kh_buf_release(&answer.body);
    kh_secret_release(&url);
  }
  kh_http_curl_close(&transport);
  return 0;
}
