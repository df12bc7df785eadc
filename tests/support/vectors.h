/*
 * vectors.h - known answers for webhook signatures.
 *
 * Computed with Python's hmac and confirmed with the openssl command line. Buildkite's own is not ours to
 * copy: buildkite/go-buildkite, webhook_test.go, TestValidatePayload. verify_test takes its body from the
 * file KH_VECTOR_0.
 */
#ifndef KH_TEST_VECTORS_H
#define KH_TEST_VECTORS_H

enum { KH_VECTORS = 3 };

struct kh_vector {
  const char *name;
  const char *token;
  const char *timestamp;
  struct kh_str body;
  size_t body_bytes;
  const char *body_sha256;
  const char *signature;
};

extern const struct kh_vector kh_vectors[KH_VECTORS];

#endif
