/*
 * openssl.h - SHA-256 and HMAC-SHA256 by the openssl command line: the oracle.
 *
 * Answers are remembered for the life of the process, since each costs a program start.
 */
#ifndef KH_TEST_OPENSSL_H
#define KH_TEST_OPENSSL_H

#include "base/secret.h"

enum { KH_HEX_BYTES = 2 * KH_DIGEST_BYTES + 1 };

/* Ends the test when openssl cannot be run. KEY may hold any byte. */
void kh_openssl_hmac(struct kh_str key, struct kh_str message, unsigned char mac[KH_DIGEST_BYTES]);
void kh_openssl_sha256(struct kh_str message, unsigned char digest[KH_DIGEST_BYTES]);

/* Lower-case hexadecimal digits and a NUL. */
void kh_hex_write(const unsigned char digest[KH_DIGEST_BYTES], char hex[KH_HEX_BYTES]);

/* The hexadecimal signature of a webhook: HMAC of TIMESTAMP "." BODY. */
void kh_openssl_sign(struct kh_str key, struct kh_str timestamp, struct kh_str body, char hex[KH_HEX_BYTES]);

#endif
