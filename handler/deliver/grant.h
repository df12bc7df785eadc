/*
 * grant.h - grants: secrets with an end that one call yields (rules/notifier.h), such as the token of an
 * installation, kept by their credential until they end.
 */
#ifndef KH_GRANT_H
#define KH_GRANT_H

#include "memory/queue.h"

enum { KH_GRANTS_MAX = 32 }; /* beyond, the one that ends first is asked for anew */

struct kh_grant {
  char credential[KH_CREDENTIAL_BYTES];
  struct kh_secret secret;
  int64_t until_us;
};

/* Begins as all zeros. */
struct kh_grants {
  struct kh_grant at[KH_GRANTS_MAX];
  size_t count;
};

void kh_grants_release(struct kh_grants *grants);
/* TO gets that of CREDENTIAL. KH_ERR_NOT_FOUND where there is none that lasts, KH_ERR_NO_MEMORY. */
enum kh_err kh_grants_find(const struct kh_grants *grants, const char *credential, int64_t now_us,
                           struct kh_secret *to) KH_MUST_USE;
/* Without memory it is not kept, and asked for once more. */
void kh_grants_keep(struct kh_grants *grants, const char *credential, const struct kh_secret *secret,
                    int64_t until_us);
void kh_grants_forget(struct kh_grants *grants, const char *credential);

#endif
