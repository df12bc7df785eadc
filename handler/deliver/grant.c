#include "base/base.h"

#include "deliver/grant.h"

enum { LEAST_LEFT_US = 60 * 1000 * 1000 }; /* a request and a clock that differs need some time */

void kh_grants_release(struct kh_grants *grants)
{
  while (grants->count > 0)
    kh_secret_release(&grants->at[--grants->count].secret);
}

static size_t place_of(const struct kh_grants *grants, const char *credential)
{
  size_t i = 0;

  while (i < grants->count && strcmp(grants->at[i].credential, credential) != 0)
    i++;
  return i;
}

enum kh_err kh_grants_find(const struct kh_grants *grants, const char *credential, int64_t now_us,
                           struct kh_secret *to)
{
  const size_t i = place_of(grants, credential);

  if (i == grants->count || grants->at[i].until_us - now_us < LEAST_LEFT_US)
    return KH_ERR_NOT_FOUND;
  return kh_secret_copy(to, &grants->at[i].secret);
}

static struct kh_grant *room(struct kh_grants *grants)
{
  struct kh_grant *first = &grants->at[0];

  if (grants->count < KH_GRANTS_MAX)
    return &grants->at[grants->count++];
  for (size_t i = 1; i < grants->count; i++)
    if (grants->at[i].until_us < first->until_us)
      first = &grants->at[i];
  kh_secret_release(&first->secret);
  return first;
}

void kh_grants_keep(struct kh_grants *grants, const char *credential, const struct kh_secret *secret,
                    int64_t until_us)
{
  struct kh_secret kept = {0};

  kh_grants_forget(grants, credential);
  if (kh_secret_copy(&kept, secret))
    return;
  struct kh_grant *grant = room(grants);
  *grant = (struct kh_grant){.secret = kept, .until_us = until_us};
  (void)snprintf(grant->credential, sizeof grant->credential, "%s", credential);
}

void kh_grants_forget(struct kh_grants *grants, const char *credential)
{
  const size_t i = place_of(grants, credential);

  if (i == grants->count)
    return;
  kh_secret_release(&grants->at[i].secret);
  grants->at[i] = grants->at[--grants->count];
}
