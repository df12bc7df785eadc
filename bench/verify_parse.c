/*
 * verify_parse.c BODY SECRET ROUNDS - what a warm receiver pays to prove and to read one webhook.
 *
 * Each round times, one after the other: kh_verify and kh_event_read of BODY; HMAC-SHA256 of BODY alone, by
 * OpenSSL's SHA256_*; one json_loadb of BODY. Prints three numbers a round, nanoseconds of processor time
 * each.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 -g -static FILE RECEIVER
 */
#include "base/base.h"

#include "base/file.h"
#include "receive/event.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <jansson.h>
#include <openssl/sha.h>

enum { LAPS = 100, BODY_MAX_BYTES = 1024 * 1024, BLOCK_BYTES = 64, NOW_S = 1700000000 };

struct bench {
  struct kh_str body, key;
  unsigned char mac[KH_DIGEST_BYTES];
  struct kh_verifier verifier;
  struct kh_request request;
  struct kh_json doc;
};

static bool verify_and_read(struct bench *bench)
{
  struct kh_verified verified = {0};
  struct kh_event event = {0};
  struct kh_diag diag = {0};

  return kh_verify(&bench->verifier, &bench->request, NOW_S, &verified) == KH_OK &&
         kh_event_read(&verified, &bench->doc, &event, &diag) == KH_OK && event.kind == KH_EVENT_BUILD;
}

/* RFC 2104 for a key of at most one block. */
static bool hmac_alone(struct bench *bench)
{
  unsigned char inner[BLOCK_BYTES] = {0}, outer[BLOCK_BYTES] = {0}, digest[SHA256_DIGEST_LENGTH];
  SHA256_CTX state;

  memcpy(inner, bench->key.at, bench->key.len);
  memcpy(outer, bench->key.at, bench->key.len);
  for (size_t i = 0; i < BLOCK_BYTES; i++) {
    inner[i] ^= 0x36;
    outer[i] ^= 0x5c;
  }
  SHA256_Init(&state);
  SHA256_Update(&state, inner, sizeof inner);
  SHA256_Update(&state, "1700000000.", 11);
  SHA256_Update(&state, bench->body.at, bench->body.len);
  SHA256_Final(digest, &state);
  SHA256_Init(&state);
  SHA256_Update(&state, outer, sizeof outer);
  SHA256_Update(&state, digest, sizeof digest);
  SHA256_Final(digest, &state);
  return memcmp(digest, bench->mac, sizeof digest) == 0;
}

static bool jansson_alone(struct bench *bench)
{
  json_t *tree = json_loadb(bench->body.at, bench->body.len, 0, NULL);
  bool read = json_is_object(tree);

  json_decref(tree);
  return read;
}

static bool lap_ns(struct bench *bench, bool (*work)(struct bench *), double *each_ns)
{
  struct timespec began, ended;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
  for (int i = 0; i < LAPS; i++)
    if (!work(bench))
      return false;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
  *each_ns = ((double)(ended.tv_sec - began.tv_sec) * 1e9 + (double)(ended.tv_nsec - began.tv_nsec)) / LAPS;
  return true;
}

static void sign(struct bench *bench, const struct kh_secret *secret, struct kh_buf *header)
{
  struct kh_str parts[] = {KH_STR("1700000000"), KH_STR("."), bench->body};

  kh_secret_mac(secret, parts, KH_COUNT(parts), bench->mac);
  kh_buf_printf(header, "timestamp=%d,signature=", NOW_S);
  kh_buf_add_hex(header, bench->mac, sizeof bench->mac);
  kh_request_add_header(&bench->request, KH_HEADER_SIGNATURE, kh_buf_view(header));
  kh_request_add_header(&bench->request, KH_HEADER_EVENT, KH_STR("build.finished"));
}

static int run(struct bench *bench, long rounds)
{
  for (; rounds > 0; rounds--) {
    double ours = 0, hmac = 0, jansson = 0;

    if (!lap_ns(bench, verify_and_read, &ours) || !lap_ns(bench, hmac_alone, &hmac) ||
        !lap_ns(bench, jansson_alone, &jansson)) {
      fputs("verify_parse: the body was not accepted\n", stderr);
      return 1;
    }
    printf("%.1f %.1f %.1f\n", ours, hmac, jansson);
  }
  return 0;
}

int main(int argc, char **argv)
{
  static struct kh_secret_list secrets = {.count = 1};
  static const struct kh_secret_list no_tokens;
  struct bench bench = {.verifier = {&secrets, &no_tokens, 300},
                        .request = {.method = KH_METHOD_POST, .transport = "bench"}};
  struct kh_buf body, key, header;
  int status = 1;

  kh_buf_init(&body, BODY_MAX_BYTES);
  kh_buf_init(&key, BLOCK_BYTES);
  kh_buf_init(&header, 256);
  kh_json_init(&bench.doc, kh_json_default_limits);
  if (argc != 4) {
    fputs("usage: verify_parse BODY SECRET ROUNDS\n", stderr);
    goto done;
  }
  if (kh_file_read(argv[1], &body, NULL) != KH_OK || kh_file_read(argv[2], &key, NULL) != KH_OK ||
      kh_secret_set(&secrets.at[0].secret, kh_buf_view(&key)) != KH_OK) {
    fputs("verify_parse: cannot read BODY or SECRET\n", stderr);
    goto done;
  }
  bench.body = bench.request.body = kh_buf_view(&body);
  bench.key = kh_buf_view(&key);
  sign(&bench, &secrets.at[0].secret, &header);
  status = run(&bench, strtol(argv[3], NULL, 10));
done:
  kh_json_release(&bench.doc);
  kh_secret_release(&secrets.at[0].secret);
  kh_buf_release(&header);
  kh_buf_release(&key);
  kh_buf_release(&body);
  return status;
}
