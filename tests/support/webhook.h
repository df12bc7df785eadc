/*
 * webhook.h - requests as Buildkite sends them, signed by openssl, and a config to receive them with.
 */
#ifndef KH_TEST_WEBHOOK_H
#define KH_TEST_WEBHOOK_H

#include "config/config.h"
#include "receive/verify.h"

#define KH_TEST_CURRENT "planted-current-9d1c"
#define KH_TEST_PREVIOUS "planted-previous-77aa"
#define KH_TEST_TOKEN "planted-token-e0f3"
#define KH_TEST_OLD_TOKEN "planted-old-token-51b6"

/* A signed POST. It owns its header's text; body and event are borrowed. */
struct kh_webhook {
  struct kh_request request;
  struct kh_buf signature;
};

/* POST, application/json, X-Buildkite-Signature with KEY over TIMESTAMP_S and BODY, transport "cgi". */
void kh_webhook_make(struct kh_webhook *webhook, const char *key, int64_t timestamp_s, struct kh_str body);
/* The same with X-Buildkite-Token. TOKEN is borrowed. */
void kh_webhook_make_with_token(struct kh_webhook *webhook, const char *token, struct kh_str body);
void kh_webhook_release(struct kh_webhook *webhook);
/* What kh_verify makes of WEBHOOK at NOW_S; ends the test unless it is proven. Borrows both. */
struct kh_verified kh_webhook_verify(const struct kh_webhook *webhook, const struct kh_config *config,
                                     int64_t now_s);

/* What a receiver's config accepts. */
enum kh_accepts { KH_ACCEPTS_SIGNATURES = 1, KH_ACCEPTS_TOKENS = 2, KH_ACCEPTS_BOTH = 3 };

/*
 * A config as kh_config_read leaves it, made without a file: secrets "current" and "previous", tokens "token"
 * and "old-token", freshness 300 s, bodies to 1 MiB, no state folder, worker mode service.
 */
struct kh_config *kh_test_config_new(enum kh_accepts accepts);
void kh_test_config_free(struct kh_config *config);
/* Adds a named secret. Ends the test when there is no room. */
void kh_test_config_add(struct kh_secret_list *list, const char *name, struct kh_str text);

#endif
