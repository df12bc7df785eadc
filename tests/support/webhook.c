#include "base/base.h"

#include "support/openssl.h"
#include "support/webhook.h"

#include <check.h>

static void start(struct kh_webhook *webhook, struct kh_str body)
{
  *webhook = (struct kh_webhook){.request = {.method = KH_METHOD_POST, .body = body, .transport = "cgi"}};
  kh_buf_init(&webhook->signature, 4096);
  kh_request_add_header(&webhook->request, KH_HEADER_CONTENT_TYPE, KH_STR("application/json"));
}

void kh_webhook_make(struct kh_webhook *webhook, const char *key, int64_t timestamp_s, struct kh_str body)
{
  char timestamp[24];
  char hex[KH_HEX_BYTES];

  start(webhook, body);
  (void)snprintf(timestamp, sizeof timestamp, "%" PRId64, timestamp_s);
  kh_openssl_sign(kh_str_of(key), kh_str_of(timestamp), body, hex);
  (void)kh_buf_printf(&webhook->signature, "timestamp=%s,signature=%s", timestamp, hex);
  kh_request_add_header(&webhook->request, KH_HEADER_SIGNATURE, kh_buf_view(&webhook->signature));
}

void kh_webhook_make_with_token(struct kh_webhook *webhook, const char *token, struct kh_str body)
{
  start(webhook, body);
  kh_request_add_header(&webhook->request, KH_HEADER_TOKEN, kh_str_of(token));
}

void kh_webhook_release(struct kh_webhook *webhook)
{
  kh_buf_release(&webhook->signature);
}

struct kh_verified kh_webhook_verify(const struct kh_webhook *webhook, const struct kh_config *config,
                                     int64_t now_s)
{
  const struct kh_verifier verifier = {&config->signatures, &config->tokens, config->freshness_s};
  struct kh_verified verified;

  ck_assert_int_eq(kh_verify(&verifier, &webhook->request, now_s, &verified), KH_OK);
  return verified;
}

void kh_test_config_add(struct kh_secret_list *list, const char *name, struct kh_str text)
{
  ck_assert_uint_lt(list->count, KH_SECRETS_MAX);
  struct kh_named_secret *added = &list->at[list->count++];

  (void)snprintf(added->name, sizeof added->name, "%s", name);
  ck_assert_int_eq(kh_secret_set(&added->secret, text), KH_OK);
}

struct kh_config *kh_test_config_new(enum kh_accepts accepts)
{
  struct kh_config *config = calloc(1, sizeof *config);

  ck_assert_ptr_nonnull(config);
  if (accepts & KH_ACCEPTS_SIGNATURES) {
    kh_test_config_add(&config->signatures, "current", KH_STR(KH_TEST_CURRENT));
    kh_test_config_add(&config->signatures, "previous", KH_STR(KH_TEST_PREVIOUS));
  }
  if (accepts & KH_ACCEPTS_TOKENS) {
    kh_test_config_add(&config->tokens, "token", KH_STR(KH_TEST_TOKEN));
    kh_test_config_add(&config->tokens, "old-token", KH_STR(KH_TEST_OLD_TOKEN));
  }
  config->freshness_s = 300;
  config->max_body_bytes = 1 << 20;
  config->inbox_max_entries = 100;
  config->inbox_max_bytes = 1 << 20;
  config->worker_mode = KH_WORKER_SERVICE;
  return config;
}

void kh_test_config_free(struct kh_config *config)
{
  for (size_t i = 0; i < KH_SECRETS_MAX; i++) {
    kh_secret_release(&config->signatures.at[i].secret);
    kh_secret_release(&config->tokens.at[i].secret);
  }
  free(config);
}
