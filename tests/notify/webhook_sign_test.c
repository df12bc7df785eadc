/*
 * What the webhook notifier signs, against the vector that the reference implementations of Standard Webhooks
 * share, and against the openssl command line.
 */
#include "base/base.h"

#include "base/base64.h"
#include "support/openssl.h"
#include "support/rules.h"
#include "support/suite.h"

#define KEY_BASE64 "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static const char *const environment[] = {"HOOK_URL=https://hooks.example/x", "KEY=whsec_" KEY_BASE64,
                                          "BARE=" KEY_BASE64, NULL};

static struct kh_delivery delivery_of(const char *id, const char *body)
{
  struct kh_delivery delivery = {.attempt = 0};

  (void)snprintf(delivery.id, sizeof delivery.id, "%s", id);
  kh_buf_init(&delivery.body, KH_DELIVERY_MAX_BYTES);
  ck_assert_int_eq(kh_buf_add(&delivery.body, kh_str_of(body)), KH_OK);
  return delivery;
}

static void expect_headers(const struct kh_sent_headers *headers, const char *id, const char *timestamp,
                           const char *signature)
{
  const char *const expected[][2] = {
      {"webhook-id", id}, {"webhook-timestamp", timestamp}, {"webhook-signature", signature}};

  ck_assert_uint_eq(headers->count, KH_COUNT(expected));
  for (size_t i = 0; i < KH_COUNT(expected); i++) {
    ck_assert_str_eq(headers->at[i].name, expected[i][0]);
    ck_assert_str_eq(headers->at[i].text, expected[i][1]);
    ck_assert_ptr_null(headers->at[i].secret);
  }
}

static const char *const keys[] = {"KEY", "BARE"};

START_TEST(the_vector_of_the_reference_implementations)
{
  const int64_t now_us = INT64_C(1614265330999999);
  struct kh_delivery delivery = delivery_of("msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}");
  struct kh_outgoing outgoing;
  struct kh_test_rules made;
  char notify[128];

  (void)snprintf(notify, sizeof notify, "- webhook: {url: {env: HOOK_URL}, secret: {env: %s}}\n", keys[_i]);
  kh_test_rules_open(&made, notify, environment);
  ck_assert_msg(made.err == KH_OK, "%s", kh_diags_first(&made.diags).text);
  ck_assert_int_eq(kh_rule_request(&made.rules.at[0], &delivery, NULL, NULL, now_us, &outgoing), KH_OK);
  expect_headers(&outgoing.headers, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
                 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  kh_outgoing_release(&outgoing);
  kh_delivery_release(&delivery);
  kh_test_rules_close(&made);
}
END_TEST

/* The id is the delivery's; the timestamp and so the signature are those of the attempt. */
START_TEST(each_attempt_is_signed_anew)
{
  static const char body[] = "{\"type\":\"build.finished\"}";
  struct kh_rule rule = {.notifier = &kh_notifier_webhook};
  struct kh_delivery delivery = delivery_of("00112233445566778899aabbccddeeff", body);
  char before[sizeof(((struct kh_sent_header *)NULL)->text)] = "";

  ck_assert_int_eq(kh_secret_set(&rule.secret, KH_STR("a key of 24 bytes, bare.")), KH_OK);
  for (int64_t now_s = 1700000000; now_s < 1700000003; now_s++) {
    struct kh_outgoing outgoing;
    unsigned char mac[KH_DIGEST_BYTES];
    char message[128], timestamp[24], encoded[KH_BASE64_CHARACTERS(KH_DIGEST_BYTES) + 1], signature[64];

    (void)snprintf(timestamp, sizeof timestamp, "%" PRId64, now_s);
    (void)snprintf(message, sizeof message, "%s.%s.%s", delivery.id, timestamp, body);
    kh_openssl_hmac(KH_STR("a key of 24 bytes, bare."), kh_str_of(message), mac);
    kh_base64_encode(mac, sizeof mac, encoded);
    (void)snprintf(signature, sizeof signature, "v1,%s", encoded);
    ck_assert_int_eq(kh_rule_request(&rule, &delivery, NULL, NULL, now_s * 1000000, &outgoing), KH_OK);
    expect_headers(&outgoing.headers, delivery.id, timestamp, signature);
    kh_outgoing_release(&outgoing);
    ck_assert_str_ne(before, signature);
    (void)snprintf(before, sizeof before, "%s", signature);
  }
  kh_delivery_release(&delivery);
  kh_secret_release(&rule.secret);
}
END_TEST

/* RFC 4648, section 10, and one with the digits that base64url has others for. */
static const struct {
  const char *bytes, *text;
} encoded[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"},
               {"\xfb\xff\xfe", "+//+"}};

START_TEST(base64_is_written)
{
  const char *bytes = encoded[_i].bytes;
  char text[16] = "?";
  char back[16];
  size_t len = 0;

  kh_base64_encode((const unsigned char *)bytes, strlen(bytes), text);
  ck_assert_str_eq(text, encoded[_i].text);
  ck_assert_uint_eq(strlen(text), KH_BASE64_CHARACTERS(strlen(bytes)));
  ck_assert_int_eq(kh_base64_decode(kh_str_of(text), back, &len), KH_OK);
  ck_assert_uint_eq(len, strlen(bytes));
  ck_assert_mem_eq(back, bytes, len);
}
END_TEST

static Suite *webhook_sign_suite(void)
{
  Suite *suite = suite_create("webhook_sign");
  TCase *sign = kh_test_case(suite, "sign");

  tcase_add_loop_test(sign, the_vector_of_the_reference_implementations, 0, (int)KH_COUNT(keys));
  tcase_add_test(sign, each_attempt_is_signed_anew);
  tcase_add_loop_test(sign, base64_is_written, 0, (int)KH_COUNT(encoded));
  return suite;
}

int main(void)
{
  return kh_test_main(webhook_sign_suite());
}
