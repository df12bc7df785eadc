#include "base/base.h"

#include "base/file.h"
#include "receive/verify.h"
#include "support/guard.h"
#include "support/near_misses.h"
#include "support/openssl.h"
#include "support/suite.h"
#include "support/vectors.h"

static const struct kh_str body = {"{\"event\":\"ping\"}", 16};

static struct kh_verifier verifier_of(const struct kh_config *config)
{
  return (struct kh_verifier){&config->signatures, &config->tokens, config->freshness_s};
}

/* ---- what is accepted ---- */

static void must_verify(const struct kh_vector *vector)
{
  struct kh_secret_list signatures = {.count = 0};
  struct kh_secret_list tokens = {.count = 0};
  struct kh_verifier verifier = {&signatures, &tokens, 300};
  struct kh_request request = {.method = KH_METHOD_POST, .body = vector->body, .transport = "cgi"};
  struct kh_verified verified;
  unsigned char digest[KH_DIGEST_BYTES];
  char hex[KH_HEX_BYTES];
  char header[128];
  int64_t timestamp_s = 0;

  ck_assert_uint_eq(vector->body.len, vector->body_bytes);
  kh_openssl_sha256(vector->body, digest);
  kh_hex_write(digest, hex);
  ck_assert_str_eq(hex, vector->body_sha256);
  kh_openssl_sign(kh_str_of(vector->token), kh_str_of(vector->timestamp), vector->body, hex);
  ck_assert_str_eq(hex, vector->signature);

  kh_test_config_add(&signatures, "default", kh_str_of(vector->token));
  (void)snprintf(header, sizeof header, "timestamp=%s,signature=%s", vector->timestamp, vector->signature);
  kh_request_add_header(&request, KH_HEADER_SIGNATURE, kh_str_of(header));
  ck_assert(kh_str_i64(kh_str_of(vector->timestamp), &timestamp_s));
  enum kh_err err = kh_verify(&verifier, &request, timestamp_s + 7, &verified);
  ck_assert_msg(err == KH_OK, "vector %s: %s", vector->name, kh_err_token(err));
  ck_assert_str_eq(verified.by->name, "default");
  ck_assert_int_eq(verified.proof, KH_PROOF_SIGNATURE);
  ck_assert_int_eq(verified.timestamp_s, timestamp_s);
  ck_assert_str_eq(verified.signature, vector->signature);
  kh_secret_release(&signatures.at[0].secret);
}

START_TEST(known_answers_verify)
{
  must_verify(&kh_vectors[_i]);
}
END_TEST

START_TEST(buildkites_own_answer_verifies)
{
  const char *path = getenv("KH_VECTOR_0");
  struct kh_vector vector = {
      .name = "0: Buildkite's own",
      .token = "29b1ff5779c76bd48ba6705eb99ff970",
      .timestamp = "1642080837",
      .body_bytes = 756,
      .body_sha256 = "d8f13f8dbfc7275a51a616942a049e2977a3cdb2dba08af516a0e50f3a19ab82",
      .signature = "582d496ac2d869dd97a3101c4cda346288c49a742592daf582ec64c86449f79c",
  };
  struct kh_buf text;

  if (!path) {
    (void)printf("not run: vector 0 (KH_VECTOR_0 names no file with its body)\n");
    return;
  }
  kh_buf_init(&text, 1000);
  ck_assert_int_eq(kh_file_read(path, &text, NULL), KH_OK);
  vector.body = kh_buf_view(&text);
  must_verify(&vector);
  kh_buf_release(&text);
}
END_TEST

START_TEST(verified_borrows_the_request)
{
  struct kh_config *config = kh_test_config_new(KH_ACCEPTS_SIGNATURES);
  struct kh_verifier verifier = verifier_of(config);
  struct kh_webhook webhook;
  struct kh_verified verified;

  kh_webhook_make(&webhook, KH_TEST_CURRENT, KH_NEAR_MISS_NOW_S, body);
  ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
  ck_assert_ptr_eq(verified.body.at, body.at);
  ck_assert_uint_eq(verified.body.len, body.len);
  ck_assert_ptr_null(verified.event_header.at);
  ck_assert_ptr_eq(verified.by, &config->signatures.at[0]);

  kh_request_add_header(&webhook.request, KH_HEADER_EVENT, KH_STR("build.finished"));
  ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
  ck_assert(kh_str_equal(verified.event_header, KH_STR("build.finished")));
  kh_webhook_release(&webhook);
  kh_test_config_free(config);
}
END_TEST

START_TEST(the_second_secret_is_tried_and_named)
{
  struct kh_config *config = kh_test_config_new(KH_ACCEPTS_BOTH);
  struct kh_verifier verifier = verifier_of(config);
  struct kh_webhook webhook;
  struct kh_verified verified;

  kh_webhook_make(&webhook, KH_TEST_PREVIOUS, KH_NEAR_MISS_NOW_S, body);
  ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
  ck_assert_str_eq(verified.by->name, "previous");
  ck_assert_int_eq(verified.proof, KH_PROOF_SIGNATURE);
  kh_webhook_release(&webhook);

  kh_webhook_make_with_token(&webhook, KH_TEST_OLD_TOKEN, body);
  ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
  ck_assert_str_eq(verified.by->name, "old-token");
  ck_assert_int_eq(verified.proof, KH_PROOF_TOKEN);
  ck_assert_int_eq(verified.timestamp_s, 0);
  ck_assert_str_eq(verified.signature, "");
  ck_assert_ptr_eq(verified.body.at, body.at);
  kh_webhook_release(&webhook);
  kh_test_config_free(config);
}
END_TEST

START_TEST(all_eight_secrets_are_tried)
{
  struct kh_secret_list signatures = {.count = 0};
  struct kh_secret_list tokens = {.count = 0};
  struct kh_verifier verifier = {&signatures, &tokens, 300};
  struct kh_verified verified;
  char name[32];

  for (int i = 0; i < KH_SECRETS_MAX; i++) {
    (void)snprintf(name, sizeof name, "secret-%d", i);
    kh_test_config_add(&signatures, name, kh_str_of(name));
    kh_test_config_add(&tokens, name, kh_str_of(name));
  }
  for (int i = 0; i < KH_SECRETS_MAX; i++) {
    struct kh_webhook webhook;

    (void)snprintf(name, sizeof name, "secret-%d", i);
    kh_webhook_make(&webhook, name, KH_NEAR_MISS_NOW_S, body);
    ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
    ck_assert_str_eq(verified.by->name, name);
    kh_webhook_release(&webhook);
    kh_webhook_make_with_token(&webhook, name, body);
    ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
    ck_assert_str_eq(verified.by->name, name);
    kh_webhook_release(&webhook);
  }
  for (int i = 0; i < KH_SECRETS_MAX; i++) {
    kh_secret_release(&signatures.at[i].secret);
    kh_secret_release(&tokens.at[i].secret);
  }
}
END_TEST

/* Then it looks like two that a server joined. */
START_TEST(a_token_may_have_a_comma_and_a_blank)
{
  static const char token[] = "kites, and more kites";
  struct kh_secret_list signatures = {.count = 0};
  struct kh_secret_list tokens = {.count = 0};
  struct kh_verifier verifier = {&signatures, &tokens, 300};
  struct kh_verified verified;
  struct kh_webhook webhook;

  kh_test_config_add(&tokens, "kites", kh_str_of(token));
  kh_webhook_make_with_token(&webhook, token, body);
  ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
  kh_webhook_release(&webhook);
  kh_secret_release(&tokens.at[0].secret);
}
END_TEST

static const struct {
  int64_t freshness_s, age_s;
  enum kh_err err;
} ages[] = {
    {300, 0, KH_OK},
    {300, 299, KH_OK},
    {300, 300, KH_OK},
    {300, 301, KH_ERR_STALE},
    {300, -299, KH_OK},
    {300, -300, KH_OK},
    {300, -301, KH_ERR_FUTURE},
    {1, 1, KH_OK},
    {1, 2, KH_ERR_STALE},
    {1, -1, KH_OK},
    {1, -2, KH_ERR_FUTURE},
    {86400, 86400, KH_OK},
    {86400, 86401, KH_ERR_STALE},
    {86400, -86400, KH_OK},
    {86400, -86401, KH_ERR_FUTURE},
};

/* The edges of freshness, exactly. What is refused here was proven, and is named for the log. */
START_TEST(freshness_edges)
{
  struct kh_config *config = kh_test_config_new(KH_ACCEPTS_SIGNATURES);
  struct kh_webhook webhook;
  struct kh_verified verified;

  config->freshness_s = ages[_i].freshness_s;
  struct kh_verifier verifier = verifier_of(config);
  kh_webhook_make(&webhook, KH_TEST_PREVIOUS, KH_NEAR_MISS_NOW_S - ages[_i].age_s, body);
  enum kh_err err = kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified);
  ck_assert_msg(err == ages[_i].err, "age %" PRId64 ": %s", ages[_i].age_s, kh_err_token(err));
  ck_assert_ptr_nonnull(verified.by);
  ck_assert_str_eq(verified.by->name, "previous");
  ck_assert_int_eq(verified.timestamp_s, KH_NEAR_MISS_NOW_S - ages[_i].age_s);
  kh_webhook_release(&webhook);
  kh_test_config_free(config);
}
END_TEST

START_TEST(the_text_of_the_timestamp_is_what_is_signed)
{
  struct kh_config *config = kh_test_config_new(KH_ACCEPTS_SIGNATURES);
  struct kh_verifier verifier = verifier_of(config);
  struct kh_request request = {.method = KH_METHOD_POST, .body = body, .transport = "cgi"};
  struct kh_verified verified;
  char hex[KH_HEX_BYTES];
  char header[256];

  kh_openssl_sign(KH_STR(KH_TEST_CURRENT), KH_STR("001700000000"), body, hex);
  (void)snprintf(header, sizeof header, " signature = %s ,v2=a=b ,timestamp = 001700000000 ", hex);
  kh_request_add_header(&request, KH_HEADER_SIGNATURE, kh_str_of(header));
  ck_assert_int_eq(kh_verify(&verifier, &request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
  ck_assert_int_eq(verified.timestamp_s, KH_NEAR_MISS_NOW_S);
  kh_test_config_free(config);
}
END_TEST

static const size_t lengths[] = {0, 1, 54, 55, 56, 63, 64, 65, 4096, 100000};

/* Bodies of any bytes and of lengths around the hash's blocks; at the end of a page. */
START_TEST(bodies_of_any_bytes)
{
  struct kh_config *config = kh_test_config_new(KH_ACCEPTS_SIGNATURES);
  struct kh_verifier verifier = verifier_of(config);
  struct kh_guard guard = {NULL, 0};
  struct kh_webhook webhook;
  struct kh_verified verified;
  char *bytes = malloc(lengths[_i] + 1);

  ck_assert_ptr_nonnull(bytes);
  for (size_t i = 0; i < lengths[_i]; i++)
    bytes[i] = (char)(i * 7 + i / 256);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, KH_NEAR_MISS_NOW_S,
                  kh_guard_end(&guard, kh_str(bytes, lengths[_i])));
  ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
  if (lengths[_i] > 0) {
    ((char *)(uintptr_t)webhook.request.body.at)[lengths[_i] - 1] ^= 1;
    ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified),
                     KH_ERR_SIGNATURE_MISMATCH);
  }
  kh_webhook_release(&webhook);
  kh_guard_release(&guard);
  kh_test_config_free(config);
  free(bytes);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(refuses_each_near_miss_for_its_own_reason)
{
  const struct kh_near_miss *miss = &kh_near_misses[_i];
  struct kh_config *config = kh_test_config_new(miss->accepts ? miss->accepts : KH_ACCEPTS_SIGNATURES);
  struct kh_verifier verifier = verifier_of(config);
  struct kh_near_miss_request made;
  struct kh_verified verified;

  kh_near_miss_make(miss, &made);
  enum kh_err err = kh_verify(&verifier, &made.request, KH_NEAR_MISS_NOW_S, &verified);
  ck_assert_msg(err == miss->err, "%s: %s, not %s", miss->rule, kh_err_token(err), kh_err_token(miss->err));
  ck_assert(kh_err_is_unverified(err));
  kh_near_miss_release(&made);
  kh_test_config_free(config);
}
END_TEST

START_TEST(every_reason_has_a_near_miss)
{
  for (enum kh_err err = KH_ERR_CREDENTIAL_ABSENT; err <= KH_ERR_FUTURE; err++) {
    size_t rows = 0;

    for (const struct kh_near_miss *miss = kh_near_misses; miss->rule; miss++)
      rows += miss->err == err;
    ck_assert_msg(rows > 0, "no near miss for %s", kh_err_token(err));
  }
}
END_TEST

/* Each bit of the signature, and each bit of the body. */
START_TEST(every_bit_counts)
{
  struct kh_config *config = kh_test_config_new(KH_ACCEPTS_SIGNATURES);
  struct kh_verifier verifier = verifier_of(config);
  struct kh_webhook webhook;
  struct kh_verified verified;
  char bytes[16];

  memcpy(bytes, body.at, sizeof bytes);
  kh_webhook_make(&webhook, KH_TEST_CURRENT, KH_NEAR_MISS_NOW_S, kh_str(bytes, sizeof bytes));
  for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
    bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified),
                     KH_ERR_SIGNATURE_MISMATCH);
    bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
  }
  ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);

  const char *digits = "0123456789abcdef";
  char *last = webhook.signature.at + webhook.signature.len - 64;
  for (size_t bit = 0; bit < 256; bit++) {
    char was = last[bit / 4];

    last[bit / 4] = digits[(unsigned)(strchr(digits, was) - digits) ^ 1U << bit % 4];
    ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified),
                     KH_ERR_SIGNATURE_MISMATCH);
    last[bit / 4] = was;
  }
  ck_assert_int_eq(kh_verify(&verifier, &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
  kh_webhook_release(&webhook);
  kh_test_config_free(config);
}
END_TEST

/* A config never holds these; the border refuses them all the same. */
START_TEST(no_secret_or_an_empty_one_accepts_nothing)
{
  struct kh_secret_list none = {.count = 0};
  struct kh_secret_list empty = {.count = 1, .at = {{.name = "empty"}}};
  const struct kh_verifier verifiers[] = {{&none, &none, 300}, {&empty, &empty, 300}, {&empty, &none, 300}};
  struct kh_verified verified;

  for (size_t i = 0; i < KH_COUNT(verifiers); i++) {
    struct kh_webhook webhook;

    kh_webhook_make(&webhook, "", KH_NEAR_MISS_NOW_S, body);
    ck_assert_int_ne(kh_verify(&verifiers[i], &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
    kh_webhook_release(&webhook);
    kh_webhook_make_with_token(&webhook, "", body);
    ck_assert_int_ne(kh_verify(&verifiers[i], &webhook.request, KH_NEAR_MISS_NOW_S, &verified), KH_OK);
    kh_webhook_release(&webhook);
  }
}
END_TEST

static Suite *verify_suite(void)
{
  Suite *suite = suite_create("verify");
  TCase *accepted = kh_test_case(suite, "accepted");
  TCase *refused = kh_test_case(suite, "refused");

  tcase_add_loop_test(accepted, known_answers_verify, 0, KH_VECTORS);
  tcase_add_test(accepted, buildkites_own_answer_verifies);
  tcase_add_test(accepted, verified_borrows_the_request);
  tcase_add_test(accepted, the_second_secret_is_tried_and_named);
  tcase_add_test(accepted, all_eight_secrets_are_tried);
  tcase_add_test(accepted, a_token_may_have_a_comma_and_a_blank);
  tcase_add_loop_test(accepted, freshness_edges, 0, (int)KH_COUNT(ages));
  tcase_add_test(accepted, the_text_of_the_timestamp_is_what_is_signed);
  tcase_add_loop_test(accepted, bodies_of_any_bytes, 0, (int)KH_COUNT(lengths));
  tcase_add_loop_test(refused, refuses_each_near_miss_for_its_own_reason, 0, (int)kh_near_miss_count());
  tcase_add_test(refused, every_reason_has_a_near_miss);
  tcase_add_test(refused, every_bit_counts);
  tcase_add_test(refused, no_secret_or_an_empty_one_accepts_nothing);
  return suite;
}

int main(void)
{
  return kh_test_main(verify_suite());
}
