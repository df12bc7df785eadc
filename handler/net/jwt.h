/*
 * jwt.h - the token by which an app proves to GitHub who it is, signed by its RSA key (RFC 7519, RS256 of RFC
 * 7518). With base/secret.c and receive/verify.c the only place that needs OpenSSL.
 */
#ifndef KH_JWT_H
#define KH_JWT_H

#include "base/secret.h"

/* KEY holds an RSA key in PEM, without a password. */
bool kh_jwt_is_key(const struct kh_secret *key);
/*
 * TOKEN gets one of ISSUER, a word without quotes or backslashes, that is good from NOW_S - 60, for clocks
 * differ, until NOW_S + 540: GitHub takes no more than ten minutes. KH_ERR_CONFIG when KEY is none,
 * KH_ERR_NO_MEMORY.
 */
enum kh_err kh_jwt_make(const struct kh_secret *key, const char *issuer, int64_t now_s,
                        struct kh_secret *token) KH_MUST_USE;

#endif
