/*
 * lambda_min.c - the least a bootstrap in C can be that does its work: one socket, HMAC by SHA256_*, jansson
 * for the envelope and for the body. The secret is in the file $BENCH_SECRET.
 *
 * It trusts the Runtime API: no chunks, no time-outs, no reconnecting, one event of at most 48 KB. It checks
 * neither the age of a signature nor that a key or header stands there once, reads no configuration and
 * writes no log line.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 -ffunction-sections -fdata-sections
 * cc: -Wl,--gc-sections -static FILE -ljansson -lcrypto
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64, BUFFER_BYTES = 64 * 1024 };

static unsigned char key[BLOCK_BYTES];
static size_t key_len;

static bool read_secret(const char *path)
{
  FILE *file = path ? fopen(path, "rb") : NULL;

  if (file == NULL)
    return false;
  key_len = fread(key, 1, sizeof key, file);
  fclose(file);
  return key_len > 0;
}

/* RFC 2104 for a key of at most one block. */
static void make_mac(const char *timestamp, size_t timestamp_len, const char *body, size_t len, char hex[65])
{
  unsigned char inner[BLOCK_BYTES] = {0}, outer[BLOCK_BYTES] = {0}, digest[SHA256_DIGEST_LENGTH];
  SHA256_CTX state;

  memcpy(inner, key, key_len);
  memcpy(outer, key, key_len);
  for (size_t i = 0; i < BLOCK_BYTES; i++) {
    inner[i] ^= 0x36;
    outer[i] ^= 0x5c;
  }
  SHA256_Init(&state);
  SHA256_Update(&state, inner, sizeof inner);
  SHA256_Update(&state, timestamp, timestamp_len);
  SHA256_Update(&state, ".", 1);
  SHA256_Update(&state, body, len);
  SHA256_Final(digest, &state);
  SHA256_Init(&state);
  SHA256_Update(&state, outer, sizeof outer);
  SHA256_Update(&state, digest, sizeof digest);
  SHA256_Final(digest, &state);
  for (size_t i = 0; i < sizeof digest; i++)
    snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

/* HEADER is "timestamp=1700000000,signature=…". */
static bool is_genuine(const char *header, const char *body, size_t len)
{
  static const char signature[] = ",signature=";
  char hex[65];
  const char *comma = header ? strstr(header, signature) : NULL;

  if (comma == NULL || strncmp(header, "timestamp=", 10) != 0 || strlen(comma) != sizeof signature - 1 + 64)
    return false;
  make_mac(header + 10, (size_t)(comma - header - 10), body, len, hex);
  return CRYPTO_memcmp(hex, comma + sizeof signature - 1, 64) == 0;
}

static json_t *make_answer(const char *payload, size_t len)
{
  json_t *envelope = json_loadb(payload, len, 0, NULL), *body = NULL, *said = NULL;
  json_t *text = json_object_get(envelope, "body");
  const char *header = json_string_value(
      json_object_get(json_object_get(envelope, "headers"), "x-buildkite-signature"));
  int status = 401;

  if (is_genuine(header, json_string_value(text), json_string_length(text))) {
    body = json_loadb(json_string_value(text), json_string_length(text), 0, NULL);
    status = json_object_get(body, "event") ? 200 : 400;
  }
  said = json_pack("{s:s, s:O*}", "verdict", status == 200 ? "accepted" : "refused", "event",
                   json_object_get(body, "event"));
  char *words = json_dumps(said, JSON_COMPACT);
  json_t *answer = json_pack("{s:i, s:{s:s}, s:s, s:b}", "statusCode", status, "headers", "content-type",
                             "application/json", "body", words ? words : "{}", "isBase64Encoded", 0);
  free(words);
  json_decref(said);
  json_decref(body);
  json_decref(envelope);
  return answer;
}

static int connect_to(const char *api)
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  char host[64] = "";
  int on = 1, fd = -1;
  unsigned port = 0;

  if (api == NULL || sscanf(api, "%63[^:]:%u", host, &port) != 2 ||
      inet_pton(AF_INET, host, &address.sin_addr) != 1)
    return -1;
  address.sin_port = htons((unsigned short)port);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    return -1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/*
 * Sends TEXT and reads one answer with a Content-Length into BUFFER; where its body starts and how long it
 * is.
 */
static char *exchange(int fd, const char *text, size_t text_len, char *buffer, size_t *body_len)
{
  size_t len = 0, wanted = SIZE_MAX;
  char *body = NULL;

  if (send(fd, text, text_len, MSG_NOSIGNAL) != (ssize_t)text_len)
    return NULL;
  while (len < wanted) {
    ssize_t got = recv(fd, buffer + len, BUFFER_BYTES - 1 - len, 0);
    if (got <= 0)
      return NULL;
    len += (size_t)got;
    buffer[len] = '\0';
    if (body == NULL && (body = strstr(buffer, "\r\n\r\n")) != NULL) {
      const char *length = strcasestr(buffer, "\r\nContent-Length:");
      body += 4;
      *body_len = length ? strtoul(length + sizeof "\r\nContent-Length:" - 1, NULL, 10) : 0;
      wanted = (size_t)(body - buffer) + *body_len;
    }
  }
  return body;
}

static bool one_event(int fd, const char *api)
{
  static char buffer[BUFFER_BYTES], text[8 * 1024];
  size_t len = 0;
  char id[64] = "";

  snprintf(text, sizeof text, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", api);
  char *payload = exchange(fd, text, strlen(text), buffer, &len);
  const char *header = payload ? strcasestr(buffer, "\r\nLambda-Runtime-Aws-Request-Id:") : NULL;
  if (header == NULL || sscanf(header, "%*[^:]: %63[^\r]", id) != 1)
    return false;
  json_t *answer = make_answer(payload, len);
  char *body = json_dumps(answer, JSON_COMPACT);
  json_decref(answer);
  if (body == NULL)
    return false;
  snprintf(text, sizeof text,
           "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: %s\r\nContent-Type: "
           "application/json\r\n"
           "Content-Length: %zu\r\n\r\n%s",
           id, api, strlen(body), body);
  free(body);
  return exchange(fd, text, strlen(text), buffer, &len) != NULL && strncmp(buffer, "HTTP/1.1 202", 12) == 0;
}

int main(void)
{
  const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
  int fd = read_secret(getenv("BENCH_SECRET")) ? connect_to(api) : -1;

  while (fd >= 0 && one_event(fd, api))
    continue;
  return 1;
}
